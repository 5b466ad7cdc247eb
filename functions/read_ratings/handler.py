"""HTTP in, documents out."""

import os
from functools import cache
from http import HTTPStatus
from typing import Any

from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.envelope import is_identifier
from pitboss.problems import answer, problem
from pitboss.settings import read
from pitboss.stores.ratings import Asset, DynamoRatings
from pitboss.telemetry import logger, metrics
from read_ratings import service
from read_ratings.settings import Settings

log = logger("read_ratings")
count = metrics("read_ratings")


@cache
def _ratings() -> DynamoRatings:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    return DynamoRatings(settings.ratings_table, settings.aws_region)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    request = event["requestContext"]
    caller = Principal.from_context(request["authorizer"])
    document = _document(event["resource"], event.get("pathParameters") or {}, caller)
    count.count("RequestsServed", int(document is not None))
    count.count("RequestsNotFound", int(document is None))
    count.flush()
    if document is None:
        # What there is not, and what the caller may not know of, look the same.
        return problem(
            HTTPStatus.NOT_FOUND, "there is nothing here by that id", request["requestId"]
        )
    return answer(HTTPStatus.OK, document)


def _document(route: str, path: dict[str, str], caller: Principal) -> object | None:
    property_id = caller.property_id
    asset_id = path.get("asset_id", "").lstrip("0") or None
    resource = Resource(property_id, asset_id)
    if authorize(caller, Action.READ_RATINGS, resource) is not Decision.ALLOWED:
        return None
    match route:
        case "/v1/machines/{asset_id}" if asset_id is not None and is_identifier(asset_id):
            return service.machine(_ratings(), Asset(property_id, asset_id))
        case "/v1/players/{player_id}" if is_identifier(path["player_id"]):
            return service.player(_ratings(), property_id, path["player_id"])
        case "/v1/floor":
            return service.floor(_ratings(), property_id)
        case _:
            return None

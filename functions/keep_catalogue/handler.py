"""HTTP in, catalogues out."""

import os
import re
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from keep_catalogue import service
from keep_catalogue.settings import Settings
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.offers.catalogue import InvalidCatalogue
from pitboss.problems import answer, problem
from pitboss.settings import read
from pitboss.signed import header, signed_body
from pitboss.stores.offers import DynamoOffers
from pitboss.telemetry import logger, metrics

STAGE = "keep_catalogue"

ROUTES = frozenset(
    {
        ("GET", "/v1/offers/catalogue"),
        ("PUT", "/v1/offers/catalogue"),
        ("GET", "/v1/offers/catalogue/versions"),
    }
)
"""The routes; all of them for who may write the catalogue."""

_TAG = re.compile(r'"([0-9a-f]{16})"')
_NOTHING = "there is nothing here by that id"
_UNCONDITIONAL = (
    "say which catalogue this one replaces: If-Match with the ETag of the one in force, or "
    "If-None-Match: * for the first"
)

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        # No other table is named: catalogues have no guards.
        self.offers = DynamoOffers(settings.offers_table, "", "", settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    correlation_id = event["requestContext"]["requestId"]
    caller = Principal.from_context(event["requestContext"]["authorizer"])
    property_id, route = caller.property_id, (event["httpMethod"], event["resource"])
    is_allowed = authorize(caller, Action.WRITE_CATALOGUE, Resource(property_id))
    if route not in ROUTES or is_allowed is not Decision.ALLOWED:
        return problem(HTTPStatus.NOT_FOUND, _NOTHING, correlation_id)
    body = signed_body(event)
    if body is None:
        return problem(
            HTTPStatus.FORBIDDEN, "the body is not the one that was signed", correlation_id
        )
    if route[0] == "PUT":
        return _applied(event, caller, body, correlation_id)
    if route[1].endswith("/versions"):
        return answer(HTTPStatus.OK, service.versions(_wiring().offers, property_id))
    document = service.current(_wiring().offers, property_id)
    if document is None:
        return problem(HTTPStatus.NOT_FOUND, "there is no catalogue yet", correlation_id)
    return answer(HTTPStatus.OK, document, {"ETag": f'"{document.version}"'})


def _applied(
    event: dict[str, Any], caller: Principal, body: bytes, correlation_id: str
) -> dict[str, Any]:
    try:
        is_first = (header(event, "if-none-match") or "").strip() == "*"
        tag = _TAG.fullmatch((header(event, "if-match") or "").strip())
        if is_first is (tag is not None):
            return problem(HTTPStatus.PRECONDITION_REQUIRED, _UNCONDITIONAL, correlation_id)
        catalogue = service.read(body, caller.property_id)
        done = service.apply(
            _wiring().offers,
            catalogue,
            None if tag is None else tag[1],
            time.time_ns() // 1_000_000,
            caller.principal_id,
        )
    except InvalidCatalogue as fault:
        count.count("CataloguesRefused")
        faults = {"faults": list(fault.faults)}
        return problem(HTTPStatus.UNPROCESSABLE_CONTENT, str(fault), correlation_id, faults)
    except service.ReplacedMeanwhile as fault:
        count.count("CataloguesRefused")
        return problem(HTTPStatus.PRECONDITION_FAILED, str(fault), correlation_id)
    else:
        who = {"by": caller.principal_id, "version": done.version, "replaced": done.replaced}
        log.info("catalogue applied", extra={"property_id": caller.property_id, **who})
        count.count("CataloguesApplied", int(done.is_new))
        return answer(HTTPStatus.OK, done, {"ETag": f'"{done.version}"'})
    finally:
        count.flush()

"""HTTP in, documents out."""

import os
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from pitboss.access import Principal
from pitboss.problems import answer, problem
from pitboss.settings import read
from pitboss.stores.ratings import Asset, DynamoRatings
from pitboss.telemetry import logger
from read_ratings import service
from read_ratings.settings import Settings

log = logger("read_ratings")
app = APIGatewayRestResolver()


@cache
def _ratings() -> DynamoRatings:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    return DynamoRatings(settings.ratings_table, settings.aws_region)


def _caller() -> Principal:
    return Principal.from_context(app.current_event.request_context.authorizer.raw_event)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`."""
    return app.resolve(event, context)  # type: ignore[arg-type]

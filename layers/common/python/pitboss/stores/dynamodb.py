"""The client of what asks DynamoDB for much at once."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import botocore.session
from botocore.config import Config

CALLS_AT_ONCE = 8
"""Calls of one store at the same time."""


class Spread(Protocol):
    """Calls a function for each of several values, many at once."""

    def __call__[Value, Result](
        self, call: Callable[[Value], Result], values: Iterable[Value], /
    ) -> Iterable[Result]: ...


def spread_client(region: str) -> Any:  # noqa: ANN401 - botocore makes it from data
    """A client of DynamoDB in a region, for `CALLS_AT_ONCE` calls at a time that are quick."""
    return botocore.session.get_session().create_client(
        "dynamodb",
        region_name=region,
        config=Config(
            parameter_validation=False,
            connect_timeout=1,
            read_timeout=3,
            retries={"total_max_attempts": 4},
            max_pool_connections=CALLS_AT_ONCE,
        ),
    )

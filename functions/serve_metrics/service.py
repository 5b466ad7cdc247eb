"""The use case: what a property's metrics come to now."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from pitboss import queries
from pitboss.metrics.documents import DEFAULT_WINDOWS, MAX_WINDOWS

ROUTE = "/v1/metrics"
PARAMETERS = ("application", "key", "windows")


class Asked(NamedTuple):
    """Which metrics are asked for."""

    application_id: str | None
    key: str | None
    windows: int

    @classmethod
    def of(cls, given: Mapping[str, list[str]] | None) -> Self:
        """What a query asks for.

        Raises:
            RefusedQueryError: it has what is not known, or is wrong.
        """
        query = queries.parameters(given, PARAMETERS)
        windows = queries.limit(query, DEFAULT_WINDOWS, MAX_WINDOWS, "windows")
        return cls(query.get("application"), query.get("key"), windows)

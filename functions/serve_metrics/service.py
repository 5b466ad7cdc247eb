"""The use case: what a property's metrics come to now, and what its games crash of."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from pitboss import queries
from pitboss.events.envelope import is_identifier
from pitboss.metrics.crashes import DEFAULT_GROUPS, MAX_SHOWN
from pitboss.metrics.documents import DEFAULT_WINDOWS, MAX_WINDOWS

ROUTE = "/v1/metrics"
PARAMETERS = ("application", "key", "windows")

CRASHES_ROUTE = "/v1/crashes"
CRASH_ROUTE = "/v1/crashes/{crash_group}"
CRASHES_PARAMETERS = ("application", "version", "limit")
CRASH_PARAMETERS = ("application",)


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


class AskedCrashes(NamedTuple):
    """Which crashes are asked for."""

    application_id: str
    version: str | None
    limit: int

    @classmethod
    def of(cls, given: Mapping[str, list[str]] | None, known: tuple[str, ...]) -> Self:
        """What a query asks for.

        Raises:
            RefusedQueryError: it has what is not known or is wrong, or names no application.
        """
        query = queries.parameters(given, known)
        application_id = query.get("application", "")
        if not is_identifier(application_id):
            raise queries.RefusedQueryError("name the application: ?application=")
        return cls(
            application_id, query.get("version"), queries.limit(query, DEFAULT_GROUPS, MAX_SHOWN)
        )

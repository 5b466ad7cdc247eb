"""The use case: a page of a day's looks, and the look that reading it is."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol, Self

from msgspec import Struct

from pitboss import queries
from pitboss.access import Principal
from pitboss.stores.audit import Look, day_of

ROUTE = "/v1/audit"
DEFAULT_LOOKS, MAX_LOOKS = 100, 500
PARAMETERS = ("day", "limit", "before")

_PLACE = re.compile(r"\d{15}/[A-Za-z0-9=_-]{1,128}", re.ASCII)


class Audit(Protocol):
    """The audit log; see `pitboss.stores.audit.DynamoAudit`."""

    def looks(
        self, property_id: str, day: str, newest: int, before: str | None = None
    ) -> tuple[list[Look], str | None]: ...
    def tell(
        self,
        caller: Principal,
        action: str,
        player_ids: Iterable[str],
        correlation_id: str,
        at: int,
    ) -> None: ...


class LookDocument(Struct, frozen=True):
    """That a person was shown players, or this log. `at` is epoch milliseconds; `player_ids` are
    those in the answer, none where it was the log, or the live floor's pushes.
    """

    at: int
    principal_id: str
    username: str
    groups: list[str]
    action: str
    player_ids: list[str]
    correlation_id: str


class AuditDocument(Struct, frozen=True):
    """`GET /v1/audit`: the looks of a UTC day, the newest first. `next` is what `before` is to be
    for those that follow, absent at the end.
    """

    property_id: str
    day: str
    looks: list[LookDocument]
    next: str | None


class Asked(NamedTuple):
    """What of the log is asked for."""

    day: str
    limit: int
    before: str | None

    @classmethod
    def of(cls, given: Mapping[str, list[str]] | None, now: int) -> Self:
        """What a query asks for; without a day that of now (epoch ms).

        Raises:
            RefusedQueryError: it has what is not known, or is wrong.
        """
        query = queries.parameters(given, PARAMETERS)
        before = query.get("before")
        if before is not None and not _PLACE.fullmatch(before):
            raise queries.RefusedQueryError("before is not what `next` was")
        limit = queries.limit(query, DEFAULT_LOOKS, MAX_LOOKS)
        return cls(queries.day(query) or day_of(now), limit, before)


def page(
    audit: Audit, caller: Principal, asked: Asked, correlation_id: str, now: int
) -> AuditDocument:
    """A page of the log, once it is kept that the caller sees it."""
    found, following = audit.looks(caller.property_id, asked.day, asked.limit, asked.before)
    audit.tell(caller, f"GET {ROUTE}", (), correlation_id, now)
    looks = [
        LookDocument(
            one.at,
            one.principal_id,
            one.username,
            one.groups,
            one.action,
            one.player_ids,
            one.correlation_id,
        )
        for one in found
    ]
    return AuditDocument(caller.property_id, asked.day, looks, following)

"""Recommended maintenance in the shufflers' database."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, Row, RowMapping, and_, case, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from pitboss.events.shuffler import Part
from pitboss.shufflers.maintenance import (
    STAGE,
    Change,
    Device,
    Entry,
    Recommendation,
    Status,
    Urgency,
)
from pitboss.stores.database import Database
from pitboss.stores.maintenance_models import (
    RecommendationEntryRow,
    RecommendationNoticeRow,
    RecommendationRow,
)

_ROWS = RecommendationRow.__table__.c
_RANK = case({str(one): one.rank for one in Urgency}, value=RecommendationRow.urgency)


class Known(NamedTuple):
    """What there is of a device's part."""

    current: Recommendation | None
    """Open or acknowledged."""
    closed: Recommendation | None
    """The newest that was closed, but for those that were advised no longer."""


class Position(Struct, frozen=True):
    """Where a page of recommendations ended."""

    is_closed: bool
    order: tuple[int, int]
    """Of what is open: urgency (the greatest first) and due time; of what is closed: when, the
    newest first."""
    recommendation_id: str


class Outcome(Enum):
    """What came of an answer."""

    DONE = "done"
    REPEATED = "repeated"
    """The same was answered before; nothing is done."""
    REUSED = "reused"
    """The key was another answer's."""


class Answered(NamedTuple):
    """An answer, and the entry that it is."""

    outcome: Outcome
    entry: Entry | None


class Request(NamedTuple):
    """Who answers, once."""

    by: str
    key: str
    """The `Idempotency-Key`."""
    digest: str
    """A hash of all that was asked for."""


class SqlMaintenance:
    """Recommendations, their entries, and the messages that are to be sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- what is recommended ----------------------------------------------------------------------

    def revise(
        self, device: Device, decide: Callable[[Mapping[Part, Known]], Iterable[Change]]
    ) -> list[Change]:
        """Change a device's recommendations, in one transaction with the messages of them.

        A part that somebody else opened a recommendation of meanwhile is left to the next time.

        Args:
            device: whose they are.
            decide: what becomes of what there is. Parts of which there is nothing are left out.

        Returns:
            What was done.
        """
        with self._database.begin() as connection:
            changes = decide(_known(connection, device))
            return [change for change in changes if _write(connection, change, None)]

    def answer(
        self,
        property_id: str,
        recommendation_id: str,
        request: Request,
        decide: Callable[[Recommendation], Change],
    ) -> Answered | None:
        """Take an answer, once. What `decide` raises is raised, and nothing is written.

        Returns:
            None: there is no such recommendation.
        """
        with self._database.begin() as connection:
            row = (
                connection.execute(
                    select(*_ROWS)
                    .where(
                        _ROWS.property_id == property_id,
                        _ROWS.recommendation_id == recommendation_id,
                    )
                    .with_for_update()
                )
                .mappings()
                .one_or_none()
            )
            if row is None:
                return None
            earlier = connection.execute(
                select(RecommendationEntryRow.__table__).where(
                    RecommendationEntryRow.property_id == property_id,
                    RecommendationEntryRow.by == request.by,
                    RecommendationEntryRow.request_key == request.key,
                )
            ).one_or_none()
            if earlier is not None:
                if earlier.request_digest != request.digest:
                    return Answered(Outcome.REUSED, None)
                return Answered(Outcome.REPEATED, _entry(earlier))
            change = decide(_recommendation(row))
            # Two answers with one key at once, of two recommendations: the index lets one in.
            if not _write(connection, change, request):
                connection.rollback()
                return Answered(Outcome.REUSED, None)
            return Answered(Outcome.DONE, change.entry)

    # --- reading ----------------------------------------------------------------------------------

    def recommendation(
        self, property_id: str, recommendation_id: str
    ) -> tuple[Recommendation, list[Entry]] | None:
        """One of a property's, with its entries, the first first."""
        with self._database.connection() as connection:
            row = (
                connection.execute(
                    select(*_ROWS).where(
                        _ROWS.property_id == property_id,
                        _ROWS.recommendation_id == recommendation_id,
                    )
                )
                .mappings()
                .one_or_none()
            )
            if row is None:
                return None
            entries = connection.execute(
                select(RecommendationEntryRow.__table__)
                .where(RecommendationEntryRow.recommendation_id == recommendation_id)
                .order_by(RecommendationEntryRow.number)
            )
            return _recommendation(row), [_entry(one) for one in entries]

    def page(
        self,
        property_id: str,
        *,
        limit: int,
        after: Position | None = None,
        status: Status | None = None,
        assets: Iterable[str] | None = None,
    ) -> list[Recommendation]:
        """Recommendations of a property: what is open first, the most urgent and the earliest due
        first; then what is closed, the newest first.

        Args:
            property_id: whose.
            limit: how many at most.
            after: where the page before ended.
            status: of this alone.
            assets: of these devices alone.
        """
        is_closed = _ROWS.closed_at.is_not(None)
        group = case((is_closed, 1), else_=0)
        first = case((is_closed, -_ROWS.closed_at), else_=-_RANK)
        second = case((is_closed, 0), else_=_ROWS.due_at)
        order = (group, first, second, _ROWS.recommendation_id)
        asked = select(*_ROWS).where(_ROWS.property_id == property_id).order_by(*order)
        if status is not None:
            asked = asked.where(_ROWS.status == str(status))
        if assets is not None:
            asked = asked.where(_ROWS.asset_id.in_(sorted(assets)))
        if after is not None:
            last = (int(after.is_closed), *after.order, after.recommendation_id)
            asked = asked.where(tuple_(*order) > tuple_(*last))
        with self._database.connection() as connection:
            return [
                _recommendation(row) for row in connection.execute(asked.limit(limit)).mappings()
            ]

    # --- messages ---------------------------------------------------------------------------------

    def unsent(self, limit: int) -> list[tuple[Recommendation, Urgency]]:
        """Messages that are not known to be sent, the earliest first; none of what is closed."""
        notice = RecommendationNoticeRow.__table__.c
        with self._database.connection() as connection:
            rows = connection.execute(
                select(*_ROWS, notice.urgency.label("told_now"))
                .join_from(
                    RecommendationNoticeRow,
                    RecommendationRow,
                    notice.recommendation_id == _ROWS.recommendation_id,
                )
                .where(notice.sent_at.is_(None), _ROWS.closed_at.is_(None))
                .order_by(notice.at, notice.recommendation_id, notice.urgency)
                .limit(limit)
            ).mappings()
            return [(_recommendation(row), Urgency(row["told_now"])) for row in rows]

    def sent(self, recommendation_id: str, urgency: Urgency, at: int) -> None:
        """Remember that a message was sent."""
        with self._database.begin() as connection:
            connection.execute(
                update(RecommendationNoticeRow)
                .where(
                    RecommendationNoticeRow.recommendation_id == recommendation_id,
                    RecommendationNoticeRow.urgency == str(urgency),
                )
                .values(sent_at=at)
            )


def position_of(one: Recommendation) -> Position:
    """Where a page ends that has this last."""
    if one.closed_at is not None:
        return Position(True, (-one.closed_at, 0), one.recommendation_id)
    return Position(False, (-one.urgency.rank, one.due_at), one.recommendation_id)


def _known(connection: Connection, device: Device) -> dict[Part, Known]:
    of_device = and_(_ROWS.property_id == device.property_id, _ROWS.asset_id == device.asset_id)
    rows = connection.execute(
        select(*_ROWS).where(of_device, _ROWS.closed_at.is_(None)).with_for_update()
    ).mappings()
    current = {Part(row["part"]): _recommendation(row) for row in rows}
    last = connection.execute(
        select(*_ROWS)
        .ext(distinct_on(_ROWS.part))
        .where(of_device, _ROWS.closed_at.is_not(None), _ROWS.closed_by != STAGE)
        .order_by(_ROWS.part, _ROWS.closed_at.desc(), _ROWS.recommendation_id)
    ).mappings()
    closed = {Part(row["part"]): _recommendation(row) for row in last}
    return {part: Known(current.get(part), closed.get(part)) for part in current | closed}


def _write(connection: Connection, change: Change, request: Request | None) -> bool:
    """A change, its entry and its message; False where somebody else was quicker."""
    one, entry = change.recommendation, change.entry
    values = _values(one)
    done = connection.execute(
        upsert(RecommendationRow)
        .values(values)
        # With the row locked; what conflicts otherwise is another open one of the part.
        .on_conflict_do_nothing()
        .returning(_ROWS.recommendation_id)
    ).one_or_none()
    if done is None:
        done = connection.execute(
            update(RecommendationRow)
            .where(
                RecommendationRow.recommendation_id == one.recommendation_id,
                RecommendationRow.closed_at.is_(None),
            )
            .values({k: v for k, v in values.items() if k != "recommendation_id"})
            .returning(_ROWS.recommendation_id)
        ).one_or_none()
    if done is None:
        return False
    if entry is not None and not _add(connection, one, entry, request):
        return False
    if change.is_told:
        connection.execute(
            upsert(RecommendationNoticeRow)
            .values(
                recommendation_id=one.recommendation_id,
                urgency=str(one.urgency),
                at=one.updated_at,
            )
            .on_conflict_do_nothing()
        )
    return True


def _add(
    connection: Connection, one: Recommendation, entry: Entry, request: Request | None
) -> bool:
    number = (
        select(func.coalesce(func.max(RecommendationEntryRow.number), 0) + 1)
        .where(RecommendationEntryRow.recommendation_id == one.recommendation_id)
        .scalar_subquery()
    )
    statement = upsert(RecommendationEntryRow).values(
        recommendation_id=one.recommendation_id,
        number=number,
        property_id=one.property_id,
        at=entry.at,
        by=entry.by,
        status=str(entry.status),
        urgency=str(entry.urgency),
        note=entry.note,
        request_key=None if request is None else request.key,
        request_digest=None if request is None else request.digest,
    )
    returned = statement.on_conflict_do_nothing().returning(RecommendationEntryRow.number)
    return connection.execute(returned).one_or_none() is not None


def _values(one: Recommendation) -> dict[str, Any]:
    """As the columns take it: texts, for the driver knows no enumerations."""
    named = asdict(one)
    named |= {name: str(named[name]) for name in ("part", "status", "urgency", "told")}
    return named | {"reasons": list(one.reasons)}


def _recommendation(row: RowMapping) -> Recommendation:
    named = {name: row[name] for name in Recommendation.__struct_fields__}
    return Recommendation(
        **named
        | {
            "part": Part(row["part"]),
            "status": Status(row["status"]),
            "urgency": Urgency(row["urgency"]),
            "told": Urgency(row["told"]),
            "reasons": tuple(row["reasons"]),
        }
    )


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        at=row.at,
        by=row.by,
        status=Status(row.status),
        urgency=Urgency(row.urgency),
        note=row.note,
    )

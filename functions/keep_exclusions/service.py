"""The use case: put a player on a list, take them off it, say where they stand."""

from collections.abc import Callable
from typing import Annotated, NamedTuple, Protocol

from msgspec import Meta, Struct

from pitboss.errors import TerminalError, TransientError
from pitboss.offers.gate import Entry, ListName, Risk, Standing
from pitboss.stores.standings import Change, next_version

MAX_TRIES = 5
"""Times a change is made anew because somebody else changed the same player."""

MAX_CHANGES = 20
"""Changes that are shown, the newest."""

MAX_MOMENT = 253_402_300_799_999
"""The last millisecond of the year 9999."""


class Standings(Protocol):
    """Where standings are kept; see `pitboss.stores.standings.DynamoStandings`."""

    def standing(self, property_id: str, player_id: str) -> Standing | None: ...
    def risk(self, property_id: str, player_id: str) -> Risk | None: ...
    def changes(self, property_id: str, player_id: str, newest: int) -> list[Change]: ...
    def change(
        self, property_id: str, player_id: str, known: Standing | None, change: Change
    ) -> Standing | None: ...


type Moment = Annotated[int, Meta(ge=0, le=MAX_MOMENT)]


class Exclude(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of a player and a list. Moments are epoch milliseconds."""

    since: Moment | None = None
    """From when it counts; without it at once, or as long as it does already."""
    until: Moment | None = None
    """When it ends; without it never."""
    note: Annotated[str, Meta(max_length=200)] = ""
    """Why, for the record. No names, no diagnoses."""


class ExclusionDocument(Struct, frozen=True):
    """That a player is on a list; `counts` where that keeps them from offers now."""

    list: str
    since: int
    until: int | None
    added_at: int
    counts: bool


class ChangeDocument(Struct, frozen=True):
    """A change of a player's standing: `list` null for one of age or residence; `since` and `until`
    of the entry after it, both null where the player was taken off the list.
    """

    at: int
    by: str
    list: str | None
    change: str
    since: int | None
    until: int | None
    note: str


class RiskDocument(Struct, frozen=True):
    """Why the newest night closed the gate of offers for a player: probability of excluding
    themselves within 30 days by the property's model, and what raised it, the most first.
    """

    score: float
    reasons: list[str]
    model_version: str
    scored_at: int


class StandingDocument(Struct, frozen=True):
    """`GET /v1/players/{player_id}/exclusions`: the lists a player is on, from when they are of age
    and where they live as far as it is proven, `risk` where the model of risk keeps offers from
    them, else null, and the newest changes, the newest first.
    """

    property_id: str
    player_id: str
    exclusions: list[ExclusionDocument]
    of_age_from: int | None
    jurisdiction: str | None
    risk: RiskDocument | None
    changes: list[ChangeDocument]


class RefusedChange(TerminalError, ValueError):
    """A change that makes no sense, whatever the standing."""


class StillExcluded(TerminalError, ValueError):
    """A change that would end a self-exclusion before its time."""


class TooManyChangesError(TransientError):
    """Others changed the same player each time it was tried."""


class Caller(NamedTuple):
    """Who asks, and when (epoch milliseconds)."""

    property_id: str
    principal_id: str
    now: int


def standing(
    standings: Standings, property_id: str, player_id: str, now: int
) -> StandingDocument | None:
    """Where a player stands; None where nobody said anything of them."""
    found = standings.standing(property_id, player_id)
    if found is None:
        return None
    return StandingDocument(
        property_id,
        player_id,
        [
            ExclusionDocument(
                str(name), entry.since, entry.until, entry.added_at, entry.counts(now)
            )
            for name, entry in sorted(found.entries.items())
        ],
        found.of_age_from,
        found.jurisdiction,
        _risk(standings.risk(property_id, player_id)),
        [_told(change) for change in standings.changes(property_id, player_id, MAX_CHANGES)],
    )


def exclude(
    standings: Standings, caller: Caller, player_id: str, name: ListName, asked: Exclude
) -> None:
    """Put a player on a list, or have them on it for another time. Again is the same.

    Raises:
        RefusedChange: the time that is asked for is none, or over.
        StillExcluded: it would end a self-exclusion earlier than agreed.
        TooManyChangesError: others changed the same player each time.
    """
    now = caller.now
    since = asked.since
    if asked.until is not None and asked.until <= max(now, since or 0):
        raise RefusedChange("until is over, or not after since, so that it would never count")

    def entry(before: Entry | None) -> Entry:
        begins = since
        if begins is None:
            begins = now if before is None or before.is_over(now) else min(before.since, now)
        return Entry(begins, asked.until, now)

    _change(standings, caller, player_id, name, entry, asked.note)


def lift(
    standings: Standings, caller: Caller, player_id: str, name: ListName, note: str = ""
) -> bool:
    """Take a player off a list; False where they are not on it.

    Raises:
        StillExcluded: it is a self-exclusion that has not ended.
        TooManyChangesError: others changed the same player each time.
    """
    return _change(standings, caller, player_id, name, lambda before: None, note)


def _change(
    standings: Standings,
    caller: Caller,
    player_id: str,
    name: ListName,
    entry: Callable[[Entry | None], Entry | None],
    note: str,
) -> bool:
    for _ in range(MAX_TRIES):
        known = standings.standing(caller.property_id, player_id)
        before = None if known is None else known.entries.get(name)
        after = entry(before)
        if after is None and before is None:
            return False
        if name is ListName.SELF_EXCLUDED and before is not None:
            _check_not_shortened(before, after, caller.now)
        change = Change(
            at=caller.now,
            by=caller.principal_id,
            version=next_version(known),
            list=name,
            before=before,
            after=after,
            note=note,
        )
        if standings.change(caller.property_id, player_id, known, change) is not None:
            return True
    raise TooManyChangesError("others are changing the same player")


def _check_not_shortened(before: Entry, after: Entry | None, now: int) -> None:
    """A self-exclusion is agreed until its end, and nobody's to end earlier."""
    if before.is_over(now):
        return
    begins_later = after is not None and after.since > max(before.since, now)
    ends_earlier = after is None or (
        after.until is not None and (before.until is None or after.until < before.until)
    )
    if begins_later or ends_earlier:
        end = "and has no end" if before.until is None else f"until {before.until}"
        raise StillExcluded(f"the player excluded themselves {end}: nobody can end that earlier")


def _risk(risk: Risk | None) -> RiskDocument | None:
    if risk is None:
        return None
    return RiskDocument(risk.score, list(risk.reasons), risk.model_version, risk.scored_at)


def _told(change: Change) -> ChangeDocument:
    after, kind = change.after, "patron"
    if change.list is not None:
        kind = "lifted" if after is None else "added" if change.before is None else "changed"
    return ChangeDocument(
        change.at,
        change.by,
        None if change.list is None else str(change.list),
        kind,
        None if after is None else after.since,
        None if after is None else after.until,
        change.note,
    )

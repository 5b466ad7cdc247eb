"""How often games crashed, by group and version: what a lane keeps of it, and what all come to.

A lane has one tally of all groups. It is written in the transaction that makes its events known, so
that a report counts once whatever comes again, and a late one counts where it belongs.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from pitboss.games.crashes import Crash
from pitboss.games.events import GameEvent

MAX_GROUPS = 150
"""Of a lane's tally. Reports of others are counted as `OTHER`: a client that makes groups up fills
its own lane's tally and no more."""

MAX_VERSIONS = 12
"""Of a group in a lane: those seen last; what is of others is `OTHER`'s."""

MAX_VERSION_CHARACTERS = 32
"""Of a version. A tally is so at most 310 kB, of the 400 kB that an item may have."""

FORGOTTEN_MS = 90 * 86_400_000
"""After so long without a report a group makes room for another; its counts are `OTHER`'s then."""

OTHER = "(other)"
NONE = "(none)"
"""The version of a game that says none."""

DEFAULT_GROUPS, MAX_SHOWN = 50, 200

_PARTS = re.compile(r"\d+|[A-Za-z]+", re.ASCII)


class Seen(Struct, array_like=True, frozen=True):
    """Reports of a group from one version. Moments are epoch milliseconds, by the device's clock,
    and never after they were received.
    """

    count: int
    first: int
    last: int

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(
            self.count + other.count, min(self.first, other.first), max(self.last, other.last)
        )


class Group(Struct, array_like=True, frozen=True):
    """A group in a lane: when it was seen last, and what of it by version."""

    last: int
    versions: Mapping[str, Seen]


type Tally = Mapping[str, Group]
"""Of a lane, by group."""


class Example(Struct, frozen=True):
    """A report as it was sent: the first that a lane had of the group from a version.

    `stack` is cut in the middle where it is long, and directories of people are without their
    names. `where` is the function that the group is named by.
    """

    event_id: str
    event_type: str
    occurred_at: int
    app_version: str
    level_id: str | None
    exception: str
    message: str
    where: str
    stack: str


def example_of(event: GameEvent, crash: Crash) -> Example:
    """A report as an example of its group."""
    return Example(
        event.event_id,
        event.event_type,
        event.occurred_at,
        event.app_version,
        event.level_id,
        crash.exception,
        crash.message,
        crash.where,
        crash.stack,
    )


class Resolution(Struct, frozen=True):
    """That a group is said to be mended: in which version, and when that was said, epoch ms."""

    version: str
    at: int


class State(StrEnum):
    """Where a group stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    """It occurred in the version that mended it, or a newer one, after that was said."""


class Counted(Struct):
    """A lane's tally with further reports."""

    tally: dict[str, Group]
    is_new: bool = False
    """Whether the last report was the first of its group from its version."""
    ungrouped: int = 0
    """Reports that were counted as `OTHER`'s."""

    def add(self, crash: Crash, version: str, at: int) -> None:
        """Count a report.

        Args:
            crash: what it says.
            version: of the game.
            at: when it occurred, epoch milliseconds.
        """
        group = self._place(crash.group, at)
        self.ungrouped += group == OTHER
        before = self.tally.get(group)
        versions = {} if before is None else dict(before.versions)
        name = OTHER if group == OTHER else version[:MAX_VERSION_CHARACTERS] or NONE
        is_new = name not in versions
        _merge(versions, name, Seen(1, at, at))
        named = [one for one in versions if one != OTHER]
        if len(named) > MAX_VERSIONS:
            oldest = min(named, key=lambda one: (versions[one].last, one))
            _merge(versions, OTHER, versions.pop(oldest))
        self.is_new = is_new and name in versions and group != OTHER
        last = at if before is None else max(at, before.last)
        self.tally[group] = Group(last, versions)

    def _place(self, group: str, at: int) -> str:
        groups = len(self.tally) - (OTHER in self.tally)
        if group in self.tally or groups < MAX_GROUPS:
            return group
        named = (one for one in self.tally if one != OTHER)
        oldest = min(named, key=lambda one: (self.tally[one].last, one))
        if at - self.tally[oldest].last <= FORGOTTEN_MS:
            return OTHER
        gone = self.tally.pop(oldest)
        other = self.tally.get(OTHER, Group(0, {}))
        versions = dict(other.versions)
        for seen in gone.versions.values():
            _merge(versions, OTHER, seen)
        self.tally[OTHER] = Group(max(other.last, gone.last), versions)
        return group


def _merge(versions: dict[str, Seen], name: str, seen: Seen) -> None:
    versions[name] = seen if name not in versions else versions[name] + seen


def newness(version: str) -> tuple[object, ...]:
    """What versions are ordered by: as https://semver.org/#spec-item-11 does, numbers as numbers
    and what follows a hyphen before the version itself; what follows a plus does not count.

    >>> newness("1.9") < newness("1.10-rc1") < newness("1.10") == newness("v1.10.0")
    True
    """
    plain, _, before = version.partition("+")[0].removeprefix("v").partition("-")
    parts = _ranked(plain)
    while parts and parts[-1] == (1, 0, ""):
        parts.pop()
    return (tuple(parts), not before, tuple(_ranked(before)))


def _ranked(text: str) -> list[tuple[int, int, str]]:
    return [(1, int(one), "") if one.isdigit() else (0, 0, one) for one in _PARTS.findall(text)]


class VersionDocument(Struct, frozen=True):
    """Reports of a group from one version, and when it was seen in that, epoch milliseconds.

    The version `(none)` is of games that say none; `(other)` is of versions that were seen before
    the newest ones.
    """

    version: str
    count: int
    first_seen_at: int
    last_seen_at: int


class CrashDocument(Struct, frozen=True, kw_only=True):
    """A group of crash and error reports: those of one exception from one place.

    `exception`, `message` and `where` are an example's. `state` is `open`, `resolved` or
    `reopened`; of the last two `resolved_in` says by which version and `resolved_at` when that was
    said. Moments are epoch milliseconds. Versions are the newest first.
    """

    group: str
    exception: str
    message: str
    where: str
    count: int
    first_seen_at: int
    last_seen_at: int
    state: State
    resolved_in: str | None
    resolved_at: int | None
    versions: list[VersionDocument]


class CrashesDocument(Struct, frozen=True):
    """`GET /v1/crashes`: an application's groups of crash and error reports, the most frequent
    first. `groups` says how many there are, `count` how many reports those have, and `other` how
    many reports are of no group because there are too many groups.
    """

    property_id: str
    application_id: str
    groups: int
    count: int
    other: int
    crashes: list[CrashDocument]


class CrashDetailDocument(Struct, frozen=True):
    """`GET /v1/crashes/{crash_group}`: a group, and one of its reports; null when it is too old."""

    property_id: str
    application_id: str
    crash: CrashDocument
    example: Example | None


class Crashes(Protocol):
    """Where crashes are kept; see `pitboss.stores.metrics.DynamoMetrics`."""

    def tallies(self, property_id: str, application_id: str) -> dict[int, Tally]: ...
    def examples(
        self, property_id: str, application_id: str, places: Iterable[tuple[str, int]]
    ) -> dict[str, Example]: ...
    def resolutions(self, property_id: str, application_id: str) -> dict[str, Resolution]: ...


def crashes(
    kept: Crashes,
    property_id: str,
    application_id: str,
    *,
    version: str | None = None,
    limit: int = DEFAULT_GROUPS,
) -> CrashesDocument:
    """An application's groups.

    Args:
        kept: where they are kept.
        property_id: whose they are.
        application_id: of which game.
        version: only those seen in it, ordered and counted by it.
        limit: so many groups at most.
    """
    tallies = kept.tallies(property_id, application_id)
    counts = {
        group: sum(seen.count for name, seen in versions.items() if version in (None, name))
        for group, versions in _together(tallies).items()
    }
    other = counts.pop(OTHER, 0)
    counts = {group: count for group, count in counts.items() if count}
    shown = sorted(counts, key=lambda group: (-counts[group], group))[:limit]
    found = _documents(kept, property_id, application_id, tallies, shown)
    return CrashesDocument(
        property_id,
        application_id,
        len(counts),
        sum(counts.values()),
        other,
        [one.crash for one in found],
    )


def crash(
    kept: Crashes, property_id: str, application_id: str, group: str
) -> CrashDetailDocument | None:
    """One of an application's groups; None where there is no such."""
    tallies = kept.tallies(property_id, application_id)
    found = _documents(kept, property_id, application_id, tallies, [group])
    return found[0] if found else None


def state_of(versions: Mapping[str, Seen], resolution: Resolution | None) -> State:
    """Where a group stands. A version that a game does not say is newer than none.

    Args:
        versions: of the group.
        resolution: what was said of it.
    """
    if resolution is None:
        return State.OPEN
    mended = newness(resolution.version)
    again = any(
        name not in (NONE, OTHER) and seen.last > resolution.at and newness(name) >= mended
        for name, seen in versions.items()
    )
    return State.REOPENED if again else State.RESOLVED


def _together(tallies: Mapping[int, Tally]) -> dict[str, dict[str, Seen]]:
    found: dict[str, dict[str, Seen]] = {}
    for tally in tallies.values():
        for group, one in tally.items():
            versions = found.setdefault(group, {})
            for name, seen in one.versions.items():
                _merge(versions, name, seen)
    return found


def _documents(
    kept: Crashes,
    property_id: str,
    application_id: str,
    tallies: Mapping[int, Tally],
    groups: Iterable[str],
) -> list[CrashDetailDocument]:
    known = _together(tallies)
    groups = [group for group in groups if group in known]
    places = [
        (group, max((tally[group].last, lane) for lane, tally in tallies.items() if group in tally))
        for group in groups
    ]
    examples = kept.examples(
        property_id, application_id, [(group, lane) for group, (_, lane) in places]
    )
    resolutions = kept.resolutions(property_id, application_id)
    return [
        CrashDetailDocument(
            property_id,
            application_id,
            _document(group, known[group], examples.get(group), resolutions.get(group)),
            examples.get(group),
        )
        for group in groups
    ]


def _document(
    group: str,
    versions: Mapping[str, Seen],
    example: Example | None,
    resolution: Resolution | None,
) -> CrashDocument:
    newest = sorted(versions, key=lambda name: (name not in (NONE, OTHER), newness(name), name))
    whole = sum(versions.values(), Seen(0, 1 << 62, 0))
    return CrashDocument(
        group=group,
        exception="" if example is None else example.exception,
        message="" if example is None else example.message,
        where="" if example is None else example.where,
        count=whole.count,
        first_seen_at=whole.first,
        last_seen_at=whole.last,
        state=state_of(versions, resolution),
        resolved_in=None if resolution is None else resolution.version,
        resolved_at=None if resolution is None else resolution.at,
        versions=[
            VersionDocument(name, versions[name].count, versions[name].first, versions[name].last)
            for name in reversed(newest)
        ],
    )

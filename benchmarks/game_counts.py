"""DAU, MAU, sessions and retention of a generated month, against an exact recount.

A month of two games' events is generated: players who come and go, sessions with silences of about
half an hour, a month in which the clocks change. What is posted of it is not in order: copies,
posts that are sent twice, events hours and days late, and copies under the same id that name
another player. It goes through what is deployed, in this process and with the lake in memory, for
the embedded stack would take hours: records of the stream are packed, archived, planned, refined
twice (when six tenths have arrived, and at the end) and asked by the named queries. The recount
knows nothing of all that: it counts, in plain Python, what the generator says has happened.
"""

import math
import tempfile
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import batched, pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from archive_events.service import ArchiveEvents, DeliveredRecord
from pitboss.events.batch import BatchHeader, pack_games
from pitboss.games.events import GameEvent
from pitboss.gaming_day import GamingDays
from pitboss.lake.layout import GAME
from plan_refinement.service import Wanted, plan
from refine_events.service import refine_partition
from tests.fakes.lake import MemoryLake, MemoryQuarantine
from workbench import local_lake, named_queries
from workbench.catalogue import tables

EVENTS = 1_000_000
SEED = 1
FIRST_DAY, DAYS = date(2026, 3, 1), 31
"""The clocks go forward on the eighth."""

PROPERTY = "studio"
ZONE, STARTS_AT = "America/Los_Angeles", 6
GAMING_DAYS = GamingDays.parse(f"*={ZONE}@0{STARTS_AT}:00")
APPLICATIONS = ("chase", "space-race")
STREAM = "games"
POST, BATCH = 500, 100
"""Events of a post at most, and records that are archived at a time."""

BEFORE = 0.6
"""The share of arrivals that are refined first; all others find their days refined."""

SILENCE_MS = 30 * 60_000
_SILENCES = (SILENCE_MS - 1, SILENCE_MS, SILENCE_MS + 1, 3 * SILENCE_MS)

QUERIES = ("dau", "mau", "mau_by_month", "sessions", "game_retention")

type Rows = list[tuple[Any, ...]]


class Happened(NamedTuple):
    """An event as it happened."""

    application_id: str
    event_id: str
    occurred_at: int
    """Epoch milliseconds."""
    player_id: str | None


class Arrival(NamedTuple):
    """A copy of an event as it comes in."""

    at: int
    number: int
    """Where two come at once."""
    happened: Happened


# --- the month ------------------------------------------------------------------------------------


def month(events: int, seed: int, first: date = FIRST_DAY, days: int = DAYS) -> list[Happened]:
    """What happens, in no order."""
    chance = Random(seed)
    zone = ZoneInfo(ZONE)
    start = int(datetime(first.year, first.month, first.day, STARTS_AT, tzinfo=zone).timestamp())
    end = first + timedelta(days)
    over = int(datetime(end.year, end.month, end.day, STARTS_AT, tzinfo=zone).timestamp()) * 1_000
    made: list[Happened] = []
    for player in range(events):
        application_id = APPLICATIONS[chance.random() < 0.8]
        eagerness = chance.random() ** 2
        arrives = chance.randrange(days)
        for day in range(arrives, chance.randrange(arrives, days) + 1):
            if chance.random() > eagerness:
                continue
            at = (start + 86_400 * day) * 1_000 + chance.randrange(86_400_000)
            for _ in range(chance.randint(1, 25)):
                whose = None if chance.random() < 0.01 else f"player-{player}"
                if at < over:
                    made.append(Happened(application_id, f"e-{len(made)}", at, whose))
                if len(made) == events:
                    return made
                is_long = chance.random() < 0.1
                at += chance.choice(_SILENCES) if is_long else chance.randrange(1, 240_000)
    return made


def arrivals(happened: Sequence[Happened], seed: int) -> list[Arrival]:
    """Copies in the order in which they come; the first of each event is as it happened."""
    chance = Random(seed)
    made: list[Arrival] = []
    for one in happened:
        at = one.occurred_at + _delay(chance)
        made.append(Arrival(at, len(made), one))
        for _ in range(chance.choices((0, 1, 2), (88, 10, 2))[0]):
            at += _delay(chance)
            is_other = chance.random() < 0.005
            copy = one._replace(player_id="somebody-else") if is_other else one
            made.append(Arrival(at, len(made), copy))
    return sorted(made)


def _delay(chance: Random) -> int:
    """Milliseconds; mostly none to speak of."""
    most = chance.choices((5_000, 3 * 3_600_000, 5 * 86_400_000), (94, 5, 1))[0]
    return chance.randrange(most)


def records(arrived: Iterable[Arrival], seed: int) -> Iterator[tuple[int, bytes]]:
    """Posts as records of the stream, with how many events each has; some are sent twice."""
    chance = Random(seed)
    waiting: dict[str, list[Arrival]] = defaultdict(list)

    def packed(application_id: str) -> Iterator[tuple[int, bytes]]:
        post = waiting.pop(application_id)
        header = BatchHeader(PROPERTY, application_id, post[-1].at, "server", "studio")
        record = pack_games(header, [b"{}"] * len(post), [_event(one.happened) for one in post])
        for _ in range(1 + (chance.random() < 0.01)):
            yield len(post), record

    for arrival in arrived:
        application_id = arrival.happened.application_id
        waiting[application_id].append(arrival)
        if len(waiting[application_id]) == POST:
            yield from packed(application_id)
    for application_id in sorted(waiting):
        yield from packed(application_id)


def _event(one: Happened) -> GameEvent:
    said = (one.event_id, one.occurred_at, "level_started", "1.0", "2.4.1", one.player_id)
    return GameEvent(*said, "nebula", 12.5, -3.25, b'{"health":7}', True)


# --- through what is deployed ---------------------------------------------------------------------


def archive(lake: MemoryLake, posted: Iterable[tuple[int, bytes]], first: int) -> tuple[int, int]:
    """Records into raw objects; how many events they have, and the number of the next record."""
    keep = ArchiveEvents(lake, GAMING_DAYS.day_of, game_stream=STREAM)
    events, number = 0, first
    for batch in batched(posted, BATCH, strict=False):
        delivered = [
            DeliveredRecord(str(number + n), b64encode(record).decode(), 0)
            for n, (_, record) in enumerate(batch)
        ]
        keep(STREAM, "shardId-000000000000", delivered)
        number += len(batch)
        events += sum(count for count, _ in batch)
    return events, number


def refine(lake: MemoryLake) -> int:
    """Every partition that is not made of what there is; how many that were."""
    quarantine = MemoryQuarantine()
    now = int(lake.now.timestamp() * 1_000)
    stale = plan(Wanted(family=GAME), lake, quarantine, GAMING_DAYS, now).partitions
    for partition in stale:
        with tempfile.TemporaryDirectory() as folder:
            refine_partition(
                *(partition, lake, quarantine, GAMING_DAYS.day_of(PROPERTY), Path(folder)),
                *(512_000_000, 10**11, GAME),
            )
    return len(stale)


def files(lake: MemoryLake, folder: Path) -> dict[str, list[Path]]:
    """The refined tables on disk, as queries read them."""
    found: dict[str, list[Path]] = {}
    for table in tables():
        for key in sorted(key for key in lake.content if key.startswith(table.prefix)):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(lake.content[key])
            found.setdefault(table.name, []).append(path)
    return found


def ask(name: str, there: Mapping[str, list[Path]], first: date, last: date) -> Rows:
    """What a named query finds."""
    query = named_queries.find(name)
    given = {"property": PROPERTY, "first_day": str(first), "last_day": str(last)}
    parsed = local_lake.parse(query.statement(query.values(given, last)))
    mentioned = {need.table for need in local_lake.needs(parsed)}
    return local_lake.run(parsed, {name: there[name] for name in mentioned}).rows


# --- the recount ----------------------------------------------------------------------------------


def recount(happened: Iterable[Happened], first: date, last: date) -> dict[str, Rows]:
    """The same rows, counted one by one."""
    zone = ZoneInfo(ZONE)
    events: dict[tuple[str, str], int] = defaultdict(int)
    active: dict[str, dict[date, set[str]]] = {app: defaultdict(set) for app in APPLICATIONS}
    moments: dict[tuple[str, str], set[int]] = defaultdict(set)

    def day_of(moment: int) -> date:
        local = datetime.fromtimestamp(moment // 1_000, zone).replace(tzinfo=None)
        return (local - timedelta(hours=STARTS_AT)).date()

    for one in happened:
        day = day_of(one.occurred_at)
        events[str(day), one.application_id] += 1
        if one.player_id is not None:
            active[one.application_id][day].add(one.player_id)
            moments[one.application_id, one.player_id].add(one.occurred_at)
    return {
        "dau": [
            (day, app, len(active[app].get(date.fromisoformat(day), ())), count)
            for (day, app), count in sorted(events.items())
        ],
        "mau": sorted(
            (str(day), app, len(_active_within(days, day, 30)), min(30, (day - first).days + 1))
            for app, days in active.items()
            for day in days
        ),
        "mau_by_month": _by_month(active, events),
        "sessions": _sessions(moments, day_of),
        "game_retention": sorted(
            row for app, days in active.items() for row in _retained(app, days, last)
        ),
    }


def _active_within(days: Mapping[date, set[str]], last: date, count: int) -> set[str]:
    back = (last - timedelta(n) for n in range(count))
    return set().union(*(days.get(day, set()) for day in back))


def _by_month(
    active: Mapping[str, Mapping[date, set[str]]], events: Iterable[tuple[str, str]]
) -> Rows:
    players: dict[tuple[str, str], set[str]] = defaultdict(set)
    days: dict[tuple[str, str], set[str]] = defaultdict(set)
    for day, app in events:
        days[day[:7], app].add(day)
        players[day[:7], app] |= active[app].get(date.fromisoformat(day), set())
    return [(*key, len(players[key]), len(days[key])) for key in sorted(days)]


def _sessions(moments: Mapping[tuple[str, str], set[int]], day_of: Any) -> Rows:  # noqa: ANN401
    lengths: dict[tuple[str, str], list[int]] = defaultdict(list)
    players: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (app, player), unordered in moments.items():
        ordered = sorted(unordered)
        starts = [
            ordered[0],
            *(later for one, later in pairwise(ordered) if later - one > SILENCE_MS),
        ]
        before = {later: one for one, later in pairwise(ordered)}
        ends = [*(before[start] for start in starts[1:]), ordered[-1]]
        for start, end in zip(starts, ends, strict=True):
            key = (str(day_of(start)), app)
            lengths[key].append(end - start)
            players[key].add(player)
    return [
        (
            *(*key, len(found), len(players[key])),
            *(Decimal(sum(found)).scaleb(-3), Decimal(max(found)).scaleb(-3)),
            _rounded(sum(found) / len(found) / 60_000),
        )
        for key, found in sorted(lengths.items())
    ]


def _retained(app: str, days: Mapping[date, set[str]], last: date) -> Rows:
    firsts: dict[date, set[str]] = defaultdict(set)
    seen: set[str] = set()
    for day in sorted(days):
        if new := days[day] - seen:
            firsts[day] = new
        seen |= days[day]
    rows: Rows = []
    for first, new in firsts.items():
        row: list[Any] = [str(first), app, len(new)]
        for age in (1, 7, 30):
            day = first + timedelta(age)
            back = len(new & days.get(day, set()))
            row += [back, _rounded(100 * back / len(new))] if day <= last else [None, None]
        rows.append(tuple(row))
    return rows


def _rounded(value: float) -> float:
    """To a tenth, halves up."""
    return math.floor(value * 10 + 0.5) / 10


# --- the figure -----------------------------------------------------------------------------------


class _Clock:
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._at = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = round(now - self._at, 1)
        self._at = now


def run(events: int = EVENTS, days: int = DAYS, seed: int = SEED) -> dict[str, Any]:
    """Every query beside its recount, and what each step took."""
    clock = _Clock()
    last = FIRST_DAY + timedelta(days - 1)
    happened = month(events, seed, days=days)
    arrived = arrivals(happened, seed)
    clock.lap("generate")
    lake = MemoryLake()
    cut = int(len(arrived) * BEFORE)
    archived, number = archive(lake, records(arrived[:cut], seed), 1)
    clock.lap("pack and archive")
    partitions = [refine(lake)]
    clock.lap("refine")
    more, _ = archive(lake, records(arrived[cut:], seed + 1), number)
    clock.lap("pack and archive the rest")
    partitions += [refine(lake), refine(lake)]
    clock.lap("refine again")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        there = files(lake, Path(folder))
        expected = recount(happened, FIRST_DAY, last)
        clock.lap("recount")
        for name in QUERIES:
            started = time.perf_counter()
            found = ask(name, there, FIRST_DAY, last)
            rows.append(
                {
                    **{"query": name, "rows": len(found)},
                    **{"equal_to_recount": "yes" if found == expected[name] else "NO"},
                    "milliseconds": round(1_000 * (time.perf_counter() - started)),
                }
            )
        clock.lap("ask")
        evidence = ask("game_evidence", there, FIRST_DAY, last)
    sums = [sum(row[column] for row in evidence) for column in range(1, 5)]
    return {
        "figure": f"counts of a month of {len(happened):,} events, against an exact recount",
        "goal": "equal",
        "all_equal": all(row["equal_to_recount"] == "yes" for row in rows),
        "players": len({one.player_id for one in happened} - {None}),
        "events_archived": f"{archived + more:,}",
        "unique_duplicates_conflicts": " + ".join(f"{count:,}" for count in sums[1:]),
        "all_accounted_for": archived + more == sums[0] == sum(sums[1:])
        and sums[1] == len(happened)
        and all(row[-1] for row in evidence),
        "partitions_refined_first_then_again_then_once_more": partitions,
        "times_the_recount_took_the_queries": round(
            clock.seconds["recount"] / max(clock.seconds["ask"], 0.1), 1
        ),
        "steps": [{"step": step, "seconds": took} for step, took in clock.seconds.items()],
        "rows": rows,
    }

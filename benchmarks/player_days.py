"""DAU, MAU, sessions and retention of a month of a million events, beside an exact recount.

Players come and go over `DAYS` days; their events are late by up to six days, one in ten comes
twice and some batches come again whole. The deployed code brings them in, with memory in place of
the table; beside it everything is counted anew from the unique events, by DuckDB.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from measure_events.service import MeasureEvents, Record
from pitboss.events.batch import BatchHeader
from pitboss.games.events import LANES, GameEvent
from pitboss.metrics.definition import IDLE_MINUTES, MONTH_DAYS, RETENTION_DAYS
from pitboss.metrics.lanes import Head, Lane, Wanted
from pitboss.metrics.players import DAY_FIELDS, summed
from pitboss.stores.metrics import ContendedLaneError, LaneKey
from workbench.console import WorkbenchError, say

EVENTS = 1_000_000
PLAYERS = 20_000
DAYS = 31
BATCH = 2_000
SEED = 8
FIRST_DAY = 20_454  # 2026-01-01, days of the epoch
_DAY_MS = 86_400_000
_EPOCH = 719_163
"""The ordinal of 1970-01-01."""


def run(events: int = EVENTS) -> dict[str, Any]:
    """What was counted, and that it is equal.

    Raises:
        WorkbenchError: a number of a day differs.
    """
    chance = random.Random(SEED)
    moments = list(_moments(chance, events))
    sent = _sent(chance, moments)
    lanes = _Lanes()
    measure = MeasureEvents(
        lanes,
        lambda property_id: (),
        lambda property_id: lambda minute: minute // 1_440 + _EPOCH,
        now=lambda: 0,
        pause=lambda attempt: None,
    )
    say(f"bringing {len(sent):,} events in ...")
    begun = time.process_time()
    for start in range(0, len(sent), BATCH):
        batch = list(_records(sent[start : start + BATCH]))
        measure(batch)
        if chance.random() < 0.05:
            measure(batch)
    seconds = time.process_time() - begun
    days = summed(head.days for head in lanes.heads.values())
    found = {
        (day, name): count for day, names in days.items() for name, count in names.items() if count
    }
    recounted = _recounted(moments)
    differ = [
        place
        for place in found.keys() | recounted.keys()
        if found.get(place, 0) != recounted.get(place, 0)
    ]
    if differ:
        raise WorkbenchError(
            f"{len(differ)} numbers of days are not those of the recount: {sorted(differ)[:5]}"
        )
    return {
        "figure": "players' days of a month, beside an exact recount",
        "events": len(moments),
        "sent, with duplicates": len(sent),
        "players": PLAYERS,
        "microseconds_of_cpu_an_event": round(seconds * 1e6 / len(sent), 1),
        "transactions": lanes.commits,
        "rows": [
            {
                "number": name,
                "counted": sum(count for (_, one), count in found.items() if one == name),
                "recounted": sum(count for (_, one), count in recounted.items() if one == name),
                "days that differ": sum(place[1] == name for place in differ),
            }
            for name in DAY_FIELDS
        ],
    }


def _moments(chance: random.Random, events: int) -> Iterator[tuple[int, int]]:
    """Players and moments (epoch milliseconds) of unique events, by sessions of ten on average."""
    begun, made = FIRST_DAY * _DAY_MS, 0
    arrives = [chance.random() ** 2 * DAYS for _ in range(PLAYERS)]
    while made < events:
        player = chance.randrange(PLAYERS)
        at = begun + int(chance.uniform(arrives[player], DAYS) * _DAY_MS)
        for _ in range(min(events - made, chance.randrange(1, 20))):
            yield player, at
            made += 1
            at = min(at + int(chance.expovariate(1 / 300_000)), begun + DAYS * _DAY_MS - 1)


def _sent(chance: random.Random, moments: list[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """Events as they are received: when, their number, player and moment."""
    sent = []
    for number, (player, at) in enumerate(moments):
        for _ in range(2 if chance.random() < 0.1 else 1):
            late = chance.expovariate(1 / 20_000)
            if chance.random() < 0.05:
                late = chance.uniform(0, 6 * _DAY_MS)
            sent.append((at + int(late), number, player, at))
    return sorted(sent)


def _records(batch: list[tuple[int, int, int, int]]) -> Iterator[Record]:
    for received_at, number, player, at in batch:
        header = BatchHeader("north", "maze", received_at, "server", "game")
        name = f"p-{player}"
        event = GameEvent(f"e-{number}", at, "played", "1", "", name, None, None, None, b"{}", True)
        yield Record(player % LANES, header, [event])


class _Lanes:
    """Lanes in memory: each read as of then, each commit only on the head that was read."""

    def __init__(self) -> None:
        self.heads: dict[LaneKey, Head] = {}
        self.commits = 0
        self._lanes: dict[LaneKey, Lane] = {}

    def measure(self, property_id: str, application_id: str) -> None:
        """There is nothing to be kept."""

    def head(self, lane: LaneKey) -> Head:
        return self.heads.get(lane, Head())

    def lane(self, lane: LaneKey, wanted: Wanted) -> Lane:
        players = self._lanes.setdefault(lane, Lane()).players
        return Lane(players={name: players.get(name) for name in wanted.players})

    def commit(self, lane: LaneKey, head: Head, changed: Lane, now: int) -> None:
        if head.version != self.head(lane).version + 1:
            raise ContendedLaneError(lane)
        self.heads[lane] = head
        self._lanes.setdefault(lane, Lane()).players |= changed.players
        self.commits += 1


def _recounted(moments: list[tuple[int, int]]) -> dict[tuple[int, str], int]:
    """The same numbers, by SQL over all unique events."""
    counts = [
        "SELECT day, 'active', count(*) FROM days GROUP BY day",
        "SELECT shown, 'month', count(DISTINCT player) FROM days, LATERAL "
        f"(SELECT unnest(range(day, day + {MONTH_DAYS})) AS shown) GROUP BY shown",
        "SELECT first, 'new', count(*) FROM firsts GROUP BY first",
        *(
            f"SELECT first, 'kept_{later}', count(*) FROM firsts JOIN days ON days.player = "
            f"firsts.player AND days.day = firsts.first + {later} GROUP BY first"
            for later in RETENTION_DAYS
        ),
        "SELECT begins // 1440, 'sessions', count(*) FROM sessions GROUP BY ALL",
        "SELECT begins // 1440, 'session_minutes', sum(ends - begins + 1)::BIGINT FROM sessions "
        "GROUP BY ALL",
    ]
    with TemporaryDirectory() as folder, duckdb.connect() as database:
        file = Path(folder) / "events.csv"
        lines = (f"{player},{at // 60_000}\n" for player, at in moments)
        file.write_text("player,minute\n" + "".join(lines), encoding="utf-8")
        database.execute(
            f"""
            CREATE VIEW events AS SELECT * FROM read_csv('{file}');
            CREATE TABLE minutes AS SELECT DISTINCT player, minute FROM events;
            CREATE TABLE days AS SELECT DISTINCT player, minute // 1440 AS day FROM minutes;
            CREATE TABLE firsts AS SELECT player, min(day) AS first FROM days GROUP BY player;
            CREATE TABLE sessions AS
            WITH parted AS (
                SELECT player, minute,
                    minute - lag(minute) OVER w >= {IDLE_MINUTES} AS is_new
                FROM minutes WINDOW w AS (PARTITION BY player ORDER BY minute)
            ), numbered AS (
                SELECT player, minute, sum(coalesce(is_new, true)::INT) OVER
                    (PARTITION BY player ORDER BY minute) AS session
                FROM parted
            )
            SELECT player, session, min(minute) AS begins, max(minute) AS ends
            FROM numbered GROUP BY player, session;
            """
        )
        return {
            (int(day) + _EPOCH, name): int(count)
            for count_of in counts
            for day, name, count in database.execute(count_of).fetchall()
        }

"""DynamoDB writes and AWS calls of a thousand games, by flush interval, and the least possible.

A simulated floor of 189 machines near 250 events a second is rated by the handler of
`rate_players`; what it asks of DynamoDB is asked for real, up to the wire, and counted there.
Ratings are kept in memory beside it and must be those of the simulator's ledger, to the cent.

The least: what a flush brought must be kept for good before the stream moves on, or it is lost, and
totals must be those of all that was kept, or a reader sees them wrong. So each machine with fresh
events that rating looks at costs an item, and so does each player's session in which a game ended,
whose totals are read by another key. Nothing less is both durable and right, whatever the schema.
Written past that are pages that are full (`sealed_pages`) and sessions whose last play alone moved,
because a game began and has not ended (`bounds_alone`). An item of a transaction costs two write
units a KB at least. Calls are the function's own and its invocations; Lambda reads the stream.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks import load
from benchmarks.peers.harness import invocation
from benchmarks.peers.pitboss_handler import PitbossHandler
from benchmarks.rating_path import FLUSH_SECONDS, LARGEST_BATCH
from benchmarks.transport import Requests, network_stubbed
from pitboss.events.batch import unpack
from pitboss.events.slot import GameEnded
from pitboss.rating.fold import SessionDay, Tally
from pitboss.rating.history import Head, History, MachineDay
from pitboss.rating.tables import TableDay
from pitboss.stores.ratings import (
    TRANSACTION_ITEMS,
    Asset,
    AssetChange,
    DynamoRatings,
    PlayerSession,
    SessionPlace,
)
from workbench.console import WorkbenchError, say
from workbench.memory import MemoryRatings


class CountedRatings(MemoryRatings):
    """Ratings in memory that asks DynamoDB as well, for all that is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self._dynamo = DynamoRatings("ratings", "us-east-1")

    def heads(self, assets: Iterable[Asset]) -> dict[Asset, Head]:
        assets = list(assets)
        self._dynamo.heads(assets)
        return super().heads(assets)

    def history(self, asset: Asset, since: int) -> History:
        self._dynamo.history(asset, since)
        return super().history(asset, since)

    def machine_days(self, asset: Asset, days: Iterable[str]) -> dict[str, MachineDay]:
        days = list(days)
        self._dynamo.machine_days(asset, days)
        return super().machine_days(asset, days)

    def session_tallies(self, asset: Asset, keys: Iterable[SessionDay]) -> dict[SessionDay, Tally]:
        keys = list(keys)
        self._dynamo.session_tallies(asset, keys)
        return super().session_tallies(asset, keys)

    def session_wins(
        self, sessions: Iterable[tuple[Asset, SessionDay]]
    ) -> dict[tuple[Asset, SessionDay], int]:
        sessions = list(sessions)
        self._dynamo.session_wins(sessions)
        return super().session_wins(sessions)

    def player_sessions(
        self,
        property_id: str,
        player_id: str,
        newest: int,
        before: SessionPlace | None = None,
        *,
        as_now: bool = False,
    ) -> list[PlayerSession]:
        self._dynamo.player_sessions(property_id, player_id, newest, before, as_now=as_now)
        return super().player_sessions(property_id, player_id, newest, before)

    def table_days(self, property_id: str, player_id: str, newest: int) -> list[TableDay]:
        self._dynamo.table_days(property_id, player_id, newest)
        return super().table_days(property_id, player_id, newest)

    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]:
        self._dynamo.commit(changes)
        return super().commit(changes)


class Least:
    """Counts what no schema could leave unwritten; see above."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self.machines = 0
        self.sessions = 0
        self.flushes = 0

    def take(self, batch: Iterable[load.Record]) -> None:
        """One flush."""
        machines: set[str] = set()
        sessions: set[tuple[str, str]] = set()
        for record in batch:
            header, events, _ = unpack(record.bytes)  # those that rating looks at
            for event in events:
                identity = header.asset_id, event.event_id
                if identity in self._seen:
                    continue
                self._seen.add(identity)
                machines.add(header.asset_id)
                if event.player_id is not None and type(event.data) is GameEnded:
                    sessions.add((header.asset_id, event.player_id))
        self.machines += len(machines)
        self.sessions += len(sessions)
        self.flushes += bool(machines)

    @property
    def items(self) -> int:
        """Items to write."""
        return self.machines + self.sessions


def run() -> dict[str, Any]:
    """Items, write capacity and calls of a thousand games."""
    say("playing a floor ...")
    events = load.load()
    stream = load.records(events, load.each_second)
    size = load.batch_size()
    posts = len({(arrival.gateway, load.each_second(arrival)) for arrival in events.arrivals})
    shapes = []
    for flush in FLUSH_SECONDS:
        cuts = [list(load.batches(stream, flush, most)) for most in (size, LARGEST_BATCH)]
        shapes += [(flush, cut) for cut in (cuts if len(cuts[0]) > len(cuts[1]) else cuts[:1])]
    rows = [_rows(events, flush, cut) for flush, cut in shapes]
    return {
        "figure": "DynamoDB writes and AWS calls of a thousand games",
        "machines": load.MACHINES,
        "events_a_second": round(len(events.arrivals) / events.seconds),
        "games": events.games,
        "ratings": "equal to the ledger to the cent",
        "batch_size_of_the_template": size,
        "posts_per_1000_games_each_a_kinesis_put_records": round(posts * 1000 / events.games),
        "writes": [row for row, _ in rows],
        "calls": [row for _, row in rows],
    }


def _rows(
    events: load.Load, flush: int, batches: list[list[load.Record]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was written, and what was called."""
    say(f"rating it with a flush of {flush} s, {len(batches)} batches ...")
    requests, least = Requests(), Least()
    with network_stubbed(requests.answer):
        rating = PitbossHandler(CountedRatings())
        for batch in batches:
            rating.take(invocation([record.data for record in batch]))
            least.take(batch)
    found = load.differences(rating.totals(), events.truth)
    if found:
        raise WorkbenchError(f"the ratings are wrong, first {found[0]}.")

    def per_1000_games(count: float) -> float:
        return round(count * 1000 / events.games, 1)

    calls = requests.calls
    kinds = requests.items_by_kind
    least_calls = max(least.flushes, -(-least.items // TRANSACTION_ITEMS))
    shape = {"flush_s": flush, "most_records": max(map(len, batches))}
    return (
        shape
        | {
            "items": per_1000_games(requests.items),
            "least": per_1000_games(least.items),
            "ratio": round(requests.items / least.items, 2),
            "sealed_pages": per_1000_games(kinds["page"]),
            "bounds_alone": per_1000_games(kinds["session"] - least.sessions),
            "write_units": per_1000_games(requests.write_units),
            "least_units": per_1000_games(2 * least.items),
        },
        shape
        | {
            "invocations": per_1000_games(len(batches)),
            "transactions": per_1000_games(calls["TransactWriteItems"]),
            "least": per_1000_games(least_calls),
            "reads": per_1000_games(calls.total() - calls["TransactWriteItems"]),
            "published": per_1000_games(rating.audience.calls),
            "messages": per_1000_games(rating.audience.changes),
            "all_calls": per_1000_games(calls.total() + rating.audience.calls + len(batches)),
        },
    )


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))

"""What keeping the live floor costs: calls and write units of a thousand events, by how it is kept.

A simulated floor of 189 machines near 250 events a second, and one of 3,000 near 4,000, are rated
and followed second by second; `sum_floor` and `track_floor` write what changes into DynamoDB in
memory, which counts write units by its rules. Beside them what else would keep the same rows, from
the same seconds: the same blocks in transactions, an item for each machine, and counters that are
added to, with the marks that make adding right in the same transaction. The first `WARM_UP_SECONDS`
count for nothing: every block is written once then, and read.
"""

import os
import random
from collections.abc import Sequence
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks import load
from pitboss.events.batch import unpack, unpack_metered
from pitboss.floor.conditions import HEARD_MS
from pitboss.floor.rows import block_of
from pitboss.gaming_day import GamingDay, GamingDays
from pitboss.rating.fold import House
from pitboss.stores.floor import DynamoFloor
from pitboss.stores.ratings import Asset, AssetChange, StoredHead
from rate_players.service import RatePlayers
from sum_floor.service import HeadStored, SumFloor
from track_floor.service import Record, TrackFloor
from workbench.console import say
from workbench.memory import MemoryRatings
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Network

WARM_UP_SECONDS = 20
TRANSACTION_ITEMS = 100
ZONES = 6
"""That counters of zones would be kept of."""


class Size(NamedTuple):
    """A floor."""

    machines: int
    players: int
    minutes: int


SIZES = (Size(189, 150, 4), Size(3_000, 2_400, 2))


class Kept(MemoryRatings):
    """Ratings in memory, and the heads that each flush stored."""

    def __init__(self) -> None:
        super().__init__()
        self.heads_stored: list[tuple[AssetChange, bool]] = []

    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]:
        self.heads_stored += [(change, change.change.before is None) for change in changes]
        return super().commit(changes)


def run(sizes: Sequence[Size] = SIZES) -> dict[str, Any]:
    """Calls and write units of a thousand events."""
    return {
        "figure": "keeping the live floor, for 1,000 events, flushed every second",
        "ways": [row for size in sizes for row in _floor(size)],
    }


def _floor(size: Size) -> list[dict[str, Any]]:
    say(f"playing {size.machines} machines ...")
    stream = load.records(load.load(size.machines, size.players, size.minutes), load.each_second)
    clock = Clock(stream[0].at, random.Random(1))
    network = Network(clock)
    network.dynamodb.create_table("floor", "pk", "sk")
    days = GamingDays((("*", GamingDay.parse("America/Los_Angeles@06:00")),))
    ratings = Kept()
    with patch.dict(os.environ, ENVIRONMENT), clock.installed(), network.installed():
        store = DynamoFloor("floor", "us-east-1")
        now = lambda: clock.now_ms  # noqa: E731
        rate = RatePlayers(
            ratings, lambda name: House(days.day_of(name), 600_000), pause=print, now=now
        )
        sums, track = SumFloor(store, now, print), TrackFloor(store, now, print)
        counted = _Counts(network)
        for number, batch in enumerate(load.batches(stream, 1, 10_000)):
            clock.advance(max(batch[-1].at - clock.now_ms, 0))
            counted.is_warm = batch[0].at - stream[0].at >= WARM_UP_SECONDS * 1_000
            read = [record.bytes for record in batch]
            rate([unpack(data) for data in read])
            heads = [
                HeadStored(
                    StoredHead(
                        asset, change.head.today, change.head.hold_basis_points, change.head.seat
                    ),
                    f"{number:09d}{place:09d}",
                    is_first,
                )
                for place, ((asset, change), is_first) in enumerate(ratings.heads_stored)
            ]
            ratings.heads_stored.clear()
            counted.sums(lambda heads=heads: sums(heads), heads)  # type: ignore[misc]
            records = [
                Record(f"{number:09d}{place:09d}", *unpack_metered(data))
                for place, data in enumerate(read)
            ]
            counted.track(lambda records=records: track("shard", records), batch)  # type: ignore[misc]
    return counted.result(size)


class _Counts:
    """Calls and units, of what is done and of what else would do."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.is_warm = False
        self.events = self.seconds = 0
        self.ways: dict[str, dict[str, float]] = {}

    def _measured(self, way: str, do: Any) -> None:  # noqa: ANN401
        calls = self._network.calls.total()
        units = sum(n for (_, name), n in self._network.dynamodb.units.items() if not _reads(name))
        do()
        self._add(
            way,
            self._network.calls.total() - calls,
            sum(n for (_, name), n in self._network.dynamodb.units.items() if not _reads(name))
            - units,
        )

    def _add(self, way: str, calls: float, units: float) -> None:
        if self.is_warm:
            known = self.ways.setdefault(way, {"calls": 0, "write_units": 0})
            known["calls"] += calls
            known["write_units"] += units

    def sums(self, do: Any, heads: Sequence[HeadStored]) -> None:  # noqa: ANN401
        """A second's heads, by `sum_floor` and otherwise."""
        before = dict(self.ways.get("sums, in blocks", {"calls": 0, "write_units": 0}))
        self._measured("sums, in blocks", do)
        after = self.ways.get("sums, in blocks", before)
        machines = {one.head.asset.asset_id for one in heads}
        blocks = {block_of(asset_id) for asset_id in machines}
        units = after["write_units"] - before["write_units"]
        self._add(
            "sums, in blocks, by transactions", -(-len(blocks) // TRANSACTION_ITEMS), 2 * units
        )
        self._add("sums, an item for each machine", len(machines), len(machines))
        items = 2 * len(machines) + ZONES + 2 if machines else 0
        self._add("sums, as counters with their marks", -(-items // TRANSACTION_ITEMS), 2 * items)

    def track(self, do: Any, batch: Sequence[load.Record]) -> None:  # noqa: ANN401
        """A second's events, by `track_floor` and otherwise."""
        if self.is_warm:
            self.events += sum(record.events for record in batch)
            self.seconds += 1
        self._measured("conditions and rates, in blocks", do)
        machines = len({unpack(record.bytes).header.asset_id for record in batch})
        share = machines / (HEARD_MS / 1_000)  # each at most once in that time
        self._add("conditions and rates, an item for each machine", share + 1, share + 1)

    def result(self, size: Size) -> list[dict[str, Any]]:
        """The floor's rows, by a thousand events."""
        return [
            {
                "machines": size.machines,
                "events_per_second": round(self.events / self.seconds),
                "way": way,
                **{name: round(1_000 * n / self.events, 1) for name, n in found.items()},
            }
            for way, found in self.ways.items()
        ]


def _reads(operation: str) -> bool:
    return operation in {"GetItem", "BatchGetItem", "Query"}

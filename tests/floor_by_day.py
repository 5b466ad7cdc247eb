"""A simulated floor rated, exported and seen by its meters, gaming day by gaming day, in memory."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import msgspec
from msgspec.structs import asdict

from export_games.service import Export, GameRow, PaytableName, export, export_day
from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.envelope import event_type_of
from pitboss.events.slot import (
    RATED_TYPES,
    EventsOverflowed,
    GameStarted,
    MeteredEvent,
    MetersReported,
    MetersReset,
    PaytableReported,
    SlotEvent,
)
from pitboss.gaming_day import GamingDay
from pitboss.lake.layout import table_key
from pitboss.lake.tables import EVENT_TABLES, table_of
from pitboss.rating.fold import House
from pitboss.rating.reconciliation import (
    OFFLINE_MS,
    Before,
    RatedGame,
    Reconciled,
    Sight,
    reconcile,
)
from pitboss.sas.gateway import read_packet
from pitboss.stores.parquet import ParquetLake
from rate_players.service import RatePlayers
from workbench.memory import MemoryRatings
from workbench.simulation.floor import Floor
from workbench.simulation.packets import packet_line

METERS_OF_TABLE_C7 = {
    "coin_in": "TOTAL_COIN_IN_CREDITS",
    "coin_out": "TOTAL_COIN_OUT_CREDITS",
    "jackpot": "TOTAL_JACKPOT_CREDITS",
    "games": "GAMES_PLAYED",
}


def order(event: SlotEvent) -> tuple[int, int, str]:
    return event.occurred_at, event.sequence, event.event_id


def unique(events: Iterable[MeteredEvent]) -> list[MeteredEvent]:
    return sorted({(e.occurred_at // 300_000, e.event_id): e for e in events}.values(), key=order)


def sights(events: Iterable[MeteredEvent]) -> Iterator[Sight]:
    """What one machine's events, in order, show of its meters: a second opinion on the SQL."""
    before: int | None = None
    for event in events:
        data, at = event.data, event.occurred_at
        beside = event.meters
        shown: dict[str, Any] = {
            "coin_in": beside and beside.coin_in_credits,
            "coin_out": beside and beside.coin_out_credits,
            "jackpot": beside and beside.jackpot_credits,
            "games": beside and beside.games_played,
        }
        if isinstance(data, MetersReported):
            for name, meter in METERS_OF_TABLE_C7.items():
                shown[name] = data.meters.get(meter, shown[name])
        if isinstance(data, GameStarted) and data.coin_in_meter_credits is not None:
            shown["coin_in"] = data.coin_in_meter_credits
        yield Sight(
            at,
            **shown,
            denomination_cents=data.accounting_denomination_cents
            if isinstance(data, PaytableReported)
            else None,
            is_reset=isinstance(data, MetersReset),
            is_overflow=isinstance(data, EventsOverflowed),
            unheard_since=before if before is not None and at - before > OFFLINE_MS else None,
        )
        before = at


def write_events(
    objects: "MemoryLake", property_id: str, day: str, events: Mapping[str, list[MeteredEvent]]
) -> None:
    """The refined tables of a day's events, by machine, each in order."""
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in EVENT_TABLES}
    for asset_id, some in events.items():
        for event in some:
            event_type = event_type_of(type(event.data))
            beside = {} if event.meters is None else asdict(event.meters)
            rows[table_of(event_type, 1).name].append(
                {
                    "event_id": event.event_id,
                    "event_type": event_type,
                    "schema_version": 1,
                    "asset_id": asset_id,
                    "occurred_at": event.occurred_at,
                    "sequence": event.sequence,
                    "player_id": event.player_id,
                    **asdict(event.data),
                    **{f"meter_{name}": value for name, value in beside.items()},
                }
            )
    with TemporaryDirectory() as folder, duckdb.connect() as database:
        source, target = Path(folder, "rows.json"), Path(folder, "rows.parquet")
        for table in EVENT_TABLES:
            if rows[table.name]:
                source.write_bytes(b"\n".join(map(msgspec.json.encode, rows[table.name])))
                columns = ", ".join(f"'{c.name}': '{c.kind}'" for c in table.columns)
                database.execute(
                    f"COPY (FROM read_json('{source}', columns = {{{columns}}}, "
                    f"format = 'newline_delimited')) TO '{target}' (FORMAT parquet)"
                )
                objects.put(table_key(table.name, property_id, day), target.read_bytes())


class MemoryLake:
    """The lake's bucket, in memory."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> None:
        self.bodies[key] = body

    def get(self, key: str) -> bytes:
        return self.bodies[key]

    def objects(self, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        for key, body in sorted(self.bodies.items()):
            if key.startswith(prefix):
                yield key, len(body), datetime(2026, 1, 1, tzinfo=UTC)


class FloorByDay:
    """Events of one property, as they were delivered."""

    def __init__(self, lines: Iterable[bytes], gaming_day: str, property_id: str = "north") -> None:
        self.property_id = property_id
        self.rule = GamingDay.parse(gaming_day)
        self.house = House(lambda at: self.rule.date_of(at).isoformat())
        delivered: dict[str, list[MeteredEvent]] = defaultdict(list)
        for line in lines:
            asset_id, event = read_packet(line)
            delivered[asset_id].append(event)
        self.events = {asset_id: unique(events) for asset_id, events in sorted(delivered.items())}
        self.ratings = MemoryRatings()
        rate = RatePlayers(self.ratings, lambda _: self.house, lambda _: None, lambda: 0)
        for asset_id, events in self.events.items():
            rated = [
                SlotEvent(e.event_id, e.occurred_at, e.sequence, e.player_id, e.data)
                for e in events
                if type(e.data) in RATED_TYPES
            ]
            for start in range(0, len(rated), 2_000):
                header = BatchHeader(property_id, asset_id, 0, "gw", "acres-sas")
                rate([SlotBatch(header, rated[start : start + 2_000])])

    @classmethod
    def of(cls, floor: Floor) -> "FloorByDay":
        return cls(map(packet_line, floor.events()), floor.plan.gaming_day)

    @cached_property
    def days(self) -> list[str]:
        found = {
            self.house.day_of(event.occurred_at)
            for events in self.events.values()
            for event in events
        }
        return sorted(found)

    @cached_property
    def paytables(self) -> Mapping[str, list[PaytableName]]:
        return {
            asset_id: [
                PaytableName(
                    event.occurred_at,
                    event.data.game_number,
                    event.data.hold_basis_points,
                    event.data.paytable_id,
                    event.data.game_id,
                )
                for event in events
                if isinstance(event.data, PaytableReported)
            ]
            for asset_id, events in self.events.items()
        }

    def export(self, day: str) -> Export:
        return export(self.ratings, self.house, self.property_id, day, self.paytables)

    def in_lake(self) -> MemoryLake:
        """A lake that has the floor's events, refined, and its ledger."""
        lake = MemoryLake()
        for day in self.days:
            write_events(
                lake,
                self.property_id,
                day,
                {
                    asset_id: [e for e in events if self.house.day_of(e.occurred_at) == day]
                    for asset_id, events in self.events.items()
                },
            )
            with ParquetLake(lake, self.property_id, 500) as tables:
                export_day(self.ratings, tables, self.house, self.property_id, day)
        return lake

    def bounds(self, day: str) -> tuple[int, int]:
        return self.rule.bounds_of(date.fromisoformat(day))

    def reconciled(self, day: str) -> dict[str, Reconciled]:
        """Every machine of a day; the day before it is the one before it in `days`."""
        games = by_machine(self.export(day).games)
        at = self.days.index(day)
        earlier = by_machine(self.export(self.days[at - 1]).games) if at else {}
        start, end = self.bounds(day)
        result = {}
        for asset_id, events in self.events.items():
            shown = list(sights(events))
            result[asset_id] = reconcile(
                games.get(asset_id, []),
                [sight for sight in shown if start <= sight.at < end],
                (start, end),
                Before(
                    last_of([sight for sight in shown if sight.at < start]),
                    max(earlier.get(asset_id, ()), key=lambda g: g.started_at or 0, default=None),
                ),
            )
        return result


def by_machine(rows: Iterable[GameRow]) -> dict[str, list[RatedGame]]:
    found: dict[str, list[RatedGame]] = defaultdict(list)
    for row in rows:
        found[row.asset_id].append(
            RatedGame(
                row.started_at,
                row.ended_at,
                row.coin_in_cents,
                row.coin_out_cents,
                row.kind == "game",
            )
        )
    return found


def last_of(shown: list[Sight]) -> Sight | None:
    """Each meter as it was last seen."""
    if not shown:
        return None
    last: dict[str, Any] = {}
    for sight in shown:
        for name in ("coin_in", "coin_out", "jackpot", "games", "denomination_cents"):
            value = getattr(sight, name)
            if value is not None:
                last[name] = value
    return Sight(shown[-1].at, **last)

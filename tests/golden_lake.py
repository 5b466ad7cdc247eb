"""A small lake whose answers are worked out by hand: rows, files, and what each query finds."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from pitboss.lake.layout import GAME, manifest_key, table_key
from pitboss.lake.manifest import Counts, Manifest
from workbench.catalogue import Table, tables

PROPERTY = "golden"
MON, TUE, NEXT_TUE = "2026-11-02", "2026-11-03", "2026-11-10"
RANGE = {"property": PROPERTY, "first_day": "2026-11-01", "last_day": "2026-11-10"}


class Play(NamedTuple):
    """A row of `games`: `clock` is the property's, in Los Angeles; amounts in cents."""

    day: str
    asset_id: str
    clock: str
    player_id: str | None
    hold: int | None
    coin_in: int
    coin_out: int
    kind: str = "game"
    property_id: str = PROPERTY

    @property
    def row(self) -> dict[str, Any]:
        local = datetime.fromisoformat(f"{self.day}T{self.clock}")
        moment = int(local.replace(tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()) * 1000
        title = {1000: ("PT1", "Blazing"), 500: ("PT2", None)}.get(self.hold or 0, (None, None))
        is_game = self.kind == "game"
        return {
            "asset_id": self.asset_id,
            "kind": self.kind,
            "started_at": moment if is_game else None,
            "ended_at": moment + 3_000,
            "player_id": self.player_id,
            "paytable_id": title[0],
            "game_id": title[1],
            "hold_basis_points": self.hold,
            "coin_in_cents": self.coin_in,
            "coin_out_cents": self.coin_out,
            "handpay_cents": 0 if is_game else self.coin_out,
            "theoretical_win": self.coin_in * (self.hold or 0),
            "complete": True if is_game else None,
        }


GAMES = (
    Play(MON, "101", "20:00:00", "p1", 1000, 500, 0),
    Play(MON, "101", "20:00:06", "p1", 1000, 500, 1200),
    Play(MON, "101", "20:20:00", None, 1000, 100, 0),
    Play(MON, "102", "21:05:00", "p2", 500, 200, 0),
    Play(TUE, "102", "20:59:59", "p1", 500, 300, 50),
    Play(TUE, "102", "21:30:00", "p1", None, 0, 1000, "handpay"),
    Play(NEXT_TUE, "101", "20:10:00", "p1", 1000, 700, 0),
    Play(NEXT_TUE, "101", "20:10:30", "p3", None, 400, 100),
    # Not asked about: another property, and a day after the last.
    Play(MON, "101", "20:00:00", "p9", 1000, 999, 0, property_id="golden-south"),
    Play("2026-11-11", "101", "20:00:00", "p9", 1000, 999, 0),
)

# An event's page is of five minutes: 299,999 is of the first, 300,000 of the second.
EVENTS: tuple[tuple[str, str, int, str], ...] = (
    (MON, "game_events", 299_999, "a"),
    (MON, "game_events", 300_000, "a"),
    (MON, "game_events", 300_000, "b"),
    (MON, "card_events", 1, "c"),
    (TUE, "game_events", 1, "twice"),
    (TUE, "game_events", 2, "twice"),
)

COUNTS = {MON: Counts(7, 4, 2, 1), TUE: Counts(2, 2, 0, 0)}


class Said(NamedTuple):
    """A row of `application_events`; `clock` is UTC."""

    day: str
    clock: str
    player_id: str | None
    event_type: str
    level_id: str | None
    app_version: str
    application_id: str = "race"
    property_id: str = PROPERTY


SAID = (
    Said(MON, "10:00:00.000", "p1", "level_started", "L1", "1.0"),
    Said(MON, "10:10:00.500", "p1", "level_finished", "L1", "1.0"),
    # 30 minutes of silence are no end of a session, and a millisecond more is one.
    Said(MON, "10:40:00.500", "p1", "client_crashed", "L1", "1.0"),
    Said(MON, "11:10:00.501", "p1", "level_started", "L2", "1.1"),
    Said(MON, "23:50:00.000", "p2", "level_started", "L1", "1.0"),
    Said(MON, "12:00:00.000", "p1", "round_played", None, "", "chase"),
    # The session of the evening before goes on.
    Said(TUE, "00:05:00.000", "p2", "level_finished", "L1", "1.0"),
    Said(TUE, "12:00:00.000", "p1", "level_started", "L1", "1.1"),
    Said(TUE, "12:00:00.000", None, "client_crashed", None, "1.1"),
    Said(NEXT_TUE, "12:00:00.000", "p1", "level_started", "L2", "1.1"),
    Said(NEXT_TUE, "12:00:00.000", "p3", "level_finished", "L1", "1.1"),
    # Not asked about: another property, and a day after the last.
    Said(MON, "12:00:00.000", "p9", "level_started", "L1", "1.0", property_id="golden-south"),
    Said("2026-11-11", "12:00:00.000", "p9", "level_started", "L1", "1.0"),
)

GAME_COUNTS = {MON: Counts(8, 6, 1, 1), TUE: Counts(4, 4, 0, 0), NEXT_TUE: Counts(2, 2, 0, 0)}


_SAMPLES: Mapping[str, Any] = {
    "VARCHAR": "x",
    "VARCHAR[]": ["x"],
    "BIGINT": 1,
    "BOOLEAN": True,
    "DOUBLE": 0.5,
    "TIMESTAMP": "2026-11-02 20:00:00",
    "MAP(VARCHAR, BIGINT)": {"x": 1},
}


def sample(kind: str) -> Any:
    """A value of a column's type; of a decimal one that no float or BIGINT holds."""
    if kind.startswith("DECIMAL"):
        return Decimal(10) ** 37 if kind == "DECIMAL(38, 0)" else Decimal("0.1")
    return _SAMPLES[kind]


def usd(text: str) -> Decimal:
    return Decimal(text)


ANSWERS: Mapping[str, list[tuple[Any, ...]]] = {
    "daily_players": [
        (MON, 2, 3, 1, usd("12.00"), usd("1.00"), usd("1.100000"), usd("0.00")),
        (TUE, 1, 1, 0, usd("3.00"), usd("0.00"), usd("0.150000"), usd("-7.50")),
        (NEXT_TUE, 2, 2, 0, usd("11.00"), usd("0.00"), usd("0.700000"), usd("10.00")),
    ],
    "daily_machines": [
        (MON, "101", 3, 1, usd("11.00"), usd("12.00"), usd("-1.00"), usd("1.100000"), -9.09),
        (MON, "102", 1, 1, usd("2.00"), usd("0.00"), usd("2.00"), usd("0.100000"), 100.0),
        (TUE, "102", 1, 1, usd("3.00"), usd("10.50"), usd("-7.50"), usd("0.150000"), -250.0),
        (NEXT_TUE, "101", 2, 2, usd("11.00"), usd("1.00"), usd("10.00"), usd("0.700000"), 90.91),
    ],
    "adt": [
        # (1,000,000 + 150,000 + 700,000) / 3 days, rounded down
        ("p1", 3, 0, usd("1.850000"), usd("0.616666"), NEXT_TUE),
        ("p2", 1, 0, usd("0.100000"), usd("0.100000"), MON),
        ("p3", 0, 1, usd("0.000000"), None, NEXT_TUE),
    ],
    "hold": [
        (
            *("101", 5, 1, usd("22.00"), usd("1.800000"), usd("9.000000"), usd("7.200000")),
            *(8.182, 40.909, 32.727, False),
        ),
        (
            *("102", 2, 0, usd("5.00"), usd("0.250000"), usd("-5.500000"), usd("-5.750000")),
            *(5.0, -110.0, -115.0, False),
        ),
    ],
    "busiest_hours": [
        (20, 6, 2, 2, 3, usd("25.00"), usd("1.950000")),
        (21, 1, 1, 1, 1, usd("2.00"), usd("0.100000")),
    ],
    "games_per_hour": [
        ("Blazing", 1, 4, usd("0.75"), 5.3, usd("18.00")),
        ("PT2", 1, 2, usd("0.50"), 4.0, usd("5.00")),
        ("not known", 1, 1, usd("0.25"), 4.0, usd("4.00")),
    ],
    "retention": [
        (date(2026, 11, 2), 0, 2, 2, 100.0),
        (date(2026, 11, 2), 1, 2, 1, 50.0),
        (date(2026, 11, 9), 0, 1, 1, 100.0),
    ],
    "dau": [
        (MON, "chase", 1, 1),
        (MON, "race", 2, 5),
        (TUE, "race", 2, 3),
        (NEXT_TUE, "race", 2, 2),
    ],
    "mau": [
        (MON, "chase", 1, 2),
        (MON, "race", 2, 2),
        (TUE, "race", 2, 3),
        (NEXT_TUE, "race", 3, 10),
    ],
    "mau_by_month": [("2026-11", "chase", 1, 1), ("2026-11", "race", 3, 3)],
    "sessions": [
        (MON, "chase", 1, 1, usd("0.000"), usd("0.000"), 0.0),
        # 40 minutes and half a second, nothing, and 15 minutes into the next day
        (MON, "race", 3, 2, usd("3300.500"), usd("2400.500"), 18.3),
        (TUE, "race", 1, 1, usd("0.000"), usd("0.000"), 0.0),
        (NEXT_TUE, "race", 2, 2, usd("0.000"), usd("0.000"), 0.0),
    ],
    "game_retention": [
        (MON, "chase", 1, 0, 0.0, 0, 0.0, None, None),
        (MON, "race", 2, 2, 100.0, 0, 0.0, None, None),
        (NEXT_TUE, "race", 1, *[None] * 6),
    ],
    "crashes_by_version": [
        ("chase", "", 0, 0, 1, 100.0),
        ("race", "1.0", 1, 1, 2, 50.0),
        ("race", "1.1", 1, 0, 2, 100.0),  # nobody's
    ],
    "level_funnel": [
        ("race", "L1", 2, 2, 3, 3, 100.0),
        ("race", "L2", 1, 0, 2, 0, 0.0),
    ],
    "game_evidence": [
        (MON, 8, 6, 1, 1, 6, 6, True),
        (TUE, 4, 4, 0, 0, 3, 3, False),  # an event is not there
        (NEXT_TUE, 2, 2, 0, 0, 2, 2, True),
    ],
    "dedupe_evidence": [
        (MON, 7, 4, 2, 1, 4, 4, True),
        (TUE, 2, 2, 0, 0, 2, 1, False),  # the tables hold an event twice
    ],
}
"""What each query finds of `RANGE`, in its order."""


def write(folder: Path) -> list[str]:
    """Write the lake below a folder; the keys of its objects."""
    return [*_tables(folder), *_manifests(folder)]


def files(folder: Path) -> dict[str, list[Path]]:
    """The files of each table."""
    return {
        table.name: sorted(
            path for path in (folder / table.prefix).rglob("*") if path.suffix[1:] in FILES
        )
        for table in tables()
    }


FILES = ("json", "parquet")


def _tables(folder: Path) -> Iterator[str]:
    known = {table.name: table for table in tables()}
    partitions: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for play in GAMES:
        partitions.setdefault(("games", play.property_id, play.day), []).append(play.row)
    for day, name, at, event_id in EVENTS:
        row = {"event_id": event_id, "asset_id": "101", "occurred_at": at}
        partitions.setdefault((name, PROPERTY, day), []).append(row)
    for number, said in enumerate(SAID):
        moment = datetime.fromisoformat(f"{said.day}T{said.clock}+00:00")
        row = {**said._asdict(), "event_id": f"e-{number}", "is_trusted": False, "data": "{}"}
        row["occurred_at"] = round(moment.timestamp() * 1_000)
        for other in ("day", "clock", "property_id"):
            del row[other]
        partition = ("application_events", said.property_id, said.day)
        partitions.setdefault(partition, []).append(row)
    with duckdb.connect() as database:
        for (name, property_id, day), rows in partitions.items():
            key = table_key(name, property_id, day)
            write_parquet(known[name], rows, folder / key, database)
            yield key


def write_parquet(
    table: Table, rows: list[dict[str, Any]], path: Path, database: duckdb.DuckDBPyConnection
) -> None:
    """Rows as one file of a table; null where a row has no such column."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ", ".join(f'"{column.name}" {column.kind}' for column in table.columns)
    database.execute(f"CREATE OR REPLACE TABLE written ({columns})")
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        database.execute(f"INSERT INTO written ({names}) VALUES ({marks})", list(row.values()))
    database.execute(f"COPY written TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def _manifests(folder: Path) -> Iterator[str]:
    of_families = [
        *((manifest_key(PROPERTY, day), day, counts) for day, counts in COUNTS.items()),
        *((manifest_key(PROPERTY, day, GAME), day, counts) for day, counts in GAME_COUNTS.items()),
    ]
    for key, day, counts in of_families:
        manifest = Manifest(PROPERTY, day, counts, 0, {}, {"game.ended": counts}, {}, [], [])
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(manifest.to_json())
        yield key

"""What can be imported: the tables, their columns, keys and checks.

Names of columns say their unit: `..._amount` is in units of the row's `currency` (dollars, not
cents), `..._share` is of 1 (0.05 is 5 %), `..._at` is epoch milliseconds, `..._local` the
property's wall clock as the file has it. Amounts and shares are DECIMAL, exact; nothing is a float.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

WHOLE_DIGITS = 15
"""Digits before the point that a number may have."""

SHARE_DECIMALS = 8
"""Of every share as it is kept."""


class SourceName(StrEnum):
    """What a file holds."""

    SLOT_METERS = "slot-meters"
    PROMOTIONS = "promotions"
    TABLE_SESSIONS = "table-sessions"


class Kind(StrEnum):
    """What the cells of a column say."""

    TEXT = "text"
    ASSET = "asset"
    """A machine: padding zeros are taken off, as everywhere."""
    COUNT = "count"
    AMOUNT = "amount"
    SHARE = "share"
    MOMENT = "moment"
    """The property's wall clock; becomes two columns, `<name>_local` and `<name>_at`."""


class Column(Struct, frozen=True):
    """A column of a table, and what a cell of it may say."""

    name: str
    kind: Kind = Kind.TEXT
    decimals: int = 0
    """More are a fault, unless they are zeros."""
    signed: bool = False
    optional: bool = False
    """A file may lack it, and a cell of it may be empty."""
    longest: int = 64
    """Characters of a text."""

    @property
    def sql_type(self) -> str:
        """Its type in the table."""
        match self.kind:
            case Kind.TEXT | Kind.ASSET:
                return "VARCHAR"
            case Kind.COUNT:
                return "BIGINT"
            case Kind.AMOUNT:
                return f"DECIMAL({WHOLE_DIGITS + self.decimals}, {self.decimals})"
            case Kind.SHARE:
                return f"DECIMAL({SHARE_DECIMALS + 1}, {SHARE_DECIMALS})"
            case Kind.MOMENT:
                return "TIMESTAMP"


class Source(Struct, frozen=True):
    """One table that files are imported into."""

    name: SourceName
    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Two rows of one key are one fact: told twice, or a conflict. Its first moment dates it."""
    flags: Mapping[str, str]
    """What a person should look at, by the name of the flag: SQL over the table's columns."""
    sums: tuple[str, ...]
    """What is summed, by currency."""
    rated: bool = False
    """Its rows are table sessions, to be rated by `pitboss.rating.tables`."""

    @property
    def moments(self) -> tuple[str, ...]:
        """The columns that are moments; the first decides the gaming day."""
        return tuple(column.name for column in self.columns if column.kind is Kind.MOMENT)


_CURRENCY = Column("currency", longest=8)

_SLOT_METERS = Source(
    SourceName.SLOT_METERS,
    "slot_meters",
    (
        Column("asset_id", Kind.ASSET),
        Column("model", optional=True),
        Column("maker", optional=True),
        _CURRENCY,
        Column("hour", Kind.MOMENT),
        Column("games", Kind.COUNT),
        Column("coin_in_amount", Kind.AMOUNT, decimals=5),
        Column("actual_win_amount", Kind.AMOUNT, decimals=5, signed=True),
        Column("theoretical_win_amount", Kind.AMOUNT, decimals=9),
        Column("hold_share", Kind.SHARE, decimals=SHARE_DECIMALS),
    ),
    key=("asset_id", "hour"),
    flags=MappingProxyType(
        {
            "bets_without_games": "games = 0 AND coin_in_amount <> 0",
            "games_without_bets": "games > 0 AND coin_in_amount = 0",
            "theory_disagrees": ("theoretical_win_amount <> round(coin_in_amount * hold_share, 9)"),
            # A machine that keeps more than half of what is bet: the payback was mapped as hold.
            "hold_implausible": "hold_share > 0.5",
            "off_the_hour": "hour <> date_trunc('hour', hour)",
        }
    ),
    sums=("games", "coin_in_amount", "actual_win_amount", "theoretical_win_amount"),
)

_PROMOTIONS = Source(
    SourceName.PROMOTIONS,
    "promotions",
    (
        Column("player_id"),
        Column("promotion"),
        Column("issued", Kind.MOMENT),
        _CURRENCY,
        Column("card_level", optional=True),
        Column("value_amount", Kind.AMOUNT, decimals=5),
        Column("cost_amount", Kind.AMOUNT, decimals=5),
    ),
    key=("player_id", "promotion", "issued"),
    flags=MappingProxyType(
        {
            "worth_nothing": "value_amount = 0",
            "cost_exceeds_value": "cost_amount > value_amount",
        }
    ),
    sums=("value_amount", "cost_amount"),
)

_TABLE_SESSIONS = Source(
    SourceName.TABLE_SESSIONS,
    "table_sessions",
    (
        Column("table_name"),
        Column("player_id"),
        Column("card_level", optional=True),
        _CURRENCY,
        Column("started", Kind.MOMENT),
        Column("ended", Kind.MOMENT),
        Column("minutes", Kind.COUNT),
        Column("average_bet_amount", Kind.AMOUNT, decimals=2),
        Column("actual_win_amount", Kind.AMOUNT, decimals=2, signed=True),
        Column("decisions_an_hour", Kind.COUNT, optional=True),
        Column("house_edge_share", Kind.SHARE, decimals=5, optional=True),
        Column("cash_in_amount", Kind.AMOUNT, decimals=2, optional=True),
        Column("chips_in_amount", Kind.AMOUNT, decimals=2, optional=True),
        Column("cash_out_amount", Kind.AMOUNT, decimals=2, optional=True),
    ),
    key=("table_name", "player_id", "started"),
    flags=MappingProxyType({}),
    sums=("minutes", "actual_win_amount", "theoretical_win_units"),
    rated=True,
)

SOURCES: Mapping[SourceName, Source] = MappingProxyType(
    {source.name: source for source in (_SLOT_METERS, _PROMOTIONS, _TABLE_SESSIONS)}
)
"""Every source by its name."""

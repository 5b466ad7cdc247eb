"""The use case: a property's gaming day as it was rated, a row for each game and each gap."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from pitboss.errors import TransientError
from pitboss.lake.rated import GAMES, GAPS, HOLDS
from pitboss.lake.tables import Table, table_of
from pitboss.rating.fold import GameNote, GapNote, HandpayNote, House, RatedNote, SessionDay
from pitboss.rating.history import MachineDay, Page
from pitboss.rating.ledger import Line, is_same_money, total
from pitboss.rating.reading import LedgerReader
from pitboss.stores.ratings import Asset, MachineRating

MAX_PAGES = 2_000
"""Pages that one machine's gaming day is folded from: a day of 25 hours has 300, and play may have
waited longer for its first paytable."""

REPORT_DAYS = 31
"""Gaming days, the exported one among them, whose paytable reports give games their names."""


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...
    def write(self, table: Table, day: str, rows: Iterable[Sequence[object]]) -> int: ...


class Ratings(Protocol):
    """Where ratings are read; see `pitboss.stores.ratings.DynamoRatings`."""

    def floor(self, property_id: str) -> list[MachineRating]: ...
    def machine_day(self, asset: Asset, day: str) -> MachineDay | None: ...
    def pages(self, asset: Asset, first: int, last: int, earliest: int) -> list[Page]: ...


class PaytableName(NamedTuple):
    """What a machine reported of a paytable, and when."""

    reported_at: int
    game_number: int
    hold_basis_points: int
    paytable_id: str | None
    game_id: str | None


class GameRow(NamedTuple):
    """A row of the table `games`; see `pitboss.lake.rated.GAMES`."""

    asset_id: str
    kind: str
    started_at: int | None
    ended_at: int | None
    player_id: str | None
    session_started_at: int | None
    game_number: int | None
    paytable_id: str | None
    game_id: str | None
    hold_basis_points: int | None
    coin_in_cents: int
    coin_out_cents: int
    handpay_cents: int
    theoretical_win: int
    complete: bool | None


class GapRow(NamedTuple):
    """A row of the table `gaps`."""

    asset_id: str
    since: int | None
    at: int
    amount_cents: int
    is_overflow: bool


class Export(NamedTuple):
    """A property's gaming day, by machine and time."""

    games: list[GameRow]
    gaps: list[GapRow]


class Exported(NamedTuple):
    """How many rows `games` and `gaps` have."""

    games: int
    gaps: int


class LedgerMoved(TransientError):
    """The lines of a machine's gaming day do not add up to what is stored: it is being played, or
    a correction is being made.
    """

    def __init__(self, asset: Asset, day: str) -> None:
        super().__init__(
            f"the lines of machine {asset.asset_id} of {asset.property_id} on {day} do not add up "
            "to what is stored; try again when its corrections are made"
        )


def export_day(
    ratings: Ratings, tables: Tables, house: House, property_id: str, day: str
) -> Exported:
    """Write the tables of a property's gaming day.

    Raises:
        LedgerMoved: the day is not at rest.
    """
    names = _paytable_names(tables, day)
    games, gaps = export(ratings, house, property_id, day, names)
    tables.write(GAMES, day, games)
    tables.write(GAPS, day, gaps)
    tables.write(HOLDS, day, tables.rows(hold_sums(tables.table(GAMES, [day]))))
    return Exported(len(games), len(gaps))


def hold_sums(games: str) -> str:
    """What the hold of a gaming day is judged by: games with start, end and a known hold. Columns
    as in `pitboss.lake.rated.HOLDS`.
    """
    return f"""
        SELECT asset_id, game_number, hold_basis_points, paytable_id, game_id, count(*),
            sum(c), sum(coin_out_cents), sum(theoretical_win), sum(e * e), sum(e * c), sum(c * c)
        FROM (
            SELECT *, CAST(coin_in_cents AS HUGEINT) AS c,
                10000 * (c - coin_out_cents) - theoretical_win AS e
            FROM {games} WHERE kind = 'game' AND complete AND hold_basis_points IS NOT NULL
        )
        GROUP BY ALL
        ORDER BY asset_id, game_number, hold_basis_points, paytable_id, game_id
    """


def _paytable_names(tables: Tables, day: str) -> dict[str, list[PaytableName]]:
    """What each machine reported of its paytables lately, in order."""
    last = date.fromisoformat(day)
    days = [(last - timedelta(back)).isoformat() for back in range(REPORT_DAYS)]
    reports = tables.table(table_of("paytable.reported", 1), days)
    names: dict[str, list[PaytableName]] = {}
    for asset_id, *report in tables.rows(
        "SELECT asset_id, occurred_at, game_number, 10000 - base_basis_points, paytable_id, "
        f"game_id FROM {reports} ORDER BY asset_id, occurred_at, sequence, event_id"
    ):
        names.setdefault(asset_id, []).append(PaytableName(*report))
    return names


def export(
    ratings: Ratings,
    house: House,
    property_id: str,
    day: str,
    paytables: Mapping[str, Sequence[PaytableName]],
) -> Export:
    """The ledger of every machine of a property's gaming day.

    Args:
        ratings: where they are kept.
        house: the property's rules.
        property_id: the property.
        day: the gaming day, an ISO date.
        paytables: what each machine reported of its paytables lately, in order.

    Raises:
        LedgerMoved: the day is not at rest.
    """
    result = Export([], [])
    assets = sorted(machine.asset_id for machine in ratings.floor(property_id))
    for asset_id in assets:
        lines = _lines(ratings, house, Asset(property_id, asset_id), day)
        names = _Names(paytables.get(asset_id, ()))
        result.games.extend(sorted(_games(asset_id, lines, names), key=_order))
        result.gaps.extend(_gaps(asset_id, lines))
    return result


def _lines(ratings: Ratings, house: House, asset: Asset, day: str) -> list[Line]:
    """The lines that count for the gaming day, in the order in which they were made."""

    def is_of_day(key: SessionDay) -> bool:
        return key.day == day

    for _ in range(2):  # once more where an event came in between
        stored = ratings.machine_day(asset, day)
        if stored is None or stored.first_play is None or stored.last_play is None:
            return []
        reader = LedgerReader(house, MAX_PAGES)
        found = reader.lines(
            partial(ratings.pages, asset),
            stored.first_play,
            stored.last_play,
            is_of_day,
            stored.tally,
        )
        lines = [line for line in found if line.key is not None and line.key.day == day]
        if is_same_money(total(lines), stored.tally):
            return lines
    raise LedgerMoved(asset, day)


class _Names:
    """What the paytables of a machine's games are called."""

    def __init__(self, reports: Iterable[PaytableName]) -> None:
        self._by_hold: dict[tuple[int, int], list[PaytableName]] = {}
        for report in reports:
            known = self._by_hold.setdefault((report.game_number, report.hold_basis_points), [])
            known.append(report)

    def of(self, game: GameNote) -> tuple[str | None, str | None]:
        """Paytable and game of the last report before it that has its hold: its game number's, or
        the machine's.
        """
        hold = game.hold_basis_points
        if hold is None:
            return None, None
        moment = game.started_at or game.ended_at or 0
        for number in dict.fromkeys((game.game_number, 0)):
            reports = self._by_hold.get((number, hold), [])
            place = bisect_right(reports, moment, key=attrgetter("reported_at"))
            if reports:
                # The first report counts for what was played before it, as in rating.
                report = reports[max(place - 1, 0)]
                return report.paytable_id or None, report.game_id or None
        return None, None


def _games(asset_id: str, lines: Iterable[Line], names: _Names) -> Iterator[GameRow]:
    game: GameRow | None = None
    for line in lines:
        note = line.note
        if isinstance(note, GameNote):
            if game is not None:
                yield game
            game = _game(asset_id, note, names)
        elif isinstance(note, HandpayNote):
            if game is not None:  # it was paid for the game before it
                game = game._replace(
                    coin_out_cents=game.coin_out_cents + note.coin_out_cents,
                    handpay_cents=game.handpay_cents + note.amount_cents,
                )
            else:
                yield _amounts(
                    asset_id,
                    "handpay",
                    note.key,
                    note.at,
                    coin_out_cents=note.coin_out_cents,
                    handpay_cents=note.amount_cents,
                )
        elif isinstance(note, RatedNote):
            yield _amounts(
                asset_id,
                "first_paytable",
                note.key,
                note.at,
                hold_basis_points=note.hold_basis_points,
                coin_in_cents=note.valued_coin_in_cents,
                coin_out_cents=note.coin_out_cents,
                theoretical_win=note.theoretical_win,
            )
    if game is not None:
        yield game


def _game(asset_id: str, note: GameNote, names: _Names) -> GameRow:
    paytable_id, game_id = names.of(note)
    return GameRow(
        asset_id,
        "game",
        note.started_at,
        note.ended_at,
        note.key.player_id,
        _session(note.key),
        note.game_number,
        paytable_id,
        game_id,
        note.hold_basis_points,
        note.coin_in_cents,
        note.coin_out_cents,
        note.handpaid_cents,
        note.theoretical_win,
        note.started_at is not None and note.ended_at is not None,
    )


def _amounts(
    asset_id: str,
    kind: str,
    key: SessionDay,
    at: int,
    *,
    hold_basis_points: int | None = None,
    coin_in_cents: int = 0,
    coin_out_cents: int = 0,
    handpay_cents: int = 0,
    theoretical_win: int = 0,
) -> GameRow:
    """Amounts of no game in particular."""
    return GameRow(
        *(asset_id, kind, None, at, key.player_id, _session(key), None, None, None),
        *(hold_basis_points, coin_in_cents, coin_out_cents, handpay_cents, theoretical_win, None),
    )


def _session(key: SessionDay) -> int | None:
    return None if key.player_id is None else key.started_at


def _order(row: GameRow) -> tuple[int, int]:
    """By start, else end; equal ones stay in the order in which they were made."""
    moment = row.ended_at if row.started_at is None else row.started_at
    return moment or 0, int(row.kind != "game")


def _gaps(asset_id: str, lines: Iterable[Line]) -> Iterator[GapRow]:
    for line in lines:
        note = line.note
        if isinstance(note, GapNote):
            gap = note.gap
            yield GapRow(asset_id, gap.since or None, note.at, gap.amount_cents, gap.is_overflow)

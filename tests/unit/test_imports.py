"""What becomes of every row: accounts, mappings and lines, on small files and on the real ones."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.gaming_day import GamingDay
from pitboss.imports.accounts import Account, Accounts
from pitboss.imports.lines import MAX_LINE_BYTES, RefusedFile
from pitboss.imports.mapping import InvalidMapping, parse, shipped_text
from pitboss.imports.sources import SOURCES, SourceName
from pitboss.imports.summary import CurrencySums, Finding
from pitboss.rating.tables import rate_session, table_dollars
from workbench.table_sessions import TableAudit, read_sessions

DATA = Path(os.environ.get("PITBOSS_DATA", Path(__file__).parents[3] / "shared" / "data"))
REAL = DATA / "big-casino"
needs_real_files = pytest.mark.skipif(
    not REAL.exists(), reason=f"third-party data is absent: {REAL}"
)

VIENNA = GamingDay.parse("Europe/Vienna@06:00")
METERS = SourceName.SLOT_METERS
SESSIONS = SourceName.TABLE_SESSIONS

METER_HEADINGS = (
    "Slot Name,Model Name,Make Name,Slot Currency,Slot Reading Hour,Games Played This Hour,"
    "Dollars Player Bet,Dollars Player Lost,Theory Player Lost Amount,Slot Ideal Payback Percentage"
)
SESSION_HEADINGS = (
    "Table Name,Player Name,Play Start Date Exact,Play End Date Exact,"
    "Total Minutes Played This Session,Table Currency,Player Card Level,"
    "Session Cash Buy In Dollars,Session Chips Buy In Dollars,Session Cash Out Amount Dollars,"
    "Session Player Lost Dollars,Session Player Average Bet,Number of Bets Per Hour,Hold Percentage"
)


def meter(
    asset: str = "Slot 1",
    hour: str = "2019-01-19 01:00:00",
    games: object = 10,
    bet: object = "48.57000",
    *,
    won: object = "25.2",
    theory: object = "2.4285",
    hold: object = "0.05",
    currency: str = "$",
    model: str = "A560",
) -> str:
    cells = (asset, model, "Maker", currency, hour, games, bet, won, theory, hold)
    return ",".join(map(str, cells))


def slip(
    table: str = "BJ-3",
    player: str = "Player 7",
    start: str = "1/7/2019 10:20:00 AM",
    *,
    minutes: object = 30,
    bet: object = 20,
    pace: object = 50,
    edge: object = "0.02500",
    cash: object = 0,
) -> str:
    end = "1/7/2019 10:50:00 AM"
    cells = (table, player, start, end, minutes, "$", "Card", cash, 0, 0, -40, bet, pace, edge)
    return ",".join(map(str, cells))


def text(rows: Iterable[str], headings: str = METER_HEADINGS) -> str:
    return "".join(f"{line}\r\n" for line in (headings, *rows))


@dataclass
class Settled:
    """Accounts that are settled, and where their partitions are written."""

    accounts: Accounts
    folder: Path
    files: int
    _written: list[Path] = field(default_factory=list)

    @property
    def totals(self) -> Account:
        return Account(*map(sum, zip(*map(self.accounts.account, range(self.files)), strict=True)))

    @property
    def days(self) -> list[str]:
        return sorted({day for n in range(self.files) for day in self.accounts.days(n)})

    def bytes_of(self, day: str) -> bytes:
        path = self.folder / "partition"
        assert self.accounts.write(day, path)
        return path.read_bytes()

    def rows(self, columns: str) -> list[Any]:
        """What stands in all partitions, sorted; a row of one column is its value."""
        for day in self.days:
            assert self.accounts.write(day, self.folder / f"{day}.parquet")
        if not self.days:
            return []
        sql = f"SELECT {columns} FROM read_parquet('{self.folder}/*.parquet')"
        found = duckdb.connect().execute(sql).fetchall()
        return sorted(row[0] if len(row) == 1 else row for row in found)

    def findings(self, file: int = 0) -> list[Finding]:
        return self.accounts.findings(file)


@contextmanager
def settled(
    *files: str | bytes | Path,
    source: SourceName = METERS,
    mapping: str | None = None,
    rule: GamingDay = VIENNA,
    paces: Mapping[tuple[str, str], int] | None = None,
) -> Iterator[Settled]:
    read = parse(shipped_text(source) if mapping is None else mapping, source)
    with (
        TemporaryDirectory() as name,
        Accounts(SOURCES[source], rule, Path(name), paces or {}) as accounts,
    ):
        for number, content in enumerate(files):
            path = Path(name) / f"{number}.csv"
            if isinstance(content, Path):
                path = content
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            accounts.add(path, read, f"f{number}", f"f{number}")
        accounts.settle()
        yield Settled(accounts, Path(name), len(files))


# --- duplicates and conflicts ---------------------------------------------------------------------


def test_the_first_row_of_a_key_stands_and_what_follows_is_accounted_for() -> None:
    rows = [meter(), meter(bet="48.57"), meter(games=11), meter(), meter("Slot 2")]

    with settled(text(rows)) as found:
        assert found.totals == Account(5, 2, 2, 1, 0)
        assert found.rows("asset_id, games, source_line") == [("Slot 1", 10, 2), ("Slot 2", 10, 6)]
        assert found.findings() == [
            Finding(
                4,
                None,
                "Slot 1 2019-01-19 01:00:00 is known with other values by line 2, which stands",
            )
        ]


def test_a_row_of_another_file_is_known_by_its_name() -> None:
    with settled(text([meter("Slot 9"), meter()]), text([meter(), meter(games=11)])) as found:
        assert found.accounts.account(0) == Account(2, 2, 0, 0, 0)
        assert found.accounts.account(1) == Account(2, 0, 1, 1, 0)
        assert "by line 3 of f0" in found.findings(1)[0].problem
        assert found.rows("source_file") == ["f0", "f0"]


def test_sums_are_told_with_repeats_and_without_in_each_currency_for_itself() -> None:
    rows = [meter(), meter(), meter("Slot 2", currency="C$", bet="0.00001")]

    with settled(text(rows)) as found:
        before = found.accounts.sums(0, with_repeats=True)
        after = found.accounts.sums(0, with_repeats=False)

    assert [(part.currency, part.rows, part.sums["coin_in_amount"]) for part in before] == [
        ("$", 2, "97.14000"),
        ("C$", 1, "0.00001"),
    ]
    assert after[0] == CurrencySums(
        "$",
        1,
        {
            "games": "10",
            "coin_in_amount": "48.57000",
            "actual_win_amount": "25.20000",
            "theoretical_win_amount": "2.428500000",
        },
    )


ROWS = st.lists(
    st.builds(
        lambda asset, hour, games: meter(f"Slot {asset}", f"2019-01-19 {hour:02}:00:00", games),
        st.integers(1, 2),
        st.integers(4, 8),
        st.integers(0, 2),
    ),
    max_size=12,
)


@settings(max_examples=10, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=3), st.randoms())
def test_every_row_is_accounted_for_in_any_order(files: list[list[str]], random: Any) -> None:
    rows = [row for file in files for row in file]
    expected: dict[tuple[str, str], str] = {}
    duplicates = 0
    for row in rows:
        asset, _, _, _, hour, *_ = row.split(",")
        duplicates += expected.setdefault((asset, hour), row) == row
    duplicates -= len(expected)

    with settled(*map(text, files)) as found:
        totals = found.totals
        stands = found.rows("asset_id, hour_local::VARCHAR, games")
    shuffled = random.sample(rows, len(rows))
    with settled(text(shuffled)) as again:
        disordered = again.totals

    conflicts = len(rows) - len(expected) - duplicates
    assert totals == Account(len(rows), len(expected), duplicates, conflicts, 0)
    assert stands == sorted((*key, int(row.split(",")[5])) for key, row in expected.items())
    # In another order other rows may stand, but as many, and nothing is lost.
    assert (disordered.rows, disordered.standing) == (len(rows), len(expected))
    assert disordered.duplicates + disordered.conflicts == duplicates + conflicts


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=20), st.randoms())
def test_what_stands_is_the_same_to_the_byte_in_whatever_files_rows_come(
    hours: list[int], random: Any
) -> None:
    """As long as no two rows disagree, and but for where each was first seen."""
    rows = [meter(hour=f"2019-01-19 {hour:02}:00:00", games=hour) for hour in hours]
    columns = "* EXCLUDE (source_file, source_line)"

    with settled(text(rows)) as one:
        expected = one.rows(columns)
        same = one.bytes_of(one.days[0])
        assert one.bytes_of(one.days[0]) == same
    half = len(rows) // 2
    shuffled = random.sample(rows, len(rows))
    with settled(text(shuffled[:half]), text(shuffled[half:]), text(rows)) as three:
        assert three.rows(columns) == expected
    with settled(text(rows)) as again:
        assert again.bytes_of(again.days[0]) == same


# --- what cannot be read --------------------------------------------------------------------------

BET = "Dollars Player Bet"
HOUR = "Slot Reading Hour"
HOLD = "Slot Ideal Payback Percentage"


BAD_ROWS = [
    (meter(asset=""), "Slot Name", "is empty"),
    (meter(asset="x" * 65), "Slot Name", "is longer than 64 characters"),
    (meter(asset="a\u200bb"), "Slot Name", "has a character that cannot be printed"),
    (meter(asset="000"), "Slot Name", "is empty"),
    (meter(bet=""), BET, "is empty"),
    (meter(bet="1.2.3"), BET, "'1.2.3' is no number"),
    (meter(bet="1e9"), BET, "'1e9' is no number"),
    (meter(bet="NaN"), BET, "'NaN' is no number"),
    (meter(bet="$5"), BET, "'$5' is no number"),
    (meter(bet="-1"), BET, "'-1' is negative"),
    (meter(bet="9" * 16), BET, "'9999999999999999' has more than 15 digits before the point"),
    (meter(bet="9" * 60), BET, f"'{'9' * 40}' has more than 15 digits before the point"),
    (meter(bet="0.000001"), BET, "'0.000001' has more than 5 decimals"),
    (meter(games="1.5"), "Games Played This Hour", "'1.5' has a fraction"),
    (meter(games="many"), "Games Played This Hour", "'many' is no number"),
    (meter(hour="19/01/2019 1:00"), HOUR, "'19/01/2019 1:00' is no moment like 2019-01-31"),
    (meter(hour="2019-02-30 01:00:00"), HOUR, "'2019-02-30 01:00:00' is no moment"),
    (meter(hour="1019-01-19 01:00:00"), HOUR, "is not between 1990 and 2199"),
    (meter(hold="5"), HOLD, "'5' is no share from 0 to 1"),
    (meter(hold="-0.05"), HOLD, "'-0.05' is negative"),
    (meter(hold="9" * 30), HOLD, "has more than 15 digits"),
    (meter() + ",more", None, "it has 11 cells, the headings are 10"),
    ("Slot 1", None, "it has 1 cells, the headings are 10"),
    (meter(model='"Reel'), None, "it is no row of separated values"),
    (meter(model="a\x00b"), None, "it has a control character"),
    (meter(model="x" * MAX_LINE_BYTES), None, "it is longer than 65536 bytes"),
]


@pytest.fixture(scope="module")
def bad_among_good() -> Iterator[Settled]:
    """Every bad row, each between two good ones."""
    rows = [meter("Slot 0")]
    for number, (row, _, _) in enumerate(BAD_ROWS, start=1):
        rows += [row, meter(f"Slot {number}")]
    with settled(text(rows)) as found:
        yield found


def test_bad_rows_spoil_no_other(bad_among_good: Settled) -> None:
    bad = len(BAD_ROWS)

    assert bad_among_good.totals == Account(2 * bad + 1, bad + 1, 0, 0, bad)
    assert len(set(bad_among_good.rows("asset_id"))) == bad + 1


@pytest.mark.parametrize("number", range(len(BAD_ROWS)))
def test_a_row_that_cannot_be_read_is_named(bad_among_good: Settled, number: int) -> None:
    _, column, problem = BAD_ROWS[number]
    (reason, finding), *_ = [
        aside
        for aside in bad_among_good.accounts.set_aside(0)
        if aside.finding.line == 3 + 2 * number
    ]

    assert (reason, finding.column) == ("unreadable_row", column)
    assert problem in finding.problem


def test_bytes_that_are_no_utf_8_spoil_their_row() -> None:
    content = text([meter(), meter(model="ä")]).encode("iso-8859-1")

    with settled(content) as found:
        assert found.totals == Account(2, 1, 0, 0, 1)
        assert found.findings() == [
            Finding(3, None, "it is not utf-8: the mapping can say what it is")
        ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\r\n\n", "it is empty"),
        (text([]).encode("utf-16"), "it is UTF-16"),
        (text([slip()], SESSION_HEADINGS).encode(), "it lacks the column 'Slot Name', "),
        (text([]).replace("Dollars Player Bet", "Bet").encode(), "lacks the column 'Dollars Pla"),
        (f"Slot Name,{METER_HEADINGS}\n".encode(), "more than one column 'Slot Name'"),
        (b'"Slot Name\n', "its row of headings cannot be read"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "its row of headings cannot be read: it is not utf-8"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_whole(content: bytes, reason: str) -> None:
    with pytest.raises(RefusedFile, match=reason), settled(content):
        pass


def test_a_file_without_rows_is_an_import_of_none() -> None:
    with settled(text([])) as found:
        assert (found.totals, found.days) == (Account(0, 0, 0, 0, 0), [])


def test_marks_blank_lines_quotes_and_the_last_line_break_are_no_rows() -> None:
    content = "\ufeff" + text(["", meter(model='"A, ""B"""'), "  "]).rstrip("\r\n")

    with settled(content) as found:
        assert found.rows("model, source_line") == [('A, "B"', 3)]
        assert found.totals == Account(1, 1, 0, 0, 0)


# --- flags ----------------------------------------------------------------------------------------


FLAGGED = [
    (meter("a0"), []),
    (meter("1", games=0, bet="0", theory="0"), []),
    (meter("2", games=0), ["bets_without_games"]),
    (meter("3", bet="0", theory="0"), ["games_without_bets"]),
    (meter("4", theory="2.4286"), ["theory_disagrees"]),
    (meter("5", hold="0.95", theory="46.1415"), ["hold_implausible"]),
    (meter("6", hour="2019-01-19 01:20:00"), ["off_the_hour"]),
    (meter("7", hour="2019-10-27 02:00:00"), ["clock_change"]),
    (meter("8", hour="2019-03-31 02:00:00", games=0), ["bets_without_games", "clock_change"]),
]


def test_rows_to_look_at_are_flagged_and_stand() -> None:
    with settled(text(row for row, _ in FLAGGED)) as found:
        flags = dict(found.rows("right(asset_id, 1), flags"))
        counted = found.accounts.flagged(0)

    assert flags == {str(number): expected for number, (_, expected) in enumerate(FLAGGED)}
    assert counted == {
        "bets_without_games": 2,
        "clock_change": 2,
        **dict.fromkeys(
            ("games_without_bets", "hold_implausible", "off_the_hour", "theory_disagrees"), 1
        ),
    }


# --- moments --------------------------------------------------------------------------------------


def test_a_row_is_of_the_propertys_gaming_day_by_its_own_clock() -> None:
    hours = ["2019-07-01 05:59:59", "2019-07-01 06:00:00", "2019-07-02 05:00:00"]

    with settled(text(meter(hour=hour) for hour in hours)) as found:
        assert found.days == ["2019-06-30", "2019-07-01"]
        assert found.accounts.days(0) == found.days
        zone = ZoneInfo("Europe/Vienna")
        assert found.rows("hour_at") == [
            int(datetime.fromisoformat(hour).replace(tzinfo=zone).timestamp() * 1000)
            for hour in hours
        ]


@given(st.datetimes(datetime(2018, 1, 1), datetime(2021, 1, 1)))  # noqa: DTZ001 - a wall clock
@settings(max_examples=8, deadline=None)
def test_days_are_those_of_the_one_gaming_day_library(local: datetime) -> None:
    local = local.replace(microsecond=0)
    at = int(local.replace(tzinfo=VIENNA.zone).timestamp()) * 1000

    with settled(text([meter(hour=str(local))])) as found:
        assert found.days == [VIENNA.date_of(at).isoformat()]
        assert found.rows("hour_at") == [at]


# --- mappings -------------------------------------------------------------------------------------

OWN = """
source = "slot-meters"
[file]
delimiter = ";"
decimal = ","
encoding = "cp1252"
[columns]
asset_id = "Gerät"
hour = { heading = "Stunde", format = "%d.%m.%Y %H:%M" }
games = "Spiele"
coin_in_amount = "Einsatz"
actual_win_amount = "Ertrag"
theoretical_win_amount = "Theorie"
hold_share = { heading = "RTP", as = "payback_percent" }
[constants]
currency = "EUR"
"""


def test_a_casino_imports_its_own_columns() -> None:
    headings = "RTP;Gerät;Stunde;Spiele;Einsatz;Ertrag;Theorie"
    content = f"{headings}\n95,00;00417;19.1.2019 07:00;12;1,5;-2;0,075"

    with settled(content.encode("cp1252"), mapping=OWN) as found:
        assert found.rows(
            "asset_id, hour_local::VARCHAR, games, coin_in_amount, actual_win_amount, hold_share, "
            "theoretical_win_amount, currency, model"
        ) == [
            (
                *("417", "2019-01-19 07:00:00", 12, Decimal("1.5"), Decimal(-2)),
                *(Decimal("0.05"), Decimal("0.075"), "EUR", None),
            )
        ]
        assert found.accounts.flagged(0) == {}


@pytest.mark.parametrize(
    ("meaning", "cell"),
    [("percent", "5.25"), ("payback", "0.9475"), ("payback_percent", "94.75")],
)
def test_a_share_is_read_as_the_mapping_says_it_is_written(meaning: str, cell: str) -> None:
    mapping = shipped_text(METERS).replace('as = "share"', f'as = "{meaning}"')

    with settled(text([meter(hold=cell)]), mapping=mapping) as found:
        assert found.rows("hold_share") == [Decimal("0.0525")]


def test_values_are_told_by_what_they_mean_and_a_quote_is_only_a_quote() -> None:
    mapping = shipped_text(METERS) + '[values.currency]\n"C$" = "CA\'D"\n'

    with settled(text([meter(), meter("Slot 2", currency="C$")]), mapping=mapping) as found:
        assert found.rows("currency") == ["$", "CA'D"]


def test_a_heading_with_a_quote_is_only_a_heading() -> None:
    mapping = shipped_text(METERS).replace("Slot Name", "Slot's; DROP")
    content = text([meter(), meter(asset="")]).replace("Slot Name", "Slot's; DROP")

    with settled(content, mapping=mapping) as found:
        assert found.totals == Account(2, 1, 0, 0, 1)
        assert found.findings()[0].column == "Slot's; DROP"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('source = "slot-meters"', 'source = "promotions"', "is of promotions, the files are slot"),
        ('source = "slot-meters"', 'source = "bingo"', "Invalid enum value 'bingo'"),
        ('games = "Spiele"\n', "", "lacks games"),
        ('games = "Spiele"', 'plays = "Spiele"', "names 'plays'; columns of slot-meters are asset"),
        ("[constants]", '[constants]\ngames = "1"', "has games as a column and as a constant"),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y", "does not say day and hour"),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %I:%M", "does not say day and hour"),
        ("payback_percent", "rtp", "Invalid enum value 'rtp'"),
        ('games = "Spiele"', 'games = { heading = "S", as = "share" }', "games, which is no share"),
        ('games = "Spiele"', 'games = { heading = "S", format = "%Y" }', "which is no moment"),
        ('delimiter = ";"', 'delimiter = ","', "one character as delimiter and as decimal point"),
        ("cp1252", "utf-16", "Invalid enum value 'utf-16'"),
        ("[constants]", "[values.games]\nx = '1'\n[constants]", "games, which is no text"),
        ("[constants]", "[more]\n[constants]", "unknown field `more`"),
        ("[file]", "[file", "the mapping cannot be used"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_told_why(old: str, new: str, reason: str) -> None:
    assert old in OWN
    with pytest.raises(InvalidMapping, match=reason):
        parse(OWN.replace(old, new, 1), METERS)


@pytest.mark.parametrize("source", SourceName)
def test_the_shipped_mappings_can_be_used(source: SourceName) -> None:
    assert parse(shipped_text(source), source).target is SOURCES[source]


# --- table sessions -------------------------------------------------------------------------------


def test_table_sessions_are_rated_by_the_code_that_rates_them_everywhere() -> None:
    rows = [
        slip(),
        slip(player="B", pace="", edge="0"),
        slip(player="C", bet="0.33", minutes=7, edge="0.0526"),
        slip(player="D", bet=0),
    ]

    with settled(text(rows, SESSION_HEADINGS), source=SESSIONS) as found:
        assert found.rows("player_id, game, theoretical_win_units, theoretical_win_amount") == [
            ("B", "blackjack", 20_00 * 70 * 30 * 750, Decimal("5.25")),
            ("C", "blackjack", 33 * 50 * 7 * 5_260, Decimal("0.10125500")),
            ("D", "blackjack", 0, Decimal(0)),
            ("Player 7", "blackjack", 20_00 * 50 * 30 * 2_500, Decimal("12.50")),
        ]
        assert found.accounts.flagged(0) == {
            "average_bet_missing": 1,
            "edge_assumed": 1,
            "minutes_disagree": 1,
            "pace_assumed": 1,
        }
        (sums,) = found.accounts.sums(0, with_repeats=False)
        assert sums.sums["theoretical_win_amount"] == "17.851255"


def test_where_a_pace_was_measured_the_constant_is_not_used() -> None:
    late = slip(player="B", pace="", start="1/8/2019 3:00:00 AM")  # of the gaming day before
    rows = [slip(pace=""), late, slip("BJ-4", "C", pace=""), slip(player="D")]
    paces = {("BJ-3", "2019-01-07"): 83, ("BJ-3", "2019-01-08"): 1, ("BJ-9", "2019-01-07"): 1}

    with settled(text(rows, SESSION_HEADINGS), source=SESSIONS, paces=paces) as found:
        assert found.rows(
            "player_id, theoretical_win_units, list_contains(flags, 'pace_measured')"
        ) == [
            ("B", 20_00 * 83 * 30 * 2_500, True),
            ("C", 20_00 * 70 * 30 * 2_500, False),
            ("D", 20_00 * 50 * 30 * 2_500, False),
            ("Player 7", 20_00 * 83 * 30 * 2_500, True),
        ]
        assert found.accounts.flagged(0)["pace_assumed"] == 1


def test_a_session_that_cannot_be_rated_is_set_aside() -> None:
    rows = [
        slip(table="XX-1", pace=""),
        slip(player="B", bet="9" * 15, pace="9" * 15, minutes="9" * 15),
        slip(player="C"),
    ]

    with settled(text(rows, SESSION_HEADINGS), source=SESSIONS) as found:
        assert found.totals == Account(3, 1, 0, 0, 2)
        problems = [finding.problem for finding in found.findings()]

    assert "no constants for the game of table 'XX-1'" in problems[0]
    assert "more than 28 digits" in problems[1]


# --- the real files -------------------------------------------------------------------------------


def control(parts: Sequence[CurrencySums], name: str) -> Decimal:
    return sum((Decimal(part.sums[name]) for part in parts), Decimal())


@needs_real_files
def test_the_real_meters_come_out_right() -> None:
    files = sorted((REAL / "slot-meters").glob("*.csv"))

    with settled(*files) as found:
        before = [s for n in range(3) for s in found.accounts.sums(n, with_repeats=True)]
        totals, standing = found.totals, found.rows("asset_id")

    assert len(files) == 3
    assert control(before, "games") == 5_953_390
    assert control(before, "coin_in_amount") == Decimal("2816304.56158")
    assert control(before, "theoretical_win_amount") == Decimal("172095.370646622")
    assert control(before, "actual_win_amount") == Decimal("218036.96754")
    assert totals == Account(60_006, 59_903, 74, 29, 0)
    assert totals.duplicates + totals.conflicts == 103
    assert (len(standing), len(set(standing))) == (59_903, 160)


@needs_real_files
def test_the_real_promotions_come_out_right() -> None:
    with settled(REAL / "promotions" / "000.csv", source=SourceName.PROMOTIONS) as found:
        assert found.totals == Account(20_002, 19_980, 22, 0, 0)


@needs_real_files
def test_the_real_sessions_are_worth_what_rating_them_one_by_one_says() -> None:
    path = REAL / "table-sessions.csv"
    audit = TableAudit()
    audit.take(path)
    one_by_one = {
        row.number: rate_session(row.session).theoretical_win
        for row in read_sessions(path)
        if not isinstance(row.session, ValueError)
    }

    with settled(path, source=SESSIONS, rule=GamingDay.parse("America/Los_Angeles@06:00")) as found:
        (before,) = found.accounts.sums(0, with_repeats=True)
        stands = found.rows("source_line, theoretical_win_units, theoretical_win_amount::VARCHAR")
        totals = found.totals

    assert before.sums["theoretical_win_amount"] == audit.result()["totals"]["theoretical_win"]
    assert before.sums["theoretical_win_amount"] == "515508.51725"
    assert before.sums["actual_win_amount"] == "442767.00"
    assert totals == Account(6_700, 6_690, 5, 5, 0)
    for line, units, amount in stands:
        assert units == one_by_one[line]
        assert Decimal(amount) == Decimal(table_dollars(int(units)))

import csv
import io
import json
import os
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pitboss.rating.tables import Game, TableSession
from workbench import main, shufflers_show
from workbench.console import WorkbenchError
from workbench.event_files import FileFormat
from workbench.table_sessions import (
    AVERAGE_BET,
    CURRENCY,
    EDGE,
    END,
    LOST,
    MINUTES,
    NEEDED,
    PACE,
    PLAYER,
    START,
    TABLE,
    RowFault,
    TableAudit,
    read_session,
    read_sessions,
)

DATA = Path(os.environ.get("PITBOSS_DATA", Path(__file__).parents[3] / "shared" / "data"))
REAL_FILE = DATA / "big-casino" / "table-sessions.csv"

ROW = {
    TABLE: "BJ-3",
    PLAYER: "Player 7",
    START: "1/7/2019 11:50:00 PM",
    END: "1/8/2019 12:20:00 AM",
    MINUTES: "30",
    CURRENCY: "$",
    "Session Chips Buy In Dollars": "0",
    LOST: "-40",
    AVERAGE_BET: "20",
    PACE: "50",
    EDGE: "0.02500",
}


def text_of(rows: Iterable[dict[str, str]], headings: Iterable[str] = ROW) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(headings), extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def audit_of(*files: Path) -> TableAudit:
    audit = TableAudit()
    for path in files:
        audit.take(path)
    return audit


def audit_text(folder: Path, text: str | bytes) -> TableAudit:
    path = folder / "tables.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return audit_of(path)


def counts(result: dict[str, Any]) -> tuple[int, int, int, int]:
    received, accepted, duplicate, quarantined = (
        result[name] for name in ("received", "accepted", "duplicate", "quarantined")
    )
    assert received == accepted + duplicate + quarantined
    assert result["totals"]["sessions"] == accepted
    return received, accepted, duplicate, quarantined


# --- one row --------------------------------------------------------------------------------------


def test_a_row_is_a_session() -> None:
    midnight = 1_546_905_600_000
    assert read_session(ROW) == TableSession(
        table_name="BJ-3",
        game=Game.BLACKJACK,
        player_id="Player 7",
        started_at=midnight - 600_000,
        ended_at=midnight + 1_200_000,
        minutes=30,
        average_bet_cents=2_000,
        actual_win_cents=-4_000,
        decisions_an_hour=50,
        house_edge=2_500,
    )


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        (TABLE, "AR-12", "game", Game.AMERICAN_ROULETTE),
        (TABLE, "CSP-1", "game", Game.CARIBBEAN_STUD),
        (TABLE, "BJX-1", "game", None),
        (AVERAGE_BET, "12.50", "average_bet_cents", 1_250),
        (AVERAGE_BET, " 0.07 ", "average_bet_cents", 7),
        (AVERAGE_BET, "0", "average_bet_cents", 0),
        (LOST, "-0.01", "actual_win_cents", -1),
        (LOST, "-0", "actual_win_cents", 0),
        (MINUTES, "15.000", "minutes", 15),
        (PACE, "", "decisions_an_hour", None),
        (PACE, "0", "decisions_an_hour", None),
        (EDGE, "0.0526000", "house_edge", 5_260),
        (EDGE, "0.00001", "house_edge", 1),
        (EDGE, "1", "house_edge", 100_000),
        (EDGE, "", "house_edge", None),
        (EDGE, "0.00000", "house_edge", None),
        (CURRENCY, "€", "in_dollars", False),
        (CURRENCY, "", "in_dollars", True),
    ],
)
def test_cells_are_read_exactly(column: str, cell: str, field: str, value: Any) -> None:
    assert getattr(read_session({**ROW, column: cell}), field) == value


@pytest.mark.parametrize(
    ("column", "cell", "fault"),
    [
        (TABLE, " ", "Table Name is empty"),
        (PLAYER, "", "Player Name is empty"),
        (PLAYER, "x" * 65, "at most 64 printable characters"),
        (PLAYER, "a\x00b", r"Player Name 'a\\x00b' is no name"),
        (PLAYER, "a\udce9", r"'a\\udce9' is no name"),
        (START, "13/1/2019 1:00:00 AM", "is no moment like 1/7/2019 10:20:00 AM"),
        (START, "2/29/2019 1:00:00 AM", "is no moment like"),
        (END, "2019-01-07 10:00:00", "Play End Date Exact '2019-01-07 10:00:00' is no moment"),
        (END, "", "Play End Date Exact '' is no moment"),
        (MINUTES, "", "Total Minutes Played This Session '' is no number"),
        (MINUTES, "-1", "'-1' is negative"),
        (MINUTES, "1.5", "'1.5' has a fraction"),
        (MINUTES, "1e3", "'1e3' is no number"),
        (MINUTES, "١٢", r"'\\u0661\\u0662' is no number"),
        (MINUTES, "9" * 5_000, "is no number"),
        (AVERAGE_BET, "1,000", "Session Player Average Bet '1,000' is no number"),
        (AVERAGE_BET, "20.005", "has more than 2 decimals"),
        (AVERAGE_BET, "-20", "is negative"),
        (AVERAGE_BET, "NaN", "is no number"),
        (LOST, "$5", "Session Player Lost Dollars '[$]5' is no number"),
        (PACE, "-50", "Number of Bets Per Hour '-50' is negative"),
        (EDGE, "2.5", "Hold Percentage '2.5' is more than 1"),
        (EDGE, "0.025001", "has more than 5 decimals"),
    ],
)
def test_a_wrong_cell_is_named_with_what_is_wrong(column: str, cell: str, fault: str) -> None:
    with pytest.raises(RowFault, match=fault):
        read_session({**ROW, column: cell})


@given(
    st.integers(0, 10**9),
    st.integers(-(10**9), 10**9),
    st.integers(0, 10**6),
    st.integers(1, 10**5),
)
def test_amounts_lose_nothing(bet: int, lost: int, minutes: int, edge: int) -> None:
    said = {
        AVERAGE_BET: f"{Decimal(bet) / 100:f}",
        LOST: f"{Decimal(lost) / 100:f}",
        MINUTES: str(minutes),
        EDGE: f"{Decimal(edge) / 100_000:f}",
    }
    read = read_session({**ROW, **said})
    assert (read.average_bet_cents, read.actual_win_cents) == (bet, lost)
    assert (read.minutes, read.house_edge) == (minutes, edge)


# --- a file ---------------------------------------------------------------------------------------


def test_ratings_of_a_file(tmp_path: Path) -> None:
    rows = [
        ROW,
        {**ROW, PLAYER: "Player 8", TABLE: "AR-1", EDGE: "0.05260", LOST: "100.50"},
        {**ROW, AVERAGE_BET: "0", LOST: "0"},
    ]
    result = audit_text(tmp_path, text_of(rows)).result()
    assert counts(result) == (3, 3, 0, 0)
    flagged = result["sessions_flagged"]
    assert flagged.pop("average_bet_missing") == 1
    assert set(flagged.values()) == {0}
    blackjack = {
        "sessions": 2,
        "minutes": 60,
        "theoretical_win": "12.50",
        "actual_win_cents": -4_000,
    }
    roulette = {
        "sessions": 1,
        "minutes": 30,
        "theoretical_win": "26.30",
        "actual_win_cents": 10_050,
    }
    assert result["players"] == [
        {"player_id": "Player 7"} | blackjack,
        {"player_id": "Player 8"} | roulette,
    ]
    assert result["tables"] == [
        {"table_name": "AR-1", "game": "american_roulette"} | roulette,
        {"table_name": "BJ-3", "game": "blackjack"} | blackjack,
    ]
    assert result["games"] == [
        {"game": "american_roulette"} | roulette,
        {"game": "blackjack"} | blackjack,
    ]
    assert result["totals"] == {
        "sessions": 3,
        "minutes": 90,
        "theoretical_win": "38.80",
        "actual_win_cents": 6_050,
    }


def test_columns_are_found_by_name_in_any_order_among_others(tmp_path: Path) -> None:
    plain = audit_text(tmp_path, text_of([ROW])).result()
    turned = text_of([{**ROW, "Pit": "1"}], ["Pit", *reversed(ROW)])
    assert audit_text(tmp_path, turned).result() == plain
    marked = b"\xef\xbb\xbf" + text_of([ROW]).replace("\r\n", "\n\n").encode()
    assert audit_text(tmp_path, marked).result() == plain


def test_without_pace_and_edge_the_games_own_are_used(tmp_path: Path) -> None:
    rows = [ROW, {**ROW, TABLE: "XX-1"}]
    audit = audit_text(tmp_path, text_of(rows, NEEDED))
    result = audit.result()
    assert counts(result) == (2, 1, 0, 1)
    assert result["totals"]["theoretical_win"] == "5.25"
    assert result["sessions_flagged"]["pace_assumed"] == 1
    assert result["sessions_flagged"]["edge_assumed"] == 1
    assert audit.refusals == [
        "tables.csv row 3: no pace or no house edge, and no constants for the game of table 'XX-1'"
    ]


def test_a_game_not_known_is_rated_by_its_own_pace_and_edge(tmp_path: Path) -> None:
    result = audit_text(tmp_path, text_of([{**ROW, TABLE: "XX-1"}, ROW])).result()
    assert [row["game"] for row in result["games"]] == [None, "blackjack"]
    assert [row["game"] for row in result["tables"]] == ["blackjack", None]


def test_bad_rows_are_counted_with_their_number_and_spoil_no_other(tmp_path: Path) -> None:
    good = text_of([ROW]).splitlines()[1]
    lines = [
        text_of([]).strip(),
        good,
        good.replace("BJ-3", '"BJ-3'),  # never closed
        "",
        good.replace(",30,", ",half,"),
        good + ",more",
        "BJ-3,Player 7",
        good.replace("Player 7", '"Player" 7'),
        good.replace("BJ-3", "BJ-4"),
    ]
    audit = audit_text(tmp_path, "\n".join(lines))
    assert counts(audit.result()) == (7, 2, 0, 5)
    assert [refusal.partition(":")[0] for refusal in audit.refusals] == [
        f"tables.csv row {number}" for number in (3, 5, 6, 7, 8)
    ]
    assert "Total Minutes Played This Session 'half' is no number" in audit.refusals[1]
    assert "12 cells, the headings are 11" in audit.refusals[2]


def test_bytes_that_are_no_text_spoil_their_row(tmp_path: Path) -> None:
    text = text_of([ROW, ROW]).encode().replace(b"Player 7", b"Pl\xe9yer 7", 1)
    audit = audit_text(tmp_path, text)
    assert counts(audit.result()) == (2, 1, 0, 1)
    assert audit.refusals[0].isascii()


@given(st.lists(st.text(max_size=40), max_size=5), st.binary(max_size=60))
def test_no_row_is_dropped_or_raises(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], noise: bytes
) -> None:
    body = "\n".join(lines).encode(errors="surrogatepass") + b"\n" + noise
    path = tmp_path_factory.mktemp("noise") / "tables.csv"
    path.write_bytes(text_of([ROW]).encode() + body)
    audit = audit_of(path)
    received, accepted, *_ = counts(audit.result())
    assert accepted == 1
    assert received == 1 + len(audit.refusals)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no table sessions: the first row lacks Table Name, Player Name"),
        (text_of([ROW], [name for name in ROW if name != LOST]), f"lacks {LOST}."),
        (text_of([ROW]).replace(",", ";"), "holds no table sessions"),
        (text_of([], [*ROW, PACE]), f"more than one column {PACE}"),
        ('"Table Name', "has no row of headings"),
    ],
)
def test_a_file_of_another_shape_is_refused_in_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(WorkbenchError, match=sentence):
        audit_text(tmp_path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="cannot be read"):
        list(read_sessions(tmp_path / "none.csv"))


# --- again ----------------------------------------------------------------------------------------


def test_equal_rows_of_a_file_are_sessions_of_their_own_and_flagged(tmp_path: Path) -> None:
    other_chips = {**ROW, "Session Chips Buy In Dollars": "5"}
    result = audit_text(tmp_path, text_of([ROW, other_chips, ROW, ROW])).result()
    assert counts(result) == (4, 4, 0, 0)
    assert result["sessions_flagged"]["repeated"] == 2
    assert result["totals"]["theoretical_win"] == "50.00"


def test_what_another_file_said_already_is_a_duplicate(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text(text_of([ROW, ROW, {**ROW, PLAYER: "Player 9"}]), newline="")
    other.write_text(text_of([ROW, ROW, ROW, {**ROW, LOST: "1"}], reversed(ROW)), newline="")
    assert counts(audit_of(one, one).result()) == (6, 3, 3, 0)
    assert counts(audit_of(one, one, other).result()) == (10, 5, 5, 0)
    result = audit_of(one, other).result()
    assert counts(result) == (7, 5, 2, 0)
    assert result == audit_of(other, one).result() | {"duplicate": 2}


# --- the command ----------------------------------------------------------------------------------


def rate(*arguments: str) -> Any:
    return CliRunner().invoke(main.app, ["rate", "--format", "table-sessions", *arguments])


def test_the_command_prints_json_or_tables_and_names_what_it_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "tables.csv"
    path.write_text(text_of([ROW, *[{**ROW, MINUTES: "[x]"}] * 22]), newline="")
    for_programs, for_people = rate(str(path), "--json"), rate(str(path))
    assert for_programs.exit_code == for_people.exit_code == 1
    assert json.loads(for_programs.stdout) == audit_of(path).result()
    assert "received 23 = accepted 1 + duplicate 0 + quarantined 22" in for_people.stdout
    assert "theoretical win 12.50 dollars" in for_people.stdout
    assert for_people.stderr.count("'[x]' is no number") == 20
    assert "2 more" in for_people.stderr


def test_a_file_of_another_shape_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tables.csv"
    path.write_text("Machine,Hour\n")
    done = rate(str(path))
    assert done.exit_code == 1
    assert "holds no table sessions" in done.stderr
    assert "Traceback" not in done.output


def test_replay_refuses_table_sessions_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tables.csv"
    path.write_text(text_of([ROW]))
    done = CliRunner().invoke(main.app, ["replay", str(path), "--format", "table-sessions"])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "no events that the front door takes" in done.stderr


def test_a_gaming_day_of_table_sessions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tables.csv"
    path.write_text(text_of([ROW]))
    done = rate(str(path), "--gaming-day", "UTC@06:00")
    assert done.exit_code == 2
    assert "leave --gaming-day out" in done.stderr


def test_table_sessions_have_no_content_type() -> None:
    with pytest.raises(WorkbenchError, match="no events"):
        _ = FileFormat.TABLE_SESSIONS.content_type


# --- a real year ----------------------------------------------------------------------------------


def test_a_real_years_sessions() -> None:
    if not REAL_FILE.exists():
        pytest.skip(f"third-party data is not here: no {REAL_FILE.name} (see PITBOSS_DATA)")
    result = audit_of(REAL_FILE).result()
    assert counts(result) == (6_700, 6_700, 0, 0)
    assert len(result["players"]) == 193
    assert {flag: count for flag, count in result["sessions_flagged"].items() if count} == {
        "average_bet_missing": 719,
        "minutes_missing": 4,
        "repeated": 5,
    }
    assert result["totals"] == {
        "sessions": 6_700,
        "minutes": 348_157,
        "theoretical_win": "515508.51725",
        "actual_win_cents": 44_276_700,
    }

    with REAL_FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_player: dict[str, Fraction] = {}
    for row in rows:
        worth = (
            Fraction(row[AVERAGE_BET])
            * Fraction(row[PACE])
            * Fraction(row[MINUTES])
            / 60
            * Fraction(row[EDGE])
        )
        by_player[row[PLAYER]] = by_player.get(row[PLAYER], Fraction()) + worth
    assert {row["player_id"] for row in result["players"]} == by_player.keys()
    for row in result["players"]:
        said = Fraction(Decimal(row["theoretical_win"]))
        assert abs(said - by_player[row["player_id"]]) <= Fraction(1, 3 * 10**9)
    assert sum(by_player.values()) == Fraction("515508.51725")


# --- measured paces -------------------------------------------------------------------------------


def paces_file(folder: Path, **changes: Any) -> Path:
    """What `pitboss shufflers paces --json` prints of one table and day."""
    one = {"table_id": "BJ-3", "gaming_day": "2019-01-07", "rounds": 41, "decisions_per_hour": 82}
    path = folder / "paces.json"
    path.write_text(json.dumps({"property_id": "P1", "tables": [one | changes]}))
    return path


def rated_with_paces(folder: Path, paces: Path, *more: str, **cells: str) -> Any:
    slips = folder / "tables.csv"
    slips.write_text(text_of([ROW | {PACE: ""} | cells]))
    command = ["rate", str(slips), "--format", "table-sessions", "--paces", str(paces), *more]
    return CliRunner().invoke(main.app, command)


def test_a_measured_pace_is_used_in_place_of_the_constant_and_both_are_shown(
    tmp_path: Path,
) -> None:
    done = rated_with_paces(tmp_path, paces_file(tmp_path), "--json")

    result = json.loads(done.stdout)
    # $20 x 82 decisions an hour x half an hour x 2.5 %; by the constant 70 decisions.
    assert result["totals"]["theoretical_win"] == "20.50"
    assert result["measured_paces"] == [
        {
            "table_name": "BJ-3",
            "gaming_day": "2019-01-07",
            "sessions": 1,
            "decisions_per_hour": 82,
            "decisions_per_hour_assumed": 70,
            "theoretical_win": "20.50",
            "theoretical_win_assumed": "17.50",
        }
    ]
    assert result["sessions_flagged"]["pace_measured"] == 1
    assert result["sessions_flagged"]["pace_assumed"] == 0
    shown = rated_with_paces(tmp_path, paces_file(tmp_path)).stdout
    assert "1 sessions at 82 decisions an hour as measured (20.50 dollars), not at 70" in shown


@pytest.mark.parametrize(
    ("cells", "changes", "more", "worth"),
    [
        ({PACE: "50"}, {}, [], "12.50"),  # the slip's own
        ({}, {"table_id": "BJ-4"}, [], "17.50"),
        ({}, {"decisions_per_hour": None}, [], "17.50"),
        # Half an hour to midnight is of the day before until the gaming day starts, and at six.
        ({START: "1/8/2019 5:59:00 AM", END: "1/8/2019 6:29:00 AM"}, {}, [], "20.50"),
        ({START: "1/8/2019 6:00:00 AM", END: "1/8/2019 6:30:00 AM"}, {}, [], "17.50"),
        (
            {START: "1/8/2019 5:59:00 AM", END: "1/8/2019 6:29:00 AM"},
            {},
            ["--gaming-day", "Europe/Vienna@03:00"],
            "17.50",
        ),
        ({TABLE: "XX-1"}, {"table_id": "XX-1"}, [], "20.50"),  # no constant is known
    ],
)
def test_a_measured_pace_is_that_of_the_table_and_gaming_day(
    tmp_path: Path, cells: dict[str, str], changes: dict[str, Any], more: list[str], worth: str
) -> None:
    done = rated_with_paces(tmp_path, paces_file(tmp_path, **changes), "--json", *more, **cells)

    assert json.loads(done.stdout)["totals"]["theoretical_win"] == worth


def test_paces_are_read_from_the_stack_for_the_days_of_sessions_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def read(property_id: str, path: str, query: dict[str, str]) -> dict[str, Any]:
        asked.append((property_id, path, query["from"], query["to"]))
        pace = {"table_id": "BJ-3", "gaming_day": query["from"], "decisions_per_hour": 82}
        return {"tables": [pace]}

    monkeypatch.setattr(shufflers_show, "_read", read)
    slips = tmp_path / "tables.csv"
    years = [
        {START: f"1/7/{year} 10:20:00 AM", END: f"1/7/{year} 10:50:00 AM"} for year in (1019, 2019)
    ]
    slips.write_text(text_of([ROW | {PACE: ""} | one for one in years]))
    command = ["rate", str(slips), "--format", "table-sessions", "--json"]
    done = CliRunner().invoke(main.app, [*command, "--paces-from-stack", "P7"])

    # Each $20 x 82 decisions an hour x half an hour x 2.5 %.
    assert json.loads(done.stdout)["totals"]["theoretical_win"] == "41.00"
    assert asked == [
        ("P7", "/v1/tables/paces", f"{year}-01-07", f"{year}-01-07") for year in (1019, 2019)
    ]
    both = CliRunner().invoke(
        main.app, [*command, "--paces-from-stack", "P7", "--paces", str(paces_file(tmp_path))]
    )
    assert both.exit_code == 2
    assert "leave one of the two out" in both.stderr


def test_without_paces_the_document_says_nothing_of_them(tmp_path: Path) -> None:
    assert "measured_paces" not in audit_text(tmp_path, text_of([ROW])).result()


@pytest.mark.parametrize("content", ["{}", "no paces", '{"tables": [{"table_id": "BJ-3"}]}'])
def test_a_file_that_holds_no_paces_is_refused(tmp_path: Path, content: str) -> None:
    paces = tmp_path / "none.json"
    paces.write_text(content)

    done = rated_with_paces(tmp_path, paces)

    assert done.exit_code == 1
    assert "holds no paces" in done.stderr

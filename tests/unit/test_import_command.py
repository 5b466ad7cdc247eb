"""`pitboss import`: what it says of files, and of what are none, without a stack."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.unit.test_imports import OWN, REAL, SESSION_HEADINGS, meter, needs_real_files, slip, text
from workbench import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main.app, ["import", *map(str, arguments)])


def dry(*arguments: object) -> dict[str, Any]:
    done = run(*arguments, "--dry-run", "--json")
    assert done.exit_code in (0, 1), done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def january(tmp_path: Path) -> Path:
    path = tmp_path / "january.csv"
    path.write_text(text([meter(), meter(), meter(games=0), meter("Slot 2", currency="C$")]))
    return path


def test_the_closing_summary_accounts_for_every_row(january: Path) -> None:
    done = run("slot-meters", january, "--dry-run")

    assert done.exit_code == 1  # something was set aside
    assert "rows 4 = imported 2 + duplicates 1 + conflicts 1 + unreadable 0" in done.stdout
    assert "reading january.csv (1 of 1)" in done.stderr
    assert "january.csv line 4: Slot 1 2019-01-19 01:00:00 is known with other" in done.stderr


def test_a_file_with_nothing_to_set_aside_is_a_success(tmp_path: Path) -> None:
    path = tmp_path / "slips.csv"
    path.write_text(text([slip(), slip(player="B")], SESSION_HEADINGS))

    done = run("table-sessions", path, "--dry-run")

    assert done.exit_code == 0
    assert "25.00" in done.stdout


def test_currencies_are_summed_apart_and_the_control_total_is_called_one(january: Path) -> None:
    totals = dry("slot-meters", january)["totals"]

    assert [(part["currency"], part["rows"]) for part in totals["before"]] == [("$", 3), ("C$", 1)]
    assert [part["sums"]["coin_in_amount"] for part in totals["after"]] == ["48.57000"] * 2
    assert totals["control"]["before"]["coin_in_amount"] == "194.28000"


def test_files_are_compared_with_each_other(january: Path) -> None:
    found = dry("slot-meters", january, january)

    assert [file["imported"] for file in found["files"]] == [2, 0]
    assert (found["totals"]["rows"], found["totals"]["duplicates"]) == (8, 4)


def test_a_mapping_is_used(tmp_path: Path) -> None:
    mapping, path = tmp_path / "own.toml", tmp_path / "own.csv"
    mapping.write_text(OWN)
    content = "RTP;Gerät;Stunde;Spiele;Einsatz;Ertrag;Theorie\n"
    content += "95,00;7;19.1.2019 07:00;12;1,5;-2;0,075"
    path.write_bytes(content.encode("cp1252"))

    found = dry("slot-meters", path, "--mapping", mapping)

    assert found["totals"]["before"] == [
        {
            "currency": "EUR",
            "rows": 1,
            "sums": {
                "games": "12",
                "coin_in_amount": "1.50000",
                "actual_win_amount": "-2.00000",
                "theoretical_win_amount": "0.075000000",
            },
        }
    ]


def test_a_refused_file_does_not_stop_the_others(january: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()

    done = run("slot-meters", empty, january, "--dry-run")

    assert done.exit_code == 1
    assert "empty.csv was refused: it is empty" in done.stderr
    assert "rows 4 = imported 2" in done.stdout


def test_a_hold_that_looks_like_a_payback_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "payback.csv"
    path.write_text(text([meter(hold="0.95")]))

    assert "is the column the payback?" in run("slot-meters", path, "--dry-run").stdout


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("bingo", "{file}"), 2, "is not one of 'slot-meters', 'promotions', 'table-sessions'"),
        (("slot-meters",), 2, "Missing argument 'FILE...'"),
        (("slot-meters", "{folder}/none.csv"), 1, "none.csv cannot be read (No such file"),
        (("slot-meters", "{folder}"), 1, "cannot be read (Is a directory)"),
        (("promotions", "{file}"), 1, "was refused: it lacks the column 'Player Name'"),
        (("slot-meters", "{file}", "--property", "a/b"), 2, "'a/b' is no id of a property"),
        (("slot-meters", "{file}", "--mapping", "{folder}/none.toml"), 1, "none.toml cannot be"),
        (("slot-meters", "{file}", "--mapping", "{file}"), 1, "is no mapping of slot-meters"),
        (("slot-meters", "{file}", "--mapping", "{binary}"), 1, "is no UTF-8"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    january: Path, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    binary = january.with_name("binary")
    binary.write_bytes(b"\xff\xfe\x00")
    places = {"file": january, "folder": january.parent, "binary": binary}

    done = run(*(argument.format(**places) for argument in arguments), "--dry-run")

    assert done.exit_code == status
    assert sentence in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.output


@needs_real_files
def test_the_real_meters_are_summed_to_the_last_decimal() -> None:
    totals = dry("slot-meters", *sorted((REAL / "slot-meters").glob("*.csv")))["totals"]

    assert totals["rows"] == 60_006
    assert totals["control"]["before"] == {
        "games": "5953390",
        "coin_in_amount": "2816304.56158",
        "actual_win_amount": "218036.96754",
        "theoretical_win_amount": "172095.370646622",
    }
    assert totals["imported"] + totals["duplicates"] + totals["conflicts"] == 60_006
    assert [(part["currency"], part["sums"]["games"]) for part in totals["before"]] == [
        ("$", "1276385"),
        ("C$", "4677005"),
    ]

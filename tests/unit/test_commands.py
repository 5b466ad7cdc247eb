"""The `pitboss` command as a new user meets it: what it prints whole, what it refuses and how."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table
from typer.testing import CliRunner, Result

from pitboss.access import Kind
from tests.fakes.registry import MemoryRegistry
from workbench import gateways, main
from workbench.console import WholeConsole, WorkbenchError, out

LONG_ID = "p" * 64
FIGURE = "1,234,567,890.123456"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryRegistry:
    known = MemoryRegistry()
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    monkeypatch.setattr(gateways, "registry", lambda: known)
    monkeypatch.setattr(gateways, "_properties_of_shufflers", set[str])
    return known


def pitboss(*arguments: str) -> Result:
    return CliRunner().invoke(main.app, arguments, env={"NO_COLOR": "1", "TERM": "dumb"})


# --- tables ---------------------------------------------------------------------------------------


def table() -> Table:
    """A table of an id, words, and more figures than 80 columns have room for."""
    result = Table(title="A table with a title of some words")
    for heading in ("id", "what it is", *"abcdefgh"):
        result.add_column(heading)
    result.add_column("at", no_wrap=True)
    figures = [FIGURE.replace("1,", f"{n},") for n in range(8)]
    result.add_row(LONG_ID, "some words about it", *figures, "2026-01-15 18:00:00")
    return result


def terminal(file: io.StringIO, width: int) -> WholeConsole:
    return WholeConsole(
        file=file, force_terminal=True, width=width, color_system=None, soft_wrap=True
    )


@pytest.mark.parametrize("width", [20, 80, 200])
def test_a_narrow_terminal_breaks_a_cell_between_words_alone(width: int) -> None:
    file = io.StringIO()
    console = terminal(file, width)

    console.print(table())

    words = file.getvalue().replace("│", " ").split()
    assert {LONG_ID, "some", *(FIGURE.replace("1,", f"{n},") for n in range(8))} <= set(words)
    assert "2026-01-15 18:00:00" in file.getvalue()
    assert "…" not in file.getvalue()


def test_a_terminal_that_is_wide_enough_is_kept_to() -> None:
    file = io.StringIO()
    words = Table()
    words.add_column("what")
    words.add_row("word " * 50)

    terminal(file, 40).print(words)

    assert max(map(len, file.getvalue().splitlines())) <= 40


def test_a_row_is_a_line_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    file = io.StringIO()

    WholeConsole(file=file, soft_wrap=True).print(table())

    (row,) = [line for line in file.getvalue().splitlines() if LONG_ID in line]
    assert "some words about it" in row
    assert "2026-01-15 18:00:00" in row


def test_ids_of_gateways_are_whole(registry: MemoryRegistry) -> None:
    name = "cage-" + "7" * 59
    pitboss("gateways", "add", name, "--assets", ",".join(["1940732" + "0" * 50, "5093619"]))

    (row,) = [line for line in pitboss("gateways", "list").stdout.splitlines() if name in line]

    assert "1940732" + "0" * 50 in row


def test_the_command_and_the_benchmarks_print_there() -> None:
    assert isinstance(out, WholeConsole)


# --- rating files ---------------------------------------------------------------------------------


def assert_has(found: Any, expected: Any) -> None:
    """All that is expected is found, and the same; what is found may have more fields."""
    if isinstance(expected, dict):
        assert expected.keys() <= found.keys()
        for name, value in expected.items():
            assert_has(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_has(one, other)
    else:
        assert found == expected


@pytest.fixture(scope="module")
def odd_shift(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two gaming days of a floor on which everything goes wrong."""
    folder = tmp_path_factory.mktemp("shift")
    plan = ["--machines", "8", "--players", "6", "--days", "2", "--seed", "3"]
    odd = ["--oddities", "all", "--faults", "all", "--out", str(folder)]
    assert pitboss("simulate", *plan, *odd).exit_code == 0
    return folder


def test_rated_files_are_said_as_the_ledger_says_them(odd_shift: Path) -> None:
    ledger = json.loads((odd_shift / "ledger.json").read_text())

    done = pitboss("rate", str(odd_shift / "packets.ndjson"), "--format", "acres-sas", "--json")

    assert done.exit_code == 0, done.stderr
    assert_has(json.loads(done.stdout), ledger)
    totals = ledger["totals"]
    assert min(totals["gaps"], totals["incomplete_games"], totals["handpaid_cents"]) > 0
    assert len(ledger["gap_records"]) == totals["gaps"]
    assert len(ledger["days"]) == 2


def test_people_are_told_of_gaps_hand_pays_days_and_sessions(odd_shift: Path) -> None:
    ledger = json.loads((odd_shift / "ledger.json").read_text())

    done = pitboss("rate", str(odd_shift / "packets.ndjson"), "--format", "acres-sas")

    lines = done.stdout.splitlines()
    for heading in ("incomplete", "by hand", "gaps"):
        assert heading in lines[2]
    assert "Gaming days (dollars)" in lines
    for day in ledger["days"]:
        (row,) = [line for line in lines if line.startswith(f"│ {day['day']}")]
        assert f" {day['totals']['gaps']} │" in row
    first = ledger["sessions"][0]
    (row,) = [
        line for line in lines if f"{first['player_id']} at {first['asset_id']} since 2" in line
    ][:1]
    assert f"and {len(ledger['sessions']) - 20} sessions more: --json has them all" in lines
    assert any(line.startswith(f"gaps {ledger['totals']['gaps']}:") for line in lines)


def test_what_there_is_none_of_has_no_column(tmp_path: Path) -> None:
    pitboss("simulate", "--machines", "2", "--minutes", "2", "--out", str(tmp_path))

    done = pitboss("rate", str(tmp_path / "packets.ndjson"), "--format", "acres-sas")

    assert done.exit_code == 0, done.output
    assert "incomplete" not in done.stdout
    assert "Gaming days" not in done.stdout


# --- properties -----------------------------------------------------------------------------------


def test_a_reader_of_a_property_that_does_not_exist_is_not_registered(
    registry: MemoryRegistry,
) -> None:
    for name in ("P1", "north"):
        gateways.ensure(gateways.workbench_gateway(name))

    with pytest.raises(WorkbenchError, match=r"no property nrth: choose P1 or north\."):
        gateways.ensure(gateways.workbench_service("nrth"))

    kinds = [credential.principal.kind for credential in registry.credentials()]
    assert kinds == [Kind.GATEWAY, Kind.GATEWAY]
    assert not gateways.key_path("workbench-reader-nrth").exists()


def test_a_property_that_has_but_shufflers_is_one(
    registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "_properties_of_shufflers", lambda: {"north"})

    gateways.ensure(gateways.workbench_service("north"))

    assert [one.principal.property_id for one in registry.credentials()] == ["north"]


def test_before_the_first_gateway_there_is_no_property(registry: MemoryRegistry) -> None:
    with pytest.raises(WorkbenchError, match=r"no property P1: none has a gateway yet"):
        gateways.ensure(gateways.workbench_service())

    assert not list(registry.credentials())


@pytest.mark.parametrize("property_id", ["P1", "north", "a:b", "x" * 64])
def test_a_property_that_is_sent_for_is_read(registry: MemoryRegistry, property_id: str) -> None:
    gateways.ensure(gateways.workbench_gateway(property_id))
    gateways.ensure(gateways.workbench_service(property_id))

    found = [credential.principal.property_id for credential in registry.credentials()]
    assert found == [property_id] * 2


def test_a_feed_is_replayed_to_the_property_that_is_named(
    registry: MemoryRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "feed").write_bytes(b"")
    monkeypatch.setattr("workbench.endpoint.api_url", lambda: "http://api")
    monkeypatch.setattr(gateways, "audience", lambda: "pitboss")
    command = ["replay", str(tmp_path / "feed"), "--format", "pitboss", "--property", "north"]

    assert pitboss(*command).exit_code == 0
    refused = pitboss(*command, "--gateway", "cage-7")

    assert registry.find("workbench-north") is not None
    assert refused.exit_code == 2
    assert "give --gateway or --property" in refused.stderr


# --- wrong commands -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("simulate --days 1 --minutes 5", "--days and --minutes both say how long it lasts"),
        ("simulate --days 1 --minutes 60", "--days and --minutes both say how long it lasts"),
        ("simulate --speed 5", "--speed is for --live"),
        ("simulate --speed 1", "--speed is for --live"),
        ("simulate --oddities late-card", "'late-card' is not known"),
        ("simulate --start yesterday", "'yesterday' is no ISO 8601 time"),
        ("simulate --start 9999-12-31T23:00:00Z", "is no time of a shift"),
        ("simulate --start 0001-01-01", "is no time of a shift"),
        ("simulate --gaming-day x", "'x' is no gaming day"),
        ("simulate --property a/b", "'a/b' is no id of a property"),
        ("sim --script split@1 --faults none", "--script names the very faults"),
        ("sim --script split@1 --faults all", "--script names the very faults"),
        ("sim --faults earthquake", "'earthquake' is no kind of fault"),
        ("sim --script nonsense", "'nonsense' is no kind of fault"),
        ("rate pyproject.toml --gaming-day Mars@25:00", "'Mars@25:00' is no gaming day"),
        ("replay x --format pitboss --speed nan", "--speed is max or a number above 0"),
        ("replay x --format table-sessions", "no events that the front door takes"),
        ("gateways add cage-7", "Say which assets"),
        ("gateways add cage/7 --all-assets", "'cage/7' is no name"),
        ("gateways add cage-7 --all-assets --property a/b", "'a/b' is no id of a property"),
        ("floor --property a/b", "'a/b' is no id of a property"),
        ("refine --property a/b", "'a/b' is no id of a property"),
        ("refine show --day 2026-01-31 --property a/b", "'a/b' is no id of a property"),
        ("refine status --property a/b", "'a/b' is no id of a property"),
        ("--env staging status", "no environment 'staging'"),
        ("nonsense", "No such command"),
        ("floor --nonsense", "No such option"),
    ],
)
def test_a_command_that_makes_no_sense_exits_with_2(
    registry: MemoryRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    done = pitboss(*command.split())

    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert "Traceback" not in done.output
    assert not list(registry.credentials())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("rate missing", "check the name"),
        ("rate .", "check the name"),
        ("rate broken", "no JSON array of events"),
        ("rate binary", "Nothing was accepted as pitboss"),
        ("replay missing --format pitboss", "There is no file missing"),
        ("gateways add cage-7 --assets-file missing", "cannot be read"),
        ("gateways add cage-7 --assets-file binary", "binary is no text"),
        ("gateways revoke nobody", "There is no gateway 'nobody'"),
        ("services revoke a/b", "There is no service 'a/b'"),
    ],
)
def test_what_is_not_there_or_broken_is_one_sentence_and_exits_with_1(
    registry: MemoryRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken").write_text('[1, {"a":')
    Path("binary").write_bytes(bytes(range(128, 256)))

    done = pitboss(*command.split())

    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    assert said in done.stderr


def test_a_principal_without_a_name_is_looked_for_nowhere(
    registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(principal_id: str) -> None:
        raise AssertionError(f"{principal_id!r} can be in no registry")

    monkeypatch.setattr(registry, "find", find)

    done = pitboss("gateways", "revoke", "")

    assert done.exit_code == 1
    assert "There is no gateway ''" in done.stderr

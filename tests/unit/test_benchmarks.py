"""The benchmarks measure what they say: the same events for all, right answers demanded, all
counted.
"""

import json
import subprocess
from base64 import b64encode
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from benchmarks import __main__ as command
from benchmarks import aws_calls, load, read_latency, stored_items, transport
from benchmarks.peers import decode_only, environments, harness, json_loop, pitboss_handler
from benchmarks.rating_path import LARGEST_BATCH
from pitboss.events.batch import BatchHeader, pack, unpack_metered, unpack_received
from pitboss.events.slot import DoorOpened, GameEnded, GameStarted, MeteredEvent, SlotData
from pitboss.gaming_day import GamingDay
from pitboss.rating.fold import Carry, SessionDay, Tally
from pitboss.rating.history import Change, Correction, Head, MachineDay, Page, SessionDayChange
from pitboss.stores.ratings import Asset, AssetChange
from tests.contract.template_rules import functions
from tests.contract.test_template import TEMPLATE
from workbench.console import WorkbenchError

START = 1_768_500_000_000


@pytest.fixture(scope="module")
def small() -> load.Load:
    """A small floor: 6 machines for 4 minutes."""
    return load.load(machines=6, players=8, minutes=4)


def rated(small: load.Load, post_of: Any, flush: float) -> pitboss_handler.PitbossHandler:
    rating = pitboss_handler.PitbossHandler()
    for batch in load.batches(load.records(small, post_of), flush, LARGEST_BATCH):
        rating.take(harness.invocation([record.data for record in batch]))
    return rating


# --- the load -------------------------------------------------------------------------------------


def test_the_load_is_seeded_and_no_event_is_missing(small: load.Load) -> None:
    again = load.load(machines=6, players=8, minutes=4)
    other = load.load(machines=6, players=8, minutes=4, seed=2)

    assert (again.arrivals, again.truth) == (small.arrivals, small.truth)
    assert other.truth != small.truth
    assert sum(sums[0] for sums in small.truth["machines"].values()) == small.games > 20


def test_shares_of_events_are_held_up_and_doubled(small: load.Load) -> None:
    times = Counter(arrival.line for arrival in small.arrivals)
    order = [json.loads(arrival.line)["occurred_at"] for arrival in small.arrivals]
    late = sum(later < max(order[:index]) - 2_000 for index, later in enumerate(order) if index)

    assert 0.01 < times.total() / len(times) - 1 < 0.03
    assert max(times.values()) == 2
    assert 0.02 < late / len(order) < 0.08
    assert small.arrivals == sorted(small.arrivals)


@pytest.mark.parametrize("full", [False, True])
def test_the_stream_has_every_event_as_the_front_door_packs_them(
    small: load.Load, full: bool
) -> None:
    post_of = load.full_posts() if full else load.each_second
    stream = load.records(small, post_of)

    lines = Counter(raw for record in stream for raw in unpack_received(record.bytes))
    headers = [unpack_metered(record.bytes)[0] for record in stream]

    assert lines.keys() == {arrival.line for arrival in small.arrivals}
    assert lines.total() == sum(record.events for record in stream) <= len(small.arrivals)
    assert [record.at for record in stream] == sorted(header.received_at for header in headers)
    assert {header.asset_id for header in headers} == {a.asset_id for a in small.arrivals}


def test_what_comes_twice_in_one_post_is_packed_once() -> None:
    line = small_line()
    arrivals = [load.Arrival(START + ms, ms, "g", "7", line) for ms in (0, 1, 1_000)]

    stream = load.records(load.Load("P1", arrivals, {}, 0), load.each_second)

    assert [record.events for record in stream] == [1, 1]


def small_line() -> bytes:
    return json.dumps(
        {
            "event_id": "e-1",
            "event_type": "door.opened",
            "property_id": "P1",
            "asset_id": "7",
            "occurred_at": START,
            "sequence": 1,
            "data": {"door": "slot"},
        }
    ).encode()


def test_batches_end_with_the_flush_interval_or_when_they_are_full() -> None:
    stream = [load.Record(START + second * 500, "x" * 8, 1) for second in range(9)]

    assert [len(b) for b in load.batches(stream, 1, 1_000)] == [2, 2, 2, 2, 1]
    assert [len(b) for b in load.batches(stream, 60, 4)] == [4, 4, 1]
    large = [load.Record(START, "x" * (load.MAX_BATCH_BYTES // 2), 1)] * 3
    assert [len(b) for b in load.batches(large, 60, 4)] == [2, 1]


def test_the_batch_size_is_the_templates() -> None:
    events = functions(TEMPLATE)["RatePlayersFunction"]["Events"]

    assert load.batch_size() == events["SlotEvents"]["Properties"]["BatchSize"]


# --- contestants ----------------------------------------------------------------------------------


@pytest.mark.parametrize("flush", [1, 60])
@pytest.mark.parametrize("full", [False, True])
def test_the_handler_finds_what_the_ledger_says(small: load.Load, full: bool, flush: int) -> None:
    rating = rated(small, load.full_posts() if full else load.each_second, flush)

    assert load.differences(rating.totals(), small.truth) == []
    assert rating.store_seconds > 0


def test_the_plain_loop_finds_what_the_ledger_says(small: load.Load) -> None:
    loop = json_loop.JsonLoop()
    for batch in load.batches(load.json_records(small), 5, LARGEST_BATCH):
        loop.take(harness.invocation([record.data for record in batch]))

    assert load.differences(loop.totals(), small.truth) == []
    assert {player for _, player, *_ in loop.sessions} == {
        key.partition("/")[2] for key in small.truth["players"]
    }


def test_a_cent_or_a_player_too_many_is_found(small: load.Load) -> None:
    found = {kind: {k: list(v) for k, v in small.truth[kind].items()} for kind in small.truth}
    machine = min(found["machines"])
    found["machines"][machine][1] += 1
    found["players"]["2026-01-15/nobody"] = [1, 1, 1, 1]

    lines = load.differences(found, small.truth)

    assert [line.split(":")[0] for line in lines] == [
        f"machines {machine}",
        "players 2026-01-15/nobody",
    ]


def test_play_before_its_paytable_is_rated_by_it() -> None:
    ratings = harness.Ratings()
    ratings.rate("e-1", "game.started", "7", START, "p", {"wager_cents": 100})
    ratings.rate("e-1", "game.started", "7", START, "p", {"wager_cents": 100})
    ratings.rate("e-2", "paytable.reported", "7", START, None, {"base_basis_points": 9_000})
    ratings.rate("e-3", "game.ended", "7", START, "p", {"win_cents": 30})

    assert ratings.totals() == {
        "machines": {"2026-01-15/7": [1, 100, 30, 100_000]},
        "players": {"2026-01-15/p": [1, 100, 30, 100_000]},
    }


def test_the_peers_gaming_day_is_the_floors_in_winter() -> None:
    rule = GamingDay.parse("America/Los_Angeles@06:00")
    day = rule.date_of(START)
    first, after = rule.bounds_of(day)

    for moment in (START, first, first - 1, after - 1, after):
        assert harness.gaming_day(moment) == rule.date_of(moment).isoformat()


def test_the_yardstick_decodes_every_field(small: load.Load) -> None:
    decode = decode_only.DecodeOnly()._decode
    envelope = next(a.line for a in small.arrivals if b'"game.started"' in a.line)

    event = decode(envelope)

    said = json.loads(envelope)
    for name in ("event_id", "event_type", "asset_id", "occurred_at", "player_id", "data"):
        assert getattr(event, name) == said[name]
    assert event.meters is not None
    assert event.meters.coin_in_credits == said["meters"]["coin_in_credits"]


class FailingRun:
    """Stands for `subprocess.run`: says no, and remembers what was asked."""

    def __init__(self, returncode: int) -> None:
        self.returncode = returncode
        self.commands: list[list[str]] = []

    def __call__(self, command: list[Any], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append([str(part) for part in command])
        Path(command[-1] if "venv" in command else "/").mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, self.returncode, "", "hints\nno route to host")


def test_a_peer_that_cannot_be_installed_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr("benchmarks.peers.environments.subprocess.run", FailingRun(1))

    with pytest.raises(WorkbenchError, match=r"^duckdb could not .* network .*no route to host"):
        environments.python_of("duckdb")

    assert not (tmp_path / "benchmarks/duckdb").exists()


def test_a_peer_is_installed_once_and_anew_when_another_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = FailingRun(0)
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr("benchmarks.peers.environments.subprocess.run", run)

    first = environments.python_of("polars")
    asked = len(run.commands)
    assert environments.python_of("polars") == first
    assert len(run.commands) == asked > 0
    monkeypatch.setitem(environments.REQUIREMENTS, "polars", ("polars==9",))
    environments.python_of("polars")

    assert run.commands[-1][-1] == "polars==9"


# --- requests -------------------------------------------------------------------------------------


def changes(rows: list[int]) -> list[AssetChange]:
    """Changes of as many items: a head, and sessions."""
    day = MachineDay("2026-01-15", Tally(games=1), START, START)
    result = []
    for number, items in enumerate(rows):
        events = [event(number, GameStarted(100), "p")]
        head = Head(Page(START - START % 300_000, Carry(), list(events)), day, number)
        sessions = [
            SessionDayChange(session_key(f"p-{n}"), Tally(games=1), None, False)
            for n in range(items - 1)
        ]
        change = Change(str(number), None, head, [], None, {}, sessions, [])
        result.append(AssetChange(Asset("P1", str(number)), change))
    return result


def session_key(player: str) -> SessionDay:
    return SessionDay("2026-01-15", player, START)


def event(second: int, data: SlotData, player: str | None = None) -> MeteredEvent:
    return MeteredEvent(f"e-{second}", START + second * 1_000, second, player, data, None)


def test_what_is_written_is_counted_by_kind_and_size() -> None:
    requests = transport.Requests()
    (change,) = changes([3])
    page = Page(START - 300_000, Carry(), [])
    change.change.sealed = [page]
    change.change.corrections = [
        Correction(session_key("p"), Tally(games=1), page.start, ("door at 1",), 1)
    ]
    with transport.network_stubbed(requests.answer):
        aws_calls.CountedRatings()._dynamo.commit([change])

    assert requests.calls == Counter(TransactWriteItems=1)
    assert requests.items_by_kind == Counter(head=1, session=2, page=1, correction=1)
    assert (requests.items, requests.items_a_transaction) == (5, [5])
    assert requests.write_units == 10
    assert 5 * 50 < requests.item_bytes < 5 * 1_024


def test_bytes_of_an_item_are_dynamodbs() -> None:
    item = {
        "pk": {"S": "abc"},
        "n": {"N": "1234"},
        "b": {"B": b64encode(bytes(1_016)).decode()},
        "l": {"L": [{"S": "é"}]},
    }

    size = transport.item_bytes({"Item": item})

    assert size == (2 + 3) + (1 + 3) + (1 + 1_016) + (1 + 3 + 1 + 2)


def test_a_kilobyte_begun_is_two_write_units() -> None:
    requests = transport.Requests()
    keys = {"pk": {"S": "P1/floor/0"}, "sk": {"S": "7"}}
    for filling in (900, 1_100):
        put = {"Put": {"Item": {**keys, "x": {"S": "x" * filling}}}}
        requests.answer("TransactWriteItems", json.dumps({"TransactItems": [put]}).encode())

    assert requests.write_units == 2 + 4


def test_reads_are_counted_and_find_nothing() -> None:
    requests = transport.Requests()
    with transport.network_stubbed(requests.answer):
        ratings = aws_calls.CountedRatings()
        assert ratings.heads([Asset("P1", "7")]) == {}
        ratings.history(Asset("P1", "7"), 0)

    assert requests.calls == Counter(BatchGetItem=2)
    assert requests.read_units == 2


def test_a_request_that_is_not_signed_is_an_error() -> None:
    with transport.network_stubbed(lambda *_: b"{}"):
        client = boto3.client(
            "dynamodb", region_name="us-east-1", config=Config(signature_version=UNSIGNED)
        )
        with pytest.raises(AssertionError, match="signed"):
            client.list_tables()


def test_only_full_transactions_are_timed() -> None:
    many = changes([40, 50, 30, 60, 20])

    assert stored_items.filling(many) == many[:4]
    assert stored_items.filling(many[:2]) == []
    exact = changes([50, 50, 60, 40])
    assert stored_items.filling(exact) == exact


def test_the_least_is_an_item_a_machine_with_play_and_one_a_session_with_a_game() -> None:
    least = aws_calls.Least()
    start, end = event(1, GameStarted(100), "p"), event(2, GameEnded(0), "p")

    def flush(*records: tuple[str, list[MeteredEvent]]) -> list[load.Record]:
        packed = [
            pack(BatchHeader("P1", asset, START, "g", "pitboss"), [b""] * len(events), events)
            for asset, events in records
        ]
        return [load.Record(START, b64encode(data).decode(), 1) for data in packed]

    least.take(flush(("7", [start]), ("8", [event(1, DoorOpened("slot"))])))
    assert (least.machines, least.sessions, least.flushes) == (1, 0, 1)
    least.take(flush(("7", [start, end]), ("9", [event(3, GameEnded(0))])))
    assert (least.machines, least.sessions, least.flushes) == (3, 1, 2)
    least.take(flush(("7", [end])))
    assert (least.items, least.flushes) == (4, 2)


# --- the command ----------------------------------------------------------------------------------


def test_percentiles() -> None:
    samples = [float(ms) for ms in range(1, 201)]

    assert read_latency.percentiles(samples) == {"p50": 101, "p95": 191, "p99": 199, "max": 200}


def test_a_page_shows_every_table_and_fact() -> None:
    result = {"figure": "a figure", "goal": 3, "rows": [{"a_b": 1, "c": None}], "more": [{"d": 2}]}

    page = command._page({"x": result}, 60)

    assert "## A figure\n\n- goal: 3\n\n| a b | c |\n| --- | --- |\n| 1 |  |\n\n| d |" in page


def test_what_a_row_does_not_have_leaves_its_column_empty() -> None:
    result = {"figure": "a figure", "rows": [{"name": "ours", "a": 1}, {"name": "theirs", "b": 2}]}

    page = command._page({"x": result}, 60)

    assert "| name | a | b |\n| --- | --- | --- |\n| ours | 1 |  |\n| theirs |  | 2 |" in page


def test_a_figures_table_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    row = {f"a_heading_of_column_{n}": f"{n},234,567.123456" for n in range(12)}

    command._show({"figure": "a figure", "rows": [row]})

    shown = capsys.readouterr().out
    assert "…" not in shown
    assert all(value in shown for value in row.values())


def test_a_figure_that_needs_no_stack_starts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []
    monkeypatch.setattr("workbench.stack.ensure_up", lambda: started.append(True))
    monkeypatch.setattr(
        command, "FIGURES", dict.fromkeys(command.FIGURES, lambda seconds: {"figure": seconds})
    )

    found = command._measured(["stored_items", "rating_path"], 5, is_shown=False)
    assert (found["stored_items"], started) == ({"figure": 5}, [])
    command._measured(["read_latency"], 5, is_shown=False)
    assert started == [True]
    assert command.FIGURES.keys() > command.ON_THE_STACK

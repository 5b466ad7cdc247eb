"""What simulated shufflers publish: valid, numbered, and the very hours that the model drew."""

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from pitboss.events.envelope import InvalidEvent
from pitboss.events.shuffler import (
    FaultRaised,
    MaintenancePerformed,
    ShufflerEvent,
    Unrecognised,
    read_event,
)
from pitboss.shufflers.hours import NEEDED, history_of
from pitboss.shufflers.sums import HOUR_MS, Sums, TableSums, add_event, add_shuffle
from pitboss.shufflers.topics import Kind, Topic
from workbench import devices, endpoint, simulate_shufflers
from workbench.console import WorkbenchError
from workbench.main import app
from workbench.shuffler_device import Happened
from workbench.shuffling import Publication, ShufflerDevice, ShufflerPlan, publications
from workbench.shuffling.device import SUMMED
from workbench.shuffling.events import split
from workbench.shuffling.live import VirtualClock, due, tell

PLAN = ShufflerPlan(count=2, days=40, seed=8)


@cache
def said(index: int) -> tuple[Publication, ...]:
    return tuple(publications(PLAN, index))


@cache
def read(index: int) -> tuple[ShufflerEvent, ...]:
    return tuple(
        read_event(msgspec.json.encode(event)) for one in said(index) for event in one.events
    )


def played(plan: ShufflerPlan, index: int) -> tuple[ShufflerDevice, dict[str, list[int]]]:
    device = ShufflerDevice(plan, index)
    columns: dict[str, list[int]] = {name: [] for name in SUMMED}
    for _ in range(plan.days):
        day = device.advance()
        for name in SUMMED:
            columns[name] += day.sums[name].tolist()
    return device, columns


# --- events and hours -----------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(2))
def test_events_add_up_to_the_hours_that_the_model_drew(index: int) -> None:
    by_hour: defaultdict[int, Sums] = defaultdict(Sums)
    for event in read(index):
        add_event(by_hour[event.occurred_at // HOUR_MS], event.data)
    _, columns = played(PLAN, index)
    hours = range(PLAN.first_hour, PLAN.first_hour + PLAN.hours)
    for name, column in columns.items():
        assert [getattr(by_hour[hour], name) for hour in hours] == column, name
    assert sum(columns["cycles"]) > 500
    assert sum(columns["jams"]) > 5


@pytest.mark.parametrize("index", range(2))
def test_the_history_of_the_events_is_the_models_own(index: int) -> None:
    by_hour: defaultdict[int, Sums] = defaultdict(Sums)
    failures, maintenance = [], []
    for event in read(index):
        add_event(by_hour[event.occurred_at // HOUR_MS], event.data)
        if isinstance(event.data, FaultRaised) and event.data.is_failure:
            failures.append((event.occurred_at, str(event.data.part)))
        if isinstance(event.data, MaintenancePerformed):
            maintenance.append((event.occurred_at, str(event.data.part)))
    device, _ = played(PLAN, index)
    hours = sorted(by_hour)
    sums = {name: [getattr(by_hour[hour], name) for hour in hours] for name in NEEDED}
    found = history_of("S1", hours, sums, failures, maintenance, device.facts)
    known = device.history()
    assert list(found.times) == list(known.times)
    for name, values in known.readings.items():
        np.testing.assert_array_equal(found.readings[name], values)
    for name, values in known.counts.items():
        np.testing.assert_array_equal(found.counts[name], values)
    assert (found.failures, found.maintenance) == (known.failures, known.maintenance)


def test_measurements_add_up_and_keep_their_bounds() -> None:
    chance = np.random.default_rng(1)
    totals = np.array([[700, -20, 0, 90], [7_000, 3, 70_000, 7]])
    bounds = np.array([[0, 1_000], [-5_000, 5_000], [0, 10_000], [1, 60]])
    found = split(totals, 7, np.full((2, 4), 80.0), bounds, chance)
    assert found.sum(axis=1).tolist() == totals.tolist()
    assert (found >= bounds[:, 0]).all()
    assert (found <= bounds[:, 1]).all()
    assert found[0, :, 0].std() > 10


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(2))
def test_events_are_valid_and_numbered_in_the_order_in_which_they_happened(index: int) -> None:
    events = sorted(read(index), key=lambda event: event.sequence)
    assert not any(isinstance(event.data, Unrecognised) for event in events)
    numbers = [event.sequence for event in events]
    assert len(set(numbers)) == len(numbers)
    assert len({event.event_id for event in events}) == len(events)
    told = [event.occurred_at for event in events]
    assert told == sorted(told)
    assert {event.asset_id for event in events} == {f"S{index + 1}"}
    assert all(PLAN.first_ms <= at < PLAN.end for at in told if at != PLAN.first_ms)


@pytest.mark.parametrize("index", range(2))
def test_messages_are_on_their_topics_in_order_of_time_and_no_larger_than_allowed(
    index: int,
) -> None:
    ats = [one.at for one in said(index)]
    assert ats == sorted(ats)
    for one in said(index):
        kinds = {event["event_type"] for event in one.events}
        status = {"device.connected", "device.disconnected"}
        assert (one.topic.kind is Kind.TELEMETRY) == (kinds == {"telemetry.reported"})
        assert (one.topic.kind is Kind.STATUS) == (kinds <= status)
        assert len(one.events) <= 100
        assert len(one.payload) < 131_072
    assert str(said(index)[0].topic) == f"pitboss/P1/shufflers/S{index + 1}/status"


def test_what_a_cut_link_kept_comes_when_it_is_back() -> None:
    index, losses = max(
        ((index, played(PLAN, index)[0].link_losses) for index in range(2)),
        key=lambda found: max(end - start for start, end in found[1]),
    )
    skew = ShufflerDevice(PLAN, index).clock_skew_ms
    start, end = max(losses, key=lambda span: span[1] - span[0])
    assert end - start > 600_000
    during = [one for one in said(index) if start - skew + 400 < one.at < end - skew]
    assert [one.topic.kind for one in during] == [Kind.STATUS]  # the last will
    assert during[0].events[0]["event_type"] == "device.disconnected"
    kept = [
        e
        for e in read(index)
        if start <= e.occurred_at < end and not e.event_type.startswith("device.")
    ]
    ids = {event.event_id for event in kept}
    after = [one for one in said(index) if ids & {event["event_id"] for event in one.events}]
    assert kept
    assert all(end - skew < one.at < end - skew + 1_000 for one in after)
    restored = [e for e in read(index) if e.event_type == "link.restored"]
    assert (end, end - start) in [(e.occurred_at, e.data.duration_ms) for e in restored]  # type: ignore[union-attr]


def test_a_plan_of_fewer_devices_says_the_same_of_each() -> None:
    alone = ShufflerPlan(count=1, days=3, seed=8)
    many = ShufflerPlan(count=9, days=3, seed=8)
    assert list(publications(alone, 0)) == list(publications(many, 0))


# --- files ----------------------------------------------------------------------------------------


def command(*words: str) -> Any:
    return CliRunner().invoke(app, ["simulate", "shufflers", *words])


def test_files_are_the_same_by_the_seed_and_the_truth_is_what_the_messages_say(
    tmp_path: Path,
) -> None:
    options = ("--count", "3", "--days", "6", "--seed", "8", "--replace-after", "rollers=40")
    for folder in ("a", "b"):
        result = command(*options, "--out", str(tmp_path / folder), "--json")
        assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["README.txt", "messages.ndjson.gz", "truth.json", "wear.ndjson"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    truth = json.loads((tmp_path / "a/truth.json").read_text())
    with gzip.open(tmp_path / "a/messages.ndjson.gz") as file:
        lines = [json.loads(line) for line in file]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    plan = ShufflerPlan(days=6)
    sums: defaultdict[tuple[str, str], Sums] = defaultdict(Sums)
    tables: defaultdict[str, TableSums] = defaultdict(TableSums)
    for line in lines:
        for raw in line["payload"]["events"]:
            event = read_event(msgspec.json.encode(raw))
            add_event(sums[event.asset_id, plan.day_of(event.occurred_at)], event.data)
            if event.event_type == "shuffle.completed":
                add_shuffle(tables[raw["data"]["table_id"]], event.data)  # type: ignore[arg-type]
    for device in truth["devices"]:
        assert len(device["days"]) == 6
        for day, figures in device["days"].items():
            of = sums[device["asset_id"], day]
            assert {name: getattr(of, name) for name in figures} == figures
        assert sum(day["rounds"] for day in device["days"].values()) == (
            tables[device["table_id"]].rounds
        )
        assert any(not one["is_repair"] and one["part"] == "rollers" for one in device["work"])
    printed = json.loads(result.stdout)
    assert printed["messages"] == len(lines)
    assert printed["events"] == sum(len(line["payload"]["events"]) for line in lines)
    assert printed["planned_replacements"] >= 3
    with (tmp_path / "a/wear.ndjson").open() as file:
        wear = [json.loads(line) for line in file]
    assert len(wear) == 18
    assert set(wear[0]["wear"]) == {"rollers", "gripper", "elevator", "motor", "camera"} | {
        "controller"
    }


def test_by_hour_tells_the_same_failures_without_a_message(tmp_path: Path) -> None:
    result = command(
        *("--count", "4", "--days", "120", "--by-hour", "--out", str(tmp_path), "--json")
    )
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert not (tmp_path / "messages.ndjson.gz").exists()
    assert sum(len(one["failures"]) for one in truth["devices"]) == printed["failures"] > 0
    causes = Counter(failure["cause"] for one in truth["devices"] for failure in one["failures"])
    assert causes["random"] == printed["random_failures"]


def test_a_summary_for_people(tmp_path: Path) -> None:
    result = command("--count", "2", "--days", "2", "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "2 shufflers, 2 days, seed 1" in result.stdout
    assert "jams per 1,000 shuffles" in result.stdout


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("shufflers --start yesterday", "'yesterday' is no ISO 8601 time"),
        ("shufflers --gaming-day x", "'x' is no gaming day"),
        ("shufflers --property a/b", "'a/b' is no id of a property"),
        ("shufflers --speed 3", "--speed is for --live"),
        ("shufflers --check", "--check is for --live"),
        ("shufflers --live --out x", "--live writes no files"),
        ("shufflers --live --by-hour", "--live writes no files"),
        ("shufflers --report-seconds 7", "between two reports are 10 seconds or more"),
        ("shufflers --replace-after wheels=9", "'wheels' is no part: choose from rollers"),
        ("shufflers --replace-after rollers", "'rollers' has no hours: write rollers="),
        ("shufflers --replace-after rollers=0", "'rollers=0' has no hours"),
        ("shufflers --days 3660 --start 2095-01-01", "it ends after the year 2099"),
        ("--machines 3 shufflers", "--machines belongs after `shufflers`"),
        ("--json shufflers --count 1", "--json belongs after `shufflers`"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_a_sentence(words: str, sentence: str) -> None:
    result = CliRunner().invoke(app, ["simulate", *words.split()])
    assert result.exit_code == 2
    said = re.sub(r"\s+", " ", result.stderr)
    assert sentence in said
    assert "Traceback" not in said


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = command("--days", "1", "--out", str(tmp_path / "file/deeper"))
    assert result.exit_code == 1
    assert "name another --out" in re.sub(r"\s+", " ", result.stderr)


# --- live -----------------------------------------------------------------------------------------


class FakeDevice:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.told: list[tuple[Kind, list[Happened]]] = []
        self.links: list[str] = []

    unsent = 0

    def publish(self, kind: Kind, events: Sequence[Happened]) -> range:
        self.told.append((kind, list(events)))
        return range(len(events))

    def cut(self) -> None:
        self.links.append("cut")

    def restore(self) -> None:
        self.links.append("restored")


def test_live_devices_are_told_what_is_due_and_their_links_are_cut() -> None:
    plan = PLAN
    devices = {f"S{number}": FakeDevice() for number in (1, 2)}
    seconds = [0.0]

    def wait(more: float) -> bool:
        seconds[0] += more
        return False

    start = plan.first_ms + 30 * 24 * HOUR_MS
    clock = VirtualClock(start, 600.0, lambda: seconds[0], plan.end)
    told = tell(due(plan, start), devices, clock, wait, lambda _: None)
    assert seconds[0] == pytest.approx(10 * 24 * 3_600 / 600, rel=0.02)
    for index, device in enumerate(devices.values()):
        expected = [
            read_event(msgspec.json.encode(event)).data
            for one in said(index)
            if one.at >= start and one.topic.kind is not Kind.STATUS
            for event in one.events
            if event["event_type"] != "link.restored"
        ]
        given = [happened.data for _, events in device.told for happened in events]
        assert given == expected
        assert device.links[::2] == ["cut"] * len(device.links[::2])
        assert device.links.count("cut") == device.links.count("restored")
    assert told.events == sum(len(e) for d in devices.values() for _, e in d.told)
    assert told.cuts == sum(d.links.count("cut") for d in devices.values()) > 0


def test_live_stops_when_it_is_asked_to_and_restores_what_it_cut() -> None:
    device = FakeDevice()
    topic = Topic("P1", "S1", Kind.STATUS)
    lost = Publication(1_000, topic, [{"event_type": "device.disconnected"}])
    later = Publication(60_000, topic, [{"event_type": "device.connected"}])
    clock = VirtualClock(0, 1.0, lambda: 0.0, 60_000)
    told = tell([lost, later], {"S1": device}, clock, lambda s: s > 30, lambda _: None)
    assert device.links == ["cut", "restored"]
    assert told.at == 1_000


def test_a_device_whose_key_is_elsewhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    monkeypatch.setattr(endpoint, "mqtt_place", lambda: None)
    known = devices.Device("P1", "S1", "P1:S1", "ab" * 32, "ACTIVE", None)
    monkeypatch.setattr(devices, "known", lambda: iter([known]))
    result = command("--live", "--count", "1")

    assert result.exit_code == 1
    told = " ".join(result.stderr.split())
    assert f"S1 is a device of P1 whose key is not in {tmp_path}/devices/P1/S1" in told
    assert "pitboss devices revoke S1 --property P1" in told


class Stuck:
    """A device that sends nothing."""

    unsent = 3
    refusals = ("connect: Not authorized",)


def test_what_cannot_be_sent_is_said_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_shufflers, "_SECONDS_WITHOUT_A_WORD", 0.0)
    with pytest.raises(WorkbenchError, match=r"1 of 2 .*S2 among them \(connect: Not authorized\)"):
        simulate_shufflers._send_all({"S1": FakeDevice(), "S2": Stuck()})  # type: ignore[dict-item]


def test_no_simulated_event_is_refused() -> None:
    with pytest.raises(InvalidEvent):  # what the readers of this file rely on
        read_event(b'{"event_type": "shuffle.completed"}')

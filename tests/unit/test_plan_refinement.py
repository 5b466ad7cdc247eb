"""Which partitions are refined: those that are not made of what there is."""

from datetime import date, timedelta
from typing import Any

import pytest

from pitboss.events.quarantined import QuarantineEntry
from pitboss.gaming_day import GamingDays
from pitboss.lake import layout
from pitboss.lake.manifest import Counts, Manifest, Partition, Source
from pitboss.lake.rated import summary_key
from plan_refinement import handler
from plan_refinement.service import LONGEST_RUN, SETTLED_MS, Plan, Wanted, has_ended, plan
from tests import sample_events
from tests.fakes.lake import START, MemoryLake, MemoryQuarantine

DAYS = GamingDays.parse("*=UTC@06:00")
MONDAY, TUESDAY = Partition("north", "2020-06-15"), Partition("north", "2020-06-16")
SOUTH = Partition("south", "2020-06-15")
MONDAY_NOON = 1_592_222_400_000
WEDNESDAY = DAYS.rule_of("north").start_of(date(2020, 6, 17)) + SETTLED_MS
"""When Tuesday is over and at rest, and not a moment more."""


def archive(lake: MemoryLake, partition: Partition, number: int = 1) -> None:
    name = f"slots-shardId-0-{number}-{number}.ndjson.zst"
    lake.put(layout.raw_prefix(*partition) + name, b"x" * number)


def refined(lake: MemoryLake, partition: Partition, quarantine: tuple[Source, ...] = ()) -> None:
    raw = [one.source for one in lake.listed(layout.raw_prefix(*partition))]
    made = Manifest(*partition, Counts(0, 0, 0, 0), 0, {}, {}, {}, raw, list(quarantine))
    lake.put(layout.manifest_key(*partition), made.to_json())
    lake.put(summary_key(*partition), b"{}")


def planned(
    lake: MemoryLake,
    quarantine: MemoryQuarantine | None = None,
    *wanted: Any,
    now: int = WEDNESDAY,
    **more: Any,
) -> Plan:
    return plan(Wanted(*wanted, **more), lake, quarantine or MemoryQuarantine(), DAYS, now)


def entry(received_at: int) -> QuarantineEntry:
    return QuarantineEntry.of(
        b"x",
        reason="malformed_json",
        detail="",
        stage="ingest_slot_events",
        property_id="north",
        sender="gw-1",
        received_at=received_at,
        index=0,
    )


def test_what_has_no_manifest_is_refined_the_newest_day_first() -> None:
    lake = MemoryLake()
    for partition in (MONDAY, SOUTH, TUESDAY):
        archive(lake, partition)

    assert planned(lake) == Plan([TUESDAY, MONDAY, SOUTH], 0, 0)


def test_what_is_made_of_what_there_is_is_left_alone_unless_all_is_asked_for() -> None:
    lake = MemoryLake()
    archive(lake, MONDAY)
    refined(lake, MONDAY)

    assert planned(lake) == Plan([], 0, 1)
    assert planned(lake, None, all=True) == Plan([MONDAY], 0, 0)


@pytest.mark.parametrize("after", [timedelta(seconds=-1), LONGEST_RUN * -1 / 2, LONGEST_RUN * 2])
def test_an_object_that_came_while_or_after_it_was_refined_is_noticed(after: timedelta) -> None:
    lake = MemoryLake()
    archive(lake, MONDAY)
    refined(lake, MONDAY)
    archive(lake, MONDAY, 2)
    late = layout.raw_prefix(*MONDAY) + "slots-shardId-0-2-2.ndjson.zst"
    lake.written[late] = lake.written[layout.manifest_key(*MONDAY)] + after

    assert planned(lake) == Plan([MONDAY], 0, 0)


def test_an_object_that_was_overwritten_by_another_is_noticed() -> None:
    lake = MemoryLake()
    archive(lake, MONDAY)
    refined(lake, MONDAY)
    lake.put(layout.raw_prefix(*MONDAY) + "slots-shardId-0-1-1.ndjson.zst", b"y")

    assert planned(lake).partitions == [MONDAY]


def test_old_manifests_are_not_read() -> None:
    class Unread(MemoryLake):
        def get(self, key: str) -> bytes:
            raise AssertionError(key)

    lake = Unread()
    archive(lake, MONDAY)
    refined(lake, MONDAY)
    lake.written[layout.manifest_key(*MONDAY)] += LONGEST_RUN * 2
    lake.written[summary_key(*MONDAY)] += LONGEST_RUN * 3

    assert planned(lake) == Plan([], 0, 1)


def test_a_day_of_which_all_was_set_aside_is_refined_once() -> None:
    lake, quarantine = MemoryLake(), MemoryQuarantine()
    key = quarantine.put([entry(MONDAY_NOON)])

    assert planned(lake, quarantine).partitions == [MONDAY]
    refined(lake, MONDAY, (Source(key, 100),))
    assert planned(lake, quarantine) == Plan([], 0, 1)
    quarantine.put([entry(MONDAY_NOON + 1)], START + timedelta(days=1))
    assert planned(lake, quarantine).partitions == [MONDAY]


def test_only_what_is_asked_for() -> None:
    lake = MemoryLake()
    for partition in (MONDAY, SOUTH, TUESDAY):
        archive(lake, partition)

    assert planned(lake, None, "north").partitions == [TUESDAY, MONDAY]
    assert planned(lake, None, None, "2020-06-15").partitions == [MONDAY, SOUTH]
    assert planned(lake, None, "north", "2020-06-15").partitions == [MONDAY]
    assert planned(lake, None, "east").partitions == []


def test_what_is_more_than_one_run_takes_is_left_for_another() -> None:
    lake = MemoryLake()
    for partition in (MONDAY, SOUTH, TUESDAY):
        archive(lake, partition)

    made = plan(Wanted(), lake, MemoryQuarantine(), DAYS, WEDNESDAY, limit=2)
    assert made == Plan([TUESDAY, MONDAY], 1, 0)


def test_a_day_is_over_when_what_was_on_its_way_has_arrived() -> None:
    assert has_ended(TUESDAY, DAYS, WEDNESDAY)
    assert not has_ended(TUESDAY, DAYS, WEDNESDAY - 1)


def test_the_nightly_run_leaves_a_day_in_progress_alone_unlike_who_asks_for_it() -> None:
    lake = MemoryLake()
    archive(lake, MONDAY)
    archive(lake, TUESDAY)

    assert planned(lake, now=WEDNESDAY - 1, ended=True) == Plan([MONDAY], 0, 0)
    assert planned(lake, now=WEDNESDAY, ended=True) == Plan([TUESDAY, MONDAY], 0, 0)
    assert planned(lake, now=WEDNESDAY - 1) == Plan([TUESDAY, MONDAY], 0, 0)


def test_a_day_whose_run_broke_off_before_it_was_reconciled_is_run_again() -> None:
    lake = MemoryLake()
    archive(lake, MONDAY)
    refined(lake, MONDAY)
    manifest = layout.manifest_key(*MONDAY)
    lake.put(manifest, lake.get(manifest))

    assert planned(lake).partitions == [MONDAY]
    lake.delete(summary_key(*MONDAY))
    assert planned(lake).partitions == [MONDAY]


def test_a_day_in_progress_is_not_reconciled_and_so_not_run_again() -> None:
    lake = MemoryLake()
    archive(lake, TUESDAY)
    refined(lake, TUESDAY)
    lake.delete(summary_key(*TUESDAY))

    assert planned(lake, now=WEDNESDAY - 1) == Plan([], 0, 1)
    assert planned(lake, now=WEDNESDAY) == Plan([TUESDAY], 0, 0)


@pytest.mark.parametrize("case", sample_events.load("plan_refinement"))
def test_the_handler_answers_as_the_state_machine_reads_it(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wiring:
        days = DAYS
        quarantine = MemoryQuarantine()
        lake = MemoryLake()
        game_days = 184

    archive(Wiring.lake, MONDAY)
    monkeypatch.setattr(handler, "_wiring", Wiring)

    answer = handler.handler(sample_events.load("plan_refinement")[case], None)

    slots = {"property_id": "north", "gaming_day": "2020-06-15", "family": "slot"}
    partitions = [] if case == "hourly" else [{**slots, "has_ended": True}]
    assert answer == {"partitions": partitions, "left": 0, "current": 0}

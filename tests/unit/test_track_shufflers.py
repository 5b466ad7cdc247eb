"""Keeping what shufflers report: each event once, and what is refused set aside."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pitboss.errors import TransientError
from pitboss.events.quarantined import QuarantineEntry
from pitboss.shufflers.state import Received
from pitboss.stores.shufflers import Fold, Written
from tests import sample_events
from tests.fakes.shufflers import MemoryShufflers
from tests.shuffler_events import MOMENT, published, record, shuffle, telemetry
from track_shufflers import handler as stream
from track_shufflers.service import (
    MAX_TRIES,
    DeliveredRecord,
    Outcome,
    TrackShufflers,
    oldest_kept,
)

MONTHS_KEPT = 13


def day_of(property_id: str, moment: int) -> date:
    return datetime.fromtimestamp(moment / 1000, UTC).date()


class ListedQuarantine:
    """Keeps entries by object."""

    def __init__(self) -> None:
        self.objects: list[list[QuarantineEntry]] = []

    def put(self, entries: Sequence[QuarantineEntry]) -> None:
        self.objects.append(list(entries))

    @property
    def reasons(self) -> list[str]:
        return [entry.reason for entries in self.objects for entry in entries]


class Busy(TransientError):
    """Another transaction was in the way."""


class FlakyShufflers(MemoryShufflers):
    """Fails so often before it writes."""

    def __init__(self, failures: int) -> None:
        super().__init__(day_of)
        self.failures = failures

    def write(self, received: Sequence[Received], fold: Fold) -> Written:
        if self.failures:
            self.failures -= 1
            raise Busy
        return super().write(received, fold)


class House:
    """The function, without AWS and database."""

    def __init__(self, failures: int = 0) -> None:
        self.shufflers = FlakyShufflers(failures)
        self.quarantine = ListedQuarantine()
        self.pauses: list[int] = []
        self.track = TrackShufflers(
            self.shufflers, self.quarantine, day_of, MONTHS_KEPT, self.pauses.append
        )

    def take(self, *records: bytes) -> Outcome:
        return self.track([DeliveredRecord(one, MOMENT + 900) for one in records])


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    return outcome.received, outcome.accepted, outcome.duplicate, outcome.quarantined


def test_a_message_is_kept_and_summed() -> None:
    house = House()

    outcome = house.take(record(shuffle(1), telemetry(2)), record(shuffle(1, asset_id="8")))

    assert counts(outcome) == (3, 3, 0, 0)
    day = house.shufflers.days("north", "7", date(2026, 9, 21), date(2026, 9, 21)).days[0][1]
    assert (day.cycles, day.reports, day.rounds) == (1, 1, 40)
    assert house.quarantine.objects == []


def test_what_comes_again_changes_nothing() -> None:
    house = House()
    batch = [record(shuffle(1), telemetry(2)), record(published(3, "card.misread"))]
    house.take(*batch)
    before = house.shufflers.changes

    # In another order and another split, received later, written with other spaces.
    spaced = json.dumps({"events": [telemetry(2), shuffle(1)]}, indent=1).encode()
    again = (
        record(telemetry(2), received_at=MOMENT + 90_000),
        record(shuffle(1), payload=base64.b64encode(spaced).decode()),
    )
    outcome = house.take(batch[1], *again, batch[0])

    assert counts(outcome) == (6, 0, 6, 0)
    assert house.shufflers.changes == before
    assert house.quarantine.objects == []


def test_a_sequence_with_another_content_is_set_aside() -> None:
    house = House()
    house.take(record(shuffle(1)))
    before = house.shufflers.changes

    outcome = house.take(record(shuffle(1, cycle_ms=1)))

    assert counts(outcome) == (1, 0, 0, 1)
    assert house.shufflers.changes == before
    (entry,) = house.quarantine.objects[0]
    assert (entry.reason, entry.property_id, entry.sender) == ("id_reuse", "north", "north:7")
    assert json.loads(entry.raw)["data"]["cycle_ms"] == 1


def test_a_sequence_that_began_anew_is_another_event() -> None:
    house = House()
    house.take(record(shuffle(1)))

    outcome = house.take(record(shuffle(1, at=MOMENT + 60_000)))

    assert counts(outcome) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("refused", "reason", "foreign"),
    [
        (record(shuffle(1), principal=None), "no_certificate", 1),
        (record(shuffle(1), client_id="north:8"), "foreign_client", 1),
        (record(shuffle(1), shuffle(2, asset_id="8")), "foreign_asset", 1),
        (record(shuffle(1, cycle_ms="fast")), "invalid_data", 0),
        (record(shuffle(1), topic="pitboss/north/shufflers/7/gossip"), "unknown_topic", 0),
        (b"no record", "unreadable_record", 0),
        (record(shuffle(1), payload="bm8ganNvbg=="), "malformed_message", 0),
        (record(shuffle(1, at=MOMENT), received_at=MOMENT - 90_000_000), "clock_ahead", 0),
        (record(shuffle(1, at=1_000), received_at=MOMENT), "too_late", 0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused_is_set_aside(refused: bytes, reason: str, foreign: int) -> None:
    house = House()

    outcome = house.take(refused, record(telemetry(9)))

    assert house.quarantine.reasons == [reason]
    assert outcome.quarantined == 1
    assert outcome.foreign == foreign
    assert outcome.received == outcome.accepted + outcome.duplicate + outcome.quarantined
    assert ("north", "7", 9, MOMENT) in house.shufflers.kept  # its neighbours are kept


def test_entries_are_kept_by_property_and_sender() -> None:
    house = House()

    house.take(
        record(shuffle(1, cycle_ms=-1)),
        record(shuffle(2, cycle_ms=-1), client_id="../../elsewhere"),
        record(shuffle(3, cycle_ms=-1)),
        b"",
    )

    found = {(entries[0].property_id, entries[0].sender) for entries in house.quarantine.objects}
    assert found == {("north", "north:7"), ("north", "unknown"), ("unknown", "unknown")}
    assert [len(entries) for entries in house.quarantine.objects] == [2, 1, 1]


def test_an_unknown_event_is_kept_and_counted() -> None:
    outcome = House().take(record(published(1, "shuffle.dreamt", depth=3)))

    assert (outcome.accepted, outcome.unrecognised) == (1, 1)


def test_a_conflict_is_tried_again() -> None:
    house = House(failures=MAX_TRIES - 1)

    assert counts(house.take(record(shuffle(1)))) == (1, 1, 0, 0)
    assert house.pauses == [1, 2, 3]


def test_what_cannot_be_written_comes_again() -> None:
    house = House(failures=MAX_TRIES)

    with pytest.raises(Busy):
        house.take(record(shuffle(1)))
    assert house.shufflers.kept == {}


@pytest.mark.parametrize(
    ("received_at", "months", "oldest"),
    [
        ("2026-11-21", 13, "2025-10-01"),
        ("2026-01-15", 1, "2025-12-01"),
        ("2026-12-30", 0, "2026-12-01"),
        ("2026-12-31", 0, "2027-01-01"),  # a day is left for what is under way
    ],
)
def test_what_is_certain_to_be_kept_still(received_at: str, months: int, oldest: str) -> None:
    def moment(day: str) -> int:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000

    assert oldest_kept(moment(received_at), months) == moment(oldest)


# --- the function ---------------------------------------------------------------------------------


def kinesis(*records: bytes) -> dict[str, Any]:
    """A batch as Lambda delivers it."""
    return {
        "Records": [
            {
                "kinesis": {
                    "data": base64.b64encode(one).decode(),
                    "approximateArrivalTimestamp": MOMENT / 1000 + 0.9,
                }
            }
            for one in records
        ]
    }


def test_the_function_counts_what_became_of_a_batch(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = House()
    monkeypatch.setattr(stream, "_wiring", lambda: house.track)

    answer = stream.handler(
        kinesis(record(shuffle(1), shuffle(1)), record(shuffle(2), client_id="north:8")), None
    )

    assert answer == {"batchItemFailures": []}
    (security,) = [one for one in caplog.records if "security event" in one.message]
    assert security.__dict__["senders"] == ["north:8"]
    counted = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: counted[name] for name in counted if name.startswith(("Events", "Records"))} == {
        "RecordsReceived": [2.0],
        "EventsReceived": [3.0],
        "EventsAccepted": [1.0],
        "EventsDuplicate": [1.0],
        "EventsQuarantined": [1.0],
        "EventsForeign": [1.0],
        "EventsUnrecognised": [0.0],
    }


def test_sample_events_are_kept_and_poison_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    monkeypatch.setattr(stream, "_wiring", lambda: house.track)

    for batch in sample_events.load("track_shufflers").values():
        assert stream.handler(batch, None) == {"batchItemFailures": []}

    assert len(house.shufflers.kept) == 4
    assert sorted(house.quarantine.reasons) == ["foreign_client", "unreadable_record"]

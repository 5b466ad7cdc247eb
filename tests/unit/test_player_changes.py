"""What changed about players: who plays, what it is told by, and how it is published."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from pitboss.events.player import ChangeKind, PlayerChanged, decode
from pitboss.events.slot import (
    CardInserted,
    CardRemoved,
    GameEnded,
    GameStarted,
    HandpayPending,
    HandpayReported,
    MetersReset,
    SlotData,
    SlotEvent,
)
from pitboss.rating.changes import (
    MAX_AGE_MS,
    MAX_SESSION_DAYS,
    Sitting,
    is_of_now,
    session_days,
)
from pitboss.rating.fold import Carry, Fold, House, Seat
from pitboss.stores.changes import SnsChanges
from pitboss.stores.topic import MAX_TRIES, UnpublishedError
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, THROTTLED, Call, Fault, Network, Part
from workbench.proof.sns import Topic

NOW = 1_767_225_600_000
HOUR = 3_600_000
DAY = 24 * HOUR

type Published = tuple[SnsChanges, Topic, Network]


def day_of(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%F}"


def change(number: int, kind: ChangeKind = ChangeKind.SESSION_STARTED) -> PlayerChanged:
    return PlayerChanged(
        kind=kind,
        property_id="north",
        player_id=f"p-{number}",
        asset_id="1940732",
        session_started_at=NOW,
        gaming_day="2026-01-01",
        occurred_at=NOW,
        worth_step=number if kind is ChangeKind.WORTH_CROSSED else None,
    )


# --- who plays ------------------------------------------------------------------------------------


def seat_after(*events: tuple[SlotData, str | None]) -> Seat:
    """The seat after events of which the n-th happened n milliseconds after NOW."""
    fold = Fold(Carry(), House(day_of))
    for number, (data, player) in enumerate(events):
        fold.feed(SlotEvent(f"e-{number}", NOW + number, number, player, data))
    return fold.carry.seat()


PENDING = (HandpayPending(), None)


@pytest.mark.parametrize(
    ("events", "locked_since"),
    [
        ([PENDING], 0),
        ([PENDING, PENDING], 0),
        ([PENDING, (HandpayReported(120_000), None), (MetersReset(), None)], 0),
        ([PENDING, (CardRemoved(), "p-81")], 0),
        ([PENDING, (GameStarted(100), None)], None),
        ([PENDING, (GameEnded(), None)], None),
        ([PENDING, (CardInserted(), "p-81")], None),
        ([PENDING, (GameEnded(), None), PENDING], 2),
        ([(GameStarted(100), None), PENDING], 1),
    ],
)
def test_a_machine_is_locked_up_from_a_pending_hand_pay_until_it_is_played(
    events: list[tuple[SlotData, str | None]], locked_since: int | None
) -> None:
    expected = None if locked_since is None else NOW + locked_since
    assert seat_after(*events).locked_since == expected


def test_who_is_seated_is_the_player_of_the_session_in_progress() -> None:
    card, game = (CardInserted(), "p-81"), (GameStarted(100), "p-9")

    assert seat_after() == Seat(None, None, None)
    assert seat_after(card) == Seat("p-81", NOW, None)
    assert seat_after(card, game) == Seat("p-9", NOW + 1, None)
    assert seat_after(card, (CardRemoved(), "p-81")) == Seat(None, None, None)
    assert seat_after((GameStarted(100), None)) == Seat(None, None, None)


def test_a_carry_of_the_release_before_is_read() -> None:
    before = msgspec.msgpack.decode(msgspec.msgpack.encode(Carry(selected_game=7)))[:-1]

    assert msgspec.convert(before, Carry) == Carry(selected_game=7)


# --- where and when to look -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "until", "days"),
    [
        (0, 0, ["2026-01-01"]),
        (0, DAY - 1, ["2026-01-01"]),
        (0, DAY, ["2026-01-01", "2026-01-02"]),
        (DAY - 1, DAY, ["2026-01-01", "2026-01-02"]),
        (-1, 2 * DAY, ["2025-12-31", "2026-01-01", "2026-01-02", "2026-01-03"]),
    ],
)
def test_a_session_is_looked_for_in_every_day_it_may_have_play_in(
    started: int, until: int, days: list[str]
) -> None:
    found = session_days(Sitting("p-81", NOW + started), NOW + until, day_of)

    assert [key.day for key in found] == days
    assert {(key.player_id, key.started_at) for key in found} == {("p-81", NOW + started)}


def test_a_session_that_a_wrong_clock_began_is_looked_for_in_few_days() -> None:
    days = [key.day for key in session_days(Sitting("p-81", 0), NOW, day_of)]

    assert days[0] == "1970-01-01"
    assert days[-1] == "2026-01-01"
    assert len(days) <= MAX_SESSION_DAYS + 2


def test_what_is_of_now() -> None:
    assert is_of_now(NOW - MAX_AGE_MS, NOW)
    assert not is_of_now(NOW - MAX_AGE_MS - 1, NOW)
    assert is_of_now(NOW + HOUR, NOW), "a clock that is ahead"


# --- publishing -----------------------------------------------------------------------------------


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[Published]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    clock = Clock(NOW)
    network = Network(clock)
    arn, topic = network.sns.create_topic("players")
    with clock.installed(), network.installed():
        yield SnsChanges(arn, ENVIRONMENT["AWS_REGION"]), topic, network


def test_ten_are_published_at_a_time_with_what_filters_look_at(published: Published) -> None:
    changes, topic, network = published
    told = [change(n, ChangeKind.WORTH_CROSSED if n % 2 else change(n).kind) for n in range(23)]

    changes.publish(told)

    assert [decode(message.body) for message in topic.messages] == told
    assert network.calls["sns", "PublishBatch"] == 3
    assert [message.attributes for message in topic.messages[:2]] == [
        {"kind": "session.started", "property_id": "north"},
        {"kind": "worth.crossed", "property_id": "north", "worth_step": 1},
    ]


def test_what_failed_is_sent_again_and_nothing_else(published: Published) -> None:
    changes, topic, network = published
    network.fault = lambda call: Part((0, 2)) if call.number == 1 else None

    changes.publish([change(n) for n in range(4)])

    assert [decode(message.body).player_id for message in topic.messages] == [
        *("p-1", "p-3"),
        *("p-0", "p-2"),
    ]


@pytest.mark.parametrize("fault", [Part((1,), "InternalError"), THROTTLED["sns"]])
def test_what_is_not_taken_is_raised(published: Published, fault: Fault) -> None:
    changes, topic, network = published

    def always(_: Call) -> Fault:
        return fault

    network.fault = always
    with pytest.raises(
        Exception, match=r"^1 messages are not published: InternalError$|\(Throttled\)"
    ) as e:
        changes.publish([change(0), change(1)])

    if isinstance(fault, Part):
        assert isinstance(e.value, UnpublishedError)
        assert e.value.retry
        assert network.calls["sns", "PublishBatch"] == MAX_TRIES
        assert [decode(m.body).player_id for m in topic.messages] == ["p-0"]
    else:
        assert topic.messages == []

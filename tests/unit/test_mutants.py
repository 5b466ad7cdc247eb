"""The tester tested: faults built into the product, each of which the schedules must find.

A mutant breaks one thing that exactness rests on. The schedules that find it are drawn from every
kind of fault, as those of the normal run are; what shows rarely is looked for among the kinds that
make it show, to save time.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

import pitboss.gaming_day
import pitboss.rating.changes
import pitboss.rating.fold
import pitboss.rating.history
import pitboss.stores.ratings
import rate_players.handler
import rate_players.service
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.record import StreamRecord
from pitboss.rating.fold import Fold
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.ratings import DynamoRatings
from pitboss.stores.stream import KinesisStream
from pitboss.stores.topic import SnsTopic
from workbench.proof import campaign
from workbench.proof.faults import KINDS

SCHEDULES = 80
"""A mutant lives no longer."""

type Patch = Callable[[pytest.MonkeyPatch], None]


def no_condition(patch: pytest.MonkeyPatch) -> None:
    """A head is replaced whatever it is by now."""
    patch.setattr(pitboss.stores.ratings, "_lock", lambda before: {})


def _write_one_by_one(patch: pytest.MonkeyPatch, order: Callable[[list[Any]], list[Any]]) -> None:
    whole = pitboss.stores.ratings._fitting

    def commit(ratings: Any, changes: Sequence[Any]) -> list[Any]:
        conflicting = []
        for batch in list(whole([ratings._operations(*change) for change in changes])):
            for operations in batch:
                for action in order(list(operations.actions)):
                    ratings._actions = [action]
                    try:
                        ratings._client.transact_write_items(TransactItems=[])
                    except ratings._client.exceptions.TransactionCanceledException:
                        conflicting.append(operations.asset)
                        break
        return conflicting

    patch.setattr(DynamoRatings, "commit", commit)


def marker_before_effect(patch: pytest.MonkeyPatch) -> None:
    """The head first, then what it stands for, each in a write of its own."""
    _write_one_by_one(patch, lambda actions: actions)


def effect_before_marker(patch: pytest.MonkeyPatch) -> None:
    """What the head stands for first, then the head."""
    _write_one_by_one(patch, lambda actions: actions[::-1])


def conflicts_ignored(patch: pytest.MonkeyPatch) -> None:
    """A transaction that another writer prevented counts as written."""
    commit = DynamoRatings.commit

    def commits(ratings: DynamoRatings, changes: Sequence[Any]) -> list[Any]:
        commit(ratings, changes)
        return []

    patch.setattr(DynamoRatings, "commit", commits)


def _put(stream: Any, records: Sequence[StreamRecord], indexes: Sequence[int]) -> Any:
    return stream._client.put_records(
        StreamName=stream._name,
        Records=[
            {"PartitionKey": records[i].partition_key, "Data": records[i].data} for i in indexes
        ],
    )


def whole_batch_resent(patch: pytest.MonkeyPatch) -> None:
    """One entry of PutRecords fails, all are sent again."""

    def put(stream: Any, records: Sequence[StreamRecord], indexes: Sequence[int]) -> list[int]:
        try:
            failed = _put(stream, records, indexes)["FailedRecordCount"]
        except stream._client.exceptions.ClientError:
            return list(indexes)
        return list(indexes) if failed else []

    patch.setattr(KinesisStream, "_put_once", put)


def failed_record_count_ignored(patch: pytest.MonkeyPatch) -> None:
    """PutRecords answered 200, so all is well."""

    def put(stream: Any, records: Sequence[StreamRecord], indexes: Sequence[int]) -> list[int]:
        _put(stream, records, indexes)
        return []

    patch.setattr(KinesisStream, "_put_once", put)


def answered_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    """A stream that cannot be written is no reason to say so."""
    put = KinesisStream.put

    def puts(stream: KinesisStream, records: Sequence[StreamRecord]) -> set[int]:
        put(stream, records)
        return set()

    patch.setattr(KinesisStream, "put", puts)


def float_money(patch: pytest.MonkeyPatch) -> None:
    """Dollars times a share."""
    patch.setattr(
        pitboss.rating.fold,
        "theoretical_win",
        lambda cents, points: int(cents / 100 * (points / 10_000) * 1_000_000),
    )


def local_date_as_gaming_day(patch: pytest.MonkeyPatch) -> None:
    """The date on the wall."""

    def date_of(rule: Any, epoch_ms: int) -> date:
        return datetime.fromtimestamp(epoch_ms / 1000, tz=rule.zone).date()

    patch.setattr(pitboss.gaming_day.GamingDay, "date_of", date_of)


def days_of_24_hours(patch: pytest.MonkeyPatch) -> None:
    """The clocks never change."""

    def date_of(rule: Any, epoch_ms: int) -> date:
        winter = 8 * 3_600_000 + rule.starts_at.hour * 3_600_000
        return datetime.fromtimestamp((epoch_ms - winter) / 1000, tz=UTC).date()

    patch.setattr(pitboss.gaming_day.GamingDay, "date_of", date_of)


def poison_swallowed(patch: pytest.MonkeyPatch) -> None:
    """What cannot be read is passed over."""
    put = S3Quarantine.put

    def puts(quarantine: S3Quarantine, entries: Sequence[QuarantineEntry]) -> str:
        if entries[0].stage == rate_players.handler.STAGE:
            return ""
        return put(quarantine, entries)

    patch.setattr(S3Quarantine, "put", puts)


def errors_swallowed(patch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong is logged, and the batch is done."""
    call = rate_players.service.RatePlayers.__call__

    def calls(rate: Any, batches: Any) -> Any:
        try:
            return call(rate, batches)
        except Exception:  # noqa: BLE001 - the mutant
            return rate_players.service.Outcome()

    patch.setattr(rate_players.service.RatePlayers, "__call__", calls)


def good_events_blamed(patch: pytest.MonkeyPatch) -> None:
    """A release that rates nothing sets all events aside as unratable."""
    patch.setattr(rate_players.service.RatePlayers, "_check_rules", lambda rate, fault: None)


def no_dedupe(patch: pytest.MonkeyPatch) -> None:
    """An event is fresh whenever it comes."""

    def fresh_by_page(history: Any, events: Any, result: Any) -> dict[int, list[Any]]:
        fresh: dict[int, list[Any]] = {}
        for event in sorted(events, key=pitboss.rating.history._order):
            fresh.setdefault(pitboss.rating.history.page_of(event.occurred_at), []).append(event)
        return fresh

    patch.setattr(pitboss.rating.history, "_fresh_by_page", fresh_by_page)


def watermark(patch: pytest.MonkeyPatch) -> None:
    """What is older than the newest page was seen before."""
    fresh_by_page = pitboss.rating.history._fresh_by_page

    def newer(history: Any, events: Any, result: Any) -> dict[int, list[Any]]:
        pages: dict[int, list[Any]] = fresh_by_page(history, events, result)
        first = -1 if history.head is None else history.head.page.start
        result.duplicate += sum(len(found) for start, found in pages.items() if start < first)
        return {start: found for start, found in pages.items() if start >= first}

    patch.setattr(pitboss.rating.history, "_fresh_by_page", newer)


def a_sessions_bounds_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A session that loses play keeps the bounds it had."""
    patch.setattr(pitboss.rating.history._Work, "_enter", lambda work, carry: None)


def a_long_correction_begun_anew(patch: pytest.MonkeyPatch) -> None:
    """A correction that goes on does not know which session it was interrupted in."""
    patch.setattr(pitboss.rating.history._Work, "resume", lambda work, carry: None)


def corrections_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Totals change, and no entry says why."""
    patch.setattr(pitboss.rating.history._Work, "_corrections", lambda work: [])


def hand_pay_added_to_the_win(patch: pytest.MonkeyPatch) -> None:
    """What was paid by hand comes on top of what the end of the game said."""
    count = Fold._count

    def counts(fold: Any, game: Any, end: Any, ended_at: Any) -> None:
        count(fold, game, end, ended_at)
        if game.handpaid_cents and end.win_cents:
            fold._tally(game.key).coin_out_cents += min(game.handpaid_cents, end.win_cents)

    patch.setattr(Fold, "_count", counts)


def hand_pays_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A machine is never locked up."""
    seat = pitboss.rating.fold.Carry.seat
    patch.setattr(
        pitboss.rating.fold.Carry, "seat", lambda carry: seat(carry)._replace(locked_since=None)
    )


def _known_when_read(patch: pytest.MonkeyPatch, **known: Any) -> None:
    sittings = pitboss.rating.changes.sittings

    def seen(before: Any, change: Any, head: Any) -> Any:
        was, now = sittings(before, change, head)
        if before is not None:
            return was, now
        taken = was._replace(**known)
        return taken, taken if was is now else now._replace(**known)

    patch.setattr("rate_players.service.sittings", seen)


def told_before_it_was_read(patch: pytest.MonkeyPatch) -> None:
    """A new process takes it that the one before told everything."""
    _known_when_read(patch, told=0)


def worth_begun_anew(patch: pytest.MonkeyPatch) -> None:
    """A session came to nothing before this process saw it."""
    _known_when_read(patch, theoretical_win=0)


def told_of_long_ago(patch: pytest.MonkeyPatch) -> None:
    """What is read again is told again, however long it is past."""
    patch.setattr("rate_players.service.is_of_now", lambda occurred_at, now: True)


def failed_messages_ignored(patch: pytest.MonkeyPatch) -> None:
    """PublishBatch answered 200, so all is well."""

    def publish(topic: Any, entries: Any) -> None:
        topic._client.publish_batch(TopicArn=topic._topic, PublishBatchRequestEntries=entries)

    patch.setattr(SnsTopic, "_publish", publish)


def cards_never_idle(patch: pytest.MonkeyPatch) -> None:
    """A card that is in is played."""
    patch.setattr(Fold, "_live_session", lambda fold, moment: fold._session)


LATE = ("days_late", "gap_filled", "reversed", "shuffled", "split")
RARE: dict[Patch, tuple[str, ...]] = {
    a_sessions_bounds_forgotten: LATE,
    failed_messages_ignored: ("publish_failed",),
}

MUTANTS: list[tuple[Patch, str]] = [
    (no_condition, "I1 I2 I3 I4"),
    (marker_before_effect, "I1 I3 I4"),
    (effect_before_marker, "I1 I2 I3 I4"),
    (conflicts_ignored, "I1 I9"),
    (whole_batch_resent, "I2"),
    (failed_record_count_ignored, "I8"),
    (answered_before_it_is_durable, "I8"),
    (float_money, "I4"),
    (local_date_as_gaming_day, "I4"),
    (days_of_24_hours, "I4"),
    (poison_swallowed, "I1 I5"),
    (errors_swallowed, "I1 I5"),
    (good_events_blamed, "I1"),
    (no_dedupe, "I2 I4 I7"),
    (watermark, "I1"),
    (a_sessions_bounds_forgotten, "I3 I4"),
    (a_long_correction_begun_anew, "I3 I4"),
    (corrections_forgotten, "I4"),
    (hand_pay_added_to_the_win, "I4"),
    (cards_never_idle, "I4"),
    (hand_pays_forgotten, "I4"),
    (told_before_it_was_read, "I9"),
    (worth_begun_anew, "I9"),
    (told_of_long_ago, "I9"),
    (failed_messages_ignored, "I9"),
]


@pytest.mark.parametrize(
    ("mutate", "invariants"), MUTANTS, ids=lambda m: getattr(m, "__name__", "")
)
def test_a_mutant_is_found(mutate: Patch, invariants: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch)
    for seed in range(1, SCHEDULES + 1):
        found = campaign.schedule(seed, campaign.script_of(seed, RARE.get(mutate, tuple(KINDS))))
        if found.violations:
            kinds = {violation.invariant.split()[0] for violation in found.violations}
            assert kinds & set(invariants.split()), found.violations[0]
            return
    pytest.fail(f"{mutate.__name__} lives after {SCHEDULES} schedules")

"""The checks: what must hold of a schedule, invariant by invariant.

I1 nothing lost, I2 each event once, I3 the order of arrival leaves no trace, I4 money to the cent,
I5 no fault is silent, I6 progress after healing, I7 a replay changes nothing, I8 no 2xx for what is
not durable. I8 and the sums within I5 are checked by the world as it runs; the rest here, against
the oracle and against a run of the same events without faults.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from pitboss.rating.fold import Tally
from pitboss.stores import ratings as stored_ratings
from workbench.proof import kinesis
from workbench.proof.faults import KINDS
from workbench.proof.oracle import (
    SETTLED_MINUTES,
    SUM_FIELDS,
    Account,
    MachineDayKey,
    Rule,
    Seat,
    Sums,
    Verdict,
    judge,
)
from workbench.proof.sns import Message
from workbench.proof.workload import DAY_STARTS_AT, HOUR, MINUTE, PROPERTY, RATED, ZONE, Fact
from workbench.proof.world import (
    BATCH_RECORDS,
    DEPLOYED,
    INGEST,
    RATE,
    RATE_TIMEOUT_MS,
    REGION,
    RETENTION_MS,
    TABLE,
    WORTH_STEP_CENTS,
    Violation,
    World,
    _request,
)

RULES = {PROPERTY: Rule(ZONE, DAY_STARTS_AT)}
_UNITS = 1_000_000
"""Of stored theoretical win in a dollar."""


def run(world: World) -> list[Violation]:
    """Run a schedule and everything that is checked of it; what was violated, in order."""
    corrections, published = _Corrections(world), _Published(world)

    def committed() -> None:
        facts: defaultdict[str, list[Fact]] = defaultdict(list)
        for fact in world.applied():
            facts[fact.asset_id].append(fact)
        corrections.note(facts)
        published.note(facts)

    world.on_commit = committed
    world.run()
    if not world.violations:
        for check in (_nothing_lost, _once, _money, _told, _read_back):
            for violation in check(world):
                world.violations.append(violation)
        world.violations += corrections.check()
        world.violations += _replayed(world)
        world.violations += _as_without_faults(world)
    return world.violations


# What is stored, as numbers.


def _sums(item: dict[str, Any]) -> Sums:
    found = {
        name: int(item[name]["N"]) if name in item else 0
        for name in SUM_FIELDS
        if name != "theoretical_dollars"
    }
    units = int(item["theoretical_win"]["N"]) if "theoretical_win" in item else 0
    return Sums(**found, theoretical_dollars=Fraction(units, _UNITS))


def _bounds(item: dict[str, Any]) -> tuple[int, int] | None:
    if "first_play" not in item or "last_play" not in item:
        return None
    return int(item["first_play"]["N"]), int(item["last_play"]["N"])


def _seat(head: dict[str, Any]) -> Seat:
    since, locked_since = (
        int(head[name]["N"]) if name in head else None for name in ("seated_since", "locked_since")
    )
    return Seat(head.get("seated", {}).get("S"), since, locked_since)


class _Stored:
    """The table's items by what they are."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.accounts: dict[Account, Sums] = {}
        self.session_play: dict[Account, tuple[int, int] | None] = {}
        self.machine_days: dict[MachineDayKey, Sums] = {}
        self.machine_play: dict[MachineDayKey, tuple[int, int] | None] = {}
        self.corrections: defaultdict[Account, Sums] = defaultdict(Sums)
        self.seats: dict[tuple[str, str], Seat] = {}
        for item in items:
            self._take(item)

    def _take(self, item: dict[str, Any]) -> None:
        property_id, kind, owner = item["pk"]["S"].split("/")
        sort = item["sk"]["S"]
        if sort.startswith("correction/"):
            _, day, started_at, asset_id, _ = sort.split("/")
            player = owner if kind == "player" else None
            account = Account(property_id, asset_id, day, player, int(started_at))
            self.corrections[account] += _sums(item)
        elif kind == "player":
            _, day, started_at, asset_id = sort.split("/")
            account = Account(property_id, asset_id, day, owner, int(started_at))
            self.accounts[account] = _sums(item)
            self.session_play[account] = _bounds(item)
        elif kind == "floor" or sort.startswith("day/"):
            asset_id = sort if kind == "floor" else owner
            key = MachineDayKey(property_id, asset_id, item["day"]["S"])
            self.machine_days[key] = _sums(item)
            self.machine_play[key] = _bounds(item)
            if kind == "floor":
                self.seats[property_id, asset_id] = _seat(item)


# I1, I2, I4.


def _nothing_lost(world: World) -> Iterator[Violation]:
    """Accepted = applied + quarantined, and nothing else is kept."""
    applied = {f.raw for f in world.applied()}
    rows = world.set_aside()
    durable = world.durable()
    for raw, fact in world.accepted.items():
        if raw in applied or raw in rows or (fact.kind not in RATED and raw in durable):
            continue
        yield Violation("I1", f"{fact.asset_id} {fact.event_id} was accepted and is nowhere")
    for fact in world.posted.values():
        if fact.raw not in world.accepted and fact.raw not in rows:
            yield Violation("I1", f"{fact.asset_id} {fact.event_id} was never answered for")
    given_up = {
        row.raw for rows_ in world.rows().values() for row in rows_ if row.stage == "event source"
    }
    for raw in sorted(given_up & world.posted.keys() - applied):
        fact = world.posted[raw]
        if fact.kind in RATED and _reasons_of(world, raw) <= _GIVEN_UP:
            yield Violation("I1", f"{fact.asset_id} {fact.event_id} was given up")
    reasons = {
        row.raw: row.reason
        for rows_ in world.rows().values()
        for row in rows_
        if row.stage != "event source"
    }
    for fact in world.posted.values():
        if fact.refused and reasons.get(fact.raw) != fact.refused:
            found = reasons.get(fact.raw)
            yield Violation("I1", f"{fact.event_id} is {fact.refused}, set aside as {found}")
    known = {f.raw for f in world.posted.values()}
    blamed = Counter(
        row.reason
        for rows_ in world.rows().values()
        for row in rows_
        if row.raw in known
        and row.stage != "event source"
        and row.reason not in _REASONS
        and not world.posted[row.raw].refused
    )
    if blamed:
        yield Violation("I1", f"good events were set aside as {dict(blamed)}")


def _reasons_of(world: World, raw: bytes) -> set[str]:
    """Why this was set aside."""
    return {row.reason for rows in world.rows().values() for row in rows if row.raw == raw}


_GIVEN_UP = {"RecordAgeExceeded", "RetryAttemptsExhausted"}
_REASONS = frozenset({"id_reuse", "unstorable"})
"""Why an event that the front door takes may be set aside later."""


def _once(world: World) -> Iterator[Violation]:
    """No event lies in two places, and none is kept that nobody sent."""
    posted = {(f.asset_id, f.event_id, f.occurred_at, f.sequence) for f in world.posted.values()}
    seen: set[tuple[str, int, str]] = set()
    for kept in world.kept():
        place = (kept.asset_id, kept.page, kept.event_id)
        if place in seen:
            yield Violation("I2", f"{kept.event_id} of {kept.asset_id} is kept twice")
        seen.add(place)
        if (kept.asset_id, kept.event_id, kept.occurred_at, kept.sequence) not in posted:
            yield Violation("I2", f"{kept.event_id} of {kept.asset_id} was never posted")
        if not kept.page <= kept.occurred_at < kept.page + 5 * MINUTE:
            yield Violation("I2", f"{kept.event_id} of {kept.asset_id} is in another's page")


def _money(world: World) -> Iterator[Violation]:
    """Every session and machine, each gaming day, to the cent; and the sums of both agree."""
    verdict = judge(world.applied(), RULES)
    stored = _Stored(world.table.items())
    carded = {a: s for a, s in verdict.accounts().items() if a.player_id is not None}
    yield from _compared("I4", carded, stored.accounts)
    yield from _compared("I4", verdict.machine_days(), stored.machine_days)
    carded_play = {a: bounds for a, bounds in stored.session_play.items() if bounds is not None}
    yield from _compared("I4 play", verdict.session_play, carded_play)
    played = {key: bounds for key, bounds in stored.machine_play.items() if bounds is not None}
    yield from _compared("I4 play", verdict.machine_play, played)
    yield from _compared("I4 seat", verdict.seats, stored.seats)


def _compared(invariant: str, right: dict[Any, Any], found: dict[Any, Any]) -> Iterator[Violation]:
    if right == found:
        return
    for key in sorted(right.keys() | found.keys(), key=str):
        if right.get(key) != found.get(key) and (right.get(key) or found.get(key)):
            yield Violation(
                invariant, f"{tuple(key)}: {found.get(key)} is stored, right is {right.get(key)}"
            )
            return
    for key in sorted(right.keys() ^ found.keys(), key=str):
        is_empty_day = isinstance(key, MachineDayKey) and key not in right
        if not is_empty_day:
            where = "nothing is" if key in right else "an empty item is"
            yield Violation(invariant, f"{tuple(key)}: {where} stored")
            return


class _Corrections:
    """What late events changed in settled pages, added up as each transaction is seen."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[str, frozenset[Any]] = {}
        self.right: defaultdict[Account, Sums] = defaultdict(Sums)

    def note(self, facts: dict[str, list[Fact]]) -> None:
        """A transaction was written: what it should have posted as corrections."""
        for asset_id, now in facts.items():
            mine = frozenset(f.raw for f in now)
            before = self.known.get(asset_id, frozenset())
            if mine == before:
                continue
            self.known[asset_id] = mine
            if lost := before - mine:
                self.world.violate(
                    "I1", f"{len(lost)} events of {asset_id} were rated and are in no page"
                )
            elif before:
                self._compare([f for f in now if f.raw in before], now)

    def _compare(self, before: list[Fact], now: list[Fact]) -> None:
        span = 5 * MINUTE
        newest = max(f.occurred_at for f in before) // span * span
        settled = newest - SETTLED_MINUTES * MINUTE
        known = {f.raw for f in before}
        if min(f.occurred_at for f in now if f.raw not in known) // span * span >= settled:
            return
        for verdict, sign in ((judge(now, RULES), 1), (judge(before, RULES), -1)):
            for account, sums in _settled(verdict, settled).items():
                if sign == 1:
                    self.right[account] += sums
                else:
                    self.right[account] -= sums

    def check(self) -> list[Violation]:
        """Stored total = as first posted + corrections, for every account."""
        stored = _Stored(self.world.table.items()).corrections
        right = {account: sums for account, sums in self.right.items() if sums}
        found = {account: sums for account, sums in stored.items() if sums}
        return list(_compared("I4 corrections", right, found))


def _settled(verdict: Verdict, before: int) -> dict[Account, Sums]:
    found: defaultdict[Account, Sums] = defaultdict(Sums)
    for line in verdict.lines:
        if line.page < before:
            found[line.account] += line.sums
    return found


# I9.


TOLD_FOR_MS = 15 * MINUTE
"""Device time of a machine's newest event, from now, up to which it is told who plays there."""


class _State(NamedTuple):
    """A machine after a transaction, by the oracle."""

    seat: Seat
    units: int
    """Theoretical win of the session in progress, in ten-thousandths of a cent."""
    newest: int
    raws: frozenset[bytes]
    fresh: frozenset[bytes]
    """What the transaction brought: who is given any of it finds out, of older play nobody need."""


class _Published:
    """What is told of players: all that holds where it is of now, and nothing that never held."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now: dict[str, _State] = {}
        self.most: dict[tuple[str, Any, Any], int] = {}
        """The most that a session came to, by machine, player and start."""
        self.left: set[tuple[str, Any, Any]] = set()
        """Sessions that were in progress and are over, or turned out to be none."""
        self.told: set[tuple[str, ...]] = set()
        self.unpublished = 0
        """Changes, so far, that invocations said they could not publish."""
        world.topic.on_message = self.take
        world.on_rated = self.rated

    def note(self, facts: dict[str, list[Fact]]) -> None:
        """A transaction was written: who plays by now."""
        for asset_id, mine in facts.items():
            before = self.now.get(asset_id)
            raws = frozenset(f.raw for f in mine)
            if before is not None and before.raws == raws:
                continue
            verdict = judge(mine, RULES)
            seat = verdict.seats[PROPERTY, asset_id]
            head = self._head(asset_id)
            if "stale_from" not in head and _seat(head) != seat:
                self.world.violate("I4 seat", f"{asset_id}: {_seat(head)} is stored, right: {seat}")
            units = int(verdict.worth(PROPERTY, asset_id) * _UNITS) if seat.player_id else 0
            newest = max(f.occurred_at for f in mine)
            fresh = raws if before is None else raws - before.raws
            self.now[asset_id] = _State(seat, units, newest, raws, fresh)
            session = asset_id, seat.player_id, seat.since
            self.most[session] = max(self.most.get(session, 0), units)
            if before is not None and before.seat[:2] != seat[:2]:
                self.left.add((asset_id, before.seat.player_id, before.seat.since))

    def _head(self, asset_id: str) -> dict[str, Any]:
        items = self.world.table.items()
        return next(
            item for item in items if item["sk"]["S"] == asset_id and "/floor/" in item["pk"]["S"]
        )

    def take(self, message: Message) -> None:
        """A message was published."""
        self.world.committed()
        of = json.loads(message.body)
        kind, step = of["kind"], of["worth_step"]
        attributes = {"kind": kind, "property_id": PROPERTY, "worth_step": step}
        if message.attributes != {k: v for k, v in attributes.items() if v is not None}:
            self.world.violate("I9", f"{of} has the attributes {message.attributes}")
        session = of["asset_id"], of["player_id"], of["session_started_at"]
        match kind:
            case "session.started":
                is_so = session in self.most
            case "worth.crossed":
                is_so = self.most.get(session, -1) >= step * WORTH_STEP_CENTS * 10_000
            case "session.ended":
                is_so = session in self.left
            case _:
                is_so = False
        if not is_so or of["property_id"] != PROPERTY:
            self.world.violate("I9", f"{of} was told and is not so")
        if message.at_ms - of["occurred_at"] > TOLD_FOR_MS + RATE_TIMEOUT_MS:
            self.world.violate("I9", f"{of} was told {message.at_ms - of['occurred_at']} ms after")
        self.told.add((kind, *map(str, session), str(step)))

    def rated(self, given: set[bytes], now_ms: int) -> None:
        """An invocation succeeded: who plays where, it or another before has told by now.

        Unless it says that it could not: then the next one tells that the machine has events for.
        """
        before, self.unpublished = self.unpublished, self.world.metrics[RATE, "ChangesUnpublished"]
        if self.unpublished > before:
            return
        for asset_id, state in self.now.items():
            if now_ms - state.newest > TOLD_FOR_MS or state.fresh.isdisjoint(given):
                continue
            if state.seat.player_id is None:
                continue
            session = asset_id, str(state.seat.player_id), str(state.seat.since)
            steps = state.units // (WORTH_STEP_CENTS * 10_000)
            wanted = {("session.started", *session, "None")}
            if steps:
                wanted.add(("worth.crossed", *session, str(steps)))
            for missing in sorted(wanted - self.told):
                self.world.violate("I9", f"{missing} is so and nobody was told")


# I5.


SILENT = frozenset(
    {"clock_wrong", "clocks_change", "days_late", "gap_filled", "hot_key", "iterator_expired"}
    | {"merged", "meter_rollover", "outcome_unknown", "partial_answer_ignored", "put_one_throttled"}
    | {"resharded_twice", "reversed", "sequence_reset", "shuffled", "split"}
    | {"throttled_at_the_door", "transaction_conflict", "unprocessed"}
)
"""Kinds without a sign of their own: docs/proof.md says why."""

_HEALED = {
    *(("put_answer_lost", 0), ("quarantine_failed", 1)),
    *(("publish_failed", 0), ("publish_failed", 1)),
}
"""What a retry within the same invocation makes good, and nobody needs to know."""


def signs(world: World) -> dict[str, int]:
    """By the kind of fault, what there is to see of it for someone who was not told of it.

    The world has held the counts of each batch and post against what was in it, so that what is
    counted more often than it was posted or streamed has come again.
    """
    rows = Counter(row.reason for rows_ in world.rows().values() for row in rows_)
    metrics = world.metrics
    died = metrics["platform", "rate errors"]
    refused = metrics["platform", "ingest errors"]
    posted_again = max(metrics[INGEST, "EventsReceived"] - len(world.posted), 0) + refused
    streamed_again = max(metrics[RATE, "EventsReceived"] - len(world.durable()), 0) + died
    read_again = max(metrics[RATE, "RecordsReceived"] - len(world.stream.records), 0) + died
    return {
        "answer_lost": posted_again,
        "bad_deploy": died,
        "bad_record": metrics[INGEST, "EventsQuarantined"] + refused,
        "batch_redelivered": read_again,
        "consumer_stopped": int(world.oldest_ms >= min(KINDS["consumer_stopped"].args) * HOUR),
        "gateway_crashed": posted_again,
        "hostile_body": metrics[INGEST, "RequestsRefused"],
        "id_reused": rows["id_reuse"] + rows["unstorable"],
        "ingest_killed": refused,
        "item_too_large": rows["unstorable"],
        "killed_at_call": died,
        "killed_at_line": died,
        "poison_record": min(rows["unreadable_record"], metrics[RATE, "RecordsUnreadable"]),
        "publish_failed": metrics[RATE, "ChangesUnpublished"] + died,
        "put_all_throttled": metrics[INGEST, "EventsFailed"] + refused,
        "put_answer_lost": streamed_again + refused,
        "put_stored_but_failed": streamed_again + refused,
        "quarantine_failed": died + refused,
        "replayed_from_horizon": read_again,
        "retried_after_token": died,
        "second_consumer": read_again,
        "table_throttled": died,
        "timed_out_after_commit": died,
    }


def _told(world: World) -> Iterator[Violation]:
    """Each fault that struck can be seen by someone who was not told of it."""
    seen = signs(world)
    for kind in sorted({f.kind for f in world.struck if (f.kind, f.arg) not in _HEALED} - SILENT):
        if not seen[kind]:
            yield Violation("I5", f"{kind} struck {world.fired[kind]} times, and nothing shows it")
    metrics = world.metrics
    rated, kept = metrics[RATE, "EventsRated"], len(world.kept())
    died = metrics["platform", "rate errors"]
    if rated > kept or (rated < kept and not died):
        yield Violation("I5", f"{rated} events were counted as rated, {kept} are")
    rows = Counter(row.reason for rows_ in world.rows().values() for row in rows_)
    aside = rows["id_reuse"] + rows["unstorable"]
    counted = metrics[RATE, "EventsQuarantined"] + metrics[INGEST, "EventsQuarantined"]
    if aside and not counted and not died + metrics["platform", "ingest errors"]:
        yield Violation("I5", f"{aside} events were set aside and none was counted")


# What readers are told.


def _read_back(world: World) -> Iterator[Violation]:
    """What the store reads for machines and players is what was played."""
    verdict = judge(world.applied(), RULES)
    right: dict[Any, Sums] = {}
    for key, sums in verdict.machine_days().items():
        right[key.asset_id] = right.get(key.asset_id, Sums()) + sums
    for account, sums in verdict.accounts().items():
        if account.player_id is not None:
            right[account.player_id] = right.get(account.player_id, Sums()) + sums
    with world.installed():
        ratings = stored_ratings.DynamoRatings(TABLE, REGION)
        for name, sums in sorted(right.items()):
            if name.startswith("p-"):
                sessions = ratings.player_sessions(PROPERTY, name, 1_000)
                tallies = [session.tally for session in sessions]
            else:
                asset = stored_ratings.Asset(PROPERTY, name)
                machine = ratings.machine(asset)
                days = ratings.closed_days(asset, 100)
                tallies = [day.tally for day in ([machine.today] if machine else []) + days]
            found = sum((_of_tally(tally) for tally in tallies), Sums())
            if found != sums:
                yield Violation("I4 read", f"{name}: {found} is read, right is {sums}")


def _of_tally(tally: Tally) -> Sums:
    found = {name: getattr(tally, name) for name in SUM_FIELDS if name != "theoretical_dollars"}
    return Sums(**found, theoretical_dollars=Fraction(tally.theoretical_win, _UNITS))


# I7 and I3.


def _replayed(world: World) -> Iterator[Violation]:
    """All of the stream once more, by a new process: no byte changes."""
    before = world.table.snapshot()
    with world.installed():
        world.stream.retention_ms = 100 * RETENTION_MS
        mapping = world.replay()
    after = world.table.snapshot()
    if mapping.lag():
        yield Violation("I7", f"a replay does not get through, {mapping.lag()} records are left")
    if any(row.reason == "unstorable" for rows in world.rows().values() for row in rows):
        yield from _money(world)  # what was too large then is applied now: once, and right
    elif before != after:
        changed = len(set(before) ^ set(after))
        yield Violation(
            "I7", f"a replay changed, added or removed {changed} items of {len(before)}"
        )


def _as_without_faults(world: World) -> Iterator[Violation]:
    """The same events, in order, once each, by one process: the same bytes."""
    calm = World(world.seed, events=0)
    calm.floor = world.floor._replace(facts=())
    calm.gateways = []
    calm.limits = DEPLOYED
    calm.clock.now_ms = world.clock.now_ms
    with calm.installed():
        for gateway in world.gateways:
            facts = [f for f in world.applied() if f.gateway == gateway.gateway.name]
            facts.sort(key=lambda f: (f.asset_id, f.occurred_at, f.sequence, f.event_id))
            for start in range(0, len(facts), 500):
                body = gateway.body(facts[start : start + 500])
                calm._serve(_request(gateway.principal, body, gateway.gateway.content_type), None)
                calm.clock.advance(1_000)
        mapping = kinesis.EventSourceMapping(calm.stream, calm._rate, batch_size=BATCH_RECORDS)
        for _ in range(50):
            for shard_id in sorted(calm.stream.shards):
                mapping.poll(shard_id)
            calm.clock.advance(1_000)
            if not mapping.lag():
                break
    theirs, mine = _without_corrections(calm), _without_corrections(world)
    if theirs != mine:
        for key in sorted(theirs.keys() | mine.keys()):
            if theirs.get(key) != mine.get(key):
                yield Violation(
                    "I3",
                    f"{key}: {_short(mine.get(key))} is stored, without faults it is "
                    f"{_short(theirs.get(key))}",
                )
                return


def _without_corrections(world: World) -> dict[tuple[str, str], Any]:
    return {
        (item["pk"]["S"], item["sk"]["S"]): item
        for item in world.table.items()
        if not item["sk"]["S"].startswith("correction/")
    }


def _short(item: dict[str, Any] | None) -> str:
    return "nothing" if item is None else json.dumps(item, sort_keys=True)[:600]

"""The faults that a simulation injects: what they are, when they strike, and whether they did.

A script is a list of `Fault`s. Each names its kind, the moment as a count of what it strikes (the
n-th post, the n-th PutRecords, ...), and a parameter, so that a script means the same when others
of its faults are taken out of it. Written as text it is what `pitboss sim --script` takes:

    put_one_throttled@3/1,killed_at_line@5/211

A fault counts as fired only when it changed something: a call was answered otherwise, a process
died, an event was moved.
"""

import json
import random
from collections.abc import Callable, Iterable
from typing import NamedTuple, Self

from workbench.proof.workload import (
    ENVELOPES,
    HOUR,
    MINUTE,
    Fact,
    Floor,
    in_order,
    render,
)


class Fault(NamedTuple):
    """One fault of a script."""

    kind: str
    at: int
    """Which of the things it strikes, from 1."""
    arg: int = 0

    def __str__(self) -> str:
        return f"{self.kind}@{self.at}/{self.arg}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A fault as it is printed.

        Raises:
            ValueError: it names no kind, or is written otherwise.
        """
        kind, _, rest = text.strip().partition("@")
        at, _, arg = rest.partition("/")
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of fault: {', '.join(sorted(KINDS))}")
        try:
            fault = cls(kind, int(at), int(arg or 0))
        except ValueError:
            raise ValueError(f"{text!r} is not written as kind@at/arg, two numbers") from None
        if fault.at < 1:
            raise ValueError(f"{text!r} strikes never: what is struck is counted from 1")
        return fault


type Script = tuple[Fault, ...]


def read_script(text: str) -> Script:
    """A script as it is printed: faults separated by commas.

    Raises:
        ValueError: a fault cannot be read.
    """
    return tuple(Fault.parse(part) for part in text.split(",") if part.strip())


class Kind(NamedTuple):
    """A kind of fault."""

    number: int
    """Its row in the catalogue of faults."""
    strikes: str
    """What `Fault.at` counts."""
    most: int
    """The largest `at` that is drawn: there are usually as many."""
    args: tuple[int, ...]
    """What `Fault.arg` is drawn from."""
    what: str


_POST = "post"
_FACTS = "workload"
_PUT = "PutRecords"
_RATE = "rating"
_WRITE = "TransactWriteItems"
_READ = "BatchGetItem"
_OBJECT = "PutObject"
_TELL = "PublishBatch"
_STEP = "step"
_ITEM = "page"

KINDS: dict[str, Kind] = {
    "answer_lost": Kind(1, _POST, 14, (0,), "a gateway's post is stored, its answer is lost"),
    "gateway_crashed": Kind(
        2, _POST, 14, (0, 1), "a gateway dies before or after a post and starts from its last mark"
    ),
    "sequence_reset": Kind(3, _FACTS, 3, (4, 9, 20), "a machine reboots and counts from 0"),
    "meter_rollover": Kind(3, _FACTS, 3, (2, 5, 9), "a machine's meter passes 99,999,999"),
    "clock_wrong": Kind(
        4, _FACTS, 3, (0, 1, 2, 3), "a machine's clock is an hour ahead, behind, stuck, or in 1970"
    ),
    "clocks_change": Kind(4, _FACTS, 1, (0, 1), "the night in which the clocks change"),
    "shuffled": Kind(5, _FACTS, 6, (1, 2, 3), "events of ten minutes arrive in any order"),
    "reversed": Kind(5, _FACTS, 3, (0,), "a machine's events arrive backwards"),
    "days_late": Kind(6, _FACTS, 30, (1, 3, 6), "events arrive three days late"),
    "gap_filled": Kind(7, _FACTS, 3, (3, 8), "a run of events is lost in the cage, then found"),
    "id_reused": Kind(8, _FACTS, 20, (0, 1, 2), "an id comes again with another content"),
    "throttled_at_the_door": Kind(9, _POST, 14, (1, 3), "the API answers 429"),
    "hostile_body": Kind(
        10, _POST, 14, (0, 1, 2, 3, 4, 5), "a body that is too long, too deep or no JSON"
    ),
    "bad_record": Kind(11, _FACTS, 20, (0, 1, 2, 3, 4, 5, 6), "a bad record in a good batch"),
    "put_one_throttled": Kind(12, _PUT, 14, (0, 1, 2), "PutRecords throttles one entry"),
    "put_all_throttled": Kind(13, _PUT, 14, (0,), "PutRecords is throttled for 30 seconds"),
    "put_stored_but_failed": Kind(
        14, _PUT, 14, (0, 1), "an entry of PutRecords is stored and answered InternalFailure"
    ),
    "put_answer_lost": Kind(1, _PUT, 14, (0, 1), "PutRecords times out, stored or not"),
    "batch_redelivered": Kind(
        15, _RATE, 14, (0, 3, 12), "a batch, or the last records, are delivered once more"
    ),
    "killed_at_line": Kind(
        16, _RATE, 14, tuple(range(1, 1_400, 7)), "the rating process dies at a line of its code"
    ),
    "killed_at_call": Kind(
        16,
        _RATE,
        10,
        (0, 1, 0, 1, 2, 3, 4, 5),
        "the rating process dies before or after an AWS call",
    ),
    "ingest_killed": Kind(
        16, _POST, 14, tuple(range(1, 450, 5)), "the front door's process dies at a line"
    ),
    "timed_out_after_commit": Kind(
        17, _WRITE, 14, (0,), "the rating function times out when its commit is through"
    ),
    "poison_record": Kind(18, _STEP, 30, (0, 1, 2, 3, 4), "a stream record that nobody can read"),
    "bad_deploy": Kind(
        19, _RATE, 8, (0, 1, 2, 3), "for five minutes the rating code fails on every event"
    ),
    "partial_answer_ignored": Kind(
        20, _STEP, 1, (0,), "the event source ignores partial batch answers"
    ),
    "split": Kind(24, _STEP, 30, (0,), "a shard is split"),
    "merged": Kind(24, _STEP, 30, (0,), "two shards are merged"),
    "resharded_twice": Kind(24, _STEP, 30, (0, 1), "two reshards in a row"),
    "iterator_expired": Kind(25, _STEP, 40, (0,), "a shard iterator expires"),
    "second_consumer": Kind(
        26, _RATE, 10, (0, 0, 1, 1, 2, 3), "another process rates the same batch meanwhile"
    ),
    "replayed_from_horizon": Kind(27, _STEP, 50, (0,), "a new consumer reads from the beginning"),
    "hot_key": Kind(28, _FACTS, 3, (0,), "one machine sends most of all events"),
    "consumer_stopped": Kind(29, _STEP, 30, (6,), "the consumer is stopped for six hours"),
    "transaction_conflict": Kind(30, _WRITE, 14, (1, 2, 4), "a transaction meets another"),
    "outcome_unknown": Kind(
        31, _WRITE, 14, (0, 1), "a transaction's answer is lost, written or not"
    ),
    "publish_failed": Kind(
        31, _TELL, 6, (0, 1, 2), "the topic's answer is lost, a message fails, or it is throttled"
    ),
    "retried_after_token": Kind(
        32, _WRITE, 14, (11, 30), "a written transaction comes again after its token expired"
    ),
    "table_throttled": Kind(33, _WRITE, 14, (0,), "the table is throttled for 60 seconds"),
    "unprocessed": Kind(36, _READ, 6, (0,), "half of a batch read is left unprocessed"),
    "item_too_large": Kind(37, _ITEM, 1, (300, 450, 700), "pages are as large as an item may be"),
    "quarantine_failed": Kind(
        38, _OBJECT, 3, (0, 1, 2), "the quarantine's write fails, is lost, or its writer dies"
    ),
}
"""Every kind that is injected. 34 (markers that expire) has nothing to inject: there are none."""


def draw(chance: random.Random, kinds: Iterable[str], count: int) -> Script:
    """A script of so many faults of these kinds."""
    names = sorted(kinds)
    found = []
    for _ in range(count):
        name = chance.choice(names)
        kind = KINDS[name]
        found.append(Fault(name, chance.randint(1, kind.most), chance.choice(kind.args)))
        if name == "quarantine_failed":  # there must be something to set aside
            bad = KINDS["bad_record"]
            found += [Fault("bad_record", n, chance.choice(bad.args)) for n in (1, 3, 9)]
    return tuple(dict.fromkeys(found))


# What happens to the workload itself.

type Fired = Callable[[Fault], None]


def strike(floor: Floor, script: Script, fired: Fired) -> Floor:
    """The floor as these faults leave it, its events in the order they arrive in."""
    facts = list(floor.facts)
    for fault in sorted(script, key=lambda fault: fault.kind == "id_reused"):  # others move events
        change = _CHANGES.get(fault.kind)
        if change is None:
            continue
        chance = random.Random(f"{fault}")
        assets = [asset for gateway in floor.gateways for asset in gateway.assets]
        good = [f for f in facts if not f.refused]
        changed = change(good, assets[(fault.at - 1) % len(assets)], fault, chance)
        if changed is not None and in_order(changed) != in_order(good):
            facts = changed + [f for f in facts if f.refused]
            fired(fault)
    return floor._replace(facts=in_order(facts))


type _Facts = list[Fact]


def _sequence_reset(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts:
    """From the n-th event of the machine on its count starts at 0."""
    mine = [f for f in facts if f.asset_id == asset]
    first = mine[min(fault.arg, len(mine) - 1)]
    less = first.sequence
    return [
        f.changed(sequence=f.sequence - less) if f.asset_id == asset and f.sequence >= less else f
        for f in facts
    ]


def _meter_rollover(
    facts: _Facts, asset: str, fault: Fault, chance: random.Random
) -> _Facts | None:
    """The machine's meter is as far on that it wraps within its n-th start."""
    name = "coin_in_meter_credits"
    metered = [f for f in facts if f.asset_id == asset and name in f.values]
    if len(metered) <= fault.arg:
        return None
    more = 10**8 - metered[fault.arg].values[name]
    return [
        f.changed(values={**f.values, name: (f.values[name] + more) % 10**8})
        if f.asset_id == asset and name in f.values
        else f
        for f in facts
    ]


def _clock_wrong(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts | None:
    """The machine's clock is wrong for a while."""
    mine = [f for f in facts if f.asset_id == asset]
    first = chance.randrange(len(mine))
    wrong = {id(f) for f in mine[first : first + chance.choice([3, 8, 20])]}
    stuck_at = mine[first].occurred_at
    if fault.arg == 2:  # cards of one player in one moment would be one session: games alone
        wrong = {id(f) for f in mine if id(f) in wrong and not f.kind.startswith("card.")}

    def wrongly(fact: Fact) -> Fact:
        match fault.arg:
            case 0:
                return fact.changed(occurred_at=fact.occurred_at + HOUR)
            case 1:
                return fact.changed(occurred_at=max(fact.occurred_at - HOUR, 0))
            case 2:
                return fact.changed(occurred_at=stuck_at)
            case _ if fact.gateway == "gateway-packets":
                return _since_boot(fact)
            case _:
                return fact.changed(occurred_at=1_000_000 + fact.occurred_at % HOUR)

    return [wrongly(f) if id(f) in wrong else f for f in facts]


def _since_boot(fact: Fact) -> Fact:
    """A packet with a time since boot: it happened when the collector got it."""
    body = json.loads(fact.raw)
    since_boot = 1_000_000 + fact.occurred_at % HOUR
    body["event_time"] = since_boot
    short = fact.event_id.rpartition("-")[2]
    return fact._replace(
        event_id=f"{since_boot}-{fact.sequence}-{short}",
        occurred_at=body["cache_time"],
        raw=json.dumps(body, separators=(",", ":")).encode(),
    )


def _shuffled(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts:
    """All events of ten minutes arrive in any order within them."""
    start = facts[(fault.at * 17) % len(facts)].emitted_at
    span = 10 * MINUTE * fault.arg
    return [
        f._replace(emitted_at=start + chance.randrange(span))
        if start <= f.emitted_at < start + span
        else f
        for f in facts
    ]


def _reversed(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts:
    """The machine's events arrive in the opposite order, when the last of them has happened."""
    mine = [f for f in facts if f.asset_id == asset]
    last = max(f.emitted_at for f in mine)
    place = {id(f): n for n, f in enumerate(reversed(mine))}
    return [f._replace(emitted_at=last + place[id(f)]) if f.asset_id == asset else f for f in facts]


def _days_late(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts:
    """A few events come three days after they happened."""
    late = {(fault.at * 7 + n * 5) % len(facts) for n in range(fault.arg)}
    return [
        f._replace(emitted_at=f.emitted_at + 72 * HOUR) if n in late else f
        for n, f in enumerate(facts)
    ]


def _gap_filled(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts:
    """A run of the machine's events comes hours later."""
    mine = [f for f in facts if f.asset_id == asset]
    first = chance.randrange(len(mine))
    lost = {id(f) for f in mine[first : first + fault.arg]}
    return [f._replace(emitted_at=f.emitted_at + 5 * HOUR) if id(f) in lost else f for f in facts]


def _id_reused(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts | None:
    """The id of a game comes again with another wager or win: at once, later, or before."""
    games = [f for f in facts if f.kind in ("game.started", "game.ended")]
    envelopes = [f for f in games if f.gateway == "gateway-envelopes"]
    if not envelopes:
        return None
    first = envelopes[(fault.at * 11) % len(envelopes)]
    if sum(f.identity == first.identity for f in facts) > 1:
        return None
    name = "wager_cents" if first.kind == "game.started" else "win_cents"
    twin = first.changed(
        values={name: 777_700 + fault.at},
        sequence=first.sequence + 1_000_000,
        emitted_at=first.emitted_at + (0, 20 * MINUTE, -10)[fault.arg],
    )
    return [*facts, twin]


def _bad_record(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts:
    """A record beside the others that the front door must set aside, and why."""
    model = next(f for f in facts if f.gateway == "gateway-envelopes")
    body = json.loads(model.raw)
    body["event_id"] = f"bad-{fault.at}-{fault.arg}"
    refused, raw = "invalid_envelope", b""
    match fault.arg:
        case 0:
            body["sequence"] = True
        case 1:
            body["sequence"] = "12"
        case 2:
            refused = "foreign_asset"
            body["asset_id"] = "9009"
        case 3:
            refused = "foreign_property"
            body["property_id"] = "south"
        case 4:
            refused = "invalid_data"
            body |= {"event_type": "game.started", "data": {"wager_cents": -1}}
        case 5:
            refused = "clock_ahead"
            body["occurred_at"] = model.emitted_at + 400 * 24 * HOUR
        case _:
            refused = "missing_player"
            body |= {"event_type": "card.inserted", "player_id": None}
    raw = raw or json.dumps(body).encode()
    emitted_at = facts[(fault.at * 13) % len(facts)].emitted_at
    return [
        *facts,
        model._replace(event_id=body["event_id"], raw=raw, emitted_at=emitted_at, refused=refused),
    ]


def _hot_key(facts: _Facts, asset: str, fault: Fault, chance: random.Random) -> _Facts | None:
    """The machine plays so much in ten minutes that it sends four fifths of all events."""
    model = next((f for f in facts if f.asset_id == asset and f.kind == "game.started"), None)
    last = max((f for f in facts if f.asset_id == asset), key=lambda f: f.sequence, default=None)
    if model is None or last is None:
        return None
    there = [f for f in facts if f.asset_id != asset]
    more = []
    for n in range(4 * len(there) // 2):
        moment = last.occurred_at + 20 * MINUTE + n * 2_000
        for step, (kind, values) in enumerate(
            [("game.started", {"wager_cents": 5}), ("game.ended", {})]
        ):
            more.append(
                render(
                    model._replace(
                        event_id=f"{asset}-hot-{n}-{step}",
                        kind=kind,
                        values=dict(values),
                        player_id=None,
                        occurred_at=moment + step * 1_000,
                        emitted_at=moment + 1_100,
                        sequence=last.sequence + 10 + 2 * n + step,
                    )
                )
            )
    return facts + more


_CHANGES: dict[str, Callable[[_Facts, str, Fault, random.Random], _Facts | None]] = {
    "sequence_reset": _sequence_reset,
    "meter_rollover": _meter_rollover,
    "clock_wrong": _clock_wrong,
    "shuffled": _shuffled,
    "reversed": _reversed,
    "days_late": _days_late,
    "gap_filled": _gap_filled,
    "id_reused": _id_reused,
    "bad_record": _bad_record,
    "hot_key": _hot_key,
}


def hostile_body(arg: int) -> tuple[bytes, str, tuple[int, ...]]:
    """A body nobody should take: its bytes, its content type, and the statuses that refuse it."""
    match arg:
        case 0:
            return b"[" + b" " * 1_048_577 + b"]", ENVELOPES, (413,)
        case 1:
            return b"[" + b",".join([b"{}"] * 501) + b"]", ENVELOPES, (413,)
        case 2:
            return b"[" * 100_000, ENVELOPES, (400,)
        case 3:
            return b'[{"sequence": NaN, "x": 1e400}', ENVELOPES, (400,)
        case 4:
            return b"[]", ENVELOPES, (400,)
        case _:
            return b"a=1", "application/x-www-form-urlencoded", (415,)


POISON: tuple[bytes, ...] = (
    b"",
    b"not one of ours",
    b"PB\x63\x00\x00\x00\x01xx",
    b"PB\x01\xff\xff\xff\xff",
    b"PB\x01\x00\x00\x00\x00\x28\xb5\x2f\xfd",
)
"""Stream records that nobody can read."""

"""The world: gateways, the deployed handlers and an AWS in memory, on one thread and one clock.

A seed decides everything: what happens on the floor, who posts when, which shard is polled, which
process of several serves an invocation. Gateways post to `ingest_slot_events.handler.handler` at
least once, from a buffer they empty only of what was answered for; an event source mapping with the
settings of the template invokes `rate_players.handler.handler`. First faults strike, then they stop
and everything must drain.
"""

import hashlib
import json
import logging
import os
import random
import sys
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import msgspec
import pynamodb.models
import zstandard

from ingest_slot_events import handler as ingest
from pitboss import telemetry
from pitboss.access import Action, Principal
from pitboss.access import Kind as Caller
from pitboss.events.batch import UnreadableRecord, unpack_received
from pitboss.rating import history
from pitboss.rating.fold import Fold
from pitboss.settings import read
from pitboss.stores import ratings as stored_ratings
from rate_players import handler as rate
from workbench.proof import UnknownToFake, kinesis, network
from workbench.proof import faults as fault_kinds
from workbench.proof.clock import Clock
from workbench.proof.faults import Fault, Script
from workbench.proof.network import Call, Killed, Network
from workbench.proof.workload import (
    DAY_STARTS_AT,
    ENVELOPES,
    HOUR,
    MINUTE,
    PROPERTY,
    ZONE,
    Fact,
    Floor,
    Gateway,
    floor,
)

INGEST, RATE = "ingest_slot_events", "rate_players"
TABLE, STREAM, BUCKET, REGION = "ratings", "slots", "quarantine", "us-east-1"
TOPIC = "players"
WORTH_STEP_CENTS = 5
"""Little, so that a few games cross it."""
ENVIRONMENT = {
    **network.ENVIRONMENT,
    "AWS_REGION": REGION,
    "LOG_LEVEL": "INFO",
    "SLOT_STREAM": STREAM,
    "QUARANTINE_BUCKET": BUCKET,
    "RATINGS_TABLE": TABLE,
    "PLAYER_TOPIC": f"arn:aws:sns:{REGION}:123456789012:{TOPIC}",
    "WORTH_STEP_CENTS": str(WORTH_STEP_CENTS),
    "GAMING_DAYS": f"*={ZONE}@{DAY_STARTS_AT:02d}:00",
}

# The settings of the template; a test holds them against it.
BATCH_RECORDS = 10_000
MAX_RETRIES = 100
MAX_RECORD_AGE_MS = 24 * HOUR
RETENTION_MS = 48 * HOUR
RATE_TIMEOUT_MS = 60_000
ALARM_AGE_MS = 90_000

OUT_OF_TIME_MS = 10 * MINUTE
"""An event that is taken so long after, or before, it happened is counted as out of time."""

PROGRESS_POLLS = 400
"""After healing, what is in flight drains within so many polls and `PROGRESS_MS`."""
PROGRESS_MS = 30 * MINUTE

_ROOTS = tuple(
    str(Path(module.__file__ or "").parent) for module in (ingest, rate, sys.modules["pitboss"])
)
_FAILURES: tuple[type[Exception], ...] = (TypeError, ValueError, KeyError, AttributeError)


class Limits(NamedTuple):
    """How much the rating process takes at once. Small ones make a small floor meet them."""

    pages_a_change: int
    items_a_change: int
    items_a_transaction: int
    cached_pages: int

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The process has these limits."""
        service, histories = rate.RatePlayers.__init__, history.apply  # type: ignore[attr-defined]
        before = (
            service.__defaults__,
            histories.__defaults__,
            history.FULL_CHANGE_ITEMS,
            stored_ratings.TRANSACTION_ITEMS,
        )
        service.__defaults__ = (self.cached_pages,)
        histories.__defaults__ = (self.pages_a_change,)
        history.FULL_CHANGE_ITEMS = self.items_a_change
        stored_ratings.TRANSACTION_ITEMS = self.items_a_transaction
        try:
            yield
        finally:
            (
                service.__defaults__,
                histories.__defaults__,
                history.FULL_CHANGE_ITEMS,
                stored_ratings.TRANSACTION_ITEMS,
            ) = before


DEPLOYED = Limits(40, 50, 100, 8_000)
CRAMPED = Limits(3, 8, 60, 0)
TIGHT = Limits(2, 5, 40, 6)


class Violation(NamedTuple):
    """An invariant that does not hold, and how that shows."""

    invariant: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


class FunctionDied(Exception):
    """What the event source sees of a process that was killed."""


class Container:
    """A process of a function: what its module holds between invocations.

    Adapters are shared by all containers (their clients are slow to make, and remember nothing);
    the wiring, the caches in it and the counts not flushed yet are the container's own.
    """

    def __init__(self, module: Any, stage: str) -> None:  # noqa: ANN401 - a handler's module
        self.module = module
        self.count = telemetry.metrics(stage)
        self.wiring = cache(lambda: module._Wiring(read(os.environ, module.Settings)))

    @contextmanager
    def running(self) -> Iterator[None]:
        """The module is this process."""
        module = self.module
        before = module._wiring, module.count
        module._wiring, module.count = self.wiring, self.count
        try:
            yield
        finally:
            module._wiring, module.count = before


@cache
def shared(adapter: type, *args: Any) -> Any:  # noqa: ANN401 - any adapter
    """An adapter with its clients, made once."""
    return adapter(*args)


class Kept(NamedTuple):
    """An event as a page keeps it."""

    asset_id: str
    page: int
    event_id: str
    occurred_at: int
    sequence: int


class Row(NamedTuple):
    """A thing set aside."""

    stage: str
    reason: str
    raw: bytes


class GatewayModel:
    """A gateway: posts what is in its buffer until it is answered for."""

    def __init__(self, gateway: Gateway, facts: list[Fact], chance: random.Random) -> None:
        self.gateway = gateway
        self.coming = facts[::-1]
        self.buffer: list[Fact] = []
        self.unmarked: list[Fact] = []
        """Answered for since the last mark; a crash forgets that."""
        self.resends_all = chance.random() < 0.5
        """Whether a batch that failed in part is sent again whole."""
        self.principal = Principal(
            gateway.name,
            Caller.GATEWAY,
            PROPERTY,
            frozenset(gateway.assets),
            frozenset({Action.SEND_SLOT_EVENTS}),
        )

    def gather(self, now_ms: int) -> None:
        """What has happened by now is in the buffer."""
        while self.coming and self.coming[-1].emitted_at <= now_ms:
            self.buffer.append(self.coming.pop())

    def acknowledge(self, done: set[int]) -> None:
        """The gateway lets go of the facts at these places of its buffer."""
        self.unmarked += [f for n, f in enumerate(self.buffer) if n in done]
        self.buffer = [f for n, f in enumerate(self.buffer) if n not in done]
        if len(self.unmarked) > 25:
            self.unmarked = []

    def crash(self) -> None:
        """It starts again from its last mark."""
        self.buffer = self.unmarked + self.buffer
        self.unmarked = []

    def body(self, facts: list[Fact]) -> bytes:
        """The facts as one body."""
        if self.gateway.content_type == ENVELOPES:
            return b"[" + b",".join(f.raw for f in facts) + b"]"
        return b"\n".join(f.raw for f in facts) + b"\n"


class World:
    """One schedule."""

    def __init__(
        self, seed: int, script: Script = (), *, events: int = 90, workers: int = 2
    ) -> None:
        """
        Args:
            seed: decides the floor and the schedule.
            script: the faults.
            events: of the floor, about.
            workers: processes of the rating function that may be alive at once.
        """
        self.seed = seed
        self.script = script
        self.workers = workers
        self.chance = random.Random(f"{seed}/schedule")
        self.limits = self.chance.choice((DEPLOYED, CRAMPED, TIGHT))
        self.struck: list[Fault] = []
        """The faults that changed something, once for each time."""
        self.violations: list[Violation] = []
        self._by_kind: dict[str, list[Fault]] = {}
        for fault in script:
            self._by_kind.setdefault(fault.kind, []).append(fault)
        self.floor = self._floor(events)
        self.clock = Clock(self.floor.opened_at, random.Random(f"{seed}/chance"))
        self.network = Network(self.clock)
        self.network.log = []
        self.network.fault = self._on_call
        self.table = self.network.dynamodb.create_table(TABLE, "pk", "sk")
        self.stream = self.network.kinesis.create_stream(
            STREAM, self.chance.choice([1, 1, 2, 3]), retention_ms=RETENTION_MS
        )
        self.bucket = self.network.s3.create_bucket(BUCKET)
        _, self.topic = self.network.sns.create_topic(TOPIC)
        self.mapping = self._mapping()
        self.gateways = [
            GatewayModel(g, [f for f in self.floor.facts if f.gateway == g.name], self.chance)
            for g in self.floor.gateways
        ]
        self.posted: dict[bytes, Fact] = {}
        self.accepted: dict[bytes, Fact] = {}
        """By their bytes, the facts that the front door said it took."""
        self.metrics: Counter[tuple[str, str]] = Counter()
        self.log_lines: list[str] = []
        self.on_commit: Callable[[], None] | None = None
        """Called when the table has changed since the last call."""
        self.on_rated: Callable[[set[bytes], int], None] | None = None
        """Called when an invocation of the rating function has succeeded, with the bytes of the
        events that it was given and the moment, epoch milliseconds."""
        self.oldest_ms = 0
        """The greatest age of a record that was waiting, milliseconds."""
        self.polls = 0
        self.virtual_ms = 0
        self._containers: dict[str, list[Container]] = {"ingest": [], "rate": []}
        self._counts: Counter[str] = Counter()
        self._healed = False
        self._writes_seen = 0
        self._invocations: list[_Invocation] = []
        self._until: dict[str, int] = {}
        self._losing: Callable[[], network.Fault] | None = None
        self._lose_left = 0
        self._raw_at: dict[str, int] = {}
        self._durable: set[bytes] = set()
        self._rows: dict[str, tuple[bytes, list[Row]]] = {}
        self._pages: dict[str, list[list[Any]]] = {}
        self._deployed: ExitStack | None = None
        self._refused: list[str] | None = None
        self._rewind = 0
        self._told: Counter[str] = Counter()
        """What the front door counted, the last time that it answered."""
        self.trace = ""

    def _floor(self, events: int) -> Floor:
        night = "ordinary"
        for fault in self._by_kind.get("clocks_change", ()):
            night = ("spring", "fall")[fault.arg]
            self._fire(fault)
        made = floor(self.seed, events, night)
        return fault_kinds.strike(made, self.script, self._fire)

    def _mapping(self) -> kinesis.EventSourceMapping:
        return kinesis.EventSourceMapping(
            self.stream,
            self._invoked,
            batch_size=self.chance.choice([2, 5, BATCH_RECORDS, BATCH_RECORDS]),
            batching_window_ms=self.chance.choice([0, 0, 1_000, 60_000]),
            bisect=True,
            max_retries=MAX_RETRIES,
            max_record_age_ms=MAX_RECORD_AGE_MS,
            on_failure=self.bucket.put,
            partial_batch="partial_answer_ignored" not in self._by_kind,
        )

    # Running.

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The process runs in this world."""
        with ExitStack() as stack:
            stack.enter_context(_environment())
            stack.enter_context(self.clock.installed())
            stack.enter_context(self.network.installed())
            stack.enter_context(self._output())
            stack.enter_context(_shared_adapters())
            stack.enter_context(_keys_in_order())
            stack.enter_context(self.limits.installed())
            stack.enter_context(self._item_limit())
            _forget_caches()
            try:
                yield
            finally:
                self._end_deploy()

    def run(self) -> None:
        """Faults strike, then they stop and everything drains."""
        with self.installed():
            self._safety()
            self.heal()
            self._drain()
            self.committed()
        if self.mapping.counts["invocations"]:
            self.struck += self._by_kind.get("partial_answer_ignored", ())[:1]
        if any(row.reason == "unstorable" for rows in self.rows().values() for row in rows):
            self.struck += self._by_kind.get("item_too_large", ())[:1]
        self.virtual_ms = self.clock.now_ms - self.floor.opened_at
        digest = sha256()
        for line in (*(self.network.log or ()), *map(str, self.violations)):
            digest.update(line.encode() + b"\n")
        digest.update(b"".join(self.table.snapshot()))
        self.trace = digest.hexdigest()[:16]

    @property
    def fired(self) -> Counter[str]:
        """How often each kind of fault changed something."""
        return Counter(fault.kind for fault in self.struck)

    def heal(self) -> None:
        """No more faults."""
        self._healed = True
        self._until.clear()
        self._lose_left = 0
        self._end_deploy()

    @property
    def is_over(self) -> bool:
        """Whether the floor has closed and every gateway is rid of what it had."""
        return not any(g.coming or g.buffer for g in self.gateways)

    def _safety(self) -> None:
        for _ in range(2_000):
            if self.is_over or self.violations:
                return
            self._step()

    def _step(self) -> None:
        self._counts["step"] += 1
        self.clock.advance(self.chance.choice([50, 200, 1_000]))
        self._strike_stream()
        ready = [g for g in self.gateways if self._ready(g)]
        action = self.chance.random()
        if ready and action < 0.4:
            self._post(self.chance.choice(ready))
        elif action < 0.75 and self.mapping.lag():
            self._poll(self.chance.choice(sorted(self.stream.shards)))
        elif not ready or action > 0.9:
            self._pass_time()

    def _ready(self, gateway: GatewayModel) -> bool:
        gateway.gather(self.clock.now_ms)
        return bool(gateway.buffer)

    def _pass_time(self) -> None:
        """On to when some more has happened. The consumer does not sleep through hours."""
        moments = sorted(
            g.coming[-n].emitted_at
            for g in self.gateways
            for n in range(1, 21)
            if n <= len(g.coming)
        )
        if not moments:
            self.clock.advance(self.chance.choice([1_000, 60_000]))
            return
        moment = moments[min(self.chance.choice([0, 8, 20, 39]), len(moments) - 1)]
        moment = min(moment, self._until.get("stopped", moment))  # hours it may sleep, no days
        if moment - self.clock.now_ms > 5 * MINUTE:
            self._settle()
            if self.mapping.lag():  # what is in flight does not wait for days
                moment = min(moment, self.clock.now_ms + HOUR)
        if moment > self.clock.now_ms:
            self.clock.advance(moment - self.clock.now_ms)

    def _settle(self) -> None:
        """A while in which gateways post and shards are polled, as time passes."""
        for _ in range(300):
            ready = [g for g in self.gateways if self._ready(g)]
            if not ready and not self.mapping.lag():
                return
            for gateway in ready:
                self._post(gateway)
            for shard_id in sorted(self.stream.shards):
                self._poll(shard_id)
            self._wait()

    def _wait(self) -> None:
        """Until a shard is due again."""
        due = [self.mapping.due_ms(shard_id) for shard_id in self.stream.shards]
        soonest = min((d for d in due if d is not None), default=0)
        self.clock.advance(max(soonest - self.clock.now_ms, 250))

    def _drain(self) -> None:
        """Progress: what is in flight drains within a bound."""
        for _ in range(2_000):
            if self.is_over:
                break
            ready = [g for g in self.gateways if self._ready(g)]
            for gateway in ready:
                self._post(gateway)
            self._poll_all()
            if not ready:
                self._pass_time()
        else:
            self.violate("I6", "gateways are not rid of what they had")
        since, polls = self.clock.now_ms, self.polls
        while self.mapping.lag():
            if self.polls - polls > PROGRESS_POLLS or self.clock.now_ms - since > PROGRESS_MS:
                self.violate("I6", f"{self.mapping.lag()} records are still in flight")
                return
            self._poll_all()
            self._wait()

    def _poll_all(self) -> None:
        for shard_id in sorted(self.stream.shards):
            self._poll(shard_id)

    def violate(self, invariant: str, detail: str) -> None:
        """Write a violation down."""
        self.violations.append(Violation(invariant, detail))

    # The gateways.

    def _post(self, gateway: GatewayModel) -> None:
        self._counts["post"] += 1
        if self._due("throttled_at_the_door", "post"):
            self.clock.advance(1_000)
            return
        crash = self._due("gateway_crashed", "post", fires=False)
        if crash is not None and crash.arg == 0:
            self._crash(gateway, crash)
        hostile = self._due("hostile_body", "post")
        if hostile is not None:
            self._post_hostile(gateway, hostile)
        facts = gateway.buffer[: self.chance.choice([1, 4, 10, 30, 100, 400])]
        lost = self._due("answer_lost", "post", fires=False)
        killed = self._due("ingest_killed", "post", fires=False)
        for fact in facts:
            self.posted.setdefault(fact.raw, fact)
        request = _request(gateway.principal, gateway.body(facts), gateway.gateway.content_type)
        now_ms = self.clock.now_ms
        answer = self._serve(request, killed)
        if answer is not None:
            done = self._taken(gateway, facts, answer)
            self._check_post(facts, answer, now_ms)
            if done and lost is not None:
                self._fire(lost)
            elif len(done) == len(facts) or not gateway.resends_all:
                gateway.acknowledge(done)
        if crash is not None and crash.arg == 1:
            self._crash(gateway, crash)

    def _crash(self, gateway: GatewayModel, fault: Fault) -> None:
        if gateway.unmarked:
            self._fire(fault)
        gateway.crash()

    def _serve(self, request: dict[str, Any], killed: Fault | None) -> dict[str, Any] | None:
        """The front door's answer; None where it gave none."""
        container = self._container("ingest")
        self._refused = None
        invocation = _Invocation("ingest", container, self.clock.now_ms, RATE_TIMEOUT_MS)
        try:
            answer: dict[str, Any] = self._run(invocation, request, killed)
        except Killed:
            self._containers["ingest"].remove(container)
            self.metrics["platform", "ingest errors"] += 1
        except UnknownToFake:
            raise
        except Exception as failure:  # noqa: BLE001 - API Gateway makes a 502 of any
            self.log_lines.append(repr(failure))
            self.metrics["platform", "ingest errors"] += 1
        else:
            self._told = invocation.told
            return answer
        return None

    def _post_hostile(self, gateway: GatewayModel, fault: Fault) -> None:
        body, content_type, statuses = fault_kinds.hostile_body(fault.arg)
        before = len(self.stream.records), self.bucket.puts
        answer = self._serve(_request(gateway.principal, body, content_type), None)
        if answer is None or answer["statusCode"] not in statuses:
            self.violate("I8", f"{fault} was answered {answer and answer['statusCode']}")
        if before != (len(self.stream.records), self.bucket.puts):
            self.violate("I8", f"{fault} left something behind")
        self._check_told(f"a post of {fault}", self._told, RequestsRefused=1)

    def _taken(self, gateway: GatewayModel, facts: list[Fact], answer: dict[str, Any]) -> set[int]:
        """The places of the facts that the answer is about, each held against what is stored."""
        status = answer["statusCode"]
        if status not in (200, 503):
            self.violate("I8", f"a good post was answered {status}: {answer['body'][:200]}")
            return set(range(len(facts)))
        document = json.loads(answer["body"])
        results = document["events"]
        if len(results) != len(facts):
            self.violate("I8", f"{len(facts)} events were answered {len(results)} times")
            return set()
        if status == 200 and any(r["status"] == "failed" for r in results):
            self.violate("I8", "200 for an event that failed")
        durable, rows = self.durable(), self.set_aside()
        done = set()
        for n, (fact, result) in enumerate(zip(facts, results, strict=True)):
            match result["status"]:
                case "accepted" | "duplicate" if fact.raw in durable:
                    self.accepted[fact.raw] = fact
                case "accepted" | "duplicate":
                    self.violate("I8", f"{fact.event_id} was accepted and is not in the stream")
                case "quarantined" if fact.raw not in rows:
                    self.violate("I8", f"{fact.event_id} was set aside and is in no quarantine")
                case "failed":
                    continue
            if result["status"] == "accepted" and fact.refused:
                self.violate("I8", f"{fact.event_id} was accepted and is {fact.refused}")
            done.add(n)
        return done

    def _check_post(self, facts: list[Fact], answer: dict[str, Any], now_ms: int) -> None:
        """The front door counted what it answered, and what came long after it happened."""
        if self.violations:
            return
        counts = {f"Events{part}": 0 for part in ("Accepted", "Duplicate", "Quarantined", "Failed")}
        counts["EventsOutOfTime"] = 0
        for fact, result in zip(facts, json.loads(answer["body"])["events"], strict=True):
            counts[f"Events{result['status'].capitalize()}"] += 1
            is_taken = result["status"] == "accepted"
            counts["EventsOutOfTime"] += (
                is_taken and abs(now_ms - fact.occurred_at) > OUT_OF_TIME_MS
            )
        self._check_told("a post", self._told, EventsReceived=len(facts), **counts)

    def _check_told(self, what: str, told: Counter[str], **right: int) -> None:
        for name, value in right.items():
            if told[name] != value:
                self.violate("I5", f"{what} counted {told[name]} {name}, right is {value}")

    # The consumer.

    def _poll(self, shard_id: str) -> None:
        if "stopped" in self._until:
            return
        self.polls += 1
        self._note_age()
        if self._deployed is not None and self.clock.now_ms >= self._until.get("bad_deploy", 0):
            self._end_deploy()
        self.mapping.poll(shard_id)
        if self._rewind:
            self.mapping.rewind(shard_id, self._rewind)
            self._rewind = 0
        self.committed()

    def _note_age(self) -> None:
        for shard_id, shard in self.stream.shards.items():
            if self.mapping.lag(shard_id):
                done = self.mapping.checkpoints.get(shard_id, 0)
                at = shard.after(done, self.stream.oldest_ms)
                if at < len(shard.records):
                    age = self.clock.now_ms - shard.records[at].arrived_ms
                    self.oldest_ms = max(self.oldest_ms, age)

    def _invoked(self, event: dict[str, Any]) -> object:
        """The event source invokes the rating function."""
        self._counts["rating"] += 1
        deploy = self._due("bad_deploy", "rating", fires=False)
        if deploy is not None and self._deployed is None:
            self._deploy(deploy)
        line = self._due("killed_at_line", "rating", fires=False)
        call = self._due("killed_at_call", "rating", fires=False)
        twin = self._due("second_consumer", "rating", fires=False)
        again = self._due("batch_redelivered", "rating")
        answer = self._rate(event, line, call, twin)
        if again is not None and again.arg == 0:
            raise FunctionDied("the invocation's answer is lost")
        self._rewind = 0 if again is None else again.arg
        return answer

    def _rate(
        self,
        event: dict[str, Any],
        line: Fault | None = None,
        call: Fault | None = None,
        twin: Fault | None = None,
    ) -> object:
        container = self._container("rate")
        invocation = _Invocation(
            "rate", container, self.clock.now_ms, RATE_TIMEOUT_MS, call, twin, event
        )
        try:
            answer = self._run(invocation, event, line)
        except Killed as killed:
            self._containers["rate"].remove(container)
            self.metrics["platform", "rate errors"] += 1
            raise FunctionDied(str(killed)) from None
        except UnknownToFake:
            raise
        except Exception as failure:
            self.log_lines.append(repr(failure))
            self.metrics["platform", "rate errors"] += 1
            raise
        finally:
            if "delay" in self._until:
                self.clock.advance(self._until.pop("delay"))
        events = [_events_in(record["kinesis"]["data"]) for record in event["Records"]]
        self._check_told(
            "a batch",
            invocation.told,
            RecordsReceived=len(events),
            RecordsUnreadable=events.count(None),
            EventsReceived=sum(n or 0 for n in events),
        )
        if self.on_rated is not None:
            self.committed()
            given = {raw for r in event["Records"] for raw in _raws_in(r["kinesis"]["data"]) or ()}
            self.on_rated(given, self.clock.now_ms)
        return answer

    def _run(self, invocation: "_Invocation", event: dict[str, Any], line: Fault | None) -> Any:  # noqa: ANN401
        """Run a handler in its container, to its end or until it is killed."""
        module = invocation.container.module
        self._invocations.append(invocation)
        try:
            with invocation.container.running():
                if line is None:
                    return module.handler(event, None)
                with _killed_at(line.arg, lambda: self._fire(line)):
                    return module.handler(event, None)
        finally:
            self._invocations.pop()

    def _container(self, name: str, *, other: Container | None = None) -> Container:
        """One of the function's processes that is not busy; sometimes a new one."""
        pool = self._containers[name]
        busy = [i.container for i in self._invocations] + [other]
        free = [c for c in pool if c not in busy]
        if pool and self.chance.random() < 0.04:
            recycled = self.chance.choice(pool)
            if recycled not in busy:
                pool.remove(recycled)
                free = [c for c in free if c is not recycled]
        if free and (len(pool) >= self.workers or self.chance.random() < 0.8):
            return self.chance.choice(free)
        made = Container(ingest, INGEST) if name == "ingest" else Container(rate, RATE)
        pool.append(made)
        return made

    # Faults.

    def _fire(self, fault: Fault) -> None:
        self.struck.append(fault)

    def _due(self, kind: str, counter: str, *, fires: bool = True) -> Fault | None:
        """The fault of this kind that strikes now, if there is one."""
        if self._healed:
            return None
        for fault in self._by_kind.get(kind, ()):
            if fault.at == self._counts[counter]:
                if fires:
                    self._fire(fault)
                return fault
        return None

    def _on_call(self, call: Call) -> network.Fault | None:
        self.committed()
        invocation = self._invocations[-1] if self._invocations else None
        if invocation is not None:
            invocation.calls += 1
            if self.clock.now_ms - invocation.started_ms > invocation.timeout_ms:
                return network.Kill()
        if self._healed or invocation is None:
            return None
        self._counts[call.operation] += 1
        if call.operation == "PutRecords":
            self._check_resent(call)
        if invocation.name == "rate":
            found = self._strike_rating(invocation, call)
            if found is not None:
                return found
        return self._strike_service(call)

    def _strike_rating(self, invocation: "_Invocation", call: Call) -> network.Fault | None:
        kill, twin = invocation.kill, invocation.twin
        if twin is not None and invocation.calls == twin.arg + 1 and len(self._invocations) == 1:
            self._fire(twin)
            try:
                self._rate(invocation.event)
            except Exception as failure:  # noqa: BLE001 - the other consumer's own affair
                self.log_lines.append(f"the second consumer: {failure!r}")
        if kill is not None and invocation.calls == kill.arg // 2 + 1:
            self._fire(kill)
            return network.Kill(after=bool(kill.arg % 2))
        return None

    def _strike_service(self, call: Call) -> network.Fault | None:
        now = self.clock.now_ms
        if self._lose_left and call.operation == "TransactWriteItems":
            self._lose_left -= 1
            return network.Lose(effect=False)
        if self._lose_left and call.operation == "PutObject":
            self._lose_left -= 1
            return network.INTERNAL["s3"]
        for name, service in (("kinesis", "kinesis"), ("table", "dynamodb"), ("topic", "sns")):
            if call.service == service and now < self._until.get(name, 0):
                return network.THROTTLED[service]
        match call.operation:
            case "PutRecords":
                return self._strike_put(call)
            case "TransactWriteItems":
                return self._strike_write(call)
            case "BatchGetItem" if self._due("unprocessed", "BatchGetItem"):
                return network.Part()
            case "PutObject":
                return self._strike_object()
            case "PublishBatch":
                return self._strike_topic()
            case _:
                return None

    def _strike_topic(self) -> network.Fault | None:
        fault = self._due("publish_failed", "PublishBatch")
        match fault and fault.arg:
            case 0:
                return network.Lose(effect=True)
            case 1:
                return network.Part((0,), "InternalError")
            case 2:
                self._until["topic"] = self.clock.now_ms + 30_000
                return network.THROTTLED["sns"]
            case _:
                return None

    def _strike_put(self, call: Call) -> network.Fault | None:
        name = "PutRecords"
        if fault := self._due("put_one_throttled", name):
            entries = call.body["Records"]
            self._refused = [entries[fault.arg % len(entries)]["Data"]]
            return network.Part((fault.arg,))
        if fault := self._due("put_stored_but_failed", name):
            return network.Part((fault.arg,), "InternalFailure", stored=True)
        if fault := self._due("put_answer_lost", name):
            return network.Lose(effect=bool(fault.arg))
        if self._due("put_all_throttled", name):
            self._until["kinesis"] = self.clock.now_ms + 30_000
            return network.THROTTLED["kinesis"]
        return None

    def _check_resent(self, call: Call) -> None:
        """After a throttled entry that one is sent again, and nothing else."""
        refused, self._refused = self._refused, None
        sent = [entry["Data"] for entry in call.body["Records"]]
        if refused is not None and sent != refused:
            self.violate("I2", f"1 entry was throttled, {len(sent)} are sent again")

    def _strike_write(self, call: Call) -> network.Fault | None:
        name = "TransactWriteItems"
        if self._due("timed_out_after_commit", name):
            self._until["delay"] = RATE_TIMEOUT_MS
            return network.Kill(after=True)
        if fault := self._due("transaction_conflict", name):
            return network.Cancel(tuple(range(fault.arg)))
        if fault := self._due("outcome_unknown", name):
            self._lose_left = 8 * (fault.arg // 2)
            return network.Lose(effect=bool(fault.arg % 2))
        if fault := self._due("retried_after_token", name):
            self._lose_left = 8
            self._until["delay"] = fault.arg * MINUTE
            return network.Lose(effect=True)
        if self._due("table_throttled", name):
            self._until["table"] = self.clock.now_ms + 60_000
            return network.THROTTLED["dynamodb"]
        return None

    def _strike_object(self) -> network.Fault | None:
        fault = self._due("quarantine_failed", "PutObject")
        match fault and fault.arg:
            case 0:
                self._lose_left = 8
                return network.INTERNAL["s3"]
            case 1:
                return network.Lose(effect=True)
            case 2:
                return network.Kill(after=True)
            case _:
                return None

    def _strike_stream(self) -> None:
        step = "step"
        if "stopped" in self._until:
            if self.clock.now_ms < self._until["stopped"]:
                self.clock.advance(HOUR)
                return
            del self._until["stopped"]
            self._note_age()
            self.struck += self._by_kind["consumer_stopped"][:1]
        if (fault := self._due("consumer_stopped", step, fires=False)) and self.mapping.lag():
            self._until["stopped"] = self.clock.now_ms + fault.arg * HOUR
        if fault := self._due("poison_record", step):
            shard = self.chance.choice(self.stream.open_shards)
            data = fault_kinds.POISON[fault.arg]
            self.stream.append(shard, f"{PROPERTY}/1001", b64encode(data).decode())
        for kind in ("split", "merged", "resharded_twice"):
            if fault := self._due(kind, step, fires=False):
                self._reshard(fault)
        if fault := self._due("iterator_expired", step, fires=False):
            before = self.mapping.counts["iterators expired"]
            self._poll_all()
            self.clock.advance(kinesis.ITERATOR_MS + 1)
            self._poll_all()
            if self.mapping.counts["iterators expired"] > before:
                self._fire(fault)
        fault = self._due("replayed_from_horizon", step, fires=False)
        if fault is not None and self.replay().counts["invocations"]:
            self._fire(fault)

    def _reshard(self, fault: Fault) -> None:
        for turn in range(2 if fault.kind == "resharded_twice" else 1):
            shards = sorted(self.stream.open_shards, key=lambda shard: shard.first)
            merges = fault.kind == "merged" or (fault.kind != "split" and (fault.arg + turn) % 2)
            if merges and len(shards) > 1:
                self.stream.merge(shards[0].shard_id, shards[1].shard_id)
                self._fire(fault)
            elif not merges and len(shards) < 6:
                self.stream.split(self.chance.choice(shards).shard_id)
                self._fire(fault)

    def replay(self) -> kinesis.EventSourceMapping:
        """A new consumer reads all there is from the beginning, in processes of its own."""
        kept, self._containers["rate"] = self._containers["rate"], []
        mapping = kinesis.EventSourceMapping(
            self.stream, self._rate, batch_size=BATCH_RECORDS, bisect=True, partial_batch=True
        )
        for _ in range(200):
            if not mapping.lag():
                break
            for shard_id in sorted(self.stream.shards):
                mapping.poll(shard_id)
            self.clock.advance(1_000)
        self._containers["rate"] = kept
        self.committed()
        return mapping

    def _deploy(self, fault: Fault) -> None:
        """Rating code that fails on whatever it is given, for five minutes."""
        failure = _FAILURES[fault.arg]
        good = Fold.feed

        def feed(fold: Fold, event: object) -> None:
            if "deploy noted" not in self._until:
                self._fire(fault)
            self._until["deploy noted"] = 1
            raise failure("a bug in this release")

        Fold.feed = feed  # type: ignore[method-assign,assignment]
        self._deployed = ExitStack()
        self._deployed.callback(setattr, Fold, "feed", good)
        self._until["bad_deploy"] = self.clock.now_ms + 5 * MINUTE
        self._containers["rate"].clear()

    def _end_deploy(self) -> None:
        if self._deployed is not None:
            self._deployed.close()
            self._deployed = None
            self._until.pop("deploy noted", None)
            self._containers["rate"].clear()

    @contextmanager
    def _item_limit(self) -> Iterator[None]:
        """What an item holds, which a fault makes little."""
        limit = stored_ratings.ITEM_BYTES
        for fault in self._by_kind.get("item_too_large", ()):
            overhead = stored_ratings._OTHER_BYTES + stored_ratings._CARRY_BYTES
            stored_ratings.ITEM_BYTES = overhead + fault.arg
        try:
            yield
        finally:
            stored_ratings.ITEM_BYTES = limit

    # What it left.

    def committed(self) -> None:
        """Tell that the table has changed, if it has."""
        if self.table.writes != self._writes_seen:
            self._writes_seen = self.table.writes
            if self.on_commit is not None:
                self.on_commit()

    def durable(self) -> set[bytes]:
        """The bytes of every event in the stream."""
        for shard_id, shard in self.stream.shards.items():
            for record in shard.records[self._raw_at.get(shard_id, 0) :]:
                try:
                    self._durable.update(unpack_received(b64decode(record.data)))
                except UnreadableRecord:
                    continue  # poison
            self._raw_at[shard_id] = len(shard.records)
        return self._durable

    def rows(self) -> dict[str, list[Row]]:
        """What was set aside, by the key of its object."""
        for key, body in self.bucket.snapshot():
            known = self._rows.get(key)
            if known is None or known[0] is not body:
                self._rows[key] = (body, list(_rows_of(key, body)))
        return {key: rows for key, (_, rows) in self._rows.items()}

    def set_aside(self) -> set[bytes]:
        """The bytes of everything set aside."""
        return {row.raw for rows in self.rows().values() for row in rows}

    def kept(self) -> list[Kept]:
        """Every event in a stored page."""
        found = []
        for item in self.table.items():
            if "events" not in item:
                continue
            packed = item["events"]["B"]
            events = self._pages.get(packed)
            if events is None:
                events = self._pages[packed] = _unpacked(packed)
            _, kind, owner = item["pk"]["S"].split("/")
            asset_id = item["sk"]["S"] if kind == "floor" else owner
            page = int(item["page"]["N"])
            found += [Kept(asset_id, page, e[0], e[1], e[2]) for e in events]
        return found

    def applied(self) -> list[Fact]:
        """The posted facts that pages keep."""
        kept = {(k.asset_id, k.event_id, k.occurred_at, k.sequence) for k in self.kept()}
        return [
            f
            for f in self.posted.values()
            if (f.asset_id, f.event_id, f.occurred_at, f.sequence) in kept and not f.refused
        ]

    # Output.

    @contextmanager
    def _output(self) -> Iterator[None]:
        """What the handlers print and log is counted here, and not shown."""
        handlers = []
        for name in (INGEST, RATE):
            log = logging.getLogger(name)
            handlers.append((log, log.handlers[:], log.propagate))
            log.handlers, log.propagate = [_Lines(self.log_lines)], False
        shown, sys.stdout = sys.stdout, _Printed(self._printed)
        try:
            yield
        finally:
            sys.stdout = shown
            for log, before, propagate in handlers:
                log.handlers, log.propagate = before, propagate

    def _printed(self, line: str) -> None:
        document = json.loads(line)
        service = document["service"]
        counts = {
            metric["Name"]: int(document[metric["Name"]][0])
            for directive in document["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
        }
        for name, value in counts.items():
            self.metrics[service, name] += value
        if self._invocations:
            self._invocations[-1].told.update(counts)
        if service == RATE and "EventsReceived" in counts:
            parts = ("Rated", "Duplicate", "Unrelated", "Quarantined")
            if counts["EventsReceived"] != sum(counts[f"Events{part}"] for part in parts):
                self.violate("I5", f"the counts of a batch do not add up: {counts}")
        if service == INGEST and "EventsReceived" in counts:
            parts = ("Accepted", "Duplicate", "Quarantined", "Failed")
            if counts["EventsReceived"] != sum(counts[f"Events{part}"] for part in parts):
                self.violate("I5", f"the counts of a post do not add up: {counts}")


class _Invocation:
    """A handler that runs."""

    def __init__(
        self,
        name: str,
        container: Container,
        started_ms: int,
        timeout_ms: int,
        kill: Fault | None = None,
        twin: Fault | None = None,
        event: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.container = container
        self.started_ms = started_ms
        self.timeout_ms = timeout_ms
        self.kill = kill
        self.twin = twin
        self.event = event or {}
        self.calls = 0
        self.told: Counter[str] = Counter()
        """What it counted, by the names of the metrics."""


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


class _Printed:
    """A standard output that hands on whole lines."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._part = ""

    def write(self, text: str) -> int:
        *lines, self._part = (self._part + text).split("\n")
        for line in lines:
            self._take(line)
        return len(text)

    def flush(self) -> None:
        pass


def _rows_of(key: str, body: bytes) -> Iterator[Row]:
    if key.startswith("aws/lambda/"):  # a batch that the event source gave up
        document = json.loads(body)
        event = json.loads(document["payload"])
        for record in event["Records"]:
            data = b64decode(record["kinesis"]["data"])
            try:
                for raw in unpack_received(data):
                    yield Row("event source", document["requestContext"]["condition"], raw)
            except UnreadableRecord:
                yield Row("event source", document["requestContext"]["condition"], data)
        return
    for line in body.splitlines():
        entry = json.loads(line)
        content = entry["content"].encode()
        raw = b64decode(content) if entry["encoding"] == "base64" else content
        yield Row(entry["stage"], entry["reason"], raw)


@lru_cache(maxsize=4096)
def _raws_in(data: str) -> tuple[bytes, ...] | None:
    """The bytes of the events that a stream record holds; None where it cannot be read."""
    try:
        return tuple(unpack_received(b64decode(data)))
    except UnreadableRecord:
        return None


def _events_in(data: str) -> int | None:
    """How many events a stream record holds; None where it cannot be read."""
    raws = _raws_in(data)
    return None if raws is None else len(raws)


def _unpacked(packed: str) -> list[list[Any]]:
    events: list[list[Any]] = msgspec.msgpack.decode(
        zstandard.ZstdDecompressor().decompress(b64decode(packed))
    )
    return events


def _request(principal: Principal, body: bytes, content_type: str) -> dict[str, Any]:
    """A POST as API Gateway hands it on, behind the authorizer."""
    digest = hashlib.sha256(body).hexdigest()
    return {
        "resource": "/v1/slot-events",
        "path": "/v1/slot-events",
        "httpMethod": "POST",
        "headers": {"Content-Type": content_type},
        "pathParameters": None,
        "requestContext": {
            "authorizer": principal.to_context(digest),
            "requestId": digest[:32],
            "resourcePath": "/v1/slot-events",
        },
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _shared_adapters() -> Iterator[None]:
    """Containers make the adapters that others have made."""
    patched: list[tuple[ModuleType, str, Any]] = []
    for module, name in (
        (rate, "DynamoRatings"),
        (rate, "S3Quarantine"),
        (rate, "SnsChanges"),
        (ingest, "S3Quarantine"),
        (stored_ratings, "DynamoRatings"),
    ):
        adapter = getattr(module, name)
        patched.append((module, name, adapter))
        setattr(module, name, lambda *args, _adapter=adapter: shared(_adapter, *args))
    door: Any = ingest
    stream = door.KinesisStream
    patched.append((ingest, "KinesisStream", stream))

    def one_stream(name: str, region: str, *, pause: Any) -> Any:  # noqa: ANN401
        made = _stream(stream, name, region)
        made._pause = pause
        return made

    door.KinesisStream = one_stream
    try:
        yield
    finally:
        for module, name, adapter in patched:
            setattr(module, name, adapter)


@contextmanager
def _keys_in_order() -> Iterator[None]:
    """PynamoDB asks for a batch of keys in the order of a set, which no seed decides."""
    pynamodb.models.set = lambda keys: list(dict.fromkeys(keys))[::-1]  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del pynamodb.models.set  # type: ignore[attr-defined]


@cache
def _stream(adapter: Any, name: str, region: str) -> Any:  # noqa: ANN401
    return adapter(name, region, pause=lambda attempt: None)


def _forget_caches() -> None:
    """What a cold process has not remembered, so that a schedule is the same wherever it runs."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("pitboss", "rate_players", "ingest_slot_events"):
            for value in list(vars(module).values()):
                clear = getattr(value, "cache_clear", None)
                if clear is not None and not isinstance(value, type):
                    clear()


_TOOL = 4


@contextmanager
def _killed_at(line: int, fires: Callable[[], None]) -> Iterator[None]:
    """The process dies before the n-th line it runs of our own code."""
    monitoring = sys.monitoring
    left = line

    def on_line(code: CodeType, number: int) -> object:
        nonlocal left
        if not code.co_filename.startswith(_ROOTS):
            return monitoring.DISABLE
        left -= 1
        if left == 0:
            monitoring.set_events(_TOOL, monitoring.events.NO_EVENTS)
            fires()
            raise Killed(f"at {Path(code.co_filename).name}:{number}")
        return None

    monitoring.use_tool_id(_TOOL, "pitboss proof")
    monitoring.register_callback(_TOOL, monitoring.events.LINE, on_line)
    monitoring.set_events(_TOOL, monitoring.events.LINE)
    try:
        yield
    finally:
        monitoring.set_events(_TOOL, monitoring.events.NO_EVENTS)
        monitoring.free_tool_id(_TOOL)

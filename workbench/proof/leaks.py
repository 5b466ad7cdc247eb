"""The gate under fire: histories in which everything that decides about an offer changes at once.

A seed decides a history: a few players at two machines, lists and facts as they may be, and actors
that take turns at every call of DynamoDB. Some decide, show and redeem offers, by the code that is
deployed; others exclude and lift players, import whole lists, lock machines, swap seats and let
time pass, so that lists go stale and entries begin and end between a read and the write that
follows from it. Calls fail before and after their effect, batches are answered in part, processes
die.

Whether an offer reached somebody who must not have it is judged apart from all of that, at the
instant at which the transaction that shows or redeems it is applied, or the answer is given where
there was none: by what is stored then, read as plain JSON, and by a record of its own of who has
been told that a player is on a list. `MUTANTS` are ways to do it wrong; each is found.
"""

import json
import random
import threading
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing import get_context
from typing import Any, NamedTuple
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from keep_exclusions import service as keeping
from pitboss.errors import PitbossError
from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.offers import gate
from pitboss.offers.gate import Entry, Facts, ListName, Lists, Machine, Standing
from pitboss.offers.issued import IssuedOffer
from pitboss.offers.lists import Patron, Span
from pitboss.offers.policy import is_held_out
from pitboss.stores import offers as stored_offers
from pitboss.stores import standings as stored_standings
from pitboss.stores.ratings import Asset, head_key
from pitboss.stores.standings import DynamoStandings, read_or_nothing, risk_key, standing_key
from serve_offers import service as serving
from workbench.proof import AwsError, Killed
from workbench.proof.network import THROTTLED, Call, Cancel, Fault, Kill, Lose, Part, Refuse
from workbench.proof.offers import DAY, NOON, NORTH, OFFERS, RATINGS, OffersFloor, catalogue

MINUTE = 60_000
LIST_AGE_MINUTES = 60
TIMEOUT_MS = 15_000
"""How long a function of the gate runs at most; a test holds it against the template."""

UNDER_WAY_MS = 15_000
"""How long after that what it asked for last may still be done."""

FAULT_RATE = 0.04
HISTORIES_A_TASK = 100

ASSETS = ("1001", "1002")
PLAYERS = tuple(
    player_id
    for player_id in (f"p-{number}" for number in range(1, 50))
    if not is_held_out(NORTH, player_id, 500)
)[:3]

type _Key = tuple[str, ListName]


# --- turns ----------------------------------------------------------------------------------------


class _Thread(threading.Thread):
    """Runs one actor after the other, each when it is its turn."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.go = threading.Lock()
        self.go.acquire()
        self.part: Callable[[], None] = lambda: None
        self.done: Callable[[_Thread, BaseException | None], None] = lambda thread, fault: None
        self.start()

    def run(self) -> None:
        while True:
            self.go.acquire()
            fault: BaseException | None = None
            try:
                self.part()
            except BaseException as raised:  # noqa: BLE001 - told to who waits for all of them
                fault = raised
            self.done(self, fault)


_idle: list[_Thread] = []


class Turns:
    """Actors of which one runs at a time; who is next is chance, at each call of `switch`."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._actors: list[_Thread] = []
        self._over = threading.Lock()
        self._faults: list[BaseException] = []
        self.current: _Thread | None = None
        self.switches = 0

    def run(self, parts: Iterable[Callable[[], None]]) -> None:
        """Run them all to their ends.

        Raises:
            BaseException: what the first of them raised.
        """
        for part in parts:
            thread = _idle.pop() if _idle else _Thread()
            thread.part, thread.done = part, self._end
            self._actors.append(thread)
        everyone = list(self._actors)
        self._over.acquire()
        self._next()
        self._over.acquire()  # until the last of them is done
        self._over.release()
        _idle.extend(everyone)
        if self._faults:
            raise self._faults[0]

    def switch(self) -> None:
        """Let chance say who goes on. Outside of `run` nothing happens."""
        mine = self.current
        if mine is None:
            return
        following = self._chance.choice(self._actors)
        if following is not mine:
            self.switches += 1
            self.current = following
            following.go.release()
            mine.go.acquire()

    def _next(self) -> None:
        self.current = self._chance.choice(self._actors)
        self.current.go.release()

    def _end(self, thread: _Thread, fault: BaseException | None) -> None:
        if fault is not None:
            self._faults.append(fault)
        self._actors.remove(thread)
        if self._actors:
            self._next()
        else:
            self.current = None
            self._over.release()


# --- what is true ---------------------------------------------------------------------------------


@dataclass(eq=False)
class _Operation:
    """A change of a player's place on a list that is under way."""

    key: _Key
    before: Entry | None
    is_alone: bool = True
    """Whether no other of the same player and list was under way at the same time."""


class Told:
    """Who was told that a player is on a list, whatever is stored: that word is to be kept."""

    def __init__(self) -> None:
        self.on: dict[_Key, Entry] = {}
        self._under_way: dict[_Key, list[_Operation]] = {}

    def begin(self, key: _Key, keeps: Span | None = None) -> _Operation:
        """A change begins. `keeps`: what the player will be on the list for, if they stay on it."""
        operation = _Operation(key, self.on.pop(key, None))
        others = self._under_way.setdefault(key, [])
        for other in (*others, operation) if others else ():
            other.is_alone = False
        others.append(operation)
        before = operation.before
        if before is not None and keeps is not None and operation.is_alone:
            # On before and after is on in between.
            ends = [end for end in (before.until, keeps.until) if end is not None]
            since, until = max(before.since, keeps.since), min(ends, default=None)
            self.on[key] = Entry(since, until, before.added_at)
        return operation

    def end(self, operation: _Operation, after: Entry | None, *, is_known: bool = True) -> None:
        """It ended; how, is known unless the answer was lost."""
        self._under_way[operation.key].remove(operation)
        if operation.is_alone:
            self.on.pop(operation.key, None)
            if is_known and after is not None:
                self.on[operation.key] = after

    def keeps_off(self, player_id: str, now: int) -> Iterator[str]:
        """Lists that somebody was told the player is on now."""
        for (of, name), entry in self.on.items():
            if of == player_id and _counts(entry.since, entry.until, now):
                yield str(name)


def _counts(since: int, until: int | None, now: int) -> bool:
    return since <= now and (until is None or now < until)


# --- a history ------------------------------------------------------------------------------------


@dataclass
class _Visit:
    """A request or message that is being carried out."""

    kind: str
    player_id: str | None
    began: int
    seen: Any = None
    """What was stored of the player when the gate's facts were read."""
    reached: set[str] = field(default_factory=set)
    """Offers whose transaction was judged."""


class Result(NamedTuple):
    """What happened in one history, or in many."""

    seed: int
    counts: Counter[str]
    violations: tuple[str, ...]


class History:
    """One history, by its seed."""

    def __init__(self, seed: int, mutant: str | None = None) -> None:
        self.seed = seed
        self.chance = random.Random(f"leaks/{seed}")
        self.floor = OffersFloor()
        self.clock = self.floor.clock
        self.clock.chance = self.chance
        self.turns = Turns(self.chance)
        self.told = Told()
        self.counts: Counter[str] = Counter(histories=1)
        self.violations: list[str] = []
        self.visits: dict[_Thread, _Visit] = {}
        self.mutant = mutant
        self.made = self.chance.choice(_offers_made())
        self.is_unreadable = self.chance.random() < 0.1
        """Whether every second read of what the gate looks at fails for good."""
        self.narrow = self.chance.choice(list(ListName)) if self.chance.random() < 0.4 else None
        """The list that all is about in a history of one player; None in one of a whole floor."""
        dynamodb = self.floor.network.dynamodb
        self._answer = dynamodb.answer
        dynamodb.answer = self._watched  # type: ignore[method-assign]
        self.standings: DynamoStandings = self.floor.standings
        self.serve = serving.ServeOffers(
            self.floor.offers,
            partial(read_or_nothing, self.standings),
            _Nobody(),
            now=lambda: self.clock.now_ms,
        )
        self.decide = self.floor.decider()

    def run(self) -> Result:
        """Let it happen."""
        with self.floor.installed():
            self._begin()
            self.floor.network.fault = self._fault
            wrong = MUTANTS[self.mutant](self) if self.mutant else nullcontext()
            with wrong:
                for _ in range(self.chance.choice((1, 1, 2))):
                    self.turns.run(self._actors())
        assert not self.floor.network.unknown, self.floor.network.unknown
        self.counts["switches"] += self.turns.switches
        self.counts["calls"] += sum(self.floor.network.calls.values())
        return Result(self.seed, self.counts, tuple(self.violations))

    # How it begins.

    def _begin(self) -> None:
        chance, floor = self.chance, self.floor
        for item in self.made:
            floor.offers_table.put(
                floor.offers_table.key({name: item[name] for name in ("pk", "sk")}), item
            )
        lists = {}
        for name in ListName:
            ages = (0, 0, 5, 30, 50, 59) if self.narrow is None else (0,)
            lists[name] = NOON - chance.choice(ages) * MINUTE - chance.randrange(MINUTE)
            if chance.random() < 0.005:
                del lists[name]
        self._put_lists(lists)
        for player_id, asset_id in zip(PLAYERS, (*ASSETS, None), strict=True):
            if asset_id is not None:
                floor.seat(player_id, asset_id)
            floor.play(player_id, 10**9)
            if chance.random() < 0.01:
                continue  # nobody said anything of them
            floor.stand(player_id, self._standing(player_id))
        # By chance of its own, so that all else is as it is without it.
        nightly = random.Random(f"leaks/risk/{self.seed}")
        for player_id in PLAYERS:
            if nightly.random() < 0.05:
                risk = gate.Risk(0.9, ("plays longer than before",), "v1", NOON - 600 * MINUTE)
                floor.assess(player_id, risk)

    def _put_lists(self, complete_to: Mapping[ListName, int]) -> None:
        table = self.floor.standings_table
        key = {"pk": {"S": f"{NORTH}/lists"}, "sk": {"S": "lists"}}
        dates = {str(name): {"N": str(to)} for name, to in complete_to.items()}
        table.put(table.key(key), key | {"version": {"N": "1"}} | dates)

    def _standing(self, player_id: str) -> Standing:
        chance = self.chance
        if self.narrow is not None:
            entries = {}
            if chance.random() < 0.5:
                entry = Entry(NOON - MINUTE, None, NOON - 10 * MINUTE)
                entries = {self.narrow: entry}
                self.told.on[player_id, self.narrow] = entry
                self._put_member(player_id, self.narrow, entry)
            return Standing(1, entries, 0, "US-NV")
        entries = {}
        for name in ListName:
            if chance.random() < 0.07:
                entry = self._entry(added_at=NOON - 120 * MINUTE)
                entries[name] = self.told.on[player_id, name] = entry
                self._put_member(player_id, name, entry)
        of_age = chance.choice((*(0,) * 24, NOON + chance.randrange(20_000), None))
        lives = chance.choice(("US-NV",) * 24 + ("US-UT", None))
        return Standing(chance.randrange(1, 9), entries, of_age, lives)

    def _entry(self, added_at: int) -> Entry:
        """On a list for ever, till shortly, or from shortly on."""
        since, until = self._span()
        return Entry(since, until, added_at)

    def _span(self) -> Span:
        now = self.clock.now_ms
        shortly = now + self.chance.randrange(1, self.chance.choice((5_000, 30_000, 60_000)))
        return self.chance.choice(
            (
                Span(now - MINUTE, None),
                Span(now - MINUTE, shortly),
                Span(shortly, None),
                Span(shortly, None),
                Span(now - 2 * MINUTE, now - MINUTE),
            )
        )

    def _put_member(self, player_id: str, name: ListName, entry: Entry) -> None:
        table = self.floor.standings_table
        item: dict[str, Any] = {"pk": {"S": f"{NORTH}/list/{name}"}, "sk": {"S": player_id}}
        key = table.key(item)
        numbers = {"since": entry.since, "until": entry.until, "added_at": entry.added_at}
        item |= {name: {"N": str(value)} for name, value in numbers.items() if value is not None}
        table.put(key, item)

    def _change(self, player_id: str, asset_id: str) -> PlayerChanged:
        started_at = NOON - self.chance.randrange(1, 600_000)
        return _changed(player_id, asset_id, started_at, self.clock.now_ms)

    # Who acts.

    def _actors(self) -> list[Callable[[], None]]:
        chance = self.chance
        if self.narrow is not None:
            acts = [chance.choice((self._show_machine, self._show_machine, self._play))]
            changes = [self._keep, self._import, self._import, self._prove_age]
            acts += [chance.choice(changes) for _ in range(chance.choice((1, 2, 2)))]
            return acts if chance.random() < 0.7 else [*acts, self._floor_goes_on]
        shows = [self._show_machine, self._show_player, self._play, self._play, self._decide]
        acts = [chance.choice(shows) for _ in range(chance.choice((2, 2, 3)))]
        changes = [self._keep, self._keep, self._import, self._import, self._prove_age]
        acts += [chance.choice(changes) for _ in range(chance.choice((1, 2, 2, 3)))]
        return [*acts, self._floor_goes_on]

    def _player(self) -> str:
        if self.narrow is not None:
            return PLAYERS[0]
        return self.chance.choice((*PLAYERS[:1] * 3, *PLAYERS))

    def _list(self) -> ListName:
        """A list that something is done about."""
        if self.narrow is not None and self.chance.random() < 0.7:
            return self.narrow
        if self.told.on and self.chance.random() < 0.5:
            return self.chance.choice([name for _, name in self.told.on])
        return self.chance.choice(list(ListName))

    def _asset(self) -> str:
        return ASSETS[0] if self.narrow else self.chance.choice((*ASSETS[:1] * 2, *ASSETS))

    def _show_machine(self) -> None:
        asset_id = self._asset()
        for _ in range(self.chance.randrange(1, 4)):
            self._visit("machine", None, lambda: self._shown_at(asset_id))

    def _show_player(self) -> None:
        player_id = self._player()
        self._visit("player", player_id, lambda: self._shown_to(player_id))

    def _play(self) -> None:
        """A game: shows what there is, takes the player's yes, and redeems it."""
        asset_id = self._asset()
        found = self._visit("machine", None, lambda: self._shown_at(asset_id))
        for offer in found or ():
            for verb in (serving.Verb.ACCEPT, serving.Verb.REDEEM):
                key = f"{verb}-{offer.offer_id}"
                asked = serving.Asked(NORTH, offer.player_id, "game", key, key)
                answer = partial(self._answered, offer, verb, asked)
                self._visit(str(verb), offer.player_id, answer)

    def _shown_at(self, asset_id: str) -> list[IssuedOffer]:
        return self._say([self.serve.at_machine(Asset(NORTH, asset_id), "game")])

    def _shown_to(self, player_id: str) -> list[IssuedOffer]:
        return self._say(self.serve.of_player(NORTH, player_id, "app")[0])

    def _say(self, shown: Iterable[serving.Shown]) -> list[IssuedOffer]:
        """The answer goes out: what is in it has reached the player."""
        found = []
        for one in shown:
            self.counts.update(f"withheld: {why}" for why in one.withheld)
            if one.offer is None:
                self.counts["answers without an offer"] += 1
                continue
            self.counts["deliveries" if one.is_delivered else "shown again"] += 1
            if one.offer.offer_id not in self._visiting().reached:
                self._judge(one.offer, "answer")
            found.append(one.offer)
        return found

    def _answered(
        self, offer: IssuedOffer, verb: serving.Verb, asked: serving.Asked
    ) -> list[IssuedOffer]:
        taken = self.serve.answer(offer.offer_id, verb, asked, lambda offer: True)
        if verb is serving.Verb.REDEEM and not taken.is_repeated:
            self.counts["redemptions"] += 1
            if offer.offer_id not in self._visiting().reached:
                self._judge(offer, "redeem")
        return []

    def _decide(self) -> None:
        index = self.chance.randrange(2)
        seated = self._head(ASSETS[index]).get("seated", {}).get("S", PLAYERS[index])
        change = self._change(seated, ASSETS[index])

        def decide() -> list[IssuedOffer]:
            outcome = self.decide(change)
            self.counts[f"decisions: {outcome.became}"] += 1
            if outcome.decided is not None:
                self.counts.update(f"refused: {why}" for why in outcome.decided.no_offer)
            return []

        self._visit("decide", seated, decide)

    def _keep(self) -> None:
        """Somebody puts a player on a list, or takes them off one, by the API."""
        chance, player_id = self.chance, self._player()
        name = self._list()
        lifts = chance.random() < 0.35
        span = self._span()
        since = None if chance.random() < 0.6 else max(span.since, 0)
        until = span.until if span.until is None or span.until > self.clock.now_ms else None
        operation = self.told.begin((player_id, name))
        caller = keeping.Caller(NORTH, "host", self.clock.now_ms)
        # At least so long, whatever there was before.
        after: Entry | None = None
        if not lifts:
            after = Entry(caller.now if since is None else since, until, caller.now)

        def keep() -> list[IssuedOffer]:
            if lifts:
                keeping.lift(self.standings, caller, player_id, name)
            else:
                asked = keeping.Exclude(since, until)
                keeping.exclude(self.standings, caller, player_id, name, asked)
            return []

        try:
            done = self._visit(
                "lift" if lifts else "exclude", player_id, keep, keeping.StillExcluded
            )
        except keeping.StillExcluded:
            self.counts["self-exclusions kept"] += 1
            self.told.end(operation, operation.before)
        else:
            self.counts["lifted" if lifts else "excluded"] += done is not None
            self.told.end(operation, after, is_known=done is not None)

    def _import(self) -> None:
        """A whole list comes; where its import is cut, it is run again."""
        chance, name = self.chance, self._list()
        as_of = self.clock.now_ms - chance.choice((0, 0, 0, 1, 5_000, 20 * MINUTE))
        named: dict[str, Span] = {}
        for player_id in PLAYERS:
            known = self.told.on.get((player_id, name))
            if known is not None and chance.random() < 0.6:
                named[player_id] = Span(known.since, known.until)
            elif chance.random() < 0.25:
                named[player_id] = self._span()
        operations = {
            player_id: self.told.begin((player_id, name), named.get(player_id))
            for player_id in PLAYERS
        }

        def import_list() -> list[IssuedOffer]:
            self.standings.import_list(
                NORTH, name, named, as_of, at=self.clock.now_ms, by="compliance"
            )
            return []

        done = None
        for _ in range(3):
            done = self._visit("import", None, import_list)
            if done is not None:
                break
        self.counts["imports done" if done is not None else "imports cut or refused"] += 1
        for player_id, operation in operations.items():
            before = operation.before
            if before is not None and before.added_at > as_of:
                after: Entry | None = before
            elif player_id in named:
                after = Entry(*named[player_id], as_of)
            else:
                after = None
            self.told.end(operation, after, is_known=done is not None)

    def _prove_age(self) -> None:
        """A file says of a player that they are of age only from a moment on, or live elsewhere."""
        patron = self.chance.choice(
            (
                *[Patron(self.chance.randrange(1_000), "US-NV")] * 3,
                *(Patron(None, "US-NV"), Patron(0, "US-UT"), Patron(0, None)),
            )
        )
        player_id = self._player()

        def prove() -> list[IssuedOffer]:
            self.standings.import_patrons(
                NORTH, {player_id: patron}, at=self.clock.now_ms, by="compliance"
            )
            return []

        self._visit("patrons", player_id, prove)

    def _floor_goes_on(self) -> None:
        """Machines lock up and are reset, players swap seats, time passes."""
        for _ in range(self.chance.randrange(2, 7)):
            self.turns.switch()
            what = self.chance.randrange(8)
            if what == 0:
                self._reseat(locks=True)
            elif what == 1:
                self._reseat(locks=False)
            elif what < 7 or self.chance.random() < 0.7:
                self.clock.advance(self.chance.choice((1, 5, 20, 100, 200, 500, 500, 1_000, 6_000)))
            else:
                self.clock.advance(self.chance.choice((20_000, 2 * MINUTE, 6 * MINUTE)))

    def _reseat(self, *, locks: bool) -> None:
        """A hand-pay locks a machine or is reset; or the players swap seats, or one gets up."""
        heads = [self._head(asset_id) for asset_id in ASSETS]
        seated = [head.get("seated", {}).get("S") for head in heads]
        locked = ["locked_since" in head for head in heads]
        at = self.chance.randrange(2)
        if locks:
            locked[at] = not locked[at]
            self.counts["locks changed"] += 1
        elif self.chance.random() < 0.5:
            seated.reverse()
            self.counts["seats changed"] += 1
        else:
            free = [player for player in (*PLAYERS, None) if player not in seated]
            seated[at] = self.chance.choice(free)
            self.counts["seats changed"] += 1
        for asset_id, player_id, is_locked in zip(ASSETS, seated, locked, strict=True):
            self.floor.seat(player_id, asset_id, self.clock.now_ms if is_locked else None)

    # How a request goes.

    def _visit(
        self,
        kind: str,
        player_id: str | None,
        act: Callable[[], list[IssuedOffer]],
        *shown: type[Exception],
    ) -> list[IssuedOffer] | None:
        """Carry out a request; None where it failed, or its process died."""
        thread = self.turns.current
        assert thread is not None
        self.visits[thread] = _Visit(kind, player_id, self.clock.now_ms)
        try:
            return act()
        except Killed:
            self.counts["requests that ran out of time"] += 1
        except shown:
            raise
        except (PitbossError, ClientError, BotoCoreError, PynamoDBException) as fault:
            self.counts[f"{kind} failed: {type(fault).__name__}"] += 1
        finally:
            del self.visits[thread]
        return None

    def _visiting(self) -> _Visit:
        assert self.turns.current is not None
        return self.visits[self.turns.current]

    def _fault(self, call: Call) -> Fault | None:
        self.turns.switch()
        chance = self.chance
        thread = self.turns.current
        visit = None if thread is None else self.visits.get(thread)
        if visit is None:
            return None
        if call.operation == "TransactWriteItems" and chance.random() < 0.3:
            # The request takes its time; its effect is at the end of it.
            self.clock.advance(chance.choice((1, 10, 100, 1_000, 8_000)))
        age = self.clock.now_ms - visit.began
        if visit.kind not in ("import", "patrons") and age >= TIMEOUT_MS:
            # The function was ended while its request was on the way.
            return Kill(after=age < TIMEOUT_MS + UNDER_WAY_MS and chance.random() < 0.5)
        if self.is_unreadable and call.operation == "BatchGetItem" and chance.random() < 0.5:
            return Refuse("AccessDeniedException")
        if chance.random() >= FAULT_RATE:
            return None
        faults: list[Fault] = [
            *(THROTTLED["dynamodb"], Refuse("InternalServerError", 500)),
            *(Refuse("AccessDeniedException"), Lose(effect=True), Lose(effect=False)),
        ]
        if call.operation == "BatchGetItem":
            keys = sum(len(one["Keys"]) for one in call.body["RequestItems"].values())
            faults += [Part((chance.randrange(keys),))] * 4
        if call.operation == "TransactWriteItems":
            faults += [Cancel((chance.randrange(len(call.body["TransactItems"])),))] * 2
        return chance.choice(faults)

    # What is judged.

    def _watched(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """DynamoDB's answer; what it does is looked at as it is done."""
        token = request.get("ClientRequestToken")
        is_new = token not in self.floor.network.dynamodb._tokens
        thread = self.turns.current
        visit = None if thread is None else self.visits.get(thread)
        try:
            found = self._answer(operation, request)
        except AwsError:
            if visit is not None and operation == "TransactWriteItems":
                self._compare(visit, request, is_written=False)
            raise
        if visit is None:
            return found
        if operation == "BatchGetItem" and "standings" in request["RequestItems"]:
            keys = request["RequestItems"]["standings"]["Keys"]
            visit.seen = [self._stored(key) for key in keys]
            visit.seen.append([key["pk"]["S"] for key in keys])
        elif operation == "TransactWriteItems" and is_new:
            self._compare(visit, request, is_written=True)
            for action in request["TransactItems"]:
                ((kind, given),) = action.items()
                if given["TableName"] == OFFERS and kind in ("Put", "ConditionCheck"):
                    self._reached(kind, given)
        return found

    def _compare(self, visit: _Visit, request: dict[str, Any], *, is_written: bool) -> None:
        """Count the transactions before which a list or a fact changed after it was read."""
        if visit.seen is None or visit.kind not in ("machine", "player", "redeem", "decide"):
            return
        *seen, partitions = visit.seen
        keys = [
            {"pk": {"S": pk}, "sk": {"S": "lists" if pk.endswith("/lists") else "standing"}}
            for pk in partitions
        ]
        visit.seen = None
        if [self._stored(key) for key in keys] != seen:
            self.counts["list changes between read and write"] += 1
            self.counts["list changes between read and write, written"] += is_written

    def _stored(self, key: dict[str, Any]) -> Any:  # noqa: ANN401 - an item as it is on the wire
        table = self.floor.standings_table
        return table.get(table.key(key))

    def _reached(self, kind: str, given: dict[str, Any]) -> None:
        item = given["Item"] if kind == "Put" else self._offer_item(given["Key"])
        if item is None or not item["sk"]["S"].startswith("offer/"):
            return
        offer = json.loads(item["body"]["S"])
        visit = self._visiting()
        is_shown = kind == "ConditionCheck" or item["status"]["S"] == "delivered"
        if is_shown and visit.kind in ("machine", "player"):
            self._judge_offer(offer, visit.kind)
        elif item["status"]["S"] == "redeemed":
            self._judge_offer(offer, "redeem")
        else:
            return
        visit.reached.add(offer["offer_id"])

    def _offer_item(self, key: dict[str, Any]) -> dict[str, Any] | None:
        table = self.floor.offers_table
        return table.get(table.key(key))

    def _judge(self, offer: IssuedOffer, how: str) -> None:
        """Judge what reached the player by no transaction."""
        plain = {"offer_id": offer.offer_id, "player_id": offer.player_id}
        plain |= {"asset_id": offer.asset_id, "kind": str(offer.kind)}
        self._judge_offer(plain, self._visiting().kind if how == "answer" else how)

    def _judge_offer(self, offer: dict[str, Any], how: str) -> None:
        """Whether the player may have the offer now; what speaks against it is a violation."""
        self.counts[f"judged: {how}"] += 1
        is_at_machine = how != "redeem" or offer["kind"] in ("free_play", "multiplier")
        needs_seat = how == "machine" or (how == "redeem" and is_at_machine)
        against = sorted(
            set(
                self._against(
                    offer["player_id"],
                    offer["asset_id"] if is_at_machine else None,
                    needs_seat=needs_seat,
                )
            )
        )
        if against:
            at = self.clock.now_ms - NOON
            self.violations.append(
                f"seed {self.seed}: {how} of {offer['offer_id']} to {offer['player_id']} after "
                f"{at} ms: {', '.join(against)}"
            )

    def _against(self, player_id: str, asset_id: str | None, *, needs_seat: bool) -> Iterator[str]:
        now = self.clock.now_ms
        for name in self.told.keeps_off(player_id, now):
            yield f"told to be {name}"
        lists = self._stored({"pk": {"S": f"{NORTH}/lists"}, "sk": {"S": "lists"}}) or {}
        for name in ("self_excluded", "banned", "responsible_gaming", "opted_out"):
            if name not in lists or now - int(lists[name]["N"]) > LIST_AGE_MINUTES * MINUTE:
                yield f"stale list {name}"
        pk, sk = standing_key(NORTH, player_id)
        item = self._stored({"pk": {"S": pk}, "sk": {"S": sk}})
        if item is None:
            yield "unknown player"
            return
        standing = json.loads(b64decode(item["body"]["B"]))
        for name, (since, until, _) in standing.get("entries", {}).items():
            if _counts(since, until, now):
                yield f"is {name}"
        of_age = standing.get("of_age_from")
        if of_age is None or of_age > now:
            yield "under age"
        if standing.get("jurisdiction") != "US-NV":
            yield "lives elsewhere"
        if self._stored(risk_key(NORTH, player_id)) is not None:
            yield "of high risk"
        if asset_id is not None:
            head = self._head(asset_id)
            if not head or "locked_since" in head:
                yield "machine locked up"
            if needs_seat and head.get("seated", {}).get("S") != player_id:
                yield "somebody else is seated"

    def _head(self, asset_id: str) -> dict[str, Any]:
        table = self.floor.network.dynamodb.tables[RATINGS]
        pk, sk = head_key(Asset(NORTH, asset_id))
        return table.get(table.key({"pk": {"S": pk}, "sk": {"S": sk}})) or {}


class _Nobody:
    """Nobody waits for an approval here."""

    def answer(self, token: str, answer: object) -> bool:
        raise AssertionError("no offer of this catalogue needs an approval")


@cache
def _offers_made() -> tuple[list[dict[str, Any]], ...]:
    """The table of offers after two were made, to the first two players at the two machines."""
    found = []
    for number in range(40):
        floor = OffersFloor()
        with floor.installed():
            floor.offers.apply_catalogue(
                catalogue(list_age_minutes=LIST_AGE_MINUTES), NOON - MINUTE, "setup", None
            )
            floor.complete_lists()
            for player_id, asset_id in zip(PLAYERS, ASSETS, strict=False):
                floor.welcome(player_id, asset_id)
                floor.decider()(_changed(player_id, asset_id, NOON - 1 - number, NOON))
            if len(floor.made()) == len(ASSETS):
                found.append(floor.offers_table.items())
    return tuple(found)


def _changed(player_id: str, asset_id: str, started_at: int, now: int) -> PlayerChanged:
    return PlayerChanged(
        kind=ChangeKind.WORTH_CROSSED,
        property_id=NORTH,
        player_id=player_id,
        asset_id=asset_id,
        session_started_at=started_at,
        gaming_day=DAY,
        occurred_at=now,
        theoretical_win=50_000_000,
        worth_step=5,
    )


# --- ways to do it wrong --------------------------------------------------------------------------


def _no_condition_check(history: History) -> Any:  # noqa: ANN401 - a patch
    """What the gate saw is not checked again in the transaction."""
    del history
    return patch.object(stored_offers.DynamoOffers, "_guards", lambda *arguments: [])


def _stale_lists_count(history: History) -> Any:  # noqa: ANN401 - a patch
    """A list is good however old it is."""
    del history
    return patch.object(gate, "_are_fresh", lambda complete_to, now, age_ms: bool(complete_to))


def _failed_reads_are_empty(history: History) -> Any:  # noqa: ANN401 - a patch
    """Lists that cannot be read are lists that nobody is on."""

    def empty(property_id: str, player_id: str, asset_id: str) -> Facts:
        facts = read_or_nothing(history.standings, property_id, player_id, asset_id)
        if facts.lists is not None:
            return facts
        pk, sk = standing_key(property_id, player_id)
        item = history._stored({"pk": {"S": pk}, "sk": {"S": sk}})
        version = 0 if item is None else int(item["version"]["N"])
        now = history.clock.now_ms
        return Facts(
            Lists(dict.fromkeys(ListName, now)),
            Standing(version, {}, 0, "US-NV"),
            Machine(None, player_id),
        )

    return patch.object(history.serve, "_facts", empty)


def _checked_at_the_decision_only(history: History) -> Any:  # noqa: ANN401 - a patch
    """What is shown and redeemed was checked when it was decided, and that has to do."""
    del history
    return patch.object(serving, "refusals", _lets_through)


def _lets_through(facts: Facts, *_: object, **__: object) -> tuple[gate.Refusal, ...]:
    is_known = facts.standing is not None and facts.machine is not None
    return () if is_known else (gate.Refusal.LISTS_UNREADABLE,)


def _looks_no_further_than_now(history: History) -> Any:  # noqa: ANN401 - a patch
    """What begins between the gate and the transaction is not thought of."""
    del history
    return patch.object(gate, "AHEAD_MS", 0)


def _lists_are_cleared_and_filled_again(history: History) -> Any:  # noqa: ANN401 - a patch
    """An import takes everybody off the list, and then puts those on it whom the file names."""
    real = DynamoStandings.import_list

    def clear_and_fill(
        standings: DynamoStandings,
        property_id: str,
        name: ListName,
        named: Mapping[str, Span],
        as_of: int,
        **more: Any,
    ) -> object:
        real(standings, property_id, name, {}, as_of, **more)
        return real(standings, property_id, name, named, as_of, **more)

    del history
    return patch.object(DynamoStandings, "import_list", clear_and_fill)


def _changes_overwrite_each_other(history: History) -> Any:  # noqa: ANN401 - a patch
    """A standing is written whatever it became since it was read."""
    real = DynamoStandings._actions

    def without_condition(*arguments: Any) -> list[dict[str, Any]]:
        actions = real(*arguments)
        for action in actions:
            for name in ("ConditionExpression", "ExpressionAttributeValues"):
                action.get("Put", {}).pop(name, None)
        return actions

    del history
    return patch.object(stored_standings.DynamoStandings, "_actions", without_condition)


MUTANTS: dict[str, Callable[[History], Any]] = {
    "no condition check": _no_condition_check,
    "stale lists count": _stale_lists_count,
    "failed reads are empty": _failed_reads_are_empty,
    "checked at the decision only": _checked_at_the_decision_only,
    "looks no further than now": _looks_no_further_than_now,
    "lists are cleared and filled again": _lists_are_cleared_and_filled_again,
    "changes overwrite each other": _changes_overwrite_each_other,
}


# --- many histories -------------------------------------------------------------------------------


class Proof:
    """What many histories came to."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []

    def add(self, result: Result) -> None:
        """Count one more."""
        self.counts.update(result.counts)
        self.violations += result.violations


def history(seed: int, mutant: str | None = None) -> Result:
    """One history by its seed: the same each time."""
    try:
        return History(seed, mutant).run()
    except Exception as fault:
        fault.add_note(f"in the history of seed {seed}")
        raise


def prove(
    seeds: Sequence[int],
    *,
    mutant: str | None = None,
    workers: int = 1,
    progress: Callable[[Proof], None] = lambda proof: None,
) -> Proof:
    """Run the histories of these seeds.

    Args:
        seeds: one history each.
        mutant: a way to do it wrong, of `MUTANTS`.
        workers: processes.
        progress: told after each few histories.
    """
    proof = Proof()
    for results in _results(seeds, mutant, workers):
        for result in results:
            proof.add(result)
        progress(proof)
    return proof


def _results(seeds: Sequence[int], mutant: str | None, workers: int) -> Iterator[list[Result]]:
    tasks = [
        (seeds[at : at + HISTORIES_A_TASK], mutant) for at in range(0, len(seeds), HISTORIES_A_TASK)
    ]
    if workers == 1 or len(tasks) == 1:
        yield from map(_some, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_some, tasks)


def _some(task: tuple[Sequence[int], str | None]) -> list[Result]:
    seeds, mutant = task
    return [history(seed, mutant) for seed in seeds]

"""Offers in DynamoDB: what is offered, what was decided, what came of it, and what it may cost.

| item | `pk` | `sk` | `list`, `place` |
|---|---|---|---|
| decision | `<property>/player/<player>` | `decision/<id>` | `<property>/decisions/<day>`, `<id>` |
| offer | `<property>/player/<player>` | `offer/<id>` | `open`, `<expires_at>/<id>`, while open |
| player's budget | `<property>/player/<player>` | `budget` | |
| request | `<property>/player/<player>` | `request/<principal>/<key>` | |
| machine's current offer | `<property>/machine/<asset>` | `offer` | |
| counter of the property | `<property>/budget/<day>` | `property` | |
| counter of an offer | `<property>/budget/<day>` | `offer/<code>` | |
| catalogue | `<property>/catalogue` | `version/<version>` | |
| current catalogue | `<property>/catalogue` | `current` | |

`list` and `place` are the keys of the index `by_list`. An offer and the decision that it follows
from have the same id.

A decision, its offer and all it reserves are one transaction; so are an offer's next status and
what it gives back. At every moment the offers that were not given back add up to what their
player's record and their day's counters say. A decision is never changed and an offer's statuses
never come again, so each of them is the mark of its own transaction: where an answer is lost, what
is stored says what happened.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from itertools import batched
from typing import Any, NamedTuple
from uuid import uuid4

import botocore.session
import msgspec
import zstandard
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pitboss.backoff import pause
from pitboss.errors import TransientError
from pitboss.offers import catalogue as catalogues
from pitboss.offers.budget import Budgets, Counter, PlayerBudget
from pitboss.offers.catalogue import Catalogue
from pitboss.offers.deciding import Decided
from pitboss.offers.gate import Facts
from pitboss.offers.issued import GIVES_BACK, OPEN, IssuedOffer, Status, Step
from pitboss.stores.batches import read_batches
from pitboss.stores.pages import items_of
from pitboss.stores.ratings import Asset, head_key

INDEX = "by_list"

BUDGET_DAYS = 365
"""Gaming days of a player's record: the longest rolling window that a catalogue can ask for."""

KEPT_MS = 400 * 86_400_000
"""How long decisions, offers and counters are kept: no less than a budget's window. The lake has
decisions for good."""

MAX_TRIES = 8
"""Times in a row that a change of an offer may lose against others of its player or its day."""

_BATCH_KEYS = 100
"""Keys that one BatchGetItem takes."""

_PASSING = frozenset({"TransactionConflict"})
_FAILED = "ConditionalCheckFailed"
_encoder = msgspec.json.Encoder()
_decided = msgspec.json.Decoder(Decided)
_issued = msgspec.json.Decoder(IssuedOffer)
_budget = msgspec.json.Decoder(PlayerBudget)
_compressor = zstandard.ZstdCompressor(level=9)
_decompressor = zstandard.ZstdDecompressor()

type _Item = dict[str, Any]
type _Key = tuple[str, str]


class Recorded(StrEnum):
    """What became of a decision that was to be recorded."""

    STORED = "stored"
    KNOWN = "known"
    """The change was decided already; that decision and its offer stand."""
    MOVED = "moved"
    """A budget moved on meanwhile: read again and decide again."""
    GONE = "gone"
    """The player's standing or the machine changed: decide again, the gate will say why not."""


class Outcome(StrEnum):
    """What became of a step of an offer's life."""

    DONE = "done"
    MOVED = "moved"
    """It is not, or no longer, in a status that this may follow."""
    GUARD_FAILED = "guard_failed"
    """The player's standing or the machine is no longer what the gate saw."""
    REPEATED = "repeated"
    """The request was carried out before."""
    REUSED = "reused"
    """The request's key was used for another."""


class Advanced(NamedTuple):
    """What became of it, and the offer as it is now."""

    outcome: Outcome
    offer: IssuedOffer


class Guard(NamedTuple):
    """What the gate saw: the step is taken only where that still is so."""

    standing_version: int
    asset: Asset | None
    """A machine that must not be locked up."""
    is_seated: bool = True
    """Whether the player must be seated there, too."""


class Request(NamedTuple):
    """A request that is to be carried out once."""

    principal: str
    key: str
    """Its Idempotency-Key."""
    asked: str
    """A hash of what was asked for."""
    expires_at: int
    """Epoch milliseconds: until when the key is remembered."""


class AppliedCatalogue(NamedTuple):
    """A version of a catalogue."""

    version: str
    applied_at: int
    """Epoch milliseconds, of the last time."""
    applied_by: str
    is_current: bool


class ContendedOfferError(TransientError):
    """Other changes of the same player's or day's budgets kept coming."""

    def __init__(self, offer_id: str) -> None:
        super().__init__(f"offer {offer_id} is changed elsewhere: try again")


class DynamoOffers:
    """The offers of all properties of a stack. Reads are strongly consistent but for the lists'.

    All but the two lists may raise ClientError and BotoCoreError where DynamoDB cannot be reached.
    """

    def __init__(
        self,
        offers_table: str,
        standings_table: str,
        ratings_table: str,
        region: str,
        pause: Callable[[int], None] = pause,
    ) -> None:
        """
        Args:
            offers_table: its name.
            standings_table: where players' standings are that guards name.
            ratings_table: where machines' heads are that guards name.
            region: where the tables are.
            pause: waits before the n-th try after a conflict.
        """
        self._table = offers_table
        self._standings = standings_table
        self._ratings = ratings_table
        self._region = region
        self._pause = pause

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        config = Config(
            parameter_validation=False,
            connect_timeout=2,
            read_timeout=3,
            retries={"total_max_attempts": 4},
        )
        return botocore.session.get_session().create_client(
            "dynamodb", region_name=self._region, config=config
        )

    # The catalogue.

    def catalogue(self, property_id: str) -> Catalogue | None:
        """The current catalogue."""
        item = self._get((f"{property_id}/catalogue", "current"))
        return None if item is None else _catalogue(item)

    def catalogue_version(self, property_id: str, version: str) -> Catalogue | None:
        """A catalogue that was applied at some time."""
        item = self._get((f"{property_id}/catalogue", f"version/{version}"))
        return None if item is None else _catalogue(item)

    def catalogues(self, property_id: str) -> list[AppliedCatalogue]:
        """Every version that was applied, the last first."""
        partition = f"{property_id}/catalogue"
        current = self._get((partition, "current"))
        name = None if current is None else current["version"]["S"]
        found = [
            AppliedCatalogue(
                item["version"]["S"],
                int(item["applied_at"]["N"]),
                item["applied_by"]["S"],
                item["version"]["S"] == name,
            )
            for item in self._query(partition, "version/")
        ]
        return sorted(found, key=lambda one: -one.applied_at)

    def apply_catalogue(self, catalogue: Catalogue, at: int, by: str, replaces: str | None) -> bool:
        """Make a catalogue the current one.

        Args:
            catalogue: what `parse` said is one.
            at: epoch milliseconds.
            by: who applies it.
            replaces: the version that is current now; None for none.

        Returns:
            False where the current one is no longer `replaces`.
        """
        partition, version = f"{catalogue.property_id}/catalogue", catalogue.version
        attributes = {
            "version": {"S": version},
            "applied_at": {"N": str(at)},
            "applied_by": {"S": by},
            "body": {"B": _compressor.compress(catalogues.encode(catalogue))},
        }
        current = self._put((partition, "current"), attributes)
        if replaces is None:
            current["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            current["ConditionExpression"] = "version = :replaces"
            current["ExpressionAttributeValues"] = {":replaces": {"S": replaces}}
        put = self._put((partition, f"version/{version}"), attributes)
        failed = self._transact([{"Put": current}, {"Put": put}], uuid4().hex)
        if failed is None:
            return True
        # Another's, or this very one whose answer was lost.
        item = self._get((partition, "current"))
        return item is not None and item["version"]["S"] == version

    # What a decision needs.

    def decision(self, property_id: str, player_id: str, decision_id: str) -> Decided | None:
        """A decision, if it was made."""
        item = self._get((_player(property_id, player_id), f"decision/{decision_id}"))
        return None if item is None else _decided.decode(item["body"]["S"])

    def offers(self, property_id: str, player_id: str, newest: int = 100) -> list[IssuedOffer]:
        """A player's offers, the newest first."""
        found = self._query(
            _player(property_id, player_id),
            "offer/",
            ScanIndexForward=False,
            Limit=newest,
        )
        return [_offer(item) for item, _ in zip(found, range(newest), strict=False)]

    def offer(self, property_id: str, player_id: str, offer_id: str) -> IssuedOffer | None:
        """One of a player's offers."""
        item = self._get(_offer_key(property_id, player_id, offer_id))
        return None if item is None else _offer(item)

    def offer_at(self, asset: Asset) -> IssuedOffer | None:
        """The last offer made at a machine, unless it is over or its player has left.

        Who is shown it has to pass the gate first.
        """
        pointer = self._get(_pointer_key(asset))
        if pointer is None:
            return None
        return self.offer(asset.property_id, pointer["player"]["S"], pointer["offer_id"]["S"])

    def budgets(
        self, property_id: str, player_id: str, gaming_day: str, codes: Iterable[str]
    ) -> Budgets:
        """A player's record, and the counters of the property and of these offers on a day.

        Whoever looks at the player's offers as well has to read this before: what is made after it
        was read moves the record on, and `record` will say so.
        """
        player = _budget_key(property_id, player_id)
        of_property = _counter_key(property_id, gaming_day)
        of_offers = {_counter_key(property_id, gaming_day, code): code for code in codes}
        found = self._batch_get([player, of_property, *of_offers])
        return Budgets(
            player=_player_budget(found.get(player)),
            of_property=_counter(found[of_property]) if of_property in found else Counter(),
            of_offers={
                code: _counter(found[key]) for key, code in of_offers.items() if key in found
            },
        )

    def record(
        self,
        decided: Decided,
        offer: IssuedOffer | None,
        catalogue: Catalogue,
        budgets: Budgets,
        facts: Facts,
    ) -> Recorded:
        """Keep a decision and its offer, and reserve what it costs, or do nothing.

        Args:
            decided: the decision.
            offer: what follows from it, if anything.
            catalogue: whose caps hold.
            budgets: what was read before it was decided.
            facts: what the gate looked at. Standing and machine must still be so.

        Raises:
            ClientError, BotoCoreError: the outcome is unknown. Reading the decision tells.
        """
        key = _player(decided.property_id, decided.player_id), f"decision/{decided.decision_id}"
        listed = f"{decided.property_id}/decisions/{decided.gaming_day}"
        put = self._put(
            key,
            {
                "body": _body(decided),
                "list": {"S": listed},
                "place": {"S": decided.decision_id},
                "expires": _seconds(decided.decided_at + KEPT_MS),
            },
        )
        token = uuid4().hex
        put["Item"]["made_by"] = {"S": token}
        actions = [{"Put": put | _NEW}]
        if offer is not None:
            actions += self._reserving(offer, catalogue, budgets, facts)
        try:
            reasons = self._transact(actions, token)
        except (ClientError, BotoCoreError):
            if self._mark(key, "made_by") == token:
                return Recorded.STORED
            raise
        if reasons is None:
            return Recorded.STORED
        if reasons[0] == _FAILED:  # also where botocore sent it again after a lost answer
            is_mine = self._mark(key, "made_by") == token
            return Recorded.STORED if is_mine else Recorded.KNOWN
        if _FAILED in reasons[_RESERVING:]:
            return Recorded.GONE
        return Recorded.MOVED

    def _reserving(
        self, offer: IssuedOffer, catalogue: Catalogue, budgets: Budgets, facts: Facts
    ) -> list[_Item]:
        """What is written with an offer; of the guards' places `_RESERVING` knows."""
        property_id, cost = offer.property_id, offer.cost_cents
        assert facts.standing is not None, "the gate lets nobody pass of whom nothing is known"
        offered = catalogue.offer(offer.code)
        assert offered is not None, "an offer is one of its catalogue's"
        asset = Asset(property_id, offer.asset_id)
        pointer = {
            "player": {"S": offer.player_id},
            "offer_id": {"S": offer.offer_id},
            "expires": _seconds(offer.decided_at + KEPT_MS),
        }
        budget = budgets.player.with_offer(
            offer.gaming_day, offer.code, cost, offer.decided_at, BUDGET_DAYS
        )
        return [
            {"Put": self._offer(offer) | _NEW},
            {"Put": self._put(_pointer_key(asset), pointer)},
            {"Put": self._player_budget(property_id, offer.player_id, budget)},
            self._spend(offer, None, catalogue.house.daily_budget_cents, None),
            self._spend(offer, offer.code, offered.daily_budget_cents, offered.per_day),
            *self._guards(offer, Guard(facts.standing.version, asset)),
        ]

    def leave_machine(self, asset: Asset, player_id: str, session_started_at: int) -> None:
        """A player's session at a machine has ended: what it shows is no longer for them.

        Args:
            asset: the machine.
            player_id: who left it.
            session_started_at: epoch milliseconds, of the session that ended. An offer of a later
                session stays: messages of changes come in any order.
        """
        try:
            self._client.delete_item(
                **self._of(_pointer_key(asset)),
                ConditionExpression="player = :player AND offer_id < :after",
                ExpressionAttributeValues={
                    ":player": {"S": player_id},
                    ":after": {"S": f"{session_started_at + 1:013d}"},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    # What becomes of an offer.

    def advance(
        self,
        offer: IssuedOffer,
        to: Status,
        at: int,
        by: str,
        *,
        request: Request | None = None,
        guard: Guard | None = None,
        expires_at: int | None = None,
        note: str = "",
    ) -> Advanced:
        """Take an offer on from the status in which it was read, or do nothing.

        What it comes to that gives back gives back to player, offer and property in the same
        transaction; what is over is no machine's offer any more.

        Args:
            offer: as it was read.
            to: the status it comes to.
            at: epoch milliseconds.
            by: the principal, or the function where nobody asked for it.
            request: the request that asks for it, if one does.
            guard: what the gate saw, where the step has to pass it.
            expires_at: where that changes.
            note: why, kept with the step.

        Raises:
            ContendedOfferError: others kept winning; nothing is done.
            ClientError, BotoCoreError: the outcome is unknown. The same again tells: it is done
                once, and with a request the answer is `REPEATED`.
        """
        if not offer.may_become(to):
            return self._not_done(offer, request, at, "")
        following = msgspec.structs.replace(
            offer,
            status=to,
            steps=(*offer.steps, Step(to, at, by, note)),
            expires_at=offer.expires_at if expires_at is None else expires_at,
            task_token=None,
        )
        token = uuid4().hex
        for attempt in range(MAX_TRIES):
            actions, guards = self._step(offer, following, request, guard, at, token)
            try:
                reasons = self._transact(actions, token)
            except (ClientError, BotoCoreError):
                key = _offer_key(offer.property_id, offer.player_id, offer.offer_id)
                if self._mark(key, "moved_by") == token:
                    return Advanced(Outcome.DONE, following)
                raise
            if reasons is None:
                return Advanced(Outcome.DONE, following)
            if request is not None and reasons[1] == _FAILED:
                return self._not_done(offer, request, at, token)
            if reasons[0] == _FAILED:
                return self._not_done(offer, request, at, token)
            if _FAILED in reasons[guards]:
                return Advanced(Outcome.GUARD_FAILED, offer)
            token = uuid4().hex  # what is asked for next is not the same any more
            self._pause(attempt)
        raise ContendedOfferError(offer.offer_id)

    def confirm(self, offer: IssuedOffer, guard: Guard) -> Advanced:
        """Make sure, at one instant, that an offer's status is what was read, and what was seen.

        Args:
            offer: as it was read.
            guard: what the gate saw.

        Raises:
            ContendedOfferError: others kept changing it.
            ClientError, BotoCoreError: it could not be asked.
        """
        key = _offer_key(offer.property_id, offer.player_id, offer.offer_id)
        check = self._of(key) | _status_is(offer.status)
        actions = [{"ConditionCheck": check}, *self._guards(offer, guard)]
        for attempt in range(MAX_TRIES):
            reasons = self._transact(actions, uuid4().hex)
            if reasons is None:
                return Advanced(Outcome.DONE, offer)
            if reasons[0] == _FAILED:
                return self._not_done(offer, None, 0, "")
            if _FAILED in reasons:
                return Advanced(Outcome.GUARD_FAILED, offer)
            self._pause(attempt)
        raise ContendedOfferError(offer.offer_id)

    def _step(
        self,
        offer: IssuedOffer,
        following: IssuedOffer,
        request: Request | None,
        guard: Guard | None,
        at: int,
        token: str,
    ) -> tuple[list[_Item], slice]:
        """The transaction of a step, and which of its parts are guards.

        The offer is the first, the request, where there is one, the second.
        """
        put = self._offer(following, token)
        actions: list[_Item] = [{"Put": put | _status_is(offer.status)}]
        if request is not None:
            actions.append({"Put": self._request(offer, request, at)})
        guards = [] if guard is None else self._guards(offer, guard)
        span = slice(len(actions), len(actions) + len(guards))
        actions += guards
        if following.status not in OPEN:
            actions += self._ending(following)
        return actions, span

    def _ending(self, offer: IssuedOffer) -> list[_Item]:
        """What is let go of with an offer that is over."""
        player = _budget_key(offer.property_id, offer.player_id)
        pointer = _pointer_key(Asset(offer.property_id, offer.asset_id))
        found = self._batch_get([player, pointer])
        actions: list[_Item] = []
        if pointer in found and found[pointer]["offer_id"]["S"] == offer.offer_id:
            actions.append(
                {
                    "Delete": self._of(pointer)
                    | {
                        "ConditionExpression": "offer_id = :offer",
                        "ExpressionAttributeValues": {":offer": {"S": offer.offer_id}},
                    }
                }
            )
        if offer.status in GIVES_BACK:
            budget = _player_budget(found.get(player)).without(offer.gaming_day, offer.cost_cents)
            put = self._player_budget(offer.property_id, offer.player_id, budget)
            actions += [{"Put": put}, self._give_back(offer, None)]
            actions.append(self._give_back(offer, offer.code))
        return actions

    def _not_done(
        self, offer: IssuedOffer, request: Request | None, at: int, token: str
    ) -> Advanced:
        """Why a step was not taken, or that it was, and the answer was lost."""
        item = self._get(_offer_key(offer.property_id, offer.player_id, offer.offer_id))
        now = offer if item is None else _offer(item)
        if item is not None and token and item.get("moved_by", {}).get("S") == token:
            return Advanced(Outcome.DONE, now)
        if request is not None:
            known = self._get(_request_key(offer, request))
            if known is not None and int(known["expires"]["N"]) * 1000 > at:
                is_same = known["asked"]["S"] == request.asked
                return Advanced(Outcome.REPEATED if is_same else Outcome.REUSED, now)
        return Advanced(Outcome.MOVED, now)

    # Lists, which are read a little late.

    def expiring(self, before_ms: int, limit: int) -> list[IssuedOffer]:
        """Open offers that expire before a moment (epoch ms), the earliest first."""
        found = self._list("open", before=f"{before_ms:013d}", Limit=limit)
        return [_offer(item) for item, _ in zip(found, range(limit), strict=False)]

    def decisions(
        self, property_id: str, gaming_day: str
    ) -> Iterator[tuple[Decided, IssuedOffer | None]]:
        """A gaming day's decisions with what became of their offers, by their ids."""
        listed = self._list(f"{property_id}/decisions/{gaming_day}")
        for some in batched(listed, _BATCH_KEYS, strict=False):
            decisions = [_decided.decode(item["body"]["S"]) for item in some]
            keys = [
                _offer_key(property_id, decided.player_id, decided.decision_id)
                for decided in decisions
                if decided.chosen != catalogues.NO_OFFER
            ]
            found = self._batch_get(keys)
            for decided in decisions:
                item = found.get(_offer_key(property_id, decided.player_id, decided.decision_id))
                yield decided, None if item is None else _offer(item)

    # Parts of transactions.

    def _offer(self, offer: IssuedOffer, moved_by: str | None = None) -> _Item:
        key = _offer_key(offer.property_id, offer.player_id, offer.offer_id)
        attributes = {
            "body": _body(offer),
            "status": {"S": str(offer.status)},
            "expires": _seconds(offer.decided_at + KEPT_MS),
        }
        if moved_by is not None:
            attributes["moved_by"] = {"S": moved_by}
        if offer.status in OPEN:
            place = f"{offer.expires_at:013d}/{offer.offer_id}"
            attributes |= {"list": {"S": "open"}, "place": {"S": place}}
        return self._put(key, attributes)

    def _player_budget(self, property_id: str, player_id: str, budget: PlayerBudget) -> _Item:
        """A player's record, which replaces the one before it and no other."""
        attributes = {"version": {"N": str(budget.version)}, "body": _body(budget)}
        put = self._put(_budget_key(property_id, player_id), attributes)
        if budget.version == 1:
            return put | _NEW
        before = {":before": {"N": str(budget.version - 1)}}
        return put | {
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": before,
        }

    def _spend(
        self, offer: IssuedOffer, code: str | None, cap_cents: int | None, cap_times: int | None
    ) -> _Item:
        """Move a counter on by an offer, within its caps."""
        conditions, values = [], {}
        if cap_cents is not None:
            conditions.append("(attribute_not_exists(reserved) OR reserved <= :most)")
            values[":most"] = {"N": str(cap_cents - offer.cost_cents)}
        if cap_times is not None:
            conditions.append("(attribute_not_exists(made) OR made < :times)")
            values[":times"] = {"N": str(cap_times)}
        update = self._of(_counter_key(offer.property_id, offer.gaming_day, code)) | {
            "UpdateExpression": "SET expires = :expires ADD reserved :cost, made :one",
            "ExpressionAttributeValues": {
                ":expires": _seconds(offer.decided_at + KEPT_MS),
                ":cost": {"N": str(offer.cost_cents)},
                ":one": {"N": "1"},
                **values,
            },
        }
        if conditions:
            update["ConditionExpression"] = " AND ".join(conditions)
        return {"Update": update}

    def _give_back(self, offer: IssuedOffer, code: str | None) -> _Item:
        update = self._of(_counter_key(offer.property_id, offer.gaming_day, code)) | {
            "UpdateExpression": "ADD reserved :less",
            "ExpressionAttributeValues": {":less": {"N": str(-offer.cost_cents)}},
        }
        return {"Update": update}

    def _guards(self, offer: IssuedOffer, guard: Guard) -> list[_Item]:
        """That standing and machine still are what the gate saw."""
        standing = _key((_player(offer.property_id, offer.player_id), "standing"))
        checks: list[_Item] = [
            {
                "TableName": self._standings,
                "Key": standing,
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(guard.standing_version)}},
            }
        ]
        if guard.asset is not None:
            head: _Item = {
                "TableName": self._ratings,
                "Key": _key(head_key(guard.asset)),
                "ConditionExpression": _IS_UNLOCKED,
            }
            if guard.is_seated:
                head["ConditionExpression"] += " AND seated = :player"
                head["ExpressionAttributeValues"] = {":player": {"S": offer.player_id}}
            checks.append(head)
        return [{"ConditionCheck": check} for check in checks]

    def _request(self, offer: IssuedOffer, request: Request, at: int) -> _Item:
        attributes = {
            "asked": {"S": request.asked},
            "offer_id": {"S": offer.offer_id},
            "expires": _seconds(request.expires_at),
        }
        # What is past its time may still be there: DynamoDB deletes it within days.
        return self._put(_request_key(offer, request), attributes) | {
            "ConditionExpression": "attribute_not_exists(pk) OR expires <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(at // 1000)}},
        }

    # DynamoDB.

    def _put(self, key: _Key, attributes: Mapping[str, Any]) -> _Item:
        return {"TableName": self._table, "Item": _key(key) | dict(attributes)}

    def _of(self, key: _Key) -> _Item:
        return {"TableName": self._table, "Key": _key(key)}

    def _transact(self, actions: list[_Item], token: str) -> list[str] | None:
        """Write all of it: None, or for each part the code of why nothing was written.

        The token spares a request that is sent again by botocore a needless failure. Nothing relies
        on it: DynamoDB forgets it after ten minutes.

        Raises:
            ClientError: for any reason but a condition that failed, and another transaction.
        """
        try:
            self._client.transact_write_items(TransactItems=actions, ClientRequestToken=token)
        except self._client.exceptions.TransactionCanceledException as fault:
            codes = [reason["Code"] for reason in fault.response["CancellationReasons"]]
            if set(codes) - _PASSING - {_FAILED, "None"}:
                raise
            return codes
        return None

    def _get(self, key: _Key) -> _Item | None:
        found: _Item | None = self._client.get_item(**self._of(key), ConsistentRead=True).get(
            "Item"
        )
        return found

    def _mark(self, key: _Key, name: str) -> str | None:
        """Which transaction wrote an item."""
        found: str | None = (self._get(key) or {}).get(name, {}).get("S")
        return found

    def _batch_get(self, keys: Iterable[_Key]) -> dict[_Key, _Item]:
        items = read_batches(self._client, self._table, keys, self._pause)
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}

    def _query(self, partition: str, begins: str, **more: object) -> Iterator[_Item]:
        return items_of(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :begins)",
            ExpressionAttributeValues={":pk": {"S": partition}, ":begins": {"S": begins}},
            ConsistentRead=True,
            **more,
        )

    def _list(self, name: str, before: str | None = None, **more: object) -> Iterator[_Item]:
        condition, values = "#list = :list", {":list": {"S": name}}
        if before is not None:
            condition += " AND place < :before"
            values[":before"] = {"S": before}
        return items_of(
            self._client,
            TableName=self._table,
            IndexName=INDEX,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#list": "list"},
            ExpressionAttributeValues=values,
            **more,
        )


_NEW = {"ConditionExpression": "attribute_not_exists(pk)"}

_IS_UNLOCKED = "attribute_exists(pk) AND attribute_not_exists(locked_since)"

_RESERVING = 6
"""Parts of a recording transaction before its guards: decision, offer, pointer, three budgets."""


def _status_is(status: Status) -> _Item:
    return {
        "ConditionExpression": "#status = :status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": {"S": str(status)}},
    }


def _player(property_id: str, player_id: str) -> str:
    return f"{property_id}/player/{player_id}"


def _budget_key(property_id: str, player_id: str) -> _Key:
    return _player(property_id, player_id), "budget"


def _offer_key(property_id: str, player_id: str, offer_id: str) -> _Key:
    return _player(property_id, player_id), f"offer/{offer_id}"


def _pointer_key(asset: Asset) -> _Key:
    return f"{asset.property_id}/machine/{asset.asset_id}", "offer"


def _counter_key(property_id: str, gaming_day: str, code: str | None = None) -> _Key:
    return f"{property_id}/budget/{gaming_day}", "property" if code is None else f"offer/{code}"


def _request_key(offer: IssuedOffer, request: Request) -> _Key:
    player = _player(offer.property_id, offer.player_id)
    return player, f"request/{request.principal}/{request.key}"


def _key(key: _Key) -> _Item:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _body(value: object) -> dict[str, str]:
    return {"S": _encoder.encode(value).decode()}


def _seconds(epoch_ms: int) -> dict[str, str]:
    return {"N": str(epoch_ms // 1000)}


def _catalogue(item: _Item) -> Catalogue:
    return catalogues.decode(_decompressor.decompress(item["body"]["B"]))


def _offer(item: _Item) -> IssuedOffer:
    """An offer; the token of who waits for its approval is kept beside it by that state machine."""
    offer = _issued.decode(item["body"]["S"])
    token = item.get("task_token")
    return offer if token is None else msgspec.structs.replace(offer, task_token=token["S"])


def _player_budget(item: _Item | None) -> PlayerBudget:
    return PlayerBudget() if item is None else _budget.decode(item["body"]["S"])


def _counter(item: _Item) -> Counter:
    return Counter(int(item["reserved"]["N"]), int(item["made"]["N"]))

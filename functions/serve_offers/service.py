"""The use case: what a game or an app is shown of offers, and what becomes of their answers."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Annotated, NamedTuple, Protocol

import msgspec
from msgspec import Meta, Struct

from pitboss.errors import TerminalError, TransientError
from pitboss.offers.approval import Answer, Verdict
from pitboss.offers.catalogue import Catalogue, Kind
from pitboss.offers.gate import Facts, Refusal, refusals
from pitboss.offers.issued import OPEN, IssuedOffer, Status
from pitboss.stores.offers import Advanced, Guard, Outcome, Request
from pitboss.stores.ratings import Asset
from serve_offers.documents import (
    AnsweredOffer,
    MachineOffer,
    OfferDocument,
    PendingOffers,
    PlayerOffers,
)

STAGE = "serve_offers"

MAX_TRIES = 4
"""Times that an offer, a standing or a machine may change while one request is carried out."""

REMEMBERED_MS = 86_400_000
"""How long an `Idempotency-Key` is remembered: a day."""

MAX_REASON_CHARACTERS = 500

MAX_PENDING = 1_000
"""Open offers that are looked through for those that await approval."""

SHOWN = frozenset({Status.DECIDED, Status.DELIVERED, Status.ACCEPTED})
"""Statuses of offers that a player may be shown."""

AT_MACHINE = frozenset({Kind.FREE_PLAY, Kind.MULTIPLIER})
"""What is redeemed by playing on: while the player is seated, and the machine not locked up."""

PASSING = frozenset({Refusal.LISTS_UNREADABLE, Refusal.LIST_STALE, Refusal.HANDPAY_LOCK})
"""Refusals that say nothing of the player and end by themselves: an offer outlives them."""


class Verb(StrEnum):
    """What a player, or an app for them, does with an offer; and a host, who withholds it."""

    ACCEPT = "accept"
    DECLINE = "decline"
    REDEEM = "redeem"
    WITHHOLD = "withhold"

    @property
    def status(self) -> Status:
        """What the offer comes to by it."""
        return _COMES_TO[self]


_COMES_TO: Mapping[Verb, Status] = {
    Verb.ACCEPT: Status.ACCEPTED,
    Verb.DECLINE: Status.DECLINED,
    Verb.REDEEM: Status.REDEEMED,
    Verb.WITHHOLD: Status.WITHDRAWN,
}

_SETTLES: Mapping[Verdict, Status] = {
    Verdict.APPROVED: Status.DECIDED,
    Verdict.REFUSED: Status.REFUSED,
}


class Offers(Protocol):
    """Where offers are; see `pitboss.stores.offers.DynamoOffers`."""

    def catalogue(self, property_id: str) -> Catalogue | None: ...
    def offer_at(self, asset: Asset) -> IssuedOffer | None: ...
    def offers(self, property_id: str, player_id: str) -> list[IssuedOffer]: ...
    def offer(self, property_id: str, player_id: str, offer_id: str) -> IssuedOffer | None: ...
    def expiring(self, before_ms: int, limit: int) -> list[IssuedOffer]: ...
    def confirm(self, offer: IssuedOffer, guard: Guard) -> Advanced: ...
    def advance(
        self,
        offer: IssuedOffer,
        to: Status,
        at: int,
        by: str,
        *,
        request: Request | None = None,
        guard: Guard | None = None,
        note: str = "",
    ) -> Advanced: ...


type ReadFacts = Callable[[str, str, str], Facts]
"""What the gate looks at, of property, player and machine; nothing where it cannot be read."""

type Reaches = Callable[[IssuedOffer], bool]
"""Whether the caller may know of an offer."""


class Approvals(Protocol):
    """The state machine that waits; see `pitboss.stores.approvals.StepFunctionsApprovals`."""

    def answer(self, token: str, answer: Answer) -> bool: ...


class UnknownOffer(TerminalError):
    """There is none by that id, or the player was never shown it, or it is not the caller's."""

    def __init__(self) -> None:
        super().__init__("there is no offer here by that id")


class RefusedAnswer(TerminalError):
    """The offer's state does not allow it."""

    def __init__(self, detail: str, status: Status, *, withdraws: bool = False) -> None:
        self.status = status
        self.withdraws = withdraws
        """Whether the offer was withdrawn because of this answer."""
        super().__init__(detail)


class ReusedKey(TerminalError):
    """The `Idempotency-Key` was used for something else."""

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key was used for another request of this player's offers: "
            "use a new key for a new request"
        )


class OfferInMotion(TransientError):
    """The offer, the standing or the machine changed each time."""

    def __init__(self, offer_id: str) -> None:
        super().__init__(f"offer {offer_id} is changed elsewhere: send the same again")


class WrongReason(TerminalError):
    """An offer that is withheld without saying why."""


class Withheld(Struct, frozen=True, forbid_unknown_fields=True):
    """Why an offer is withheld."""

    reason: Annotated[str, Meta(min_length=1, max_length=MAX_REASON_CHARACTERS)]


def read_reason(body: bytes) -> str:
    """Why, as a request says it.

    Raises:
        WrongReason: it does not.
    """
    try:
        reason = msgspec.json.decode(body, type=Withheld).reason.strip()
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise WrongReason(
            f'who withholds an offer says why, {{"reason": "..."}}: {fault}'
        ) from None
    if not reason:
        raise WrongReason('who withholds an offer says why, {"reason": "..."}: it is blank')
    return reason


class Shown(NamedTuple):
    """What came of a wish to show an offer."""

    offer: IssuedOffer | None
    """As it may be shown; None where it may not."""
    is_delivered: bool
    """Whether it was not shown before."""
    withheld: tuple[Refusal, ...]
    """Why the gate withheld it."""


NOTHING = Shown(None, False, ())


class Taken(NamedTuple):
    """An answer that was taken."""

    document: AnsweredOffer
    is_repeated: bool


class ServeOffers:
    """Shows offers and takes answers."""

    def __init__(
        self, offers: Offers, facts: ReadFacts, approvals: Approvals, now: Callable[[], int]
    ) -> None:
        """
        Args:
            offers: where offers are.
            facts: reads what the gate looks at.
            approvals: what waits for approvals.
            now: the moment, in epoch milliseconds.
        """
        self._offers = offers
        self._facts = facts
        self._approvals = approvals
        self._now = now

    # What is shown.

    def at_machine(self, asset: Asset, by: str, *, delivers: bool = True) -> Shown:
        """What who is seated at a machine may be shown there.

        Args:
            asset: the machine.
            by: the principal that shows it.
            delivers: whether the player is shown it by that; a host who looks shows them nothing.
        """
        offer = self._offers.offer_at(asset)
        if offer is None:
            return NOTHING
        return self._show(offer, by, seated_only=True, delivers=delivers)

    def of_player(
        self, property_id: str, player_id: str, by: str, *, delivers: bool = True
    ) -> tuple[list[Shown], list[IssuedOffer]]:
        """A player's offers: what came of showing those that are open, and those that are over."""
        found = self._offers.offers(property_id, player_id)
        shown = [
            self._show(offer, by, seated_only=False, delivers=delivers)
            for offer in found
            if offer.status in SHOWN
        ]
        return shown, [offer for offer in found if offer.status not in OPEN]

    def _show(
        self, offer: IssuedOffer, by: str, *, seated_only: bool, delivers: bool = True
    ) -> Shown:
        """Let an offer through, in one transaction with what the gate saw.

        An offer that was shown before is none the less confirmed in one: its status, the player's
        standing and the machine are then what they were seen to be at one and the same instant.
        """
        asset = Asset(offer.property_id, offer.asset_id)
        for _ in range(MAX_TRIES):
            now = self._now()
            if offer.status not in SHOWN or offer.is_over(now):
                return NOTHING
            facts, refused = self._gate(offer, now, at_machine=True)
            if refused:
                return Shown(None, False, refused)
            assert facts.standing is not None  # it passed
            assert facts.machine is not None
            if seated_only and facts.machine.seated != offer.player_id:
                return NOTHING
            guard = Guard(facts.standing.version, asset, seated_only)
            is_new = delivers and offer.status is Status.DECIDED
            if is_new:
                done = self._offers.advance(offer, Status.DELIVERED, now, by, guard=guard)
            else:
                done = self._offers.confirm(offer, guard)
            if done.outcome is Outcome.DONE:
                return Shown(done.offer, is_new, ())
            offer = done.offer
        return NOTHING  # it keeps changing: whoever asks again is told then

    def _gate(
        self, offer: IssuedOffer, now: int, *, at_machine: bool
    ) -> tuple[Facts, tuple[Refusal, ...]]:
        facts = self._facts(offer.property_id, offer.player_id, offer.asset_id)
        catalogue = self._offers.catalogue(offer.property_id)
        if catalogue is None:  # rules that are not there let nobody pass
            return facts, (Refusal.LISTS_UNREADABLE,)
        return facts, refusals(facts, catalogue.house, now, at_machine=at_machine)

    # What is answered.

    def answer(
        self, offer_id: str, verb: Verb, asked: "Asked", reaches: Reaches, note: str = ""
    ) -> Taken:
        """Take an answer, once. What is withheld need not have been shown; why stays with it.

        Raises:
            UnknownOffer: there is none that the player was shown and the caller may know of.
            RefusedAnswer: the offer's state does not allow it, or the gate.
            ReusedKey: the key is another request's.
            OfferInMotion: send the same again.
        """
        for _ in range(MAX_TRIES):
            offer = self._offers.offer(asked.property_id, asked.player_id, offer_id)
            if offer is None or not reaches(offer):
                raise UnknownOffer
            is_withheld = verb is Verb.WITHHOLD
            if asked.is_told and offer.status is Status.DECIDED and not is_withheld:
                shown = self._show(offer, asked.principal_id, seated_only=False)
                offer = shown.offer or offer
            if _at(offer, Status.DELIVERED) is None and not is_withheld:
                raise UnknownOffer
            now = self._now()
            guard = None
            if offer.may_become(verb.status):
                if offer.is_over(now):
                    raise RefusedAnswer("the offer has expired", Status.EXPIRED)
                if verb is Verb.REDEEM:
                    guard = self._redeemable(offer, now)
            request = Request(asked.principal_id, asked.key, asked.digest, now + REMEMBERED_MS)
            done = self._offers.advance(
                offer, verb.status, now, asked.principal_id, request=request, guard=guard, note=note
            )
            match done.outcome:
                case Outcome.DONE | Outcome.REPEATED:
                    return Taken(_answered(done.offer, verb), done.outcome is Outcome.REPEATED)
                case Outcome.REUSED:
                    raise ReusedKey
                case Outcome.MOVED if not done.offer.may_become(verb.status):
                    raise _refused(done.offer, verb)
        raise OfferInMotion(offer_id)

    def _redeemable(self, offer: IssuedOffer, now: int) -> Guard:
        """What has to stay so for an offer to be redeemed. One that must not be is withdrawn."""
        at_machine = offer.kind in AT_MACHINE
        facts, refused = self._gate(offer, now, at_machine=at_machine)
        if refused and PASSING.issuperset(refused):
            raise RefusedAnswer("the offer cannot be redeemed now: try later", offer.status)
        if refused:
            done = self._offers.advance(offer, Status.WITHDRAWN, now, STAGE)
            is_mine = done.outcome is Outcome.DONE
            raise _refused(done.offer, Verb.REDEEM, withdraws=is_mine)
        assert facts.standing is not None  # it passed
        if not at_machine:
            return Guard(facts.standing.version, None)
        assert facts.machine is not None  # it passed
        if facts.machine.seated != offer.player_id:
            raise RefusedAnswer(
                f"the offer is redeemed at machine {offer.asset_id}, with the player's card in it",
                offer.status,
            )
        return Guard(facts.standing.version, Asset(offer.property_id, offer.asset_id))

    # What is approved.

    def pending(self, property_id: str) -> list[IssuedOffer]:
        """A property's offers that await approval, those that expire first, first."""
        catalogue = self._offers.catalogue(property_id)
        if catalogue is None:
            return []
        now = self._now()
        # They expire within the time that is left for approval, which is short: no need to look
        # through the offers that are open for weeks.
        until = now + catalogue.house.approval_minutes * 60_000 + 1
        return [
            offer
            for offer in self._offers.expiring(until, MAX_PENDING)
            if offer.property_id == property_id
            and offer.status is Status.AWAITING_APPROVAL
            and not offer.is_over(now)
        ]

    def settle(
        self, property_id: str, player_id: str, offer_id: str, answer: Answer, reaches: Reaches
    ) -> tuple[IssuedOffer, bool]:
        """Hand what a person says to what waits for it.

        Returns:
            The offer, and whether it had been settled so before: then nothing is done.

        Raises:
            UnknownOffer: there is none that the caller may know of.
            RefusedAnswer: it does not wait for that, or no longer.
        """
        offer = self._offers.offer(property_id, player_id, offer_id)
        if offer is None or not reaches(offer):
            raise UnknownOffer
        if offer.status is Status.AWAITING_APPROVAL and not offer.is_over(self._now()):
            if offer.task_token is None:
                raise RefusedAnswer(
                    "the offer was made this moment and nobody is asked yet: send the same again "
                    "in a second",
                    offer.status,
                )
            if self._approvals.answer(offer.task_token, answer):
                return offer, False
            offer = self._offers.offer(property_id, player_id, offer_id) or offer
        if _is_settled(offer, answer.verdict):
            return offer, True
        raise RefusedAnswer(_too_late(offer, self._now()), offer.status)


class Asked(NamedTuple):
    """Who asks for what, once."""

    property_id: str
    player_id: str
    principal_id: str
    key: str
    """The `Idempotency-Key`."""
    digest: str
    """A hash of all that was asked for."""
    is_told: bool = False
    """Whether whoever asks has told the player of the offer, as a host has: it is delivered so."""


def machine_offer(shown: Shown) -> MachineOffer:
    """What a machine's screen is told: nothing of what was withheld, or why."""
    return MachineOffer(None if shown.offer is None else OfferDocument.for_player(shown.offer))


def player_offers(
    property_id: str,
    player_id: str,
    shown: Iterable[Shown],
    past: Iterable[IssuedOffer],
    *,
    is_host: bool,
) -> PlayerOffers:
    """What an app is told, and what a host is."""
    say = OfferDocument.for_host if is_host else OfferDocument.for_player
    return PlayerOffers(
        property_id=property_id,
        player_id=player_id,
        offers=[say(one.offer) for one in shown if one.offer is not None],
        past=[say(offer) for offer in past] if is_host else None,
    )


def pending_offers(offers: Iterable[IssuedOffer]) -> PendingOffers:
    """What who approves is told."""
    return PendingOffers([OfferDocument.for_host(offer) for offer in offers])


def _at(offer: IssuedOffer, status: Status) -> int | None:
    """When an offer came to a status."""
    return next((step.at for step in offer.steps if step.status is status), None)


def _answered(offer: IssuedOffer, verb: Verb) -> AnsweredOffer:
    """What is said of an answer: the same however often, and whatever came after it."""
    at = _at(offer, verb.status)
    assert at is not None, "an answer that was taken is a step of its offer"
    return AnsweredOffer(offer.offer_id, verb.status, at, offer.expires_at)


def _refused(offer: IssuedOffer, verb: Verb, *, withdraws: bool = False) -> RefusedAnswer:
    if offer.status is Status.AWAITING_APPROVAL:
        return RefusedAnswer("the offer awaits approval: refuse it instead", offer.status)
    if offer.status is Status.DELIVERED:
        return RefusedAnswer(
            f"the offer is not accepted yet: that comes before {verb}", offer.status
        )
    return RefusedAnswer(f"the offer is {offer.status}", offer.status, withdraws=withdraws)


def _is_settled(offer: IssuedOffer, verdict: Verdict) -> bool:
    settled = _SETTLES[verdict]
    awaited = offer.steps[0].status is Status.AWAITING_APPROVAL
    return awaited and any(step.status is settled for step in offer.steps)


def _too_late(offer: IssuedOffer, now: int) -> str:
    if offer.steps[0].status is not Status.AWAITING_APPROVAL:
        return f"the offer needs no approval; it is {offer.status}"
    if offer.status is Status.AWAITING_APPROVAL:
        if offer.is_over(now):
            return "the time for approval is over: the offer expires"
        return "the offer was answered this moment, or its time is over: look again in a second"
    if len(offer.steps) > 1:
        step = offer.steps[1]
        said = "approved" if step.status is Status.DECIDED else step.status
        return f"the offer was {said} by {step.by} already"
    return f"the offer is {offer.status}"

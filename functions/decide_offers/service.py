"""The use case: decide on a change of a player's rating, once."""

from collections.abc import Callable, Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple, Protocol

from pitboss.errors import TransientError
from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.gaming_day import GamingDay
from pitboss.offers.budget import Budgets
from pitboss.offers.catalogue import Catalogue, Machine
from pitboss.offers.context import PlayerFacts, Situation, facts_of
from pitboss.offers.deciding import Decided, Known, decide, decision_id, issue
from pitboss.offers.gate import Facts
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.offers.policy import Policy
from pitboss.rating.house_rules import PropertyRules
from pitboss.rating.players import MAX_SESSION_DAYS, MAX_TABLE_DAYS, profile
from pitboss.rating.tables import TableDay
from pitboss.stores.offers import Recorded
from pitboss.stores.ratings import Asset, PlayerSession

STAGE = "decide_offers"

MAX_AGE_MS = 15 * 60_000
"""A change that is older, by the machine's clock, decides nothing: the player has played on, or is
gone. What is rated late, or again, makes no offers."""

MAX_TRIES = 6
"""Times in a row that what was read may have moved on before the message is given back."""

CATALOGUE_MS = 60_000
"""How long a catalogue that was read is gone by. One that is applied counts within a minute, and
a decision spares the reading of its largest item."""


class Ratings(Protocol):
    """Where ratings are read; see `pitboss.stores.ratings.DynamoRatings`."""

    def player_sessions(
        self, property_id: str, player_id: str, newest: int, *, as_now: bool
    ) -> list[PlayerSession]: ...
    def table_days(self, property_id: str, player_id: str, newest: int) -> list[TableDay]: ...


class Offers(Protocol):
    """Where offers are kept; see `pitboss.stores.offers.DynamoOffers`."""

    def catalogue(self, property_id: str) -> Catalogue | None: ...
    def decision(self, property_id: str, player_id: str, decision_id: str) -> Decided | None: ...
    def offers(self, property_id: str, player_id: str) -> list[IssuedOffer]: ...
    def offer(self, property_id: str, player_id: str, offer_id: str) -> IssuedOffer | None: ...
    def budgets(
        self, property_id: str, player_id: str, gaming_day: str, codes: Iterable[str]
    ) -> Budgets: ...
    def record(
        self,
        decided: Decided,
        offer: IssuedOffer | None,
        catalogue: Catalogue,
        budgets: Budgets,
        facts: Facts,
    ) -> Recorded: ...
    def leave_machine(self, asset: Asset, player_id: str, session_started_at: int) -> None: ...


class Approvals(Protocol):
    """Has people asked; see `pitboss.stores.approvals.StepFunctionsStarts`."""

    def start(self, offer: IssuedOffer) -> None: ...


class Policies(Protocol):
    """The policy that serves; see `pitboss.offers.learned.PolicySource`."""

    def policy(self) -> Policy: ...


type ReadFacts = Callable[[str, str, str], Facts]
"""What the gate looks at, of property, player and machine; nothing where it cannot be read."""


class ContendedDecisionError(TransientError):
    """What a decision was made of kept moving on."""

    def __init__(self, name: str) -> None:
        super().__init__(f"decision {name}: budgets, standing or machine moved on each time")


class Became(StrEnum):
    """What became of a change."""

    DECIDED = "decided"
    REPEATED = "repeated"
    """It was decided before."""
    STALE = "stale"
    """It is too old, or the player no longer sits there."""
    ENDED = "ended"
    """A session ended: there is nothing to decide."""
    UNOFFERED = "unoffered"
    """The property has no catalogue."""


class Outcome(NamedTuple):
    """What became of a change, and what was decided, where it was."""

    became: Became
    decided: Decided | None = None
    offer: IssuedOffer | None = None


class DecideOffers:
    """Decides on changes, one at a time."""

    def __init__(
        self,
        ratings: Ratings,
        offers: Offers,
        facts: ReadFacts,
        policies: Policies,
        approvals: Approvals,
        rules_of: Callable[[str], PropertyRules],
        gaming_day_of: Callable[[str], GamingDay],
        now: Callable[[], int],
        pause: Callable[[int], None],
    ) -> None:
        """
        Args:
            ratings: what players' play came to.
            offers: where decisions are kept.
            facts: reads what the gate looks at.
            policies: by what is decided.
            approvals: has people asked.
            rules_of: a property's house rules.
            gaming_day_of: a property's gaming day.
            now: the moment, in epoch milliseconds.
            pause: waits before the n-th try.
        """
        self._ratings = ratings
        self._offers = offers
        self._facts = facts
        self._policies = policies
        self._approvals = approvals
        self._rules_of = rules_of
        self._gaming_day_of = gaming_day_of
        self._now = now
        self._pause = pause
        self._catalogues: dict[str, tuple[int, Catalogue | None]] = {}

    def __call__(self, change: PlayerChanged) -> Outcome:
        """Decide on a change.

        Raises:
            ContendedDecisionError: come again.
            ClientError, BotoCoreError: as above; what was decided by then is found then.
        """
        property_id, player_id = change.property_id, change.player_id
        asset = Asset(property_id, change.asset_id)
        if change.kind is ChangeKind.SESSION_ENDED:
            self._offers.leave_machine(asset, player_id, change.session_started_at)
            return Outcome(Became.ENDED)
        known = self._offers.decision(property_id, player_id, decision_id(change))
        if known is not None:
            return self._repeat(known)
        if self._now() - change.occurred_at > MAX_AGE_MS:
            return Outcome(Became.STALE)
        catalogue = self._catalogue(property_id)
        if catalogue is None:
            return Outcome(Became.UNOFFERED)
        player = self._player(change)
        for attempt in range(MAX_TRIES):
            if attempt:
                self._pause(attempt)
            situation, budgets, facts = self._look(change, catalogue, player)
            if facts.machine is not None and facts.machine.seated != player_id:
                return Outcome(Became.STALE)
            decided = decide(Known(situation, catalogue, facts, budgets), self._policies.policy())
            offer = issue(decided, catalogue, STAGE, change.correlation_id)
            recorded = self._offers.record(decided, offer, catalogue, budgets, facts)
            if recorded is Recorded.STORED:
                self._ask_for(offer)
                return Outcome(Became.DECIDED, decided, offer)
            if recorded is Recorded.KNOWN:
                return self._repeat(decided)
        raise ContendedDecisionError(decision_id(change))

    def _look(
        self, change: PlayerChanged, catalogue: Catalogue, player: PlayerFacts
    ) -> tuple[Situation, Budgets, Facts]:
        """What a decision is made of, as it is now.

        Budgets before offers: an offer that is made after the budgets were read has moved the
        player's on, so that nobody gets two at once. The gate's facts last: they are the freshest.
        """
        property_id, player_id = change.property_id, change.player_id
        now = self._now()
        budgets = self._offers.budgets(
            property_id,
            player_id,
            change.gaming_day,
            (
                offer.code
                for offer in catalogue.offers
                if offer.per_day is not None or offer.daily_budget_cents is not None
            ),
        )
        offers = self._offers.offers(property_id, player_id)
        facts = self._facts(property_id, player_id, change.asset_id)
        day = date.fromisoformat(change.gaming_day)
        situation = Situation(
            change,
            player,
            catalogue.machines.get(change.asset_id, Machine()),
            offers,
            self._gaming_day_of(property_id).start_of(day),
            now,
        )
        return situation, budgets, facts

    def _player(self, change: PlayerChanged) -> PlayerFacts:
        property_id, player_id, today = change.property_id, change.player_id, change.gaming_day
        rules = self._rules_of(property_id)
        found = profile(
            self._ratings.player_sessions(property_id, player_id, MAX_SESSION_DAYS, as_now=True),
            rules,
            today,
            self._ratings.table_days(property_id, player_id, MAX_TABLE_DAYS),
        )
        return facts_of(found, worth_by_mean=rules.on(today).worth_by == "mean")

    def _catalogue(self, property_id: str) -> Catalogue | None:
        now = self._now()
        read_at, catalogue = self._catalogues.get(property_id, (None, None))
        if read_at is None or not 0 <= now - read_at < CATALOGUE_MS:
            catalogue = self._offers.catalogue(property_id)
            self._catalogues[property_id] = now, catalogue
        return catalogue

    def _repeat(self, decided: Decided) -> Outcome:
        """What was decided stands; whoever decided may have died before a person was asked."""
        offer = self._offers.offer(decided.property_id, decided.player_id, decided.decision_id)
        self._ask_for(offer)
        return Outcome(Became.REPEATED)

    def _ask_for(self, offer: IssuedOffer | None) -> None:
        if offer is not None and offer.status is Status.AWAITING_APPROVAL:
            self._approvals.start(offer)

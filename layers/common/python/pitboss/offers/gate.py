"""The gate: whether somebody may be made an offer, here and now.

One function says so for the decision, for each delivery and for each redemption. It fails closed:
what is not known, not readable or not fresh is a refusal, and so is every combination of facts that
nobody thought of, for only a player of whom all is known and nothing is listed passes.

Times are epoch milliseconds.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from pitboss.offers.catalogue import House

_MINUTE_MS = 60_000

CLOCK_TOLERANCE_MS = 300_000
"""How far in the future a list may say it is complete to, for clocks disagree: five minutes."""

AHEAD_MS = 30_000
"""How long what the gate let through may take to reach the player: twice the time a function of the
gate may run, for a request under way when it is ended. What will be a refusal within that time is
one already: no condition of a transaction knows what time it is.
"""


class ListName(StrEnum):
    """Lists that keep players from offers."""

    SELF_EXCLUDED = "self_excluded"
    BANNED = "banned"
    RESPONSIBLE_GAMING = "responsible_gaming"
    """On hold: a person looks whether play is harming the player."""
    OPTED_OUT = "opted_out"
    """Does not want offers."""


class Refusal(StrEnum):
    """Why there is no offer."""

    LISTS_UNREADABLE = "lists_unreadable"
    LIST_STALE = "list_stale"
    """A list was never imported, or is older than the property allows."""
    UNKNOWN_PLAYER = "unknown_player"
    """Nothing is known of age and residence."""
    SELF_EXCLUDED = "self_excluded"
    BANNED = "banned"
    RESPONSIBLE_GAMING = "responsible_gaming"
    OPTED_OUT = "opted_out"
    UNDER_AGE = "under_age"
    JURISDICTION = "jurisdiction"
    HIGH_RISK = "high_risk"
    """The property's model of risk says that they play like those who excluded themselves."""
    HANDPAY_LOCK = "handpay_lock"
    """The machine is locked up, or whether it is is not known."""


class Entry(Struct, frozen=True, array_like=True):
    """That a player is on a list."""

    since: int
    """From when it counts. An entry that begins later does not count yet."""
    until: int | None
    """When it ends; None for never."""
    added_at: int
    """When it was added. An import of a list of an earlier time does not take it away."""

    def counts(self, now: int, ahead: int = 0) -> bool:
        """Whether it keeps the player from offers at a moment, or within so many ms after it."""
        return self.since <= now + ahead and not self.is_over(now)

    def is_over(self, now: int) -> bool:
        """Whether it has ended. `until` is the first moment at which it counts no more."""
        return self.until is not None and now >= self.until


class Standing(Struct, frozen=True):
    """What is known of a player at a property that decides whether there may be offers."""

    version: int
    """Raised by every change: whoever acts on a standing makes sure that it still is this one."""
    entries: dict[ListName, Entry] = {}
    of_age_from: int | None = None
    """When the player is, or was, of the age for gaming where the property is; None: not proven."""
    jurisdiction: str | None = None
    """Where the player lives (ISO 3166-2); None: not proven."""


class Lists(Struct, frozen=True):
    """To when each list is known to be complete; one that is missing was never imported."""

    complete_to: dict[ListName, int] = {}


class Machine(Struct, frozen=True):
    """What the gate asks of the machine where the player sits."""

    locked_since: int | None
    """A hand-pay is pending since then."""
    seated: str | None = None
    """Whose carded session is in progress. Not the gate's to judge: whoever delivers an offer makes
    sure, in the same transaction, that it is its player's."""


class Risk(Struct, frozen=True):
    """That a player plays like players who excluded themselves soon after, by the newest night.

    It is kept of nobody else: a low score is no permission, and nothing is to be had by it.
    """

    score: float
    """Probability, by the model."""
    reasons: tuple[str, ...]
    """What raised it, in words, the most first."""
    model_version: str
    scored_at: int


class Facts(Struct, frozen=True):
    """All the gate looks at. What could not be read is None, and so is what is not there."""

    lists: Lists | None
    """None: they cannot be read."""
    standing: Standing | None
    """None: nobody said anything of the player."""
    machine: Machine | None
    """None: not known."""
    risk: Risk | None = None
    """None: no model says anything against an offer, or there is none."""


NOTHING_READ = Facts(None, None, None)


def refusals(
    facts: Facts, house: House, now: int, *, at_machine: bool = True
) -> tuple[Refusal, ...]:
    """Every reason why there may be no offer; empty where there may, for `AHEAD_MS` from now.

    Args:
        facts: what is known, read not before `now`.
        house: the property's rules.
        now: when the reading began. What is done about it has to be done by a function that began
            no earlier, and under conditions that the standing and the machine are still the same.
        at_machine: whether it is about a machine's screen, so that it must not be locked up.
            Redeeming a meal is not.
    """
    if facts.lists is None:
        return (Refusal.LISTS_UNREADABLE,)
    found: list[Refusal] = []
    if not _are_fresh(facts.lists.complete_to, now, house.list_age_minutes * _MINUTE_MS):
        found.append(Refusal.LIST_STALE)
    standing = facts.standing
    if standing is None:
        found.append(Refusal.UNKNOWN_PLAYER)
    else:
        found += [
            Refusal(name.value)
            for name in ListName
            if name in standing.entries and standing.entries[name].counts(now, AHEAD_MS)
        ]
        if standing.of_age_from is None or now < standing.of_age_from:
            found.append(Refusal.UNDER_AGE)
        if standing.jurisdiction is None or standing.jurisdiction not in house.jurisdictions:
            found.append(Refusal.JURISDICTION)
    if facts.risk is not None:
        found.append(Refusal.HIGH_RISK)
    if at_machine and (facts.machine is None or facts.machine.locked_since is not None):
        found.append(Refusal.HANDPAY_LOCK)
    return tuple(found)


def _are_fresh(complete_to: Mapping[ListName, int], now: int, age_ms: int) -> bool:
    return all(
        name in complete_to
        and now + AHEAD_MS - age_ms <= complete_to[name] <= now + CLOCK_TOLERANCE_MS
        for name in ListName
    )

"""The refined table of what was decided, and where its summaries lie.

One row for each decision, those for nothing too. A row's own part never changes; what became of its
offer does, until nothing can become of it any more, and until then its day is exported again.
"""

from msgspec import Struct

from pitboss.lake.layout import REFINED
from pitboss.lake.rated import TRUTH
from pitboss.lake.tables import INTEGER, TEXT, Column, Table

DECISIONS = Table(
    "decisions",
    (),
    (
        Column("decision_id", TEXT),
        Column("change_id", TEXT),
        Column("trigger", TEXT),
        Column("player_id", TEXT),
        Column("asset_id", TEXT),
        Column("decided_at", INTEGER),
        Column("context", TEXT),  # JSON: categories by feature
        Column("context_hash", TEXT),
        Column("actions", TEXT),  # JSON: [[code, kind, cost in cents, millionths], ...]
        Column("out_of_reach", TEXT),  # JSON: why by code
        Column("no_offer", TEXT),  # JSON: refusals; [] where there was a choice
        Column("chosen", TEXT),
        Column("propensity", INTEGER),
        Column("is_explored", TRUTH),
        Column("model_version", TEXT),
        Column("catalogue_version", TEXT),
        Column("reasons", TEXT),  # JSON
        Column("reward_hours", INTEGER),
        # what became of the offer; null where none was made
        Column("status", TEXT),
        Column("steps", TEXT),  # JSON: [[status, epoch milliseconds, by], ...]
        Column("delivered_at", INTEGER),
        Column("accepted_at", INTEGER),
        Column("redeemed_at", INTEGER),
        Column("cost_reserved_cents", INTEGER),
        Column("cost_redeemed_cents", INTEGER),
    ),
)
"""Every decision, and what became of its offer."""

SUMMARIES = f"{REFINED}decision_summaries/"
"""What each exported day of decisions comes to."""


class DecisionSummary(Struct, frozen=True):
    """What a gaming day's decisions come to. It says nothing of when it was made."""

    property_id: str
    gaming_day: str
    decisions: int
    offers: int
    open_offers: int
    """Of which something may still become: the day is exported again while there are any."""
    statuses: dict[str, int]
    """Offers by what became of them."""


def decision_summary_key(property_id: str, day: str) -> str:
    """Where the summary of a gaming day's decisions lies.

    >>> decision_summary_key("north", "2020-06-14")
    'refined/decision_summaries/property_id=north/gaming_day=2020-06-14.json'
    """
    return f"{SUMMARIES}property_id={property_id}/gaming_day={day}.json"

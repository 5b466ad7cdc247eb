"""What is foreseen of players: each family of models has an outcome, and what it sees of them."""

from msgspec import Struct

from pitboss.players.features import FEATURES, OFFER, VISITS, Feature


class Family(Struct, frozen=True, kw_only=True):
    """Models of one outcome."""

    name: str
    """As the registry has it."""
    features: tuple[Feature, ...]
    happened: str
    """What those did to whom it happened, in words."""
    least_games: int
    """Of fewer in the window, nothing is said."""
    closes: float | None = None
    """The share of those to whom it did not happen of whom a model may say it. Its threshold is set
    so by those learned from; of those held out twice as many are the most with which it serves.
    None: nothing follows from a threshold."""

    @property
    def format(self) -> str:
        """What a model's bytes say that they are."""
        return f"pitboss-player-{self.name}-1"


RISK = Family(
    name="risk",
    features=FEATURES,
    happened="excluded themselves",
    least_games=50,
    closes=0.05,
)
"""That a player excludes themselves within 30 days. It closes the gate of offers."""

CHURN = Family(
    name="churn",
    features=(*FEATURES, *VISITS),
    happened="did not come back",
    least_games=1,
)
"""That a player who was there does not come back within 30 days. It opens and closes nothing."""

PROPENSITY = Family(
    name="propensity",
    features=(*FEATURES, *VISITS, *OFFER),
    happened="took the offer",
    least_games=1,
)
"""That a player redeems an offer within 7 days after it is shown. It opens and closes nothing."""

FAMILIES = {family.name: family for family in (RISK, CHURN, PROPENSITY)}

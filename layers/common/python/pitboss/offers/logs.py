"""What a policy learns from, and is judged by: decisions with their odds, and what came of them.

The common form of every log: the live one, the simulated floor's, a public experiment's.
"""

from msgspec import Struct

from pitboss.errors import TerminalError

MILLION = 1_000_000
"""Parts that a decision's propensities sum to."""

NONE = "none"
"""The action of making no offer, which is always among the actions."""

type Features = tuple[tuple[str, str | int | float], ...]
"""What was known of a player and a moment: names with a word (a class) or a number (an amount)."""


class InvalidLog(TerminalError):
    """A logged decision that cannot have been: nothing is learned from a log with one in it."""


class Action(Struct, frozen=True):
    """What could be chosen. A model knows an offer it never saw by its kind and cost."""

    code: str
    kind: str
    cost: int
    """What it costs where it is taken, in cents."""


class LoggedDecision(Struct, frozen=True, kw_only=True):
    """A decision, the odds it was made with, and what came of it.

    Raises:
        InvalidLog: the odds are none, or the chosen action cannot have been chosen.
    """

    day: str
    """Gaming day, ISO date: training and evaluation are divided by it."""
    features: Features
    actions: tuple[Action, ...]
    chosen: str
    """Code of one of `actions`."""
    propensities: tuple[int, ...]
    """Probability of each action, in parts per million; together a million."""
    reward: int
    """What came of it net of its cost, in a whole number of the log's unit (cents)."""

    def __post_init__(self) -> None:
        codes = [action.code for action in self.actions]
        if len(set(codes)) != len(codes) or self.chosen not in codes:
            raise InvalidLog(f"{self.chosen!r} is not one of different actions: {codes}")
        if len(self.propensities) != len(codes) or min(self.propensities) < 0:
            raise InvalidLog(f"{len(codes)} actions have the odds {self.propensities}")
        if sum(self.propensities) != MILLION or not self.propensities[codes.index(self.chosen)]:
            raise InvalidLog(f"of {codes}, {self.chosen!r} was not chosen by {self.propensities}")

    @property
    def place(self) -> int:
        """Where the chosen action stands among the actions."""
        return [action.code for action in self.actions].index(self.chosen)

    @property
    def propensity(self) -> float:
        """Probability with which the chosen action was chosen."""
        return self.propensities[self.place] / MILLION

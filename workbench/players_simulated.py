"""`pitboss players evaluate --dataset simulated`: who stays away, of players who are made up.

There is no public data of a floor with dates of visits. So players' ways are planted, as in Fader,
Hardie and Lee, '"Counting Your Customers" the Easy Way', Marketing Science 24(2), 2005 (BG/NBD):
each comes at a rate of their own (gamma), and after each visit leaves for good with a probability
of their own (beta). So two best answers are known. That of a player's own two numbers and all of
their visits is the ceiling; that of who knows how the numbers are spread, and sees all visits, is
the most that can be told without reading minds. Learning, moments and judgement are the night's.
"""

from random import Random
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table

from pitboss.players.features import DAY_MS
from workbench.console import out, print_json, step
from workbench.players_judged import reliability, untuned

if TYPE_CHECKING:
    from pitboss.players.features import Behaviour, Game
    from pitboss.players.figures import Floats, Group, Interval
    from pitboss.players.judging import PlayerCard
    from pitboss.players.observed import Observation

RATE = (0.8, 0.25)
"""Visits a day: shape and scale of the gamma distribution."""
LEAVES = (0.6, 4.0)
"""The beta distribution of who leaves."""

PLAYERS = 4_000
DAYS = 120
"""Of play that are known: two moments to learn from, one to judge on, and now."""

NOW = 1_775_000_000_000


class Guest(NamedTuple):
    """A player who was made up."""

    player_id: str
    visits_a_day: float
    leaves: float
    """The probability after each visit."""
    visits: list[int]
    """When each begins, epoch milliseconds."""
    games: "list[Game]"


class Known(NamedTuple):
    """What one score says of the players held out."""

    auroc: "Interval"
    gain: "Interval"
    """Of AUROC over last visits alone."""
    brier: float


class Judged(NamedTuple):
    """What a seed's players come to."""

    card: "PlayerCard"
    scores: dict[str, Known]
    """By what was scored by."""
    reliability: list["Group"]


NAMES = {
    "model": "the model",
    "last_visit": "last visit alone",
    "visits": "last, first and number of visits",
    "untuned": "untuned LightGBM",
    "spread": "BG/NBD, as it is planted",
    "truth": "each player's own numbers: the ceiling",
}


def evaluate(seed: int, seeds: int, as_json: bool) -> None:
    """Make players up, learn who stays away, and say how good it is on a later time."""
    wanted = {seed} if as_json else {seed, *range(1, seeds + 1)}
    with step(f"{PLAYERS:,} players of {DAYS} days, {len(wanted)} times"):
        runs = {one: judged(PLAYERS, one) for one in sorted(wanted)}
    found = runs[seed]
    if as_json:
        print_json(document(found))
        return
    card = found.card
    table = Table(
        title=f"Who of {card.held_out_players:,} players does not come back in 30 days? "
        f"{card.held_out_happened:,} do not; seed {seed}"
    )
    for column in ("", "AUROC", "95 %", f"mean of {seeds} seeds", "gain over last visit", "Brier"):
        table.add_column(column, justify="right" if column else "left")
    for name, one in found.scores.items():
        mean = fmean(runs[each].scores[name].auroc.value for each in range(1, seeds + 1))
        table.add_row(
            *(
                NAMES[name],
                f"{one.auroc.value:.4f}",
                f"{one.auroc.low:.3f} to {one.auroc.high:.3f}",
            ),
            f"{mean:.4f}",
            f"{one.gain.value:+.4f} ({one.gain.low:+.3f} to {one.gain.high:+.3f})",
            f"{one.brier:.4f}",
        )
    out.print(table)
    out.print(f"Brier score by guessing {card.guessed_brier:.4f}. {card.verdict.reason}")
    out.print(reliability(found.reliability))


def judged(players: int, seed: int) -> Judged:
    """Made up, learned from and judged by a seed."""
    import numpy as np

    from pitboss.players import figures
    from pitboss.players.families import CHURN
    from pitboss.players.judging import learned
    from pitboss.players.model import decode
    from pitboss.players.observed import HORIZON_MS, Use

    guests = {one.player_id: one for one in made_up(players, seed)}
    seen = observed(list(guests.values()))
    night = learned(CHURN, f"seed {seed}", seen, None, None)
    model = decode(night.model, CHURN)
    held = [one for one in seen if one.use is Use.HELD_OUT]
    known = [one for one in seen if one.use is Use.LEARN]
    truth = np.array([one.happened for one in held], dtype=np.float64)
    at, spread = NOW - HORIZON_MS, _spread()
    answers = {
        "model": np.array([model.probability(one.seen) for one in held]),
        "last_visit": _of_few(known, held, seed, "days_away"),
        "visits": _of_few(known, held, seed, "days_away", "days_since_first", "days_played"),
        "untuned": untuned([one.seen for one in known], _truth(known), [one.seen for one in held]),
        "spread": np.array([stays_away(guests[one.player_id], at, *spread) for one in held]),
        "truth": np.array([_truly(guests[one.player_id], at) for one in held]),
    }
    return Judged(
        night.card,
        {
            name: Known(
                figures.auroc(told, truth),
                figures.auroc_gain(told, answers["last_visit"], truth),
                float(np.mean((told - truth) ** 2)),
            )
            for name, told in answers.items()
        },
        figures.groups(
            figures.tenths(answers["model"]), answers["model"], truth, night.card.threshold
        ),
    )


def made_up(players: int, seed: int) -> list[Guest]:
    """Players with their visits and games, by a seed."""
    from pitboss.players.features import Game

    chance = Random(seed)
    found = []
    for number in range(players):
        rate, leaves = chance.gammavariate(*RATE), chance.betavariate(*LEAVES)
        start = NOW - round(chance.uniform(0, DAYS) * DAY_MS)
        stake = chance.choice([25, 50, 100, 200])
        visits: list[int] = []
        games: list[Game] = []
        while start < NOW:
            visits.append(start)
            at = start
            for _ in range(chance.randint(3, 12)):
                lasts = chance.randint(3_000, 6_000)
                won = chance.random() < 0.3
                games.append(Game(at, at + lasts, stake, won))
                at += lasts + chance.randint(300, 5_000)
            if chance.random() < leaves:
                break
            start = at + round(chance.expovariate(rate) * DAY_MS)
        found.append(Guest(f"p-{number:05d}", rate, leaves, visits, games))
    return found


def stays_away(guest: Guest, at: int, rates: "Floats", leaves: "Floats") -> float:
    """The probability that a player does not come within 30 days, by their visits.

    Args:
        guest: the player, of whom visits before a moment are seen.
        at: the moment.
        rates: visits a day that players may have, each as likely as the others.
        leaves: with each of them, how likely it is that they leave after a visit.
    """
    import numpy as np

    from pitboss.players.observed import HORIZON_MS

    seen = [start for start in guest.visits if start < at]
    again = len(seen) - 1
    came = again * np.log(rates * (1 - leaves)) - rates * (seen[-1] - seen[0]) / DAY_MS
    silent = (1 - leaves) * np.exp(-rates * (at - seen[-1]) / DAY_MS)
    likely = np.exp(came - came.max())
    is_back = silent * (1 - np.exp(-rates * HORIZON_MS / DAY_MS))
    return float(1 - (likely * is_back).sum() / (likely * (leaves + silent)).sum())


def _truly(guest: Guest, at: int) -> float:
    """The same of who knows the player's own numbers."""
    import numpy as np

    return stays_away(guest, at, np.array([guest.visits_a_day]), np.array([guest.leaves]))


def _spread() -> "tuple[Floats, Floats]":
    """Pairs of numbers that players may have, evenly over their distributions."""
    import numpy as np
    from scipy import stats

    shares = (np.arange(60) + 0.5) / 60
    shape, scale = RATE
    pairs = np.meshgrid(
        stats.gamma(shape, scale=scale).ppf(shares), stats.beta(*LEAVES).ppf(shares)
    )
    return pairs[0].ravel(), pairs[1].ravel()


def observed(guests: list[Guest]) -> "list[Observation]":
    """Players as the night looks at them, by the same moments."""
    from pitboss.players.families import CHURN
    from pitboss.players.features import behaviour_of
    from pitboss.players.observed import HORIZON_MS, WINDOW_MS, Moment, Use, observations

    found: list[Observation] = []
    for use, back in ((Use.HELD_OUT, 1), (Use.LEARN, 2), (Use.LEARN, 3)):
        at = NOW - back * HORIZON_MS
        players: list[tuple[str, Behaviour]] = []
        for one in guests:
            window = [g for g in one.games if at - WINDOW_MS <= g.started_at and g.ended_at < at]
            if window:
                players.append((one.player_id, behaviour_of(window, at)))
        came = {
            one.player_id
            for one in guests
            if any(at <= game.started_at < at + HORIZON_MS for game in one.games)
        }
        moment = Moment(use, at)
        found += [one for family, one in observations(moment, players, {}, came) if family is CHURN]
    return found


def document(found: Judged) -> dict[str, Any]:
    """The figures, as JSON has them."""
    return {
        "rows": found.card.held_out_players,
        "happened": found.card.held_out_happened,
        "promoted": found.card.verdict.promote,
        "guessed_brier": round(found.card.guessed_brier, 4),
        "scores": {
            name: {"auroc": round(one.auroc.value, 4), "brier": round(one.brier, 4)}
            for name, one in found.scores.items()
        },
    }


def _of_few(
    known: "list[Observation]", held: "list[Observation]", seed: int, *names: str
) -> "Floats":
    """What the same learning says of others by some features alone."""
    import numpy as np
    from msgspec.structs import replace

    from pitboss.players.families import CHURN
    from pitboss.players.learning import learn

    places = [i for i, one in enumerate(CHURN.features) if one.name in names]
    few = replace(CHURN, features=tuple(CHURN.features[i] for i in places))
    model = learn(
        [tuple(one.seen[i] for i in places) for one in known],
        [one.happened for one in known],
        seed,
        few,
    )
    return np.array([model.probability(tuple(one.seen[i] for i in places)) for one in held])


def _truth(players: "list[Observation]") -> "Floats":
    import numpy as np

    return np.array([one.happened for one in players], dtype=np.float64)

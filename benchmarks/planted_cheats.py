"""Planted cheats among honest sessions: how many are found, and how many of the honest accused.

Sessions are drawn from what stands on simulated floors and who plays there
(`workbench.simulation.catalogue`), game by game, and asked as the stream would ask. Beside it is
what one would write first: the same answers, and an alarm where their mean is 3.72 standard errors
above what is honest (one in 10,000 by the normal distribution), looked at after every game from
the thirtieth on.
"""

import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import Any, NamedTuple

from pitboss.anomalies.cards import CardDay, CardGame, asked_of, joined
from pitboss.anomalies.questions import (
    FALSE_ALARMS,
    HONEST_SHARES,
    Question,
    is_even,
    is_quick,
    is_too_far,
    multiple,
)
from pitboss.anomalies.session import Played, SessionPlay, after_game
from workbench.console import say
from workbench.simulation.catalogue import (
    CLOCK_OFFSET_MS,
    MODELS,
    OUTCOMES,
    PACE_MS,
    PATRON_KINDS,
    MachineModel,
)

SEED = 20_260
HONEST = 20_000
CHEATS_A_KIND = 300
GOAL_FOUND = 0.90

LOST_ONE_IN = 1_000
"""Of an honest machine's games, so many have a coin-in meter that moved by something else: a
packet was lost, or a poll came in between."""

HIT_MARGIN = 1.02
"""What is added to a paytable's share of winning games, which is an estimate."""

Z = 3.72
Z_FROM = 30


class Step(NamedTuple):
    """A game, and from where its card came if it was played elsewhere before."""

    game: Played
    metres: float | None = None
    seconds: float = 0.0


type Cheat = Callable[[random.Random, MachineModel, list[Step]], list[Step]]


def run(honest: int = HONEST, cheats_a_kind: int = CHEATS_A_KIND) -> dict[str, Any]:
    """The figure."""
    chance = random.Random(SEED)
    accused = naive = games = 0
    for number in range(honest):
        if number % 5_000 == 0:
            say(f"{number:,} of {honest:,} honest sessions ...")
        steps = list(_honest(chance, _model(chance)))
        games += len(steps)
        accused += _found_at(steps) is not None
        naive += _naively_found(steps)
    rows = []
    for name, cheat in CHEATS.items():
        say(f"{cheats_a_kind} sessions: {name} ...")
        found: list[int] = []
        found_naively = 0
        for _ in range(cheats_a_kind):
            model = _model(chance)
            steps = cheat(chance, model, list(_honest(chance, model)))
            at = _found_at(steps)
            found += [] if at is None else [at]
            found_naively += _naively_found(steps)
        rows.append(
            {
                "cheat": name,
                "sessions": cheats_a_kind,
                "found": round(len(found) / cheats_a_kind, 3),
                "median games until found": median(found) if found else None,
                "found by standard errors": round(found_naively / cheats_a_kind, 3),
            }
        )
    return {
        "figure": "planted_cheats",
        "goal found": GOAL_FOUND,
        "found": round(sum(row["found"] for row in rows) / len(rows), 3),
        "false alarms at most, by Ville's inequality": FALSE_ALARMS,
        "honest sessions": honest,
        "honest games": games,
        "honest sessions accused": accused,
        "honest sessions accused by standard errors": naive,
        "rows": rows,
    }


# --- sessions -------------------------------------------------------------------------------------


def _model(chance: random.Random) -> MachineModel:
    return chance.choice(MODELS)


def _honest(chance: random.Random, model: MachineModel) -> Iterator[Step]:
    (kind,) = chance.choices(PATRON_KINDS, [one.weight for one in PATRON_KINDS])
    hits = sum(ways for _, ways in model.pays.ways) / OUTCOMES * HIT_MARGIN
    at = 0
    for number in range(chance.randint(*kind.games)):
        at += _interval(chance, kind.pace)
        wager = model.wager_cents * chance.choice(model.bets)
        win = wager * model.pays.multiple(chance.randrange(OUTCOMES))
        metered = 0 if chance.randrange(LOST_ONE_IN) == 0 else wager
        game = Played(at, wager, win, model.base_basis_points, metered, hits)
        # One in twenty games is the first after the player came from another machine, walking.
        if number and chance.randrange(20) == 0:
            metres = chance.uniform(2, 80)
            skew = chance.uniform(-CLOCK_OFFSET_MS, CLOCK_OFFSET_MS) / 1_000
            seconds = 5 + metres / chance.uniform(0.7, 1.8) + skew
            at += int(2 * seconds * 1_000)  # there and back
            yield Step(game._replace(started_at=at), metres, seconds)
        else:
            yield Step(game)


def _interval(chance: random.Random, pace: int) -> int:
    low, high = chance.choice(list(pairwise(PACE_MS)))
    return chance.randint(low, high) * pace // 100


def _paced(
    chance: random.Random, steps: list[Step], interval_ms: int, jitter_ms: int
) -> list[Step]:
    at, paced = 0, []
    for step in steps:
        at += interval_ms + chance.randint(-jitter_ms, jitter_ms)
        paced.append(Step(step.game._replace(started_at=at)))
    return paced


def _quick(chance: random.Random, _: MachineModel, steps: list[Step]) -> list[Step]:
    return _paced(chance, steps, 1_500, 400)


def _even(chance: random.Random, _: MachineModel, steps: list[Step]) -> list[Step]:
    return _paced(chance, steps, 5_000, 60)


def _wins(chance: random.Random, _: MachineModel, steps: list[Step]) -> list[Step]:
    """Two games in three are made to pay one to three times the wager."""
    return [
        step._replace(
            game=step.game._replace(win_cents=step.game.wager_cents * chance.randint(1, 3))
        )
        if chance.randrange(3)
        else step
        for step in steps
    ]


def _meters(chance: random.Random, _: MachineModel, steps: list[Step]) -> list[Step]:
    """One wager in eight is not metered."""
    return [
        step._replace(game=step.game._replace(metered_cents=0)) if not chance.randrange(8) else step
        for step in steps
    ]


def _shared(chance: random.Random, _: MachineModel, steps: list[Step]) -> list[Step]:
    """A second person plays under the same card, far away: every other game or so is elsewhere."""
    metres = chance.uniform(30, 80)
    return [
        step._replace(metres=metres, seconds=chance.uniform(0, 6))
        if chance.randrange(2)
        else step._replace(metres=None)
        for step in steps
    ]


CHEATS: dict[str, Cheat] = {
    "a program that plays quickly (1.5 s a game)": _quick,
    "a program that plays evenly (5 s a game, to 60 ms)": _even,
    "wins on two games in three": _wins,
    "one wager in eight is not metered": _meters,
    "one card at two places": _shared,
}


# --- alarms ---------------------------------------------------------------------------------------


def _found_at(steps: list[Step]) -> int | None:
    """After how many games a session is accused of anything."""
    played: list[CardGame] = []
    for game, metres, seconds in steps:
        if metres is not None:
            played.append(CardGame(str(metres), game.started_at - int(seconds * 1_000), 0))
        played.append(CardGame(_HERE, game.started_at, 0))
    proof = asked_of(joined(CardDay(), played, _metres), _metres).proof
    play = SessionPlay()
    for number, (game, _, _) in enumerate(steps, 1):
        play = after_game(play, game)
        if play.accused_of or (proof is not None and game.started_at >= proof.at):
            return number
    return None


_HERE = "0"


def _metres(one: str, other: str) -> float:
    """Machines stand in a row, and are called by where."""
    return abs(float(one) - float(other))


def _naively_found(steps: list[Step]) -> bool:
    answers: dict[Question, list[float]] = {question: [] for question in Question}
    before: Played | None = None
    interval: int | None = None
    for step in steps:
        game = step.game
        if before is not None:
            last, interval = interval, game.started_at - before.started_at
            answers[Question.PACE].append(is_quick(interval))
            if last is not None:
                answers[Question.RHYTHM].append(is_even(interval, last))
        before = game
        if step.metres is not None:
            answers[Question.PLACES].append(is_too_far(step.metres, step.seconds))
        answers[Question.METERS].append(game.metered_cents != game.wager_cents)
        answers[Question.WINS].append(multiple(game.win_cents, game.wager_cents))
        answers[Question.HITS].append(game.win_cents > 0)
    honest = {**HONEST_SHARES, Question.HITS: steps[0].game.hit_share or 1.0}
    base = (steps[0].game.base_basis_points or 0) / 10_000
    return any(
        _exceeds(values, base if question is Question.WINS else honest[question])
        for question, values in answers.items()
    )


def _exceeds(values: list[float], honest: float) -> bool:
    total = squares = 0.0
    for count, value in enumerate(values, 1):
        total += value
        squares += value * value
        if count >= Z_FROM:
            mean = total / count
            variance = max(
                squares / count - mean * mean, honest * (1 - honest) if honest < 0.5 else 0
            )
            if mean - honest > Z * sqrt(variance / count):
                return True
    return False

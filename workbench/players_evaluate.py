"""`pitboss players evaluate`: scores of players, of risk on data that no one here made.

Features, learning, calibration and threshold are those of `pitboss.players`; the data set only has
a way to be read (`players_gaming1`). What is printed is of players who were held out: neither
weights nor penalty, calibration or threshold know of them. docs/players.md says what was tried.
"""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from statistics import fmean, quantiles
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.table import Table

from workbench.console import UsageError, out, print_json, step
from workbench.players_judged import reliability, untuned

if TYPE_CHECKING:
    from pitboss.players.figures import Floats, Group, Interval
    from pitboss.players.model import PlayerModel
    from workbench.players_gaming1 import Player

HELD_OUT = 0.3


class Dataset(StrEnum):
    """What can be read."""

    GAMING1 = "gaming1"
    SIMULATED = "simulated"
    HILLSTROM = "hillstrom"


class Judged(NamedTuple):
    """What a model says of players it did not learn from."""

    model: "PlayerModel"
    rows: int
    high_risk: int
    auroc: "Interval"
    average_precision: float
    precision: float
    recall: float
    f1: float
    brier: float
    guessed_brier: float
    """Of always saying how many of the players that were learned from are of high risk."""
    reliability: list["Group"]
    quartiles: list["Group"]
    """By how much is played."""
    reasons: list[tuple[str, int]]
    """What raised the score of those at or above the threshold most, and of how many."""
    answers: "Floats"
    """The probabilities of the players who are held out, in the order of `divided`."""


class Compared(NamedTuple):
    """The same players by a model that nobody tuned."""

    untuned: "Interval"
    """AUROC of LightGBM as it comes, of all numbers of the files."""
    gain: "Interval"
    """Of AUROC over it."""


def evaluate(
    dataset: Annotated[Dataset, typer.Option(help="Which set it is.")],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]", help="The folder of the set's files; of hillstrom, the file."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of which players are held out, or made up.")] = 1,
    seeds: Annotated[
        int, typer.Option(min=1, help="So many seeds, from 1 on, are put beside it in the table.")
    ] = 5,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a model of all the players, JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Learn a score of some players, and say how good it is on others.

    gaming1: of risk, from published players. simulated: of who stays away, from players whose ways
    are planted. hillstrom: of who takes an offer, from a public experiment. Of players nothing is
    seen but how they play: no age, no gender, nothing of what was won or lost.
    """
    if save is not None and dataset is not Dataset.GAMING1:
        raise UsageError(f"A model of {dataset} is of no use elsewhere: leave --save away.")
    if dataset is Dataset.SIMULATED:
        if folder is not None:
            raise UsageError("simulated has no files: leave PATH away.")
        from workbench import players_simulated

        players_simulated.evaluate(seed, seeds, as_json)
        return
    if folder is None:
        raise UsageError(f"{dataset} is a data set: say where its files are.")
    if dataset is Dataset.HILLSTROM:
        from workbench import players_hillstrom

        players_hillstrom.evaluate(folder, seed, seeds, as_json)
        return
    _evaluate_risk(folder, seed, seeds, save, as_json)


def _evaluate_risk(folder: Path, seed: int, seeds: int, save: Path | None, as_json: bool) -> None:
    from workbench import players_gaming1

    with step(f"reading {folder.name}"):
        players = players_gaming1.read(folder)
    with step(f"learning from {1 - HELD_OUT:.0%} of {len(players):,} players"):
        found = judged(players, seed)
    if save is not None:
        from pitboss.players import model as bytes_of

        try:
            save.write_bytes(bytes_of.encode(_learned(players, seed)))
        except OSError as fault:
            raise UsageError(f"{save} cannot be written ({fault.strerror}): check it.") from None
    if as_json:
        figures = {
            "auroc": found.auroc.value,
            "average_precision": found.average_precision,
            "f1": found.f1,
            "brier": found.brier,
        }
        print_json(
            {name: round(value, 4) for name, value in figures.items()} | {"rows": found.rows}
        )
        return
    runs = range(1, seeds + 1)
    with step(f"the same with other players held out, {seeds} times"):
        others = {one: found if one == seed else judged(players, one) for one in runs}
    with step("the same by LightGBM as it comes"):
        beside = {
            one: compared(players, one, each.answers)
            for one, each in {**others, seed: found}.items()
        }
    besides = [beside[one] for one in runs]
    out.print(_figures(found, list(others.values()), beside[seed], besides, seed))
    _show(found)


# --- dividing, learning, judging ------------------------------------------------------------------


def divided(players: "Sequence[Player]", seed: int) -> tuple[list["Player"], list["Player"]]:
    """Players to learn from, and those held out: 30 % by the hash of their ids.

    Of each group and quartile of games as many, so that both parts are of the same mix and a figure
    depends less on the seed.
    """
    quartile = _quartiles(players)
    strata: dict[tuple[bool, int], list[Player]] = defaultdict(list)
    for player, part in zip(players, quartile, strict=True):
        strata[player.high_risk, part].append(player)
    learned, held = [], []
    for key in sorted(strata):
        ordered = sorted(
            strata[key], key=lambda one: sha256(f"{seed}/{one.player_id}".encode()).digest()
        )
        cut = round(HELD_OUT * len(ordered))
        held += ordered[:cut]
        learned += ordered[cut:]
    return learned, held


def judged(players: "Sequence[Player]", seed: int) -> Judged:
    """What a model says of the players who are held out by a seed."""
    import numpy as np

    from pitboss.players import figures
    from pitboss.players.features import values
    from pitboss.shufflers.failure_card import at_threshold, average_precision

    learned, held = divided(players, seed)
    model = _learned(learned, seed)
    seen = [values(one.behaviour) for one in held]
    answers = np.array([model.probability(one) for one in seen])
    truth = np.array([one.high_risk for one in held], dtype=np.float64)
    base = model.happened / model.players
    precision, recall, f1 = at_threshold(answers, truth, model.threshold)
    quartile = [f"quartile {one + 1}" for one in _quartiles(held)]
    first: dict[str, int] = defaultdict(int)
    for one, answer in zip(seen, answers, strict=True):
        for reason in model.reasons(one, 1) if answer >= model.threshold else ():
            first[reason.feature] += 1
    return Judged(
        model=model,
        rows=len(held),
        high_risk=int(truth.sum()),
        auroc=figures.auroc(answers, truth),
        average_precision=average_precision(answers, truth),
        precision=precision,
        recall=recall,
        f1=f1,
        brier=float(np.mean((answers - truth) ** 2)),
        guessed_brier=float(np.mean((base - truth) ** 2)),
        reliability=figures.groups(figures.tenths(answers), answers, truth, model.threshold),
        quartiles=figures.groups(quartile, answers, truth, model.threshold),
        reasons=sorted(first.items(), key=lambda one: (-one[1], one[0])),
        answers=answers,
    )


def compared(players: "Sequence[Player]", seed: int, answers: "Floats") -> Compared:
    """What a seed's held-out players are told apart by, beside some answers."""
    import numpy as np

    from pitboss.players import figures

    learned, held = divided(players, seed)
    truth = np.array([one.high_risk for one in held], dtype=np.float64)
    others = _untuned(learned, held)
    return Compared(figures.auroc(others, truth), figures.auroc_gain(answers, others, truth))


def _learned(players: "Sequence[Player]", seed: int) -> "PlayerModel":
    from pitboss.players.families import RISK
    from pitboss.players.features import values
    from pitboss.players.learning import TooFewPlayers, learn

    seen = [values(one.behaviour) for one in players]
    try:
        return learn(seen, [one.high_risk for one in players], seed, RISK)
    except TooFewPlayers as fault:
        raise UsageError(f"There is too little to learn from: {fault}.") from None


def _untuned(learned: "Sequence[Player]", held: "Sequence[Player]") -> "Floats":
    """What LightGBM as it comes says, of all numbers that the files have."""
    import numpy as np

    columns = sorted({name for one in learned for name in one.everything})

    def table(players: "Sequence[Player]") -> "Floats":
        rows = [[one.everything.get(name, np.nan) for name in columns] for one in players]
        return np.array(rows)

    truth = np.array([one.high_risk for one in learned], dtype=np.float64)
    return untuned(table(learned), truth, table(held))


def _quartiles(players: "Sequence[Player]") -> list[int]:
    """Which quartile of games each player is in, 0 to 3."""
    games = [one.behaviour.games or 0.0 for one in players]
    if len(games) < 2:
        return [0] * len(games)
    cuts = quantiles(games, n=4)
    return [sum(value > cut for cut in cuts) for value in games]


# --- saying it ------------------------------------------------------------------------------------


def _figures(
    found: Judged,
    others: Sequence[Judged],
    beside: Compared,
    besides: Sequence[Compared],
    seed: int,
) -> Table:
    table = Table(
        title=(
            f"Who of {found.rows:,} players, held out by seed {seed}, is in the operator's group "
            f"of high risk? {found.high_risk:,} are"
        )
    )
    for column in ("", "held out", "95 %", f"mean of {len(others)} seeds", "worst"):
        table.add_column(column, justify="right" if column else "left")

    def add(name: str, value: float, of: list[float], *, less: bool = False) -> None:
        worst = max(of) if less else min(of)
        table.add_row(name, f"{value:.4f}", "", f"{fmean(of):.4f}", f"{worst:.4f}")

    def add_interval(name: str, value: "Interval", of: list["Interval"]) -> None:
        between = f"{value.low:.3f} to {value.high:.3f}"
        areas = [one.value for one in of]
        table.add_row(
            name, f"{value.value:.4f}", between, f"{fmean(areas):.4f}", f"{min(areas):.4f}"
        )

    add_interval("AUROC", found.auroc, [one.auroc for one in others])
    for name in ("average_precision", "f1", "precision", "recall"):
        said = name.replace("_", " ").replace("f1", "F1")
        add(said, getattr(found, name), [getattr(one, name) for one in others])
    add("Brier score", found.brier, [one.brier for one in others], less=True)
    guessed = [one.guessed_brier for one in others]
    add("Brier score by guessing", found.guessed_brier, guessed, less=True)
    add_interval("AUROC of untuned LightGBM", beside.untuned, [one.untuned for one in besides])
    add_interval("gain of AUROC over it", beside.gain, [one.gain for one in besides])
    return table


def _show(found: Judged) -> None:
    out.print(
        f"At or above {found.model.threshold:.3f} a player is said to be of high risk; chosen, as "
        f"weights and calibration were, by the {found.model.players:,} players learned from."
    )
    out.print(reliability(found.reliability))
    out.print(_fairness(found))
    out.print(
        "Nothing protected can be compared: age and gender are not in the data, and no feature is "
        "of who somebody is. What can be is how much is played, as above."
    )
    said = ", ".join(f"{name} ({count})" for name, count in found.reasons[:6])
    out.print(f"What raised the scores of those said to be of high risk most: {said}.")


def _fairness(found: Judged) -> Table:
    table = Table(title="By quartiles of how many games are played, the fewest first")
    for column in ("", "players", "expected", "observed", "flagged", "false positives", "found"):
        table.add_column(column, justify="right" if column else "left")
    for one in found.quartiles:
        table.add_row(
            one.name,
            f"{one.players:,}",
            f"{one.expected:.3f}",
            f"{one.observed.value:.3f}",
            f"{one.flagged:.3f}",
            _shared(one.false_positives),
            _shared(one.found),
        )
    return table


def _shared(one: "Interval | None") -> str:
    return "" if one is None else f"{one.value:.3f} ({one.low:.2f} to {one.high:.2f})"

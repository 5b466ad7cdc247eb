"""`pitboss players evaluate --dataset hillstrom`: who takes an offer, of people who are real.

Of Kevin Hillstrom's experiment (see `offers_evaluate`) those who got an e-mail, which of two by
chance: does somebody visit, or buy, within two weeks? People, mails and features are a shop's; what
is measured is the learning, the calibration and the gate's loss that a property's own model has.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table

from pitboss.offers.logs import NONE
from workbench.console import UsageError, out, print_json, step
from workbench.offers_evaluate import Customer, read
from workbench.players_judged import reliability, untuned

if TYPE_CHECKING:
    from pitboss.players.figures import Floats, Group, Interval

HELD_OUT = 0.3
OUTCOMES = ("visit", "conversion")
ZIP_CODES, CHANNELS = ("Rural", "Surburban", "Urban"), ("Multichannel", "Phone", "Web")
"""As the file spells them."""

MODEL, UNTUNED, BASE = "the model", "untuned LightGBM", "the base rate"

type Row = tuple[float, ...]


class Judged(NamedTuple):
    """What is said of people held out, of one outcome."""

    rows: int
    happened: int
    auroc: dict[str, "Interval"]
    """By what it is said."""
    brier: dict[str, float]
    gain: "Interval"
    """Of AUROC over the untuned trees."""
    reliability: list["Group"]


def evaluate(file: Path, seed: int, seeds: int, as_json: bool) -> None:
    """Learn who takes an offer from 70 % of the people, and say how good it is on the others."""
    with step(f"reading {file.name}"):
        people = [one for one in read(file) if one.sent != NONE]
    wanted = {seed} if as_json else {seed, *range(1, seeds + 1)}
    with step(f"learning from {1 - HELD_OUT:.0%} of {len(people):,}, {len(wanted)} times"):
        runs = {
            one: {outcome: judged(people, outcome, one) for outcome in OUTCOMES}
            for one in sorted(wanted)
        }
    if as_json:
        print_json({outcome: document(one) for outcome, one in runs[seed].items()})
        return
    for outcome, found in runs[seed].items():
        beside = [runs[one][outcome] for one in range(1, seeds + 1)]
        out.print(_figures(outcome, found, beside, seed))
        out.print(reliability(found.reliability))


def judged(people: list[Customer], outcome: str, seed: int) -> Judged:
    """What is said of the people whom a seed holds out."""
    import numpy as np

    from pitboss.players import figures
    from pitboss.players.families import Family
    from pitboss.players.features import Feature
    from pitboss.players.learning import TooFewPlayers, learn

    order = list(range(len(people)))
    Random(seed).shuffle(order)
    cut = round(HELD_OUT * len(order))
    held, known = ([people[place] for place in part] for part in (order[:cut], order[cut:]))
    family = Family(
        name="propensity",
        features=tuple(Feature(name, lambda _: None, name, name) for name in COLUMNS),
        happened="took the offer",
        least_games=0,
    )
    taken = [bool(one.outcomes[outcome]) for one in known]
    seen, asked = ([values(one) for one in some] for some in (known, held))
    try:
        model = learn(seen, taken, seed, family)
    except TooFewPlayers as fault:
        raise UsageError(f"There is too little to learn from: {fault}.") from None
    truth = np.array([one.outcomes[outcome] for one in held], dtype=np.float64)
    told: dict[str, Floats] = {
        MODEL: np.array([model.probability(one) for one in asked]),
        UNTUNED: untuned(seen, np.array(taken, dtype=np.float64), asked),
        BASE: np.full(len(held), model.happened / model.players),
    }
    return Judged(
        len(held),
        int(truth.sum()),
        {name: figures.auroc(said, truth) for name, said in told.items()},
        {name: float(np.mean((said - truth) ** 2)) for name, said in told.items()},
        figures.auroc_gain(told[MODEL], told[UNTUNED], truth),
        figures.groups(figures.tenths(told[MODEL]), told[MODEL], truth, model.threshold),
    )


def values(one: Customer) -> Row:
    """What is seen of somebody, and of what they were sent; one for each of `COLUMNS`."""
    known = dict(one.features)
    return tuple(float(of(known, one.sent)) for of in COLUMNS.values())


COLUMNS: dict[str, Callable[[dict[str, Any], str], float]] = {
    "recency": lambda known, sent: known["recency"],
    "history": lambda known, sent: known["history"],
    "bought_mens": lambda known, sent: known["mens"] == "1",
    "bought_womens": lambda known, sent: known["womens"] == "1",
    "newbie": lambda known, sent: known["newbie"] == "1",
    **{
        name.lower(): lambda known, sent, name=name: known["zip_code"] == name  # type: ignore[misc]
        for name in ZIP_CODES
    },
    **{
        name.lower(): lambda known, sent, name=name: known["channel"] == name  # type: ignore[misc]
        for name in CHANNELS
    },
    "sent_mens": lambda known, sent: sent == "mens",
    "sent_what_they_bought": lambda known, sent: known[sent] == "1",
}
"""What a model sees, by name."""


def document(found: Judged) -> dict[str, Any]:
    """The figures, as JSON has them."""
    names = {"model": MODEL, "untuned": UNTUNED, "base_rate": BASE}
    return {
        "rows": found.rows,
        "happened": found.happened,
        "auroc": {short: round(found.auroc[name].value, 4) for short, name in names.items()},
        "brier": {short: round(found.brier[name], 4) for short, name in names.items()},
        "reliability": [
            {"expected": round(one.expected, 4), "observed": round(one.observed.value, 4)}
            for one in found.reliability
        ],
    }


def _figures(outcome: str, found: Judged, beside: list[Judged], seed: int) -> Table:
    table = Table(
        title=f"{outcome}: of {found.rows:,} people, held out by seed {seed}, {found.happened:,}"
    )
    for column in ("", "AUROC", "95 %", f"mean of {len(beside)} seeds", "worst", "Brier"):
        table.add_column(column, justify="right" if column else "left")
    for name, one in found.auroc.items():
        areas = [each.auroc[name].value for each in beside]
        table.add_row(
            *(name, f"{one.value:.4f}", f"{one.low:.3f} to {one.high:.3f}"),
            *(f"{fmean(areas):.4f}", f"{min(areas):.4f}", f"{found.brier[name]:.4f}"),
        )
    gain = found.gain
    table.caption = f"gain over {UNTUNED} {gain.value:+.4f} ({gain.low:+.3f} to {gain.high:+.3f})"
    return table

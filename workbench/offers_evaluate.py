"""`pitboss offers evaluate`: a policy learned from a public experiment, and whether it is any good.

The experiment is Kevin Hillstrom's "MineThatData E-Mail Analytics And Data Mining Challenge"
(2008): customers who got, by chance and with even odds, an e-mail on what men wear, one on what
women wear, or none. Known is what came of it within two weeks: a visit, a conversion, spend.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from pitboss.offers.estimators import (
    Estimate,
    Row,
    difference,
    doubly_robust,
    estimate,
    row,
    snips,
)
from pitboss.offers.logs import NONE, Action, Features, LoggedDecision
from workbench.console import UsageError, WorkbenchError, out, print_json, step

OUTCOMES = {"visit": 1, "conversion": 1, "spend": 100}
"""What came of it, and how many units of the log's reward it is counted in."""

ACTIONS = (Action(NONE, NONE, 0), Action("mens", "mens", 0), Action("womens", "womens", 0))
SEGMENTS = {"No E-Mail": NONE, "Mens E-Mail": "mens", "Womens E-Mail": "womens"}
_ODDS = (333_334, 333_333, 333_333)
_SINGLE = {NONE: NONE, "mens": "always-mens", "womens": "always-womens"}
LEARNED, RANDOM = "learned", "random"

FOLDS = 3
_CAUTION = 0.975
"""How sure training must be of a gain before the learned policy leaves the best single action."""
LEAST_ROWS = 600
"""With fewer there is no telling anything from chance."""

_WORDS = ("zip_code", "channel")
_FLAGS = ("mens", "womens", "newbie")
COLUMNS = ("recency", "history", *_FLAGS, *_WORDS, "segment", *OUTCOMES)


class Dataset(StrEnum):
    """A public log that a policy can be learned from."""

    HILLSTROM = "hillstrom"


class Customer(NamedTuple):
    """A row of the file."""

    features: Features
    sent: str
    """Code of the action."""
    outcomes: dict[str, int]
    """By name, in the units of `OUTCOMES`."""


class Result(NamedTuple):
    """What held-out rows say of one outcome."""

    values: dict[str, Estimate]
    """By policy, in the outcome's own unit (a share; dollars)."""
    verdict: Any
    """The gate's: `pitboss.offers.promotion.Verdict`, in the units of `OUTCOMES`."""
    leaves: float
    """Share of the held-out rows in which the learned policy leaves the best single action."""
    best_single: str
    """Name of the single-action policy that was best in training."""
    lead: Estimate
    """How much more the learned policy earns than the single-action policy that is best in the
    held-out rows, by the same estimate as `values`."""


def evaluate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The log, as it was published.")],
    dataset: Annotated[Dataset, typer.Option(help="Which log it is.")],
    train_fraction: Annotated[
        float, typer.Option(help="Share of the rows that are learned from.")
    ] = 0.7,
    seed: Annotated[int, typer.Option(help="Of which rows are.")] = 1,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the values into this SVG or PNG file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Learn a policy from a randomised log, and say what it is worth on rows it did not see.

    For each outcome: the value of acting by chance, never, always the same, and as learned, each
    with its 95 % interval, and whether the gate would let the learned policy serve.
    """
    if not 0.1 <= train_fraction <= 0.9:
        raise UsageError("--train-fraction is a share between 0.1 and 0.9.")
    if picture is not None and picture.suffix not in {".svg", ".png"}:
        raise UsageError("--picture names a file that ends with .svg or .png.")
    with step(f"reading {file.name}"):
        customers = read(file)
    results = {}
    for outcome in OUTCOMES:
        with step(f"learning {outcome} from {train_fraction:.0%} of {len(customers):,} rows"):
            results[outcome] = evaluated(customers, outcome, train_fraction, seed)
    if picture is not None:
        from workbench.offers_picture import draw

        draw(results, picture)
    if as_json:
        print_json(document(results, len(customers)))
    else:
        _show(results, len(customers), train_fraction)


# --- the file -------------------------------------------------------------------------------------


def read(file: Path) -> list[Customer]:
    """The customers of a file.

    Raises:
        WorkbenchError: it cannot be read, or says something that cannot be.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            customers = list(_customers(csv.DictReader(lines, strict=True), file.name))
    except OSError as fault:
        raise WorkbenchError(f"{file} cannot be read ({fault.strerror}): check the name.") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{file} is no UTF-8 text: is it the published CSV file?") from None
    except csv.Error as fault:
        raise WorkbenchError(f"{file} is no comma-separated file: {fault}.") from None
    if len(customers) < LEAST_ROWS:
        raise WorkbenchError(
            f"{file} has {len(customers)} rows, and at least {LEAST_ROWS} are needed to tell "
            "anything from chance."
        )
    for segment, code in SEGMENTS.items():
        if not any(customer.sent == code for customer in customers):
            raise WorkbenchError(f"{file} has no row of the segment {segment!r}: take a whole one.")
    return customers


def _customers(reader: "csv.DictReader[str]", name: str) -> Iterator[Customer]:
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise WorkbenchError(
            f"{name} has no column {', '.join(missing)}: the hillstrom file has "
            f"{', '.join(COLUMNS)}."
        )
    for line in reader:
        try:
            yield _customer(line)
        except ValueError as fault:
            raise WorkbenchError(f"{name}, line {reader.line_num}: {fault}.") from None


def _customer(line: dict[str, str]) -> Customer:
    if None in line or None in line.values():
        raise ValueError("it has not as many values as there are columns")
    if line["segment"] not in SEGMENTS:
        raise ValueError(f"segment is {line['segment']!r}, not one of {', '.join(SEGMENTS)}")
    features: list[tuple[str, str | int | float]] = [
        ("recency", _number(line, "recency")),
        ("history", _number(line, "history")),
        *((name, str(_flag(line, name))) for name in _FLAGS),
        *((name, line[name]) for name in _WORDS),
    ]
    outcomes = {
        "visit": _flag(line, "visit"),
        "conversion": _flag(line, "conversion"),
        "spend": round(_number(line, "spend") * OUTCOMES["spend"]),
    }
    return Customer(tuple(features), SEGMENTS[line["segment"]], outcomes)


def _number(line: dict[str, str], name: str) -> float:
    try:
        value = float(line[name])
    except ValueError:
        raise ValueError(f"{name} is {line[name]!r}, not a number") from None
    if not 0 <= value < 1e9:
        raise ValueError(f"{name} is {line[name]!r}, not an amount")
    return value


def _flag(line: dict[str, str], name: str) -> int:
    if line[name] not in {"0", "1"}:
        raise ValueError(f"{name} is {line[name]!r}, not 0 or 1")
    return int(line[name])


# --- learning and judging -------------------------------------------------------------------------


class Cautious(NamedTuple):
    """The best single action, but where a model expects so much more of another one."""

    best: int
    """Place of the best single action."""
    least_gain: float
    """What a model must expect more of another action, in the log's unit."""

    def choice(self, scores: Sequence[float]) -> int:
        """Place of the action to take."""
        top = max(range(len(scores)), key=scores.__getitem__)
        return top if scores[top] - scores[self.best] > self.least_gain else self.best


def cautious(logged: Sequence[LoggedDecision], predictions: Sequence[Sequence[float]]) -> Cautious:
    """The policy that a log is sure of.

    The best single action is left only where decisions that the predicting models did not see say
    that it pays, of as many thresholds as were tried: by a lower bound of the difference, doubly
    robust. Where none does, it is never left.

    Args:
        logged: decisions.
        predictions: what models that did not see a decision expect of its actions.
    """
    singles = _singles(logged, predictions)
    values = [estimate(snips(rows)).value for rows in singles]
    best = max(range(len(ACTIONS)), key=values.__getitem__)
    gains = sorted(gain for scores in predictions if (gain := max(scores) - scores[best]) > 0)
    if len(gains) < 2:
        return Cautious(best, math.inf)
    thresholds = [0.0, *quantiles(gains, n=4)]
    sure = 1 - (1 - _CAUTION) / len(thresholds)
    found = Cautious(best, math.inf)
    most = 0.0
    for threshold in thresholds:
        policy = Cautious(best, threshold)
        choices = [policy.choice(scores) for scores in predictions]
        rows = [singles[choice][place] for place, choice in enumerate(choices)]
        gained = difference(doubly_robust, rows, singles[best])
        bound = gained.at_least(sure)
        if bound > most:
            found, most = policy, bound
    return found


def evaluated(
    customers: Sequence[Customer], outcome: str, train_fraction: float, seed: int
) -> Result:
    """What held-out customers say of one outcome."""
    from pitboss.offers.learning import Recipe, Scorer, cross_fitted, train
    from pitboss.offers.promotion import decide

    logged = [_logged(customer, outcome) for customer in customers]
    Random(seed).shuffle(logged)
    cut = round(len(logged) * train_fraction)
    learned_from, held_out = logged[:cut], logged[cut:]
    recipe = Recipe(seed=seed)
    policy = cautious(learned_from, cross_fitted(learned_from, recipe, FOLDS))
    scorer = Scorer(train(learned_from, recipe))
    predictions = [scorer.score(one.features, one.actions) for one in held_out]
    choices = [policy.choice(scores) for scores in predictions]
    singles = _singles(held_out, predictions)
    even = [1 / len(ACTIONS)] * len(ACTIONS)
    rows = {
        RANDOM: [row(one, even, q) for one, q in zip(held_out, predictions, strict=True)],
        **{_SINGLE[action.code]: its for action, its in zip(ACTIONS, singles, strict=True)},
        LEARNED: [singles[choice][place] for place, choice in enumerate(choices)],
    }
    # Which single action stays is no test, and all rows are there to tell.
    champion = max(_SINGLE.values(), key=lambda name: _mean(logged, name))
    unit = OUTCOMES[outcome]
    values = {
        name: found._replace(value=found.value / unit, standard_error=found.standard_error / unit)
        for name, found in ((name, estimate(snips(its))) for name, its in rows.items())
    }
    top = max(_SINGLE.values(), key=lambda name: values[name].value)
    lead = difference(snips, rows[LEARNED], rows[top])
    return Result(
        values=values,
        verdict=decide(LEARNED, champion, rows),
        leaves=sum(choice != policy.best for choice in choices) / len(choices),
        best_single=_SINGLE[ACTIONS[policy.best].code],
        lead=lead._replace(value=lead.value / unit, standard_error=lead.standard_error / unit),
    )


def _logged(customer: Customer, outcome: str) -> LoggedDecision:
    return LoggedDecision(
        day="2008-03-20",  # when the challenge was published: the file has no days
        features=customer.features,
        actions=ACTIONS,
        chosen=customer.sent,
        propensities=_ODDS,
        reward=customer.outcomes[outcome],
    )


def _singles(
    logged: Sequence[LoggedDecision], predictions: Sequence[Sequence[float]]
) -> list[list[Row]]:
    """What decisions say of always taking each of the actions."""
    return [
        [
            row(one, [float(other == place) for other in range(len(ACTIONS))], scores)
            for one, scores in zip(logged, predictions, strict=True)
        ]
        for place in range(len(ACTIONS))
    ]


def _mean(logged: Sequence[LoggedDecision], name: str) -> float:
    rewards = [one.reward for one in logged if _SINGLE[one.chosen] == name]
    return math.fsum(rewards) / len(rewards)


# --- saying it ------------------------------------------------------------------------------------


def document(results: dict[str, Result], rows: int) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        **{
            outcome: {
                "policies": {
                    name: {
                        "value": one.value,
                        "standard_error": one.standard_error,
                        "low": one.low,
                        "high": one.high,
                    }
                    for name, one in result.values.items()
                },
                "gate": {"verdict": result.verdict.verdict, "policy": result.verdict.policy},
            }
            for outcome, result in results.items()
        },
        "rows": rows,
    }


def said(outcome: str, value: float) -> str:
    """A value of an outcome for people."""
    return f"${value:.3f}" if outcome == "spend" else f"{value * 100:.2f} %"


def _show(results: dict[str, Result], rows: int, train_fraction: float) -> None:
    held_out = rows - round(rows * train_fraction)
    table = Table(title=f"Value of a customer, {held_out:,} of {rows:,} rows held out")
    table.add_column("policy")
    for outcome in results:
        table.add_column(outcome, justify="right")
        table.add_column("95 % interval")
    for name in next(iter(results.values())).values:
        cells = [name]
        for outcome, result in results.items():
            one = result.values[name]
            cells.append(said(outcome, one.value))
            cells.append(f"{said(outcome, one.low)} to {said(outcome, one.high)}")
        table.add_row(*cells)
    out.print(table)
    for outcome, result in results.items():
        verdict = result.verdict
        out.print(
            f"{outcome}: [bold]{verdict.verdict} {verdict.policy}[/bold]. {verdict.reason} "
            f"(In units of {'a cent' if outcome == 'spend' else f'one {outcome}'} a customer.)"
        )
        out.print(f"    learned leaves {result.best_single} for {result.leaves:.1%} of customers")

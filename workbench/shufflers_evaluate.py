"""`pitboss shufflers evaluate`: the failure model of shufflers, on data that no one here made.

The features, labels, splits, trees and calibration are those that shufflers are learned by
(`pitboss.shufflers.failure_model.train`); a data set has a way to be read (`shuffler_datasets`) and
a recipe, which is below. The recipes were chosen by the training part alone, never by the answers
that are printed here; docs/failures.md says how.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.table import Table

from workbench.console import UsageError, out, print_json, say, step

if TYPE_CHECKING:
    from pitboss.shufflers.failure_card import Card, Foreseen
    from pitboss.shufflers.failure_model import Recipe
    from workbench.shuffler_datasets import LogMapping, Turbofans

CAP = 125
"""Flights: above, an engine shows nothing yet, and how many more remain is not told; so it is done
since Heimes, "Recurrent Neural Networks for Remaining Useful Life Estimation", PHM 2008."""

PUBLISHED_CMAPSS = {
    "CNN": 16.97,
    "LSTM": 16.14,
    "BiLSTM": 13.65,
    "deep CNN": 12.61,
    "DAST": 11.43,
    "STAR": 10.61,
}
"""RMSE of FD001 as published: some cap the answers of the test, too, and some do not."""

PUBLISHED_AZURE = {"macro F1, with telemetry, which component": 0.980}


class Dataset(StrEnum):
    """What can be read."""

    CMAPSS = "cmapss"
    AZURE_PDM = "azure-pdm"
    ALARM_LOG = "alarm-log"


class Lives(NamedTuple):
    """How well the remaining life of engines is told."""

    units: int
    rmse: float
    rmse_capped_125: float
    """Where answers above 125 flights count as 125."""
    nasa_score: float
    """The sum over engines, against answers as they are."""
    nasa_score_capped_125: float


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the set's files.")],
    dataset: Annotated[Dataset, typer.Option(help="Which set it is.")],
    subset: Annotated[str, typer.Option(help="Of cmapss: FD001, FD002, FD003 or FD004.")] = "FD001",
    mapping: Annotated[
        Path | None,
        typer.Option(help="Of a log of alarms: a TOML file that says what its columns are."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Learn when devices fail from a public data set, and say how well on what was not seen.

    By the same features, training and calibration as for shufflers.
    """
    from workbench import shuffler_datasets

    if dataset is Dataset.CMAPSS:
        if mapping is not None:
            raise UsageError("--mapping is for logs of alarms; C-MAPSS has a form of its own.")
        with step(f"reading {subset} of {folder.name}"):
            found = shuffler_datasets.turbofans(folder, subset)
        _show_lives(subset, lives(found, say), as_json)
        return
    if mapping is not None:
        named = shuffler_datasets.read_mapping(mapping)
    elif dataset is Dataset.AZURE_PDM:
        named = shuffler_datasets.AZURE
    else:
        raise UsageError("--dataset alarm-log needs a --mapping FILE: see docs/failures.md.")
    with step(f"reading {folder.name}"):
        histories = shuffler_datasets.alarm_log(folder, named)
    _show_failures(named, foreseen(histories, named, say), as_json)


# --- recipes --------------------------------------------------------------------------------------


def recipe_of_turbofans(split: str = "none") -> "Recipe":
    """How the remaining life of engines is learned."""
    from pitboss.shufflers.boosting import Boosting
    from pitboss.shufflers.failure_model import Recipe
    from pitboss.shufflers.features import Plan
    from workbench.shuffler_datasets import SETTINGS

    return Recipe(
        plan=Plan(
            windows=(10, 30, 90),
            statistics=("mean", "slope"),
            half_lives=(15,),
            baseline=60,
            settings=SETTINGS,
        ),
        target="remaining-life",
        horizon=CAP,
        split=split,  # type: ignore[arg-type]
        boosting=Boosting(
            rounds=500, rate=0.03, leaves=15, least_rows=200, feature_share=0.6, row_share=0.2
        ),
    )


def recipe_of_log(mapping: "LogMapping") -> "Recipe":
    """How failures are learned from a log of alarms."""
    from pitboss.shufflers.boosting import Boosting
    from pitboss.shufflers.failure_model import Recipe
    from pitboss.shufflers.features import Plan

    return Recipe(
        plan=Plan(
            windows=(mapping.horizon_hours,),
            statistics=("last", "mean", "std", "slope"),
            ages=False,
        ),
        horizon=mapping.horizon_hours,
        held_out_share=mapping.held_out_share,
        calibration_share=CALIBRATED_SHARE,
        boosting=Boosting(
            rounds=400,
            rate=0.05,
            leaves=15,
            least_rows=20,
            feature_share=0.5,
            row_share=0.8,
            penalty=1,
        ),
    )


CALIBRATED_SHARE = 0.15
"""Of the time of a log: it comes between what is learned from and what is held out."""


# --- learning and judging -------------------------------------------------------------------------


def lives(of: "Turbofans", said: Any = lambda text: None) -> Lives:  # noqa: ANN401
    """Learn from the engines that failed, and say what remains to those that did not."""
    from pitboss.shufflers.failure_model import FailureModel, train

    model = FailureModel(train(of.train, recipe_of_turbofans(), said).model)
    return scored([model.latest(one) for one in of.test], of.remaining)


def scored(told: Sequence[float], remaining: Sequence[float]) -> Lives:
    """How far what is told is from what remained."""
    capped = [min(one, CAP) for one in remaining]
    return Lives(
        len(told),
        _rmse(told, remaining),
        _rmse(told, capped),
        nasa_score(told, remaining),
        nasa_score(told, capped),
    )


def nasa_score(told: Sequence[float], remaining: Sequence[float]) -> float:
    """The score of the PHM 2008 challenge: too late is worse than too early; 0 is perfect.

    >>> round(nasa_score([60, 40], [50, 53]), 3)
    3.437
    """
    from math import expm1

    late = (a - b for a, b in zip(told, remaining, strict=True))
    return sum(expm1(-one / 13) if one < 0 else expm1(one / 10) for one in late)


def _rmse(told: Sequence[float], remaining: Sequence[float]) -> float:
    squares = [(a - b) ** 2 for a, b in zip(told, remaining, strict=True)]
    return float((sum(squares) / len(squares)) ** 0.5)


def foreseen(histories: Any, mapping: "LogMapping", said: Any = lambda text: None) -> "Card":  # noqa: ANN401
    """Learn from the first of the time, and judge on the last."""
    from pitboss.shufflers.failure_card import Foreseen
    from pitboss.shufflers.failure_model import NothingToLearn, train
    from workbench.console import WorkbenchError

    try:
        card = train(histories, recipe_of_log(mapping), said).card
    except NothingToLearn as fault:
        raise WorkbenchError(f"Nothing can be learned from {mapping.name}: {fault}.") from None
    if not isinstance(card.held_out, Foreseen) or not card.held_out.positives:
        raise WorkbenchError(
            f"No failure of {mapping.name} is in the last {mapping.held_out_share:.0%} of the time:"
            " there is nothing to judge on; another held_out_share in the mapping may help."
        )
    return card


# --- saying it ------------------------------------------------------------------------------------


def _show_lives(subset: str, found: Lives, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "subset": subset,
                "units": found.units,
                "rmse": round(found.rmse, 4),
                "rmse_capped_125": round(found.rmse_capped_125, 4),
                "nasa_score": round(found.nasa_score, 2),
            }
        )
        return
    table = Table(title=f"Remaining life of {found.units} engines of {subset}, in flights")
    for column in ("", "answers as they are", f"answers capped at {CAP}"):
        table.add_column(column, justify="right" if column else "left")
    table.add_row("RMSE", f"{found.rmse:.2f}", f"{found.rmse_capped_125:.2f}")
    scores = (found.nasa_score, found.nasa_score_capped_125)
    table.add_row("NASA score", *(f"{one:,.0f}" for one in scores))
    out.print(table)
    if subset == "FD001":
        said = ", ".join(f"{name} {rmse}" for name, rmse in PUBLISHED_CMAPSS.items())
        out.print(f"Published RMSE (the test capped or not, as each has it): {said}.")


def _show_failures(mapping: "LogMapping", card: "Card", as_json: bool) -> None:
    found: Foreseen = card.held_out  # type: ignore[assignment]
    if as_json:
        names = ("precision", "recall", "f1", "pr_auc")
        figures = {name: round(getattr(found, name), 4) for name in names}
        print_json(figures | {"rows": found.rows})
        return
    title = (
        f"{mapping.name}: does a device fail within {mapping.horizon_hours:g} h? "
        f"{found.rows:,} rows of the last {mapping.held_out_share:.0%} of the time"
    )
    table = Table(title=title)
    table.add_column("")
    table.add_column("held out", justify="right")
    for name in ("precision", "recall", "f1", "pr_auc"):
        table.add_row(name.replace("_", "-"), f"{getattr(found, name):.4f}")
    table.add_row("threshold", f"{found.threshold:.3f}")
    table.add_row("rows before a failure", f"{found.positives:,}")
    table.add_row("failures foreseen", f"{found.failures_foreseen:,} of {found.failures:,}")
    if found.median_lead is not None:
        table.add_row("median lead", f"{found.median_lead:g} h")
    out.print(table)
    out.print(_calibration_table(found))
    told = ", ".join(f"{one.feature} {one.share:.0%}" for one in card.important[:6])
    out.print(f"What the trees know is by: {told}.")
    if mapping.name == Dataset.AZURE_PDM:
        said = ", ".join(f"{name} {value}" for name, value in PUBLISHED_AZURE.items())
        out.print(f"Published: {said}.")


def _calibration_table(found: "Foreseen") -> Table:
    before, after, guessed = found.uncalibrated, found.calibrated, found.guessed
    table = Table(
        title=(
            f"Log loss {before.log_loss:.5f} before calibration, {after.log_loss:.5f} after "
            f"({guessed.log_loss:.5f} by guessing); Brier score {before.brier:.5f}, "
            f"{after.brier:.5f} ({guessed.brier:.5f})"
        )
    )
    for column in ("probability", "rows", "expected", "observed"):
        table.add_column(column, justify="right")
    for one in found.calibration:
        if one.expected is not None and one.observed is not None:
            span = f"{one.low:g} to {one.high:g}"
            table.add_row(span, f"{one.rows:,}", f"{one.expected:.4f}", f"{one.observed:.4f}")
    return table

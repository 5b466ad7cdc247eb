"""`pitboss experiments`: what is asked of players, and what came of it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import definitions, endpoint
from workbench.console import WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    from pitboss.experiments.analysis import Difference, Exposed, Played, Result
    from pitboss.experiments.assignment import Registered
    from pitboss.experiments.definition import Experiment
    from pitboss.experiments.outcomes import DayOfSession
    from pitboss.stores.experiments import DynamoExperiments
    from pitboss.stores.ratings import DynamoRatings

READERS = 8
"""Players whose play is read at a time."""

_PAGE = 200
_TRIES = 5
"""Times that others may register an experiment of the same property meanwhile."""

app = typer.Typer(no_args_is_help=True, help="Experiments: assignment, exposure and results.")

Property = Annotated[str, typer.Option("--property", help="Whose experiments they are.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The experiment's key.")]


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="experiments")


@app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An experiment, as YAML or JSON.")],
    as_json: AsJson = False,
) -> None:
    """Register an experiment, or what is changed of one: its status, its share, its name."""
    from pitboss.experiments import assignment

    wanted = load(file)
    with _store() as store:
        kept = _changed(
            store,
            wanted.property_id,
            lambda known: assignment.register(known, wanted, _now()),
        )
    if as_json:
        print_json(described(kept))
        return
    out.print(
        f"Experiment {wanted.key} of property {escape(wanted.property_id)} is "
        f"{wanted.status}: {sum(block.size for block in kept.blocks):,} of layer {wanted.layer}'s "
        "10,000 buckets."
    )


@app.command("list")
def show_all(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """List a property's experiments."""
    must_be_id(property_id, "property")
    with _store() as store:
        found = store.book(property_id).experiments
    if as_json:
        print_json([described(one) for one in found])
        return
    table = Table(title=escape(f"Experiments of property {property_id}"), title_justify="left")
    for heading in ("key", "status", "layer", "share", "variants", "began", "over"):
        table.add_column(heading, justify="right" if heading == "share" else "left")
    for one in found:
        experiment = one.experiment
        table.add_row(
            experiment.key,
            str(experiment.status),
            experiment.layer,
            f"{experiment.share_basis_points / 100:g} %",
            ", ".join(key for key, _ in experiment.weights),
            "" if one.started_at is None else moment(one.started_at),
            "" if one.stopped_at is None else moment(one.stopped_at),
        )
    out.print(table)


@app.command("show")
def show(key: Key, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Show an experiment: its variants with their flags, and the buckets that it was given."""
    with _store() as store:
        found = _find(store.book(property_id).experiments, property_id, key)
    if as_json:
        print_json(described(found))
        return
    experiment = found.experiment
    out.print(
        escape(f"{experiment.key}: {experiment.name} ({experiment.status}), of layer ")
        + f"{experiment.layer} {experiment.share_basis_points / 100:g} %"
    )
    table = Table()
    for heading in ("variant", "weight", "flags"):
        table.add_column(heading)
    for variant in experiment.variants:
        flags = ", ".join(f"{name} = {value}" for name, value in variant.flags.items())
        table.add_row(variant.key, f"{variant.weight_basis_points / 100:g} %", escape(flags))
    out.print(table)
    for block in found.blocks:
        ranges = ", ".join(f"{first} to {end - 1}" for first, end in block.ranges)
        weights = ", ".join(f"{name} {weight / 100:g} %" for name, weight in block.weights)
        out.print(f"buckets {ranges}: {weights}")


@app.command("stop")
def stop(key: Key, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """End an experiment for good: nobody is shown it any more, and its buckets are free."""
    from pitboss.experiments import assignment

    with _store() as store:
        kept = _changed(
            store,
            property_id,
            lambda known: assignment.stop(_find(known, property_id, key), _now()),
        )
    if as_json:
        print_json(described(kept))
        return
    assert kept.stopped_at is not None, "what is stopped was stopped at some time"
    out.print(f"Experiment {key} is over since {moment(kept.stopped_at)}.")


@app.command("results")
def results(key: Key, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Show what came of an experiment so far; it may be looked at as often as one likes."""
    import msgspec

    from pitboss.gaming_day import GamingDays
    from pitboss.stores.ratings import DynamoRatings
    from workbench.stack import settings_of

    with _store() as store:
        found = _find(store.book(property_id).experiments, property_id, key)
        settings = settings_of("rate_players")
        region = endpoint.target().region or endpoint.DEFAULT_REGION
        gaming_days = GamingDays.parse(settings["GAMING_DAYS"])
        came = came_of(
            found,
            store.exposed(property_id, key),
            DynamoRatings(settings["RATINGS_TABLE"], region),
            gaming_days.day_of(property_id),
            _now(),
        )
    if as_json:
        print_json(msgspec.to_builtins(came))
        return
    _print(came)


def came_of(
    registered: "Registered",
    exposed: "list[Exposed]",
    ratings: "DynamoRatings",
    day_of: Callable[[int], str],
    now: int,
) -> "Result":
    """What came of an experiment, from the ratings of who was exposed.

    Args:
        registered: the experiment.
        exposed: who was exposed, in the order they were.
        ratings: where their play is.
        day_of: the gaming day of a moment (epoch ms).
        now: epoch milliseconds. Windows that are over by its gaming day count.
    """
    from pitboss.experiments.analysis import Played, result
    from pitboss.experiments.outcomes import last_day, outcome

    experiment = registered.experiment
    today = day_of(now)
    over = []
    for one in exposed:
        first = day_of(one.at)
        last = last_day(first, experiment.window_days)
        if last < today:
            over.append((last, one.player_id, first, one))
    over.sort()

    def played(last: str, player_id: str, first: str, one: "Exposed") -> "Played":
        play = play_since(ratings, experiment.property_id, player_id, first)
        return Played(one.variant, one.block, outcome(play, one.at, first, last))

    with ThreadPoolExecutor(READERS) as pool:
        return result(registered, exposed, pool.map(lambda each: played(*each), over), now)


def play_since(
    ratings: "DynamoRatings", property_id: str, player_id: str, first: str
) -> "list[DayOfSession]":
    """A player's sessions by gaming day, from a gaming day on."""
    from pitboss.experiments.outcomes import DayOfSession
    from pitboss.stores.ratings import SessionPlace

    found: list[DayOfSession] = []
    before = None
    while True:
        page = ratings.player_sessions(property_id, player_id, _PAGE, before, as_now=True)
        for one in page:
            if one.key.day < first:
                return found
            found.append(
                DayOfSession(
                    one.key.day,
                    one.asset_id,
                    one.key.started_at,
                    one.first_play,
                    one.tally.games,
                    one.tally.coin_in_cents,
                    one.tally.theoretical_win,
                )
            )
        if len(page) < _PAGE:
            return found
        last = page[-1]
        before = SessionPlace(last.key.day, last.key.started_at, last.asset_id)


def load(file: Path) -> "Experiment":
    """The experiment that a file holds.

    Raises:
        WorkbenchError: it cannot be read, or is no experiment.
    """
    from pitboss.experiments.definition import parse

    return definitions.load(file, parse, "experiment")


def described(registered: "Registered") -> dict[str, Any]:
    """An experiment as it is registered, as plain content."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(registered)
    return plain


@contextmanager
def _store() -> "Iterator[DynamoExperiments]":
    from pitboss.stores.experiments import DynamoExperiments

    table = endpoint.stack_outputs().get("ExperimentsTableName")
    if table is None:
        raise WorkbenchError("The stack has no experiments yet: deploy it anew with `pitboss up`.")
    with endpoint.as_environment():
        yield DynamoExperiments(table, endpoint.target().region or endpoint.DEFAULT_REGION)


def _changed(
    store: "DynamoExperiments",
    property_id: str,
    change: "Callable[[tuple[Registered, ...]], Registered]",
) -> "Registered":
    """Register what is made of what is known; made anew where that has moved on meanwhile."""
    from pitboss.experiments.definition import InvalidExperiment
    from pitboss.stores.experiments import ChangedMeanwhileError

    for _ in range(_TRIES):
        book = store.book(property_id)
        try:
            wanted = change(book.experiments)
        except InvalidExperiment as fault:
            raise WorkbenchError(f"It is not registered: {fault}.") from None
        if wanted in book.experiments:
            return wanted
        try:
            store.register(book, wanted)
        except ChangedMeanwhileError:
            continue
        return wanted
    raise WorkbenchError(f"Experiments of {property_id} are changed all the time: try again.")


def _find(known: "Iterable[Registered]", property_id: str, key: str) -> "Registered":
    found = next((one for one in known if one.experiment.key == key), None)
    if found is None:
        raise WorkbenchError(
            f"Property {property_id} has no experiment {key!r}: `pitboss experiments list` names "
            "those there are."
        )
    return found


def _now() -> int:
    from workbench.unchanged import now_ms

    return now_ms()


_WORDS = {
    "keep_running": "keep running",
    "stop_better": "stop: better",
    "stop_worse": "stop: worse",
    "stop_harm": "stop: harm at a guardrail",
    "stop_no_effect": "stop: no effect by the end",
    "invalid_sample_ratio": "invalid: players did not fall in the variants by their weights",
}


def _print(came: "Result") -> None:
    arms = Table(title=f"Experiment {came.key}, {came.days:.1f} days", title_justify="left")
    for heading in ("variant", "weight", "exposed", "window over"):
        arms.add_column(heading, justify="left" if heading == "variant" else "right")
    for arm in came.arms:
        weight = f"{arm.weight_basis_points / 100:g} %"
        arms.add_row(arm.variant, weight, f"{arm.exposed:,}", f"{arm.counted:,}")
    out.print(arms)
    table = Table()
    for heading in ("variant", "metric", "control", "variant's", "difference", "from", "to", "p"):
        table.add_column(heading, justify="left" if heading in ("variant", "metric") else "right")
    for compared in came.compared:
        for one in (compared.primary, *compared.guardrails):
            table.add_row(compared.variant, *_row(one))
    out.print(table)
    out.print(f"sample ratio: p = {came.sample_ratio_probability:.3g}")
    for compared in came.compared:
        out.print(f"{compared.variant}: {_WORDS[compared.verdict]}")


def _row(one: "Difference") -> list[str]:
    bounds = ["" if bound is None else f"{bound:+,.2f}" for bound in (one.lower, one.upper)]
    return [
        str(one.metric),
        f"{one.control_mean:,.2f}",
        f"{one.treatment_mean:,.2f}",
        f"{one.difference:+,.2f}",
        *bounds,
        f"{one.probability:.3g}",
    ]

"""`pitboss metrics`: what is measured of games, and what it comes to."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import definitions, webhooks
from workbench.console import UsageError, WorkbenchError, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    from pitboss.gaming_day import GamingDays
    from pitboss.metrics.definition import Metric
    from pitboss.metrics.documents import MetricsDocument, WindowDocument
    from pitboss.metrics.reading import Registered
    from pitboss.stores.metrics import DynamoMetrics

SUFFIXES = (".yaml", ".yml", ".json")

app = typer.Typer(no_args_is_help=True, help="Live metrics of games.")

Property = Annotated[str, typer.Option("--property", help="Whose metrics they are.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Metrics as YAML or JSON, or folders of them."),
]
Application = Annotated[str | None, typer.Option("--app", help="Of this application alone.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The metric's key.")]


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(webhooks.app, name="webhook")
    parent.add_typer(app, name="metrics")


@app.command("check")
def check(files: Files) -> None:
    """Say whether files are metrics, and what is wrong with those that are not."""
    found = load(files)
    out.print(f"{len(found)} metrics, all of them right.")


@app.command("apply")
def apply(files: Files, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Register metrics, or what is changed of them; they are measured within a minute."""
    must_be_id(property_id, "property")
    wanted = load(files)
    webhooks.must_be_registered(property_id, wanted)
    with opened() as store:
        kept = [store.define(property_id, one, int(time.time())) for one in wanted]
    if as_json:
        print_json([described(one) for one in kept])
    else:
        out.print(escape(f"{len(kept)} metrics of property {property_id} are measured."))


@app.command("list")
def show_all(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """List a property's metrics."""
    from pitboss.metrics.documents import in_words

    must_be_id(property_id, "property")
    with opened() as store:
        found = store.registered(property_id)
    if as_json:
        print_json([described(one) for one in found])
        return
    table = Table(title=escape(f"Metrics of property {property_id}"), title_justify="left")
    for heading in ("key", "application", "what", "window", "dimensions", "told of", "actions"):
        table.add_column(heading)
    for metric, _ in found:
        of = "" if metric.of is None else f" of {metric.of}"
        table.add_row(
            metric.key,
            metric.application,
            escape(f"{metric.aggregate}{of}"),
            in_words(metric),
            escape(", ".join(metric.dimensions)),
            "" if metric.threshold is None else str(metric.threshold),
            ", ".join(map(str, () if metric.threshold is None else metric.threshold.actions)),
        )
    out.print(table)


@app.command("remove")
def remove(key: Key, property_id: Property = DEFAULT_PROPERTY) -> None:
    """Measure a metric no more."""
    must_be_id(property_id, "property")
    with opened() as store:
        if key not in {one.key for one in store.definitions(property_id)}:
            raise WorkbenchError(
                f"Property {property_id} has no metric {key!r}: `pitboss metrics list` names those "
                "there are."
            )
        store.remove(property_id, key)
    out.print(f"Metric {key} is measured no more.")


@app.command("show")
def show(
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="Of this metric.")] = None,
    property_id: Property = DEFAULT_PROPERTY,
    application: Application = None,
    windows: Annotated[int, typer.Option("--windows", help="How many, the newest last.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Show what metrics come to: by default the window that lasts, and the one before."""
    import msgspec

    _must_be_windows(windows)
    must_be_id(property_id, "property")
    with opened() as store:
        document = _now(store, _gaming_days(), property_id, application, key=key, windows=windows)
    if as_json:
        print_json(msgspec.to_builtins(document))
    else:
        out.print(_table(document))


@app.command("watch")
def watch(
    property_id: Property = DEFAULT_PROPERTY,
    application: Application = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Stop after so long; else by Ctrl-C.")
    ] = None,
) -> None:
    """Show what metrics come to, anew every second."""
    from rich.live import Live

    must_be_id(property_id, "property")
    until = None if seconds is None else time.monotonic() + seconds
    gaming_days = _gaming_days()
    with opened() as store, Live(console=out, auto_refresh=False) as screen:
        while until is None or time.monotonic() < until:
            document = _now(store, gaming_days, property_id, application)
            screen.update(_table(document), refresh=True)
            time.sleep(1)


def load(files: Iterable[Path]) -> "list[Metric]":
    """The metrics that files, and the files of folders, hold.

    Raises:
        WorkbenchError: one of them cannot be read, or is no metric, or one key is there twice.
    """
    from pitboss.metrics.definition import parse

    found: dict[str, Path] = {}
    metrics = []
    for file in _files(files):
        metric = definitions.load(file, parse, "metric")
        if metric.key in found:
            raise WorkbenchError(f"{file} has the key of {found[metric.key]}: {metric.key}.")
        found[metric.key] = file
        metrics.append(metric)
    if not metrics:
        raise WorkbenchError("There is no metric in there.")
    return metrics


def described(registered: "Registered") -> dict[str, Any]:
    """A metric as it is registered, as plain content."""
    import msgspec

    return {"metric": msgspec.to_builtins(registered.metric), "since": registered.since}


def _files(given: Iterable[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.suffix in SUFFIXES)
        else:
            yield path


def _must_be_windows(windows: int) -> None:
    from pitboss.metrics.documents import MAX_WINDOWS

    if not 1 <= windows <= MAX_WINDOWS:
        raise UsageError(f"--windows is from 1 to {MAX_WINDOWS}.")


@contextmanager
def opened() -> "Iterator[DynamoMetrics]":
    """Where the stack keeps metrics, and crashes.

    Raises:
        WorkbenchError: there is no stack, or an older one.
    """
    from pitboss.stores.metrics import DynamoMetrics

    with webhooks.table_of_metrics() as where:
        yield DynamoMetrics(*where)


def _now(
    store: "DynamoMetrics",
    gaming_days: "GamingDays",
    property_id: str,
    application: str | None,
    *,
    key: str | None = None,
    windows: int = 2,
) -> "MetricsDocument":
    from pitboss.metrics.documents import document
    from workbench.unchanged import now_ms

    now = now_ms()
    today = gaming_days.ordinal_of(property_id)(now // 60_000)
    return document(
        store, property_id, today, now, windows=windows, application_id=application, key=key
    )


def _gaming_days() -> "GamingDays":
    from pitboss.gaming_day import GamingDays
    from workbench.stack import settings_of

    return GamingDays.parse(settings_of("serve_metrics")["GAMING_DAYS"])


def _table(document: "MetricsDocument") -> Table:
    title = escape(f"Metrics of property {document.property_id}")
    table = Table(title=title, title_justify="left")
    for heading in ("application", "metric", "dimensions", "window (UTC)", "value", "unit", ""):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for metric in document.metrics:
        for window in metric.windows:
            for one in window.values:
                table.add_row(
                    escape(metric.application_id),
                    escape(metric.name),
                    escape(", ".join(one.dimensions.values())),
                    _when(window),
                    "" if one.value is None else f"{one.value:,.6g}",
                    escape(metric.unit),
                    "crossed" if window.is_over and one.dimensions in metric.crossed else "",
                )
    return table


def _when(window: "WindowDocument") -> str:
    if window.day is not None:
        return window.day if window.is_over else f"{window.day}, today"
    assert window.ends_at is not None, "what is of no day has moments"
    over = time.strftime("%H:%M:%S", time.gmtime(window.ends_at / 1000))
    return f"to {over}" if window.is_over else f"to {over}, now"

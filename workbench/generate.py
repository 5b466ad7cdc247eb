"""`pitboss generate`: rows of Amazon Kinesis Data Generator templates, so that they become load."""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from workbench.console import UsageError, counting, out, print_json, say

if TYPE_CHECKING:
    from workbench.client import PitbossClient
    from workbench.generate_rates import WeekOfRates
    from workbench.generate_sinks import Door, Sink
    from workbench.generate_tags import Source
    from workbench.generate_template import Template

TICK_SECONDS = 0.1
"""How often rows are handed on, at a rate."""

CHUNK = 1_000
"""Rows that are handed on together, without a rate."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(generate)


def generate(
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The template, as the generator takes it.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Rows in all. Default: until Ctrl-C.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Rows a second. Default: as fast as it goes.")
    ] = None,
    rates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Rows a second by the hour of the week: CSV of day,hour,mu,sigma."
        ),
    ] = None,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="With --rates: from an hour's to the next's linearly.")
    ] = False,
    start: Annotated[
        str | None, typer.Option(help="Simulate the seconds from here: ISO 8601, of --zone.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="... to before here.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed is the same rows, but for the clock.")
    ] = None,
    zone: Annotated[str, typer.Option(help="The time zone of dates, Area/City.")] = "UTC",
    file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the rows here.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="DOOR|URL",
            help="Post them: slot-events, slot-packets, game-events, or any address.",
        ),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option("--as", help="Who signs at the door, registered before. Default: our own."),
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="PITBOSS_TOKEN", help="An install's token, not to sign.")
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Put them into this Kinesis stream, or stack output."),
    ] = None,
    tags: Annotated[bool, typer.Option("--tags", help="List the tags that there are.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Generate rows of a Kinesis Data Generator template: to standard output, a file, a door of
    the API or a Kinesis stream.

    Templates run as they are; docs/generate.md has the tags and where they differ.
    """
    from workbench.generate_tags import Source, known

    if tags:
        print_json(known()) if as_json else out.print("\n".join(known()))
        return
    if template is None:
        raise UsageError("Name a template: --template FILE.")
    if sum(place is not None for place in (file, to, stream)) > 1:
        raise UsageError("--out, --to and --stream each say where: give one of them.")
    place = _zone(zone)
    source = Source(random.Random(seed), time.time, place)
    made = _template(template, source)
    week = _week(rates, rate, smooth=smooth)
    seconds = _seconds(start, end, place, needs_rate=week is None and rate is None)
    sink = _sink(file, to, stream, sender, token)
    began = time.monotonic()
    from workbench.simulate import interrupted_once

    with sink, interrupted_once("no more rows") as stopped:
        with counting("generating", lambda rows: f"{rows:,} rows") as tell:
            rows = _run(made, source, count, rate, week, seconds, sink, stopped.is_set, tell)
        took = time.monotonic() - began
    result = {"template": str(template), "seed": seed, "seconds": round(took, 3), **sink.counts}
    result["rows_a_second"] = round(rows / max(took, 0.001))
    if as_json and (file or to or stream):
        print_json(result)
    else:
        counts = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in sink.counts.items())
        say(f"{counts} in {took:.1f} s ({result['rows_a_second']:,}/s)")


def _run(
    template: "Template",
    source: "Source",
    count: int | None,
    rate: float | None,
    week: "WeekOfRates | None",
    seconds: Iterator[datetime] | None,
    sink: "Sink",
    is_stopped: Callable[[], bool],
    tell: Callable[[int], None],
) -> int:
    """Hand on rows until there are enough; how many."""
    wanted = _due(source, rate, week, seconds)
    made = 0
    for due in wanted:
        left = due if count is None else min(due, count - made)
        while left > 0 and not is_stopped():
            rows = [template.row() for _ in range(min(left, CHUNK))]
            sink.write(rows)
            made, left = made + len(rows), left - len(rows)
            tell(made)
        if is_stopped() or (count is not None and made >= count):
            break
    return made


def _due(
    source: "Source",
    rate: float | None,
    week: "WeekOfRates | None",
    seconds: Iterator[datetime] | None,
) -> Iterator[int]:
    """How many rows are due, time after time; waits between where time is real."""
    if seconds is not None:
        owed = 0.0
        for at in seconds:
            source.simulated = at.timestamp()
            owed += week.rows(at, source.chance) if week else rate or 0
            yield int(owed)
            owed -= int(owed)
    elif week is not None:
        begin = time.monotonic()
        for second in range(10**9):
            yield week.rows(source.now(), source.chance)
            time.sleep(max(0.0, begin + second + 1 - time.monotonic()))
    elif rate is not None:
        begin = time.monotonic()
        given = 0
        while True:
            # Counted from the beginning: a slow moment is made up for, and no rounding adds up.
            due = 1 + int((time.monotonic() - begin) * rate) - given
            yield max(0, due)
            given += max(0, due)
            time.sleep(max(0.0, min(TICK_SECONDS, begin + given / rate - time.monotonic())))
    else:
        while True:
            yield CHUNK


def _template(path: Path, source: "Source") -> "Template":
    from workbench.generate_template import Template, TemplateError

    try:
        return Template(path.read_text(encoding="utf-8"), source)
    except OSError as fault:
        raise UsageError(f"{path} cannot be read ({fault.strerror}).") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8.") from None
    except TemplateError as fault:
        raise UsageError(f"{path}: {fault}.") from None


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise UsageError(f"{name!r} is no time zone: give one such as Europe/Vienna.") from None


def _week(path: Path | None, rate: float | None, *, smooth: bool) -> "WeekOfRates | None":
    from workbench.generate_rates import read_week

    if path is None:
        if smooth:
            raise UsageError("--smooth is for --rates: add that, or leave --smooth out.")
        return None
    if rate is not None:
        raise UsageError("--rate and --rates both say how many: give one of them.")
    try:
        return read_week(path, smooth=smooth)
    except OSError as fault:
        raise UsageError(f"{path} cannot be read ({fault.strerror}).") from None
    except ValueError as fault:
        raise UsageError(f"{path}: {fault}.") from None


def _seconds(
    start: str | None, end: str | None, zone: tzinfo, *, needs_rate: bool
) -> Iterator[datetime] | None:
    from workbench.generate_rates import seconds

    if start is None and end is None:
        return None
    if start is None or end is None or needs_rate:
        raise UsageError("Simulated time needs --start, --end and a --rate or --rates.")
    return seconds(_moment(start, zone), _moment(end, zone))


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no ISO 8601 time: give one such as 2026-01-15T18:00:00."
        ) from None
    return at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)


def _sink(
    file: Path | None,
    to: str | None,
    stream: str | None,
    sender: str | None,
    token: str | None,
) -> "Sink":
    from workbench.generate_sinks import DoorSink, FileSink, StreamSink

    if to is None and (sender or token):
        raise UsageError("--as and --token are for --to: add that, or leave them out.")
    if stream is not None:
        from pitboss.backoff import pause
        from workbench import endpoint

        name = endpoint.stack_outputs().get(stream, stream)
        return StreamSink(endpoint.client("kinesis"), name, pause)
    if to is None:
        return FileSink(file)
    client, door = _door(to, sender, token)
    return DoorSink(client, door, token)


class _Unsigned:
    """The headers of who needs none, or has a token."""

    def headers(self, body: bytes = b"") -> dict[str, str]:
        return {}


def _door(to: str, sender: str | None, token: str | None) -> "tuple[PitbossClient, Door]":
    """What calls, and where."""
    from workbench.client import PitbossClient
    from workbench.generate_sinks import DOORS, Door

    if to.startswith(("http://", "https://")):
        if sender:
            raise UsageError("--as signs for a door of the stack: name that with --to.")
        host, slash, path = to.partition("://")[2].partition("/")
        return PitbossClient(f"{to.partition('://')[0]}://{host}", _Unsigned()), Door(slash + path)
    if to not in DOORS:
        raise UsageError(f"--to {to!r} is none of {', '.join(DOORS)} and no http address.")
    from workbench import endpoint, gateways, measure
    from workbench.signing import Signer

    if token:
        return PitbossClient(endpoint.api_url(), _Unsigned()), DOORS[to]
    if sender:
        signer = Signer(sender, gateways.key_path(sender), gateways.audience())
    elif to.startswith("slot-"):
        signer = measure.signer_of(gateways.workbench_gateway())
    else:
        raise UsageError("At the game door say who sends: --as NAME of a server, or --token.")
    return PitbossClient(endpoint.api_url(), signer), DOORS[to]

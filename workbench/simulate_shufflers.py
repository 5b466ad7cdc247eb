"""`pitboss simulate shufflers`: card shufflers that wear, into files or live over MQTT."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import (
    SECONDS_BETWEEN_LINES,
    UsageError,
    WorkbenchError,
    counting,
    err,
    out,
    print_json,
    say,
    step,
)
from workbench.gateways import DEFAULT_PROPERTY
from workbench.simulate import interrupted_once, moment_of

if TYPE_CHECKING:
    from pitboss.events.shuffler import Part
    from workbench.shuffler_device import ShufflerDevice
    from workbench.shuffling import ShufflerPlan, Tally
    from workbench.shuffling.check import Ledger, Read
    from workbench.shuffling.live import Told

DEFAULT_FOLDER = Path("shufflers")
_SECONDS_WITHOUT_A_WORD = 30.0
"""After so long in which nothing changed, nothing will."""
_DIFFERENCES_SHOWN = 20


def simulate_shufflers(
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Shufflers, one a table.")] = 20,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="Gaming days.")] = 30,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed is the same floor; more devices only add.")
    ] = 1,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help=f"Write the files here. Default: {DEFAULT_FOLDER}; live: none."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="A moment of the first gaming day, ISO 8601, UTC unless it says. "
            "Default: 2026-01-01; live: now, or so many days ago where it is faster.",
        ),
    ] = None,
    property_id: Annotated[str, typer.Option("--property", help="Whose shufflers they are.")] = (
        DEFAULT_PROPERTY
    ),
    gaming_day: Annotated[
        str, typer.Option(help="The property's gaming day, Area/City@HH:MM.")
    ] = "America/Los_Angeles@06:00",
    report_seconds: Annotated[
        int, typer.Option(help="Between two reports of telemetry; a divisor of 3,600.")
    ] = 300,
    replace_after: Annotated[
        str,
        typer.Option(
            help="Replace parts after so many operating hours: rollers=4000,camera=9000. "
            "The others run to failure."
        ),
    ] = "",
    by_hour: Annotated[
        bool,
        typer.Option("--by-hour", help="No messages, the truth only: many times faster."),
    ] = False,
    live: Annotated[
        bool,
        typer.Option("--live", help="Publish to the running stack as it happens, over MQTT."),
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=100_000, help="Live: times faster than real time.", show_default="1"
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Live: compare what is stored in the end, read by the API, with what was said. "
            "Of shufflers that nothing is stored of: another --property, for instance.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Simulate card shufflers that wear, jam and fail, with the truth about them.

    Writes messages.ndjson.gz (what they publish), truth.json (failures and why, maintenance, sums
    by gaming day) and wear.ndjson (how worn each part was). With --live each is an MQTT client with
    a certificate of its own, which is registered where it is not; its link is cut now and then, and
    it keeps what it has to say. docs/shuffler-simulator.md has the equations.
    """
    from workbench.gateways import must_be_id
    from workbench.shuffling import DEFAULT_START, ShufflerPlan

    if speed is not None and not live:
        raise UsageError("--speed is for --live: add that, or leave --speed out.")
    if check and not live:
        raise UsageError("--check is for --live: add that, or leave --check out.")
    if live and (by_hour or folder is not None):
        raise UsageError("--live writes no files: leave --out and --by-hour out.")
    must_be_id(property_id, "property")
    begins = DEFAULT_START
    if start is not None:
        begins = moment_of(start)
    elif live:
        ago = days if speed is not None and speed > 1 else 0
        begins = int(time.time() * 1_000) - ago * 86_400_000
    try:
        plan = ShufflerPlan(
            count,
            days,
            seed,
            begins,
            property_id,
            gaming_day,
            report_seconds,
            _parts(replace_after),
        )
    except ValueError as fault:
        raise UsageError(f"No such floor: {fault}.") from None
    began = time.monotonic()
    written = folder or DEFAULT_FOLDER
    result = _live(plan, speed or 1.0, check) if live else _write(plan, written, by_hour)
    result |= {"seconds": round(time.monotonic() - began, 3)}
    if as_json:
        print_json(result)
    else:
        _show(result)
    if differences := result.get("check", {}).get("differences"):
        raise WorkbenchError(
            f"What is stored differs from what was said, in {len(differences):,} places: see "
            f"`pitboss quarantine list --property {property_id}` and `pitboss logs "
            "TrackShufflersFunction`."
        )


def _parts(text: str) -> "dict[Part, float]":
    """Hours by part, written `rollers=4000,camera=9000`."""
    from pitboss.events.shuffler import Part

    found: dict[Part, float] = {}
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, hours = piece.partition("=")
        if name not in list(Part):
            raise UsageError(f"{name!r} is no part: choose from {', '.join(Part)}.")
        if not hours.isdecimal() or not 1 <= int(hours) <= 1_000_000:
            raise UsageError(f"{piece!r} has no hours: write {name}= and 1 to 1000000.")
        found[Part(name)] = float(hours)
    return found


def _write(plan: "ShufflerPlan", folder: Path, by_hour: bool) -> dict[str, Any]:
    from workbench.shuffling.files import Floor, write_hours, write_messages

    floor = Floor(plan)
    try:
        if by_hour:
            with _progress(plan.count) as tell:
                for done in write_hours(floor, folder):
                    tell(done)
        else:
            with _progress(plan.end - plan.first_ms) as tell:
                for at in write_messages(floor, folder):
                    tell(at - plan.first_ms)
    except OSError as fault:
        raise WorkbenchError(
            f"The floor cannot be written to {folder} ({fault.strerror}): name another --out."
        ) from fault
    said = {
        "messages": sum(truth.messages for truth in floor.truths),
        "events": sum(truth.events for truth in floor.truths),
    }
    return (
        _about(plan)
        | {"out": str(folder)}
        | ({} if by_hour else said)
        | figures(plan, list(floor.tallies()))
    )


def _about(plan: "ShufflerPlan") -> dict[str, Any]:
    return {
        "seed": plan.seed,
        "property": plan.property_id,
        "devices": plan.count,
        "days": plan.days,
        "start": plan.first_ms,
        "end": plan.end,
    }


def figures(plan: "ShufflerPlan", tallies: "list[Tally]") -> dict[str, Any]:
    """What came of a floor, to see whether it is plausible."""
    operating = sum(tally.operating_hours for tally in tallies)
    down = sum(tally.down_hours + tally.planned_down_hours for tally in tallies)
    failures = sum(tally.failures for tally in tallies)
    random_failures = sum(tally.random_failures for tally in tallies)
    cycles = sum(tally.cycles for tally in tallies)
    jams = sum(tally.jams for tally in tallies)
    return {
        "cycles": cycles,
        "cycles_per_device_day": round(cycles / plan.count / plan.days, 1),
        "operating_hours": round(operating, 1),
        "failures": failures,
        "random_failures": random_failures,
        "random_share": round(random_failures / failures, 3) if failures else None,
        "planned_replacements": sum(tally.planned for tally in tallies),
        "mtbf_operating_hours": round(operating / failures, 1) if failures else None,
        "jams_per_1000_shuffles": round(1_000 * jams / cycles, 2) if cycles else None,
        "down_hours": round(down, 1),
        "availability": round(operating / (operating + down), 5) if operating else None,
    }


@contextmanager
def _progress(total: float) -> Iterator[Callable[[float], None]]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("playing the days"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=total)
        said = time.monotonic()

        def tell(done: float) -> None:
            nonlocal said
            bar.update(task, completed=done)
            if not err.is_terminal and time.monotonic() - said >= SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                say(f"playing the days: {100 * done / total:.0f} %")

        yield tell


# --- live -----------------------------------------------------------------------------------------


def _live(plan: "ShufflerPlan", speed: float, check: bool) -> dict[str, Any]:
    import msgspec

    from workbench.shuffling.check import Ledger
    from workbench.shuffling.live import VirtualClock, due, tell

    with ExitStack() as opened:
        clock = VirtualClock(plan.start, speed, time.monotonic, plan.end)
        devices = _devices(plan, clock.now)
        reader = opened.enter_context(_reader(plan, devices)) if check else None
        ledger = Ledger(plan.day_of)
        heard = {
            asset_id: ledger.witness(asset_id, device.firmware, device)
            for asset_id, device in devices.items()
        }
        for device in devices.values():
            opened.enter_context(device)
        closed = opened.enter_context(interrupted_once("stopping: what is said already is sent"))
        with counting("the shufflers connect", _line) as say_told:
            told = tell(due(plan, plan.start), heard, clock, closed.wait, say_told)
        _send_all(devices)
        for device in devices.values():
            device.stop()
        found = {} if reader is None else {"check": _check(ledger, reader)}
    return _about(plan) | msgspec.structs.asdict(told) | found


def _send_all(devices: "dict[str, ShufflerDevice]") -> None:
    """Wait until all that was said is acknowledged, as long as it gets less."""
    left, since, said = sum(one.unsent for one in devices.values()), time.monotonic(), 0.0
    while left:
        unsent = {asset_id: one.unsent for asset_id, one in devices.items() if one.unsent}
        if sum(unsent.values()) != left:
            left, since = sum(unsent.values()), time.monotonic()
        if time.monotonic() - since > _SECONDS_WITHOUT_A_WORD:
            first = next(iter(unsent))
            refusals = devices[first].refusals
            why = f" ({refusals[-1]})" if refusals else ""
            raise WorkbenchError(
                f"{len(unsent)} of {len(devices)} shufflers could not send all they had to say, "
                f"{first} among them{why}: they keep it, and send it when they run again."
            )
        if left and time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            if said:
                say(f"{left:,} messages are still to be sent")
            said = time.monotonic()
        time.sleep(0.05)


@contextmanager
def _reader(plan: "ShufflerPlan", assets: Iterable[str]) -> "Iterator[Read]":
    """What the API says of a property's shufflers, none of which may be known yet.

    Raises:
        UsageError: something is stored of one: it could not be told from what is said now.
    """
    from workbench import measure

    with measure.reader(plan.property_id) as client:
        for asset_id in assets:
            if measure.read(client, f"/v1/shufflers/{asset_id}") is not None:
                raise UsageError(
                    f"Something is stored of {asset_id} of {plan.property_id} already, so that "
                    "nothing can be checked: name another --property."
                )
        yield lambda path: measure.read(client, path)


def _check(ledger: "Ledger", read: "Read") -> dict[str, Any]:
    """What is stored against what was said, once it differs no more, or changes no more."""
    with step("waiting until all is stored, and comparing it"):
        found = list(ledger.differences(read))
        since = said = time.monotonic()
        while found and time.monotonic() - since < _SECONDS_WITHOUT_A_WORD:
            time.sleep(0.5)
            before, found = found, list(ledger.differences(read))
            if found != before:
                since = time.monotonic()
            if time.monotonic() - said >= SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                say(f"{len(found):,} figures are not stored yet, or differ")
    return ledger.facts | {"differences": found}


def _devices(plan: "ShufflerPlan", now: Callable[[], int]) -> "dict[str, ShufflerDevice]":
    """The devices' network sides, by asset; who is not registered is.

    Raises:
        WorkbenchError: a device is registered with a key that is not where it is looked for.
    """
    from workbench import devices, endpoint
    from workbench.shuffler_device import Credentials, Outbox, ShufflerDevice
    from workbench.shuffling import ShufflerDevice as Simulated

    place = endpoint.mqtt_place()
    active = {
        device.asset
        for device in devices.known()
        if device.property == plan.property_id and device.status == "ACTIVE"
    }
    simulated = [Simulated(plan, index) for index in range(plan.count)]
    if missing := sum(one.asset_id not in active for one in simulated):
        say(f"registering {missing:,} shufflers ...")
    found: dict[str, ShufflerDevice] = {}
    for one in simulated:
        asset_id = one.asset_id
        files = devices.files_of(plan.property_id, asset_id)
        if asset_id not in active:
            devices.add(plan.property_id, asset_id, files)
        elif not files.key.exists() or not files.certificate.exists():
            raise WorkbenchError(
                f"{asset_id} is a device of {plan.property_id} whose key is not in "
                f"{files.folder}: put it there, `pitboss devices revoke {asset_id} --property "
                f"{plan.property_id}` it, or name another --property."
            )
        # Whatever it said before, in an outbox that is no more, had smaller numbers.
        outbox = Outbox(files.folder / "outbox.sqlite", first_sequence=int(time.time() * 1_000))
        found[asset_id] = ShufflerDevice(
            place,
            Credentials(files.certificate, files.key),
            outbox,
            plan.property_id,
            asset_id,
            now=now,
            firmware=one.firmware,
        )
    return found


def _line(told: "Told") -> str:
    return (
        f"{told.messages:,} messages of {told.events:,} events, {told.cuts:,} links cut, "
        f"until {time.strftime('%Y-%m-%d %H:%M', time.gmtime(told.at / 1_000))} UTC"
    )


def _show(result: dict[str, Any]) -> None:
    names = {
        "messages": "messages",
        "events": "events",
        "cuts": "links cut",
        "cycles": "shuffles",
        "cycles_per_device_day": "shuffles per device and day",
        "operating_hours": "operating hours",
        "failures": "failures",
        "random_failures": "of them random",
        "planned_replacements": "parts replaced before they failed",
        "mtbf_operating_hours": "operating hours between failures",
        "jams_per_1000_shuffles": "jams per 1,000 shuffles",
        "down_hours": "hours out of service",
        "availability": "availability",
        "seconds": "seconds it took",
    }
    title = ", ".join(
        f"{result[name]:,} {what}{'s' if result[name] != 1 else ''}"
        for name, what in (("devices", "shuffler"), ("days", "day"))
    )
    title += f", seed {result['seed']}"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("how much", justify="right")
    for name, words in names.items():
        if (value := result.get(name)) is not None:
            table.add_row(words, f"{value:,}")
    out.print(table)
    if "out" in result:
        out.print(f"messages, truth and wear: {escape(result['out'])}")
    elif "check" in result:
        _show_check(result["check"])
    else:
        whose = (
            "" if result["property"] == DEFAULT_PROPERTY else f" --property {result['property']}"
        )
        out.print(f"See them: pitboss shufflers list{whose}")


def _show_check(check: dict[str, Any]) -> None:
    what = (
        f"{check['devices']:,} devices, {check['device_days']:,} of their gaming days, "
        f"{check['table_days']:,} of tables, {check['open_faults']:,} open faults"
    )
    if not check["differences"]:
        out.print(f"[green]equal to the truth[/green]: {what}")
    for difference in check["differences"][:_DIFFERENCES_SHOWN]:
        out.print(f"[red]differs[/red]: {escape(difference)}")

"""`pitboss simulate`: a seeded floor, into files or live through the front door.

Without a command of its own it plays slot machines; see `workbench.simulate_shufflers` for the
other.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import UsageError, WorkbenchError, counting, err, out, print_json, say

if TYPE_CHECKING:
    from workbench.simulation import Event, Floor
    from workbench.simulation.live import Counts

DEFAULT_FOLDER = Path("shift")
DEFAULT_MINUTES = 60


def register(app: typer.Typer) -> None:
    """Add the command."""
    from workbench.simulate_shufflers import simulate_shufflers

    floor = typer.Typer(invoke_without_command=True)
    floor.callback()(simulate)
    floor.command("shufflers")(simulate_shufflers)
    app.add_typer(floor, name="simulate")


def simulate(
    ctx: typer.Context,
    machines: Annotated[int, typer.Option(min=1, help="Slot machines on the floor.")] = 20,
    players: Annotated[
        int, typer.Option(min=0, help="Players with a card; a guest without one for every two.")
    ] = 15,
    minutes: Annotated[
        int | None,
        typer.Option(min=1, help="How long the shift lasts.", show_default=str(DEFAULT_MINUTES)),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed is the same shift.")] = 1,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help=f"Write the files here. Default: {DEFAULT_FOLDER}; live: none."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="When the shift starts, ISO 8601, UTC unless it says. Live: now."),
    ] = None,
    property_id: Annotated[str, typer.Option("--property", help="Whose floor it is.")] = "P1",
    gaming_day: Annotated[
        str, typer.Option(help="The property's gaming day, Area/City@HH:MM.")
    ] = "America/Los_Angeles@06:00",
    days: Annotated[
        int, typer.Option(min=0, help="Play whole gaming days, with visits, instead of minutes.")
    ] = 0,
    oddities: Annotated[
        str, typer.Option(help="What is odd about the floor: names with commas between, or all.")
    ] = "",
    faults: Annotated[
        str, typer.Option(help="What goes wrong with the packets: names with commas, or all.")
    ] = "",
    cheats: Annotated[
        int, typer.Option(min=0, help="Sessions that are not honest; truth.json says which.")
    ] = 0,
    standings: Annotated[
        bool,
        typer.Option(
            "--standings", help="Write who may be made offers as well: patrons, and each list."
        ),
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Send the packets to the running stack as they happen.")
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1000, help="Live: times faster than real time.", show_default="1"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Simulate a shift on a casino floor, with the ledger of what is true about it.

    Writes packets.ndjson (a slot gateway's format), envelopes.ndjson (the same events as Pitboss
    envelopes), ledger.json and truth.json. With --live it sends the packets through the front door
    instead, or as well, until the shift is over or Ctrl-C closes it. With --oddities the floor is
    as floors are: cards late or forgotten, power cuts, lost events, wrong clocks; with --faults
    packets come doubled, out of order, late or never. The ledger then says what rating the packets
    must find, truth.json what was really played. With --standings the folder standings has the
    files that `pitboss patrons import` and `pitboss exclusions import` take.
    """
    if ctx.invoked_subcommand is not None:
        given = [
            parameter.opts[-1]
            for parameter in ctx.command.params
            if (source := ctx.get_parameter_source(parameter.name or ""))
            and source.name == "COMMANDLINE"
        ]
        if given:
            raise UsageError(
                f"{given[0]} belongs after `{ctx.invoked_subcommand}`, or to slot machines alone."
            )
        return
    from workbench.gateways import must_be_id
    from workbench.simulation import FAULTS, ODDITIES, FloorPlan, open_floor

    if days and minutes is not None:
        raise UsageError("--days and --minutes both say how long it lasts: give one of them.")
    if speed is not None and not live:
        raise UsageError("--speed is for --live: add that, or leave --speed out.")
    must_be_id(property_id, "property")
    now = int(time.time() * 1_000)
    begins = moment_of(start) if start else now if live else FloorPlan.start
    try:
        if days:
            plan = FloorPlan.of_days(machines, players, days, seed, begins, property_id, gaming_day)
        else:
            shift = minutes or DEFAULT_MINUTES
            plan = FloorPlan(machines, players, shift, seed, begins, property_id, gaming_day)
        plan = replace(
            plan,
            oddities=_names(oddities, ODDITIES),
            faults=_names(faults, FAULTS),
            cheats=cheats,
        )
        floor = open_floor(plan)
    except ValueError as fault:
        raise UsageError(f"No such floor: {fault}.") from None
    began = time.monotonic()
    counts = None
    if live:
        counts = _stream(floor, speed or 1.0, folder)
    else:
        folder = folder or DEFAULT_FOLDER
        _write(floor, folder)
    result = _result(floor, folder, time.monotonic() - began, counts)
    if standings:
        from workbench.simulation.standings import write_standings

        result["standings"] = write_standings(plan, floor.player_ids, folder or DEFAULT_FOLDER)
    if as_json:
        print_json(result)
    else:
        _show(result)


def _names(text: str, known: tuple[str, ...]) -> frozenset[str]:
    """Names with commas between; `all` is all that are known, `none` is none."""
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if names <= {"all", "none"}:
        return frozenset(known if "all" in names else ())
    if unknown := names - set(known):
        raise UsageError(
            f"{min(unknown)!r} is not known: choose from {', '.join(sorted(known))}, or all."
        )
    return names


def moment_of(text: str) -> int:
    """The moment that an option says, epoch ms.

    Raises:
        UsageError: it says none, or one that no shift has.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no ISO 8601 time: give one such as 2026-01-15T18:00:00Z."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not 2000 < moment.year < 9000:  # clocks before that are of machines that were just started
        raise UsageError(f"{text!r} is no time of a shift: give one from 2001 to 8999.")
    return int(moment.timestamp() * 1_000)


def _write(floor: "Floor", folder: Path) -> None:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    from workbench.simulation.files import write_shift

    columns = (TextColumn("playing the shift"), BarColumn(), TaskProgressColumn())
    try:
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("", total=floor.plan.end - floor.plan.start)
            for done in write_shift(floor, folder):
                bar.update(task, completed=done)
    except OSError as fault:
        raise WorkbenchError(
            f"The shift cannot be written to {folder} ({fault.strerror}): name another --out."
        ) from fault


def _stream(floor: "Floor", speed: float, folder: Path | None) -> "Counts":
    from workbench import endpoint, gateways
    from workbench import plan as floor_plans
    from workbench.client import PitbossClient
    from workbench.signing import Signer
    from workbench.simulation.files import ShiftFiles
    from workbench.simulation.live import stream

    gateway = gateways.workbench_gateway(floor.plan.property_id)
    signer = Signer(gateway.principal_id, gateways.ensure(gateway), gateways.audience())
    floor_plans.leave(floor.plan.property_id, [machine.asset_id for machine in floor.machines])
    with ExitStack() as opened:
        client = opened.enter_context(PitbossClient(endpoint.api_url(), signer))
        files = opened.enter_context(ShiftFiles(folder, floor)) if folder else None
        closing = "closing the floor: games in progress are finished, cards come out"
        closed = opened.enter_context(interrupted_once(closing))
        line = partial(_line, since=time.monotonic())
        tell = opened.enter_context(counting("the floor opens", line))

        def posted(events: "list[Event]", counts: "Counts") -> None:
            if files:
                files.write(events)
            tell(counts)

        return stream(floor, client, speed, time.monotonic, closed.wait, posted)


@contextmanager
def interrupted_once(saying: str) -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, saying so; the second one interrupts as always."""
    closed = threading.Event()

    def close(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        closed.set()
        say(saying)

    before = signal.signal(signal.SIGINT, close)
    try:
        yield closed
    finally:
        signal.signal(signal.SIGINT, before)


def _line(counts: "Counts", since: float) -> str:
    """What came of the packets so far; `since` is when the first was sent, monotonic."""
    rate = counts.received / max(0.001, time.monotonic() - since)
    return (
        f"{counts.received:,} packets ({rate:,.0f}/s): {counts.accepted:,} accepted, "
        f"{counts.duplicate:,} duplicate, {counts.quarantined:,} quarantined"
    )


def _result(
    floor: "Floor", folder: Path | None, seconds: float, counts: "Counts | None"
) -> dict[str, Any]:
    import msgspec

    from workbench.simulation import OddFloor

    contract = floor.ledger.contract()
    odd = floor if isinstance(floor, OddFloor) else None
    return {
        "seed": floor.plan.seed,
        "out": None if folder is None else str(folder),
        "packets": contract["received"],
        "seconds": round(seconds, 3),
        "machines": len(contract["machines"]),
        "machines_played": sum(machine["games"] > 0 for machine in contract["machines"]),
        "players": len(contract["players"]),
        "sessions": sum(player["sessions"] for player in contract["players"]),
        "totals": contract["totals"],
        "oddities": dict(sorted(odd.happened.counts.items())) if odd else {},
        "faults": odd.faults.as_json()["faults"] if odd else {},
        "sent": None if counts is None else msgspec.structs.asdict(counts),
    }


def _show(result: dict[str, Any]) -> None:
    from pitboss.money import dollars

    totals, sent = result["totals"], result["sent"]
    per_second = result["packets"] / max(0.001, result["seconds"])
    rows = [
        ("packets", f"{result['packets']:,} ({per_second:,.0f}/s)"),
        ("machines played", f"{result['machines_played']:,} of {result['machines']:,}"),
        ("players rated", f"{result['players']:,} in {result['sessions']:,} sessions"),
        ("games", f"{totals['games']:,}"),
        ("coin-in", f"${dollars(totals['coin_in_cents'])}"),
        ("coin-out", f"${dollars(totals['coin_out_cents'])}"),
        ("theoretical win", f"${totals['theoretical_win']}"),
    ]
    found = ("incomplete_games", "gaps")
    rows += [(name.replace("_", " "), f"{totals[name]:,}") for name in found if totals[name]]
    for happened in (result["oddities"], result["faults"]):
        rows += [(name, f"{count:,}") for name, count in happened.items()]
    for name, count in result.get("standings", {}).items():
        rows.append((name.replace("_", " "), f"{count:,}"))
    if sent:
        rows += [(name, f"{sent[name]:,}") for name in ("accepted", "duplicate", "quarantined")]
    table = Table(title=f"Shift of seed {result['seed']}", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("how much", justify="right")
    for row in rows:
        table.add_row(*row)
    out.print(table)
    if result["out"]:
        out.print(f"packets, envelopes, ledger and truth: {escape(result['out'])}")

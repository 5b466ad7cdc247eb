"""`pitboss demo`: a shift through the deployed stack, and what it came to."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from workbench.console import WorkbenchError, err, out, print_json, step
from workbench.paths import ROOT

SHIFT_PROPERTY = "demo"
MACHINES, PLAYERS, MINUTES, SEED = 40, 60, 20, 7
LATENCY_SECONDS = 10
EVENTS_PER_SECOND = 250
REAL_DAY = Path("acres-sas") / "2020-06-15.ndjson"
REAL_DAY_LEDGER: dict[str, Any] = {
    "machines": [
        {
            "asset_id": "1940732",
            "games": 137,
            "coin_in_cents": 68_500,
            "coin_out_cents": 99_500,
            "theoretical_win": "22.331",
        },
        {
            "asset_id": "5093619",
            "games": 10,
            "coin_in_cents": 250,
            "coin_out_cents": 520,
            "theoretical_win": "0.20",
        },
    ],
    "players": [],
    "totals": {"games": 147},
}
"""What is right about the real day, computed by others (the data's own README)."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the main job: simulate a shift, send it through the API into the deployed stack, read
    the ratings back, hold them against the ledger, make offers to players of another floor, and
    time the way from POST to rating.
    """
    from workbench import stack

    address = stack.ensure_up()
    report: dict[str, Any] = {"api_url": address}
    report["shift"], stored = _shift()
    if not as_json:
        _show_shift(report["shift"], stored)
    real_day = third_party_data() / REAL_DAY
    if real_day.exists():
        report["real_day"] = _real_day(real_day)
        if not as_json:
            _show_real_day(report["real_day"])
    elif not as_json:
        out.print(f"The real SAS day is not here ({escape(str(real_day))}), so it is left out.")
    from workbench import demo_offers

    report["offers"] = demo_offers.offers()
    if not as_json:
        demo_offers.show(report["offers"])
    report["latency"] = _latency()
    if as_json:
        print_json(report)
    else:
        _show_latency(report["latency"])
        _show_next()
        stack.show_page()
    if report["offers"]["shown_to_players_listed"]:
        raise WorkbenchError(
            "Players on an exclusion list were shown offers: keep what `pitboss logs serve_offers` "
            "says, and report it."
        )
    wrong = [part for part in ("shift", "real_day") if report.get(part, {}).get("differences")]
    if wrong:
        raise WorkbenchError(
            "The stored ratings differ from the ledger: look into `pitboss logs "
            "RatePlayersFunction`, or start afresh with `pitboss reset`."
        )


def third_party_data() -> Path:
    """Where public data that is not ours to ship lies, if it is here."""
    return Path(os.environ.get("PITBOSS_DATA", ROOT.parent / "shared" / "data"))


def _shift() -> tuple[dict[str, Any], dict[str, Any]]:
    from workbench import measure
    from workbench import plan as floor_plans
    from workbench.event_files import FileFormat
    from workbench.replay import cut, replay
    from workbench.simulation import Floor, FloorPlan

    plan = FloorPlan(MACHINES, PLAYERS, MINUTES, SEED, property_id=SHIFT_PROPERTY)
    floor = Floor(plan)
    with step(f"simulating {MINUTES} minutes of {MACHINES} machines and {PLAYERS} players"):
        events = list(measure.feed(floor.events()))
    ledger = floor.ledger.contract()
    with measure.gateway(SHIFT_PROPERTY) as sender, measure.reader(SHIFT_PROPERTY) as reader:
        floor_plans.leave(SHIFT_PROPERTY, [machine.asset_id for machine in floor.machines])
        with step(f"sending {len(events):,} events through the front door"):
            sent = replay(
                sender, cut(events, max_events=500, groups=4), FileFormat.ACRES_SAS, connections=2
            )
        with step("waiting until the last game is rated"):
            games = ledger["totals"]["games"]
            measure.wait_until(lambda: measure.games_rated(reader) >= games, 60)
        with step("reading every machine and player back"):
            stored = measure.ratings(reader, ledger)
    found = measure.differences(stored, ledger)
    return sent.as_json() | {"games": games, "differences": found}, stored


def _show_shift(report: dict[str, Any], stored: dict[str, Any]) -> None:
    from workbench.rate import play_table

    for kind, identity in (("players", "player_id"), ("machines", "asset_id")):
        best = sorted(stored[kind], key=lambda row: row["theoretical_win"], reverse=True)[:5]
        title = f"Top {kind} by theoretical win, as stored (dollars)"
        out.print(play_table(title, identity, best))
    out.print(
        f"received {report['received']:,} = accepted {report['accepted']:,} + duplicate "
        f"{report['duplicate']:,} + quarantined {report['quarantined']:,} + failed "
        f"{report['failed']:,}, at {report['events_per_second']:,.0f} events a second"
    )
    out.print(
        _verdict(report, f"{len(stored['machines'])} machines, {len(stored['players'])} players")
    )


def _verdict(report: dict[str, Any], what: str) -> str:
    if not report["differences"]:
        return f"[green]equal to the ledger to the cent[/green]: {what}, {report['games']:,} games"
    first = escape(report["differences"][0])
    return f"[red]{len(report['differences'])} differences from the ledger[/red], first: {first}"


def _real_day(path: Path) -> dict[str, Any]:
    from workbench import measure
    from workbench.event_files import FileFormat
    from workbench.replay import cut, read_feed, replay

    with (
        measure.gateway("acres") as sender,
        measure.reader("acres") as reader,
        step("sending a real SAS day (four machines, 2,403 packets)"),
    ):
        events = list(read_feed([path], FileFormat.ACRES_SAS))
        sent = replay(sender, cut(events, max_events=500), FileFormat.ACRES_SAS)
        measure.wait_until(lambda: measure.games_rated(reader) >= 147, 60)
        found = measure.differences(measure.ratings(reader, REAL_DAY_LEDGER), REAL_DAY_LEDGER)
    return sent.as_json() | {"games": 147, "differences": found}


def _show_real_day(report: dict[str, Any]) -> None:
    out.print(_verdict(report, "2 played machines, $22.331 and $0.20"))


def _latency() -> dict[str, Any]:
    from workbench import measure
    from workbench.simulation import Floor, FloorPlan

    now = time.time_ns() // 1_000_000
    floor = Floor(FloorPlan(189, 150, 1, now // 1000, start=now, property_id="demo-live"))
    with (
        measure.gateway("demo-live") as sender,
        measure.reader("demo-live") as reader,
        step(f"timing POST to readable rating at {EVENTS_PER_SECOND} events a second"),
    ):
        return measure.latency(
            floor, sender, reader, seconds=LATENCY_SECONDS, events_per_second=EVENTS_PER_SECOND
        ).as_json()


def _show_latency(measured: dict[str, Any]) -> None:
    out.print(
        f"POST to readable rating: median {measured['p50_ms']:.0f} ms, 95 % within "
        f"{measured['p95_ms']:.0f} ms ({measured['samples']} games followed at "
        f"{measured['events_per_second']:.0f} events a second)"
    )


def _show_next() -> None:
    out.print("Try next:")
    for command, why in (
        ("pitboss simulate --machines 20 --minutes 10 --out shift", "a shift of your own"),
        ("pitboss rate shift/packets.ndjson --format acres-sas", "rate it offline"),
        ("pitboss replay shift/packets.ndjson --format acres-sas", "send it to the stack"),
        ("pitboss games --property P1", "be its games: hear of offers, show and answer them"),
        ("pitboss stream show --limit 3", "the records it became"),
        ("pitboss quarantine list", "what was not accepted, and why"),
        ("pitboss down", "stop the stack"),
    ):
        out.print(f"  .venv/bin/{command:<58} {why}")
    err.print("")

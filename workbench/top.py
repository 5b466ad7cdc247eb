"""`pitboss top`: the live floor in a terminal."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from workbench.console import WorkbenchError, moment, out, print_json

if TYPE_CHECKING:
    from pitboss.floor.documents import FloorDocument
    from pitboss.floor.plan import Limits
    from pitboss.floor.rows import StreamRate
    from workbench.client import PitbossClient

BUSIEST = 10
ALERTS = 8
STALE_SECONDS = 30.0
"""From when on nothing that is shown is to be taken for now."""

_STYLES = {"critical": "bold red", "warning": "yellow", "notice": ""}


class Look(NamedTuple):
    """What is shown of a floor at a moment. Cents, epoch milliseconds, seconds."""

    at: int
    gaming_day: str
    tiles: Mapping[str, int | float | None]
    states: Mapping[str, int]
    """Machines by their state's name, the most urgent first."""
    busiest: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    shards: list[dict[str, Any]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("top")(top)


def top(
    property_id: Annotated[str, typer.Option("--property", help="Whose floor it is.")] = "P1",
    once: Annotated[bool, typer.Option("--once", help="Print it once.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print it once, as one JSON document.")
    ] = False,
    every: Annotated[
        float, typer.Option(min=0.5, max=60, help="Seconds from one look to the next.")
    ] = 2.0,
) -> None:
    """Show the floor as it is now: tiles, states, the busiest machines, alerts, lag."""
    from workbench import endpoint, gateways, measure
    from workbench.client import PitbossClient

    signer = measure.signer_of(gateways.workbench_floor(property_id))
    with PitbossClient(endpoint.api_url(), signer) as client:
        if as_json:
            print_json(look_at(client)._asdict())
            return
        if once or not out.is_terminal:
            out.print(picture(look_at(client), property_id))
            return
        try:
            with Live(console=out, screen=True, auto_refresh=False) as live:
                while True:
                    live.update(picture(look_at(client), property_id), refresh=True)
                    time.sleep(every)
        except KeyboardInterrupt:
            pass


def look_at(client: "PitbossClient") -> Look:
    """Read the floor, and the limits of its plan.

    Raises:
        WorkbenchError: it is not answered.
    """
    import msgspec

    from pitboss.floor.documents import FloorDocument
    from pitboss.floor.plan import FloorPlan, Limits

    floor = client.get("/v1/floor/live")
    if floor.status_code != 200:
        raise WorkbenchError(
            f"GET /v1/floor/live answered {floor.status_code}: see `pitboss logs serve_floor`."
        )
    plan = client.get("/v1/floor/plan")
    limits = Limits()
    if plan.status_code == 200:
        limits = msgspec.json.decode(plan.content, type=FloorPlan).limits
    return look(msgspec.json.decode(floor.content, type=FloorDocument), limits)


def look(floor: "FloorDocument", limits: "Limits") -> Look:
    """What a floor's document comes to, as of when it was read."""
    from pitboss.floor.rows import Fault
    from pitboss.floor.states import MachineState, coin_in_cents_a_minute, state_of

    at = floor.at
    sums = {row.asset_id: row for row in floor.sums}
    conditions = {row.asset_id: row for row in floor.conditions}
    states = {
        asset_id: state_of(sums.get(asset_id), conditions.get(asset_id), limits, at)
        for asset_id in sums.keys() | conditions.keys()
    }
    counted = Counter(states.values())
    silent = {MachineState.OFFLINE, MachineState.NO_COMMS}
    today = [row for row in sums.values() if row.gaming_day == floor.gaming_day]
    coin_in = sum(row.coin_in_cents for row in today)
    pace = {asset_id: coin_in_cents_a_minute(row, at) for asset_id, row in sums.items()}
    offers, status = floor.offers, floor.status
    is_today = offers is not None and offers.gaming_day == floor.gaming_day
    waiting = {
        asset_id
        for asset_id, row in conditions.items()
        if any(kind == Fault.HANDPAY for kind, *_ in row.faults)
    } | {asset_id for asset_id, row in sums.items() if row.locked_since is not None}
    tiles: dict[str, int | float | None] = {
        "machines": len(states),
        "carded": sum(
            row.is_carded and not row.is_employee and states[asset_id] not in silent
            for asset_id, row in sums.items()
        ),
        "uncarded": counted[MachineState.UNCARDED]
        + sum(
            state is MachineState.HOT and not sums[asset_id].is_carded
            for asset_id, state in states.items()
        ),
        "coin_in_cents_a_minute": sum(pace.values()),
        "theoretical_win_cents": sum(row.theoretical_win for row in today) // 10_000,
        "hold_percent": round(100 - sum(row.coin_out_cents for row in today) * 100 / coin_in, 2)
        if coin_in
        else None,
        "hand_pays_waiting": len(waiting),
        "offers_decided": offers.decided if offers and is_today else 0,
        "offers_delivered": offers.delivered if offers and is_today else 0,
        "offers_accepted": offers.accepted if offers and is_today else 0,
        "budget_left_cents": None
        if status is None or status.budget_cents is None
        else status.budget_cents - status.reserved_cents,
        "quarantined": None if status is None else status.quarantined,
        "events_a_second": round(sum(_events_a_second(rate, at) for rate in floor.rates), 1),
        "lag_seconds": max(
            (round((rate.kept_at - rate.newest_received_at) / 1000, 1) for rate in floor.rates),
            default=None,
        ),
    }
    order = sorted(pace, key=lambda asset_id: (-pace[asset_id], asset_id))
    return Look(
        at=at,
        gaming_day=floor.gaming_day,
        tiles=tiles,
        states={state.name.lower(): counted[state] for state in MachineState},
        busiest=[
            {
                "asset_id": asset_id,
                "state": states[asset_id].name.lower(),
                "coin_in_cents_a_minute": pace[asset_id],
                "coin_in_cents": sums[asset_id].coin_in_cents,
                "theoretical_win_cents": sums[asset_id].theoretical_win // 10_000,
                "games": sums[asset_id].games,
            }
            for asset_id in order[:BUSIEST]
            if pace[asset_id]
        ],
        alerts=[
            {
                "kind": alert.kind,
                "severity": str(alert.severity),
                "asset_id": alert.asset_id,
                "raised_at": alert.raised_at,
                "detail": alert.detail,
                "acknowledged_by": alert.acknowledged_by,
                "runbook": alert.runbook,
            }
            for alert in floor.alerts
            if alert.cleared_at is None
        ],
        shards=[
            {
                "shard_id": rate.shard_id,
                "events_a_second": round(_events_a_second(rate, at), 1),
                "lag_seconds": round((rate.kept_at - rate.newest_received_at) / 1000, 1),
                "read_seconds_ago": round((at - rate.kept_at) / 1000, 1),
            }
            for rate in floor.rates
        ],
    )


def _events_a_second(rate: "StreamRate", at: int) -> float:
    """Of the whole minutes before the one that it is; what stopped counts as nothing."""
    back = rate.minute - at // 60_000 + 1
    known = rate.events_by_minute
    return known[back] / 60 if 0 <= back < len(known) else 0.0


def picture(found: Look, property_id: str, now: float | None = None) -> RenderableType:
    """A look, as a terminal shows it."""
    age = (time.time() if now is None else now) - found.at / 1000
    head = Text.assemble(
        (f"Floor of {property_id}", "bold"),
        f", gaming day {found.gaming_day}, as of {moment(found.at)} UTC",
        ("  not now any more" if age > STALE_SECONDS else "", "bold red"),
    )
    tiles = [Panel(f"[bold]{value}[/bold]", title=name) for name, value in _tiles(found.tiles)]
    states = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.states.items())
    return Group(
        head,
        Columns(tiles, equal=True),
        Text(states),
        _busiest(found),
        _alerts(found),
        _shards(found),
    )


def _tiles(tiles: Mapping[str, Any]) -> list[tuple[str, str]]:
    hold, left, lag = (tiles[name] for name in ("hold_percent", "budget_left_cents", "lag_seconds"))
    offers = "/".join(
        str(tiles[f"offers_{status}"]) for status in ("decided", "delivered", "accepted")
    )
    return [
        ("carded", str(tiles["carded"])),
        ("uncarded", str(tiles["uncarded"])),
        ("coin-in a minute", _dollars(tiles["coin_in_cents_a_minute"])),
        ("theoretical win", _dollars(tiles["theoretical_win_cents"])),
        ("hold", "-" if hold is None else f"{hold} %"),
        ("hand-pays waiting", str(tiles["hand_pays_waiting"])),
        ("decided/shown/accepted", offers),
        ("budget left", "-" if left is None else _dollars(left)),
        ("events a second", str(tiles["events_a_second"])),
        ("lag", "-" if lag is None else f"{lag} s"),
        ("set aside today", "-" if tiles["quarantined"] is None else str(tiles["quarantined"])),
    ]


def _busiest(found: Look) -> Table:
    table = Table(title="Busiest machines", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("machine")
    table.add_column("state")
    for heading in ("coin-in a minute", "coin-in today", "theoretical win", "games"):
        table.add_column(heading, justify="right")
    for one in found.busiest:
        table.add_row(
            escape(one["asset_id"]),
            one["state"].replace("_", " "),
            _dollars(one["coin_in_cents_a_minute"]),
            _dollars(one["coin_in_cents"]),
            _dollars(one["theoretical_win_cents"]),
            f"{one['games']:,}",
        )
    return table


def _alerts(found: Look) -> Table:
    more = len(found.alerts) - ALERTS
    title = "Alerts" if more <= 0 else f"Alerts: the newest {ALERTS} of {len(found.alerts)}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("severity", "for", "what", "machine", "", "runbook"):
        table.add_column(heading)
    for one in found.alerts[:ALERTS]:
        table.add_row(
            Text(one["severity"], _STYLES.get(one["severity"], "")),
            f"{max(0, found.at - one['raised_at']) // 60_000} min",
            escape(one["kind"]),
            escape(one["asset_id"] or ""),
            escape(one["detail"]),
            escape((one["runbook"] or "").rpartition("/")[2]),
        )
    return table


def _shards(found: Look) -> Table:
    table = Table(title="Slot stream", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("shard")
    for heading in ("events a second", "lag", "read"):
        table.add_column(heading, justify="right")
    for one in found.shards:
        table.add_row(
            escape(one["shard_id"]),
            str(one["events_a_second"]),
            f"{one['lag_seconds']} s",
            f"{one['read_seconds_ago']} s ago",
        )
    return table


def _dollars(cents: float) -> str:
    return f"${cents / 100:,.2f}"

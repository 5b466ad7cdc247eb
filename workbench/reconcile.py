"""`pitboss reconcile`: a gaming day's meters against its games, and hold against theory.

Prints the summary that the nightly run has left in the lake; with --run both functions are run
again first.
"""

import json
from datetime import date
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import UsageError, WorkbenchError, err, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

SHOWN = 20
"""Rows of a table, unless all are asked for as JSON."""

FUNCTIONS = ("ExportGamesFunctionName", "ReconcileMachinesFunctionName")

RUN_SECONDS = 900
"""The functions' time-out."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile")(reconcile)


def reconcile(
    property_id: Annotated[
        str, typer.Option("--property", help="The property that is asked about.")
    ] = DEFAULT_PROPERTY,
    day: Annotated[
        str | None, typer.Option("--day", help="The gaming day; the newest reconciled unless told.")
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Export and reconcile the gaming day again first.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole summary.")] = False,
) -> None:
    """Show what explains the differences between meters and games, and rank holds by surprise."""
    must_be_id(property_id, "property")
    if day is not None:
        try:
            date.fromisoformat(day)
        except ValueError:
            raise UsageError(f"{day!r} is no gaming day such as 2026-01-31.") from None
    if run:
        if day is None:
            raise UsageError("Name the gaming day that --run is for: --day 2026-01-31.")
        _run(property_id, day)
    summary = _summary(property_id, day)
    if as_json:
        print_json(summary)
    else:
        _show(summary)


def _run(property_id: str, day: str) -> None:
    from workbench import endpoint

    partition = json.dumps({"property_id": property_id, "gaming_day": day})
    outputs = endpoint.stack_outputs()
    client = endpoint.client("lambda", read_timeout=RUN_SECONDS)
    for name in FUNCTIONS:
        with err.status(f"{name.removesuffix('FunctionName')} ..."):
            answer = client.invoke(FunctionName=outputs[name], Payload=partition)
            said = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise WorkbenchError(
                f"{said.get('errorType')}: {said.get('errorMessage')}: see "
                f"`pitboss logs {name.removesuffix('Name')}`."
            )


def _summary(property_id: str, day: str | None) -> dict[str, Any]:
    from pitboss.lake.rated import SUMMARIES, summary_key
    from pitboss.stores.lake import S3Lake
    from workbench import endpoint

    lake = S3Lake(endpoint.stack_outputs()["LakeBucketName"], client=endpoint.client("s3"))
    prefix = f"{SUMMARIES}property_id={property_id}/"
    known = [key for key, _, _ in lake.objects(prefix)]
    wanted = known[-1:] if day is None else [k for k in known if k == summary_key(property_id, day)]
    if not wanted:
        which = f"gaming day {day}" if day else "gaming day"
        raise WorkbenchError(
            f"No {which} of property {property_id} is reconciled: `pitboss refine` does it."
        )
    summary: dict[str, Any] = json.loads(lake.get(wanted[0]))
    return summary


def _show(summary: dict[str, Any]) -> None:
    where = f"{escape(summary['property_id'])}, gaming day {summary['gaming_day']}"
    out.print(_measures(f"Meters against games: {where} (dollars)", summary["totals"]))
    machines = [one for one in summary["machines"] if _differs(one)]
    machines.sort(key=lambda one: -max(abs(one[m]["lost"]) for m in ("coin_in", "coin_out")))
    if machines:
        out.print(_machines(machines))
    out.print(f"{len(summary['machines']):,} machines, {len(machines):,} with a difference")
    for one in summary["starts"]:
        open_game = ", one of them in progress" if one["open"] else ""
        out.print(
            f"machine {escape(one['asset_id'])}: {one['archived']:,} starts of games are archived"
            f"{open_game}, {one['rated']:,} rated"
        )
    _show_hold(summary["hold"])
    findings = summary["findings"]
    out.print(f"needs a person: {len(findings):,}" if findings else "nothing needs a person")


def _differs(machine: dict[str, Any]) -> bool:
    return any(machine[name]["difference"] for name in ("coin_in", "coin_out", "games"))


def _measures(title: str, totals: dict[str, dict[str, Any]]) -> Table:
    causes = list(dict.fromkeys(cause for one in totals.values() for cause in one["explained"]))
    table = _table(title, "", "metered", "rated", "difference", *map(_name, causes), "gap")
    for measure, one in totals.items():
        amounts = [one["metered"], one["rated"], one["difference"]]
        amounts += [one["explained"].get(cause, 0) for cause in causes]
        table.add_row(_name(measure), *(_amount(measure, a) for a in (*amounts, one["gap"])))
    return table


def _machines(machines: list[dict[str, Any]]) -> Table:
    table = _table(
        f"Machines with a difference ({min(SHOWN, len(machines))} of {len(machines):,})",
        *("machine", "", "difference", "explained", "lost", "gap"),
    )
    for machine in machines[:SHOWN]:
        for measure in ("coin_in", "coin_out", "games"):
            one = machine[measure]
            if one["difference"]:
                why = ", ".join(
                    f"{_name(cause)} {_amount(measure, amount)}"
                    for cause, amount in one["explained"].items()
                )
                figures = [_amount(measure, one[name]) for name in ("difference", "lost", "gap")]
                table.add_row(machine["asset_id"], _name(measure), figures[0], why, *figures[1:])
    return table


def _show_hold(hold: dict[str, Any]) -> None:
    table = _table(
        "Hold by surprise (-log10 p), over at least 100,000 games where there are as many",
        *("machine", "paytable", "since", "games", "hold %", "theory %", "band of 95 %"),
        *("z", "surprise", ""),
    )
    for place, one in enumerate(hold["machines"], start=1):
        if place > SHOWN and not one["is_reported"]:
            continue
        flags = [
            *(["more than chance"] if place <= hold["surprising"] else []),
            *(["3 points in 100,000 games"] if one["is_reported"] else []),
            *(["rough"] if one["is_rough"] else []),
        ]
        table.add_row(
            *(one["asset_id"], escape(one["paytable_id"] or ""), one["since"]),
            *(f"{one['games']:,}", f"{one['actual_hold']:.2f}", f"{one['theoretical_hold']:.2f}"),
            f"{one['low']:.2f} to {one['high']:.2f}",
            *(f"{one['z']:+.2f}", f"{one['surprise']:.1f}", ", ".join(flags)),
        )
    if hold["machines"]:
        out.print(table)
    out.print(
        f"{hold['judged']:,} judged, {hold['unjudged']:,} with too little play; "
        f"{hold['surprising']:,} more than chance; {hold['reported']:,} off by 3 points in "
        f"100,000 games, of which chance alone brings {hold['expected_reports']:.1f}"
    )


def _name(cause: str) -> str:
    return cause.replace("_", " ")


def _amount(measure: str, amount: int) -> str:
    from pitboss.money import dollars

    return f"{amount:,}" if measure == "games" else dollars(amount)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        is_text = heading in ("", "machine", "paytable", "since", "explained")
        table.add_column(heading, justify="left" if is_text else "right")
    return table

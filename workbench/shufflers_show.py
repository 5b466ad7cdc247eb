"""`pitboss shufflers list`, `show`, `history` and `paces`: what is stored, read back by the API."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import UsageError, WorkbenchError, moment, out, print_json
from workbench.devices import asset_of
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

SHUFFLERS_A_PAGE = 200
DAYS_A_PAGE = 31

Property = Annotated[str, typer.Option("--property", help="The property that is asked about.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the document as the API answers it.")]
Shuffler = Annotated[str, typer.Argument(metavar="SHUFFLER", help="As its topics name it.")]
From = Annotated[str | None, typer.Option("--from", help="The first gaming day, 2026-01-31.")]
To = Annotated[str | None, typer.Option("--to", help="The last gaming day; today's without it.")]


def list_all(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """List a property's shufflers: online or not, where they are, and what is wrong with them."""
    query: dict[str, Any] = {"limit": SHUFFLERS_A_PAGE}
    whole = _read(property_id, "/v1/shufflers", query)
    while whole["next"] is not None:
        page = _read(property_id, "/v1/shufflers", query | {"cursor": whole["next"]})
        whole["shufflers"] += page["shufflers"]
        whole["next"] = page["next"]
    if as_json:
        print_json(whole)
        return
    if not whole["shufflers"]:
        out.print(
            f"No shuffler of property {property_id} was heard of: `pitboss devices add` lets one "
            "connect, `pitboss simulate shufflers --live` plays some."
        )
        return
    table = Table(title=f"Shufflers of property {property_id}", title_justify="left")
    for heading in ("shuffler", "table", "online", "heard of", "firmware", "out of service by"):
        table.add_column(heading)
    for one in whole["shufflers"]:
        failure = one["failure"]
        table.add_row(
            escape(one["asset_id"]),
            escape(one["table_id"] or ""),
            _online(one),
            f"{one['age_seconds']:,} s ago",
            escape(one["firmware"] or ""),
            "" if failure is None else escape(f"{failure['code']} ({failure['part']})"),
        )
    out.print(table)


def show(
    shuffler: Shuffler, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False
) -> None:
    """Show a shuffler's state, and its figures of today and of the last 30 gaming days."""
    shuffler = asset_of(shuffler, property_id)
    document = _read(property_id, _path(shuffler), {})
    if as_json:
        print_json(document)
        return
    state, recent, pace = document["state"], document["recent"], document["table"]
    out.print(
        f"Shuffler {escape(shuffler)} of property {escape(property_id)}: {_online(state)}, heard "
        f"of {state['age_seconds']:,} s ago ({moment(state['heard_at'])} UTC), at table "
        f"{escape(state['table_id'] or 'not known')}, firmware "
        f"{escape(state['firmware'] or 'not known')}"
    )
    for fault in state["open_faults"]:
        kind = "failure" if fault["is_failure"] else "fault"
        out.print(
            f"[red]{kind}[/red] {escape(fault['code'])} of the {fault['part']} since "
            f"{moment(fault['raised_at'])} UTC"
        )
    table = Table(title_justify="left")
    for heading in ("", document["gaming_day"], f"{recent['first_day']} to {recent['last_day']}"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in document["today"]:
        of_both = (document["today"][name], recent["figures"][name])
        table.add_row(name.replace("_", " "), *(_figure(value) for value in of_both))
    out.print(table)
    if (trend := recent["cycle_trend_ms_per_day"]) is not None:
        out.print(f"a cycle takes {trend:+,} ms more from one day to the next")
    for kind in recent["faults"]:
        out.print(
            f"{escape(kind['code'])} of the {kind['part']}: {kind['raised']:,} raised, "
            f"{kind['failures']:,} of them failures, down {kind['down_ms'] / 60_000:,.1f} min"
        )
    if pace is not None and pace["decisions_per_hour"] is not None:
        out.print(
            f"table {escape(pace['table_id'])} today: {pace['rounds']:,} rounds, "
            f"{pace['decisions_per_hour']} decisions an hour"
        )


def history(
    shuffler: Shuffler,
    first: From = None,
    last: To = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show a shuffler's gaming days; the last 30 where no days are named."""
    shuffler = asset_of(shuffler, property_id)
    query = {name: value for name, value in (("from", first), ("to", last)) if value is not None}
    document = _read(property_id, f"{_path(shuffler)}/history", query)
    if as_json:
        print_json(document)
        return
    table = Table(title=f"Shuffler {shuffler}", title_justify="left")
    shown = (
        ("cycles", "cycles"),
        ("s a cycle", "seconds_per_cycle"),
        ("jams per 1,000", "jams_per_1000_shuffles"),
        ("faults", "faults"),
        ("failures", "failures"),
        ("down (h)", "down_hours"),
        ("availability", "availability"),
        ("J a shuffle", "energy_j_per_shuffle"),
    )
    table.add_column("gaming day")
    for heading, _ in shown:
        table.add_column(heading, justify="right")
    for day in document["days"]:
        table.add_row(day["gaming_day"], *(_figure(day["figures"][name]) for _, name in shown))
    out.print(table)


def paces(
    first: From = None,
    last: To = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show what shufflers measured at tables; --json is what `pitboss rate --paces` takes."""
    if first is None:
        query = {} if last is None else {"to": last}
        whole = _read(property_id, "/v1/tables/paces", query)
    else:
        whole = _paces(property_id, _day(first), _day(last) if last is not None else None)
    if as_json:
        print_json(whole)
        return
    if not whole["tables"]:
        out.print(
            f"Nothing was measured at tables of property {property_id} from {whole['first_day']} "
            f"to {whole['last_day']}: other days are named with --from and --to."
        )
        return
    table = Table(title=f"Tables of property {property_id}", title_justify="left")
    for heading in ("table", "gaming day"):
        table.add_column(heading)
    for heading in ("shuffles", "rounds", "minutes of dealing", "decisions an hour"):
        table.add_column(heading, justify="right")
    for one in whole["tables"]:
        table.add_row(
            escape(one["table_id"]),
            one["gaming_day"],
            _figure(one["shuffles"]),
            _figure(one["rounds"]),
            _figure(one["dealing_ms"] // 60_000),
            _figure(one["decisions_per_hour"]),
        )
    out.print(table)


def _paces(property_id: str, first: date, last: date | None) -> dict[str, Any]:
    """The paces of days that may be more than one answer has, as one document."""
    if last is None:
        last = date.fromisoformat(_read(property_id, "/v1/tables/paces", {})["last_day"])
    if last < first:
        raise UsageError(f"{last} is before {first}: give --from the earlier one.")
    whole: dict[str, Any] = {"property_id": property_id, "first_day": str(first)}
    tables = []
    while first <= last:
        until = min(last, first + timedelta(days=DAYS_A_PAGE - 1))
        days = {"from": first.isoformat(), "to": until.isoformat()}
        tables += _read(property_id, "/v1/tables/paces", days)["tables"]
        first = until + timedelta(days=1)
    tables.sort(key=lambda one: (one["table_id"], one["gaming_day"]))
    return whole | {"last_day": str(last), "tables": tables}


def paces_of_days(property_id: str, days: Sequence[date]) -> list[dict[str, Any]]:
    """What was measured at tables on gaming days, and on some between them. `days` ascend."""
    tables: list[dict[str, Any]] = []
    left = list(days)
    while left:
        end = left[0] + timedelta(days=DAYS_A_PAGE - 1)
        here = [day for day in left if day <= end]
        left = left[len(here) :]
        tables += _paces(property_id, here[0], here[-1])["tables"]
    return tables


def _read(property_id: str, path: str, query: dict[str, Any]) -> dict[str, Any]:
    from workbench import measure

    must_be_id(property_id, "property")
    with measure.reader(property_id) as client:
        found = measure.read(client, f"{path}?{urlencode(query)}" if query else path)
    if found is None:
        raise WorkbenchError(
            f"No shuffler {path.split('/')[3]} of property {property_id} was heard of: "
            f"`pitboss shufflers list --property {property_id}` shows those that were."
        )
    return found


def _path(shuffler: str) -> str:
    return f"/v1/shufflers/{quote(shuffler, safe='')}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text} is no gaming day: write it as 2026-01-31.") from None


def _online(state: dict[str, Any]) -> str:
    match state["is_online"]:
        case True:
            return "online"
        case False:
            return "[red]offline[/red]"
        case _:
            return "not known"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,}"

"""`pitboss crashes`: what games crash of, by group and version, and which of it is mended."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from workbench import metrics
from workbench.console import UsageError, WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.report.text import shown

if TYPE_CHECKING:
    from pitboss.metrics.crashes import CrashDetailDocument, CrashDocument, Resolution

MAX_VERSION = 64

Application = Annotated[str, typer.Option("--application", help="The game, as it is registered.")]
Property = Annotated[str, typer.Option("--property", help="The studio it is of.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group's id.")]

app = typer.Typer(no_args_is_help=True, help="What games crash of.")


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="crashes")


@app.command("list")
def list_groups(
    application: Application,
    version: Annotated[
        str | None, typer.Option("--version", help="Only groups seen in it, counted by it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="As many at most.")] = 50,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """List groups of crash and error reports, the most frequent first."""
    import msgspec

    from pitboss.metrics.crashes import crashes

    _must_be_ids(property_id, application)
    with metrics.opened() as store:
        found = crashes(store, property_id, application, version=version, limit=limit)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    if not found.crashes:
        out.print(escape(f"{application} has reported no crash."))
    else:
        out.print(_table(f"What {application} crashes of", found.crashes))
    if found.groups > len(found.crashes):
        out.print(f"{found.groups - len(found.crashes):,} more groups: --limit.")
    if found.other:
        out.print(f"{found.other:,} reports are of no group: there are too many groups.")


@app.command("show")
def show(
    group: Group,
    application: Application,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show a group by version, with the stack of one of its reports."""
    import msgspec

    found = _of(property_id, application, group)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    one = found.crash
    out.print(escape(shown(f"{_title(one)}: {one.message}" if one.message else _title(one))))
    out.print(f"{one.group} is {_state(one)}.")
    table = Table("version", "reports", "first seen (UTC)", "last seen (UTC)")
    for by in one.versions:
        seen = moment(by.first_seen_at), moment(by.last_seen_at)
        table.add_row(escape(shown(by.version)), f"{by.count:,}", *seen)
    out.print(table)
    if found.example is not None:
        said = found.example
        of = f"{said.event_type} {said.event_id}, version {said.app_version or '(none)'}"
        out.print(escape(shown(f"{moment(said.occurred_at)} {of}")))
        for line in said.stack.splitlines():
            out.print(escape(f"  {shown(line)}"), highlight=False, soft_wrap=True)


@app.command("resolve")
def resolve(
    group: Group,
    application: Application,
    version: Annotated[
        str, typer.Option("--version", help="The first version that has the remedy.")
    ],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Say that a group is mended. It is reopened when it occurs in that version, or a newer one."""
    from pitboss.metrics.crashes import Resolution

    if not 1 <= len(version) <= MAX_VERSION:
        raise UsageError(f"A version has 1 to {MAX_VERSION} characters.")
    _say(property_id, application, group, Resolution(version, time.time_ns() // 1_000_000), as_json)


@app.command("reopen")
def reopen(
    group: Group,
    application: Application,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Take back that a group is mended."""
    _say(property_id, application, group, None, as_json)


def _say(
    property_id: str,
    application: str,
    group: str,
    resolution: "Resolution | None",
    as_json: bool,
) -> None:
    import msgspec

    _of(property_id, application, group)
    with metrics.opened() as store:
        store.resolve(property_id, application, group, resolution)
    found = _of(property_id, application, group)
    if as_json:
        print_json(msgspec.to_builtins(found.crash))
    else:
        out.print(escape(shown(f"{group} is {_state(found.crash)}.")))


def _of(property_id: str, application: str, group: str) -> "CrashDetailDocument":
    from pitboss.games.crashes import is_group
    from pitboss.metrics.crashes import crash

    _must_be_ids(property_id, application)
    if not is_group(group):
        raise UsageError(f"{group!r} is no group: 16 hexadecimal digits.")
    with metrics.opened() as store:
        found = crash(store, property_id, application, group)
    if found is None:
        raise WorkbenchError(
            f"{application} has no group {group}: `pitboss crashes list` names those there are."
        )
    return found


def _must_be_ids(property_id: str, application: str) -> None:
    must_be_id(property_id, "property")
    must_be_id(application, "application")


def _table(title: str, groups: "list[CrashDocument]") -> Table:
    table = Table(title=escape(title), title_justify="left")
    table.add_column("group", no_wrap=True)
    table.add_column("what and where", overflow="fold")
    table.add_column("reports", justify="right")
    for heading in ("by version", "first seen (UTC)", "last seen (UTC)", "state"):
        table.add_column(heading)
    for one in groups:
        by_version = [f"{by.version} {by.count:,}" for by in one.versions]
        table.add_row(
            one.group,
            escape(shown(_title(one))),
            f"{one.count:,}",
            escape(shown(", ".join(by_version))),
            moment(one.first_seen_at),
            moment(one.last_seen_at),
            escape(shown(_state(one))),
        )
    return table


def _title(one: "CrashDocument") -> str:
    parts = [part for part in (one.exception, one.where) if part]
    return " at ".join(parts) or one.message or "(nothing said)"


def _state(one: "CrashDocument") -> str:
    return str(one.state) if one.resolved_in is None else f"{one.state} (in {one.resolved_in})"

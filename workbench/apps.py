"""`pitboss apps`: applications of games, what their events look like, and how payloads are read.

They go to the table of registered keys itself, by the AWS credentials of who runs the command.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    from pitboss.games.applications import Application, Category
    from pitboss.stores.applications import DynamoApplications

Property = Annotated[str, typer.Option("--property", help="The studio it is of.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
App = Annotated[
    str, typer.Argument(metavar="APPLICATION", help="Its id: `app_name` of its events.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON, see docs/games.md.")]

apps = typer.Typer(no_args_is_help=True, help="Applications: games that may send events.")
schemas = typer.Typer(no_args_is_help=True, help="What their events look like, by version.")
mappings = typer.Typer(no_args_is_help=True, help="How payloads in no envelope are read.")
apps.add_typer(schemas, name="schemas")
apps.add_typer(mappings, name="mappings")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(apps, name="apps")


@apps.command("add")
def add(
    application_id: App,
    events: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="TYPE=CATEGORY", help="A type of event, once for each."),
    ] = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Register an application. Clients are believed for engagement, performance, local_gameplay."""
    from pitboss.games.applications import Application
    from pitboss.stores.applications import KnownApplicationError

    _must_be_ids(property_id, application_id)
    application = Application(
        property_id, application_id, _now_ms(), categories=_categories(events or [])
    )
    try:
        store().add(application)
    except KnownApplicationError as fault:
        raise WorkbenchError(f"{fault}: `pitboss apps list` shows it.") from None
    _show(application, as_json)


@apps.command("list")
def list_applications(
    property_id: Annotated[
        str | None, typer.Option("--property", help="Only those of this studio.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the applications, revoked ones included."""
    found = sorted(
        (one for one in store().every() if property_id in (None, one.property_id)),
        key=lambda one: (one.property_id, one.application_id),
    )
    if as_json:
        print_json([_document(one) for one in found])
        return
    table = Table("application", "property", "status", "event types", "registered")
    for one in found:
        types = len(one.categories.keys() | one.versions.keys())
        row = one.application_id, one.property_id, str(one.status), str(types)
        table.add_row(*map(escape, row), moment(one.created_at))
    out.print(table)


@apps.command("show")
def show(
    application_id: App, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False
) -> None:
    """Show what an application may send."""
    _show(known(property_id, application_id), as_json)


@apps.command("revoke")
def revoke(
    application_id: App, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False
) -> None:
    """Set aside what an application sends, within a minute. There is no way back."""
    from msgspec.structs import replace

    from pitboss.access import Status

    found = known(property_id, application_id)
    if found.status is Status.ACTIVE:
        found = keep(replace(found, status=Status.REVOKED))
    _show(found, as_json)


@apps.command("hot")
def hot(
    application_id: App,
    left_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", metavar="TYPE", help="Do not keep it there, once for each."),
    ] = None,
    taken_in: Annotated[
        list[str] | None,
        typer.Option("--take-in", metavar="TYPE", help="Keep it again, once for each."),
    ] = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Say which event types the hot tier leaves out, within a minute. The lake has all of them."""
    from pitboss.events.envelope import is_identifier

    more, fewer = left_out or [], taken_in or []
    for event_type in (*more, *fewer):
        if not is_identifier(event_type):
            raise UsageError(f"{event_type!r} is no event type.")
    if set(more) & set(fewer):
        raise UsageError("A type is left out or taken in, not both.")
    found = known(property_id, application_id)
    changed = found.with_left_out(more, fewer)
    if changed != found:
        changed = keep(changed)
    _show(changed, as_json)


@schemas.command("apply")
def apply_schema(
    file: File, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False
) -> None:
    """Register a version of an event type: it may only add to the version before."""
    from pitboss.games.applications import SchemaFile
    from pitboss.games.evolution import IncompatibleSchema
    from pitboss.games.validation import DataValidator

    said = read_file(file, SchemaFile)
    found = known(property_id, said.application)
    try:
        changed = found.with_schema(said, _now_ms())
        DataValidator(said.schema)
    except IncompatibleSchema as fault:
        raise WorkbenchError(f"{file} is not taken: {fault}.") from None
    except ValueError as fault:
        raise WorkbenchError(f"{file} is not taken: {fault}.") from None
    if changed != found:
        changed = keep(changed)
    if as_json:
        print_json(_document(changed))
    else:
        verb = "is registered" if changed != found else "was registered, and stays as it is"
        out.print(escape(f"{said.event_type} {said.version} of {said.application} {verb}"))


@schemas.command("list")
def list_schemas(
    application_id: App, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False
) -> None:
    """List the event types of an application and their versions."""
    found = known(property_id, application_id)
    if as_json:
        print_json(_document(found)["event_types"])
        return
    _print_types(found)


@schemas.command("show")
def show_schema(
    application_id: App,
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="The event type.")],
    version: Annotated[str | None, typer.Option(help="Default: the newest.")] = None,
    property_id: Property = DEFAULT_PROPERTY,
) -> None:
    """Print the JSON Schema of an event type's `data`."""
    versions = known(property_id, application_id).versions.get(event_type, [])
    found = [one for one in versions if version in (None, one.version)]
    if not found:
        raise WorkbenchError(
            f"{application_id} has no such schema: `pitboss apps schemas list {application_id}`."
        )
    print_json(found[-1].schema)


@mappings.command("apply")
def apply_mapping(
    application_id: App,
    file: File,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Say which field of an application's payloads is what, within a minute."""
    from msgspec.structs import replace

    from pitboss.games.mapping import FaultyMapping, check_mapping
    from pitboss.games.mapping import Mapping as PayloadMapping

    mapping = read_file(file, PayloadMapping)
    try:
        check_mapping(mapping)
    except FaultyMapping as fault:
        raise WorkbenchError(f"{file} is not taken: {fault}.") from None
    _show(keep(replace(known(property_id, application_id), mapping=mapping)), as_json)


@mappings.command("show")
def show_mapping(application_id: App, property_id: Property = DEFAULT_PROPERTY) -> None:
    """Print an application's mapping."""
    import msgspec

    mapping = known(property_id, application_id).mapping
    if mapping is None:
        raise WorkbenchError(f"{application_id} has no mapping.")
    print_json(msgspec.to_builtins(mapping))


def store() -> "DynamoApplications":
    """The applications of the deployed stack."""
    from pitboss.stores.applications import DynamoApplications

    return DynamoApplications(
        endpoint.stack_outputs()["RegistryTableName"], "", endpoint.client("dynamodb")
    )


def known(property_id: str, application_id: str) -> "Application":
    """A registered application.

    Raises:
        WorkbenchError: there is none by that id.
    """
    _must_be_ids(property_id, application_id)
    found = store().find(property_id, application_id)
    if found is None:
        raise WorkbenchError(
            f"{application_id} of property {property_id} is not registered: "
            f"`pitboss apps add {application_id} --property {property_id}`."
        )
    return found


def keep(application: "Application") -> "Application":
    """Keep a change of what was read; its next revision.

    Raises:
        WorkbenchError: somebody else changed it meanwhile, or it is too large.
    """
    from pitboss.errors import PitbossError

    try:
        return store().change(application)
    except PitbossError as fault:
        raise WorkbenchError(f"{fault}.") from None


def _must_be_ids(property_id: str, application_id: str) -> None:
    must_be_id(property_id, "property")
    must_be_id(application_id, "application")
    if application_id.startswith("0"):
        raise UsageError("An application's id does not begin with 0.")


def _categories(said: Sequence[str]) -> "dict[str, Category]":
    from pitboss.events.envelope import is_identifier
    from pitboss.games.applications import Category

    found: dict[str, Category] = {}
    for one in said:
        event_type, _, category = one.partition("=")
        if not is_identifier(event_type) or category not in set(Category):
            raise UsageError(f"--event {one!r} is not TYPE=CATEGORY, one of {', '.join(Category)}.")
        if found.setdefault(event_type, Category(category)) is not Category(category):
            raise UsageError(f"--event {one!r}: {event_type} is of {found[event_type]} already.")
    return found


def read_file[Form](file: Path, form: type[Form]) -> Form:
    """A file as what it is of.

    Raises:
        WorkbenchError: it is none; with the path of what is wrong.
    """
    import msgspec
    import yaml

    try:
        return msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), form)
    except OSError as fault:
        raise WorkbenchError(f"{file} cannot be read: {fault.strerror}.") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{file} is no text: name a YAML file.") from None
    except yaml.YAMLError as fault:
        raise WorkbenchError(f"{file} is no YAML: {fault}") from None
    except msgspec.ValidationError as fault:
        raise WorkbenchError(f"{file} is not taken: {fault}.") from None


def _document(application: "Application") -> dict[str, Any]:
    import msgspec

    types = sorted(application.categories.keys() | application.versions.keys())
    return {
        "application_id": application.application_id,
        "property_id": application.property_id,
        "status": str(application.status),
        "created_at": application.created_at,
        "revision": application.revision,
        "event_types": {one: _type(application, one) for one in types},
        "left_out": application.left_out,
        "mapping": msgspec.to_builtins(application.mapping),
    }


def _type(application: "Application", event_type: str) -> dict[str, Any]:
    from pitboss.games.applications import OF_CLIENTS

    category = application.categories[event_type]
    versions = application.versions.get(event_type, [])
    return {
        "category": str(category),
        "clients": category in OF_CLIENTS,
        "versions": [one.version for one in versions],
    }


def _show(application: "Application", as_json: bool) -> None:
    if as_json:
        print_json(_document(application))
        return
    out.print(
        escape(
            f"{application.application_id} of property {application.property_id}: "
            f"{application.status}, since {moment(application.created_at)} UTC"
        )
    )
    _print_types(application)
    if application.left_out:
        out.print(escape(f"the hot tier leaves out {', '.join(application.left_out)}"))
    if application.mapping is not None:
        out.print(f"payloads are read as {escape(application.mapping.event_type)}")


def _print_types(application: "Application") -> None:
    types: Mapping[str, dict[str, Any]] = _document(application)["event_types"]
    table = Table("event type", "category", "clients are believed", "versions")
    for name, one in types.items():
        believed = "yes" if one["clients"] else "no"
        table.add_row(escape(name), one["category"], believed, ", ".join(one["versions"]))
    out.print(table)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""`pitboss gateways` and `pitboss services`: whose keys the front door and the reading API know."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, moment, out, print_json, say
from workbench.paths import home

if TYPE_CHECKING:
    from pitboss.access import Credential, Kind, Principal
    from pitboss.stores.registry import DynamoRegistry

DEFAULT_PROPERTY = "P1"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Property = Annotated[str, typer.Option("--property", help="The property it belongs to.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        help="Write the private key here. Default: keys/<id>.pem where the stack's state is."
    ),
]
Only = Annotated[str | None, typer.Option("--property", help="Only those of this property.")]

gateways = typer.Typer(no_args_is_help=True, help="The gateways that may send slot events.")
services = typer.Typer(no_args_is_help=True, help="The services that may read ratings.")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(gateways, name="gateways")
    app.add_typer(services, name="services")


@gateways.command("add")
def add_gateway(
    gateway_id: Annotated[str, typer.Argument(help="Its name, for example cage-7.")],
    property_id: Property = DEFAULT_PROPERTY,
    assets: Annotated[
        str | None, typer.Option(help="Asset numbers it may send for, separated by commas.")
    ] = None,
    assets_file: Annotated[
        Path | None, typer.Option(help="The same from a file: one a line, or separated by commas.")
    ] = None,
    all_assets: Annotated[
        bool, typer.Option("--all-assets", help="It may send for every asset of the property.")
    ] = False,
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="What it may do, once for each. Default: slot-events:write. A game's server has "
            "game-events:write and installs:write; its assets are applications.",
        ),
    ] = None,
    key_file: KeyFile = None,
    json: AsJson = False,
) -> None:
    """Register a gateway with a new key pair. Its private key is written once, for it alone."""
    from pitboss.access import Action, Kind

    chosen = _chosen_assets(assets, assets_file, all_assets)
    asked = _scopes(scopes, Action.SEND_SLOT_EVENTS)
    principal = _principal(gateway_id, Kind.GATEWAY, property_id, chosen, *asked)
    key_file = key_file or key_path(gateway_id)
    _added(add(principal, key_file), key_file, json)


@services.command("add")
def add_service(
    name: Annotated[str, typer.Argument(help="Its name, for example host-app.")],
    property_id: Property = DEFAULT_PROPERTY,
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it may do, once for each. Default: ratings:read."),
    ] = None,
    key_file: KeyFile = None,
    json: AsJson = False,
) -> None:
    """Register a service that may read ratings, or what its scopes say, with a new key pair."""
    from pitboss.access import Action, Kind

    asked = _scopes(scopes, Action.READ_RATINGS)
    principal = _principal(name, Kind.SERVICE, property_id, None, *asked)
    key_file = key_file or key_path(name)
    _added(add(principal, key_file), key_file, json)


@gateways.command("list")
def list_gateways(property_id: Only = None, json: AsJson = False) -> None:
    """List the gateways, revoked ones included."""
    from pitboss.access import Kind

    _listed(Kind.GATEWAY, property_id, json)


@services.command("list")
def list_services(property_id: Only = None, json: AsJson = False) -> None:
    """List the services, revoked ones included."""
    from pitboss.access import Kind

    _listed(Kind.SERVICE, property_id, json)


@gateways.command("revoke")
def revoke_gateway(gateway_id: str, json: AsJson = False) -> None:
    """Refuse a gateway from now on. There is no way back: register another."""
    from pitboss.access import Kind

    _revoked(gateway_id, Kind.GATEWAY, json)


@services.command("revoke")
def revoke_service(name: str, json: AsJson = False) -> None:
    """Refuse a service from now on. There is no way back: register another."""
    from pitboss.access import Kind

    _revoked(name, Kind.SERVICE, json)


def key_path(principal_id: str) -> Path:
    """Where the workbench keeps the private key of a principal it registered."""
    return home() / "keys" / f"{principal_id}.pem"


def registry() -> "DynamoRegistry":
    """The registry of the deployed stack."""
    from pitboss.stores.registry import DynamoRegistry, Keys

    session = endpoint.session()
    credentials = session.get_credentials()
    keys = credentials and credentials.get_frozen_credentials()
    if not keys or not keys.access_key or not keys.secret_key:
        raise WorkbenchError("There are no AWS credentials: sign in, or name a --profile.")
    return DynamoRegistry(
        _output("RegistryTableName"),
        session.region_name or endpoint.DEFAULT_REGION,
        endpoint.target().endpoint,
        Keys(keys.access_key, keys.secret_key, keys.token),
    )


def audience() -> str:
    """The name that tokens for the deployed API carry as `aud`."""
    return _output("TokenAudience")


def add(principal: "Principal", key_file: Path) -> "Credential":
    """Make a key pair, keep the private key in a file of mode 600, register the public one.

    A key that is there already, as after a stack that is gone, is registered as it is.

    Raises:
        WorkbenchError: the id is registered, or the file there is no key.
    """
    from workbench.signing import new_key, public_key_of

    principal_id = principal.principal_id
    with _explained():
        if registry().find(principal_id) is not None:
            raise WorkbenchError(
                f"{principal_id} is registered already, or was and is revoked: "
                "`pitboss gateways list` and `pitboss services list`."
            )
    if key_file.exists():
        private_key = _kept_key(key_file)
        credential = _register(principal, private_key)
        say(f"{escape(str(key_file))} was there: that key is registered")
        return credential
    private_key = new_key()
    _write_once(key_file, private_key)
    try:
        return _register(principal, private_key)
    except _RefusedError:
        # A try whose answer was lost may have registered it, and the next was then refused.
        found = registry().find(principal_id)
        if found is not None and found.public_key_pem == public_key_of(private_key):
            return found
        key_file.unlink()
        raise
    except BaseException:
        say(
            f"whether {principal_id} is registered is not known, so its key stays at "
            f"{escape(str(key_file))}: run the same again"
        )
        raise


class _RefusedError(WorkbenchError):
    """The registry answered, and refused."""


def _kept_key(path: Path) -> bytes:
    from workbench.signing import public_key_of

    try:
        key = path.read_bytes()
        public_key_of(key)
    except (OSError, WorkbenchError) as fault:
        raise WorkbenchError(
            f"{path} exists, is no private key ({fault}) and is never overwritten: "
            "name another file with --key-file, or move it away."
        ) from None
    return key


def ensure(principal: "Principal") -> Path:
    """The key file of a principal that the workbench itself uses; registers it where it is not.

    A key that outlived its stack is registered again with the next one. A service is registered for
    a property that has a gateway, so that a slip of the pen makes none.

    Raises:
        WorkbenchError: the id is registered with a key that is not here, or is revoked; or there is
            no such property.
    """
    from pitboss.access import Kind, Status
    from workbench.signing import public_key_of

    principal_id = principal.principal_id
    path = key_path(principal_id)
    with _explained():
        found = registry().find(principal_id)
    if found is None:
        if principal.kind is Kind.SERVICE:
            _must_be_a_property(principal.property_id)
        if path.exists():
            _register(principal, path.read_bytes())
        else:
            add(principal, path)
        say(f"registered the {principal.kind} {principal_id} of property {principal.property_id}")
    elif found.status is not Status.ACTIVE:
        raise WorkbenchError(
            f"The {principal.kind} {principal_id} is revoked: "
            f"register another with `pitboss {principal.kind}s add` and name it."
        )
    elif not path.exists() or public_key_of(path.read_bytes()) != found.public_key_pem:
        raise WorkbenchError(
            f"The {principal.kind} {principal_id} is registered with a key that is not at {path}: "
            f"put it there, or register another with `pitboss {principal.kind}s add` and name it."
        )
    return path


def _properties_of_shufflers() -> set[str]:
    from workbench import devices

    with _explained():
        return {device.property for device in devices.known()}


def _must_be_a_property(property_id: str) -> None:
    """Refuse a property that nothing was ever to send for.

    Raises:
        WorkbenchError: it has neither gateway nor shuffler; those that have one are named.
    """
    from pitboss.access import Kind

    with _explained():
        known = {
            credential.principal.property_id
            for credential in registry().credentials()
            if credential.principal.kind is Kind.GATEWAY
        }
    if property_id not in known:
        known |= _properties_of_shufflers()
    if property_id not in known:
        choice = f"choose {' or '.join(sorted(known))}" if known else "none has a gateway yet"
        raise WorkbenchError(
            f"There is no property {property_id}: {choice}. A new one begins with "
            f"`pitboss gateways add`, `pitboss devices add` or `pitboss replay`, each with "
            f"`--property {property_id}`."
        )


def registered_gateway(gateway_id: str) -> "Principal":
    """What a gateway is registered as.

    Raises:
        WorkbenchError: there is none of that name.
    """
    from pitboss.access import Kind

    with _explained():
        found = registry().find(gateway_id)
    if found is None or found.principal.kind is not Kind.GATEWAY:
        raise WorkbenchError(
            f"There is no gateway {gateway_id}: `pitboss gateways list` shows them."
        )
    return found.principal


def workbench_gateway(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The gateway the workbench sends as where none is named: every asset of one property."""
    from pitboss.access import Action, Kind

    return _own("workbench", Kind.GATEWAY, property_id, Action.SEND_SLOT_EVENTS)


def workbench_service(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The service the workbench reads as where none is named."""
    from pitboss.access import Action, Kind

    scopes = Action.READ_RATINGS, Action.READ_SHUFFLERS
    return _own("workbench-reader", Kind.SERVICE, property_id, *scopes)


def workbench_floor(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The service that `pitboss top` looks at the floor by: it sees no player."""
    from pitboss.access import Action, Kind

    return _own("workbench-floor", Kind.SERVICE, property_id, Action.READ_FLOOR)


def workbench_planner(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The service that keeps a property's floor plan."""
    from pitboss.access import Action, Kind

    scopes = Action.READ_FLOOR, Action.WRITE_FLOOR
    return _own("workbench-planner", Kind.SERVICE, property_id, *scopes)


def workbench_games(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The games that the workbench simulates: they show offers and take their players' answers."""
    from pitboss.access import Action, Kind

    scopes = Action.READ_OFFERS, Action.ANSWER_OFFERS, Action.REDEEM_OFFERS
    return _own("workbench-games", Kind.GATEWAY, property_id, *scopes)


def workbench_host(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The service that the workbench keeps catalogue and lists by, and sees offers as a host."""
    from pitboss.access import Action, Kind

    scopes = (
        *(Action.READ_RATINGS, Action.READ_OFFERS, Action.WRITE_CATALOGUE),
        *(Action.APPROVE_OFFERS, Action.READ_EXCLUSIONS, Action.WRITE_EXCLUSIONS),
    )
    return _own("workbench-host", Kind.SERVICE, property_id, *scopes)


def workbench_technician(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The service that the workbench looks at recommended maintenance by, and answers it."""
    from pitboss.access import Action, Kind

    scopes = Action.READ_SHUFFLERS, Action.READ_MAINTENANCE, Action.ANSWER_MAINTENANCE
    return _own("workbench-technician", Kind.SERVICE, property_id, *scopes)


def workbench_reviewer(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The service that the workbench looks at suspicions by, and decides them."""
    from pitboss.access import Action, Kind

    scopes = Action.READ_REVIEWS, Action.DECIDE_REVIEWS
    return _own("workbench-reviewer", Kind.SERVICE, property_id, *scopes)


def workbench_analyst(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The service that the workbench searches games' events by."""
    from pitboss.access import Action, Kind

    return _own("workbench-analyst", Kind.SERVICE, property_id, Action.READ_GAME_EVENTS)


def workbench_studio(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The server by which the workbench sends games' events, and looks at what they come to."""
    from pitboss.access import Action, Kind

    scopes = Action.SEND_GAME_EVENTS, Action.READ_METRICS
    return _own("workbench-studio", Kind.GATEWAY, property_id, *scopes)


def workbench_mender(property_id: str = DEFAULT_PROPERTY) -> "Principal":
    """The server by which the workbench posts games' events again that were set aside: what servers
    sent itself, what clients sent by tokens that it asks for.
    """
    from pitboss.access import Action, Kind

    scopes = Action.SEND_GAME_EVENTS, Action.ISSUE_INSTALLS
    return _own("workbench-mender", Kind.GATEWAY, property_id, *scopes)


def _own(name: str, kind: "Kind", property_id: str, *scopes: str) -> "Principal":
    """One of the workbench's own, of every asset of a property."""
    return _principal(_own_name(name, property_id), kind, property_id, None, *scopes)


def _own_name(name: str, property_id: str) -> str:
    """The workbench's own name at a property, by hash where the property's id fits in no name."""
    from pitboss.access import is_principal_id

    if property_id == DEFAULT_PROPERTY:
        return name
    full = f"{name}-{property_id}"
    return (
        full if is_principal_id(full) else f"{name}-{sha256(property_id.encode()).hexdigest()[:16]}"
    )


def _principal(
    principal_id: str, kind: "Kind", property_id: str, assets: frozenset[str] | None, *scopes: str
) -> "Principal":
    from pitboss.access import InvalidPrincipalError, Principal

    must_be_id(property_id, "property")
    try:
        principal = Principal(principal_id, kind, property_id, assets, frozenset(scopes))
        principal.to_context()
    except InvalidPrincipalError as fault:
        raise UsageError(f"{fault}.") from None
    return principal


def must_be_id(text: str, what: str) -> None:
    """Refuse what can be the id of no property, machine or player.

    Raises:
        UsageError: it says what an id looks like.
    """
    from pitboss.events.envelope import is_identifier

    if not is_identifier(text):
        raise UsageError(
            f"{text[:80]!r} is no id of a {what}: that is 1 to 64 letters, digits, "
            "'_', '.', ':' and '-'."
        )


def _scopes(asked: list[str] | None, default: str) -> list[str]:
    from pitboss.access import Action

    chosen = asked or [default]
    if unknown := set(chosen) - set(Action):
        raise UsageError(f"{min(unknown)!r} is no scope: there are {', '.join(Action)}.")
    return chosen


def _chosen_assets(
    listed: str | None, file: Path | None, all_assets: bool
) -> frozenset[str] | None:
    if [listed is not None, file is not None, all_assets].count(True) != 1:
        raise UsageError("Say which assets: one of --assets, --assets-file and --all-assets.")
    if all_assets:
        return None
    if file is not None:
        try:
            listed = file.read_text()
        except OSError as fault:
            raise WorkbenchError(f"{file} cannot be read: {fault.strerror}.") from None
        except UnicodeDecodeError:
            raise WorkbenchError(f"{file} is no text: name a file of asset numbers.") from None
    names = (listed or "").replace(",", " ").split()
    return frozenset(name.lstrip("0") for name in names)


def _write_once(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise WorkbenchError(
            f"{path} exists and a key is never overwritten: name another file with --key-file, "
            "or move it away."
        ) from None
    except OSError as fault:
        raise WorkbenchError(f"{path} cannot be written: {fault.strerror}.") from None
    with os.fdopen(opened, "wb") as file:
        file.write(content)


def _register(principal: "Principal", private_key: bytes) -> "Credential":
    from pitboss.access import Credential, Status
    from pitboss.tokens import algorithm_of
    from workbench.signing import public_key_of

    public_key = public_key_of(private_key)
    credential = Credential(
        principal, public_key, algorithm_of(public_key), Status.ACTIVE, _now_ms()
    )
    with _explained():
        registry().register(credential)
    return credential


@contextmanager
def _explained() -> Iterator[None]:
    """The registry's errors as one sentence."""
    from pynamodb.exceptions import PynamoDBException

    from pitboss.errors import TerminalError

    try:
        yield
    except TerminalError as fault:
        raise _RefusedError(
            f"{fault}: `pitboss gateways list` and `pitboss services list`."
        ) from None
    except PynamoDBException as fault:
        raise WorkbenchError(
            f"The registry cannot be used ({fault}): run `pitboss doctor`."
        ) from None


def _output(name: str) -> str:
    try:
        return endpoint.stack_outputs()[name]
    except KeyError:
        raise WorkbenchError(f"The stack has no output {name}: run `pitboss up`.") from None


def _now_ms() -> int:
    return int(time.time() * 1000)


def _added(credential: "Credential", key_file: Path, json: bool) -> None:
    if json:
        print_json(_described(credential) | {"key_file": str(key_file)})
        return
    principal_id = credential.principal.principal_id
    reach = _reach(credential)
    out.print(
        f"Registered {escape(principal_id)} of property "
        f"{escape(credential.principal.property_id)} for {escape(reach)}."
    )
    out.print(f"Its private key is at {escape(str(key_file))}")


def _listed(kind: "Kind", property_id: str | None, json: bool) -> None:
    with _explained():
        found = sorted(
            (
                credential
                for credential in registry().credentials()
                if credential.principal.kind is kind
                and property_id in (None, credential.principal.property_id)
            ),
            key=lambda credential: credential.principal.principal_id,
        )
    if json:
        print_json([_described(credential) for credential in found])
        return
    if not found:
        out.print(f"There is none: register one with `pitboss {kind}s add`.")
        return
    table = Table(box=None)
    for heading in (str(kind), "property", "assets", "status", "registered", "revoked"):
        table.add_column(heading)
    for credential in found:
        table.add_row(
            escape(credential.principal.principal_id),
            escape(credential.principal.property_id),
            escape(_reach(credential)),
            str(credential.status),
            _moment(credential.created_at),
            _moment(credential.revoked_at),
        )
    out.print(table)


def _revoked(principal_id: str, kind: "Kind", json: bool) -> None:
    from pitboss.access import is_principal_id

    with _explained():
        known = registry()
        found = known.find(principal_id) if is_principal_id(principal_id) else None
        if found is None or found.principal.kind is not kind:
            raise WorkbenchError(
                f"There is no {kind} {principal_id!r}: `pitboss {kind}s list` shows them."
            )
        credential = known.revoke(principal_id, _now_ms())
    if json:
        print_json(_described(credential))
    else:
        out.print(f"{escape(principal_id)} is refused from now on.")


def _described(credential: "Credential") -> dict[str, Any]:
    principal = credential.principal
    return {
        "id": principal.principal_id,
        "kind": principal.kind,
        "property_id": principal.property_id,
        "assets": "all" if principal.assets is None else sorted(principal.assets),
        "scopes": sorted(principal.scopes),
        "algorithm": credential.algorithm,
        "status": credential.status,
        "created_at": credential.created_at,
        "revoked_at": credential.revoked_at,
    }


def _reach(credential: "Credential") -> str:
    assets = credential.principal.assets
    if assets is None:
        return "all assets"
    shown = ", ".join(sorted(assets)[:5])
    return shown if len(assets) <= 5 else f"{shown} and {len(assets) - 5} more"


def _moment(epoch_ms: int | None) -> str:
    return "" if epoch_ms is None else f"{moment(epoch_ms)} UTC"

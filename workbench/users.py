"""`pitboss users`: who may sign in, of which property and in which groups."""

import secrets
import string
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, out, print_json
from workbench.gateways import DEFAULT_PROPERTY

_PROPERTY = "custom:property"
_PASSWORD_CHARACTERS = 20
_SYMBOLS = "-_.+="
_AN_HOUR = "what they hold already counts for up to an hour"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The name they sign in by.")]
InGroups = Annotated[list[str], typer.Option("--group", help="A group they are in, once for each.")]

users = typer.Typer(no_args_is_help=True, help="The people who may sign in.")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(users, name="users")


@dataclass(frozen=True)
class User:
    """Somebody who may sign in."""

    name: str
    property_id: str
    groups: list[str]
    status: str
    """Cognito's, for example FORCE_CHANGE_PASSWORD until a first password was changed."""
    enabled: bool


@dataclass(frozen=True)
class Added:
    """Somebody who was added. `password` is shown this once, and absent where it was given."""

    name: str
    property_id: str
    groups: list[str]
    password: str | None


@users.command("add")
def add_user(
    name: Name,
    groups: InGroups,
    property_id: Annotated[
        str, typer.Option("--property", help="The property they belong to, for good.")
    ] = DEFAULT_PROPERTY,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read their password from standard input.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Let somebody sign in. Without a password of yours one is made, to be changed at once."""
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    if password_stdin and not given:
        raise UsageError("There is no password on standard input.")
    added = add(name, property_id, groups, given)
    _told([replace(added, password=None) if given else added], json)


@users.command("list")
def list_users(
    property_id: Annotated[
        str | None, typer.Option("--property", help="Only those of this property.")
    ] = None,
    json: AsJson = False,
) -> None:
    """List who may sign in."""
    found = [user for user in known() if property_id in (None, user.property_id)]
    if json:
        print_json([asdict(user) for user in found])
        return
    if not found:
        out.print("Nobody may sign in yet: `pitboss users add NAME --group host`.")
        return
    table = Table("name", "property", "groups", "status")
    for user in found:
        status = user.status.lower().replace("_", " ") if user.enabled else "disabled"
        table.add_row(escape(user.name), escape(user.property_id), ", ".join(user.groups), status)
    out.print(table)


@users.command("groups")
def set_groups(name: Name, groups: InGroups, json: AsJson = False) -> None:
    """Put somebody into these groups and out of all others."""
    wanted = _groups(groups)
    cognito, pool = _pool()
    with _explained(name):
        which = {"UserPoolId": pool, "Username": name}
        held = cognito.admin_list_groups_for_user(**which)["Groups"]
        before = {group["GroupName"] for group in held}
        for group in sorted(set(wanted) - before):
            cognito.admin_add_user_to_group(**which, GroupName=group)
        for group in sorted(before - set(wanted)):
            cognito.admin_remove_user_from_group(**which, GroupName=group)
        cognito.admin_user_global_sign_out(**which)
    if json:
        print_json({"name": name, "groups": wanted})
    else:
        out.print(f"{escape(name)} is in {', '.join(wanted)}; {_AN_HOUR}.")


@users.command("remove")
def remove_user(name: Name, json: AsJson = False) -> None:
    """Let somebody sign in no longer."""
    cognito, pool = _pool()
    with _explained(name):
        cognito.admin_user_global_sign_out(UserPoolId=pool, Username=name)
        cognito.admin_delete_user(UserPoolId=pool, Username=name)
    if json:
        print_json({"name": name, "removed": True})
    else:
        out.print(f"{escape(name)} is removed; {_AN_HOUR}.")


@users.command("demo")
def demo_users(
    property_id: Annotated[
        str, typer.Option("--property", help="The property they belong to.")
    ] = DEFAULT_PROPERTY,
    json: AsJson = False,
) -> None:
    """Make one user for each group of the local stack, named after it, with a new password."""
    from pitboss.access import Group

    if endpoint.environment() != "local":
        raise UsageError("Demo users are for the local stack alone: `pitboss users add`.")
    cognito, pool = _pool()
    for name in {user.name for user in known()} & set(Group):
        cognito.admin_delete_user(UserPoolId=pool, Username=name)
    _told([add(group, property_id, [group], new_password()) for group in Group], json)


def add(name: str, property_id: str, groups: list[str], password: str | None) -> Added:
    """Let somebody sign in.

    Args:
        name: they sign in by it.
        property_id: whose floor they see.
        groups: what they are employed as.
        password: theirs for good; None makes one that they change when they first sign in.

    Raises:
        UsageError: there is no such group, or no such property can be.
        WorkbenchError: the name is taken, or the password is too weak.
    """
    from pitboss.events.envelope import is_identifier

    wanted = _groups(groups)
    if not is_identifier(property_id):
        raise UsageError(f"{property_id!r} is no property.")
    cognito, pool = _pool()
    which = {"UserPoolId": pool, "Username": name}
    made = password or new_password()
    with _explained(name):
        cognito.admin_create_user(
            **which,
            UserAttributes=[{"Name": _PROPERTY, "Value": property_id}],
            MessageAction="SUPPRESS",  # nobody's address is kept
            TemporaryPassword=made,
        )
        for group in wanted:
            cognito.admin_add_user_to_group(**which, GroupName=group)
        if password is not None:
            cognito.admin_set_user_password(**which, Password=password, Permanent=True)
    return Added(name, property_id, wanted, made)


def known() -> list[User]:
    """Who may sign in, by name."""
    from pitboss.access import Group

    cognito, pool = _pool()
    groups: dict[str, list[str]] = {}
    for group in sorted(Group):
        pages = cognito.get_paginator("list_users_in_group").paginate(
            UserPoolId=pool, GroupName=group
        )
        for user in (user for page in pages for user in page["Users"]):
            groups.setdefault(user["Username"], []).append(group)
    pages = cognito.get_paginator("list_users").paginate(UserPoolId=pool)
    return sorted(
        (
            User(
                user["Username"],
                next((a["Value"] for a in user["Attributes"] if a["Name"] == _PROPERTY), ""),
                groups.get(user["Username"], []),
                user["UserStatus"],
                user["Enabled"],
            )
            for page in pages
            for user in page["Users"]
        ),
        key=lambda user: user.name,
    )


def new_password() -> str:
    """A password that the pool's policy takes."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)
    rest = [secrets.choice("".join(kinds)) for _ in range(_PASSWORD_CHARACTERS - len(kinds))]
    characters = [*map(secrets.choice, kinds), *rest]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def _groups(groups: list[str]) -> list[str]:
    from pitboss.access import Group

    if unknown := set(groups) - set(Group):
        raise UsageError(f"{min(unknown)!r} is no group: there are {', '.join(Group)}.")
    return sorted(set(groups))


def _pool() -> tuple[Any, str]:
    outputs = endpoint.stack_outputs()
    if "UserPoolId" not in outputs:
        raise WorkbenchError("Nobody can sign in to this stack yet: run `pitboss up`.")
    return endpoint.client("cognito-idp"), outputs["UserPoolId"]


@contextmanager
def _explained(name: str) -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as refusal:
        error = refusal.response["Error"]
        match error["Code"]:
            case "UserNotFoundException":
                sentence = f"There is no user {name}: `pitboss users list` shows them."
            case "UsernameExistsException":
                sentence = f"There is a user {name} already: `pitboss users list` shows them."
            case "InvalidPasswordException" | "InvalidParameterException":
                sentence = f"{name} was not taken: {error['Message']}"
            case _:
                raise
        raise WorkbenchError(sentence) from refusal


def _told(added: list[Added], json: bool) -> None:
    if json:
        print_json([asdict(one) for one in added] if len(added) > 1 else asdict(added[0]))
        return
    table = Table("name", "property", "groups", "password, shown this once")
    for one in added:
        shown = "as given" if one.password is None else one.password
        table.add_row(
            escape(one.name), escape(one.property_id), ", ".join(one.groups), escape(shown)
        )
    out.print(table)

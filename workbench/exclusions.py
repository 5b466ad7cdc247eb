"""`pitboss exclusions` and `pitboss patrons`: who must not be made offers, and who is of age.

One player is changed by the API, as any service does it, signed by the workbench's host key. Whole
files go to the standings table itself, by the AWS credentials of who runs the command: a list of a
hundred thousand players fits in no request, and is to be resumed where it was cut. `docs/gate.md`
has the policy that is all these credentials need.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, err, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    from pitboss.offers.gate import ListName
    from pitboss.stores.standings import DynamoStandings
    from workbench.client import PitbossClient

ALARM_SHARE = 10
"""An import that takes more than a tenth of a list off it has to say how many it expects."""

SMALL_REMOVAL = 10
"""And up to so many it need not."""

Property = Annotated[str, typer.Option("--property", help="The property that is asked about.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Player = Annotated[str, typer.Argument(metavar="PLAYER", help="The player's pseudonym.")]
OfList = Annotated[str, typer.Argument(metavar="LIST", help="Which list: `status` names them.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file, see docs/gate.md.")]
Note = Annotated[str, typer.Option(help="Why, for the record. No names, no diagnoses.")]

exclusions = typer.Typer(no_args_is_help=True, help="Who must not be made offers.")
patrons = typer.Typer(no_args_is_help=True, help="From when players are of age, where they live.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(exclusions, name="exclusions")
    app.add_typer(patrons, name="patrons")


# --- whole files ----------------------------------------------------------------------------------


@exclusions.command("import")
def import_list(
    file: File,
    name: Annotated[str, typer.Option("--list", help="Which list: `status` names them.")],
    as_of: Annotated[
        str,
        typer.Option(help="When the file was complete: ISO 8601 with a zone, or `now`."),
    ],
    removes: Annotated[
        int | None,
        typer.Option(min=0, help="How many players leave the list, where they are many."),
    ] = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Make a list what a file says, every line of it or none.

    Entries that were added after the file was made stay. A file that would take more than a tenth
    of a list off it says how many, and is taken once --removes says the same: a list that was cut
    in half on its way is not taken for one that shrank. What was cut is run again.
    """
    from pitboss.offers.lists import RefusedImport, parse_moment, read_list

    must_be_id(property_id, "property")
    chosen = _list_name(name)
    now = _now_ms()
    try:
        moment_of = now if as_of == "now" else parse_moment(as_of)
    except ValueError as fault:
        raise UsageError(f"--as-of {fault}.") from None
    named = _read(file, read_list)

    def check(removed: int, known: int) -> None:
        is_many = removed > SMALL_REMOVAL and removed * ALARM_SHARE > known
        if removed != removes and (is_many or removes is not None):
            raise RefusedImport(
                f"it would take {removed:,} of {known:,} players off the list: if that is right, "
                f"run the same with --removes {removed}"
            )

    with _importing(file) as (standings, by, progress):
        try:
            done = standings.import_list(
                property_id,
                chosen,
                named,
                moment_of,
                at=now,
                by=by,
                removes=check,
                progress=progress,
            )
        except RefusedImport as refusal:
            raise WorkbenchError(f"{file} is not taken: {refusal}.") from None
    if as_json:
        print_json({"list": str(chosen), "as_of": moment_of, **done._asdict()})
    else:
        out.print(
            f"{chosen}: {done.players:,} players as of {moment(moment_of)} UTC; {done.added:,} "
            f"added or changed, {done.removed:,} removed, {done.kept:,} newer than the file kept."
        )


@patrons.command("import")
def import_patrons(
    file: File,
    of_age: Annotated[
        int | None,
        typer.Option(min=16, max=30, help="The age for gaming, where the file has birth dates."),
    ] = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Say from when players are of age and where they live. Birth dates are not kept."""
    from pitboss.offers.lists import read_patrons

    must_be_id(property_id, "property")
    found = _read(file, lambda content: read_patrons(content, of_age))
    with _importing(file) as (standings, by, progress):
        changed = standings.import_patrons(
            property_id, found, at=_now_ms(), by=by, progress=progress
        )
    if as_json:
        print_json({"players": len(found), "changed": changed})
    else:
        out.print(f"{len(found):,} players, {changed:,} changed.")


@exclusions.command("status")
def status(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Show to when each list is complete, and how many players are on it."""
    from pitboss.offers.gate import ListName

    must_be_id(property_id, "property")
    now = _now_ms()
    with _table_of_standings() as standings:
        complete_to = standings.lists(property_id).complete_to
        found = [
            {
                "list": str(name),
                "complete_to": complete_to.get(name),
                "age_minutes": (now - complete_to[name]) // 60_000 if name in complete_to else None,
                "players": len(standings.members(property_id, name)),
            }
            for name in ListName
        ]
    if as_json:
        print_json(found)
        return
    table = Table(box=None)
    for heading in ("list", "complete to (UTC)", "minutes ago", "players"):
        table.add_column(heading, justify="left" if heading[0] in "lc" else "right")
    for one in found:
        to = one["complete_to"]
        when = "never imported: no offers" if to is None else moment(int(str(to)))
        age = "" if to is None else f"{one['age_minutes']:,}"
        table.add_row(str(one["list"]), when, age, f"{one['players']:,}")
    out.print(table)


# --- one player -----------------------------------------------------------------------------------


@exclusions.command("add")
def add(
    player: Player,
    name: OfList,
    since: Annotated[str | None, typer.Option(help="From when; at once unless told.")] = None,
    until: Annotated[
        str | None, typer.Option(help="To when, that day included; for ever unless told.")
    ] = None,
    note: Note = "",
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Put a player on a list, at once. Moments are dates, or ISO 8601 with a zone."""
    from pitboss.offers.lists import parse_end, parse_moment

    try:
        body = {
            "since": None if since is None else parse_moment(since),
            "until": None if until is None else parse_end(until),
            "note": note,
        }
    except ValueError as fault:
        raise UsageError(f"{fault}.") from None
    _say(_call("PUT", property_id, player, _list_name(name), body), as_json)


@exclusions.command("lift")
def lift(
    player: Player,
    name: OfList,
    note: Note = "",
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Take a player off a list. A self-exclusion lasts until its end."""
    _say(_call("DELETE", property_id, player, _list_name(name), {"note": note}), as_json)


@exclusions.command("show")
def show(player: Player, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Show the lists a player is on, what else the gate knows of them, and the last changes."""
    _say(_call("GET", property_id, player, None, None), as_json)


def _call(
    method: str,
    property_id: str,
    player_id: str,
    name: "ListName | None",
    body: dict[str, Any] | None,
) -> dict[str, Any]:
    import json

    must_be_id(player_id, "player")
    path = f"/v1/players/{player_id}/exclusions" + ("" if name is None else f"/{name}")
    with _client(property_id) as client:
        content = b"" if body is None else json.dumps(body).encode()
        answer = client.send(method, path, content, {"Content-Type": "application/json"})
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise WorkbenchError(
            f"Nothing is known of player {player_id}: `pitboss patrons import` says who is of age "
            "and where they live, `pitboss exclusions add` puts them on a list."
        )
    found: dict[str, Any] = answer.json()
    if answer.status_code != HTTPStatus.OK:
        said = found.get("detail") or found.get("message") or answer.reason_phrase
        raise WorkbenchError(f"Not done: {said}.")
    return found


def _say(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    player_id = escape(found["player_id"])
    on = [one["list"] for one in found["exclusions"] if one["counts"]]
    out.print(f"{player_id} is on {', '.join(on)}." if on else f"{player_id} is on no list now.")
    table = Table(box=None)
    for heading in ("list", "since (UTC)", "until (UTC)", "counts"):
        table.add_column(heading)
    for one in found["exclusions"]:
        until = "for ever" if one["until"] is None else moment(one["until"])
        since = moment(one["since"]) if one["since"] else "always"
        table.add_row(one["list"], since, until, "yes" if one["counts"] else "no")
    if found["exclusions"]:
        out.print(table)
    of_age = found["of_age_from"]
    proven = "not proven" if of_age is None else f"from {moment(of_age)} UTC"
    out.print(f"of age: {proven}; lives in: {escape(found['jurisdiction'] or 'not proven')}")
    if found["risk"] is not None:
        reasons = "; ".join(found["risk"]["reasons"])
        out.print(escape(f"high risk ({found['risk']['score']:.3f}): the player {reasons}"))
    for change in found["changes"]:
        what = f"{change['change']} {change['list'] or ''}".strip()
        note = f" ({change['note']})" if change["note"] else ""
        out.print(f"{moment(change['at'])} UTC {escape(change['by'])}: {escape(what + note)}")


# --- what they share ------------------------------------------------------------------------------


@contextmanager
def _client(property_id: str) -> "Iterator[PitbossClient]":
    from workbench import gateways
    from workbench.client import PitbossClient
    from workbench.signing import Signer

    host = gateways.workbench_host(property_id)
    signer = Signer(host.principal_id, gateways.ensure(host), gateways.audience())
    with PitbossClient(endpoint.api_url(), signer) as client:
        yield client


@contextmanager
def _table_of_standings() -> "Iterator[DynamoStandings]":
    from botocore.exceptions import ClientError

    from pitboss.errors import TransientError
    from pitboss.stores.standings import DynamoStandings

    outputs = endpoint.stack_outputs()
    if "StandingsTableName" not in outputs:
        raise WorkbenchError("The stack has no output StandingsTableName: run `pitboss up`.")
    client = endpoint.client("dynamodb", connect_timeout=5, read_timeout=10)
    try:
        yield DynamoStandings(outputs["StandingsTableName"], None, "", client)
    except (ClientError, TransientError) as fault:
        raise WorkbenchError(
            f"It stopped half way ({fault}): what was done stands, run the same again."
        ) from fault


@contextmanager
def _importing(
    file: Path,
) -> "Iterator[tuple[DynamoStandings, str, Callable[[int], None]]]":
    """The table, who imports, and what is told of how far it has come."""
    by = str(endpoint.client("sts").get_caller_identity()["Arn"])
    with _table_of_standings() as standings, err.status(f"importing {file.name}") as shown:
        yield standings, by, lambda done: shown.update(f"importing {file.name}: {done:,} changed")


def _read[Rows](file: Path, read: Callable[[bytes], Rows]) -> Rows:
    from pitboss.offers.lists import InvalidListFile

    try:
        return read(file.read_bytes())
    except OSError as fault:
        raise WorkbenchError(f"{file} cannot be read: {fault.strerror}.") from None
    except InvalidListFile as faulty:
        for sentence in faulty.faults[:20]:
            err.print(escape(sentence))
        count = len(faulty.faults)
        lines = "1 line is" if count == 1 else f"{count:,} lines are"
        raise WorkbenchError(f"{file} is not taken: {lines} wrong, nothing was changed.") from None


def _list_name(text: str) -> "ListName":
    from pitboss.offers.gate import ListName

    try:
        return ListName(text.replace("-", "_"))
    except ValueError:
        raise UsageError(
            f"{text!r} is no list: there are {', '.join(map(str, ListName))}."
        ) from None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""`pitboss offers`: what may be offered, and whether what was learned of it is any good."""

from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import offers_evaluate
from workbench.console import WorkbenchError, err, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    import httpx

    from pitboss.offers.catalogue import Catalogue
    from workbench.client import PitbossClient
    from workbench.offers_catalogue import Change

ROUTE = "/v1/offers/catalogue"

Property = Annotated[str, typer.Option("--property", help="The property that is asked about.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Player = Annotated[str, typer.Argument(metavar="PLAYER", help="The player's pseudonym.")]
OfferId = Annotated[str, typer.Argument(metavar="OFFER", help="The offer's id.")]
OfPlayer = Annotated[
    str | None,
    typer.Option("--player", help="Whose offer it is. Default: who it is pending for."),
]

app = typer.Typer(no_args_is_help=True, help="Offers: catalogue, approvals, learned policies.")
catalogue = typer.Typer(no_args_is_help=True, help="What may be offered, to whom, at what cost.")
app.add_typer(catalogue, name="catalogue")


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="offers")


app.command("evaluate")(offers_evaluate.evaluate)


# --- the catalogue --------------------------------------------------------------------------------


@catalogue.command("apply")
def apply_catalogue(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A catalogue, as YAML.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would change.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a catalogue in force, for the property that it names, and say what it changes."""
    from pitboss.offers.catalogue import encode, parse
    from workbench.offers_catalogue import FaultyCatalogue, changes, load

    try:
        new = load(file)
    except FaultyCatalogue as faulty:
        if as_json:
            faults = [{"line": fault.line, "fault": fault.sentence} for fault in faulty.faults]
            print_json({"faults": faults})
        else:
            for fault in faulty.faults:
                where = "" if fault.line is None else f"line {fault.line}: "
                err.print(escape(f"{where}{fault.sentence}"))
        raise
    with _host(new.property_id) as client:
        known = _read_catalogue(client)
        before = None if known is None else parse(known["catalogue"])
        changed = changes(before, new)
        if changed and not dry_run:
            headers = {"Content-Type": "application/json"}
            if before is None:
                headers["If-None-Match"] = "*"
            else:
                headers["If-Match"] = f'"{before.version}"'
            answer = client.send("PUT", ROUTE, encode(new), headers)
            if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
                raise WorkbenchError(
                    "Another catalogue was applied this moment: look at it with `pitboss offers "
                    "catalogue show`, then apply yours again."
                )
            _document(answer)
    _say_applied(new, before, changed, dry_run=dry_run, as_json=as_json)


def _say_applied(
    new: "Catalogue",
    before: "Catalogue | None",
    changed: "list[Change]",
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        print_json(
            {
                "property_id": new.property_id,
                "version": new.version,
                "replaces": None if before is None else before.version,
                "applied": bool(changed) and not dry_run,
                "changes": [change._asdict() for change in changed],
            }
        )
        return
    if not changed:
        out.print(f"Catalogue {new.version} is in force already: nothing changes.")
        return
    table = _table("Changes", "what", "before", "after")
    for change in changed:
        table.add_row(escape(change.what), escape(change.before or ""), escape(change.after or ""))
    out.print(table)
    if dry_run:
        out.print("Nothing was applied: leave out --dry-run to apply it.")
    else:
        where = escape(new.property_id)
        out.print(f"Catalogue {new.version} is in force at property {where}.")


@catalogue.command("show")
def show_catalogue(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Show the catalogue in force."""
    from pitboss.offers.catalogue import parse
    from workbench.offers_catalogue import dollars

    with _host(property_id) as client:
        known = _read_catalogue(client)
    if known is None:
        raise WorkbenchError(
            f"Property {property_id} has no catalogue: `pitboss offers catalogue apply "
            "docs/offers-catalogue.yaml` applies the example."
        )
    if as_json:
        print_json(known)
        return
    found = parse(known["catalogue"])
    title = f"Catalogue {found.version} of property {property_id}"
    table = _table(escape(title), "offer", "kind", "cost", "worth a day", "valid", "reach", "caps")
    for offer in found.offers:
        below = offer.worth_below_cents
        worth = f"from {dollars(offer.worth_from_cents)}"
        reach = [*offer.reach.zones, *offer.reach.tiers]
        caps = [f"{offer.per_player_day} a player"]
        if offer.per_day is not None:
            caps.append(f"{offer.per_day} a day")
        if offer.daily_budget_cents is not None:
            caps.append(f"{dollars(offer.daily_budget_cents)} a day")
        table.add_row(
            escape(f"{offer.code}: {offer.name}"),
            str(offer.kind),
            dollars(offer.cost_cents),
            worth if below is None else f"{worth} to {dollars(below)}",
            f"{offer.valid_minutes:,} min",
            escape(", ".join(reach)) or "anyone",
            ", ".join(caps),
        )
    out.print(table)
    house = found.house
    out.print(
        f"{dollars(house.daily_budget_cents)} a gaming day at most; above "
        f"{dollars(house.approval_above_cents)} a person approves within "
        f"{house.approval_minutes} min; {len(found.machines)} machines have a zone or a game."
    )


@catalogue.command("versions")
def list_versions(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """List the catalogues that were applied, the last first."""
    with _host(property_id) as client:
        document = _document(client.get(f"{ROUTE}/versions"))
    if as_json:
        print_json(document)
        return
    if not document["versions"]:
        out.print("There is none: apply one with `pitboss offers catalogue apply`.")
        return
    table = _table(escape(f"Catalogues of property {property_id}"), "version", "applied", "by", "")
    for one in document["versions"]:
        mark = "in force" if one["is_current"] else ""
        by = escape(one["applied_by"])
        table.add_row(one["version"], f"{moment(one['applied_at'])} UTC", by, mark)
    out.print(table)


def _read_catalogue(client: "PitbossClient") -> dict[str, Any] | None:
    answer = client.get(ROUTE)
    return None if answer.status_code == HTTPStatus.NOT_FOUND else _document(answer)


# --- offers ---------------------------------------------------------------------------------------


@app.command("list")
def list_offers(
    player_id: Player, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False
) -> None:
    """List a player's offers. Those that are open are shown by this, so that they are delivered."""
    document = _offers(property_id, player_id)
    if as_json:
        print_json(document)
        return
    found = [*document["offers"], *document["past"]]
    if not found:
        out.print("There is none that is over, or that may be shown now.")
        return
    _print_offers(f"Offers to player {player_id} of property {property_id}", found)


@app.command("show")
def show_offer(
    player_id: Player,
    offer_id: OfferId,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show one of a player's offers: why it was made, and how it came to its status."""
    document = _offers(property_id, player_id)
    found = next(
        (
            offer
            for offer in (*document["offers"], *document["past"])
            if offer["offer_id"] == offer_id
        ),
        None,
    )
    if found is None:
        raise WorkbenchError(
            f"Player {player_id} has no offer {offer_id} that is over or may be shown now: "
            f"`pitboss offers list {player_id}` lists those."
        )
    if as_json:
        print_json(found)
        return
    out.print(escape(f"{found['name']} for player {player_id} at machine {found['asset_id']}"))
    out.print(f"why: {escape('; '.join(found['reasons'])) or 'no reason was kept'}")
    table = _table("Steps", "status", "at", "by")
    for step in found["steps"]:
        table.add_row(step["status"], f"{moment(step['at'])} UTC", escape(step["by"]))
    out.print(table)


@app.command("pending")
def list_pending(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """List the offers that await approval, those that expire first, first."""
    found = _pending(property_id)
    if as_json:
        print_json({"offers": found})
        return
    if not found:
        out.print("No offer awaits approval.")
        return
    _print_offers(f"Offers of property {property_id} that await approval", found)


@app.command("approve")
def approve(
    offer_id: OfferId,
    player_id: OfPlayer = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Approve an offer: it is made if the player may still be made one."""
    _settle("approve", offer_id, player_id, property_id, as_json)


@app.command("refuse")
def refuse(
    offer_id: OfferId,
    player_id: OfPlayer = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Refuse an offer: it is not made, and costs nothing."""
    _settle("refuse", offer_id, player_id, property_id, as_json)


def _settle(
    verb: str, offer_id: str, player_id: str | None, property_id: str, as_json: bool
) -> None:
    must_be_id(offer_id, "offer")
    if player_id is None:
        pending = {offer["offer_id"]: offer["player_id"] for offer in _pending(property_id)}
        if offer_id not in pending:
            raise WorkbenchError(
                f"Offer {offer_id} does not await approval, or no longer: `pitboss offers pending` "
                "lists those that do; with --player you are told what became of it."
            )
        player_id = pending[offer_id]
    must_be_id(player_id, "player")
    with _host(property_id) as client:
        answer = client.send("POST", f"/v1/players/{player_id}/offers/{offer_id}/{verb}")
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise WorkbenchError(
            f"Player {player_id} has no offer {offer_id}: `pitboss offers pending` lists those "
            "that await approval."
        )
    document = _document(answer)
    if as_json:
        print_json(document | {"taken": answer.status_code == HTTPStatus.ACCEPTED})
    elif answer.status_code == HTTPStatus.ACCEPTED:
        said = "approved: it is made" if verb == "approve" else "refused: it is not made"
        out.print(escape(f"{document['name']} for player {player_id} is {said}."))
    else:
        out.print(escape(f"It was so already: the offer is {document['status']}."))


def _offers(property_id: str, player_id: str) -> dict[str, Any]:
    must_be_id(player_id, "player")
    with _host(property_id) as client:
        return _document(client.get(f"/v1/players/{player_id}/offers"))


def _pending(property_id: str) -> list[dict[str, Any]]:
    with _host(property_id) as client:
        found: list[dict[str, Any]] = _document(client.get("/v1/offers/pending"))["offers"]
        return found


def _print_offers(title: str, offers: list[dict[str, Any]]) -> None:
    from workbench.offers_catalogue import dollars

    table = _table(
        escape(title), "offer", "player", "machine", "what", "cost", "status", "until (UTC)", "why"
    )
    for offer in offers:
        table.add_row(
            offer["offer_id"],
            escape(offer["player_id"]),
            escape(offer["asset_id"]),
            escape(offer["name"]),
            dollars(offer["cost_cents"]),
            offer["status"],
            moment(offer["expires_at"]),
            escape("; ".join(offer["reasons"])),
        )
    out.print(table)


def _host(property_id: str) -> "AbstractContextManager[PitbossClient]":
    """A client that is a host of a property."""
    from workbench import measure

    return measure.host(property_id)


def _document(answer: "httpx.Response") -> dict[str, Any]:
    """What an answer to a host holds."""
    from workbench.client import document_of

    return document_of(answer, "workbench-host")


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading)
    return table

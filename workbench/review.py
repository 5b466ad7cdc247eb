"""`pitboss review`: play that is suspected, and what was decided of it."""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import UsageError, WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    import httpx

ROUTE = "/v1/reviews"

Property = Annotated[str, typer.Option("--property", help="The property that is asked about.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(no_args_is_help=True, help="Play that is suspected, and what is decided of it.")


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="review")


@app.command("list")
def list_reviews(
    property_id: Property = DEFAULT_PROPERTY,
    status: Annotated[
        str, typer.Option("--status", help="Only these: open, confirmed, cleared, or all.")
    ] = "open",
    as_json: AsJson = False,
) -> None:
    """List suspicions: those of the newest sessions first."""
    from pitboss.anomalies.reviews import ReviewStatus

    if status not in (*ReviewStatus, "all"):
        raise UsageError(f"{status!r} is no status: there are {', '.join(ReviewStatus)}, and all.")
    from workbench import measure

    with measure.reviewer(property_id) as client:
        document = _document(client.get(f"{ROUTE}?{urlencode({'status': status})}"))
    if as_json:
        print_json(document)
    elif not document["reviews"]:
        which = "" if status == "all" else f" that is {status}"
        out.print(f"There is no suspicion{which}.")
    else:
        out.print(_table(f"Suspicions at property {property_id}", document["reviews"]))
        if document["truncated"]:
            out.print("There are older ones.")


@app.command("decide")
def decide(
    review_id: Annotated[str, typer.Argument(metavar="REVIEW", help="The review's id.")],
    verdict: Annotated[
        str, typer.Option("--verdict", help="confirmed: it is so; cleared: it is not.")
    ],
    note: Annotated[str, typer.Option("--note", help="Why.")],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Decide a suspicion. What is cleared is not told of the player, or machine, for 90 days."""
    from workbench import measure

    if verdict not in {"confirmed", "cleared"}:
        raise UsageError(f"{verdict!r} is no verdict: there are confirmed and cleared.")
    if not note.strip():
        raise UsageError("Say with --note why.")
    must_be_id(review_id, "review")
    body = json.dumps({"verdict": verdict, "note": note}).encode()
    headers = {"Content-Type": "application/json"}
    with measure.reviewer(property_id) as client:
        answer = client.send("POST", f"{ROUTE}/{review_id}/decide", body, headers)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise WorkbenchError(
            f"Property {property_id} has no review {review_id}: `pitboss review list` names them."
        )
    document = _document(answer)
    if as_json:
        print_json(document)
    else:
        said = f"{document['status']} by {document['decided_by']}: {document['note']}"
        out.print(escape(f"Review {review_id} is {said}"))


def _table(title: str, reviews: list[dict[str, Any]]) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for heading in ("review", "player", "machine", "session (UTC)", "why", "games", "odds against"):
        table.add_column(
            heading, justify="right" if heading in {"games", "odds against"} else "left"
        )
    table.add_column("status")
    for one in reviews:
        table.add_row(
            escape(one["review_id"]),
            escape(one["player_id"] or "no card"),
            escape(one["asset_id"]),
            moment(one["began_at"]),
            one["reason"],
            f"{one['games']:,}",
            f"{one['odds_against']:,} to 1",
            one["status"],
        )
    return table


def _document(answer: "httpx.Response") -> dict[str, Any]:
    from workbench.client import document_of

    return document_of(answer, "workbench-reviewer")

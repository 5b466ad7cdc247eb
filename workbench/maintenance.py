"""`pitboss maintenance`: what work at shufflers is recommended, and what became of it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode
from uuid import uuid4

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    import httpx

    from workbench.client import PitbossClient

ROUTE = "/v1/maintenance"

Property = Annotated[str, typer.Option("--property", help="The property that is asked about.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Recommendation = Annotated[
    str, typer.Argument(metavar="RECOMMENDATION", help="The recommendation's id.")
]
NoteOption = Annotated[str, typer.Option("--note", help="What else is to be said of it.")]

app = typer.Typer(no_args_is_help=True, help="Work at shufflers that is recommended.")


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="maintenance")


@app.command("list")
def list_recommendations(
    property_id: Property = DEFAULT_PROPERTY,
    status: Annotated[
        str | None,
        typer.Option("--status", help="Only these: open, acknowledged, done or dismissed."),
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="Of this shuffler alone.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is closed, where no status is asked for.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what is recommended: the most urgent and the earliest due first."""
    from pitboss.shufflers.maintenance import Status

    if status is not None and status not in Status:
        there_are = ", ".join(Status)
        raise WorkbenchError(f"{status!r} is no status: there are {there_are}.")
    if device is not None:
        must_be_id(device, "shuffler")
    found = []
    for one in _pages(property_id, {"status": status, "asset_id": device}):
        if status is None and not everything and Status(one["status"]).is_closed:
            break  # what is open comes first
        found.append(one)
    if as_json:
        print_json({"property_id": property_id, "recommendations": found})
    elif not found:
        out.print("No work is recommended.")
    else:
        out.print(_table(f"Maintenance of property {property_id}", found))


@app.command("refresh")
def refresh(
    learn: Annotated[
        bool, typer.Option("--learn", help="Learn failure models first, as every night.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the recommendations up to date now, as it is done every hour."""
    from workbench.models import times_table

    answer = run_refresh(learn=learn)
    if as_json:
        print_json(answer)
    else:
        out.print(times_table(answer["states"]))
    if answer["status"] != "SUCCEEDED":
        raise WorkbenchError(
            f"It failed ({answer['error']}): {answer['cause']}. What was recommended stays, and "
            "the next hour tries again."
        )
    if as_json:
        return
    found = answer["output"]
    if "trained" in found:
        made = found["trained"]
        verdict = "promoted" if made["promoted"] else "not promoted"
        out.print(escape(f"Version {made['version']}, {verdict}: {made['why']}"))
    elif learn:
        out.print("Nothing was learned: `pitboss logs train_failure_model` says why.")
    done = found["recommended"]
    out.print(
        f"{found['assessed']['devices']:,} shufflers assessed; {done['opened']:,} recommendations "
        f"opened, {done['closed']:,} closed, {done['raised']:,} messages raised, "
        f"{len(done['notices']):,} sent."
    )


def run_refresh(*, learn: bool) -> dict[str, Any]:
    """Start the state machine, wait for its end, and say how long each state took."""
    from workbench import endpoint
    from workbench.models import run_machine

    machine = endpoint.stack_outputs()["MaintainShufflersStateMachineArn"]
    name = f"by-hand-{time.time_ns() // 1_000_000}"
    return run_machine(machine, name, {"learn": learn}, "assessing shufflers")


@app.command("ack")
def acknowledge(
    recommendation_id: Recommendation,
    note: NoteOption = "",
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Take a recommendation on."""
    _answer("acknowledge", recommendation_id, note, property_id, as_json=as_json)


@app.command("done")
def done(
    recommendation_id: Recommendation,
    note: NoteOption = "",
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Say that the work is done: it is learned from."""
    _answer("done", recommendation_id, note, property_id, as_json=as_json)


@app.command("dismiss")
def dismiss(
    recommendation_id: Recommendation,
    reason: Annotated[str, typer.Option("--reason", help="Why it is not going to be done.")],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Say that the work is not going to be done; it rests, unless it becomes more urgent."""
    _answer("dismiss", recommendation_id, reason, property_id, as_json=as_json)


def _pages(property_id: str, asked: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    query = {name: value for name, value in asked.items() if value is not None}
    with _technician(property_id) as client:
        while True:
            document = _document(client.get(f"{ROUTE}?{urlencode(query)}" if query else ROUTE))
            yield from document["recommendations"]
            if document["next"] is None:
                return
            query["cursor"] = document["next"]


def _answer(
    verb: str, recommendation_id: str, note: str, property_id: str, *, as_json: bool
) -> None:
    must_be_id(recommendation_id, "recommendation")
    if verb == "dismiss" and not note.strip():
        raise WorkbenchError("Say with --reason why it is not going to be done.")
    body = json.dumps({"note": note}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
    with _technician(property_id) as client:
        answer = client.send("POST", f"{ROUTE}/{recommendation_id}/{verb}", body, headers)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise WorkbenchError(
            f"Property {property_id} has no recommendation {recommendation_id}: `pitboss "
            "maintenance list` names them."
        )
    document = _document(answer)
    if as_json:
        print_json(document)
    else:
        out.print(escape(f"Recommendation {recommendation_id} is {document['status']}."))


def _table(title: str, found: list[dict[str, Any]]) -> Table:
    from workbench.report.text import money

    table = Table(title=escape(title), title_justify="left")
    for heading in (
        *("recommendation", "shuffler", "part", "urgency", "due (UTC)", "risk"),
        *("cost of waiting", "status", "why"),
    ):
        table.add_column(heading)
    for one in found:
        probability, waiting = one["probability"], one["cost_of_waiting_cents"]
        table.add_row(
            one["recommendation_id"],
            escape(one["asset_id"]),
            one["part"],
            one["urgency"].replace("_", " "),
            moment(one["due_at"]),
            "by rule" if probability is None else f"{probability:.0%}",
            "" if waiting is None else money(waiting),
            one["status"],
            escape("; ".join(one["reasons"])),
        )
    return table


def _technician(property_id: str) -> "AbstractContextManager[PitbossClient]":
    """A client that is a technician of a property."""
    from workbench import measure

    return measure.technician(property_id)


def _document(answer: "httpx.Response") -> dict[str, Any]:
    """What an answer to a technician holds."""
    from workbench.client import document_of

    return document_of(answer, "workbench-technician")

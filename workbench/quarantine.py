"""`pitboss quarantine`: what was not accepted, and why."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import WorkbenchError, out, print_json

app = typer.Typer(no_args_is_help=True, help="What was not accepted, as it came, and why.")


class Stage(StrEnum):
    """The function that put something in quarantine."""

    INGEST = "ingest_slot_events"
    RATE = "rate_players"


def register(parent: typer.Typer) -> None:
    """Add the group."""
    parent.add_typer(app, name="quarantine")


def _store() -> Any:  # noqa: ANN401 - the adapter, imported late
    from pitboss.stores.quarantine import S3Quarantine
    from workbench import endpoint

    bucket = endpoint.stack_outputs()["QuarantineBucketName"]
    return S3Quarantine(bucket, client=endpoint.client("s3"))


@app.command("list")
def list_entries(
    stage: Annotated[
        Stage | None, typer.Option(help="Only what this function set aside. Default: both.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason code.")] = None,
    sender: Annotated[str | None, typer.Option(help="Only this gateway.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List what is in quarantine, the newest first."""
    store = _store()
    objects = sorted(
        store.objects(f"{stage}/" if stage else ""), key=lambda found: found[2], reverse=True
    )
    rows: list[dict[str, Any]] = []
    for key, _size, _time in objects:
        for position, entry in enumerate(store.read(key)):
            if (reason and entry.reason != reason) or (sender and entry.sender != sender):
                continue
            rows.append(
                {
                    "id": f"{key.removeprefix('quarantine/').removesuffix('.ndjson')}#{position}",
                    "reason": entry.reason,
                    "detail": entry.detail,
                    "sender": entry.sender,
                    "received_at": entry.received_at,
                }
            )
        if len(rows) >= limit:
            break
    rows = rows[:limit]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("The quarantine is empty.")
        return
    table = Table()
    for heading in ("reason", "detail", "sender", "id"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(row[h])) for h in ("reason", "detail", "sender", "id")))
    out.print(table)
    out.print("See one as it came with: pitboss quarantine show ID")


@app.command()
def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="An id that `list` printed.")],
    raw: Annotated[bool, typer.Option(help="Print only the original bytes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show one thing in quarantine: the original bytes, the reason and who sent it."""
    from botocore.exceptions import ClientError
    from msgspec.structs import asdict

    key, _, position = entry_id.removeprefix("quarantine/").partition("#")
    try:
        entries = _store().read(f"quarantine/{key}.ndjson")
        entry = entries[int(position or 0)]
    except (ClientError, IndexError, ValueError):
        raise WorkbenchError(
            f"Nothing in quarantine is called {entry_id}: "
            "copy an id from `pitboss quarantine list`."
        ) from None
    if raw:
        sys.stdout.buffer.write(entry.raw)
    elif as_json:
        print_json(asdict(entry))
    else:
        for name, value in asdict(entry).items():
            if name != "content":
                out.print(f"[bold]{name}[/bold] {escape(str(value))}")
        out.print(escape(entry.content))

"""`pitboss stream`: the records of the event stream, for people."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.markup import escape

from workbench.console import out, print_json

app = typer.Typer(no_args_is_help=True, help="The records of the event stream, for people.")


def register(parent: typer.Typer) -> None:
    """Add the group."""
    parent.add_typer(app, name="stream")


@app.command()
def show(
    limit: Annotated[int, typer.Option(min=1, help="At most so many records.")] = 10,
    asset: Annotated[str | None, typer.Option(help="Only records of this machine.")] = None,
    received: Annotated[
        bool, typer.Option(help="Show the first part too: the events as they were received.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the oldest records that the stream still has, unpacked."""
    shown: list[dict[str, Any]] = []
    for record in _records():
        document = _document(record, received=received)
        if asset is not None and document.get("asset_id") != asset:
            continue
        shown.append(document)
        if not as_json:
            _print(document)
        if len(shown) >= limit:
            break
    if as_json:
        print_json(shown)
    elif not shown:
        out.print("The stream has no such record.")


def _records() -> Iterator[dict[str, Any]]:
    from workbench import endpoint

    kinesis = endpoint.client("kinesis")
    name = endpoint.stack_outputs()["SlotStreamName"]
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=100)
            for record in answer["Records"]:
                yield record | {"ShardId": shard["ShardId"]}
            # A page may be empty although there is more: the shard is read in spans of time.
            more = answer["Records"] or answer.get("MillisBehindLatest")
            iterator = answer.get("NextShardIterator") if more else None


def _document(record: dict[str, Any], *, received: bool) -> dict[str, Any]:
    import msgspec

    from pitboss.events.batch import UnreadableRecord, unpack_metered, unpack_received

    place = {
        "shard": record["ShardId"],
        "sequence_number": record["SequenceNumber"],
        "partition_key": record["PartitionKey"],
        "bytes": len(record["Data"]),
    }
    try:
        header, events = unpack_metered(record["Data"])
        document = place | msgspec.structs.asdict(header)
        document["events"] = [_event(event) for event in events]
        if received:
            document["received"] = [
                raw.decode(errors="replace") for raw in unpack_received(record["Data"])
            ]
    except UnreadableRecord as fault:
        document = place | {"unreadable": str(fault)}
    return document


def _event(event: Any) -> dict[str, Any]:  # noqa: ANN401 - a MeteredEvent, imported late
    from msgspec.structs import asdict

    from pitboss.events.envelope import event_type_of

    return asdict(event) | {
        "event_type": event_type_of(type(event.data)),
        "data": asdict(event.data),
        "meters": None if event.meters is None else asdict(event.meters),
    }


def _print(document: dict[str, Any]) -> None:
    if "unreadable" in document:
        out.print(f"[red]unreadable[/red] {document['shard']} {escape(document['unreadable'])}")
        return
    out.print(
        f"[bold]{document['partition_key']}[/bold] {len(document['events'])} events in "
        f"{document['bytes']} bytes, from {document['sender']} ({document['format']})"
    )
    for event in document["events"]:
        data = ", ".join(f"{k}={v}" for k, v in event["data"].items() if v not in (None, ""))
        player = event["player_id"] or "uncarded"
        out.print(f"  {event['occurred_at']} {event['event_type']:<18} {player:<12} {escape(data)}")
    for raw in document.get("received", ()):
        out.print(f"  [dim]{escape(raw)}[/dim]")

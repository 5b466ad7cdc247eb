"""`pitboss stream`: the records of the event stream, for people."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape

from workbench.console import UsageError, WorkbenchError, out, print_json, step

MAX_INVOCATION_BYTES = 4_000_000
"""Of the records of one invocation, base64 included; Lambda takes 6 MB."""

MAX_INVOCATION_RECORDS = 1_000

PAGE_RECORDS = 1_000
"""Of one read: a shard takes five reads a second, all its readers together."""

_AGO = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

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
    for record in records():
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


@app.command("replay")
def replay_stream(
    since: Annotated[
        str, typer.Option(help="From when: ISO 8601 with an offset, or ago: 90m, 6h, 2d.")
    ],
    consumer: Annotated[
        str, typer.Option(help="The function to give the records to, by its folder.")
    ] = "rate_players",
    verify: Annotated[
        str | None,
        typer.Option(
            metavar="PROPERTY", help="Compare all stored ratings of this property before and after."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Give a consumer what came into the stream since then once more. It goes on as it did."""
    from workbench import unchanged

    now = datetime.now(UTC)
    begin = _moment_of(since, now)
    _must_be_kept(begin, now)
    function = _consumer(consumer)
    before = unchanged.items_of(verify) if verify else {}
    records = invocations = 0
    with step(f"giving {consumer} what came since {begin:%Y-%m-%d %H:%M:%S} UTC"):
        for batch in _batches(begin, now):
            _invoke(function, batch)
            records += len(batch)
            invocations += 1
    compared = unchanged.compare(before, unchanged.items_of(verify)) if verify else None
    if as_json:
        counts = {"records": records, "invocations": invocations}
        print_json(counts | (compared.as_json() if compared else {}))
    else:
        out.print(f"{records:,} records in {invocations:,} invocations of {escape(function)}")
        if compared:
            compared.show()
    if compared and compared.changed:
        raise typer.Exit(1)


def _moment_of(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(
            f"--since {text!r} is no moment: write 2026-11-20T06:00:00Z, with its offset from UTC, "
            "or how long ago: 90m, 6h, 2d."
        )
    return moment.astimezone(UTC)


def _must_be_kept(begin: datetime, now: datetime) -> None:
    from workbench import endpoint

    summary = endpoint.client("kinesis").describe_stream_summary(
        StreamName=endpoint.stack_outputs()["SlotStreamName"]
    )
    hours = summary["StreamDescriptionSummary"]["RetentionPeriodHours"]
    if begin > now:
        raise UsageError("--since is in the future.")
    if begin < now - timedelta(hours=hours):
        raise UsageError(
            f"The stream keeps {hours} hours (SlotStreamRetentionHours): what is older is in the "
            "archive, see `pitboss replay --from-archive`."
        )


def _consumer(folder: str) -> str:
    """The deployed function of a folder, which has to be a consumer of the stream."""
    from workbench import endpoint

    client = endpoint.client("lambda")
    arn = _stream_arn()
    pages = client.get_paginator("list_event_source_mappings").paginate(EventSourceArn=arn)
    names = [
        mapping["FunctionArn"].partition(":function:")[2].partition(":")[0]
        for page in pages
        for mapping in page["EventSourceMappings"]
        if mapping["EventSourceArn"] == arn
    ]
    wanted = f"{endpoint.stack_name()}-{folder.replace('_', '')}function".lower()
    for name in names:
        if name.lower().startswith(wanted):
            return str(name)
    raise WorkbenchError(
        f"{folder} is no consumer of the stream: {' and '.join(sorted(names)) or 'nothing'} is."
    )


def _stream_arn() -> str:
    from workbench import endpoint

    summary = endpoint.client("kinesis").describe_stream_summary(
        StreamName=endpoint.stack_outputs()["SlotStreamName"]
    )
    return str(summary["StreamDescriptionSummary"]["StreamARN"])


def _batches(begin: datetime, end: datetime) -> Iterator[list[dict[str, Any]]]:
    """Records of a shard that came in between, as an event source hands them over."""
    from workbench import endpoint

    arn = _stream_arn()
    region = endpoint.session().region_name or endpoint.DEFAULT_REGION
    batch: list[dict[str, Any]] = []
    size = 0
    for record in records(begin, end):
        found = _as_delivered(record, arn, region)
        length = len(found["kinesis"]["data"])
        is_full = size + length > MAX_INVOCATION_BYTES or len(batch) >= MAX_INVOCATION_RECORDS
        if batch and (is_full or not batch[-1]["eventID"].startswith(f"{record['ShardId']}:")):
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += length
    if batch:
        yield batch


def _as_delivered(record: dict[str, Any], stream_arn: str, region: str) -> dict[str, Any]:
    """A record in the form in which Lambda gives it to a consumer."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{record['ShardId']}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "awsRegion": region,
        "eventSourceARN": stream_arn,
    }


def _invoke(function: str, batch: list[dict[str, Any]]) -> None:
    from workbench import endpoint

    # A second try by the client, while the first still runs, would do no harm but cost time.
    client = endpoint.client("lambda", read_timeout=120, retries={"total_max_attempts": 1})
    answer = client.invoke(FunctionName=function, Payload=json.dumps({"Records": batch}))
    said = answer["Payload"].read().decode(errors="replace")
    failed = "FunctionError" in answer or json.loads(said or "{}").get("batchItemFailures")
    if failed:
        raise WorkbenchError(
            f"{function} failed on {len(batch)} records from {batch[0]['eventID']} on "
            f"({said[:200]}): see its log, then run the same again; nothing counts twice."
        )


def records(
    since: datetime | None = None, until: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Every record that the stream still has, or those that came in between, shard by shard."""
    from workbench import endpoint

    kinesis = endpoint.client("kinesis")
    name = endpoint.stack_outputs()["SlotStreamName"]
    start: dict[str, Any] = (
        {"ShardIteratorType": "TRIM_HORIZON"}
        if since is None
        else {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since}
    )
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], **start)[
            "ShardIterator"
        ]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=PAGE_RECORDS)
            page = [
                record
                for record in answer["Records"]
                if until is None or record["ApproximateArrivalTimestamp"] <= until
            ]
            for record in page:
                yield record | {"ShardId": shard["ShardId"]}
            # A page may be empty although there is more: the shard is read in spans of time.
            more = answer["Records"] or answer.get("MillisBehindLatest")
            is_past = len(page) < len(answer["Records"])
            iterator = answer.get("NextShardIterator") if more and not is_past else None


def _document(record: dict[str, Any], *, received: bool) -> dict[str, Any]:
    import msgspec

    from pitboss.events.batch import UnreadableRecord, unpack_metered, unpack_received
    from pitboss.traces import readable

    place = {
        "shard": record["ShardId"],
        "sequence_number": record["SequenceNumber"],
        "partition_key": record["PartitionKey"],
        "bytes": len(record["Data"]),
    }
    try:
        header, events = unpack_metered(record["Data"])
        document = place | msgspec.structs.asdict(header) | {"request": readable(header.request)}
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

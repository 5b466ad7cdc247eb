"""Where generated rows go: a file, a door of the API, another address, a Kinesis stream."""

import gzip
import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from workbench.client import MAX_TRIES, PitbossClient
from workbench.console import UsageError, WorkbenchError

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef


class Door(NamedTuple):
    """Where rows are posted, and in which form."""

    path: str
    is_array: bool = False
    """A JSON array; otherwise NDJSON."""


DOORS = {
    "slot-events": Door("/v1/slot-events", is_array=True),
    "slot-packets": Door("/v1/slot-events"),
    "game-events": Door("/v1/game-events"),
}
"""The API's: envelopes of slot events, packets of a slot gateway, events of games."""

MAX_POST_ROWS = 500
MAX_POST_BYTES = 1_000_000
"""Of a post, before it is compressed. The doors take 1 MiB."""

MAX_PUT_BYTES = 5_000_000
"""Of a PutRecords call, which takes 5 MiB."""

PASSING = frozenset({429, 500, 502, 503, 504})


class Sink(Protocol):
    """Takes rows; says what became of them."""

    counts: dict[str, int]

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def write(self, rows: Sequence[str]) -> None: ...


class FileSink:
    """Rows as lines of a file, or of standard output."""

    def __init__(self, path: Path | None) -> None:
        self.counts = {"rows": 0}
        self._path = path
        try:
            self._file = path.open("w", encoding="utf-8", newline="\n") if path else sys.stdout
        except OSError as fault:
            raise WorkbenchError(f"{path} cannot be written ({fault.strerror}).") from fault

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._path:
            self._file.close()
        else:
            self._file.flush()

    def write(self, rows: Sequence[str]) -> None:
        """Write the rows."""
        if rows:
            self._file.write("\n".join(rows) + "\n")
        if self._path is None:
            self._file.flush()  # who reads the pipe wants them now
        self.counts["rows"] += len(rows)


class DoorSink:
    """Rows through a door of the API, or to any address that takes NDJSON.

    What an answer says has failed is sent again, alone.
    """

    def __init__(self, client: PitbossClient, door: Door, token: str | None = None) -> None:
        """
        Args:
            client: calls the API, signing.
            door: where, and in which form.
            token: of an install, in place of a signature.
        """
        names = ("received", "accepted", "duplicate", "quarantined")
        self.counts = dict.fromkeys(("rows", "posts", *names), 0)
        self._client = client
        self._door = door
        self._token = token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def write(self, rows: Sequence[str]) -> None:
        """Post the rows, in as few posts as the limits allow.

        Raises:
            UsageError: a row is no JSON object.
            WorkbenchError: nothing answers, or the rows are refused.
        """
        if rows and not self.counts["rows"] and not _document(rows[0].encode()):
            raise UsageError(f"The rows are no JSON objects, as a door needs: {rows[0][:120]}")
        for post in batches([row.encode() for row in rows], MAX_POST_ROWS, MAX_POST_BYTES):
            self.counts["rows"] += len(post)
            self._post(post)

    def _post(self, rows: list[bytes]) -> None:
        kind = "application/json" if self._door.is_array else "application/x-ndjson"
        headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        for attempt in range(1, MAX_TRIES + 1):
            text = b"[%s]" % b",".join(rows) if self._door.is_array else b"\n".join(rows)
            body = gzip.compress(text, compresslevel=3, mtime=0)
            response = self._client.send("POST", self._door.path, body, headers)
            self.counts["posts"] += 1
            answer = _document(response.content)
            if response.is_success or (response.status_code == 503 and answer.get("received")):
                rows = self._kept(rows, answer)
                if not rows:
                    return
            else:
                raise WorkbenchError(
                    f"POST {self._door.path} answered {response.status_code}: "
                    f"{answer.get('detail') or answer.get('message') or response.reason_phrase}."
                )
            self._client.pause(attempt)
        raise WorkbenchError(f"{len(rows)} rows failed {MAX_TRIES} times: see `pitboss status`.")

    def _kept(self, rows: list[bytes], answer: dict[str, Any]) -> list[bytes]:
        """Count what an answer says; those rows that failed."""
        failed = [
            rows[event["index"]]
            for event in answer.get("events", ())
            if event.get("status") == "failed"
        ]
        for name in ("accepted", "duplicate", "quarantined"):
            self.counts[name] += answer.get(name, 0)
        for event in answer.get("events", ()):
            if event.get("status") == "quarantined":
                why = f"quarantined_{event.get('reason') or 'unknown'}"
                self.counts[why] = self.counts.get(why, 0) + 1
        self.counts["received"] += answer.get("received", len(rows)) - len(failed)
        return failed


class StreamSink:
    """Rows as records of a Kinesis stream, a line each, spread over its shards."""

    def __init__(self, client: "KinesisClient", name: str, pause: Callable[[int], None]) -> None:
        """
        Args:
            client: of Kinesis.
            name: the stream.
            pause: waits before the n-th retry.
        """
        self.counts = {"rows": 0, "records": 0, "sent_again": 0}
        self._client = client
        self._name = name
        self._pause = pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def write(self, rows: Sequence[str]) -> None:
        """Put the rows; what the stream refuses for now is put again.

        Raises:
            WorkbenchError: it refuses some to the end.
        """
        for put in batches([f"{row}\n".encode() for row in rows], 500, MAX_PUT_BYTES):
            self.counts["rows"] += len(put)
            self._put([{"Data": row, "PartitionKey": _anywhere()} for row in put])

    def _put(self, records: "list[PutRecordsRequestEntryTypeDef]") -> None:
        for attempt in range(1, MAX_TRIES + 1):
            answer = self._client.put_records(StreamName=self._name, Records=records)
            failed = [
                record
                for record, result in zip(records, answer["Records"], strict=True)
                if result.get("ErrorCode")
            ]
            self.counts["records"] += len(records) - len(failed)
            if not failed:
                return
            records = failed
            self.counts["sent_again"] += len(failed)
            self._pause(attempt)
        raise WorkbenchError(
            f"The stream {self._name} refused {len(records)} records {MAX_TRIES} times: "
            "give a lower --rate, or the stream more shards."
        )


def batches(rows: Sequence[bytes], most: int, most_bytes: int) -> list[list[bytes]]:
    """The rows in order, so many at most together, so many bytes at most.

    Raises:
        UsageError: one row alone is too long.
    """
    found: list[list[bytes]] = []
    size = most_bytes
    for row in rows:
        if len(row) >= most_bytes:
            raise UsageError(f"A row has {len(row):,} bytes: {most_bytes:,} are too many.")
        size += len(row) + 1
        if size > most_bytes or len(found[-1]) >= most:
            found.append([])
            size = len(row) + 1
        found[-1].append(row)
    return found


def _anywhere() -> str:
    """A partition key by chance, not the seed's: the same rows may go to any shard."""
    return str(random.randrange(10**10))


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}

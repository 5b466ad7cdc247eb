"""The lake's bucket and the quarantine in memory, as refining uses them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path

from pitboss.events.quarantined import QuarantineEntry
from pitboss.lake.manifest import Source
from pitboss.stores.refinery import Listed, RefinedMeanwhile

START = datetime(2020, 6, 16, tzinfo=UTC)


class MemoryLake:
    """Objects by key. Each write is a minute after the one before."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.written: dict[str, datetime] = {}
        self.log: list[tuple[str, str]] = []
        """What was done, and to which key, in its order."""
        self.now = START

    def put(self, key: str, body: bytes) -> None:
        self.now += timedelta(minutes=1)
        self.content[key] = body
        self.written[key] = self.now
        self.log.append(("put", key))

    def listed(self, prefix: str, after: str = "") -> Iterator[Listed]:
        for key in sorted(key for key in self.content if key.startswith(prefix) and key > after):
            body = self.content[key]
            tag = md5(body, usedforsecurity=False).hexdigest()
            yield Listed(Source(key, len(body), tag), self.written[key])

    def get(self, key: str) -> bytes:
        return self.content[key]

    def find(self, key: str) -> tuple[bytes, str] | None:
        if key not in self.content:
            return None
        body = self.content[key]
        return body, f'"{md5(body, usedforsecurity=False).hexdigest()}"'

    def upload(self, path: Path, key: str) -> None:
        self.put(key, path.read_bytes())

    def delete(self, key: str) -> None:
        del self.content[key]
        self.log.append(("delete", key))

    def replace(self, key: str, body: bytes, etag: str | None) -> None:
        found = self.find(key)
        if (None if found is None else found[1]) != etag:
            raise RefinedMeanwhile(key)
        self.put(key, body)

    def refined(self) -> dict[str, bytes]:
        """Everything under refined/."""
        return {key: body for key, body in self.content.items() if key.startswith("refined/")}


class MemoryQuarantine:
    """Entries by the keys that `S3Quarantine` gives them."""

    def __init__(self) -> None:
        self.entries: dict[str, list[QuarantineEntry]] = {}
        self.reads: list[str] = []
        self.written: dict[str, datetime] = {}

    def put(self, entries: list[QuarantineEntry], written: datetime = START) -> str:
        first = entries[0]
        filed = datetime.fromtimestamp(first.received_at / 1000, UTC).date().isoformat()
        name = f"{len(self.entries):08}.ndjson"
        parts = ("quarantine", first.stage, first.property_id, first.sender, filed, name)
        key = "/".join(parts)
        self.entries[key] = entries
        self.written[key] = written
        return key

    def stages(self) -> list[str]:
        return sorted({key.split("/")[1] for key in self.entries})

    def objects(self, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        for key in sorted(self.entries):
            if key.startswith(f"quarantine/{prefix}"):
                yield key, 100, self.written[key]

    def read(self, key: str) -> list[QuarantineEntry]:
        self.reads.append(key)
        return self.entries[key]

"""Imported files in S3: the drop folder, the files that were taken in, and what is made of them.

drop/<source>/<property>/<file>.csv                  put there by a person or another system
drop/<source>/<property>/<file>.csv.mapping.toml     how to read that file
drop/<source>/<property>/mapping.toml                how to read every file of the folder
drop/<source>/<property>/<file>.csv.summary.json     what became of it
raw/imports/<source>/property=<property>/<sha256>.csv.zst    its bytes
raw/imports/<source>/property=<property>/<sha256>.json       when it came, and how it is read
refined/<table>/property_id=<property>/gaming_day=<day>/<table>.parquet
"""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

from pitboss.errors import TerminalError
from pitboss.imports.sources import SourceName
from pitboss.imports.summary import Summary
from pitboss.lake.layout import RAW, table_key
from pitboss.stores.bucket import S3Bucket

DROP = "drop/"
MAX_FILE_BYTES = 256 * 1024**2

_CHUNK_BYTES = 1024**2
_PARALLEL_READS = 8
_DROP_KEY = re.compile(r"drop/([a-z-]+)/([A-Za-z0-9_.:-]{1,64})/([^/]{1,200}\.csv)")


class MisplacedDrop(TerminalError):
    """A file that lies where no source or property can be read from its key."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"{key} is not drop/<source>/<property>/<file>.csv; sources are {', '.join(SourceName)}"
        )


class OversizedFile(TerminalError):
    """A file that is more than one import takes."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"it has {size:,} bytes, one import takes {MAX_FILE_BYTES:,}: cut it into several"
        )


class Drop(Struct, frozen=True):
    """A file in the drop folder."""

    source: SourceName
    property_id: str
    file: str

    @classmethod
    def at(cls, key: str) -> "Drop":
        """The file that a key names.

        Raises:
            MisplacedDrop: it names none that can be imported.

        >>> Drop.at("drop/promotions/north/may.csv").property_id
        'north'
        """
        found = _DROP_KEY.fullmatch(key)
        if found is None or found[1] not in list(SourceName):
            raise MisplacedDrop(key)
        return cls(SourceName(found[1]), found[2], found[3])

    @property
    def key(self) -> str:
        """Where it lies."""
        return f"{DROP}{self.source}/{self.property_id}/{self.file}"

    @property
    def mapping_keys(self) -> tuple[str, str]:
        """Where its mapping may lie; the first that is there counts."""
        return (
            f"{self.key}.mapping.toml",
            f"{DROP}{self.source}/{self.property_id}/mapping.toml",
        )


def summary_key(key: str) -> str:
    """Where it says what became of the file at this key."""
    return f"{key}.summary.json"


class KeptFile(Struct, frozen=True):
    """A file that was taken in: its bytes are known by their hash."""

    received_at: int
    """Epoch milliseconds, when it came first: of two that differ, the earlier stands."""
    arrival: str
    """Which time it was dropped when it came first."""
    sha256: str
    name: str
    mapping: str
    """How it is read: the mapping that it was given last."""
    days: tuple[str, ...]
    """The gaming days it has rows of, or had by a mapping it was given before."""


class S3Imports(S3Bucket):
    """The imports of a stack's lake."""

    # --- the drop folder --------------------------------------------------------------------------

    def fetch(self, drop: Drop, path: Path) -> None:
        """Write a dropped file's bytes to `path`.

        Raises:
            OversizedFile: it is too much.
        """
        found = self._client.get_object(Bucket=self._bucket, Key=drop.key)
        if found["ContentLength"] > MAX_FILE_BYTES:
            raise OversizedFile(found["ContentLength"])
        with path.open("wb") as file:
            file.writelines(found["Body"].iter_chunks(_CHUNK_BYTES))

    def mapping(self, drop: Drop) -> str | None:
        """The mapping that lies beside a dropped file, or in its folder; None where none does.

        Bytes that are no UTF-8 become a character that no TOML has a use for.
        """
        for key in drop.mapping_keys:
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=key)
            except self._client.exceptions.NoSuchKey:
                continue
            return found["Body"].read().decode("utf-8", errors="replace")
        return None

    def report(self, key: str, summary: Summary) -> None:
        """Say beside the file at `key` what became of it."""
        body = msgspec.json.format(msgspec.json.encode(summary), indent=2)
        self._client.put_object(
            Bucket=self._bucket, Key=summary_key(key), Body=body, ContentType="application/json"
        )

    # --- files that were taken in -----------------------------------------------------------------

    def kept(self, source: SourceName, property_id: str) -> list[KeptFile]:
        """Every file of a property that was taken in, in the order in which they came."""
        keys = [
            found["Key"]
            for found in self._contents(_kept_prefix(source, property_id))
            if found["Key"].endswith(".json")
        ]
        with ThreadPoolExecutor(_PARALLEL_READS) as readers:
            files = readers.map(self._read_kept, keys)
            return sorted(files, key=lambda file: (file.received_at, file.sha256))

    def _read_kept(self, key: str) -> KeptFile:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return msgspec.json.decode(body, type=KeptFile)

    def keep(self, source: SourceName, property_id: str, file: KeptFile, path: Path) -> None:
        """Take a file in. Its bytes go first: what says that it is there is true."""
        import zstandard

        stem = _kept_prefix(source, property_id) + file.sha256
        packed = path.with_suffix(".zst")
        with path.open("rb") as plain, packed.open("wb") as out:
            zstandard.ZstdCompressor(level=9).copy_stream(plain, out)
        with packed.open("rb") as body:
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"{stem}.csv.zst",
                Body=body,
                ContentType="application/zstd",
            )
        packed.unlink()
        self._client.put_object(
            Bucket=self._bucket,
            Key=f"{stem}.json",
            Body=msgspec.json.encode(file),
            ContentType="application/json",
        )

    def read(self, source: SourceName, property_id: str, file: KeptFile, path: Path) -> None:
        """Write the bytes of a file that was taken in to `path`."""
        import zstandard

        key = f"{_kept_prefix(source, property_id)}{file.sha256}.csv.zst"
        found = self._client.get_object(Bucket=self._bucket, Key=key)
        with path.open("wb") as out, zstandard.ZstdDecompressor().stream_writer(out) as plain:
            for chunk in found["Body"].iter_chunks(_CHUNK_BYTES):
                plain.write(chunk)

    # --- partitions -------------------------------------------------------------------------------

    def put_partition(self, table: str, property_id: str, day: str, path: Path | None) -> None:
        """Swap a partition in whole; None is one without rows, which has no object."""
        key = table_key(table, property_id, day)
        if path is None:
            self._client.delete_object(Bucket=self._bucket, Key=key)
            return
        with path.open("rb") as body:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType="application/vnd.apache.parquet",
            )


def _kept_prefix(source: SourceName, property_id: str) -> str:
    return f"{RAW}imports/{source}/property={property_id}/"

"""The use case: take one dropped file into the lake, and say what became of every row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from pitboss.errors import TerminalError, TransientError
from pitboss.events.quarantined import QuarantineEntry
from pitboss.gaming_day import GamingDay
from pitboss.imports.accounts import Accounts, SetAside
from pitboss.imports.lines import lines
from pitboss.imports.mapping import parse, shipped_text
from pitboss.imports.sources import SOURCES, SourceName
from pitboss.imports.summary import Summary
from pitboss.rating.tables import TableDay
from pitboss.stores.imports import Drop, KeptFile

STAGE = "import_files"

MAX_REBUILDS = 5
"""Times in a row that another file may come while partitions are made."""

ENTRIES_AN_OBJECT = 5_000
"""Rows set aside that one object of the quarantine holds."""


class DropFolder(Protocol):
    """Where files are dropped; see `pitboss.stores.imports.S3Imports`."""

    def fetch(self, drop: Drop, path: Path) -> None: ...
    def mapping(self, drop: Drop) -> str | None: ...


class KeptFiles(Protocol):
    """The files that were taken in."""

    def kept(self, source: SourceName, property_id: str) -> list[KeptFile]: ...
    def keep(self, source: SourceName, property_id: str, file: KeptFile, path: Path) -> None: ...
    def read(self, source: SourceName, property_id: str, file: KeptFile, path: Path) -> None: ...


class Partitions(Protocol):
    """The refined tables."""

    def put_partition(self, table: str, property_id: str, day: str, path: Path | None) -> None: ...


class TableRatings(Protocol):
    """What players' days at tables come to; see `pitboss.stores.ratings.DynamoRatings`."""

    def replace_table_day(
        self, property_id: str, day: str, players: Mapping[str, TableDay]
    ) -> bool: ...


class Paces(Protocol):
    """What shufflers measured at tables; see `pitboss.stores.paces.S3Paces`."""

    def of(self, property_id: str) -> Mapping[tuple[str, str], int]: ...


class Quarantine(Protocol):
    """Keeps what was set aside."""

    def put(self, entries: Sequence[QuarantineEntry]) -> str: ...


class ContendedImport(TransientError):
    """Other files of the same source and property kept coming."""

    def __init__(self, drop: Drop) -> None:
        super().__init__(f"files of {drop.source} of {drop.property_id} keep coming: try again")


class ImportFiles:
    """Takes dropped files in."""

    def __init__(
        self,
        folder: DropFolder,
        kept: KeptFiles,
        partitions: Partitions,
        ratings: TableRatings,
        paces: Paces,
        quarantine: Quarantine,
        rule_of: Callable[[str], GamingDay],
        scratch: Path,
        now: Callable[[], int],
    ) -> None:
        """
        Args:
            folder: where files are dropped.
            kept: the files that were taken in.
            partitions: the refined tables.
            ratings: players' days at tables.
            paces: decisions an hour that were measured at tables.
            quarantine: takes rows that were not accepted.
            rule_of: a property's gaming day.
            scratch: a folder with room for the files and a database of their rows.
            now: the moment, in epoch milliseconds.
        """
        self._folder = folder
        self._kept = kept
        self._partitions = partitions
        self._ratings = ratings
        self._paces = paces
        self._quarantine = quarantine
        self._rule_of = rule_of
        self._scratch = scratch
        self._now = now

    def __call__(self, drop: Drop, arrival: str) -> Summary:
        """Import one file. Where nothing of it can be, the summary has a refusal.

        Args:
            drop: the file.
            arrival: which time it was dropped; the same when a try is repeated.

        Raises:
            ContendedImport: come again.
        """
        with TemporaryDirectory(dir=self._scratch) as scratch:
            path = Path(scratch) / "dropped.csv"
            try:
                self._folder.fetch(drop, path)
                file, is_known = self._take_in(drop, arrival, path)
            except TerminalError as fault:
                return Summary(
                    source=drop.source,
                    property_id=drop.property_id,
                    file=drop.file,
                    refusal=str(fault),
                )
            for _ in range(MAX_REBUILDS):
                before = self._kept.kept(drop.source, drop.property_id)
                summary = self._rebuild(drop, path, file, before, is_known=is_known)
                # Who writes last has seen every file: otherwise someone came, and it is not last.
                if summary and self._kept.kept(drop.source, drop.property_id) == before:
                    return summary
        raise ContendedImport(drop)

    def _take_in(self, drop: Drop, arrival: str, path: Path) -> tuple[KeptFile, bool]:
        """Keep a file that can be read, and say whether it was known.

        Raises:
            TerminalError: it is not what it was said to be, or the mapping is none.
        """
        text = self._folder.mapping(drop)
        if text is None:
            text = shipped_text(drop.source)
        mapping = parse(text, drop.source)
        with path.open("rb") as opened:
            digest = sha256()
            while chunk := opened.read(1024**2):
                digest.update(chunk)
        with self._accounts(drop) as accounts:
            accounts.add(path, mapping, drop.file, digest.hexdigest())
            accounts.settle()
            days = set(accounts.days(0))
        known = {file.sha256: file for file in self._kept.kept(drop.source, drop.property_id)}
        earlier = known.get(digest.hexdigest())
        file = KeptFile(
            received_at=earlier.received_at if earlier else self._now(),
            arrival=earlier.arrival if earlier else arrival,
            sha256=digest.hexdigest(),
            name=earlier.name if earlier else drop.file,
            mapping=text,
            # Those it had rows of before are made anew too, also by a try that is repeated.
            days=tuple(sorted(days.union(earlier.days if earlier else ()))),
        )
        if file != earlier:
            self._kept.keep(drop.source, drop.property_id, file, path)
        # Read another way, it is another file; and a try that is repeated is still the first.
        is_known = earlier is not None and earlier.mapping == text and earlier.arrival != arrival
        return file, is_known

    def _rebuild(
        self,
        drop: Drop,
        path: Path,
        file: KeptFile,
        kept: Sequence[KeptFile],
        *,
        is_known: bool,
    ) -> Summary | None:
        """Make the partitions of its days anew, of every file that has rows of them.

        None where another file's were made at that moment: do it again.
        """
        days = set(file.days)
        concerned = [other for other in kept if days.intersection(other.days) or other == file]
        other_path = path.with_name("kept.csv")
        paces = self._paces.of(drop.property_id) if SOURCES[drop.source].rated else {}
        with self._accounts(drop, paces) as accounts:
            for other in concerned:
                if other != file:
                    self._kept.read(drop.source, drop.property_id, other, other_path)
                here = path if other == file else other_path
                accounts.add(here, parse(other.mapping, drop.source), other.name, other.sha256)
            accounts.settle()
            table = SOURCES[drop.source].table
            partition = path.with_name("partition.parquet")
            for day in sorted(days):
                found = partition if accounts.write(day, partition) else None
                self._partitions.put_partition(table, drop.property_id, day, found)
                if SOURCES[drop.source].rated:
                    players = accounts.table_days(day)
                    if not self._ratings.replace_table_day(drop.property_id, day, players):
                        return None
            number = concerned.index(file)
            self._set_aside(drop, file, path, accounts.set_aside(number))
            return summarize(accounts, number, drop, file, is_known=is_known)

    def _accounts(self, drop: Drop, paces: Mapping[tuple[str, str], int] | None = None) -> Accounts:
        rule = self._rule_of(drop.property_id)
        return Accounts(SOURCES[drop.source], rule, self._scratch, paces or {})

    def _set_aside(self, drop: Drop, file: KeptFile, path: Path, found: Iterator[SetAside]) -> None:
        """Keep the rows that were not accepted as they came. Dated by when the file first came,
        so that the same file again overwrites its own objects.
        """
        with path.open("rb") as opened:
            below = lines(opened)
            for part in batched(found, ENTRIES_AN_OBJECT, strict=False):
                self._quarantine.put(
                    [
                        QuarantineEntry.of(
                            next(
                                line.content for line in below if line.number == aside.finding.line
                            ),
                            reason=aside.reason,
                            detail=f"{file.name} {aside.finding}",
                            stage=STAGE,
                            property_id=drop.property_id,
                            sender=str(drop.source),
                            received_at=file.received_at,
                            index=aside.finding.line,
                        )
                        for aside in part
                    ]
                )


def summarize(
    accounts: Accounts, number: int, drop: Drop, file: KeptFile, *, is_known: bool
) -> Summary:
    """What became of the file with this number."""
    account = accounts.account(number)
    days = accounts.days(number)
    return Summary(
        source=drop.source,
        property_id=drop.property_id,
        file=drop.file,
        sha256=file.sha256,
        rows=account.rows,
        imported=0 if is_known else account.standing,
        duplicates=account.duplicates + (account.standing if is_known else 0),
        conflicts=account.conflicts,
        unreadable=account.unreadable,
        flagged=accounts.flagged(number),
        gaming_days=(days[0], days[-1]) if days else (),
        before=accounts.sums(number, with_repeats=True),
        after=accounts.sums(number, with_repeats=False),
        findings=accounts.findings(number),
        is_known=is_known,
    )

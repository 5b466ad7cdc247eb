"""What is told of an import: for people on a terminal, for programs as JSON."""

from msgspec import Struct, field

SHOWN_FINDINGS = 20
"""Rows named one by one in a summary; quarantine has them all."""


class Finding(Struct, frozen=True):
    """What is wrong with one row."""

    line: int
    """As an editor numbers lines: the headings are line 1."""
    column: str | None
    """By the file's heading; None where it is the row as a whole."""
    problem: str

    def __str__(self) -> str:
        """As a sentence tells it."""
        column = "" if self.column is None else f"{self.column} "
        return f"line {self.line}: {column}{self.problem}"


class CurrencySums(Struct, frozen=True):
    """Sums in one currency, by the table's columns, as exact decimal text."""

    currency: str
    rows: int
    sums: dict[str, str]


class Summary(Struct, frozen=True, kw_only=True):
    """What became of one file: rows = imported + duplicates + conflicts + unreadable."""

    source: str
    property_id: str
    file: str
    sha256: str = ""
    rows: int = 0
    imported: int = 0
    duplicates: int = 0
    """Rows that an earlier row says too, here or in a file imported before."""
    conflicts: int = 0
    """Rows of a key that is known with other values: in quarantine, the first stands."""
    unreadable: int = 0
    """Rows that cannot be read: in quarantine."""
    flagged: dict[str, int] = field(default_factory=dict)
    """Imported rows to look at, by the flag."""
    gaming_days: tuple[str, ...] = ()
    """First and last gaming day of its rows; empty where it has none."""
    before: list[CurrencySums] = field(default_factory=list)
    """Of every row that can be read, repeats included."""
    after: list[CurrencySums] = field(default_factory=list)
    """Of the rows of this file that stand in the lake."""
    findings: list[Finding] = field(default_factory=list)
    """The first conflicts and unreadable rows."""
    is_known: bool = False
    """The file was imported before: its rows that stand are counted as duplicates."""
    refusal: str | None = None
    """Why nothing of the file was imported."""

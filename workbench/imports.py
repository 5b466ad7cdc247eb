"""`pitboss import`: files of meters, promotions and table sessions into the lake.

The command goes in by the door that everyone has: it puts the files into the drop folder, one after
the other, and waits for what `import_files` says beside them.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from pitboss.imports.sources import SourceName
from workbench.console import WorkbenchError, err, out, print_json, step
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.rate import DEFAULT_GAMING_DAY

if TYPE_CHECKING:
    from pitboss.imports.mapping import Mapping
    from pitboss.imports.summary import CurrencySums, Summary
    from pitboss.stores.imports import Drop

PATIENCE_SECONDS = 900
"""How long a file may take: as long as the function may run."""

_COUNTS = ("rows", "imported", "duplicates", "conflicts", "unreadable")
_FINDINGS_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_files)


def import_files(
    source: Annotated[SourceName, typer.Argument(help="What the files hold.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Comma-separated values.")],
    mapping: Annotated[
        Path | None,
        typer.Option(help="A TOML file that says which column is which: docs/imports.md."),
    ] = None,
    property_id: Annotated[
        str, typer.Option("--property", help="The property they are of.")
    ] = DEFAULT_PROPERTY,
    dry_run: Annotated[
        bool, typer.Option(help="Only say what the files hold: needs no stack, keeps nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Import files of hourly slot meters, issued promotions or rated table sessions into the lake.

    Every row is imported, a duplicate of one that is known, a conflict (the same machine and hour,
    or the like, with other values; the first stands) or unreadable; the last two wait in
    quarantine, and the command then exits with 1. The same file again changes nothing.

    --dry-run compares the files with each other, not with what was imported before. Moments are the
    property's own wall clock; --dry-run takes Los Angeles' to tell hours the clock shows twice.
    """
    must_be_id(property_id, "property")
    text = None if mapping is None else _mapping_text(mapping, source)
    for path in files:
        _must_be_readable(path)
    if dry_run:
        summaries = list(_tried(source, files, text, property_id))
    else:
        summaries = _dropped(source, files, text, property_id)
    result = _result(summaries)
    if as_json:
        print_json(result)
    else:
        _show(result, is_dry=dry_run)
    if any(summary.refusal or summary.conflicts or summary.unreadable for summary in summaries):
        raise typer.Exit(1)


def _mapping_text(path: Path, source: SourceName) -> str:
    from pitboss.imports.mapping import InvalidMapping, parse

    try:
        text = path.read_text(encoding="utf-8")
        parse(text, source)
    except OSError as fault:
        raise WorkbenchError(f"{path} cannot be read ({fault.strerror}): check the name.") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{path} is no UTF-8: save it as such.") from None
    except InvalidMapping as fault:
        raise WorkbenchError(f"{path} is no mapping of {source}: {fault}.") from None
    return text


def _must_be_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as fault:
        raise WorkbenchError(f"{path} cannot be read ({fault.strerror}): check the name.") from None


# --- by the drop folder ---------------------------------------------------------------------------


def _dropped(
    source: SourceName, files: Sequence[Path], mapping: str | None, property_id: str
) -> list["Summary"]:
    """Put the files into the drop folder, one after the other, and read what is said of each."""
    from pitboss.stores.imports import Drop

    summaries = []
    for number, path in enumerate(files, start=1):
        name = path.name if path.name.endswith(".csv") else f"{path.name}.csv"
        with step(f"importing {path.name} ({number} of {len(files)})"):
            summaries.append(_drop(Drop(source, property_id, name), path, mapping))
    return summaries


def _drop(drop: "Drop", path: Path, mapping: str | None) -> "Summary":
    import msgspec

    from pitboss.imports.summary import Summary
    from pitboss.stores.imports import summary_key
    from workbench import endpoint

    bucket = endpoint.stack_outputs()["LakeBucketName"]
    s3 = endpoint.client("s3")
    told = summary_key(drop.key)
    s3.delete_object(Bucket=bucket, Key=told)
    if mapping is None:
        s3.delete_object(Bucket=bucket, Key=drop.mapping_keys[0])
    else:
        s3.put_object(Bucket=bucket, Key=drop.mapping_keys[0], Body=mapping.encode())
    with path.open("rb") as body:
        s3.put_object(Bucket=bucket, Key=drop.key, Body=body)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            found = s3.get_object(Bucket=bucket, Key=told)
        except s3.exceptions.NoSuchKey:
            time.sleep(0.2)
            continue
        return msgspec.json.decode(found["Body"].read(), type=Summary)
    raise WorkbenchError(
        f"{path.name} lies in s3://{bucket}/{drop.key}, and nothing was said of it in "
        f"{PATIENCE_SECONDS} s: see `pitboss logs import_files`."
    )


# --- dry --------------------------------------------------------------------------------------


def _tried(
    source: SourceName, files: Sequence[Path], text: str | None, property_id: str
) -> Iterator["Summary"]:
    """What the files hold, by the code that imports them; a file that is none is refused."""
    from tempfile import gettempdir

    from import_files.service import summarize
    from pitboss.errors import TerminalError
    from pitboss.gaming_day import GamingDay
    from pitboss.imports.accounts import Accounts
    from pitboss.imports.mapping import parse, shipped_text
    from pitboss.imports.sources import SOURCES
    from pitboss.imports.summary import Summary
    from pitboss.stores.imports import Drop, KeptFile

    mapping: Mapping = parse(shipped_text(source) if text is None else text, source)
    rule = GamingDay.parse(DEFAULT_GAMING_DAY)
    drops = [Drop(source, property_id, path.name) for path in files]
    refusals: dict[int, str] = {}
    with Accounts(SOURCES[source], rule, Path(gettempdir())) as accounts:
        for number, path in enumerate(files):
            with step(f"reading {path.name} ({number + 1} of {len(files)})"):
                try:
                    accounts.add(path, mapping, path.name, path.name)
                except TerminalError as fault:
                    refusals[number] = str(fault)
        accounts.settle()
        taken = iter(range(len(files)))
        for number, drop in enumerate(drops):
            if number in refusals:
                yield Summary(
                    source=source,
                    property_id=property_id,
                    file=drop.file,
                    refusal=refusals[number],
                )
                continue
            place = next(taken)
            kept = KeptFile(0, "", "", drop.file, "", ())
            yield summarize(accounts, place, drop, kept, is_known=False)


# --- what is said ---------------------------------------------------------------------------------


def _result(summaries: Sequence["Summary"]) -> dict[str, Any]:
    """The shape of `--json`, a contract: each file's summary, and all of them together."""
    from msgspec import to_builtins

    flagged: dict[str, int] = {}
    for summary in summaries:
        for flag, count in summary.flagged.items():
            flagged[flag] = flagged.get(flag, 0) + count
    return {
        "files": [to_builtins(summary) for summary in summaries],
        "totals": {
            **{name: sum(getattr(summary, name) for summary in summaries) for name in _COUNTS},
            "flagged": dict(sorted(flagged.items())),
            "before": _by_currency(sums for summary in summaries for sums in summary.before),
            "after": _by_currency(sums for summary in summaries for sums in summary.after),
            "control": {
                when: _control(sums for summary in summaries for sums in getattr(summary, when))
                for when in ("before", "after")
            },
        },
    }


def _by_currency(parts: Iterable["CurrencySums"]) -> list[dict[str, Any]]:
    by_currency: dict[str, dict[str, Any]] = {}
    for part in parts:
        found = by_currency.setdefault(
            part.currency, {"currency": part.currency, "rows": 0, "sums": {}}
        )
        found["rows"] += part.rows
        _add(found["sums"], part.sums)
    return [by_currency[currency] for currency in sorted(by_currency)]


def _control(parts: Iterable["CurrencySums"]) -> dict[str, str]:
    """Sums over all currencies as they stand, to compare with the sender's and for no other use."""
    sums: dict[str, str] = {}
    for part in parts:
        _add(sums, part.sums)
    return sums


def _add(sums: dict[str, str], more: dict[str, str]) -> None:
    for name, text in more.items():
        sums[name] = str(Decimal(sums.get(name, "0")) + Decimal(text))


def _show(result: dict[str, Any], *, is_dry: bool) -> None:
    files, totals = result["files"], result["totals"]
    for file in files:
        if file["refusal"] is not None:
            err.print(f"[red]{escape(file['file'])} was refused[/red]: {escape(file['refusal'])}")
        for finding in file["findings"][:_FINDINGS_SHOWN]:
            column = f"{finding['column']} " if finding["column"] else ""
            where = f"{file['file']} line {finding['line']}"
            err.print(f"[yellow]{escape(f'{where}: {column}{finding["problem"]}')}[/yellow]")
        aside = file["conflicts"] + file["unreadable"]
        if more := aside - len(file["findings"]):
            err.print(f"[yellow]{escape(file['file'])}: {more:,} rows more[/yellow]")
    if all(file["refusal"] is not None for file in files):
        return
    table = Table(title="What the files hold" if is_dry else "Imported", title_justify="left")
    table.add_column("file")
    for heading in (*_COUNTS, "flagged"):
        table.add_column(heading, justify="right")
    for file in files:
        name = f"{file['file']} (known)" if file["is_known"] else file["file"]
        table.add_row(escape(name), *(f"{n:,}" for n in _figures(file)))
    if len(files) > 1:
        table.add_section()
        table.add_row("all", *(f"{n:,}" for n in _figures(totals)))
    out.print(table)
    if totals["before"]:
        out.print(_sums_table(totals))
    for flag, count in totals["flagged"].items():
        out.print(f"flagged {flag}: {count:,} rows")
    if "hold_implausible" in totals["flagged"]:
        out.print("A hold of more than half: is the column the payback? See docs/imports.md.")
    out.print(
        "rows {rows:,} = imported {imported:,} + duplicates {duplicates:,} "
        "+ conflicts {conflicts:,} + unreadable {unreadable:,}".format(**totals)
    )
    if (totals["conflicts"] or totals["unreadable"]) and not is_dry:
        out.print("What was set aside: pitboss quarantine list --stage import_files")


def _figures(counts: dict[str, Any]) -> list[int]:
    return [*(counts[name] for name in _COUNTS), sum(counts["flagged"].values())]


def _sums_table(totals: dict[str, Any]) -> Table:
    names = list(totals["control"]["before"])
    table = Table(title="Sums, each currency in itself", title_justify="left")
    table.add_column("currency")
    table.add_column("rows that are summed")
    for name in names:
        table.add_column(name.removesuffix("_amount").replace("_", " "), justify="right")
    told = {"before": "with repeats", "after": "that stand"}
    for when, words in told.items():
        for part in totals[when]:
            table.add_row(
                escape(part["currency"]),
                f"{part['rows']:,} {words}",
                *(f"{Decimal(part['sums'][name]):,f}" for name in names),
            )
        if len(totals[when]) > 1:
            table.add_row(
                "control",
                f"{words}, currencies added",
                *(f"{Decimal(totals['control'][when][name]):,f}" for name in names),
            )
        table.add_section()
    return table

"""`pitboss refine`: make the lake's refined partitions from what was archived.

Runs the state machine of the stack, as the schedules do, and prints what became of everything that
was received. `refine show` says of which files a partition was made, `refine status` how far the
refined events of games are behind.
"""

import json
import re
import time
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, err, moment, out, print_json, say
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    from pitboss.lake.loads import FileState
    from pitboss.lake.manifest import Manifest, Partition
    from pitboss.stores.refinery import S3Refinery

POLL_SECONDS = 0.5

FIGURES = ("archived", "unique", "duplicate", "conflicting")


class FamilyName(StrEnum):
    """Events that are refined together."""

    SLOT = "slot"
    GAME = "game"


Family = Annotated[FamilyName, typer.Option(help="Events of slots, or of games.")]
OneProperty = Annotated[str, typer.Option("--property", help="The property that is asked about.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    refining = typer.Typer(invoke_without_command=True)
    refining.callback()(refine)
    refining.command("show")(show)
    refining.command("status")(status)
    app.add_typer(refining, name="refine")


def refine(
    ctx: typer.Context,
    property_id: Annotated[
        str | None, typer.Option("--property", help="Only this property's days.")
    ] = None,
    day: Annotated[str | None, typer.Option(help="Only this gaming day, YYYY-MM-DD.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also partitions that are as they should be.")
    ] = False,
    family: Annotated[
        FamilyName | None, typer.Option(help="Only events of slots, or of games.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Refine what was archived since it was last refined: each event once, as Parquet tables."""
    if ctx.invoked_subcommand is not None:
        return
    if property_id is not None:
        must_be_id(property_id, "property")
    if day is not None:
        _must_be_day(day)
    asked = {
        **{"property_id": property_id, "gaming_day": day, "all": everything},
        "family": None if family is None else family.value,
    }
    answer = _run(asked)
    manifests = [
        _manifest(one["property_id"], one["gaming_day"], one["family"])
        for one in answer["refined"]
        if one["outcome"] == "refined"
    ]
    failed = [one for one in answer["refined"] if one["outcome"] != "refined"]
    if as_json:
        print_json({**answer, "manifests": manifests})
    else:
        _show(manifests, answer)
    if failed:
        names = ", ".join(
            f"{one['property_id']} {one['gaming_day']} ({one['step']}: {one['error']})"
            for one in failed
        )
        raise WorkbenchError(
            f"Failed: {names}: `pitboss logs {failed[0]['step']}` says why; the others are refined."
        )


def _must_be_day(day: str) -> None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise UsageError(f"{day!r} is no day: write it as 2026-01-31.")


def _run(asked: dict[str, Any]) -> dict[str, Any]:
    """What the state machine's last steps have seen."""
    client = endpoint.client("stepfunctions")
    machine = endpoint.stack_outputs()["RefineDayStateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input=json.dumps(asked))[
        "executionArn"
    ]
    started = time.monotonic()
    with err.status("refining ...") as line:
        while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            line.update(f"refining ... {time.monotonic() - started:.0f} s")
            time.sleep(POLL_SECONDS)
    say(f"refined in {time.monotonic() - started:.1f} s: {found['status'].lower()}")
    if found["status"] == "SUCCEEDED":
        answer: dict[str, Any] = json.loads(found["output"])
        return answer
    return _seen(client, execution, found)


def _seen(client: Any, execution: str, found: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """What the step before the failure had; it names the partitions that failed."""
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution)
    for event in reversed([event for page in pages for event in page["events"]]):
        details = event.get("stateExitedEventDetails", {})
        if details.get("name") == "Check":
            answer: dict[str, Any] = json.loads(details["output"])
            return answer
    raise WorkbenchError(
        f"Nothing was refined ({found.get('error', found['status'])}): "
        "`pitboss logs plan_refinement` says why."
    )


def _manifest(property_id: str, day: str, family: str) -> dict[str, Any]:
    from pitboss.lake import layout

    found = endpoint.client("s3").get_object(
        Bucket=endpoint.stack_outputs()["LakeBucketName"],
        Key=layout.manifest_key(property_id, day, family),
    )
    manifest: dict[str, Any] = json.loads(found["Body"].read())
    return {"family": family, **manifest}


def _show(manifests: list[dict[str, Any]], answer: dict[str, Any]) -> None:
    if manifests:
        table = Table()
        for heading in (
            "property",
            "gaming day",
            "events of",
            *FIGURES,
            "unreadable",
            "quarantine",
            "tables",
        ):
            table.add_column(
                heading, justify="left" if " of" in heading or "prop" in heading else "right"
            )
        for one in manifests:
            table.add_row(
                *(one["property_id"], one["gaming_day"], f"{one['family']}s"),
                *(f"{one['events'][figure]:,}" for figure in FIGURES),
                f"{one['unreadable']:,}",
                f"{sum(one['quarantined'].values()):,}",
                str(len(one["files"])),
            )
        out.print(table)
    out.print(f"{len(manifests)} refined, {answer['current']} as they were, {answer['left']} left")
    if answer["left"]:
        out.print("Run `pitboss refine` again for those that are left.")


# --- what a load took, and how fresh it is --------------------------------------------------------


def show(
    day: Annotated[str, typer.Option(help="The gaming day, YYYY-MM-DD.")],
    property_id: OneProperty = DEFAULT_PROPERTY,
    family: Family = FamilyName.SLOT,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read the tables' files and compare their hashes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show of which files a partition was made, and which, and whether they are as they were."""
    from pitboss.lake import layout
    from pitboss.lake.manifest import Manifest, Partition

    must_be_id(property_id, "property")
    _must_be_day(day)
    partition = Partition(property_id, day)
    lake = _lake()
    found = lake.find(layout.manifest_key(*partition, family.value))
    manifest = None if found is None else Manifest.from_json(found[0])
    raw = _raw_files(lake, partition, manifest, family)
    files = _table_files(lake, partition, manifest, family, verify=verify)
    if as_json:
        print_json(
            {
                **{"property_id": property_id, "gaming_day": day, "family": family.value},
                **{"is_refined": manifest is not None, "raw": raw, "files": files},
            }
        )
        return
    if manifest is None:
        out.print("It is not refined.")
    for title, rows in (("made of", raw), ("made", files)):
        if not rows:
            continue
        table = Table(title=title)
        for heading in ("file", "bytes", "state"):
            table.add_column(heading, justify="right" if heading == "bytes" else "left")
        for row in rows:
            table.add_row(row["key"], f"{row['size']:,}", row["state"])
        out.print(table)


def _lake() -> "S3Refinery":
    from pitboss.stores.refinery import S3Refinery

    bucket = endpoint.stack_outputs()["LakeBucketName"]
    return S3Refinery(bucket, client=endpoint.client("s3"))


def _raw_files(
    lake: "S3Refinery", partition: "Partition", manifest: "Manifest | None", family: str
) -> list[dict[str, Any]]:
    from pitboss.lake import layout
    from pitboss.lake.loads import raw_states

    there = [one.source for one in lake.listed(layout.raw_prefix(*partition, family))]
    named = manifest.raw if manifest else []
    sizes = {one.key: one.size for one in (*named, *there)}
    return _rows(raw_states(manifest, there), sizes)


def _table_files(
    lake: "S3Refinery",
    partition: "Partition",
    manifest: "Manifest | None",
    family: str,
    *,
    verify: bool,
) -> list[dict[str, Any]]:
    from pitboss.lake import layout
    from pitboss.lake.loads import compare
    from pitboss.lake.tables import FAMILIES

    of = FAMILIES[family]
    folders = [
        layout.table_key(table.name, *partition).rpartition("/")[0] + "/"
        for table in (*of.events, of.quarantine)
    ]
    there = [one.source for folder in folders for one in lake.listed(folder)]
    written = manifest.files.values() if manifest else ()
    named = {file.key: file for files in written for file in files}

    def hashed(key: str) -> str:
        """Its hash, where that is looked at."""
        return sha256(lake.get(key)).hexdigest() if verify else ""

    states = compare(
        {key: (file.size, file.sha256 if verify else "") for key, file in named.items()},
        {one.key: (one.size, hashed(one.key)) for one in there},
    )
    sizes = {**{key: file.size for key, file in named.items()}, **{o.key: o.size for o in there}}
    return _rows(states, sizes)


def _rows(states: "dict[str, FileState]", sizes: dict[str, int]) -> list[dict[str, Any]]:
    return [{"key": key, "size": sizes[key], "state": state.value} for key, state in states.items()]


def status(property_id: OneProperty = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Say how fresh the events of a property's games are, as received and refined."""
    import msgspec

    from pitboss.lake.loads import freshness

    must_be_id(property_id, "property")
    found = freshness(property_id, _lake(), time.time_ns() // 1_000_000)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    if found.newest_raw_at is None:
        out.print(f"Nothing of games at property {property_id} was archived in the last days.")
        return
    table = Table()
    for heading in ("", "newest", "age"):
        table.add_column(heading, justify="right" if heading == "age" else "left")
    for name, at in (("archived", found.newest_raw_at), ("refined", found.newest_refined_at)):
        if at is None:
            table.add_row(name, "nothing", "")
        else:
            table.add_row(name, moment(at), _age(found.as_of - at))
    out.print(table)
    if found.waiting_since is None:
        out.print("All that was archived is refined.")
    else:
        waited = _age(found.as_of - found.waiting_since)
        out.print(f"{found.waiting:,} archived objects are to be refined, the oldest for {waited}.")


def _age(milliseconds: int) -> str:
    """A span for people, to the minute once it is one.

    >>> _age(59_000), _age(3_660_000)
    ('59 s', '1 h 1 min')
    """
    seconds = max(0, milliseconds) // 1_000
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"

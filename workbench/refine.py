"""`pitboss refine`: make the lake's refined partitions from what was archived.

Runs the state machine of the stack, as the nightly schedule does, and prints what became of
everything that was received.
"""

import json
import re
import time
from typing import Annotated, Any

import typer
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, err, out, print_json, say

POLL_SECONDS = 0.5

FIGURES = ("archived", "unique", "duplicate", "conflicting")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("refine")(refine)


def refine(
    property_id: Annotated[
        str | None, typer.Option("--property", help="Only this property's days.")
    ] = None,
    day: Annotated[str | None, typer.Option(help="Only this gaming day, YYYY-MM-DD.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also partitions that are as they should be.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Refine what was archived since it was last refined: each event once, as Parquet tables."""
    if day is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise UsageError(f"{day!r} is no day: write it as 2026-01-31.")
    asked = {"property_id": property_id, "gaming_day": day, "all": everything}
    answer = _run(asked)
    manifests = [
        _manifest(one["property_id"], one["gaming_day"])
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


def _manifest(property_id: str, day: str) -> dict[str, Any]:
    from pitboss.lake import layout

    found = endpoint.client("s3").get_object(
        Bucket=endpoint.stack_outputs()["LakeBucketName"],
        Key=layout.manifest_key(property_id, day),
    )
    manifest: dict[str, Any] = json.loads(found["Body"].read())
    return manifest


def _show(manifests: list[dict[str, Any]], answer: dict[str, Any]) -> None:
    if manifests:
        table = Table()
        for heading in ("property", "gaming day", *FIGURES, "unreadable", "quarantine", "tables"):
            table.add_column(heading, justify="left" if "property" in heading else "right")
        for one in manifests:
            table.add_row(
                *(one["property_id"], one["gaming_day"]),
                *(f"{one['events'][figure]:,}" for figure in FIGURES),
                f"{one['unreadable']:,}",
                f"{sum(one['quarantined'].values()):,}",
                str(len(one["files"])),
            )
        out.print(table)
    out.print(f"{len(manifests)} refined, {answer['current']} as they were, {answer['left']} left")
    if answer["left"]:
        out.print("Run `pitboss refine` again for those that are left.")

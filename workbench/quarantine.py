"""`pitboss quarantine`: what was not accepted, and why."""

import json
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from workbench.client import GAME_EVENTS, Bearer, EventAnswer, PitbossClient, document_of
from workbench.console import UsageError, WorkbenchError, moment, out, print_json, say
from workbench.event_files import DoorFormat, FileFormat

if TYPE_CHECKING:
    from ingest_game_events.service import Applications
    from pitboss.access import Principal
    from pitboss.games.applications import Application
    from workbench.mending import Change, Proposal, Record, Senders, State, Step
    from workbench.quarantine_records import QuarantineRecords, Wanted

_SHOWN = 10
_NOT_SENT = "not sent"
_UNSENDABLE = EventAnswer(
    0,
    _NOT_SENT,
    detail="it does not say how it was posted, or cannot be posted so again: "
    "mend it with --format, and --file or --set .",
)
_IN_THE_STREAM = {"accepted", "duplicate"}

app = typer.Typer(no_args_is_help=True, help="What was not accepted, as it came, and why.")


class Stage(StrEnum):
    """The function that put something in quarantine."""

    INGEST = "ingest_slot_events"
    GAMES = "ingest_game_events"
    RATE = "rate_players"
    IMPORT = "import_files"
    TRACK = "track_shufflers"


def register(parent: typer.Typer) -> None:
    """Add the group."""
    parent.add_typer(app, name="quarantine")


def _records() -> "QuarantineRecords":
    from workbench import endpoint
    from workbench.quarantine_records import QuarantineRecords

    return QuarantineRecords(
        endpoint.stack_outputs()["QuarantineBucketName"], endpoint.client("s3")
    )


OfStage = Annotated[
    Stage | None, typer.Option("--stage", help="Only what this function set aside. Default: all.")
]
OfReason = Annotated[str | None, typer.Option("--reason", help="Only this reason code.")]
OfSender = Annotated[str | None, typer.Option("--sender", help="Only this gateway.")]
OfProperty = Annotated[str | None, typer.Option("--property", help="Only this property.")]
Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Ids that `list` printed. Without: all that are such."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class Condition(StrEnum):
    """What is to be done about a record; `workbench.mending.State`, which is imported late."""

    WAITING = "waiting"
    MENDED = "mended"
    REPLAYED = "replayed"


@app.command("list")
def list_entries(
    stage: OfStage = None,
    reason: OfReason = None,
    sender: OfSender = None,
    property_id: OfProperty = None,
    state: Annotated[
        Condition | None, typer.Option(help="Only what is waiting, mended or replayed.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what is in quarantine, the newest first."""
    from workbench.mending import State
    from workbench.quarantine_records import Wanted

    wanted = Wanted(stage, reason, sender, property_id, State(state) if state else None)
    rows = [
        {
            "id": record.record_id,
            "state": record.state,
            "reason": record.entry.reason,
            "detail": record.entry.detail,
            "sender": record.entry.sender,
            "received_at": record.entry.received_at,
        }
        for record in islice(_records().find(wanted), limit)
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        is_any = not (stage or reason or sender or property_id or state)
        out.print("The quarantine is empty." if is_any else "Nothing in quarantine is such.")
        return
    for row in rows:
        out.print(f"[bold]{escape(str(row['id']))}[/bold]")
        what = f"  {row['state']}  {row['reason']}  from {row['sender']}: {row['detail']}"
        out.print(escape(what))
    out.print("See one as it came with: pitboss quarantine show ID")


@app.command()
def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="An id that `list` printed.")],
    raw: Annotated[bool, typer.Option(help="Print only the original bytes.")] = False,
    mended: Annotated[
        bool, typer.Option("--mended", help="Print only the bytes that the newest mend made.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one thing in quarantine: the original bytes, the reason, who sent it, its history."""
    from msgspec import to_builtins
    from msgspec.structs import asdict

    from workbench.mending import UNREADABLE

    record = _named(_records(), entry_id)
    entry = record.entry
    if raw:
        sys.stdout.buffer.write(entry.raw)
    elif mended:
        sys.stdout.buffer.write(record.raw)
    elif as_json:
        print_json(asdict(entry) | {"state": record.state, "history": to_builtins(record.steps)})
    else:
        for name, value in (asdict(entry) | {"state": record.state}).items():
            if name != "content":
                out.print(f"[bold]{name}[/bold] {escape(str(value))}")
        out.print(escape(entry.content))
        if entry.reason == UNREADABLE and record.format:
            out.print(
                f"This release can read it: {len(record.events):,} events of property "
                f"{record.property_id}, which `pitboss quarantine replay ID` posts."
            )
        for line in _history(record):
            out.print(line)


def _named(records: "QuarantineRecords", record_id: str) -> "Record":
    found = records.get(record_id)
    if found is None:
        raise WorkbenchError(
            f"Nothing in quarantine is called {record_id}: "
            "copy an id from `pitboss quarantine list`."
        )
    return found


def _history(record: "Record") -> Iterator[str]:
    """Each step as it is shown: what was done, by whom, and what came of it."""
    from workbench.mending import Mend, difference

    before = record.entry.raw
    for step in record.steps:
        done = f"[bold]{moment(step.at)} UTC[/bold] "
        if isinstance(step, Mend):
            note = f" ({step.note})" if step.note else ""
            yield done + escape(f"mended by {step.by}: {step.how}{note}")
            yield escape(f"  {step.from_sha256[:16]} -> {step.to_sha256[:16]}")
            after = step.content.encode()
            yield from (f"  {escape(line)}" for line in difference(before, after))
            before = after
        else:
            because = f" {step.reason}: {step.detail}" if step.reason else ""
            yield done + escape(
                f"replayed by {step.by} as {step.gateway}: {step.status}{because} "
                f"({step.sha256[:16]})"
            )


# --- mending --------------------------------------------------------------------------------------


@app.command()
def mend(
    ids: Ids = None,
    expression: Annotated[
        str | None,
        typer.Option("--set", metavar="JQ", help="What jq makes of each: '.data.win_cents = 500'."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="The edited event; for one ID. - is standard input.")
    ] = None,
    written_as: Annotated[
        DoorFormat | None,
        typer.Option("--format", help="How the mended event is written. Default: as it came."),
    ] = None,
    note: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    stage: OfStage = None,
    reason: OfReason = None,
    sender: OfSender = None,
    property_id: OfProperty = None,
    yes: Annotated[bool, typer.Option("--yes", help="Store it. Without: only show it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a mend would change, and with --yes store it beside the original, which stays."""
    from workbench.mending import Expression, State, UnmendableError, Verdict, counted, propose
    from workbench.quarantine_records import Wanted

    if (expression is None) == (file is None):
        raise UsageError("Say how to mend it: --set with a jq expression, or --file.")
    if file is not None and len(ids or ()) != 1:
        raise UsageError("--file mends one: name its ID.")
    wanted = Wanted(stage, reason, sender, property_id)
    change: Change
    how: str
    if expression is not None:
        try:
            change = Expression(expression)
        except UnmendableError as fault:
            raise UsageError(f"{fault}.") from None
        how = change.how
    else:
        change, how = _edited(file or Path("-"))
    records = _records()
    chosen = _chosen(records, ids, wanted, {State.WAITING, State.MENDED})
    now, senders, applications = _now_ms(), _senders(None), _applications()
    proposals = [
        propose(record, change, senders, now, written_as and str(written_as), applications)
        for record in chosen
    ]
    mendable = [proposal for proposal in proposals if proposal.verdict is Verdict.MENDED]
    if yes and mendable:
        by = _caller()
        records.append(
            (proposal.record, proposal.step(how=how, note=note, by=by, at=now))
            for proposal in mendable
        )
    counts = counted(proposal.verdict for proposal in proposals)
    if as_json:
        print_json({"stored": yes, **counts, "records": [_described(one) for one in proposals]})
    else:
        _show_proposals(proposals, counts, stored=yes)
    if counts[Verdict.REFUSED]:
        raise typer.Exit(1)


def _senders(gateway: str | None) -> "Senders":
    """As whom things are posted: a gateway that is named, or the workbench's own."""
    from workbench import gateways
    from workbench.mending import Senders

    if gateway is None:
        return Senders(gateways.workbench_gateway, gateways.workbench_mender)
    named = gateways.registered_gateway(gateway)

    def of(property_id: str) -> "Principal":
        if named.property_id != property_id:
            raise UsageError(
                f"{gateway} is a gateway of property {named.property_id} and "
                f"may not send what is of {property_id}: choose with --property."
            )
        return named

    return Senders(of, of)


def _applications() -> "Applications":
    from ingest_game_events.rules import Rules
    from pitboss.stores.applications import KeptApplications
    from workbench import apps

    def find(property_id: str, application_id: str) -> "Application | None":
        return apps.store().find(property_id, application_id)

    return KeptApplications(find, Rules, time.monotonic)


def _edited(file: Path) -> "tuple[Change, str]":
    from workbench.mending import UnmendableError, on_one_line

    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as fault:
        raise WorkbenchError(f"{file} cannot be read: {fault.strerror}.") from None
    try:
        edited = on_one_line(content)
    except UnmendableError as fault:
        name = "standard input" if str(file) == "-" else str(file)
        raise WorkbenchError(f"{name} is no event that can be posted: {fault}.") from None
    return (lambda _: edited), f"file: {file.name}"


def _chosen(
    records: "QuarantineRecords", ids: list[str] | None, wanted: "Wanted", states: "set[State]"
) -> "list[Record]":
    """The records by their ids, or those that are wanted and in one of the states."""
    from workbench.mending import State
    from workbench.quarantine_records import Wanted

    if ids:
        if wanted != Wanted():
            raise UsageError("Name IDs, or say which with --reason, --sender and others: not both.")
        named = [_named(records, record_id) for record_id in dict.fromkeys(ids)]
        rows = [one for one in named if one.entry.stage == Stage.IMPORT]
        if rows:
            raise WorkbenchError(
                f"{rows[0].record_id} is a row of an imported file: put it right in a file of such "
                "rows, and import that with `pitboss import`."
            )
        published = [one for one in named if one.entry.stage == Stage.TRACK]
        if published:
            raise WorkbenchError(
                f"{published[0].record_id} was published by a shuffler: it has to publish that "
                "again, as it should be; nobody else may in its name."
            )
        done = [one for one in named if one.state is State.REPLAYED]
        if done and State.REPLAYED not in states:
            raise WorkbenchError(
                f"{done[0].record_id} was replayed and is in the stream: what is rated is "
                "corrected there, not here."
            )
        return named
    if wanted == Wanted():
        raise UsageError("Name IDs, or say which with --reason, --sender, --stage or --property.")
    chosen = [
        record
        for record in records.find(wanted)
        if record.state in states and record.entry.stage not in (Stage.IMPORT, Stage.TRACK)
    ]
    if not chosen:
        raise WorkbenchError(
            f"Nothing {' or '.join(sorted(states))} in quarantine is such: "
            "see `pitboss quarantine list`."
        )
    return chosen


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _caller() -> str:
    """Who does this, as AWS knows them."""
    from workbench import endpoint

    return str(endpoint.client("sts").get_caller_identity()["Arn"])


def _described(proposal: "Proposal") -> dict[str, Any]:
    from workbench.mending import difference

    return {
        "id": proposal.record.record_id,
        "verdict": proposal.verdict,
        "detail": proposal.detail,
        "difference": difference(proposal.record.raw, proposal.raw) if proposal.raw else [],
    }


def _show_proposals(proposals: "list[Proposal]", counts: dict[str, int], *, stored: bool) -> None:
    from workbench.mending import Verdict, difference

    told = [one for one in proposals if one.verdict is not Verdict.UNTOUCHED]
    for proposal in told[:_SHOWN]:
        out.print(f"[bold]{escape(proposal.record.record_id)}[/bold]")
        if proposal.raw:
            for line in difference(proposal.record.raw, proposal.raw):
                out.print(f"  {escape(line)}")
        if proposal.verdict is Verdict.REFUSED:
            out.print(f"  [red]refused[/red] {escape(proposal.detail)}")
    if len(told) > _SHOWN:
        out.print(f"and {len(told) - _SHOWN:,} more: all of them with --json.")
    out.print(", ".join(f"{name} {count:,}" for name, count in counts.items()) + ".")
    if not counts[Verdict.MENDED]:
        return
    if stored:
        out.print("Replay them with: pitboss quarantine replay, with the same IDs or options")
    else:
        out.print("Nothing is stored: run it again with --yes.")


# --- replaying ------------------------------------------------------------------------------------


@app.command("replay")
def replay_records(
    ids: Ids = None,
    stage: OfStage = None,
    reason: OfReason = None,
    sender: OfSender = None,
    property_id: OfProperty = None,
    as_it_came: Annotated[
        bool,
        typer.Option(
            "--as-it-came", help="Also what nobody mended: for when its cause is put right."
        ),
    ] = False,
    gateway: Annotated[
        str | None,
        typer.Option(help="Send as this gateway. Default: the workbench's own of the property."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="The gateway's private key, where it is not in its place.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Post what was mended through the front door again, and keep what it answers."""
    from workbench.mending import SECURITY, State
    from workbench.quarantine_records import Wanted

    records = _records()
    states = {State.MENDED, State.WAITING} if as_it_came else {State.MENDED}
    wanted = Wanted(stage, reason, sender, property_id)
    chosen = _chosen(records, ids, wanted, set(State) if ids else states)
    if not ids:
        left_out = sum(record.entry.reason in SECURITY for record in chosen)
        chosen = [record for record in chosen if record.entry.reason not in SECURITY]
        if left_out:
            say(f"left out: {left_out:,} security events, which are replayed by ID only")
    said = _replay(records, chosen, gateway, key_file)
    counts = Counter(answer["status"] for answer in said)
    if as_json:
        print_json({**counts, "records": said})
    else:
        for answer in said:
            if answer["status"] not in _IN_THE_STREAM:
                because = ": ".join(filter(None, (answer["reason"], answer["detail"])))
                out.print(escape(f"{answer['id']} {answer['status']} {because}"))
        out.print(", ".join(f"{name} {count:,}" for name, count in counts.items()) + ".")
    if counts.keys() - _IN_THE_STREAM:
        raise typer.Exit(1)


def _replay(
    records: "QuarantineRecords", chosen: "list[Record]", gateway: str | None, key_file: Path | None
) -> list[dict[str, Any]]:
    """Post records by who sends them and format; what became of each, in their order."""
    from workbench.mending import UnmendableError

    senders, applications, by = _senders(gateway), _applications(), _caller()
    said = {record.record_id: _told(record, _UNSENDABLE) for record in chosen}
    ready: defaultdict[Principal, list[Record]] = defaultdict(list)
    for record in chosen:
        if not record.format:
            continue
        try:
            sender = senders.of(record, record.raw, record.property_id)
        except UnmendableError as fault:
            said[record.record_id] = _told(record, EventAnswer(0, _NOT_SENT, detail=str(fault)))
            continue
        refusal = _refusal(record, sender, applications)
        said[record.record_id] = _told(record, refusal or EventAnswer(0, "failed"))
        if refusal is None:
            ready[sender].append(record)
    for sender, group in ready.items():
        steps: list[tuple[Record, Step]] = []

        def on_answer(
            record: "Record",
            answer: EventAnswer,
            sender: "Principal" = sender,
            steps: "list[tuple[Record, Step]]" = steps,
        ) -> None:
            said[record.record_id] = _told(record, answer)
            steps.append((record, _posted(record, answer, by, sender)))

        try:
            with _door(sender, gateway, key_file, is_of_games=group[0].is_of_games) as front:
                _post(front, group, on_answer)
        finally:  # what was answered is known, whatever came after
            records.append(steps)
    return [said[record.record_id] for record in chosen]


@contextmanager
def _door(
    sender: "Principal", gateway: str | None, key_file: Path | None, *, is_of_games: bool
) -> Iterator[PitbossClient]:
    """The front door that takes what a sender sends."""
    from pitboss.access import Kind
    from workbench import endpoint, gateways
    from workbench.replay import front_door

    if not is_of_games:
        with front_door(gateway, sender.property_id, key_file) as front:
            yield front
        return
    own = gateways.workbench_mender
    with front_door(gateway, sender.property_id, key_file, own, GAME_EVENTS) as server:
        if sender.kind is not Kind.INSTALL:
            yield server
            return
        (application_id,) = sender.assets or frozenset()
        asked = server.send(
            "POST",
            f"/v1/applications/{application_id}/installs",
            json.dumps({"client_id": sender.client_id}).encode(),
            {"Content-Type": "application/json"},
        )
        token = document_of(asked, "the gateway that replays")["token"]
    with PitbossClient(endpoint.api_url(), Bearer(token), events_path=GAME_EVENTS) as front:
        yield front


def _refusal(
    record: "Record", sender: "Principal", applications: "Applications"
) -> EventAnswer | None:
    """Why this need not be posted: what the front door would say. None where it would take it."""
    from workbench.mending import rehearse

    says = rehearse(record.events, record.format, sender, _now_ms(), applications)
    if says.status != "quarantined":
        return None
    return EventAnswer(0, _NOT_SENT, reason=str(says.reason), detail=str(says.detail))


def _post(
    front: PitbossClient,
    ready: "list[Record]",
    on_answer: "Callable[[Record, EventAnswer], object]",
) -> None:
    """Post records as they are now, and tell what became of each whose events were all answered: of
    several, of the first that was set aside.
    """
    from workbench.replay import FeedEvent, cut, replay

    by_format: dict[str, list[Record]] = {}
    for record in ready:
        by_format.setdefault(record.format, []).append(record)
    for name, group in by_format.items():
        waiting: defaultdict[bytes, deque[Record]] = defaultdict(deque)
        for record in group:
            for raw in record.events:
                waiting[raw].append(record)
        answers: defaultdict[str, list[EventAnswer]] = defaultdict(list)

        def told(
            raw: bytes,
            answer: EventAnswer,
            waiting: "dict[bytes, deque[Record]]" = waiting,
            answers: dict[str, list[EventAnswer]] = answers,
        ) -> None:
            record = waiting[raw].popleft()
            known = answers[record.record_id]
            known.append(answer)
            if len(known) == len(record.events):
                refused = (one for one in known if one.status == "quarantined")
                on_answer(record, next(refused, known[0]))

        events = (FeedEvent(raw, "", None, True) for record in group for raw in record.events)
        # The studios' envelopes are posted as a JSON array, as Pitboss's own are.
        body = FileFormat.PITBOSS if name == DoorFormat.STUDIO else FileFormat(name)
        replay(front, cut(events), body, on_answer=told)


def _posted(record: "Record", answer: EventAnswer, by: str, sender: "Principal") -> "Step":
    from workbench.mending import Posted, hash_of

    return Posted(
        record.position,
        _now_ms(),
        by,
        sender.principal_id,
        hash_of(record.raw),
        answer.status,
        answer.event_id,
        answer.reason,
        answer.detail,
    )


def _told(record: "Record", answer: EventAnswer) -> dict[str, Any]:
    return {
        "id": record.record_id,
        "status": answer.status,
        "event_id": answer.event_id,
        "reason": answer.reason,
        "detail": answer.detail,
    }

"""`pitboss replay`: a recorded feed through the real front door, as a registered gateway."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol
from zlib import crc32

import msgspec
import typer
from msgspec import Struct
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pitboss.posts import MAX_BYTES, MAX_EVENTS
from workbench import endpoint, gateways
from workbench.client import SLOT_EVENTS, Answer, EventAnswer, PitbossClient
from workbench.console import UsageError, WorkbenchError, err, out, print_json, say, step
from workbench.event_files import FileFormat, raw_events

if TYPE_CHECKING:
    from pitboss.access import Principal
    from workbench.archive import Archive
    from workbench.unchanged import Comparison

MAX_TRIES = 6
"""Times an event that the front door could not store is sent before it counts as failed."""

PACED_SPAN_SECONDS = 0.25
"""How long an event waits for others at most where a feed is replayed at a pace."""

_YEAR_2000_MS = 946_684_800_000
_MAX_WAITING_BATCHES = 4
_CLOCKS_APART_MS = 60_000
_NOT_JSON = "line_is_no_json"
_SHOWN_CHARACTERS = 120
_INTERRUPTED = 130


class FeedEvent(NamedTuple):
    """One event of a file: its bytes, and what is needed to send it in order and in time."""

    raw: bytes
    asset_id: str
    """Without padding zeros; empty where the event does not say."""
    at: int | None
    """When it happened, epoch milliseconds; None where the event does not say."""
    is_json: bool


class Batch(NamedTuple):
    """What one request carries."""

    events: tuple[bytes, ...]
    group: int
    """Every event of an asset is in batches of one group, which go out one after the other."""
    at: int | None
    """When its last event happened, epoch milliseconds."""


class _Envelope(Struct):
    asset_id: Any = None
    occurred_at: Any = None


class _Packet(Struct):
    asset_number: Any = None
    sas_serial_number: Any = None
    event_time: Any = None
    cache_time: Any = None


_envelope_decoder = msgspec.json.Decoder(_Envelope)
_packet_decoder = msgspec.json.Decoder(_Packet)


def read_feed(
    paths: Iterable[Path],
    file_format: FileFormat,
    on_bytes: Callable[[int], object] = lambda _: None,
) -> Iterator[FeedEvent]:
    """The events of files, in the order they stand there; what is malformed is among them.

    Args:
        paths: the files.
        file_format: how they write events.
        on_bytes: told how much of the files each event is.

    Raises:
        WorkbenchError: a file cannot be read.
    """
    for path in paths:
        for raw in raw_events(path):
            on_bytes(len(raw) + 1)
            yield feed_event(raw, file_format)


def feed_event(raw: bytes, file_format: FileFormat) -> FeedEvent:
    """An event with what is needed to send it, whatever it is."""
    return _envelope_event(raw) if file_format is FileFormat.PITBOSS else _packet_event(raw)


def _envelope_event(raw: bytes) -> FeedEvent:
    try:
        found = _envelope_decoder.decode(raw)
    except msgspec.ValidationError:
        return FeedEvent(raw, "", None, True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return FeedEvent(raw, "", None, False)
    return FeedEvent(raw, _asset(found.asset_id), _moment(found.occurred_at), True)


def _packet_event(raw: bytes) -> FeedEvent:
    try:
        found = _packet_decoder.decode(raw)
    except msgspec.ValidationError:
        return FeedEvent(raw, "", None, True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return FeedEvent(raw, "", None, False)
    asset = _asset(found.asset_number) or _asset(found.sas_serial_number)
    at = _moment(found.event_time)
    if at is None or at < _YEAR_2000_MS:  # since boot, not since 1970
        at = _moment(found.cache_time)
    return FeedEvent(raw, asset, at, True)


def _asset(value: object) -> str:
    return value.lstrip("0") if isinstance(value, str) else ""


def _moment(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


@dataclass
class _Open:
    """A batch that still takes events."""

    events: list[bytes] = field(default_factory=list)
    size: int = 0


def cut(
    events: Iterable[FeedEvent],
    *,
    max_events: int = MAX_EVENTS,
    groups: int = 1,
    span_ms: float | None = None,
) -> Iterator[Batch]:
    """Batches of a feed, in its order: with one group altogether, with several by asset.

    More groups give batches of fewer assets with more events each, which the stream packs better.

    Args:
        events: in the order to keep.
        max_events: of a batch. Its bytes are at most `MAX_BYTES` unless one event is more.
        groups: into how many the assets are divided.
        span_ms: how much of the feed's own time a batch may cover; None for any.
    """
    filling = [_Open() for _ in range(groups)]
    latest: int | None = None
    opened_at: int | None = None

    def closed(group: int) -> Iterator[Batch]:
        if filling[group].events:
            yield Batch(tuple(filling[group].events), group, latest)
            filling[group] = _Open()

    for event in events:
        if event.at is not None:
            # Files are not quite in time order; what is late goes out with what it stands beside.
            ahead = event.at if latest is None else max(latest, event.at)
            if opened_at is None:
                opened_at = ahead
            elif span_ms is not None and ahead - opened_at > span_ms:
                for group in range(groups):
                    yield from closed(group)
                opened_at = ahead
            latest = ahead
        group = crc32(event.asset_id.encode()) % groups
        size = len(event.raw) + 1
        full = len(filling[group].events) >= max_events
        if full or filling[group].size + size >= MAX_BYTES:
            yield from closed(group)
        filling[group].events.append(event.raw)
        filling[group].size += size
    for group in range(groups):
        yield from closed(group)


def body_of(events: Sequence[bytes], file_format: FileFormat) -> bytes:
    """The body that carries these events, each as it stands in its file.

    A line carries a packet: one that is written over several, in an array, is put on one.
    """
    if file_format is FileFormat.PITBOSS:
        return b"[" + b",".join(events) + b"]"
    return b"\n".join(
        msgspec.json.format(event, indent=-1) if b"\n" in event else event for event in events
    )


@dataclass
class ReplayReport:
    """What became of a feed: received = accepted + duplicate + quarantined + failed."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    failed: int = 0
    requests: int = 0
    seconds: float = 0.0
    too_large: int = 0
    """Of those that failed, how many were in a body that is too large."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How many events were not accepted for which reason."""

    @property
    def events_per_second(self) -> float:
        """Received events over the time it took."""
        return self.received / self.seconds if self.seconds else 0.0

    @property
    def all_in(self) -> bool:
        """Whether every event is in the stream; a duplicate is, as the one it repeats."""
        return self.received == self.accepted + self.duplicate

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "received": self.received,
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined,
            "failed": self.failed,
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.events_per_second, 1),
            "reasons": dict(self.reasons.most_common()),
        }


class Front(Protocol):
    """What a replay sends to; see `workbench.client.PitbossClient`."""

    def post_events(self, body: bytes, content_type: str, *, compress: bool = True) -> Answer: ...
    def pause(self, attempt: int, at_least: float = 0.0) -> None: ...


def replay(
    client: Front,
    batches: Iterable[Batch],
    file_format: FileFormat,
    *,
    connections: int = 1,
    speed: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    on_progress: Callable[[ReplayReport], object] = lambda _: None,
    on_answer: Callable[[bytes, EventAnswer], object] = lambda *_: None,
) -> ReplayReport:
    """Send batches and say what became of their events.

    Args:
        client: the front door.
        batches: from `cut`; a group is never on two connections.
        file_format: how their events are written.
        connections: how many requests are under way at once.
        speed: how many times faster than it happened; None as fast as possible.
        clock: seconds, of any beginning.
        sleep: waits, in seconds.
        on_progress: told the counts after each batch, by one thread at a time.
        on_answer: told what became of each event that the front door has done with; the events of a
            group in their order, those of several connections from several threads.

    Raises:
        WorkbenchError: nothing answers, or the sender is refused.
    """
    report = ReplayReport()
    lock = threading.Lock()
    started = clock()

    def send(batch: Batch) -> None:
        became = _post(client, batch, file_format, on_answer)
        with lock:
            _add(report, became)
            report.seconds = clock() - started
            on_progress(report)

    with _Lanes(connections, send) if connections > 1 else nullcontext(None) as lanes:
        for batch in _paced(batches, speed, clock, sleep):
            if lanes is None:
                send(batch)
            else:
                lanes.put(batch)
    report.seconds = clock() - started
    return report


def _paced(
    batches: Iterable[Batch],
    speed: float | None,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> Iterator[Batch]:
    """Each batch when its last event is due."""
    first: int | None = None
    started = clock()
    for batch in batches:
        if speed is not None and batch.at is not None:
            first = batch.at if first is None else first
            wait = started + (batch.at - first) / 1000 / speed - clock()
            if wait > 0:
                sleep(wait)
        yield batch


class _Lanes:
    """Connections that each send their groups' batches in order. The first failure ends all."""

    def __init__(self, count: int, send: Callable[[Batch], None]) -> None:
        self._send = send
        self._failure: BaseException | None = None
        self._waiting: list[queue.Queue[Batch | None]] = [
            queue.Queue(_MAX_WAITING_BATCHES) for _ in range(count)
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(waiting,), daemon=True)
            for waiting in self._waiting
        ]

    def put(self, batch: Batch) -> None:
        """Send a batch when its lane is free; waits while the lane has enough to do."""
        if self._failure is not None:
            raise self._failure
        self._waiting[batch.group % len(self._waiting)].put(batch)

    def _work(self, waiting: queue.Queue[Batch | None]) -> None:
        while (batch := waiting.get()) is not None:
            if self._failure is None:
                try:
                    self._send(batch)
                except BaseException as failure:  # noqa: BLE001 - raised again by the main thread
                    self._failure = failure

    def __enter__(self) -> "_Lanes":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._failure is None:
            self._failure = InterruptedError("the replay was ended")
        for waiting in self._waiting:
            waiting.put(None)
        for thread in self._threads:
            thread.join()
        if kind is None and self._failure is not None:
            raise self._failure


def _add(report: ReplayReport, became: ReplayReport) -> None:
    report.received += became.received
    report.accepted += became.accepted
    report.duplicate += became.duplicate
    report.quarantined += became.quarantined
    report.failed += became.failed
    report.requests += became.requests
    report.too_large += became.too_large
    report.reasons += became.reasons


def _post(
    client: Front,
    batch: Batch,
    file_format: FileFormat,
    on_answer: Callable[[bytes, EventAnswer], object],
) -> ReplayReport:
    """Send one batch, and again what the front door could not store."""
    report = ReplayReport(received=len(batch.events))
    pending: Sequence[bytes] = batch.events
    for attempt in range(1, MAX_TRIES + 1):
        answer = client.post_events(body_of(pending, file_format), file_format.content_type)
        report.requests += 1
        if answer.refusal:
            _refused(report, answer, len(pending))
            return report
        if answer.received != len(pending):
            raise WorkbenchError(
                f"The API speaks of {answer.received} events where {len(pending)} were sent: "
                "is it the one this checkout deployed? Run `pitboss status`."
            )
        report.accepted += answer.accepted
        report.duplicate += answer.duplicate
        report.quarantined += answer.quarantined
        report.reasons.update(
            event.reason for event in answer.events if event.status == "quarantined"
        )
        for event in answer.events:
            if event.status != "failed":
                on_answer(pending[event.index], event)
        if not answer.failed:
            return report
        pending = [pending[event.index] for event in answer.events if event.status == "failed"]
        if attempt < MAX_TRIES:
            client.pause(attempt)
    report.failed += len(pending)
    report.reasons["not_stored"] += len(pending)
    return report


def _refused(report: ReplayReport, answer: Answer, events: int) -> None:
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise WorkbenchError(
            f"The API refuses the sender ({answer.status}): see whether it is registered with this "
            "key with `pitboss gateways list`, and check this machine's clock."
        )
    if answer.status == HTTPStatus.FORBIDDEN:
        raise WorkbenchError(
            f"The API refuses the sender ({answer.status}): it is revoked or is no gateway, see "
            "`pitboss gateways list`; register another with `pitboss gateways add`."
        )
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise WorkbenchError(
            f"The front door fails ({answer.status}): see `pitboss logs IngestSlotEventsFunction`, "
            "of games `IngestGameEventsFunction`, then replay again; what went in counts once."
        )
    report.failed += events
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        report.too_large += events
    report.reasons[f"{answer.status} {answer.refusal[:_SHOWN_CHARACTERS]}"] += events


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("replay")(replay_files)


def replay_files(
    files: Annotated[
        list[Path] | None, typer.Argument(help="The feed, in the order to send.")
    ] = None,
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="How the files' events are written.")
    ] = None,
    from_archive: Annotated[
        str | None,
        typer.Option(
            metavar="DAY[..DAY]",
            help="Not files, but what was received of these gaming days, as it came.",
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare all stored ratings of the property before and after."
        ),
    ] = False,
    speed: Annotated[
        str, typer.Option(help="Times faster than it happened, or max: as fast as it goes.")
    ] = "max",
    gateway: Annotated[
        str | None, typer.Option(help="Send as this gateway. Default: one of the workbench's own.")
    ] = None,
    property_id: Annotated[
        str | None,
        typer.Option(
            "--property",
            help="Send as the workbench's own gateway of this property.",
            show_default=gateways.DEFAULT_PROPERTY,
        ),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="The gateway's private key, where it is not in its place.")
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, max=MAX_EVENTS, help="Events in a request at most.")
    ] = MAX_EVENTS,
    connections: Annotated[
        int, typer.Option(min=1, max=64, help="Requests at once; an asset keeps to one connection.")
    ] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a recorded feed, or archived days, through the front door of the running stack."""
    times_faster = _speed(speed)
    if gateway is not None and property_id is not None:
        raise UsageError("A gateway sends for its own property: give --gateway or --property.")
    send: Callable[[PitbossClient, _Shown], ReplayReport]
    if from_archive is None:
        files = files or []
        if not files or file_format is None:
            raise UsageError("Say what to replay: FILES with their --format, or --from-archive.")
        file_format.must_be_events()
        missing = [path for path in files if not path.is_file()]
        if missing:
            raise WorkbenchError(f"There is no file {missing[0]}.")
        size = sum(path.stat().st_size for path in files)
        send = partial(
            _send_files,
            files=files,
            file_format=file_format,
            batch=batch,
            connections=connections,
            times_faster=times_faster,
        )
    else:
        from workbench import archive

        if files or file_format is not None or times_faster is not None:
            raise UsageError(
                "--from-archive goes without files, --format and --speed: the archive says how "
                "each event was posted, and is sent as fast as it goes."
            )
        days = archive.days_of(from_archive)
        source = archive.Archive.of_stack(_property_of(gateway, property_id), days)
        size = source.size
        send = partial(_send_archive, source=source, batch=batch, connections=connections)
    rated = _Rated(_property_of(gateway, property_id)) if verify else None
    try:
        report = _replay_shown(front_door(gateway, property_id, key_file), size, send)
    except _InterruptedReplayError as ended:
        _report(ended.report, json)
        err.print("Interrupted. Replay it again: nothing counts twice.")
        raise typer.Exit(_INTERRUPTED) from None
    compared = rated.compare(report.accepted) if rated else None
    _report(report, json, compared)
    if not report.all_in:
        for sentence in _next_steps(report):
            err.print(escape(sentence))
    if not report.all_in or (compared and compared.changed):
        raise typer.Exit(1)


def _property_of(gateway: str | None, property_id: str | None) -> str:
    """The property that is sent for."""
    if gateway is None:
        return property_id or gateways.DEFAULT_PROPERTY
    return gateways.registered_gateway(gateway).property_id


def front_door(
    gateway: str | None,
    property_id: str | None,
    key_file: Path | None = None,
    own: "Callable[[str], Principal]" = gateways.workbench_gateway,
    events_path: str = SLOT_EVENTS,
) -> PitbossClient:
    """The front door, as a registered gateway: the one named, or the workbench's own of a property.

    Args:
        gateway: its name.
        property_id: whose events are sent, where no gateway is named.
        key_file: the gateway's private key, where it is not in its place.
        own: the workbench's own gateway of a property.
        events_path: the door.

    Raises:
        WorkbenchError: there is no stack, or no key.
    """
    from workbench.signing import Signer

    api_url = endpoint.api_url()
    if gateway is None:
        principal = own(property_id or gateways.DEFAULT_PROPERTY)
        gateway, key = principal.principal_id, gateways.ensure(principal)
        say(f"sending as the gateway {gateway} of property {principal.property_id}")
    else:
        key = gateways.key_path(gateway)
    key = key_file or key
    try:
        signer = Signer(gateway, key, gateways.audience())
    except OSError as fault:
        raise WorkbenchError(f"The key {key} cannot be read ({fault.strerror}).") from None
    return PitbossClient(api_url, signer, events_path=events_path)


class _Rated:
    """What is stored of a property, held against what is stored when everything sent is rated."""

    def __init__(self, property_id: str) -> None:
        from workbench import unchanged

        self._property_id = property_id
        self._since = unchanged.now_ms() - _CLOCKS_APART_MS
        with step(f"reading what is stored of property {property_id}"):
            self._read = unchanged.events_read(self._since)
            self._before = unchanged.items_of(property_id)

    def compare(self, sent: int) -> "Comparison":
        """Wait until so many events were rated, and compare."""
        from workbench import unchanged

        with step(f"waiting until {sent:,} events are rated"):
            unchanged.wait_until_read(self._read + sent, self._since)
        return unchanged.compare(self._before, unchanged.items_of(self._property_id))


class _InterruptedReplayError(Exception):
    """Ctrl-C; the report says what became of the events that were answered till then."""

    def __init__(self, report: ReplayReport) -> None:
        self.report = report
        super().__init__("interrupted")


def _replay_shown(
    front: PitbossClient, size: int, send: Callable[[PitbossClient, "_Shown"], ReplayReport]
) -> ReplayReport:
    """Send a feed with a progress bar.

    Raises:
        _InterruptedReplayError: Ctrl-C.
    """
    with front as client, _Shown(size) as shown:
        try:
            report = send(client, shown)
        except KeyboardInterrupt:
            _add(shown.report, shown.malformed)
            raise _InterruptedReplayError(shown.report) from None
        _add(report, shown.malformed)
    return report


def _send_files(
    client: PitbossClient,
    shown: "_Shown",
    *,
    files: Sequence[Path],
    file_format: FileFormat,
    batch: int,
    connections: int,
    times_faster: float | None,
) -> ReplayReport:
    events = shown.well_formed(read_feed(files, file_format, shown.on_bytes), file_format)
    return replay(
        client,
        cut(
            events,
            max_events=batch,
            groups=connections,
            span_ms=times_faster and times_faster * PACED_SPAN_SECONDS * 1000,
        ),
        file_format,
        connections=connections,
        speed=times_faster,
        on_progress=shown.on_progress,
    )


def _send_archive(
    client: PitbossClient, shown: "_Shown", *, source: "Archive", batch: int, connections: int
) -> ReplayReport:
    total = ReplayReport()
    for file_format, events in source.runs(shown.on_bytes):
        so_far = replace(total, reasons=Counter(total.reasons))

        def on_progress(report: ReplayReport, so_far: ReplayReport = so_far) -> None:
            sent = replace(so_far, reasons=Counter(so_far.reasons))
            _add(sent, report)
            sent.seconds += report.seconds
            shown.on_progress(sent)

        became = replay(
            client,
            cut(events, max_events=batch, groups=connections),
            file_format,
            connections=connections,
            on_progress=on_progress,
        )
        _add(total, became)
        total.seconds += became.seconds
    return total


def _report(report: ReplayReport, json: bool, compared: "Comparison | None" = None) -> None:
    if json:
        print_json(report.as_json() | (compared.as_json() if compared else {}))
        return
    _show(report)
    if compared:
        compared.show()


class _Shown:
    """The progress bar: bytes of the files that were read, and events by the rate they go in."""

    def __init__(self, size: int) -> None:
        """`size`: how many bytes are read in all."""
        self.malformed = ReplayReport()
        """Lines that no request can carry: broken JSON would take its neighbours with it."""
        self.report = ReplayReport()
        """What became of the feed so far."""
        self._progress = Progress(
            TextColumn("replaying"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[counts]}"),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._task = self._progress.add_task("", total=size, counts="")

    def __enter__(self) -> "_Shown":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_bytes(self, count: int) -> None:
        """So much more was read."""
        self._progress.advance(self._task, count)

    def on_progress(self, report: ReplayReport) -> None:
        """So much was sent."""
        self.report = report
        counts = f"{report.received:,} events, {report.events_per_second:,.0f}/s"
        self._progress.update(self._task, counts=counts)

    def well_formed(
        self, events: Iterable[FeedEvent], file_format: FileFormat
    ) -> Iterator[FeedEvent]:
        """The events a body can carry; lines of packets are carried whatever they are."""
        for event in events:
            if event.is_json or file_format is FileFormat.ACRES_SAS:
                yield event
            else:
                self.malformed.received += 1
                self.malformed.failed += 1
                self.malformed.reasons[_NOT_JSON] += 1


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageError(f"--speed is max or a number above 0, not {text!r}.")
    return speed


def _show(report: ReplayReport) -> None:
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(justify="right")
    for name in ("received", "accepted", "duplicate", "quarantined", "failed"):
        table.add_row(name, f"{getattr(report, name):,}")
    for reason, events in report.reasons.most_common(10):
        table.add_row(f"  {escape(reason)}", f"{events:,}")
    out.print(table)
    out.print(
        f"{report.requests:,} requests in {report.seconds:.1f} s: "
        f"{report.events_per_second:,.0f} events/s"
    )


def _next_steps(report: ReplayReport) -> Iterator[str]:
    if report.quarantined:
        yield (
            f"In the quarantine: {report.quarantined:,}. "
            "See what is wrong with them with `pitboss quarantine list`."
        )
    malformed = report.reasons[_NOT_JSON]
    if malformed:
        yield f"No JSON and not sent: {malformed:,}. Mend the file."
    if report.too_large:
        yield (
            f"Too large in one request: {report.too_large:,}. "
            "Replay the file again with a smaller --batch; what is in already counts once."
        )
    not_taken = report.failed - malformed - report.too_large
    if not_taken:
        yield (
            f"Not taken: {not_taken:,}. See `pitboss logs ingest_slot_events`, "
            "then replay the file again; what is in already counts once."
        )

"""One try after another to get the oldest events through the door, and what each answer means."""

import gzip
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pitboss_client.buffer import Buffer, Waiting
from pitboss_client.transport import Answer, NoAnswerError, Transport

LOG = logging.getLogger("pitboss_client")

PATH = "/v1/game-events"
CONTENT_TYPE = "application/x-ndjson"

MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 1_000_000
"""The door's limits: 500 events and 1 MiB, before compression."""

GZIP_FROM_BYTES = 512
RENEW_SECONDS = 60.0
"""Before a token ends it is exchanged."""


@dataclass(frozen=True)
class Settings:
    """When events are sent, and how patient the client is."""

    batch_events: int = 100
    """Sent as soon as so many wait; at most 500."""

    batch_seconds: float = 5.0
    """Sent when the first that waits has waited so long."""

    max_events: int = 100_000
    """Kept on disk; then the oldest go, counted."""

    max_bytes: int = 64 * 1024 * 1024
    """The same in bytes of their lines."""

    first_pause: float = 0.5
    """Longest wait after a first failure, seconds; it doubles with each."""

    longest_pause: float = 60.0
    """Longest wait but for what Retry-After asks."""

    max_retry_after: float = 3_600.0
    """More than this is not waited, whatever is asked."""

    timeout: float = 30.0
    """Of a request's steps, seconds."""

    def __post_init__(self) -> None:
        if not 1 <= self.batch_events <= MAX_BATCH_EVENTS:
            raise ValueError(f"batch_events is from 1 to {MAX_BATCH_EVENTS}")
        if self.max_events < 2 * self.batch_events or self.max_bytes < 2 * MAX_BATCH_BYTES:
            raise ValueError("the buffer has room for less than two batches")


@dataclass(frozen=True)
class Counts:
    """What became of events, since the client was made; `dropped` since the buffer was."""

    accepted: int = 0
    duplicate: int = 0
    """Were there already: an answer to an earlier try was lost."""
    refused: int = 0
    """Quarantined, or refused alone: each went to `on_refused`."""
    dropped: int = 0
    """Oldest that went because the buffer was full: each to `on_dropped`, by number."""
    requests: int = 0
    failures: int = 0
    """Requests without a use: no answer, or one that says to try again."""


class Refused(NamedTuple):
    """An event that will not be kept as it is."""

    event: dict[str, Any]
    reason: str


class Token(NamedTuple):
    """What proves an install, and when it ends (epoch milliseconds)."""

    text: str
    expires_at: float


@dataclass
class Sender:
    """Sends the oldest events of a buffer; one thread at a time."""

    buffer: Buffer
    transport: Transport
    settings: Settings
    application: str
    client_id: str
    sign: Callable[[bytes], Mapping[str, str]] | None = None
    on_refused: Callable[[Refused], object] = lambda _: None
    on_failure: Callable[[str], object] = lambda _: None
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    counts: Counts = Counts()
    _token: Token | None = None
    _failures: int = 0
    _batch: int = MAX_BATCH_EVENTS

    def step(self) -> float:
        """One try. How long to wait before the next, in seconds; 0 where there is no reason to."""
        batch = self.buffer.oldest(self._batch, MAX_BATCH_BYTES)
        try:
            return self._send(batch) if batch else 0.0
        finally:
            self.buffer.release()

    def _send(self, batch: Sequence[Waiting]) -> float:
        body = b"\n".join(event.body for event in batch)
        headers = {"Content-Type": CONTENT_TYPE}
        if len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, 6, mtime=0)
            headers["Content-Encoding"] = "gzip"
        try:
            if self.sign is not None:
                headers.update(self.sign(body))
            else:
                token = self._current_token()
                if isinstance(token, Answer):
                    return self._failed(f"no token: {token.status} {_detail(token)}", token)
                headers["Authorization"] = f"Bearer {token.text}"
            self.counts = replace(self.counts, requests=self.counts.requests + 1)
            answer = self.transport.post(PATH, body, headers)
        except NoAnswerError as fault:
            return self._failed(str(fault))
        return self._read(answer, batch)

    def _read(self, answer: Answer, batch: Sequence[Waiting]) -> float:
        told = _verdicts(answer, len(batch))
        if told is not None:
            return self._settle(answer, batch, told)
        why = f"{answer.status} {_detail(answer)}".strip()
        if answer.status == 401 and self.sign is None:
            # A token that has just ended is exchanged at once; one that never was good is not.
            is_first, self._token = self._failures == 0, None
            pause = self._failed(why, answer)
            return 0.0 if is_first else pause
        if answer.status in (413, 422):
            if len(batch) > 1:  # together they are too long, or one of them is: find it by halves
                self._batch = len(batch) // 2
                return 0.0
            self._refuse(batch[0], why)
            self.buffer.settle(batch)
            self._batch = MAX_BATCH_EVENTS
            return 0.0
        return self._failed(why, answer)

    def _settle(
        self, answer: Answer, batch: Sequence[Waiting], told: "Sequence[_Verdict]"
    ) -> float:
        settled = []
        statuses = [verdict.status for verdict in told]
        for event, verdict in zip(batch, told, strict=True):
            if verdict.status == "failed":
                continue
            settled.append(event)
            if verdict.status == "quarantined":
                self._refuse(event, verdict.reason)
        self.buffer.settle(settled)
        self.counts = replace(
            self.counts,
            accepted=self.counts.accepted + statuses.count("accepted"),
            duplicate=self.counts.duplicate + statuses.count("duplicate"),
        )
        self._batch = min(MAX_BATCH_EVENTS, self._batch * 2)
        if "failed" in statuses:
            return self._failed(f"{statuses.count('failed')} of {len(batch)} events", answer)
        self._failures = 0
        return 0.0

    def _refuse(self, event: Waiting, reason: str) -> None:
        self.counts = replace(self.counts, refused=self.counts.refused + 1)
        _tell(self.on_refused, Refused(json.loads(event.body), reason))

    def _failed(self, why: str, answer: Answer | None = None) -> float:
        """Count a failure; how long to wait: exponential, with full jitter, after Retry-After.

        Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        self.counts = replace(self.counts, failures=self.counts.failures + 1)
        _tell(self.on_failure, why)
        most = self.settings.first_pause * 2.0 ** min(self._failures, 30)
        self._failures += 1
        asked = _seconds(answer.headers.get("retry-after", "")) if answer else 0.0
        return min(asked, self.settings.max_retry_after) + self.chance() * min(
            most, self.settings.longest_pause
        )

    def _current_token(self) -> Token | Answer:
        """The install's token, a new one where it ends soon; the answer that refused one."""
        now = self.clock() * 1_000
        if self._token is not None and now < self._token.expires_at - RENEW_SECONDS * 1_000:
            return self._token
        answer = self.transport.post(
            f"/v1/applications/{self.application}/installs",
            json.dumps({"client_id": self.client_id}).encode(),
            {"Content-Type": "application/json"},
        )
        document = _document(answer)
        text, ends = document.get("token"), document.get("expires_at")
        if answer.status // 100 != 2 or not isinstance(text, str) or not _is_number(ends):
            return answer
        self._token = Token(text, float(ends))  # type: ignore[arg-type]
        return self._token


class _Verdict(NamedTuple):
    status: str
    reason: str = ""


_STATUSES = frozenset({"accepted", "duplicate", "quarantined", "failed"})


def _verdicts(answer: Answer, sent: int) -> list[_Verdict] | None:
    """What an answer says of each event; None where it says nothing that can be relied on.

    A page of a hotel's network is a 200 too: an event is forgotten only where the answer counts as
    many as were sent. One that is not listed is accepted, if no failure is missing in the list.
    """
    document = _document(answer) if answer.status in (200, 503) else {}
    if document.get("received") != sent:
        return None
    told: list[_Verdict | None] = [None] * sent
    events = document.get("events")
    for event in events if isinstance(events, list) else []:
        if not isinstance(event, dict) or event.get("status") not in _STATUSES:
            return None
        index = event.get("index")
        if not isinstance(index, int) or not 0 <= index < sent:
            return None
        told[index] = _Verdict(event["status"], str(event.get("reason", "")))
    unsettled = ("quarantined", "failed")
    is_whole = all(
        document.get(name, 0)
        == sum(verdict is not None and verdict.status == name for verdict in told)
        for name in unsettled
    )
    rest = _Verdict("accepted" if is_whole else "failed")
    return [verdict or rest for verdict in told]


def _tell(callback: Callable[[Any], object], fact: object) -> None:
    """Call back; what fails there is the game's, and must not end the sending."""
    try:
        callback(fact)
    except Exception:
        LOG.exception("a callback failed")


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _detail(answer: Answer) -> str:
    document = _document(answer)
    return str(document.get("detail") or document.get("message") or "")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _seconds(text: str) -> float:
    """Of a Retry-After in seconds; a date is not waited for."""
    return float(text) if text.isdecimal() else 0.0

"""The API of a deployed stack, called as a registered gateway or service."""

import gzip
import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import msgspec
from msgspec import Struct

from workbench.console import WorkbenchError

if TYPE_CHECKING:
    import httpx

MAX_TRIES = 8
"""Times a request is sent before its answer, or the lack of one, stands."""

SLOT_EVENTS = "/v1/slot-events"
GAME_EVENTS = "/v1/game-events"

FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 5.0

_TIMEOUT_SECONDS = 30.0
_CONNECT_SECONDS = 5.0
# What a gateway, a full queue or an overloaded service answers. Sending again is safe: an event
# counts once, however often it comes.
_PASSING = frozenset({429, 500, 502, 503, 504})


class Signs(Protocol):
    """Makes the headers that prove who sends a body; see `workbench.signing.Signer`."""

    def headers(self, body: bytes = b"") -> dict[str, str]: ...


class EventAnswer(Struct, frozen=True):
    """What became of one event, by its position in the body."""

    index: int
    status: str
    event_id: str = ""
    reason: str = ""
    detail: str = ""


class Answer(Struct, frozen=True):
    """What became of a posted body: received = accepted + duplicate + quarantined + failed.

    A body that was refused as a whole has the status and `refusal`, and nothing received.
    """

    status: int = 0
    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    failed: int = 0
    events: tuple[EventAnswer, ...] = ()
    refusal: str = ""


class Bearer:
    """Proves by a token that it was given, of an install for instance."""

    def __init__(self, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}

    def headers(self, body: bytes = b"") -> dict[str, str]:
        """The same for every body."""
        return self._headers


class PitbossClient:
    """Calls the API; every try carries a fresh token. Safe to share between threads."""

    def __init__(
        self,
        api_url: str,
        signer: Signs,
        *,
        events_path: str = SLOT_EVENTS,
        max_tries: int = MAX_TRIES,
        sleep: Callable[[float], object] = time.sleep,
        jitter: Callable[[], float] = random.random,
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        """
        Args:
            api_url: the API's address with its stage, without a slash at its end.
            signer: who calls.
            events_path: the door that events are posted to.
            max_tries: how often a request is sent at most.
            sleep: waits, in seconds.
            jitter: a number from 0 to 1.
            transport: what carries the requests, for tests.
        """
        import httpx

        self._signer = signer
        self._events_path = events_path
        self._max_tries = max_tries
        self._sleep = sleep
        self._jitter = jitter
        timeout = httpx.Timeout(_TIMEOUT_SECONDS, connect=_CONNECT_SECONDS)
        self._http = httpx.Client(base_url=api_url, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def post_events(self, body: bytes, content_type: str, *, compress: bool = True) -> Answer:
        """Post a batch of events.

        Args:
            body: at most 1 MiB and 500 events, not compressed.
            content_type: `application/json` or `application/x-ndjson`.
            compress: send it as gzip.

        Returns:
            What became of the events. Those that failed (503 with their indexes) are not sent
            again here; a 429 or 5xx without such an answer is, a few times.

        Raises:
            WorkbenchError: nothing answers.
        """
        headers = {"Content-Type": content_type}
        if compress:
            body = gzip.compress(body, compresslevel=3, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return _answer(self._send("POST", self._events_path, body, headers))

    def get(self, path: str) -> "httpx.Response":
        """Read a resource, for example `/v1/machines/1940732`. Any status is an answer.

        Raises:
            WorkbenchError: nothing answers.
        """
        return self._send("GET", path, b"", {})

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> "httpx.Response":
        """Send any other request, again where there is no answer: it must bear that, as what has an
        `Idempotency-Key` does.

        Raises:
            WorkbenchError: nothing answers.
        """
        return self._send(method, path, body, dict(headers or {}))

    def pause(self, attempt: int, at_least: float = 0.0) -> None:
        """Wait before the n-th retry: exponential, with jitter, at most some seconds."""
        longest = min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
        self._sleep(max(longest * self._jitter(), min(at_least, MAX_PAUSE_SECONDS)))

    def _send(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> "httpx.Response":
        import httpx

        for attempt in range(1, self._max_tries + 1):
            last = attempt == self._max_tries
            asked_to_wait = 0.0
            try:
                response = self._http.request(
                    method,
                    path,
                    content=body or None,
                    headers=headers | self._signer.headers(body),
                )
            except httpx.TransportError as fault:
                if last:
                    raise WorkbenchError(
                        f"The API at {self._http.base_url} does not answer "
                        f"({type(fault).__name__}): run `pitboss status`, then `pitboss up`."
                    ) from fault
            else:
                says_what_failed = response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and (
                    _answer(response).received > 0
                )
                if last or says_what_failed or response.status_code not in _PASSING:
                    return response
                asked_to_wait = _seconds(response.headers.get("Retry-After", ""))
            self.pause(attempt, asked_to_wait)
        raise AssertionError("a client tries at least once")


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0


def _answer(response: "httpx.Response") -> Answer:
    status = response.status_code
    if status in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
        try:
            found = msgspec.json.decode(response.content, type=Answer)
        except msgspec.MsgspecError:
            found = Answer()
        if found.received:
            return msgspec.structs.replace(found, status=status)
    return Answer(status=status, refusal=_refusal(response))


class _Problem(Struct, frozen=True):
    detail: str = ""
    title: str = ""
    message: str = ""


def _refusal(response: "httpx.Response") -> str:
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    return problem.detail or problem.title or problem.message or response.reason_phrase


def document_of(answer: "httpx.Response", caller: str) -> dict[str, Any]:
    """What an answer holds.

    Args:
        answer: the API's.
        caller: as whom it was asked, for what to look at where it refused that.

    Raises:
        WorkbenchError: a refusal, with what it says.
    """
    try:
        document: Mapping[str, Any] = answer.json()
    except ValueError:
        document = {}
    if answer.is_success:
        return dict(document)
    said = document.get("detail") or document.get("message") or answer.reason_phrase
    hint = {
        HTTPStatus.UNAUTHORIZED: ": check this machine's clock, and `pitboss services list`",
        HTTPStatus.FORBIDDEN: f": see whether {caller} is registered and not revoked, with "
        "`pitboss services list`",
    }.get(HTTPStatus(answer.status_code), "")
    raise WorkbenchError(f"The API answered {answer.status_code}, {said}{hint}.")

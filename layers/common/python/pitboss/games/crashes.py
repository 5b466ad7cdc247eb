"""Crashes and errors that games report: which events they are, and which of them are one fault.

A report is an event of `CRASH_TYPES` or `ERROR_TYPES` whose `data` says what was raised
(`exception`, or `exception_type`, `error_type`, `type`), in which words (`message`, or
`error_message`, `error`) and where (`stack`, or `stack_trace`, `stacktrace`:
`pitboss.games.stacks`). All of it may be missing; what was raised is read from the stack's first
line (Python: its last) too.

Reports of one **group** have the same exception and the same frames: those of the game itself
(all, where none is), the innermost `MAX_FRAMES`, each once, so that the depth of a recursion does
not matter. Lines, addresses, offsets, arguments and directories do not count, and neither do the
message or the version. Where there are no frames the message counts, without numbers, ids, paths
and what is in quotes.

The idea, to fall back from the stack to the exception and from that to the message, and to look at
the frames of the application alone, is Sentry's:
    https://docs.sentry.io/concepts/data-management/event-grouping/
    https://develop.sentry.dev/backend/application-domains/grouping/
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from pitboss.games import stacks
from pitboss.games.events import GameEvent

CRASH_TYPES = frozenset(
    {"client.crashed", "crash", "crashed", "client_crashed", "game_crashed", "crash_reported"}
)
"""Event types that say that a game ended by a fault. `metrics/crashes-by-version.yaml` counts
them."""

ERROR_TYPES = frozenset(
    {"client.error", "error", "exception", "client_error", "game_error", "error_reported"}
)
"""Event types of a fault that the game went on after."""

REPORT_TYPES = CRASH_TYPES | ERROR_TYPES

MAX_FRAMES = 12
"""That a group is told apart by."""

MAX_EXCEPTION = 120
MAX_MESSAGE = 500
MAX_STACK = 6_000
"""Characters of a stack that is kept as an example."""

_EXCEPTION = ("exception", "exception_type", "error_type", "type")
_MESSAGE = ("message", "error_message", "error")
_STACK = ("stack", "stack_trace", "stacktrace")
_GROUP_BYTES = 8
_GROUP = re.compile(r"[0-9a-f]{16}")

_RAISED = re.compile(
    r'(?:Uncaught |Unhandled |Caused by: |Exception in thread "[^"]{0,80}" )?'
    r"([A-Za-z_][\w.$+`]{0,119})(?::\s*(.*))?",
    re.DOTALL,
)
_CHANGING = re.compile(
    r"[\"'`][^\"'`\n]{0,200}[\"'`]"  # what is in quotes
    r"|\b[a-zA-Z][a-zA-Z0-9+.-]{0,15}://\S+"
    r"|[^\s@]{1,64}@[^\s@]{1,64}"
    r"|\S{0,80}[\\/]\S*"  # paths
    r"|0x[0-9a-fA-F]+"
    r"|[0-9a-fA-F-]{0,40}\d[0-9a-fA-F.,:-]*"
)
_HOME = re.compile(r"((?:/Users|/home|[A-Za-z]:[\\/]Users)[\\/])[^\\/\s\"':]{1,64}")

_decode = msgspec.json.Decoder().decode


class Crash(Struct, frozen=True):
    """A report, as far as it is kept as an example of its group."""

    group: str
    """Which of the application's faults it is: 16 hexadecimal digits."""
    exception: str
    message: str
    where: str
    """The innermost function of the game, or of all, that the stack names."""
    stack: str


def is_group(text: str) -> bool:
    """Whether this can be a group's id."""
    return _GROUP.fullmatch(text) is not None


def crash_of(event: GameEvent) -> Crash | None:
    """What an event reports; None of one that is no report."""
    if event.event_type not in REPORT_TYPES:
        return None
    said = _decode(event.data)
    return read(event.event_type, said if isinstance(said, dict) else {})


def read(event_type: str, said: Mapping[str, Any]) -> Crash:
    """A report.

    Args:
        event_type: groups of reports that say nothing at all are told apart by it.
        said: `data` of the event.
    """
    stack = stacks.read(_first(said, _STACK, (str, list)))
    exception = _first(said, _EXCEPTION, (str,)) or ""
    message = _first(said, _MESSAGE, (str,)) or ""
    exception, words = _raised(exception[: 2 * MAX_MESSAGE]) if exception else _of_rest(stack.rest)
    message = (message or words)[:MAX_MESSAGE]
    places = _places(stack.frames)
    kind = " ".join(stacks.without_chance(exception).split())
    if places:
        known = ("frames", kind, *places)
    elif kind or message:
        known = ("message", kind, normalised(message))
    else:
        known = ("nothing", event_type)
    digest = blake2b("\n".join(known).encode(errors="replace"), digest_size=_GROUP_BYTES)
    return Crash(
        digest.hexdigest(),
        exception[:MAX_EXCEPTION],
        _without_homes(message),
        places[0] if places else "",
        _without_homes(_as_text(_first(said, _STACK, (str, list)))),
    )


def normalised(message: str) -> str:
    """A message without what differs from one report to the next; its first line alone.

    >>> normalised("no player 17 in /tmp/x81/save.dat")
    'no player # in #'
    """
    first = message[:MAX_MESSAGE].strip().partition("\n")[0]
    return " ".join(_CHANGING.sub("#", first).split())


def _places(frames: Iterable[stacks.Frame]) -> list[str]:
    frames = [frame for frame in frames if frame.place]
    own = [frame for frame in frames if frame.is_app]
    return list(dict.fromkeys(frame.place for frame in own or frames))[:MAX_FRAMES]


def _first(said: Mapping[str, Any], names: Iterable[str], kinds: tuple[type, ...]) -> Any:  # noqa: ANN401 - what JSON can say
    found = (said.get(name) for name in names)
    return next((value for value in found if value and isinstance(value, kinds)), None)


def _raised(text: str) -> tuple[str, str]:
    """What was raised, and the words."""
    found = _RAISED.fullmatch(text.strip())
    return (found[1], found[2] or "") if found else (normalised(text), "")


def _of_rest(lines: Iterable[str]) -> tuple[str, str]:
    """The same, of what stands above a stack (Python: below), if that names an exception."""
    for line in lines:
        found = _RAISED.fullmatch(line)
        if found and (found[2] is not None or found[1].endswith(("Error", "Exception"))):
            return found[1], found[2] or ""
    return "", ""


def _as_text(stack: str | list[Any] | None) -> str:
    if not isinstance(stack, list):
        return stacks.bounded(stack or "", MAX_STACK)
    lines, size = [], 0
    for one in stack:
        said = one if isinstance(one, str) else msgspec.json.encode(one).decode(errors="replace")
        lines.append(said[: stacks.MAX_LINE])
        size += len(lines[-1]) + 1
        if size > MAX_STACK:
            break
    return stacks.bounded("\n".join(lines), MAX_STACK)


def _without_homes(text: str) -> str:
    """A text without the names of people in the directories of theirs."""
    return _HOME.sub(r"\1...", text)

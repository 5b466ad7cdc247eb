"""Records of a stream as a function is given them, and whom to blame where one cannot be read.

A record that cannot be read is set aside only if this release reads one that is known to be good:
otherwise the release is broken, and the batch has to wait for the one before.
"""

from binascii import a2b_base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pitboss.errors import BrokenReleaseError
from pitboss.events.batch import BatchHeader, pack, pack_games
from pitboss.events.slot import GameStarted, MeteredEvent
from pitboss.games.events import GameEvent

KNOWN_POSTED = b'{"known":1}'
"""The one event of a record that is known to be good, as it was posted."""

_HEADER = BatchHeader("known", "known", 0, "known", "known")
_SLOT = MeteredEvent("known", 0, 1, None, GameStarted(500))
_GAME = GameEvent("known", 0, "known", "1", "", None, None, None, None, KNOWN_POSTED, True)


class Delivered[Batch](NamedTuple):
    """A record that was read."""

    kinesis: Mapping[str, Any]
    """What Lambda says of it."""
    data: bytes
    batch: Batch


class Unreadable(NamedTuple):
    """A record that cannot be read."""

    position: int
    """Its place in the batch, from 0."""
    kinesis: Mapping[str, Any]
    data: bytes
    """Empty where it is not even base64."""
    fault: Exception


class Known(NamedTuple):
    """A record that every release can read."""

    pack: Callable[[], bytes]
    event: MeteredEvent | GameEvent


KNOWN_SLOT = Known(lambda: pack(_HEADER, [KNOWN_POSTED], [_SLOT]), _SLOT)
KNOWN_GAME = Known(lambda: pack_games(_HEADER, [KNOWN_POSTED], [_GAME]), _GAME)


def read_records[Batch: tuple[Any, ...]](
    records: Sequence[Mapping[str, Any]],
    unpack: Callable[[bytes], Batch],
    known: Known = KNOWN_SLOT,
) -> tuple[list[Delivered[Batch]], list[Unreadable]]:
    """The records of a batch: those that can be read, and those that cannot, each in their order.

    Args:
        records: `Records` of the event.
        unpack: reads one: its header, its events, and more; see `pitboss.events.batch`.
        known: a record that it reads.

    Raises:
        BrokenReleaseError: a record cannot be read, nor can the known one.
    """
    read: list[Delivered[Batch]] = []
    unreadable: list[Unreadable] = []
    for position, record in enumerate(records):
        kinesis = record["kinesis"]
        data = b""
        try:
            data = a2b_base64(kinesis["data"], strict_mode=True)
            read.append(Delivered(kinesis, data, unpack(data)))
        except Exception as fault:  # noqa: BLE001 - whatever poison or a bug raises
            _check_reading(unpack, known, fault)
            unreadable.append(Unreadable(position, kinesis, data, fault))
    return read, unreadable


def _check_reading(
    unpack: Callable[[bytes], tuple[Any, ...]], known: Known, fault: Exception
) -> None:
    """Before a record is blamed for a fault, read one that is known to be good."""
    try:
        header, events, *_ = unpack(known.pack())
        found = header, [(event.event_id, event.data) for event in events]
    except Exception:  # noqa: BLE001 - as above
        found = None
    if found != (_HEADER, [(known.event.event_id, known.event.data)]):
        raise BrokenReleaseError("a known record cannot be read") from fault

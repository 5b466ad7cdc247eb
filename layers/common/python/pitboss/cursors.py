"""Cursors: where a list goes on, sealed so that only who was given one can use it, for that list.

A cursor is a position and its HMAC-SHA-256 over what it is bound to: the principal, the property,
the path and the query of the list. It says where to go on and never what may be read: that is
decided anew for each request, and keys are made from what was authorised. Sealing the same position
twice gives the same cursor, so that an unchanged page of a list has an unchanged ETag.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from typing import NamedTuple

import msgspec

from pitboss.errors import TerminalError

MAX_CURSOR_CHARACTERS = 512
_MAC_BYTES = sha256().digest_size
_PURPOSE = "cursor.v1"


class CursorScope(NamedTuple):
    """What a cursor is bound to."""

    principal_id: str
    property_id: str
    path: str
    """Route and object, for example `/v1/players/p-81/sessions`."""
    query: str = ""
    """What else chooses the list."""


class RefusedCursorError(TerminalError, ValueError):
    """A cursor that was not sealed for this list and caller, or not sealed at all."""

    def __init__(self) -> None:
        super().__init__(
            "the cursor is none that this list gave to this caller: begin without one, and pass "
            "`next` on as it is"
        )


class Cursors:
    """Seals and opens the cursors of lists, with a key of at least 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) < _MAC_BYTES:
            raise ValueError(f"a key of {len(key)} bytes is too short for a cursor")
        self._key = key

    def seal(self, position: msgspec.Struct, scope: CursorScope) -> str:
        """The cursor for going on after a position."""
        packed = msgspec.msgpack.encode(position)
        return _text(self._mac(packed, scope) + packed)

    def open[Position](self, cursor: str, scope: CursorScope, kind: type[Position]) -> Position:
        """The position that a cursor was sealed with.

        Raises:
            RefusedCursorError: it was edited, or is another list's or another caller's.
        """
        if len(cursor) > MAX_CURSOR_CHARACTERS:
            raise RefusedCursorError
        try:
            sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (NotBase64, ValueError):
            raise RefusedCursorError from None
        mac, packed = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        # Base64 has several texts for some bytes; only the one that was given is the cursor.
        if not hmac.compare_digest(mac, self._mac(packed, scope)) or _text(sealed) != cursor:
            raise RefusedCursorError
        try:
            return msgspec.msgpack.decode(packed, type=kind)
        except msgspec.MsgspecError:  # of an earlier release
            raise RefusedCursorError from None

    def _mac(self, packed: bytes, scope: CursorScope) -> bytes:
        bound = msgspec.msgpack.encode((_PURPOSE, *scope, packed))
        return hmac.digest(self._key, bound, sha256)


def _text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()

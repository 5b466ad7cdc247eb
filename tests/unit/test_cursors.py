"""Cursors: only who was given one goes on by it, and only in the list it is of."""

import base64
import hmac
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.cursors import MAX_CURSOR_CHARACTERS, Cursors, CursorScope, RefusedCursorError

KEY = b"k" * 64
SCOPE = CursorScope("host-app", "north", "/v1/players/p-81/sessions")


class Place(msgspec.Struct, frozen=True, array_like=True):
    day: str
    after: int


PLACE = Place("2026-01-31", 50)


def is_refused(cursor: str, scope: CursorScope = SCOPE, key: bytes = KEY) -> bool:
    try:
        Cursors(key).open(cursor, scope, Place)
    except RefusedCursorError:
        return True
    return False


@given(st.builds(Place, st.text(max_size=80), st.integers(0, 2**63 - 1)))
def test_a_cursor_opens_to_the_position_it_was_sealed_with(place: Place) -> None:
    cursor = Cursors(KEY).seal(place, SCOPE)

    assert Cursors(KEY).open(cursor, SCOPE, Place) == place
    assert len(cursor) <= MAX_CURSOR_CHARACTERS


def test_the_same_position_has_the_same_cursor() -> None:
    assert Cursors(KEY).seal(PLACE, SCOPE) == Cursors(KEY).seal(PLACE, SCOPE)


@pytest.mark.parametrize(
    "scope",
    [
        SCOPE._replace(principal_id="host-app-2"),
        SCOPE._replace(property_id="south"),
        SCOPE._replace(path="/v1/players/p-82/sessions"),
        SCOPE._replace(path="/v1/players/p-81/ledger"),
        SCOPE._replace(query="day=2026-01-31"),
        CursorScope("host-appn", "orth", SCOPE.path),
    ],
    ids=["principal", "property", "player", "route", "query", "boundary moved"],
)
def test_a_cursor_of_another_list_or_caller_is_refused(scope: CursorScope) -> None:
    cursor = Cursors(KEY).seal(PLACE, SCOPE)

    assert is_refused(cursor, scope)
    assert not is_refused(cursor)


def test_every_edit_of_a_character_is_refused() -> None:
    cursor = Cursors(KEY).seal(PLACE, SCOPE)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    edited = {
        cursor[:at] + letter + cursor[at + 1 :] for at in range(len(cursor)) for letter in letters
    } - {cursor}

    assert [one for one in edited if not is_refused(one)] == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda cursor: cursor[:-1],
        lambda cursor: cursor + "A",
        lambda cursor: cursor + "=",
        lambda cursor: cursor + "\n",
        lambda cursor: " " + cursor,
        lambda cursor: cursor[:20] + "!" + cursor[20:],
        lambda cursor: "",
        lambda cursor: "é" + cursor[1:],
        lambda cursor: cursor * 10,
        lambda cursor: "A" * 43,
    ],
)
def test_what_is_no_cursor_is_refused(edit: object) -> None:
    cursor = Cursors(KEY).seal(PLACE, SCOPE)
    assert callable(edit)

    assert is_refused(edit(cursor))


def test_a_position_without_the_key_s_seal_is_refused() -> None:
    """Whoever knows how cursors are made, but not the key, makes none."""
    packed = msgspec.msgpack.encode(Place("2026-01-31", 0))
    bound = msgspec.msgpack.encode(("cursor.v1", *SCOPE, packed))
    for key in (b"", b"k" * 63, b"K" * 64):
        forged = base64.urlsafe_b64encode(hmac.digest(key or b"\0", bound, sha256) + packed)
        assert is_refused(forged.rstrip(b"=").decode())
    known = base64.urlsafe_b64encode(hmac.digest(KEY, bound, sha256) + packed)
    assert not is_refused(known.rstrip(b"=").decode())


def test_a_cursor_sealed_with_another_key_or_of_another_kind_is_refused() -> None:
    class Other(msgspec.Struct, frozen=True, array_like=True):
        after: int

    assert is_refused(Cursors(b"o" * 64).seal(PLACE, SCOPE))
    assert is_refused(Cursors(KEY).seal(Other(7), SCOPE))


def test_a_short_key_is_no_key() -> None:
    with pytest.raises(ValueError, match="too short"):
        Cursors(b"k" * 31)

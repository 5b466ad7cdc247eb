"""Files of lists and patrons: right in every line or not taken, and what a whole list changes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.offers.gate import CLOCK_TOLERANCE_MS, Entry
from pitboss.offers.lists import (
    MAX_FAULTS,
    Changes,
    InvalidListFile,
    Patron,
    RefusedImport,
    Span,
    changes,
    check_as_of,
    parse_end,
    parse_moment,
    read_list,
    read_patrons,
)

HOUR_MS = 3_600_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def faults(content: str | bytes, patrons: bool = False) -> tuple[str, ...]:
    """What is wrong with a file."""
    raw = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(InvalidListFile) as refusal:
        read_patrons(raw, None) if patrons else read_list(raw)
    return refusal.value.faults


# --- reading --------------------------------------------------------------------------------------


def test_a_list_has_players_and_when_they_are_on_it() -> None:
    found = read_list(
        b"\xef\xbb\xbfplayer_id,since,until\r\n"
        b"p-1,,\r\n"
        b"p-2,2026-01-08T18:00:00-08:00,1768000000000\r\n"
        b"\r\n"
        b"p-3,2026-01-08,2026-01-09\r\n"
    )

    assert found == {
        "p-1": Span(0, None),
        "p-2": Span(at("2026-01-09T02:00:00"), 1_768_000_000_000),
        # From where the day begins first on earth until where it ends last.
        "p-3": Span(at("2026-01-07T10:00:00"), at("2026-01-10T12:00:00")),
    }


def test_players_alone_are_a_list_and_so_is_nobody() -> None:
    assert read_list(b"player_id\np-1\n") == {"p-1": Span(0, None)}
    assert read_list(b"player_id,until,since\n") == {}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("p 2,,", "player_id 'p 2' can be no player's id"),
        (",,", "player_id '' can be no player's id"),
        ("p-2,2026-01-08T18:00:00,", "'2026-01-08T18:00:00' is no moment"),  # in which zone?
        ("p-2,1767902400,", "'1767902400' is no moment"),  # seconds
        ("p-2,2026-02-30,", "'2026-02-30' is no date"),
        ("p-2,tomorrow,", "'tomorrow' is no moment"),
        ("p-2,1768000000000,1768000000000", "until is not after since"),
        ("p-1,,", "player p-1 is there twice"),
        ("p-2,", "2 cells, not 3"),
        ("p-2,,,", "4 cells, not 3"),
    ],
)
def test_a_bad_line_is_named_by_its_number(line: str, says: str) -> None:
    (fault,) = faults(f"player_id,since,until\np-1,,\n{line}\np-9,,\n")

    assert fault.startswith(f"line 3: {says}")


def test_every_bad_line_is_named() -> None:
    lines = "".join(f"p {number},,\n" for number in range(30))

    found = faults(f"player_id,since,until\n{lines}")

    assert [fault.partition(":")[0] for fault in found] == [f"line {n}" for n in range(2, 32)]
    assert str(InvalidListFile(found)).endswith(f"; and {30 - MAX_FAULTS} more")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "line 1: the header is ''"),
        ("p-1\n", "line 1: the header is 'p-1'"),
        ("player_id,untill\np-1,\n", "line 1: the header is 'player_id,untill'"),
        ("player_id,since,since\n", "line 1: the header is"),
        (b"player_id\n\xff\n", "line 1: the file is no UTF-8 text"),
        ('player_id\n"p-1\n', "line 2: unexpected end of data"),
    ],
)
def test_what_is_no_list_is_not_taken(content: str | bytes, says: str) -> None:
    assert faults(content)[0].startswith(says)


def test_patrons_are_of_age_from_a_day_and_live_somewhere() -> None:
    found = read_patrons(
        b"player_id,born_on,of_age_from,jurisdiction\n"
        b"p-1,2004-02-29,,US-NV\n"
        b"p-2,,2025-06-01,US-CA\n"
        b"p-3,,1768000000000,DE-BY\n"
        b"p-4,,,\n",
        of_age_years=21,
    )

    assert found == {
        "p-1": Patron(at("2025-03-01T12:00:00"), "US-NV"),  # there is no 29 February that year
        "p-2": Patron(at("2025-06-01T12:00:00"), "US-CA"),
        "p-3": Patron(1_768_000_000_000, "DE-BY"),
        "p-4": Patron(None, None),
    }


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("p-1,2004-01-01,2025-01-01,US-NV", "born_on and of_age_from both say"),
        ("p-1,2004-01-01,,US-NV", "born_on asks for the age"),
        ("p-1,,,Nevada", "jurisdiction 'Nevada' is not as ISO 3166-2 has it"),
        ("p-1,,,us-nv", "jurisdiction 'us-nv' is not"),
    ],
)
def test_a_bad_patron_is_named(line: str, says: str) -> None:
    (fault,) = faults(f"player_id,born_on,of_age_from,jurisdiction\n{line}\n", patrons=True)

    assert fault.startswith(f"line 2: {says}")


def test_dates_and_moments_of_commands() -> None:
    assert parse_moment(" 2026-01-08 ") == at("2026-01-07T10:00:00")
    assert parse_end("2026-01-08") == at("2026-01-09T12:00:00")
    assert parse_moment("2026-01-08T00:00:00Z") == parse_end("2026-01-08T00:00:00Z")
    with pytest.raises(ValueError, match="is no moment"):
        parse_moment("soon")


# --- what a list changes --------------------------------------------------------------------------


def test_a_list_adds_changes_and_takes_away() -> None:
    known = {
        "stays": Entry(0, None, 5),
        "longer": Entry(0, 100, 5),
        "leaves": Entry(0, None, 10),
        "added later": Entry(0, None, 11),
        "later, otherwise": Entry(7, None, 11),
    }
    named = {
        "comes": Span(3, None),
        "stays": Span(0, None),
        "longer": Span(0, 200),
        "later, otherwise": Span(0, 9),
    }

    assert changes(known, named, as_of=10) == Changes(
        {"comes": Entry(3, None, 10), "longer": Entry(0, 200, 10)}, ("leaves",), kept=2
    )


PLAYERS = st.sampled_from([f"p-{number}" for number in range(6)])
ENTRIES = st.builds(Entry, st.integers(0, 2), st.none() | st.integers(5, 6), st.integers(0, 9))


@given(
    st.dictionaries(PLAYERS, ENTRIES),
    st.dictionaries(PLAYERS, st.builds(Span, st.integers(0, 2), st.none() | st.integers(5, 6))),
    st.integers(0, 9),
)
def test_after_a_list_there_is_what_it_names_and_what_came_later(
    known: dict[str, Entry], named: dict[str, Span], as_of: int
) -> None:
    todo = changes(known, named, as_of)
    after = {p: e for p, e in (known | todo.additions).items() if p not in todo.removals}

    later = {p: entry for p, entry in known.items() if entry.added_at > as_of}
    assert after.keys() == named.keys() | later.keys()
    for player_id, entry in after.items():
        if player_id in later:
            assert entry == later[player_id]
        else:
            assert (entry.since, entry.until) == named[player_id]
            assert entry.added_at <= as_of
    # Nobody on both is off it in between, and a second time there is nothing to do.
    assert not todo.additions.keys() & set(todo.removals)
    assert not set(todo.removals) & named.keys()
    assert changes(after, named, as_of)[:2] == ({}, ())


def test_a_list_takes_the_place_of_an_older_one() -> None:
    check_as_of(100, 100, None)
    check_as_of(100, 100, 100)  # the same again, after it was cut
    check_as_of(100 + CLOCK_TOLERANCE_MS, 100, 99)
    with pytest.raises(RefusedImport, match="older"):
        check_as_of(99, 100, 100)
    with pytest.raises(RefusedImport, match="future"):
        check_as_of(101 + CLOCK_TOLERANCE_MS, 100, None)

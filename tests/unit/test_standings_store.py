"""Standings in DynamoDB: one read for the gate, and lists whose changes nobody slips through."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from pitboss.offers.gate import (
    NOTHING_READ,
    Entry,
    Facts,
    ListName,
    Lists,
    Machine,
    Risk,
    Standing,
)
from pitboss.offers.lists import Patron, RefusedImport, Span
from pitboss.stores.standings import (
    READ_TRIES,
    Change,
    DynamoStandings,
    Imported,
    UnreadStandingsError,
    next_version,
    read_or_nothing,
)
from workbench.proof.network import THROTTLED, Call, Cancel, Fault, Lose, Part, Refuse
from workbench.proof.offers import NOON, NORTH, OffersFloor

BANNED = ListName.BANNED
ALWAYS = Span(0, None)
RISK = Risk(0.31, ("plays more games than 9 in 10 players",), "risk-1", NOON)
MANY = [f"p-{number:03d}" for number in range(80)]
"""More players than two transactions take."""


@pytest.fixture
def floor() -> Iterator[OffersFloor]:
    """A property's tables, installed."""
    floor = OffersFloor()
    with floor.installed():
        yield floor
    assert not floor.network.unknown


@pytest.fixture
def standings(floor: OffersFloor) -> DynamoStandings:
    return floor.standings


def imported(
    standings: DynamoStandings,
    players: list[str] | dict[str, Span],
    as_of: int = NOON,
    name: ListName = BANNED,
    **more: Any,
) -> Imported:
    """Import a list of these players."""
    named = players if isinstance(players, dict) else dict.fromkeys(players, ALWAYS)
    return standings.import_list(NORTH, name, named, as_of, at=NOON + 1, by="compliance", **more)


def listed(standings: DynamoStandings, player_id: str, name: ListName = BANNED) -> bool:
    """Whether the gate sees the player on a list."""
    standing = standings.facts(NORTH, player_id, None).standing
    return standing is not None and name in standing.entries


def put_on(
    standings: DynamoStandings, player_id: str, entry: Entry | None, name: ListName = BANNED
) -> Standing | None:
    """Put one player on a list, or take them off it."""
    known = standings.standing(NORTH, player_id)
    before = None if known is None else known.entries.get(name)
    change = Change(
        at=NOON, by="host", version=next_version(known), list=name, before=before, after=entry
    )
    return standings.change(NORTH, player_id, known, change)


# --- what the gate reads --------------------------------------------------------------------------


def test_the_gate_reads_all_it_needs_at_once(floor: OffersFloor) -> None:
    floor.seat("p-1", "1001", locked_since=NOON - 5)
    imported(floor.standings, ["p-1"])
    floor.standings.put_risks(NORTH, {"p-1": RISK})
    floor.network.calls.clear()

    facts = floor.standings.facts(NORTH, "p-1", "1001")

    assert facts == Facts(
        Lists({BANNED: NOON}),
        Standing(version=1, entries={BANNED: Entry(0, None, NOON)}),
        Machine(NOON - 5, "p-1"),
        RISK,
    )
    assert floor.network.calls == {("dynamodb", "BatchGetItem"): 1}


def test_what_is_not_there_is_none(standings: DynamoStandings) -> None:
    assert standings.facts(NORTH, "p-1", "1001") == Facts(Lists(), None, None)
    assert standings.facts(NORTH, "p-1", None) == Facts(Lists(), None, None)


def test_the_night_says_who_is_of_high_risk_and_who_no_longer_is(floor: OffersFloor) -> None:
    standings = floor.standings
    floor.stand("p-001")
    before = standings.standing(NORTH, "p-001")
    standings.put_risks(NORTH, dict.fromkeys(MANY, RISK))
    standings.put_risks("south", {"p-001": RISK})
    assert all(standings.facts(NORTH, one, None).risk == RISK for one in MANY[::9])

    newer = Risk(0.5, (), "risk-2", NOON + 1)
    standings.put_risks(NORTH, {MANY[0]: newer, "lists": newer})

    assert standings.risk(NORTH, MANY[0]) == newer
    assert standings.facts(NORTH, "lists", None) == Facts(Lists(), None, None, newer)
    assert [standings.risk(NORTH, one) for one in MANY[1:]] == [None] * (len(MANY) - 1)
    assert standings.risk("south", "p-001") == RISK
    assert standings.standing(NORTH, "p-001") == before  # people's, and not touched

    standings.put_risks(NORTH, {})
    assert standings.facts(NORTH, MANY[0], None).risk is None


def test_a_risk_that_cannot_be_read_closes_the_gate(floor: OffersFloor) -> None:
    floor.standings.put_risks(NORTH, {"p-1": RISK})
    (item,) = floor.standings_table.items()
    key = floor.standings_table.key({name: item[name] for name in ("pk", "sk")})
    floor.standings_table.put(key, {**item, "body": {"B": "bm90IG91cnM="}})

    with pytest.raises(UnreadStandingsError):
        floor.standings.facts(NORTH, "p-1", None)
    assert read_or_nothing(floor.standings, NORTH, "p-1", None) == NOTHING_READ


def test_the_gate_never_reads_late(floor: OffersFloor) -> None:
    for table in (floor.standings_table, floor.ratings_table):
        table.lag_ms = 1_000
    floor.clock.advance(10)
    floor.seat("p-1", "1001")
    imported(floor.standings, ["p-1"])

    assert listed(floor.standings, "p-1")
    assert floor.standings.facts(NORTH, "p-1", "1001").machine == Machine(None, "p-1")


@pytest.mark.parametrize("left", [(0,), (1,), (2,), (3,), (0, 1), (1, 2), (2, 3)])
def test_what_was_left_unprocessed_is_asked_for_again(
    floor: OffersFloor, left: tuple[int, ...]
) -> None:
    floor.seat("p-1", "1001")
    imported(floor.standings, ["p-1"])
    whole = floor.standings.facts(NORTH, "p-1", "1001")
    parts: list[Fault | None] = [Part(left)]
    floor.network.fault = lambda call: parts.pop() if parts else None

    assert floor.standings.facts(NORTH, "p-1", "1001") == whole


def test_what_stays_unprocessed_is_not_taken_for_nothing(floor: OffersFloor) -> None:
    imported(floor.standings, ["p-1"])
    tried = []

    def leave(call: Call) -> Fault | None:
        tried.append(call)
        keys = sum(len(one["Keys"]) for one in call.body["RequestItems"].values())
        return Part((keys - 1,)) if keys > 1 else THROTTLED["dynamodb"]

    floor.network.fault = leave

    with pytest.raises((UnreadStandingsError, ClientError)):
        floor.standings.facts(NORTH, "p-1", None)
    assert len(tried) > 1


def test_keys_left_for_ever_are_an_error(floor: OffersFloor) -> None:
    asked: list[Any] = []

    class Leaves:
        """A client that answers, and does nothing."""

        def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - botocore's name
            asked.append(RequestItems)
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

    standings = DynamoStandings(
        "standings", None, "us-east-1", Leaves(), pause=lambda attempt: None
    )

    with pytest.raises(UnreadStandingsError, match="unprocessed"):
        standings.facts(NORTH, "p-1", None)
    assert len(asked) == READ_TRIES


@pytest.mark.parametrize("fault", [Refuse("AccessDeniedException"), Lose(), Lose(False, "connect")])
def test_what_cannot_be_read_is_nothing(floor: OffersFloor, fault: Fault) -> None:
    told: list[Exception] = []
    floor.network.fault = lambda call: fault

    facts = read_or_nothing(floor.standings, NORTH, "p-1", "1001", told.append)

    assert facts is NOTHING_READ
    assert isinstance(told[0], ClientError | BotoCoreError)


@pytest.mark.parametrize("body", [b"{}", b"", b'{"version":1,"entries":{"new_list":[0,null,0]}}'])
def test_a_standing_that_cannot_be_read_is_not_taken_for_an_empty_one(
    floor: OffersFloor, body: bytes
) -> None:
    floor.stand("p-1")
    (item,) = floor.standings_table.items()
    stored = msgspec.json.decode(msgspec.json.encode({"B": body}))
    floor.standings_table.put(
        floor.standings_table.key({name: item[name] for name in ("pk", "sk")}),
        item | {"body": stored},
    )

    with pytest.raises(UnreadStandingsError):
        floor.standings.facts(NORTH, "p-1", None)
    assert read_or_nothing(floor.standings, NORTH, "p-1", None) is NOTHING_READ


# --- one player -----------------------------------------------------------------------------------


def test_every_change_raises_the_version_and_is_kept(standings: DynamoStandings) -> None:
    entry = Entry(NOON, None, NOON)

    assert put_on(standings, "p-1", entry) == Standing(version=1, entries={BANNED: entry})
    assert standings.members(NORTH, BANNED) == {"p-1": entry}
    assert put_on(standings, "p-1", None) == Standing(version=2)
    assert standings.members(NORTH, BANNED) == {}
    standings.import_patrons(NORTH, {"p-1": Patron(NOON, "US-NV")}, at=NOON + 9, by="compliance")

    assert standings.standing(NORTH, "p-1") == Standing(3, {}, NOON, "US-NV")
    assert [
        (change.version, change.by, change.list, change.before, change.after)
        for change in standings.changes(NORTH, "p-1", 10)
    ] == [
        (3, "compliance", None, None, None),
        (2, "host", BANNED, entry, None),
        (1, "host", BANNED, None, entry),
    ]
    assert [change.version for change in standings.changes(NORTH, "p-1", 1)] == [3]


def test_a_change_of_a_standing_that_moved_on_is_not_made(standings: DynamoStandings) -> None:
    put_on(standings, "p-1", Entry(0, None, NOON))
    stale = standings.standing(NORTH, "p-1")
    put_on(standings, "p-1", Entry(0, 5, NOON), ListName.OPTED_OUT)
    change = Change(at=NOON, by="host", version=next_version(stale), list=BANNED)

    assert standings.change(NORTH, "p-1", stale, change) is None
    assert standings.change(NORTH, "p-1", None, change) is None
    assert listed(standings, "p-1")
    assert len(standings.changes(NORTH, "p-1", 10)) == 2


# --- whole lists ----------------------------------------------------------------------------------


def test_a_list_is_what_the_newest_file_says(standings: DynamoStandings) -> None:
    assert imported(standings, MANY) == Imported(80, 80, 0, 0)
    assert imported(standings, MANY[1:], NOON + 1) == Imported(79, 0, 1, 0)
    assert imported(standings, {"p-001": Span(0, 9)}, NOON + 1) == Imported(1, 1, 78, 0)

    assert standings.members(NORTH, BANNED) == {"p-001": Entry(0, 9, NOON + 1)}
    assert standings.lists(NORTH) == Lists({BANNED: NOON + 1})
    assert not listed(standings, MANY[5])
    facts = standings.facts(NORTH, MANY[5], None)
    assert facts.standing is not None
    assert facts.standing.version == 2  # on, and off


def test_lists_and_properties_are_apart(standings: DynamoStandings) -> None:
    imported(standings, ["p-1"])
    imported(standings, ["p-1", "p-2"], name=ListName.OPTED_OUT)
    standings.import_list("south", BANNED, {}, NOON, at=NOON, by="compliance")

    assert listed(standings, "p-1")
    assert not listed(standings, "p-2")
    assert standings.lists(NORTH) == Lists({BANNED: NOON, ListName.OPTED_OUT: NOON})


@pytest.mark.parametrize("player_id", ["-", ".", ":a", "~"[:0] + "_x", "0"])
def test_any_id_comes_off_a_list_again(standings: DynamoStandings, player_id: str) -> None:
    imported(standings, [player_id])
    imported(standings, [], NOON + 1)

    assert standings.members(NORTH, BANNED) == {}


def test_a_list_of_an_earlier_time_is_refused(standings: DynamoStandings) -> None:
    imported(standings, ["p-1"])

    with pytest.raises(RefusedImport, match="older"):
        imported(standings, [], NOON - 1)
    assert listed(standings, "p-1")


def test_what_was_added_after_the_file_was_made_stays(standings: DynamoStandings) -> None:
    imported(standings, ["p-1"], NOON - 9)
    put_on(standings, "p-2", Entry(NOON - 5, None, NOON - 5))

    assert imported(standings, [], NOON - 6) == Imported(0, 0, 1, 1)
    assert (listed(standings, "p-1"), listed(standings, "p-2")) == (False, True)
    # A file that is newer than the entry and does not name the player takes it away.
    assert imported(standings, [], NOON - 5) == Imported(0, 0, 1, 0)
    assert not listed(standings, "p-2")


def test_too_many_removals_can_be_refused_before_anything_is_written(
    floor: OffersFloor,
) -> None:
    imported(floor.standings, MANY)

    def refuse(removed: int, known: int) -> None:
        raise RefusedImport(f"{removed} of {known}")

    with pytest.raises(RefusedImport, match="79 of 80"):
        imported(floor.standings, MANY[:1], NOON + 1, removes=refuse)
    assert len(floor.standings.members(NORTH, BANNED)) == 80
    assert floor.standings.lists(NORTH) == Lists({BANNED: NOON})


def writes(floor: OffersFloor, do: Callable[[], object]) -> int:
    """How many calls something makes."""
    before = sum(floor.network.calls.values())
    do()
    return sum(floor.network.calls.values()) - before


def test_an_import_cut_anywhere_is_run_again_and_nobody_who_stays_is_ever_off() -> None:
    stays, leaves, comes = MANY[:30], MANY[30:50], MANY[50:]

    def begun() -> OffersFloor:
        floor = OffersFloor()
        with floor.installed():
            imported(floor.standings, [*stays, *leaves])
        return floor

    floor = begun()
    with floor.installed():
        calls = writes(floor, lambda: imported(floor.standings, [*stays, *comes], NOON + 1))
    outcomes = set()
    for number in range(1, calls + 1):
        for fault in (Refuse("InternalServerError"), Lose(), Lose(effect=False)):
            floor = begun()
            first = sum(floor.network.calls.values())

            def cut(
                call: Call,
                last: int = first + number,
                fault: Fault = fault,
                floor: OffersFloor = floor,
            ) -> Fault | None:
                on = {
                    item["sk"]["S"]
                    for item in floor.standings_table.items()
                    if item["pk"]["S"].endswith("/list/banned")
                }
                assert on >= set(stays)
                assert on >= set(leaves) or on >= set(comes)  # rather too many than too few
                return fault if call.number >= last else None

            with floor.installed():
                floor.network.fault = cut
                try:
                    imported(floor.standings, [*stays, *comes], NOON + 1)
                except (ClientError, BotoCoreError, UnreadStandingsError):
                    outcomes.add("cut")
                    # All that was fresh before is; what is not complete does not say that it is.
                    floor.network.fault = None
                    if floor.standings.lists(NORTH).complete_to[BANNED] == NOON + 1:
                        assert not any(listed(floor.standings, player) for player in leaves)
                floor.network.fault = None
                imported(floor.standings, [*stays, *comes], NOON + 1)
                assert floor.standings.members(NORTH, BANNED).keys() == {*stays, *comes}
                for player in MANY:
                    assert listed(floor.standings, player) == (player not in leaves)
                assert floor.standings.lists(NORTH) == Lists({BANNED: NOON + 1})
    assert outcomes == {"cut"}


def test_changes_of_the_same_players_do_not_stop_an_import(floor: OffersFloor) -> None:
    """Between reading standings and writing them, one of them changes: once, then no more."""
    standings = floor.standings
    changed: list[Call] = []

    def change(call: Call) -> None:
        if call.operation == "TransactWriteItems" and not changed:
            changed.append(call)
            put_on(standings, "p-001", Entry(0, None, NOON + 5), ListName.OPTED_OUT)

    floor.network.fault = change

    assert imported(standings, MANY).added == 80
    standing = standings.standing(NORTH, "p-001")
    assert standing is not None
    assert standing.entries.keys() == {BANNED, ListName.OPTED_OUT}
    assert standing.version == 2


def test_an_entry_added_during_an_import_stays(floor: OffersFloor) -> None:
    standings = floor.standings
    added: list[Call] = []
    imported(standings, ["p-1"], NOON - 9)

    def add(call: Call) -> None:
        if call.operation == "TransactWriteItems" and not added:
            added.append(call)
            put_on(standings, "p-1", Entry(0, None, NOON))
            put_on(standings, "p-2", Entry(0, None, NOON))

    floor.network.fault = add
    imported(standings, [], NOON - 5)

    assert listed(standings, "p-1")
    assert listed(standings, "p-2")


@pytest.mark.parametrize("at_call", range(1, 8))
def test_an_older_import_under_way_ends_when_a_newer_begins(
    floor: OffersFloor, at_call: int
) -> None:
    """The older one would take off whom the newer one found on the list and left there."""
    standings = floor.standings
    imported(standings, ["p-1", "p-2"], NOON - 20)
    seen: list[Call] = []

    def newer(call: Call) -> None:
        seen.append(call)
        if len(seen) == at_call:
            floor.network.fault = None
            imported(standings, ["p-1"], NOON - 5)

    floor.network.fault = newer
    try:
        imported(standings, ["p-2"], NOON - 10)
    except RefusedImport:
        floor.network.fault = None
    assert listed(standings, "p-1")
    assert standings.lists(NORTH) == Lists(
        {BANNED: NOON - 5 if len(seen) >= at_call else NOON - 10}
    )


def test_throttled_and_conflicting_transactions_come_again(floor: OffersFloor) -> None:
    faults = [Cancel((0,), "ThrottlingError"), Cancel((1,)), Cancel((2,))]
    floor.network.fault = lambda call: (
        faults.pop() if faults and call.operation == "TransactWriteItems" else None
    )

    assert imported(floor.standings, ["p-1"]) == Imported(1, 1, 0, 0)
    assert not faults
    assert listed(floor.standings, "p-1")


def test_patrons_become_what_the_file_says(standings: DynamoStandings) -> None:
    put_on(standings, "p-1", Entry(0, None, NOON))
    patrons = {"p-1": Patron(NOON, "US-NV"), "p-2": Patron(None, "US-CA")}

    assert standings.import_patrons(NORTH, patrons, at=NOON, by="compliance") == 2
    assert standings.import_patrons(NORTH, patrons, at=NOON, by="compliance") == 0

    first, second = (standings.standing(NORTH, player_id) for player_id in patrons)
    assert first == Standing(2, {BANNED: Entry(0, None, NOON)}, NOON, "US-NV")
    assert second == Standing(1, {}, None, "US-CA")

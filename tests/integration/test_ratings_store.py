"""The store of ratings: one suite for the real table and for the one in memory."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.slot import (
    METER_MODULUS,
    CardInserted,
    CardRemoved,
    GameEnded,
    GameStarted,
    HandpayPending,
    MetersReset,
    PaytableReported,
    SlotData,
    SlotEvent,
)
from pitboss.rating.fold import (
    MAX_GAMES,
    MAX_WAITING,
    Bounds,
    Carry,
    House,
    LastGame,
    OpenGame,
    Paytable,
    Seat,
    Session,
    SessionDay,
    Tally,
    Unrated,
)
from pitboss.rating.history import (
    PAGE_MS,
    Change,
    Correction,
    Head,
    History,
    MachineDay,
    Page,
    SessionDayChange,
    apply,
)
from pitboss.rating.tables import TableDay
from pitboss.stores.ratings import (
    _CARRY_BYTES,
    FLOOR_PARTITIONS,
    TRANSACTION_ITEMS,
    Asset,
    AssetChange,
    DynamoRatings,
    PlayerSession,
    SessionPlace,
    StoredCorrection,
    UnstorableChange,
)
from rate_players.service import RatePlayers
from tests.integration import ratings_items
from workbench import endpoint
from workbench.memory import MemoryRatings
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Network

type Ratings = DynamoRatings | MemoryRatings

START = 1_767_225_600_000 - 1_767_225_600_000 % PAGE_MS
DAY = "2026-01-15"


@pytest.fixture(scope="module")
def dynamo(stack: dict[str, str]) -> Iterator[DynamoRatings]:
    """The deployed stack's own table, reached as a function reaches it: by its environment."""
    where = endpoint.target()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            if where.access_key_id and name != "AWS_CA_BUNDLE":
                patch.delenv(name)
        for name, value in where.variables().items():
            patch.setenv(name, value)
        yield DynamoRatings(stack["RatingsTableName"], where.region or endpoint.DEFAULT_REGION)


@pytest.fixture(params=["dynamo", "fake", "memory"])
def ratings(request: pytest.FixtureRequest) -> Iterator[Ratings]:
    if request.param == "memory":
        yield MemoryRatings()
    elif request.param == "dynamo":
        yield request.getfixturevalue("dynamo")
    else:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in ENVIRONMENT.items():
                patch.setenv(name, value)
            network = Network(Clock(START))
            table = network.dynamodb.create_table("ratings", "pk", "sk")
            patch.setattr(ratings_items, "forget", lambda property_id: None)
            patch.setattr(
                ratings_items,
                "_scan",
                lambda property_id: [
                    item for item in table.items() if item["pk"]["S"].startswith(f"{property_id}/")
                ],
            )
            with network.installed():
                yield DynamoRatings("ratings", ENVIRONMENT["AWS_REGION"])


@pytest.fixture
def north(request: pytest.FixtureRequest) -> Iterator[str]:
    """A property that no other test has."""
    property_id = f"test-{uuid4().hex[:12]}"
    yield property_id
    if "dynamo" in request.fixturenames or "dynamo" in request.node.name:
        ratings_items.forget(property_id)


# --- builders -------------------------------------------------------------------------------------


def event(moment: int, data: SlotData, player: str | None = None, name: str = "") -> SlotEvent:
    return SlotEvent(name or f"e-{moment}", moment, moment % 1_000, player, data)


def page(number: int = 0, *events: SlotEvent, carry: Carry | None = None) -> Page:
    start = START + number * PAGE_MS
    return Page(start, carry or Carry(), list(events) or [event(start, GameStarted(100 + number))])


def day(date: str = DAY, games: int = 0, first: int | None = None) -> MachineDay:
    return MachineDay(date, Tally(games=games), first, first)


def head(applied: int = 1, **fields: Any) -> Head:
    return Head(**{"page": page(), "today": day(games=applied), "applied": applied, **fields})


def change(new: Head, before: Head | None = None, **fields: Any) -> Change:
    empty: dict[str, Any] = {
        **{"sealed": [], "closed_day": None, "earlier_days": {}},
        **{"sessions": [], "corrections": []},
    }
    return Change(asset_id="", before=before, head=new, **(empty | fields))


def session(
    started_at: int = 0,
    games: int = 1,
    *,
    player: str = "p-81",
    date: str = DAY,
    bounds: Bounds | None = None,
    emptied: bool = False,
) -> SessionDayChange:
    return SessionDayChange(
        SessionDay(date, player, started_at), Tally(games=games, coin_in_cents=5), bounds, emptied
    )


def write(ratings: Ratings, *changes: tuple[Asset, Change]) -> list[Asset]:
    return ratings.commit([AssetChange(*one) for one in changes])


class SeenPage(NamedTuple):
    start: int
    carry: Carry
    events: list[SlotEvent]


class SeenHead(NamedTuple):
    page: SeenPage
    today: MachineDay
    applied: int
    hold_basis_points: int | None
    stale_from: int | None


def seen_page(found: Page) -> SeenPage:
    return SeenPage(found.start, found.carry, found.events)


def seen(found: Head | None) -> SeenHead | None:
    if found is None:
        return None
    return SeenHead(
        seen_page(found.page),
        found.today,
        found.applied,
        found.hold_basis_points,
        found.stale_from,
    )


def seen_history(found: History) -> tuple[Any, ...]:
    return (
        seen(found.head),
        [seen_page(page) for _, page in sorted(found.pages.items())],
        found.run_start,
        found.before_run and seen_page(found.before_run),
    )


# --- heads ----------------------------------------------------------------------------------------


def test_nothing_is_known_of_a_machine_never_heard_of(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")

    assert ratings.heads([asset]) == {}
    assert seen_history(ratings.history(asset, START))[0] is None
    assert ratings.machine_days(asset, [DAY]) == {}
    assert ratings.session_tallies(asset, [SessionDay(DAY, "p-81", 0)]) == {}
    assert ratings.machine(asset) is None
    assert ratings.closed_days(asset, 31) == []
    assert ratings.floor(north) == []
    assert ratings.player_sessions(north, "p-81", 500) == []
    assert ratings.commit([]) == []


def test_a_head_is_read_as_it_was_written(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")
    key = SessionDay(DAY, "p-81", START)
    carry = Carry(
        Paytable(326, 25),
        OpenGame(key, None, 40, Paytable(326, 25)),
        Session("p-81", START, START + 5, True, DAY, START, START + 5),
        99_999_999,
        (Unrated(key, 500, 0, 7), Unrated(SessionDay(DAY, None, 0), 0, 3, 0)),
        Paytable(800, 1),
    )
    newest = page(
        3,
        event(START, PaytableReported(9_674, 25, "PT", "G1", 500)),
        event(START + 1, CardInserted(), "p-81"),
        event(START + 2, GameStarted(wager_credits=40, coin_in_meter_credits=7), "p-81"),
        event(START + 3, GameEnded(win_credits=3), "p-81", name="é-\N{SLOT MACHINE}"),
        event(START + 4, MetersReset()),
        carry=carry,
    )
    play = Tally(2**40, 3, 10**15, 10**15, 10**19, 1, 2, -4_096)
    written = Head(newest, MachineDay(DAY, play, START, START + 4), 2**64 - 1, 326, START - PAGE_MS)

    assert write(ratings, (asset, change(written))) == []

    assert seen(ratings.heads([asset])[asset]) == seen(written)
    rating = ratings.machine(asset)
    assert rating is not None
    assert (rating.asset_id, rating.today, rating.hold_basis_points) == ("777", written.today, 326)


def test_absent_stays_absent(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")

    write(ratings, (asset, change(head())))

    stored = ratings.heads([asset])[asset]
    assert (stored.hold_basis_points, stored.stale_from) == (None, None)
    assert (stored.today.first_play, stored.today.last_play) == (None, None)


def test_there_is_a_first_head_only_once(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")

    assert write(ratings, (asset, change(head(1)))) == []
    assert write(ratings, (asset, change(head(2)))) == [asset]

    assert seen(ratings.heads([asset])[asset]) == seen(head(1))


def test_more_heads_are_read_than_one_request_answers(ratings: Ratings, north: str) -> None:
    assets = [Asset(north, str(number)) for number in range(1, 131)]
    write(ratings, *[(asset, change(head(int(asset.asset_id)))) for asset in assets])

    found = ratings.heads([*assets, Asset(north, "999")])

    assert {asset: one.applied for asset, one in found.items()} == {
        asset: int(asset.asset_id) for asset in assets
    }


def test_no_carry_takes_more_than_is_kept_for_it() -> None:
    who = "p" * 64
    key = SessionDay(DAY, who, 10**13)
    game = OpenGame(key, 10**12, 10**12, Paytable(10_000, 10**8), 10**13, 9_999, 10**12)
    largest = Carry(
        Paytable(10_000, 10**8),
        game,
        Session(who, 10**13, 10**13, True, DAY, 10**13, 10**13),
        METER_MODULUS,
        tuple(
            Unrated(SessionDay(DAY, who, 10**13 + n), 10**15, 10**15, 10**15)
            for n in range(MAX_WAITING)
        ),
        Paytable(10_000, 10**8),
        10**13,
        True,
        LastGame(key, 10**12, 10**12, 10**12),
        (10**12, 255),
        9_999,
        tuple((9_999 - n, Paytable(10_000, 10**8)) for n in range(MAX_GAMES)),
        10**13,
    )
    assert len(astuple(largest)) == len(Carry.__struct_fields__)
    assert 13_000 < len(msgspec.msgpack.encode(largest)) < _CARRY_BYTES


# --- who plays ------------------------------------------------------------------------------------


def test_a_seat_is_that_of_the_newest_event(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "5")
    assert ratings.seat(asset) is None
    house = House(day_of)
    seats = []
    history = History(None)
    for after, data, player in (
        (1, PaytableReported(9_000), None),
        (2, CardInserted(), "p-81"),
        (3, HandpayPending(), None),
        (4, HandpayPending(), None),
        (5, GameStarted(100), "p-81"),
        (6, HandpayPending(), None),
        (7, CardRemoved(), "p-81"),
    ):
        change = apply("5", history, [event(START + after, data, player)], house).change
        assert change is not None
        assert ratings.commit([AssetChange(asset, change)]) == []
        history = History(ratings.heads([asset])[asset])
        assert history.head is not None
        seat = ratings.seat(asset)
        assert seat == history.head.seat
        seats.append(seat)

    assert seats == [
        Seat(None, None, None),
        Seat("p-81", START + 2, None),
        Seat("p-81", START + 2, START + 3),
        Seat("p-81", START + 2, START + 3),
        Seat("p-81", START + 2, None),
        Seat("p-81", START + 2, START + 6),
        Seat(None, None, START + 6),
    ]


def test_what_sessions_came_to_is_read_at_once(ratings: Ratings, north: str) -> None:
    assets = [Asset(north, "5"), Asset(north, "6")]
    for asset in assets:
        played = [
            event(START + 1, PaytableReported(9_000)),
            event(START + 2, GameStarted(100), "p-81"),
            event(START + 9, GameEnded(0), "p-81"),
        ]
        change = apply(asset.asset_id, History(None), played, House(day_of)).change
        assert change is not None
        ratings.commit([AssetChange(asset, change)])
    key = SessionDay(day_of(START), "p-81", START + 2)
    another = key._replace(player_id="p-9")

    wins = ratings.session_wins([(asset, one) for asset in assets for one in (key, another)])

    assert wins == {(asset, key): 100_000 for asset in assets}
    as_now = ratings.player_sessions(north, "p-81", 10, as_now=True)
    assert [session.key for session in as_now] == [key, key]


# --- corrections ----------------------------------------------------------------------------------


def test_corrections_are_added_and_read_the_newest_day_first(ratings: Ratings, north: str) -> None:
    asset, other = Asset(north, "777"), Asset(north, "778")
    carded = SessionDay(DAY, "p-81", START)
    earlier = SessionDay("2020-06-10", "p-81", START)
    uncarded = SessionDay(DAY, None, 0)
    causes = ("card.inserted at 5", "game.started at 6")
    late = [
        Correction(earlier, Tally(games=1, gaps=2), PAGE_MS, causes, 7),
        Correction(carded, Tally(games=2, handpaid_cents=-5), PAGE_MS, causes, 7),
        Correction(uncarded, Tally(games=-2), PAGE_MS, causes, 7),
    ]
    made = change(head(applied=3), corrections=late, made_at=START)
    assert write(ratings, (asset, made)) == []
    again = Correction(carded, Tally(games=-2), 2 * PAGE_MS, (), 0)
    write(ratings, (asset, change(head(applied=4), made.head, corrections=[again], made_at=9)))
    write(ratings, (other, change(head(applied=3), corrections=[late[1]])))

    found = ratings.player_corrections(north, "p-81", 10)

    assert [(c.key, c.asset_id, c.difference, c.made_at) for c in found] == [
        (carded, "778", late[1].difference, 0),
        (carded, "777", again.difference, 9),
        (carded, "777", late[1].difference, START),
        (earlier, "777", late[0].difference, START),
    ]
    assert (found[2].causes, found[2].late_events) == (causes, 7)
    assert (found[1].causes, found[1].late_events) == ((), 0)
    (of_machine,) = ratings.machine_corrections(asset, 10)
    assert (of_machine.key, of_machine.difference) == (uncarded, Tally(games=-2))
    assert of_machine.change_id == found[2].change_id
    assert ratings.player_corrections(north, "p-81", 1) == found[:1]
    assert ratings.machine_corrections(other, 10) == []
    # They are no sessions and no days.
    assert ratings.player_sessions(north, "p-81", 10) == []
    assert ratings.closed_days(asset, 10) == []


def test_a_change_that_loses_to_another_leaves_no_correction(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")
    write(ratings, (asset, change(head(applied=1))))
    late = Correction(SessionDay(DAY, "p-81", START), Tally(games=1), 0, (), 1)

    lost = write(ratings, (asset, change(head(applied=2), head(applied=9), corrections=[late])))

    assert lost == [asset]
    assert ratings.player_corrections(north, "p-81", 10) == []


# --- the lock -------------------------------------------------------------------------------------

MOVED_ON: dict[str, tuple[Head, Head | None]] = {
    "it was applied to": (head(2), head(1)),
    "there is none": (head(1), None),
    "a correction began": (head(1, stale_from=START), head(1)),
    "a correction ended": (head(1), head(1, stale_from=START)),
    "a correction went on": (head(1, stale_from=START + PAGE_MS), head(1, stale_from=START)),
}
"""A stored head, and the head that a writer still believes in."""


@pytest.mark.parametrize("case", MOVED_ON)
def test_who_has_read_another_head_writes_nothing(ratings: Ratings, north: str, case: str) -> None:
    asset = Asset(north, "777")
    stored, believed = MOVED_ON[case]
    write(ratings, (asset, change(stored, sessions=[session(1)])))
    late = change(
        head(9),
        believed,
        sealed=[page(-1)],
        closed_day=day("2026-01-14", 9),
        earlier_days={"2026-01-13": day("2026-01-13", 9)},
        sessions=[session(1), session(2), session(3, emptied=True)],
    )

    assert write(ratings, (asset, late)) == [asset]

    assert seen_history(ratings.history(asset, 0))[:2] == (seen(stored), [seen_page(stored.page)])
    assert ratings.closed_days(asset, 31) == []
    assert [found.key.started_at for found in ratings.player_sessions(north, "p-81", 9)] == [1]
    assert ratings.player_sessions(north, "p-81", 9)[0].tally.games == 1


def test_who_has_read_the_head_replaces_it_and_all_that_goes_with_it(
    ratings: Ratings, north: str
) -> None:
    asset = Asset(north, "777")
    write(ratings, (asset, change(head(1, stale_from=START))))
    before = ratings.heads([asset])[asset]
    after = head(2, page=page(1), today=day("2026-01-16", 2))

    conflicting = write(
        ratings,
        (
            asset,
            change(
                after,
                before,
                sealed=[page(0), page(-1)],
                closed_day=day(DAY, 1),
                earlier_days={"2026-01-13": day("2026-01-13", 3)},
                sessions=[session(1)],
            ),
        ),
    )

    assert conflicting == []
    assert seen(ratings.heads([asset])[asset]) == seen(after)
    assert [found.day for found in ratings.closed_days(asset, 31)] == [DAY, "2026-01-13"]
    assert len(ratings.player_sessions(north, "p-81", 9)) == 1
    assert len(ratings.history(asset, 0).pages) == 3


def test_machines_that_conflict_are_named_and_the_others_are_written(
    ratings: Ratings, north: str
) -> None:
    """Who is named was not written, who is not named was; a transaction fails as a whole."""
    assets = [Asset(north, str(number)) for number in range(1, 8)]
    write(ratings, (assets[0], change(head(7))), (assets[5], change(head(7))))
    many = [session(number) for number in range(33)]

    conflicting = write(
        ratings,
        *[
            (asset, change(head(1), sessions=many, sealed=[page(-1)]))
            for asset in assets  # 35 items each: two machines fill a transaction
        ],
    )

    assert {assets[0], assets[5]} <= set(conflicting)
    if isinstance(ratings, DynamoRatings):
        assert set(conflicting) == {assets[n] for n in (0, 1, 4, 5)}, "as few as hold them"
    for asset in assets:
        keys = [one.key for one in many]
        written = asset not in conflicting
        assert len(ratings.session_tallies(asset, keys)) == (33 if written else 0)
        assert (
            len(ratings.history(asset, 0).pages)
            == {
                True: 2,  # the sealed one and the head's
                False: 1 if asset in (assets[0], assets[5]) else 0,
            }[written]
        )
    retried = [(asset, change(head(1), sessions=many)) for asset in (assets[1], assets[4])]
    if isinstance(ratings, DynamoRatings):
        assert write(ratings, *retried) == []


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "pages", "before"),
    [
        (-9, [-3, -2, -1, 0], None),
        (-3, [-3, -2, -1, 0], None),
        (-2, [-2, -1, 0], -3),
        (-1, [-1, 0], -2),
        (0, [0], -1),
    ],
)
def test_history_is_the_pages_since_and_the_one_before(
    ratings: Ratings, north: str, since: int, pages: list[int], before: int | None
) -> None:
    asset, other = Asset(north, "777"), Asset(north, "7770")
    write(
        ratings,
        (asset, change(head(1), sealed=[page(n) for n in (-2, -1, -3)], closed_day=day())),
        (other, change(head(1), sealed=[page(-2)])),
    )
    start = page(since).start

    found = ratings.history(asset, start)

    assert seen_history(found) == (
        seen(head(1)),
        [seen_page(page(number)) for number in pages],
        start,
        None if before is None else seen_page(page(before)),
    )


def test_history_of_more_than_a_query_answers_at_once(ratings: Ratings, north: str) -> None:
    """DynamoDB answers a query with 1 MB at most."""
    asset = Asset(north, "777")
    pages = [
        page(
            -number,
            *[
                event(START - number * PAGE_MS + n, GameStarted(n), name=uuid4().hex + uuid4().hex)
                for n in range(3_500)
            ],
        )
        for number in range(1, 13)
    ]
    stored = head()
    for some in (pages[:6], pages[6:]):
        before = ratings.heads([asset]).get(asset)
        assert write(ratings, (asset, change(stored, before, sealed=some))) == []

    found = ratings.history(asset, 0)

    assert sum(len(one.events) for one in found.pages.values()) == 12 * 3_500 + 1


# --- days -----------------------------------------------------------------------------------------


def test_closed_days_are_read_newest_first_and_by_name(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")
    dates = [f"2026-01-{number:02d}" for number in range(1, 11)]
    play = {date: day(date, games, START + games) for games, date in enumerate(dates)}
    write(ratings, (asset, change(head(), earlier_days=play, sealed=[page(-1)])))

    assert ratings.closed_days(asset, 31) == [play[date] for date in reversed(dates)]
    assert ratings.closed_days(asset, 2) == [play["2026-01-10"], play["2026-01-09"]]
    assert ratings.machine_days(asset, ["2026-01-03", "2025-12-31"]) == {
        "2026-01-03": play["2026-01-03"]
    }


def test_a_closed_day_is_replaced(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")
    write(ratings, (asset, change(head(1), closed_day=day("2026-01-14", 4, START))))

    restated = {"2026-01-14": day("2026-01-14", 5, START - 1)}
    write(ratings, (asset, change(head(2), head(1), earlier_days=restated)))

    assert ratings.closed_days(asset, 31) == [restated["2026-01-14"]]


# --- sessions -------------------------------------------------------------------------------------


def test_what_a_session_gains_is_added(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")
    key = SessionDay(DAY, "p-81", 5)
    write(ratings, (asset, change(head(1), sessions=[session(5, 2, bounds=Bounds(10, 20))])))
    write(ratings, (asset, change(head(2), head(1), sessions=[session(5, 3)])))

    assert ratings.player_sessions(north, "p-81", 9) == [
        PlayerSession(key, "777", Tally(games=5, coin_in_cents=10), 10, 20)
    ]
    write(
        ratings,
        (asset, change(head(3), head(2), sessions=[session(5, -1, bounds=Bounds(15, 30))])),
    )
    assert ratings.player_sessions(north, "p-81", 9) == [
        PlayerSession(key, "777", Tally(games=4, coin_in_cents=15), 15, 30)
    ]
    assert ratings.session_tallies(asset, [key, SessionDay(DAY, "p-81", 6)]) == {
        key: Tally(games=4, coin_in_cents=15)
    }


def test_an_emptied_session_never_was(ratings: Ratings, north: str) -> None:
    asset, other = Asset(north, "777"), Asset(north, "778")
    write(
        ratings,
        (asset, change(head(1), sessions=[session(5), session(6)])),
        (other, change(head(1), sessions=[session(5)])),
    )
    gone = session(5, -1, emptied=True)

    assert write(ratings, (asset, change(head(2), head(1), sessions=[gone]))) == []

    left = ratings.player_sessions(north, "p-81", 9)
    assert [(found.key.started_at, found.asset_id) for found in left] == [(6, "777"), (5, "778")]
    assert ratings.session_tallies(asset, [gone.key]) == {}
    assert write(ratings, (asset, change(head(3), head(2), sessions=[gone]))) == [], "nor later"


def test_a_players_sessions_are_read_newest_first(ratings: Ratings, north: str) -> None:
    slot, table = Asset(north, "777"), Asset(north, "9")
    write(
        ratings,
        (
            slot,
            change(
                head(),
                sessions=[
                    session(900),
                    session(1_000),
                    session(1_000, date="2026-01-16"),
                    session(2_000, player="p-8"),
                    session(2_000, player="p-810"),
                ],
            ),
        ),
        (table, change(head(), sessions=[session(999), session(1_000)])),
    )

    found = ratings.player_sessions(north, "p-81", 9)

    assert [(one.key.day[-2:], one.key.started_at, one.asset_id) for one in found] == [
        ("16", 1_000, "777"),
        ("15", 1_000, "9"),
        ("15", 1_000, "777"),
        ("15", 999, "9"),
        ("15", 900, "777"),
    ]
    assert ratings.player_sessions(north, "p-81", 2) == found[:2]
    assert ratings.player_sessions(f"{north}-2", "p-81", 9) == []


def test_a_day_at_tables_has_the_players_it_was_made_of_last(ratings: Ratings, north: str) -> None:
    def at_tables(day: str, units: int = 10**37) -> TableDay:
        return TableDay(day, 2, 60, units, -4_000, 1)

    many = {f"p-{number}": at_tables("2026-01-15") for number in range(120)}
    ratings.replace_table_day(north, "2026-01-15", many)
    ratings.replace_table_day(north, "2026-01-16", {"p-1": at_tables("2026-01-16", 7)})

    assert ratings.table_days(north, "p-1", 9) == [at_tables("2026-01-16", 7), many["p-1"]]
    assert ratings.table_days(north, "p-1", 1) == [at_tables("2026-01-16", 7)]
    assert ratings.table_days(north, "p-119", 9) == [many["p-119"]]
    assert ratings.table_days(f"{north}-2", "p-1", 9) == []
    ratings.replace_table_day(north, "2026-01-15", {"p-119": at_tables("2026-01-15", 1)})
    assert ratings.table_days(north, "p-1", 9) == [at_tables("2026-01-16", 7)]
    assert ratings.table_days(north, "p-118", 9) == []
    assert ratings.table_days(north, "p-119", 9) == [at_tables("2026-01-15", 1)]
    ratings.replace_table_day(north, "2026-01-15", {})
    assert ratings.table_days(north, "p-119", 9) == []


def test_a_players_sessions_go_on_after_a_place(ratings: Ratings, north: str) -> None:
    slot, table = Asset(north, "777"), Asset(north, "9")
    some = [session(999), session(1_000), session(5, date="2026-01-16")]
    write(ratings, (slot, change(head(), sessions=some)), (table, change(head(), sessions=some)))
    whole = ratings.player_sessions(north, "p-81", 99)
    assert len(whole) == 6

    for number, one in enumerate(whole, 1):
        place = SessionPlace(one.key.day, one.key.started_at, one.asset_id)
        assert ratings.player_sessions(north, "p-81", 99, place) == whole[number:]
        assert ratings.player_sessions(north, "p-81", 2, place) == whole[number : number + 2]
    gone = SessionPlace("2026-01-15", 1_000, "8")
    assert ratings.player_sessions(north, "p-81", 99, gone) == whole[3:], "no need to be there"
    assert ratings.player_sessions(north, "p-82", 99, gone) == []


def test_a_players_day_is_its_sessions_the_earliest_first(ratings: Ratings, north: str) -> None:
    slot, table = Asset(north, "777"), Asset(north, "9")
    dates = ("2026-01-14", DAY, "2026-01-16")
    write(
        ratings,
        (slot, change(head(), sessions=[session(n, date=d) for d in dates for n in (2_000, 30)])),
        (table, change(head(), sessions=[session(30), session(1, player="p-8")])),
    )

    found = ratings.player_day(north, "p-81", DAY)

    assert [(one.key.started_at, one.asset_id) for one in found] == [
        (30, "777"),
        (30, "9"),
        (2_000, "777"),
    ]
    assert ratings.player_day(north, "p-81", "2026-01-1") == []


# --- corrections ----------------------------------------------------------------------------------


def test_corrections_are_read_newest_first_or_of_a_day(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")
    keys = [
        SessionDay(date, player, 0 if player is None else start)
        for date in ("2026-01-14", DAY)
        for player, start in (("p-81", 5), ("p-81", 70), ("p-82", 5), (None, 0))
    ]
    corrections = [
        Correction(key, Tally(games=-1, coin_in_cents=7), START, ("game.started at 9",), 3)
        for key in keys
    ]
    write(ratings, (asset, change(head(17), corrections=corrections, made_at=1_234)))

    found = ratings.player_corrections(north, "p-81", 9)

    assert [(one.key.day[-2:], one.key.started_at) for one in found] == [
        *(("15", 70), ("15", 5)),
        *(("14", 70), ("14", 5)),
    ]
    assert found[0] == StoredCorrection(
        SessionDay(DAY, "p-81", 70),
        "777",
        f"{17:016x}-{START:015d}",
        1_234,
        Tally(games=-1, coin_in_cents=7),
        ("game.started at 9",),
        3,
    )
    assert ratings.player_corrections(north, "p-81", 3) == found[:3]
    assert ratings.player_corrections(north, "p-81", 9, "2026-01-14") == found[2:]
    assert ratings.player_corrections(north, "p-81", 1, "2026-01-14") == found[2:3]
    assert ratings.player_corrections(north, "p-81", 9, "2026-01-13") == []
    uncarded = ratings.machine_corrections(asset, 9)
    assert [one.key for one in uncarded] == [
        SessionDay(DAY, None, 0),
        SessionDay("2026-01-14", None, 0),
    ]
    assert ratings.machine_corrections(asset, 9, DAY) == uncarded[:1]
    assert ratings.machine_corrections(Asset(north, "778"), 9) == []


# --- what a ledger is read from -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "earliest", "expected"),
    [
        (-9, 9, 99, [-3, -2, -1, 0]),
        (-9, 9, 2, [-3, -2]),
        (-9, 9, 3, [-3, -2, -1]),
        (-2, -1, 99, [-2, -1]),
        (-1, 9, 1, [-1]),
        (0, 9, 1, [0]),
        (-1, -1, 1, [-1]),
        (1, 9, 9, []),
        (-9, -4, 9, []),
    ],
)
def test_pages_are_read_in_order_the_head_s_with_them(
    ratings: Ratings, north: str, first: int, last: int, earliest: int, expected: list[int]
) -> None:
    asset, other = Asset(north, "777"), Asset(north, "7770")
    write(
        ratings,
        (asset, change(head(1), sealed=[page(n) for n in (-2, -1, -3)], closed_day=day())),
        (other, change(head(1), sealed=[page(-2)])),
    )

    found = ratings.pages(asset, page(first).start, page(last).start, earliest)

    assert [seen_page(one) for one in found] == [seen_page(page(n)) for n in expected]


def test_a_machine_never_heard_of_has_no_pages_and_no_day(ratings: Ratings, north: str) -> None:
    assert ratings.pages(Asset(north, "777"), 0, 10**15 - 1, 9) == []
    assert ratings.machine_day(Asset(north, "777"), DAY) is None


def test_a_machines_day_is_the_head_s_or_a_closed_one(ratings: Ratings, north: str) -> None:
    asset = Asset(north, "777")
    closed = day("2026-01-14", 7, START)
    write(ratings, (asset, change(head(2), closed_day=closed)))

    assert ratings.machine_day(asset, DAY) == day(games=2)
    assert ratings.machine_day(asset, "2026-01-14") == closed
    assert ratings.machine_day(asset, "2026-01-13") is None


# --- the floor ------------------------------------------------------------------------------------


def test_the_floor_is_all_machines_of_the_property_alone(ratings: Ratings, north: str) -> None:
    numbers = list(map(str, range(1, 60)))
    south = f"{north}-s"
    write(ratings, *[(Asset(north, n), change(head(int(n)))) for n in numbers])
    write(ratings, (Asset(south, "777"), change(head())))
    try:
        floor = ratings.floor(north)

        assert {found.asset_id: found.today.tally.games for found in floor} == {
            number: int(number) for number in numbers
        }
        assert len(floor) == len(numbers)
        if isinstance(ratings, DynamoRatings):
            partitions = {pk for pk, _ in ratings_items.items(north)}
            assert partitions == {f"/floor/{n}" for n in range(FLOOR_PARTITIONS)}
    finally:
        if isinstance(ratings, DynamoRatings):
            ratings_items.forget(south)


# --- transactions ---------------------------------------------------------------------------------


def test_a_hundred_items_of_a_machine_are_one_transaction(
    dynamo: DynamoRatings, north: str
) -> None:
    asset = Asset(north, "777")
    fits = [session(number) for number in range(TRANSACTION_ITEMS - 1)]

    assert write(dynamo, (asset, change(head(), sessions=fits))) == []

    assert len(ratings_items.items(north)) == TRANSACTION_ITEMS


def test_a_change_of_more_items_than_a_transaction_takes_is_refused(
    dynamo: DynamoRatings, north: str
) -> None:
    small, large = Asset(north, "1"), Asset(north, "2")
    too_many = [session(number) for number in range(TRANSACTION_ITEMS)]

    with pytest.raises(UnstorableChange) as refusal:
        write(dynamo, (small, change(head())), (large, change(head(), sessions=too_many)))

    assert refusal.value.asset == large
    assert not any("player" in pk for pk, _ in ratings_items.items(north))


def noise(number: int) -> list[SlotEvent]:
    """Events that hardly compress."""
    return [event(START + n, GameStarted(n), name=uuid4().hex + uuid4().hex) for n in range(number)]


def test_a_page_larger_than_an_item_may_be_is_refused(dynamo: DynamoRatings, north: str) -> None:
    """It must not be tried for ever: it would hold up its shard."""
    asset = Asset(north, "777")

    with pytest.raises(UnstorableChange) as refusal:
        write(dynamo, (asset, change(head(page=page(0, *noise(12_000))))))

    assert refusal.value.asset == asset
    assert ratings_items.items(north) == {}


def test_large_pages_are_written_in_more_transactions(dynamo: DynamoRatings, north: str) -> None:
    """A transaction takes 4 MB."""
    assets = [Asset(north, str(number)) for number in range(1, 15)]
    newest = page(0, *noise(8_000))

    assert write(dynamo, *[(asset, change(head(page=newest))) for asset in assets]) == []

    assert dynamo.heads(assets).keys() == set(assets)


def test_a_refusal_that_is_no_conflict_is_raised(dynamo: DynamoRatings, north: str) -> None:
    nowhere = DynamoRatings(f"{north}-no-table", "us-east-1")

    with pytest.raises(ClientError):
        write(nowhere, (Asset(north, "777"), change(head())))


# --- both alike -----------------------------------------------------------------------------------

HOUR = 3_600_000
ASSETS = ("777", "778")
PLAYERS = ("p-1", "p-2")


def day_of(moment: int) -> str:
    """A gaming day of one hour, whose start does not fall on that of a page."""
    return f"day-{(moment - START + 100_000) // HOUR:02d}"


class Delivery(NamedTuple):
    """Events of machines, and whether the rater that gets them has forgotten all."""

    events: list[tuple[str, SlotEvent]]
    cold: bool


@st.composite
def play(draw: st.DrawFn) -> list[tuple[str, SlotEvent]]:
    """What happens at some machines within three gaming days."""
    kinds: list[SlotData] = [
        GameStarted(100),
        GameStarted(wager_credits=4, coin_in_meter_credits=100),
        GameEnded(win_cents=40),
        GameEnded(),
        PaytableReported(9_200, 25),
        PaytableReported(9_000),
        CardInserted(),
        CardRemoved(),
        MetersReset(),
    ]
    count = draw(st.integers(1, 40))
    events = []
    for number in range(count):
        data = draw(st.sampled_from(kinds))
        player = draw(st.sampled_from(PLAYERS if type(data) in CARDS else (None, *PLAYERS)))
        moment = START + draw(st.integers(0, 150)) * 60_000 + number
        events.append(
            (draw(st.sampled_from(ASSETS)), event(moment, data, player, name=f"n-{number}"))
        )
    return events


CARDS = (CardInserted, CardRemoved)


@st.composite
def deliveries(draw: st.DrawFn) -> list[Delivery]:
    """The same play in any order, some of it again, in batches, to raters warm and cold."""
    played = draw(play())
    again = draw(st.lists(st.sampled_from(played), max_size=5))
    waiting = draw(st.permutations([*played, *again]))
    result = []
    while waiting:
        size = draw(st.integers(1, max(1, len(waiting) // 2 + 3)))
        result.append(Delivery(list(waiting[:size]), draw(st.booleans())))
        waiting = waiting[size:]
    return result


def rated(ratings: Ratings, property_id: str, given: Sequence[Delivery]) -> Iterator[Any]:
    """What every read says after each delivery."""
    make: Callable[[], RatePlayers] = partial(
        RatePlayers,
        ratings,
        lambda _: House(day_of),
        lambda attempt: None,
        lambda: 0,
    )
    rate = make()
    assets = [Asset(property_id, asset_id) for asset_id in ASSETS]
    for delivery in given:
        rate = make() if delivery.cold else rate
        outcome = rate(
            [
                SlotBatch(BatchHeader(property_id, asset_id, START, "gateway-1", "pitboss"), [one])
                for asset_id, one in delivery.events
            ]
        )
        heads = ratings.heads(assets)
        yield {
            "outcome": (outcome.received, outcome.rated, outcome.duplicate, outcome.quarantined),
            "heads": {asset.asset_id: seen(heads.get(asset)) for asset in assets},
            "histories": [
                [tuple(one) for one in seen_history(ratings.history(asset, START + HOUR))[1]]
                for asset in assets
                if asset in heads
            ],
            "closed days": [ratings.closed_days(asset, 31) for asset in assets],
            "floor": sorted(map(msgspec.to_builtins, ratings.floor(property_id)), key=repr),
            "sessions": [ratings.player_sessions(property_id, player, 500) for player in PLAYERS],
        }


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given_=deliveries())
def test_rating_over_the_table_and_over_memory_reads_the_same(
    dynamo: DynamoRatings, given_: list[Delivery]
) -> None:
    property_id = f"test-{uuid4().hex[:12]}"
    try:
        over_table = rated(dynamo, property_id, given_)
        over_memory = rated(MemoryRatings(), property_id, given_)
        for from_table, from_memory in zip(over_table, over_memory, strict=True):
            assert from_table == from_memory
    finally:
        ratings_items.forget(property_id)

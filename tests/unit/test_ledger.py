"""The ledger: what its lines add up to is what is stored, and each says the rule that made it."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.slot import (
    CardInserted,
    CardRemoved,
    EventsOverflowed,
    GameEnded,
    GameSelected,
    GameStarted,
    HandpayReported,
    PaytableReported,
    SlotData,
    SlotEvent,
)
from pitboss.rating import reading
from pitboss.rating.fold import (
    GameNote,
    Gap,
    GapNote,
    HandpayNote,
    House,
    RatedNote,
    SessionDay,
    SessionNote,
    Tally,
)
from pitboss.rating.history import PAGE_MS
from pitboss.rating.ledger import Rule, added_by, idle_minutes, is_same_money
from pitboss.stores.ratings import Asset
from rate_players.service import RatePlayers
from read_ratings import ledgers, service
from read_ratings.ledgers import GameLine, LedgerDocument, LedgerPosition, Part, SessionLine
from tests.unit import test_history
from workbench.memory import MemoryRatings

START = test_history.START
SLOT = Asset("north", "777")
MINUTE = 60_000
NOW = START + 10**10


def day_of(moment: int) -> str:
    """A gaming day of a thousand minutes."""
    return f"d{(moment - START) // (1_000 * MINUTE)}"


HOUSE = House(day_of)


def event(minute: float, data: SlotData, player: str | None = None) -> SlotEvent:
    moment = START + round(minute * MINUTE)
    return SlotEvent(f"{type(data).__name__}-{moment}", moment, moment % 10**6, player, data)


def game(
    minute: float, player: str | None = "p", wager: int = 100, win: int = 0
) -> list[SlotEvent]:
    """A game of five seconds."""
    return [
        event(minute, GameStarted(wager), player),
        event(minute + 1 / 12, GameEnded(win), player),
    ]


PAYTABLE = event(0, PaytableReported(9_000))


def rated(*batches: Sequence[SlotEvent], house: House = HOUSE) -> MemoryRatings:
    """A store of what one machine's batches come to."""
    ratings = MemoryRatings()
    rate = RatePlayers(ratings, lambda _: house, lambda attempt: None, lambda: NOW)
    for events in batches:
        header = BatchHeader(*SLOT, START, "gateway-1", "pitboss")
        rate([SlotBatch(header, list(events), 0)])
    return ratings


def all_of(day: str | None = None, after: int = 0, limit: int = 10**6) -> Part:
    position = LedgerPosition(day or "", after) if after else None
    return Part(day, limit, position, lambda where: f"{where.day}+{where.after}")


def of_player(
    ratings: MemoryRatings, player: str = "p", day: str | None = None, house: House = HOUSE
) -> LedgerDocument:
    document = ledgers.player(ratings, house, "north", player, all_of(day))
    assert document is not None
    return document


def of_machine(
    ratings: MemoryRatings, day: str | None = None, house: House = HOUSE
) -> LedgerDocument:
    document = ledgers.machine(ratings, house, SLOT, all_of(day))
    assert document is not None
    return document


def lines(document: LedgerDocument) -> list[tuple[str, str]]:
    """Kind and rule of each line."""
    return [
        (
            ("ended" if line.ended else "began")
            if isinstance(line, SessionLine)
            else str(line.__struct_config__.tag),
            str(line.rule),
        )
        for line in document.lines
    ]


# --- what lines add up to -------------------------------------------------------------------------


@given(st.data(), test_history.play())
@settings(max_examples=150, deadline=None)
def test_lines_add_up_to_the_stored_totals_however_it_was_delivered(
    data: st.DataObject, events: list[SlotEvent]
) -> None:
    house = test_history.HOUSE
    ratings = rated(*data.draw(test_history.batches(events)), house=house)
    players = {session.key.player_id for _, session in ratings.sessions}
    for player in players:
        days = {
            session.key.day for _, session in ratings.sessions if session.key.player_id == player
        }
        days |= {c.key.day for c in ratings.player_corrections("north", player or "", 10**6)}
        for day in days:
            document = of_player(ratings, player or "", day, house)
            stored = [s.tally for s in ratings.player_day("north", player or "", day)]
            check(document, stored)
            for session in document.sessions:
                assert session.lines == session.stored
    machine = ratings.machine(SLOT)
    days = {day.day for day in ratings.closed_days(SLOT, 10**6)}
    for day in days | ({machine.today.day} if machine else set()):
        totals = ratings.machine_day(SLOT, day)
        assert totals is not None
        check(of_machine(ratings, day, house), [totals.tally])


def check(document: LedgerDocument, stored: Iterable[Tally]) -> None:
    sums = Tally()
    for tally in stored:
        sums.add(tally)
    assert document.total.agrees
    assert not document.truncated
    assert document.total.lines == document.total.stored == service.amounts(sums)
    assert document.total.line_count == len(document.lines)
    numbers = [line.number for line in document.lines]
    assert numbers == list(range(1, len(numbers) + 1))


KEY = SessionDay("d0", "p", START)
GAME = GameNote(KEY, START, START + 5, 0, 500, 120, 20, 326, 163_000, 0)


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (
            GAME,
            {
                **{"games": 1, "coin_in_cents": 500, "coin_out_cents": 120},
                **{"theoretical_win": 163_000, "handpaid_cents": 20},
            },
        ),
        (
            GameNote(KEY, None, START, 0, 0, 7, 0, 326, 0, 0),
            {"incomplete_games": 1, "coin_out_cents": 7},
        ),
        (
            GameNote(KEY, START, None, 0, 50, 0, 0, None, 0, 3),
            {
                **{"incomplete_games": 1, "coin_in_cents": 50},
                **{"unrated_coin_in_cents": 50, "unvalued_credits": 3},
            },
        ),
        (HandpayNote(KEY, START, 900, 700), {"coin_out_cents": 700, "handpaid_cents": 900}),
        (
            RatedNote(KEY, START, 75, 25, 10, 1_000, 75_000),
            {
                **{"coin_in_cents": 25, "coin_out_cents": 10, "theoretical_win": 75_000},
                "unrated_coin_in_cents": -50,
            },
        ),
        (GapNote(KEY, START, Gap(0, -300, False)), {"gaps": 1, "meter_difference_cents": -300}),
        (SessionNote("p", START, START), {}),
    ],
)
def test_what_a_line_adds(note: Any, expected: dict[str, int]) -> None:
    assert added_by(note) == Tally(**expected)


def test_money_is_compared_and_what_has_no_value_yet_is_not() -> None:
    assert is_same_money(Tally(coin_in_cents=5, unvalued_credits=7), Tally(coin_in_cents=5))
    for name in Tally.__struct_fields__:
        same = is_same_money(Tally(**{name: 1}), Tally())
        assert same is (name == "unvalued_credits")


# --- rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [event(1, CardInserted(), "p"), *game(2), event(3, CardRemoved(), "p")],
            [("began", "card in"), ("game", "named"), ("ended", "card out")],
            id="a card",
        ),
        pytest.param(
            [*game(2), *game(3)],
            [("began", "first game"), ("game", "named"), ("game", "named")],
            id="no card-in, and it goes on",
        ),
        pytest.param(
            [event(1, CardInserted(), "p"), *game(2, None), *game(3)],
            [("began", "card in"), ("game", "card"), ("game", "named")],
            id="the card reached the gateway late",
        ),
        pytest.param(
            [*game(2), *game(40, None)],
            [("began", "first game"), ("game", "named"), ("ended", "idle")],
            id="an abandoned card",
        ),
        pytest.param(
            [*game(2), event(3, CardInserted(), "q")],
            [("began", "first game"), ("game", "named"), ("ended", "another card")],
            id="another card",
        ),
        pytest.param(
            [*game(2), *game(3, "q")],
            [("began", "first game"), ("game", "named"), ("ended", "another player")],
            id="another player",
        ),
        pytest.param(
            [*game(2), *game(3, None)],
            [("began", "first game"), ("game", "named"), ("ended", "uncarded play")],
            id="uncarded play",
        ),
        pytest.param(
            [*game(2), event(3, HandpayReported(500))],
            [("began", "first game"), ("game", "named"), ("handpay", "paid after its game")],
            id="a hand-pay after its game",
        ),
        pytest.param(
            [
                event(1, GameStarted(100, 100), "p"),
                event(2, GameStarted(100, 350), "p"),
                event(3, EventsOverflowed()),
                event(4, GameStarted(100, 450), "p"),
                event(5, GameEnded(0), "p"),
            ],
            [
                *(("began", "first game"), ("game", "named"), ("gap", "meter")),
                *(("game", "named"), ("gap", "events overflowed"), ("game", "named")),
            ],
            id="gaps",
        ),
        pytest.param(
            [event(1, CardInserted(), "p"), *game(2), event(3, GameEnded(50), "p")],
            [("began", "card in"), ("game", "named"), ("game", "named")],
            id="an end without a start",
        ),
        pytest.param(
            [event(1, CardInserted(), "p"), event(3, GameEnded(50))],
            [("began", "card in"), ("game", "card")],
            id="an end without a start that names nobody",
        ),
    ],
)
def test_the_rule_of_each_line(events: list[SlotEvent], expected: list[tuple[str, str]]) -> None:
    document = of_player(rated([PAYTABLE, *events]))

    assert lines(document) == expected
    assert document.total.agrees
    (session,) = document.sessions
    assert session.began_by == expected[0][1]
    assert session.ended_by == (expected[-1][1] if expected[-1][0] == "ended" else None)


def test_every_reason_of_the_fold_is_a_rule() -> None:
    """`Fold` ends a session with a word, and `Rule` has to know it."""
    reasons = {"another card", "card out", "idle", "uncarded play", "another player"}

    assert {Rule(reason).value for reason in reasons} == reasons


def test_a_game_is_told_with_its_hold_number_and_money() -> None:
    document = of_player(
        rated(
            [
                PAYTABLE,
                event(0.1, PaytableReported(9_674, 1, game_number=3)),
                event(0.2, GameSelected(3)),
                event(1, GameStarted(500), "p"),
                event(1.1, HandpayReported(900)),
                event(1.2, GameEnded(120), "p"),
            ]
        )
    )

    (line,) = [line for line in document.lines if isinstance(line, GameLine)]
    assert line == GameLine(
        number=2,
        asset_id="777",
        player_id="p",
        session_started_at=START + MINUTE,
        rule="named",
        started_at=START + MINUTE,
        ended_at=START + 72_000,
        game_number=3,
        coin_in_cents=500,
        coin_out_cents=900,
        handpaid_cents=900,
        hold_basis_points=326,
        theoretical_win="0.163",
        unvalued_credits=0,
    )


@pytest.mark.parametrize(("of_day", "minutes"), [({"d0": 5}, 5), ({"d0": 5, "d1": 45}, 5)])
def test_an_idle_session_says_the_time_out_of_the_day_it_was_last_played_in(
    of_day: dict[str, int], minutes: int
) -> None:
    house = House(day_of, lambda day: of_day.get(day, 30) * MINUTE)
    document = of_player(
        rated([PAYTABLE, *game(997), *game(1_200, None)], house=house), house=house
    )

    (end,) = [line for line in document.lines if isinstance(line, SessionLine) and line.ended]
    assert end.idle_minutes == minutes
    assert end.at == START + round((997 + 1 / 12 + minutes) * MINUTE)


def test_only_an_idle_session_has_a_time_out() -> None:
    assert idle_minutes(SessionNote("p", 0, 9, "card out"), HOUSE) is None


# --- days, pages and what is missing --------------------------------------------------------------


def test_a_session_over_the_end_of_a_day_says_how_it_began_in_both() -> None:
    ratings = rated([PAYTABLE, event(990, CardInserted(), "p"), *game(995), *game(1_001)])

    for day in ("d0", "d1"):
        document = of_player(ratings, day=day)
        assert lines(document) == [("began", "card in"), ("game", "named")]
        assert document.total.lines.games == 1
        assert document.gaming_day == day


def test_without_a_day_it_is_the_newest() -> None:
    ratings = rated([PAYTABLE, *game(2), *game(1_001, wager=700)])

    assert of_player(ratings).gaming_day == of_machine(ratings).gaming_day == "d1"
    assert of_player(ratings).total.lines.coin_in_cents == 700


def test_a_game_that_ends_much_later_is_a_line_of_its_session() -> None:
    ratings = rated(
        [PAYTABLE, event(2, GameStarted(100), "p"), event(300, GameEnded(60), "p"), *game(900, "q")]
    )

    document = of_player(ratings)
    assert document.total.agrees
    assert document.total.lines.coin_out_cents == 60
    assert lines(document)[-1] == ("ended", "idle")


def test_a_hand_pay_long_after_the_session_is_a_line_of_it() -> None:
    ratings = rated(
        [
            *(PAYTABLE, *game(2), event(3, CardRemoved(), "p")),
            *(event(120, HandpayReported(5_000)), *game(200, None)),
        ]
    )

    document = of_player(ratings)

    assert document.total.agrees
    assert lines(document)[-1] == ("handpay", "paid after its game")
    assert document.total.lines.handpaid_cents == 5_000


def test_play_rated_days_later_is_found_among_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MAX_PAGES", 40)
    uncarded = [one for n in range(300) for one in game(100 + 6 * n, None)]
    paytable = event(1_003, PaytableReported(9_000))
    ratings = rated([*game(2), *uncarded, paytable])

    document = of_player(ratings, day="d0")

    assert not document.truncated
    assert lines(document)[-1] == ("rated", "first paytable")
    assert document.total.lines.theoretical_win == "0.10"
    assert document.total.agrees


def test_play_that_is_not_rated_yet_says_so() -> None:
    document = of_player(rated([*game(2), *game(60, None)]))

    assert document.total.agrees
    assert document.total.lines.unrated_coin_in_cents == 100
    (line,) = [line for line in document.lines if isinstance(line, GameLine)]
    assert line.hold_basis_points is None


def test_more_play_than_a_ledger_is_read_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MAX_PAGES", 3)
    ratings = rated([PAYTABLE, *[one for n in range(5) for one in game(2 + 6 * n)]])

    document = of_player(ratings)

    assert document.truncated
    assert not document.total.agrees
    assert (document.total.lines.games, document.total.stored.games) == (3, 5)


@pytest.mark.parametrize("pages_a_query", [1, 2, 60])
def test_pages_are_read_in_any_portions(
    pages_a_query: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGES_A_QUERY", pages_a_query)
    ratings = rated([PAYTABLE, *[one for n in range(4) for one in game(2 + 6 * n)]])

    assert of_player(ratings).total.agrees
    assert of_machine(ratings).total.agrees


def test_only_as_many_pages_are_read_as_may_have_lines() -> None:
    ratings = rated(
        [
            PAYTABLE,
            *game(2),
            event(3, CardRemoved(), "p"),
            *[one for n in range(100) for one in game(10 + 6 * n, None)],
        ]
    )
    read: list[int] = []

    class Counted(reading.LedgerReader):
        def _may_read(self) -> bool:
            read.append(1)
            return super()._may_read()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledgers, "LedgerReader", Counted)
        assert of_player(ratings).total.agrees

    assert len(read) <= 3, "the session's page, and the next with the game that settles its last"


def test_a_player_that_went_on_playing_meanwhile_is_read_once_more() -> None:
    ratings = rated([PAYTABLE, *game(2)])
    rate = RatePlayers(ratings, lambda _: HOUSE, lambda attempt: None, lambda: NOW)
    pages = ratings.pages
    reads: list[int] = []

    def pages_after_another_game(*arguments: Any) -> Any:
        if not reads:
            header = BatchHeader(*SLOT, START, "gateway-1", "pitboss")
            rate([SlotBatch(header, game(3), 0)])
        reads.append(1)
        return pages(*arguments)

    ratings.pages = pages_after_another_game  # type: ignore[assignment]

    document = of_player(ratings)

    assert document.total.agrees
    assert document.total.stored.games == 2


def test_a_page_of_a_ledger_goes_on_where_the_one_before_ended() -> None:
    ratings = rated([PAYTABLE, *[one for n in range(5) for one in game(2 + n)]])
    whole = of_player(ratings)
    shown: list[Any] = []
    part: Part = all_of("d0", limit=4)
    while True:
        document = ledgers.player(ratings, HOUSE, "north", "p", part)
        assert document is not None
        assert (document.total, document.sessions) == (whole.total, whole.sessions)
        shown += document.lines
        if document.next is None:
            break
        assert document.next == f"d0+{len(shown)}"
        part = all_of("d0", after=len(shown), limit=4)

    assert shown == whole.lines


def test_what_there_is_not() -> None:
    ratings = rated([PAYTABLE, *game(2)])

    assert ledgers.player(ratings, HOUSE, "north", "q", all_of()) is None
    assert ledgers.player(ratings, HOUSE, "south", "p", all_of()) is None
    assert ledgers.player(ratings, HOUSE, "north", "p", all_of("d7")) is None
    assert ledgers.machine(ratings, HOUSE, Asset("north", "778"), all_of()) is None
    assert ledgers.machine(ratings, HOUSE, SLOT, all_of("d7")) is None


# --- machines -------------------------------------------------------------------------------------


def test_a_machine_s_ledger_has_everybody_s_play_and_their_sessions() -> None:
    ratings = rated(
        [
            *(PAYTABLE, *game(2, None)),
            *(event(3, CardInserted(), "p"), *game(4), event(5, CardRemoved(), "p")),
            *(event(6, CardInserted(), "q"), event(7, CardRemoved(), "q")),
            *game(1_001, None),
        ]
    )

    document = of_machine(ratings, "d0")

    assert lines(document) == [
        ("game", "uncarded"),
        *(("began", "card in"), ("game", "named"), ("ended", "card out")),
        *(("began", "card in"), ("ended", "card out")),
    ]
    assert [(s.player_id, s.lines.games) for s in document.sessions] == [(None, 1), ("p", 1)]
    assert document.total.agrees
    assert document.asset_id == "777"


# --- corrections ----------------------------------------------------------------------------------


def corrected() -> MemoryRatings:
    """Two uncarded games, found a quarter of an hour later to be a player's."""
    return rated(
        [PAYTABLE, *game(2, None), *game(3, None), *game(30, None)],
        [event(1, CardInserted(), "p"), event(4, CardRemoved(), "p")],
    )


def test_a_late_card_is_a_correction_that_names_what_it_corrects() -> None:
    document = of_player(corrected())

    (entry,) = document.corrections
    assert (entry.gaming_day, entry.asset_id, entry.player_id) == ("d0", "777", "p")
    assert entry.session_started_at == START + MINUTE
    assert (entry.made_at, entry.late_events) == (NOW, 2)
    assert [(e.event_type, e.occurred_at) for e in entry.because] == [
        ("card.inserted", START + MINUTE),
        ("card.removed", START + 4 * MINUTE),
    ]
    assert entry.difference.games == 2
    (session,) = document.sessions
    assert session.stored is not None
    assert session.posted_first is not None
    assert session.corrected is not None
    assert (session.posted_first.games, session.corrected.games, session.stored.games) == (0, 2, 2)
    assert (document.total.posted_first, document.total.corrected) == (
        session.posted_first,
        session.corrected,
    )


def test_a_machine_s_uncarded_play_was_corrected_too() -> None:
    document = of_machine(corrected())

    uncarded = next(s for s in document.sessions if s.player_id is None)
    assert uncarded.posted_first is not None
    assert uncarded.corrected is not None
    assert (uncarded.posted_first.games, uncarded.corrected.games) == (3, -2)
    assert uncarded.lines.games == 1
    assert [entry.player_id for entry in document.corrections] == [None]


def test_a_session_that_was_corrected_away_is_told() -> None:
    ratings = rated(
        [PAYTABLE, event(1, CardInserted(), "p"), *game(2, None), *game(30, None)],
        [event(1.5, CardRemoved(), "p")],
    )
    assert ratings.player_day("north", "p", "d0") == []

    document = of_player(ratings, day="d0")

    (session,) = document.sessions
    assert session.posted_first is not None
    assert (session.posted_first.games, session.line_count) == (1, 0)
    assert session.stored == document.total.stored == service.amounts(Tally())
    assert document.total.agrees
    assert document.lines == []


def test_pages_reach_no_further_than_a_key_can_say() -> None:
    assert len(str(reading.FAR)) == 15
    assert reading.FAR > START + PAGE_MS

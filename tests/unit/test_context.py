"""The context of a decision: each feature, in bands and in words."""

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pitboss.events.player import ChangeKind
from pitboss.offers.catalogue import Kind, Machine
from pitboss.offers.context import (
    FEATURES,
    PlayerFacts,
    Situation,
    VisitDay,
    context_hash,
    context_of,
    facts_of,
    in_words,
)
from pitboss.offers.issued import IssuedOffer, Status, Step
from pitboss.rating.fold import SessionDay, Tally
from pitboss.rating.house_rules import shipped
from pitboss.rating.players import profile
from pitboss.rating.tables import TableDay
from pitboss.stores.ratings import PlayerSession
from workbench.proof.offers import DAY, NOON, change

HOUR = 3_600_000
DOLLAR = 1_000_000
"""In ten-thousandths of a cent."""

NOBODY = PlayerFacts(None, None, None, (), 0, None, None)


def situation(
    facts: PlayerFacts = NOBODY,
    machine: Machine = Machine(),  # noqa: B008 - frozen
    offers: tuple[IssuedOffer, ...] = (),
    now: int = NOON,
    **of_change: Any,
) -> Situation:
    changed = change("p-1", "1001", **of_change)
    return Situation(changed, facts, machine, offers, NOON - 6 * HOUR, now)


def visits(*days_ago: int) -> tuple[VisitDay, ...]:
    today = date.fromisoformat(DAY)
    return tuple(
        VisitDay((today - timedelta(days)).isoformat(), DOLLAR)
        for days in sorted(days_ago, reverse=True)
    )


def test_of_a_player_nothing_is_known_of_everything_is_said() -> None:
    found = context_of(situation())

    assert list(found) == [feature.name for feature in FEATURES]
    assert (
        found
        | {
            "worth": "unknown",
            "segment": "unknown",
            "tier": "none",
            "visits": "<1",
            "days_away": "first visit",
            "usual_weekday": "none",
            "weekday": "Thursdays",
            "time": "late morning",
            "trip_day": "<1",
            "session_minutes": "<5",
            "average_bet": "unknown",
            "pace": "unknown",
            "game": "unknown",
            "zone": "unknown",
            "accepted_meal": "0",
            "declined_meal": "0",
        }
        == found
    )


@pytest.mark.parametrize(
    ("name", "facts", "category", "words"),
    [
        ("worth", {"worth": 0}, "<5", "is worth $<5 a day"),
        ("worth", {"worth": 5 * DOLLAR}, "5-9", "is worth $5-9 a day"),
        ("worth", {"worth": 1_000 * DOLLAR}, "1000+", "is worth $1000+ a day"),
        ("segment", {"segment": "high"}, "high", "is of the high segment"),
        ("tier", {"tier": "gold"}, "gold", "has tier gold"),
        ("visits", {"visits": visits(0)}, "1", "has played on 1 days"),
        ("visits", {"visits": visits(*range(9))}, "8-15", "has played on 8-15 days"),
        ("days_away", {"visits": visits(0)}, "first visit", "is here for the first time"),
        ("days_away", {"visits": visits(0, 1)}, "1", None),
        ("days_away", {"visits": visits(40)}, "31+", None),
        ("usual_weekday", {"visits": visits(7, 14, 21)}, "none", None),
        ("usual_weekday", {"visits": visits(7, 14, 21, 22)}, "Thursdays", "visits on Thursdays"),
        ("usual_weekday", {"visits": visits(0, 9, 16, 2, 3, 4)}, "Tuesdays", "visits on Tuesdays"),
        ("usual_weekday", {"visits": visits(0, 2, 3, 4, 5)}, "none", None),
        ("trip_day", {"trip_days": 1}, "1", None),
        ("trip_day", {"trip_days": 2}, "2", "is on day 2 of a trip"),
        ("trip_day", {"trip_days": 9}, "4+", "is on day 4+ of a trip"),
        ("average_bet", {"average_bet": 499_999}, "<50", "bets <50 cents a game"),
        ("average_bet", {"average_bet": 100 * 10_000}, "100-199", "bets 100-199 cents a game"),
        ("pace", {"games_per_hour": 59_999}, "400-599", None),
    ],
)
def test_facts_of_a_player_are_banded_and_told(
    name: str, facts: dict[str, Any], category: str, words: str | None
) -> None:
    found = context_of(situation(replace(NOBODY, **facts)))

    assert found[name] == category
    assert in_words(name, category) == words


@pytest.mark.parametrize(
    ("hours", "time"),
    [
        (-1, "first hours"),
        (0, "first hours"),
        (4, "late morning"),
        (23, "last hours"),
        (30, "last hours"),
    ],
)
def test_the_time_is_of_the_gaming_day(hours: int, time: str) -> None:
    """A day of 25 hours ends with its last hours, and clocks that disagree do no harm."""
    now = NOON - 6 * HOUR + hours * HOUR

    assert context_of(situation(now=now))["time"] == time


def test_session_and_machine_are_told() -> None:
    found = context_of(
        situation(
            machine=Machine("high limit", "dollar video poker"),
            kind=ChangeKind.WORTH_CROSSED,
            session_started_at=NOON - 35 * 60_000,
            theoretical_win=30 * DOLLAR,
        )
    )

    assert found["trigger"] == "worth.crossed"
    assert found["session_minutes"] == "30-59"
    assert found["session_worth"] == "25-49"
    assert in_words("game", found["game"]) == "plays dollar video poker"
    assert in_words("zone", found["zone"]) is None


def made(kind: Kind, *steps: Status) -> IssuedOffer:
    return IssuedOffer(
        offer_id="1767900000000-0123456789abcdef",
        property_id="north",
        player_id="p-1",
        asset_id="1001",
        code=str(kind).replace("_", "-"),
        name="An offer",
        text="For you",
        kind=kind,
        cost_cents=500,
        catalogue_version="0" * 16,
        gaming_day=DAY,
        valid_minutes=30,
        status=steps[-1],
        decided_at=1,
        expires_at=2,
        reasons=(),
        steps=tuple(Step(status, 1, "game") for status in steps),
    )


def test_preferences_are_what_was_said_to_earlier_offers() -> None:
    accepted = (Status.DECIDED, Status.DELIVERED, Status.ACCEPTED)
    offers = (
        made(Kind.MEAL, *accepted, Status.REDEEMED),
        made(Kind.MEAL, *accepted, Status.EXPIRED),
        made(Kind.FREE_PLAY, Status.DECIDED, Status.DELIVERED, Status.DECLINED),
        made(Kind.SHOW, Status.DECIDED, Status.EXPIRED),
    )

    found = context_of(situation(offers=offers))

    assert (found["accepted_meal"], found["declined_meal"]) == ("2", "0")
    assert (found["accepted_free_play"], found["declined_free_play"]) == ("0", "1")
    assert (found["accepted_show"], found["declined_show"]) == ("0", "0")
    assert in_words("accepted_meal", "2") == "meal accepted twice"
    assert in_words("accepted_meal", "3+") == "meal accepted three times or more"
    assert in_words("declined_free_play", "1") == "free play declined once"
    assert in_words("accepted_meal", "0") is None


def test_a_name_that_is_no_feature_has_no_words() -> None:
    assert in_words("shoe_size", "44") is None


def test_a_hash_is_of_the_content_alone() -> None:
    found = context_of(situation())

    assert context_hash(dict(reversed(found.items()))) == context_hash(found)
    assert context_hash({**found, "tier": "gold"}) != context_hash(found)


def test_facts_of_a_profile_are_of_machines_and_tables() -> None:
    sessions = [
        PlayerSession(
            SessionDay(day, "p-1", NOON),
            "1001",
            Tally(games=100, coin_in_cents=50_000, theoretical_win=10 * DOLLAR),
            NOON,
            NOON + HOUR,
        )
        for day in ("2026-01-07", DAY)
    ]
    at_tables = [TableDay(DAY, 1, 60, 600_000_000 * 5, 0, 0)]
    rules = shipped().of("north")

    found = facts_of(profile(sessions, rules, DAY, at_tables), worth_by_mean=True)

    assert found.visits == (
        VisitDay("2026-01-07", 10 * DOLLAR),
        VisitDay(DAY, 15 * DOLLAR),
    )
    assert found.worth == 12_500_000
    assert found.worth_cents == 1_250
    assert found.trip_days == 2
    assert found.average_bet == 500 * 10_000
    assert found.theoretical_win(DAY) == 15 * DOLLAR
    trimmed = facts_of(profile(sessions, rules, DAY, at_tables), worth_by_mean=False)
    assert trimmed.visits == found.visits

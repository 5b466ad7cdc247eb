"""What a score of risk sees of play: numbers worked out by hand."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import fields

from pitboss.players.features import (
    FEATURES,
    PAUSE_MS,
    SESSION_GAP_MS,
    After,
    Behaviour,
    Game,
    Shown,
    Visits,
    behaviour_of,
    values,
)

pytestmark = pytest.mark.unit

SECOND = 1_000


def played(*games: tuple[int, int, bool], start: int = 0, lasts: int = 3 * SECOND) -> list[Game]:
    """Games, each by the wait before it (ms), its stake (cents) and whether it won."""
    found, now = [], start
    for wait, stake, won in games:
        now += wait
        found.append(Game(now, now + lasts, stake, won))
        now += lasts
    return found


def named(behaviour: Behaviour) -> dict[str, float | None]:
    return {feature.name: value for feature, value in zip(FEATURES, values(behaviour), strict=True)}


def test_play_is_counted_by_what_came_before() -> None:
    games = played(
        (0, 100, False),
        (2 * SECOND, 150, False),  # sooner, and raised, after a loss
        (4 * SECOND, 150, True),
        (1 * SECOND, 100, False),  # lowered after a win
        (PAUSE_MS + 1, 100, False),  # after a pause
        (SESSION_GAP_MS + 1, 200, True),  # another session
    )

    found = behaviour_of(games)

    assert found == Behaviour(
        sessions=2,
        games=6,
        mean_stake_cents=800 / 6,
        highest_stake_cents=200,
        after_loss=After(
            games=4, stops=1, responses=2, response_ms=3_000, changes=1, change_cents=50
        ),
        after_win=After(
            games=2, stops=1, responses=1, response_ms=1_000, changes=1, change_cents=-50
        ),
    )


@pytest.mark.parametrize(("wait", "sessions"), [(SESSION_GAP_MS, 1), (SESSION_GAP_MS + 1, 2)])
def test_a_session_ends_when_nothing_is_played_for_long(wait: int, sessions: int) -> None:
    assert behaviour_of(played((0, 100, False), (wait, 100, False))).sessions == sessions


@pytest.mark.parametrize(("wait", "responses"), [(PAUSE_MS, 1), (PAUSE_MS + 1, 0)])
def test_a_pause_is_no_response(wait: int, responses: int) -> None:
    found = behaviour_of(played((0, 100, False), (wait, 100, False)))

    assert found.after_loss.responses == responses
    assert named(found)["pauses_a_session"] == 1 - responses


def test_games_at_two_machines_at_once_wait_for_nothing() -> None:
    games = [Game(0, 5_000, 100, won=False), Game(2_000, 7_000, 100, won=False)]

    assert behaviour_of(games).after_loss.response_ms == 0


def test_the_order_in_which_games_come_does_not_matter() -> None:
    chance = Random(1)
    games = played(*((chance.randrange(90_000), 25, chance.random() < 0.3) for _ in range(50)))
    mixed = list(games)
    chance.shuffle(mixed)

    assert behaviour_of(mixed) == behaviour_of(games)


def test_of_no_game_nothing_is_known() -> None:
    found = named(behaviour_of([]))

    assert found["games"] == found["sessions"] == 0
    assert [found[name] for name in ("staked_a_session", "highest_stake")] == [None, None]
    assert found["response_after_loss"] is None


def test_features_by_hand() -> None:
    found = named(
        Behaviour(
            sessions=4,
            games=200,
            mean_stake_cents=50,
            highest_stake_cents=300,
            after_loss=After(
                games=150, stops=3, responses=140, response_ms=500, changes=7, change_cents=20
            ),
            after_win=After(
                games=50, stops=1, responses=49, response_ms=1_000, changes=0, change_cents=None
            ),
        )
    )

    assert found == pytest.approx(
        {
            "games": 200,
            "sessions": 4,
            "staked_a_session": 2_500,
            "highest_stake": 300,
            "seconds_between_games": 140 * 0.5 + 49,
            "response_after_loss": 500,
            "response_after_win_to_loss": 2,
            "stake_a_second": 50 / ((140 * 0.5 + 49) / 189),
            "pauses_a_session": 7 / 4,
            "stops_after_loss": 4 / 200,
            "stops_after_win": 2 / 100,
            "changes_after_loss": 7.5 / 247,
            "changes_after_win": 0.5 / 149,
            "changes_a_session": 7 / 4,
            "raises_after_loss": 20 * 7 / 10 / 50,
            "raises_after_win": 0,
        }
    )


def test_what_was_won_or_lost_is_seen_by_no_feature() -> None:
    """The amounts have no field to come in by; a game says only whether it paid anything."""
    parts = (Behaviour, After, Visits, Shown)
    assert {one.name for part in parts for one in fields(part)} == {
        *("sessions", "games", "mean_stake_cents", "highest_stake_cents"),
        *("after_loss", "after_win", "visits", "shown"),
        *("stops", "responses", "response_ms", "changes", "change_cents"),
        *("days", "away_days", "first_days"),
        *("kind", "cost_cents", "before", "taken"),
    }
    assert Game._fields == ("started_at", "ended_at", "staked_cents", "won")


@pytest.mark.parametrize("feature", FEATURES, ids=lambda one: one.name)
def test_every_feature_has_words_for_both_ends_and_bears_what_is_not_known(feature: Any) -> None:
    nothing = Behaviour(sessions=None, games=None, mean_stake_cents=None, highest_stake_cents=None)

    assert feature.more.count("{}") == feature.less.count("{}") == 1
    assert feature.more != feature.less
    assert feature.of(nothing) is None or feature.of(nothing) >= 0

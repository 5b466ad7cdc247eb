"""What came of decisions: net rewards in whole cents, capped, divided by days."""

from random import Random

import pytest

from pitboss.offers.deciding import NoOffer
from pitboss.offers.gate import Refusal
from pitboss.offers.logs import Action
from pitboss.offers.outcomes import (
    CAP_MEDIANS,
    HELD_OUT_SHARE,
    Observed,
    play_cap,
    reward_cents,
    training_set,
    uplift,
)

pytestmark = pytest.mark.unit

ACTIONS = (Action("none", "none", 0), Action("meal", "meal", 500))
CENT = 10_000


def observed(
    n: int,
    *,
    day: str = "2026-01-01",
    player: str | None = None,
    play: int = 100 * CENT,
    chosen: str = "none",
    no_offer: tuple[str, ...] = (),
    redeemed_cents: int = 0,
    actions: tuple[Action, ...] = ACTIONS,
) -> Observed:
    return Observed(
        property_id="north",
        day=day,
        decision_id=f"{n:013d}-0000000000000000",
        player_id=player or f"p-{n}",
        features=(("time", "night"),),
        actions=actions if not no_offer else actions[:1],
        propensities=(500_000, 500_000) if not no_offer else (1_000_000,),
        chosen=chosen,
        no_offer=no_offer,
        model_version="rules-1",
        play=play,
        redeemed_cents=redeemed_cents,
    )


def week(rows_a_day: int, days: int = 7) -> list[Observed]:
    return [
        observed(1_000 * day + n, day=f"2026-01-0{day + 1}", play=(50 + n % 100) * CENT)
        for day in range(days)
        for n in range(rows_a_day)
    ]


@pytest.mark.parametrize(
    ("play", "redeemed", "cap", "expected"),
    [
        (0, 0, 1_000, 0),
        (9_999, 0, 1_000, 0),
        (10_000, 0, 1_000, 1),
        (500 * CENT, 700, 1_000, -200),
        (10**15, 0, 1_000, 1_000),
        (10**15, 300, 1_000, 700),
        (-5, 0, 1_000, 0),
    ],
)
def test_a_reward_is_net_in_whole_cents_and_capped(
    play: int, redeemed: int, cap: int, expected: int
) -> None:
    assert reward_cents(play, redeemed, cap) == expected


def test_a_device_that_sends_a_billion_does_not_move_the_cap() -> None:
    chance = Random(3)
    honest = [int(chance.lognormvariate(3, 0.8) * 100 * CENT) for _ in range(1_000)]
    poisoned = [*honest, *[10**9 * 1_000] * 5]
    assert play_cap(poisoned) <= play_cap(honest) * 1.5


def test_nor_do_many_devices() -> None:
    honest = [100 * CENT] * 600
    assert play_cap([*honest, *[10**15] * 400]) == 100 * CAP_MEDIANS
    assert play_cap([]) == play_cap([0] * 50) == 0


def test_the_newest_days_are_held_out_and_nothing_is_in_both() -> None:
    built = training_set(week(200), 3, 1)
    assert built.summary.held_out_days == ["2026-01-05", "2026-01-06", "2026-01-07"]
    assert len(built.summary.held_out_days) >= HELD_OUT_SHARE * 7
    assert {one.day for one in built.train} == {f"2026-01-0{n}" for n in (1, 2, 3, 4)}
    assert {one.day for one in built.held_out} == set(built.summary.held_out_days)
    assert (len(built.train), len(built.held_out)) == (800, 600)
    assert (built.summary.open_windows, built.summary.rejected) == (3, 1)


def test_the_same_rows_in_any_order_are_the_same_set() -> None:
    rows = week(50)
    mixed = list(rows)
    Random(1).shuffle(mixed)
    assert training_set(mixed, 0, 0) == training_set(rows, 0, 0)


def test_one_decision_a_player_and_day_is_judged() -> None:
    rows = [observed(n, day=f"2026-01-0{1 + n % 2}", player=f"p-{n // 2 % 10}") for n in range(200)]
    built = training_set(rows, 0, 0)
    assert (len(built.train), len(built.held_out)) == (100, 10)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "0 days"),
        (week(500, 1), "1 days"),
        (week(100), "400 decisions to learn from are fewer than 1000"),
        (
            [one._replace(player_id="p-1") for one in week(400)],
            "3 decisions to judge by are fewer than 300",
        ),
        (week(400), None),
    ],
)
def test_of_too_few_decisions_nothing_is_learned(rows: list[Observed], said: str | None) -> None:
    why_not = training_set(rows, 0, 0).summary.why_not
    assert why_not is None if said is None else said in str(why_not)


def test_decisions_without_a_choice_teach_nothing_and_are_counted() -> None:
    rows = [
        *week(20),
        observed(90_001, no_offer=(NoOffer.HELD_OUT,)),
        observed(90_002, no_offer=(Refusal.SELF_EXCLUDED, Refusal.UNDER_AGE)),
        observed(90_003, actions=ACTIONS[:1])._replace(propensities=(1_000_000,)),
    ]
    summary = training_set(rows, 0, 0).summary
    assert summary.without_choice == {
        "held_out": 1,
        "nothing_in_reach": 1,
        "self_excluded": 1,
    }
    assert summary.train_rows == 80


def test_the_cap_is_of_the_days_that_are_learned_from() -> None:
    rows = week(200)
    poisoned = [
        one._replace(play=10**15) if one.day == "2026-01-07" and n % 50 == 0 else one
        for n, one in enumerate(rows)
    ]
    built = training_set(poisoned, 0, 0)
    assert built.summary.cap_cents == training_set(rows, 0, 0).summary.cap_cents == 148
    assert max(one.reward for one in built.held_out) == 148
    assert built.summary.capped > 0


def test_uplift_compares_players_who_passed_the_gate_alike() -> None:
    rows = [
        observed(n, player=f"t-{n}", play=300 * CENT, chosen="meal", redeemed_cents=50)
        for n in range(40)
    ]
    rows += [
        observed(100 + n, player=f"h-{n}", play=200 * CENT, no_offer=(NoOffer.HELD_OUT,))
        for n in range(10)
    ]
    rows += [  # refused by the gate: neither
        observed(200 + n, player=f"x-{n}", play=0, no_offer=(Refusal.BANNED,)) for n in range(10)
    ]
    found = uplift(rows, 10_000)
    assert (found.players, found.held_out_players) == (40, 10)
    assert found.value == found.low == found.high == 50.0


def test_uplift_takes_a_players_first_decision_of_a_day_and_all_that_it_cost() -> None:
    rows = [
        observed(2, player="a", play=100 * CENT, chosen="meal", redeemed_cents=10),
        observed(1, player="a", play=150 * CENT, chosen="meal", redeemed_cents=20),
        observed(3, player="b", play=120 * CENT),
        observed(4, player="c", play=100 * CENT, no_offer=(NoOffer.HELD_OUT,)),
        observed(5, player="d", play=100 * CENT, no_offer=(NoOffer.HELD_OUT,)),
    ]
    found = uplift(rows, 10_000)
    assert found.value == pytest.approx((120 + 120) / 2 - 100)
    assert uplift(rows[:4], 10_000).value is None

"""The gate lets only what is surely better serve, and says why it keeps what there is."""

import math
from random import Random

import pytest

from pitboss.offers.estimators import Row, snips
from pitboss.offers.promotion import decide, decisive_rows

pytestmark = pytest.mark.unit


def rows(gain: float, count: int = 2_000, weight: float = 1.0, **more: float) -> list[Row]:
    """Decisions on which a policy earns 10 and so much more, of a reward that varies by 5."""
    chance = Random(1)
    return [Row(weight, chance.gauss(10, 5) + gain, **more) for _ in range(count)]


def experiment(decisions: int = 3_000, **gains: float) -> dict[str, list[Row]]:
    """A log with even odds between what each policy always does, which earns 10 and its gain."""
    chance = Random(2)
    found: dict[str, list[Row]] = {name: [] for name in gains}
    for _ in range(decisions):
        done = chance.choice(list(gains))
        reward = chance.gauss(10 + gains[done], 5)
        for name, its in found.items():
            its.append(Row(float(len(gains) * (name == done)), reward))
    return found


def judged(found: dict[str, list[Row]]) -> tuple[str, str, str]:
    verdict = decide("learned", "champion", found, snips)
    return verdict.verdict, verdict.policy, verdict.reason


def test_what_is_surely_better_than_everything_is_promoted() -> None:
    verdict, policy, reason = judged(experiment(learned=2, champion=0, none=-3))

    assert (verdict, policy) == ("promote", "learned")
    assert reason.startswith("learned earns more than each of the others: ")
    assert "more than champion" in reason


@pytest.mark.parametrize("gain", [0.2, 0.0, -2.0])
def test_what_may_be_no_better_is_kept_out(gain: float) -> None:
    verdict, policy, reason = judged(experiment(learned=gain, champion=0))

    assert (verdict, policy) == ("keep", "champion")
    assert "not surely better than champion" in reason


def test_the_lower_bound_of_the_difference_decides_not_the_two_intervals() -> None:
    # Intervals overlap by far, for most of what varies is where both decide alike.
    chance = Random(4)
    both = [Row(1.0, chance.gauss(10, 50)) for _ in range(4_000)]
    apart = experiment(400, learned=5, champion=0)
    found = decide("learned", "champion", {name: both + its for name, its in apart.items()}, snips)

    assert found.values["learned"].low < found.values["champion"].high
    assert found.verdict == "promote"
    assert found.differences["champion"].value == pytest.approx(5 * 400 / 4_400, abs=0.1)


def test_a_single_offer_that_is_as_good_keeps_it_out_too() -> None:
    verdict, policy, reason = judged(experiment(learned=2, champion=0, always_meal=2))

    assert (verdict, policy) == ("keep", "champion")
    assert "not surely better than always_meal" in reason


@pytest.mark.parametrize("gain", [2.0, -2.0])
def test_what_is_earned_is_said_with_its_unit(gain: float) -> None:
    found = experiment(learned=gain, champion=0)

    assert (
        " cents a decision (95% interval "
        in decide("learned", "champion", found, snips, unit="cents a decision").reason
    )


def test_the_same_policy_is_nothing_to_promote() -> None:
    same = rows(0)

    assert "nothing to promote" in judged({"learned": same, "champion": same})[2]


@pytest.mark.parametrize(
    ("challenger", "why"),
    [
        ([*rows(50)[:-1], Row(1.0, math.nan)], "not a number"),
        ([*rows(50)[:-1], Row(1.0, math.inf)], "not a number"),
        ([Row(0.0, 5)] * 2_000, "not a number"),
        ([], "not a number"),
        (rows(50, unsupported=0.06), "hardly ever done"),
        ([Row(80.0, 90), *rows(50, 1_999)], "One decision has"),
    ],
)
def test_a_log_that_does_not_speak_of_it_keeps_it_out_whatever_its_value(
    challenger: list[Row], why: str
) -> None:
    champion = rows(0, len(challenger))
    verdict, policy, reason = judged({"learned": challenger, "champion": champion})

    assert (verdict, policy) == ("keep", "champion")
    assert why in reason


def agreeing_but_for(decisive: int, model_says: float) -> dict[str, list[Row]]:
    """Two policies that agree but for decisions of which so many went as the challenger has it."""
    chance = Random(3)
    both = [Row(1.1, chance.gauss(10, 5), 10, 10) for _ in range(2_000)]
    apart = [chance.gauss(10, 5) for _ in range(decisive)]
    hoped = 10 + model_says
    return {
        "learned": [
            *both,
            *(Row(50.0, r, hoped, hoped) for r in apart),
            *[Row(0, 10, 10, 10)] * 50,
        ],
        "champion": [*both, *(Row(0.0, r, hoped, 10) for r in apart), *[Row(1.1, 10, 10, 10)] * 50],
    }


def test_how_many_agree_with_both_policies_tells_nothing_of_the_two() -> None:
    found = decide("learned", "champion", agreeing_but_for(40, -500))

    assert found.overlap.effective_rows > 100
    assert found.differences["champion"].low > 0
    assert (found.verdict, found.policy) == ("keep", "champion")
    assert found.reason == "40 decisions in effect tell learned from champion, and 50 are needed."


def test_a_model_that_hopes_for_too_much_is_not_promoted_by_its_hope() -> None:
    # Nothing that is done changes anything. The two differ in one decision of 25, of which one in
    # 80 went as the challenger has it; there its model hopes for 4 more.
    chance = Random(8)
    above = promoted = 0
    for _ in range(60):
        both: list[tuple[Row, Row]] = []
        for _ in range(1_000):
            reward = chance.gauss(10, 4)
            hope = 14.0 if chance.random() < 0.04 else 10.0
            if hope == 10 or chance.random() >= 1 / 80:
                old = Row(80 / 79, reward, 10, 10)
                new = Row(80 / 79 if hope == 10 else 0.0, reward, 10, hope)
            else:
                old, new = Row(0.0, reward, hope, 10), Row(80.0, reward, hope, hope)
            both.append((new, old))
        found = decide(
            "learned",
            "champion",
            {"learned": [n for n, _ in both], "champion": [o for _, o in both]},
        )
        above += found.differences["champion"].low > 0
        promoted += found.verdict == "promote"

    assert above > 60 * 0.3
    assert promoted == 0


def test_enough_that_tell_them_apart_are_judged() -> None:
    found = decide("learned", "champion", agreeing_but_for(60, -500))

    assert found.verdict == "promote"


def test_decisive_are_those_that_the_challenger_would_sooner_take() -> None:
    apart = agreeing_but_for(7, 0)

    assert decisive_rows(apart["learned"], apart["champion"]) == pytest.approx(7)
    assert decisive_rows(apart["champion"], apart["learned"]) == pytest.approx(50)
    assert decisive_rows(apart["champion"], apart["champion"]) == 0

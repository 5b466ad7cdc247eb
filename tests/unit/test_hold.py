"""Hold against theory: exact sums, calibrated surprise, and what chance alone would flag."""

import math
import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.rating import hold
from pitboss.rating.hold import (
    HoldKey,
    HoldSums,
    HoldVerdict,
    judge,
    rank,
    surprise,
    volatility,
)
from workbench.simulation.catalogue import OUTCOMES, Form, PayDistribution

pytestmark = pytest.mark.unit

BASES: dict[Form, int] = {"video": 8790, "stepper": 9475, "poker": 9744}


def summed(games: Sequence[tuple[int, int, int]]) -> HoldSums:
    """Sums of games given as coin-in, coin-out (cents) and hold (basis points)."""
    total = HoldSums()
    for coin_in, coin_out, basis_points in games:
        total.add(HoldSums.of(coin_in, coin_out, coin_in * basis_points))
    return total


def played(chance: random.Random, form: Form, games: int, bet: int, off: int = 0) -> HoldSums:
    """So many games of a simulated paytable, `off` basis points more generous than it says.

    How often each win comes is drawn, not each game: the sums are the same.
    """
    pays = PayDistribution(BASES[form] + off, form)
    hold_basis_points = 10_000 - BASES[form]
    total, left = HoldSums(), games
    for multiple, ways in reversed(pays.ways):
        count = min(_occurrences(chance, games * ways / OUTCOMES), left)
        left -= count
        _add_many(total, count, bet, bet * multiple, hold_basis_points)
    _add_many(total, left, bet, 0, hold_basis_points)
    return total


def _occurrences(chance: random.Random, mean: float) -> int:
    if mean > 500:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    count, product, limit = 0, chance.random(), math.exp(-mean)
    while product > limit:
        count, product = count + 1, product * chance.random()
    return count


def _add_many(total: HoldSums, count: int, bet: int, win: int, basis_points: int) -> None:
    one = HoldSums.of(bet, win, bet * basis_points)
    total.add(HoldSums(*[count * getattr(one, name) for name in one.__struct_fields__]))


def key(asset_id: str = "1", paytable: str | None = None) -> HoldKey:
    return HoldKey(asset_id, 0, 800, paytable)


def verdict_of(sums: HoldSums) -> HoldVerdict:
    by = volatility([sums])
    assert by is not None
    return judge(key(), sums, by)


games_strategy = st.lists(
    st.tuples(st.integers(1, 10_000), st.integers(0, 100_000), st.integers(0, 10_000)),
    min_size=3,
    max_size=40,
).filter(lambda games: volatility([summed(games)]) is not None)


@given(games_strategy, st.integers(2, 1_000))
def test_the_surprise_does_not_depend_on_the_unit_of_money(
    games: list[tuple[int, int, int]], factor: int
) -> None:
    one = verdict_of(summed(games))
    other = verdict_of(summed([(i * factor, o * factor, h) for i, o, h in games]))

    assert other.z == pytest.approx(one.z, rel=1e-9)
    assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=1e-9)
    assert other.surprise == pytest.approx(one.surprise, rel=1e-9)


@given(games_strategy, st.integers(0, 40))
def test_days_add_up_to_their_window(games: list[tuple[int, int, int]], cut: int) -> None:
    whole, parts = summed(games), summed(games[:cut])
    parts.add(summed(games[cut:]))

    assert parts == whole


@given(games_strategy)
def test_residuals_are_those_of_every_game(games: list[tuple[int, int, int]]) -> None:
    sums = summed(games)
    ratio = sums.deviation / sums.coin_in_cents
    slow = math.fsum((10_000 * (i - o) - i * h - ratio * i) ** 2 for i, o, h in games)

    assert sums.residuals == pytest.approx(slow, rel=1e-6, abs=1e-3)


def test_for_equal_bets_it_is_the_textbooks_z() -> None:
    wins = [0, 0, 0, 500, 0, 1_000, 0, 0, 200, 0]
    sums = summed([(100, win, 800) for win in wins])
    deviations = [100 - win - 8 for win in wins]
    mean = sum(deviations) / 10
    sigma = math.sqrt(sum((e - mean) ** 2 for e in deviations) / 9)

    assert verdict_of(sums).z == pytest.approx(sum(deviations) / (sigma * math.sqrt(10)))


def test_a_verdict_says_what_is_held_and_what_should_be() -> None:
    verdict = verdict_of(summed([(100, 0, 800)] * 9 + [(100, 500, 800)]))

    assert verdict.actual_hold == pytest.approx(0.5)
    assert verdict.theoretical_hold == pytest.approx(0.08)
    assert verdict.points == pytest.approx(42)
    assert (verdict.low + verdict.high) / 2 == pytest.approx(0.08)
    assert verdict.z > 0


# --- how often chance alone is called surprising --------------------------------------------------


def fair(form: Form, games: int, machines: int, seed: int) -> Iterator[HoldSums]:
    chance = random.Random(seed)
    for _ in range(machines):
        yield played(chance, form, games, chance.choice((25, 50, 125)))


@cache
def fair_floor(form: Form) -> list[HoldSums]:
    return list(fair(form, 100_000, 600, seed=7))


def coverage(machines: Sequence[HoldSums], pool: Sequence[HoldSums] | None) -> float:
    inside = 0
    for sums in machines:
        by = volatility(pool or [sums])
        assert by is not None
        verdict = judge(key(), sums, by)
        inside += verdict.low <= verdict.actual_hold <= verdict.high
    return inside / len(machines)


@pytest.mark.parametrize("form", BASES)
def test_a_band_of_a_well_known_paytable_holds_95_percent_of_fair_machines(form: Form) -> None:
    machines = fair_floor(form)

    assert 0.94 < coverage(machines, pool=machines) < 0.97


@pytest.mark.parametrize("form", BASES)
def test_a_band_of_a_machines_own_games_holds_fewer_and_is_called_rough(form: Form) -> None:
    machines = fair_floor(form)
    alone = volatility(machines[:1])

    assert 0.88 < coverage(machines, pool=None) < 0.94
    assert alone is not None
    assert alone.is_rough
    pooled = volatility(machines)
    assert pooled is not None
    assert not pooled.is_rough


def test_chance_alone_is_seldom_more_than_chance() -> None:
    """On 5 % of fair floors something is found, were wins normal; they are skewed: on some 10 %."""
    floors_with_findings = 0
    for seed in range(60):
        floor = {
            key(str(index), "PT"): sums
            for index, sums in enumerate(fair("stepper", 400_000, 30, seed))
        }
        floors_with_findings += rank(floor).surprising > 0

    assert floors_with_findings <= 9


def test_a_generous_machine_is_found_among_fair_ones_and_ranked_first() -> None:
    floor = {
        key(str(index), "PT"): sums for index, sums in enumerate(fair("video", 400_000, 40, 3))
    }
    floor[key("broken", "PT")] = played(random.Random(9), "video", 400_000, 50, off=600)

    ranking = rank(floor)

    assert ranking.verdicts[0].key.asset_id == "broken"
    assert ranking.verdicts[0].z < -4
    assert ranking.surprising == 1
    assert [one.key.asset_id for one in ranking.reported] == ["broken"]


def test_as_many_fair_machines_are_reported_as_chance_says() -> None:
    """Three points in 100,000 games are no rarity: sigma of the hold is 1.4 points and more."""
    reports, expected = 0, 0.0
    floor = {
        key(str(index), "PT"): sums for index, sums in enumerate(fair("stepper", 100_000, 1_000, 5))
    }

    ranking = rank(floor)
    reports, expected = len(ranking.reported), ranking.expected_reports

    assert expected > 25
    assert reports == pytest.approx(expected, rel=0.25)


# --- the regulation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("games", "coin_out", "is_reported"),
    [
        (100_000, 9_500_000, True),  # 5 % held instead of 8 %: three points to the cent
        (100_000, 9_499_999, False),
        (99_999, 9_500_000, False),
        (100_000, 8_900_000, True),  # and three points too many
        (100_000, 8_900_001, False),
    ],
)
def test_three_points_in_100000_games_are_reported(
    games: int, coin_out: int, is_reported: bool
) -> None:
    sums = HoldSums(games, games, 10_000_000, coin_out, 10_000_000 * 800)

    assert sums.is_reported is is_reported


def test_what_never_varied_is_not_judged() -> None:
    ranking = rank({key(): summed([(100, 92, 800)] * 5), key("2"): HoldSums()})

    assert list(ranking.verdicts) == []
    assert {one.asset_id for one, _ in ranking.unjudged} == {"1", "2"}


def test_two_games_surprise_nobody() -> None:
    few = summed([(500, 120, 326), (500, 0, 326)])
    some = played(random.Random(1), "poker", 1_000, 50)

    ranking = rank({key("few"): few, key("some"): some})

    assert [one.key.asset_id for one in ranking.verdicts] == ["some"]
    assert [one.asset_id for one, _ in ranking.unjudged] == ["few"]


def test_surprise_goes_on_where_floats_have_no_such_small_p() -> None:
    seam = [surprise(z / 100) for z in range(3_600, 3_900)]

    assert seam == sorted(seam)
    assert max(b - a for a, b in pairwise(seam)) < 0.2
    assert surprise(-45) == surprise(45) > 400


def test_the_figures_of_the_regulation_are_as_cited() -> None:
    assert (hold.REPORTED_POINTS, hold.REPORTED_GAMES) == (3, 100_000)

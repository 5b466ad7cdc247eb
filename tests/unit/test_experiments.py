"""Experiments: who is in them, for how long, and what may be said of what came of them."""

import math
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st
from msgspec import structs

from pitboss.experiments.analysis import (
    Contrast,
    Exposed,
    Moments,
    Played,
    Result,
    SampleRatio,
    Verdict,
    mixture,
    one_sided_probability,
    one_sided_radius,
    overall,
    probability,
    radius,
    result,
)
from pitboss.experiments.assignment import (
    BUCKETS,
    Registered,
    assigned,
    bucket_of,
    layer_salt,
    register,
    stop,
)
from pitboss.experiments.definition import (
    Direction,
    Experiment,
    InvalidExperiment,
    Metric,
    Status,
    parse,
)
from pitboss.experiments.outcomes import DayOfSession, last_day, outcome
from pitboss.offers.policy import is_held_out

NOW = 1_767_225_600_000
DAY = 86_400_000
PLAYERS = [f"p-{number}" for number in range(1_000)]


def content(key: str = "welcome", share: int = 2_000, **changed: Any) -> dict[str, Any]:
    """An experiment as its file has it."""
    weights = changed.pop("weights", (5_000, 5_000))
    flags = changed.pop("flags", key.replace("-", "_"))
    return {
        "key": key,
        "property_id": "north",
        "name": "A warmer welcome",
        "status": "running",
        "layer": "lobby",
        "share_basis_points": share,
        "variants": [
            {"key": f"v{n}", "weight_basis_points": weight, "flags": {flags: n}}
            for n, weight in enumerate(weights)
        ],
        "primary": {"metric": "theoretical_win_cents"},
        "stop": {"max_days": 30},
    } | changed


def experiment(key: str = "welcome", share: int = 2_000, **changed: Any) -> Experiment:
    return parse(content(key, share, **changed))


def registered(*wanted: Experiment) -> list[Registered]:
    """These, registered one after another."""
    book: dict[str, Registered] = {}
    for one in wanted:
        book[one.key] = register(list(book.values()), one, NOW)
    return list(book.values())


def where(one: Registered, players: list[str] = PLAYERS) -> dict[str, str]:
    """The variant of each player who is in an experiment."""
    found = ((player, assigned(one, player)) for player in players)
    return {player: place.variant.key for player, place in found if place is not None}


# --- definitions ----------------------------------------------------------------------------------


def test_an_experiment_is_what_its_file_says() -> None:
    found = experiment()

    assert (found.control.key, found.weights) == ("v0", (("v0", 5_000), ("v1", 5_000)))
    assert (found.primary.better, found.stop.alpha) == (Direction.INCREASE, 0.05)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"weights": (5_000, 4_000)}, "the weights of the variants add up to 9,000 basis points"),
        ({"key": "No"}, "Expected `str` matching regex"),
        ({"shares": 1}, "Object contains unknown field `shares`"),
        ({"share_basis_points": 10_001}, "Expected `int` <= 10000 - at `$.share_basis_points`"),
        ({"primary": {"metric": "actual_win"}}, "Invalid enum value 'actual_win'"),
        ({"stop": {"max_days": 3}, "window_days": 7}, "no window of 7 days is over by then"),
        ({"stop": {"max_days": 30, "alpha": 0.5}}, "at `$.stop.alpha`"),
        ({"guardrails": [{"metric": "games"}, {"metric": "games"}]}, "games is there 2 times"),
        (
            {"guardrails": [{"metric": "theoretical_win_cents"}]},
            "theoretical_win_cents is the primary metric",
        ),
        (
            {
                "variants": [
                    {"key": "a", "weight_basis_points": 5_000, "flags": {"x": 1}},
                    {"key": "a", "weight_basis_points": 5_000, "flags": {"y": 1}},
                ]
            },
            "variant 'a' is there 2 times; flag 'x' is decided by variant 'a' and not by 'a'; "
            "flag 'y'",
        ),
        (
            {
                "variants": [
                    {"key": "a", "weight_basis_points": 5_000, "flags": {"x": 1}},
                    {"key": "b", "weight_basis_points": 5_000, "flags": {"x": True}},
                ]
            },
            "flag 'x' is a int in variant 'a' and a bool in 'b'",
        ),
    ],
    ids=[
        *("weights", "key", "field", "share", "metric", "days", "alpha", "twice", "primary"),
        *("flags", "kinds"),
    ],
)
def test_what_is_no_experiment_is_told_why(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidExperiment) as refused:
        parse(content(**changed))

    assert fault in str(refused.value)


# --- assignment -----------------------------------------------------------------------------------


def test_buckets_are_those_of_all_time() -> None:
    """Whoever changes the hash moves every player of every property: these are as they were."""
    held = [n for n in range(200) if is_held_out("P1", f"p-{n}", 500)]

    assert held == [30, 34, 55, 83, 87, 88, 92, 98, 106, 158, 194]
    assert [bucket_of("holdout/north", f"p-{n}") for n in range(4)] == [6832, 533, 2115, 1821]
    assert bucket_of(layer_salt("P1", "welcome"), "p-81") == 4325


shares = st.lists(st.integers(1, 4_000), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given_by(shares)
def test_a_player_is_in_one_experiment_of_a_layer_and_stays_in_it(given_shares: list[int]) -> None:
    book: list[Registered] = []
    for number, share in enumerate(given_shares):
        wanted = experiment(f"e-{number}", share)
        left = BUCKETS - sum(one.experiment.share_basis_points for one in book)
        if share > left:
            with pytest.raises(InvalidExperiment, match=f"has {left:,} left"):
                register(book, wanted, NOW)
            continue
        book.append(register(book, wanted, NOW))
    owned: Counter[int] = Counter()
    for one in book:
        of_this = [
            n for block in one.blocks for first, end in block.ranges for n in range(first, end)
        ]
        assert len(of_this) == one.experiment.share_basis_points
        owned.update(of_this)
    assert set(owned.values()) <= {1}
    places = [where(one, PLAYERS[:200]) for one in book]
    assert places == [where(one, PLAYERS[:200]) for one in book]
    assert all(times == 1 for times in Counter(p for place in places for p in place).values())


steps = st.lists(st.tuples(st.integers(0, 2_000), st.integers(1, 9_999)), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given_by(st.integers(1, 2_000), steps, st.integers(1, 3_000))
def test_a_larger_share_and_other_weights_move_nobody(
    share: int, raised: list[tuple[int, int]], others: int
) -> None:
    """With another experiment in the layer that comes, and goes, meanwhile."""
    mine = register([], experiment(share=share), NOW)
    other = register([mine], experiment("other", others), NOW)
    for number, (more, weight) in enumerate(raised):
        before = where(mine, PLAYERS[:300])
        share = min(share + more, BUCKETS - others)
        wanted = experiment(share=share, weights=(weight, BUCKETS - weight))
        known = [mine, other if number % 2 else stop(other, NOW)]
        if share == mine.experiment.share_basis_points and wanted != mine.experiment:
            with pytest.raises(InvalidExperiment, match="raise share_basis_points with them"):
                register(known, wanted, NOW)
            continue
        mine = register(known, wanted, NOW)
        assert before.items() <= where(mine, PLAYERS[:300]).items()
        assert sum(block.size for block in mine.blocks) == share


@pytest.mark.parametrize("weights", [(5_000, 5_000), (9_000, 1_000), (2_000, 3_000, 5_000)])
def test_shares_are_those_that_were_asked_for(weights: tuple[int, ...]) -> None:
    """Within five standard deviations of a binomial."""
    players = [f"guest-{number}" for number in range(20_000)]
    (one,) = registered(experiment(share=3_000, weights=weights))
    found = Counter(where(one, players).values())

    for key, weight in one.experiment.weights:
        odds = 0.3 * weight / 10_000
        sigma = math.sqrt(len(players) * odds * (1 - odds))
        assert abs(found[key] - len(players) * odds) < 5 * sigma


def test_who_was_shown_what_together_is_not_passed_on() -> None:
    """An experiment that is given the buckets of one that is over."""
    (first,) = registered(experiment())
    over = stop(first, NOW + DAY)
    second = register([over], experiment("second"), NOW + DAY)
    before, after = where(first, PLAYERS), where(second, PLAYERS)

    assert first.blocks[0].ranges == second.blocks[0].ranges
    assert before.keys() == after.keys()
    both = Counter((before[player], after[player]) for player in before)
    assert min(both.values()) > len(before) / 4 - 5 * math.sqrt(len(before) * 3 / 16)
    assert where(over) == {}


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"share": 1_999}, "can be raised and not lowered"),
        ({"weights": (4_000, 6_000)}, "raise share_basis_points with them"),
        ({"layer": "cage"}, "layer cannot be changed"),
        ({"window_days": 8}, "window_days cannot be changed"),
        ({"primary": {"metric": "games"}}, "primary cannot be changed"),
        ({"stop": {"max_days": 31}}, "stop cannot be changed"),
        ({"flags": "warmth"}, "what its variants are cannot be changed"),
        ({"status": "draft"}, "is no draft again"),
    ],
    ids=["share", "weights", "layer", "window", "primary", "stop", "flags", "draft"],
)
def test_what_runs_is_not_changed_under_its_players(changed: dict[str, Any], fault: str) -> None:
    book = registered(experiment())

    with pytest.raises(InvalidExperiment) as refused:
        register(book, experiment(**changed), NOW)
    assert fault in str(refused.value)


def test_an_experiment_is_a_draft_runs_and_is_over_for_good() -> None:
    (draft,) = registered(experiment(status="draft"))
    assert (draft.blocks, draft.started_at, where(draft)) == ((), None, {})

    running = register([draft], experiment(), NOW + 1)
    assert (running.registered_at, running.started_at) == (NOW, NOW + 1)
    assert register([running], experiment(), NOW + 2) == running

    over = register([running], experiment(status="stopped"), NOW + 3)
    assert (over.started_at, over.stopped_at) == (NOW + 1, NOW + 3)
    assert over == stop(running, NOW + 3) == stop(over, NOW + 9)
    with pytest.raises(InvalidExperiment, match="is over, for good"):
        register([over], experiment(), NOW + 4)
    with pytest.raises(InvalidExperiment, match="never registered"):
        register([], experiment(status="stopped"), NOW)


def test_a_flag_is_decided_in_one_layer() -> None:
    book = registered(experiment())
    with pytest.raises(InvalidExperiment, match="flag 'welcome' is decided by 'welcome' in layer"):
        register(book, experiment("second", flags="welcome", layer="cage"), NOW)

    assert register(book, experiment("second", flags="welcome"), NOW).blocks[0].ranges == (
        (2_000, 4_000),
    )


# --- outcomes -------------------------------------------------------------------------------------


def test_an_outcome_is_the_play_of_the_window_since_the_exposure() -> None:
    def played(day: str, at: int | None, session: int = 1) -> DayOfSession:
        return DayOfSession(day, "7", session, at, 10, 5_000, 2_500_000)

    play = [
        played("2026-03-01", NOW - 1, 1),  # had begun
        played("2026-03-01", NOW, 2),
        played("2026-03-01", None, 3),  # no game
        played("2026-03-02", NOW + DAY, 2),  # the same session goes on
        played("2026-03-03", NOW + 2 * DAY, 4),
        played("2026-03-04", NOW + 3 * DAY, 5),  # after the window
        played("2026-02-28", NOW, 6),  # before it
    ]
    last = last_day("2026-03-01", 3)

    assert outcome(play, NOW, "2026-03-01", last) == {
        Metric.THEORETICAL_WIN_CENTS: 750.0,
        Metric.COIN_IN_CENTS: 15_000.0,
        Metric.GAMES: 30.0,
        Metric.SESSIONS: 2.0,
        Metric.DAYS_PLAYED: 3.0,
        Metric.RETURNED: 1.0,
    }
    assert outcome(play[:3], NOW, "2026-03-01", last)[Metric.RETURNED] == 0.0
    assert set(outcome([], NOW, "2026-03-01", last).values()) == {0.0}


# --- analysis -------------------------------------------------------------------------------------


def moments(*values: float) -> Moments:
    made = Moments()
    for value in values:
        made.add(value)
    return made


@given_by(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_moments_are_those_of_all_numbers_together(values: list[float]) -> None:
    found = moments(*values)
    mean = math.fsum(values) / len(values)

    assert found.mean == pytest.approx(mean, abs=1e-6)
    squares = math.fsum((value - mean) ** 2 for value in values)
    assert found.variance == pytest.approx(squares / (len(values) - 1), rel=1e-6, abs=1e-6)


def test_the_interval_is_that_of_its_source() -> None:
    """Worked by hand: t = 100, rho = 0.3, alpha = 0.05 and a variance of 1."""
    made = Moments()
    made.count, made.mean, made.squares = 100, 0.0, 99.0

    assert radius(made, 0.3, 0.05) == pytest.approx(
        math.sqrt(2 * 10 / 900 * math.log(math.sqrt(10) / 0.05))
    )
    assert one_sided_radius(made, 0.3, 0.05) == pytest.approx(
        math.sqrt(2 * 10 / 900 * math.log(1 + math.sqrt(10) / 0.1))
    )
    assert mixture(0.05, 100) == pytest.approx(math.sqrt((5.99146 + math.log(6.99146)) / 100))
    others = [radius(made, mixture(0.05, 100) * factor, 0.05) for factor in (0.7, 1.0, 1.4)]
    assert min(others) == others[1]


@given_by(st.floats(-2, 2).filter(lambda mean: abs(mean) > 1e-3), st.integers(2, 10_000))
def test_a_probability_is_the_level_at_which_the_interval_touches_nothing(
    mean: float, count: int
) -> None:
    made, rho = Moments(), 0.05
    made.count, made.mean, made.squares = count, mean, float(count - 1)
    level = probability(made, rho)
    if 1e-200 < level < 1.0:
        assert radius(made, rho, level) == pytest.approx(abs(mean))
    way = Direction.INCREASE if mean > 0 else Direction.DECREASE
    level = one_sided_probability(made, rho, way)
    if 1e-200 < level < 1.0:
        assert one_sided_radius(made, rho, level) == pytest.approx(abs(mean))
    other = Direction.DECREASE if mean > 0 else Direction.INCREASE
    assert one_sided_probability(made, rho, other) == 1.0


def test_a_difference_is_right_though_the_odds_changed_on_the_way() -> None:
    """With later players worth more, and more of them treated: the plain difference is wrong."""
    chance = random.Random(5)
    contrast = Contrast()
    for odds, worth in ((0.2, 10.0), (0.8, 20.0)):
        for _ in range(4_000):
            is_treated = chance.random() < odds
            contrast.add(worth + is_treated + chance.gauss(0, 1), odds, is_treated=is_treated)

    plain = contrast.treatment.mean - contrast.control.mean
    assert plain > 6
    difference = contrast.difference
    assert abs(difference.mean - 1.0) < radius(difference, mixture(0.05, 8_000), 0.05) < 0.6


def test_intervals_hold_at_all_looks_at_once() -> None:
    """Of 200 runs of skewed worth, looked at after every player: at most 5 % ever leave out 0."""
    chance = random.Random(7)
    rho, wrong = mixture(0.05, 500), 0
    for _ in range(200):
        contrast = Contrast()
        for number in range(500):
            value = chance.expovariate(1.0)
            contrast.add(value, 0.5, is_treated=chance.random() < 0.5)
            if number >= 100 and abs(contrast.difference.mean) > radius(
                contrast.difference, rho, 0.05
            ):
                wrong += 1
                break

    assert wrong <= 10


def test_the_sample_ratio_is_watched_after_every_player() -> None:
    chance = random.Random(9)
    (one,) = registered(experiment(weights=(7_000, 3_000)))
    right, wrong = SampleRatio(one), SampleRatio(one)
    for number in range(5_000):
        right.add(Exposed(f"p-{number}", "v1" if chance.random() < 0.3 else "v0", 0, NOW))
        wrong.add(Exposed(f"p-{number}", "v1" if chance.random() < 0.35 else "v0", 0, NOW))

    assert right.probability > 0.05
    assert wrong.probability < 1e-6


def test_the_sample_ratio_seldom_alarms_where_there_is_nothing() -> None:
    chance = random.Random(11)
    (one,) = registered(experiment())
    alarms = 0
    for _ in range(200):
        ratio = SampleRatio(one)
        for number in range(300):
            ratio.add(Exposed(str(number), chance.choice(("v0", "v1")), 0, NOW))
        alarms += ratio.probability < 0.05

    assert alarms <= 10


def came(
    effect: float = 0.0,
    games: float = 0.0,
    days: float = 10.0,
    lost: float = 0.0,
    variants: int = 2,
    **changed: Any,
) -> Result:
    """What is said of 2,000 players, of whom treated ones differ so; some treated are lost."""
    chance = random.Random(13)
    weights = {2: (5_000, 5_000), 3: (4_000, 3_000, 3_000)}[variants]
    wanted = experiment(
        weights=weights, guardrails=[{"metric": "games", "harmful": "decrease"}], **changed
    )
    (one,) = registered(wanted)
    exposed, played = [], []
    for number in range(2_000):
        (variant,) = chance.choices([key for key, _ in wanted.weights], weights)
        is_treated = variant != "v0"
        if is_treated and chance.random() < lost:
            continue
        exposed.append(Exposed(f"p-{number}", variant, 0, NOW))
        last = variant == f"v{variants - 1}"
        values = {
            Metric.THEORETICAL_WIN_CENTS: chance.gauss(10 + effect * last, 3),
            Metric.GAMES: chance.gauss(100 + games * last, 10),
        }
        played.append(Played(variant, 0, values))
    return result(one, exposed, played, NOW + int(days * DAY))


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, Verdict.KEEP_RUNNING),
        ({"effect": 1.0}, Verdict.BETTER),
        ({"effect": -1.0}, Verdict.WORSE),
        (
            {
                "effect": -1.0,
                "primary": {"metric": "theoretical_win_cents", "better": "decrease"},
            },
            Verdict.BETTER,
        ),
        ({"effect": 1.0, "games": -5.0}, Verdict.HARM),
        ({"effect": 1.0, "games": 5.0}, Verdict.BETTER),
        ({"days": 30.0}, Verdict.NO_EFFECT),
        ({"effect": 1.0, "lost": 0.3}, Verdict.INVALID),
        ({"effect": 1.0, "variants": 3}, Verdict.BETTER),
        ({"effect": -1.0, "variants": 3}, Verdict.KEEP_RUNNING),
        (
            {"effect": 1.0, "stop": {"max_days": 30, "minimum_exposure": 1_100}},
            Verdict.KEEP_RUNNING,
        ),
    ],
    ids=[
        *("nothing", "better", "worse", "less is better", "harm", "no harm", "the end"),
        *("lost players", "one of two", "the other may", "too few"),
    ],
)
def test_the_stop_rule(given: dict[str, Any], verdict: Verdict) -> None:
    assert came(**given).verdict is verdict


def test_a_result_says_how_much() -> None:
    found = came(effect=1.0)
    (compared,) = found.compared
    primary, guardrail = compared.primary, compared.guardrails[0]

    assert primary.lower is not None
    assert primary.upper is not None
    assert 0 < primary.lower < 1.0 < primary.upper
    assert primary.probability < 0.05
    assert (guardrail.lower, guardrail.is_found) == (None, False)
    assert guardrail.upper is not None
    assert guardrail.upper > 0
    assert sum(arm.counted for arm in found.arms) == 2_000


def test_what_is_to_be_done_with_several_treatments() -> None:
    assert overall([Verdict.WORSE, Verdict.WORSE]) is Verdict.WORSE
    assert overall([Verdict.WORSE, Verdict.NO_EFFECT]) is Verdict.NO_EFFECT
    assert overall([Verdict.BETTER, Verdict.HARM]) is Verdict.HARM
    assert overall([Verdict.WORSE, Verdict.KEEP_RUNNING]) is Verdict.KEEP_RUNNING


def test_players_of_a_block_with_other_weights_count_by_those() -> None:
    one = register(
        registered(experiment(share=500)),
        experiment(share=3_000, weights=(2_000, 8_000)),
        NOW,
    )
    found = {player: assigned(one, player) for player in PLAYERS}
    exposed = [
        Exposed(player, place.variant.key, place.block, NOW)
        for player, place in found.items()
        if place is not None
    ]

    assert Counter(each.block for each in exposed).keys() == {0, 1}
    assert result(one, exposed, [], NOW).verdict is Verdict.KEEP_RUNNING
    as_if = structs.replace(one, blocks=(one.blocks[0], structs.replace(one.blocks[0])))
    assert result(as_if, exposed, [], NOW).verdict is Verdict.INVALID
    assert one.experiment.status is Status.RUNNING

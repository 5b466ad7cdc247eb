"""The score of risk: what it adds up to, what it says for itself, how it is learned."""

import math
from random import Random
from statistics import NormalDist

import pytest
from msgspec.structs import replace

from pitboss.players.families import RISK
from pitboss.players.features import FEATURES, After, Behaviour, values
from pitboss.players.learning import TooFewPlayers, learn
from pitboss.players.model import BrokenPlayerModel, PlayerModel, Term, decode, encode

pytestmark = pytest.mark.unit

USUAL = Behaviour(
    sessions=10,
    games=1_000,
    mean_stake_cents=100,
    highest_stake_cents=200,
    after_loss=After(
        games=800, stops=8, responses=780, response_ms=600, changes=20, change_cents=10
    ),
    after_win=After(
        games=200, stops=2, responses=190, response_ms=900, changes=20, change_cents=10
    ),
)


def model(**weights: float) -> PlayerModel:
    """A model whose every feature goes from half of what is usual to twice that."""
    terms = []
    for feature, value in zip(FEATURES, values(USUAL), strict=True):
        assert value is not None
        knots = tuple(value * (0.5 + step / 10) for step in range(11))
        terms.append(Term(feature.name, knots, weights.get(feature.name, 0.0)))
    return PlayerModel(
        format=RISK.format,
        terms=tuple(terms),
        offset=-1.0,
        threshold=0.5,
        players=100,
        happened=30,
    )


def chasing(behaviour: Behaviour = USUAL, cents: float = 14.9) -> Behaviour:
    return replace(behaviour, after_loss=replace(behaviour.after_loss, change_cents=cents))


def people(count: int, seed: int = 3) -> tuple[list[Behaviour], list[bool]]:
    """Players; those who come often and raise after losses are of high risk more often."""
    chance = Random(seed)
    found, groups = [], []
    for _ in range(count):
        often, raises = chance.gauss(), chance.gauss()
        games = round(1_000 * math.exp(often))
        odds = 1.5 * often + raises + chance.gauss(0, 0.5)
        found.append(
            replace(
                USUAL,
                sessions=max(round(games / 100), 1),
                games=games,
                after_loss=After(
                    games=0.8 * games,
                    stops=8,
                    responses=0.7 * games,
                    response_ms=chance.uniform(300, 900),
                    changes=40,
                    change_cents=30 * raises,
                ),
            )
        )
        groups.append(chance.random() < 1 / (1 + math.exp(-odds)))
    return found, groups


# --- the score ------------------------------------------------------------------------------------


def test_who_is_in_the_middle_in_everything_is_at_the_offset() -> None:
    found, reasons = model(sessions=2.0, raises_after_loss=1.0).explain(USUAL)

    assert found == pytest.approx(1 / (1 + math.exp(1.0)))
    assert reasons == []


def test_a_score_is_the_sum_of_its_reasons() -> None:
    known = model(sessions=2.0, raises_after_loss=1.5)
    player = replace(chasing(cents=13), sessions=14)

    found, reasons = known.explain(player)

    assert math.log(found / (1 - found)) == pytest.approx(-1 + sum(one.moved for one in reasons))
    assert [one.feature for one in reasons] == ["sessions", "raises_after_loss"]
    assert reasons[0].moved == pytest.approx(2 * NormalDist().inv_cdf(0.9))


def test_reasons_are_in_words() -> None:
    _, reasons = model(raises_after_loss=1.0).explain(chasing())
    _, stopping = model(stops_after_loss=-1.0).explain(
        replace(USUAL, after_loss=replace(USUAL.after_loss, stops=0))
    )

    assert [one.words for one in reasons] == [
        "raises stakes after losses more than 9 in 10 players"
    ]
    assert [one.words for one in stopping] == [
        "stops after losses less readily than 9 in 10 players"
    ]


def test_what_lowers_a_score_is_no_reason_for_it() -> None:
    assert model(raises_after_loss=-1.0).explain(chasing())[1] == []


def test_what_is_not_known_moves_nothing() -> None:
    known = model(response_after_loss=3.0, sessions=1.0)
    silent = replace(USUAL, after_loss=replace(USUAL.after_loss, response_ms=None))

    assert known.probability(values(silent)) == pytest.approx(1 / (1 + math.exp(1.0)))


@pytest.mark.parametrize(
    ("value", "place"),
    [(-5.0, 0.0), (0.0, 0.25), (5.0, 0.625), (10.0, 0.75), (15.0, 0.875), (99.0, 1.0)],
)
def test_a_place_is_the_share_below_and_half_of_those_level(value: float, place: float) -> None:
    assert Term("games", (0.0, 0.0, 0.0, 10.0, 20.0)).place(value) == place


def test_no_value_is_further_out_than_the_first_or_last_of_two_hundred() -> None:
    term = Term("games", (0.0, 1.0, 2.0), 1.0)

    assert term.scaled(1e12) == -term.scaled(-1e12) == NormalDist().inv_cdf(0.995)


# --- bytes ----------------------------------------------------------------------------------------


def test_a_model_is_kept_and_read_again() -> None:
    known = model(sessions=2.0)

    assert decode(encode(known), RISK) == known
    assert encode(decode(encode(known), RISK)) == encode(known)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff",
        b"{}",
        encode(model()).replace(b"pitboss-player-risk-1", b"pitboss-player-risk-9"),
        encode(model()).replace(b'"sessions"', b'"age"'),
        encode(replace(model(), terms=model().terms[1:])),
        encode(replace(model(), terms=(Term("games", (2.0, 1.0)), *model().terms[1:]))),
        encode(replace(model(), terms=(Term("games", ()), *model().terms[1:]))),
    ],
    ids=["empty", "binary", "no-fields", "format", "feature", "fewer", "falling", "no-knots"],
)
def test_other_bytes_are_refused(broken: bytes) -> None:
    with pytest.raises(BrokenPlayerModel):
        decode(broken, RISK)


# --- learning -------------------------------------------------------------------------------------


def test_what_harms_is_learned_and_told_of_others() -> None:
    players, groups = people(900)
    known = learn([values(one) for one in players[:600]], groups[:600], seed=1, family=RISK)

    told = [known.probability(values(one)) for one in players[600:]]
    risky = [score for score, group in zip(told, groups[600:], strict=True) if group]
    others = [score for score, group in zip(told, groups[600:], strict=True) if not group]

    pairs = [high > low for high in risky for low in others]
    assert sum(pairs) / len(pairs) > 0.75
    assert sum(told) / len(told) == pytest.approx(sum(groups[600:]) / 300, abs=0.07)
    assert {term.feature for term in known.terms if term.weight > 0.15} >= {"raises_after_loss"}
    assert 0 < known.threshold < 1


def test_the_same_players_give_the_same_model() -> None:
    players, groups = people(200)
    seen = [values(one) for one in players]

    assert encode(learn(seen, groups, seed=1, family=RISK)) == encode(
        learn(seen, groups, seed=1, family=RISK)
    )


def test_of_few_players_nothing_is_learned() -> None:
    players, _ = people(60)

    with pytest.raises(TooFewPlayers, match="24 to whom it happened and 36 others"):
        learn([values(one) for one in players], [True] * 24 + [False] * 36, seed=1, family=RISK)


def test_a_feature_that_nobody_has_weighs_nothing() -> None:
    players, groups = people(120)
    place = [one.name for one in FEATURES].index("response_after_loss")
    seen = [tuple(None if i == place else v for i, v in enumerate(values(one))) for one in players]

    assert learn(seen, groups, seed=1, family=RISK).terms[place].weight == 0

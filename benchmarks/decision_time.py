"""How long a decision takes inside the function, warm, of 50 offers that all can be made.

`decide` is the decision itself, reasons included: by the rules, and by a learned model. The gate is
measured alone, and with the read that its facts need. The whole handler runs over DynamoDB in
memory (`workbench.proof`), whose own time is part of it, but no network: on AWS each of its calls
adds a round trip. Every decision is on another change of another player, and in turn with the
others measured, so that whatever else the machine does strikes all alike; what a decision computed
itself stands beside what the clock says.
"""

import gc
import json
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from decide_offers import handler as decide_offers
from pitboss.events.player import encode
from pitboss.offers import learning
from pitboss.offers.budget import Budgets
from pitboss.offers.catalogue import Catalogue, Kind, Machine
from pitboss.offers.context import PlayerFacts, Situation, VisitDay, context_of
from pitboss.offers.deciding import Known, decide
from pitboss.offers.gate import Facts, ListName, Lists, Standing, refusals
from pitboss.offers.gate import Machine as Gated
from pitboss.offers.learned import LearnedPolicy, features_of, logged_action
from pitboss.offers.logs import LoggedDecision
from pitboss.offers.policy import (
    CERTAIN,
    NOTHING,
    Policy,
    RulePolicy,
    action_of,
    chosen,
    draw,
    is_held_out,
    probabilities,
)
from workbench.console import WorkbenchError, say
from workbench.proof.offers import DAY, NOON, NORTH, OffersFloor, catalogue, change, offer

OFFERS = 50
DECISIONS = 2_000
LEARNED_FROM = 5_000
WARM_UP = 50
GOALS_MS = {"decide, rules": 10.0, "decide, learned": 10.0, "gate": 2.0}
DOLLAR = 1_000_000
"""In ten-thousandths of a cent."""

_ZONES = ("high limit", "pavilion", "lounge")
_GAMES = ("dollar video poker", "penny slots", "quarter slots")


def run(decisions: int = DECISIONS, learned_from: int = LEARNED_FROM) -> dict[str, Any]:
    """Percentiles in milliseconds."""
    of = fifty()
    chance = random.Random(1)
    known = [situation(of, n, chance) for n in range(decisions)]
    say(f"learning a model from {learned_from:,} decisions ...")
    rules, learned = RulePolicy(), model(of, learned_from)
    floor, messages = _floor(of, decisions)
    house = of.house
    gated = [(one.gate, one.situation.now) for one in known]
    made: dict[str, int] = {"rules": 0, "learned": 0}

    def deciding(name: str, policy: Policy) -> Callable[[int], None]:
        def one(n: int) -> None:
            found = decide(known[n], policy)
            made[name] += found.chosen != NOTHING.code
            if len(found.actions) != OFFERS + 1:
                raise WorkbenchError(f"{len(found.actions)} actions, not all of the offers.")

        return one

    def gate(n: int) -> None:
        if refusals(gated[n][0], house, gated[n][1]):
            raise WorkbenchError("the gate refuses a player whom nothing keeps from offers.")

    def reading(n: int) -> None:
        facts = floor.standings.facts(NORTH, messages[n][0], messages[n][1])
        if refusals(facts, house, NOON):
            raise WorkbenchError("the gate refuses a player whom nothing keeps from offers.")

    def handling(n: int) -> None:
        decide_offers.handler({"Records": [{"messageId": "m", "body": messages[n][2]}]}, None)

    cases: dict[str, Callable[[int], None]] = {
        "decide, rules": deciding("rules", rules),
        "decide, learned": deciding("learned", learned),
        "gate": gate,
        "gate and its read": reading,
        "handler, rules": handling,
    }
    wired, told = decide_offers._wiring, decide_offers.count.flush
    decide_offers._wiring = floor.decider  # type: ignore[assignment]
    decide_offers.count.flush = lambda: None  # type: ignore[method-assign]
    decide_offers.log.setLevel("ERROR")
    say(f"{decisions:,} decisions ...")
    try:
        with floor.installed(with_clock=False):
            _apply(floor, of)
            decider = floor.decider()
            decide_offers._wiring = lambda: decider  # type: ignore[assignment]
            before = floor.network.calls.copy()
            samples = _timed(cases, decisions)
            calls = floor.network.calls - before
    finally:
        decide_offers._wiring, decide_offers.count.flush = wired, told  # type: ignore[method-assign]
    if len(floor.decided()) != decisions:
        raise WorkbenchError(f"{len(floor.decided())} of {decisions} were decided.")
    floor.check()
    calls["dynamodb", "BatchGetItem"] -= decisions  # the gate's, measured with its read
    return {
        "figure": "time of a decision inside the function, warm",
        "unit": "milliseconds",
        "offers_to_choose_from": OFFERS,
        "decisions": decisions,
        "offers_made_in_percent": {k: round(100 * n / decisions) for k, n in made.items()},
        "aws_calls_of_a_decision": {
            operation: round(count / decisions, 2) for (_, operation), count in calls.items()
        },
        "rows": [{"what": name, **_row(name, samples[name])} for name in cases],
    }


def fifty() -> Catalogue:
    """Offers that all can be made to everybody."""
    kinds = list(Kind)
    return catalogue(
        *(
            offer(f"offer-{n}", kind=str(kinds[n % len(kinds)]), cost_cents=200 + 50 * n)
            for n in range(OFFERS)
        ),
        daily_budget_cents=100_000_000,
        approval_above_cents=100_000,
    )


def situation(of: Catalogue, n: int, chance: random.Random) -> Known:
    """What is known when a player's play crosses a step."""
    player = f"p-{n}"
    while is_held_out(NORTH, player, of.house.holdout_basis_points):
        player += "x"
    days = sorted(chance.sample(range(1, 8), chance.randrange(1, 7)))
    facts = PlayerFacts(
        worth=chance.randrange(1_000) * DOLLAR,
        segment=chance.choice(["mass", "high", None]),
        tier=chance.choice(["base", "gold", None]),
        visits=tuple(VisitDay(f"2026-01-0{day}", 10_000 * DOLLAR) for day in [*days, 8]),
        trip_days=chance.randrange(4),
        average_bet=chance.randrange(100_000, 10_000_000),
        games_per_hour=chance.randrange(10_000, 90_000),
    )
    changed = change(player, "1001", 1, theoretical_win=chance.randrange(200) * DOLLAR)
    machine = Machine(chance.choice(_ZONES), chance.choice(_GAMES))
    gate = Facts(
        Lists(dict.fromkeys(ListName, NOON)), Standing(1, {}, 0, "US-NV"), Gated(None, player)
    )
    situation = Situation(changed, facts, machine, (), NOON - 6 * 3_600_000, NOON)
    return Known(situation, of, gate, Budgets())


def model(of: Catalogue, decisions: int) -> LearnedPolicy:
    """A model of what chance chose, where gold players like meals and others free play."""
    chance = random.Random(2)
    actions = [NOTHING, *map(action_of, of.offers)]
    odds = probabilities([0.0] * len(actions), 3_000)
    logged = []
    for n in range(decisions):
        context = context_of(situation(of, n, chance).situation)
        index = chosen(odds, draw(f"learned/{n}"))
        liked = "meal" if context["tier"] == "gold" else "free_play"
        reward = 3_000 * (actions[index].kind == liked) - actions[index].cost_cents
        logged.append(
            LoggedDecision(
                day=DAY,
                features=features_of(context),
                actions=tuple(map(logged_action, actions)),
                chosen=actions[index].code,
                propensities=tuple(odds),
                reward=reward,
            )
        )
    assert sum(odds) == CERTAIN
    return LearnedPolicy("benchmark", learning.Scorer(learning.train(logged)))


def _floor(of: Catalogue, decisions: int) -> tuple[OffersFloor, list[tuple[str, str, str]]]:
    """Players at machines, each with a week's play, and a change of each."""
    floor = OffersFloor(now=NOON)
    floor.complete_lists()
    messages = []
    for n in range(decisions):
        player, asset_id = f"p-{n}", str(1_001 + n)
        while is_held_out(NORTH, player, of.house.holdout_basis_points):
            player += "x"
        floor.welcome(player, asset_id, 10_000 * DOLLAR)
        for day in range(1, 8):
            floor.play(player, 10 * DOLLAR, f"2026-01-0{day}", asset_id)
        messages.append((player, asset_id, encode(change(player, asset_id))))
    return floor, messages


def _apply(floor: OffersFloor, of: Catalogue) -> None:
    if not floor.offers.apply_catalogue(of, NOON, "benchmark", None):
        raise WorkbenchError("the catalogue is not applied.")


def _timed(
    cases: dict[str, Callable[[int], None]], times: int
) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of each by the clock, and of them those it was computing."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    gc.collect()
    gc.freeze()  # the benchmark's own objects: no function has as many
    try:
        for n in range(times):
            for name, case in cases.items():
                started, computing = time.perf_counter_ns(), time.thread_time_ns()
                case(n)
                computed = time.thread_time_ns() - computing
                samples[name].append(((time.perf_counter_ns() - started) / 1e6, computed / 1e6))
    finally:
        gc.unfreeze()
    return {name: found[min(WARM_UP, times // 2) :] for name, found in samples.items()}


def _row(name: str, found: list[tuple[float, float]]) -> dict[str, Any]:
    by_clock, computing = (sorted(one) for one in zip(*found, strict=True))
    return {
        "p50": round(median(by_clock), 3),
        "p99": round(by_clock[len(by_clock) * 99 // 100], 3),
        "max": round(by_clock[-1], 3),
        "computing_p50": round(median(computing), 3),
        "computing_p99": round(computing[len(computing) * 99 // 100], 3),
        "goal_p99": GOALS_MS.get(name),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))

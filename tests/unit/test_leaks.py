"""The leak proof: nobody is reached who must not be, and every way to do it wrong is found."""

from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from pitboss.offers import gate
from tests.contract.template_rules import functions, load
from workbench.proof import leaks

HISTORIES = 300
MOST = 4_000
"""Histories after which a way to do it wrong should have been found."""

FOUND_IN = {"changes overwrite each other": 485, "lists are cleared and filled again": 76}
"""Histories that are known to find them, tried first; any other will do."""

GATED = ("ServeOffersFunction", "DecideOffersFunction")


def test_nobody_is_reached_who_must_not_be() -> None:
    proof = leaks.prove(range(HISTORIES))

    assert proof.violations == []
    counts = proof.counts
    assert counts["histories"] == HISTORIES
    # Not because nothing happens: offers reach those who may have them, and others change.
    assert counts["deliveries"] > HISTORIES / 10
    assert counts["redemptions"] > HISTORIES / 40
    assert counts["shown again"] > HISTORIES / 40
    assert counts["list changes between read and write"] > HISTORIES / 20
    assert counts["imports done"] > HISTORIES / 4
    assert counts["excluded"] > HISTORIES / 4
    assert counts["lifted"] > HISTORIES / 8
    withheld = {name.partition(": ")[2] for name in counts if name.startswith("withheld: ")}
    assert withheld >= {str(why) for why in gate.Refusal if why is not gate.Refusal.UNKNOWN_PLAYER}
    judged = Counter({name: n for name, n in counts.items() if name.startswith("judged: ")})
    assert judged.total() >= counts["deliveries"] + counts["redemptions"]


@pytest.mark.parametrize("mutant", leaks.MUTANTS)
def test_a_way_to_do_it_wrong_is_found(mutant: str) -> None:
    known = [FOUND_IN[mutant]] if mutant in FOUND_IN else []

    assert any(leaks.history(seed, mutant).violations for seed in chain(known, range(MOST)))


def test_a_history_is_the_same_each_time() -> None:
    assert [leaks.history(seed) for seed in range(10)] == [leaks.history(s) for s in range(10)]


def test_what_the_gate_lets_through_is_done_while_it_looks_ahead() -> None:
    assert leaks.TIMEOUT_MS + leaks.UNDER_WAY_MS <= gate.AHEAD_MS
    template = load((Path(__file__).parents[2] / "template.yaml").read_text(encoding="utf-8"))
    found = functions(template)
    default = template["Globals"]["Function"]["Timeout"]
    for name in GATED:
        assert found[name].get("Timeout", default) * 1_000 <= leaks.TIMEOUT_MS

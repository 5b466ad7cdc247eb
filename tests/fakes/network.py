"""A network in memory with tables, in place of AWS, for as long as a test lasts."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Call, Fault, Network


@contextmanager
def tables(now: int, *names: str) -> Iterator[Network]:
    """Tables by `pk` and `sk`, at a moment (epoch ms). What is called must be known there."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        clock = Clock(now, random.Random(1))
        network = Network(clock)
        for name in names:
            network.dynamodb.create_table(name, "pk", "sk")
        with clock.installed(), network.installed():
            yield network
        assert network.unknown == []


def make_scores_table(network: Network) -> None:
    """The table `scores`, as the template makes that of leaderboards."""
    network.dynamodb.create_table(
        "scores",
        "pk",
        "sk",
        types={"part": "S", "place": "S"},
        indexes={"by_place": ("part", "place")},
    )


class Strikes:
    """Lets a fault strike one of the calls to come; nothing strikes before `at`."""

    def __init__(self, network: Network) -> None:
        self._left = -1
        self._fault: Fault | None = None
        network.fault = self._strike

    def at(self, calls: int, fault: Fault) -> None:
        """The fault strikes after this many calls."""
        self._left, self._fault = calls + 1, fault

    def end(self) -> None:
        """Nothing strikes any more."""
        self._left = -1

    def _strike(self, call: Call) -> Fault | None:
        self._left -= 1
        return self._fault if self._left == 0 else None


class Heard[Outcome]:
    """In place of a function's service: what it was called with."""

    def __init__(self, outcome: Outcome) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._outcome = outcome

    def __call__(self, *given: Any) -> Outcome:
        self.calls.append(given)
        return self._outcome

"""A network in memory with tables, in place of AWS, for as long as a test lasts."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Network


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

"""A consumer of a stream that takes its time keeps no other one waiting, as on AWS."""

import logging
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.emulator.launch import mend_streams

pytestmark = pytest.mark.unit

WAIT_SECONDS = 5.0


class Emulator(SimpleNamespace):
    """What the mending touches of the emulator: mappings, a wake-up, one poll for all of them."""

    def __init__(self, mappings: dict[str, str]) -> None:
        self.mappings = mappings
        self.polled: list[str] = []
        self.slow_goes_on = threading.Event()
        self.quick_was_polled = threading.Semaphore(0)
        super().__init__(
            _iter_all_esms=self.every,
            _esm_wake=threading.Event(),
            _poll_kinesis=self.poll,
            _poll_dynamodb_streams=self.poll,
            logger=logging.getLogger("emulator"),
        )

    def every(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name, service in list(self.mappings.items()):
            arn = f"arn:aws:{service}:us-east-1:000000000000:stream/{name}"
            yield "000000000000", "us-east-1", {"UUID": name, "EventSourceArn": arn}

    def poll(self) -> bool:
        for _, _, mapping in self._iter_all_esms():
            if mapping["UUID"] == "slow":
                self.slow_goes_on.wait(WAIT_SECONDS)
            else:
                self.quick_was_polled.release()
        return False


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    made = Emulator({"slow": "kinesis", "quick": "dynamodb", "queue": "sqs"})
    mend_streams(made)
    yield made
    made.mappings.clear()
    made.slow_goes_on.set()
    made._esm_wake.set()


def test_a_slow_consumer_keeps_no_other_waiting(emulator: Emulator) -> None:
    assert not emulator._poll_kinesis()
    assert not emulator._poll_dynamodb_streams()

    assert emulator.quick_was_polled.acquire(timeout=WAIT_SECONDS)
    emulator._esm_wake.set()
    assert emulator.quick_was_polled.acquire(timeout=WAIT_SECONDS)


def test_a_mapping_that_is_deleted_is_polled_no_more(emulator: Emulator) -> None:
    emulator._poll_dynamodb_streams()
    assert emulator.quick_was_polled.acquire(timeout=WAIT_SECONDS)
    threads = {thread for thread in threading.enumerate() if "poll_one" in thread.name}

    emulator.mappings.clear()
    emulator._esm_wake.set()
    for thread in threads:
        thread.join(WAIT_SECONDS)

    assert threads
    assert not any(thread.is_alive() for thread in threads)


def test_the_emulators_own_loop_still_sees_every_mapping(emulator: Emulator) -> None:
    assert [mapping["UUID"] for _, _, mapping in emulator._iter_all_esms()] == [
        "slow",
        "quick",
        "queue",
    ]

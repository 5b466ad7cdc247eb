"""What a failure model is to say, what of it is known, and what may be learned from."""

import math
from typing import Any

import numpy as np
import pytest

from pitboss.shufflers import labels
from pitboss.shufflers.histories import Happening, History

pytestmark = pytest.mark.unit

NAN = math.nan


def history(**changes: Any) -> History:
    made: dict[str, Any] = {
        "unit": "7",
        "times": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "readings": {"heat": [1.0] * 7},
        "counts": {"jams": [0.0] * 7},
        "failures": (Happening(3.0, "motor"), Happening(4.5, "camera")),
    }
    return History(**(made | changes))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        # What happens at a row's time is known by then; the last two hours say nothing.
        ("", [0, 1, 1, 1, 1, NAN, NAN]),
        ("motor", [0, 1, 1, 0, 0, NAN, NAN]),
        ("camera", [0, 0, 0, 1, 1, NAN, NAN]),
    ],
)
def test_fails_within_the_horizon(part: str, expected: list[float]) -> None:
    found = labels.fails_within(history(), 2.0, part)

    assert found.tolist() == pytest.approx(expected, nan_ok=True)


def test_a_failure_before_the_horizon_is_not_seen_whole_is_left_out_too() -> None:
    # Else the last rows would be those that failed, and none of those that did not.
    found = labels.fails_within(history(failures=(Happening(5.5, "motor"),)), 2.0)

    assert found.tolist() == pytest.approx([0, 0, 0, 0, 1, NAN, NAN], nan_ok=True)


def test_what_was_mended_before_it_could_fail_is_not_known_to_have_been_sound() -> None:
    mended = history(maintenance=(Happening(2.0, "motor"), Happening(4.6, "camera")))

    found = labels.fails_within(mended, 2.0, "camera", unless_mended=True)
    motor = labels.fails_within(mended, 2.0, "motor", unless_mended=True)

    # The camera was mended after it had failed: that is no reason to doubt that it did.
    assert found.tolist() == pytest.approx([0, 0, 0, 1, 1, NAN, NAN], nan_ok=True)
    assert motor.tolist() == pytest.approx([NAN, NAN, 1, 0, 0, NAN, NAN], nan_ok=True)


def test_a_run_to_failure_is_known_to_its_end() -> None:
    run = history(failures=(), ended_by_failure=True)

    assert labels.fails_within(run, 2.0).tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert labels.remaining_life(run).tolist() == [6, 5, 4, 3, 2, 1, 0]
    # Which part it was is not known.
    assert np.isnan(labels.remaining_life(run, None, "motor")).all()


@pytest.mark.parametrize(
    ("cap", "expected"),
    [
        (None, [3, 2, 1, 1.5, 0.5, NAN, NAN]),
        (1.0, [1, 1, 1, 1, 0.5, 1, NAN]),  # at 5 it was seen for another hour
    ],
)
def test_remaining_life(cap: float | None, expected: list[float]) -> None:
    found = labels.remaining_life(history(), cap)

    assert found.tolist() == pytest.approx(expected, nan_ok=True)


# --- what may be learned from ---------------------------------------------------------------------


def test_nothing_after_a_moment_is_in_a_history_until_it() -> None:
    found = labels.until(history(ended_by_failure=True), 3.5)

    assert list(found.times) == [0, 1, 2, 3]
    assert [len(values) for values in (*found.readings.values(), *found.counts.values())] == [4, 4]
    assert found.failures == (Happening(3.0, "motor"),)
    assert not found.ended_by_failure


def test_a_gap_of_the_horizon_lies_before_the_moment() -> None:
    known = labels.fails_within(labels.until(history(), 4.0), 2.0)

    # Row 3 would be followed by the camera's failure at 4.5, which was not known at 4.
    assert known.tolist() == pytest.approx([0, 1, 1, NAN, NAN], nan_ok=True)


def test_devices_are_divided_whole_evenly_and_whatever_their_order() -> None:
    units = [str(number) for number in range(23)]

    found = labels.folds(units, 5, seed=1)

    assert found == labels.folds(reversed(units), 5, seed=1)
    assert sorted(found) == sorted(units)
    assert sorted(list(found.values()).count(fold) for fold in range(5)) == [4, 4, 5, 5, 5]
    assert found != labels.folds(units, 5, seed=2)


def test_moments_are_shares_of_the_time_of_all() -> None:
    late = history(times=[4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])

    assert labels.moments([history(), late], (0.5, 0.75)) == [5.0, 7.5]

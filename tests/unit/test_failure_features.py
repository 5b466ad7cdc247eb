"""What a failure model sees of a device, and that it sees nothing that comes later."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pitboss.shufflers import features, labels
from pitboss.shufflers.features import Feature, Plan
from pitboss.shufflers.histories import Happening, History

pytestmark = pytest.mark.unit

PLAN = Plan(windows=(2.0, 5.0), half_lives=(3.0,), baseline=4.0)


def history(**changes: Any) -> History:
    made: dict[str, Any] = {
        "unit": "7",
        "times": [1.0, 2.0, 3.0, 5.0, 8.0],
        "readings": {"heat": [10.0, 12.0, math.nan, 11.0, 15.0]},
        "counts": {"jams": [0.0, 2.0, 0.0, 1.0, 0.0]},
        "failures": (Happening(3.5, "motor"),),
        "maintenance": (Happening(0.5, "camera"), Happening(4.0, "motor")),
        "facts": {"model": 3.0},
    }
    return History(**(made | changes))


def seen(one: History, plan: Plan = PLAN) -> dict[str, list[float]]:
    columns = features.columns_of([one], plan)
    rows = features.rows(one, columns, plan)
    names = [str(feature) for feature in features.features(columns, plan)]
    assert rows.shape == (len(one.times), len(names))
    assert len(set(names)) == len(names)
    return dict(zip(names, rows.T.tolist(), strict=True))


NAN = math.nan


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("heat last", [10, 12, 12, 11, 15]),
        ("heat mean 2", [10, 11, 12, 11, 15]),
        ("heat mean 5", [10, 11, 11, 11, 13]),
        ("heat std 5", [0, 1, 1, math.sqrt(2 / 3), 2]),
        ("heat min 5", [10, 10, 10, 10, 11]),
        ("heat max 5", [10, 12, 12, 12, 15]),
        ("heat slope 5", [NAN, NAN, NAN, 9 / 78, NAN]),
        ("heat shift 2", [0, 0, 1, 0, 4]),
        ("jams sum 2", [0, 2, 2, 1, 0]),
        ("jams sum 5", [0, 2, 2, 3, 1]),
        ("jams total", [0, 2, 2, 3, 3]),
        ("jams since", [NAN, 0, 1, 0, 3]),
        ("failed sum 2", [0, 0, 0, 1, 0]),
        ("failed:motor since", [NAN, NAN, NAN, 1.5, 4.5]),
        ("mended since", [0.5, 1.5, 2.5, 1, 4]),
        ("mended:camera since", [0.5, 1.5, 2.5, 4.5, 7.5]),
        ("mended:motor total", [0, 0, 0, 1, 1]),
        ("device age", [0, 1, 2, 4, 7]),
        ("model fact", [3, 3, 3, 3, 3]),
    ],
)
def test_each_feature_is_what_it_is_called(feature: str, expected: list[float]) -> None:
    assert seen(history())[feature] == pytest.approx(expected, nan_ok=True)


def test_a_slope_is_that_of_least_squares() -> None:
    times = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 9.0])
    heat = np.array([3.0, 4.0, 2.0, 8.0, 7.0, 1.0]) + 1e6

    found = seen(
        History(unit="1", times=list(times), readings={"heat": list(heat)}, counts={}),
        Plan(windows=(6.0,)),
    )["heat slope 6"]

    for row in range(2, 6):
        inside = (times > times[row] - 6) & (times <= times[row])
        if inside.sum() > 2:
            assert found[row] == pytest.approx(np.polyfit(times[inside], heat[inside], 1)[0])


def test_a_weighted_mean_forgets_half_in_its_half_life() -> None:
    one = History(unit="1", times=[0.0, 3.0], readings={"heat": [0.0, 9.0]}, counts={})

    # Weights 1/2 and 1.
    assert seen(one)["heat ewma 3"] == pytest.approx([0, 6])


def test_what_never_changes_or_is_a_setting_is_no_feature() -> None:
    one = history(readings={"heat": [1.0] * 5, "load": [1.0, 2.0, 1.0, 2.0, 1.0], "x": [0.0] * 5})
    plan = Plan(windows=(2.0,), settings=("load",))

    assert features.columns_of([one], plan).readings == ()


@pytest.mark.parametrize(
    "changes", [{"times": [1.0, 2.0, 2.0, 5.0, 8.0]}, {"counts": {"jams": [1.0]}}]
)
def test_a_garbled_history_is_refused(changes: dict[str, Any]) -> None:
    columns = features.columns_of([history()], PLAN)
    with pytest.raises(ValueError, match="7: "):
        features.rows(history(**changes), columns, PLAN)


# --- nothing later --------------------------------------------------------------------------------

number = some.floats(-1e6, 1e6)


@some.composite
def histories(draw: some.DrawFn) -> History:
    steps = draw(some.lists(some.floats(0.1, 9.0), min_size=2, max_size=12))
    times = [float(at) for at in np.cumsum(steps)]

    def several[T](one: some.SearchStrategy[T]) -> list[T]:
        return draw(some.lists(one, min_size=len(times), max_size=len(times)))

    happenings = some.lists(
        some.builds(Happening, some.floats(0, 60), some.sampled_from(["a", "b"])), max_size=4
    ).map(tuple)
    return History(
        unit="1",
        times=times,
        readings={
            "load": several(some.sampled_from([0.0, 50.0])),
            "heat": several(number | some.just(math.nan)),
        },
        counts={"jams": several(some.integers(0, 3).map(float))},
        failures=draw(happenings),
        maintenance=draw(happenings),
    )


@settings(max_examples=60, deadline=None)
@given(histories(), histories(), some.data())
def test_what_comes_later_changes_no_row(
    one: History, other: History, data: some.DataObject
) -> None:
    plan = Plan(windows=(3.0, 20.0), half_lives=(4.0,), baseline=6.0, settings=("load",))
    columns = features.columns_of([one, other], plan)
    conditions = features.conditions_of([other], plan, 1)
    now = data.draw(some.integers(0, len(one.times) - 1))
    moment = one.times[now]
    past = labels.until(one, moment)
    changed = msgspec.structs.replace(
        past,
        times=[*past.times, *(moment + at for at in other.times)],
        readings={name: [*past.readings[name], *other.readings[name]] for name in past.readings},
        counts={"jams": [*past.counts["jams"], *other.counts["jams"]]},
        failures=(
            *past.failures,
            *(Happening(moment + f.at + 1e-3, f.part) for f in other.failures),
        ),
        maintenance=(
            *past.maintenance,
            *(Happening(moment + m.at + 1e-3, m.part) for m in other.maintenance),
        ),
    )

    alone = features.rows(past, columns, plan, conditions)
    for later in (one, changed):
        found = features.rows(later, columns, plan, conditions)[: now + 1]
        np.testing.assert_array_equal(found, alone)


# --- how devices are run --------------------------------------------------------------------------

CONDITIONS = [(0, 0, 100), (10, 0.25, 100), (20, 0.7, 100), (25, 0.62, 60), (35, 0.84, 100)]
SETTINGS = ("a", "b", "c")


def flown(conditions: list[tuple[float, ...]], rows: int = 400) -> History:
    """A reading that depends on the condition far more than on the wear that it also shows."""
    chance = np.random.default_rng(3)
    where = chance.integers(0, len(conditions), rows)
    flown = np.array(conditions, float)[where] + chance.normal(0, 1e-3, (rows, 3))
    wear = np.linspace(0, 1, rows)
    heat = 500 - 100.0 * where + (1 + where) * (wear + chance.normal(0, 0.1, rows))
    return History(
        unit="1",
        times=list(range(rows)),
        readings={**dict(zip(SETTINGS, flown.T.tolist(), strict=True)), "heat": heat.tolist()},
        counts={},
    )


def test_readings_are_compared_with_what_is_usual_in_their_condition() -> None:
    one = flown(CONDITIONS)  # type: ignore[arg-type]
    plan = Plan(windows=(50.0,), settings=SETTINGS)

    found = features.conditions_of([one], plan, 1)

    assert found is not None
    assert len(found.centres) == len(CONDITIONS)
    heat = features.compared(one, found)["heat"]
    assert np.corrcoef(heat, one.times)[0, 1] > 0.9
    assert abs(np.corrcoef(one.readings["heat"], one.times)[0, 1]) < 0.2


def test_settings_that_are_noise_are_one_condition() -> None:
    found = features.conditions_of([flown(CONDITIONS[:1])], Plan(windows=(), settings=SETTINGS), 1)  # type: ignore[arg-type]

    assert found is not None
    assert len(found.centres) == 1


def test_a_feature_says_what_it_is_of() -> None:
    assert str(Feature("motor_ma", "slope", 720.0)) == "motor_ma slope 720"

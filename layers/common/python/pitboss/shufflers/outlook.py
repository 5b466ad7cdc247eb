"""What is to be expected of each part of a shuffler: a model a part, and when to do something.

    learned = learn(histories, costs)     # at night
    outlook = Outlook(learned.model)      # whoever recommends
    outlook.prospects(seen(history))      # by part: how probable a failure is, and why

A part's model says how probable it is that the part fails within the next week
(`pitboss.shufflers.failure_model`). What to do about that is a matter of money: each part's
threshold is the cheapest on the last of the time, of which the models did not learn.

numpy and LightGBM are in `layers/trees` only: import this where models are trained or asked.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pitboss.events.shuffler import Part
from pitboss.shufflers import words
from pitboss.shufflers.boosting import Boosting, BrokenModel
from pitboss.shufflers.costs import Costs, Life, Threshold, best_thresholds
from pitboss.shufflers.exports import DeviceHours
from pitboss.shufflers.failure_card import Card, Judged
from pitboss.shufflers.failure_gate import DeviceLoss, Verdict, decide
from pitboss.shufflers.failure_model import FailureModel, NothingToLearn, Recipe, train, version
from pitboss.shufflers.features import Plan
from pitboss.shufflers.histories import Happening, History
from pitboss.shufflers.hours import history_of
from pitboss.shufflers.maintenance import HOUR_MS, SETTLING_MS, Prospect

type Floats = NDArray[np.floating[Any]]

FORMAT = "pitboss-outlook-1"

HORIZON_HOURS = 336.0
"""Failures within it are foreseen: long enough for work to be planned."""

STEP_HOURS = 24.0
"""Of the rows that models see: wear takes weeks."""

LEAST_FAILURES = 10
"""Of a part, to learn anything of it from."""

FRESH_HOURS = 336.0
"""For so long after a part was replaced a sensor shows what it shows of a part that is as new."""

TELLS: Mapping[Part, tuple[str, ...]] = {
    Part.ROLLERS: ("roller_slip_bp", "vibration_um_s", "cycle_ms"),
    Part.GRIPPER: ("gripper_offset_um",),
    Part.ELEVATOR: ("elevator_offset_um", "cycle_motor_ma"),
    Part.MOTOR: (
        "cycle_motor_ma",
        "cycle_motor_peak_ma",
        "cycle_temperature_dc",
        "vibration_um_s",
    ),
    Part.CAMERA: ("recognition_bp", "cycle_recognition_bp"),
}
"""The sensors that a part's wear shows in: what each showed when the part was new is remembered."""

OFFSETS = ("gripper_offset_um", "elevator_offset_um")
"""Either way off is off."""

RECIPE = Recipe(
    plan=Plan(
        windows=(72.0, 720.0),
        statistics=("mean", "slope"),
        count_windows=(720.0,),
        ages=False,
    ),
    horizon=HORIZON_HOURS,
    unless_mended=True,
    boosting=Boosting(rounds=200, rate=0.04, leaves=7, least_rows=60),
    calibration_share=0.1,
    held_out_share=0.2,
)
"""Of each part, with its own name in it."""


class PartModel(Struct, frozen=True):
    """A part's model, and from which probability on work at it pays."""

    model: bytes
    threshold: Threshold


class OutlookCard(Struct, frozen=True, kw_only=True):
    """How models of all parts were made, and what they are worth."""

    version: str
    devices: int
    failures: int
    learned_until_hours: float | None
    """Of the histories' clock: nothing later was learned from."""
    parts: dict[str, Card]
    thresholds: dict[str, Threshold]
    unlearned: dict[str, str]
    """Parts that have no model, and why."""
    verdict: Verdict
    replaces: str | None


class Learned(NamedTuple):
    """What came of a night."""

    model: bytes
    card: OutlookCard


class _Envelope(Struct, frozen=True, kw_only=True):
    format: str
    horizon_hours: float
    parts: dict[Part, PartModel]


class Outlook:
    """Models that were loaded.

    Raises:
        BrokenModel: the bytes are no models, or none that this release can read.
    """

    def __init__(self, model: bytes) -> None:
        try:
            known = msgspec.json.decode(model, type=_Envelope)
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise BrokenModel(f"these bytes are no models of parts: {fault}") from fault
        if known.format != FORMAT:
            raise BrokenModel(f"the models are of the format {known.format!r}, not {FORMAT!r}")
        self.version = version(model)[:12]
        self.horizon_hours = known.horizon_hours
        self.models = {part: FailureModel(one.model) for part, one in known.parts.items()}
        self.thresholds = {part: one.threshold.probability for part, one in known.parts.items()}

    def probabilities(self, histories: Sequence[History]) -> dict[Part, Floats]:
        """By part, of each history at its last time: a failure within the horizon.

        Args:
            histories: as models see them (see `seen`), each with a time at least.
        """
        rows = _Seen(histories)
        return {part: model.say(rows.of(model)) for part, model in self.models.items()}

    def prospects(self, history: History) -> list[Prospect]:
        """What is to be expected of each part that there is a model of, and why.

        Args:
            history: as models see it (see `seen`).
        """
        rows = _Seen([history])
        found = []
        for part, model in self.models.items():
            row = rows.of(model)
            moved: dict[words.Feature, float] = {
                one.feature: one.moved for one in model.explain_row(row[0])
            }
            figures: dict[words.Feature, float] = dict(
                zip(model.features, map(float, row[0]), strict=True)
            )
            found.append(
                Prospect(
                    part,
                    float(model.say(row)[0]),
                    self.horizon_hours,
                    words.reasons(moved, figures),
                )
            )
        return found


class _Seen:
    """The last rows of histories, made once for models that see the same."""

    def __init__(self, histories: Sequence[History]) -> None:
        self._histories = histories
        self._made: list[tuple[object, Floats]] = []

    def of(self, model: FailureModel) -> Floats:
        for sees, rows in self._made:
            if sees == model.sees:
                return rows
        rows = np.vstack([model.rows(one)[-1:] for one in self._histories])
        self._made.append((model.sees, rows))
        return rows


def coarse(history: History, step: float = STEP_HOURS) -> History:
    """A history in larger steps, the last of which ends at its last time.

    A reading is the mean of the step's; an hour without one does not count. Counts are sums.
    """
    times = np.asarray(history.times, dtype=np.float64)
    if not len(times):
        return history
    place = np.floor((times[-1] - times) / step).astype(np.int64)
    starts = np.flatnonzero(np.diff(place, prepend=place[0] + 1))
    return msgspec.structs.replace(
        history,
        times=times[-1] - place[starts] * step,
        readings={name: _means(values, starts) for name, values in history.readings.items()},
        counts={
            name: np.add.reduceat(np.asarray(values, dtype=np.float64), starts)
            for name, values in history.counts.items()
        },
    )


def against_new(history: History) -> History:
    """A history with what sensors show more, or less, than when a part was new.

    Devices differ in what their sensors show, by as much as wear makes of it. What one showed in
    the time after each replacement of a part (`FRESH_HOURS`), on average of those that there were
    so far, is its own; of a part that was never replaced yet it is not known. The readings are
    called `<reading>@<part>`. Offsets are without their sign.
    """
    times = np.asarray(history.times, dtype=np.float64)
    readings = {name: np.asarray(values, float) for name, values in history.readings.items()}
    found: dict[str, Floats] = {}
    for part, names in TELLS.items():
        mended = np.sort([one.at for one in history.maintenance if one.part == part])
        lives = np.searchsorted(mended, times, side="left")
        since = times - np.concatenate([[-np.inf], mended])[lives]
        for name in names:
            if name not in readings:
                continue
            shown = readings[name]
            is_fresh = (since <= FRESH_HOURS) & np.isfinite(shown)
            with np.errstate(invalid="ignore", divide="ignore"):
                usual = np.cumsum(np.where(is_fresh, shown, 0.0)) / np.cumsum(is_fresh)
            more = shown - usual
            found[f"{name}@{part}"] = np.abs(more) if name in OFFSETS else more
    found |= {name: np.abs(readings[name]) for name in OFFSETS if name in readings}
    return msgspec.structs.replace(history, readings=readings | found)


def history_of_hours(device: DeviceHours) -> History:
    """A device's history, of what was exported of it, in hours since 1970: one clock for all."""
    name = f"{device.property_id}/{device.asset_id}"
    found = history_of(name, device.hours, device.sums, device.failures, device.maintenance)
    first = device.hours[0]
    return msgspec.structs.replace(
        found,
        times=np.asarray(found.times, dtype=np.float64) + first,
        failures=tuple(Happening(one.at + first, one.part) for one in found.failures),
        maintenance=tuple(Happening(one.at + first, one.part) for one in found.maintenance),
    )


def seen(history: History) -> History:
    """A history of hours as the models see it."""
    return against_new(coarse(history))


def _means(values: Sequence[float], starts: NDArray[np.intp]) -> Floats:
    shown = np.asarray(values, dtype=np.float64)
    seen = np.isfinite(shown)
    number = np.add.reduceat(seen.astype(np.float64), starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.add.reduceat(np.where(seen, shown, 0.0), starts) / number)


# --- learning -------------------------------------------------------------------------------------


def learn(
    histories: Iterable[History],
    costs: Costs,
    champion: bytes | None = None,
    recipe: Recipe = RECIPE,
    said: Callable[[str], None] = lambda progress: None,
) -> Learned:
    """Models of all parts, their thresholds, and whether they are better than those that serve.

    Args:
        histories: of devices, each with a name of its own as its unit, in hours of one clock.
        costs: of planned work and of failures.
        champion: the models that serve; None where none does.
        recipe: how each part's model is learned.
        said: told what is being done.

    Raises:
        NothingToLearn: no part has a model.
    """
    known = [seen(one) for one in histories]
    trained, cards, judged, unlearned = {}, {}, {}, {}
    lives: dict[Part, list[Life]] = {}
    for part in Part:
        failures = sum(one.part == part for history in known for one in history.failures)
        if failures < LEAST_FAILURES:
            unlearned[str(part)] = f"{failures} failures; {LEAST_FAILURES} are needed"
            continue
        said(f"{part}: {failures} failures")
        try:
            made = train(known, msgspec.structs.replace(recipe, part=str(part)))
        except NothingToLearn as fault:
            unlearned[str(part)] = str(fault)
            continue
        model = FailureModel(made.model)
        trained[part], cards[str(part)] = made.model, made.card
        judged[part] = (model, model.judge(known, after=model.learned_until))
        lives[part] = [
            life
            for history in known
            for life in lives_of(history, part, model.predict(history), model.learned_until or 0.0)
        ]
    if not trained:
        raise NothingToLearn("no part failed often enough to learn from")
    thresholds = best_thresholds(lives, costs)
    parts = {part: PartModel(made, thresholds[part]) for part, made in trained.items()}
    packed = msgspec.json.encode(
        _Envelope(format=FORMAT, horizon_hours=recipe.horizon, parts=parts)
    )
    verdict = _verdict(judged, champion)
    card = OutlookCard(
        version=version(packed)[:12],
        devices=len(known),
        failures=sum(len(one.failures) for one in known),
        learned_until_hours=next(iter(judged.values()))[0].learned_until,
        parts=cards,
        thresholds={str(part): one for part, one in thresholds.items()},
        unlearned=unlearned,
        verdict=verdict,
        replaces=None if champion is None else Outlook(champion).version,
    )
    return Learned(packed, card)


def lives_of(
    history: History, part: Part, probabilities: Sequence[float] | Floats, after: float
) -> Iterator[Life]:
    """The lives of a part, from a moment on, and what a model said in them.

    What it says before the work's effect can be seen (`SETTLING_MS`) is left out, as it is not
    listened to then.

    Args:
        history: of the device.
        part: which.
        probabilities: at each of its times.
        after: the moment; a life that began earlier is taken to begin then.
    """
    times = [float(at) for at in history.times]
    failed = sorted(one.at for one in history.failures if one.part == part)
    mended = sorted(one.at for one in history.maintenance if one.part == part)
    settling = SETTLING_MS / HOUR_MS
    start, last = after, times[-1]
    heard_from = after
    while start < last:
        failure = next((at for at in failed if at > start), last)
        work = next((at for at in mended if at > start), last)
        end = min(failure, work, last)
        first, beyond = bisect_right(times, heard_from), bisect_left(times, end)
        yield Life(
            [at - start for at in times[first:beyond]],
            [float(p) for p in probabilities[first:beyond]],
            end - start,
            failed=failure <= work and failure < last,
            mended=work < failure,
        )
        # After a failure the life begins with its repair.
        start = end if work <= failure else next((at for at in mended if at >= failure), last)
        heard_from = start + settling


def _verdict(
    judged: Mapping[Part, tuple[FailureModel, list[Judged]]], champion: bytes | None
) -> Verdict:
    """Whether they are better than the champion's, or than knowing how often parts fail."""
    before = {} if champion is None else Outlook(champion).models
    ours: list[dict[str, DeviceLoss]] = []
    theirs: list[dict[str, DeviceLoss]] = []
    for part, (model, rows) in judged.items():
        ours.append(model.losses(rows))
        other = before.get(part)
        if other is None:
            theirs.append(model.losses(rows, guess=model.base))
        else:
            after = model.learned_until
            theirs.append(other.losses(other.judge([one.history for one in rows], after=after)))
    return decide(_added(ours), _added(theirs))


def _added(losses: Iterable[Mapping[str, DeviceLoss]]) -> dict[str, DeviceLoss]:
    found: dict[str, DeviceLoss] = {}
    for of_part in losses:
        for unit, one in of_part.items():
            sum_of = found.get(unit, DeviceLoss(0, 0, 0.0))
            found[unit] = DeviceLoss(
                sum_of.rows + one.rows, sum_of.positives + one.positives, sum_of.loss + one.loss
            )
    return found

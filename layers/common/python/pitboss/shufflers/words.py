"""Reasons of a recommendation in words: what moved a model, as a technician would say it.

A model speaks of features, several of each channel: the motor's current over a day, a week and a
month. What they add to the risk is added up by channel; the channels that add most are said, each
once, by comparing what it shows lately with what it showed over the longest window.
"""

from collections import defaultdict
from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

type Feature = tuple[str, str, float]
"""Channel, statistic and window in hours: what `pitboss.shufflers.features.Feature` names, which is
in a module that needs numpy."""

MOST = 3
"""Reasons of a recommendation, at most."""

LEAST_SHARE = 0.05
"""Of what moves the risk up: a channel that adds less is not said."""

HOURS_A_DAY = 24.0
LATELY_HOURS = 24.0
"""The shortest window that is compared; an hour is too little to say anything of."""

NOTABLE = 0.02
"""A reading that is as little above or below what it was is only said as it is."""

PER = "cycles"
"""The channel that counts of jams and the like are divided by."""


class _Reading(NamedTuple):
    name: str
    scale: float
    """Of the unit that is said, in the channel's unit."""
    unit: str
    is_offset: bool = False
    """Whether 0 is as it should be: then a share of change says nothing."""
    digits: int = 0


READINGS: Mapping[str, _Reading] = {
    "cycle_ms": _Reading("shuffle time", 1_000, "s", digits=1),
    "cycle_motor_ma": _Reading("motor current while shuffling", 1, "mA"),
    "cycle_motor_peak_ma": _Reading("peak motor current", 1, "mA"),
    "cycle_temperature_dc": _Reading("temperature while shuffling", 10, "degrees C", digits=1),
    "cycle_recognition_bp": _Reading("card recognition while shuffling", 100, "%", digits=1),
    "motor_ma": _Reading("motor current", 1, "mA"),
    "motor_peak_ma": _Reading("peak motor current", 1, "mA"),
    "temperature_dc": _Reading("temperature", 10, "degrees C", digits=1),
    "vibration_um_s": _Reading("vibration", 1_000, "mm/s", digits=2),
    "roller_slip_bp": _Reading("roller slip", 100, "%", digits=2),
    "gripper_offset_um": _Reading("gripper offset", 1, "um", is_offset=True),
    "elevator_offset_um": _Reading("elevator offset", 1, "um", is_offset=True),
    "recognition_bp": _Reading("card recognition", 100, "%", digits=1),
    "supply_mv": _Reading("supply voltage", 1_000, "V", digits=2),
    "energy_j": _Reading("energy drawn", 1_000, "kJ", digits=1),
}
"""Channels of readings, as they are said."""

COUNTS: Mapping[str, tuple[str, str]] = {
    "jams": ("jam", "jams"),
    "jams_unrecovered": ("jam cleared by hand", "jams cleared by hand"),
    "misreads": ("misread card", "misread cards"),
    "miscounts": ("miscount", "miscounts"),
    "card_retries": ("card fed again", "cards fed again"),
    "retries": ("card fed again", "cards fed again"),
    "faults": ("fault", "faults"),
    "link_losses": ("loss of the link", "losses of the link"),
    "door_openings": ("door opening", "door openings"),
    "cycles": ("shuffle", "shuffles"),
    "cards": ("card", "cards"),
}
"""Channels of counts: one, and several."""


def reasons(
    contributions: Mapping[Feature, float], figures: Mapping[Feature, float], most: int = MOST
) -> tuple[str, ...]:
    """Why the risk is what it is, what says most first.

    Args:
        contributions: what each feature adds to the log-odds.
        figures: the features themselves; NaN where nothing is known.
        most: reasons at most.
    """
    by_channel: defaultdict[str, float] = defaultdict(float)
    for (channel, _, _), adds in contributions.items():
        by_channel[channel] += adds
    up = {channel: adds for channel, adds in by_channel.items() if adds > 0}
    least = LEAST_SHARE * sum(up.values())
    said: list[str] = []
    for channel in sorted(up, key=lambda one: (-up[one], one)):
        if up[channel] < least or len(said) == most:
            break
        sentence = say(channel, figures)
        if sentence and sentence not in said:
            said.append(sentence)
    return tuple(said)


def say(channel: str, figures: Mapping[Feature, float]) -> str | None:
    """A channel in words; None where its figures are not known.

    >>> say("motor_ma", {("motor_ma", "mean", 24.0): 912.0, ("motor_ma", "mean", 720.0): 800.0})
    'motor current 14 % above its mean of 30 days (912 mA)'
    >>> say("jams", {("jams", "sum", 24.0): 7.0, ("cycles", "sum", 24.0): 1000.0,
    ...              ("jams", "sum", 720.0): 63.0, ("cycles", "sum", 720.0): 27_000.0})
    '7 jams per 1,000 shuffles, 3 times the rate of 30 days'
    """
    known = {feature: value for feature, value in figures.items() if isfinite(value)}
    reading, _, of_part = channel.partition("@")
    if of_part and reading in READINGS:
        return _against_new(channel, READINGS[reading], of_part, known)
    if channel in READINGS:
        return _of_reading(channel, READINGS[channel], known)
    if channel in COUNTS:
        return _of_count(channel, known)
    kind, _, part = channel.partition(":")
    if kind in {"mended", "failed"}:
        return _of_happening(channel, kind, part, known)
    if channel == "device" and ("device", "age", 0.0) in known:
        return f"in service for {_days(known['device', 'age', 0.0])}"
    return None


def _of_reading(channel: str, one: _Reading, known: Mapping[Feature, float]) -> str | None:
    windows = sorted(w for c, s, w in known if c == channel and s == "mean" and w)
    lately = [w for w in windows if w >= LATELY_HOURS]
    now = known.get((channel, "mean", lately[0])) if lately else known.get((channel, "last", 0.0))
    if now is None:
        return None
    shown = f"{now / one.scale:,.{one.digits}f} {one.unit}"
    if len(lately) < 2:
        return f"{one.name} at {shown}"
    usual = known[channel, "mean", lately[-1]]
    of = f"its mean of {_days(lately[-1])}"
    if one.is_offset:
        return f"{one.name} {shown}, {of} is {usual / one.scale:,.{one.digits}f}"
    change = (now - usual) / abs(usual) if usual else 0.0
    if abs(change) < NOTABLE:
        return f"{one.name} at {shown}"
    way = "above" if change > 0 else "below"
    return f"{one.name} {abs(change) * 100:.0f} % {way} {of} ({shown})"


def _against_new(
    channel: str, one: _Reading, part: str, known: Mapping[Feature, float]
) -> str | None:
    windows = sorted(w for c, s, w in known if c == channel and s == "mean" and w >= LATELY_HOURS)
    if not windows:
        return None
    more = known[channel, "mean", windows[0]] / one.scale
    way = "more" if more > 0 else "less"
    is_are = "were" if part.endswith("s") else "was"
    return (
        f"{one.name} {abs(more):,.{one.digits}f} {one.unit} {way} than when the {part} {is_are} new"
    )


def _of_count(channel: str, known: Mapping[Feature, float]) -> str | None:
    single, several = COUNTS[channel]
    windows = sorted(w for c, s, w in known if c == channel and s == "sum" and w >= LATELY_HOURS)
    # The shortest window in which anything happened says what is new.
    window = next((w for w in windows if known[channel, "sum", w] > 0), None)
    if window is None:
        return None
    number = known[channel, "sum", window]
    rate = None if channel == PER else _rate(channel, window, known)
    if rate is None:
        return f"{number:,.0f} {single if number == 1 else several} in {_days(window)}"
    # One in a hundred cycles is 10 per 1,000 only where there were enough of them to say so.
    said = f"{rate:,.0f}" if rate >= 1 else f"{rate:.1g}"
    sentence = f"{said} {single if said == '1' else several} per 1,000 shuffles"
    longest = windows[-1]
    usual = _rate(channel, longest, known) if longest > window else None
    if not usual:
        return sentence
    times = rate / usual
    if times < 1.2:
        return sentence
    said = f"{times:.0f}" if times >= 2.5 else f"{times:.1f}".removesuffix(".0")
    return f"{sentence}, {said} times the rate of {_days(longest)}"


def _rate(channel: str, window: float, known: Mapping[Feature, float]) -> float | None:
    cycles = known.get((PER, "sum", window), 0.0)
    return 1_000 * known[channel, "sum", window] / cycles if cycles else None


def _of_happening(channel: str, kind: str, part: str, known: Mapping[Feature, float]) -> str | None:
    since = known.get((channel, "since", 0.0))
    what = part or "device"
    if since is None:
        return f"{what} not {kind} yet" if kind == "mended" else None
    return f"{what} {kind} {_days(since)} ago"


def _days(hours: float) -> str:
    days = round(hours / HOURS_A_DAY)
    if days == 0:
        return f"{hours:.0f} hours"
    return "a day" if days == 1 else f"{days:,} days"

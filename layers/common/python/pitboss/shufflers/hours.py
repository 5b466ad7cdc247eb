"""Histories of shufflers, of their hours: what is summed by the hour as a model is shown it.

A reading is the mean over the hour's reports, or over its shuffles where its name begins with
`cycle`; an hour without one shows nothing.

numpy is in `layers/trees` only: import this where models are trained or asked.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from pitboss.shufflers.histories import Happening, History
from pitboss.shufflers.sums import HOUR_MS

BY_REPORT: Mapping[str, str] = {
    "motor_ma": "report_motor_ma",
    "temperature_dc": "report_temperature_dc",
    "vibration_um_s": "report_vibration_um_s",
    "roller_slip_bp": "report_roller_slip_bp",
    "gripper_offset_um": "report_gripper_offset_um",
    "elevator_offset_um": "report_elevator_offset_um",
    "recognition_bp": "report_recognition_bp",
    "supply_mv": "report_supply_mv",
    "energy_j": "energy_j",
}
"""Readings of telemetry: by name, the sum that is divided by `reports`."""

BY_CYCLE = (
    "cycle_ms",
    "cycle_motor_ma",
    "cycle_motor_peak_ma",
    "cycle_temperature_dc",
    "cycle_recognition_bp",
)
"""Readings of shuffles: sums, by the same name, that are divided by `cycles`."""

COUNTS = (
    *("cycles", "cards", "card_retries", "jams", "misreads", "miscounts", "faults"),
    *("door_openings", "link_losses"),
)
"""Sums that are counts by the same name; `jams_unrecovered` and `operating_hours` are made."""

NEEDED = tuple(
    dict.fromkeys(
        [*BY_REPORT.values(), *BY_CYCLE, *COUNTS, "reports", "operating_ms", "jams_recovered"]
    )
)
"""Of `pitboss.shufflers.sums.Sums`, the fields that a history is made of."""


def history_of(
    unit: str,
    hours: Sequence[int],
    sums: Mapping[str, ArrayLike],
    failures: Iterable[tuple[int, str]] = (),
    maintenance: Iterable[tuple[int, str]] = (),
    facts: Mapping[str, float] | None = None,
) -> History:
    """The history of a device, in hours of the clock from the start of its first hour.

    Args:
        unit: the device's name, as no other has it.
        hours: epoch hours in which the device said anything, at least one, ascending. An hour is
            known when it is over.
        sums: each of `NEEDED`, as long as `hours`.
        failures: when a part failed, epoch ms, and which.
        maintenance: when a part was mended, epoch ms, and which.
        facts: what does not change.
    """
    columns = {name: np.asarray(sums[name], dtype=np.float64) for name in NEEDED}
    reports, cycles = (np.where(columns[n] > 0, columns[n], np.nan) for n in ("reports", "cycles"))
    readings = {name: columns[column] / reports for name, column in BY_REPORT.items()}
    readings |= {name: columns[name] / cycles for name in BY_CYCLE}
    counts = {name: columns[name] for name in COUNTS}
    counts["jams_unrecovered"] = columns["jams"] - columns["jams_recovered"]
    counts["operating_hours"] = columns["operating_ms"] / HOUR_MS
    first = hours[0]

    def happenings(of: Iterable[tuple[int, str]]) -> tuple[Happening, ...]:
        return tuple(sorted(Happening(at / HOUR_MS - first, part) for at, part in of))

    return History(
        unit=unit,
        times=np.asarray(hours, dtype=np.float64) + 1.0 - first,  # type: ignore[arg-type]
        readings=readings,  # type: ignore[arg-type]
        counts=counts,  # type: ignore[arg-type]
        failures=happenings(failures),
        maintenance=happenings(maintenance),
        facts=facts or {},
    )

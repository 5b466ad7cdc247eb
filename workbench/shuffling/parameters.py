"""The model's numbers. `docs/shuffler-simulator.md` says where each comes from."""

from collections.abc import Mapping
from typing import NamedTuple

from pitboss.events.shuffler import Part

PARTS = tuple(Part)
"""The order of every array that has a column a part."""


class TableKind(NamedTuple):
    """A game, and the shuffler that its tables have."""

    name: str
    code: str
    """What its tables' ids start with."""
    share: float
    """Of the floor's shufflers."""
    decks: int
    penetration: float
    """Of the cards, how many are dealt before they are shuffled; 0: every round is shuffled."""
    pace: float
    fixed: float
    """Rounds an hour of dealing are `pace / (fixed + spots)`."""
    cards_fixed: float
    cards_a_spot: float
    """Cards of a round are `cards_fixed + cards_a_spot * spots`."""
    cycle_ms: float
    """A shuffle by a device as it should be."""

    def rounds_an_hour(self, spots: float) -> float:
        """While dealing."""
        return self.pace / (self.fixed + spots)


KINDS = (
    TableKind("blackjack", "BJ", 0.45, 6, 0.78, 418.0, 1.0, 2.7, 2.7, 285_000.0),
    TableKind("baccarat", "BA", 0.20, 8, 0.92, 900.0, 6.5, 4.94, 0.0, 380_000.0),
    TableKind("carnival", "CG", 0.35, 1, 0.0, 600.0, 9.0, 0.0, 0.0, 24_000.0),
)


class Wearing(NamedTuple):
    """How one part ages, and what its repair takes."""

    life_hours: float
    """Mean hours of operation to a wear of 1, at 1,500 cards an hour; 0: it does not wear."""
    by_cards: float
    """Share of wear that follows the cards fed; the rest follows the hours."""
    random_failures: float
    """That nothing announces, per hour of operation."""
    failed_minutes: float
    """Median time out of service after a failure."""
    planned_minutes: float
    """Median of planned work."""


WEARING = {
    Part.ROLLERS: Wearing(4_500.0, 0.8, 0.05 / 5_000, 240.0, 30.0),
    Part.GRIPPER: Wearing(7_000.0, 0.8, 0.10 / 5_000, 300.0, 45.0),
    Part.ELEVATOR: Wearing(9_000.0, 0.5, 0.05 / 5_000, 360.0, 60.0),
    Part.MOTOR: Wearing(10_000.0, 0.5, 0.15 / 5_000, 420.0, 60.0),
    Part.CAMERA: Wearing(9_000.0, 0.1, 0.15 / 5_000, 240.0, 30.0),
    Part.CONTROLLER: Wearing(0.0, 0.0, 0.50 / 5_000, 360.0, 60.0),
}

CARDS_AN_HOUR = 1_500.0

HOURLY_SHAPE = 0.01
"""Of the gamma distribution of an hour's wear: 4,500 hours are then 15 % either way."""

DEVICE_SPREAD = 0.20
PART_SPREAD = 0.30
"""Of the logarithm of how fast a device wears all its parts, and each part installed."""

WEAR_AT_START = 0.85
"""Parts of the first day have a wear up to this, all equally likely."""

SLOW_START, SPEEDING_UP = 0.7, 0.6
"""Wear grows by `SLOW_START + SPEEDING_UP * wear` times its rate."""

FAILING_AT_ONE = 1 / 60
FAILING_POWER = 16
"""Failures per hour of operation are `FAILING_AT_ONE * wear ** FAILING_POWER`."""

DOWN_SPREAD = 0.4
PLANNED_SPREAD = 0.15
LEAST_DOWN_MINUTES = 45.0
MOST_DOWN_MINUTES = 1_440.0

# --- sensors --------------------------------------------------------------------------------------


class Sensor(NamedTuple):
    """How a sensor shows what it measures, in its own unit."""

    level: float
    level_spread: float
    """Between devices: of the level itself."""
    noise: float
    """Of one report, or of one shuffle."""
    drift: float
    """Of the slow wandering, in the long run; it halves in about three weeks."""
    firmware: float
    """Of the shift that a firmware makes."""
    worn: Mapping[Part, float]
    """What is added by a part at a wear of 1; it grows with the square of wear."""
    is_relative: bool = False
    """Whether `worn` is a multiple of the level."""


_R, _G, _E, _M, _C = PARTS[:5]

SENSOR: Mapping[str, Sensor] = {
    "vibration_um_s": Sensor(
        1_400.0, 220.0, 160.0, 45.0, 60.0, {_R: 0.30, _E: 0.25, _M: 0.50}, is_relative=True
    ),
    "roller_slip_bp": Sensor(90.0, 18.0, 22.0, 6.0, 0.0, {_R: 210.0}),
    "gripper_offset_um": Sensor(0.0, 35.0, 24.0, 6.0, 8.0, {_G: 260.0}),
    "elevator_offset_um": Sensor(0.0, 50.0, 30.0, 8.0, 10.0, {_E: 330.0}),
    "motor_ma": Sensor(
        1_850.0, 110.0, 60.0, 18.0, 30.0, {_R: 0.07, _E: 0.09, _M: 0.26}, is_relative=True
    ),
    "temperature_dc": Sensor(0.0, 8.0, 6.0, 3.0, 0.0, {_M: 60.0}),
    "recognition_bp": Sensor(9_860.0, 25.0, 14.0, 6.0, 12.0, {_C: -260.0}),
    "cycle_ms": Sensor(
        1.0, 0.03, 0.02, 0.004, 0.006, {_R: 0.07, _E: 0.05, _M: 0.03}, is_relative=True
    ),
}
"""`cycle_ms` is a multiple of the kind's."""

SENSORS = tuple(SENSOR)

MOTOR_COLDER, USUAL_AMBIENT = 0.0006, 220.0
"""Share of the motor's current less for each tenth of a degree that it is warmer than usual."""
PEAK, PEAK_NOISE_MA = 1.8, 150.0
WARM_INSIDE, WARM_SHUFFLING, WARM_BUSY = 25.0, 40.0, 90.0
"""Tenths of a degree above the room: always, while shuffling, and on average if it never rested."""
IDLE_MOTOR_MA = 90.0
IDLE_WATTS = 18.0
SUPPLY_MV, SUPPLY_NOISE_MV = 24_000.0, 60.0
SUPPLY_VOLTS = 24.0

# --- counts ---------------------------------------------------------------------------------------

JAMMING = (Part.ROLLERS, Part.GRIPPER, Part.ELEVATOR)
JAMS_A_CARD = (5e-6, 3e-6, 2e-6)
JAMS_WORN = 14.0
"""Times more often, added at a wear of 1, with its fourth power."""
RECOVERED, RECOVERED_WORN = 0.82, 0.45
RETRIES_A_CARD, RETRIES_WORN = 1.2e-3, 5.0
RETRY_MS = 1_200
MISREADS_A_CARD, MISREADS_WORN = 2e-5, 30.0
MISCOUNTS_A_CYCLE, MISCOUNTS_WORN = 4e-4, 12.0
WARNINGS_AN_HOUR, WARNINGS_WORN = 1 / 4_000, 1 / 45
"""Faults that are no failures, of each part: the second with the eighth power of wear."""

# --- days -----------------------------------------------------------------------------------------

CLOSED_Z = (1.175, 2.054)
"""A table stays closed for a day with a chance of 12 % from Monday to Wednesday, else of 2 %."""
DEALING = 0.9
"""Share of an hour that is open in which rounds are dealt."""
LINK_LOSSES_A_DAY = 0.08
LINK_DOWN_MINUTES, LINK_DOWN_SPREAD, LINK_DOWN_MOST = 8.0, 1.3, 720.0
FIRMWARE_DAYS = (110, 190)
"""Between two releases."""
ROLLOUT_DAYS = 10
CLOCK_SKEW_MS = 150.0

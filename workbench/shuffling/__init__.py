"""Simulated card shufflers: a seeded floor of devices that wear, jam and fail, and the truth of it.

`ShufflerDevice` is one device, a day at a time; `Voice` says what it publishes; `write_floor` makes
files of both. `docs/shuffler-simulator.md` is the manual.
"""

from workbench.shuffling.device import Day, Failure, ShufflerDevice, Tally, Work
from workbench.shuffling.events import Publication, Voice, publications
from workbench.shuffling.plan import DEFAULT_START, ShufflerPlan
from workbench.shuffling.policies import Outcome, Policy, run

__all__ = [
    "DEFAULT_START",
    "Day",
    "Failure",
    "Outcome",
    "Policy",
    "Publication",
    "ShufflerDevice",
    "ShufflerPlan",
    "Tally",
    "Voice",
    "Work",
    "publications",
    "run",
]

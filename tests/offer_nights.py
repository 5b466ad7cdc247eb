"""A week of decisions in memory: the lake that a night works on, and the store of models."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from build_training_set.service import PropertyDays, build, observe
from export_decisions.service import export_day
from pitboss.lake.rated import GAMES
from pitboss.offers.deciding import Decided
from pitboss.offers.issued import IssuedOffer
from pitboss.offers.outcomes import TrainingSet
from pitboss.stores.models import S3Models
from pitboss.stores.parquet import ParquetLake
from tests.floor_by_day import MemoryLake
from workbench.offer_week import OfferWeek, WeekDay
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Network

BUCKET, TABLE = "lake", "offers"
WEEK = OfferWeek("north", machines=20, players=300, days=5, seed=3)


class StoredWeek:
    """Decisions by their day, as the table of offers lists them."""

    def __init__(self, days: list[WeekDay]) -> None:
        self.days = {day.day: day for day in days}

    def decisions(
        self, property_id: str, gaming_day: str
    ) -> Iterator[tuple[Decided, IssuedOffer | None]]:
        day = self.days.get(gaming_day)
        yield from [] if day is None or property_id != WEEK.property_id else day.decided


@cache
def days() -> list[WeekDay]:
    return list(WEEK.play())


@cache
def _bodies() -> dict[str, bytes]:
    lake = MemoryLake()
    with ParquetLake(lake, "north", 300) as tables:
        for day in days():
            tables.write(GAMES, day.day, day.games)
            export_day(StoredWeek(days()), tables, lake, "north", day.day)
    return lake.bodies


def lake() -> MemoryLake:
    """A lake of one's own that has the week."""
    made = MemoryLake()
    made.bodies |= _bodies()
    return made


def planned() -> dict[str, Any]:
    """The week, as a night's plan has it."""
    end = WEEK.rule.bounds_of(WEEK.last_day)[1]
    return {"property_id": "north", "days": [day.day for day in days()], "known_to": end}


@cache
def training() -> TrainingSet:
    """What the week teaches."""
    with ParquetLake(lake(), "north", 300) as tables:
        return build([observe(tables, PropertyDays(**planned()))])


@contextmanager
def models() -> Iterator[S3Models]:
    """A store of models, on S3 in memory."""
    clock = Clock(1_772_900_000_000)
    network = Network(clock)
    network.s3.create_bucket(BUCKET)
    with patch.dict("os.environ", ENVIRONMENT), clock.installed(), network.installed():
        yield S3Models(BUCKET, "us-east-1")
    assert network.unknown == []

"""Reconciling and ranking what real machines said; skipped where that data is not there."""

import csv
import os
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from pitboss.rating.hold import HoldKey, HoldSums, rank
from pitboss.rating.reconciliation import Measure
from tests.floor_by_day import FloorByDay

pytestmark = pytest.mark.unit

DATA = Path(os.environ.get("PITBOSS_DATA", Path(__file__).parents[2] / "../shared/data"))


def needed(path: str) -> Path:
    found = DATA / path
    if not found.exists():
        pytest.skip(f"third-party data is not there: {path}")
    return found


def test_real_machines_reconcile_to_the_cent() -> None:
    """All of 5093619's wins are in its reported meters, if not in those beside its last packet."""
    lines = needed("acres-sas/2020-06-15.ndjson").read_bytes().splitlines()
    floor = FloorByDay(lines, "America/Los_Angeles@06:00")
    rated: dict[tuple[str, Measure], int] = defaultdict(int)
    for day in floor.days:
        for asset_id, machine in floor.reconciled(day).items():
            for account in machine.accounts:
                assert account.metered - account.rated == sum(account.causes.values())
                rated[asset_id, account.measure] += account.rated
                assert account.gap == 0, (day, asset_id, account)

    assert rated["1940732", Measure.GAMES] == 137
    assert rated["1940732", Measure.COIN_IN] == 68_500
    assert rated["1940732", Measure.COIN_OUT] == 99_500
    assert rated["5093619", Measure.COIN_IN] == 250
    assert rated["5093619", Measure.COIN_OUT] == 520


def test_a_real_floors_holds_are_ranked() -> None:
    """Hourly meters of 160 machines: an hour is a sample. Run with -s to see the ranking."""
    machines: dict[HoldKey, HoldSums] = defaultdict(HoldSums)
    rows = 0
    for name in ("000", "001", "002"):
        with needed(f"big-casino/slot-meters/{name}.csv").open(encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                rows += 1
                bet, lost, theory = (
                    int(Decimal(row[column]) * 10**9)
                    for column in (
                        "Dollars Player Bet",
                        "Dollars Player Lost",
                        "Theory Player Lost Amount",
                    )
                )
                hold = int(Decimal(row["Slot Ideal Payback Percentage"]) * 10_000)
                # Billionths of a dollar stand where cents do: a ranking knows no unit.
                sums = HoldSums.of(
                    bet, bet - lost, theory * 10_000, int(row["Games Played This Hour"])
                )
                machines[HoldKey(row["Slot Name"], 0, hold)].add(sums)

    ranking = rank(machines)

    assert rows == 60_006
    assert len({key.asset_id for key in machines}) == 160
    assert sum(sums.games for sums in machines.values()) == 5_953_390
    assert sum(s.theoretical_win for s in machines.values()) == 172_095_370_646_622 * 10_000
    surprises = [verdict.surprise for verdict in ranking.verdicts]
    assert surprises == sorted(surprises, reverse=True)
    print(
        f"\n{len(ranking.verdicts)} judged, {len(ranking.unjudged)} not, {ranking.surprising} more "
        f"than chance, {len(ranking.reported)} reported, {ranking.expected_reports:.1f} by chance"
    )
    for one in ranking.verdicts[:10]:
        print(
            f"{one.key.asset_id:9} {one.sums.games:8,} games, hold {100 * one.actual_hold:6.2f} % "
            f"of {100 * one.theoretical_hold:5.2f} % "
            f"({100 * one.low:6.2f} to {100 * one.high:6.2f}), "
            f"z {one.z:+6.2f}, surprise {one.surprise:.1f}{' reported' * one.sums.is_reported}"
        )

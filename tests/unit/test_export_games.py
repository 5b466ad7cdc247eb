"""The use case of `export_games`: the ledger as rows, to the cent, and its handler."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from export_games import handler as door
from export_games.service import GameRow, LedgerMoved, export
from pitboss.gaming_day import GamingDays
from pitboss.lake.layout import table_key
from pitboss.lake.rated import GAMES
from pitboss.rating.fold import Tally
from pitboss.rating.ledger import is_same_money
from pitboss.stores.parquet import ParquetLake
from pitboss.stores.ratings import Asset
from tests import sample_events
from tests.floor_by_day import FloorByDay, MemoryLake
from workbench.memory import MemoryRatings
from workbench.simulation import FAULTS, ODDITIES, FloorPlan, open_floor

pytestmark = pytest.mark.unit

PLAN = FloorPlan(
    14, 12, 35, seed=11, start=1_768_484_400_000, oddities=frozenset(ODDITIES),
    faults=frozenset(FAULTS),
)  # fmt: skip
"""An hour around 06:00 in Los Angeles, where the gaming day turns."""


@pytest.fixture(scope="module")
def floor() -> FloorByDay:
    return FloorByDay.of(open_floor(PLAN))


@pytest.fixture(scope="module")
def refined(floor: FloorByDay) -> MemoryLake:
    return floor.in_lake()


def total(rows: Iterable[GameRow]) -> Tally:
    sums = Tally()
    for row in rows:
        sums.games += row.complete is True
        sums.incomplete_games += row.complete is False
        sums.coin_in_cents += row.coin_in_cents
        sums.coin_out_cents += row.coin_out_cents
        sums.handpaid_cents += row.handpay_cents
        sums.theoretical_win += row.theoretical_win
    return sums


def test_rows_add_up_to_what_is_stored_of_every_machine_and_day(floor: FloorByDay) -> None:
    compared = 0
    for day in floor.days:
        exported = floor.export(day)
        for asset_id in floor.events:
            stored = floor.ratings.machine_day(Asset("north", asset_id), day)
            found = total(row for row in exported.games if row.asset_id == asset_id)
            gaps = [gap for gap in exported.gaps if gap.asset_id == asset_id]
            found.gaps = len(gaps)
            found.meter_difference_cents = sum(gap.amount_cents for gap in gaps)
            expected = Tally() if stored is None else stored.tally
            found.unrated_coin_in_cents = expected.unrated_coin_in_cents
            assert is_same_money(found, expected)
            compared += bool(found)
    assert len(floor.days) == 2
    assert compared > 14


def test_a_game_has_its_session_its_hold_and_the_name_of_its_paytable(floor: FloorByDay) -> None:
    rows = [row for day in floor.days for row in floor.export(day).games if row.kind == "game"]
    named = [row for row in rows if row.paytable_id]

    assert len(named) > 0.9 * len(rows)
    for row in named:
        assert row.hold_basis_points is not None
        assert row.paytable_id is not None
        assert row.game_id == row.paytable_id[:2] or row.game_id == "XX"
        assert 10_000 - row.hold_basis_points == int(row.paytable_id[2:])
        assert row.theoretical_win == row.coin_in_cents * row.hold_basis_points
    assert {row.player_id is None for row in rows} == {True, False}
    assert all((row.player_id is None) == (row.session_started_at is None) for row in rows)


def test_a_hand_pay_after_its_games_end_is_in_its_games_row(floor: FloorByDay) -> None:
    rows = [row for day in floor.days for row in floor.export(day).games]

    paid = [row for row in rows if row.handpay_cents]
    assert paid
    for row in paid:
        assert row.kind == "game"
        assert row.coin_out_cents >= row.handpay_cents


class MovingRatings(MemoryRatings):
    """One whose stored totals are never what the lines add up to."""

    def machine_day(self, asset: Asset, day: str) -> Any:
        found = super().machine_day(asset, day)
        if found is not None:
            found = found.joined_by(None)
            found.tally.coin_in_cents += 1
        return found


def test_a_day_that_is_being_rated_is_tried_again_later(floor: FloorByDay) -> None:
    moving = MovingRatings()
    vars(moving).update(vars(floor.ratings))

    with pytest.raises(LedgerMoved) as fault:
        export(moving, floor.house, "north", floor.days[0], {})

    assert fault.value.retry


# --- the handler ----------------------------------------------------------------------------------


class StubWiring:
    def __init__(self, floor: FloorByDay, lake: MemoryLake) -> None:
        self.gaming_days = GamingDays.parse(f"*={PLAN.gaming_day}")
        self.lake = lake
        self.ratings = floor.ratings


@pytest.fixture
def wiring(floor: FloorByDay, refined: MemoryLake, monkeypatch: pytest.MonkeyPatch) -> StubWiring:
    made = StubWiring(floor, MemoryLake())
    made.lake.bodies |= refined.bodies
    monkeypatch.setattr(door, "_wiring", lambda: made)
    return made


def test_the_handler_writes_the_same_bytes_again(
    wiring: StubWiring, floor: FloorByDay, capsys: pytest.CaptureFixture[str]
) -> None:
    (sample,) = sample_events.load("export_games").values()
    day = floor.days[-1]
    before = dict(wiring.lake.bodies)
    del wiring.lake.bodies[table_key("games", "north", day)]

    answer = door.handler({**sample, "gaming_day": day}, None)

    assert answer["games"] == len(floor.export(day).games) > 0
    assert wiring.lake.bodies == before
    counted = json.loads(capsys.readouterr().out)
    assert counted["GamesExported"] == [float(answer["games"])]
    with ParquetLake(wiring.lake, "north", 500) as tables:
        names = ", ".join(f'"{column.name}"' for column in GAMES.columns)
        rows = [
            GameRow(*row)
            for row in tables.rows(f"SELECT {names} FROM {tables.table(GAMES, [day])}")
        ]
    assert rows == floor.export(day).games


def test_a_day_nobody_played_has_empty_tables(wiring: StubWiring) -> None:
    answer = door.handler({"property_id": "north", "gaming_day": "2001-01-01"}, None)

    assert answer == {"games": 0, "gaps": 0}
    assert table_key("games", "north", "2001-01-01") in wiring.lake.bodies

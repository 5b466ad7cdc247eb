"""What holds of the live floor's table, wherever it is: run in memory and on the embedded AWS."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from msgspec.structs import replace

from pitboss.floor.blocks import Block, SumsBlock
from pitboss.floor.conditions import Known, Told
from pitboss.floor.documents import BillIn
from pitboss.floor.plan import FloorPlan, Limits, Place
from pitboss.floor.rows import (
    Alert,
    FloorMinute,
    FloorStatus,
    MachineCondition,
    MachineSums,
    MinuteRow,
    OfferCounts,
    Severity,
    StreamRate,
)
from pitboss.stores.floor import BlockKind, DynamoFloor, StoredFloor

NOW = 1_767_225_600_000
DAY = "2025-12-31"

_names = itertools.count()


def sums(asset_id: str, coin_in_cents: int = 500, changed_at: int = NOW) -> MachineSums:
    """A machine's row."""
    return MachineSums(
        asset_id=asset_id,
        changed_at=changed_at,
        gaming_day=DAY,
        games=1,
        coin_in_cents=coin_in_cents,
        coin_out_cents=0,
        theoretical_win=coin_in_cents * 326,
        unrated_coin_in_cents=0,
        handpaid_cents=0,
        gaps=0,
        meter_difference_cents=0,
        hold_basis_points=326,
        last_play=NOW,
        minute=NOW // 60_000,
        coin_in_by_minute=[coin_in_cents, 0, 0, 0, 0],
        player_id="p-1",
        is_carded=True,
    )


def alert(alert_id: str = f"{NOW:013d}-7-door-slot", **fields: object) -> Alert:
    """A door that is open."""
    return replace(Alert(alert_id, "door", Severity.WARNING, NOW, "slot door open", "7"), **fields)


class FloorStoreSuite:
    """Give it a fixture `store`."""

    @pytest.fixture
    def north(self) -> str:
        """A property that no other test has."""
        return f"floor-{next(_names)}-{uuid4().hex[:8]}"

    def test_a_block_is_replaced_where_it_is_the_one_that_was_read(
        self, store: DynamoFloor, north: str
    ) -> None:
        first = Block(1, {"7": sums("7"), "19": sums("19")}, {"7": "a/1", "19": "a/2"})

        assert store.sums(north, [3, 4]) == {3: Block(), 4: Block()}
        assert store.replace_blocks(north, BlockKind.SUMS, {3: first}) == set()
        assert store.sums(north, [3, 4]) == {3: first, 4: Block()}

        second = Block(2, {"7": sums("7", 900)}, {"7": "a/9"})
        late = Block(2, {"7": sums("7", 100)}, {"7": "a/3"})
        other = Block(1, {"8": sums("8")}, {"8": "a/4"})
        assert store.replace_blocks(north, BlockKind.SUMS, {3: second}) == set()
        assert store.replace_blocks(north, BlockKind.SUMS, {3: late, 4: other}) == {3}
        assert store.sums(north, [3, 4]) == {3: second, 4: other}

    def test_conditions_are_other_blocks_than_sums(self, store: DynamoFloor, north: str) -> None:
        row = MachineCondition("7", NOW, NOW, [("door", NOW, "slot door open")], 5, None, 7)
        known = Known({"door slot": Told((NOW, 1), (NOW - 5, 0), "open", (NOW, 1))}, (NOW, 2))
        block = Block(1, {"7": row}, {"7": known})

        assert store.replace_blocks(north, BlockKind.CONDITIONS, {3: block}) == set()

        assert store.conditions(north, [3]) == {3: block}
        assert store.sums(north, [3]) == {3: Block()}
        assert store.live(north) == StoredFloor(conditions=[row])

    def test_every_block_of_a_floor_is_read_at_once(self, store: DynamoFloor, north: str) -> None:
        blocks: dict[int, SumsBlock] = {n: Block(1, {f"{n}": sums(f"{n}")}, {}) for n in range(128)}

        assert store.replace_blocks(north, BlockKind.SUMS, blocks) == set()

        assert store.sums(north, range(128)) == blocks
        assert {row.asset_id for row in store.live(north).sums} == {f"{n}" for n in range(128)}
        assert north in store.properties()

    def test_what_came_is_kept_over_what_was_known_and_nothing_else(
        self, store: DynamoFloor, north: str
    ) -> None:
        first = StreamRate("shard-1", NOW, NOW - 40, NOW // 60_000, [5, 0, 0, 0, 0], "100")
        second = replace(first, events_by_minute=[9, 0, 0, 0, 0], last_sequence="104")

        assert store.rate(north, "shard-1") is None
        assert store.keep_rate(north, first, None)
        assert not store.keep_rate(north, second, None)
        assert store.keep_rate(north, second, first)
        assert not store.keep_rate(north, replace(second, last_sequence="105"), first)
        assert store.rate(north, "shard-1") == second
        assert store.live(north).rates == [second]

    def test_an_offer_counts_once_in_a_status(self, store: DynamoFloor, north: str) -> None:
        assert store.count_offer(north, DAY, f"{north}-1", "decided", NOW)
        assert store.count_offer(north, DAY, f"{north}-1", "accepted", NOW)
        assert not store.count_offer(north, DAY, f"{north}-1", "decided", NOW)
        assert store.count_offer(north, DAY, f"{north}-2", "decided", NOW)
        assert store.count_offer(north, "2025-12-30", f"{north}-3", "decided", NOW)

        assert store.live(north).offers == OfferCounts(DAY, decided=2, accepted=1)

    def test_the_newest_status_is_kept(self, store: DynamoFloor, north: str) -> None:
        status = FloorStatus(NOW, DAY, 3, 100_000, 5_000, 1)

        assert store.keep_status(north, status)
        assert store.keep_status(north, status)
        assert not store.keep_status(north, replace(status, at=NOW - 1, quarantined=9))
        assert store.live(north).status == status
        assert store.keep_status(north, replace(status, at=NOW + 1))

    def test_an_alert_is_raised_once_and_what_is_done_about_it_stays(
        self, store: DynamoFloor, north: str
    ) -> None:
        door = alert()

        assert store.raise_alerts(north, [door]) == [door]
        assert store.live(north).alerts == store.alerts(north) == [door]
        acknowledged = store.acknowledge_alert(north, door.alert_id, "ann", NOW + 5, "on my way")
        assert acknowledged == replace(
            door, acknowledged_by="ann", acknowledged_at=NOW + 5, note="on my way"
        )
        assert store.acknowledge_alert(north, door.alert_id, "bob", NOW + 9, None) == acknowledged
        assert store.raise_alerts(north, [door]) == []
        assert store.alert(north, door.alert_id) == acknowledged
        cleared = store.clear_alert(north, door.alert_id, NOW + 60)
        assert cleared == replace(acknowledged, cleared_at=NOW + 60)
        assert store.clear_alert(north, door.alert_id, NOW + 90) == cleared
        assert store.live(north).alerts == []
        assert store.clear_alert(north, "none", NOW) is None
        assert store.acknowledge_alert(north, "none", "ann", NOW, None) is None

    def test_the_newest_alerts_come_first(self, store: DynamoFloor, north: str) -> None:
        raised = [alert(f"{NOW + n:013d}-7-door", raised_at=NOW + n) for n in range(3)]
        store.raise_alerts(north, [raised[1], raised[0], raised[2]])
        store.clear_alert(north, raised[2].alert_id, NOW + 9)

        assert [a.raised_at for a in store.alerts(north)] == [NOW + 2, NOW + 1, NOW]

    def test_a_minute_is_kept_once(self, store: DynamoFloor, north: str) -> None:
        minutes = [
            FloorMinute(NOW // 60_000 + n, DAY, [MinuteRow("7", "C", n, 500, 1_630, 250)])
            for n in range(4)
        ]

        assert all(store.keep_minute(north, minute) for minute in minutes)
        assert not store.keep_minute(north, replace(minutes[0], rows=[]))
        first = minutes[0].minute
        assert list(store.minutes(north, DAY, first, first + 9)) == minutes
        assert list(store.minutes(north, DAY, first + 1, first + 2)) == minutes[1:3]
        assert list(store.minutes(north, "2025-12-30", first, first + 9)) == []

    def test_a_plan_follows_the_one_before_it(self, store: DynamoFloor, north: str) -> None:
        first = FloorPlan([Place("7", 1, 2, "high limit", "A")], Limits(idle_seconds=30), 1)
        second = replace(first, places=[*first.places, Place("8", 2, 2, "high limit")], version=2)

        assert store.plan(north) is None
        assert store.keep_plan(north, first, NOW, "engineer")
        assert not store.keep_plan(north, replace(second, version=1), NOW, "engineer")
        assert not store.keep_plan(north, replace(second, version=3), NOW, "engineer")
        assert store.keep_plan(north, second, NOW, "engineer")
        assert store.plan(north) == second
        assert store.plan(north, 1) == first
        assert store.plan(north, 3) is None

    def test_the_same_bill_is_one(self, store: DynamoFloor, north: str) -> None:
        bills = [
            BillIn("7", NOW, "e-1", 2_000, "p-1"),
            BillIn("7", NOW + 5, "e-2", 500, "p-1"),
            BillIn("8", NOW + 5, "e-2", 100, None),
        ]

        store.keep_bills(north, bills)
        store.keep_bills(north, [*bills[:2], *bills[1:]])

        assert store.bills(north, "p-1", NOW, NOW + 6) == [bills[1], bills[0]]
        assert store.bills(north, "p-1", NOW, NOW + 5) == [bills[0]]
        assert store.bills(north, "p-1", NOW, NOW + 6, newest=1) == [bills[1]]
        assert store.bills(north, None, 0, NOW + 6) == [bills[2]]
        assert store.bills(north, "p-2", 0, NOW + 6) == []

    def test_of_two_writers_of_a_block_one_wins(self, store: DynamoFloor, north: str) -> None:
        def write(n: int) -> set[int]:
            return store.replace_blocks(
                north, BlockKind.SUMS, {3: Block(1, {"7": sums("7", n)}, {"7": f"a/{n}"})}
            )

        with ThreadPoolExecutor(4) as pool:
            lost = list(pool.map(write, range(4)))

        assert sorted(map(len, lost)) == [0, 1, 1, 1]
        kept = store.sums(north, [3])[3].rows["7"].coin_in_cents
        assert lost[kept] == set()

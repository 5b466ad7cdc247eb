"""Shufflers in PostgreSQL: each event once, whatever order, batch, crash or rival it comes by."""

import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import batched
from typing import Any

import pytest
from sqlalchemy import event, select, text

from migrate_database.roles import READER, TRACKER
from pitboss.errors import TransientError
from pitboss.shufflers.state import Changes, Received, changes_of
from pitboss.stores.database import Database
from pitboss.stores.shuffler_models import Base
from pitboss.stores.shufflers import PostgresShufflers, Written
from tests.fakes.shufflers import MemoryShufflers
from tests.shuffler_events import MOMENT, published, received, shuffle, telemetry

HOUR = 3_600_000
SPAN = date(2026, 1, 1), date(2026, 12, 31)
TABLES = [
    *("shufflers", "shuffler_faults", "shuffler_hours", "shuffler_days"),
    *("fault_days", "table_days", "shuffler_events"),
]


class Crash(Exception):
    """The function is no more."""


def day_of(property_id: str, moment: int) -> date:
    return datetime.fromtimestamp(moment / 1000, UTC).date()


def fold(new: Any) -> Changes:
    return changes_of(new, day_of)


def happenings(seed: int, number: int = 60) -> list[Received]:
    """What two shufflers of one property and one of another tell in two months."""
    chance = random.Random(seed)
    told = []
    for sequence in range(number):
        at = MOMENT + chance.randrange(40 * 24) * HOUR + chance.randrange(3) * 1_000
        asset_id = chance.choice("78")
        code, part = chance.choice(["E7", "E8"]), chance.choice(["motor", "gripper"])
        fails = chance.random() < 0.5
        one = chance.choice(
            [
                shuffle(sequence, table_id=chance.choice(["BJ-1", "BJ-2"]), cycle_ms=sequence),
                telemetry(sequence, motor_ma=sequence),
                published(sequence, "device.connected", firmware=f"1.{sequence}"),
                published(sequence, "device.disconnected"),
                published(sequence, "firmware.changed", version=f"2.{sequence}"),
                published(sequence, "fault.raised", code=code, part=part, is_failure=fails),
                published(
                    sequence, "fault.cleared", code=code, part=part, is_failure=fails, down_ms=9
                ),
                published(sequence, "shuffle.dreamt", note="\u0000 \ud83d\ude00"),
            ]
        )
        where = {"property_id": chance.choice(["north", "north", "south"]), "asset_id": asset_id}
        told.append(received(one | where | {"occurred_at": at}))
    return told


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that the tables have, to the byte."""
    found = {}
    with database.connection() as connection:
        for name in TABLES:
            table = Base.metadata.tables[name]
            order = list(table.primary_key)
            found[name] = [tuple(row) for row in connection.execute(select(table).order_by(*order))]
    return found


def pieces(chance: random.Random, told: Sequence[Received]) -> list[list[Received]]:
    """Each event at least once, in any order, in batches of any size."""
    order = [*told, *chance.sample(told, len(told) // 2)]
    chance.shuffle(order)
    batches = []
    while order:
        size = chance.randrange(1, 25)
        batches.append(order[:size])
        order = order[size:]
    return batches


def test_the_store_agrees_with_the_one_in_memory(databases_of: Callable[..., Database]) -> None:
    told = happenings(1, 150)
    store = PostgresShufflers(databases_of(TRACKER))
    memory = MemoryShufflers(day_of)
    reused = received(shuffle(0, cycle_ms=77) | {"property_id": "east"})
    batches = [told[:90], told[60:], [reused], [received(shuffle(0) | {"property_id": "east"})]]

    for batch in batches:
        assert store.write(batch, fold) == memory.write(batch, fold)

    reader = PostgresShufflers(databases_of(READER))
    for property_id in ("north", "south", "east", "west"):
        assert reader.devices(property_id, 10) == memory.devices(property_id, 10)
        assert reader.devices(property_id, 1, "7") == memory.devices(property_id, 1, "7")
        for asset_id in "789":
            assert reader.device(property_id, asset_id) == memory.device(property_id, asset_id)
            assert reader.days(property_id, asset_id, *SPAN) == memory.days(
                property_id, asset_id, *SPAN
            )
        assert reader.table_days(property_id, *SPAN) == memory.table_days(property_id, *SPAN)
        assert reader.table_days(property_id, *SPAN, "BJ-2") == memory.table_days(
            property_id, *SPAN, "BJ-2"
        )


@pytest.mark.parametrize("seed", range(4))
def test_any_order_duplication_and_split_gives_the_same_bytes(
    databases_of: Callable[..., Database], database_server: Any, seed: int
) -> None:
    told = happenings(seed)
    database = databases_of()
    PostgresShufflers(database).write(told, fold)
    expected = rows(database)
    chance = random.Random(seed + 100)

    with database_server.one() as login:
        other = login()
        store = PostgresShufflers(other)
        for batch in pieces(chance, told):
            store.write(batch, fold)

        assert rows(other) == expected
        written = store.write(told, fold)  # a day sent twice
        assert (written.new, len(written.duplicate)) == ([], len(told))
        assert rows(other) == expected


def test_a_crash_between_any_two_statements_changes_nothing(database: Database) -> None:
    told = happenings(7)
    store = PostgresShufflers(database)
    store.write(told[:20], fold)
    before = rows(database)
    statements = []
    crash_at: int | None = None

    def on_statement(connection: Any, *_: Any) -> None:
        statements.append(1)
        if crash_at is not None and len(statements) == crash_at:
            raise Crash

    with database.begin() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", on_statement)
    try:
        for crash_at in range(1, 9):
            statements.clear()
            with pytest.raises(Crash):
                store.write(told, fold)
            crash_at = None
            assert rows(database) == before
        statements.clear()
        written = store.write(told, fold)
    finally:
        event.remove(engine, "before_cursor_execute", on_statement)

    assert len(statements) == 8  # so that every place between two was tried
    assert (len(written.new), len(written.duplicate)) == (40, 20)


def test_a_dead_connection_heals(databases_of: Callable[..., Database]) -> None:
    told = happenings(3)
    store = PostgresShufflers(databases_of(TRACKER))
    store.write(told[:30], fold)
    with databases_of(TRACKER).begin() as connection:  # a role may end its own
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = current_user AND datname = current_database() "
                "AND pid <> pg_backend_pid()"
            )
        )

    assert len(store.write(told, fold).new) == 30


def test_rivals_do_not_lock_each_other_out(databases_of: Callable[..., Database]) -> None:
    """Two invocations with the same events in opposite orders: neither waits in a circle."""
    told = happenings(5, 400)
    outcomes: list[Written | BaseException] = []
    ready = threading.Barrier(2)

    def write(batch: Sequence[Received]) -> None:
        store = PostgresShufflers(databases_of(TRACKER))
        ready.wait(10)
        try:
            outcomes.extend(store.write(part, fold) for part in batched(batch, 40, strict=False))
        except TransientError as fault:
            outcomes.append(fault)

    rivals = [
        threading.Thread(target=write, args=(batch,)) for batch in (told, list(reversed(told)))
    ]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join(60)

    assert not [one for one in outcomes if isinstance(one, BaseException)]
    new = [received for one in outcomes if isinstance(one, tuple) for received in one.new]
    assert sorted(one.key for one in new) == sorted(one.key for one in told)
    memory = MemoryShufflers(day_of)
    memory.write(told, fold)
    reader = PostgresShufflers(databases_of(READER))
    assert reader.days("north", "7", *SPAN) == memory.days("north", "7", *SPAN)


def test_a_reader_cannot_write(databases_of: Callable[..., Database]) -> None:
    with pytest.raises(Exception, match="permission denied"):
        PostgresShufflers(databases_of(READER)).write(happenings(2)[:1], fold)

"""The use case of `migrate_database`: what each task does; and its door."""

from collections.abc import Callable
from typing import Any

import pytest

from migrate_database import handler as door
from migrate_database import roles
from migrate_database.service import Kept, Outcome, UnknownTask, run
from migrate_database.settings import Settings
from pitboss.settings import SettingsError, read
from pitboss.stores.database import Database
from tests import sample_events
from tests.databases import MIGRATED_IN, MONTHS_KEPT, PASSWORDS, Databases

NOW = 1_798_761_600_000

ENVIRONMENT = {
    "DATABASE_HOST": "127.0.0.1",
    "DATABASE_PORT": "5432",
    "DATABASE_NAME": "pitboss",
    "DATABASE_USER": "pitboss",
    "DATABASE_PASSWORD_SECRET": "owner",
    "DATABASE_TLS": "disable",
    "TRACKER_PASSWORD_SECRET": roles.TRACKER,
    "READER_PASSWORD_SECRET": roles.READER,
    "MAINTAINER_PASSWORD_SECRET": roles.MAINTAINER,
    "SHUFFLER_RETENTION_MONTHS": str(MONTHS_KEPT),
    "AWS_REGION": "us-east-1",
}


class Diary:
    """A schema that writes down what is done to it."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    def revision(self) -> str | None:
        return "0001"

    def upgrade(self) -> str | None:
        self.done.append(("upgrade",))
        return "0002"

    def downgrade(self, revision: str) -> str | None:
        self.done.append(("downgrade", revision))
        return revision

    def ensure_partitions(self, now_ms: int, months_kept: int) -> Kept:
        self.done.append(("partitions", now_ms, months_kept))
        return Kept(["new"], ["old"])

    def ensure_roles(self) -> None:
        self.done.append(("roles",))


@pytest.mark.parametrize(
    ("task", "revision", "done", "reached"),
    [
        ("migrate", None, [("upgrade",), ("partitions", NOW, 24), ("roles",)], "0002"),
        ("partitions", None, [("partitions", NOW, 24)], "0001"),
        ("downgrade", "0001", [("downgrade", "0001")], "0001"),
    ],
)
def test_a_task_does_its_part(
    task: str, revision: str | None, done: list[tuple[object, ...]], reached: str
) -> None:
    schema = Diary()
    kept = Kept([], []) if task == "downgrade" else Kept(["new"], ["old"])

    assert run(task, revision, schema, NOW, 24) == Outcome(reached, kept)
    assert schema.done == done


@pytest.mark.parametrize(("task", "revision"), [("drop", None), ("migrate", "0001"), (None, None)])
def test_what_is_no_task_does_nothing(task: object, revision: str | None) -> None:
    schema = Diary()
    with pytest.raises(UnknownTask, match="none of migrate, partitions, downgrade"):
        run(task, revision, schema, NOW, 24)

    assert schema.done == []


def test_without_secrets_roles_log_in_by_iam() -> None:
    aurora = {name: "" if "SECRET" in name else value for name, value in ENVIRONMENT.items()}

    assert door._Wiring(read(aurora, Settings)).passwords() is None


def test_what_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="DATABASE_HOST is not set"):
        read({**ENVIRONMENT, "DATABASE_HOST": ""}, Settings)
    with pytest.raises(SettingsError, match="'prefer' is none of verify-full, require, disable"):
        read({**ENVIRONMENT, "DATABASE_TLS": "prefer"}, Settings)


@pytest.mark.parametrize("event", [*sample_events.load("migrate_database").values(), {}])
def test_the_door_does_it_to_the_database_of_its_settings(
    event: dict[str, Any],
    database: Database,
    databases_of: Callable[..., Database],
    database_server: Databases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = database_server.server
    there = {"DATABASE_PORT": str(server.port), "DATABASE_NAME": database.address.name}
    secrets = {**PASSWORDS, "owner": server.password}
    monkeypatch.setattr(door, "secret_text", lambda secret, _: secrets[secret])
    monkeypatch.setattr("pitboss.stores.secrets.secret_text", lambda secret, _: secrets[secret])
    wiring = door._Wiring(read({**ENVIRONMENT, **there}, Settings))
    monkeypatch.setattr(door, "_wiring", lambda: wiring)
    later = MIGRATED_IN.plus(2)
    monkeypatch.setattr("time.time_ns", lambda: later.starts_at * 1_000_000)

    told = door.handler(event, None)

    wiring.database.close()
    assert told["made"] == ["shuffler_events_2027_05", "shuffler_events_2027_06"]
    assert told["dropped"] == ["shuffler_events_2026_10", "shuffler_events_2026_11"]
    assert told["revision"]
    with databases_of(roles.READER).connection():
        pass

"""`pitboss devices` without an AWS: names, key files, what is listed."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from workbench import devices, endpoint, main
from workbench.console import UsageError, WorkbenchError
from workbench.devices import Files, asset_of
from workbench.endpoint import MqttPlace

CERTIFICATE = "ab" * 32
MADE = datetime(2026, 11, 21, 12, tzinfo=UTC)


class NotFound(Exception): ...


class Iot:
    """What `pitboss devices list` asks, answered from a dictionary."""

    class exceptions:  # noqa: N801 - as boto3 has it
        ResourceNotFoundException = NotFound

    def __init__(self, things: dict[str, dict[str, str]], statuses: dict[str, str]) -> None:
        self._things, self._statuses = things, statuses

    def get_paginator(self, name: str) -> "Iot":
        assert name == "list_things"
        return self

    def paginate(self) -> list[dict[str, Any]]:
        """A thing a page."""
        return [
            {"things": [{"thingName": name, "attributes": attributes}]}
            for name, attributes in self._things.items()
        ]

    def describe_thing(self, thingName: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        if thingName not in self._things:
            raise NotFound
        return {"attributes": self._things[thingName]}

    def describe_certificate(self, certificateId: str) -> dict[str, Any]:  # noqa: N803
        if certificateId not in self._statuses:
            raise NotFound
        known = {"certificateId": certificateId, "status": self._statuses[certificateId]}
        return {"certificateDescription": {**known, "creationDate": MADE}}


def device(asset: str, property_id: str = "P1", **more: str) -> dict[str, str]:
    return {"property": property_id, "asset": asset, **more}


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iot:
    things = {
        "P2:7": device("7", "P2", certificate=CERTIFICATE),
        "P1:8": device("8", certificate="gone"),
        "P1:7": device("7"),
        "a-lamp": {"colour": "red"},
    }
    iot = Iot(things, {CERTIFICATE: "REVOKED"})
    monkeypatch.setattr(endpoint, "client", lambda service: iot)
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"ShufflerPolicyName": "policy"})
    return iot


def run(*words: str) -> Any:
    return CliRunner().invoke(main.app, ["devices", *words])


@pytest.mark.usefixtures("known")
def test_devices_are_listed_by_property_and_asset_and_nothing_else_is() -> None:
    listed = json.loads(run("list", "--json").stdout)

    assert [(d["property"], d["asset"], d["status"]) for d in listed] == [
        ("P1", "7", "NONE"),
        ("P1", "8", "NONE"),
        ("P2", "7", "REVOKED"),
    ]
    assert listed[2] == {
        "property": "P2",
        "asset": "7",
        "thing": "P2:7",
        "certificate_id": CERTIFICATE,
        "status": "REVOKED",
        "created": "2026-11-21 12:00:00",
    }


@pytest.mark.usefixtures("known")
def test_the_table_says_the_same() -> None:
    lines = run("list", "--property", "P2").stdout.splitlines()

    assert [word for word in lines[3].split() if word != "│"] == [
        *("P2", "7", "P2:7", CERTIFICATE, "REVOKED", "2026-11-21", "12:00:00")
    ]
    assert "devices add" in run("list", "--property", "P3").stdout


@pytest.mark.usefixtures("known")
def test_who_is_no_device_cannot_be_revoked() -> None:
    result = run("revoke", "9")

    assert result.exit_code == 1
    assert "There is no device P1:9" in result.stderr


@pytest.mark.parametrize(
    ("given", "asset"), [("7", "7"), ("0042", "42"), ("SH-0042", "SH-0042"), ("A_1", "A_1")]
)
def test_an_asset_has_no_padding_zeros(given: str, asset: str) -> None:
    assert asset_of(given, "P1") == asset


@pytest.mark.parametrize(
    ("asset", "property_id"),
    [
        *(("", "P1"), ("000", "P1"), ("a/b", "P1"), ("a:b", "P1"), ("7", "P:1"), ("7", "P.1")),
        *(("7", "+"), ("7\n", "P1"), ("#", "P1"), ("7" * 65, "P1")),
    ],
)
def test_what_is_no_name_of_a_thing_is_refused(asset: str, property_id: str) -> None:
    """`:` would make P:1's 7 and P's 1:7 the same thing; `.` AWS IoT does not take."""
    with pytest.raises(UsageError):
        asset_of(asset, property_id)


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    files = Files(tmp_path / "P1" / "7")

    made, again = devices._key(files), devices._key(files)

    assert made == again == files.key.read_bytes()
    assert b"PRIVATE KEY" in made
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"a diary", b"-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_key_is_not_overwritten(content: bytes, tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.key.write_bytes(content)

    with pytest.raises(WorkbenchError, match="is no key of a device and is never overwritten"):
        devices._key(files)

    assert files.key.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(WorkbenchError, match=r"key\.pem cannot be written: Not a directory"):
        devices._key(Files(tmp_path / "file" / "7"))


def test_a_device_is_not_added_twice(
    known: Iot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known._statuses[CERTIFICATE] = "ACTIVE"
    monkeypatch.setattr(endpoint, "mqtt_place", lambda: MqttPlace("localhost", 1, ""))

    result = run("add", "7", "--property", "P2", "--out", str(tmp_path / "7"))

    assert result.exit_code == 1
    assert f"P2:7 is a device, with the certificate {CERTIFICATE}" in result.stderr
    assert "pitboss devices revoke 7 --property P2" in result.stderr
    assert not (tmp_path / "7").exists()

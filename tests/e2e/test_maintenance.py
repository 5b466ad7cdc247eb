"""Maintenance from what a shuffler says to the work that is done: recommended once, told once."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.e2e.house import House
from tests.integration.conftest import eventually
from tests.shuffler_events import published, record
from tests.subscribing import subscribed
from workbench import endpoint, gateways, main, maintenance, measure
from workbench.client import PitbossClient

HOUR = 3_600_000
PATIENCE = 30.0
WORN: dict[str, Any] = {
    **{"uptime_ms": 60_000, "operating_ms": 60_000, "energy_j": 3_000, "recognition_bp": 9_860},
    **{"roller_slip_bp": 700, "gripper_offset_um": -900},
}
"""Telemetry of rollers that slip and a gripper that is off, both beyond their limits."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def said(house: House, stack: dict[str, str]) -> Callable[..., None]:
    """Put an event of the house's shuffler into the stream, as the broker's rule does."""

    def say(sequence: int, event_type: str, at: int, **data: Any) -> None:
        event = published(sequence, event_type, at=at, property_id=house.property_id, **data)
        endpoint.client("kinesis").put_records(
            StreamName=stack["ShufflerStreamName"],
            Records=[{"Data": record(event, received_at=at), "PartitionKey": "7"}],
        )

    return say


@pytest.fixture
def told(house: House, stack: dict[str, str]) -> Iterator[Callable[[], list[str]]]:
    """What a technician of the house is sent, who wants to hear of what is due this week."""
    wanted = {"property": [house.property_id], "urgency": ["this_week"]}
    heard: list[str] = []
    with subscribed(stack["OperationsTopicArn"], FilterPolicy=json.dumps(wanted)) as messages:

        def hear() -> list[str]:
            while found := messages():
                heard.extend(json.loads(one["Body"])["Subject"] for one in found)
            return sorted(heard)

        yield hear


@pytest.fixture
def technician(house: House) -> Iterator[PitbossClient]:
    signer = measure.signer_of(gateways.workbench_technician(house.property_id))
    with PitbossClient(endpoint.api_url(), signer) as client:
        yield client


def refreshed() -> dict[str, Any]:
    answer = maintenance.run_refresh(learn=False)
    assert answer["status"] == "SUCCEEDED", (answer["error"], answer["cause"])
    done: dict[str, Any] = answer["output"]["recommended"]
    return done


def test_what_a_shuffler_says_becomes_work_that_is_done(
    house: House,
    said: Callable[..., None],
    told: Callable[[], list[str]],
    technician: PitbossClient,
    open_house: Callable[[], House],
) -> None:
    def pitboss(*words: str) -> Result:
        words = ("maintenance", *words, "--property", house.property_id)
        return CliRunner().invoke(main.app, list(words))

    def listed(*words: str) -> dict[str, dict[str, Any]]:
        shown = pitboss("list", "--json", *words)
        assert shown.exit_code == 0, shown.output
        return {one["part"]: one for one in json.loads(shown.stdout)["recommendations"]}

    def heard_of() -> int:
        found = measure.read(house.service, "/v1/shufflers/7")
        return 0 if found is None else int(found["state"]["heard_at"])

    began = now_ms() - 2 * HOUR
    said(1, "telemetry.reported", began, **WORN)
    eventually(lambda: heard_of() == began, within=PATIENCE)
    refreshed()

    found = listed()
    assert set(found) == {"rollers", "gripper"}
    assert {one["urgency"] for one in found.values()} == {"this_week"}
    assert found["rollers"]["reasons"] == ["roller slip at 7.0 %, 2.5 % is the limit"]
    messages = ["Shuffler 7: gripper, this week", "Shuffler 7: rollers, this week"]
    assert eventually(told, lambda heard: len(heard) >= 2, PATIENCE) == messages

    # A technician answers: once, with a reason where one is due, and of what is theirs.
    rollers, gripper = (found[part]["recommendation_id"] for part in ("rollers", "gripper"))
    assert pitboss("ack", rollers, "--note", "on it").exit_code == 0
    assert pitboss("ack", rollers).exit_code == 1
    assert pitboss("dismiss", gripper, "--reason", " ").exit_code == 1
    assert "no recommendation nothing" in pitboss("done", "nothing").stderr
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    route = f"{maintenance.ROUTE}/{gripper}"
    for body, verb, status in ((b"{}", "dismiss", 400), (b"[]", "done", 400)):
        assert technician.send("POST", f"{route}/{verb}", body, headers).status_code == status
    stranger = gateways.workbench_technician(open_house().property_id)
    with PitbossClient(endpoint.api_url(), measure.signer_of(stranger)) as other:
        assert other.get(route).status_code == 404
        assert other.send("POST", f"{route}/done", b"{}", headers).status_code == 404
    assert pitboss("done", rollers, "--note", "replaced").exit_code == 0
    refused = pitboss("ack", rollers)
    assert (refused.exit_code, "409" in refused.stderr) == (1, True)

    # The shuffler says that its gripper was mended.
    mended = {"part": "gripper", "action": "replaced", "down_ms": 60_000, "is_repair": False}
    at = now_ms()
    said(2, "maintenance.performed", at, **mended)
    eventually(lambda: heard_of() == at, within=PATIENCE)
    refreshed()

    assert listed() == {}
    closed = listed("--all")
    assert {part: (one["status"], one["closed_by"]) for part, one in closed.items()} == {
        "rollers": ("done", gateways.workbench_technician(house.property_id).principal_id),
        "gripper": ("done", "maintenance.performed"),
    }
    entries = technician.get(f"{maintenance.ROUTE}/{rollers}").json()["entries"]
    assert [(one["status"], one["note"]) for one in entries] == [
        *(("open", ""), ("acknowledged", "on it")),
        ("done", "replaced"),
    ]
    assert told() == messages, "what was said is not said again"

"""The live API of the deployed stack: who gets in, what is kept, and that nobody else is let in."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pitboss.access import Action, Kind, Principal
from pitboss.stores.connections import MOST_SECONDS, LiveApi, management_url
from workbench import endpoint, gateways
from workbench.signing import Signer

type Open = Callable[..., ClientConnection]


class Floor:
    """A property that no other test has, with principals."""

    def __init__(self, stack: dict[str, str], folder: Path, cleanup: ExitStack) -> None:
        self.property_id = f"live-{uuid.uuid4().hex[:10]}"
        self._stack = stack
        self._folder = folder
        self._cleanup = cleanup

    def signer(self, *assets: str, action: Action = Action.READ_OFFERS) -> Signer:
        name = f"game-{uuid.uuid4().hex[:10]}"
        key = self._folder / f"{name}.pem"
        reach = frozenset(assets) or None
        principal = Principal(name, Kind.GATEWAY, self.property_id, reach, frozenset({action}))
        gateways.add(principal, key)
        self._cleanup.callback(
            endpoint.client("dynamodb").delete_item,
            TableName=self._stack["RegistryTableName"],
            Key={"pk": {"S": name}},
        )
        return Signer(name, key, gateways.audience())

    def kept(self) -> list[dict[str, Any]]:
        """What is kept of the property's machines."""
        pages = (
            endpoint.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self._stack["ConnectionsTableName"], ConsistentRead=True)
        )
        return [
            item
            for page in pages
            for item in page["Items"]
            if item["pk"]["S"].startswith(f"{self.property_id}/")
        ]


@pytest.fixture
def floor(stack: dict[str, str], tmp_path: Path) -> Iterator[Floor]:
    with ExitStack() as cleanup:
        yield Floor(stack, tmp_path, cleanup)


def opened(headers: dict[str, str], query: str = "?machines=7") -> ClientConnection:
    return connect(f"{endpoint.live_url()}{query}", additional_headers=headers, open_timeout=30)


def refused(headers: dict[str, str], query: str = "?machines=7") -> int:
    with pytest.raises(InvalidStatus) as caught:
        opened(headers, query)
    return int(caught.value.response.status_code)


def test_a_connection_is_kept_while_it_is_open(
    floor: Floor, eventually: Callable[..., Any]
) -> None:
    signer = floor.signer("7", "8")
    with opened(signer.headers(), "?machines=0007,8"):
        found = floor.kept()
        machines = sorted(item["pk"]["S"].partition("/")[2] for item in found)
        assert machines == ["machine/7", "machine/8"]
        left = int(found[0]["expires"]["N"]) - time.time()
        assert MOST_SECONDS - 60 < left <= MOST_SECONDS

    eventually(floor.kept, lambda found: found == [])


def test_nobody_gets_in_who_proves_nothing(floor: Floor) -> None:
    """401 on AWS; the embedded one answers 500 where an authorizer raises."""
    good = floor.signer("7").headers()["Authorization"]
    another = floor.signer("7").headers()["Authorization"]
    head, claims, _ = good.split(".")

    assert refused({}) in (401, 500)
    assert refused({"Authorization": "Bearer not.a.token"}) in (401, 500)
    forged = f"{head}.{claims}.{another.split('.')[2]}"
    assert refused({"Authorization": forged}) in (401, 500)
    assert refused(floor.signer("7").headers(b"a body")) in (401, 500)
    assert floor.kept() == []


def test_nobody_gets_in_who_may_not(floor: Floor) -> None:
    """404 and 400 on AWS for the machines; the embedded one answers 403."""
    game = floor.signer("7")

    assert refused(floor.signer("7", action=Action.READ_RATINGS).headers()) == 403
    assert refused(floor.signer("7", action=Action.SEND_SLOT_EVENTS).headers()) == 403
    assert refused(game.headers(), "?machines=7,9") in (403, 404)
    assert refused(game.headers(), "") in (400, 403)
    assert floor.kept() == []


def test_a_revoked_key_opens_nothing(floor: Floor) -> None:
    signer = floor.signer("7")
    with opened(signer.headers()):
        pass
    gateways.registry().revoke(signer._principal_id, int(time.time() * 1_000))

    assert refused(signer.headers()) == 403


def test_what_a_client_sends_is_taken_by_nobody(floor: Floor, aws: endpoint.Target) -> None:
    with opened(floor.signer("7").headers()) as socket:
        for sent in ('{"action": "ping"}', '{"action": "accept"}', "noise"):
            socket.send(sent)
        try:
            # API Gateway says of the others that there is no route; the embedded one says nothing.
            said = str(socket.recv(timeout=0.5))
        except TimeoutError:
            said = "Forbidden"
        assert "Forbidden" in said
        (item,) = floor.kept()
        with endpoint.as_environment():
            host = endpoint.stack_outputs()["LiveApiUrl"].replace("wss://", "https://")
            api = LiveApi(management_url(host, aws.endpoint), "us-east-1")
            assert api.send(item["sk"]["S"], b"still there") is True
            assert api.send("nobody", b"x") is False
        assert socket.recv(timeout=5) == "still there"


def test_only_who_pushes_may_send_over_connections(stack: dict[str, str]) -> None:
    """IAM is asked what it would say: a client of the management API has an address of its own."""
    pages = (
        endpoint.client("cloudformation")
        .get_paginator("list_stack_resources")
        .paginate(StackName=endpoint.stack_name())
    )
    functions = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    }
    client = endpoint.client("lambda")
    roles = {
        name: client.get_function_configuration(FunctionName=function)["Role"]
        for name, function in functions.items()
    }
    account = roles["PushLiveUpdatesFunction"].split(":")[4]
    place = f"{stack['LiveApiId']}/{stack['ApiStage']}/POST/@connections/c-1"
    sent = f"arn:aws:execute-api:{endpoint.target().region}:{account}:{place}"

    allowed = {
        name
        for name, role in roles.items()
        if endpoint.client("iam").simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=["execute-api:ManageConnections"],
            ResourceArns=[sent],
        )["EvaluationResults"][0]["EvalDecision"]
        == "allowed"
    }

    assert allowed == {"PushLiveUpdatesFunction"}

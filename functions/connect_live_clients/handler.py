"""The beginning and the end of a WebSocket in, a yes or no out."""

import os
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from connect_live_clients.service import MOST_CONNECTIONS, Refusal, connect
from connect_live_clients.settings import Settings
from pitboss.access import Principal
from pitboss.problems import problem
from pitboss.settings import read
from pitboss.stores.connections import MOST_MACHINES, DynamoConnections
from pitboss.telemetry import logger, metrics

_ANSWERS = {
    Refusal.NO_MACHINE: (HTTPStatus.BAD_REQUEST, "name machines: ?machines=1940732,5093619"),
    Refusal.BAD_MACHINE: (HTTPStatus.BAD_REQUEST, "machines are named by their asset numbers"),
    Refusal.TOO_MANY_MACHINES: (
        HTTPStatus.BAD_REQUEST,
        f"a connection is for {MOST_MACHINES} machines at most",
    ),
    Refusal.NOT_FOUND: (HTTPStatus.NOT_FOUND, "there is no such machine"),
    Refusal.TOO_MANY_CONNECTIONS: (
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{MOST_CONNECTIONS} connections are open already",
    ),
}

log = logger("connect_live_clients")
count = metrics("connect_live_clients")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.connections = DynamoConnections(settings.connections_table, settings.aws_region)

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Keep a connection, or forget it. What goes wrong at its end, its time to live puts right."""
    request = event["requestContext"]
    connection_id = request["connectionId"]
    try:
        if request["eventType"] == "DISCONNECT":
            count.count("ClientsDisconnected", int(_wiring().connections.remove(connection_id)))
            return {"statusCode": int(HTTPStatus.OK)}
        return _connected(event, connection_id)
    finally:
        count.flush()


def _connected(event: dict[str, Any], connection_id: str) -> dict[str, Any]:
    request = event["requestContext"]
    principal = Principal.from_context(request["authorizer"])
    machines = (event.get("queryStringParameters") or {}).get("machines", "")
    wiring = _wiring()
    refusal = connect(connection_id, principal, machines, wiring.connections, wiring.now())
    count.count("ClientsConnected", int(refusal is None))
    count.count("ClientsRefused", int(refusal is not None))
    if refusal is None:
        return {"statusCode": int(HTTPStatus.OK)}
    who = {"reason": refusal, "principal_id": principal.principal_id}
    log.warning("refused", extra=who | {"correlation_id": request["requestId"]})
    status, detail = _ANSWERS[refusal]
    return problem(status, detail, request["requestId"])

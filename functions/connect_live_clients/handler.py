"""The beginning and the end of a WebSocket in, a yes or no out."""

import os
import time
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from connect_live_clients.service import (
    MOST_CONNECTIONS,
    MOST_PAGES,
    Refusal,
    connect,
    watch,
)
from connect_live_clients.settings import Settings
from pitboss.access import Kind, Principal
from pitboss.live import LIVE_PROTOCOL, offered
from pitboss.problems import problem
from pitboss.settings import read
from pitboss.stores.audit import DynamoAudit
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
    Refusal.TOO_MANY_PAGES: (
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{MOST_PAGES} pages are open already: close one",
    ),
}

_PROTOCOL = "Sec-WebSocket-Protocol"

log = logger("connect_live_clients")
count = metrics("connect_live_clients")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.connections = DynamoConnections(settings.connections_table, settings.aws_region)
        self.audit = DynamoAudit(settings.audit_table, settings.aws_region)

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
    wiring = _wiring()
    now = wiring.now()
    if principal.kind is Kind.PERSON:
        # Nobody knows yet whom the pushes are going to name: the look says that they are seen.
        look = principal, "CONNECT $connect", (), request["requestId"], now
        tell = partial(wiring.audit.tell, *look)
        refusal = watch(connection_id, principal, wiring.connections, tell, now)
    else:
        machines = (event.get("queryStringParameters") or {}).get("machines", "")
        refusal = connect(connection_id, principal, machines, wiring.connections, now)
    count.count("ClientsConnected", int(refusal is None))
    count.count("ClientsRefused", int(refusal is not None))
    if refusal is None:
        return {"statusCode": int(HTTPStatus.OK)} | _spoken(event)
    who = {"reason": refusal, "principal_id": principal.principal_id}
    log.warning("refused", extra=who | {"correlation_id": request["requestId"]})
    status, detail = _ANSWERS[refusal]
    return problem(status, detail, request["requestId"])


def _spoken(event: dict[str, Any]) -> dict[str, Any]:
    """The subprotocol, for who offered it: without that answer a browser ends the connection."""
    headers = (event.get("multiValueHeaders") or {}).items()
    said = [
        value for name, values in headers if name.lower() == _PROTOCOL.lower() for value in values
    ]
    return {"headers": {_PROTOCOL: LIVE_PROTOCOL}} if LIVE_PROTOCOL in offered(said) else {}

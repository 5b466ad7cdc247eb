"""A request in, a policy out: decodes the call, asks the service, tells no one why not."""

import os
import time
from functools import cache
from typing import Any

from authorize_requests.service import Call, People, Verdict, decide
from authorize_requests.settings import Settings
from pitboss.live import offered
from pitboss.settings import read
from pitboss.sign_in import Pool
from pitboss.stores.registry import DynamoRegistry
from pitboss.stores.secrets import KeptSecret
from pitboss.stores.signing_keys import PoolKeys, keys_url
from pitboss.telemetry import logger, metrics
from pitboss.tokens import RefusedTokenError

log = logger("authorize_requests")
count = metrics("authorize_requests")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.audience = settings.token_audience
        self.registry = DynamoRegistry(settings.registry_table, settings.aws_region)
        url = keys_url(settings.sign_in_issuer, settings.aws_endpoint_url)
        pool = Pool(settings.sign_in_issuer, settings.sign_in_client)
        self.people = People(pool, PoolKeys(url, time.monotonic))
        self.install_key = KeptSecret(settings.install_key, settings.aws_region, time.monotonic)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Authorize one request.

    Raises:
        Exception: "Unauthorized", the one way to have API Gateway answer 401. Any other is a fault
            of ours, 500 to the caller: who asks again with the same token may be let in.
    """
    wiring = _wiring()
    call = _call(event)
    try:
        verdict = decide(
            call,
            wiring.registry,
            wiring.audience,
            wiring.people,
            wiring.install_key,
            time.time(),
        )
    except RefusedTokenError as refusal:
        log.warning("unauthorized", extra=_described(event, call) | {"reason": refusal.reason})
        count.count("RequestsUnauthorized")
        raise Exception("Unauthorized") from None
    else:
        if verdict.denial is None:
            count.count("RequestsAllowed")
        else:
            who = {"reason": verdict.denial, "principal_id": verdict.principal.principal_id}
            log.warning("forbidden", extra=_described(event, call) | who)
            count.count("RequestsForbidden")
        return _policy(event["methodArn"], verdict)
    finally:
        count.flush()


def _call(event: dict[str, Any]) -> Call:
    request = event["requestContext"]
    # A WebSocket has neither method nor resource: `CONNECT` and `$connect` are what it says it is.
    method = event.get("httpMethod") or request["eventType"]
    route = event.get("resource") or request["routeKey"]
    protocols: tuple[str, ...] = ()
    if method == "CONNECT":
        protocols = offered(_headers(event, "sec-websocket-protocol"))
    return Call(method, route, tuple(_headers(event, "authorization")), protocols)


def _headers(event: dict[str, Any], wanted: str) -> list[str]:
    return [
        value
        for name, values in (event.get("multiValueHeaders") or {}).items()
        if name.lower() == wanted
        for value in values
    ]


def _described(event: dict[str, Any], call: Call) -> dict[str, Any]:
    request = event["requestContext"]
    return {
        "method": call.method,
        "route": call.route,
        "source_ip": request["identity"].get("sourceIp"),
        "correlation_id": request.get("requestId"),
    }


def _policy(method_arn: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "principalId": verdict.principal.principal_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if verdict.denial is None else "Deny",
                    "Resource": method_arn,
                }
            ],
        },
        "context": verdict.principal.to_context(verdict.body_sha256),
    }

"""HTTP in, stream and answer out."""

import os
import time
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from ingest_slot_events.reading import cut, format_of
from ingest_slot_events.service import STAGE, ingest
from ingest_slot_events.settings import Settings
from pitboss.access import Principal, is_signed_body
from pitboss.backoff import pause
from pitboss.posts import Answer, RefusedRequest, body_of, unpacked
from pitboss.problems import answer, problem
from pitboss.settings import read
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.stream import KinesisStream
from pitboss.telemetry import logger, metrics
from pitboss.traces import packed

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.stream = KinesisStream(
            settings.slot_stream,
            settings.aws_region,
            pause=partial(pause, seconds=0.05),
        )
        self.quarantine = S3Quarantine(settings.quarantine_bucket, settings.aws_region)


def _now() -> int:
    return time.time_ns() // 1_000_000


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take one posted batch in; see `docs/openapi.json` for what it answers."""
    request = event["requestContext"]
    correlation_id = request["requestId"]
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    try:
        body = body_of(event)
        if not is_signed_body(request["authorizer"], body):
            raise RefusedRequest(HTTPStatus.FORBIDDEN, "the body is not the one that was signed")
        plain = unpacked(body, headers.get("content-encoding", "").strip().lower())
        events = format_of(headers.get("content-type", ""))
        pieces = cut(plain, events)
    except RefusedRequest as refusal:
        log.warning("refused", extra={"id": correlation_id, "reason": str(refusal)})
        count.count("RequestsRefused", 1, status=str(int(refusal.status)))
        count.flush()
        return problem(refusal.status, str(refusal), correlation_id)
    wiring = _wiring()
    sender = Principal.from_context(request["authorizer"])
    received_at = _now()
    result = ingest(
        pieces,
        events,
        sender,
        received_at,
        wiring.stream,
        wiring.quarantine,
        packed(correlation_id),
    )
    _report(result, sender, correlation_id, received_at)
    status = HTTPStatus.SERVICE_UNAVAILABLE if result.failed else HTTPStatus.OK
    return answer(status, result, {"Retry-After": "1"} if result.failed else None)


def _report(result: Answer, sender: Principal, correlation_id: str, received_at: int) -> None:
    if result.foreign:
        log.warning(
            "security event: events of a foreign property or asset",
            extra={"id": correlation_id, "sender": sender.principal_id, "events": result.foreign},
        )
    count.count("EventsReceived", result.received)
    count.count("EventsAccepted", result.accepted)
    count.count("EventsDuplicate", result.duplicate)
    count.count("EventsQuarantined", result.quarantined)
    count.count("EventsFailed", result.failed)
    count.count("EventsForeign", result.foreign)
    count.count("EventsUnrecognised", result.unrecognised)
    count.count("EventsOutOfTime", result.out_of_time)
    count.flush(
        correlation_id=correlation_id,
        sender=sender.principal_id,
        received_at=received_at,
        accepted_at=_now(),
    )

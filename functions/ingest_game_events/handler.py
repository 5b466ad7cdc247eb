"""HTTP in, stream and answer out."""

import os
import time
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from ingest_game_events.reading import Body, Sent, read_application_post, read_studio_post
from ingest_game_events.rules import Rules
from ingest_game_events.service import STAGE, ingest
from ingest_game_events.settings import Settings
from pitboss.access import Kind, Principal, is_signed_body
from pitboss.backoff import pause
from pitboss.posts import Answer, RefusedRequest, body_of, unpacked
from pitboss.problems import answer, problem
from pitboss.settings import read
from pitboss.stores.applications import DynamoApplications, KeptApplications
from pitboss.stores.install_limits import DynamoInstallLimits
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.stream import KinesisStream
from pitboss.telemetry import logger, metrics
from pitboss.traces import packed

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        region = settings.aws_region
        self.stream = KinesisStream(settings.game_stream, region, partial(pause, seconds=0.05))
        self.quarantine = S3Quarantine(settings.quarantine_bucket, region)
        applications = DynamoApplications(settings.registry_table, region)
        self.applications = KeptApplications(applications.find, Rules, time.monotonic)
        self.limits = DynamoInstallLimits(
            settings.installs_table, region, settings.install_events_per_minute
        )


def _now() -> int:
    return time.time_ns() // 1_000_000


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _TooMuch(RefusedRequest):
    """An install that has posted enough for this minute."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(
            HTTPStatus.TOO_MANY_REQUESTS, "the install has posted its events of this minute"
        )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take one posted batch in; see `docs/openapi.json` for what it answers."""
    request = event["requestContext"]
    correlation_id = request["requestId"]
    sender = Principal.from_context(request["authorizer"])
    received_at = _now()
    try:
        body = _body(event, sender, received_at)
        if sender.kind is Kind.INSTALL:
            wait = _wiring().limits.take(sender.principal_id, len(body.pieces), received_at)
            if wait:
                raise _TooMuch(wait)
    except RefusedRequest as refusal:
        log.warning("refused", extra={"id": correlation_id, "reason": str(refusal)})
        count.count("RequestsRefused", 1, status=str(int(refusal.status)))
        count.flush()
        refused = problem(refusal.status, str(refusal), correlation_id)
        if isinstance(refusal, _TooMuch):
            refused["headers"]["Retry-After"] = str(refusal.seconds)
        return refused
    wiring = _wiring()
    result = ingest(
        body,
        sender,
        received_at,
        wiring.applications,
        wiring.stream,
        wiring.quarantine,
        packed(correlation_id),
    )
    _report(result, sender, correlation_id, received_at)
    status = HTTPStatus.SERVICE_UNAVAILABLE if result.failed else HTTPStatus.OK
    return answer(status, result, {"Retry-After": "1"} if result.failed else None)


def _body(event: dict[str, Any], sender: Principal, received_at: int) -> Body:
    sent_body = body_of(event)
    if not is_signed_body(event["requestContext"]["authorizer"], sent_body):
        raise RefusedRequest(HTTPStatus.FORBIDDEN, "the body is not the one that was signed")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    plain = unpacked(sent_body, headers.get("content-encoding", "").strip().lower())
    content_type = headers.get("content-type", "")
    sent = Sent(received_at, sender.kind is not Kind.INSTALL, sender.client_id)
    application_id = (event.get("pathParameters") or {}).get("application_id")
    if application_id is None:
        return read_studio_post(plain, content_type, sent)
    rules = None
    if sender.assets is None or application_id in sender.assets:
        rules = _wiring().applications.find(sender.property_id, application_id)
    mapping = None if rules is None else rules.mapping
    return read_application_post(plain, content_type, application_id, mapping, sent)


def _report(result: Answer, sender: Principal, correlation_id: str, received_at: int) -> None:
    if result.foreign:
        log.warning(
            "security event: events of a foreign property, application or player",
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

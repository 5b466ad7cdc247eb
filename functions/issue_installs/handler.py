"""HTTP in, a token out."""

import os
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from issue_installs.service import InvalidRequest, NoSuchApplication, issue_install
from issue_installs.settings import Settings
from pitboss.access import Principal
from pitboss.problems import answer, problem
from pitboss.settings import read
from pitboss.signed import signed_body
from pitboss.stores.applications import DynamoApplications
from pitboss.stores.secrets import KeptSecret
from pitboss.telemetry import logger, metrics

log = logger("issue_installs")
count = metrics("issue_installs")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.applications = DynamoApplications(settings.registry_table, settings.aws_region)
        self.key = KeptSecret(settings.install_key, settings.aws_region, time.monotonic)
        self.audience = settings.token_audience


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Issue one token; see `docs/openapi.json` for what it answers."""
    request = event["requestContext"]
    caller = Principal.from_context(request["authorizer"])
    body = signed_body(event)
    if body is None:
        return _refused(request, HTTPStatus.FORBIDDEN, "the body is not the one that was signed")
    wiring = _wiring()
    try:
        install = issue_install(
            body,
            event["pathParameters"]["application_id"],
            caller,
            wiring.applications,
            wiring.key,
            wiring.audience,
            int(time.time()),
        )
    except InvalidRequest as fault:
        return _refused(request, HTTPStatus.BAD_REQUEST, str(fault))
    except NoSuchApplication:
        return _refused(request, HTTPStatus.NOT_FOUND, "there is no such application")
    count.count("InstallsIssued")
    count.flush(correlation_id=request["requestId"], caller=caller.principal_id)
    return answer(HTTPStatus.OK, install)


def _refused(request: dict[str, Any], status: HTTPStatus, detail: str) -> dict[str, Any]:
    log.warning("refused", extra={"id": request["requestId"], "reason": detail})
    count.count("RequestsRefused", 1, status=str(int(status)))
    count.flush()
    return problem(status, detail, request["requestId"])

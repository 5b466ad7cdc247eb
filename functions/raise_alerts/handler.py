"""Notifications of alarms in, alerts out."""

import os
from functools import cache
from typing import Any

import msgspec

from pitboss.settings import read
from pitboss.stores.floor import DynamoFloor
from pitboss.telemetry import logger, metrics
from raise_alerts import service
from raise_alerts.service import STAGE, show
from raise_alerts.settings import Settings

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> DynamoFloor:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    return DynamoFloor(settings.floor_table, settings.aws_region)


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Show what SNS hands over: one notification, as it says.

    Returns:
        Alerts that were raised and cleared.
    """
    raised = cleared = 0
    for record in event["Records"]:
        count.count("AlarmsReceived")
        try:
            changed = service.read(record["Sns"]["Message"])
        except msgspec.MsgspecError as fault:
            count.count("AlarmsUnreadable")
            log.warning("a notification is of no alarm", extra={"fault": str(fault)})
            continue
        done = show(changed, _wiring())
        raised += done.raised
        cleared += done.cleared
    count.count("AlertsRaised", raised)
    count.count("AlertsCleared", cleared)
    count.flush()
    return {"raised": raised, "cleared": cleared}

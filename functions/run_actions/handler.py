"""Notices in, posts and invocations out."""

import os
import time
from functools import cache
from typing import Any

from pitboss.metrics.webhooks import Became
from pitboss.settings import read
from pitboss.stores.actions import ActionFunctions, SqsActions
from pitboss.stores.secrets import KeptSecret
from pitboss.stores.webhooks import DynamoWebhooks, WebhookPosts
from pitboss.telemetry import logger, metrics
from run_actions.service import Message, Ran, RunActions
from run_actions.settings import Settings

STAGE = "run_actions"

log = logger(STAGE)
count = metrics(STAGE)


def _now() -> int:
    return int(time.time())


@cache
def _wiring() -> RunActions:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    region = settings.aws_region
    return RunActions(
        DynamoWebhooks(settings.metrics_table, region),
        WebhookPosts(loopback=settings.webhook_loopback),
        ActionFunctions(region),
        SqsActions(settings.actions_queue, settings.unrun_actions_queue, region),
        KeptSecret(settings.webhook_key_secret, region, time.monotonic),
        _now,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Run the actions of a batch of messages.

    Returns:
        The messages that come again: those that were put off, and those that cannot be read, which
        are set aside at last.
    """
    run = _wiring()
    failed: list[str] = []
    try:
        for record in event["Records"]:
            tries = int(record["attributes"]["ApproximateReceiveCount"])
            try:
                ran = run(Message(record["body"], record["receiptHandle"], tries))
            except ValueError as fault:
                failed.append(record["messageId"])
                count.count("NoticesUnreadable")
                what = {"message_id": record["messageId"], "fault": repr(fault)}
                log.error("a message is no notice", extra=what)
                continue
            if ran is not None and _is_put_off(ran, tries):
                failed.append(record["messageId"])
    finally:
        count.count("NoticesReceived", len(event["Records"]))
        count.flush()
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _is_put_off(ran: Ran, tries: int) -> bool:
    """Tell what came of an action, and say whether it comes again."""
    became, said, _ = ran.answer
    count.count("ActionsDone", int(became is Became.DONE))
    count.count("ActionsPutOff", int(became is Became.LATER))
    count.count("ActionsRefused", int(became is Became.REFUSED))
    count.count("ActionsDropped", int(became is Became.GONE))
    what = {
        "notice_id": ran.notice_id,
        "action": str(ran.action),
        "answer": said,
        "became": became,
        "tries": tries,
    }
    tell = log.info if became is Became.DONE else log.warning
    tell("an action was run", extra=what)
    return became is Became.LATER

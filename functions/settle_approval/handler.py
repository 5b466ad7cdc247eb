"""What was said in, what the offer is then out."""

import os
import time
from functools import cache
from typing import Any

import msgspec

from pitboss.offers.approval import Settlement, Verdict
from pitboss.settings import read
from pitboss.stores.offers import DynamoOffers
from pitboss.telemetry import logger, metrics
from settle_approval.service import STAGE, settle
from settle_approval.settings import Settings

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.offers = DynamoOffers(
            settings.offers_table,
            settings.standings_table,
            settings.ratings_table,
            settings.aws_region,
        )


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Settle one offer.

    Returns:
        The status that it has then.
    """
    settlement = msgspec.convert(event, Settlement)
    settled = settle(_wiring().offers, settlement, time.time_ns() // 1_000_000)
    verdict = settlement.answer.verdict
    log.info(
        "settled",
        extra={
            "offer_id": settlement.offer_id,
            "player_id": settlement.player_id,
            "verdict": str(verdict),
            "by": settlement.answer.by,
            "status": str(settled.status),
            "late": settled.is_late,
        },
    )
    count.count("ApprovalsGiven", int(settled.is_new and verdict is Verdict.APPROVED))
    count.count("ApprovalsRefused", int(settled.is_new and verdict is Verdict.REFUSED))
    count.count("ApprovalsMissed", int(settled.is_new and verdict is Verdict.NO_ANSWER))
    count.count("ApprovalsLate", int(settled.is_late))
    count.flush()
    return {"status": str(settled.status)}

"""A minute in, expired offers out."""

import os
import time
from functools import cache
from typing import Any

from expire_offers.service import STAGE, expire
from expire_offers.settings import Settings
from pitboss.settings import read
from pitboss.stores.offers import DynamoOffers
from pitboss.telemetry import logger, metrics

RESERVE_MS = 5_000
"""Time that is left for the offer being expired when no other is begun any more."""

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


def handler(event: object, context: Any) -> dict[str, int]:  # noqa: ANN401 - Lambda's own type
    """Expire what is due.

    Returns:
        How many offers were expired, had moved on, and were left for the next run.
    """
    result = expire(
        _wiring().offers,
        now=lambda: time.time_ns() // 1_000_000,
        has_time=lambda: context.get_remaining_time_in_millis() > RESERVE_MS,
    )
    if not result.is_done:
        log.warning("more offers are due than one run expires", extra={"expired": result.expired})
    count.count("OffersExpired", result.expired)
    count.count("OffersMovedOn", result.moved_on)
    count.count("OffersContended", result.left)
    count.flush()
    return {"expired": result.expired, "moved_on": result.moved_on, "left": result.left}

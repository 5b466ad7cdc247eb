"""A gaming day in, its reconciliation out."""

import os
from datetime import date
from functools import cache
from typing import Any

import msgspec

from pitboss.lake.rated import summary_key
from pitboss.settings import read
from pitboss.stores.lake import S3Lake
from pitboss.stores.notices import SnsNotices
from pitboss.stores.parquet import ParquetLake
from pitboss.telemetry import logger, metrics
from reconcile_machines.service import Summary, summarize
from reconcile_machines.settings import Settings

STAGE = "reconcile_machines"

DUCKDB_MEGABYTES = 1_000
"""Of the function's memory; the rest is Python's."""

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.gaming_days = settings.gaming_days
        self.lake = S3Lake(settings.lake_bucket, settings.aws_region)
        self.notices = SnsNotices(settings.operations_topic, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Reconcile one property's gaming day.

    Returns:
        How many machines there are, have gaps, and are reported for their hold.
    """
    wiring = _wiring()
    property_id, day = str(event["property_id"]), date.fromisoformat(event["gaming_day"])
    key = summary_key(property_id, day.isoformat())
    known = [msgspec.json.decode(wiring.lake.get(key), type=Summary)] if _is(key) else []
    with ParquetLake(wiring.lake, property_id, DUCKDB_MEGABYTES) as tables:
        summary, notice = summarize(
            tables,
            property_id,
            day.isoformat(),
            wiring.gaming_days.rule_of(property_id).bounds_of(day),
            known[0].notified if known else (),
        )
    if notice is not None:
        wiring.notices.publish(notice.subject, notice.text)
    wiring.lake.put(key, msgspec.json.encode(summary))
    result = {
        "machines": len(summary.machines),
        "machines_with_gaps": len(
            {one.asset_id for one in summary.differences if one.cause == "gap"}
        ),
        "holds_reported": summary.hold.reported,
    }
    count.count("MachinesReconciled", result["machines"])
    count.count("MachinesWithGaps", result["machines_with_gaps"])
    count.count("HoldsReported", result["holds_reported"])
    count.count("NoticesSent", int(notice is not None))
    count.flush()
    return result


def _is(key: str) -> bool:
    return any(found == key for found, _, _ in _wiring().lake.objects(key))

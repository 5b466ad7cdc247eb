"""Whether anything changed: all stored ratings of a property, before and after."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from rich.markup import escape

from workbench import endpoint
from workbench.console import WorkbenchError, out

PATIENCE_SECONDS = 600.0
"""How long rating may take for what was sent."""

_SHOWN = 20

type Items = Mapping[tuple[str, str], bytes]
"""A hash of every attribute of each item, by its key."""


@dataclass(frozen=True)
class Comparison:
    """Items before and after, by their keys."""

    items: int
    """Of both together."""
    changed: list[tuple[str, str]]
    """Those that are new, gone or different."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"items": self.items, "changed_items": len(self.changed)}

    def show(self) -> None:
        """For people."""
        out.print(f"{len(self.changed):,} changed items of {self.items:,}")
        for key in self.changed[:_SHOWN]:
            out.print(f"  {escape(' '.join(key))}")
        if len(self.changed) > _SHOWN:
            out.print(f"  and {len(self.changed) - _SHOWN:,} more")


def compare(before: Items, after: Items) -> Comparison:
    """What differs.

    Raises:
        WorkbenchError: nothing is or was stored, so that nothing is proven.
    """
    keys = before.keys() | after.keys()
    if not keys:
        raise WorkbenchError(
            "Nothing is stored of the property that was to be compared: see its name."
        )
    return Comparison(len(keys), sorted(key for key in keys if before.get(key) != after.get(key)))


def items_of(property_id: str) -> Items:
    """Every item of the ratings table that is of the property: its machines, players, sessions,
    days and corrections. Reads the whole table.
    """
    pages = (
        endpoint.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=endpoint.stack_outputs()["RatingsTableName"],
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :property)",
            ExpressionAttributeValues={":property": {"S": f"{property_id}/"}},
        )
    )
    return {
        (item["pk"]["S"], item["sk"]["S"]): _hash(item) for page in pages for item in page["Items"]
    }


def _hash(item: dict[str, Any]) -> bytes:
    # The members of a set have no order.
    plain = {
        name: {kind: sorted(value) if kind in ("SS", "NS", "BS") else value}
        for name, typed in item.items()
        for kind, value in typed.items()
    }
    return sha256(json.dumps(plain, sort_keys=True, default=repr).encode()).digest()


def wait_until_read(
    events: int, since: int, within: float = PATIENCE_SECONDS, every: float = 0.5
) -> None:
    """Wait until `rate_players` has read so many events. Play meanwhile counts too.

    Args:
        events: how many.
        since: epoch milliseconds.
        within: seconds until this gives up.
        every: seconds between two looks.

    Raises:
        WorkbenchError: it has not by then.
    """
    deadline = time.monotonic() + within
    while (read := events_read(since)) < events:
        if time.monotonic() > deadline:
            raise WorkbenchError(
                f"rate_players has read {read:,} of {events:,} events after {within:.0f} s: see "
                "`pitboss logs rate_players`, then run the same again; nothing counts twice."
            )
        time.sleep(every)


def events_read(since: int) -> int:
    """How many events `rate_players` has read since a moment in epoch milliseconds.

    It counts them in its log (the metric `EventsReceived`), which is there within seconds on every
    AWS; as a metric it comes late, and not on every one.
    """
    from workbench.stack import log_group

    client = endpoint.client("logs")
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=log_group("rate_players"), startTime=since, filterPattern='"EventsReceived"'
    )
    try:
        return sum(_counted(event["message"]) for page in pages for event in page.get("events", ()))
    except client.exceptions.ResourceNotFoundException:
        return 0


def _counted(message: str) -> int:
    try:
        found = json.loads(message)["EventsReceived"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return 0
    return int(sum(found) if isinstance(found, list) else found)


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000

"""Events of shufflers for tests, as devices publish them and as the stream carries them."""

import json
from base64 import b64encode
from typing import Any

from pitboss.events.shuffler import read_event
from pitboss.shufflers.state import Received
from pitboss.shufflers.topics import thing_name

MOMENT = 1_790_000_000_000
"""2026-09-21, 14:13:20 UTC."""


def published(
    sequence: int,
    event_type: str,
    *,
    at: int = MOMENT,
    property_id: str = "north",
    asset_id: str = "7",
    **data: Any,
) -> dict[str, Any]:
    """An event as a device publishes it."""
    return {
        "event_id": f"{asset_id}-{sequence}",
        "event_type": event_type,
        "property_id": property_id,
        "asset_id": asset_id,
        "occurred_at": at,
        "sequence": sequence,
        "data": data,
    }


def shuffle(sequence: int, *, at: int = MOMENT, asset_id: str = "7", **data: Any) -> dict[str, Any]:
    """A shuffle of eight decks, after 40 rounds in 30 minutes."""
    told: dict[str, Any] = {"table_id": "BJ-1", "cycle_ms": 95_000, "cards": 416, "decks": 8}
    told |= {"rounds": 40, "dealing_ms": 1_800_000} | data
    return published(sequence, "shuffle.completed", at=at, asset_id=asset_id, **told)


def telemetry(
    sequence: int, *, at: int = MOMENT, asset_id: str = "7", **data: Any
) -> dict[str, Any]:
    """A report of a minute in service."""
    told = {"uptime_ms": 60_000, "operating_ms": 60_000, "energy_j": 3_000} | data
    return published(sequence, "telemetry.reported", at=at, asset_id=asset_id, **told)


def received(event: dict[str, Any], received_at: int | None = None) -> Received:
    """An event as it is written."""
    at = event["occurred_at"] + 500 if received_at is None else received_at
    return Received(read_event(json.dumps(event).encode()), at)


def record(*events: dict[str, Any], received_at: int | None = None, **fields: Any) -> bytes:
    """A stream record: one message of the first event's device."""
    first = events[0]
    property_id, asset_id = first["property_id"], first["asset_id"]
    payload = json.dumps({"events": events}).encode()
    return json.dumps(
        {
            "payload": b64encode(payload).decode(),
            "topic": f"pitboss/{property_id}/shufflers/{asset_id}/events",
            "received_at": first["occurred_at"] + 500 if received_at is None else received_at,
            "principal": "c7" * 32,
            "client_id": thing_name(property_id, asset_id),
        }
        | fields
    ).encode()

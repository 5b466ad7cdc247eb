"""The yardstick: events are decoded, a JSON object a record, and thrown away.

base64 and msgspec, into a structure with all fields of the envelope, its data and its meters.
"""

from base64 import b64decode
from typing import Any

import msgspec

from benchmarks.peers import harness


class Meters(msgspec.Struct, gc=False):
    """The envelope's meters."""

    coin_in_credits: int | None = None
    coin_out_credits: int | None = None
    jackpot_credits: int | None = None
    handpaid_cancelled_credits: int | None = None
    current_credits: int | None = None
    games_played: int | None = None
    games_won: int | None = None


class Event(msgspec.Struct, gc=False):
    """The envelope."""

    event_id: str
    event_type: str
    property_id: str
    asset_id: str
    occurred_at: int
    sequence: int
    schema_version: int
    data: dict[str, Any]
    player_id: str | None = None
    meters: Meters | None = None


class DecodeOnly:
    """Decodes; has nothing to show for it."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Event).decode

    def take(self, event: dict[str, Any]) -> None:
        decode = self._decode
        for record in event["Records"]:
            decode(b64decode(record["kinesis"]["data"]))

    def totals(self) -> dict[str, dict[str, Any]]:
        return {}


if __name__ == "__main__":
    harness.main(DecodeOnly)

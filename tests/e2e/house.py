"""A casino of its own for a test, and the stream it sends to."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.integration import ratings_items
from workbench import endpoint, gateways
from workbench.client import PitbossClient
from workbench.event_files import FileFormat
from workbench.replay import FeedEvent, ReplayReport, cut, replay
from workbench.signing import Signer

PATIENCE_SECONDS = 90.0
"""How long the stack may take for what it is sent; nothing is timed here."""


@dataclass
class House:
    """A property that no other test has, with a gateway, a service and its place in the stack."""

    property_id: str
    gateway: PitbossClient
    service: PitbossClient

    def send(self, events: Iterable[FeedEvent], **how: Any) -> ReplayReport:
        """Through the front door, as gateway packets."""
        return replay(
            self.gateway,
            cut(events, **({"max_events": 500, "groups": 4} | how)),
            FileFormat.ACRES_SAS,
            connections=2,
        )

    def post(
        self,
        body: bytes,
        content_type: str = FileFormat.PITBOSS.content_type,
        **headers: str,
    ) -> httpx.Response:
        """One request with this body, signed as it is, whatever it is."""
        signed = self._signer(gateways.workbench_gateway(self.property_id).principal_id)
        return httpx.post(
            f"{endpoint.api_url()}/v1/slot-events",
            content=body,
            headers={"Content-Type": content_type, **headers, **signed.headers(body)},
            timeout=30,
        )

    def get(self, path: str) -> httpx.Response:
        """One read."""
        return self.service.get(path)

    @staticmethod
    def _signer(principal_id: str) -> Signer:
        return Signer(principal_id, gateways.key_path(principal_id), gateways.audience())

    def items(self) -> ratings_items.Items:
        """What is stored of it."""
        return ratings_items.items(self.property_id)

    def envelope(self, asset_id: str, event_type: str, second: int, **fields: Any) -> bytes:
        """An event of it; the same arguments make the same event."""
        moment = 1_768_500_000_000 + second * 1_000
        envelope = {
            "event_id": f"{asset_id}-{event_type}-{second}",
            "event_type": event_type,
            "property_id": self.property_id,
            "asset_id": asset_id,
            "occurred_at": moment,
            "sequence": second,
            **fields,
        }
        return json.dumps(envelope, ensure_ascii=False).encode()

    def game(self, asset_id: str, second: int, wager_cents: int = 100) -> list[bytes]:
        """A machine's paytable and a game; its hold is 8 %."""
        return [
            self.envelope(asset_id, "paytable.reported", 0, data={"base_basis_points": 9_200}),
            self.envelope(asset_id, "game.started", second, data={"wager_cents": wager_cents}),
            self.envelope(asset_id, "game.ended", second + 5, data={"win_cents": 40}),
        ]


def array(events: Sequence[bytes]) -> bytes:
    """A body of envelopes."""
    return b"[" + b",".join(events) + b"]"


@dataclass
class Watch:
    """The records that come into the stream."""

    iterators: dict[str, str]
    records: list[dict[str, Any]]

    def look(self) -> list[dict[str, Any]]:
        """Every record since the test began."""
        kinesis = endpoint.client("kinesis")
        for shard in self.iterators:
            while True:
                page = kinesis.get_records(ShardIterator=self.iterators[shard], Limit=1000)
                self.iterators[shard] = page["NextShardIterator"]
                self.records += page["Records"]
                if not page["Records"] and not page.get("MillisBehindLatest"):
                    break
        return self.records

    def of(self, property_id: str) -> list[dict[str, Any]]:
        """Those of one property."""
        return [
            record for record in self.look() if record["PartitionKey"].startswith(f"{property_id}/")
        ]


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000

"""What all contestants share: reading the load, measuring, printing. Standard library only."""

import gc
import json
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

WARM_UP_SHARE = 0.1
"""Of the load, given to a consumer of its own beforehand."""


class Consumer(Protocol):
    """Takes stream records in, batch by batch."""

    def take(self, event: dict[str, Any]) -> object: ...
    def totals(self) -> dict[str, dict[str, Any]]: ...


def invocation(data: list[str]) -> dict[str, Any]:
    """What Lambda hands to a function for these records (base64)."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "P1",
                    "sequenceNumber": f"{number:056}",
                    "data": record,
                    "approximateArrivalTimestamp": 1_768_500_000.5,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{number:056}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::123456789012:role/rate-players",
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/slot-events",
            }
            for number, record in enumerate(data)
        ]
    }


def main(make: Callable[[], Consumer]) -> None:
    """Measure a consumer on the load named on the command line."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    invocations = [invocation(json.loads(line)) for line in lines]
    warm_up = make()
    for event in invocations[: max(1, int(len(invocations) * WARM_UP_SHARE))]:
        warm_up.take(event)
    consumer = make()
    seconds = cpu_seconds(lambda: [consumer.take(event) for event in invocations])
    printed(seconds, consumer.totals(), getattr(consumer, "store_seconds", 0.0))


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of the process that the work takes; what is loaded beforehand is no garbage."""
    gc.collect()
    gc.freeze()
    started = time.process_time()
    work()
    return time.process_time() - started


def printed(seconds: float, totals: dict[str, dict[str, Any]], store_seconds: float = 0.0) -> None:
    """Hand the result over: CPU time in all, of which in a faked store, and what was found."""
    result = {"cpu_seconds": seconds, "store_seconds": store_seconds, **totals}
    sys.stdout.write(json.dumps(result) + "\n")


class Ratings:
    """The work: each event once, sessions, and totals by machine, player and gaming day.

    As little as gives the right totals here. Wagers and wins count where they stand, a game at its
    end, theoretical win by the newest hold. What a house needs besides is left out: late paytables,
    hand-pays, meters, time-outs, corrections, and anything to survive a crash with.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._holds: dict[str, int] = {}
        self._waiting: dict[str, list[tuple[list[int], int]]] = {}
        self._cards: dict[str, tuple[str, int]] = {}
        self.machines: dict[tuple[str, str], list[int]] = {}
        self.players: dict[tuple[str, str], list[int]] = {}
        self.sessions: dict[tuple[str, str, str, int], list[int]] = {}

    def rate(
        self,
        event_id: str,
        event_type: str,
        asset_id: str,
        occurred_at: int,
        player_id: str | None,
        data: Any,  # noqa: ANN401 - of the event's type
    ) -> None:
        """Count one event; `data` is a mapping."""
        identity = asset_id, event_id
        if identity in self._seen:
            return
        self._seen.add(identity)
        if event_type == "game.started":
            games, wager, win = 0, data["wager_cents"], 0
        elif event_type == "game.ended":
            games, wager, win = 1, 0, data["win_cents"]
        elif event_type == "paytable.reported":
            hold = self._holds[asset_id] = 10_000 - data["base_basis_points"]
            for total, wager in self._waiting.pop(asset_id, ()):
                total[3] += wager * hold
            return
        elif event_type == "card.inserted":
            self._cards[asset_id] = player_id or "", occurred_at
            return
        else:
            return
        day = gaming_day(occurred_at)
        totals = [_of(self.machines, (day, asset_id))]
        if player_id is not None:
            totals.append(_of(self.players, (day, player_id)))
            card, started_at = self._cards.get(asset_id, ("", 0))
            session = day, player_id, asset_id, started_at if card == player_id else occurred_at
            totals.append(_of(self.sessions, session))
        known = self._holds.get(asset_id)
        for total in totals:
            total[0] += games
            total[1] += wager
            total[2] += win
            if known is not None:
                total[3] += wager * known
            else:
                self._waiting.setdefault(asset_id, []).append((total, wager))

    def totals(self) -> dict[str, dict[str, Any]]:
        """The totals as they are compared."""
        return {
            kind: {"/".join(key): sums for key, sums in found.items() if any(sums)}
            for kind, found in (("machines", self.machines), ("players", self.players))
        }


def _of(totals: dict[Any, list[int]], key: object) -> list[int]:
    total = totals.get(key)
    if total is None:
        total = totals[key] = [0, 0, 0, 0]
    return total


GAMING_DAY_OFFSET_MS = 14 * 3_600_000
"""From the gaming day of the simulated floor to UTC in winter: 8 hours of Los Angeles, and 6 of the
day's start. Peers need no time zones."""

_days: dict[int, str] = {}


def gaming_day(epoch_ms: int) -> str:
    """The gaming day (ISO date) of a moment, one lookup as a rule."""
    number = (epoch_ms - GAMING_DAY_OFFSET_MS) // 86_400_000
    day = _days.get(number)
    if day is None:
        day = _days[number] = time.strftime("%Y-%m-%d", time.gmtime(number * 86_400))
    return day


def decoded(record: dict[str, Any]) -> bytes:
    """A record's bytes."""
    return b64decode(record["kinesis"]["data"])

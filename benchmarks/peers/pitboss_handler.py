"""Pitboss: the handler of `rate_players` as it is deployed, its stores in memory."""

import contextlib
import io
import os
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

from benchmarks.peers import harness
from pitboss.events.player import PlayerChanged
from pitboss.rating.fold import Tally
from pitboss.stores.ratings import Asset, AssetChange
from pitboss.stores.topic import MESSAGES_A_CALL
from rate_players import handler as lambda_handler
from workbench.memory import MemoryRatings

ENVIRONMENT = {
    "RATINGS_TABLE": "ratings",
    "QUARANTINE_BUCKET": "quarantine",
    "PLAYER_TOPIC": "arn:aws:sns:us-east-1:123456789012:players",
    "WORTH_STEP_CENTS": "1000",
    "GAMING_DAYS": "*=America/Los_Angeles@06:00",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "POWERTOOLS_SERVICE_NAME": "benchmark",
}


class NoQuarantine:
    """All events can be rated, so that nothing is set aside."""

    def put(self, entries: Sequence[Any]) -> str:
        raise SystemExit(f"set aside: {entries[0].reason} {entries[0].detail}")


class Audience:
    """Who is told what changed, and how often that was."""

    def __init__(self) -> None:
        self.changes = self.calls = 0

    def publish(self, changes: Sequence[PlayerChanged]) -> None:
        self.changes += len(changes)
        self.calls += -(-len(changes) // MESSAGES_A_CALL)


class TimedRatings(MemoryRatings):
    """Ratings in memory that knows what keeping them took of the CPU time."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]:
        started = time.process_time()
        conflicting = super().commit(changes)
        self.seconds += time.process_time() - started
        return conflicting


class PitbossHandler:
    """The handler with its wiring, but for where ratings are kept."""

    def __init__(self, ratings: MemoryRatings | None = None) -> None:
        self.ratings = TimedRatings() if ratings is None else ratings
        with mock.patch.dict(os.environ, ENVIRONMENT):
            self._wiring = lambda_handler._wiring.__wrapped__()
        self._wiring.rate._ratings = self.ratings
        self._wiring.quarantine = NoQuarantine()  # type: ignore[assignment]
        self.audience = Audience()
        rate = self._wiring.rate
        rate._audience = rate._audience._replace(changes=self.audience)
        rate._now = lambda: 0  # the floor's days are past, and all of it shall be told

    def take(self, event: dict[str, Any]) -> None:
        """One invocation; what it prints, its metrics, goes nowhere."""
        with (
            contextlib.redirect_stdout(io.StringIO()),
            mock.patch.object(lambda_handler, "_wiring", self._wired),
        ):
            if lambda_handler.handler(event, None) != {"batchItemFailures": []}:
                raise SystemExit("a batch was given back")

    def _wired(self) -> Any:  # noqa: ANN401 - the handler's own
        return self._wiring

    @property
    def store_seconds(self) -> float:
        """CPU time of the faked store's commits."""
        return self.ratings.seconds if isinstance(self.ratings, TimedRatings) else 0.0

    def totals(self) -> dict[str, dict[str, Any]]:
        """What is stored, as it is compared."""
        totals: dict[str, dict[str, Any]] = {"machines": {}, "players": {}}
        for asset in self.ratings.assets:
            rating = self.ratings.machine(asset)
            assert rating is not None
            for day in (rating.today, *self.ratings.closed_days(asset, 1_000)):
                _add(totals["machines"], f"{day.day}/{asset.asset_id}", day.tally)
        for _, session in self.ratings.sessions:
            _add(totals["players"], f"{session.key.day}/{session.key.player_id}", session.tally)
        return totals


def _add(totals: dict[str, list[int]], key: str, tally: Tally) -> None:
    sums = tally.games, tally.coin_in_cents, tally.coin_out_cents, tally.theoretical_win
    if any(sums):
        total = totals.setdefault(key, [0, 0, 0, 0])
        total[:] = [a + b for a, b in zip(total, sums, strict=True)]


if __name__ == "__main__":
    harness.main(PitbossHandler)

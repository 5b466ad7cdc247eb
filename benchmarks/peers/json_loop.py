"""A plain loop: base64 and the standard library's json, an event a record."""

import json
from typing import Any

from benchmarks.peers import harness


class JsonLoop(harness.Ratings):
    """Rates by a loop over records."""

    def take(self, event: dict[str, Any]) -> None:
        rate = self.rate
        for record in event["Records"]:
            played = json.loads(harness.decoded(record))
            rate(
                played["event_id"],
                played["event_type"],
                played["asset_id"],
                played["occurred_at"],
                played["player_id"],
                played["data"],
            )


if __name__ == "__main__":
    harness.main(JsonLoop)

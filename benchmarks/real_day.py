"""The real SAS day: offline, through the deployed stack, and sent again every other way.

Four real machines' 2,403 packets. Right answers: 137 games, 68,500 c and $22.331; 10 games, 250 c
and $0.20; none on the other two. Then the same packets are sent in order, shuffled within five
minutes, and shuffled with a tenth of them doubled, to three properties; what is stored must be the
same items, byte for byte, and sending the last again must not change one.
"""

import random
import time
from typing import Any

from workbench import measure
from workbench.demo import REAL_DAY, REAL_DAY_LEDGER, third_party_data
from workbench.event_files import FileFormat
from workbench.rate import Audit
from workbench.replay import FeedEvent, cut, read_feed, replay

DISORDER_MS = 300_000
DUPLICATE_SHARE = 0.1


def run() -> dict[str, Any]:
    """What was rated offline and stored, and whether disorder can be seen in it."""
    path = third_party_data() / REAL_DAY
    if not path.exists():
        return {"figure": "a real SAS day", "skipped": f"{path} is not here"}
    audit = Audit(FileFormat.ACRES_SAS, "America/Los_Angeles@06:00")
    audit.take(path.read_bytes().splitlines())
    offline = audit.result()
    events = list(read_feed([path], FileFormat.ACRES_SAS))
    chance = random.Random(20200615)
    doubled = events + chance.sample(events, int(len(events) * DUPLICATE_SHARE))
    run_id = int(time.time())
    ways = {
        "in order": (events, 500),
        "shuffled within 5 minutes": (_shuffled(events, chance), 200),
        "shuffled, a tenth doubled": (_shuffled(doubled, chance), 77),
    }
    stored = {}
    for number, (way, (feed, size)) in enumerate(ways.items()):
        stored[way] = _stored(f"day-{run_id}-{number}", feed, size)
    last_feed, last_size = ways["shuffled, a tenth doubled"]
    again = _stored(f"day-{run_id}-2", last_feed, last_size)
    first = stored["in order"]
    return {
        "figure": "a real SAS day",
        "offline": [
            {key: row[key] for key in ("asset_id", "games", "coin_in_cents", "theoretical_win")}
            for row in offline["machines"]
        ],
        "rows": [
            {"way": way, "items": len(items), "identical_to_in_order": items == first}
            for way, items in stored.items()
        ]
        + [
            {
                "way": "the last one sent again",
                "items": len(again),
                "identical_to_in_order": again == first,
            }
        ],
    }


def _shuffled(events: list[FeedEvent], chance: random.Random) -> list[FeedEvent]:
    """In the order they would arrive with a delay of up to five minutes each."""
    return sorted(events, key=lambda event: (event.at or 0) + chance.uniform(0, DISORDER_MS))


def _stored(property_id: str, feed: list[FeedEvent], events_a_post: int) -> Any:  # noqa: ANN401
    with measure.gateway(property_id) as sender, measure.reader(property_id) as client:
        batches = cut(feed, max_events=events_a_post)
        replay(sender, batches, FileFormat.ACRES_SAS)
        measure.wait_until(lambda: measure.games_rated(client) == 147, 60)
        measure.wait_until_idle()
        found = measure.differences(measure.ratings(client, REAL_DAY_LEDGER), REAL_DAY_LEDGER)
    if found:
        raise SystemExit(f"the stored day is wrong: {found[0]}")
    return measure.stored_items(property_id)

"""CPU of a stored item: the transactions that rating makes, against an update an item.

A simulated floor is rated, and what each flush changes is written three ways in turn: by
`DynamoRatings.commit`, in transactions of up to 100 items, heads with their pages among them; by an
update each of PynamoDB; by an update each of boto3. An update adds to four sums of a session and
sets three attributes, and is sent as often as there are items. Requests are serialised and signed,
answers are read; there is only no network.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from benchmarks import load
from benchmarks.peers.harness import invocation
from benchmarks.peers.pitboss_handler import PitbossHandler
from benchmarks.rating_path import LARGEST_BATCH, one_core
from benchmarks.transport import Requests, network_stubbed
from pitboss.stores.ratings import TRANSACTION_ITEMS, Asset, AssetChange, DynamoRatings
from workbench.console import WorkbenchError, say
from workbench.memory import MemoryRatings

GOAL = 60
"""CPU of an item at full batches, microseconds, at most."""

FLUSH_SECONDS = 10
MINUTES = 5
TRANSACTIONS = "DynamoRatings.commit, in transactions"
PYNAMODB = "PynamoDB, an update each"
BOTO3 = "boto3, an update each"

_REGION = "us-east-1"
_UPDATED = b'{"Attributes": {"pk": {"S": "P1/player/1"}, "sk": {"S": "day/2026-01-15"}}}'


class SessionItem(Model):
    """A session's totals of a day, as PynamoDB's manual would have it."""

    class Meta:
        """Where it is."""

        table_name = "ratings"
        region = _REGION

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    asset_id = UnicodeAttribute(null=True)
    player_id = UnicodeAttribute(null=True)
    last_play = NumberAttribute(null=True)
    games = NumberAttribute(null=True)
    coin_in_cents = NumberAttribute(null=True)
    coin_out_cents = NumberAttribute(null=True)
    theoretical_win = NumberAttribute(null=True)


def _pynamodb_update(number: int) -> None:
    SessionItem(f"P1/player/{number}", "day/2026-01-15").update(
        actions=[
            SessionItem.asset_id.set("1940732"),
            SessionItem.player_id.set(str(number)),
            SessionItem.last_play.set(1_768_500_000_000),
            SessionItem.games.add(1),
            SessionItem.coin_in_cents.add(500),
            SessionItem.coin_out_cents.add(200),
            SessionItem.theoretical_win.add(163_000),
        ]
    )


def _boto3_update() -> Callable[[int], None]:
    client = boto3.client("dynamodb", region_name=_REGION)

    def update(number: int) -> None:
        client.update_item(
            TableName="ratings",
            Key={"pk": {"S": f"P1/player/{number}"}, "sk": {"S": "day/2026-01-15"}},
            UpdateExpression=(
                "SET asset_id = :asset_id, player_id = :player_id, last_play = :last_play ADD "
                "games :games, coin_in_cents :coin_in, coin_out_cents :coin_out, "
                "theoretical_win :theoretical_win"
            ),
            ExpressionAttributeValues={
                ":asset_id": {"S": "1940732"},
                ":player_id": {"S": str(number)},
                ":last_play": {"N": "1768500000000"},
                ":games": {"N": "1"},
                ":coin_in": {"N": "500"},
                ":coin_out": {"N": "200"},
                ":theoretical_win": {"N": "163000"},
            },
            ReturnValues="ALL_NEW",
        )

    return update


class _Written(MemoryRatings):
    """Ratings in memory; changes are written to DynamoDB as well, each way in turn, and timed."""

    def __init__(self) -> None:
        super().__init__()
        self._dynamo = DynamoRatings("ratings", _REGION)
        self._boto3_update = _boto3_update()
        self.requests = Requests()
        self.seconds: dict[str, list[float]] = {TRANSACTIONS: [], PYNAMODB: [], BOTO3: []}
        """CPU of an item, flush by flush."""

    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]:
        full = filling(changes)
        if full:
            written = self.requests.items
            with network_stubbed(self.requests.answer):
                self._dynamo.commit(full)
            items = self.requests.items - written
            with network_stubbed(lambda *_: b"{}"):
                self._time(TRANSACTIONS, items, lambda: self._dynamo.commit(full))
            with network_stubbed(lambda *_: _UPDATED):
                self._time(PYNAMODB, items, lambda: _each(items, _pynamodb_update))
                self._time(BOTO3, items, lambda: _each(items, self._boto3_update))
        return super().commit(changes)

    def _time(self, name: str, items: int, write: Callable[[], object]) -> None:
        started = time.process_time()
        write()
        self.seconds[name].append((time.process_time() - started) / items)


def filling(changes: Sequence[AssetChange]) -> list[AssetChange]:
    """The first changes, as many as make full transactions: what would be left is left out."""
    full = group = 0
    for number, (_, change) in enumerate(changes):
        items = 1 + len(change.sealed) + len(change.earlier_days) + bool(change.closed_day)
        items += len(change.sessions) + len(change.corrections)
        if group + items > TRANSACTION_ITEMS:
            full, group = number, 0
        group += items
        if group == TRANSACTION_ITEMS:
            full, group = number + 1, 0
    return list(changes[:full])


def _each(items: int, update: Callable[[int], None]) -> None:
    for number in range(items):
        update(number)


def run() -> dict[str, Any]:
    """Microseconds an item, and ratios."""
    with one_core():
        say("playing a floor ...")
        events = load.load(minutes=MINUTES)
        stream = load.records(events, load.each_second)
        with network_stubbed(lambda *_: b"{}"):
            ratings = _Written()
            rating = PitbossHandler(ratings)
            for batch in load.batches(stream, FLUSH_SECONDS, LARGEST_BATCH):
                rating.take(invocation([record.data for record in batch]))
    found = load.differences(rating.totals(), events.truth)
    if found:
        raise WorkbenchError(f"what was written is wrong, first {found[0]}.")
    each = {name: statistics.median(times) * 1e6 for name, times in ratings.seconds.items()}
    transactions = ratings.requests.items_a_transaction
    return {
        "figure": "CPU of a stored item",
        "unit": "microseconds of CPU an item, median of interleaved flushes on one core",
        "flushes": len(ratings.seconds[TRANSACTIONS]),
        "items": ratings.requests.items,
        "items_a_transaction": round(statistics.mean(transactions), 1),
        "bytes_an_item": round(ratings.requests.item_bytes / ratings.requests.items),
        "rows": [
            {
                "way": name,
                "microseconds": round(median, 1),
                "ratio": round(median / each[TRANSACTIONS], 2),
                "goal": GOAL if name == TRANSACTIONS else None,
            }
            for name, median in each.items()
        ],
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))

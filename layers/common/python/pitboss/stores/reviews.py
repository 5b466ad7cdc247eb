"""What is remembered of play that is watched, and the review queue; items of the floor table.

The items are listed in `pitboss.stores.floor`. They are in partitions of their own, which no page
is shown and nothing is pushed of: whoever is suspected must not learn of it from a colleague.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import zstandard
from msgspec.structs import replace

from pitboss.anomalies.cards import MINUTE_MS, CardDay
from pitboss.anomalies.questions import Question
from pitboss.anomalies.reviews import SILENT_MS, Review, ReviewStatus, subject_of
from pitboss.anomalies.watch import Place, Watched
from pitboss.errors import TransientError
from pitboss.floor.blocks import Block, UnreadableFloorError
from pitboss.stores.batches import read_batches
from pitboss.stores.floor import (
    KEPT_SECONDS,
    MAX_TRIES,
    BlockKind,
    DynamoFloor,
    Item,
)
from pitboss.stores.packing import Zstd

_watched = msgspec.msgpack.Decoder(list[Watched])
_places = msgspec.msgpack.Decoder(dict[str, Place])
_card = msgspec.msgpack.Decoder(CardDay)
_packer = msgspec.msgpack.Encoder()
_zstd = Zstd(level=3)
_json = msgspec.json.Encoder()
_review = msgspec.json.Decoder(Review)


class CardKey(NamedTuple):
    """Of a card's gaming day."""

    day: str
    """ISO date."""
    player_id: str


class KeptCard(NamedTuple):
    """A card's gaming day as it is kept."""

    version: int
    """0 of one that is not kept yet."""
    card: CardDay


class ContendedReviewError(TransientError):
    """A review that is changed elsewhere all the time."""


class DynamoReviews(DynamoFloor):
    """Watches and reviews of all properties of a stack; see `DynamoFloor` for what it raises."""

    def watches(self, property_id: str, numbers: Iterable[int]) -> dict[int, Block[Watched, Place]]:
        """These blocks of watched machines, as they are now. Their marks are the machines' newest
        events.
        """
        return self._blocks(property_id, BlockKind.WATCHES, numbers, _watched, _places)

    def cards(self, property_id: str, keys: Iterable[CardKey]) -> dict[CardKey, KeptCard]:
        """These cards' days, as they are now."""
        names = {_card_sort(key): key for key in keys}
        found = dict.fromkeys(names.values(), KeptCard(0, CardDay()))
        places = ((f"{property_id}/watches", sort) for sort in names)
        for item in read_batches(self._client, self._table, places):
            try:
                card = _card.decode(_zstd.decompress(item["body"]["B"]))
                kept = KeptCard(int(item["version"]["N"]), card)
            except (KeyError, msgspec.MsgspecError, zstandard.ZstdError) as fault:
                raise UnreadableFloorError(f"{item['sk']['S']}: {fault}") from fault
            found[names[item["sk"]["S"]]] = kept
        return found

    def replace_cards(self, property_id: str, cards: Mapping[CardKey, KeptCard]) -> set[CardKey]:
        """Replace cards' days, each where it still has the version before the one it is given.

        Returns:
            Those that were not replaced, because another writer was faster: read them again.
        """

        def put(keyed: tuple[CardKey, KeptCard]) -> bool:
            key, (version, card) = keyed
            expires = card.stays[-1].minute * MINUTE_MS // 1_000 + KEPT_SECONDS["card"]
            item = {
                "pk": {"S": f"{property_id}/watches"},
                "sk": {"S": _card_sort(key)},
                "version": {"N": str(version)},
                "body": {"B": _zstd.compress(_packer.encode(card))},
                "expires": {"N": str(expires)},
            }
            return self._put_over(item, version - 1)

        done = self._spread(put, cards.items())
        return {key for key, is_done in zip(cards, done, strict=True) if not is_done}

    def is_silent(self, property_id: str, review: Review, now: int) -> bool:
        """Whether the like of it was cleared less than `SILENT_MS` ago.

        Args:
            property_id: the property.
            review: one that is not kept yet.
            now: epoch milliseconds.
        """
        item = self._get(_silence(property_id, review.question, subject_of(review)))
        return item is not None and int(item["until"]["N"]) > now

    def put_review(self, property_id: str, review: Review) -> bool:
        """Keep a review; False where there is one by its id, which stays."""
        item = _item(property_id, review, 1)
        return self._put(item, ConditionExpression="attribute_not_exists(pk)")

    def review(self, property_id: str, review_id: str) -> Review | None:
        """A review as it is now."""
        item = self._get(_key(property_id, review_id))
        return None if item is None else _read(item)

    def reviews(self, property_id: str, status: ReviewStatus | None, newest: int) -> list[Review]:
        """Reviews of a status, or all, those of the newest sessions first."""
        found: list[Review] = []
        for item in self._query(f"{property_id}/reviews", "0", "~", ScanIndexForward=False):
            review = _read(item)
            if status is None or review.status is status:
                found.append(review)
            if len(found) == newest:
                break
        return found

    def decide(
        self,
        property_id: str,
        review_id: str,
        verdict: ReviewStatus,
        by: str,
        at: int,
        note: str,
    ) -> Review | None:
        """Decide an open review. One that is decided stays as it is.

        That the like is silent for a time is kept in the same transaction.

        Returns:
            The review as it is then; None where there is none by that id.
        """
        for _ in range(MAX_TRIES):
            item = self._get(_key(property_id, review_id))
            if item is None:
                return None
            review, version = _read(item), int(item["version"]["N"])
            if review.status is not ReviewStatus.OPEN:
                return review
            decided = replace(review, status=verdict, decided_by=by, decided_at=at, note=note)
            puts: list[dict[str, Any]] = [
                {
                    "Item": _item(property_id, decided, version + 1),
                    "ConditionExpression": "version = :known",
                    "ExpressionAttributeValues": {":known": {"N": str(version)}},
                }
            ]
            if verdict is ReviewStatus.CLEARED:
                until = at + SILENT_MS
                times = {"until": {"N": str(until)}, "expires": {"N": str(until // 1000)}}
                silence = _silence(property_id, review.question, subject_of(review))
                puts.append({"Item": silence | times})
            actions = [{"Put": {"TableName": self._table, **put}} for put in puts]
            if self._transact(actions) is None:
                return decided
        raise ContendedReviewError(f"review {review_id} is changed elsewhere")


def _card_sort(key: CardKey) -> str:
    return f"card/{key.day}/{key.player_id}"


def _item(property_id: str, review: Review, version: int) -> Item:
    expires = review.began_at // 1000 + KEPT_SECONDS["review"]
    return _key(property_id, review.review_id) | {
        "version": {"N": str(version)},
        "body": {"B": _json.encode(review)},
        "expires": {"N": str(expires)},
    }


def _read(item: Item) -> Review:
    try:
        return _review.decode(item["body"]["B"])
    except (KeyError, msgspec.MsgspecError) as fault:
        raise UnreadableFloorError(f"{item['pk']['S']} {item['sk']['S']}: {fault}") from fault


def _key(property_id: str, review_id: str) -> Item:
    return {"pk": {"S": f"{property_id}/reviews"}, "sk": {"S": review_id}}


def _silence(property_id: str, question: Question, subject: str) -> Item:
    return {"pk": {"S": f"{property_id}/silences"}, "sk": {"S": f"{question}/{subject}"}}

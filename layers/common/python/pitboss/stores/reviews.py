"""What is remembered of play that is watched, and the review queue; items of the floor table.

The items are listed in `pitboss.stores.floor`. They are in partitions of their own, which no page
is shown and nothing is pushed of: whoever is suspected must not learn of it from a colleague.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from pitboss.anomalies.questions import Question
from pitboss.anomalies.reviews import SILENT_MS, Review, ReviewStatus, subject_of
from pitboss.anomalies.watch import Place, Watched
from pitboss.errors import TransientError
from pitboss.floor.blocks import Block, UnreadableFloorError
from pitboss.stores.floor import (
    KEPT_SECONDS,
    MAX_TRIES,
    BlockKind,
    DynamoFloor,
    Item,
)

_watched = msgspec.msgpack.Decoder(list[Watched])
_places = msgspec.msgpack.Decoder(dict[str, Place])
_json = msgspec.json.Encoder()
_review = msgspec.json.Decoder(Review)


class ContendedReviewError(TransientError):
    """A review that is changed elsewhere all the time."""


class DynamoReviews(DynamoFloor):
    """Watches and reviews of all properties of a stack; see `DynamoFloor` for what it raises."""

    def watches(self, property_id: str, numbers: Iterable[int]) -> dict[int, Block[Watched, Place]]:
        """These blocks of watched machines, as they are now. Their marks are the machines' newest
        events.
        """
        return self._blocks(property_id, BlockKind.WATCHES, numbers, _watched, _places)

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

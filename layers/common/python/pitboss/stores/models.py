"""Models of a family, in S3: versions that never change, and which of them serves.

    models/<family>/versions/<version>/<model>     the model's bytes
    models/<family>/versions/<version>/card.json   how it was made, and what it is worth
    models/<family>/champion.json                  the version that serves, and all before it
    models/<family>/runs/<run>/...                 what a night works on

    models/<family>/scores.json                    what the newest night foresees of players

The families are `offers` (`model.vw`), `shufflers` (`model.json`) and those of players, of which
each property has models of its own: `risk/properties/<property>`, and so `churn` and `propensity`.
What a night works on is in `risk`, `churn`, `propensity`.

A version is written once. The champion is exchanged only where it still is the one that was seen
(If-Match, If-None-Match), so that of two that promote at once one is told to look again.
"""

from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pitboss.errors import TerminalError, TransientError
from pitboss.offers.learned import RULES, Champion, Promotion
from pitboss.stores.bucket import S3Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS, SHUFFLERS = "offers", "shufflers"

MODELS = "models/offers/"
CHAMPION = f"{MODELS}champion.json"

TRAIN = "train/decisions.ndjson"
HELD_OUT = "held_out/decisions.ndjson"
SUMMARY = "summary.json"
"""Of a run: what is learned from, what it is judged on, and of what both are made."""

HISTORY = 400
"""Promotions and rollbacks that are kept: more than a year of nights."""


class UnknownVersion(TerminalError):
    """No model of this version is kept."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(f"there is no model {version!r}")


class DamagedModel(TerminalError):
    """A model's bytes are not those that were promoted."""

    def __init__(self, version: str, expected: str, found: str) -> None:
        super().__init__(
            f"the model {version} has the SHA-256 {found}, and what was promoted has {expected}"
        )


class VersionTaken(TerminalError):
    """A version is kept already, with other bytes."""

    def __init__(self, version: str) -> None:
        super().__init__(f"the model {version} is there already, and is another one")


class ModelsUnreadable(TransientError):
    """S3 does not answer, or not as it should."""

    def __init__(self, key: str, fault: str) -> None:
        super().__init__(f"{key} cannot be read: {fault}")


class _Found(NamedTuple):
    champion: Champion
    etag: str


def of_property(family: str, property_id: str) -> str:
    """A property's own models of a family.

    >>> model_key("v1", of_property("risk", "north"))
    'models/risk/properties/north/versions/v1/model.json'
    """
    return f"{family}/properties/{property_id}"


def model_key(version: str, family: str = OFFERS) -> str:
    """Where a version's model lies."""
    name = "model.vw" if family == OFFERS else "model.json"
    return f"models/{family}/versions/{version}/{name}"


def card_key(version: str, family: str = OFFERS) -> str:
    """Where a version's card lies."""
    return f"models/{family}/versions/{version}/card.json"


def run_key(run: str, name: str, family: str = OFFERS) -> str:
    """Where something lies that a night works on."""
    return f"models/{family}/runs/{run}/{name}"


class S3Models(S3Bucket):
    """The models of a stack, of one family."""

    def __init__(
        self,
        bucket: str,
        region: str | None = None,
        client: "S3Client | None" = None,
        family: str = OFFERS,
    ) -> None:
        """Reached through `client`, or through one of its own in `region`."""
        super().__init__(bucket, region, client)
        self._family = family
        self._champion_key = f"models/{family}/champion.json"
        self._scores_key = f"models/{family}/scores.json"

    def champion(self) -> Champion | None:
        """The version that serves; None where none was ever promoted.

        Raises:
            ModelsUnreadable: S3 does not answer.
            msgspec.MsgspecError: what is there says nothing of a champion.
        """
        found = self._champion()
        return None if found is None else found.champion

    def load(self, version: str, sha256_of: str) -> bytes:
        """A version's bytes, which are those that were promoted.

        Raises:
            UnknownVersion, DamagedModel, ModelsUnreadable
        """
        body = self.model(version)
        found = sha256(body).hexdigest()
        if found != sha256_of:
            raise DamagedModel(version, sha256_of, found)
        return body

    def model(self, version: str) -> bytes:
        """A version's bytes, as they are.

        Raises:
            UnknownVersion, ModelsUnreadable
        """
        return self._read(model_key(version, self._family), version)

    def card(self, version: str) -> bytes:
        """A version's card.

        Raises:
            UnknownVersion, ModelsUnreadable
        """
        return self._read(card_key(version, self._family), version)

    def put_version(self, version: str, model: bytes, card: bytes) -> None:
        """Keep a version, its card last: what has no card was never finished.

        Raises:
            VersionTaken: it is there already with other bytes.
        """
        of = self._family
        for key, body in ((model_key(version, of), model), (card_key(version, of), card)):
            if not self._put_if(key, body, None):
                raise VersionTaken(version)

    def versions(self) -> list[str]:
        """All that have a card, the oldest first."""
        versions = f"models/{self._family}/versions/"
        found = sorted(self._contents(versions), key=lambda one: (one["LastModified"], one["Key"]))
        keys = (one["Key"] for one in found)
        return [
            key.removeprefix(versions).removesuffix("/card.json")
            for key in keys
            if key.endswith("/card.json")
        ]

    def promote(self, version: str, by: str, at: int, replaces: str | None, why: str) -> bool:
        """Let a version serve; False where the champion is no longer the one it `replaces`.

        Args:
            version: the version, or the rules' (`rules-1`).
            by: who does it.
            at: when, in epoch milliseconds.
            replaces: the version that served when it was decided; None where none did.
            why: for the history.

        Raises:
            UnknownVersion: there is no such version.
        """
        found = self._champion()
        if (None if found is None else found.champion.version) != replaces:
            return False
        return self._exchange(found, version, by, at, why, replaces)

    def roll_back(self, by: str, at: int, why: str) -> Champion | None:
        """Let the version serve again that served before the champion; rolling back again goes
        further back. None where there is nothing before it, or somebody was quicker.
        """
        found = self._champion()
        if found is None or found.champion.version == RULES:
            return None
        target = found.champion.previous or RULES
        earlier = next(
            (one.previous for one in found.champion.history if one.version == target), None
        )
        done = self._exchange(found, target, by, at, why, earlier)
        return self.champion() if done else None

    def _exchange(
        self, found: _Found | None, version: str, by: str, at: int, why: str, previous: str | None
    ) -> bool:
        digest = "" if version == RULES else sha256(self.model(version)).hexdigest()
        entry = Promotion(version, digest, at, by, why, previous)
        before = () if found is None else found.champion.history
        champion = Champion(version, digest, at, by, previous, (entry, *before)[:HISTORY])
        body = msgspec.json.format(msgspec.json.encode(champion)) + b"\n"
        return self._put_if(self._champion_key, body, None if found is None else found.etag)

    def _champion(self) -> _Found | None:
        answer = self._get(self._champion_key)
        if answer is None:
            return None
        return _Found(
            msgspec.json.decode(answer["Body"].read(), type=Champion), str(answer["ETag"])
        )

    def _read(self, key: str, version: str) -> bytes:
        answer = self._get(key)
        if answer is None:
            raise UnknownVersion(version)
        body: bytes = answer["Body"].read()
        return body

    def _get(self, key: str) -> Any:  # noqa: ANN401 - botocore's own answer
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as fault:
            if fault.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise ModelsUnreadable(key, str(fault)) from fault
        except BotoCoreError as fault:
            raise ModelsUnreadable(key, str(fault)) from fault

    def _put_if(self, key: str, body: bytes, etag: str | None) -> bool:
        """Write an object where the one of this key is the one seen, or none is there; whether it
        says this now. An answer that was lost is asked for again, and refused: then it is looked
        whether what is there is what was written.
        """
        from botocore.exceptions import ClientError

        seen: Any = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **seen)
        except ClientError as fault:
            # A conflict is two writers at once.
            if fault.response["Error"]["Code"] in {
                "PreconditionFailed",
                "ConditionalRequestConflict",
            }:
                answer = self._get(key)
                return answer is not None and bool(answer["Body"].read() == body)
            raise
        return True

    # --- scores of players ------------------------------------------------------------------------

    def put_scores(self, body: bytes) -> None:
        """Keep what is foreseen of players, in place of what the night before foresaw."""
        self._client.put_object(Bucket=self._bucket, Key=self._scores_key, Body=body)

    def scores(self) -> bytes | None:
        """What the newest night foresees of players; None where none did.

        Raises:
            ModelsUnreadable: S3 does not answer.
        """
        answer = self._get(self._scores_key)
        return None if answer is None else bytes(answer["Body"].read())

    # --- a night's own objects --------------------------------------------------------------------

    def claim(self, run: str, execution: str) -> bool:
        """Begin a run; False where another execution began it."""
        key, body = (
            run_key(run, "begun.json", self._family),
            msgspec.json.encode({"execution": execution}),
        )
        return self._put_if(key, body, None)

    def put_of_run(self, run: str, name: str, body: bytes) -> None:
        """Keep something that a night works on."""
        self._client.put_object(
            Bucket=self._bucket, Key=run_key(run, name, self._family), Body=body
        )

    def of_run(self, run: str, name: str) -> bytes:
        """What a night works on.

        Raises:
            UnknownVersion: it is not there.
        """
        return self._read(run_key(run, name, self._family), f"{run}/{name}")

    def names_of_run(self, run: str, prefix: str) -> list[str]:
        """What a night works on, by names that begin so."""
        start = run_key(run, "", self._family)
        return [found["Key"].removeprefix(start) for found in self._contents(f"{start}{prefix}")]

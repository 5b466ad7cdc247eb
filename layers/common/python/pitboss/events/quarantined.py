"""What was not accepted, as it came."""

import base64

from msgspec import Struct


class QuarantineEntry(Struct, frozen=True):
    """One thing set aside: the bytes as they came, why, and who sent them."""

    reason: str
    detail: str
    stage: str
    property_id: str
    sender: str
    received_at: int
    """Epoch milliseconds."""
    index: int
    """Its position in the request or batch."""
    content: str
    """The original bytes: text where they are UTF-8, else base64."""
    encoding: str = "utf-8"
    format: str = ""
    """How it was posted: `pitboss` or `acres-sas`, of games `studio`, `aws-game-analytics` or
    `mapped`; empty where that is not known."""

    @classmethod
    def of(
        cls,
        raw: bytes,
        *,
        reason: str,
        detail: str,
        stage: str,
        property_id: str,
        sender: str,
        received_at: int,
        index: int,
        posted_as: str = "",
    ) -> "QuarantineEntry":
        """An entry that keeps these bytes."""
        try:
            content, encoding = raw.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            content, encoding = base64.b64encode(raw).decode("ascii"), "base64"
        what = (reason, detail[:500], stage, property_id, sender, received_at, index)
        return cls(*what, content, encoding, posted_as)

    @property
    def raw(self) -> bytes:
        """The original bytes."""
        return (
            base64.b64decode(self.content)
            if self.encoding == "base64"
            else self.content.encode("utf-8")
        )

"""What changed about a player: the messages that `rate_players` publishes.

One JSON object a message; `attributes` are what a subscription can filter by. A change has the same
`change_id` however often it is published: delivery is at least once, and so is publishing, for
nothing is stored about what was published already.
"""

from enum import StrEnum

import msgspec
from msgspec import Struct


class ChangeKind(StrEnum):
    """What changed; the value is the event type."""

    SESSION_STARTED = "session.started"
    WORTH_CROSSED = "worth.crossed"
    """The session's theoretical win reached a further whole number of steps."""
    TIER_REACHED = "tier.reached"
    SESSION_ENDED = "session.ended"


class PlayerChanged(Struct, frozen=True, kw_only=True):
    """A change of a player's rating while they play, at one machine."""

    kind: ChangeKind
    property_id: str
    player_id: str
    asset_id: str
    session_started_at: int
    """Epoch milliseconds of the device's clock, which with player and asset names the session."""
    gaming_day: str
    """ISO date: the day of `occurred_at`."""
    occurred_at: int
    """Device time, epoch milliseconds, of the newest event that was rated."""
    theoretical_win: int = 0
    """Of the session so far, in ten-thousandths of a cent."""
    worth_step: int | None = None
    """With `worth.crossed`: how many whole steps the session's theoretical win has reached."""
    tier: str | None = None
    """With `tier.reached`: its name."""
    correlation_id: str = ""
    """Of the post whose events brought it, for traces; no part of what the change is."""

    @property
    def change_id(self) -> str:
        """What names the change, the same each time it is published."""
        parts: list[object] = [self.kind, self.property_id, self.player_id]
        if self.kind is ChangeKind.TIER_REACHED:
            parts += [self.gaming_day, self.tier]
        else:
            parts += [self.asset_id, self.session_started_at]
        if self.worth_step is not None:
            parts.append(self.worth_step)
        return "/".join(map(str, parts))

    @property
    def attributes(self) -> dict[str, str | int]:
        """The message's attributes, for filter policies: text or whole numbers."""
        found: dict[str, str | int | None] = {
            "kind": str(self.kind),
            "property_id": self.property_id,
            "tier": self.tier,
            "worth_step": self.worth_step,
        }
        return {name: value for name, value in found.items() if value is not None}


_decoder = msgspec.json.Decoder(PlayerChanged)
_encoder = msgspec.json.Encoder()


def encode(change: PlayerChanged) -> str:
    """A change as the text of a message."""
    return _encoder.encode(change).decode()


def decode(text: str | bytes) -> PlayerChanged:
    """The change that a message holds.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: it is none.
    """
    return _decoder.decode(text)

"""What changed about players, by SNS."""

from collections.abc import Sequence

from pitboss.events.player import PlayerChanged, encode
from pitboss.stores.topic import Message, SnsTopic


class SnsChanges:
    """The topic that players' changes are published to."""

    def __init__(self, topic: str, region: str) -> None:
        self._topic = SnsTopic(topic, region)

    def publish(self, changes: Sequence[PlayerChanged]) -> None:
        """Publish them, each at least once.

        Raises:
            UnpublishedError: some were not taken, or SNS was not reached; others may have been.
        """
        self._topic.publish([Message(encode(one), one.attributes) for one in changes])

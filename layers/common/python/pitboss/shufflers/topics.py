"""Names of shufflers as AWS IoT Core knows them: things, client ids and topics.

thing and client id   <property>:<asset>
topics                pitboss/<property>/shufflers/<asset>/<telemetry|events|status>
"""

from enum import StrEnum
from typing import NamedTuple

from pitboss.events.envelope import is_identifier


class Kind(StrEnum):
    """The last level of a topic."""

    TELEMETRY = "telemetry"
    EVENTS = "events"
    STATUS = "status"


class Topic(NamedTuple):
    """Where a device publishes."""

    property_id: str
    asset_id: str
    kind: Kind

    def __str__(self) -> str:
        return f"pitboss/{self.property_id}/shufflers/{self.asset_id}/{self.kind}"


def thing_name(property_id: str, asset_id: str) -> str:
    """What a shuffler's thing, and the client that it connects as, is called."""
    return f"{property_id}:{asset_id}"


def read_topic(text: str) -> Topic | None:
    """What a topic says; None where it is none of a shuffler's.

    >>> read_topic("pitboss/P1/shufflers/7/events")
    Topic(property_id='P1', asset_id='7', kind=<Kind.EVENTS: 'events'>)
    """
    parts = text.split("/")
    if len(parts) != 5 or (parts[0], parts[2]) != ("pitboss", "shufflers"):
        return None
    _, property_id, _, asset_id, kind = parts
    if kind not in Kind or not is_identifier(property_id) or not is_identifier(asset_id):
        return None
    return Topic(property_id, asset_id, Kind(kind))

"""Sends a game's events to Pitboss: in batches, kept on disk until they are there."""

from pitboss_client.buffer import NotKeptError
from pitboss_client.client import MAX_EVENT_BYTES, Client, InvalidEventError
from pitboss_client.sending import Counts, Refused, Settings
from pitboss_client.transport import Answer, HttpTransport, NoAnswerError, Transport

__all__ = [
    "MAX_EVENT_BYTES",
    "Answer",
    "Client",
    "Counts",
    "HttpTransport",
    "InvalidEventError",
    "NoAnswerError",
    "NotKeptError",
    "Refused",
    "Settings",
    "Transport",
]

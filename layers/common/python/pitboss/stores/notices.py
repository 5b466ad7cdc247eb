"""Messages to people, by SNS."""

from functools import cached_property
from typing import Any


class SnsNotices:
    """A topic that people have subscribed to."""

    def __init__(self, topic: str, region: str) -> None:
        self._topic = topic
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        # Imported and made on first use: modules import without botocore's weight.
        import botocore.session

        return botocore.session.get_session().create_client("sns", region_name=self._region)

    def publish(self, subject: str, text: str) -> None:
        """Tell all subscribers. The subject is ASCII, at most 100 characters (SNS)."""
        self._client.publish(TopicArn=self._topic, Subject=subject, Message=text)

"""A queue that hears what a topic is told, for as long as a test lasts."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from workbench import endpoint

type Messages = Callable[[], list[dict[str, Any]]]


@contextmanager
def subscribed(topic: str, **attributes: str) -> Iterator[Messages]:
    """The messages that came since they were asked for last, as SQS has them.

    Args:
        topic: its ARN.
        attributes: of the subscription, such as `FilterPolicy`.
    """
    sqs, sns = endpoint.client("sqs"), endpoint.client("sns")
    url = sqs.create_queue(QueueName=f"test-queue-{uuid.uuid4().hex[:10]}")["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    queue = asked["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    subscription = sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue,
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]

    def messages() -> list[dict[str, Any]]:
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        found: list[dict[str, Any]] = sqs.receive_message(**asked).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return found

    yield messages
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)

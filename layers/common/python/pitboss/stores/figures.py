"""Metrics that are states of a floor: CloudWatch's own call, one a property and minute."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any


class CloudWatchFigures:
    """A namespace of CloudWatch."""

    def __init__(self, namespace: str, region: str) -> None:
        self._namespace = namespace
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        # Imported and made on first use: modules import without botocore's weight.
        import botocore.session

        return botocore.session.get_session().create_client("cloudwatch", region_name=self._region)

    def put(
        self, property_id: str, at: int, values: Mapping[str, float], watched: Iterable[str]
    ) -> None:
        """Put metrics of a property, in one call.

        Args:
            property_id: the dimension `Property`.
            at: the minute they are of, epoch milliseconds.
            values: by name.
            watched: names that are put without a dimension as well.
        """
        watched = frozenset(watched)
        of_property = [{"Name": "Property", "Value": property_id}]
        self._client.put_metric_data(
            Namespace=self._namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": dimensions,
                    "Timestamp": at / 1000,
                    "Value": value,
                }
                for name, value in values.items()
                for dimensions in ([of_property, []] if name in watched else [of_property])
            ],
        )

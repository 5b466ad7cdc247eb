"""Metrics that are states of a floor: CloudWatch's own call, as few a minute as there can be."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import batched
from typing import Any, NamedTuple

MAX_FIGURES = 1_000
"""Metrics that one PutMetricData takes."""


class Figure(NamedTuple):
    """A metric's value."""

    name: str
    dimensions: Mapping[str, str]
    value: float


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
        of_property = {"Property": property_id}
        self.put_each(
            at,
            [
                Figure(name, dimensions, value)
                for name, value in values.items()
                for dimensions in ([of_property, {}] if name in watched else [of_property])
            ],
        )

    def put_each(self, at: int, figures: Iterable[Figure]) -> None:
        """Put metrics, each with dimensions of its own, in as few calls as there can be.

        Args:
            at: the minute they are of, epoch milliseconds.
            figures: the metrics.
        """
        for some in batched(figures, MAX_FIGURES, strict=False):
            self._client.put_metric_data(
                Namespace=self._namespace,
                MetricData=[
                    {
                        "MetricName": figure.name,
                        "Dimensions": [
                            {"Name": name, "Value": value}
                            for name, value in figure.dimensions.items()
                        ],
                        "Timestamp": at / 1000,
                        "Value": figure.value,
                    }
                    for figure in some
                ],
            )

"""The one way to logging and metrics: JSON lines and the embedded metric format, by Powertools.

What a line can say is bounded, whatever an error drags along. Identifiers of players, assets and
principals may be logged; names, tokens, keys and bodies may not.
"""

import json
import os
import time
import traceback
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from typing import IO, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from pitboss import xray

NAMESPACE = "Pitboss"
"""Of every metric."""

MAX_TEXT_CHARACTERS = 1_000
"""Of a message, a field's text, an error's message; what is longer is cut and says so."""

MAX_ITEMS = 20
"""Of a list or a mapping in a field."""

MAX_DEPTH = 3
"""Of lists and mappings in a field."""

MAX_FRAMES = 8
"""Of a traceback: the innermost, where the error is."""

MAX_LINE_CHARACTERS = 16_000
"""Of a whole line; one that is longer keeps its message and loses its fields."""

_ALWAYS_KEPT = ("level", "location", "message", "timestamp", "service", "exception_name")


def bounded(value: object, depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - what JSON can say
    """A value as JSON can say it, cut to size at every level. Bytes are only counted.

    >>> bounded({"body": b"secret", "assets": list(range(22))})["assets"][-1]
    '2 more'
    """
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _cut(value)
        case bytes() | bytearray() | memoryview():
            return f"{len(value)} bytes"
        case Mapping() | list() | tuple() | set() | frozenset() if depth == 0:
            return f"{len(value)} items"
        case Mapping():
            shown = islice(value.items(), MAX_ITEMS)
            fields = {_cut(str(name)): bounded(item, depth - 1) for name, item in shown}
            return fields | ({"more": more} if (more := len(value) - MAX_ITEMS) > 0 else {})
        case list() | tuple() | set() | frozenset():
            items = [bounded(item, depth - 1) for item in islice(value, MAX_ITEMS)]
            return items + ([f"{more} more"] if (more := len(value) - MAX_ITEMS) > 0 else [])
        case _:
            return _cut(str(value))


def _cut(text: str) -> str:
    over = len(text) - MAX_TEXT_CHARACTERS
    return text if over <= 0 else f"{text[:MAX_TEXT_CHARACTERS]}... ({over} characters more)"


class _BoundedFormatter(LambdaPowertoolsFormatter):
    """Powertools' JSON lines, bounded."""

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - logging's own signature
        """The innermost frames and the error, not the chain of errors that led to it."""
        kind, error, trace = ei
        frames = "".join(traceback.format_tb(trace, limit=-MAX_FRAMES))
        return f"{frames}{kind.__name__}: {_cut(str(error))}"

    def serialize(self, log: Any) -> str:  # noqa: ANN401 - Powertools' own signature
        """The line."""
        fields = {name: bounded(value) for name, value in log.items() if name != "exception"}
        if "exception" in log:
            fields["exception"] = log["exception"]
        line = super().serialize(fields)
        if len(line) <= MAX_LINE_CHARACTERS:
            return line
        kept = {name: fields[name] for name in _ALWAYS_KEPT if name in fields}
        return super().serialize({**kept, "cut_characters": len(line)})


def logger(service: str, stream: IO[str] | None = None) -> Logger:
    """The logger of a function: JSON lines on standard output, or on `stream`.

    >>> log = logger("rate_players")
    >>> log.info("set aside", extra={"entries": 3})  # doctest: +SKIP
    """
    return Logger(
        service=service,
        level="INFO",
        stream=stream,
        logger_formatter=_BoundedFormatter(serialize_stacktrace=False, use_rfc3339=True, utc=True),
    )


class Metrics:
    """Counts of one service, summed until they are flushed as one line a set of dimensions.

    The service is always a dimension. Each value of a further dimension is a metric of its own
    that is paid for, so that only what has few values may be one.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._counts: defaultdict[tuple[tuple[str, str], ...], dict[str, int]] = defaultdict(dict)
        self._told: defaultdict[str, list[Any]] = defaultdict(list)

    def count(self, name: str, value: int = 1, **dimensions: str) -> None:
        """Add to a count. Zero is worth saying: it tells nothing from no news."""
        counts = self._counts[tuple(sorted(dimensions.items()))]
        counts[name] = counts.get(name, 0) + value

    def tell(self, name: str, **fields: object) -> None:
        """Say something on the line that is flushed next, one of a list of that name: for traces.

        Identifiers, moments and words; `MAX_ITEMS` of a list are kept.
        """
        if len(self._told[name]) < MAX_ITEMS:
            self._told[name].append(fields)

    def flush(self, **told: object) -> None:
        """Print what was counted in the embedded metric format and start again from nothing.

        Args:
            told: what else the line of the service as a whole says, such as a correlation id: no
                metric and no dimension, and so no cost but its bytes.
        """
        counted = dict(self._counts)
        told = dict(self._told) | told
        trace = xray.sampled(os.environ.get("_X_AMZN_TRACE_ID", ""))
        if trace is not None:
            self._annotate(trace, told)
            told["xray_trace_id"] = trace.root
        self._counts.clear()
        self._told.clear()
        for dimensions, counts in counted.items():
            emf = AmazonCloudWatchEMFProvider(
                namespace=NAMESPACE, service=self._service, dimension_set=dict(dimensions)
            )
            for name, value in counts.items():
                emf.add_metric(name, MetricUnit.Count, value)
            line: dict[str, Any] = {**emf.serialize_metric_set()}
            if not dimensions:
                line |= told
            # In one piece: parts of two lines must not mix.
            print(json.dumps(line, separators=(",", ":")), flush=True)

    def _annotate(self, trace: xray.Trace, told: Mapping[str, Any]) -> None:
        daemon = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
        posts = _correlation_ids(told)
        if daemon and posts:
            now = time.time()
            xray.send(
                daemon,
                (
                    xray.subsegment(trace, self._service, os.urandom(8).hex(), now, post)
                    for post in posts[-xray.MAX_ANNOTATIONS :]
                ),
            )


def _correlation_ids(told: Mapping[str, Any]) -> list[str]:
    """The posts that a line names: as its own, in a list of what was told, or as `posts`."""
    named = [told.get("correlation_id"), *told.get("posts", ())]
    for said in told.values():
        if isinstance(said, list):
            named += [one.get("correlation_id") for one in said]
    return [one for one in dict.fromkeys(named) if one]


def metrics(service: str) -> Metrics:
    """The counts of a function."""
    return Metrics(service)

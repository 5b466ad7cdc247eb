"""What X-Ray is told of a call that it samples: the posts that the call is of.

Each is a subsegment of the segment that Lambda makes of the call, with the post's correlation id as
an annotation: `annotation.correlation_id = "..."` finds each sampled call from a post to its offer.
It is sent as the daemon takes it, a datagram of a header and a document, without the SDK, which
would be imported by every function whether anything is traced or not.

Sources: "Sending segment documents to the X-Ray daemon" and "X-Ray segment documents", AWS X-Ray
Developer Guide (docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html and
xray-api-segmentdocuments.html).
"""

import json
import socket
from collections.abc import Iterable
from typing import NamedTuple

MAX_ANNOTATIONS = 50
"""That X-Ray indexes of a trace."""

_HEADER = b'{"format":"json","version":1}\n'


class Trace(NamedTuple):
    """A sampled call, by X-Ray's ids."""

    root: str
    """Of the trace."""
    parent: str
    """Of Lambda's segment; empty where it says none."""


def sampled(header: str) -> Trace | None:
    """The call of a tracing header, as Lambda keeps it in `_X_AMZN_TRACE_ID`; None where it is not
    sampled.

    >>> sampled("Root=1-5759e988-bd862e3fe1be46a9;Parent=53995c3f42cd8ad8;Sampled=1")
    Trace(root='1-5759e988-bd862e3fe1be46a9', parent='53995c3f42cd8ad8')
    """
    parts = dict(part.split("=", 1) for part in header.split(";") if "=" in part)
    if parts.get("Sampled") != "1" or "Root" not in parts:
        return None
    return Trace(parts["Root"], parts.get("Parent", ""))


def subsegment(trace: Trace, name: str, segment_id: str, at: float, correlation_id: str) -> bytes:
    """A datagram that says that a call is of a post.

    Args:
        trace: the call.
        name: of what makes the call.
        segment_id: 16 hexadecimal digits, of no other segment of the trace.
        at: epoch seconds.
        correlation_id: the post's.
    """
    document = {
        "type": "subsegment",
        "name": name,
        "id": segment_id,
        "trace_id": trace.root,
        "parent_id": trace.parent,
        "start_time": at,
        "end_time": at,
        "annotations": {"correlation_id": correlation_id},
    }
    return _HEADER + json.dumps(document, separators=(",", ":")).encode()


def send(daemon: str, datagrams: Iterable[bytes]) -> None:
    """Tell the daemon, by its address (`host:port`, as in `AWS_XRAY_DAEMON_ADDRESS`). It never
    answers, and one that cannot be reached stops nothing.
    """
    host, _, port = daemon.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for datagram in datagrams:
            try:
                udp.sendto(datagram, (host, int(port)))
            except OSError:
                return  # what is looked at must not fail by who looks

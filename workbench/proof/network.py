"""The network as every botocore client in the process sees it: one AWS, in memory, that can fail.

    clock = Clock(1_767_225_600_000, random.Random(seed))
    network = Network(clock)
    network.dynamodb.create_table("ratings", "pk", "sk")
    network.fault = lambda call: Refuse("ThrottlingException") if call.number == 3 else None
    with clock.installed(), network.installed():
        ...  # the product's stores, with botocore's and PynamoDB's own serialisers and retries

Only `URLLib3Session.send` is replaced: what signs, serialises, retries and parses is botocore.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit
from zlib import crc32

import msgspec
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString

from workbench.proof import AwsError, Killed, UnknownToFake
from workbench.proof.clock import Clock
from workbench.proof.dynamodb import DynamoDB, cancelled
from workbench.proof.kinesis import Kinesis
from workbench.proof.s3 import S3, HttpAnswer
from workbench.proof.sns import SNS

__all__ = [
    "ENVIRONMENT",
    "INTERNAL",
    "THROTTLED",
    "Call",
    "Cancel",
    "Delay",
    "Fault",
    "Kill",
    "Killed",
    "Lose",
    "Network",
    "Part",
    "Refuse",
    "UnknownToFake",
]

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "proof",
    "AWS_SECRET_ACCESS_KEY": "proof",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Variables with which a client can be made: it signs with these keys, which nobody checks."""


class Call(NamedTuple):
    """One request on the wire, retries counted."""

    number: int
    """From 1, over all services."""
    service: str
    """`dynamodb`, `kinesis`, `s3` or `sns`."""
    operation: str
    body: dict[str, Any]
    """The request's members, as they are on the wire: binary values in base64, but for S3's."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """An AWS error in place of the effect."""

    code: str
    status: int = 400
    message: str = "injected"


@dataclass(frozen=True, slots=True)
class Cancel:
    """DynamoDB cancels the transaction for these of its items; a single write conflicts alone.

    `code` is a cancellation reason: TransactionConflict, ThrottlingError or
    ProvisionedThroughputExceeded.
    """

    items: tuple[int, ...] = (0,)
    code: str = "TransactionConflict"


@dataclass(frozen=True, slots=True)
class Lose:
    """No answer arrives, whether the request had its effect or not.

    `how`: `timeout` (the client waits its read time-out), `connect` (its connect time-out) or
    `unreachable` (at once); the last two cannot have had an effect.
    """

    effect: bool = True
    how: str = "timeout"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the request is not done, and the answer says so.

    PutRecords, PublishBatch: the entries at these positions fail with `code`; `stored` ones were
    written all the same. BatchGetItem and BatchWriteItem: these positions, or the second half, are
    left unprocessed.
    """

    entries: tuple[int, ...] | None = None
    code: str = "ProvisionedThroughputExceededException"
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """The caller dies: before the request left it, or after it had its effect."""

    after: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer takes so long; beyond the client's read time-out it is lost, the effect is not."""

    ms: int


type _Request = Any
"""An AWSPreparedRequest: its method, url, headers, body and context."""

type Fault = Refuse | Cancel | Lose | Part | Kill | Delay

THROTTLED = {
    "dynamodb": Refuse("ProvisionedThroughputExceededException"),
    "kinesis": Refuse("ProvisionedThroughputExceededException"),
    "s3": Refuse("SlowDown", 503),
    "sns": Refuse("Throttled", 429),
}
INTERNAL = {
    "dynamodb": Refuse("InternalServerError", 500),
    "kinesis": Refuse("InternalFailure", 500),
    "s3": Refuse("InternalError", 500),
    "sns": Refuse("InternalError", 500),
}

_TARGETS = {b"DynamoDB_20120810": "dynamodb", b"Kinesis_20131202": "kinesis"}
_NAMESPACES = {"dynamodb": "com.amazonaws.dynamodb.v20120810#", "kinesis": ""}
_TYPES = {
    "dynamodb": {"Content-Type": "application/x-amz-json-1.0"},
    "kinesis": {"Content-Type": "application/x-amz-json-1.1"},
}
_XML = {"Content-Type": "text/xml"}
_REASONS = {
    "TransactionConflict": "Transaction is ongoing for the item",
    "ThrottlingError": "Throughput exceeds the current capacity of your table or index.",
    "ProvisionedThroughputExceeded": (
        "The level of configured provisioned throughput for the table was exceeded."
    ),
}
_DEFAULT_TIMEOUT_SECONDS = 60
_BUCKET_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]+)\.s3[.-]")


class Network:
    """AWS in memory, and the way to it."""

    _current: ClassVar["Network | None"] = None

    def __init__(
        self, clock: Clock, region: str = "us-east-1", account: str = "123456789012"
    ) -> None:
        self.clock = clock
        self.dynamodb = DynamoDB(clock)
        self.kinesis = Kinesis(clock, region, account)
        self.s3 = S3(clock)
        self.sns = SNS(clock, region, account)
        self.fault: Callable[[Call], Fault | None] | None = None
        """Asked once for each call."""
        self.latency_ms: Callable[[Call], int] | None = None
        """How long an answer takes; no time unless it is told."""
        self.calls: Counter[tuple[str, str]] = Counter()
        """Requests on the wire, by service and operation; retries count."""
        self.faults: Counter[str] = Counter()
        """Faults that were injected, by kind."""
        self.log: list[str] | None = None
        """Where it is a list: a line for each call, for people and for hashing."""
        self.unknown: list[UnknownToFake] = []
        """What the fakes had no rule for, also where the code under test swallowed it."""
        self._number = 0

    @contextmanager
    def installed(self) -> Iterator["Network"]:
        """Be the network of every botocore client in the process, those made before included.

        Their retry quotas begin anew, so that a client may serve one network after the other.
        Requests are neither signed nor named by a user agent: a quarter of a call's time, and
        nothing that the stores see.
        """
        assert Network._current is None, "another network is installed"
        send, acquire, release = URLLib3Session.send, RetryQuota.acquire, RetryQuota.release

        def fresh(quota: Any) -> None:  # noqa: ANN401 - botocore's, without types
            if quota.__dict__.get("_network") is not self:
                quota._network = self
                quota._available_capacity = quota._max_capacity

        def acquire_here(quota: Any, amount: int) -> Any:  # noqa: ANN401
            fresh(quota)
            return acquire(quota, amount)

        def release_here(quota: Any, amount: int) -> None:  # noqa: ANN401
            fresh(quota)
            release(quota, amount)

        def send_here(session: object, request: _Request) -> AWSResponse:
            return self._send(request)

        def unsigned(signer: object, *arguments: object, **more: object) -> None:
            return None

        def unnamed(agent: object) -> str:
            return "proof"

        Network._current = self
        sign, named = RequestSigner.sign, UserAgentString.to_string
        RequestSigner.sign = unsigned  # type: ignore[method-assign,assignment]
        UserAgentString.to_string = unnamed  # type: ignore[method-assign,assignment]
        URLLib3Session.send = send_here  # type: ignore[method-assign,assignment]
        RetryQuota.acquire = acquire_here  # type: ignore[method-assign,assignment]
        RetryQuota.release = release_here  # type: ignore[method-assign,assignment]
        try:
            yield self
        finally:
            URLLib3Session.send = send  # type: ignore[method-assign]
            RetryQuota.acquire = acquire  # type: ignore[method-assign]
            RetryQuota.release = release  # type: ignore[method-assign]
            RequestSigner.sign = sign  # type: ignore[method-assign]
            UserAgentString.to_string = named  # type: ignore[method-assign]
            Network._current = None

    def _send(self, request: _Request) -> AWSResponse:
        try:
            call = self._call(request)
            self.calls[call.service, call.operation] += 1
            fault = self.fault(call) if self.fault is not None else None
            if fault is None and self.latency_ms is None and self.log is None:
                return self._answer(request, call, None)
            return self._send_slowly(request, call, fault)
        except UnknownToFake as unknown:
            self.unknown.append(unknown)
            raise

    def _send_slowly(self, request: _Request, call: Call, fault: Fault | None) -> AWSResponse:
        if fault is not None:
            self.faults[type(fault).__name__] += 1
        if self.log is not None:
            self.log.append(
                f"{call.number} {self.clock.now_ms} {call.service}.{call.operation} "
                f"{crc32(msgspec.json.encode(call.body)):08x} {fault or ''}"
            )
        wait_ms = self.latency_ms(call) if self.latency_ms is not None else 0
        if isinstance(fault, Kill):
            if fault.after:
                self._answer(request, call, None)
            raise Killed(f"at call {call.number}, {call.service}.{call.operation}")
        if isinstance(fault, Lose):
            if fault.how != "timeout":
                assert not fault.effect, f"a request that is not sent ({fault.how}) has no effect"
                if fault.how == "connect":
                    self.clock.advance(_timeout_ms(request, "connect_timeout"))
                    raise ConnectTimeoutError(endpoint_url=request.url)
                raise EndpointConnectionError(endpoint_url=request.url)
            if fault.effect:
                self._answer(request, call, None)
            self.clock.advance(_timeout_ms(request, "read_timeout"))
            raise ReadTimeoutError(endpoint_url=request.url)
        if isinstance(fault, Delay):
            wait_ms += fault.ms
        answer = self._answer(request, call, fault)
        timeout_ms = _timeout_ms(request, "read_timeout")
        self.clock.advance(min(wait_ms, timeout_ms))
        if wait_ms > timeout_ms:
            raise ReadTimeoutError(endpoint_url=request.url)
        if self.log is not None:
            self.log[-1] += f"-> {answer.status_code}"
        return answer

    # Requests.

    def _call(self, request: _Request) -> Call:
        self._number += 1
        headers = request.headers
        target = headers.get("X-Amz-Target")
        if target is not None:
            prefix, _, operation = bytes(target).partition(b".")
            service = _TARGETS.get(prefix)
            if service is None:
                raise UnknownToFake(f"no service has the target {target!r}")
            return Call(
                self._number, service, operation.decode(), msgspec.json.decode(request.body)
            )
        if urlsplit(request.url).netloc.startswith("sns."):
            asked = dict(parse_qsl(_text(request.body), keep_blank_values=True))
            return Call(self._number, "sns", asked["Action"], asked)
        return Call(self._number, "s3", *_s3_call(request))

    # Answers.

    def _answer(self, request: _Request, call: Call, fault: Fault | None) -> AWSResponse:
        """What the service says, its effect done."""
        try:
            if isinstance(fault, Refuse):
                raise AwsError(fault.code, fault.message, fault.status)
            if isinstance(fault, Cancel):
                raise _cancelled(call, fault)
            if call.service == "s3":
                if isinstance(fault, Part):
                    raise UnknownToFake(f"{call.operation} is not done in part")
                return self._http(request, self.s3.answer(call.operation, call.body))
            if call.service == "sns":
                failing = (fault.entries or (0,), fault.code) if isinstance(fault, Part) else ()
                said = self.sns.answer(call.operation, call.body, *failing)
                return self._response(request, 200, _XML, said.encode())
            service = self.dynamodb if call.service == "dynamodb" else self.kinesis
            if isinstance(fault, Part):
                found = service.answer_in_part(
                    call.operation, call.body, fault.entries, fault.code, fault.stored
                )
            else:
                found = service.answer(call.operation, call.body)
            return self._response(request, 200, _TYPES[call.service], msgspec.json.encode(found))
        except AwsError as error:
            if call.service == "s3":
                return self._http(request, self.s3.error(error, call.body))
            if call.service == "sns":
                body = self.sns.error(error).encode()
                return self._response(request, error.status, _XML, body)
            refused = {
                "__type": _NAMESPACES[call.service] + error.code,
                "message": error.message,
                **error.members,
            }
            return self._response(
                request, error.status, _TYPES[call.service], msgspec.json.encode(refused)
            )

    def _http(self, request: _Request, answer: HttpAnswer) -> AWSResponse:
        return self._response(request, answer.status, answer.headers, answer.body)

    def _response(
        self, request: _Request, status: int, headers: dict[str, str], body: bytes
    ) -> AWSResponse:
        headers = {**headers, "x-amzn-RequestId": f"{self._number:032d}"}
        response = AWSResponse(request.url, status, headers, _Raw(body))  # type: ignore[arg-type]
        if not request.stream_output:
            response._content = body  # type: ignore[attr-defined]
        return response


def _text(body: bytes | str) -> str:
    return body.decode() if isinstance(body, bytes) else body


class _Raw(BytesIO):
    """A body on its way, as urllib3 hands it on."""

    def stream(self, amount: int = 2**16) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


def _timeout_ms(request: _Request, which: str) -> int:
    config = (getattr(request, "context", None) or {}).get("client_config")
    seconds = getattr(config, which, None) or _DEFAULT_TIMEOUT_SECONDS
    return round(seconds * 1000)


def _cancelled(call: Call, fault: Cancel) -> AwsError:
    if call.operation == "TransactWriteItems":
        reasons: list[dict[str, str]] = [{"Code": "None"} for _ in call.body["TransactItems"]]
        for position in fault.items:
            reasons[position % len(reasons)] = {
                "Code": fault.code,
                "Message": _REASONS[fault.code],
            }
        return cancelled(reasons)
    if call.operation in {"PutItem", "UpdateItem", "DeleteItem"}:
        return AwsError("TransactionConflictException", "Transaction is ongoing for the item")
    raise UnknownToFake(f"{call.service} {call.operation} is not cancelled")


def _s3_call(request: _Request) -> tuple[str, dict[str, Any]]:
    url = urlsplit(request.url)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    path = unquote(url.path).removeprefix("/")
    found = _BUCKET_HOST.match(url.netloc)
    bucket, key = (found["bucket"], path) if found else path.partition("/")[::2]
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    operations = {
        ("PUT", True): "PutObject",
        ("GET", True): "GetObject",
        ("HEAD", True): "HeadObject",
        ("DELETE", True): "DeleteObject",
        ("GET", False): "ListObjectsV2",
    }
    operation = operations.get((request.method, bool(key)))
    if operation is None:
        raise UnknownToFake(f"S3 is not asked to {request.method} {request.url}")
    return operation, {
        "Bucket": bucket,
        "Key": key,
        "query": query,
        "headers": headers,
        "Body": _body(request, headers) if operation == "PutObject" else b"",
    }


def _body(request: _Request, headers: dict[str, str]) -> bytes:
    """The object's bytes; what is sent in checksummed chunks is put together and checked."""
    body = request.body
    if body is None:
        return b""
    sent = bytes(body) if isinstance(body, bytes | bytearray) else body.read()
    if "aws-chunked" not in headers.get("content-encoding", ""):
        return sent
    whole, rest = b"", sent
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            break
        whole, rest = whole + rest[:length], rest[length + 2 :]
    assert len(whole) == int(headers["x-amz-decoded-content-length"]), "cut short"
    return whole

"""The way from this process to the embedded AWS, with faults on it.

What is asked for is sent and answered for real, but for what a fault takes away: `Network` of
`workbench.proof` has the same faults over an AWS in memory.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

from workbench import endpoint
from workbench.proof.network import Call, Cancel, Lose, Part, Refuse

type Fault = Cancel | Lose | Part | Refuse
type Strikes = Callable[[Call], Fault | None]
"""Which fault meets a call."""

MAX_PAUSE_SECONDS = 0.005
"""Pauses before a retry are cut to this: how long they are is not what is tested."""

_TARGETS = {"DynamoDB_20120810": "dynamodb", "Kinesis_20131202": "kinesis"}


def never(call: Call) -> None:
    """No fault at all."""


def by_chance(
    chance: random.Random, share: float, faults: Mapping[str, Sequence[Fault]]
) -> Strikes:
    """So large a share of an operation's calls is met by one of its faults."""

    def strikes(call: Call) -> Fault | None:
        known = faults.get(call.operation)
        return chance.choice(known) if known and chance.random() < share else None

    return strikes


def in_runs(good: int, bad: int, faults: Mapping[str, Fault]) -> Strikes:
    """After so many good calls of these operations, so many that all fail, and so on."""
    seen = 0

    def strikes(call: Call) -> Fault | None:
        nonlocal seen
        if call.operation not in faults:
            return None
        seen += 1
        return faults[call.operation] if (seen - 1) % (good + bad) >= good else None

    return strikes


@dataclass
class Wire:
    """Carries the requests of the handlers that run while it is `installed`."""

    strikes: Strikes = never
    calls: Counter[str] = field(default_factory=Counter)
    """By operation; retries count."""
    struck: Counter[str] = field(default_factory=Counter)
    """Faults that were injected, by operation."""

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Every botocore client of this process, the test's own included, goes this way."""
        send = URLLib3Session.send
        sleep = time.sleep
        carry = self._carry

        def carried(session: URLLib3Session, request: Any) -> AWSResponse:
            return carry(lambda one: send(session, one), request)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(URLLib3Session, "send", carried)
            patch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, MAX_PAUSE_SECONDS)))
            yield

    def _carry(self, send: Callable[[Any], AWSResponse], request: Any) -> AWSResponse:
        call = _call(self.calls.total() + 1, request)
        self.calls[call.operation] += 1
        fault = self.strikes(call)
        if fault is None:
            return send(request)
        self.struck[call.operation] += 1
        match fault:
            case Lose():
                if fault.effect:
                    send(request)
                raise ReadTimeoutError(endpoint_url=request.url)
            case Refuse():
                return _refusal(request, call, fault)
            case Cancel():
                codes = ["None"] * len(call.body["TransactItems"])
                codes[fault.items[0] % len(codes)] = fault.code
                reasons = [{"Code": code} for code in codes]
                return _answer(
                    request,
                    400,
                    {
                        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                        "message": f"Transaction cancelled: {codes}",
                        "CancellationReasons": reasons,
                    },
                )
            case Part() if call.operation == "PutRecords":
                return _put_in_part(send, request, call, fault)
            case Part():
                return _got_in_part(send, request, call)


def _call(number: int, request: Any) -> Call:
    target = request.headers.get("X-Amz-Target")
    if target is None:
        assert request.method == "PUT", "S3 is only asked to keep objects"
        return Call(number, "s3", "PutObject", {})
    prefix, _, operation = _text(target).partition(".")
    return Call(number, _TARGETS[prefix], operation, msgspec.json.decode(request.body))


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header


def _refusal(request: Any, call: Call, fault: Refuse) -> AWSResponse:
    if call.service == "s3":
        text = f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
        return _response(request, fault.status, "application/xml", text.encode())
    return _answer(request, fault.status, {"__type": fault.code, "message": fault.message})


def _put_in_part(
    send: Callable[[Any], AWSResponse], request: Any, call: Call, fault: Part
) -> AWSResponse:
    """PutRecords of which some entries fail, stored all the same or not."""
    records = call.body["Records"]
    failing = {position % len(records) for position in fault.entries or ()}
    sent = [one for n, one in enumerate(records) if fault.stored or n not in failing]
    results: list[Any] = []
    if sent:
        answer = send(_signed_anew(request, "kinesis", call.body | {"Records": sent}))
        results = msgspec.json.decode(answer.content)["Records"]
        assert not any("ErrorCode" in result for result in results)
    failed = {"ErrorCode": fault.code, "ErrorMessage": "injected"}
    if not fault.stored:
        for position in sorted(failing):
            results.insert(position, failed)
    records = [failed if n in failing else result for n, result in enumerate(results)]
    return _answer(request, 200, {"FailedRecordCount": len(failing), "Records": records})


def _got_in_part(send: Callable[[Any], AWSResponse], request: Any, call: Call) -> AWSResponse:
    """BatchGetItem that reads half of the keys, of one key none."""
    ((table, wanted),) = call.body["RequestItems"].items()
    half = len(wanted["Keys"]) // 2
    done, left = wanted["Keys"][:half], wanted["Keys"][half:]
    found: list[Any] = []
    if done:
        asked = call.body | {"RequestItems": {table: wanted | {"Keys": done}}}
        answer = send(_signed_anew(request, "dynamodb", asked))
        found = msgspec.json.decode(answer.content)["Responses"].get(table, [])
    unprocessed = {table: wanted | {"Keys": left}}
    return _answer(request, 200, {"Responses": {table: found}, "UnprocessedKeys": unprocessed})


def _signed_anew(request: Any, service: str, body: dict[str, Any]) -> Any:
    """The request with another body."""
    headers = {name: _text(request.headers[name]) for name in ("X-Amz-Target", "Content-Type")}
    other = AWSRequest(request.method, request.url, headers, msgspec.json.encode(body))
    session = endpoint.session()
    credentials = session.get_credentials()
    assert credentials is not None
    SigV4Auth(credentials, service, session.region_name).add_auth(other)
    return other.prepare()


def _answer(request: Any, status: int, said: dict[str, Any]) -> AWSResponse:
    return _response(request, status, "application/x-amz-json-1.0", msgspec.json.encode(said))


def _response(request: Any, status: int, content_type: str, body: bytes) -> AWSResponse:
    headers = {"Content-Type": content_type, "x-amzn-RequestId": "injected"}
    response = AWSResponse(request.url, status, headers, BytesIO(body))  # type: ignore[arg-type]
    response._content = body  # type: ignore[attr-defined]
    return response

"""Start the embedded AWS so that its functions see a Lambda runtime, and not the emulator.

Run by the emulator's own interpreter, which has nothing of ours: only the standard library and the
emulator may be imported here. The one argument is the interpreter of the environment the functions
run in; the emulator starts functions with `sys.executable`.

Twenty-one things are mended. A function that raises keeps its process; the emulator ends it, so
that whoever calls next waits for another to start. What a function raises reaches its caller, and
so the `Retry` and `Catch` of a state machine, by the name of its class; the emulator calls
everything `Runtime.HandlerError`, and has the class in the traceback that it logs. A state
machine's definition in S3 may be YAML; the emulator reads JSON. A task may wait as long as its
input says (`TimeoutSecondsPath`). Who may publish to a topic may do so in batches: IAM knows no
action `sns:PublishBatch`. What a state machine publishes keeps its attributes, by which
subscriptions filter. And each mapping of a stream is polled by a thread of its own: the emulator
has one for all, so that a consumer keeps every other one waiting.

Of signing in: a token that was refreshed names the groups of who signed in; the emulator forgets
them. And nobody signs up to a pool whose users an administrator makes. Of WebSockets: an authorizer
without identity source is asked about everybody; the emulator gives it that of an HTTP API, and
refuses who has no `Authorization`. And the subprotocol that the answer to `$connect` names is the
handshake's; the emulator never names one, so that a browser that offered one ends the connection.

Of CloudWatch: what a function counts in the embedded metric format becomes metrics; the emulator
leaves it in the log. What it counts itself is one point a minute, where it keeps one for every
call, for ever. And an alarm watches the dimensions it names, and is over where nothing is heard any
more; the emulator takes all that has its metric's name.

Of AWS IoT: MQTT is served on the address that HTTP is, not on every one there is. A policy may name
attributes of the thing that connects. A last will is of who left it, as rules see it. Who connected
with a certificate that is no longer active is cut off. And a rule invokes a function as Lambda is
invoked by events, tried again and then given to its failure destination, and no more than two at a
time: the emulator starts a thread and a process for every message.

Of its end: it saves its state though somebody is connected, as a page that is open is; and with it
what tables' streams hold, of which it keeps only how far each mapping has read.
"""

import asyncio
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from copy import deepcopy
from types import FunctionType
from typing import Any

_UNNAMED = "Runtime.HandlerError"
_POLICY_VARIABLE = re.compile(r"\$\{(iot:[A-Za-z.]+(?:\[[\w.,@/:#-]+\])?)\}")
_EVERYWHERE = ("", "0.0.0.0", "::")
_FUNCTIONS_OF_RULES = 2
_IDLE_SECONDS = 1.0
_TOLD = ("OK", "ALARM")
_RAISED = re.compile(r"^Traceback \(most recent call last\):\n(?: .*\n)+(?:\w+\.)*(\w+)", re.M)


def named(result: dict[str, Any]) -> dict[str, Any]:
    """What came of an invocation, an error with the name of its class."""
    body, log = result.get("body"), result.get("log")
    if isinstance(body, dict) and body.get("errorType") == _UNNAMED and log:
        raised = _RAISED.findall(log)
        if result.get("error") and raised:
            return {**result, "body": {**body, "errorType": raised[-1]}}
    return result


def as_json(definition: str) -> str:
    """A state machine's definition as JSON. What is neither JSON nor YAML stays as it is."""
    import yaml  # which the emulator stands on

    try:
        read = yaml.safe_load(definition)  # JSON is YAML too
    except yaml.YAMLError:
        return definition
    return json.dumps(read) if isinstance(read, dict) else definition


def timed(
    state: dict[str, Any], given: object, resolve: Callable[[str, object], Any]
) -> dict[str, Any]:
    """A task with the seconds that its input gives it, where it says where they are."""
    path = state.get("TimeoutSecondsPath")
    return state if path is None else {**state, "TimeoutSeconds": resolve(path, given)}


def permission(action: str | None) -> str | None:
    """The IAM action that a call needs, from the one that is named after the call."""
    return "sns:Publish" if action == "sns:PublishBatch" else action


def flattened(published: dict[str, Any]) -> dict[str, Any]:
    """What is published, with its attributes as the query of SNS has them: the emulator looks for
    them there alone.
    """
    attributes = published.get("MessageAttributes")
    if not isinstance(attributes, dict):
        return published
    flat: dict[str, Any] = {}
    for place, (name, value) in enumerate(attributes.items(), start=1):
        flat[f"MessageAttributes.entry.{place}.Name"] = name
        for field, content in value.items():
            flat[f"MessageAttributes.entry.{place}.Value.{field}"] = content
    return published | flat


def attributes_of(thing: dict[str, Any] | None) -> dict[str, str]:
    """What a policy may know of the attributes of a thing, by the variables' names."""
    attributes = (thing or {}).get("attributes") or {}
    return {
        f"iot:connection.thing.attributes[{name.lower()}]": str(value)
        for name, value in attributes.items()
    }


def bind_to(host: str) -> None:
    """Let no server of this process listen on every address there is, but on this one."""
    loops: Any = asyncio.BaseEventLoop
    create = loops.create_server

    async def create_there(
        loop: asyncio.BaseEventLoop,
        factory: Callable[[], asyncio.BaseProtocol],
        at: object = None,
        *rest: Any,
        **more: Any,
    ) -> asyncio.Server:
        at = more.pop("host", at)
        is_open = at in _EVERYWHERE or (at is None and "sock" not in more)
        made: asyncio.Server = await create(loop, factory, host if is_open else at, *rest, **more)
        return made

    loops.create_server = create_there


def mend_iot(iot: Any, lambda_svc: Any) -> None:  # noqa: ANN401 - modules of the emulator
    """All that is mended of AWS IoT."""
    context_of, dispatch = iot._mqtt_policy_context, ThreadPoolExecutor(_FUNCTIONS_OF_RULES)
    clean_up, change_certificate = iot._WSSession.cleanup, iot._handle_certificate

    def context_with_attributes(
        account: str, region: str, certificate_id: str, client_id: str
    ) -> dict[str, str]:
        context: dict[str, str] = context_of(account, region, certificate_id, client_id)
        if "iot:connection.thing.thingname" in context:
            with iot.request_scope(account, region):
                context |= attributes_of(iot._things.get(client_id))
        return context

    async def clean_up_by_will(session: Any) -> None:  # noqa: ANN401 - the emulator's class
        topic, session._will_topic = session._will_topic, None
        if topic is not None and not session._cleaned_up and not session._graceful_disconnect:
            await iot.broker_publish(
                session.account_id,
                session.region,
                topic,
                session._will_message or b"",
                qos=session._will_qos,
                retain=session._will_retain,
                properties=session._will_properties,
                client_id=session._client_id or None,
                principal=session._principal,
            )
        await clean_up(session)

    async def cut_off(sessions: Iterable[Any]) -> None:
        for session in sessions:
            await session._send({"type": "websocket.close"})

    def change_certificate_of_connected(method: str, path: str, *rest: object) -> object:
        answer: object = change_certificate(method, path, *rest)
        certificate_id = path.rpartition("/")[2]
        if method == "PUT" and not iot._mtls_active_registrations(certificate_id):
            cut = [
                session
                for session in list(iot._connected_clients.values())
                if session.certificate_id == certificate_id
            ]
            if cut:
                asyncio.run_coroutine_threadsafe(cut_off(cut), iot._mtls_loop)
        return answer

    def invoke(function: dict[str, Any], event: object) -> None:
        if lambda_svc._execute_function_with_config_scope(function, event).get("error"):
            lambda_svc.invoke_async_with_retry(function, event)

    def invoke_by_rule(account: str, region: str, arn: str, event: object) -> None:
        found, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
            arn, account_id=account, region=region
        )
        if not found or not config:
            raise RuntimeError(f"there is no function {arn}")
        function = lambda_svc._execution_record_for_config(found, config)
        dispatch.submit(invoke, function, event)

    iot._POLICY_VARIABLE_RE = _POLICY_VARIABLE
    iot._mqtt_policy_context = context_with_attributes
    iot._WSSession.cleanup = clean_up_by_will
    iot._handle_certificate = change_certificate_of_connected
    iot._dispatch_rule_to_lambda = invoke_by_rule


def mend_streams(lambda_svc: Any) -> None:  # noqa: ANN401 - a module of the emulator
    """Poll each mapping of a stream by a thread of its own, as AWS has pollers for each."""
    all_mappings, wake = lambda_svc._iter_all_esms, lambda_svc._esm_wake
    wake_all, only = wake.set, threading.local()
    polls = {"kinesis": lambda_svc._poll_kinesis, "dynamodb": lambda_svc._poll_dynamodb_streams}
    woken: dict[str, threading.Event] = {}

    def mappings() -> Iterator[tuple[str, str, dict[str, Any]]]:
        wanted = getattr(only, "mapping", None)
        return (one for one in all_mappings() if wanted is None or one[2]["UUID"] == wanted)

    def set_all() -> None:
        wake_all()
        for event in list(woken.values()):
            event.set()

    def poll_one(mapping: str, poll: Callable[[], bool]) -> None:
        only.mapping, event = mapping, woken[mapping]
        while any(mappings()):
            event.clear()
            try:
                processed = poll()
            except Exception:
                lambda_svc.logger.exception("the stream of mapping %s", mapping)
                processed = False
            if not processed:
                event.wait(_IDLE_SECONDS)
        del woken[mapping]

    def start(service: str) -> bool:
        """In the emulator's own loop: see that each mapping of a service has its thread."""
        for _, _, mapping in all_mappings():
            name, source = mapping["UUID"], mapping.get("EventSourceArn", "")
            if name not in woken and source.startswith("arn:") and source.split(":")[2] == service:
                woken[name] = threading.Event()
                threading.Thread(target=poll_one, args=(name, polls[service]), daemon=True).start()
        return False

    lambda_svc._iter_all_esms = mappings
    lambda_svc._poll_kinesis = lambda: start("kinesis")
    lambda_svc._poll_dynamodb_streams = lambda: start("dynamodb")
    wake.set = set_all


def mend_sign_in(cognito: Any) -> None:  # noqa: ANN401 - a module of the emulator
    """Name the groups of somebody in tokens that were refreshed, as in those they signed in by, and
    let nobody sign up where an administrator makes users.
    """
    make, sign_up = cognito._fake_token, cognito._sign_up

    def sign_up_where_allowed(request: dict[str, Any]) -> object:
        pool = cognito._find_pool_by_client_id(request.get("ClientId"))[1] or {}
        if (pool.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
            reason = "SignUp is not permitted for this user pool"
            refusal: object = cognito.error_response_json("NotAuthorizedException", reason, 400)
            return refusal
        made: object = sign_up(request)
        return made

    def make_with_groups(sub: str, pool_id: str, *rest: Any, **more: Any) -> str:
        if more.get("groups") is None and more.get("username"):
            users = (cognito._get_pool_unscoped(pool_id) or {}).get("_users", {})
            more["groups"] = users.get(more["username"], {}).get("_groups")
        token: str = make(sub, pool_id, *rest, **more)
        return token

    cognito._fake_token = make_with_groups
    cognito._sign_up = sign_up_where_allowed


def mend_websockets(apigateway: Any) -> None:  # noqa: ANN401 - a module of the emulator
    """Ask an authorizer that has no identity source, and answer a handshake with the subprotocol
    that the function behind `$connect` names.
    """
    handle, invoke = apigateway.handle_websocket, apigateway._invoke_ws_lambda
    authorize = apigateway._authorize_ws_connect
    answered: ContextVar[dict[str, Any]] = ContextVar("answered")

    async def authorize_by_its_own_sources(api_id: str, route: dict[str, Any], *rest: Any) -> Any:  # noqa: ANN401 - the emulator's answer
        authorizer = apigateway._authorizers.get(api_id, {}).get(route.get("authorizerId"), {})
        sources = authorizer.get("identitySource") or ()
        authorizer["identitySource"] = [one for one in sources if not one.startswith("$request.")]
        return await authorize(api_id, route, *rest)

    async def invoke_and_keep(*given: Any, **more: Any) -> dict[str, Any] | None:
        answer: dict[str, Any] | None = await invoke(*given, **more)
        if "CONNECT" in given:
            answered.set(answer or {})
        return answer

    async def handle_with_protocol(
        scope: object, receive: object, send: Callable[..., Any], *rest: Any, **more: Any
    ) -> None:
        async def send_with_protocol(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.accept":
                message = message | {"subprotocol": subprotocol(answered.get({}))}
            await send(message)

        await handle(scope, receive, send_with_protocol, *rest, **more)

    apigateway.handle_websocket = handle_with_protocol
    apigateway._invoke_ws_lambda = invoke_and_keep
    apigateway._authorize_ws_connect = authorize_by_its_own_sources


def subprotocol(answer: dict[str, Any]) -> str | None:
    """What an answer to `$connect` names, if it does."""
    headers = answer.get("headers") or {}
    named = [text for name, text in headers.items() if name.lower() == "sec-websocket-protocol"]
    return named[0] if named else None


def counted(log: str) -> Iterator[tuple[str, str, dict[str, str], float]]:
    """What the embedded metric format counts in a log: namespace, name, dimensions and value."""
    for line in log.splitlines():
        if '"CloudWatchMetrics"' not in line:
            continue
        try:
            said = json.loads(line)
            directives = said["_aws"]["CloudWatchMetrics"]
        except (ValueError, TypeError, KeyError):
            continue
        for directive in directives:
            for names in directive["Dimensions"]:
                dimensions = {name: str(said[name]) for name in names}
                for metric in directive["Metrics"]:
                    value = said[metric["Name"]]
                    for one in value if isinstance(value, list) else [value]:
                        yield directive["Namespace"], metric["Name"], dimensions, float(one)


def gathered(points: list[dict[str, Any]], now: float, value: float) -> dict[str, Any] | None:
    """The newest point moved on by a value, if it is of this minute; else what a new one starts
    with.
    """
    if points and "_stat" in points[-1] and points[-1]["Timestamp"] // 60 == now // 60:
        newest, stat = points[-1], points[-1]["_stat"]
        stat["SampleCount"] += 1
        stat["Sum"] += value
        stat["Minimum"] = min(stat["Minimum"], value)
        stat["Maximum"] = max(stat["Maximum"], value)
        newest["Value"] = stat["Sum"] / stat["SampleCount"]
        return None
    stat = {"SampleCount": 1, "Sum": value, "Minimum": value, "Maximum": value}
    return {"Timestamp": now, "Value": value, "_stat": stat}


def watched(
    alarm: dict[str, Any], points: list[dict[str, Any]], now: float
) -> list[dict[str, Any]]:
    """The points that an alarm is to look at, of those with its dimensions: where there is none,
    one that stands for what it says of missing data.
    """
    since = now - alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1)
    treated = alarm.get("TreatMissingData")
    if treated not in ("breaching", "notBreaching") or any(p["Timestamp"] >= since for p in points):
        return points
    is_high = alarm.get("ComparisonOperator", "").startswith("Greater")
    beyond = 1 if is_high is (treated == "breaching") else -1
    return [*points, {"Timestamp": now, "Value": alarm.get("Threshold", 0) + beyond}]


def mend_metrics(cloudwatch: Any, lambda_svc: Any) -> None:  # noqa: ANN401 - modules of the emulator
    """All that is mended of CloudWatch."""
    evaluate, emit_logs = cloudwatch._evaluate_alarm, lambda_svc._emit_lambda_logs
    lock = threading.Lock()

    def record(
        namespace: str,
        name: str,
        value: float,
        unit: str = "None",
        dimensions: dict[str, str] | None = None,
    ) -> None:
        mine = dict(dimensions or {})
        with lock:
            points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(mine)))
            new = gathered(points, time.time(), float(value))
            if new is not None:
                points.append(new | {"Unit": unit, "Dimensions": mine})

    def emit_logs_and_metrics(
        function: object, request_id: str, log: str, *rest: Any, **more: Any
    ) -> None:
        emit_logs(function, request_id, log, *rest, **more)
        for namespace, name, dimensions, value in counted(log or ""):
            record(namespace, name, value, "Count", dimensions)

    def evaluate_its_own(alarm: dict[str, Any]) -> None:
        namespace, name = alarm.get("Namespace"), alarm.get("MetricName")
        dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
        key = namespace, name, cloudwatch._dims_key(dimensions)
        points = watched(alarm, cloudwatch._metrics.get(key) or [], time.time())
        if alarm.get("TreatMissingData") == "notBreaching" and alarm["StateValue"] not in _TOLD:
            alarm["StateValue"] = "OK"  # where nothing was ever heard, nobody need be told
        scope = evaluate.__globals__ | {"_metrics": {key: points}}
        FunctionType(evaluate.__code__, scope)(alarm)

    cloudwatch.record_metric = record
    cloudwatch._evaluate_alarm = evaluate_its_own
    lambda_svc._emit_lambda_logs = emit_logs_and_metrics


def mend_raising(lambda_runtime: Any) -> None:  # noqa: ANN401 - a module of the emulator
    """Let a function's process live when the function raises: it is ended where it says `error`."""
    raised = '"status": "error", "error": str(e), "trace"'
    if raised not in lambda_runtime._PYTHON_WORKER_SCRIPT:
        raise RuntimeError("a function's process no longer says that it raised as it did")
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(
        raised, raised.replace("error", "ok", 1)
    )
    invoke = lambda_runtime.Worker.invoke

    def invoke_as_before(*given: Any, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = invoke(*given, **more)
        return answer | {"status": "error"} if "trace" in answer else answer

    lambda_runtime.Worker.invoke = invoke_as_before


def mend_ending() -> None:
    """Let the emulator end, and so save its state, while somebody is connected to it.

    Its server waits for the last connection to be closed, since Python 3.12 for ever; then gives
    those that are left three seconds.
    """

    async def closed(server: asyncio.Server) -> None:
        """Wait for nobody."""

    asyncio.Server.wait_closed = closed  # type: ignore[method-assign,assignment]


def mend_state(dynamodb: Any) -> None:  # noqa: ANN401 - a module of the emulator
    """Keep what tables' streams hold with the tables, as where each mapping is in them is kept.

    Without it a mapping waits, after a restart, for as many changes as there ever were before it.
    """
    get, load = dynamodb.get_state, dynamodb.load_persisted_state
    streams = "_stream_records", "_stream_trimmed"

    def get_state() -> dict[str, Any]:
        state: dict[str, Any] = get()
        return state | {name: deepcopy(getattr(dynamodb, name)) for name in streams}

    def load_persisted_state(data: dict[str, Any]) -> None:
        load(data)
        for name in streams:
            getattr(dynamodb, name).update(data.get(name, {}))

    dynamodb.get_state, dynamodb.load_persisted_state = get_state, load_persisted_state


def _naming(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return lambda *arguments: named(execute(*arguments))


def main() -> None:
    """Hand the functions their interpreter, then become the emulator."""
    sys.executable = sys.argv.pop(1)
    from ministack.app import main as serve  # type: ignore[import-not-found]
    from ministack.core import iam_actions, lambda_runtime  # type: ignore[import-not-found]
    from ministack.services import (  # type: ignore[import-not-found]
        apigateway,
        cloudwatch,
        cognito,
        dynamodb,
        iot,
        lambda_svc,
        sns,
        stepfunctions,
    )
    from ministack.services.cloudformation import (  # type: ignore[import-not-found]
        provisioners,
    )

    lambda_svc._execute_function_warm = _naming(lambda_svc._execute_function_warm)
    define, execute_task = provisioners._sfn_definition, stepfunctions._execute_task
    provisioners._sfn_definition = lambda properties: as_json(define(properties))
    stepfunctions._execute_task = lambda state, given, *rest: execute_task(
        timed(state, given, stepfunctions._resolve_path), given, *rest
    )
    publish = sns._publish
    sns._publish = lambda published: publish(flattened(published))
    action_of = iam_actions.extract_iam_action
    iam_actions.extract_iam_action = lambda *call, **more: permission(action_of(*call, **more))
    bind_to(os.environ["BIND_HOST"])
    mend_raising(lambda_runtime)
    mend_iot(iot, lambda_svc)
    mend_streams(lambda_svc)
    mend_sign_in(cognito)
    mend_websockets(apigateway)
    mend_metrics(cloudwatch, lambda_svc)
    mend_ending()
    mend_state(dynamodb)
    serve()


if __name__ == "__main__":
    main()

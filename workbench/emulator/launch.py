"""Start the embedded AWS so that its functions see a Lambda runtime, and not the emulator.

Run by the emulator's own interpreter, which has nothing of ours: only the standard library and
the emulator may be imported here. The one argument is the interpreter of the environment the
functions run in; the emulator starts functions with `sys.executable`.

Four things are mended. What a function raises reaches its caller, and so the `Retry` and `Catch`
of a state machine, by the name of its class; the emulator calls everything `Runtime.HandlerError`,
and has the class in the traceback that it logs. A state machine's definition in S3 may be YAML; the
emulator reads JSON. A task may wait as long as its input says (`TimeoutSecondsPath`). And who may
publish to a topic may do so in batches: IAM knows no action `sns:PublishBatch`.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

_UNNAMED = "Runtime.HandlerError"
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


def _naming(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return lambda *arguments: named(execute(*arguments))


def main() -> None:
    """Hand the functions their interpreter, then become the emulator."""
    sys.executable = sys.argv.pop(1)
    from ministack.app import main as serve  # type: ignore[import-not-found]
    from ministack.core import iam_actions  # type: ignore[import-not-found]
    from ministack.services import (  # type: ignore[import-not-found]
        lambda_svc,
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
    action_of = iam_actions.extract_iam_action
    iam_actions.extract_iam_action = lambda *call, **more: permission(action_of(*call, **more))
    serve()


if __name__ == "__main__":
    main()

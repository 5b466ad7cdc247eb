"""Start the embedded AWS so that its functions see a Lambda runtime, and not the emulator.

Run by the emulator's own interpreter, which has nothing of ours: only the standard library and
the emulator may be imported here. The one argument is the interpreter of the environment the
functions run in; the emulator starts functions with `sys.executable`.

One thing is mended. What a function raises reaches its caller, and so the `Retry` and `Catch` of a
state machine, by the name of its class; the emulator calls everything `Runtime.HandlerError`, and
has the class in the traceback that it logs.
"""

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


def _naming(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return lambda *arguments: named(execute(*arguments))


def main() -> None:
    """Hand the functions their interpreter, then become the emulator."""
    sys.executable = sys.argv.pop(1)
    from ministack.app import main as serve  # type: ignore[import-not-found]
    from ministack.services import lambda_svc  # type: ignore[import-not-found]

    lambda_svc._execute_function_warm = _naming(lambda_svc._execute_function_warm)
    serve()


if __name__ == "__main__":
    main()

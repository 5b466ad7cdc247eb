"""The commands for the stack itself: up, down, status, logs, reset, doctor."""

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import database, deploy, emulator, endpoint, page
from workbench.console import WorkbenchError, out, print_json, say, step
from workbench.paths import ROOT, VENV_BIN, home

USER = "pitboss-local"
"""Who deploys to the local stack and calls it. The root key is used to make this user, once."""

_EVERYTHING = """{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
}"""

_ENOUGH_DISK_BYTES = 2 * 1024**3

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Port = Annotated[
    int | None, typer.Option(min=1, max=65_535, help="Listen on this port. Default: a free one.")
]
KeepState = Annotated[
    bool, typer.Option(help="Save what the stack holds on `down`, load it on the next `up`.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (up, down, status, logs, env, migrate, reset, doctor):
        app.command()(command)


def _make_user(address: str, root_secret: str) -> tuple[str, str]:
    """A user with a key of its own, so that nothing is deployed or tested as root."""
    import boto3

    iam = boto3.Session(emulator.ROOT_KEY, root_secret, region_name=emulator.REGION).client(
        "iam", endpoint_url=address
    )
    try:
        iam.create_user(UserName=USER)
    except iam.exceptions.EntityAlreadyExistsException:
        for old in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=USER, AccessKeyId=old["AccessKeyId"])
    iam.put_user_policy(UserName=USER, PolicyName="everything", PolicyDocument=_EVERYTHING)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _start(port: int | None, *, keep_state: bool) -> emulator.Running:
    database.stop()
    if not keep_state:
        database.wipe()
    with step("starting the embedded AWS"):
        fresh = emulator.start(port, keep_state=keep_state)
        key_id, secret = _make_user(fresh.endpoint, fresh.root_secret)
        running = emulator.Running(
            pid=fresh.process.pid,
            started=fresh.process.started,
            endpoint=fresh.endpoint,
            region=emulator.REGION,
            access_key_id=key_id,
            secret_access_key=secret,
            keep_state=keep_state,
            mqtt_port=fresh.mqtt_port,
        )
        running.save()
    return running


def ensure_running(port: int | None = None, *, keep_state: bool = False) -> None:
    """Have something to deploy to: the embedded AWS, unless another AWS is chosen."""
    if endpoint.chosen_target() is not None:
        return
    running = emulator.Running.load()
    if running and not emulator.answers(running.endpoint):
        say("the embedded AWS does not answer; starting it again")
        running = None
    if running and port not in (None, running.port):
        raise WorkbenchError(
            f"The stack already runs on port {running.port}: "
            f"run `pitboss down` before `pitboss up --port {port}`."
        )
    if running is None:
        _start(port, keep_state=keep_state)


def ensure_up(port: int | None = None, *, keep_state: bool = False) -> str:
    """Have a stack that is deployed from the sources as they are; the API's address.

    Beside a local one the live page is served.
    """
    ensure_running(port, keep_state=keep_state)
    if not deploy.deploy():
        say("nothing changed since the last deploy")
    if endpoint.chosen_target() is None:
        page.start()
    return endpoint.api_url()


def up(port: Port = None, keep_state: KeepState = False) -> None:
    """Start the local stack and deploy the template to it; again to deploy what changed.

    With AWS_ENDPOINT_URL set, or --env and --profile of a real account, only deploys there.
    """
    address = ensure_up(port, keep_state=keep_state)
    out.print(f"The API answers at {address}")
    show_page()
    out.print("Next: `pitboss status`, `pitboss demo`, or `pitboss down` to stop.")


def show_page() -> None:
    """Say where the live page is, and how somebody signs in there."""
    running = page.Running.load()
    if running is None:
        return
    out.print(f"The live floor is at {page.url(running.port)}")
    out.print("Make people who may sign in there: `pitboss users demo --property P1`.")


def down() -> None:
    """Stop the local stack and everything it started."""
    page.stop()
    running = emulator.Running.load()
    try:
        was_running = emulator.stop(save=running is not None and running.keep_state)
    finally:
        had_database = database.stop()
    if had_database or was_running:
        out.print("Stopped.")
    else:
        out.print("Nothing was running.")


def migrate(json: AsJson = False) -> None:
    """Bring the shufflers' database to the deployed release. `pitboss up` does it by itself."""
    done = deploy.migrate()
    if json:
        print_json(done)
        return
    made = ", ".join(done["made"]) or "none"
    out.print(f"The database is at revision {done['revision']}. Partitions made: {made}.")


def env() -> None:
    """Print shell commands that point `aws` and `sam` at the stack: eval "$(pitboss env)"."""
    for name, value in endpoint.target().variables().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def _deployed() -> list[Any]:
    prefix = f"{endpoint.stack_name()}-"
    pages = endpoint.client("lambda").get_paginator("list_functions").paginate()
    return [
        item
        for page in pages
        for item in page["Functions"]
        if item["FunctionName"].startswith(prefix)
    ]


def settings_of(function: str) -> dict[str, str]:
    """The environment that a function, given by its folder, is deployed with.

    Raises:
        WorkbenchError: there is no such function.
    """
    variables: dict[str, str] = _function(function)["Environment"]["Variables"]
    return variables


def _function(function: str) -> Any:  # noqa: ANN401 - as boto3 describes it
    wanted = function.replace("_", "").lower()
    prefix = f"{endpoint.stack_name()}-"
    for item in _deployed():
        name = item["FunctionName"]
        if name == function or name.removeprefix(prefix).lower().startswith(wanted):
            return item
    raise WorkbenchError(
        f"There is no function {function!r}: `pitboss status` lists those that are deployed."
    )


def _log_group(item: Any) -> str:  # noqa: ANN401 - as above
    group: str = item.get("LoggingConfig", {}).get(
        "LogGroup", f"/aws/lambda/{item['FunctionName']}"
    )
    return group


def _functions() -> list[dict[str, Any]]:
    return [
        {
            "name": item["FunctionName"],
            "memory": item["MemorySize"],
            "log_group": _log_group(item),
        }
        for item in _deployed()
    ]


def _describe() -> dict[str, Any]:
    """What `status` knows."""
    description: dict[str, Any] = {"environment": endpoint.environment(), "running": False}
    if endpoint.chosen_target() is None and emulator.Running.load() is None:
        return description
    deployed = deploy.stack_status()
    description |= {
        "running": True,
        "endpoint": endpoint.target().endpoint or "aws",
        "stack": endpoint.stack_name(),
        "stack_status": deployed[1] if deployed else "not deployed",
    }
    if deployed and deployed[1] in deploy.GOOD:
        description |= {
            "current": deploy.is_current(),
            "api_url": endpoint.api_url(),
            "functions": _functions(),
            "outputs": endpoint.stack_outputs(),
        }
    served = page.Running.load()
    if served is not None and endpoint.chosen_target() is None:
        description["page"] = page.url(served.port)
    return description


def status(json: AsJson = False) -> None:
    """Say whether the stack runs, where, and what is deployed."""
    description = _describe()
    if json:
        print_json(description)
        return
    if not description["running"]:
        out.print("Stopped. Start it with `pitboss up`.")
        return
    table = Table(show_header=False, box=None)
    names = ("endpoint", "stack", "stack_status", "api_url", "page")
    for name in names:
        if name in description:
            table.add_row(name.replace("_", " "), escape(str(description[name])))
    if "current" in description:
        changed = "as the sources are" if description["current"] else "older than the sources"
        table.add_row("deployed", f"{changed}")
    for function in description.get("functions", []):
        table.add_row("function", f"{escape(function['name'])}, {function['memory']} MB")
    out.print(table)


def log_group(function: str) -> str:
    """The log group of a function given by its folder, logical id or full name."""
    return _log_group(_function(function))


def logs(
    function: Annotated[
        str | None, typer.Argument(help="A function, by its folder; without it the emulator's log.")
    ] = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")
    ] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one document a line.")] = False,
) -> None:
    """Show what a function, or the embedded AWS itself, has logged."""
    for shown in _log_lines(function, lines, follow=follow):
        if json:
            typer.echo(shown.as_json())
        else:
            typer.echo(shown.text)


@dataclass(frozen=True)
class _Line:
    at: int | None
    text: str

    def as_json(self) -> str:
        """One JSON document on one line."""
        import json

        return json.dumps({"at": self.at, "text": self.text})


def _log_lines(function: str | None, count: int, *, follow: bool) -> Iterator[_Line]:
    return _function_lines(function, count, follow) if function else _file_lines(count, follow)


def _file_lines(count: int, follow: bool) -> Iterator[_Line]:
    log = emulator.log_file()
    if endpoint.chosen_target() is not None or not log.exists():
        raise WorkbenchError("There is no log of a local stack here: name a function.")
    with log.open(errors="replace") as file:
        for text in file.readlines()[-count:]:
            yield _Line(None, text.rstrip("\n"))
        while follow:
            text = file.readline()
            if text:
                yield _Line(None, text.rstrip("\n"))
            else:
                time.sleep(0.2)


def _function_lines(function: str, count: int, follow: bool) -> Iterator[_Line]:
    client = endpoint.client("logs")
    group = log_group(function)
    seen: set[tuple[int, str, str]] = set()
    since = 0
    while True:
        try:
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=group, startTime=since
            )
            # Not every endpoint gives events an id.
            found = {
                (event["timestamp"], event["logStreamName"], event["message"]): None
                for page in pages
                for event in page["events"]
            }
        except client.exceptions.ResourceNotFoundException:
            found = {}
        fresh = sorted((event for event in found if event not in seen), key=lambda event: event[0])
        for at, _, message in fresh if seen else fresh[-count:]:
            yield _Line(at, message.rstrip("\n"))
        seen |= set(fresh)
        if not follow:
            return
        since = max((at for at, _, _ in fresh), default=since)
        time.sleep(1)


def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Throw away everything the local stack holds, and deploy it afresh."""
    if endpoint.chosen_target() is not None:
        raise WorkbenchError(
            "`pitboss reset` wipes only the local stack: unset AWS_ENDPOINT_URL, --env and "
            "--profile, or delete that stack with `sam delete`."
        )
    if not yes:
        typer.confirm("Everything the local stack holds is lost. Go on?", abort=True)
    running = emulator.Running.load()
    emulator.stop()
    emulator.wipe_state()
    database.stop()
    database.wipe()
    address = ensure_up(keep_state=running is not None and running.keep_state)
    out.print(f"The API answers at {address}, with nothing in it.")


@dataclass(frozen=True)
class Finding:
    """One thing `doctor` looked at: what was found and, where it is wrong, what to do."""

    check: str
    ok: bool
    found: str
    to_do: str = ""


def _python() -> Finding:
    program = VENV_BIN / "python3.13"
    if not program.exists():
        return Finding("python3.13", False, f"{program} is missing", "run `make setup`")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return Finding(
        "python3.13", version.returncode == 0, version.stdout.strip(), "run `make setup`"
    )


def _sam() -> Finding:
    program = VENV_BIN / "sam"
    if not program.exists():
        return Finding("sam", False, f"{program} is missing", "run `make setup`")
    return Finding("sam", True, str(program))


def _make() -> Finding:
    program = shutil.which("make")
    return Finding(
        "make",
        program is not None,
        program or "not on the path",
        "install make: `sam build` runs functions/Makefile",
    )


def _emulator() -> Finding:
    missing = [
        str(path)
        for path in (emulator.EMULATOR_PYTHON, emulator.RUNTIME_PYTHON)
        if not path.exists()
    ]
    return Finding(
        "embedded AWS",
        not missing,
        f"{', '.join(missing)} missing" if missing else str(emulator.EMULATOR_PYTHON.parents[1]),
        "run `make setup`",
    )


def _running() -> Finding:
    running = emulator.Running.load()
    if running is None:
        free = emulator.is_free(emulator.PREFERRED_PORT)
        taken = "another program uses it, so `pitboss up` chooses another"
        return Finding("port", True, f"{emulator.PREFERRED_PORT}, {'free' if free else taken}")
    if emulator.answers(running.endpoint):
        return Finding("port", True, f"the stack answers at {running.endpoint}")
    return Finding(
        "port",
        False,
        f"process {running.pid} runs but does not answer at {running.endpoint}",
        "run `pitboss down` and `pitboss up`",
    )


def _database() -> Finding:
    server = database.running()
    if server is not None:
        return Finding("database", True, f"{database.version()}, on port {server.port}")
    if endpoint.chosen_target() is None and emulator.Running.load() is not None:
        return Finding("database", False, "the stack runs without it", "run `pitboss up`")
    return Finding("database", True, f"{database.version()}, not running")


def _disk() -> Finding:
    home().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home()).free
    return Finding(
        "disk",
        free >= _ENOUGH_DISK_BYTES,
        f"{free / 1024**3:.1f} GiB free at {home()}",
        "free some space: a build and a run need 2 GiB",
    )


def _drift() -> Finding:
    if endpoint.chosen_target() is None and emulator.Running.load() is None:
        return Finding("stack", True, "not running")
    found = deploy.stack_status()
    if found is None:
        return Finding("stack", False, "not deployed", "run `pitboss up`")
    if deploy.is_current():
        return Finding("stack", True, f"{found[1]}, as the sources are")
    return Finding("stack", False, f"{found[1]}, older than the sources", "run `pitboss up`")


CHECKS: tuple[Callable[[], Finding], ...] = (
    _python,
    _sam,
    _make,
    _emulator,
    _running,
    _database,
    _disk,
    _drift,
)


def doctor(json: AsJson = False) -> None:
    """Check what the stack needs and say, for each thing that is wrong, what to do."""
    findings = [check() for check in CHECKS]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = "[green]ok[/green]   " if finding.ok else "[red]wrong[/red]"
            advice = "" if finding.ok else f": {finding.to_do}"
            out.print(f"{mark} {finding.check}: {escape(finding.found + advice)}")
        out.print(f"logs: {escape(str(home() / 'logs'))}; repository: {escape(str(ROOT))}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)

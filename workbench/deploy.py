"""`sam build` and `sam deploy` of the template, and only when something changed."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench import database, emulator, endpoint, page
from workbench.console import WorkbenchError, say, step
from workbench.machine import machine_of
from workbench.paths import ROOT, VENV_BIN, home

SOURCES = ("functions", "layers", "statemachines")
SOURCE_FILES = ("template.yaml", "samconfig.toml")
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"

GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
"""What a stack's status is when its last deploy succeeded."""

_SKIPPED_FOLDERS = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def sources() -> Iterator[Path]:
    """Every file that the deployed stack is made from, in a fixed order."""
    for name in SOURCE_FILES:
        if (ROOT / name).is_file():
            yield ROOT / name
    for name in SOURCES:
        for folder, folders, files in (ROOT / name).walk():
            folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
            for file in sorted(files):
                if not file.endswith(".pyc"):
                    yield folder / file


def fingerprint() -> str:
    """A hash of what a build comes from: the environment, its processor, and all sources."""
    digest = hashlib.sha256()
    environment = endpoint.environment()
    digest.update(f"{environment}\0{machine_of(environment)}\0".encode())
    for path in sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold off another `pitboss up` of this repository: they share the build's folder."""
    lock = ROOT / ".pitboss" / "build.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another `pitboss up` of this repository")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sam_environment() -> dict[str, str]:
    """The environment `sam` runs in: our tools first, the target's processor and credentials,
    nothing of a shell's activated environment or AWS settings that would point elsewhere.
    """
    where = endpoint.target()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}
    }
    if where.access_key_id:
        kept = {name: value for name, value in kept.items() if not name.startswith("AWS_")}
        # An emulator needs no file of ours, and no file of ours may point it elsewhere.
        kept["AWS_CONFIG_FILE"] = kept["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    return {
        **kept,
        **where.variables(),
        "PATH": f"{VENV_BIN}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "MACHINE": machine_of(endpoint.environment()),
        "SAM_CLI_TELEMETRY": "0",
        # Against the real CloudFormation, which throttles, the default of 5 s is right.
        **({"SAM_CLI_POLL_DELAY": "0.5"} if where.endpoint else {}),
        "AWS_EC2_METADATA_DISABLED": "true",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _run(arguments: list[str], log: Path, failure: str) -> None:
    """Run a program of `.venv` with its output in a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    program = VENV_BIN / arguments[0]
    if not program.exists():
        raise WorkbenchError(f"{program} is missing: run `make setup`.")
    with log.open("wb") as output:
        done = subprocess.run(
            [program, *arguments[1:]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=sam_environment(),
            check=False,
        )
    if done.returncode != 0:
        raise WorkbenchError(failure, log)


def _build(wanted: str) -> bool:
    """Build unless the last build was ours and of these sources; whether it built."""
    stamp = BUILT.parent.parent / "fingerprint"
    of_what, _, when = stamp.read_text().partition(" ") if stamp.exists() else ("", "", "")
    ours = BUILT.exists() and when == _built_at()
    if ours and of_what == wanted:
        return False
    stamp.unlink(missing_ok=True)
    if not ours:
        # Somebody ran `sam build`: its cache does not know for which processor the layer was.
        shutil.rmtree(BUILT.parent.parent / "cache", ignore_errors=True)
    with step("building the functions and the layer"):
        _run(
            ["sam", "build", "--config-env", endpoint.environment()],
            home() / "logs" / "build.log",
            "`sam build` failed: mend what the end of its log names, then run `pitboss up` again.",
        )
    stamp.write_text(f"{wanted} {_built_at()}")
    return True


def _built_at() -> str:
    """When `sam build` last ended well, ours or another: every one writes BUILT."""
    return str(BUILT.stat().st_mtime_ns)


def _deployed_file() -> Path:
    return home() / "deployed.json"


def _deployed() -> dict[str, str]:
    try:
        found = json.loads(_deployed_file().read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def stack_status() -> tuple[str, str] | None:
    """The deployed stack's id and status; None when there is no such stack."""
    from botocore.exceptions import ClientError

    try:
        stacks = endpoint.client("cloudformation").describe_stacks(StackName=endpoint.stack_name())[
            "Stacks"
        ]
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    return (stacks[0]["StackId"], stacks[0]["StackStatus"]) if stacks else None


def _page() -> dict[str, str]:
    """Where signing in returns to, of the local stack: the page that is served beside it."""
    return {"PageUrl": page.url()} if endpoint.chosen_target() is None else {}


def _record(wanted: str, stack_id: str) -> dict[str, str]:
    server = database.running()
    return {
        "endpoint": endpoint.target().endpoint or "aws",
        "stack": stack_id,
        "fingerprint": wanted,
        "database": f"port {server.port}" if server and _has_embedded_database() else "",
        **_page(),
    }


def is_current() -> bool:
    """Whether the deployed stack is made from the sources as they are now, migrations included."""
    status = stack_status()
    return (
        status is not None
        and status[1] in GOOD
        and _deployed() == _record(fingerprint(), status[0])
    )


def _overrides() -> str:
    """The parameters that samconfig.toml gives the environment."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    given: str = settings[endpoint.environment()]["deploy"]["parameters"]["parameter_overrides"]
    return given


def _has_embedded_database() -> bool:
    """Whether the stack gets the embedded PostgreSQL: a local one that is given no other."""
    return endpoint.environment() == "local" and "DatabaseHost=" not in _overrides()


@contextmanager
def _parameters() -> Iterator[list[str]]:
    """What `sam deploy` is told besides the configuration's own parameters.

    In a file that only its owner may read, for as long as it is needed: others see command lines.
    """
    ours = _page()
    if _has_embedded_database():
        server = database.ensure_running()
        ours |= {
            "DatabaseHost": emulator.HOST,
            "DatabasePort": str(server.port),
            "DatabasePassword": server.password,
            "DatabaseTls": "disable",
        }
    if not ours:
        yield []
        return
    path = home() / "parameters.yaml"
    emulator.write_private(path, json.dumps([_overrides(), ours]))
    try:
        yield ["--parameter-overrides", f"file://{path}"]
    finally:
        path.unlink(missing_ok=True)


def migrate() -> dict[str, Any]:
    """Bring the shufflers' database to the deployed release; what it came to.

    Raises:
        WorkbenchError: the function could not do it.
    """
    function = endpoint.stack_outputs()["MigrateDatabaseFunctionName"]
    answer = _invoke(function, {"task": "migrate"})
    if "errorType" in answer:
        raise WorkbenchError(
            f"The database was not migrated: {answer['errorType']}: {answer.get('errorMessage')}. "
            "Put that right, then deploy again, or run `pitboss migrate`."
        )
    return answer


def _invoke(function: str, event: dict[str, str]) -> dict[str, Any]:
    # A migration takes as long as the function may; sent twice, the second would wait for it.
    client = endpoint.client("lambda", read_timeout=910, retries={"max_attempts": 0})
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


def _make_artifact_bucket() -> None:
    """The bucket that samconfig.toml names for the local environment."""
    if endpoint.environment() != "local":
        return
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    bucket = settings["local"]["deploy"]["parameters"]["s3_bucket"]
    s3 = endpoint.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket)


def deploy() -> bool:
    """Bring the target's stack up to the sources; whether anything had to be done."""
    if not (ROOT / "template.yaml").exists():
        raise WorkbenchError(
            f"There is no template.yaml in {ROOT}: check the repository out again."
        )
    with _one_at_a_time():
        if _has_embedded_database():
            database.ensure_running()
        if is_current():
            return False
        wanted = fingerprint()
        _build(wanted)
        with step("deploying the stack"), _parameters() as parameters:
            _make_artifact_bucket()
            _run(
                ["sam", "deploy", "--config-env", endpoint.environment(), *parameters],
                home() / "logs" / "deploy.log",
                "`sam deploy` failed: mend what the end of its log names, "
                "then run `pitboss up` again.",
            )
        status = stack_status()
        if status is None:
            raise WorkbenchError(
                "`sam deploy` ended well but there is no stack: run `pitboss doctor`.",
                home() / "logs" / "deploy.log",
            )
        endpoint.forget()
        with step("migrating the database"):
            migrate()
        _deployed_file().parent.mkdir(parents=True, exist_ok=True)
        _deployed_file().write_text(json.dumps(_record(wanted, status[0])))
    return True

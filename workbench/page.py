"""The live page: served beside the local stack, and published to AWS."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

import typer

from workbench import emulator, endpoint
from workbench.console import WorkbenchError, out, step
from workbench.paths import ROOT, home
from workbench.processes import ProcessId, end_group, identify, is_running

_START_SECONDS = 20

page = typer.Typer(no_args_is_help=True, help="The live page.")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(page, name="page")


@dataclass(frozen=True)
class Running:
    """The process that serves the page of this home."""

    pid: int
    started: str
    port: int

    @property
    def process(self) -> ProcessId:
        """It leads a group of its own."""
        return ProcessId(self.pid, self.started)

    @classmethod
    def load(cls) -> Self | None:
        """What was started in this home and still runs."""
        try:
            found = cls(**json.loads(_state_file().read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return found if is_running(found.process) else None


def url(port: int | None = None) -> str:
    """Where the page of this home is served, or will be."""
    if port is None:
        running = Running.load()
        port = running.port if running else emulator.choose_page_port()
    return f"http://{emulator.HOST}:{port}/"


def start() -> str:
    """Have the page served, by the process that serves it already where there is one; its address.

    Raises:
        WorkbenchError: it does not answer.
    """
    running = Running.load()
    if running is not None:
        return url(running.port)
    port = emulator.choose_page_port()
    log = home() / "logs" / "page.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench.page_server", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PITBOSS_HOME": str(home())},
            start_new_session=True,
        )
    identity = identify(process.pid)
    if identity is None:
        raise WorkbenchError("The page's server ended as it started.", log)
    emulator.write_private(
        _state_file(), json.dumps(asdict(Running(identity.pid, identity.started, port)))
    )
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(port):
            return url(port)
        time.sleep(0.05)
    stop()
    raise WorkbenchError(f"The page's server does not answer at {url(port)}.", log)


def stop() -> bool:
    """End the process that serves the page of this home; whether there was one."""
    running = Running.load()
    _state_file().unlink(missing_ok=True)
    if running is None:
        return False
    if not end_group(running.process):
        raise WorkbenchError(f"Processes of the group {running.pid} do not end: end them by hand.")
    return True


def config() -> dict[str, str]:
    """`/config.json`: where the page signs people in, and where it listens."""
    found, where = endpoint.stack_outputs(), endpoint.target()
    # An emulator serves the user pool's pages at its own address.
    sign_in = where.endpoint or found["SignInUrl"]
    return {
        "client_id": found["UserPoolClientId"],
        "authorization_endpoint": f"{sign_in}/oauth2/authorize",
        "token_endpoint": f"{sign_in}/oauth2/token",
        "end_session_endpoint": f"{sign_in}/logout",
        "redirect_uri": found["PageUrl"],
        "live_url": endpoint.live_url(),
        "api": "/v1",
    }


@page.command("publish")
def publish() -> None:
    """Put the page's files where CloudFront serves them: once after each deploy (--env dev)."""
    from workbench import page_files

    found = endpoint.stack_outputs()
    if "PageBucketName" not in found:
        raise WorkbenchError(
            "The stack serves no page: deploy it with the parameters PageDomain and "
            "PageCertificateArn (docs/deploy.md), or use the one that `pitboss up` serves."
        )
    s3, bucket = endpoint.client("s3"), found["PageBucketName"]
    files = list(page_files.files())
    told = json.dumps(config(), indent=2).encode()
    files.append(page_files.PageFile("config.json", told, "application/json"))
    # What refers to others last: who loads the page meanwhile finds what it refers to.
    files.sort(key=lambda file: file.name.endswith(".html"))
    with step(f"putting {len(files)} files into {bucket}"):
        for file in files:
            s3.put_object(
                Bucket=bucket,
                Key=file.name,
                Body=file.content,
                ContentType=file.content_type,
                CacheControl=page_files.CACHE_CONTROL,
            )
        names = {file.name for file in files}
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for old in [item["Key"] for one in pages for item in one.get("Contents", [])]:
            if old not in names:
                s3.delete_object(Bucket=bucket, Key=old)
    with step("telling CloudFront"):
        endpoint.client("cloudfront").create_invalidation(
            DistributionId=found["PageDistributionId"],
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": ["/*"]},
                "CallerReference": f"publish-{time.time_ns()}",
            },
        )
    out.print(f"The page is at {found['PageUrl']}")


def _state_file() -> Path:
    return home() / "page.json"


def _answers(port: int) -> bool:
    connection = HTTPConnection(emulator.HOST, port, timeout=5)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True

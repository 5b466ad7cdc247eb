"""How the embedded AWS ends, and what is said where it does not save its state."""

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from workbench import emulator
from workbench.console import WorkbenchError
from workbench.emulator import launch
from workbench.processes import ProcessId, identify

IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)"


def test_its_server_ends_while_somebody_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ends() -> None:
        arrived = asyncio.Event()

        async def stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(stays, "127.0.0.1", 0)
        _, somebody = await asyncio.open_connection(*server.sockets[0].getsockname())
        await arrived.wait()
        server.close()
        await asyncio.wait_for(server.wait_closed(), 1)
        somebody.close()

    with pytest.raises(TimeoutError):
        asyncio.run(ends())
    monkeypatch.setattr(asyncio.Server, "wait_closed", asyncio.Server.wait_closed)  # as it was
    launch.mend_ending()

    asyncio.run(ends())


def test_what_is_not_saved_in_time_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", f"{IGNORES}; time.sleep(60)"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    remembered = identify(process.pid)
    assert isinstance(remembered, ProcessId)
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    monkeypatch.setattr(emulator, "_SAVE_TIMEOUT_SECONDS", 0.1)
    emulator.write_private(emulator._process_file(), json.dumps(asdict(remembered)))

    with pytest.raises(WorkbenchError, match="did not save its state within"):
        emulator.stop(save=True)

    process.wait()  # whoever of the two collects it
    assert identify(process.pid) is None
    assert emulator.stop(save=True) is False

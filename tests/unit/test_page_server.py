"""The page's server on the laptop: files with the headers of AWS, and requests passed on."""

import asyncio
import gzip
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from workbench import emulator, page_files, page_server
from workbench.paths import home

CONFIG = {
    "live_url": "ws://127.0.0.1:4566/_aws/execute-api/abc/local",
    "token_endpoint": "http://127.0.0.1:4566/oauth2/token",
}

type Client = TestClient


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of two files, in a home with no stack."""
    folder = tmp_path / "dashboard"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html>" + "<p>floor</p>" * 100)
    (folder / "package.json").write_text("{}")
    (tmp_path / "secret.js").write_text("no file of the page")
    monkeypatch.setattr(page_files, "FOLDER", folder)
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path / "home"))
    home().mkdir()
    return folder


class Api:
    """An API that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(
            (request.method, request.raw_path, dict(request.headers), await request.read())
        )
        headers = {"ETag": '"7"', "Cache-Control": "private, no-cache"}
        return web.json_response({"detail": "there is nothing"}, status=404, headers=headers)

    def server(self) -> TestServer:
        """It, to be started."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        return TestServer(app)


def visit(
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Client, Api], Awaitable[Any]],
    *,
    is_up: bool = True,
) -> Any:
    """What comes of asking a page's server whose stack is up, or is not."""

    async def run() -> Any:
        api = Api()
        async with api.server() as server:
            stack = page_server.Stack(str(server.make_url("/stage")), CONFIG)
            monkeypatch.setattr(page_server, "_look", lambda: stack if is_up else None)
            async with TestClient(
                TestServer(page_server.Door().app()), auto_decompress=False
            ) as client:
                return await ask(client, api)

    return asyncio.run(run())


async def _read(answer: ClientResponse) -> tuple[int, Mapping[str, str], bytes]:
    return answer.status, answer.headers, await answer.read()


def test_a_file_is_sent_compressed_and_once(monkeypatch: pytest.MonkeyPatch, page: Path) -> None:
    async def ask(client: Client, _: Api) -> Any:
        first = await _read(await client.get("/", headers={"Accept-Encoding": "gzip"}))
        tag = {"Accept-Encoding": "gzip", "If-None-Match": first[1]["ETag"]}
        again = await _read(await client.get("/", headers=tag))
        (page / "index.html").write_text("another")
        changed = await _read(await client.get("/", headers=tag))
        plain = await _read(await client.get("/", headers={"Accept-Encoding": "identity"}))
        return first, again, changed, plain

    first, again, changed, plain = visit(monkeypatch, ask)

    assert first[0] == 200
    assert first[1]["Content-Type"] == "text/html; charset=utf-8"
    assert gzip.decompress(first[2]).startswith(b"<!doctype html>")
    assert len(first[2]) < 200
    assert (again[0], again[2]) == (304, b"")
    assert gzip.decompress(changed[2]) == b"another"
    assert plain[2] == b"another"
    assert "Content-Encoding" not in plain[1]


def test_every_answer_has_the_headers_of_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(client: Client, _: Api) -> Any:
        return [await _read(await client.get(path)) for path in ("/", "/config.json", "/v1/floor")]

    for _, headers, _ in visit(monkeypatch, ask):
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
        assert "connect-src 'self' ws://127.0.0.1:4566 http://127.0.0.1:4566;" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "path", ["/package.json", "/..%2fsecret.js", "/../secret.js", "/nothing.js"]
)
def test_nothing_but_the_page_is_served(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    async def ask(client: Client, _: Api) -> Any:
        return (await client.get(path)).status

    assert visit(monkeypatch, ask) == 404


def test_a_request_is_passed_on_as_it_is_and_so_is_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask(client: Client, api: Api) -> Any:
        path = "/v1/players/p%2F1/sessions?cursor=a%2Bb"
        headers = {"Authorization": "Bearer t", "Idempotency-Key": "k", "Accept-Encoding": "gzip"}
        answer = await _read(await client.post(path, data=b"note", headers=headers))
        return answer, api.asked

    (status, headers, body), asked = visit(monkeypatch, ask)

    assert (status, body) == (404, b'{"detail": "there is nothing"}')
    assert headers["ETag"] == '"7"'
    assert headers["Cache-Control"] == "private, no-cache"
    [(method, path, sent, content)] = asked
    assert (method, path, content) == (
        "POST",
        "/stage/v1/players/p%2F1/sessions?cursor=a%2Bb",
        b"note",
    )
    assert sent["Authorization"] == "Bearer t"
    assert sent["Idempotency-Key"] == "k"


def test_without_a_stack_the_page_is_there_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(client: Client, _: Api) -> Any:
        return [(await client.get(path)).status for path in ("/", "/config.json", "/v1/floor")]

    assert visit(monkeypatch, ask, is_up=False) == [200, 503, 503]


def test_another_stack_is_found_when_it_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[int]:
        first, second = Api(), Api()
        found: list[int] = []
        async with first.server() as one, second.server() as other:
            door = page_server.Door().app()
            async with TestClient(TestServer(door)) as client:
                for server in (one, other):
                    stack = page_server.Stack(str(server.make_url("/s")), CONFIG)
                    monkeypatch.setattr(page_server, "_look", lambda stack=stack: stack)
                    emulator.state_file().write_text("{}")
                    moment = 1_000_000_000 * (1 + len(found))
                    os.utime(emulator.state_file(), ns=(moment, moment))
                    await client.get("/v1/floor")
                    found.append(len(first.asked) * 10 + len(second.asked))
        return found

    assert asyncio.run(run()) == [10, 11]


def test_a_stack_that_does_not_answer_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(client: Client, api: Api) -> Any:
        gone = page_server.Stack(f"http://127.0.0.1:{emulator.any_free_port()}/s", CONFIG)
        here = page_server._look()
        monkeypatch.setattr(page_server, "_look", lambda: gone)
        missed = (await client.get("/v1/floor")).status
        monkeypatch.setattr(page_server, "_look", lambda: here)
        return missed, (await client.get("/v1/floor")).status

    assert visit(monkeypatch, ask) == (503, 404)

"""`python -m workbench.page_server --port N`: the live page and the API under one address.

What CloudFront does on AWS (`PageDistribution` in the template): the page's files with the same
headers, and `/v1/*` passed on to the API. It outlives the stack that it serves: each request asks
the one that runs then, and is told that there is none where there is none.
"""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from workbench import emulator, endpoint, page, page_files
from workbench.console import WorkbenchError
from workbench.paths import home

_HOP_BY_HOP = frozenset(
    {"connection", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_OF_THE_BODY = frozenset({"content-encoding", "content-length", "date", "server"})
_API_SECONDS = 30
_WORTH_COMPRESSING_BYTES = 1_000
"""As CloudFront: what is smaller is sent as it is."""


class Stack(NamedTuple):
    """The stack that runs."""

    api_url: str
    config: dict[str, str]
    """`/config.json`."""

    @property
    def connects_to(self) -> tuple[str, ...]:
        """What the page reaches besides its own origin: the live API, and who gives tokens."""
        return tuple(origin_of(self.config[name]) for name in ("live_url", "token_endpoint"))


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


type Headers = Callable[[], Awaitable[dict[str, str]]]


def add_files(app: web.Application, headers: Headers) -> None:
    """Serve the page's files, with these headers."""
    kept: dict[str, tuple[page_files.PageFile, bytes | None]] = {}

    async def serve(request: web.Request) -> web.Response:
        name = request.match_info["name"] or "index.html"
        found = page_files.file(name)
        if found is None:
            raise web.HTTPNotFound
        if name not in kept or kept[name][0] != found:
            kept[name] = found, found.compressed()
        compressed = kept[name][1]
        is_smaller = compressed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
        tag = found.etag[:-1] + '-gzip"' if is_smaller else found.etag
        told = await headers() | {
            "ETag": tag,
            "Cache-Control": page_files.CACHE_CONTROL,
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=told)
        told["Content-Type"] = found.content_type
        if is_smaller:
            told["Content-Encoding"] = "gzip"
        return web.Response(body=compressed if is_smaller else found.content, headers=told)

    app.router.add_get("/{name:.*}", serve)


class Door:
    """Knows the stack that runs, and passes requests on to it."""

    def __init__(self) -> None:
        self._stack: Stack | None = None
        self._seen: object = None
        self._session: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """What is served."""
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_get("/config.json", self._config)
        app.router.add_route("*", "/v1/{path:.*}", self._pass_on)
        add_files(app, self._headers)
        app.on_startup.append(self._open)
        app.on_cleanup.append(self._close)
        return app

    async def _open(self, app: web.Application) -> None:
        self._session = aiohttp.ClientSession(
            auto_decompress=False, timeout=aiohttp.ClientTimeout(total=_API_SECONDS)
        )

    async def _close(self, app: web.Application) -> None:
        assert self._session is not None
        await self._session.close()

    async def stack(self) -> Stack | None:
        """The stack that runs; looked up again when another was started or deployed."""
        seen = _stamps()
        if self._stack is None or seen != self._seen:
            self._stack = await asyncio.to_thread(_look)
            self._seen = seen
        return self._stack

    async def _headers(self) -> dict[str, str]:
        stack = await self.stack()
        return page_files.headers(stack.connects_to if stack else ())

    async def _config(self, request: web.Request) -> web.Response:
        stack = await self.stack()
        if stack is None:
            return await self._no_stack()
        headers = await self._headers() | {"Cache-Control": "no-store"}
        return web.json_response(stack.config, headers=headers)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        stack = await self.stack()
        if stack is None:
            return await self._no_stack()
        assert self._session is not None
        kept = CIMultiDict(
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP | {"content-length", "accept-encoding"}
        )
        try:
            async with self._session.request(
                request.method,
                # As it came: a cursor or an id may have what another way of writing changes.
                f"{stack.api_url}{request.raw_path}",
                headers=kept,
                data=await request.read() if request.can_read_body else None,
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            self._stack = None  # it may have been started elsewhere meanwhile
            return await self._no_stack()
        headers = CIMultiDict(
            (name, value)
            for name, value in answer.headers.items()
            if name.lower() not in _HOP_BY_HOP | _OF_THE_BODY
        )
        headers.update(await self._headers())
        response = web.Response(status=answer.status, body=content, headers=headers)
        if len(content) >= _WORTH_COMPRESSING_BYTES:
            response.enable_compression()
        return response

    async def _no_stack(self) -> web.Response:
        problem = {
            "type": "about:blank",
            "title": HTTPStatus.SERVICE_UNAVAILABLE.phrase,
            "status": int(HTTPStatus.SERVICE_UNAVAILABLE),
            "detail": "no stack answers: run `pitboss up`",
        }
        return web.json_response(
            problem,
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": "1", "Cache-Control": "no-store"},
            content_type="application/problem+json",
        )


def _stamps() -> list[int]:
    """When the stack was last started, and last deployed."""

    def changed(path: Path) -> int:
        try:
            return path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    return [changed(path) for path in (emulator.state_file(), home() / "deployed.json")]


def _look() -> Stack | None:
    from botocore.exceptions import BotoCoreError, ClientError

    endpoint.forget()
    try:
        return Stack(endpoint.api_url(), page.config())
    except (WorkbenchError, BotoCoreError, ClientError):
        return None


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m workbench.page_server")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    print(json.dumps({"serving": page.url(port)}), flush=True)
    web.run_app(Door().app(), host=emulator.HOST, port=port, print=None)


if __name__ == "__main__":
    main()

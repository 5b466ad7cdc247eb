"""The front door: sign-in, documents, WebSocket, and faults on demand."""

import asyncio
import base64
import hashlib
import html
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import jwt
import msgspec
from aiohttp import WSMsgType, web
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.floor_mock import documents
from benchmarks.floor_mock import world as floor
from benchmarks.floor_mock.world import PROPERTY, World, now_ms
from pitboss.access import GROUPS, Action, Group
from pitboss.floor.documents import FloorChanged, without_players
from pitboss.floor.plan import FloorPlan, InvalidPlanError, check
from pitboss.floor.rows import MINUTE_MS
from pitboss.problems import PROBLEM_CONTENT_TYPE
from serve_maintenance.service import Verb as WorkVerb
from workbench import page_files, page_server

CLIENT_ID = "mock-client"
PUSH_EVERY_SECONDS = 0.5
STEP_SECONDS = 0.1
TOKEN_SECONDS = 3_600

_HASH = re.compile(r"'sha256-[^']*'")
_ANSWERS = {"accept": "accepted", "decline": "declined", "redeem": "redeemed"}
_VERBS = {
    **dict.fromkeys(("accept", "decline"), Action.ANSWER_OFFERS),
    "redeem": Action.REDEEM_OFFERS,
    "withhold": Action.WITHHOLD_OFFERS,
}


class FrontDoor:
    """Serves one world."""

    def __init__(self, world: World, *, port: int) -> None:
        self.world = world
        self.origin = f"http://127.0.0.1:{port}"
        self.is_moving = True
        self.push_every = PUSH_EVERY_SECONDS
        self.pushes = self.rows = 0
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, tuple[Group, str, str]] = {}
        self._refreshed: dict[str, Group] = {}
        self._sockets: dict[web.WebSocketResponse, frozenset[Action]] = {}
        self._status: tuple[int, float] | None = None
        self._silent_until = 0.0
        self._asleep_until = 0.0

    def app(self) -> web.Application:
        """The application; the page's own files are served as `pitboss up` serves them."""
        app = web.Application(middlewares=[self._faulty])
        get, post = app.router.add_get, app.router.add_post
        get("/config.json", self._config)
        get("/oauth2/authorize", self._sign_in)
        post("/oauth2/token", self._token)
        get("/logout", self._sign_out)
        get("/live", self._live)
        get("/mock", self._told)
        post("/mock", self._told)
        for method, path, action, answer in self._routes():
            app.router.add_route(method, path, self._route(action, answer))
        page_server.add_files(app, self._headers)
        app.cleanup_ctx.append(self._moving)
        return app

    async def _headers(self) -> dict[str, str]:
        """As on AWS, but for the hash of an import map that is being worked at."""
        told = page_files.headers((self.origin, f"ws{self.origin[4:]}"))
        index = page_files.file("index.html")
        found = index and page_files.import_map_hash(index.content.decode())
        policy = told["Content-Security-Policy"]
        told["Content-Security-Policy"] = _HASH.sub(f"'{found}'" if found else "", policy)
        return told

    # Sign-in.

    async def _config(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "client_id": CLIENT_ID,
                "authorization_endpoint": f"{self.origin}/oauth2/authorize",
                "token_endpoint": f"{self.origin}/oauth2/token",
                "end_session_endpoint": f"{self.origin}/logout",
                "redirect_uri": f"{self.origin}/",
                "live_url": f"ws{self.origin[4:]}/live",
                "api": "/v1",
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _sign_in(self, request: web.Request) -> web.Response:
        """A page with a button for each group; `login_hint=host` signs in at once."""
        query = request.query
        if query.get("client_id") != CLIENT_ID or query.get("code_challenge_method") != "S256":
            return web.Response(status=400, text="invalid_request: client_id, or no PKCE by S256")
        group = query.get("group") or query.get("login_hint")
        if group in set(Group):
            code = secrets.token_urlsafe(16)
            self._codes[code] = (Group(group), query["code_challenge"], query.get("nonce", ""))
            back = urlencode({"code": code, "state": query.get("state", "")})
            raise web.HTTPFound(f"{query['redirect_uri']}?{back}")
        links = "".join(
            f'<p><a href="?{html.escape(urlencode({**query, "group": one}))}">{one}</a></p>'
            for one in Group
        )
        text = f"<!doctype html><html lang=en><title>Sign in</title><h1>Sign in as</h1>{links}"
        return web.Response(text=text, content_type="text/html")

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("grant_type") == "refresh_token":
            group = self._refreshed.get(str(form.get("refresh_token")))
            if group is None:
                return web.json_response({"error": "invalid_grant"}, status=400)
            return web.json_response(self._tokens(group, "", None))
        found = self._codes.pop(str(form.get("code")), None)
        verifier = str(form.get("code_verifier", ""))
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if found is None or found[1] != challenge:
            return web.json_response({"error": "invalid_grant"}, status=400)
        refresh = secrets.token_urlsafe(24)
        self._refreshed[refresh] = found[0]
        return web.json_response(self._tokens(found[0], found[2], refresh))

    def _tokens(self, group: Group, nonce: str, refresh: str | None) -> dict[str, Any]:
        tokens = {
            "id_token": self.token(group, nonce),
            "access_token": "not-for-the-api",
            "expires_in": TOKEN_SECONDS,
            "token_type": "Bearer",
        }
        return tokens | ({"refresh_token": refresh} if refresh else {})

    def token(self, group: Group, nonce: str = "") -> str:
        """An ID token of somebody of a group."""
        now = int(time.time())
        claims = {
            "sub": f"sub-{group}",
            "iss": self.origin,
            "aud": CLIENT_ID,
            "token_use": "id",
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "cognito:username": f"{group}@example.com",
            "email": f"{group}@example.com",
            "cognito:groups": [group],
            "custom:property": PROPERTY,
        } | ({"nonce": nonce} if nonce else {})
        return jwt.encode(claims, self._key, algorithm="RS256")

    async def _sign_out(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query.get("logout_uri", "/"))

    def _actions(self, token: str) -> frozenset[Action] | None:
        try:
            claims = jwt.decode(
                token, self._key.public_key(), algorithms=["RS256"], audience=CLIENT_ID
            )
        except jwt.InvalidTokenError:
            return None
        groups = claims["cognito:groups"]
        return frozenset().union(*(GROUPS[Group(group)] for group in groups))

    # Faults on demand.

    async def _told(self, request: web.Request) -> web.Response:
        """`drop=1`, `silent=SECONDS`, `sleep=SECONDS`, `status=401&seconds=5`, `rate=N`,
        `moving=0`, `fault=MACHINE`; what was pushed so far.
        """
        query, now = request.query, time.monotonic()
        if "drop" in query:
            for socket in list(self._sockets):
                await socket.close(code=1012)
        self._silent_until = max(self._silent_until, now + float(query.get("silent", 0)))
        self._asleep_until = max(self._asleep_until, now + float(query.get("sleep", 0)))
        if "status" in query:
            self._status = (int(query["status"]), now + float(query.get("seconds", 5)))
        if "rate" in query:
            self.world.rate = float(query["rate"])
        if "moving" in query:
            self.is_moving = query["moving"] != "0"
        if "fault" in query:
            self.world._raise(self.world.machines[query["fault"]], now_ms())
        told = {
            "pushes": self.pushes,
            "rows": self.rows,
            "clients": len(self._sockets),
            "machines": len(self.world.machines),
        }
        return web.json_response(told)

    @web.middleware
    async def _faulty(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if request.path.startswith("/v1/"):
            delay = self._asleep_until - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            if self._status and time.monotonic() < self._status[1]:
                return _problem(self._status[0], "as was asked for")
        return await handler(request)

    # The WebSocket.

    async def _live(self, request: web.Request) -> web.StreamResponse:
        protocols = [
            p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        ]
        token = next((one for one in protocols if one != "pitboss.v1"), "")
        actions = self._actions(token)
        if actions is None or "pitboss.v1" not in protocols:
            return _problem(401, "no token as a subprotocol")
        if self._status and time.monotonic() < self._status[1]:
            return _problem(self._status[0], "as was asked for")
        socket = web.WebSocketResponse(protocols=["pitboss.v1"])
        await socket.prepare(request)
        self._sockets[socket] = actions
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            self._sockets.pop(socket, None)
        return socket

    async def _moving(self, app: web.Application) -> AsyncIterator[None]:
        async def move() -> None:
            pushed = time.monotonic()
            while True:
                await asyncio.sleep(STEP_SECONDS)
                if not self.is_moving:
                    self.world._stepped = now_ms()
                    continue
                self.world.step(now_ms())
                if time.monotonic() - pushed >= self.push_every:
                    pushed = time.monotonic()
                    await self._push()

        task = asyncio.create_task(move())
        yield
        task.cancel()
        for socket in list(self._sockets):
            await socket.close(code=1001)

    async def _push(self) -> None:
        parts = self.world.changes(now_ms())
        if time.monotonic() < self._silent_until:
            return
        for number, part in enumerate(floor.messages(parts), 1):
            named = {name: getattr(part, name) for name in part.__struct_fields__}
            whole = msgspec.json.encode(FloorChanged(**named, part=number)).decode()
            named["sums"] = without_players(part.sums)
            bare = msgspec.json.encode(FloorChanged(**named, part=number)).decode()
            self.pushes += 1
            self.rows += len(part.sums) + len(part.conditions)
            for socket, actions in list(self._sockets.items()):
                text = whole if Action.READ_RATINGS in actions else bare
                try:
                    await asyncio.wait_for(socket.send_str(text), 0.3)
                except (TimeoutError, ConnectionError):
                    self._sockets.pop(socket, None)

    # The API.

    def _route(
        self,
        action: Action,
        answer: Callable[[web.Request, frozenset[Action]], object],
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            actions = self._actions(
                request.headers.get("Authorization", "").removeprefix("Bearer ")
            )
            if actions is None:
                return _problem(401, "sign in")
            allowed = actions | (
                {Action.READ_MACHINES} if Action.READ_RATINGS in actions else set()
            )
            if action not in allowed:
                return _problem(403, f"this needs {action}")
            if request.can_read_body:
                await request.read()
            found = answer(request, actions)
            if found is None:
                return _problem(404, "there is nothing here by that id")
            if isinstance(found, web.Response):
                return found
            return web.Response(
                body=msgspec.json.encode(found),
                content_type="application/json",
                headers={"Cache-Control": "private, no-cache"},
            )

        return handle

    def _routes(self) -> list[tuple[str, str, Action, Callable[..., object]]]:
        world = self.world

        def asset(request: web.Request) -> str:
            return request.match_info["asset_id"]

        def who(request: web.Request) -> str:
            return request.match_info["player_id"]

        return [
            ("GET", "/v1/floor/live", Action.READ_FLOOR, self._live_floor),
            ("GET", "/v1/floor/plan", Action.READ_FLOOR, lambda r, a: world.plan),
            ("PUT", "/v1/floor/plan", Action.WRITE_FLOOR, self._put_plan),
            (
                "GET",
                "/v1/floor/players",
                Action.READ_RATINGS,
                lambda r, a: world.players(now_ms(), int(r.query.get("limit", 200))),
            ),
            ("GET", "/v1/floor/minutes", Action.READ_FLOOR, self._minutes),
            ("GET", "/v1/floor/hours", Action.READ_FLOOR, lambda r, a: world.hours()),
            ("GET", "/v1/alerts", Action.READ_FLOOR, self._alerts),
            (
                "POST",
                "/v1/alerts/{alert_id}/acknowledge",
                Action.ANSWER_ALERTS,
                self._acknowledge,
            ),
            (
                "GET",
                "/v1/machines/{asset_id}",
                Action.READ_MACHINES,
                lambda r, a: documents.machine(world, asset(r)),
            ),
            (
                "GET",
                "/v1/machines/{asset_id}/ledger",
                Action.READ_RATINGS,
                lambda r, a: documents.machine_ledger(world, asset(r), now_ms()),
            ),
            (
                "GET",
                "/v1/players/{player_id}",
                Action.READ_RATINGS,
                lambda r, a: documents.player(world, who(r), now_ms()),
            ),
            (
                "GET",
                "/v1/players/{player_id}/sessions",
                Action.READ_RATINGS,
                lambda r, a: documents.sessions(world, who(r), now_ms()),
            ),
            (
                "GET",
                "/v1/players/{player_id}/offers",
                Action.READ_OFFERS,
                lambda r, a: documents.offers(world, who(r), now_ms()),
            ),
            (
                "GET",
                "/v1/players/{player_id}/bill-ins",
                Action.READ_BILLS,
                lambda r, a: {
                    "player_id": who(r),
                    "bills": world.bills(who(r), now_ms()),
                    "next": None,
                },
            ),
            *(
                (
                    "POST",
                    f"/v1/players/{{player_id}}/offers/{{offer_id}}/{verb}",
                    action,
                    self._answer_offer(verb),
                )
                for verb, action in _VERBS.items()
            ),
            ("GET", "/v1/audit", Action.READ_AUDIT, lambda r, a: {"entries": [], "next": None}),
            (
                "GET",
                "/v1/shufflers",
                Action.READ_SHUFFLERS,
                lambda r, a: documents.all_shufflers(world, now_ms()),
            ),
            (
                "GET",
                "/v1/shufflers/{asset_id}",
                Action.READ_SHUFFLERS,
                lambda r, a: documents.shuffler(world, asset(r), now_ms()),
            ),
            (
                "GET",
                "/v1/shufflers/{asset_id}/history",
                Action.READ_SHUFFLERS,
                lambda r, a: documents.shuffler_history(world, asset(r)),
            ),
            ("GET", "/v1/tables/paces", Action.READ_SHUFFLERS, lambda r, a: documents.paces(world)),
            (
                "GET",
                "/v1/maintenance",
                Action.READ_MAINTENANCE,
                lambda r, a: documents.maintenance(world, now_ms()),
            ),
            (
                "GET",
                "/v1/maintenance/{id}",
                Action.READ_MAINTENANCE,
                lambda r, a: documents.recommendation(world, r.match_info["id"], now_ms()),
            ),
            *(
                (
                    "POST",
                    f"/v1/maintenance/{{id}}/{verb}",
                    Action.ANSWER_MAINTENANCE,
                    self._answer_work(verb),
                )
                for verb in WorkVerb
            ),
        ]

    def _live_floor(self, request: web.Request, actions: frozenset[Action]) -> object:
        live = self.world.live(now_ms())
        if Action.READ_RATINGS in actions:
            return live
        return msgspec.structs.replace(live, sums=without_players(live.sums))

    def _put_plan(self, request: web.Request, actions: frozenset[Action]) -> object:
        try:
            plan = msgspec.json.decode(request._read_bytes or b"", type=FloorPlan)
            check(plan)
        except (msgspec.MsgspecError, InvalidPlanError) as fault:
            return _problem(400, str(fault))
        version = self.world.plan.version + 1
        self.world.plan = msgspec.structs.replace(plan, version=version)
        return self.world.plan

    def _minutes(self, request: web.Request, actions: frozenset[Action]) -> object:
        """The minutes from `from` to `to` (epoch ms); the last hour where they are absent."""
        newest = self.world.newest_minute
        first = int(request.query.get("from", (newest - 59) * MINUTE_MS)) // MINUTE_MS
        last = int(request.query.get("to", newest * MINUTE_MS)) // MINUTE_MS
        return self.world.minutes(first, last)

    def _alerts(self, request: web.Request, actions: frozenset[Action]) -> object:
        return {"alerts": [*self.world.alerts.values()][::-1], "next": None}

    def _acknowledge(self, request: web.Request, actions: frozenset[Action]) -> object:
        note = json.loads(request._read_bytes or b"{}").get("note", "")
        by = "somebody@example.com"
        return self.world.acknowledge(request.match_info["alert_id"], by, note, now_ms())

    def _answer_offer(self, verb: str) -> Callable[..., object]:
        def answer(request: web.Request, actions: frozenset[Action]) -> object:
            seat = self.world.at_machine(request.match_info["player_id"])
            offer_id = request.match_info["offer_id"]
            if seat is None or seat.offer is None or seat.offer[0] != offer_id:
                return None
            seat.offer_status = _ANSWERS.get(verb, "withdrawn")
            self.world.count_offer(seat.offer_status)
            now = now_ms()
            return {
                "offer_id": offer_id,
                "status": seat.offer_status,
                "at": now,
                "expires_at": now + 3_600_000,
            }

        return answer

    def _answer_work(self, verb: WorkVerb) -> Callable[..., object]:
        def answer(request: web.Request, actions: frozenset[Action]) -> object:
            wanted, now = request.match_info["id"], now_ms()
            if documents.recommendation(self.world, wanted, now) is None:
                return None
            self.world.recommendations[wanted] = {"status": verb.status, "updated_at": now}
            return {
                "recommendation_id": wanted,
                "status": verb.status,
                "at": now,
                "by": "somebody@example.com",
            }

        return answer


def _problem(status: int, detail: str) -> web.Response:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "correlation_id": secrets.token_hex(8),
    }
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type=PROBLEM_CONTENT_TYPE
    )

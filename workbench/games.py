"""Simulated games: they listen for offers, show them, and their players answer after a while.

A game does what a real one has to (docs/live.md): it opens a WebSocket for its machines, fetches
what there is once that is open, and again whenever it is told that something changed. Whether a
player accepts is chance, by the offer's id and a seed.
"""

import heapq
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import batched
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol, Self

import typer

from workbench.console import UsageError, WorkbenchError, out, print_json, say

if TYPE_CHECKING:
    import httpx

ACCEPTANCE = 0.6
THINK_SECONDS = (0.3, 2.0)
PING_SECONDS = 300.0
"""API Gateway closes a connection that is silent for ten minutes."""

_AT_ONCE = 4
_FIRST_PAUSE_SECONDS = 0.2
_MAX_PAUSE_SECONDS = 5.0


class Api(Protocol):
    """Calls the API as the games' principal; see `workbench.client.PitbossClient`."""

    def get(self, path: str) -> "httpx.Response": ...
    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> "httpx.Response": ...


class Player(NamedTuple):
    """How players answer."""

    seed: int = 1
    acceptance: float = ACCEPTANCE
    """Share of offers that are accepted; those are redeemed as well."""
    think_seconds: tuple[float, float] = THINK_SECONDS
    """From when an offer is shown to the answer, and from that to redeeming it: least and most."""

    def answer(self, offer_id: str) -> tuple[str, float]:
        """What is answered to an offer, and after how many seconds: the same for the same offer."""
        chance = random.Random(f"{self.seed}/{offer_id}")
        verb = "accept" if chance.random() < self.acceptance else "decline"
        return verb, chance.uniform(*self.think_seconds)


class Heard(NamedTuple):
    """A message of the live API."""

    kind: str
    asset_id: str
    at: float
    """Of the monotonic clock, in seconds."""


class _Answer(NamedTuple):
    """What a player is about to do. The earliest is the least."""

    due: float
    verb: str
    offer: Mapping[str, Any]

    def __lt__(self, other: Any) -> bool:  # noqa: ANN401 - as tuples have it
        return bool(self.due < other.due)


class Games:
    """The games of some machines, in threads of their own until they are closed."""

    def __init__(
        self,
        api: Api,
        player: Player = Player(),  # noqa: B008 - a tuple
        *,
        on_heard: Callable[[Heard], object] = lambda heard: None,
        on_shown: Callable[[Mapping[str, Any], float], object] = lambda offer, at: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            api: fetches and answers offers; safe to share between threads.
            player: how offers are answered.
            on_heard: told of each message.
            on_shown: told of each offer that is shown for the first time, and when.
            clock: seconds.
        """
        self.counts: Counter[str] = Counter()
        """Messages by their type, offers shown, answers by their verb, and those not taken; what is
        unanswered was gone before the player had thought about it."""
        self._api = api
        self._player = player
        self._on_heard = on_heard
        self._on_shown = on_shown
        self._clock = clock
        self._closed = threading.Event()
        self._changed = threading.Condition()
        self._answers: list[_Answer] = []
        self._shown: set[str] = set()
        self._screens: dict[str, str] = {}
        """The offer that a machine shows."""
        self._threads: list[threading.Thread] = []
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._start(self._answer_in_time)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Switch the games off. Answers that are due later are never given."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=5)
        self._pool.shutdown(cancel_futures=True)

    def listen(
        self, url: str, headers: Callable[[], dict[str, str]], assets: Iterable[str]
    ) -> None:
        """Open connections for machines; returns once they are open and what there is was fetched.

        Args:
            url: the WebSocket API's address.
            headers: makes the headers of a handshake, with a fresh token.
            assets: asset numbers.

        Raises:
            WorkbenchError: a connection is not let in.
        """
        from pitboss.stores.connections import MOST_MACHINES

        opened: list[Future[None]] = []
        for machines in batched(assets, MOST_MACHINES, strict=False):
            opened.append(Future())
            address = f"{url}?machines={','.join(machines)}"
            self._start(self._listen, address, headers, machines, opened[-1])
        for one in opened:
            if (fault := one.exception()) is not None:
                raise WorkbenchError(
                    f"The live API at {url} does not let the games in ({fault}): see "
                    "`pitboss logs connect_live_clients` and `pitboss gateways list`."
                )

    def fetch(self, asset_id: str) -> None:
        """Look what a machine's screen may show now, and have its player think about it."""
        response = self._api.get(f"/v1/machines/{asset_id}/offer")
        if response.status_code != 200:
            with self._changed:
                self.counts["fetches refused"] += 1
            return
        offer = response.json()["offer"]
        if offer is None:
            return
        at = self._clock()
        with self._changed:
            self._screens[asset_id] = offer["offer_id"]
            if offer["offer_id"] in self._shown:
                return
            self._shown.add(offer["offer_id"])
            self.counts["shown"] += 1
            verb, seconds = self._player.answer(offer["offer_id"])
            heapq.heappush(self._answers, _Answer(at + seconds, verb, offer))
            self._changed.notify_all()
        self._on_shown(offer, at)

    def hear(self, message: str | bytes) -> None:
        """Take a message of the live API: what is gone is dark at once; then look what there is."""
        said = json.loads(message)
        if "asset_id" not in said:
            return  # API Gateway's own, of a ping that no route took
        heard = Heard(said["type"], said["asset_id"], self._clock())
        with self._changed:
            self.counts[heard.kind] += 1
            if heard.kind == "offer.gone":
                self._screens.pop(heard.asset_id, None)
        self._on_heard(heard)
        if not self._closed.is_set():
            self._pool.submit(self._fetch_or_tell, heard.asset_id)

    def _fetch_or_tell(self, asset_id: str) -> None:
        try:
            self.fetch(asset_id)
        except WorkbenchError as fault:
            say(str(fault))

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(
        self,
        url: str,
        headers: Callable[[], dict[str, str]],
        machines: tuple[str, ...],
        opened: "Future[None]",
    ) -> None:
        from websockets.exceptions import ConnectionClosed, WebSocketException
        from websockets.sync.client import connect

        attempt = 0
        while not self._closed.is_set():
            try:
                with connect(url, additional_headers=headers(), open_timeout=60) as socket:
                    # What was decided before the connection was there was told to nobody.
                    list(self._pool.map(self._fetch_or_tell, machines))
                    if not opened.done():
                        opened.set_result(None)
                    attempt = 0
                    self._hear_all(socket)
            except ConnectionClosed:
                pass  # two hours are over, or the stack is
            except (OSError, WebSocketException) as fault:
                if not opened.done():
                    opened.set_exception(fault)
                    return
            attempt += 1
            self._closed.wait(min(_MAX_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt))

    def _hear_all(self, socket: Any) -> None:  # noqa: ANN401 - imported late
        pinged = self._clock()
        while not self._closed.is_set():
            try:
                self.hear(socket.recv(timeout=0.2))
            except TimeoutError:
                if self._clock() - pinged > PING_SECONDS:
                    pinged = self._clock()
                    socket.send('{"action": "ping"}')

    def _answer_in_time(self) -> None:
        while not self._closed.is_set():
            with self._changed:
                now = self._clock()
                if not self._answers or self._answers[0].due > now:
                    self._changed.wait(self._answers[0].due - now if self._answers else None)
                    continue
                answer = heapq.heappop(self._answers)
                if not self._is_possible(answer):
                    self.counts["unanswered"] += 1
                    continue
            try:
                self._give(answer)
            except WorkbenchError as fault:
                say(str(fault))

    def _is_possible(self, answer: _Answer) -> bool:
        """Whether the player still sees what the answer is to. An accepted offer is theirs."""
        offer = answer.offer
        return answer.verb == "redeem" or self._screens.get(offer["asset_id"]) == offer["offer_id"]

    def _give(self, answer: _Answer) -> None:
        offer, verb = answer.offer, answer.verb
        path = f"/v1/players/{offer['player_id']}/offers/{offer['offer_id']}/{verb}"
        key = {"Idempotency-Key": f"{offer['offer_id']}.{verb}"}
        response = self._api.send("POST", path, headers=key)
        is_taken = response.status_code == 200
        with self._changed:
            self.counts[verb if is_taken else f"{verb} refused"] += 1
            if is_taken and verb == "accept":
                _, seconds = self._player.answer(f"{offer['offer_id']}/redeem")
                later = _Answer(self._clock() + seconds, "redeem", offer)
                heapq.heappush(self._answers, later)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("games")(games)


def games(
    property_id: Annotated[str, typer.Option("--property", help="Whose floor it is.")] = "P1",
    machines: Annotated[
        str, typer.Option(help="Asset numbers with commas between. Default: the floor's.")
    ] = "",
    acceptance: Annotated[
        float, typer.Option(min=0, max=1, help="Share of offers that players accept.")
    ] = ACCEPTANCE,
    seed: Annotated[int, typer.Option(min=0, help="The same seed answers alike.")] = 1,
    seconds: Annotated[
        int | None, typer.Option(min=1, help="How long. Default: until Ctrl-C.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Be the games of a floor: listen for offers, show them, and answer as players would.

    Beside `pitboss simulate --live`, which makes the play that offers follow from.
    """
    from workbench import endpoint, gateways, measure
    from workbench.client import PitbossClient

    player = Player(seed, acceptance)
    chosen = [part.strip().lstrip("0") for part in machines.split(",") if part.strip()]
    with measure.reader(property_id) as reader:
        floor = measure.read(reader, "/v1/floor") or {"machines": []}
    chosen = chosen or [machine["asset_id"] for machine in floor["machines"]]
    if not chosen:
        raise UsageError(f"Nothing was ever played at {property_id}: name --machines.")
    signer = measure.signer_of(gateways.workbench_games(property_id))

    def shown(offer: Mapping[str, Any], at: float) -> None:
        say(f"machine {offer['asset_id']} shows {offer['player_id']}: {offer['text']}")

    with (
        PitbossClient(endpoint.api_url(), signer) as client,
        Games(client, player, on_shown=shown) as running,
    ):
        running.listen(endpoint.live_url(), signer.headers, chosen)
        say(f"{len(chosen)} games listen")
        try:
            threading.Event().wait(seconds)
        except KeyboardInterrupt:
            say("switching the games off")
        counts = dict(sorted(running.counts.items()))
    if as_json:
        print_json(counts)
    else:
        for name, count in counts.items():
            out.print(f"{name}: {count}")

"""Simulated games: they ask when they are told to, and once they are there; players answer once."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.sync.server import ServerConnection, serve

from workbench.console import WorkbenchError
from workbench.games import Games, Player
from workbench.measure import wait_until

AT_ONCE = (0.0, 0.01)
YES, NO = Player(1, 1.0, AT_ONCE), Player(1, 0.0, AT_ONCE)
NEVER = Player(1, 1.0, (60, 60))
READY, GONE = "offer.ready", "offer.gone"


class Offers:
    """What machines may show, and what was asked of it."""

    def __init__(self) -> None:
        self.at: dict[str, str] = {}
        self.answers: list[tuple[str, str]] = []
        self.refused: set[str] = set()
        self.fetched: list[str] = []
        self._lock = threading.Lock()

    def get(self, path: str) -> httpx.Response:
        asset_id = path.split("/")[3]
        with self._lock:
            self.fetched.append(asset_id)
        name = self.at.get(asset_id)
        offer = {"offer_id": name, "player_id": "p-1", "asset_id": asset_id, "text": "Dinner"}
        return httpx.Response(200, json={"offer": None if name is None else offer})

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        verb = path.rpartition("/")[2]
        with self._lock:
            self.answers.append((path, (headers or {})["Idempotency-Key"]))
        return httpx.Response(409 if verb in self.refused else 200, json={})


def message(kind: str, asset_id: str = "7") -> str:
    return json.dumps({"type": kind, "asset_id": asset_id})


@pytest.fixture
def offers() -> Offers:
    return Offers()


def until(games: Games, **counts: int) -> None:
    found = {name.replace("_", " "): count for name, count in counts.items()}
    assert wait_until(lambda: found.items() <= games.counts.items(), 5, 0.005), games.counts


def test_an_offer_is_shown_accepted_and_redeemed(offers: Offers) -> None:
    offers.at["7"] = "o-1"
    with Games(offers, YES) as games:
        games.hear(message(READY))
        until(games, shown=1, accept=1, redeem=1)

    place = "/v1/players/p-1/offers/o-1"
    assert offers.answers == [(f"{place}/accept", "o-1.accept"), (f"{place}/redeem", "o-1.redeem")]


def test_an_offer_is_declined(offers: Offers) -> None:
    offers.at["7"] = "o-1"
    with Games(offers, NO) as games:
        games.hear(message(READY))
        until(games, decline=1)

    assert len(offers.answers) == 1


def test_an_offer_is_answered_once_however_often_it_is_told_of(offers: Offers) -> None:
    offers.at["7"] = "o-1"
    with Games(offers, NO) as games:
        for _ in range(5):
            games.hear(message(READY))
        until(games, decline=1)
        assert wait_until(lambda: len(offers.fetched) == 5, 5)
        assert games.counts["shown"] == 1


def test_there_may_be_nothing_by_the_time_it_is_fetched(offers: Offers) -> None:
    with Games(offers, YES) as games:
        games.hear(message(READY))
        assert wait_until(lambda: offers.fetched == ["7"], 5)

    assert (games.counts, offers.answers) == ({READY: 1}, [])


def test_what_is_gone_is_not_answered(offers: Offers) -> None:
    offers.at["7"] = "o-1"
    with Games(offers, Player(1, 1.0, (0.2, 0.2))) as games:
        games.hear(message(READY))
        until(games, shown=1)
        del offers.at["7"]
        games.hear(message(GONE))
        until(games, unanswered=1)

    assert offers.answers == []


def test_a_new_offer_survives_late_word_that_the_old_one_is_gone(offers: Offers) -> None:
    offers.at["7"] = "o-2"
    with Games(offers, Player(1, 0.0, (0.2, 0.2))) as games:
        games.hear(message(READY))
        until(games, shown=1)
        games.hear(message(GONE))
        until(games, decline=1)


def test_an_answer_that_is_refused_is_counted_so(offers: Offers) -> None:
    offers.at["7"], offers.refused = "o-1", {"redeem"}
    with Games(offers, YES) as games:
        games.hear(message(READY))
        until(games, accept=1, redeem_refused=1)


def test_players_answer_alike_by_the_seed_and_about_as_often_as_said() -> None:
    names = [f"o-{n}" for n in range(2_000)]
    answers = [Player(7).answer(name) for name in names]

    assert answers == [Player(7).answer(name) for name in names]
    assert answers != [Player(8).answer(name) for name in names]
    accepted = sum(verb == "accept" for verb, _ in answers)
    assert 1_100 < accepted < 1_300
    assert all(0.3 <= seconds <= 2 for _, seconds in answers)


def test_games_that_are_closed_answer_nothing_more(offers: Offers) -> None:
    offers.at["7"] = "o-1"
    with Games(offers, NEVER) as games:
        games.hear(message(READY))
        until(games, shown=1)

    assert offers.answers == []


# --- connections ----------------------------------------------------------------------------------


class Live:
    """A live API on this machine: what was asked of it, and a way to speak to who listens."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.sockets: list[ServerConnection] = []


@contextmanager
def live(status: int = 101) -> Iterator[Live]:
    found: list[Live] = []

    def opened(socket: ServerConnection) -> None:
        for _ in socket:
            pass

    def asked(socket: ServerConnection, request: Any) -> Any:
        """Note who asks before they are answered: later, the games would be ahead of the note."""
        if status != 101:
            return socket.respond(status, "no")
        found[0].asked.append(request.path)
        found[0].sockets.append(socket)
        return None

    with serve(opened, "127.0.0.1", 0, process_request=asked) as server:
        port = server.socket.getsockname()[1]
        found.append(Live(f"ws://127.0.0.1:{port}/local"))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found[0]
        for socket in found[0].sockets:
            socket.close()


def test_games_ask_once_they_are_there_and_when_they_are_told(offers: Offers) -> None:
    offers.at["8"] = "o-1"
    with live() as api, Games(offers, NEVER) as games:
        games.listen(api.url, dict, ["7", "8"])
        assert api.asked == ["/local?machines=7,8"]
        until(games, shown=1)
        offers.at["7"] = "o-2"
        api.sockets[0].send(message(READY, "7"))
        until(games, shown=2)

    assert sorted(offers.fetched) == ["7", "7", "8"]


def test_many_machines_share_connections(offers: Offers) -> None:
    with live() as api, Games(offers, NEVER) as games:
        games.listen(api.url, dict, [str(n) for n in range(1, 131)])

        assert sorted(len(path.split(",")) for path in api.asked) == [2, 64, 64]


def test_a_connection_that_ended_is_opened_again_and_what_was_missed_is_fetched(
    offers: Offers,
) -> None:
    with live() as api, Games(offers, NEVER) as games:
        games.listen(api.url, dict, ["7"])
        offers.at["7"] = "o-1"
        api.sockets[0].close()
        until(games, shown=1)

    assert len(api.asked) == 2


def test_games_that_are_not_let_in_say_so(offers: Offers) -> None:
    with (
        live(403) as api,
        Games(offers, NEVER) as games,
        pytest.raises(WorkbenchError, match="does not let the games in"),
    ):
        games.listen(api.url, dict, ["7"])

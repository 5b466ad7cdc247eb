"""Who listens for which machine, on DynamoDB in memory; messages to them, over a real socket."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pitboss.stores.connections import (
    MOST_MACHINES,
    MOST_SECONDS,
    Connection,
    DynamoConnections,
    Listener,
    LiveApi,
    UndeliveredError,
    Watch,
    Watcher,
    management_url,
)
from tests.fakes.network import tables
from workbench.proof.network import ENVIRONMENT, Network

NOW = 1_767_225_600_000
AT_7 = ("north", "7")


def connection(name: str = "c-1", *assets: str, **fields: Any) -> Connection:
    given: dict[str, Any] = {"principal_id": "games", "property_id": "north", "connected_at": NOW}
    return Connection(name, assets=frozenset(assets or {"7"}), **given | fields)


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(NOW, "connections") as made:
        yield made


@pytest.fixture
def store(network: Network) -> DynamoConnections:
    return _store()


@cache
def _store() -> DynamoConnections:
    """One for all tests: making its client takes longer than a test."""
    return DynamoConnections("connections", "us-east-1")


def items(network: Network) -> list[Any]:
    return [
        (item["pk"]["S"], item["sk"]["S"])
        for item in network.dynamodb.tables["connections"].items()
    ]


def test_a_connection_listens_for_each_of_its_machines_and_no_other(
    store: DynamoConnections,
) -> None:
    store.add(connection("c-1", "7", "8"))
    store.add(connection("c-2", "7", connected_at=NOW + 5))

    assert store.listening(*AT_7, NOW) == [Listener("c-1", NOW), Listener("c-2", NOW + 5)]
    assert store.listening("north", "8", NOW) == [Listener("c-1", NOW)]
    assert store.listening("north", "9", NOW) == []
    assert store.listening("south", "7", NOW) == []


def test_what_is_removed_leaves_nothing(store: DynamoConnections, network: Network) -> None:
    store.add(connection("c-1", "7", "8"))
    store.add(connection("c-2", "7"))
    assert len(items(network)) == 7

    assert store.remove("c-1") is True
    assert store.remove("c-1") is False

    assert store.listening(*AT_7, NOW) == [Listener("c-2", NOW)]
    assert store.remove("c-2") is True
    assert items(network) == []


def test_a_connection_that_must_have_ended_counts_for_nothing(store: DynamoConnections) -> None:
    store.add(connection())
    last = NOW + MOST_SECONDS * 1_000 - 1

    assert (len(store.listening(*AT_7, last)), store.count("games", last)) == (1, 1)
    assert (store.listening(*AT_7, last + 1), store.count("games", last + 1)) == ([], 0)


def watching(name: str = "w-1", until: int = NOW // 1_000 + 600, **fields: Any) -> Connection:
    given: dict[str, Any] = {"principal_id": "rosa", "property_id": "north", "connected_at": NOW}
    watch = Watch(fields.pop("sees_players", False), until)
    return Connection(name, assets=frozenset(), watch=watch, **given | fields)


def test_who_watches_the_floor_is_found_by_property(store: DynamoConnections) -> None:
    until = NOW // 1_000 + 600
    store.add(watching("w-1"))
    store.add(watching("w-2", connected_at=NOW + 5, sees_players=True))
    store.add(watching("w-3", property_id="south"))
    store.add(connection("c-1", "7"))

    assert store.watching("north", NOW) == [
        Watcher("w-1", NOW, False, until),
        Watcher("w-2", NOW + 5, True, until),
    ]
    assert store.listening(*AT_7, NOW) == [Listener("c-1", NOW)], "and listens for no machine"
    assert (store.count("rosa", NOW), store.watching("east", NOW)) == (3, [])


def test_who_watches_and_goes_leaves_nothing(store: DynamoConnections, network: Network) -> None:
    store.add(watching())
    assert len(items(network)) == 3

    assert (store.remove("w-1"), store.remove("w-1")) == (True, False)
    assert items(network) == []


def test_a_watcher_is_found_after_their_token_has_ended_and_not_after_the_connection_must_have(
    store: DynamoConnections,
) -> None:
    """Whoever sends has to close the first."""
    store.add(watching(until=NOW // 1_000 + 60))
    store.add(watching("w-2", until=NOW // 1_000 + 10_000))
    end = NOW // 1_000 + MOST_SECONDS

    found = store.watching("north", NOW + 61_000)
    assert [one.expires for one in found] == [NOW // 1_000 + 60, end]
    assert store.watching("north", end * 1_000) == []


def test_dynamodb_forgets_every_item_of_it(store: DynamoConnections, network: Network) -> None:
    store.add(connection("c-1", "7", "8"))
    expires = {item["expires"]["N"] for item in network.dynamodb.tables["connections"].items()}

    assert expires == {str(NOW // 1_000 + 7_200)}


def test_connections_are_counted_by_principal(store: DynamoConnections) -> None:
    for number in range(3):
        store.add(connection(f"c-{number}", str(number)))
    store.add(connection("c-9", principal_id="other"))

    assert (store.count("games", NOW), store.count("other", NOW)) == (3, 1)
    assert store.count("nobody", NOW) == 0


def test_as_many_machines_as_a_connection_may_have_fit(
    store: DynamoConnections, network: Network
) -> None:
    store.add(connection("c-1", *map(str, range(1, MOST_MACHINES + 1))))

    assert len(items(network)) == MOST_MACHINES + 2
    assert store.remove("c-1")
    assert items(network) == []


def test_more_connections_than_a_page_holds_are_all_found(
    store: DynamoConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = store._client.query

    def in_pages(**asked: Any) -> Any:
        return whole(**asked, Limit=2)

    for number in range(5):
        store.add(connection(f"c-{number}"))
    monkeypatch.setattr(store._client, "query", in_pages)

    assert len(store.listening(*AT_7, NOW)) == 5


# --- messages -------------------------------------------------------------------------------------

type Reply = Callable[[BaseHTTPRequestHandler], object]


def status(code: int, error: str = "") -> Reply:
    def reply(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        if error:
            request.send_header("x-amzn-ErrorType", error)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return reply


@contextmanager
def live_api(reply: Reply) -> Iterator[tuple[LiveApi, list[tuple[str, bytes]]]]:
    """A management API on this machine, and what it was sent."""
    seen: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            reply(self)

        def do_DELETE(self) -> None:
            seen.append((self.path, b""))
            reply(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield LiveApi(f"{address}/_aws/execute-api/l1v2e3/dev", "us-east-1"), seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("keys")
def test_a_message_is_posted_to_its_connection() -> None:
    with live_api(status(200)) as (api, seen):
        assert api.send("L0SM9cOFvHcCIhw=", b'{"type":"offer.ready"}') is True

    ((path, body),) = seen
    assert path.startswith("/_aws/execute-api/l1v2e3/dev/@connections/L0SM9cOFvHcCIhw")
    assert json.loads(body) == {"type": "offer.ready"}


@pytest.mark.usefixtures("keys")
def test_a_connection_that_is_gone_is_told_from_one_that_was_not_reached() -> None:
    with live_api(status(410, "GoneException")) as (api, _):
        assert api.send("c-1", b"{}") is False
    for code, error in ((429, "LimitExceededException"), (403, "ForbiddenException"), (500, "")):
        with live_api(status(code, error)) as (api, seen), pytest.raises(UndeliveredError):
            api.send("c-1", b"{}")
        assert len(seen) == 1, "one try"


@pytest.mark.usefixtures("keys")
def test_a_connection_is_closed_and_one_that_is_gone_is_closed_enough() -> None:
    for code, error in ((204, ""), (410, "GoneException")):
        with live_api(status(code, error)) as (api, seen):
            api.close("c-1")
        assert seen == [("/_aws/execute-api/l1v2e3/dev/@connections/c-1", b"")]
    with live_api(status(500)) as (api, _), pytest.raises(UndeliveredError):
        api.close("c-1")


@pytest.mark.usefixtures("keys")
def test_nobody_waits_long_for_an_api_that_does_not_answer() -> None:
    closed = threading.Event()
    with live_api(lambda _: str(closed.wait(10))) as (api, _):
        began = time.monotonic()
        with pytest.raises(UndeliveredError):
            api.send("c-1", b"{}")
        assert time.monotonic() - began < 4
        closed.set()
    with pytest.raises(UndeliveredError):  # nothing listens there any more
        api.send("c-1", b"{}")


def test_where_connections_are_managed() -> None:
    url = "https://a1b2.execute-api.eu-central-1.amazonaws.com/prod"

    assert management_url(url, None) == url
    assert management_url(url, "http://127.0.0.1:9") == (
        "http://127.0.0.1:9/_aws/execute-api/a1b2/prod"
    )

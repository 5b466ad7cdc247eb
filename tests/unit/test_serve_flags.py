"""Flags, and that a player is exposed once, on DynamoDB in memory."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.access import Action, Kind, Principal
from pitboss.experiments.assignment import assigned, register, stop
from pitboss.stores.experiments import (
    PARTS,
    ChangedMeanwhileError,
    DynamoExperiments,
    Exposure,
)
from serve_flags import handler as http
from serve_flags.service import ROUTE, FlagsOfExperiment, serve
from tests.fakes.network import tables
from tests.sample_events import asked, load
from tests.unit.test_experiments import experiment
from workbench.proof.network import Call, Fault, Kill, Killed, Lose, Network, Refuse

NOW = 1_592_277_300_000
DAY = 86_400_000


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(NOW, "experiments") as made:
        yield made


@pytest.fixture
def store(network: Network) -> DynamoExperiments:
    return _store()


@cache
def _store() -> DynamoExperiments:
    """One for all tests: making its client takes longer than a test."""
    return DynamoExperiments("experiments", "us-east-1")


def applied(store: DynamoExperiments, key: str, share: int = 10_000, **changed: Any) -> None:
    """An experiment that is registered."""
    wanted = experiment(key, share, **{"layer": key} | changed)
    book = store.book(wanted.property_id)
    store.register(book, register(book.experiments, wanted, NOW))


# --- the store ------------------------------------------------------------------------------------


def test_what_is_registered_is_found_by_its_status(store: DynamoExperiments) -> None:
    applied(store, "one")
    applied(store, "two", status="draft")
    book = store.book("north")

    assert (book.revision, [one.experiment.key for one in book.experiments]) == (2, ["two", "one"])
    assert [one.experiment.key for one in store.running("north")] == ["one"]
    assert store.running("south") == []
    (one,) = store.running("north")
    store.register(book, stop(one, NOW + 1))
    assert store.running("north") == []
    assert [found.experiment.status for found in store.book("north").experiments] == [
        "draft",
        "stopped",
    ]


def test_of_two_at_once_the_second_is_told(store: DynamoExperiments) -> None:
    book = store.book("north")
    applied(store, "one", layer="lobby")

    with pytest.raises(ChangedMeanwhileError):
        store.register(book, register(book.experiments, experiment("two"), NOW))
    assert [one.experiment.key for one in store.running("north")] == ["one"]


def test_a_registration_whose_answer_is_lost_stands(
    store: DynamoExperiments, network: Network
) -> None:
    wanted = register((), experiment("one"), NOW)
    faults: list[Fault | None] = [Lose(effect=True)]
    network.fault = lambda call: (
        faults.pop() if faults and call.operation == "TransactWriteItems" else None
    )
    store.register(store.book("north"), wanted)

    assert store.running("north") == [wanted]


def test_exposures_are_found_by_player_and_by_experiment(store: DynamoExperiments) -> None:
    for number in range(40):
        store.expose("north", Exposure("one", f"p-{number}", "v1", 0, NOW + 40 - number))
    store.expose("north", Exposure("two", "p-1", "v0", 1, NOW))
    store.expose("north", Exposure("one", "p-1", "v0", 3, NOW + 99))  # which stands already

    assert store.exposures("north", "p-1", ["one", "two", "three"]) == {
        "one": Exposure("one", "p-1", "v1", 0, NOW + 39),
        "two": Exposure("two", "p-1", "v0", 1, NOW),
    }
    assert store.exposures("north", "p-1", []) == {}
    found = store.exposed("north", "one")
    assert [one.player_id for one in found] == [f"p-{number}" for number in reversed(range(40))]
    assert store.exposed("south", "one") == []


def test_exposures_are_spread(store: DynamoExperiments, network: Network) -> None:
    for number in range(100):
        store.expose("north", Exposure("one", f"p-{number}", "v1", 0, NOW))

    partitions = {item["pk"]["S"] for item in network.dynamodb.tables["experiments"].items()}
    assert len(partitions) == PARTS


# --- the use case ---------------------------------------------------------------------------------


def test_a_player_is_shown_all_they_are_in_and_exposed_to_it_once(
    store: DynamoExperiments, network: Network
) -> None:
    applied(store, "one")
    applied(store, "two")
    applied(store, "three", status="draft")
    first = serve(store, "north", "p-1", NOW)
    network.calls.clear()
    again = serve(store, "north", "p-1", NOW + DAY)

    assert (first.exposed, again.exposed) == (2, 0)
    assert first.document == again.document
    assert [one.experiment for one in first.document.experiments] == ["one", "two"]
    assert network.calls == {("dynamodb", "Query"): 1, ("dynamodb", "BatchGetItem"): 1}
    assert [one.at for one in store.exposed("north", "one")] == [NOW]


def test_what_runs_no_more_is_shown_to_nobody(store: DynamoExperiments) -> None:
    applied(store, "one")
    book = store.book("north")
    store.register(book, stop(book.experiments[0], NOW))

    assert serve(store, "north", "p-1", NOW).document.experiments == []
    assert store.exposed("north", "one") == []


FAULTS: tuple[Fault, ...] = (
    Kill(after=False),
    Kill(after=True),
    Lose(effect=True),
    Lose(effect=False),
    Refuse("ThrottlingException"),
)
asks = st.lists(
    st.tuples(st.sampled_from(["p-1", "p-2", "p-3"]), st.integers(0, 5), st.sampled_from(FAULTS)),
    min_size=1,
    max_size=8,
)


def kept(network: Network) -> list[tuple[str, str, tuple[str, int], int]]:
    """Exposures as they are stored: experiment, player, where they are, and when."""
    return sorted(
        (
            item["pk"]["S"].split("/")[2],
            item["sk"]["S"],
            (item["variant"]["S"], int(item["block"]["N"])),
            int(item["at"]["N"]),
        )
        for item in network.dynamodb.tables["experiments"].items()
        if "/exposures/" in item["pk"]["S"]
    )


def asked_for(given_asks: Sequence[tuple[str, int, Fault]], *, is_disturbed: bool) -> Any:
    """What players were shown and exposed to, each of whom asks until there is an answer."""
    left, fault = -1, FAULTS[0]

    def strike(call: Call) -> Fault | None:
        nonlocal left
        left -= 1
        return fault if left == -1 else None

    with tables(NOW, "experiments") as network:
        store = _store()
        applied(store, "one")
        applied(store, "two", weights=(2_000, 8_000))
        book = store.book("north")
        network.fault = strike
        shown, stood = [], dict[tuple[str, str], int]()
        for number, (player_id, strikes_at, fault) in enumerate(given_asks):  # noqa: B007 - strike
            left = strikes_at + 1 if is_disturbed else -1
            try:
                served = serve(store, "north", player_id, NOW + 10 * number)
            except (Killed, ClientError, BotoCoreError):
                left = -1
                served = serve(store, "north", player_id, NOW + 10 * number + 1)
            left = -1
            shown.append(served.document)
            for key, who, _, at in kept(network):
                # Whatever stands is never moved, and nobody is there who did not ask.
                assert stood.setdefault((key, who), at) == at
                first = min(n for n, ask in enumerate(given_asks) if ask[0] == who)
                assert at - (NOW + 10 * first) in (0, 1)
        exposed = [(key, who, place) for key, who, place, _ in kept(network)]
        by_key = {one.experiment.key: one for one in book.experiments}
        for key, player_id, place in exposed:
            found = assigned(by_key[key], player_id)
            assert found is not None
            assert place == (found.variant.key, found.block)
    return shown, exposed


@settings(max_examples=15, deadline=None)
@given(asks)
def test_a_player_is_exposed_once_whatever_goes_wrong(
    given_asks: list[tuple[str, int, Fault]],
) -> None:
    assert asked_for(given_asks, is_disturbed=True) == asked_for(given_asks, is_disturbed=False)


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def wiring(store: DynamoExperiments, monkeypatch: pytest.MonkeyPatch) -> DynamoExperiments:
    given_now = SimpleNamespace(experiments=store, now=lambda: NOW)
    monkeypatch.setattr(http, "_wiring", lambda: given_now)
    return store


def call(event: Any) -> tuple[int, Any]:
    answer = http.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def principal(property_id: str = "north", *scopes: Action, assets: Any = None) -> Principal:
    return Principal("games", Kind.SERVICE, property_id, assets, frozenset(scopes))


@pytest.mark.parametrize("case", load("serve_flags"))
def test_a_game_is_told_what_to_show(wiring: DynamoExperiments, case: str) -> None:
    applied(wiring, "one", flags="warm.welcome")
    status, body = call(load("serve_flags")[case])

    assert status == 200
    (found,) = [FlagsOfExperiment(**one) for one in body["experiments"]]
    assert (body["property_id"], body["player_id"], found.experiment) == ("north", "p-81", "one")
    assert found.flags == {"warm.welcome": int(found.variant[1:])}
    assert [one.player_id for one in wiring.exposed("north", "one")] == ["p-81"]


@pytest.mark.parametrize(
    ("caller", "player_id"),
    [
        (principal("north", Action.READ_RATINGS), "p-81"),
        (principal("north", Action.READ_FLAGS, assets=frozenset({"7"})), "p-81"),
        (principal("north", Action.READ_FLAGS), "no player"),
        (principal("north", Action.READ_FLAGS), ""),
    ],
    ids=["scope", "assets", "id", "nobody"],
)
def test_who_may_not_ask_is_exposing_nobody(
    wiring: DynamoExperiments, caller: Principal, player_id: str
) -> None:
    applied(wiring, "one")
    status, body = call(asked(ROUTE, caller, player_id=player_id))

    assert (status, body["title"]) == (404, "Not Found")
    assert wiring.exposed("north", "one") == []


def test_another_propertys_experiments_are_not_there(wiring: DynamoExperiments) -> None:
    applied(wiring, "one")
    _, body = call(asked(ROUTE, principal("south", Action.READ_FLAGS), player_id="p-81"))

    assert body["experiments"] == []
    assert wiring.exposed("south", "one") == wiring.exposed("north", "one") == []


def test_a_busy_table_is_to_be_asked_again(
    wiring: DynamoExperiments, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(wiring, "one")
    asked_of = wiring._client.batch_get_item
    monkeypatch.setattr(
        wiring._client,
        "batch_get_item",
        lambda **wanted: (
            asked_of(**wanted) | {"Responses": {}, "UnprocessedKeys": wanted["RequestItems"]}
        ),
    )
    answer = http.handler(load("serve_flags")["player"], None)

    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "1")
    assert wiring.exposed("north", "one") == []

"""What a floor needs before anybody there can be made an offer: lists, proven players, a catalogue.

Used by `pitboss demo`, by the benchmark of offers and by their tests on the stack.
"""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.console import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pitboss.offers.gate import ListName
    from pitboss.stores.standings import DynamoStandings
    from workbench.client import PitbossClient
    from workbench.simulation import FloorPlan

JURISDICTION = "US-NV"
_BY = "workbench"
_DAY_MS = 86_400_000
_PATIENCE_SECONDS = 120.0


def standings() -> "DynamoStandings":
    """The standings of the deployed stack."""
    from pitboss.stores.standings import DynamoStandings
    from workbench import endpoint

    found = endpoint.stack_outputs()
    return DynamoStandings(
        found["StandingsTableName"],
        found["RatingsTableName"],
        endpoint.target().region or endpoint.DEFAULT_REGION,
        client=endpoint.client("dynamodb"),
    )


def admit(
    property_id: str,
    players: Iterable[str],
    listed: "Mapping[ListName, Iterable[str]] | None" = None,
) -> None:
    """Prove age and residence of players, and import every list as of now.

    Args:
        property_id: whose.
        players: who may be made offers, as far as the lists go.
        listed: who is on which list; a list that is not named is empty.
    """
    from pitboss.offers.gate import ListName
    from pitboss.offers.lists import Patron, Span

    store, now = standings(), time.time_ns() // 1_000_000
    patrons = {player: Patron(0, JURISDICTION) for player in players}
    store.import_patrons(property_id, patrons, at=now, by=_BY)
    for name in ListName:
        on_it = {player: Span(0, None) for player in (listed or {}).get(name, ())}
        store.import_list(property_id, name, on_it, now, at=now, by=_BY)


def play_yesterday(
    sender: "PitbossClient", reader: "PitbossClient", plan: "FloorPlan", minutes: int = 5
) -> None:
    """Play some minutes a day before, so that players are worth something when they come.

    Args:
        sender: a gateway of the property.
        reader: reads its ratings.
        plan: of the floor that will be played.
        minutes: how many.
    """
    from dataclasses import replace

    from workbench import measure
    from workbench.event_files import FileFormat
    from workbench.replay import cut, replay
    from workbench.simulation import Floor

    floor = Floor(replace(plan, start=plan.start - _DAY_MS, minutes=minutes, seed=plan.seed + 1))
    events = cut(measure.feed(floor.events()), max_events=500, groups=4)
    replay(sender, events, FileFormat.ACRES_SAS, connections=2)
    games = floor.ledger.contract()["totals"]["games"]
    if not measure.wait_until(lambda: measure.games_rated(reader) >= games, _PATIENCE_SECONDS):
        raise WorkbenchError("The day before is not rated: see `pitboss logs rate_players`.")


def apply_catalogue(client: "PitbossClient", catalogue: Mapping[str, Any]) -> str:
    """Put a catalogue in force, whatever was in force before; its version.

    Raises:
        WorkbenchError: it is refused.
    """
    path = "/v1/offers/catalogue"
    tag = client.get(path).headers.get("ETag")
    headers = {"If-Match": tag} if tag else {"If-None-Match": "*"}
    body = json.dumps(catalogue).encode()
    answer = client.send("PUT", path, body, {"Content-Type": "application/json", **headers})
    if answer.status_code != 200:
        raise WorkbenchError(f"The catalogue is refused ({answer.status_code}): {answer.text}")
    version: str = answer.json()["version"]
    return version


@contextmanager
def host(property_id: str) -> "Iterator[PitbossClient]":
    """A client that keeps the catalogue and sees offers as a host does."""
    from workbench import endpoint, gateways, measure
    from workbench.client import PitbossClient

    signer = measure.signer_of(gateways.workbench_host(property_id))
    with PitbossClient(endpoint.api_url(), signer) as client:
        yield client


@contextmanager
def games(property_id: str) -> "Iterator[PitbossClient]":
    """A client that fetches and answers offers as games do."""
    from workbench import endpoint, gateways, measure
    from workbench.client import PitbossClient

    signer = measure.signer_of(gateways.workbench_games(property_id))
    with PitbossClient(endpoint.api_url(), signer) as client:
        yield client

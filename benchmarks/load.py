"""A seeded floor as the stream carries it: what the figures of the rating path are measured on.

A simulated floor of 189 machines plays near 250 events a second. Five in a hundred of its events
are held up on their way by up to ten seconds, two in a hundred come a second time within ten. They
are packed as the front door packs them, a record a machine and post, and cut into the batches that
`rate_players` is invoked with.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

import yaml

from ingest_slot_events.reading import ENVELOPES, format_of
from pitboss.events.batch import BatchHeader, pack
from pitboss.events.slot import MeteredEvent
from workbench.paths import ROOT
from workbench.simulation import Floor, FloorPlan
from workbench.simulation.envelopes import envelope_line
from workbench.simulation.ledger import Ledger, Play

MACHINES = 189
PLAYERS = 150
GATEWAYS = 12
"""Each with the machines of a few banks: 16 of 189."""

MINUTES = 10
SEED = 1

DUPLICATE_SHARE = 0.02
HELD_UP_SHARE = 0.05
HELD_UP_MS = 10_000

EVENTS_A_POST = 500
"""Most that the front door takes in one post."""

MAX_BATCH_BYTES = 6 * 1024 * 1024 * 9 // 10
"""Most that Lambda is invoked with, less what a record's own attributes take."""

type Totals = dict[str, dict[str, list[int]]]
"""Games, coin-in and coin-out in cents and theoretical win in ten-thousandths of a cent, of
`machines` and of `players`, by "<gaming day>/<id>"; none of what was not played."""


class Arrival(NamedTuple):
    """An event as it reaches the front door. Sorts in the order of arrival."""

    at: int
    """Epoch milliseconds."""
    number: int
    gateway: str
    asset_id: str
    line: bytes
    """Its envelope as JSON."""


class Record(NamedTuple):
    """A record of the stream."""

    at: int
    """When it was written, epoch milliseconds."""
    data: str
    """Base64, as Lambda gets it."""
    events: int

    @property
    def bytes(self) -> bytes:
        """As it is on the stream."""
        return b64decode(self.data)


class Load(NamedTuple):
    """A floor's events in the order of their arrival, and what is true about them."""

    property_id: str
    arrivals: list[Arrival]
    truth: Totals
    games: int

    @property
    def seconds(self) -> float:
        """From the first arrival to the last."""
        return (self.arrivals[-1].at - self.arrivals[0].at) / 1_000


def load(
    machines: int = MACHINES, players: int = PLAYERS, minutes: int = MINUTES, seed: int = SEED
) -> Load:
    """Play a floor and send its events on their way."""
    plan = FloorPlan(machines, players, minutes, seed)
    floor = Floor(plan)
    chance = Random(seed)
    gateways = {
        machine.asset_id: f"gateway-{index * GATEWAYS // machines + 1}"
        for index, machine in enumerate(floor.machines)
    }
    arrivals: list[Arrival] = []
    for event in floor.events():
        line = envelope_line(event, plan.property_id)
        at = event.cache_time
        if chance.random() < HELD_UP_SHARE:
            at += int(chance.random() * HELD_UP_MS)
        times = [at]
        if chance.random() < DUPLICATE_SHARE:
            times.append(at + int(chance.random() * HELD_UP_MS))
        asset_id = event.machine.asset_id
        for moment in times:
            arrivals.append(Arrival(moment, len(arrivals), gateways[asset_id], asset_id, line))
    arrivals.sort()
    totals = floor.ledger.contract()["totals"]
    return Load(plan.property_id, arrivals, truth_of(floor.ledger), totals["games"])


def truth_of(ledger: Ledger) -> Totals:
    """What the ledger says, by machine, player and gaming day."""
    truth: Totals = {"machines": {}, "players": {}}
    for day in ledger.days():
        plays: dict[str, dict[str, Play]] = {
            "machines": ledger.by_machine(day),
            "players": {player: play for player, (_, play) in ledger.by_player(day).items()},
        }
        for kind, found in plays.items():
            for identity, play in found.items():
                if play.games:
                    truth[kind][f"{day}/{identity}"] = [
                        play.games,
                        play.coin_in_cents,
                        play.coin_out_cents,
                        play.theoretical_units,
                    ]
    return truth


def differences(found: Totals, truth: Totals) -> list[str]:
    """Where totals are not the truth, a line each."""
    lines = []
    for kind in ("machines", "players"):
        for key in sorted(found[kind].keys() | truth[kind].keys()):
            is_, should = found[kind].get(key), truth[kind].get(key)
            if is_ is None or should is None or list(is_) != list(should):
                lines.append(f"{kind} {key}: {is_}, not {should}")
    return lines


def each_second(arrival: Arrival) -> int:
    """Posts of a gateway that sends every second what it has."""
    return arrival.at // 1_000


def full_posts() -> Callable[[Arrival], int]:
    """Posts of gateways that wait until a post is full."""
    seen: dict[str, int] = {}

    def post_of(arrival: Arrival) -> int:
        number = seen[arrival.gateway] = seen.get(arrival.gateway, -1) + 1
        return number // EVENTS_A_POST

    return post_of


def records(events: Load, post_of: Callable[[Arrival], int]) -> list[Record]:
    """The stream, in order: of each post a record for every machine in it, packed as the front door
    does, which leaves out what comes twice in one post.
    """
    read = format_of(ENVELOPES).read
    posts: dict[tuple[str, int], list[Arrival]] = {}
    for arrival in events.arrivals:
        posts.setdefault((arrival.gateway, post_of(arrival)), []).append(arrival)
    result = []
    for (gateway, _), post in posts.items():
        at = post[-1].at
        by_asset: dict[str, dict[bytes, MeteredEvent]] = {}
        for arrival in post:
            known = by_asset.setdefault(arrival.asset_id, {})
            if arrival.line not in known:
                known[arrival.line] = read(arrival.line).event
        for asset_id, read_events in by_asset.items():
            header = BatchHeader(events.property_id, asset_id, at, gateway, "pitboss")
            packed = pack(header, list(read_events), list(read_events.values()))
            result.append(Record(at, b64encode(packed).decode(), len(read_events)))
    return sorted(result, key=lambda record: record.at)


def json_records(events: Load) -> list[Record]:
    """The stream of everyone else: an event a record, as JSON."""
    return [Record(arrival.at, b64encode(arrival.line).decode(), 1) for arrival in events.arrivals]


def batches(
    stream: Iterable[Record], flush_seconds: float, most_records: int
) -> Iterator[list[Record]]:
    """What Lambda is invoked with: all that came within a flush interval from the first record on,
    or what a batch takes.
    """
    batch: list[Record] = []
    size = 0
    for record in stream:
        if batch and (
            record.at >= batch[0].at + flush_seconds * 1_000
            or len(batch) == most_records
            or size + len(record.data) > MAX_BATCH_BYTES
        ):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.data)
    if batch:
        yield batch


def batch_size() -> int:
    """Records that `rate_players` is invoked with at most, as the template has it."""
    template = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), _Loader)
    functions = template["Resources"]["RatePlayersFunction"]["Properties"]
    return int(functions["Events"]["SlotEvents"]["Properties"]["BatchSize"])


class _Loader(yaml.SafeLoader):
    """Reads a template, whose functions (`!Ref`) are of no interest here."""


def _ignored(loader: yaml.Loader, suffix: str, node: yaml.Node) -> Any:  # noqa: ANN401
    return None


_Loader.add_multi_constructor("!", _ignored)

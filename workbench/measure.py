"""Measuring the running stack through its front door: what is stored, and how soon.

Used by `pitboss demo`, by the benchmarks and by the tests of the whole floor.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from decimal import Decimal
from itertools import batched, takewhile
from queue import Full, Queue
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from workbench.client import PitbossClient
from workbench.console import UsageError, WorkbenchError
from workbench.event_files import FileFormat
from workbench.replay import FeedEvent
from workbench.simulation import Event, Floor, facts
from workbench.simulation.packets import packet_line

if TYPE_CHECKING:
    from pitboss.access import Principal
    from workbench.signing import Signer

START_UP_MS = 10_000
"""How long a simulated floor takes to put up its machines."""


def gateway(property_id: str) -> AbstractContextManager[PitbossClient]:
    """A client that may send for all machines of a property."""
    return _client("workbench_gateway", property_id)


def reader(property_id: str) -> AbstractContextManager[PitbossClient]:
    """A client that may read a property's ratings."""
    return _client("workbench_service", property_id)


def host(property_id: str) -> AbstractContextManager[PitbossClient]:
    """A client that is a host of a property."""
    return _client("workbench_host", property_id)


def planner(property_id: str) -> AbstractContextManager[PitbossClient]:
    """A client that may change a property's floor plan."""
    return _client("workbench_planner", property_id)


def technician(property_id: str) -> AbstractContextManager[PitbossClient]:
    """A client that is a technician of a property."""
    return _client("workbench_technician", property_id)


def reviewer(property_id: str) -> AbstractContextManager[PitbossClient]:
    """A client that decides what is suspected at a property."""
    return _client("workbench_reviewer", property_id)


def analyst(property_id: str) -> AbstractContextManager[PitbossClient]:
    """A client that searches a studio's events."""
    return _client("workbench_analyst", property_id)


def studio(property_id: str) -> AbstractContextManager[PitbossClient]:
    """A client that sends games' events of a property, and reads their metrics."""
    return _client("workbench_studio", property_id)


@contextmanager
def _client(who: str, property_id: str) -> Iterator[PitbossClient]:
    from workbench import endpoint, gateways

    signer = signer_of(getattr(gateways, who)(property_id))
    with PitbossClient(endpoint.api_url(), signer) as client:
        yield client


def signer_of(principal: "Principal") -> "Signer":
    """What signs as a principal of the workbench's own, which is registered where it is not."""
    from workbench import gateways
    from workbench.signing import Signer

    return Signer(principal.principal_id, gateways.ensure(principal), gateways.audience())


def feed(events: Iterable[Event]) -> Iterator[FeedEvent]:
    """A floor's events as gateway packets, for `workbench.replay.cut`."""
    for event in events:
        yield FeedEvent(packet_line(event), event.machine.asset_id, event.occurred_at, True)


def read(client: PitbossClient, path: str) -> dict[str, Any] | None:
    """A document, or None where there is none.

    Raises:
        UsageError: what is asked for is refused; the API says why.
        WorkbenchError: any other answer.
    """
    response = client.get(path)
    if response.status_code == 404:
        return None
    if response.status_code in (401, 403):
        raise WorkbenchError(
            f"GET {path} answered {response.status_code}: see whether the workbench's reader is "
            "registered with `pitboss services list`, and check this machine's clock."
        )
    if response.status_code == 400:
        raise UsageError(f"{response.json()['detail']}.")
    if response.status_code != 200:
        is_of_shufflers = path.startswith(("/v1/shufflers", "/v1/tables"))
        function = "ServeShufflersFunction" if is_of_shufflers else "ReadRatingsFunction"
        raise WorkbenchError(
            f"GET {path} answered {response.status_code}: see `pitboss logs {function}`."
        )
    document: dict[str, Any] = response.json()
    return document


_KINDS = (("machines", "asset_id"), ("players", "player_id"))


_SUMS = (
    *("games", "incomplete_games", "coin_in_cents", "coin_out_cents", "handpaid_cents"),
    *("gaps", "meter_difference_cents"),
)
_COMPARED = (*_SUMS, "theoretical_win")


def total_of(days: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A machine's or player's days as one: counts, cents and theoretical win."""
    plays = [day["play"] for day in days]
    total: dict[str, Any] = {name: sum(play[name] for play in plays) for name in _SUMS}
    total["theoretical_win"] = sum((Decimal(play["theoretical_win"]) for play in plays), Decimal(0))
    return total


def games_rated(client: PitbossClient) -> int:
    """Games of every machine's newest gaming day: what grows as play is rated."""
    floor = read(client, "/v1/floor") or {"machines": []}
    return sum(machine["play"]["games"] for machine in floor["machines"])


def wait_until(is_so: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Whether something came true before the deadline."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def ratings(client: PitbossClient, ledger: dict[str, Any]) -> dict[str, Any]:
    """The stored ratings of every machine and player of a ledger, in the ledger's own form."""
    days = sorted(day["day"] for day in ledger.get("days", ()))
    stored: dict[str, Any] = {"days": [{"day": day} for day in days]}
    for kind, identity in _KINDS:
        stored[kind] = []
        for table in stored["days"]:
            table[kind] = []
        for truth in ledger[kind]:
            document = read(client, f"/v1/{kind}/{truth[identity]}")
            played = document["days"] if document else []
            stored[kind].append({identity: truth[identity], **total_of(played)})
            for table in stored["days"]:
                of_day = [day for day in played if day["gaming_day"] == table["day"]]
                table[kind].append({identity: truth[identity], **total_of(of_day)})
    return stored


def differences(stored: dict[str, Any], ledger: dict[str, Any]) -> list[str]:
    """Where stored ratings differ from a ledger of what is true: a line each, none if equal.

    Whatever sums the ledger has, of all play and by gaming day, theoretical win to the
    ten-thousandth of a cent.
    """
    found = _differences(stored, ledger, "")
    days = {table["day"]: table for table in stored.get("days", ())}
    for table in ledger.get("days", ()):
        found += _differences(days[table["day"]], table, f" on {table['day']}")
    return found


def _differences(stored: dict[str, Any], ledger: dict[str, Any], when: str) -> list[str]:
    found = []
    for kind, identity in _KINDS:
        truths = {truth[identity]: truth for truth in ledger[kind]}
        for rating in stored[kind]:
            truth = truths.get(rating[identity], {})
            for name in _COMPARED:
                expected = truth.get(name, 0 if not truth else rating[name])
                if Decimal(rating[name]) != Decimal(expected):
                    who = f"{kind[:-1]} {rating[identity]}{when}"
                    found.append(f"{who}: {name} is {rating[name]}, not {expected}")
    return found


def stored_items(property_id: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Every item of a property in the ratings table, by its key without the property."""
    from workbench import endpoint

    pages = (
        endpoint.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=endpoint.stack_outputs()["RatingsTableName"], ConsistentRead=True)
    )
    found = {}
    for page in pages:
        for item in page["Items"]:
            owner, _, place = item.pop("pk")["S"].partition("/")
            if owner == property_id:
                found[place, item["sk"]["S"]] = item
    return found


def wait_until_idle(seconds: float = 60) -> None:
    """Wait until the rating function has read what is on the stream: its items stop changing."""
    from workbench import endpoint

    table = endpoint.stack_outputs()["RatingsTableName"]
    dynamodb = endpoint.client("dynamodb")
    seen: list[Any] = []

    def is_unchanged() -> bool:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        seen.append([page["Items"] for page in pages])
        return len(seen) > 1 and seen[-1] == seen[-2]

    wait_until(is_unchanged, seconds, every=1.0)


class Latency(Struct):
    """From the start of a POST until a read shows what it brought; seconds."""

    samples: list[float]
    events: int
    seconds: float

    def percentile(self, percent: float) -> float:
        """The value that this share of the samples does not exceed."""
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    def as_json(self) -> dict[str, Any]:
        """Milliseconds and counts."""
        return {
            "samples": len(self.samples),
            "events_per_second": round(self.events / self.seconds, 1),
            "p50_ms": round(self.percentile(50) * 1000, 1),
            "p95_ms": round(self.percentile(95) * 1000, 1),
            "max_ms": round(max(self.samples) * 1000, 1),
        }


def latency(
    floor: Floor,
    sender: PitbossClient,
    client: PitbossClient,
    *,
    seconds: float,
    events_per_second: float,
    events_a_post: int = 50,
    on_progress: Callable[[float], object] = lambda _: None,
) -> Latency:
    """Play a floor at a steady rate and time its games from POST to readable rating.

    One game at a time is followed, while all the others go in. A floor that was never played
    before is needed: games known already are rated already.
    """
    games: Counter[str] = Counter()
    for machine in (read(client, "/v1/floor") or {"machines": []})["machines"]:
        games[machine["asset_id"]] = machine["play"]["games"]
    probes: Queue[tuple[float, str, int] | None] = Queue(1)
    samples: list[float] = []
    prober = threading.Thread(target=_probe, args=(client, probes, samples), daemon=True)
    prober.start()

    def post(batch: tuple[Event, ...]) -> Counter[str]:
        ended = Counter(e.machine.asset_id for e in batch if isinstance(e.fact, facts.GameEnded))
        games.update(ended)
        body = b"\n".join(packet_line(event) for event in batch)
        answer = sender.post_events(body, FileFormat.ACRES_SAS.content_type)
        if answer.accepted != len(batch):
            raise WorkbenchError(f"{answer.accepted} of {len(batch)} events were accepted.")
        return ended

    events = floor.events()
    # Every machine is polled at the shift's start: that burst goes out at once, untimed.
    settled = floor.plan.start + START_UP_MS
    for batch in batched(takewhile(lambda e: e.cache_time < settled, events), 500, strict=False):
        post(batch)
    sent = 0
    started = time.monotonic()
    for number, batch in enumerate(batched(events, events_a_post, strict=False)):
        due = started + number * events_a_post / events_per_second
        time.sleep(max(0.0, due - time.monotonic()))
        posted_at = time.monotonic()
        if posted_at - started > seconds:
            break
        ended = post(batch)
        sent += len(batch)
        on_progress(posted_at - started)
        if ended:
            asset_id = next(iter(ended))
            with suppress(Full):  # the one before is still followed
                probes.put_nowait((posted_at, asset_id, games[asset_id]))
    took = time.monotonic() - started
    probes.put(None)
    prober.join(timeout=30)
    if not samples:
        raise WorkbenchError("No game became readable: see `pitboss logs RatePlayersFunction`.")
    return Latency(samples, sent, took)


def _probe(
    client: PitbossClient, probes: "Queue[tuple[float, str, int] | None]", samples: list[float]
) -> None:
    while (probe := probes.get()) is not None:
        posted_at, asset_id, games = probe

        def is_readable(asset_id: str = asset_id, games: int = games) -> bool:
            document = read(client, f"/v1/machines/{asset_id}")
            return document is not None and document["days"][0]["play"]["games"] >= games

        if wait_until(is_readable, 20, every=0.01):
            samples.append(time.monotonic() - posted_at)

"""The whole floor through the front door of the deployed stack: what goes in is what is rated."""

import base64
import gzip
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import batched
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import httpx
import pytest

from pitboss.events.batch import BatchHeader, pack, unpack_received
from pitboss.events.envelope import read_envelope
from pitboss.events.quarantined import QuarantineEntry
from pitboss.stores.quarantine import S3Quarantine
from tests.e2e.house import PATIENCE_SECONDS, House, Watch, array, now_ms
from tests.integration.ratings_items import different
from workbench import endpoint, gateways, measure
from workbench.demo import REAL_DAY, REAL_DAY_LEDGER, third_party_data
from workbench.event_files import FileFormat
from workbench.replay import FeedEvent, read_feed
from workbench.signing import Signer
from workbench.simulation import FAULTS, ODDITIES, Floor, FloorPlan, open_floor

type Settled = Callable[[], None]

DISORDER_MS = 300_000
"""Events may come so much out of order."""


def shift(machines: int, players: int, minutes: int, seed: int) -> tuple[list[FeedEvent], Any]:
    """A simulated shift's packets, and its ledger."""
    floor = Floor(FloorPlan(machines, players, minutes, seed))
    events = list(measure.feed(floor.events()))
    return events, floor.ledger.contract()


def odd_days(machines: int, players: int, days: int, seed: int) -> tuple[list[FeedEvent], Any]:
    """Gaming days of a floor with every oddity, sent with every fault, and the ledger of them."""
    plan = FloorPlan.of_days(machines, players, days, seed)
    floor = open_floor(replace(plan, oddities=frozenset(ODDITIES), faults=frozenset(FAULTS)))
    events = list(measure.feed(floor.events()))
    return events, floor.ledger.contract()


def differences(house: House, ledger: dict[str, Any]) -> list[str]:
    """Where what can be read differs from a ledger."""
    return measure.differences(measure.ratings(house.service, ledger), ledger)


# --- the ledger -----------------------------------------------------------------------------------


def test_odd_days_sent_badly_are_rated_to_the_cent_day_by_day(
    house: House, settled: Settled
) -> None:
    events, ledger = odd_days(machines=6, players=6, days=2, seed=5)
    assert len(ledger["days"]) == 2
    assert ledger["totals"]["gaps"] > 0
    assert ledger["totals"]["incomplete_games"] > 0

    sent = house.send(events)
    settled()

    assert sent.received == ledger["received"]
    assert differences(house, ledger) == []


def test_a_shift_is_rated_to_the_cent(house: House, settled: Settled) -> None:
    events, ledger = shift(machines=20, players=30, minutes=12, seed=11)

    sent = house.send(events)
    settled()

    assert (sent.received, sent.accepted) == (ledger["received"], ledger["accepted"])
    assert (sent.duplicate, sent.quarantined, sent.failed) == (0, 0, 0)
    assert differences(house, ledger) == []
    for truth in ledger["players"]:
        player = house.get(f"/v1/players/{truth['player_id']}").json()
        assert player["session_count"] == truth["sessions"]
        assert player["total"]["incomplete_games"] == player["total"]["unrated_coin_in_cents"] == 0
    floor = house.get("/v1/floor").json()
    total, truth = floor["total"], ledger["totals"]
    assert {name: total[name] for name in ("games", "coin_in_cents", "coin_out_cents")} == {
        name: truth[name] for name in ("games", "coin_in_cents", "coin_out_cents")
    }
    assert Decimal(total["theoretical_win"]) == Decimal(truth["theoretical_win"])
    assert {machine["asset_id"] for machine in floor["machines"]} == {
        machine["asset_id"] for machine in ledger["machines"]
    }


# --- once, whatever comes in whatever order -------------------------------------------------------


def shuffled(events: Iterable[FeedEvent], chance: random.Random) -> list[FeedEvent]:
    """The events, each up to five minutes later than it happened."""

    def moment(event: FeedEvent) -> float:
        assert event.at is not None
        return event.at + chance.uniform(0, DISORDER_MS)

    return sorted(events, key=moment)


def repeated(events: Iterable[FeedEvent], chance: random.Random) -> list[FeedEvent]:
    """The events, one in ten of them twice."""
    return [one for event in events for one in [event] * (1 + (chance.random() < 0.1))]


@dataclass
class Feed:
    """A feed and what is right about it."""

    events: list[FeedEvent]
    ledger: dict[str, Any]


def _simulated() -> Feed:
    return Feed(*shift(machines=12, players=16, minutes=12, seed=5))


def _real_day() -> Feed:
    path = third_party_data() / REAL_DAY
    if not path.exists():
        pytest.skip(f"third-party data is not here: no {path.name} (see PITBOSS_DATA)")
    idle = {"games": 0, "coin_in_cents": 0, "coin_out_cents": 0, "theoretical_win": "0"}
    return Feed(
        list(read_feed([path], FileFormat.ACRES_SAS)),
        {
            "machines": [
                *REAL_DAY_LEDGER["machines"],
                *({"asset_id": asset_id, **idle} for asset_id in ("61312", "110034948")),
            ],
            "players": [],
        },
    )


FEEDS: dict[str, Callable[[], Feed]] = {"a simulated shift": _simulated, "the real day": _real_day}


@pytest.mark.parametrize("feed", FEEDS)
def test_order_repetition_and_batches_leave_no_trace(
    feed: str, open_house: Callable[[], House], settled: Settled
) -> None:
    """I3 and I7: the stored items are a function of the set of events."""
    given = FEEDS[feed]()
    chance = random.Random(20_200_615)
    in_order, out_of_order, repeating = open_house(), open_house(), open_house()
    disorder = repeated(shuffled(given.events, chance), chance)
    disorder = shuffled(disorder, chance)
    assert len(disorder) > len(given.events)

    first = in_order.send(given.events)
    second = out_of_order.send(shuffled(given.events, chance))
    third = send_unevenly(repeating, disorder, chance)
    settled()

    assert first.all_in
    assert second.all_in
    assert third.all_in
    assert (first.accepted, second.accepted) == (len(given.events), len(given.events))
    assert third.accepted + third.duplicate == len(disorder)
    for house in (in_order, out_of_order, repeating):
        assert differences(house, given.ledger) == []
    stored = in_order.items()
    assert len(stored) > len(given.ledger["machines"])
    assert different(stored, out_of_order.items()) == []
    assert different(stored, repeating.items()) == []

    assert send_unevenly(repeating, disorder, chance).all_in
    settled()

    assert different(stored, repeating.items()) == []


@dataclass
class Sent:
    """The counts of several replays."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0

    @property
    def all_in(self) -> bool:
        return self.received == self.accepted + self.duplicate


def send_unevenly(house: House, events: list[FeedEvent], chance: random.Random) -> Sent:
    """In requests of very different sizes, some with many machines and some with few."""
    sent = Sent()
    position = 0
    while position < len(events):
        piece = events[position : position + chance.randint(400, 3_000)]
        position += len(piece)
        size, groups = chance.choice([(500, 1), (500, 4), (333, 2), (97, 1)])
        report = house.send(piece, max_events=size, groups=groups)
        sent.received += report.received
        sent.accepted += report.accepted
        sent.duplicate += report.duplicate
    return sent


# --- two consumers at once ------------------------------------------------------------------------


@dataclass
class SecondConsumer:
    """Another version of the rating function, which is given every record too."""

    function: str
    version: str
    mapping: str
    delivered: int = 0
    """Records that were given to it by hand."""

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = endpoint.client("lambda").get_event_source_mapping(
            UUID=self.mapping
        )
        return found

    def deliver(self, records: list[dict[str, Any]]) -> None:
        """Hand records to it as the stream does, in batches of its own."""
        client = endpoint.client("lambda", read_timeout=60)
        for batch in batched(records, 40, strict=False):
            event = {
                "Records": [
                    {
                        "kinesis": {
                            "kinesisSchemaVersion": "1.0",
                            "partitionKey": record["PartitionKey"],
                            "sequenceNumber": record["SequenceNumber"],
                            "data": base64.b64encode(record["Data"]).decode(),
                            "approximateArrivalTimestamp": (
                                record["ApproximateArrivalTimestamp"].timestamp()
                            ),
                        },
                        "eventSource": "aws:kinesis",
                    }
                    for record in batch
                ]
            }
            answer = client.invoke(
                FunctionName=self.function, Qualifier=self.version, Payload=json.dumps(event)
            )
            said = answer["Payload"].read()
            assert "FunctionError" not in answer, said
            assert json.loads(said) == {"batchItemFailures": []}
            self.delivered += len(batch)


@pytest.fixture
def second_consumer(stack: dict[str, str]) -> Iterator[SecondConsumer]:
    function = endpoint.client("cloudformation").describe_stack_resource(
        StackName=endpoint.stack_name(), LogicalResourceId="RatePlayersFunction"
    )["StackResourceDetail"]["PhysicalResourceId"]
    stream = endpoint.client("kinesis").describe_stream_summary(StreamName=stack["SlotStreamName"])[
        "StreamDescriptionSummary"
    ]["StreamARN"]
    client = endpoint.client("lambda")
    # AWS lets a function read a stream once; a version of it may read it once more.
    version = client.publish_version(FunctionName=function)["Version"]
    mapping = client.create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName=f"{function}:{version}",
        StartingPosition="LATEST",
        BatchSize=70,
    )["UUID"]
    try:
        consumer = SecondConsumer(function, version, mapping)
        assert measure.wait_until(lambda: consumer.state()["State"] == "Enabled", PATIENCE_SECONDS)
        yield consumer
    finally:
        client.delete_event_source_mapping(UUID=mapping)
        client.delete_function(FunctionName=function, Qualifier=version)


def test_two_consumers_at_once_rate_everything_once(
    house: House, watch: Watch, settled: Settled, second_consumer: SecondConsumer
) -> None:
    """Fault 26: two at once, as while a deploy overlaps or a lease is lost. The second one gets
    the records by a mapping of its own, and by hand while the first one is at work.
    """
    events, ledger = shift(machines=10, players=14, minutes=8, seed=3)
    pieces = list(batched(events, 2_000, strict=False))
    with ThreadPoolExecutor(1) as by_hand:
        deliveries = []
        for piece in pieces:
            assert house.send(piece, max_events=250).all_in
            deliveries.append(by_hand.submit(second_consumer.deliver, watch.of(house.property_id)))
        for delivery in deliveries:
            delivery.result(PATIENCE_SECONDS)
    settled()

    assert second_consumer.delivered > len(watch.of(house.property_id))
    assert measure.wait_until(
        lambda: second_consumer.state().get("LastProcessingResult", "").startswith("OK"),
        PATIENCE_SECONDS,
    )
    assert differences(house, ledger) == []
    assert house.get("/v1/floor").json()["total"]["games"] == ledger["totals"]["games"]


# --- what is not accepted -------------------------------------------------------------------------


def test_bad_events_wait_in_quarantine_as_they_came(
    house: House, settled: Settled, pitboss: Callable[..., bytes]
) -> None:
    asset = str(random.randint(10**7, 10**8))
    paytable, start, end = house.game(asset, 10)
    bad = {
        "invalid_envelope": start.replace(b'"sequence": 10', b'"sequence":   "10"'),
        "invalid_data": house.envelope(asset, "game.started", 20, data={"wager_cents": -1}),
        "missing_player": house.envelope(asset, "card.inserted", 30, note="é \N{SLOT MACHINE}"),
        "id_reuse": start.replace(b"100", b"999"),
        "foreign_property": start.replace(house.property_id.encode(), b"elsewhere"),
        "clock_ahead": start.replace(b"1768500010000", str(now_ms() + 10**8).encode()),
    }
    sent = [paytable, start, *bad.values(), end]

    answer = house.post(array(sent))
    settled()

    assert answer.status_code == 200
    said = answer.json()
    assert {name: said[name] for name in ("received", "accepted", "quarantined", "foreign")} == {
        **{"received": 9, "accepted": 3, "quarantined": 6, "foreign": 1}
    }
    assert [event.get("reason") for event in said["events"]] == [None, None, *bad, None]
    play = house.get(f"/v1/machines/{asset}").json()["days"][0]["play"]
    assert (play["games"], play["coin_in_cents"], play["theoretical_win"]) == (1, 100, "0.08")

    sender = f"workbench-{house.property_id}"
    listed = json.loads(pitboss("quarantine", "list", "--sender", sender, "--json"))
    assert Counter(row["reason"] for row in listed) == dict.fromkeys(bad, 1)
    ids = {row["reason"]: row["id"] for row in listed}
    for reason in ("invalid_envelope", "missing_player", "id_reuse"):
        assert pitboss("quarantine", "show", ids[reason], "--raw") == bad[reason]
    by_reason = json.loads(
        pitboss("quarantine", "list", "--sender", sender, "--reason", "id_reuse", "--json")
    )
    assert [row["id"] for row in by_reason] == [ids["id_reuse"]]
    shown = json.loads(pitboss("quarantine", "show", by_reason[0]["id"], "--json"))
    assert (shown["property_id"], shown["sender"], shown["index"]) == (
        *(house.property_id, sender),
        5,
    )


def test_broken_packets_wait_in_quarantine_as_they_came(
    house: House, pitboss: Callable[..., bytes]
) -> None:
    """A line of a gateway may be anything, bytes that are no text among them."""
    bad = {b"{": "malformed_json", b"\xff\xfe{}": "malformed_json", b'"a"': "invalid_envelope"}
    events, _ = shift(machines=1, players=1, minutes=1, seed=1)
    body = b"\n".join([events[0].raw, *bad, events[1].raw])

    said = house.post(body, FileFormat.ACRES_SAS.content_type).json()

    assert (said["accepted"], said["quarantined"]) == (2, 3)
    listed = json.loads(
        pitboss("quarantine", "list", "--sender", f"workbench-{house.property_id}", "--json")
    )
    assert {
        pitboss("quarantine", "show", row["id"], "--raw"): row["reason"] for row in listed
    } == bad


def test_a_gateway_sends_for_its_own_assets_alone(
    house: House, watch: Watch, settled: Settled, pitboss: Callable[..., bytes], tmp_path: Path
) -> None:
    own, foreign = (str(random.randint(10**7, 10**8)) for _ in range(2))
    gateway, key = f"cage-{house.property_id}", tmp_path / "key.pem"
    pitboss(
        *("gateways", "add", gateway, "--property", house.property_id),
        *("--assets", own, "--key-file", str(key)),
    )
    body = array([*house.game(own, 10), *house.game(foreign, 20)])
    headers = Signer(gateway, key, gateways.audience()).headers(body)
    content_type = {"Content-Type": FileFormat.PITBOSS.content_type}

    answer = httpx.post(
        f"{endpoint.api_url()}/v1/slot-events", content=body, headers=headers | content_type
    )
    settled()

    said = answer.json()
    assert (said["accepted"], said["quarantined"], said["foreign"]) == (3, 3, 3)
    assert {event.get("reason") for event in said["events"][3:]} == {"foreign_asset"}
    assert house.get(f"/v1/machines/{own}").status_code == 200
    assert house.get(f"/v1/machines/{foreign}").status_code == 404
    assert [record["PartitionKey"] for record in watch.of(house.property_id)] == [
        f"{house.property_id}/{own}"
    ]
    listed = json.loads(pitboss("quarantine", "list", "--sender", gateway, "--json"))
    assert [row["reason"] for row in listed] == ["foreign_asset"] * 3


def test_the_stream_can_be_shown(house: House, pitboss: Callable[..., bytes]) -> None:
    asset = str(random.randint(10**7, 10**8))
    events = house.game(asset, 10)
    assert house.post(array(events)).json()["accepted"] == 3

    shown = json.loads(
        pitboss("stream", "show", "--asset", asset, "--limit", "9", "--received", "--json")
    )

    (record,) = shown
    assert record["partition_key"] == f"{house.property_id}/{asset}"
    assert record["sender"] == f"workbench-{house.property_id}"
    assert [event["event_type"] for event in record["events"]] == [
        *("paytable.reported", "game.started", "game.ended")
    ]
    assert record["events"][1]["data"]["wager_cents"] == 100
    assert [received.encode() for received in record["received"]] == events


# --- poison on the stream -------------------------------------------------------------------------


def test_poison_on_the_stream_is_set_aside_and_the_shard_goes_on(
    house: House, stack: dict[str, str], settled: Settled
) -> None:
    """Fault 18, and nothing of it in the way of what is around it, in the same batch or another."""
    asset = str(random.randint(10**7, 10**8))
    noise = random.Random(18).randbytes
    unique = uuid.uuid4().bytes
    good = good_record(house, asset, 500)
    poison = [
        unique + noise(20),
        b"not one of ours " + unique.hex().encode(),
        good[:-7],
        good[:2] + b"\x63" + good[3:],
        b"PB\x01\x00\x00\x00\x04" + unique,
        gzip.compress(unique, mtime=0),
        b"PB",
    ]
    put(stack, house, asset, [poison[0], good_record(house, asset, 10), *poison[1:3]])
    put(stack, house, asset, [*poison[3:], good_record(house, asset, 20), poison[0]])
    assert house.post(array(house.game(asset, 30))).json()["accepted"] == 3
    settled()

    play = house.get(f"/v1/machines/{asset}").json()["days"][0]["play"]
    assert (play["games"], play["coin_in_cents"], play["theoretical_win"]) == (3, 300, "0.24")
    aside = poison_set_aside(stack)
    for raw in poison:
        assert {entry.reason for entry in aside.get(raw, [])} == {"unreadable_record"}, raw
    assert good not in aside


def put(stack: dict[str, str], house: House, asset: str, records: list[bytes]) -> None:
    """Into the stream, past the front door; in this order, for one asset."""
    for record in records:
        endpoint.client("kinesis").put_record(
            StreamName=stack["SlotStreamName"],
            Data=record,
            PartitionKey=f"{house.property_id}/{asset}",
        )


def good_record(house: House, asset: str, second: int) -> bytes:
    """A game as the front door packs it."""
    raw = house.game(asset, second)
    header = BatchHeader(house.property_id, asset, now_ms(), "tests", "pitboss")
    return pack(header, raw, [read_envelope(one)[1] for one in raw])


def poison_set_aside(stack: dict[str, str]) -> dict[bytes, list[QuarantineEntry]]:
    store = S3Quarantine(stack["QuarantineBucketName"], client=endpoint.client("s3"))
    found: dict[bytes, list[QuarantineEntry]] = {}
    for key, _, _ in store.objects("rate_players/unknown/stream/"):
        for entry in store.read(key):
            found.setdefault(entry.raw, []).append(entry)
    return found


def test_more_play_than_an_item_holds_holds_nothing_up(
    house: House, stack: dict[str, str], settled: Settled
) -> None:
    """Fault 37: what no longer fits is set aside, and the shard goes on."""
    asset, other = (str(random.randint(10**7, 10**8)) for _ in range(2))
    chance = random.Random(37)
    starts = [
        house.envelope(
            asset,
            "game.started",
            1,
            data={"wager_cents": 1},
            event_id="".join(chance.choices(ascii_letters + digits, k=64)),
            sequence=number,
        )
        for number in range(10_000)
    ]

    for posted in batched(starts, 500, strict=False):
        assert house.post(array(posted)).json()["accepted"] == 500
    assert house.post(array(house.game(other, 10))).json()["accepted"] == 3
    settled()

    assert house.get(f"/v1/machines/{other}").json()["days"][0]["play"]["games"] == 1
    store = S3Quarantine(stack["QuarantineBucketName"], client=endpoint.client("s3"))
    place = f"rate_players/{house.property_id}/workbench-{house.property_id}/"
    aside = [entry for key, _, _ in store.objects(place) for entry in store.read(key)]
    assert {entry.reason for entry in aside} == {"unstorable"}
    play = house.get(f"/v1/machines/{asset}").json()["days"][0]["play"]
    in_progress = 1
    assert play["incomplete_games"] + in_progress + len(aside) == len(starts), "nothing is lost"
    assert len(aside) < len(starts) // 2


def test_events_that_contradict_rated_ones_are_set_aside(
    house: House, settled: Settled, pitboss: Callable[..., bytes]
) -> None:
    """An id that comes again in another request with another content: the first one stands."""
    asset = str(random.randint(10**7, 10**8))
    events = house.game(asset, 10)
    assert house.post(array(events)).json()["accepted"] == 3
    settled()

    changed = events[1].replace(b"100", b"999")
    again = house.post(array([changed]))
    settled()

    assert again.json()["accepted"] == 1, "the front door has no memory"
    play = house.get(f"/v1/machines/{asset}").json()["days"][0]["play"]
    assert (play["games"], play["coin_in_cents"]) == (1, 100)
    sender = f"workbench-{house.property_id}"
    listed = json.loads(
        pitboss("quarantine", "list", "--stage", "rate_players", "--sender", sender, "--json")
    )
    assert [row["reason"] for row in listed] == ["id_reuse"]
    assert pitboss("quarantine", "show", listed[0]["id"], "--raw") == changed


# --- what the API answers where it cannot serve ---------------------------------------------------


def assert_problem(answer: httpx.Response, status: int) -> str:
    """Problem details without a word about the inside; the correlation id."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (status, "about:blank")
    assert problem["title"]
    assert problem["detail"]
    for word in ("arn:", "Traceback", "botocore", "DynamoDB", "Table", "site-packages"):
        assert word not in answer.text
    correlation_id: str = problem["correlation_id"]
    assert correlation_id
    return correlation_id


def test_what_is_unknown_and_what_is_anothers_look_the_same(
    open_house: Callable[[], House], settled: Settled
) -> None:
    """Attacks 12 and 13."""
    ours, theirs = open_house(), open_house()
    asset = str(random.randint(10**7, 10**8))
    player = {"player_id": f"p-{asset}"}
    events = [
        ours.envelope(asset, "card.inserted", 1, **player),
        *(json.dumps(json.loads(event) | player).encode() for event in ours.game(asset, 10)),
    ]
    assert ours.post(array(events)).json()["accepted"] == 4
    settled()
    paths = (f"/v1/machines/{asset}", f"/v1/players/p-{asset}")
    nowhere = (
        *("/v1/machines/404", "/v1/players/404", "/v1/machines/0", "/v1/machines/%00"),
        *("/v1/players/a%2Fb", "/v1/machines/..", f"/v1/players/{'p' * 65}"),
    )

    for path in paths:
        assert ours.get(path).status_code == 200
    ids = [assert_problem(theirs.get(path), 404) for path in paths]
    ids += [assert_problem(ours.get(path), 404) for path in nowhere[:3]]

    assert len(set(ids)) == len(ids)
    for path in nowhere[3:]:
        assert ours.get(path).status_code in (400, 403, 404), path
    details = {house.get(paths[0]).json().get("detail") for house in (theirs,)}
    assert details == {ours.get("/v1/machines/404").json()["detail"]}
    assert theirs.get("/v1/floor").json()["machines"] == []
    assert [one["asset_id"] for one in ours.get("/v1/floor").json()["machines"]] == [asset]


def bomb(megabytes: int) -> bytes:
    return gzip.compress(b"[" + b" " * (megabytes * 1024 * 1024) + b"]", mtime=0)


def test_refused_requests_are_explained_and_leave_nothing(house: House, watch: Watch) -> None:
    asset = str(random.randint(10**7, 10**8))
    events = house.game(asset, 10)
    good = array(events)
    packets = FileFormat.ACRES_SAS.content_type
    zipped = {"Content-Encoding": "gzip"}
    refused: dict[str, tuple[httpx.Response, int]] = {
        "a bomb": (house.post(bomb(50), **zipped), 413),
        "a bomb of packets": (house.post(bomb(50), packets, **zipped), 413),
        "501 events": (
            house.post(array([house.envelope(asset, "test.happened", n) for n in range(501)])),
            413,
        ),
        "501 packets": (house.post(b"{}\n" * 501, packets), 413),
        "over 1 MiB": (house.post(b"[" + b" " * 2**20 + b"]"), 413),
        "plain text": (house.post(good, "text/plain"), 415),
        "a form": (house.post(good, "application/x-www-form-urlencoded"), 415),
        "no type": (house.post(good, ""), 415),
        "brotli": (house.post(good, **{"Content-Encoding": "br"}), 415),
        "no gzip": (house.post(good, **zipped), 400),
        "half a gzip": (house.post(gzip.compress(good)[:-9], **zipped), 400),
        "half an array": (house.post(good[:-1]), 400),
        "an object": (house.post(events[0]), 400),
        "an empty array": (house.post(b"[]"), 400),
        "nothing": (house.post(b"", packets), 400),
        "UTF-16": (house.post(good.decode().encode("utf-16")), 400),
        "NaN": (house.post(b"[NaN]"), 400),
        "deep": (house.post(b"[" * 100_000), 400),
    }

    ids = [assert_problem(*one) for one in refused.values()]
    assert len(set(ids)) == len(ids)
    assert house.post(good).json()["accepted"] == 3

    assert measure.wait_until(lambda: bool(watch.of(house.property_id)), PATIENCE_SECONDS)
    (record,) = watch.of(house.property_id)
    assert unpack_received(record["Data"]) == events

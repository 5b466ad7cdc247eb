"""Makes the sample events of `events/<function>/`: `python -m tests.sample_events` writes them.

They carry what is derived from other fields (the hash of a body, a gzip body, a packed stream
record), which no one should edit by hand. A test holds that what is on disk is what is made here.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from hashlib import md5
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

from pitboss.access import GROUPS, Action, Group, Kind, Principal, SignIn, body_hash
from pitboss.events.batch import BatchHeader, pack, pack_games
from pitboss.events.envelope import read_envelope
from pitboss.events.player import ChangeKind, PlayerChanged, encode
from pitboss.floor.rows import MachineSums
from pitboss.games.events import read_studio
from pitboss.games.leaderboards import Best, Milestone, Rule, Score, Scores, entitlement_of
from pitboss.installs import principal_of as install_of
from pitboss.offers.catalogue import Kind as OfferKind
from pitboss.offers.issued import IssuedOffer, Step
from pitboss.offers.issued import Status as OfferStatus
from pitboss.sas.gateway import read_packet

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "events"

MONDAY_EVENING = 1_592_277_300_000
"""2020-06-15, 20:15 in Los Angeles; epoch milliseconds."""

GATEWAY = Principal(
    "gateway-1",
    Kind.GATEWAY,
    "north",
    frozenset({"1940732", "5093619"}),
    frozenset({Action.SEND_SLOT_EVENTS}),
)
GAMES = Principal(
    "games-1", Kind.SERVICE, "north", frozenset({"1940732"}), frozenset({Action.READ_OFFERS})
)
SCREENS = Principal(
    "screens-1",
    Kind.GATEWAY,
    "north",
    frozenset({"1940732", "5093619"}),
    frozenset({Action.READ_OFFERS, Action.ANSWER_OFFERS, Action.REDEEM_OFFERS}),
)
"""What shows offers on machines' screens, and takes the answers."""
HOSTS = Principal(
    "hosts",
    Kind.SERVICE,
    "north",
    None,
    frozenset({Action.READ_OFFERS, Action.APPROVE_OFFERS, Action.WRITE_CATALOGUE}),
)
"""What hosts work with."""
COMPLIANCE = Principal(
    "compliance",
    Kind.SERVICE,
    "north",
    None,
    frozenset({Action.READ_EXCLUSIONS, Action.WRITE_EXCLUSIONS}),
)
"""What lists are kept by."""
OFFICER = Principal(
    "3c0cf6a4-90b1-7061-2dd1-8d8d3a6b7a4e",
    Kind.PERSON,
    "north",
    None,
    GROUPS[Group.COMPLIANCE],
    SignIn("rosa", frozenset({Group.COMPLIANCE}), MONDAY_EVENING // 1_000 + 3_600),
)
"""Somebody who signed in, and watches over who looked at whom."""
HOST = Principal(
    "9a1b7c30-2f44-4c1e-8a55-0d4f6b0c9e21",
    Kind.PERSON,
    "north",
    None,
    GROUPS[Group.HOST],
    SignIn("jo", frozenset({Group.HOST}), MONDAY_EVENING // 1_000 + 3_600),
)
"""Somebody who signed in, and looks after players."""
ANALYST = Principal(
    "5b7e1d52-77aa-4c0d-9d4e-21a9c36f0b17",
    Kind.PERSON,
    "north",
    None,
    GROUPS[Group.ANALYST],
    SignIn("kim", frozenset({Group.ANALYST}), MONDAY_EVENING // 1_000 + 3_600),
)
"""Somebody who signed in, and looks at how games are played."""
HOST_APP = Principal("host-app", Kind.SERVICE, "north", None, frozenset({Action.READ_RATINGS}))
STUDIO_ANALYST = Principal(
    "5b7e2d10-7c3a-4b52-9d0e-1f2a3c4d5e6f",
    Kind.PERSON,
    "north",
    None,
    GROUPS[Group.ANALYST],
    SignIn("ada", frozenset({Group.ANALYST}), MONDAY_EVENING // 1_000 + 3_600),
)
"""Somebody who signed in, and looks at what players of games do."""
GAME_APP = Principal("game-app", Kind.SERVICE, "north", None, frozenset({Action.READ_FLAGS}))
"""What asks for flags."""
STUDIO_SERVER = Principal(
    "race-server",
    Kind.GATEWAY,
    "north",
    frozenset({"space-race", "chase"}),
    frozenset({Action.SEND_GAME_EVENTS, Action.ISSUE_INSTALLS}),
)
"""A studio's own server."""
RACE_SHOP = Principal(
    "race-shop",
    Kind.SERVICE,
    "north",
    None,
    frozenset({Action.READ_LEADERBOARDS, Action.READ_ENTITLEMENTS, Action.CONSUME_ENTITLEMENTS}),
)
"""Shows boards, and is where players use what they were given."""
INSTALL = install_of("north", "space-race", "player-7")
"""A game on a player's device."""
TECHNICIANS = Principal(
    "technicians",
    Kind.SERVICE,
    "north",
    None,
    frozenset({Action.READ_SHUFFLERS, Action.READ_MAINTENANCE, Action.ANSWER_MAINTENANCE}),
)
"""What technicians look at shufflers with."""


def envelope(
    event_id: str, event_type: str, *, asset_id: str = "1940732", **fields: Any
) -> dict[str, Any]:
    """One event as a gateway posts it."""
    second = int(event_id.rpartition("-")[2])
    return {
        "event_id": event_id,
        "event_type": event_type,
        "property_id": "north",
        "asset_id": asset_id,
        "occurred_at": MONDAY_EVENING + second * 1_000,
        "sequence": second,
        **fields,
    }


PLAY = [
    envelope("e-1", "paytable.reported", data={"base_basis_points": 9_674}),
    envelope("e-2", "card.inserted", player_id="p-81", data={}),
    envelope(
        "e-3",
        "game.started",
        player_id="p-81",
        data={"wager_cents": 500, "coin_in_meter_credits": 7_500},
        meters={"coin_in_credits": 7_500, "games_played": 15},
    ),
    envelope("e-9", "game.ended", player_id="p-81", data={"win_cents": 120}),
    envelope("e-11", "game.started", player_id="p-81", data={"wager_cents": 500}),
    envelope("e-17", "game.ended", player_id="p-81", data={}),
    envelope("e-20", "card.removed", player_id="p-81", data={}),
]
"""A carded session of two games: coin-in 1,000 c, coin-out 120 c, hold 3.26 %."""

GAME_ON_ANOTHER = [
    envelope("f-4", "game.started", asset_id="5093619", data={"wager_cents": 25}),
    envelope("f-10", "game.ended", asset_id="5093619", data={"win_cents": 0}),
]
"""An uncarded game on a machine that has not reported its paytable yet."""


def packet(kind: str, index: int, data: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """One packet as the gateway of a SAS machine writes it."""
    moment = MONDAY_EVENING + index * 1_000
    return json.dumps(
        {
            "type": kind,
            "event_time": moment,
            "cache_time": moment + 23,
            "sas_queue_index": index,
            "asset_number": "0001940732",
            **({} if data is None else {"data": data}),
            **fields,
        }
    ).encode()


PACKETS = [
    packet(
        "SAS_POLL_1F_SEND_GAMING_MACHINE_ID_AND_INFORMATION",
        1,
        {"BasePercentage": "9674", "Denomination": 1, "PaytableId": "PT0326", "MaxBet": 500},
    ),
    packet(
        "SAS_EVENT_CODE_7E_GAME_HAS_STARTED",
        2,
        {"CreditsWagered": 5, "WagerType": 6, "TotalCoinInMeter": 68_500},
        meters={"CoinIn": 68_500, "GamesPlayed": 137},
    ),
    packet("SAS_EVENT_CODE_7F_GAME_HAS_ENDED", 3, {}),
    packet("SAS_EVENT_CODE_11_SLOT_DOOR_WAS_OPENED", 4),
]


def game_event(number: int, event_type: str, **fields: Any) -> dict[str, Any]:
    """One event of a game in the studios' envelope."""
    return {
        "event_version": "1.0",
        "event_id": f"g-{number}",
        "event_timestamp": MONDAY_EVENING + number * 1_000,
        "event_type": event_type,
        "app_name": "space-race",
        "app_version": "2.4.1",
        "client_id": "player-7",
        "level_id": "nebula",
        "position_x": 12.5,
        "position_y": -3,
        **fields,
    }


GAME_PLAY = [
    game_event(1, "level_started", difficulty="hard"),
    game_event(2, "player_died", caught_by="meteor", caught_at="gate"),
    game_event(3, "level_finished", won=True, seconds=61.5),
]
"""A level of a game."""


def analytics_event(number: int, **data: Any) -> dict[str, Any]:
    """One event as the AWS game analytics guidance has it: in seconds."""
    return {
        "event_id": f"a-{number}",
        "event_type": "level_finished",
        "event_name": "finished a level",
        "event_version": "1.0",
        "event_timestamp": MONDAY_EVENING // 1_000 + number,
        "app_version": "2.4.1",
        "event_data": data,
    }


def game_post(
    body: bytes,
    sender: Principal = STUDIO_SERVER,
    content_type: str = "application/json",
    *,
    encoding: str | None = None,
    signed: bytes | None = None,
    application_id: str | None = None,
) -> dict[str, Any]:
    """A POST of games' events as API Gateway hands it on; to an application's route, if named."""
    route = "/v1/game-events" if application_id is None else "/applications/{application_id}/events"
    path = {} if application_id is None else {"application_id": application_id}
    headers = {"Content-Type": content_type}
    if encoding:
        headers["Content-Encoding"] = encoding
    return sent("POST", route, sender, body, signed=signed, headers=headers, **path)


def game_record() -> bytes:
    """What the front door makes of `GAME_PLAY`."""
    raw = [json.dumps(one).encode() for one in GAME_PLAY]
    header = BatchHeader("north", "space-race", MONDAY_EVENING + 25_000, "race-server", "studio")
    return pack_games(header, raw, [read_studio(one, is_trusted=True).event for one in raw])


RACE_RULE = Rule("wins", Best.SUM, (Milestone("first-three", 3, "badge"),))
SCORES = [
    Scores(
        "north",
        "space-race",
        RACE_RULE,
        [
            Score("player-7", "all-time", None, 1, MONDAY_EVENING, "won-1"),
            Score("player-8", "all-time", None, 2, MONDAY_EVENING + 5_000, "won-2"),
        ],
    ),
    Scores(
        "north",
        "space-race",
        RACE_RULE,
        [Score("player-7", "all-time", None, 2, MONDAY_EVENING + 9_000, "won-3")],
    ),
]
"""Scores of two players; one of them reaches a milestone."""
RACE_BADGE = entitlement_of(
    SCORES[1], "player-7", "all-time", RACE_RULE.milestones[0], MONDAY_EVENING
).entitlement_id


def _scores(message: Scores) -> str:
    return msgspec.json.encode(message).decode()


def _lines(packets: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in packets)


def _array(events: Any) -> bytes:
    return json.dumps(events).encode()


def posted(
    body: bytes,
    content_type: str = "application/json",
    *,
    encoding: str | None = None,
    sender: Principal = GATEWAY,
    signed: bytes | None = None,
) -> dict[str, Any]:
    """A POST as API Gateway hands it on: base64, for both content types are declared binary."""
    headers = {"Content-Type": content_type}
    if encoding:
        headers["Content-Encoding"] = encoding
    return _request(
        "POST",
        "/v1/slot-events",
        "/v1/slot-events",
        sender.to_context(body_hash(body if signed is None else signed)),
        headers=headers,
        body=base64.b64encode(body).decode(),
    )


def asked(
    resource: str,
    caller: Principal = HOST_APP,
    /,
    *,
    query: Mapping[str, str | list[str]] | None = None,
    headers: dict[str, str] | None = None,
    **path: str,
) -> dict[str, Any]:
    """A GET as API Gateway hands it on."""
    request = _request(
        "GET",
        resource,
        resource.format(**path),
        caller.to_context(body_hash(b"")),
        headers=headers,
        path=path or None,
    )
    if query:
        several = {
            name: value if isinstance(value, list) else [value] for name, value in query.items()
        }
        request["queryStringParameters"] = {name: value[-1] for name, value in several.items()}
        request["multiValueQueryStringParameters"] = several
    return request


def sent(
    method: str,
    resource: str,
    caller: Principal,
    /,
    body: bytes = b"",
    *,
    signed: bytes | None = None,
    headers: dict[str, str] | None = None,
    **path: str,
) -> dict[str, Any]:
    """A request that changes something, as API Gateway hands it on."""
    return _request(
        method,
        resource,
        resource.format(**path),
        caller.to_context(body_hash(body if signed is None else signed)),
        headers=headers,
        path=path or None,
        body=base64.b64encode(body).decode() if body else None,
    )


def _request(
    method: str,
    resource: str,
    address: str,
    authorizer: Mapping[str, str],
    *,
    headers: dict[str, str] | None = None,
    path: dict[str, str] | None = None,
    body: str | None = None,
) -> dict[str, Any]:
    sent = {"Accept": "application/json", "Host": "api.example.com", **(headers or {})}
    return {
        "resource": resource,
        "path": address,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": path,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {**authorizer, "principalId": authorizer["principal_id"]},
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.10", "userAgent": "gateway/1.4"},
            "path": f"/local{address}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": MONDAY_EVENING + 25_000,
            "resourcePath": resource,
            "stage": "local",
        },
        "body": body,
        "isBase64Encoded": body is not None,
    }


PARTITION = {"property_id": "north", "gaming_day": "2020-06-15"}
NIGHT = "2020-06-17"
"""A run of retraining."""
PLANNED = {
    "property_id": "north",
    "days": ["2020-06-14", "2020-06-15"],
    "known_to": 1_592_312_400_000,
}
"""Of its plan: to when play is known is the end of the newest day."""
"""Of the lake, that the sample events' play belongs to."""


def stream_record(events: list[dict[str, Any]]) -> bytes:
    """What the front door makes of one machine's envelopes."""
    raw = [json.dumps(event).encode() for event in events]
    header = BatchHeader(
        "north", events[0]["asset_id"], MONDAY_EVENING + 25_000, "gateway-1", "pitboss"
    )
    return pack(header, raw, [read_envelope(one)[1] for one in raw])


def packets_record() -> bytes:
    """What the front door makes of `PACKETS`."""
    header = BatchHeader("north", "1940732", MONDAY_EVENING + 25_000, "gateway-1", "acres-sas")
    return pack(header, PACKETS, [read_packet(one)[1] for one in PACKETS])


def delivered(*records: bytes, stream: str = "slots", key: str = "north/1940732") -> dict[str, Any]:
    """A batch of the slot stream, or of another, as Lambda hands it on."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": key,
                    "sequenceNumber": f"49590338271490256608559692538361571095921575989{n:04d}",
                    "data": base64.b64encode(record).decode(),
                    "approximateArrivalTimestamp": (MONDAY_EVENING + 25_000) / 1_000,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:495903382714902566085596925{n:04d}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::123456789012:role/rate-players",
                "awsRegion": "us-east-1",
                "eventSourceARN": f"arn:aws:kinesis:us-east-1:123456789012:stream/{stream}",
            }
            for n, record in enumerate(records)
        ]
    }


def shuffler_message(kind: str, payload: bytes) -> dict[str, Any]:
    """A message as a rule of AWS IoT selects it."""
    return {
        "payload": base64.b64encode(payload).decode(),
        "topic": f"pitboss/north/shufflers/4711/{kind}",
        "received_at": MONDAY_EVENING,
        "principal": "0a1b2c3d" * 8,
        "client_id": "north:4711",
    }


def _happened(sequence: int, event_type: str, **data: Any) -> dict[str, Any]:
    """An event of the shuffler 4711."""
    event = envelope(f"s-{sequence}", event_type, asset_id="4711", data=data)
    return event | {"occurred_at": MONDAY_EVENING - 60_000 + sequence * 1_000}


SHUFFLER_MESSAGES = [
    shuffler_message(
        "status", _array({"events": [_happened(2, "device.connected", firmware="4.2")]})
    ),
    shuffler_message(
        "events",
        _array(
            {
                "events": [
                    _happened(
                        3,
                        "shuffle.completed",
                        table_id="BJ-1",
                        cycle_ms=95_000,
                        cards=416,
                        decks=8,
                        rounds=39,
                        dealing_ms=1_800_000,
                    ),
                    _happened(4, "fault.raised", code="E7", part="gripper", is_failure=True),
                ]
            }
        ),
    ),
    shuffler_message(
        "telemetry",
        _array(
            {
                "events": [
                    _happened(
                        5,
                        "telemetry.reported",
                        uptime_ms=600_000,
                        operating_ms=600_000,
                        energy_j=9_000,
                    )
                ]
            }
        ),
    ),
]
"""A shuffler that connects, shuffles and fails, and a report of its sensors."""

FOREIGN_MESSAGE = SHUFFLER_MESSAGES[1] | {"client_id": "north:4712"}
"""What another shuffler publishes in its name."""


def _record(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


def dropped(key: str) -> dict[str, Any]:
    """What EventBridge says of an object that was put into the lake's bucket."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-21T12:22:22Z",
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::lake"],
        "detail": {
            "version": "0",
            "bucket": {"name": "lake"},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "sequencer": "00617F08299329D189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def socket(
    event_type: str,
    machines: str | None = None,
    caller: Principal = GAMES,
    protocols: str | None = None,
) -> Any:
    """The beginning or the end of a WebSocket, as API Gateway hands it on."""
    headers = {"Host": "l1v2e3.execute-api.us-east-1.amazonaws.com", "User-Agent": "game/7.1"}
    if protocols is not None:
        headers["Sec-WebSocket-Protocol"] = protocols
    query = None if machines is None else {"machines": machines}
    context = caller.to_context("" if caller.kind is Kind.PERSON else body_hash(b""))
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        **({} if query is None else {"queryStringParameters": query}),
        "requestContext": {
            "apiId": "l1v2e3",
            "authorizer": {**context, "principalId": caller.principal_id},
            "connectedAt": MONDAY_EVENING,
            "connectionId": "L0SM9cOFvHcCIhw=",
            "domainName": headers["Host"],
            "eventType": event_type,
            "extendedRequestId": "L0SM9FT1PHcFsMg=",
            "identity": {"sourceIp": "192.0.2.20", "userAgent": "game/7.1"},
            "messageDirection": "IN",
            "requestId": "L0SM9FT1PHcFsMg=",
            "requestTimeEpoch": MONDAY_EVENING,
            "routeKey": f"${event_type.lower()}",
            "stage": "local",
        },
        "isBase64Encoded": False,
    }


OFFER = IssuedOffer(
    offer_id=f"{MONDAY_EVENING + 17_000}-0011223344556677",
    property_id="north",
    player_id="p-81",
    asset_id="1940732",
    code="meal-20",
    name="Dinner for one",
    text="Dinner is on us tonight",
    kind=OfferKind.MEAL,
    cost_cents=2_000,
    catalogue_version="0123456789abcdef",
    gaming_day="2020-06-15",
    valid_minutes=30,
    status=OfferStatus.DECIDED,
    decided_at=MONDAY_EVENING + 26_000,
    expires_at=MONDAY_EVENING + 26_000 + 1_800_000,
    reasons=("plays dollar slots",),
    steps=(Step(OfferStatus.DECIDED, MONDAY_EVENING + 26_000, "decide_offers"),),
)
"""To the player of `PLAY`, at their machine."""


CATALOGUE: dict[str, Any] = {
    "property_id": "north",
    "house": {"daily_budget_cents": 100_000, "jurisdictions": ["US-NV"]},
    "offers": [
        {
            "code": OFFER.code,
            "name": OFFER.name,
            "text": OFFER.text,
            "kind": "meal",
            "cost_cents": OFFER.cost_cents,
        }
    ],
    "machines": {"1940732": {"zone": "high-limit", "game": "dollar slots"}},
}
"""With the offer that was made."""


def changed(name: str, pk: str, sk: str, **image: str) -> dict[str, Any]:
    """A change of an item, as a table's stream hands it on: INSERT, MODIFY or REMOVE."""
    keys = {"pk": {"S": pk}, "sk": {"S": sk}}
    new = {**keys, **{attribute: {"S": text} for attribute, text in image.items()}}
    return {
        "eventID": "c9fbe7d0261a5163fcb6940593e41797",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": (MONDAY_EVENING + 26_000) / 1_000,
            "Keys": keys,
            **({} if name == "REMOVE" else {"NewImage": new}),
            "SequenceNumber": "4421584500000000017450439091",
            "SizeBytes": 38,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/offers/stream/x",
    }


def offer_change(offer: IssuedOffer, name: str = "INSERT") -> dict[str, Any]:
    """An offer that was made, or came to another status."""
    partition, sort = f"{offer.property_id}/player/{offer.player_id}", f"offer/{offer.offer_id}"
    body = msgspec.json.encode(offer).decode()
    return changed(name, partition, sort, body=body, status=str(offer.status))


def machine_cleared(asset_id: str = "1940732") -> dict[str, Any]:
    """A machine that has no current offer any more."""
    return changed("REMOVE", f"north/machine/{asset_id}", "offer")


def block_image(kind: str, rows: Iterable[Struct], number: int = 88) -> dict[str, Any]:
    """A block of rows as the floor table's stream hands it on."""
    body = zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(list(rows)))
    return {
        "pk": {"S": "north/floor"},
        "sk": {"S": f"{kind}/{number:03d}"},
        "version": {"N": "7"},
        "body": {"B": base64.b64encode(body).decode()},
    }


def floor_change(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """A change of a part of the live floor, from image to image."""
    record = changed("INSERT" if before is None else "MODIFY", after["pk"]["S"], after["sk"]["S"])
    record["dynamodb"] |= {"NewImage": after, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    if before is not None:
        record["dynamodb"]["OldImage"] = before
    record["eventSourceARN"] = "arn:aws:dynamodb:us-east-1:123456789012:table/floor/stream/x"
    return record


SEATED = MachineSums(
    asset_id="1940732",
    changed_at=MONDAY_EVENING + 26_000,
    gaming_day="2020-06-15",
    games=12,
    coin_in_cents=2_400,
    coin_out_cents=1_900,
    theoretical_win=2_400 * 850,
    unrated_coin_in_cents=0,
    handpaid_cents=0,
    gaps=0,
    meter_difference_cents=0,
    hold_basis_points=850,
    last_play=MONDAY_EVENING + 25_000,
    minute=(MONDAY_EVENING + 25_000) // 60_000,
    coin_in_by_minute=[300, 900, 1_200, 0, 0],
    player_id="p-81",
    seated_since=MONDAY_EVENING - 120_000,
    is_carded=True,
)
"""Where the player of `PLAY` sits."""
UNPLAYED = replace(SEATED, asset_id="5093619", player_id=None, seated_since=None, is_carded=False)
"""Of the same block, in these events."""


def head_change(
    name: str, number: int, asset_id: str = "1940732", **numbers: int
) -> dict[str, Any]:
    """A machine's head that was stored, as the ratings table's stream hands it on."""
    record = changed(name, "north/floor/0", asset_id, day="2020-06-15", applied=f"{number:016x}")
    image = record["dynamodb"]["NewImage"]
    image |= {"games": {"N": "1"}, "last_play": {"N": str(MONDAY_EVENING + 11_000)}}
    image |= {name: {"N": str(value)} for name, value in numbers.items()}
    record["dynamodb"]["SequenceNumber"] = f"44215845000000000174504{number:05d}"
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/ratings"
    record["eventSourceARN"] = f"{table}/stream/2020-06-15T00:00:00.000"
    return record


def damaged(record: dict[str, Any]) -> dict[str, Any]:
    """The same, with a head that no release can read."""
    del record["dynamodb"]["NewImage"]["day"]
    return record


def alarm_told(state: str) -> dict[str, Any]:
    """What CloudWatch tells a topic of an alarm, as SNS hands it to a function."""
    at = "2020-06-16T03:15:00.000+0000" if state == "ALARM" else "2020-06-16T03:22:00.000+0000"
    topic = "arn:aws:sns:us-east-1:123456789012:pitboss-local-AlarmTopic-1A2B3C4D5E6F"
    message = {
        "AlarmName": "pitboss-local-RatingsBehindAlarm-1A2B3C4D5E6F",
        "AlarmDescription": "The oldest event not rated yet is older than any flush interval "
        "allows. Runbook: docs/runbooks/stream-consumer-behind.md",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2020-06-15T12:00:00.000+0000",
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 datapoint [120000.0 (16/06/20 03:14:00)] was "
        "greater than the threshold (90000.0).",
        "StateChangeTime": at,
        "Region": "US East (N. Virginia)",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
        "pitboss-local-RatingsBehindAlarm-1A2B3C4D5E6F",
        "OldStateValue": "OK" if state == "ALARM" else "ALARM",
        "OKActions": [topic],
        "AlarmActions": [topic],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "IteratorAge",
            "Namespace": "AWS/Lambda",
            "StatisticType": "Statistic",
            "Statistic": "MAXIMUM",
            "Unit": None,
            "Dimensions": [
                {"value": "pitboss-local-RatePlayersFunction-1A2B3C", "name": "FunctionName"}
            ],
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 90000.0,
            "TreatMissingData": "notBreaching",
            "EvaluateLowSampleCountPercentile": "",
        },
    }
    notice = {
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": topic,
        "Subject": f'{state}: "{message["AlarmName"]}" in US East (N. Virginia)',
        "Message": json.dumps(message),
        "Timestamp": at,
        "SignatureVersion": "1",
        "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j",
        "SigningCertUrl": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
        "UnsubscribeUrl": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        "MessageAttributes": {},
    }
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{topic}:21be56ed-a058-49f5-8c98-aedd2564c486",
                "Sns": notice,
            }
        ]
    }


def sample_events() -> dict[str, dict[str, Any]]:
    """Every sample event made here, by `<function>/<case>`."""
    play, games = stream_record(PLAY), game_record()
    zipped = gzip.compress(_array(PLAY), mtime=0)
    return {
        "archive_events/play": delivered(play, stream_record(GAME_ON_ANOTHER)),
        "archive_events/packets_and_poison": delivered(packets_record(), b"not one of ours", play),
        "connect_live_clients/connected": socket("CONNECT", "0001940732"),
        "connect_live_clients/disconnected": socket("DISCONNECT"),
        "connect_live_clients/foreign_machine": socket("CONNECT", "1940732,5093619"),
        "connect_live_clients/watching": socket("CONNECT", None, OFFICER, "pitboss.v1, a.b.c"),
        "measure_events/play": delivered(games, stream="games", key="north/space-race/7"),
        "measure_events/poison_among_good": delivered(
            games, b"not one of ours", games[:-7], games, stream="games", key="north/space-race/7"
        ),
        "publish_floor_metrics/now": {},
        "publish_metrics/now": {},
        "raise_alerts/ringing": alarm_told("ALARM"),
        "raise_alerts/over": alarm_told("OK"),
        "push_live_updates/offer_gone": {"Records": [machine_cleared()]},
        "push_live_updates/offer_ready": {"Records": [offer_change(OFFER)]},
        "push_live_updates/floor_changed": {
            "Records": [
                floor_change(
                    block_image("sums", [replace(SEATED, changed_at=1, games=11), UNPLAYED]),
                    block_image("sums", [SEATED, UNPLAYED]),
                )
            ]
        },
        "sum_offers/decided": {"Records": [offer_change(OFFER)]},
        "sum_offers/withheld": {
            "Records": [
                offer_change(
                    replace(
                        OFFER,
                        status=OfferStatus.WITHDRAWN,
                        steps=(
                            *OFFER.steps,
                            Step(
                                OfferStatus.WITHDRAWN,
                                MONDAY_EVENING + 30_000,
                                "jo",
                                "left with friends",
                            ),
                        ),
                    ),
                    "MODIFY",
                )
            ]
        },
        "publish_scores/play": delivered(game_record(), stream="games"),
        "publish_scores/poison_among_good": delivered(
            b"not one of ours", game_record(), stream="games"
        ),
        "run_actions/nothing_to_do": queued(notice()),
        "run_actions/webhook": queued(notice({"webhook": "ops"})),
        "run_actions/poison_among_good": queued('{"odd": 1}', notice()),
        "keep_scores/scores": queued(*map(_scores, SCORES)),
        "keep_scores/poison_among_good": queued('{"odd": 1}', _scores(SCORES[1])),
        "serve_leaderboards/board": asked(
            "/v1/applications/{application_id}/leaderboards/{board_id}",
            RACE_SHOP,
            query={"player_id": "player-7", "limit": "3"},
            application_id="space-race",
            board_id="wins",
        ),
        "serve_leaderboards/entitlements": asked(
            "/v1/players/{player_id}/entitlements", RACE_SHOP, player_id="player-7"
        ),
        "serve_leaderboards/consume": sent(
            "POST",
            "/v1/players/{player_id}/entitlements/{entitlement_id}/consume",
            RACE_SHOP,
            headers={"Idempotency-Key": "use-1"},
            player_id="player-7",
            entitlement_id=RACE_BADGE,
        ),
        "serve_flags/player": asked("/v1/players/{player_id}/flags", GAME_APP, player_id="p-81"),
        "serve_floor/live": asked("/v1/floor/live", OFFICER),
        "serve_floor/players": asked("/v1/floor/players", OFFICER, query={"limit": "20"}),
        "serve_floor/minutes": asked("/v1/floor/minutes", OFFICER),
        "serve_floor/alerts": asked("/v1/alerts", OFFICER),
        "serve_floor/bills": asked("/v1/players/{player_id}/bill-ins", OFFICER, player_id="p-81"),
        "serve_floor/reviews": asked("/v1/reviews", OFFICER, query={"status": "open"}),
        "serve_floor/decided": sent(
            "POST",
            "/v1/reviews/{review_id}/decide",
            OFFICER,
            b'{"verdict": "cleared", "note": "watched on camera: a fast player"}',
            headers={"Content-Type": "application/json"},
            review_id="1592277300000-1940732-pace",
        ),
        "serve_floor/acknowledged": sent(
            "POST",
            "/v1/alerts/{alert_id}/acknowledge",
            HOST,
            b'{"note": "paid by hand"}',
            headers={"Content-Type": "application/json"},
            alert_id="1592277300000-1940732-handpay",
        ),
        "expire_offers/now": {},
        "keep_catalogue/current": asked("/v1/offers/catalogue", HOSTS),
        "keep_catalogue/first": sent(
            "PUT",
            "/v1/offers/catalogue",
            HOSTS,
            msgspec.json.encode(CATALOGUE),
            headers={"Content-Type": "application/json", "If-None-Match": "*"},
        ),
        "keep_catalogue/versions": asked("/v1/offers/catalogue/versions", HOSTS),
        "keep_exclusions/excluded": sent(
            "PUT",
            "/v1/players/{player_id}/exclusions/{list}",
            COMPLIANCE,
            b'{"note": "case 12"}',
            headers={"Content-Type": "application/json"},
            player_id="p-81",
            list="banned",
        ),
        "keep_exclusions/lifted": sent(
            "DELETE",
            "/v1/players/{player_id}/exclusions/{list}",
            COMPLIANCE,
            player_id="p-81",
            list="banned",
        ),
        "keep_exclusions/read": asked(
            "/v1/players/{player_id}/exclusions", COMPLIANCE, player_id="p-81"
        ),
        "serve_offers/accept": sent(
            "POST",
            "/v1/players/{player_id}/offers/{offer_id}/accept",
            SCREENS,
            headers={"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"},
            player_id="p-81",
            offer_id=OFFER.offer_id,
        ),
        "serve_offers/withheld": sent(
            "POST",
            "/v1/players/{player_id}/offers/{offer_id}/withhold",
            HOST,
            b'{"reason": "left with friends"}',
            headers={"Idempotency-Key": "5d1c8c52-3a77-4c1c-9f1c-7f6b3a3f2b11"},
            player_id="p-81",
            offer_id=OFFER.offer_id,
        ),
        "serve_offers/machine_offer": asked(
            "/v1/machines/{asset_id}/offer", SCREENS, asset_id="0001940732"
        ),
        "serve_offers/pending": asked("/v1/offers/pending", HOSTS),
        "serve_offers/player_offers": asked(
            "/v1/players/{player_id}/offers", HOSTS, player_id="p-81"
        ),
        "serve_events/found": asked(
            "/v1/game-events",
            STUDIO_ANALYST,
            query={"application": "space-race", "player": "player-7", "limit": "2"},
        ),
        "serve_events/freshness": asked("/v1/game-events/freshness", STUDIO_ANALYST),
        "serve_audit/day": asked("/v1/audit", OFFICER, query={"day": "2020-06-15", "limit": "2"}),
        "serve_metrics/newest": asked(
            "/v1/metrics", ANALYST, query={"application": "space-race", "windows": "1"}
        ),
        "serve_metrics/crashes": asked(
            "/v1/crashes", ANALYST, query={"application": "space-race", "version": "2.4"}
        ),
        "serve_metrics/crash": asked(
            "/v1/crashes/{crash_group}",
            ANALYST,
            query={"application": "space-race"},
            crash_group="0123456789abcdef",
        ),
        "serve_maintenance/open": asked(
            "/v1/maintenance", TECHNICIANS, query={"status": "open", "limit": "20"}
        ),
        "serve_maintenance/one": asked(
            "/v1/maintenance/{recommendation_id}", TECHNICIANS, recommendation_id="r-1"
        ),
        "serve_maintenance/dismissed": sent(
            "POST",
            "/v1/maintenance/{recommendation_id}/dismiss",
            TECHNICIANS,
            b'{"note":"rollers were cleaned yesterday"}',
            headers={"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"},
            recommendation_id="r-1",
        ),
        "export_histories/run": {"run": NIGHT},
        "train_failure_model/run": {"run": NIGHT},
        "assess_shufflers/run": {"run": NIGHT},
        "recommend_maintenance/run": {"run": NIGHT},
        "recommend_maintenance/sent": {
            "sent": [{"recommendation_id": "r-1", "urgency": "this_week"}]
        },
        "serve_shufflers/shufflers": asked("/v1/shufflers", TECHNICIANS, query={"limit": "2"}),
        "serve_shufflers/shuffler": asked("/v1/shufflers/{asset_id}", TECHNICIANS, asset_id="4711"),
        "serve_shufflers/history": asked(
            "/v1/shufflers/{asset_id}/history",
            TECHNICIANS,
            query={"from": "2020-06-01", "to": "2020-06-30"},
            asset_id="4711",
        ),
        "serve_shufflers/paces": asked(
            "/v1/tables/paces", TECHNICIANS, query={"from": "2020-06-15", "to": "2020-06-15"}
        ),
        "settle_approval/approved": {
            "property_id": "north",
            "player_id": "p-81",
            "offer_id": OFFER.offer_id,
            "answer": {"verdict": "approved", "by": "hosts"},
        },
        "import_files/dropped": dropped("drop/slot-meters/north/january.csv"),
        "import_files/misplaced": dropped("drop/north/january.csv"),
        "ingest_shuffler_events/events": shuffler_message("events", b'{"events": []}'),
        "ingest_shuffler_events/no_json": shuffler_message("telemetry", b"\xff"),
        "ingest_game_events/studio": game_post(_array(GAME_PLAY)),
        "ingest_game_events/gzip": game_post(
            gzip.compress(_lines([json.dumps(one).encode() for one in GAME_PLAY]), mtime=0),
            content_type="application/x-ndjson",
            encoding="gzip",
        ),
        "ingest_game_events/install": game_post(
            _array(
                [
                    GAME_PLAY[0],
                    game_event(4, "item_bought", price=99),
                    game_event(5, "level_started", client_id="player-8"),
                    game_event(6, "level_started", app_name="chase"),
                    game_event(7, "never_registered", anything=[1, {}]),
                ]
            ),
            INSTALL,
        ),
        "ingest_game_events/analytics": game_post(
            _array({"events": [analytics_event(1, won=True), analytics_event(2)]}),
            application_id="space-race",
        ),
        "ingest_game_events/payload": game_post(
            _array(
                {
                    "PlayerID": 7,
                    "Time Played": 61,
                    "Wins": 3,
                    "Losses": 12,
                    "CaughtAt": "gate",
                    "CaughtBy": "ghost",
                }
            ),
            application_id="chase",
        ),
        "ingest_game_events/another_body": game_post(_array(GAME_PLAY), signed=b"[]"),
        "issue_installs/player": sent(
            "POST",
            "/v1/applications/{application_id}/installs",
            STUDIO_SERVER,
            _array({"client_id": "player-7"}),
            application_id="space-race",
        ),
        "issue_installs/foreign_application": sent(
            "POST",
            "/v1/applications/{application_id}/installs",
            STUDIO_SERVER,
            _array({"client_id": "player-7"}),
            application_id="elsewhere",
        ),
        "ingest_slot_events/envelopes": posted(_array([*PLAY, *GAME_ON_ANOTHER])),
        "ingest_slot_events/gateway_packets": posted(_lines(PACKETS), "application/x-ndjson"),
        "ingest_slot_events/gzip": posted(zipped, encoding="gzip"),
        "ingest_slot_events/bad_among_good": posted(
            _array(
                [
                    PLAY[0],
                    PLAY[0],
                    {**PLAY[0], "data": {"base_basis_points": 9_000}},
                    {**PLAY[2], "event_id": "x-1", "sequence": "3"},
                    {**PLAY[2], "event_id": "x-2", "property_id": "south"},
                    {**PLAY[2], "event_id": "x-3", "asset_id": "777"},
                    {**PLAY[2], "event_id": "x-4", "event_type": "jackpot.paired"},
                    PLAY[2],
                ]
            )
        ),
        "ingest_slot_events/another_body": posted(_array(PLAY), signed=b"[]"),
        "decide_offers/changes": queued(*map(encode, CHANGES)),
        "decide_offers/poison_among_good": queued('{"kind": "odd"}', encode(CHANGES[1])),
        "build_training_set/week": {"run": NIGHT, "properties": [PLANNED]},
        "evaluate_policy/job": {
            "run": NIGHT,
            "model": f"s3://lake/models/offers/runs/{NIGHT}/jobs/pitboss-1/output/model.tar.gz",
            "hyperparameters": {},
        },
        "evaluate_policy/model": {"run": NIGHT, "model": "model.vw", "hyperparameters": {}},
        "export_decisions/partition": PARTITION,
        "migrate_database/migrate": {"task": "migrate"},
        "migrate_database/partitions": {"task": "partitions"},
        "plan_retraining/by_hand": {
            **{"execution": "retrain-1", "started_at": "2020-06-17T16:30:00.000Z"},
            "asked": {"run": "by-hand", "train_in": "sagemaker", "hyperparameters": {"seed": "2"}},
        },
        "plan_retraining/nightly": {
            **{"execution": "e-1", "started_at": "2020-06-17T16:30:00.000Z"},
            "asked": {},
        },
        "promote_policy/version": {
            **{"version": f"{NIGHT}-0a1b2c3d", "replaces": "", "why": "better than the rules"},
        },
        "score_players/property": PLANNED,
        "observe_players/property": {"run": NIGHT, **PLANNED},
        "observe_players/offers": {"run": NIGHT, **PLANNED, "family": "propensity"},
        "assess_players/property": {"run": NIGHT, "property_id": "north"},
        "assess_players/churn": {"run": NIGHT, "property_id": "north", "family": "churn"},
        "assess_players/nothing_seen": {"run": "2020-06-18", "property_id": "north"},
        "track_shufflers/messages": delivered(*(_record(message) for message in SHUFFLER_MESSAGES)),
        "track_shufflers/poison_among_good": delivered(
            b"no record", _record(SHUFFLER_MESSAGES[0]), _record(FOREIGN_MESSAGE)
        ),
        "sum_floor/heads": {
            "Records": [
                head_change("INSERT", 1, coin_in_cents=500),
                head_change("INSERT", 2, "5093619", coin_in_cents=25),
                head_change("MODIFY", 3, coin_in_cents=1_000, coin_out_cents=120),
            ]
        },
        "sum_floor/poison_among_good": {
            "Records": [
                head_change("INSERT", 1, coin_in_cents=500),
                damaged(head_change("MODIFY", 2)),
                head_change("MODIFY", 3, coin_in_cents=1_000, coin_out_cents=120),
            ]
        },
        "track_floor/play": delivered(play, stream_record(GAME_ON_ANOTHER)),
        "track_floor/poison_among_good": delivered(b"not one of ours", play, play[:-7], play),
        "index_events/play": delivered(game_record(), stream="games"),
        "index_events/poison_among_good": delivered(
            b"not one of ours", game_record(), game_record()[:-7], play, stream="games"
        ),
        "watch_play/play": delivered(play, stream_record(GAME_ON_ANOTHER)),
        "watch_play/poison_among_good": delivered(b"not one of ours", play, play[:-7], play),
        "train_policy/run": {"run": NIGHT, "hyperparameters": {}},
        "plan_refinement/everything": {},
        "plan_refinement/hourly": {"family": "game"},
        "plan_refinement/nightly": {"ended": True, "family": "slot"},
        "plan_refinement/one_day": {**PARTITION, "all": True},
        "refine_events/games": {**PARTITION, "family": "game"},
        "refine_events/partition": PARTITION,
        "export_games/partition": PARTITION,
        "reconcile_machines/partition": PARTITION,
        "rate_players/play": delivered(play, stream_record(GAME_ON_ANOTHER)),
        "rate_players/poison_among_good": delivered(b"not one of ours", play, play[:-7], play),
        "read_ratings/machine": asked("/v1/machines/{asset_id}", asset_id="0001940732"),
        "read_ratings/player": asked("/v1/players/{player_id}", player_id="p-81"),
        "read_ratings/sessions": asked(
            "/v1/players/{player_id}/sessions", player_id="p-81", query={"limit": "20"}
        ),
        "read_ratings/player_ledger": asked("/v1/players/{player_id}/ledger", player_id="p-81"),
        "read_ratings/machine_ledger": asked(
            "/v1/machines/{asset_id}/ledger",
            asset_id="0001940732",
            query={"day": "2020-06-15", "limit": "100"},
        ),
        "read_ratings/floor": asked(
            "/v1/floor", headers={"If-None-Match": '"c0ffee00c0ffee00c0ffee00c0ffee00"'}
        ),
    }


def notice(*actions: dict[str, str]) -> str:
    """A crossing that is told of, with the actions that are asked for."""
    said = {
        "notice_id": "f4c1f0c6a5f24e2a9d3b8f1f6f1f2a30",
        "what": "crossed",
        "property_id": "north",
        "application_id": "space-race",
        "key": "losses-over-10",
        "name": "Rounds with more than ten losses",
        "dimensions": {"app_version": "2.4"},
        "threshold": "over 0",
        "value": 2.0,
        "window_ends_at": 1_592_277_300,
    }
    return json.dumps(said | ({"actions": actions} if actions else {}))


def queued(*bodies: str) -> dict[str, Any]:
    """Messages of a queue, as Lambda hands them over."""
    return {
        "Records": [
            {
                "messageId": f"059f36b4-87a3-44ab-83d2-{n:012d}",
                "receiptHandle": f"receipt-{n}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(MONDAY_EVENING + 20_500),
                    "SenderId": "AIDAIT2UOQQY3AUEKVGXU",
                    "ApproximateFirstReceiveTimestamp": str(MONDAY_EVENING + 20_501),
                },
                "messageAttributes": {},
                "md5OfBody": md5(body.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:OfferTriggers",
                "awsRegion": "us-east-1",
            }
            for n, body in enumerate(bodies)
        ]
    }


CHANGES = [
    PlayerChanged(
        kind=kind,
        property_id="north",
        player_id="p-81",
        asset_id="1940732",
        session_started_at=MONDAY_EVENING + 2_000,
        gaming_day="2020-06-15",
        occurred_at=MONDAY_EVENING + second * 1_000,
        theoretical_win=theoretical_win,
        worth_step=step,
        tier=tier,
    )
    for kind, second, theoretical_win, step, tier in (
        (ChangeKind.SESSION_STARTED, 2, 0, None, None),
        (ChangeKind.WORTH_CROSSED, 11, 10_040_000, 1, None),
        (ChangeKind.TIER_REACHED, 11, 10_040_000, None, "gold"),
        (ChangeKind.SESSION_ENDED, 20, 10_040_000, None, None),
    )
]
"""A session of a player, in whose middle a step of worth and a tier are reached."""


def load(function: str) -> dict[str, dict[str, Any]]:
    """Every sample event of a function on disk, by case."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((FOLDER / function).glob("*.json"))
    }


def main() -> None:
    """Write them."""
    for name, event in sample_events().items():
        path = FOLDER / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(event, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""The workload: a small floor on which everything odd happens often, from one seed.

A few machines are played for one to three gaming days in a few hundred events: cards late, missing,
doubled, forgotten and swapped; idle spells around the time-out to the millisecond; games without
an end or a start; hand-pays before and after the end, doubled, larger and smaller than the win;
paytables, denominations and games that change; meters that roll over, are reset, step back and run
ahead; buffers that overflow. One gateway posts envelopes, the other the packets of a SAS feed.

A `Fact` is an event as the machine meant it: the oracle reads its values, the gateway posts its
bytes, and nothing in between is shared.
"""

import json
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zlib import crc32
from zoneinfo import ZoneInfo

ENVELOPES = "application/json"
PACKETS = "application/x-ndjson"

PROPERTY = "north"
ZONE = "America/Los_Angeles"
DAY_STARTS_AT = 6
METER_WRAPS_AT = 10**8
MINUTE = 60_000
HOUR = 60 * MINUTE

NIGHTS = {
    "ordinary": datetime(2026, 6, 16, 3, tzinfo=ZoneInfo(ZONE)),
    "spring": datetime(2026, 3, 8, 0, 30, tzinfo=ZoneInfo(ZONE)),
    "fall": datetime(2026, 11, 1, 0, 10, tzinfo=ZoneInfo(ZONE)),
}
"""When the floor opens; in two of the nights the clocks change."""

_SENT_AS = {
    "game.started": ("SAS_EVENT_CODE_7E_GAME_HAS_STARTED", "7E"),
    "game.ended": ("SAS_EVENT_CODE_7F_GAME_HAS_ENDED", "7F"),
    "game.selected": ("SAS_EVENT_CODE_8C_GAME_SELECTED", "8C"),
    "handpay.pending": ("SAS_EVENT_CODE_51_HANDPAY_IS_PENDING", "51"),
    "handpay.reset": ("SAS_EVENT_CODE_52_HANDPAY_WAS_RESET", "52"),
    "handpay.reported": ("SAS_POLL_1B_SEND_HANDPAY_INFORMATION", "P1B"),
    "meters.reset": ("SAS_EVENT_CODE_7A_SOFT_METERS_RESET_TO_ZERO", "7A"),
    "events.overflowed": ("SAS_EVENT_CODE_70_EXCEPTION_BUFFER_OVERFLOW", "70"),
    "bill.accepted": ("SAS_EVENT_CODE_4F_BILL_ACCEPTED", "4F"),
    "door.opened": ("SAS_EVENT_CODE_11_SLOT_DOOR_WAS_OPENED", "11"),
    "card.inserted": ("TRACKING_UNIT_CARD_INSERTED", "CI"),
    "card.removed": ("TRACKING_UNIT_CARD_REMOVED", "CR"),
    "jackpot.paired": ("JACKPOT_PAIRED", f"U{crc32(b'JACKPOT_PAIRED'):08x}"),
}
_PAYTABLE = {
    False: ("SAS_POLL_1F_SEND_GAMING_MACHINE_ID_AND_INFORMATION", "P1F"),
    True: ("SAS_POLL_53_SEND_GAME_N_CONFIGURATION", "P53"),
}
_CODE_OF_CENTS = {1: 0x01, 2: 0x17, 5: 0x02, 10: 0x03, 25: 0x04}

RATED = frozenset(
    {"game.started", "game.ended", "paytable.reported", "game.selected", "card.inserted"}
    | {"card.removed", "meters.reset", "events.overflowed", "handpay.pending", "handpay.reported"}
)
"""The kinds that change a rating."""


class Fact(NamedTuple):
    """One event as its machine meant it, and the bytes that its gateway sends."""

    gateway: str
    property_id: str
    asset_id: str
    event_id: str
    occurred_at: int
    sequence: int
    player_id: str | None
    kind: str
    values: dict[str, int]
    raw: bytes
    emitted_at: int
    """When it reaches the gateway's buffer, epoch milliseconds."""
    refused: str = ""
    """Why the front door must set it aside; empty where it must accept it."""

    @property
    def identity(self) -> tuple[str, str, int, str]:
        """What makes it one event: its id within its machine's five minutes."""
        page = self.occurred_at // (5 * MINUTE)
        return self.property_id, self.asset_id, page, self.event_id

    def changed(self, **fields: Any) -> "Fact":
        """The fact with other fields, and the bytes that say so."""
        return render(self._replace(**fields))


class Gateway(NamedTuple):
    """Who posts, for which machines, and how."""

    name: str
    content_type: str
    assets: tuple[str, ...]


class Floor(NamedTuple):
    """A seed's floor: who posts, and everything that happens, in order of its emission."""

    gateways: tuple[Gateway, ...]
    facts: tuple[Fact, ...]
    opened_at: int


def render(fact: Fact) -> Fact:
    """The fact with the id and the bytes that its gateway gives it."""
    packets = fact.gateway == "gateway-packets"
    if packets:
        name, short = _SENT_AS.get(fact.kind) or _PAYTABLE["game_number" in fact.values]
        if "game_number" in fact.values and fact.kind == "paytable.reported":
            short = f"{short}.{fact.values['game_number']}"
        event_id = f"{fact.occurred_at}-{fact.sequence}-{short}"
        body: dict[str, Any] = {
            "type": name,
            "event_time": fact.occurred_at,
            "cache_time": max(fact.emitted_at, fact.occurred_at),
            "sas_queue_index": fact.sequence,
            "asset_number": fact.asset_id.zfill(10),
            "data": _packet_data(fact.kind, fact.values),
        }
        if fact.player_id is not None:
            body["host_id_player"] = fact.player_id
    else:
        event_id = fact.event_id
        body = {
            "event_id": fact.event_id,
            "event_type": fact.kind,
            "property_id": fact.property_id,
            "asset_id": fact.asset_id,
            "occurred_at": fact.occurred_at,
            "sequence": fact.sequence,
            "player_id": fact.player_id,
            "data": {"door": "slot"} if fact.kind == "door.opened" else fact.values,
        }
    return fact._replace(event_id=event_id, raw=json.dumps(body, separators=(",", ":")).encode())


def _packet_data(kind: str, values: dict[str, int]) -> dict[str, Any]:
    match kind:
        case "game.started":
            cents = values.get("wager_cents")
            data: dict[str, Any] = {
                "CreditsWagered": values.get("wager_credits", cents),
                "WagerType": 0,
            }
            if cents is not None:
                data["WagerType"] = _CODE_OF_CENTS[1]
            if "coin_in_meter_credits" in values:
                data["TotalCoinInMeter"] = values["coin_in_meter_credits"]
            return data
        case "game.ended":
            return {"GameWin": values["win_credits"]} if "win_credits" in values else {}
        case "paytable.reported":
            data = {
                "BasePercentage": f"{values['base_basis_points']:04d}",
                "Denomination": _CODE_OF_CENTS[values["accounting_denomination_cents"]],
            }
            if "game_number" in values:
                data["GameNumber"] = values["game_number"]
            return data
        case "game.selected":
            return {"GameNumber": values["game_number"]}
        case "handpay.reported":
            return {"Amount": values["amount_cents"], "Level": values["level"]}
        case "bill.accepted":
            return {"DenomCode": 4}
        case _:
            return {}


class _Device:
    """One machine and whoever plays at it."""

    def __init__(
        self, gateway: Gateway, asset_id: str, opened_at: int, chance: random.Random
    ) -> None:
        self.gateway = gateway
        self.asset_id = asset_id
        self.now = opened_at + chance.randrange(0, 60_000)
        self.chance = chance
        self.facts: list[Fact] = []
        self.sequence = chance.choice([0, 1, 100, 4_000])
        self.denomination = chance.choice([1, 1, 5, 25])
        self.meter = chance.choice([0, 50_000, 99_999_000, 40_000_000])
        self.holder: str | None = None
        self.names = True
        """Whether its games name the holder of the card."""
        self.numbered = [1, 2, 3]

    def emit(self, kind: str, player_id: str | None = None, **values: int) -> None:
        """Something happens now."""
        self.sequence += self.chance.choice([1, 1, 1, 2])
        delay = self.chance.choice([5, 20, 200, 1_500])
        if kind.startswith("card.") and self.chance.random() < 0.25:  # not the machine's own wire
            delay = self.chance.choice([2 * MINUTE, 8 * MINUTE, 25 * MINUTE, 3 * HOUR])
        self.facts.append(
            render(
                Fact(
                    self.gateway.name,
                    PROPERTY,
                    self.asset_id,
                    f"{self.asset_id}-{len(self.facts)}",
                    self.now,
                    self.sequence,
                    player_id,
                    kind,
                    values,
                    b"",
                    self.now + delay,
                )
            )
        )

    def pause(self, *milliseconds: int) -> None:
        """Time passes at the machine."""
        self.now += self.chance.choice(milliseconds)

    @property
    def named(self) -> str | None:
        """The player that a game's packets name."""
        return self.holder if self.names else None

    def report_paytable(self) -> None:
        """The machine's own paytable, or one of its games'."""
        hold = self.chance.choice([300, 326, 475, 812, 1_200, 0])
        self._report(10_000 - hold, self.chance.choice(self.numbered))

    def _report(self, points: int, number: int) -> None:
        if self.gateway.content_type == PACKETS:
            points = min(points, 9_999)  # four digits
        values = {
            "base_basis_points": points,
            "accounting_denomination_cents": self.denomination,
        }
        if self.chance.random() < 0.4:
            values["game_number"] = number
        self.emit("paytable.reported", None, **values)

    def select_game(self) -> None:
        """Another of its games."""
        self.emit("game.selected", game_number=self.chance.choice([0, *self.numbered]))

    def change_denomination(self) -> None:
        """The attendant sets another accounting denomination; the machine tells."""
        self.denomination = self.chance.choice([1, 2, 5, 10, 25])
        self.emit(
            "paytable.reported",
            base_basis_points=9_400,
            accounting_denomination_cents=self.denomination,
        )

    def start(self) -> None:
        """A wager."""
        credits_wagered = self.chance.choice([1, 3, 5, 20, 40])
        self.meter = (self.meter + credits_wagered) % METER_WRAPS_AT
        values = {}
        if self.chance.random() < 0.25:
            values["wager_credits"] = credits_wagered
        else:
            values["wager_cents"] = credits_wagered * self.denomination
        if self.chance.random() < 0.85:
            values["coin_in_meter_credits"] = self.meter
        self.emit("game.started", self.named, **values)

    def end(self, won: int | None = None) -> None:
        """The game's end."""
        won = self.chance.choice([0, 0, 2, 7, 60, 400]) if won is None else won
        if won == 0:
            self.emit("game.ended", self.named)
        elif self.gateway.content_type == PACKETS or self.chance.random() < 0.3:
            self.emit("game.ended", self.named, win_credits=won)
        else:
            self.emit("game.ended", self.named, win_cents=won * self.denomination)

    def play(self) -> None:
        """A game, or a few."""
        for _ in range(self.chance.choice([1, 1, 2, 3])):
            self.start()
            self.pause(2_000, 3_000, 5_000)
            self.end()
            self.pause(1_000, 2_000, 0)

    def play_without_end(self) -> None:
        """The end is lost."""
        self.start()
        self.pause(3_000, 10 * MINUTE, 20 * MINUTE)

    def play_without_start(self) -> None:
        """The start is lost."""
        self.end()
        self.pause(2_000)

    def win_by_hand(self) -> None:
        """A hand-pay: the machine locks up; the report of it is early, late or doubled."""
        amount = self.chance.choice([120_000, 150_000, 500])
        level = self.chance.choice([0x00, 0x00, 0x40, 0x80])
        order = self.chance.choice(["before", "after", "later", "twice", "two"])
        self.start()
        self.pause(3_000)
        if self.chance.random() < 0.8:
            self.emit("handpay.pending")
        self.pause(2_000, 16 * MINUTE, 25 * MINUTE)
        won = self.chance.choice([0, amount // self.denomination, 7])
        report = {"amount_cents": amount, "level": level}
        if order in ("before", "twice", "two"):
            self.emit("handpay.reported", self.named, **report)
            self.pause(1_000)
        if order == "two":
            self.emit("handpay.pending")
            self.emit("handpay.reported", self.named, amount_cents=amount, level=level)
            self.pause(500)
        self.end(won)
        self.pause(1_000, 20 * MINUTE)
        if order in ("after", "twice"):
            self.emit("handpay.reported", self.named, **report)
        if order == "later":
            self.card_out()
            self.emit("handpay.reported", self.named, **report)
        self.emit("handpay.reset")

    def card_in(self) -> None:
        """A card goes in: at once, late (its games do not say so at first), or unheard."""
        self.holder = self.chance.choice(["p-1", "p-2", "p-3", "p-4"])
        how = self.chance.random()
        self.names = how > 0.3
        if how < 0.85:
            self.emit("card.inserted", self.holder)
        if how < 0.15:
            self.emit("card.inserted", self.holder)
        self.pause(1_000)

    def start_naming(self) -> None:
        """The gateway has heard of the card."""
        self.names = True

    def card_out(self) -> None:
        """The card is taken out; the event of it may be missing."""
        if self.holder is not None and self.chance.random() < 0.8:
            self.emit("card.removed", self.holder)
        self.holder = None

    def other_card(self) -> None:
        """A card is seen that is not the one inside."""
        self.emit(
            self.chance.choice(["card.inserted", "card.removed"]),
            self.chance.choice(["p-1", "p-4"]),
        )

    def idle(self) -> None:
        """Nobody plays, about as long as a session lives."""
        quarter = 15 * MINUTE
        self.pause(quarter - 1, quarter, quarter + 1, 5 * MINUTE, 31 * MINUTE)

    def rest(self) -> None:
        """Hours without play."""
        self.pause(2 * HOUR, 7 * HOUR, 19 * HOUR)

    def reset_meters(self) -> None:
        """The soft meters go to zero, with a word or without."""
        self.meter = self.chance.choice([0, 0, 25])
        if self.chance.random() < 0.6:
            self.emit("meters.reset")

    def lose_games(self) -> None:
        """Games nobody hears of: the meter runs on; the buffer may say that it overflowed."""
        self.meter = (self.meter + self.chance.choice([0, 35, 400])) % METER_WRAPS_AT
        if self.chance.random() < 0.6:
            self.emit("events.overflowed")

    def step_back(self) -> None:
        """The meter is seen a little lower than before."""
        self.meter = max(self.meter - self.chance.choice([5, 60]), 0)

    def roll_over(self) -> None:
        """The meter stands just below its end."""
        self.meter = METER_WRAPS_AT - self.chance.choice([1, 20, 60])
        self.start()
        self.pause(2_000)
        self.end()

    def chatter(self) -> None:
        """Events that rating does not look at."""
        kind = self.chance.choice(["bill.accepted", "door.opened", "jackpot.paired"])
        if kind == "bill.accepted":
            self.emit(kind, amount_cents=2_000)
        else:
            self.emit(kind)


_DOINGS: list[tuple[int, Callable[[_Device], None]]] = [
    (30, _Device.play),
    (4, _Device.play_without_end),
    (4, _Device.play_without_start),
    (7, _Device.win_by_hand),
    (14, _Device.card_in),
    (7, _Device.start_naming),
    (9, _Device.card_out),
    (3, _Device.other_card),
    (9, _Device.idle),
    (2, _Device.rest),
    (6, _Device.report_paytable),
    (5, _Device.select_game),
    (3, _Device.change_denomination),
    (3, _Device.reset_meters),
    (4, _Device.lose_games),
    (2, _Device.step_back),
    (2, _Device.roll_over),
    (4, _Device.chatter),
]


def floor(seed: int, events: int = 120, night: str = "ordinary") -> Floor:
    """The floor of a seed: about so many events of three machines, from that night on."""
    opened_at = int(NIGHTS[night].astimezone(UTC).timestamp()) * 1000
    gateways = (
        Gateway("gateway-envelopes", ENVELOPES, ("1001", "1002")),
        Gateway("gateway-packets", PACKETS, ("2001",)),
    )
    weights = [weight for weight, _ in _DOINGS]
    facts: list[Fact] = []
    for gateway in gateways:
        for asset_id in gateway.assets:
            chance = random.Random(f"{seed}/{asset_id}")
            device = _Device(gateway, asset_id, opened_at, chance)
            if chance.random() < 0.6:
                device.report_paytable()
            while len(device.facts) < events // 3:
                (_, do) = chance.choices(_DOINGS, weights)[0]
                do(device)
                device.pause(0, 500, 3_000, 40_000, 4 * MINUTE)
            facts += device.facts
    return Floor(gateways, in_order(facts), opened_at)


def in_order(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts in the order in which they reach their gateways."""
    return tuple(sorted(facts, key=lambda f: (f.emitted_at, f.asset_id, f.sequence, f.event_id)))

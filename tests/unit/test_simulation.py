"""The simulated floor: the same for a seed, true to its ledger, and as odd as a real one."""

import dataclasses
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pitboss.events.envelope import read_envelope
from pitboss.events.slot import GameEnded, Unrecognised
from pitboss.sas.gateway import read_packet
from workbench.simulation import Event, Floor, FloorPlan, facts, open_floor, simulate_floor
from workbench.simulation.catalogue import MODELS, OUTCOMES, PayDistribution
from workbench.simulation.cheats import CHEATS
from workbench.simulation.envelopes import envelope_line
from workbench.simulation.files import truth, write_shift
from workbench.simulation.ledger import Ledger
from workbench.simulation.live import Counts, stream
from workbench.simulation.packets import packet_line

GAMES = ("SAS_EVENT_CODE_7E_GAME_HAS_STARTED", "SAS_EVENT_CODE_7F_GAME_HAS_ENDED")
CENTS = {1: 1, 0x17: 2, 2: 5, 3: 10, 4: 25, 5: 50, 6: 100, 7: 500, 8: 1000, 9: 2000}
COMMON_KEYS = {
    "type",
    "sas_serial_number",
    "player_card_number",
    "asset_number",
    "host_id_player",
    "idx",
    "cache_time",
    "event_time",
    "data",
    "sas_queue_index",
    "dest",
    "hostname",
}
PINNED = "f443ffc5db7836b56da5206ba526e734b339ed75598b909968389c92f6793dce"
YEAR_2000_MS = 946_684_800_000


class Shift(NamedTuple):
    floor: Floor
    events: list[Event]
    packets: list[dict[str, Any]]
    envelopes: list[dict[str, Any]]
    contract: dict[str, Any]


def play(plan: FloorPlan) -> Shift:
    floor = Floor(plan)
    events = list(floor.events())
    return Shift(
        floor,
        events,
        [json.loads(packet_line(event)) for event in events],
        [json.loads(envelope_line(event, plan.property_id)) for event in events],
        floor.ledger.contract(),
    )


@pytest.fixture(scope="module")
def shift() -> Shift:
    """An hour of 24 machines: every model twice."""
    return play(FloorPlan(machines=24, players=24, minutes=60, seed=7))


def dollars(units: int) -> str:
    """Ten-thousandths of a cent as dollars, by another way than the product's."""
    text = f"{units // 1_000_000}.{units % 1_000_000:06}"
    while text.endswith("0") and text[-3] != ".":
        text = text[:-1]
    return text


class Game(NamedTuple):
    asset_id: str
    player_id: str
    wager_cents: int
    win_cents: int
    hold: int


def table(
    games: Iterable[Game], assets: dict[str, int], cards: Sequence[tuple[str, str, int]]
) -> Any:
    """The ledger's rows, recounted from games.

    `cards` are the sessions as (player, asset, games).
    """

    def row(played: list[Game]) -> dict[str, Any]:
        return {
            "games": len(played),
            "coin_in_cents": sum(game.wager_cents for game in played),
            "coin_out_cents": sum(game.win_cents for game in played),
            "theoretical_win": dollars(sum(game.wager_cents * game.hold for game in played)),
        }

    by_asset, by_player = defaultdict(list), defaultdict(list)
    for game in games:
        by_asset[game.asset_id].append(game)
        if game.player_id:
            by_player[game.player_id].append(game)
    return {
        "machines": [
            {"asset_id": asset_id, "hold_basis_points": assets[asset_id], **row(by_asset[asset_id])}
            for asset_id in sorted(assets)
        ],
        "players": [
            {
                "player_id": player_id,
                "sessions": sum(card[0] == player_id and card[2] > 0 for card in cards),
                **row(by_player[player_id]),
            }
            for player_id in sorted(by_player)
        ],
        "totals": row([game for played in by_asset.values() for game in played]),
    }


def recount_packets(packets: list[dict[str, Any]]) -> Any:
    """What the packets say, read as SAS means them and by nothing of the product."""
    polls = {
        packet["asset_number"]: packet["data"]
        for packet in packets
        if packet["type"].startswith("SAS_POLL_1F_")
    }
    games, cards = [], []
    started: dict[str, dict[str, Any]] = {}
    in_card: dict[str, list[Any]] = {}
    order = sorted(packets, key=lambda p: (p["event_time"], p["sas_queue_index"]))
    for packet in order:
        asset_id, data = packet["asset_number"], packet["data"]
        if packet["type"] == GAMES[0]:
            assert asset_id not in started
            started[asset_id] = packet
        elif packet["type"] == GAMES[1]:
            start, poll = started.pop(asset_id), polls[asset_id]
            wager = start["data"]["CreditsWagered"] * CENTS[start["data"]["WagerType"] & 31]
            win = data.get("GameWin", 0) * CENTS[poll["Denomination"]]
            player_id = start["host_id_player"]
            hold = 10_000 - int(poll["BasePercentage"])
            games.append(Game(asset_id, player_id, wager, win, hold))
            if player_id:
                in_card[asset_id][2] += 1
        elif packet["type"] == "TRACKING_UNIT_CARD_INSERTED":
            assert asset_id not in in_card
            in_card[asset_id] = [packet["host_id_player"], asset_id, 0]
        elif packet["type"] == "TRACKING_UNIT_CARD_REMOVED":
            cards.append(tuple(in_card.pop(asset_id)))
    assert not started, "a game was left unfinished"
    assert not in_card, "a card was left in a machine"
    holds = {asset_id: 10_000 - int(poll["BasePercentage"]) for asset_id, poll in polls.items()}
    return table(games, holds, cards)


def recount_envelopes(envelopes: list[dict[str, Any]]) -> Any:
    holds: dict[str, int] = {}
    games, cards = [], []
    started: dict[str, dict[str, Any]] = {}
    in_card: dict[str, list[Any]] = {}
    for envelope in sorted(envelopes, key=lambda e: (e["occurred_at"], e["sequence"])):
        asset_id, data = envelope["asset_id"], envelope["data"]
        match envelope["event_type"]:
            case "paytable.reported":
                holds[asset_id] = 10_000 - data["base_basis_points"]
            case "game.started":
                started[asset_id] = envelope
            case "game.ended":
                start = started.pop(asset_id)
                player_id = start["player_id"] or ""
                wager, win = start["data"]["wager_cents"], data["win_cents"]
                games.append(Game(asset_id, player_id, wager, win, holds[asset_id]))
                if player_id:
                    in_card[asset_id][2] += 1
            case "card.inserted":
                in_card[asset_id] = [envelope["player_id"], asset_id, 0]
            case "card.removed":
                cards.append(tuple(in_card.pop(asset_id)))
    return table(games, holds, cards)


def recounted(contract: dict[str, Any]) -> Any:
    """A ledger's rows as far as packets are recounted. A plain floor has nothing else to tell."""

    def without_faults(row: dict[str, Any]) -> dict[str, Any]:
        faults = ("incomplete_games", "gaps", "meter_difference_cents")
        assert [row[name] for name in faults] == [0, 0, 0]
        assert 0 <= row["handpaid_cents"] <= row["coin_out_cents"]
        return {name: row[name] for name in row if name not in (*faults, "handpaid_cents")}

    return {
        "machines": [without_faults(row) for row in contract["machines"]],
        "players": [without_faults(row) for row in contract["players"]],
        "totals": without_faults(contract["totals"]),
    }


def truth_of(shift: Shift) -> Any:
    return recounted(shift.contract)


# --- The same seed is the same shift


def test_same_seed_writes_identical_files(tmp_path: Path) -> None:
    plan = FloorPlan(machines=6, players=5, minutes=10, seed=42)

    for name in ("first", "second"):
        list(write_shift(Floor(plan), tmp_path / name))

    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == ["envelopes.ndjson", "ledger.json", "packets.ndjson", "truth.json"]
    for name in files:
        first, second = ((tmp_path / run / name).read_bytes() for run in ("first", "second"))
        assert first == second
        assert len(first) > 200


def test_a_seed_never_changes_its_shift() -> None:
    """Bytes written down once: another version of Python must give the same."""
    lines = b"\n".join(simulate_floor(4, 4, 5, 1))

    assert hashlib.sha256(lines).hexdigest() == PINNED


def test_other_seeds_are_other_shifts() -> None:
    assert list(simulate_floor(3, 3, 3, 1)) != list(simulate_floor(3, 3, 3, 2))


# --- The ledger is true


def test_ledger_equals_a_recount_of_the_packets(shift: Shift) -> None:
    assert truth_of(shift) == recount_packets(shift.packets)


def test_ledger_equals_a_recount_of_the_envelopes(shift: Shift) -> None:
    assert truth_of(shift) == recount_envelopes(shift.envelopes)


def test_ledger_counts_every_packet(shift: Shift) -> None:
    assert shift.contract["received"] == shift.contract["accepted"] == len(shift.packets)
    assert shift.contract["duplicate"] == shift.contract["quarantined"] == 0


def test_ledger_agrees_with_the_coin_in_meters(shift: Shift) -> None:
    """The second opinion: what the meter moved, roll-overs and all, is what was wagered."""
    polls = {p["asset_number"]: p["data"] for p in shift.packets if "_1F_" in p["type"]}
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    moved: Counter[str] = Counter()
    for packet in sorted(shift.packets, key=lambda p: (p["event_time"], p["sas_queue_index"])):
        if packet["type"] != GAMES[0]:
            continue
        asset_id, data = packet["asset_number"], packet["data"]
        meter = data["TotalCoinInMeter"]
        if asset_id in first:
            moved[asset_id] += (meter - last[asset_id]) % 100_000_000
        else:
            denomination = CENTS[polls[asset_id]["Denomination"]]
            wager = data["CreditsWagered"] * CENTS[data["WagerType"] & 31]
            assert wager % denomination == 0
            first[asset_id] = wager // denomination
        last[asset_id] = meter
    for machine in shift.contract["machines"]:
        asset_id = machine["asset_id"]
        wagered = first.get(asset_id, 0) + moved[asset_id]
        assert wagered * CENTS[polls[asset_id]["Denomination"]] == machine["coin_in_cents"]


def test_sessions_and_days_add_up_to_the_ledger() -> None:
    # 13:30 UTC is 05:30 in Los Angeles: the gaming day changes after half an hour.
    plan = FloorPlan(12, 10, 60, seed=3, start=1_768_483_800_000)
    shift = play(plan)
    true = truth(shift.floor)

    assert [day["day"] for day in true["days"]] == ["2026-01-14", "2026-01-15"]
    for name in ("games", "coin_in_cents", "coin_out_cents"):
        total = shift.contract["totals"][name]
        assert sum(day["totals"][name] for day in true["days"]) == total
        carded = sum(player[name] for player in shift.contract["players"])
        assert sum(session[name] for session in true["sessions"]) == carded
        assert 0 < carded < total  # there is uncarded play
    for session in true["sessions"]:
        assert plan.start <= session["started_at"] < session["ended_at"] <= plan.end
        assert session["games"] > 0


def test_ledger_sums_and_formats_theoretical_win() -> None:
    ledger = Ledger({"2": 326, "10": 800}, lambda moment: "a" if moment < 5 else "b")
    session = ledger.open_session("p", "2", 1)
    ledger.game("2", session, 2, 68_500, 99_500, 90_000)
    ledger.game("10", None, 6, 250, 0)

    contract = ledger.contract()

    assert [machine["asset_id"] for machine in contract["machines"]] == ["10", "2"]
    assert [machine["theoretical_win"] for machine in contract["machines"]] == ["0.20", "22.331"]
    assert contract["players"] == [
        {
            "player_id": "p",
            "sessions": 1,
            "games": 1,
            "coin_in_cents": 68_500,
            "coin_out_cents": 99_500,
            "theoretical_win": "22.331",
            "incomplete_games": 0,
            "handpaid_cents": 90_000,
            "gaps": 0,
            "meter_difference_cents": 0,
        }
    ]
    assert contract["totals"]["theoretical_win"] == "22.531"
    assert [day["totals"]["games"] for day in ledger.truth()["days"]] == [1, 1]


# --- Pay


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.paytable_id)
def test_expectation_is_the_base_percentage(model: Any) -> None:
    paid = sum(multiple * ways for multiple, ways in model.pays.ways)
    winning = sum(ways for _, ways in model.pays.ways)

    assert paid * 10_000 == model.base_basis_points * OUTCOMES
    assert 0.3 < winning / OUTCOMES < 0.5
    assert model.wager_cents % model.accounting_cents == 0


def test_outcomes_pay_in_the_ways_they_have() -> None:
    pays = PayDistribution(9_000, "video")
    step = 100
    counted = Counter(pays.multiple(outcome) for outcome in range(0, OUTCOMES, step))

    assert {multiple: n * step for multiple, n in counted.items() if multiple} == dict(pays.ways)


def test_return_to_player_is_near_the_base_percentage() -> None:
    """Half a million wagers of one unit, drawn as the floor draws them."""
    from random import Random

    draw = Random(5).random
    for model in MODELS[:3]:
        games = 500_000
        paid = sum(model.pays.multiple(int(draw() * OUTCOMES)) for _ in range(games))
        assert paid / games == pytest.approx(model.base_basis_points / 10_000, abs=0.03)


# --- What the packets are like


def test_every_packet_has_the_gateways_keys(shift: Shift) -> None:
    for packet in shift.packets:
        extra = set(packet) - COMMON_KEYS
        assert set(packet) >= COMMON_KEYS
        if packet["sas_queue_index"] == 0:
            assert extra == set()
        elif packet["type"].startswith("SAS_EVENT_CODE_"):
            assert extra == {"meters", "hdr_id", "sas_code"}
            assert (
                packet["sas_code"] == packet["data"]["SASEvent"] == int(packet["type"][15:17], 16)
            )
        elif packet["type"] == "PACKET_SAS_METERS_CHANGE":
            assert extra == {"hdr_id", "pkt_code"}
        else:
            assert extra == {"meters", "hdr_id"}
        assert packet["idx"] == 0
        assert packet["sas_serial_number"].lstrip("0") == packet["asset_number"]
        assert bool(packet["host_id_player"]) == bool(packet["player_card_number"])


def test_start_up_polls_know_only_the_time_since_boot(shift: Shift) -> None:
    polls = [packet for packet in shift.packets if packet["sas_queue_index"] == 0]
    kinds = Counter(packet["type"][9:11] for packet in polls)

    assert {"1F", "B1", "54", "55", "56", "51", "A0"} <= set(kinds)
    assert all(packet["event_time"] < YEAR_2000_MS < packet["cache_time"] for packet in polls)
    # Some gateways reconnect: the same polls again, told apart by their raw event time alone.
    again = Counter((p["asset_number"], p["type"]) for p in polls)
    assert max(again.values()) == 2
    identities = Counter((p["asset_number"], p["event_time"], p["type"]) for p in polls)
    assert max(identities.values()) == 1


def test_about_half_of_the_game_ends_omit_the_win(shift: Shift) -> None:
    ends = [packet["data"] for packet in shift.packets if packet["type"] == GAMES[1]]

    assert 0.5 < sum("GameWin" not in end for end in ends) / len(ends) < 0.65
    assert all(end.get("GameWin", 1) > 0 for end in ends)


def test_queue_index_is_monotone_with_gaps(shift: Shift) -> None:
    by_asset: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for packet in shift.packets:
        if packet["sas_queue_index"]:
            pair = (packet["sas_queue_index"], packet["event_time"])
            by_asset[packet["asset_number"]].append(pair)
    gaps = 0
    for pairs in by_asset.values():
        pairs.sort()
        times = [moment for _, moment in pairs]
        steps = [after[0] - before[0] for before, after in pairwise(pairs)]
        assert times == sorted(times)
        assert min(steps) == 1
        gaps += sum(step > 1 for step in steps)
    assert gaps > 100


def test_lines_come_in_the_collectors_order(shift: Shift) -> None:
    collected = [packet["cache_time"] for packet in shift.packets]
    happened = [p["event_time"] for p in shift.packets if p["sas_queue_index"]]
    lags = sorted(p["cache_time"] - p["event_time"] for p in shift.packets if p["sas_queue_index"])

    assert collected == sorted(collected)
    assert happened != sorted(happened)
    assert -93 <= lags[0] < 0
    assert 5 <= lags[len(lags) // 2] <= 40


def test_meters_roll_over(shift: Shift) -> None:
    last: dict[str, int] = {}
    rolled = set()
    for packet in shift.packets:
        if packet["type"] == GAMES[0]:
            meter = packet["data"]["TotalCoinInMeter"]
            assert 0 <= meter < 100_000_000
            if last.get(packet["asset_number"], 0) - meter > 50_000_000:
                rolled.add(packet["asset_number"])
            last[packet["asset_number"]] = meter
    reports = [p["data"] for p in shift.packets if p["type"] == "PACKET_SAS_METERS_CHANGE"]

    assert len(rolled) >= 3
    assert any(r.get("REGULAR_CASHABLE_TICKET_OUT_CENTS", 0) >= 100_000_000 for r in reports)


def test_a_meter_poll_may_already_have_moved(shift: Shift) -> None:
    starts = [packet for packet in shift.packets if packet["type"] == GAMES[0]]
    moved = sum(p["data"]["TotalCoinInMeter"] == p["meters"]["CoinIn"] for p in starts)

    assert 0.04 < moved / len(starts) < 0.12


def test_wager_and_accounting_denominations_differ(shift: Shift) -> None:
    accounting = {p["asset_number"]: p["data"] for p in shift.packets if "_1F_" in p["type"]}
    pairs = {
        (accounting[p["asset_number"]]["Denomination"], p["data"]["WagerType"] & 31)
        for p in shift.packets
        if p["type"] == GAMES[0]
    }

    assert any(code != wager for code, wager in pairs)
    assert {code for code, _ in pairs} >= {1, 2, 4}
    assert len({data["BasePercentage"] for data in accounting.values()}) == len(MODELS)


def test_a_game_makes_ten_to_fifteen_packets(shift: Shift) -> None:
    assert 10 <= len(shift.packets) / shift.contract["totals"]["games"] <= 15


def test_hand_pays_in_the_ledger_are_those_that_were_reported() -> None:
    floor = Floor(FloorPlan(24, 40, 120, seed=7))
    reported: Counter[str] = Counter()
    for event in floor.events():
        if isinstance(event.fact, facts.HandpayReported) and event.fact.level != 0x80:
            reported[event.machine.asset_id] += event.fact.amount_cents

    rows = floor.ledger.contract()["machines"]
    assert {row["asset_id"]: row["handpaid_cents"] for row in rows if row["handpaid_cents"]} == (
        reported
    )
    assert reported


def test_a_long_shift_has_every_kind_of_trouble() -> None:
    kinds: Counter[str] = Counter()
    levels: Counter[int] = Counter()
    for event in Floor(FloorPlan(24, 40, 120, seed=7)).events():
        if isinstance(event.fact, facts.Exception_):
            kinds[facts.EXCEPTION_NAMES[event.fact.code]] += 1
        elif isinstance(event.fact, facts.HandpayReported):
            levels[event.fact.level] += 1

    assert kinds["SLOT_DOOR_WAS_OPENED"] == kinds["SLOT_DOOR_WAS_CLOSED"] > 0
    assert kinds["BILL_JAM"] + kinds["REEL_2_TILT"] + kinds["PRINTER_CARRIAGE_JAMMED"] > 0
    assert kinds["HANDPAY_IS_PENDING"] == kinds["HANDPAY_WAS_RESET"] == levels.total()
    assert set(levels) == {0x00, 0x80}


# --- Both forms are what the front door takes, and say the same


def test_both_forms_are_the_same_events(shift: Shift) -> None:
    denominations = {
        machine.asset_id: machine.model.accounting_cents for machine in shift.floor.machines
    }
    identities = set()
    for event in shift.events:
        asset_id, from_packet = read_packet(packet_line(event))
        envelope, from_envelope = read_envelope(envelope_line(event, "P1"))
        assert not isinstance(from_packet.data, Unrecognised)
        if isinstance(from_packet.data, GameEnded):
            win = (from_packet.data.win_credits or 0) * denominations[asset_id]
            from_packet = msgspec.structs.replace(from_packet, data=GameEnded(win_cents=win))
        assert envelope.asset_id == asset_id
        assert from_envelope == from_packet
        identities.add((asset_id, envelope.event_id))
    assert len(identities) == len(shift.events)


@settings(max_examples=25, deadline=None)
@given(
    machines=st.integers(1, 30),
    players=st.integers(0, 30),
    minutes=st.integers(1, 12),
    seed=st.integers(0, 2**64),
)
def test_any_floor_is_true_to_its_ledger(
    machines: int, players: int, minutes: int, seed: int
) -> None:
    shift = play(FloorPlan(machines, players, minutes, seed))

    assert truth_of(shift) == recount_packets(shift.packets) == recount_envelopes(shift.envelopes)
    assert shift.contract["received"] == len(shift.packets)
    assert len(shift.contract["machines"]) == machines
    assert shift.contract["totals"]["games"] > 0
    last = max(event.occurred_at for event in shift.events)
    assert shift.floor.plan.start <= last <= shift.floor.plan.end


@pytest.mark.parametrize("wrong", [(0, 1, 1, 1), (1, -1, 1, 1), (1, 1, 0, 1), (1, 1, 1, -1)])
def test_no_floor_without_machines_or_time(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="a floor has"):
        FloorPlan(*wrong)


# --- Live


class FakeAnswer(NamedTuple):
    received: int
    accepted: int
    failed: int = 0
    events: tuple[Any, ...] = ()
    duplicate: int = 0
    quarantined: int = 0
    status: int = 200
    refusal: str = ""


class Failed(NamedTuple):
    index: int  # type: ignore[assignment] # a field, not the tuple's method
    status: str = "failed"


class FakeFront:
    """Takes packets, fails the first of every third post once, as a full stream would."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.posts: list[int] = []
        self._retrying = False

    def post_events(self, body: bytes, content_type: str) -> FakeAnswer:
        assert content_type == "application/x-ndjson"
        lines = body.split(b"\n")
        assert len(lines) <= 500
        assert len(body) <= 1_048_576
        self.posts.append(len(lines))
        self._retrying = not self._retrying and len(self.posts) % 3 == 0
        if self._retrying:
            self.taken += lines[1:]
            return FakeAnswer(len(lines), len(lines) - 1, 1, (Failed(0),), status=503)
        self.taken += lines
        return FakeAnswer(len(lines), len(lines))


class FakeClock:
    def __init__(self, closes_after: float = 1e9) -> None:
        self.now = 100.0
        self._closes_at = self.now + closes_after

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.now >= self._closes_at


def test_live_sends_the_whole_shift_when_it_is_due() -> None:
    plan = FloorPlan(8, 6, 4, seed=5)
    front, clock = FakeFront(), FakeClock()
    seen: list[Event] = []

    def posted(events: list[Event], counts: Counts) -> None:
        seen.extend(events)
        newest = max(event.cache_time for event in events) - plan.start
        assert clock.now - 100 >= newest / 1_000 / 2 - 1

    counts = stream(Floor(plan), front, 2.0, clock, clock.wait, posted)

    lines = list(simulate_floor(8, 6, 4, 5))
    assert sorted(front.taken) == sorted(lines)
    assert len(seen) == len(lines) == counts.received == counts.accepted
    assert clock.now - 100 == pytest.approx(120, abs=30)  # four minutes at twice the speed


def test_closing_a_live_floor_leaves_nothing_unfinished() -> None:
    floor = Floor(FloorPlan(8, 8, 60, seed=5))
    front, clock = FakeFront(), FakeClock(closes_after=100)

    counts = stream(floor, front, 1.0, clock, clock.wait, lambda *_: None)

    contract = floor.ledger.contract()
    recount = recount_packets([json.loads(line) for line in front.taken])
    assert recount == recounted(contract)
    assert counts.received == contract["received"]
    assert 0 < contract["totals"]["games"] < 8 * 60
    assert clock.now - 100 < 101


def test_a_refused_post_is_one_sentence() -> None:
    from workbench.console import WorkbenchError

    class Refusing:
        def post_events(self, body: bytes, content_type: str) -> FakeAnswer:
            return FakeAnswer(0, 0, status=401, refusal="Unauthorized")

    clock = FakeClock()
    with pytest.raises(WorkbenchError, match=r"refused the packets \(401: Unauthorized\)"):
        stream(Floor(FloorPlan(1, 1, 1)), Refusing(), 1.0, clock, clock.wait, lambda *_: None)


# --- The command


def command() -> Any:
    import typer

    from workbench import simulate

    own = typer.Typer()
    own.callback()(lambda: None)
    simulate.register(own)
    return own


def test_command_writes_the_files_and_says_what_is_in_them(tmp_path: Path) -> None:
    arguments = ["simulate", "--machines", "4", "--players", "4", "--minutes", "5", "--seed", "9"]
    arguments += ["--out", str(tmp_path), "--start", "2026-03-01T00:00:00Z", "--json"]

    result = CliRunner().invoke(command(), arguments)

    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    ledger = json.loads((tmp_path / "ledger.json").read_text())
    lines = (tmp_path / "packets.ndjson").read_bytes().splitlines()
    assert said["totals"] == ledger["totals"]
    assert said["packets"] == ledger["received"] == len(lines)
    first = json.loads(lines[0])["cache_time"]
    assert 1_772_323_200_000 - 100 <= first <= 1_772_323_200_000 + 2_000


def test_command_shows_a_table(tmp_path: Path) -> None:
    arguments = [
        "simulate",
        "--machines",
        "2",
        "--minutes",
        "2",
        "--out",
        str(tmp_path / "deep/er"),
    ]

    result = CliRunner().invoke(command(), arguments)

    assert result.exit_code == 0, result.output
    assert "theoretical win" in result.stdout
    assert (tmp_path / "deep/er/truth.json").exists()


def test_commands_default_gaming_day_is_the_floors() -> None:
    from inspect import signature

    from workbench.simulate import simulate
    from workbench.simulation.floor import DEFAULT_GAMING_DAY

    assert signature(simulate).parameters["gaming_day"].default == DEFAULT_GAMING_DAY


# --- Cheats


def test_cheats_are_named_in_the_truth_and_rated_as_the_ledger_says(tmp_path: Path) -> None:
    plan = FloorPlan(machines=10, players=3, minutes=25, seed=4, cheats=5)

    for name in ("first", "second"):
        list(write_shift(open_floor(plan), tmp_path / name))
    said, again = ((tmp_path / run / "truth.json").read_bytes() for run in ("first", "second"))
    packets = [(tmp_path / run / "packets.ndjson").read_bytes() for run in ("first", "second")]

    assert said == again
    assert packets[0] == packets[1]
    cheats = json.loads(said)["cheats"]
    assert sorted(cheat["cheat"] for cheat in cheats) == sorted([*CHEATS, "shared"])
    assert len({cheat["player_id"] for cheat in cheats}) == len(CHEATS)
    one, other = (cheat for cheat in cheats if cheat["cheat"] == "shared")
    assert one["asset_id"] != other["asset_id"]
    assert abs(one["started_at"] - other["started_at"]) < 60_000, "at the same time"
    sessions = {
        (one["player_id"], one["asset_id"], one["started_at"], one["games"])
        for one in json.loads(said)["sessions"]
    }
    assert {
        (one["player_id"], one["asset_id"], one["started_at"], one["games"]) for one in cheats
    } <= sessions
    (lying,) = (cheat["asset_id"] for cheat in cheats if cheat["cheat"] == "meters")
    gaps = json.loads((tmp_path / "first" / "ledger.json").read_bytes())["gap_records"]
    assert {gap["asset_id"] for gap in gaps} == {lying}
    assert all(gap["amount_cents"] < 0 for gap in gaps)


def test_a_floor_without_cheats_is_the_same_as_ever() -> None:
    plan = FloorPlan(machines=4, players=4, minutes=5, seed=1)

    honest = open_floor(plan)

    assert type(honest) is Floor
    lines = b"\n".join(packet_line(event) for event in honest.events())
    assert hashlib.sha256(lines).hexdigest() == PINNED
    assert "cheats" not in truth(honest)
    with pytest.raises(ValueError, match="open_floor"):
        Floor(dataclasses.replace(plan, cheats=1))

"""The odd floor: its ledger is what rating finds, and what happened is known beside it."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pitboss.events.slot import SlotEvent
from pitboss.rating.fold import Carry, Fold, GapNote, House, Note, Tally
from workbench.event_files import FileFormat
from workbench.rate import Audit
from workbench.simulation import (
    FAULTS,
    ODDITIES,
    Event,
    Floor,
    FloorPlan,
    OddFloor,
    facts,
    open_floor,
    simulate_floor,
)
from workbench.simulation.books import Books
from workbench.simulation.envelopes import envelope_line, event_id
from workbench.simulation.facts import CardInserted
from workbench.simulation.files import write_shift
from workbench.simulation.floor import Player
from workbench.simulation.live import stream
from workbench.simulation.packets import packet_line

ALL = frozenset(ODDITIES)
EVERY_FAULT = frozenset(FAULTS)
AMOUNTS = (
    "games",
    "incomplete_games",
    "coin_in_cents",
    "coin_out_cents",
    "handpaid_cents",
    "gaps",
    "meter_difference_cents",
)
KNOWN_IN_THE_END = (
    "late-card-in",
    "missing-card-in",
    "doubled-card",
    "shared-card",
    "several-games",
    "paytable-change",
    "conversion",
    "meter-reset",
    "no-wager-code",
    "late-hand-pay",
    "repeated-hand-pay",
    "progressive",
    "power-cut",
    "clock-ahead",
    "clock-behind",
    "clock-stuck",
    "clock-1970",
)
"""Oddities that hide nothing: rating them by the rules finds what was really played."""


def plan_of(
    seed: int,
    oddities: frozenset[str] = ALL,
    faults: frozenset[str] = frozenset(),
    *,
    machines: int = 37,
    minutes: int = 60,
) -> FloorPlan:
    return FloorPlan(machines, 30, minutes, seed=seed, oddities=oddities, faults=faults)


def played(plan: FloorPlan) -> tuple[OddFloor, list[Event]]:
    floor = open_floor(plan)
    assert isinstance(floor, OddFloor)
    return floor, list(floor.events())


def amounts(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in AMOUNTS)


def of_tally(tally: Tally) -> tuple[int, ...]:
    return tuple(getattr(tally, name) for name in AMOUNTS)


def rate(lines: list[bytes], file_format: FileFormat, gaming_day: str) -> Audit:
    audit = Audit(file_format, gaming_day)
    for start in range(0, len(lines), 5_000):
        audit.take(lines[start : start + 5_000])
    return audit


def assert_rating_finds(contract: dict[str, Any], audit: Audit) -> None:
    """Rating found what the ledger says: by machine, player, session and gaming day."""
    result = audit.result()
    assert audit.refusals == {}
    for name in ("received", "accepted", "duplicate", "quarantined"):
        assert result[name] == contract[name]
    for kind, identity in (("machines", "asset_id"), ("players", "player_id")):
        found = {row[identity]: row for row in result[kind]}
        rows = {row[identity]: row for row in contract[kind]}
        played = {key for key, row in rows.items() if kind == "players" or any(amounts(row))}
        assert played <= found.keys() <= rows.keys()
        for key, row in found.items():
            assert {name: rows[key][name] for name in row if name in rows[key]} == {
                name: row[name] for name in row if name in rows[key]
            }
    sessions: dict[tuple[str, str, int], Tally] = defaultdict(Tally)
    ratings = audit._ratings
    for _, session in ratings.sessions:
        key = session.key
        sessions[str(key.player_id), session.asset_id, key.started_at].add(session.tally)
    assert {
        (row["player_id"], row["asset_id"], row["started_at"]): amounts(row)
        for row in contract["sessions"]
    } == {key: of_tally(tally) for key, tally in sessions.items() if tally}
    days: dict[tuple[str, str], tuple[int, ...]] = {}
    for asset in ratings.assets:
        rating = ratings.machine(asset)
        assert rating is not None
        for day in (rating.today, *ratings.closed_days(asset, 1_000)):
            days[day.day, asset.asset_id] = of_tally(day.tally)
    assert {key: found for key, found in days.items() if any(found)} == {
        (day["day"], row["asset_id"]): amounts(row)
        for day in contract["days"]
        for row in day["machines"]
        if any(amounts(row))
    }


# --- The ledger is what rating finds


@pytest.mark.parametrize("faults", [frozenset(), EVERY_FAULT], ids=["no faults", "all faults"])
def test_rating_the_packets_finds_the_ledger(faults: frozenset[str]) -> None:
    plan = plan_of(1, faults=faults, minutes=40)
    floor, events = played(plan)

    contract = floor.ledger.contract()

    lines = [packet_line(event) for event in events]
    assert_rating_finds(contract, rate(lines, FileFormat.ACRES_SAS, plan.gaming_day))
    assert contract["totals"]["incomplete_games"] > 0
    assert (contract["duplicate"] > 0) is bool(faults)


@pytest.mark.parametrize("fault", FAULTS)
def test_rating_one_fault_finds_the_ledger(fault: str) -> None:
    plan = plan_of(12, frozenset(), frozenset({fault}), machines=12, minutes=12)
    floor, events = played(plan)

    lines = [packet_line(event) for event in events]

    assert floor.faults.counts[fault] > 0
    assert_rating_finds(floor.ledger.contract(), rate(lines, FileFormat.ACRES_SAS, plan.gaming_day))


def test_rating_the_envelopes_finds_the_ledger() -> None:
    plan = plan_of(4, minutes=20)
    floor, events = played(plan)

    lines = [envelope_line(event, "P1") for event in events]

    assert_rating_finds(floor.ledger.contract(), rate(lines, FileFormat.PITBOSS, plan.gaming_day))


def test_rating_days_finds_the_ledger_over_a_change_of_clocks() -> None:
    """2026-03-08 has 23 hours in Los Angeles; the gaming day of the 7th is the one that lacks."""
    plan = FloorPlan.of_days(8, 7, 2, seed=5, start=1_772_910_000_000)
    plan = replace(plan, oddities=ALL, faults=EVERY_FAULT)
    assert (plan.start, plan.minutes) == (1_772_892_000_000, 47 * 60)
    floor, events = played(plan)

    contract = floor.ledger.contract()

    lines = [packet_line(event) for event in events]
    assert_rating_finds(contract, rate(lines, FileFormat.ACRES_SAS, plan.gaming_day))
    assert [day["day"] for day in contract["days"]] == ["2026-03-07", "2026-03-08"]
    assert all(day["totals"]["games"] > 300 for day in contract["days"])


class Gap(NamedTuple):
    asset_id: str
    since: int
    at: int
    amount_cents: int


def test_gap_records_are_those_that_rating_notes() -> None:
    plan = plan_of(6, faults=frozenset({"loss", "duplicates"}), minutes=30)
    floor, events = played(plan)
    by_asset: dict[str, list[SlotEvent]] = defaultdict(list)
    for event in {event.number: event for event in events}.values():
        if type(event.fact) is not facts.MetersChanged:
            _, asset_id, packet = FileFormat.ACRES_SAS.reader.read(packet_line(event))
            by_asset[asset_id].append(packet)

    noted = []
    for asset_id, of_asset in by_asset.items():
        notes: list[Note] = []
        fold = Fold(Carry(), House(lambda _: "2026-01-15"), notes)
        for read in sorted(of_asset, key=lambda e: (e.occurred_at, e.sequence, e.event_id)):
            fold.feed(read)
        noted += [
            Gap(asset_id, note.gap.since, note.at, note.gap.amount_cents)
            for note in notes
            if isinstance(note, GapNote)
        ]

    records = [Gap(**record) for record in floor.ledger.contract()["gap_records"]]
    assert len(records) > 10
    assert sorted(records) == sorted(noted)


# --- Moments that a shift seldom hits

MINUTE = 60_000
GAME = facts.GameStarted(5, 0x41, 5, 1_000)
NOTHING_WON = facts.GameEnded(0, 0)
ANNA, BERT = (Player(str(number), "6000000000") for number in (70_000_001, 70_000_002))

type Occurrence = tuple[int, facts.Fact, Player | None]
"""When (milliseconds of the shift), what, and whose card."""


def in_both_books(*occurrences: Occurrence) -> dict[tuple[str, int], tuple[int, ...]]:
    """Sessions by player and start (milliseconds of the shift), and uncarded play as `("", 0)`: in
    the simulator's books as in the rating."""
    plan = FloorPlan(1, 1, 1)
    machine = Floor(plan).machines[0]
    machine.clock_offset = 0
    books = Books([machine.asset_id], lambda _: "2026-01-15")
    fold = Fold(Carry(), House(lambda _: "2026-01-15"))
    for number, (moment, fact, player) in enumerate(occurrences, start=1):
        at = plan.start + moment
        event = Event(at, number, at, number, number, machine, player, fact, None)
        books.enter(event)
        fold.feed(FileFormat.ACRES_SAS.reader.read(packet_line(event))[2])
    contract = books.ledger().contract()
    entered = {
        (row["player_id"], row["started_at"] - plan.start): amounts(row)
        for row in contract["sessions"]
    }
    (row,) = contract["machines"]
    carded = [sum(column) for column in zip(*entered.values(), strict=True)] or [0] * len(AMOUNTS)
    uncarded = tuple(a - b for a, b in zip(amounts(row), carded, strict=True))
    if any(uncarded):
        entered["", 0] = uncarded
    rated = {
        (key.player_id or "", key.started_at - plan.start if key.player_id else 0): of_tally(tally)
        for key, tally in fold.tallies.items()
    }
    assert entered == {key: tally for key, tally in rated.items() if any(tally)}
    return entered


PAYTABLE = facts.PaytableReported(9_000, 1, 1, "SB", "SB9000", 5)


@pytest.mark.parametrize(
    ("idle", "is_over"), [(15 * MINUTE - 1, False), (15 * MINUTE, False), (15 * MINUTE + 1, True)]
)
@pytest.mark.parametrize("back", [CardInserted(), GAME, NOTHING_WON])
def test_a_session_is_over_after_the_same_idle_time_in_both_books(
    back: facts.Fact, idle: int, is_over: bool
) -> None:
    sessions = in_both_books(
        (0, PAYTABLE, None),
        (1_000, CardInserted(), ANNA),
        (2_000, GAME, ANNA),
        (5_000, NOTHING_WON, ANNA),
        (5_000 + idle, back, ANNA),
        (6_000 + idle, GAME, ANNA),
        (9_000 + idle, NOTHING_WON, ANNA),
    )

    assert (len(sessions) > 1) is is_over


def test_a_game_in_progress_is_not_idle_in_both_books() -> None:
    sessions = in_both_books(
        (0, PAYTABLE, None),
        (1_000, CardInserted(), ANNA),
        (2_000, GAME, ANNA),
        (40 * MINUTE, CardInserted(), ANNA),
        (41 * MINUTE, NOTHING_WON, ANNA),
        (42 * MINUTE, GAME, ANNA),
        (43 * MINUTE, NOTHING_WON, ANNA),
    )

    assert list(sessions) == [("70000001", 1_000)]


@pytest.mark.parametrize(
    ("between", "coin_out"),
    [
        ([(60 * MINUTE, facts.GameEnded(700, 700), ANNA)], 700),
        ([(60 * MINUTE + 1, facts.GameEnded(700, 700), ANNA)], 1_200),
        (
            [
                (60 * MINUTE + 1, facts.HandpayReported(300, 0), ANNA),
                (60 * MINUTE + 2, facts.GameEnded(700, 700), ANNA),
            ],
            1_200,
        ),
        ([(1, CardInserted(), BERT), (2, facts.GameEnded(700, 700), BERT)], 1_200),
        ([(1, CardInserted(), ANNA), (2, facts.GameEnded(700, 700), ANNA)], 700),
    ],
)
def test_a_hand_pay_is_of_an_end_without_a_start_for_an_hour_in_both_books(
    between: list[Occurrence], coin_out: int
) -> None:
    sessions = in_both_books(
        (0, PAYTABLE, None),
        (1_000, CardInserted(), ANNA),
        (2_000, GAME, ANNA),
        (5_000, NOTHING_WON, ANNA),
        (6_000, facts.HandpayReported(500, 0), ANNA),
        *((6_000 + after, fact, player) for after, fact, player in between),
    )

    assert sum(row[AMOUNTS.index("coin_out_cents")] for row in sessions.values()) == coin_out


seldom = st.sampled_from(
    [1, 1_000, 3_000, *(minutes * MINUTE + more for minutes in (15, 60) for more in (-1, 0, 1))]
)
whose = st.sampled_from([None, ANNA, BERT])
wins = st.sampled_from([0, 100, 700])
anything = st.one_of(
    st.tuples(st.builds(facts.GameStarted, st.just(5), st.just(0x41), st.just(5), wins), whose),
    st.tuples(wins.map(lambda win: facts.GameEnded(win, win)), whose),
    st.tuples(st.builds(facts.HandpayReported, wins, st.sampled_from([0, 1, 0x80])), whose),
    st.tuples(st.sampled_from([CardInserted(), facts.CardRemoved()]), whose.filter(bool)),
    st.tuples(st.sampled_from([PAYTABLE, *map(facts.Exception_, (0x51, 0x70, 0x7A))]), st.none()),
)


@given(st.lists(st.tuples(seldom, anything), max_size=16))
@settings(max_examples=200, deadline=None)
def test_both_books_find_the_same_of_anything(
    happened: list[tuple[int, tuple[facts.Fact, Player | None]]],
) -> None:
    moments = accumulate(after for after, _ in happened)

    in_both_books(*((at, *what) for at, (_, what) in zip(moments, happened, strict=True)))


# --- The ledger and what was really played


@pytest.mark.parametrize("oddity", KNOWN_IN_THE_END)
def test_what_hides_nothing_is_rated_as_it_was_played(oddity: str) -> None:
    """Two books that share nothing: what each decision entered, and what the rules make of it."""
    floor, _ = played(plan_of(12, frozenset({oddity, "progressive"}), minutes=30))

    rated, real = floor.ledger.contract(), floor.played.contract()

    for name in ("machines", "players", "days"):
        assert rated[name] == real[name]
    assert floor.happened.counts[oddity] > 0


def test_a_card_decides_only_whose_play_it_is() -> None:
    cards = {"missing-card-out", "forgotten-card", "dead-reader", "long-break", "late-card-in"}
    floor, _ = played(plan_of(8, frozenset(cards), minutes=120))

    rated, real = floor.ledger.contract(), floor.played.contract()

    assert rated["machines"] == real["machines"]
    assert rated["players"] != real["players"]
    happened = {note["what"] for note in floor.truth()["happened"]}
    assert happened >= cards | {"guest-on-a-forgotten-card", "second-card", "unreported-card"}


def test_what_an_overflow_loses_is_what_the_meters_miss() -> None:
    floor, events = played(plan_of(8, frozenset({"overflow"})))
    rated = {row["asset_id"]: row for row in floor.ledger.contract()["machines"]}
    real = {row["asset_id"]: row for row in floor.played.contract()["machines"]}
    lost: Counter[str] = Counter()
    for entry in floor.truth()["lost"]:
        assert entry["why"] == "overflow"
        lost[entry["asset_id"]] += entry.get("coin_in_cents", 0)
    overflows = [event for event in events if event.fact == facts.Exception_(facts.BUFFER_OVERFLOW)]
    overflowed = {event.machine.asset_id for event in overflows}
    last_starts = {
        event.machine.asset_id: event.occurred_at
        for event in events
        if type(event.fact) is facts.GameStarted
    }
    gaps = floor.ledger.contract()["gap_records"]

    assert len(overflowed) > 5
    assert sum(lost.values()) > 0
    for overflow in overflows:  # whether or not a start was among what it lost
        asset_id = overflow.machine.asset_id
        if overflow.occurred_at < last_starts[asset_id]:
            assert any(
                gap["asset_id"] == asset_id and gap["since"] <= overflow.occurred_at <= gap["at"]
                for gap in gaps
            )
    assert any(gap["amount_cents"] == 0 for gap in gaps)
    missing = 0
    for asset_id, row in rated.items():
        never_ended = real[asset_id]["coin_in_cents"] - row["coin_in_cents"] - lost[asset_id]
        assert never_ended >= 0
        missing += never_ended > 0
        if not never_ended and asset_id in overflowed:
            assert row["gaps"] > 0
            # The last ones are missing where no game came after them.
            assert row["meter_difference_cents"] <= lost[asset_id]
    assert missing < len(overflowed)
    differences = sum(row["meter_difference_cents"] for row in rated.values())
    assert 0 < differences <= sum(lost.values())


# --- What the packets are like


@pytest.fixture(scope="module")
def shift() -> tuple[OddFloor, list[Event]]:
    """An hour and a half with every oddity."""
    return played(plan_of(7, minutes=90))


def test_every_oddity_happens(shift: tuple[OddFloor, list[Event]]) -> None:
    fired: Counter[str] = Counter(shift[0].happened.counts)
    fired += played(plan_of(20))[0].happened.counts

    assert {name for name in ODDITIES if not fired[name]} == set()


def test_a_late_card_is_reported_after_games_that_name_nobody() -> None:
    floor, events = played(plan_of(7, frozenset({"late-card-in"})))
    starts: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if type(event.fact) is facts.GameStarted:
            starts[event.machine.asset_id].append(event)
    late = [
        event
        for event in events
        if type(event.fact) is facts.CardInserted and event.cache_time > event.event_time + 15_000
    ]
    unlabelled = 0
    for card in late:
        meanwhile = [
            start.player
            for start in starts[card.machine.asset_id]
            if card.event_time < start.event_time < card.cache_time - 200
        ]
        assert card.player not in meanwhile
        unlabelled += meanwhile.count(None)

    assert len(late) == floor.happened.counts["late-card-in"] > 3
    assert unlabelled > 10


def test_several_games_of_a_machine_have_paytables_of_their_own(
    shift: tuple[OddFloor, list[Event]],
) -> None:
    reported: dict[str, dict[int, int]] = defaultdict(dict)
    chosen: dict[str, set[int]] = defaultdict(set)
    for event in shift[1]:
        if isinstance(event.fact, facts.PaytableReported):
            holds = reported[event.machine.asset_id]
            holds[event.fact.game_number] = event.fact.base_basis_points
        elif isinstance(event.fact, facts.GameSelected):
            chosen[event.machine.asset_id].add(event.fact.game_number)

    several = {asset_id for asset_id, games in reported.items() if len(games) > 1}
    assert len(several) >= 5
    for asset_id in several:
        assert set(reported[asset_id]) == {0, 1, 2}  # what 1F says holds for the third
    assert any(games == {1, 2, 3} for games in chosen.values())
    assert chosen.keys() <= several


def test_wrong_clocks_are_an_hour_ahead_an_hour_behind_stuck_or_never_set(
    shift: tuple[OddFloor, list[Event]],
) -> None:
    ahead: Counter[str] = Counter()
    at_one_moment: Counter[tuple[str, int]] = Counter()
    for event in shift[1]:
        if event.since_boot:
            continue
        kind = event.machine.kind  # type: ignore[attr-defined]
        difference = event.event_time - event.cache_time
        at_one_moment[kind, event.event_time] += 1
        if event.event_time < 946_684_800_000:
            assert kind == "clock-1970"
            assert event.occurred_at == event.cache_time
            ahead["1970"] += 1
        elif difference > 300_000:
            assert kind == "clock-ahead"
            assert event.occurred_at == event.cache_time
            ahead["ahead"] += 1
        elif kind == "clock-behind":
            assert -3_600_200 < difference < -3_599_800
            assert event.occurred_at == event.event_time
            ahead["behind"] += 1
    assert min(ahead[name] for name in ("ahead", "behind", "1970")) > 100
    assert max(n for (kind, _), n in at_one_moment.items() if kind == "clock-stuck") > 50


def test_a_power_cut_boots_the_machine_and_may_void_the_game(
    shift: tuple[OddFloor, list[Event]],
) -> None:
    cuts = [note for note in shift[0].happened.notes if note["what"] == "power-cut"]
    codes = Counter(
        event.fact.code for event in shift[1] if isinstance(event.fact, facts.Exception_)
    )
    boots = Counter(
        event.machine.asset_id
        for event in shift[1]
        if isinstance(event.fact, facts.PollAnswered) and event.fact.code == 0x54
    )

    assert {note["game"] for note in cuts} == {"void", "resumed"}
    assert abs(codes[facts.POWER_LOST] - codes[facts.POWER_APPLIED]) <= 3  # but those overflowed
    assert sum(boots[note["asset_id"]] > 1 for note in cuts) >= len(cuts) - 2


def test_ids_are_unique_and_the_collectors_order_holds(
    shift: tuple[OddFloor, list[Event]],
) -> None:
    identities = {(event.machine.asset_id, event_id(event)) for event in shift[1]}
    collected = [event.cache_time for event in shift[1]]

    assert len(identities) == len(shift[1])
    assert collected == sorted(collected)


# --- Faults


def test_faults_change_nothing_but_the_delivery() -> None:
    plain = list(simulate_floor(12, 10, 30, 3))
    plan = FloorPlan(12, 10, 30, seed=3, faults=EVERY_FAULT)
    floor, events = played(plan)

    lines = [packet_line(event) for event in events]

    times = Counter(lines)
    assert set(times) < set(plain)
    assert len(plain) - len(times) == len(floor.truth()["lost"]) == floor.faults.counts["loss"] > 0
    assert len(lines) - len(times) == floor.faults.duplicates > 0
    noted = floor.faults.as_json()
    assert noted["faults"] == dict(floor.faults.counts)
    assert min(noted["faults"].values()) > 0
    assert {note["fault"] for note in noted["events"]} == EVERY_FAULT


def test_without_loss_the_ledger_is_that_of_the_plain_floor() -> None:
    plain = Floor(FloorPlan(12, 10, 30, seed=3))
    delivered = [packet_line(event) for event in plain.events()]
    faults = EVERY_FAULT - {"loss"}
    floor, events = played(FloorPlan(12, 10, 30, seed=3, faults=faults))

    rated, real = floor.ledger.contract(), plain.ledger.contract()

    lines = [packet_line(event) for event in events]
    assert set(lines) == set(delivered)
    assert lines[: len(delivered)] != delivered
    for name in ("accepted", "machines", "players", "totals", "days", "gap_records"):
        assert rated[name] == real[name]


def test_packets_are_reordered_within_ten_minutes_and_one_machine_is_reversed() -> None:
    plan = FloorPlan(12, 10, 40, seed=3, faults=frozenset({"reorder", "reversed"}))
    _, events = played(plan)

    newest, disorder, turned = 0, 0, Counter[str]()
    last: dict[str, int] = {}
    for event in events:
        newest = max(newest, event.cache_time)
        disorder = max(disorder, newest - event.cache_time)
        asset_id = event.machine.asset_id
        turned[asset_id] += event.cache_time < last.get(asset_id, 0)
        last[asset_id] = event.cache_time
    assert 60_000 < disorder <= 600_000 + 1_000
    [(_, most), (_, next_)] = turned.most_common(2)
    assert most > 5 * next_


# --- The same seed; the command; live


def test_same_seed_writes_identical_files(tmp_path: Path) -> None:
    plan = FloorPlan(8, 8, 15, seed=42, oddities=ALL, faults=EVERY_FAULT)

    for name in ("first", "second"):
        list(write_shift(open_floor(plan), tmp_path / name))

    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == [
        "envelopes.ndjson",
        "faults.json",
        "ledger.json",
        "packets.ndjson",
        "truth.json",
    ]
    for name in files:
        first, second = ((tmp_path / run / name).read_bytes() for run in ("first", "second"))
        assert first == second


@pytest.mark.parametrize("wrong", [{"oddities": {"late-card"}}, {"faults": {"lost"}}])
def test_no_floor_with_what_is_not_known(wrong: dict[str, set[str]]) -> None:
    plan = FloorPlan(1, 1, 1)
    unknown = {name: frozenset(value) for name, value in wrong.items()}
    with pytest.raises(ValueError, match="nothing is known of l"):
        open_floor(replace(plan, **unknown))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="open_floor"):
        Floor(replace(plan, **unknown))  # type: ignore[arg-type]


def test_patrons_of_days_come_for_some_hours() -> None:
    floor = open_floor(FloorPlan.of_days(20, 20, 2, seed=1))
    hours: Counter[int] = Counter()
    for event in floor.events():
        if type(event.fact) is facts.GameStarted:
            hours[(event.event_time - floor.plan.start) // 3_600_000] += 1

    first = [hours[hour] for hour in range(24)]
    assert sum(first[12:18]) > 2 * sum(first[:6])
    assert sum(hours[hour] for hour in range(24, 48)) > 1_000


def command(*arguments: str) -> Any:
    import typer

    from workbench import simulate

    own = typer.Typer()
    own.callback()(lambda: None)
    simulate.register(own)
    return CliRunner().invoke(own, ["simulate", *arguments])


def test_command_writes_what_happened_beside_the_ledger(tmp_path: Path) -> None:
    plan = ["--machines", "10", "--players", "8", "--days", "1", "--seed", "3"]

    result = command(
        *plan, "--oddities", "all", "--faults", "loss, retries", "--out", str(tmp_path), "--json"
    )

    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    ledger, truth, faults = (
        json.loads((tmp_path / name).read_text())
        for name in ("ledger.json", "truth.json", "faults.json")
    )
    assert said["oddities"] == truth["oddities"]
    assert said["faults"] == faults["faults"]
    assert set(faults["faults"]) == {"loss", "retries"}
    assert ledger["received"] - ledger["accepted"] == ledger["duplicate"]
    assert ledger["duplicate"] == faults["duplicate_packets"] > 0
    assert (
        len([lost for lost in truth["lost"] if lost["why"] == "loss"]) == faults["faults"]["loss"]
    )


def test_command_names_what_it_does_not_know(tmp_path: Path) -> None:
    from workbench.console import WorkbenchError

    result = command("--oddities", "late-card", "--out", str(tmp_path))

    assert isinstance(result.exception, WorkbenchError)
    assert str(result.exception).startswith("'late-card' is not known: choose from clock-1970, ")


def test_command_counts_oddities_and_faults(tmp_path: Path) -> None:
    plan = ["--machines", "37", "--minutes", "10", "--out", str(tmp_path)]

    result = command(*plan, "--oddities", "clock-ahead", "--faults", "reorder")

    assert result.exit_code == 0, result.output
    assert "clock-ahead" in result.stdout
    assert "reorder" in result.stdout


class Answer(NamedTuple):
    received: int
    accepted: int
    failed: int = 0
    events: tuple[Any, ...] = ()
    duplicate: int = 0
    quarantined: int = 0
    status: int = 200
    refusal: str = ""


def test_live_sends_what_is_delivered_and_closes_with_a_ledger() -> None:
    taken: list[bytes] = []

    class Front:
        def post_events(self, body: bytes, content_type: str) -> Answer:
            lines = body.split(b"\n")
            taken.extend(lines)
            return Answer(len(lines), len(lines))

    now = 0.0

    def wait(seconds: float) -> bool:
        nonlocal now
        now += seconds
        return now > 600

    plan = FloorPlan(12, 12, 60, seed=2, oddities=ALL, faults=EVERY_FAULT)
    floor = open_floor(plan)
    counts = stream(floor, Front(), 1.0, lambda: now, wait, lambda *_: None)

    contract = floor.ledger.contract()
    assert counts.received == len(taken) == contract["received"]
    assert now < 602
    assert contract["totals"]["games"] > 100
    assert_rating_finds(contract, rate(taken, FileFormat.ACRES_SAS, plan.gaming_day))

"""Scores are kept once each, on DynamoDB in memory, whatever fails, repeats or is in disorder."""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keep_scores import handler as lambda_handler
from keep_scores.service import MAX_TRIES, ContendedScoresError, Outcome, keep_scores
from pitboss.errors import TransientError
from pitboss.games.leaderboards import Best, Entry, Milestone, Rule, Score, Scores
from pitboss.pacing import Pace
from pitboss.stores.leaderboards import (
    TAKEN_AFTER_DAYS,
    BoardOf,
    ConsumedEntitlement,
    DynamoLeaderboards,
    DynamoScores,
    Place,
)
from pitboss.stores.marked import MarkedItems
from tests.fakes.network import make_scores_table, tables
from tests.sample_events import load
from workbench.proof.dynamodb import item_bytes
from workbench.proof.network import (
    THROTTLED,
    Call,
    Cancel,
    Fault,
    Kill,
    Killed,
    Lose,
    Network,
    Refuse,
)

NOW = 1_592_277_300_000
DAY = 86_400_000
GOLD = Milestone("gold", 10, "badge-gold")
SILVER = Milestone("silver", 5, "badge-silver")
SUM = Rule("wins", Best.SUM, (GOLD, SILVER))
MAX = Rule("best", Best.MAX, (GOLD,))


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(NOW) as made:
        make_scores_table(made)
        yield made


ITEMS = MarkedItems("scores", "us-east-1")
"""One for all tests: making its client takes longer than a test."""
SCORES, BOARDS = DynamoScores(ITEMS), DynamoLeaderboards(ITEMS)


def score(event_id: str, value: int = 1, player: str = "p-1", **changed: Any) -> Score:
    return replace(Score(player, "all-time", None, value, NOW, event_id), **changed)


def message(*scores: Score, rule: Rule = SUM) -> Scores:
    return Scores("north", "race", rule, list(scores))


def keep(*messages: Scores, now: int = NOW) -> Outcome:
    return keep_scores(messages, SCORES, lambda: now, lambda attempt: None)


def kept(rule: Rule = SUM, player: str = "p-1", period: str = "all-time") -> Entry | None:
    return BOARDS.entry(BoardOf("north", "race", rule.board, period, rule.best), player)


def given_to(player: str = "p-1") -> list[str]:
    return sorted(one.gives for one in BOARDS.entitlements("north", player))


# --- once -----------------------------------------------------------------------------------------


def test_scores_are_summed_and_a_milestone_gives_once(network: Network) -> None:
    first = keep(message(score("e-1", 4), score("e-2", 3)))
    second = keep(message(score("e-2", 3), score("e-3", 2)), message(score("e-3", 2)))

    assert (first.kept, first.granted, second.kept, second.granted) == (1, 1, 1, 0)
    assert kept() == Entry(9, NOW, ("silver",))
    assert keep(message(score("e-3", 2), score("e-1", 4))).kept == 0
    assert given_to() == ["badge-silver"]
    assert keep(message(score("e-4", 1))).granted == 1
    assert given_to() == ["badge-gold", "badge-silver"]


@pytest.mark.parametrize("rule", [SUM, MAX])
def test_a_milestone_that_was_added_is_given_whichever_message_comes_first(
    network: Network, rule: Rule
) -> None:
    older = Rule(rule.board, rule.best)
    for player, rules in (("p-1", (older, rule)), ("p-2", (rule, older))):
        first, second = (message(score(f"e-{n}", 10, player), rule=rules[n]) for n in range(2))
        keep(first, second)
        assert given_to(player) == sorted(one.gives for one in rule.milestones)


def test_more_scores_of_a_player_than_a_transaction_holds_are_all_there(network: Network) -> None:
    many = [score(f"e-{n}") for n in range(207)]
    keep(message(*many[:100]), message(*many[100:]), message(*many, rule=MAX))

    assert kept() == Entry(207, NOW, ("gold", "silver"))
    best = kept(MAX)
    assert best is not None
    assert best.value == 1


@pytest.mark.parametrize("rule", [SUM, MAX])
def test_periods_and_players_are_apart(network: Network, rule: Rule) -> None:
    keep(
        message(score("e-1", 3), score("e-2", 4, "p-2"), rule=rule),
        message(score("e-3", 5, period="2020-06-15", until=NOW + DAY), rule=rule),
    )
    for player, period, value in (("p-1", "all-time", 3), ("p-2", "all-time", 4)):
        entry = kept(rule, player, period)
        assert entry is not None
        assert entry.value == value
    today = kept(rule, "p-1", "2020-06-15")
    assert today is not None
    assert today.value == 5


def test_what_comes_too_late_is_counted_and_not_kept(network: Network) -> None:
    over = score("e-1", period="2020-03-01", until=NOW - TAKEN_AFTER_DAYS * DAY - 1)
    outcome = keep(message(over, replace(over, until=NOW - TAKEN_AFTER_DAYS * DAY, event_id="e")))

    assert (outcome.scores, outcome.too_late, outcome.kept) == (2, 1, 1)


def test_a_mark_outlives_the_time_in_which_its_score_is_taken(network: Network) -> None:
    until = NOW - 1
    keep(message(score("e-1", period="2020-06-14", until=until)))
    (mark,) = _items(network, "event/")

    assert int(mark["expires"]["N"]) * 1_000 > until + TAKEN_AFTER_DAYS * DAY


def _items(network: Network, sk: str = "") -> list[dict[str, Any]]:
    found = network.dynamodb.answer("Scan", {"TableName": "scores", "ConsistentRead": True})
    return [item for item in found["Items"] if item["sk"]["S"].startswith(sk)]


def test_every_item_is_below_a_kilobyte_whatever_it_is_of(network: Network) -> None:
    """So that a write in a transaction is two units, which the pace counts on."""
    long = "x" * 64
    rule = Rule(
        "b" * 32,
        Best.SUM,
        tuple(Milestone(f"{n}" + "m" * 31, -(10**18) + n, long) for n in range(10)),
    )
    said = Score(long, "2020-W25", NOW, 10**12, 4_102_444_799_999, "\N{PILE OF POO}" * 64)
    keep(Scores(long, long, rule, [said]))
    (given_, *_) = BOARDS.entitlements(long, long)
    BOARDS.consume(long, long, given_.entitlement_id, long, NOW)

    sizes = [item_bytes(item) for item in _items(network)]
    assert (len(sizes), max(sizes) <= 1_024) == (12, True), sizes


FAULTS = st.sampled_from(
    [
        Refuse("ThrottlingException"),
        Refuse("ProvisionedThroughputExceededException"),
        Cancel((0,), "TransactionConflict"),
        Cancel((0,), "ThrottlingError"),
        Lose(effect=True),
        Lose(effect=False),
        Kill(),
        Kill(after=True),
    ]
)


def _fitting(call: Call, fault: Fault | None) -> Fault | None:
    """A transaction alone is cancelled."""
    is_write = call.operation == "TransactWriteItems"
    return None if isinstance(fault, Cancel) and not is_write else fault


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    faults=st.dictionaries(st.integers(1, 30), FAULTS, max_size=12),
    chance=st.randoms(use_true_random=False),
)
def test_none_is_lost_and_none_twice_whatever_fails(
    values: list[int], faults: dict[int, Fault], chance: random.Random
) -> None:
    """Each message is delivered until it was taken, some once more, in any order and batches."""
    with tables(NOW) as network:
        make_scores_table(network)
        network.fault = lambda call: _fitting(call, faults.pop(call.number, None))
        scores = [score(f"e-{n}", value, f"p-{n % 3}") for n, value in enumerate(values)]
        waiting = [message(one, rule=rule) for one in scores for rule in (SUM, MAX)]
        waiting += chance.sample(waiting, len(waiting) // 2)
        chance.shuffle(waiting)
        while waiting:
            batch = waiting[: chance.randrange(1, 5)]
            try:
                keep(*batch)
            except (TransientError, BotoCoreError, ClientError, Killed):
                chance.shuffle(waiting)
                continue
            del waiting[: len(batch)]
        network.fault = None
        for player in {one.player_id for one in scores}:
            own = [one.value for one in scores if one.player_id == player]
            total, best = kept(SUM, player), kept(MAX, player)
            assert total is not None
            assert best is not None
            assert (total.value, best.value) == (sum(own), max(own))
            wanted = [one.gives for one in SUM.milestones if sum(own) >= one.at]
            wanted += [one.gives for one in MAX.milestones if max(own) >= one.at]
            assert given_to(player) == sorted(wanted)


def test_two_writers_of_one_player_are_one_after_the_other(network: Network) -> None:
    """Between what one reads and writes, another writes: with the same score, and with one more."""
    others = [message(score("e-1", 4), score("e-2", 2))]

    def between(call: Call) -> None:
        if call.operation == "TransactWriteItems" and others:
            keep(others.pop())

    network.fault = between
    outcome = keep(message(score("e-1", 4), score("e-3", 1), score("e-4", 1, "p-2")))

    assert (outcome.contended, outcome.kept) == (1, 2)
    assert kept() == Entry(7, NOW, ("silver",))
    assert given_to() == ["badge-silver"]


@pytest.mark.parametrize(("rule", "value"), [(SUM, 9), (MAX, 7)])
def test_what_another_writer_adds_meanwhile_is_not_overwritten(
    network: Network, rule: Rule, value: int
) -> None:
    """The two have no score in common, so that the version alone tells one of the other."""
    keep(message(score("e-1", 1), rule=rule))
    others = [message(score("e-2", 7), rule=rule)]

    def between(call: Call) -> None:
        if call.operation == "TransactWriteItems" and others:
            keep(others.pop())

    network.fault = between
    keep(message(score("e-3", 1, at=NOW - 1), rule=rule))

    entry = kept(rule)
    assert entry is not None
    assert entry.value == value


def test_a_table_that_refuses_everything_gives_the_messages_back(network: Network) -> None:
    network.fault = lambda call: (
        Cancel((0,), "ThrottlingError") if call.operation == "TransactWriteItems" else None
    )
    pauses: list[int] = []
    with pytest.raises(ContendedScoresError):
        keep_scores([message(score("e-1"))], SCORES, lambda: NOW, pauses.append)
    assert pauses == sorted({*pauses})  # each longer than the one before
    assert len(pauses) == MAX_TRIES - 1
    network.fault = lambda call: THROTTLED["dynamodb"]
    with pytest.raises(ClientError):
        keep(message(score("e-1")))
    network.fault = None
    assert kept() is None
    keep(message(score("e-1")))
    assert kept() is not None


# --- the rate -------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0, 0.5)), max_size=60))
def test_no_stretch_of_time_has_more_units_than_the_rate(
    calls: list[tuple[int, float]],
) -> None:
    clock = [0.0]
    through: list[tuple[float, int]] = []

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    pace = Pace(400, lambda: clock[0], sleep)
    for units, idle in calls:
        clock[0] += idle
        pace.take(units)
        through.append((clock[0], units))
    for i, (start, _) in enumerate(through):
        for j in range(i, len(through)):
            units = sum(units for _, units in through[i:j])  # the last is the one call's own
            assert units <= 400 * (through[j][0] - start) + 1e-6


def test_a_burst_is_written_at_the_writers_share_of_the_rate(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 scores of a sum: 1,000 items of two units each take 5 s at 400 units a second."""
    units = Counter[int]()
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    pace = Pace(400, lambda: clock[0], sleep)

    def take(wanted: int) -> None:
        pace.take(wanted)
        units[int(clock[0])] += wanted

    paced = DynamoScores(MarkedItems("scores", "us-east-1", take, client=ITEMS.client))
    scores = [score(f"e-{n}", 1, f"p-{n}") for n in range(500)]
    keep_scores([message(*scores)], paced, lambda: NOW, lambda attempt: None)

    assert sum(units.values()) == 2_000
    assert 4 <= clock[0] < 5
    assert max(units.values()) <= 400 + 200


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("best", [Best.MAX, Best.MIN])
def test_boards_are_read_in_order_with_ranks_and_neighbours(network: Network, best: Best) -> None:
    chance = random.Random(5)
    rule = Rule("b", best)
    values = {f"p-{n}": chance.randrange(20) for n in range(60)}
    keep(message(*(score(p, v, p, at=NOW + int(p[2:])) for p, v in values.items()), rule=rule))
    board = BoardOf("north", "race", "b", "all-time", best)
    sign = 1 if best is Best.MIN else -1
    order = sorted(values, key=lambda player: (sign * values[player], int(player[2:])))

    assert [one.player_id for one in BOARDS.top(board, 7)] == order[:7]
    for place in (0, 1, 30, 59):
        player = order[place]
        entry = BOARDS.entry(board, player)
        assert entry is not None
        assert BOARDS.rank(board, player, entry) == (place + 1, True)
        ahead, behind = BOARDS.around(board, player, entry, 3)
        assert [one.player_id for one in ahead] == order[max(0, place - 3) : place]
        assert [one.player_id for one in behind] == order[place + 1 : place + 4]


def test_a_rank_far_down_a_large_board_is_estimated(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Rule("b", Best.MAX)
    scores = [score(f"e-{n}", n, f"p-{n}") for n in range(400)]
    keep(message(*scores[:200], rule=rule), message(*scores[200:], rule=rule))
    monkeypatch.setattr("workbench.proof.dynamodb.PAGE_BYTES", 1_000)
    board = BoardOf("north", "race", "b", "all-time", Best.MAX)
    last, first = BOARDS.entry(board, "p-0"), BOARDS.entry(board, "p-399")
    assert last is not None
    assert first is not None

    estimated = BOARDS.rank(board, "p-0", last)
    assert not estimated.is_exact
    assert estimated.rank == pytest.approx(400, rel=0.5)
    assert BOARDS.rank(board, "p-399", first) == (1, True)


def test_a_cold_start_makes_one_client_for_all_parts_of_a_board(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made by the threads that ask the parts, it is made once by each."""
    makers: list[threading.Thread] = []

    class Session:
        def create_client(self, service: str, **_: Any) -> Any:
            makers.append(threading.current_thread())
            return ITEMS.client

    keep(message(score("e-1", 4)))
    monkeypatch.setattr("botocore.session.get_session", Session)
    cold = DynamoLeaderboards(MarkedItems("scores", "us-east-1"))
    board = BoardOf("north", "race", SUM.board, "all-time", SUM.best)

    assert [one.value for one in cold.top(board, 1)] == [4]
    assert makers == [threading.current_thread()]


def test_an_entitlement_is_used_once(network: Network) -> None:
    keep(message(score("e-1", 5)))
    (found,) = BOARDS.entitlements("north", "p-1")
    used = BOARDS.consume("north", "p-1", found.entitlement_id, "k-1", NOW + 1)

    assert used is not None
    assert used.consumed_at == NOW + 1
    assert BOARDS.consume("north", "p-1", found.entitlement_id, "k-1", NOW + 9) == used
    with pytest.raises(ConsumedEntitlement):
        BOARDS.consume("north", "p-1", found.entitlement_id, "k-2", NOW + 9)
    assert BOARDS.consume("north", "p-1", "e" * 32, "k-1", NOW) is None
    assert BOARDS.consume("south", "p-1", found.entitlement_id, "k-1", NOW) is None
    assert BOARDS.entitlements("north", "p-1") == [used]


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def wired(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: SimpleNamespace(boards=SCORES))


@pytest.mark.parametrize("case", load("keep_scores"))
@pytest.mark.usefixtures("wired")
def test_samples_are_kept(case: str) -> None:
    event = load("keep_scores")[case]
    poison = [one["messageId"] for one in event["Records"] if "odd" in one["body"]]

    assert lambda_handler.handler(event, None) == {
        "batchItemFailures": [{"itemIdentifier": name} for name in poison]
    }
    places = {
        Place(one.property_id, one.application_id, one.rule.board, each.period, each.player_id)
        for record in event["Records"]
        if "odd" not in record["body"]
        for one in [msgspec.json.decode(record["body"], type=Scores)]
        for each in one.scores
    }
    assert places
    assert all(found.entry is not None for found in SCORES.entries(places).values())


@pytest.mark.usefixtures("wired")
def test_what_fails_in_passing_is_raised_and_counted(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    network.fault = lambda call: THROTTLED["dynamodb"]
    with pytest.raises(ClientError):
        lambda_handler.handler(load("keep_scores")["scores"], None)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(line.get("MessagesReceived") for line in said)

"""The use case of `build_training_set`: decisions, and the play of their windows."""

import json
from typing import Any

import msgspec
import pytest

from build_training_set import handler as door
from build_training_set.service import Found, PropertyDays, observe
from export_decisions.service import row
from pitboss.lake.decided import DECISIONS
from pitboss.lake.rated import GAMES
from pitboss.offers.deciding import Odds
from pitboss.offers.training import from_lines
from pitboss.stores.models import HELD_OUT, SUMMARY, TRAIN
from pitboss.stores.parquet import ParquetLake
from tests import offer_nights, sample_events
from tests.floor_by_day import MemoryLake

pytestmark = pytest.mark.unit

HOUR = 3_600_000
DAY = offer_nights.days()[0].day
DECIDED, OFFER = next(p for p in offer_nights.days()[0].decided if p[1] and not p[0].no_offer)
AT = DECIDED.decided_at


def game(started_at: int | None, win: int, player: str | None = DECIDED.player_id) -> Any:
    row: tuple[Any, ...] = (
        *("101", "game", started_at, (started_at or 0) + 1, player, 1),
        *(0, None, None, 1_000, 0, 0, 0, win, True),
    )
    return row


def seen(*games: Any, decided: Any = DECIDED, known_to: int = AT + 100 * HOUR) -> Found:
    """What is observed of one decision with these games."""
    lake = MemoryLake()
    with ParquetLake(lake, "north", 300) as tables:
        tables.write(DECISIONS, DAY, [row(decided, OFFER)])
        ordered: list[Any] = sorted(games, key=lambda one: one[2] or 0)
        tables.write(GAMES, DAY, ordered)
        return observe(tables, PropertyDays("north", [DAY], known_to))


def test_play_counts_that_started_within_the_window() -> None:
    hours = DECIDED.reward_hours * HOUR
    found = seen(
        game(AT - 1, 1),
        game(AT, 10),  # at the same moment: not after it
        game(AT + 1, 100),
        game(AT + 1, 1_000),
        game(AT + hours, 10_000),
        game(AT + hours + 1, 100_000),
        game(AT + 2, 1_000_000, "another"),
        game(AT + 2, 1_000_000, None),
        game(None, 10_000_000),
        ("101", "first_paytable", None, AT + 2, DECIDED.player_id, *[None] * 5, 0, 0, 0, 9, None),
    )

    (one,) = found.observed
    assert one.play == 11_100
    assert one.redeemed_cents in (0, DECIDED.actions[1].cost_cents, OFFER and OFFER.cost_cents)
    assert one.features == tuple(sorted(DECIDED.context.items()))


def test_who_did_not_play_again_brought_nothing() -> None:
    (one,) = seen().observed
    assert one.play == 0


def test_a_window_that_is_open_waits() -> None:
    closes = AT + DECIDED.reward_hours * HOUR
    assert len(seen(known_to=closes).observed) == 1
    waiting = seen(known_to=closes - 1)
    assert (waiting.observed, waiting.open_windows) == ([], 1)


def test_a_decision_that_cannot_have_been_is_left_out_and_counted() -> None:
    broken = msgspec.structs.replace(DECIDED, actions=(Odds("none", "none", 0, 999_999),))
    found = seen(decided=broken)
    assert (found.observed, found.rejected) == ([], 1)


def test_of_more_decisions_than_fit_the_newest_count() -> None:
    with ParquetLake(offer_nights.lake(), "north", 300) as tables:
        found = observe(tables, PropertyDays(**offer_nights.planned()), limit=50)
    newest = sorted(
        (d.decided_at for day in offer_nights.days() for d, _ in day.decided), reverse=True
    )[:50]
    assert len(found.observed) + found.open_windows == 50
    assert min(one.decision_id for one in found.observed)
    assert {one.day for one in found.observed} <= {day.day for day in offer_nights.days()[-2:]}
    assert newest


def test_the_sums_so_far_say_the_same_as_adding_up_each_window() -> None:
    with ParquetLake(offer_nights.lake(), "north", 300) as tables:
        found = observe(tables, PropertyDays(**offer_nights.planned()))
    games: dict[str, list[tuple[int, int]]] = {}
    for day in offer_nights.days():
        for one in day.games:
            games.setdefault(one[4], []).append((one[2], one[13]))
    decided = {d.decision_id: d for day in offer_nights.days() for d, _ in day.decided}
    assert len(found.observed) == len(decided)
    for one in found.observed:
        at = decided[one.decision_id].decided_at
        until = at + decided[one.decision_id].reward_hours * HOUR
        assert one.play == sum(w for t, w in games[one.player_id] if at < t <= until)
    assert sum(one.play for one in found.observed)


class StubWiring:
    def __init__(self, models: Any) -> None:
        self.lake = offer_nights.lake()
        self.models = models


def test_the_handler_keeps_the_set_in_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with offer_nights.models() as models:
        made = StubWiring(models)
        monkeypatch.setattr(door, "_wiring", lambda: made)
        answer = door.handler({"run": "r", "properties": [offer_nights.planned()]}, None)

        built = offer_nights.training()
        assert answer == {
            "train_rows": len(built.train),
            "held_out_rows": len(built.held_out),
            "enough": False,
            "why": built.summary.why_not,
        }
        assert from_lines(models.of_run("r", TRAIN)) == built.train
        assert from_lines(models.of_run("r", HELD_OUT)) == built.held_out
        assert json.loads(models.of_run("r", SUMMARY))["cap_cents"] == built.summary.cap_cents
    counted = json.loads(capsys.readouterr().out)
    assert counted["RewardsCapped"] == [float(built.summary.capped)]
    assert counted["DecisionsRejected"] == [0.0]


@pytest.mark.parametrize("case", sample_events.load("build_training_set"))
def test_days_without_decisions_teach_nothing(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with offer_nights.models() as models:
        made = StubWiring(models)
        made.lake.bodies.clear()
        monkeypatch.setattr(door, "_wiring", lambda: made)
        answer = door.handler(sample_events.load("build_training_set")[case], None)
    assert (answer["train_rows"], answer["enough"]) == (0, False)

"""Scores are found in what games' servers say, and published whole."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pitboss.access import Status as Access
from pitboss.errors import BrokenReleaseError
from pitboss.events.batch import BatchHeader
from pitboss.games.applications import Application
from pitboss.games.events import GameEvent
from pitboss.games.leaderboards import Best, Board, Period, Scores, Status, Unscored
from pitboss.gaming_day import GamingDay
from pitboss.stores.topic import Message, UnpublishedError
from publish_scores import handler as lambda_handler
from publish_scores.service import CALL_BYTES, Boards, Outcome, boards_of, publish_scores
from tests.sample_events import GAME_PLAY, load

NOW = 1_592_277_300_000
WINS = Board("wins", "level_finished", Best.SUM)
LAP = Board("lap", "level_finished", Best.MIN, "seconds", Period.DAY, 2)
RACE = Application("north", "race", 1, boards={"wins": WINS, "lap": LAP})
HEADER = BatchHeader("north", "race", NOW, "server", "studio")


class Topic:
    def __init__(self) -> None:
        self.calls: list[list[Message]] = []

    def publish(self, messages: Sequence[Message]) -> None:
        self.calls.append(list(messages))

    @property
    def scores(self) -> list[Scores]:
        return [msgspec.json.decode(m.body, type=Scores) for call in self.calls for m in call]


class Applications:
    def __init__(self, *applications: Application) -> None:
        self._known = {(one.property_id, one.application_id): one for one in applications}

    def find(self, property_id: str, application_id: str) -> Boards | None:
        found = self._known.get((property_id, application_id))
        return None if found is None else boards_of(found)


def event(n: int, **changed: Any) -> GameEvent:
    said = GameEvent(
        f"e-{n}", NOW, "level_finished", "1", "", f"p-{n % 7}", None, None, None, b"{}", True
    )
    return replace(said, **changed)


def publish(
    events: list[GameEvent], race: Application = RACE, header: BatchHeader = HEADER
) -> tuple[Outcome, Topic]:
    topic = Topic()
    days = GamingDay.parse("UTC@06:00")
    outcome = publish_scores([(header, events)], Applications(race), topic, lambda _: days)
    return outcome, topic


def test_an_event_is_on_every_board_that_it_is_a_score_of() -> None:
    outcome, topic = publish(
        [
            event(1, data=b'{"seconds":61.25}'),
            event(2, player_id="p-2"),
            event(3, event_type="login"),
            event(4, is_trusted=False, data=b'{"seconds":1}'),
        ]
    )
    found = {
        one.rule.board: [(s.player_id, s.period, s.value) for s in one.scores]
        for one in topic.scores
    }

    assert found == {
        "wins": [("p-1", "all-time", 1), ("p-2", "all-time", 1)],
        "lap": [("p-1", "2020-06-15", 6_125)],
    }
    assert (outcome.events, outcome.scores, outcome.messages) == (4, 3, 2)
    assert outcome.unscored == {Unscored.NO_VALUE: 1, Unscored.UNTRUSTED: 2}


@pytest.mark.parametrize(
    ("race", "header"),
    [
        (replace(RACE, status=Access.REVOKED), HEADER),
        (replace(RACE, boards={"wins": replace(WINS, status=Status.CLOSED)}), HEADER),
        (RACE, replace(HEADER, asset_id="else")),
        (RACE, replace(HEADER, property_id="south")),
    ],
    ids=["revoked", "closed", "unknown", "foreign"],
)
def test_where_there_is_no_open_board_there_is_no_score(
    race: Application, header: BatchHeader
) -> None:
    outcome, topic = publish([event(1)], race, header)

    assert (outcome.events, outcome.scores, topic.calls) == (1, 0, [])


def test_every_score_is_in_one_message_of_a_size_that_sns_takes() -> None:
    name = "\N{PILE OF POO}" * 60  # four bytes each
    events = [event(n, event_id=f"{name}{n:04d}", player_id="x" * 64) for n in range(1_234)]
    outcome, topic = publish(events)

    assert outcome.messages == 13
    assert [s.event_id for one in topic.scores for s in one.scores] == [e.event_id for e in events]
    for call in topic.calls:
        assert sum(len(one.body.encode()) for one in call) <= CALL_BYTES


# --- the handler ----------------------------------------------------------------------------------


def wire(monkeypatch: pytest.MonkeyPatch, topic: Any) -> None:
    finished = Board("wins", GAME_PLAY[0]["event_type"], Best.SUM)
    race = Application("north", "space-race", 1, boards={"wins": finished})
    wiring = SimpleNamespace(
        applications=Applications(race),
        topic=topic,
        days_of=lambda _: GamingDay.parse("UTC@06:00"),
    )
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: wiring)


@pytest.mark.parametrize("case", load("publish_scores"))
def test_samples_are_published(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = Topic()
    wire(monkeypatch, topic)

    assert lambda_handler.handler(load("publish_scores")[case], None) == {"batchItemFailures": []}
    assert len(topic.scores) == 1
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["RecordsUnreadable"] == [1.0 if case == "poison_among_good" else 0.0]


def test_what_is_not_taken_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def publish(self, messages: Sequence[Message]) -> None:
            raise UnpublishedError(len(messages), "Throttled")

    wire(monkeypatch, Refusing())
    with pytest.raises(UnpublishedError):
        lambda_handler.handler(load("publish_scores")["play"], None)


def test_a_release_that_reads_nothing_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wire(monkeypatch, Topic())
    monkeypatch.setattr(lambda_handler, "unpack_games", lambda _: 1 / 0)
    with pytest.raises(BrokenReleaseError):
        lambda_handler.handler(load("publish_scores")["play"], None)

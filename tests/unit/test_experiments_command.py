"""`pitboss experiments`: files, what is registered, and what is said of results, in memory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pitboss.experiments.analysis import Verdict
from pitboss.experiments.assignment import assigned
from pitboss.experiments.definition import Metric
from pitboss.rating.fold import SessionDay, Tally
from pitboss.stores import ratings as ratings_store
from pitboss.stores.experiments import DynamoExperiments, Exposure
from pitboss.stores.ratings import PlayerSession, SessionPlace
from tests.fakes.network import tables
from tests.unit.test_experiments import content
from workbench import endpoint, stack
from workbench import experiments as command
from workbench.main import app

NOW = 1_592_277_300_000
DAY = 86_400_000


class Ratings:
    """One session of each player on each of three gaming days, the first before the exposure."""

    def __init__(self, *_: object) -> None:
        self.pages = 0

    def player_sessions(
        self,
        property_id: str,
        player_id: str,
        newest: int,
        before: SessionPlace | None = None,
        *,
        as_now: bool = False,
    ) -> list[PlayerSession]:
        """Newest first, two to a page."""
        assert (property_id, as_now) == ("north", True)
        self.pages += 1
        known = [
            PlayerSession(
                SessionDay(f"2020-06-{day:02d}", player_id, day),
                "7",
                Tally(games=1, coin_in_cents=500, theoretical_win=10_000 * (50 + len(player_id))),
                NOW + (day - 15) * DAY,
                NOW + (day - 15) * DAY,
            )
            for day in (7, 6, 5)
        ]
        return [one for one in known if before is None or one.key.day < before.day][:newest]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoExperiments]:
    with tables(NOW, "experiments"):
        made = DynamoExperiments("experiments", "us-east-1")

        @contextmanager
        def given() -> Iterator[DynamoExperiments]:
            yield made

        monkeypatch.setattr(command, "_store", given)
        monkeypatch.setattr(command, "_now", lambda: NOW)
        settings = {"GAMING_DAYS": "*=UTC@00:00", "RATINGS_TABLE": "ratings"}
        monkeypatch.setattr(stack, "settings_of", lambda function: settings)
        monkeypatch.setattr(endpoint, "target", lambda: endpoint.Target(None, "us-east-1"))
        monkeypatch.setattr(ratings_store, "DynamoRatings", Ratings)
        yield made


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(app, ["experiments", *arguments])
    return done.exit_code, done.output


def applied(folder: Path, **changed: Any) -> tuple[int, str]:
    file = folder / "welcome.yaml"
    file.write_text(json.dumps(content(share=10_000, **changed)))
    code, said = run("apply", str(file))
    return code, said


def test_an_experiment_is_applied_listed_shown_and_stopped(
    store: DynamoExperiments, tmp_path: Path
) -> None:
    assert applied(tmp_path) == (
        0,
        "Experiment welcome of property north is running: 10,000 of layer lobby's "
        "10,000 buckets.\n",
    )
    assert applied(tmp_path)[0] == 0  # again, and nothing is changed
    assert store.book("north").revision == 1
    code, said = run("list", "--property", "north")
    assert (code, "100 %" in said, "v0, v1" in said) == (0, True, True)
    code, said = run("show", "welcome", "--property", "north")
    assert (code, "buckets 0 to 9999: v0 50 %, v1 50 %" in said) == (0, True)
    code, said = run("stop", "welcome", "--property", "north")
    assert (code, said) == (0, "Experiment welcome is over since 2020-06-16 03:15:00.\n")
    code, said = applied(tmp_path)
    assert (code, "It is not registered: welcome is over, for good" in said) == (1, True)


def test_results_are_of_those_whose_window_is_over(
    store: DynamoExperiments, tmp_path: Path
) -> None:
    """120 players, of whom treated ones have longer names, and so are worth more."""
    stop = {"max_days": 30, "minimum_exposure": 50, "expected_exposure": 100}
    applied(tmp_path, window_days=2, stop=stop, guardrails=[{"metric": "games"}])
    (one,) = store.running("north")
    for number in range(130):
        at = NOW - (0 if number >= 120 else 10 * DAY)
        place = assigned(one, f"p-{number}")
        assert place is not None
        player_id = f"p-{number:03d}" + "x" * 9 * (place.variant.key == "v1")
        store.expose("north", Exposure("welcome", player_id, place.variant.key, 0, at))
    code, said = run("results", "welcome", "--property", "north", "--json")

    assert code == 0, said
    found = json.loads(said)
    assert sum(arm["exposed"] for arm in found["arms"]) == 130
    assert sum(arm["counted"] for arm in found["arms"]) == 120
    (compared,) = found["compared"]
    assert (compared["primary"]["control_mean"], compared["primary"]["treatment_mean"]) == (
        2 * 55.0,
        2 * 64.0,
    )
    assert found["verdict"] == "stop_better"
    code, said = run("results", "welcome", "--property", "north")
    assert (code, "v1: stop: better" in said) == (0, True), said


def test_play_is_read_page_by_page_as_far_as_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_PAGE", 2)
    ratings: Any = Ratings()

    found = command.play_since(ratings, "north", "p-1", "2020-06-05")
    assert ([one.day[-2:] for one in found], ratings.pages) == (["07", "06", "05"], 2)
    found = command.play_since(ratings, "north", "p-1", "2020-06-07")
    assert ([one.day[-2:] for one in found], ratings.pages) == (["07"], 3)


def test_the_documented_experiment_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/experiments.md").read_text()
    file = tmp_path / "documented.yaml"
    file.write_text(text.partition("```yaml\n")[2].partition("```")[0])

    found = command.load(file)
    assert (found.key, len(found.variants), found.stop.max_days) == ("warm-welcome", 2, 60)
    assert all(f"`{metric}`" in text for metric in Metric)
    assert all(f"`{verdict}`" in text for verdict in Verdict)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[", "is neither YAML nor JSON"),
        ("[]", "is no experiment: Expected `object`, got `array`."),
        ("key: a", "is no experiment: Object missing required field"),
    ],
    ids=["broken", "list", "part"],
)
def test_a_file_that_is_none_is_told_why(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "it.yaml"
    file.write_text(text)
    code, said = run("apply", str(file))

    assert (code, fault in said) == (1, True), said
    assert "cannot be read" in run("apply", str(tmp_path / "none.yaml"))[1]

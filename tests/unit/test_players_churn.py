"""`pitboss players churn` and `propensity`: who is shown, and how good what is said is."""

import json
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pitboss.offers.gate import Refusal
from pitboss.offers.learned import RULES
from pitboss.players.features import DAY_MS
from pitboss.players.scores import Score, Scores, encode_scores
from pitboss.stores.models import S3Models, of_property
from tests import offer_nights
from workbench import players_foreseen, players_simulated
from workbench.main import app
from workbench.players_foreseen import allowed
from workbench.players_simulated import NOW, Guest, stays_away

pytestmark = pytest.mark.unit

DATA = Path(os.environ.get("PITBOSS_DATA", Path(__file__).parents[3] / "shared" / "data"))
PUBLISHED = DATA / "hillstrom" / "hillstrom-60.csv"
SCORES = tuple(Score(f"p-{n}", 0.9 - n / 10, ("was last there long ago",)) for n in range(5))


def run(*words: object) -> Any:
    return CliRunner().invoke(app, ["players", *map(str, words)])


# --- the list -------------------------------------------------------------------------------------


def refusals(player_id: str) -> tuple[Refusal, ...]:
    return {"p-0": (Refusal.SELF_EXCLUDED,), "p-2": (Refusal.HIGH_RISK,)}.get(player_id, ())


def test_whom_the_gate_refuses_since_is_not_shown() -> None:
    shown, refused = allowed(SCORES, refusals, 2)

    assert [one.player_id for one in shown] == ["p-1", "p-3"]
    assert refused == Counter({"self_excluded": 1, "high_risk": 1})


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Any:
    with offer_nights.models() as offers:
        bucket: Any = offers
        outputs = {"LakeBucketName": bucket._bucket}
        client = SimpleNamespace(client=lambda name: bucket._client)
        monkeypatch.setattr("workbench.endpoint.client", client.client)
        monkeypatch.setattr("workbench.endpoint.stack_outputs", lambda: outputs)
        monkeypatch.setattr(players_foreseen, "_gate", lambda property_id: refusals)
        yield S3Models(bucket._bucket, client=bucket._client, family=of_property("churn", "P1"))


def put(kept: S3Models, version: str = "churn-1") -> None:
    scores = Scores(run="r", scored_at=1_000, model_version=version, players=SCORES)
    kept.put_scores(encode_scores(scores))


def test_the_likeliest_are_listed_with_reasons(kept: S3Models) -> None:
    put(kept)
    done = run("churn", "--property", "P1", "--top", 2, "--json")

    assert json.loads(done.stdout) == {
        "model_version": "churn-1",
        "scored_at": 1_000,
        "players": [
            {"player_id": f"p-{n}", "probability": one.probability, "reasons": list(one.reasons)}
            for n, one in ((1, SCORES[1]), (3, SCORES[3]))
        ],
        "refused": {"high_risk": 1, "self_excluded": 1},
    }
    shown = run("churn", "--property", "P1").stdout
    assert "was last there long ago" in shown
    assert "p-0" not in shown
    assert "The gate refuses others since: self_excluded (1), high_risk (1)." in shown


def test_where_there_is_none_it_is_said_why(kept: S3Models) -> None:
    assert "`pitboss retrain`" in run("churn", "--property", "P1").stderr
    put(kept, RULES)
    assert "models list --family churn --property P1" in run("churn", "--property", "P1").stderr


# --- the evaluation -------------------------------------------------------------------------------


def test_the_best_answer_is_the_closed_form() -> None:
    """Of one player's own numbers: there with what is left of who was, and then not silent."""
    guest = Guest("p", 0.2, 0.1, [NOW - 9 * DAY_MS, NOW - 4 * DAY_MS, NOW + DAY_MS], [])
    silent = 0.9 * np.exp(-0.2 * 4)
    expected = 1 - silent / (silent + 0.1) * (1 - np.exp(-0.2 * 30))

    assert stays_away(guest, NOW, np.array([0.2]), np.array([0.1])) == pytest.approx(expected)
    seldom = guest._replace(visits=guest.visits[:1])
    rates, leaves = np.array([0.05, 1.0]), np.array([0.1, 0.1])
    assert stays_away(seldom, NOW, rates, leaves) > stays_away(guest, NOW, rates, leaves)


def test_the_model_beats_last_visits_and_comes_near_what_can_be_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(players_simulated, "PLAYERS", 900)
    done = run("evaluate", "--dataset", "simulated", "--json")

    found = json.loads(done.stdout)
    area = {name: one["auroc"] for name, one in found["scores"].items()}
    brier = {name: one["brier"] for name, one in found["scores"].items()}
    assert list(area) == list(players_simulated.NAMES)
    assert area["last_visit"] < area["model"] < area["spread"] < area["truth"]
    assert area["model"] > area["spread"] - 0.07
    assert brier["model"] < brier["last_visit"] < found["guessed_brier"]
    assert found["promoted"]
    assert found["rows"] > found["happened"] > 100


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"{PUBLISHED} is not here (PITBOSS_DATA)")
def test_who_takes_an_offer_is_told_of_people_held_out(tmp_path: Path) -> None:
    """A sixth of them, for the time that it takes."""
    lines = PUBLISHED.read_text().splitlines()
    part = tmp_path / "part.csv"
    part.write_text("\n".join([lines[0], *lines[1::6]]))

    done = run("evaluate", part, "--dataset", "hillstrom", "--json")

    found = json.loads(done.stdout)["visit"]
    assert found["auroc"]["model"] > max(0.56, found["auroc"]["untuned"])
    assert found["auroc"]["base_rate"] == 0.5
    assert found["brier"]["model"] < found["brier"]["base_rate"]
    assert found["rows"] > 1_000
    assert len(found["reliability"]) == 10


def test_only_sets_with_files_have_a_folder() -> None:
    assert "leave --save" in run("evaluate", "--dataset", "simulated", "--save", "x").stderr
    assert "leave PATH" in run("evaluate", "--dataset", "simulated", "x").stderr
    assert "say where" in run("evaluate", "--dataset", "gaming1").stderr

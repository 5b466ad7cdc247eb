"""`pitboss players`: what public data say, and what wrong files are told."""

import csv
import json
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pitboss.players import figures
from pitboss.players.families import RISK
from pitboss.players.features import After, Behaviour
from pitboss.players.model import decode
from tests import golden_lake
from workbench import local_lake, players_gaming1, players_risk
from workbench.console import UsageError
from workbench.main import app
from workbench.players_evaluate import divided, judged
from workbench.players_gaming1 import NEEDED, read

pytestmark = pytest.mark.unit

DATA = Path(os.environ.get("PITBOSS_DATA", Path(__file__).parents[3] / "shared" / "data"))
PUBLISHED = DATA / "gaming1"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["players", *map(str, arguments)])


def write(folder: Path, name: str, rows: list[dict[str, object]], columns: Iterable[str]) -> None:
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="NA")
        writer.writeheader()
        writer.writerows(rows)


def made(folder: Path, players: int = 240, *, shuffled: bool = False) -> Path:
    """Files like the published ones: those who play and raise much are of high risk more often."""
    chance = Random(5)
    folder.mkdir(exist_ok=True)
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in NEEDED}
    for number in range(1, players + 1):
        often, raises = chance.gauss(), chance.gauss()
        games = round(400 * math.exp(often)) + 1
        sessions = games // 50 + 1
        odds = 0.5 + 2 * often + raises
        risky = chance.random() < 1 / (1 + math.exp(-odds))
        player: dict[str, object] = {
            "id_player": number,
            "group": "High-Risk" if risky else "Low-Risk",
        }
        rows["descriptive_data"].append(
            player
            | {"n_session": sessions, "n_round_total": games, "bet_mean": 0.5, "bet_max": 1}
            | {"total_spent": -3, "win_max": "NA"}
        )
        for outcome, share in (("loss", 0.8), ("win", 0.2)):
            if number % 9 == 0 and outcome == "win":
                continue  # never won
            some = round(games * share)
            before = player | {"prev_outcome": outcome}
            rows["stop"].append(
                player | {"outcome": outcome, "total_count": some, "stop_count": sessions // 2}
            )
            rows["stake_change"].append(
                before | {"n_round_change": 5, "stake_change_size": round(raises, 3)}
            )
            if number % 10:  # of some, no response time is known
                rows["rt"].append(before | {"n_round": some, "rt_mean": chance.uniform(300, 900)})
    for name, some_rows in rows.items():
        columns = sorted({column for row in some_rows for column in row})
        if shuffled:
            chance.shuffle(columns)
            chance.shuffle(some_rows)
        write(folder, name, some_rows, columns)
    return folder


def changed(folder: Path, name: str, change: Callable[[str], str]) -> Path:
    file = folder / f"{name}.csv"
    file.write_text(change(file.read_text()))
    return folder


# --- what it says ---------------------------------------------------------------------------------


def test_the_json_is_the_agreed_one(tmp_path: Path) -> None:
    done = run("evaluate", "--dataset", "gaming1", made(tmp_path / "g"), "--json")

    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert list(found) == ["auroc", "average_precision", "f1", "brier", "rows"]
    assert found["rows"] == pytest.approx(72, abs=4)
    assert 0.75 < found["auroc"] < 1
    assert found["brier"] < 0.22


def test_the_table_has_intervals_reliability_and_fairness(tmp_path: Path) -> None:
    saved = tmp_path / "model.json"
    done = run(
        *("evaluate", "--dataset", "gaming1", made(tmp_path / "g"), "--seeds", 2, "--save", saved)
    )

    assert done.exit_code == 0
    for part in ("AUROC", "mean of 2 seeds", "worst", "Expected and observed", "quartile 4"):
        assert part in done.stdout
    assert "age and gender are not in the data" in done.stdout
    assert decode(saved.read_bytes(), RISK).players == 240


def test_neither_the_order_of_columns_nor_of_rows_matters(tmp_path: Path) -> None:
    plain, mixed = made(tmp_path / "a"), made(tmp_path / "b", shuffled=True)

    assert read(mixed) == read(plain)


def test_nothing_of_the_held_out_players_reaches_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pitboss.players import learning
    from pitboss.players.features import values

    players = read(made(tmp_path / "g"))
    learned, held = divided(players, seed=1)
    given: list[Any] = []
    whole = learning.learn

    def told(seen: Any, *rest: Any) -> Any:
        given.extend(seen)
        return whole(seen, *rest)

    monkeypatch.setattr(learning, "learn", told)

    judged(players, seed=1)

    assert not {one.player_id for one in learned} & {one.player_id for one in held}
    assert given == [values(one.behaviour) for one in learned]
    assert len(held) / len(players) == pytest.approx(0.3, abs=0.01)


def test_both_parts_are_of_the_same_mix_and_seeds_differ(tmp_path: Path) -> None:
    players = read(made(tmp_path / "g"))

    parts = {seed: divided(players, seed) for seed in (1, 2)}

    shares = [sum(one.high_risk for one in part) / len(part) for part in parts[1]]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)
    assert parts[1][1] != parts[2][1]


@pytest.mark.skipif(
    not PUBLISHED.exists(), reason=f"third-party data is not here: no {PUBLISHED} (PITBOSS_DATA)"
)
def test_the_published_players_are_told_apart() -> None:
    found = json.loads(run("evaluate", "--dataset", "gaming1", PUBLISHED, "--json").stdout)

    assert found["rows"] == 489
    assert found["auroc"] >= 0.86
    assert found["brier"] < 0.15


# --- reading --------------------------------------------------------------------------------------


def test_a_player_is_read_as_written(tmp_path: Path) -> None:
    player = {"id_player": 7, "group": "Low-Risk"}
    summary = {"n_session": 2, "n_round_total": 9, "bet_mean": 0.5, "bet_max": "NA"}
    write(tmp_path, "descriptive_data", [player | summary], NEEDED["descriptive_data"])
    stop = {"id_player": 7, "outcome": "loss", "total_count": 8, "stop_count": 2}
    write(tmp_path, "stop", [stop], NEEDED["stop"])
    change = {"id_player": 7, "prev_outcome": "loss", "n_round_change": 3, "stake_change_size": 0.2}
    write(tmp_path, "stake_change", [change], NEEDED["stake_change"])
    write(tmp_path, "rt", [{"id_player": 8, "prev_outcome": "loss"}], NEEDED["rt"])

    (found,) = read(tmp_path)

    assert found.behaviour == Behaviour(
        sessions=2,
        games=9,
        mean_stake_cents=50,
        highest_stake_cents=None,
        after_loss=After(games=8, stops=2, changes=3, change_cents=20),
    )
    assert not found.high_risk
    assert found.everything["stake_change.loss.n_round_change"] == 3


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_file_or_column_is_told(tmp_path: Path, name: str) -> None:
    folder = made(tmp_path / "g", players=3)
    column = NEEDED[name][-1]
    changed(folder, name, lambda text: text.replace(column, "other"))
    with pytest.raises(UsageError, match=f"{name}.csv has no column {column}: take"):
        read(folder)

    (folder / f"{name}.csv").unlink()
    with pytest.raises(
        UsageError, match=r"No such file.*DIR is the folder of descriptive_data.csv"
    ):
        read(folder)


@pytest.mark.parametrize(
    ("name", "column", "value", "said"),
    [
        ("descriptive_data", "group", "Unknown", "the group is High-Risk or Low-Risk, not"),
        ("descriptive_data", "bet_mean", "many", "bet_mean is a number or NA, not 'many'"),
        ("stop", "outcome", "draw", "outcome is loss or win, not 'draw'"),
        ("rt", "rt_mean", "1,2", "not as many fields as the header has"),
    ],
)
def test_what_cannot_be_is_told_by_its_line(
    tmp_path: Path, name: str, column: str, value: str, said: str
) -> None:
    folder = made(tmp_path / "g", players=3)
    lines = [line.split(",") for line in (folder / f"{name}.csv").read_text().splitlines()]
    lines[1][lines[0].index(column)] = value
    (folder / f"{name}.csv").write_text("\n".join(map(",".join, lines)))

    with pytest.raises(UsageError, match=f"{name}.csv, line 2: {said}"):
        read(folder)


def test_a_player_twice_is_told(tmp_path: Path) -> None:
    folder = made(tmp_path / "g", players=3)
    changed(folder, "descriptive_data", lambda text: text + text.splitlines()[1] + "\n")

    with pytest.raises(UsageError, match="line 5: player 1 has a row already"):
        read(folder)


def test_too_few_players_are_told(tmp_path: Path) -> None:
    done = run("evaluate", "--dataset", "gaming1", made(tmp_path / "g", players=30), "--json")

    assert done.exit_code == 2
    assert "at least 25 of each are needed" in done.stderr


# --- figures --------------------------------------------------------------------------------------


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    found = figures.auroc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 1.0, 0.0, 1.0]))

    assert found.value == 3.5 / 4  # three pairs in order, one level


def test_the_interval_is_as_wide_as_chance_makes_it() -> None:
    """DeLong's deviation against that of many samples."""
    chance = np.random.default_rng(1)
    truth = np.repeat([0.0, 1.0], [60, 120])
    found = [figures.auroc(truth + chance.normal(size=180), truth) for _ in range(300)]

    deviation = np.std([one.value for one in found])
    told = np.mean([(one.high - one.low) / 2 / 1.96 for one in found])
    assert told == pytest.approx(deviation, rel=0.15)


def test_a_score_gains_nothing_over_itself() -> None:
    truth = np.repeat([0.0, 1.0], 20)
    answers = np.random.default_rng(2).normal(size=40) + truth

    assert figures.auroc_gain(answers, answers, truth) == (0, 0, 0)


def test_wilson_as_published() -> None:
    """81 of 263: Newcombe, Statistics in Medicine 17, 1998, table I, method 3."""
    found = figures.wilson(81, 263)

    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


# --- scores and reasons ---------------------------------------------------------------------------


def test_players_are_scored_by_a_saved_model_and_told_why(tmp_path: Path) -> None:
    folder, saved = made(tmp_path / "g"), tmp_path / "model.json"
    run("evaluate", "--dataset", "gaming1", folder, "--json", "--save", saved)

    done = run("risk", "--model", saved, "--gaming1", folder, "--top", 5, "--json")

    found = json.loads(done.stdout)
    assert len(found) == 5
    assert [one["score"] for one in found] == sorted((o["score"] for o in found), reverse=True)
    assert all(one["games"] >= RISK.least_games for one in found)
    assert any("than 9 in 10 players" in reason for reason in found[0]["reasons"])


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    missing = run("risk", "--model", file, "--gaming1", tmp_path)
    file.write_text("{}")
    broken = run("risk", "--model", file, "--gaming1", tmp_path)

    assert missing.exit_code == broken.exit_code == 2
    assert "`pitboss players evaluate --save FILE` writes one" in missing.stderr
    assert "these bytes are no model of risk" in broken.stderr


def test_games_of_the_lake_are_asked_for_by_their_days() -> None:
    assert players_risk.statement("P1", "2026-11-01", "2026-11-30").endswith(
        "WHERE property_id = 'P1' AND gaming_day >= '2026-11-01' AND gaming_day <= '2026-11-30' "
        "AND kind = 'game' AND complete AND player_id IS NOT NULL"
    )


@pytest.mark.parametrize("arguments", [("P1", "yesterday", None), ("P'1", None, None)])
def test_what_is_no_day_or_property_is_told(arguments: tuple[str, str | None, None]) -> None:
    with pytest.raises(UsageError, match="is no"):
        players_risk.statement(*arguments)


def test_games_of_the_lake_are_read_as_asked_for(tmp_path: Path) -> None:
    golden_lake.write(tmp_path)
    parsed = local_lake.parse(
        players_risk.statement(golden_lake.PROPERTY, golden_lake.MON, golden_lake.TUE)
    )
    games = {"games": golden_lake.files(tmp_path)["games"]}

    found = players_risk.behaviours_of(local_lake.run(parsed, games).rows)

    assert {player: (one.games, one.sessions) for player, one in found.items()} == {
        "p1": (3, 2),
        "p2": (1, 1),
    }
    assert found["p1"].after_loss.change_cents is None  # 500 after 500; 300 on another day


def test_rated_games_of_a_player_become_how_they_played() -> None:
    rows = [
        ("p2", 0, 3_000, 100, 0),
        ("p1", 9_000, 12_000, 150, 40),
        ("p1", 0, 3_000, 100, 0),
    ]

    found = players_risk.behaviours_of(rows)

    assert list(found) == ["p1", "p2"]
    assert found["p1"].after_loss == After(
        games=1, stops=0, responses=1, response_ms=6_000, changes=1, change_cents=50
    )
    assert found["p1"].after_win == After(games=1, stops=1)


def test_reading_is_of_the_columns_that_docs_name() -> None:
    text = (Path(__file__).parents[2] / "docs" / "players.md").read_text()

    for name, columns in players_gaming1.NEEDED.items():
        assert f"`{name}.csv`" in text
        assert all(f"`{column}`" in text for column in columns)

"""`pitboss offers evaluate`: what the published experiment says, and what a wrong file is told."""

import json
import os
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest
from typer.testing import CliRunner

from workbench import offers_evaluate
from workbench.console import WorkbenchError
from workbench.main import app
from workbench.offers_evaluate import COLUMNS, Cautious, evaluated, read

pytestmark = pytest.mark.unit

DATA = Path(os.environ.get("PITBOSS_DATA", Path(__file__).parents[3] / "shared" / "data"))
PUBLISHED = DATA / "hillstrom" / "hillstrom-60.csv"
POLICIES = ["random", "none", "always-mens", "always-womens", "learned"]


def made(path: Path, rows: int = 2_000, likes: bool = False) -> Path:
    """A file like the published one; where they have likes, each mail is right for one half."""
    chance = Random(4)
    lines = [",".join(COLUMNS)]
    for _ in range(rows):
        womens = chance.randrange(2)
        segment = chance.choice(["No E-Mail", "Mens E-Mail", "Womens E-Mail"])
        rate = {"No E-Mail": 0.1, "Mens E-Mail": 0.4, "Womens E-Mail": 0.2}[segment]
        if likes and segment != "No E-Mail":
            rate = 0.7 if (segment == "Womens E-Mail") == bool(womens) else 0.05
        visit = int(chance.random() < rate)
        history = f"{chance.uniform(30, 900):.2f}"
        spend = "49.90" if visit and chance.random() < 0.5 else "0"
        values = [chance.randint(1, 12), history, 1 - womens, womens, chance.randrange(2)]
        values += ["Urban", "Web", segment, visit, int(spend != "0"), spend]
        lines.append(",".join(map(str, values)))
    path.write_text("\n".join(lines) + "\n")
    return path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["offers", "evaluate", *map(str, arguments)])


# --- what it says ---------------------------------------------------------------------------------


def test_the_json_is_the_agreed_one(tmp_path: Path) -> None:
    picture = tmp_path / "values.svg"
    done = run("--dataset", "hillstrom", made(tmp_path / "h.csv"), "--json", "--picture", picture)

    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert list(found) == ["visit", "conversion", "spend", "rows"]
    assert found["rows"] == 2_000
    for outcome in ("visit", "conversion", "spend"):
        assert list(found[outcome]) == ["policies", "gate"]
        assert list(found[outcome]["policies"]) == POLICIES
        for one in found[outcome]["policies"].values():
            assert list(one) == ["value", "standard_error", "low", "high"]
            assert one["low"] < one["value"] < one["high"]
        assert found[outcome]["gate"] == {"verdict": "keep", "policy": "always-mens"}
    assert found["visit"]["policies"]["always-mens"]["value"] == pytest.approx(0.4, abs=0.1)
    assert found["spend"]["policies"]["none"]["value"] == pytest.approx(2.5, abs=2)
    assert picture.read_text().count("the gate: keep always-mens") == 3


def test_where_all_like_the_same_the_best_single_one_is_kept(tmp_path: Path) -> None:
    result = evaluated(read(made(tmp_path / "h.csv")), "visit", 0.7, 1)

    assert (result.verdict.verdict, result.verdict.policy) == ("keep", "always-mens")
    assert result.lead.value >= -result.values["learned"].standard_error


def test_where_each_likes_another_the_learned_policy_is_promoted(tmp_path: Path) -> None:
    result = evaluated(read(made(tmp_path / "h.csv", 4_500, likes=True)), "visit", 0.7, 1)

    assert (result.verdict.verdict, result.verdict.policy) == ("promote", "learned")
    assert result.values["learned"].value == pytest.approx(0.7, abs=0.1)
    assert result.lead.value > 0.2
    assert 0.3 < result.leaves < 0.7


def test_caution_leaves_the_best_one_only_for_more_than_is_asked() -> None:
    assert Cautious(1, 0.5).choice([0.9, 1.0, 1.4]) == 1
    assert Cautious(1, 0.3).choice([0.9, 1.0, 1.4]) == 2


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"needs {PUBLISHED}, which is not published")
def test_the_published_rates_are_found() -> None:
    customers = read(PUBLISHED)
    rates = {
        code: fmean(one.outcomes["visit"] for one in customers if one.sent == code)
        for code in ("mens", "womens", "none")
    }

    assert len(customers) == 38_478
    assert {code: round(rate, 2) for code, rate in rates.items()} == {
        "mens": 0.18,
        "womens": 0.15,
        "none": 0.11,
    }


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"needs {PUBLISHED}, which is not published")
def test_on_the_published_rows_nothing_is_promoted_that_is_not_better() -> None:
    customers = Random(1).sample(read(PUBLISHED), 6_000)
    result = evaluated(customers, "visit", 0.7, 1)

    assert result.verdict.verdict == "keep"
    assert result.verdict.policy == "always-mens"
    assert result.lead.value >= -result.values["learned"].standard_error


# --- wrong files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("visit", "2", "line 3: visit is '2', not 0 or 1."),
        ("spend", "much", "line 3: spend is 'much', not a number."),
        ("spend", "-1", "line 3: spend is '-1', not an amount."),
        ("history", "nan", "line 3: history is 'nan', not an amount."),
        ("segment", "Kids E-Mail", "line 3: segment is 'Kids E-Mail', not one of No E-Mail, "),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_line(
    tmp_path: Path, column: str, value: str, sentence: str
) -> None:
    path = made(tmp_path / "h.csv")
    lines = path.read_text().splitlines()
    cells = lines[2].split(",")
    cells[COLUMNS.index(column)] = value
    path.write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:]]))

    with pytest.raises(WorkbenchError) as refused:
        read(path)

    assert sentence in refused.value.sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "has no column recency"),
        ("a,b\n1,2\n", "has no column recency"),
        (",".join(COLUMNS[:-1]) + "\n", "has no column spend"),
        (",".join(COLUMNS) + "\n1,2\n", "line 2: it has not as many values as there are columns"),
        (",".join(COLUMNS) + "\n", "has 0 rows, and at least 600"),
    ],
)
def test_another_file_is_told_what_it_lacks(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "h.csv"
    path.write_text(content)

    with pytest.raises(WorkbenchError) as refused:
        read(path)

    assert sentence in refused.value.sentence


def test_a_file_without_one_of_the_segments_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "h.csv")
    path.write_text(path.read_text().replace("Mens E-Mail", "No E-Mail"))

    with pytest.raises(WorkbenchError, match="no row of the segment 'Mens E-Mail'"):
        read(path)


def test_no_file_no_text_and_senseless_options_are_told_so(tmp_path: Path) -> None:
    path = made(tmp_path / "h.csv")
    binary = tmp_path / "b.csv"
    binary.write_bytes(b"\xff\xfe\x00")

    assert run("--dataset", "hillstrom", tmp_path / "no.csv").exit_code == 1
    assert run("--dataset", "hillstrom", binary).exit_code == 1
    assert run("--dataset", "hillstrom", path, "--train-fraction", "1").exit_code == 2
    assert run("--dataset", "hillstrom", path, "--picture", "x.gif").exit_code == 2
    assert run("--dataset", "movies", path).exit_code == 2
    assert offers_evaluate.LEAST_ROWS == 600

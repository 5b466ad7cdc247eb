"""`pitboss shufflers evaluate`: what public data say, and what wrong files are told."""

import gzip
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from pitboss.shufflers.failure_card import Foreseen
from pitboss.shufflers.failure_model import FailureModel, train
from workbench import shuffler_datasets, shufflers_evaluate
from workbench.console import WorkbenchError
from workbench.main import app
from workbench.shuffler_datasets import AZURE
from workbench.shufflers_evaluate import nasa_score, recipe_of_log, recipe_of_turbofans, scored

pytestmark = pytest.mark.unit

DATA = Path(os.environ.get("PITBOSS_DATA", Path(__file__).parents[3] / "shared" / "data"))


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["shufflers", "evaluate", *map(str, arguments)])


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes of fewer trees."""
    for name in ("recipe_of_turbofans", "recipe_of_log"):
        whole = getattr(shufflers_evaluate, name)

        def quick(*arguments: Any, whole: Any = whole) -> Any:
            recipe = whole(*arguments)
            fewer = msgspec.structs.replace(recipe.boosting, rounds=20, rate=0.2, least_rows=20)
            return msgspec.structs.replace(recipe, boosting=fewer)

        monkeypatch.setattr(shufflers_evaluate, name, quick)


# --- engines --------------------------------------------------------------------------------------


def engines(folder: Path, zipped: bool = False) -> Path:
    """A subset like FD002: the first sensor shows the wear, less plainly than how it is flown."""
    chance = Random(3)
    kinds = [(0.0, 0.0, 100.0), (20.0, 0.7, 100.0), (42.0, 0.84, 60.0)]
    folder.mkdir(exist_ok=True)
    lines: dict[str, list[str]] = {"train": [], "test": [], "RUL": []}
    for part in ("train", "test"):
        for unit in range(1, 13):
            life = chance.randint(60, 120)
            until = life if part == "train" else chance.randint(31, life)
            for flight in range(1, until + 1):
                kind = chance.choice(kinds)
                sensors = [kind[0] * 10 + flight / life + chance.gauss(0, 0.05), kind[0] * 3]
                values = [*kind, *sensors, *[7.0] * 19]
                lines[part].append(f"{unit} {flight} " + " ".join(f"{v:.4f}" for v in values))
            if part == "test":
                lines["RUL"].append(str(life - until))
    for part, found in lines.items():
        text = "\n".join(found) + "\n"
        if zipped:
            (folder / f"{part}_FD002.txt.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{part}_FD002.txt").write_text(text)
    return folder


@pytest.mark.usefixtures("_quick")
def test_the_json_of_engines_is_the_agreed_one(tmp_path: Path) -> None:
    done = run("--dataset", "cmapss", engines(tmp_path), "--subset", "FD002", "--json")

    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert list(found) == ["subset", "units", "rmse", "rmse_capped_125", "nasa_score"]
    assert (found["subset"], found["units"]) == ("FD002", 12)
    assert 0 < found["rmse_capped_125"] == found["rmse"] < 15  # nothing remains for longer


@pytest.mark.usefixtures("_quick")
def test_engines_are_said_for_people_too(tmp_path: Path) -> None:
    done = run("--dataset", "cmapss", engines(tmp_path, zipped=True), "--subset", "FD002")

    assert done.exit_code == 0
    assert "answers capped at 125" in done.stdout
    assert "growing trees on 12 devices" in done.stderr
    assert "Published" not in done.stdout  # those are of FD001


def test_scores_are_those_of_their_definitions() -> None:
    found = scored([100, 110], [90, 150])

    assert found.rmse == pytest.approx(((100 + 1600) / 2) ** 0.5)
    assert found.rmse_capped_125 == pytest.approx(((100 + 225) / 2) ** 0.5)
    assert found.nasa_score == pytest.approx(nasa_score([10], [0]) + nasa_score([0], [40]))
    # Ten too late cost e - 1, thirteen too early as much.
    assert nasa_score([10, 0], [0, 13]) == pytest.approx(2 * 1.718281828)


# --- logs of alarms -------------------------------------------------------------------------------


def log(folder: Path, telemetry: bool = False) -> Path:
    """Named like the published log: an error a day before each failure, and errors of no weight."""
    chance = Random(2)
    folder.mkdir(exist_ok=True)
    files: dict[str, list[str]] = {
        "PdM_errors": ["datetime,machineID,errorID"],
        "PdM_failures": ["datetime,machineID,failure"],
        "PdM_maint": ["datetime,machineID,comp"],
        "PdM_machines": ["machineID,model,age"],
        "PdM_telemetry": ["datetime,machineID,volt"],
    }

    def moment(hour: int) -> str:
        return f"2015-{1 + hour // 672:02d}-{1 + hour // 24 % 28:02d} {hour % 24:02d}:00:00"

    for unit in range(1, 7):
        files["PdM_machines"].append(f"{unit},model{unit % 2},{unit}")
        hour = chance.randint(0, 100)
        while hour < 3_600:
            files["PdM_errors"].append(f"{moment(hour)},{unit},error1")
            files["PdM_errors"].append(f"{moment(hour - hour % 50)},{unit},error2")
            files["PdM_failures"].append(f"{moment(hour + 24)},{unit},comp1")
            files["PdM_maint"].append(f"{moment(hour + 24)},{unit},comp1")
            hour += chance.randint(80, 300)
        files["PdM_telemetry"] += [f"{moment(h)},{unit},{170 + h % 7}" for h in range(0, 3_600, 9)]
    for name, lines in files.items():
        if telemetry or name != "PdM_telemetry":
            (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("telemetry", [False, True])
def test_the_json_of_a_log_is_the_agreed_one(tmp_path: Path, telemetry: bool) -> None:
    done = run("--dataset", "azure-pdm", log(tmp_path, telemetry), "--json")

    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert list(found) == ["precision", "recall", "f1", "pr_auc", "rows"]
    assert found["f1"] > 0.9
    assert 2_000 < found["rows"] < 2_400  # three tenths of 6 x 1,200 steps, less the last day


@pytest.mark.usefixtures("_quick")
def test_another_log_is_read_by_a_mapping(tmp_path: Path) -> None:
    folder = log(tmp_path / "log")
    alarms = ["when;press;code"]
    for kind, file in (("E", "PdM_errors.csv"), ("STOP", "PdM_failures.csv")):
        for line in (folder / file).read_text().splitlines()[1:]:
            when, press, code = line.split(",")
            alarms.append(f"{when};{press};{kind if kind == 'STOP' else code}")
    (tmp_path / "alarms.csv").write_text("\n".join(alarms).replace(";", ",") + "\n")
    mapping = tmp_path / "presses.toml"
    mapping.write_text("""
        name = "presses"
        step_hours = 6
        [alarms]
        file = "alarms.csv"
        time = "when"
        unit = "press"
        kind = "code"
        [failures]
        file = "alarms.csv"
        time = "when"
        unit = "press"
        kind = "code"
        only = ["STOP"]
    """)

    done = run("--dataset", "alarm-log", "--mapping", mapping, tmp_path)

    assert done.exit_code == 0, done.stderr
    assert "presses: does a device fail within 24 h?" in done.stdout
    assert "error1 s" in done.stdout.split("What the trees know is by:")[1]


def test_a_log_is_read_into_histories_in_which_nothing_is_known_too_early(tmp_path: Path) -> None:
    for name, lines in {
        "PdM_errors": "datetime,machineID,errorID\n2015-01-01 06:30:00,1,e1\n1420092000,1,e1\n",
        "PdM_failures": "datetime,machineID,failure\n2015-01-01T12:00:00Z,2,c1\n",
        "PdM_maint": "datetime,machineID,comp\n2014-12-31 06:00:00,1,c2\n",
        "PdM_machines": "machineID,model,age\n1,m1,18\n2,m2,7\n",
        "PdM_telemetry": "datetime,machineID,volt\n2015-01-01 07:00:00,1,170\n"
        "2015-01-01 08:00:00,1,172\n2015-01-01 09:00:00,1,\n2015-01-01 11:00:00,1,160\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(lines)

    one, two = shuffler_datasets.alarm_log(tmp_path, AZURE)

    assert list(one.times) == list(two.times) == [0, 3, 6]  # 06:00, 09:00, 12:00
    assert one.counts["e1"] == [1, 1, 0]  # 1420092000 is 06:00; 06:30 is known by 09:00
    assert one.readings["volt"] == pytest.approx([float("nan"), 171, 160], nan_ok=True)
    assert one.facts == {"age": 18, "model=m1": 1, "model=m2": 0}
    assert [(each.at, each.part) for each in one.maintenance] == [(-24, "c2")]
    assert [(each.at, each.part) for each in two.failures] == [(6, "c1")]


# --- wrong files ----------------------------------------------------------------------------------


def truncated(path: Path) -> None:
    path.write_bytes(gzip.compress(path.read_bytes())[:-30])
    path.rename(path.with_name(f"{path.name}.gz"))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("RUL_FD002.txt", lambda p: p.unlink(), "no RUL_FD002.txt"),
        ("RUL_FD002.txt", lambda p: p.write_text("3\n4\n"), "2 lines and there are 12 engines"),
        ("RUL_FD002.txt", lambda p: p.write_text("-3\n" * 12), "line 1: -3 flights"),
        ("train_FD002.txt", lambda p: p.write_text("1 1 0.5\n"), "line 1: it has 3 numbers"),
        ("train_FD002.txt", lambda p: p.write_text("x " * 26 + "\n"), "'x' is not a number"),
        ("train_FD002.txt", lambda p: p.write_text("nan " * 26 + "\n"), "not a finite number"),
        ("train_FD002.txt", lambda p: p.write_text("1 " * 26 + "\n" + "1 " * 26), "line 2: flight"),
        ("test_FD002.txt", lambda p: p.write_text(""), "is empty"),
        ("test_FD002.txt", lambda p: p.write_bytes(b"\xff\xfe\x00"), "no UTF-8"),
        ("test_FD002.txt", truncated, "test_FD002.txt.gz"),
    ],
)
def test_what_is_wrong_with_files_of_engines(
    tmp_path: Path, name: str, change: Any, said: str
) -> None:
    change(engines(tmp_path) / name)

    done = run("--dataset", "cmapss", tmp_path, "--subset", "FD002")

    assert done.exit_code == 1
    assert said in done.stderr
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PdM_errors", "datetime,machineID\n", "no column errorID: it has datetime, machineID"),
        ("PdM_errors", "datetime,machineID,errorID\nsoon,1,e\n", "line 2: 'soon' is no moment"),
        ("PdM_errors", "datetime,machineID,errorID\n2015-01-01\n", "not as many values"),
        ("PdM_machines", "machineID,model,age\n1,m,old\n", "'old' is not a number"),
        ("PdM_failures", "datetime,machineID,failure\n", "no failure"),
    ],
)
def test_what_is_wrong_with_files_of_a_log(tmp_path: Path, name: str, text: str, said: str) -> None:
    (log(tmp_path) / f"{name}.csv").write_text(text)

    with pytest.raises(WorkbenchError, match=said):
        shuffler_datasets.alarm_log(tmp_path, AZURE)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--dataset", "alarm-log", "."), 2, "needs a --mapping"),
        (("--dataset", "cmapss", "--mapping", "x.toml", "."), 2, "form of its own"),
        (("--dataset", "alarm-log", "--mapping", "none.toml", "."), 1, "none.toml cannot be read"),
        (("--dataset", "cmapss", "no-such-folder"), 1, "no folder no-such-folder"),
        (("--dataset", "azure-pdm", "."), 1, "no PdM_errors.csv (nor PdM_errors.csv.gz)"),
    ],
)
def test_what_is_wrong_with_arguments(arguments: Any, status: int, said: str) -> None:
    done = run(*arguments)

    assert (done.exit_code, said in done.stderr) == (status, True)


@pytest.mark.parametrize("text", ["name = ", 'name = "x"', 'name = "x"\nstep_hours = "a"'])
def test_a_mapping_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.toml").write_text(text)

    done = run("--dataset", "alarm-log", "--mapping", tmp_path / "m.toml", tmp_path)

    assert done.exit_code == 2
    assert "m.toml is no" in done.stderr


# --- data that no one here made -------------------------------------------------------------------


@pytest.mark.skipif(not (DATA / "cmapss").is_dir(), reason=f"no {DATA / 'cmapss'}")
def test_engines_of_nasa_are_told_as_well_as_published() -> None:
    """With fewer trees; `python -m benchmarks failure_data` prints what all of them say."""
    found = shuffler_datasets.turbofans(DATA / "cmapss", "FD001")
    recipe = recipe_of_turbofans()
    fewer = msgspec.structs.replace(recipe.boosting, rounds=60, rate=0.15, feature_share=0.3)
    model = FailureModel(
        train(found.train, msgspec.structs.replace(recipe, boosting=fewer, every=2)).model
    )

    lives = scored([model.latest(one) for one in found.test], found.remaining)

    assert (len(found.train), lives.units) == (100, 100)
    assert lives.rmse_capped_125 <= 12.6


@pytest.mark.skipif(not (DATA / "azure-pdm").is_dir(), reason=f"no {DATA / 'azure-pdm'}")
def test_failures_of_the_published_log_are_foreseen() -> None:
    """In steps of a day; `python -m benchmarks failure_data` prints what those of 3 h say."""
    mapping = msgspec.structs.replace(AZURE, step_hours=24)
    histories = shuffler_datasets.alarm_log(DATA / "azure-pdm", mapping)
    recipe = recipe_of_log(mapping)
    fewer = msgspec.structs.replace(recipe.boosting, rounds=60, rate=0.15)

    found = train(histories, msgspec.structs.replace(recipe, boosting=fewer)).card.held_out

    assert sum(len(one.failures) for one in histories) == 761
    assert isinstance(found, Foreseen)
    assert found.f1 > 0.8

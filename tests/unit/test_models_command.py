"""`pitboss models` and `pitboss retrain`: what they say, what they change, and who did it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import yaml
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from pitboss.lake.layout import SLOT
from pitboss.offers.card import (
    Bin,
    Card,
    CurvePoint,
    Decile,
    GateSaid,
    Interval,
    PolicyValue,
    Weight,
)
from pitboss.offers.learned import RULES
from pitboss.offers.learning import Recipe
from pitboss.offers.outcomes import TrainingSummary, Uplift
from pitboss.players.figures import Interval as Area
from pitboss.players.judging import PlayerCard, card_bytes
from pitboss.players.judging import Weight as Weighed
from pitboss.shufflers.costs import Threshold
from pitboss.shufflers.failure_card import Bin as Calibrated
from pitboss.shufflers.failure_card import Card as FailureCard
from pitboss.shufflers.failure_card import Foreseen, Importance, Scored
from pitboss.shufflers.failure_gate import Verdict
from pitboss.shufflers.outlook import OutlookCard
from pitboss.stores.models import S3Models, of_property
from tests import offer_nights
from workbench import failure_card, main, model_card, models
from workbench.paths import ROOT

pytestmark = pytest.mark.unit

VALUE = Interval(1_234.6, 50.0, 1_136.6, 1_332.6)
WORTH = PolicyValue(VALUE, VALUE, VALUE, 320.5, 12.5, 0.0)
SUMMARY = TrainingSummary(
    days=["2026-01-01", "2026-01-02"], held_out_days=["2026-01-02"], decisions=2_000,
    open_windows=0, without_choice={}, train_rows=1_500, held_out_rows=500, cap_cents=10_000,
    capped=3, rejected=0, chosen={}, models={}, uplift=Uplift(90, 10, 20.0, -5.0, 45.0),
    why_not=None,
)  # fmt: skip


def card(version: str) -> Card:
    return Card(
        version=version,
        sha256="0" * 64,
        run="r",
        recipe=Recipe(),
        data=SUMMARY,
        champion=RULES,
        policies={"challenger": WORTH, "champion": WORTH, "none": WORTH},
        learning_curve=[CurvePoint(0.5, 750, VALUE), CurvePoint(1.0, 1_500, VALUE)],
        calibration=[Decile(50, 900.0, 950.0), Decile(50, 1_500.0, 1_400.0)],
        propensities=[Bin(0.0, 0.5, 400), Bin(0.5, 1.0, 100)],
        weights=[Weight("accepted_meal", 120.0)],
        gate=GateSaid(False, "not surely <better>", VALUE),
    )


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Models]:
    with offer_nights.models() as made:
        for version in ("v1", "v2"):
            made.put_version(version, version.encode(), msgspec.json.encode(card(version)))
        monkeypatch.setattr(models, "_models", lambda family, property_id: made)
        monkeypatch.setattr(models, "_who", lambda: "arn:aws:iam::1:user/ann")
        yield made


def pitboss(*words: str, said: str = "") -> Result:
    return CliRunner().invoke(main.app, ["models", *words], input=said)


def serves(store: S3Models) -> str | None:
    champion = store.champion()
    return None if champion is None else champion.version


def test_the_versions_are_listed_with_what_serves(store: S3Models) -> None:
    assert store.promote("v1", "bob", 1_000, None, "good")
    shown = pitboss("list")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "$12.35 ($11.37 to $13.33)" in shown.stdout
    assert "1970-01-01 00:00:01 v1 by bob: good" in shown.stdout
    listed = json.loads(pitboss("list", "--json").stdout)
    assert listed["champion"] == "v1"
    assert [one["version"] for one in listed["versions"]] == ["v2", "v1"]
    assert listed["history"][0]["promoted_by"] == "bob"


def test_where_nothing_was_promoted_the_rules_serve(store: S3Models) -> None:
    assert f"({RULES}) serve" in pitboss("list").stdout
    shown = pitboss("show", "champion")
    assert shown.exit_code == 1
    assert "no model" in shown.stderr


def test_without_a_version_it_is_said_how_one_comes_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with offer_nights.models() as none:
        monkeypatch.setattr(models, "_models", lambda family, property_id: none)
        assert pitboss("list").stdout.startswith("No version yet: `pitboss retrain` learns one.")
        assert json.loads(pitboss("list", "--json").stdout)["versions"] == []


def test_a_card_is_shown_and_drawn(store: S3Models, tmp_path: Path) -> None:
    page, picture = tmp_path / "card.html", tmp_path / "card.png"
    shown = pitboss("show", "v1", "--html", str(page), "--png", str(picture))
    assert shown.exit_code == 0, shown.stderr
    assert "keep: not surely <better>" in shown.stdout
    assert "$0.20 a player and day (−$0.05 to $0.45), 90 players against 10" in shown.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert "not surely &lt;better&gt;" in text
    assert "<better>" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert json.loads(pitboss("show", "v1", "--json").stdout) == msgspec.to_builtins(card("v1"))


def test_every_chart_is_drawn_where_nothing_is_known_too() -> None:
    unknown = Interval(None, None, None, None)
    worth = PolicyValue(unknown, unknown, unknown, 0.0, 0.0, 1.0)
    bare = msgspec.to_builtins(
        msgspec.structs.replace(
            card("v1"),
            policies={"challenger": worth},
            learning_curve=[CurvePoint(1.0, 0, unknown)],
            calibration=[Decile(1, None, None)],
            weights=[],
            data=msgspec.structs.replace(SUMMARY, days=[], uplift=Uplift(0, 0, None, None, None)),
        )
    )
    drawn = model_card.drawing(bare)
    assert all(title in drawn for title, _ in model_card.CHARTS)
    assert "nan" not in drawn
    assert "not known" in model_card.page(bare)


def test_promoting_asks_and_keeps_who_did_it(store: S3Models) -> None:
    refused = pitboss("promote", "v1", said="n\n")
    assert (refused.exit_code, serves(store)) == (1, None)
    assert "Nothing was changed." in refused.stderr
    assert "v1 is to make offers instead of rules-1" in refused.stderr
    done = pitboss("promote", "v1", "--why", "a try", said="y\n")
    assert done.exit_code == 0, done.stderr
    champion = store.champion()
    assert champion is not None
    (entry,) = champion.history
    assert (entry.version, entry.promoted_by, entry.why) == (
        *("v1", "arn:aws:iam::1:user/ann"),
        "a try",
    )
    assert pitboss("promote", "v1", "--yes").exit_code == 1  # it serves already


def test_only_what_there_is_can_be_promoted(store: S3Models) -> None:
    unknown = pitboss("promote", "v9", "--yes")
    assert (unknown.exit_code, serves(store)) == (2, None)
    assert "`pitboss models list`" in unknown.stderr
    assert pitboss("show", "v9").exit_code == 2


def test_rolling_back_asks_and_goes_back(store: S3Models) -> None:
    assert pitboss("rollback", "--yes").exit_code == 1
    assert pitboss("promote", "v1", "--yes").exit_code == 0
    assert pitboss("promote", "v2", "--yes").exit_code == 0
    assert (pitboss("rollback", said="n\n").exit_code, serves(store)) == (1, "v2")
    assert (pitboss("rollback", said="y\n").exit_code, serves(store)) == (0, "v1")
    assert (pitboss("rollback", "--yes").exit_code, serves(store)) == (0, RULES)


# --- models of failures ---------------------------------------------------------------------------


def failure_card_of(version: str, **parts: FailureCard) -> OutlookCard:
    limit = Threshold(0.095, 2.86, 0.001, 25, 1, 8)
    return OutlookCard(
        version=version,
        devices=60,
        failures=580,
        learned_until_hours=490_000.0,
        parts=parts,
        thresholds=dict.fromkeys(parts, limit)
        | {"motor": msgspec.structs.replace(limit, probability=None)},
        unlearned={"camera": "3 failures; 10 are needed"},
        verdict=Verdict(True, "surely <better>", 0.03, 0.02, 0.04, 60, 7_000),
        replaces=None,
    )


def part_card(part: str) -> FailureCard:
    said = Scored(0.02, 0.1)
    held_out = Foreseen(
        devices=60, rows=7_000, positives=300, pr_auc=0.64, threshold=0.3, precision=0.45,
        recall=0.65, f1=0.53, failures=26, failures_foreseen=21, median_lead=316.8,
        calibrated=said, uncalibrated=said, guessed=said,
        calibration=[Calibrated(0.0, 0.1, 6_500, 0.02, 0.0), Calibrated(0.1, 1.0, 0, None, None)],
    )  # fmt: skip
    return FailureCard(
        version="0" * 64, target="failure", horizon=336.0, part=part, devices=60, rows=20_000,
        positives=900, learned_until=490_000.0, held_out=held_out,
        important=[Importance("roller_slip_bp mean 72", 0.29)],
    )  # fmt: skip


@pytest.fixture
def failure_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Models]:
    with offer_nights.models() as offers:
        bucket: Any = offers
        made = S3Models(bucket._bucket, client=bucket._client, family="shufflers")
        for version, parts in (("f1", ["rollers"]), ("f2", ["rollers", "motor"])):
            card = failure_card_of(version, **{part: part_card(part) for part in parts})
            made.put_version(version, version.encode(), msgspec.json.encode(card))
        families = {"offers": offers, "shufflers": made}
        monkeypatch.setattr(models, "_models", lambda family, property_id: families[family])
        monkeypatch.setattr(models, "_who", lambda: "arn:aws:iam::1:user/ann")
        yield made


@pytest.fixture
def risk_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Models]:
    with offer_nights.models() as offers:
        bucket: Any = offers
        client = SimpleNamespace(client=lambda name: bucket._client)
        outputs = {"LakeBucketName": bucket._bucket}
        monkeypatch.setattr("workbench.endpoint.client", client.client)
        monkeypatch.setattr("workbench.endpoint.stack_outputs", lambda: outputs)
        monkeypatch.setattr(models, "_who", lambda: "arn:aws:iam::1:user/ann")
        made = S3Models(bucket._bucket, client=bucket._client, family=of_property("risk", "P1"))
        card = PlayerCard(
            version="risk-1", run="r", players=900, happened=40, held_out_players=700,
            held_out_happened=30, auroc=Area(0.8, 0.7, 0.9), average_precision=0.2, brier=0.03,
            guessed_brier=0.04, threshold=0.12, above=0.06, found=0.4, precision=0.2,
            reliability=[Calibrated(0.0, 0.1, 9, 0.02, 0.03), Calibrated(0.1, 1.0, 0, None, None)],
            weights=[Weighed("games", 0.5)], replaces=None,
            verdict=Verdict(True, "The challenger's loss is less.", 0.1, 0.05, 0.2, 700, 700),
        )  # fmt: skip
        made.put_version("risk-1", b"model", card_bytes(card))
        churn = S3Models(bucket._bucket, client=bucket._client, family=of_property("churn", "P1"))
        churn.put_version("churn-1", b"model", card_bytes(replace(card, version="churn-1")))
        yield made


def test_a_model_of_risk_is_a_propertys_own(risk_store: S3Models) -> None:
    of = ("--family", "risk", "--property", "P1")
    assert "closed for nobody" in pitboss("list", *of).stdout
    assert "900 players, 40 excluded themselves" in pitboss("list", *of).stdout
    shown = pitboss("show", "risk-1", *of)
    assert "AUROC 0.800 (0.700 to 0.900)" in shown.stdout
    assert "the gate is closed: for 6.0% of the players held out, 40% of those" in shown.stdout
    promoted = pitboss("promote", "risk-1", *of, "--yes")
    assert "rollback --family risk --property P1` goes back" in promoted.stdout
    assert serves(risk_store) == "risk-1"
    (listed,) = json.loads(pitboss("list", *of, "--json").stdout)["versions"]
    assert (listed["auroc"][0], listed["above"]) == (0.8, 0.06)
    asked = pitboss("rollback", *of, said="n\n").stderr
    assert "say who is of high risk again instead of risk-1, from the next night on" in asked

    assert "No version yet: `pitboss retrain`" in pitboss("list", *of[:3], "P2").stdout
    assert "say --property" in pitboss("list", "--family", "risk").stderr
    assert "leave --property away" in pitboss("list", "--property", "P1").stderr
    assert "is no id" in pitboss("list", *of[:3], "a/b").stderr
    assert "is not drawn" in pitboss("show", "risk-1", *of, "--png", "card.png").stderr


def test_so_is_one_of_who_stays_away(risk_store: S3Models) -> None:
    of = ("--family", "churn", "--property", "P1")
    assert "nobody has a score" in pitboss("list", *of).stdout
    shown = pitboss("show", "churn-1", *of).stdout
    assert "it is said of 6.0% of the players held out, 40% of those who did not come back" in shown
    assert "gate is closed" not in shown
    assert "foresee who stays away instead of" in pitboss("promote", "churn-1", *of).stderr


def failures(*words: str, said: str = "") -> Result:
    return pitboss(*words, "--family", "shufflers", said=said)


def test_a_model_of_failures_is_listed_and_its_card_shown_and_drawn(
    failure_store: S3Models, tmp_path: Path
) -> None:
    assert failure_store.promote("f1", "bob", 1_000, None, "good")
    listed = json.loads(failures("list", "--json").stdout)
    assert listed["champion"] == "f1"
    assert [(one["version"], one["parts"]) for one in listed["versions"]] == [
        ("f2", ["rollers", "motor"]),
        ("f1", ["rollers"]),
    ]
    assert "60 shufflers, 580 failures" in failures("list").stdout
    page, picture = tmp_path / "card.html", tmp_path / "card.png"
    shown = failures("show", "champion", "--html", str(page), "--png", str(picture))
    assert shown.exit_code == 0, shown.stderr
    assert "promote: surely <better>" in shown.stdout
    assert "No model of camera: 3 failures; 10 are needed" in shown.stdout
    for figure in ("0.45", "0.65", "0.64", "13.2", "9.5%"):
        assert figure in shown.stdout
    assert "never" in failures("show", "f2").stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "surely &lt;better&gt;" in page.read_text()
    document = json.loads(failures("show", "f1", "--json").stdout)
    assert document["thresholds"]["rollers"]["probability"] == 0.095
    assert failures("show", "v9").exit_code == 2
    assert "models list --family shufflers" in failures("show", "v9").stderr
    assert "No version yet: `pitboss retrain`" in pitboss("list").stdout


def test_a_card_of_failures_is_drawn_where_nothing_was_judged_too() -> None:
    unjudged = msgspec.structs.replace(part_card("motor"), held_out=None, important=[])
    card = msgspec.to_builtins(failure_card_of("f1", motor=unjudged))
    drawn = failure_card.drawing(card)
    assert all(title in drawn for title, _ in failure_card.CHARTS)
    assert "nan" not in drawn


def test_a_model_of_failures_is_promoted_and_rolled_back(failure_store: S3Models) -> None:
    refused = failures("promote", "f1", said="n\n")
    assert "f1 is to foresee failures instead of rules-1, from the next hour on" in refused.stderr
    for version in ("f1", "f2"):
        assert failures("promote", version, "--yes").exit_code == 0
    assert (failures("rollback", "--yes").exit_code, serves(failure_store)) == (0, "f1")
    assert pitboss("rollback", "--yes").exit_code == 1, "offers have models of their own"


# --- the night ------------------------------------------------------------------------------------


def entered(name: str, second: float) -> dict[str, Any]:
    return {"timestamp": at(second), "stateEnteredEventDetails": {"name": name}}


def left(name: str, second: float) -> dict[str, Any]:
    return {"timestamp": at(second), "stateExitedEventDetails": {"name": name}}


def at(second: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def test_the_times_of_states_are_sums_over_a_maps_items() -> None:
    events = [
        *(entered("Plan", 0), left("Plan", 1.5), entered("Score", 2)),
        *(entered("ScorePlayers", 2), entered("ScorePlayers", 2)),
        *(left("ScorePlayers", 3), left("ScorePlayers", 5), left("Score", 5)),
        entered("Failed", 6),
    ]
    assert models.state_times(events) == {
        **{"Plan": 1.5, "Score": 3.0},
        **{"ScorePlayers": 4.0, "Failed": 0.0},
    }


def test_a_place_to_train_in_is_one_there_is() -> None:
    found = CliRunner().invoke(main.app, ["retrain", "--train-in", "cellar"])
    assert (found.exit_code, "choose lambda or sagemaker" in found.stderr) == (2, True)


MACHINE: dict[str, Any] = yaml.safe_load(
    (ROOT / "statemachines" / "nightly_retraining.asl.yaml").read_text(encoding="utf-8")
)


def example(node: Any) -> Any:
    """Parameters as Step Functions would send them, expressions by examples."""
    if isinstance(node, list):
        return [example(one) for one in node]
    if not isinstance(node, dict):
        known = {
            "${TrainingRoleArn}": "arn:aws:iam::123456789012:role/training",
            "${TrainingImageUri}": "123456789012.dkr.ecr.us-east-1.amazonaws.com/pitboss:1",
            "${TrainingInstanceType}": "ml.m5.large",
        }
        return known.get(node, node)
    examples = {"HyperParameters": {"seed": "1"}, "TrainingJobName": "pitboss-" + "0" * 36}
    return {
        name.removesuffix(".$"): (
            examples.get(name.removesuffix(".$"), "s3://lake/models/offers/runs/r/train/")
            if name.endswith(".$")
            else example(value)
        )
        for name, value in node.items()
    }


def test_a_training_job_is_asked_for_as_the_service_model_has_it() -> None:
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    shape: Any = model.operation_model("CreateTrainingJob").input_shape
    asked = example(MACHINE["States"]["TrainInSageMaker"]["Parameters"])

    validate_parameters(asked, shape)  # which raises
    allowed = shape.members["ResourceConfig"].members["InstanceType"].enum
    assert asked["ResourceConfig"]["InstanceType"] in allowed
    for broken in (
        {"RoleArn": 7},
        {"HyperParameters": {"seed": 1}},
        {"StoppingCondition": {"x": 1}},
    ):
        with pytest.raises(Exception, match="Parameter validation failed"):
            validate_parameters({**asked, **broken}, shape)
    assert asked["InputDataConfig"][0]["ChannelName"] == "train"


def test_every_failure_is_told_before_the_night_ends() -> None:
    states = MACHINE["States"]
    assert states["TellFailure"]["Next"] == "Failed"
    for name, state in states.items():
        if state["Type"] in ("Task", "Map") and not name.startswith("Tell"):
            (caught,) = state["Catch"]
            # Shufflers that were not begun with, and risk, keep no offer waiting.
            others = {"MaintainShufflers": "TellUnstarted", "Risk": "TellUnassessed"}
            told = others.get(name, "TellFailure")
            assert (caught["ErrorEquals"], caught["Next"]) == (["States.ALL"], told), name
    # Nor does a day of games that cannot be refined.
    assert states["Refine"]["Parameters"]["Input"]["family"] == SLOT
    # A property whose risk cannot be assessed leaves the others theirs: no state of it fails.
    each = states["Risk"]["ItemProcessor"]["States"]
    for name in ("ObservePlayers", "AssessRisk"):
        (caught,) = each[name]["Catch"]
        assert (caught["ErrorEquals"], caught["Next"]) == (["States.ALL"], "TellNotAssessed")
    # Who stays away is asked once it is known for whom the gate is closed; nothing waits for it.
    assert each["AssessRisk"]["Next"] == "ForeseeChurn"
    for name in ("ForeseeChurn", "ObserveOffers", "ForeseePropensity"):
        assert each[name]["Catch"][0]["Next"] == "TellNotForeseen"
    assert "Fail" not in [one["Type"] for one in each.values()]
    # Nothing but `Promote` comes between a verdict and a champion.
    assert [name for name, one in states.items() if "PromotePolicy" in str(one)] == ["Promote"]

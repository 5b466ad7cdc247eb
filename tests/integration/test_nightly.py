"""A night of retraining on the embedded stack: whole once, and its other ways by mocks."""

import json
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pitboss.lake.decided import decision_summary_key
from pitboss.lake.layout import table_key
from pitboss.stores.models import CHAMPION, MODELS, S3Models
from tests.integration.test_refine import pitboss
from workbench import endpoint, models
from workbench.offer_week import OfferWeek, store

pytestmark = pytest.mark.integration

RUN = "test-night"


@pytest.fixture
def kept(stack: dict[str, str]) -> Iterator[S3Models]:
    """The store of models, as it was before when the test is over."""
    s3, bucket = endpoint.client("s3"), stack["LakeBucketName"]
    found = S3Models(bucket, client=s3)

    def keys() -> set[str]:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=MODELS).get("Contents", [])
        return {one["Key"] for one in listed}

    before = keys()
    champion = (
        s3.get_object(Bucket=bucket, Key=CHAMPION)["Body"].read() if CHAMPION in before else b""
    )
    yield found
    for key in keys() - before:
        s3.delete_object(Bucket=bucket, Key=key)
    if champion:
        s3.put_object(Bucket=bucket, Key=CHAMPION, Body=champion)


@pytest.fixture
def property_id() -> str:
    """One that no other test has."""
    return f"nights-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def week(stack: dict[str, str], property_id: str) -> Iterator[OfferWeek]:
    """Decisions of days that are over, and their play."""
    last_day = datetime.now(UTC).date() - timedelta(days=2)
    made = OfferWeek(property_id, machines=20, players=640, days=5, last_day=last_day)
    store(made, stack, endpoint.client)
    yield made
    s3, bucket = endpoint.client("s3"), stack["LakeBucketName"]
    for prefix in ("refined/games/", "refined/decisions/", "refined/decision_summaries/"):
        prefix += f"property_id={property_id}/"
        for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=one["Key"])


def test_a_night_learns_judges_and_scores_and_is_run_once(
    embedded: endpoint.Target, stack: dict[str, str], kept: S3Models, week: OfferWeek
) -> None:
    night = models.run_night(RUN, {})

    assert night["status"] == "SUCCEEDED", (night["error"], night["cause"])
    states = list(night["states"])
    assert states[:5] == ["MaintainShufflers", "Refine", "Plan", "IsOurs", "Risk"]
    assert {"Export", "Build", "TrainInLambda", "Evaluate", "Score", "Tell"} <= set(states)
    outcome, built = night["output"]["outcome"], night["output"]["built"]
    assert outcome["verdict"] in ("promoted", "kept the champion")
    assert built["train_rows"] >= 1_000
    version = outcome["version"]
    assert version in kept.versions()
    card = json.loads(kept.card(version))
    assert card["data"]["train_rows"] == built["train_rows"]
    assert card["gate"]["promote"] is (outcome["verdict"] == "promoted")
    day = week.last_day.isoformat()
    s3 = endpoint.client("s3")
    for key in (
        table_key("decisions", week.property_id, day),
        decision_summary_key(week.property_id, day),
    ):
        assert s3.head_object(Bucket=stack["LakeBucketName"], Key=key)["ContentLength"]
    (found,) = (one for one in night["output"]["risk"] if one["property_id"] == week.property_id)
    risk = found["risk"]
    assert (risk["version"], risk["serves"], risk["at_risk"]) == ("none", "rules-1", 0)
    for family in ("risk", "churn", "propensity"):  # a week is too little to learn of
        assert (found[family]["version"], found[family]["players"]) == ("none", 0)
        assert "held out" in found[family]["why"]
    (scored,) = (one for one in night["output"]["scored"] if one["property_id"] == week.property_id)
    assert scored["players"] > 300
    player = next(
        decided.player_id
        for day_of in week.play()
        for decided, offer in day_of.decided
        if offer is not None
    )
    shown = pitboss("models", "scores", player, "--property", week.property_id, "--json")
    assert json.loads(shown.stdout)["player_id"] == player
    assert version in pitboss("models", "list").stdout

    again = models.run_night(RUN, {})
    assert (again["status"], list(again["states"])[-2:]) == ("SUCCEEDED", ["IsOurs", "RunAlready"])

    # By hand, to what the gate may have kept out, and back.
    serves = kept.champion()
    if serves is None or serves.version != version:
        assert pitboss("models", "promote", version, "--yes").exit_code == 0
    champion = kept.champion()
    assert champion is not None
    assert champion.version == version
    assert kept.load(version, champion.sha256)
    assert pitboss("models", "rollback", "--yes").exit_code == 0


# --- ways that are mocked -------------------------------------------------------------------------

JOB_MODEL = "s3://lake/models/offers/runs/mocked/jobs/pitboss-1/output/model.tar.gz"
PLAN = {
    **{"run": "mocked", "is_ours": True, "exports": [], "properties": []},
    **{"train_in": "sagemaker", "hyperparameters": {"seed": "2"}},
}
BUILT = {"train_rows": 2_000, "held_out_rows": 500, "enough": True, "why": ""}
JUDGED = {"version": "mocked-1", "promote": False, "replaces": "", "why": "not surely better"}


def returned(payload: Any) -> dict[str, Any]:
    return {"0": {"Return": {"Payload": payload}}}


def thrown(error: str, attempts: str = "0") -> dict[str, Any]:
    return {attempts: {"Throw": {"Error": error, "Cause": "mocked"}}}


USUAL: dict[str, Any] = {
    "MaintainShufflers": {"0": {"Return": {}}},
    "Refine": {"0": {"Return": {}}},
    "Plan": returned(PLAN),
    "Build": returned(BUILT),
    "TrainInSageMaker": {"0": {"Return": {"ModelArtifacts": {"S3ModelArtifacts": JOB_MODEL}}}},
    "Evaluate": returned(JUDGED),
}


@pytest.fixture
def mocked(
    embedded: endpoint.Target, stack: dict[str, str]
) -> Iterator[Callable[..., dict[str, Any]]]:
    """A night whose integrations answer as they are told."""
    name = stack["NightlyRetrainingStateMachineArn"].rpartition(":")[2]

    def configure(config: dict[str, Any], scale: float) -> None:
        body = {"stepfunctions._sfn_mock_config": config, "stepfunctions._SFN_WAIT_SCALE": scale}
        request = urllib.request.Request(
            f"{embedded.endpoint}/_ministack/config", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200

    def run(**answers: dict[str, Any]) -> dict[str, Any]:
        told = USUAL | answers
        configure(
            {
                "StateMachines": {name: {"TestCases": {"Case": {one: one for one in told}}}},
                "MockedResponses": told,
            },
            0.0,
        )
        return models.run_night("mocked", {}, test_case="Case")

    yield run
    configure({}, 1.0)


def test_a_training_job_trains_where_it_is_told_to(mocked: Callable[..., dict[str, Any]]) -> None:
    night = mocked()
    assert (night["status"], night["error"]) == ("SUCCEEDED", None)
    assert "TrainInSageMaker" in night["states"]
    assert "TrainInLambda" not in night["states"]
    assert night["output"]["trained"] == {"model": JOB_MODEL}
    assert night["output"]["outcome"]["verdict"] == "kept the champion"


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("Refine", "NotAllRefined"),
        ("Plan", "SettingsError"),
        ("Build", "MsgspecError"),
        ("TrainInSageMaker", "SageMaker.ResourceLimitExceededException"),
        ("Evaluate", "BrokenModel"),
    ],
)
def test_a_failed_night_is_told_and_leaves_the_champion(
    state: str,
    error: str,
    mocked: Callable[..., dict[str, Any]],
    kept: S3Models,
) -> None:
    kept.put_version("test-serving", b"model", b"{}")
    before = kept.champion()
    replaces = None if before is None else before.version
    assert kept.promote("test-serving", "test", 1, replaces, "for the test")

    night = mocked(**{state: thrown(error, "0-9")})

    assert (night["status"], night["error"]) == ("FAILED", error)
    assert list(night["states"])[-2:] == ["TellFailure", "Failed"]
    champion = kept.champion()
    assert champion is not None
    assert champion.version == "test-serving"


def test_of_too_few_decisions_the_champion_is_kept(mocked: Callable[..., dict[str, Any]]) -> None:
    few = {**BUILT, "enough": False, "why": "3 decisions to learn from are fewer than 1000"}
    night = mocked(Build=returned(few))
    assert night["output"]["outcome"] == {
        **{"verdict": "nothing trained", "version": "none"},
        "why": few["why"],
    }
    assert "Evaluate" not in night["states"]

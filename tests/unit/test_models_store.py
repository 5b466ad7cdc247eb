"""The store of models, on S3 in memory: versions that never change, and one champion."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from pitboss.offers.learned import RULES
from pitboss.stores.models import (
    CHAMPION,
    DamagedModel,
    ModelsUnreadable,
    S3Models,
    UnknownVersion,
    VersionTaken,
    model_key,
    run_key,
)
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Call, Fault, Lose, Network, Refuse

pytestmark = pytest.mark.unit

BUCKET = "lake"
BY, WHY = "host", "better"


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Network]:
    clock = Clock(1_767_225_600_000)
    made = Network(clock)
    made.s3.create_bucket(BUCKET)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with clock.installed(), made.installed():
        yield made
    assert made.unknown == []


@pytest.fixture
def models(network: Network) -> S3Models:
    made = S3Models(BUCKET, "us-east-1")
    for n in (1, 2, 3):
        made.put_version(f"v{n}", f"model {n}".encode(), b'{"n": %d}' % n)
    return made


def promoted(models: S3Models, version: str, replaces: str | None, at: int = 1) -> bool:
    return models.promote(version, BY, at, replaces, WHY)


def test_a_version_is_read_as_it_was_written_and_never_changes(models: S3Models) -> None:
    assert models.versions() == ["v1", "v2", "v3"]
    assert models.load("v2", sha256(b"model 2").hexdigest()) == b"model 2"
    assert models.card("v2") == b'{"n": 2}'
    models.put_version("v2", b"model 2", b'{"n": 2}')  # the same again is no harm
    with pytest.raises(VersionTaken):
        models.put_version("v2", b"another", b'{"n": 2}')
    assert models.model("v2") == b"model 2"


def test_bytes_that_are_not_those_promoted_are_not_loaded(
    models: S3Models, network: Network
) -> None:
    network.s3.buckets[BUCKET].put(model_key("v2"), b"tampered with")
    with pytest.raises(DamagedModel, match="v2"):
        models.load("v2", sha256(b"model 2").hexdigest())
    with pytest.raises(UnknownVersion):
        models.load("v9", "")


def test_there_is_no_champion_until_one_is_promoted(models: S3Models) -> None:
    assert models.champion() is None
    assert promoted(models, "v1", None)
    champion = models.champion()
    assert champion is not None
    assert (champion.version, champion.sha256) == ("v1", sha256(b"model 1").hexdigest())
    assert (champion.previous, champion.promoted_by) == (None, BY)


def test_who_looked_before_another_promoted_is_told_to_look_again(models: S3Models) -> None:
    assert promoted(models, "v1", None)
    assert not promoted(models, "v2", None)
    assert not promoted(models, "v2", "v3")
    assert promoted(models, "v2", "v1")
    champion = models.champion()
    assert champion is not None
    assert champion.version == "v2"
    assert [one.version for one in champion.history] == ["v2", "v1"]


def test_of_two_who_saw_the_same_champion_one_promotes(models: S3Models, network: Network) -> None:
    """The other one's promotion comes between the first one's look and its writing."""
    assert promoted(models, "v1", None)
    other = S3Models(BUCKET, "us-east-1")
    raced: list[bool] = []

    def between(call: Call) -> Fault | None:
        if call.operation == "PutObject" and not raced:
            raced.append(True)
            assert promoted(other, "v3", "v1")
        return None

    network.fault = between
    assert not promoted(models, "v2", "v1")
    champion = models.champion()
    assert champion is not None
    assert champion.version == "v3"


def test_a_promotion_whose_answer_was_lost_is_known_to_be_done(
    models: S3Models, network: Network
) -> None:
    lost: list[bool] = []

    def lose(call: Call) -> Fault | None:
        if call.operation == "PutObject" and not lost:
            lost.append(True)
            return Lose(effect=True)
        return None

    network.fault = lose
    assert promoted(models, "v1", None)
    champion = models.champion()
    assert lost
    assert champion is not None
    assert [one.version for one in champion.history] == ["v1"]


def test_rolling_back_goes_to_what_served_before_and_again_further_back(models: S3Models) -> None:
    before: str | None = None
    for version in ("v1", "v2", "v3"):
        assert promoted(models, version, before)
        before = version
    went = []
    while (champion := models.roll_back(BY, 9, "worse")) is not None:
        went.append(champion.version)
    assert went == ["v2", "v1", RULES]
    kept = models.champion()
    assert kept is not None
    assert [one.version for one in kept.history] == [RULES, "v1", "v2", "v3", "v2", "v1"]
    assert promoted(models, "v3", RULES)


def test_nobody_promotes_what_there_is_not(models: S3Models) -> None:
    with pytest.raises(UnknownVersion):
        promoted(models, "v9", None)
    assert models.champion() is None


def test_the_history_ends_somewhere(models: S3Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pitboss.stores.models.HISTORY", 4)
    before: str | None = None
    for n in range(7):
        version = f"v{n % 2 + 1}"
        assert promoted(models, version, before, at=n)
        before = version
    champion = models.champion()
    assert champion is not None
    assert [one.promoted_at for one in champion.history] == [6, 5, 4, 3]


def test_a_bucket_that_cannot_be_read_is_not_one_without_a_champion(
    models: S3Models, network: Network
) -> None:
    network.fault = lambda call: Refuse("AccessDenied", 403) if call.service == "s3" else None
    with pytest.raises(ModelsUnreadable) as fault:
        models.champion()
    assert fault.value.retry
    assert CHAMPION in str(fault.value)


def test_a_run_is_begun_by_one_execution(models: S3Models) -> None:
    assert models.claim("2026-01-01", "a")
    assert models.claim("2026-01-01", "a")
    assert not models.claim("2026-01-01", "b")
    assert models.claim("2026-01-02", "b")
    models.put_of_run("2026-01-01", "model.vw", b"bytes")
    assert models.of_run("2026-01-01", "model.vw") == b"bytes"
    assert run_key("r", "x") == "models/offers/runs/r/x"

"""What a build is made for, and how the command's options are refused."""

import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbench import deploy, endpoint, machine, main
from workbench.console import WorkbenchError
from workbench.paths import ROOT


@pytest.fixture(autouse=True)
def nothing_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "PITBOSS_ENV", "PITBOSS_PROFILE", "MACHINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))


def test_sam_builds_for_the_environments_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PITBOSS_ENV", "dev")
    monkeypatch.setenv("MACHINE", "x86_64")
    assert deploy.sam_environment()["MACHINE"] == "aarch64"


def test_a_fingerprint_is_of_one_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    local = deploy.fingerprint()
    assert deploy.fingerprint() == local
    monkeypatch.setenv("PITBOSS_ENV", "dev")
    assert deploy.fingerprint() != local


def test_somebody_elses_build_is_never_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = tmp_path / "build" / "template.yaml"
    built.parent.mkdir()
    cache = tmp_path / "cache"

    def sam_build(*_: object) -> None:
        built.write_text("")
        cache.mkdir(exist_ok=True)

    monkeypatch.setattr(deploy, "BUILT", built)
    monkeypatch.setattr(deploy, "_run", sam_build)
    assert deploy._build("one")
    assert not deploy._build("one")
    assert deploy._build("two")
    (cache / "layer").write_text("kept by a build after our own")
    assert deploy._build("three")
    assert (cache / "layer").exists()
    os.utime(built, ns=(1, 1))  # `sam build` by hand
    assert deploy._build("three")
    assert not (cache / "layer").exists()


def test_the_layer_is_not_built_for_an_unnamed_processor(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "-C", ROOT / "layers/common/python", "build-CommonLayer"],
        env={"PATH": os.environ["PATH"], "ARTIFACTS_DIR": str(tmp_path / "artifacts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "MACHINE is not set" in done.stderr
    assert not (tmp_path / "artifacts").exists()


def test_the_environments_are_samconfigs() -> None:
    assert machine.environments() == ["local", "dev", "prod"]
    with pytest.raises(WorkbenchError, match="no environment 'staging'"):
        machine.machine_of("staging")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--env", "staging", "status"], 2, "no environment 'staging': choose local, dev or prod"),
        (["up", "--port", "99999"], 2, "--port"),
        (["up", "--port", "-1"], 2, "--port"),
        (["up", "--port", "0"], 2, "--port"),
        (["quarantine", "list", "--stage", "nonsense"], 2, "ingest_slot_events"),
        (["quarantine", "list", "--limit", "0"], 2, "--limit"),
        (["stream", "show", "--limit", "0"], 2, "--limit"),
        (["logs", "--lines", "0"], 2, "--lines"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], status: int, said: str) -> None:
    done = CliRunner().invoke(main.app, arguments, env={"NO_COLOR": "1", "TERM": "dumb"})
    assert done.exit_code == status
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_an_endpoint_that_is_no_aws_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.parsers import ResponseParserError

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://example.com")
    with (
        pytest.raises(WorkbenchError, match=r"example\.com is no AWS"),
        endpoint.refusals_explained(),
    ):
        raise ResponseParserError("no XML")


def test_rating_what_is_all_of_another_format_fails_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_text('{"type": "SAS_EVENT_CODE_7E_GAME_START"}\n')
    done = CliRunner().invoke(main.app, ["rate", str(path), "--json"])
    assert done.exit_code == 1
    assert '"quarantined": 1' in done.stdout
    assert "is it --format acres-sas" in done.stderr

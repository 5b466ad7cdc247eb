"""The simulation: hundreds of schedules with faults, and what makes a schedule worth trusting."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pitboss.events.envelope import read_envelope
from pitboss.sas.gateway import read_packet
from workbench.main import app
from workbench.proof import campaign, faults, workload, world
from workbench.proof.faults import KINDS, Fault, read_script
from workbench.proof.shrink import ddmin
from workbench.proof.world import World

ROOT = Path(__file__).parents[2]
SCHEDULES = 150


# --- the campaign of the normal run ---------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> campaign.Campaign:
    return campaign.run(range(1, SCHEDULES + 1), list(KINDS))


def test_no_schedule_violates_anything(found: campaign.Campaign) -> None:
    assert found.schedules == SCHEDULES
    assert [(f.command, f.violations[0]) for f in found.failures] == []


def test_every_kind_of_fault_really_struck(found: campaign.Campaign) -> None:
    assert {kind: found.fired[kind] for kind in KINDS if found.fired[kind] < 5} == {}


def test_every_fault_of_the_catalogue_that_can_be_injected_is() -> None:
    wanted = {*range(1, 21), *range(24, 35), 36, 37, 38}

    assert {kind.number for kind in KINDS.values()} == wanted - {34}


# --- determinism ----------------------------------------------------------------------------------


def traces(seeds: range) -> list[str]:
    kinds = list(KINDS)
    return [campaign.schedule(s, campaign.script_of(s, kinds)).trace for s in seeds]


def test_the_same_seed_is_the_same_schedule_call_by_call() -> None:
    assert traces(range(40, 46)) == traces(range(40, 46))
    assert len(set(traces(range(40, 46)))) == 6


def test_the_same_seed_is_the_same_schedule_in_another_process_and_hash_order() -> None:
    code = (
        "from tests.unit.test_proof import traces\n"
        "import json; print(json.dumps(traces(range(40, 46))))"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert json.loads(answer.stdout.splitlines()[-1]) == traces(range(40, 46))


# --- any script at all ----------------------------------------------------------------------------

a_fault = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.builds(
        Fault, st.just(kind), st.integers(1, KINDS[kind].most), st.sampled_from(KINDS[kind].args)
    )
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**31), script=st.lists(a_fault, max_size=8, unique=True))
def test_no_script_violates_anything(seed: int, script: list[Fault]) -> None:
    assert campaign.schedule(seed, tuple(script)).violations == []


@given(st.lists(a_fault, max_size=6))
def test_a_script_is_read_as_it_is_printed(script: list[Fault]) -> None:
    assert list(read_script(",".join(map(str, script)))) == script


@pytest.mark.parametrize("text", ["nothing@1/2", "split@x", "split"])
def test_a_script_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"kind"):
        read_script(text)


# --- the world checks what it says ----------------------------------------------------------------


def test_a_world_without_faults_loses_nothing_and_everything_is_rated() -> None:
    calm = World(5)
    calm.run()

    rated = [f for f in calm.posted.values() if f.kind in workload.RATED]
    assert calm.violations == []
    assert len(calm.applied()) == len(rated) > 50
    assert calm.mapping.lag() == 0
    assert calm.fired == Counter()


def test_facts_are_read_by_the_front_door_as_the_oracle_takes_them() -> None:
    for fact in workload.floor(3, events=300).facts:
        if fact.gateway == "gateway-packets":
            _, event = read_packet(fact.raw)
        else:
            _, event = read_envelope(fact.raw)
        assert (event.event_id, event.occurred_at, event.sequence, event.player_id) == (
            fact.event_id,
            fact.occurred_at,
            fact.sequence,
            fact.player_id,
        )


def test_the_floor_is_odd_enough() -> None:
    kinds = Counter(f.kind for seed in range(20) for f in workload.floor(seed).facts)

    assert kinds.keys() >= workload.RATED
    assert all(kinds[kind] >= 20 for kind in workload.RATED)


def test_a_line_is_what_kills_a_process() -> None:
    script = read_script("killed_at_line@3/200,ingest_killed@2/100")
    struck = World(8, script)
    struck.run()

    assert struck.fired == Counter(killed_at_line=1, ingest_killed=1)
    assert struck.metrics["platform", "rate errors"] == 1
    assert struck.metrics["platform", "ingest errors"] == 1


# --- shrinking ------------------------------------------------------------------------------------


@given(st.sets(st.integers(0, 30), min_size=1, max_size=4))
def test_shrinking_leaves_what_is_needed_and_nothing_else(needed: set[int]) -> None:
    assert set(ddmin(range(31), lambda part: needed <= set(part))) == needed


def test_a_failing_seed_prints_its_least_script_and_the_command_that_replays_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pitboss.stores.stream.KinesisStream._put_once", _ignores_failures)
    seed = next(
        s
        for s in range(1, 60)
        if campaign.schedule(s, campaign.script_of(s, ["put_one_throttled", "split"])).violations
    )

    runner = CliRunner()
    first = runner.invoke(
        app, ["sim", "--seed", str(seed), "--faults", "put_one_throttled,split", "--json"]
    )
    (failure,) = json.loads(first.stdout)["failures"]

    assert first.exit_code == 1
    assert len(failure["script"]) == 1
    assert failure["script"][0].startswith("put_one_throttled@")
    assert failure["command"] == f"pitboss sim --seed {seed} --script '{failure['script'][0]}'"
    again = runner.invoke(app, ["sim", "--seed", str(seed), "--script", failure["script"][0]])
    assert again.exit_code == 1
    assert "I8: " in again.stdout


def _ignores_failures(stream: object, records: object, indexes: list[int]) -> list[int]:
    stream._client.put_records(  # type: ignore[attr-defined]
        StreamName="slots",
        Records=[
            {"PartitionKey": records[i].partition_key, "Data": records[i].data}  # type: ignore[index]
            for i in indexes
        ],
    )
    return []


def test_the_command_prints_what_was_simulated() -> None:
    answer = CliRunner().invoke(app, ["sim", "--seed", "3", "--schedules", "2", "--json"])

    document = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (document["schedules"], document["violations"], document["failures"]) == (2, 0, [])
    assert document["events"] > 100
    assert document["virtual_hours"] > 1
    assert sum(document["faults_fired"].values()) > 0


def test_the_command_refuses_a_kind_that_is_none() -> None:
    answer = CliRunner().invoke(app, ["sim", "--faults", "earthquake"])

    assert answer.exit_code == 2


# --- the template ---------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_multi_constructor("!", lambda loader, suffix, node: (suffix, node.value))


@pytest.fixture(scope="module")
def template() -> dict[str, object]:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    loaded: dict[str, object] = yaml.load(text, Loader=_Loader)
    return loaded


def test_the_world_runs_with_the_settings_of_the_template(template: dict[str, object]) -> None:
    resources = template["Resources"]
    source = resources["RatePlayersFunction"]["Properties"]["Events"]["SlotEvents"]["Properties"]  # type: ignore[index]

    assert source["BatchSize"] == world.BATCH_RECORDS
    assert source["MaximumRetryAttempts"] == world.MAX_RETRIES
    assert source["MaximumRecordAgeInSeconds"] * 1000 == world.MAX_RECORD_AGE_MS
    assert source["BisectBatchOnFunctionError"] is True
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    timeout = resources["RatePlayersFunction"]["Properties"]["Timeout"]  # type: ignore[index]
    assert timeout * 1000 == world.RATE_TIMEOUT_MS
    alarm = resources["RatingsBehindAlarm"]["Properties"]  # type: ignore[index]
    assert alarm["Threshold"] == world.ALARM_AGE_MS


def test_nothing_expires_before_it_can_be_replayed(template: dict[str, object]) -> None:
    """Fault 34: what marks an event as applied is its page, which has no time to live; a record is
    given up before it expires; what is given up is kept for a month at least.
    """
    parameters = template["Parameters"]
    retention = parameters["SlotStreamRetentionHours"]  # type: ignore[index]
    assert retention["Default"] * workload.HOUR == world.RETENTION_MS
    assert world.RETENTION_MS >= 2 * world.MAX_RECORD_AGE_MS
    assert retention["MinValue"] * workload.HOUR >= world.MAX_RECORD_AGE_MS
    assert parameters["QuarantineRetentionDays"]["MinValue"] >= 30  # type: ignore[index]
    table = template["Resources"]["RatingsTable"]["Properties"]  # type: ignore[index]
    assert "TimeToLiveSpecification" not in table


def test_faults_are_drawn_from_the_kinds_asked_for() -> None:
    script = faults.draw(random.Random(1), ["split", "merged"], 30)

    assert {fault.kind for fault in script} == {"split", "merged"}

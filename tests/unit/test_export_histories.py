"""What `export_histories` hands on besides hours, which are in `test_recommend_maintenance.py`."""

from types import SimpleNamespace

import pytest

from export_histories import handler as wired
from export_histories.service import export_paces
from pitboss.stores.paces import PacesUnreadable, S3Paces
from tests import sample_events
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Network

pytestmark = pytest.mark.unit


def test_a_run_is_handed_on_as_far_back_as_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = SimpleNamespace(devices=list, paces=dict)
    wiring = SimpleNamespace(histories=histories, runs=None, days=30, paces=None)
    monkeypatch.setattr(wired, "_wiring", lambda: wiring)
    for event in sample_events.load("export_histories").values():
        assert wired.handler(event, None) == {"run": event["run"], "devices": 0}


def test_measured_paces_are_handed_on_by_property_and_replace_those_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(1_767_225_600_000)
    network = Network(clock)
    network.s3.create_bucket("lake")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    north = {("BJ-3", "2026-01-02"): 71, ("BJ-3", "2026-01-01"): 70}
    measured = {"north": north, "south": {("BJ-3", "2026-01-01"): 1}}
    with clock.installed(), network.installed():
        paces = S3Paces("lake", "us-east-1")

        assert export_paces(SimpleNamespace(paces=lambda: measured), paces) == 3
        assert (paces.of("north"), paces.of("south")) == (north, measured["south"])
        assert paces.of("east") == {}

        measured["north"] = {("BJ-3", "2026-01-01"): 72}
        export_paces(SimpleNamespace(paces=lambda: measured), paces)
        assert paces.of("north") == measured["north"]

        S3Paces("lake", "us-east-1")._client.put_object(
            Bucket="lake", Key="paces/north.json", Body=b'{"tables": [{"table_id": 1}]}'
        )
        with pytest.raises(PacesUnreadable, match="paces/north"):
            paces.of("north")

"""The use case of `promote_policy`: it serves, or somebody was quicker."""

import pytest

from pitboss.stores.models import S3Models, UnknownVersion
from promote_policy import handler as door
from promote_policy.service import BY, ChampionMoved
from tests import offer_nights, sample_events

pytestmark = pytest.mark.unit

(SAMPLE,) = sample_events.load("promote_policy").values()
VERSION = SAMPLE["version"]


def wired(models: S3Models, monkeypatch: pytest.MonkeyPatch) -> None:
    models.put_version(VERSION, b"model", b"{}")
    models.put_version("other", b"another", b"{}")
    stub = type("Wiring", (), {"models": models})
    monkeypatch.setattr(door, "_wiring", lambda: stub)


def test_a_version_serves_and_who_let_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with offer_nights.models() as models:
        wired(models, monkeypatch)
        assert door.handler(SAMPLE, None) == {"version": VERSION}
        assert door.handler(SAMPLE, None) == {"version": VERSION}  # retried: it serves already
        champion = models.champion()
        assert champion is not None
        assert [(one.version, one.promoted_by, one.why) for one in champion.history] == [
            (VERSION, BY, SAMPLE["why"])
        ]


def test_a_champion_that_moved_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with offer_nights.models() as models:
        wired(models, monkeypatch)
        assert models.promote("other", "host", 1, None, "by hand")
        with pytest.raises(ChampionMoved, match="the rules, which serves no longer") as fault:
            door.handler(SAMPLE, None)
        assert not fault.value.retry
        champion = models.champion()
        assert champion is not None
        assert champion.version == "other"
        door.handler({**SAMPLE, "replaces": "other"}, None)
        with pytest.raises(UnknownVersion):
            door.handler({**SAMPLE, "version": "gone", "replaces": VERSION}, None)

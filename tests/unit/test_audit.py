"""`pitboss rate`: what an audit counts is what became of each event."""

import json
from typing import Any

import pytest

from pitboss.rating import history
from rate_players import service
from workbench.event_files import FileFormat
from workbench.rate import Audit

MINUTE = 60_000
NOON = 1_768_500_000_000 - 1_768_500_000_000 % 300_000


def envelope(event_id: str, event_type: str, minute: int, **fields: Any) -> bytes:
    body = {
        "event_id": event_id,
        "event_type": event_type,
        "property_id": "north",
        "asset_id": "7",
        "occurred_at": NOON + minute * MINUTE,
        "sequence": 1,
        **fields,
    }
    return json.dumps(body).encode()


def game(minute: int, **fields: Any) -> list[bytes]:
    return [
        envelope(f"s{minute}", "game.started", minute, data={"wager_cents": 100}, **fields),
        envelope(f"e{minute}", "game.ended", minute, sequence=2, **fields),
    ]


def counts(audit: Audit) -> tuple[int, int, int, int]:
    result = audit.result()
    assert result["received"] == (result["accepted"] + result["duplicate"] + result["quarantined"])
    return (
        result["accepted"],
        result["duplicate"],
        result["quarantined"],
        result["totals"]["games"],
    )


def test_the_same_machine_number_and_ids_in_two_properties_are_two_machines() -> None:
    audit = Audit(FileFormat.PITBOSS, "UTC@06:00")
    audit.take(game(0) + game(0, property_id="south"))
    assert counts(audit) == (4, 0, 0, 2)


def test_what_the_rating_sets_aside_is_not_counted_as_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def break_on_machine_8(asset_id: str, *rest: Any) -> Any:
        if asset_id == "8":
            raise ValueError("a rule that cannot be applied")
        return history.apply(asset_id, *rest)

    monkeypatch.setattr(service, "apply", break_on_machine_8)
    audit = Audit(FileFormat.PITBOSS, "UTC@06:00")
    audit.take(game(0) + game(0, asset_id="8"))
    assert counts(audit) == (2, 0, 2, 1)
    assert audit.refusals == {"unratable: ValueError: a rule that cannot be applied": 2}

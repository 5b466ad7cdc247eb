"""CPU of an event at the front door for games, beside that of slots, in one run."""

import contextlib
import io
import json
import statistics
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any
from unittest import mock

from ingest_game_events import handler as games
from ingest_game_events.rules import Rules
from ingest_slot_events import handler as slots
from pitboss.access import Action, Kind, Principal, body_hash
from pitboss.games.applications import Application, Category, SchemaFile
from pitboss.installs import principal_of

EVENTS = 500
ROUNDS = 40
_SERVER = Principal(
    "server",
    Kind.GATEWAY,
    "north",
    None,
    frozenset({Action.SEND_GAME_EVENTS, Action.SEND_SLOT_EVENTS}),
)
_SCHEMA = {
    "type": "object",
    "required": ["caught_by"],
    "properties": {
        "caught_by": {"type": "string", "maxLength": 64},
        "health": {"type": "integer", "minimum": 0},
        "mode": {"enum": ["easy", "hard"]},
    },
}


class _Kept:
    """Takes everything; what is put costs nothing."""

    def put(self, given: Sequence[Any]) -> set[int]:
        return set()


class _Limits:
    def take(self, *_: object) -> int:
        return 0


def _slot(number: int, now: int) -> dict[str, Any]:
    return {
        "event_id": f"e-{number}",
        "event_type": "game.started",
        "property_id": "north",
        "asset_id": f"19407{number % 16}",
        "occurred_at": now + number,
        "sequence": number,
        "player_id": "p-81",
        "data": {"wager_cents": 500, "coin_in_meter_credits": 7_500},
        "meters": {"coin_in_credits": 7_500, "games_played": 15},
    }


def _game(number: int, now: int, client: str) -> dict[str, Any]:
    return {
        "event_version": "1.0",
        "event_id": f"6f1c-{number}",
        "event_timestamp": now + number,
        "event_type": "player_died",
        "app_name": "space-race",
        "app_version": "2.4.1",
        "client_id": client,
        "level_id": "nebula",
        "position_x": 12.5 + number,
        "position_y": -3.25,
        "caught_by": "meteor",
        "health": number,
        "mode": "hard",
    }


def _analytics(number: int, now: int) -> dict[str, Any]:
    return {
        "event_id": f"6f1c-{number}",
        "event_type": "player_died",
        "event_name": "a player died",
        "event_version": "1.0",
        "event_timestamp": now // 1_000,
        "app_version": "2.4.1",
        "event_data": {"caught_by": "meteor", "health": number, "mode": "hard"},
    }


def _posted(body: object, sender: Principal, application_id: str | None = None) -> dict[str, Any]:
    text = json.dumps(body)
    return {
        "headers": {"Content-Type": "application/json"},
        "pathParameters": application_id and {"application_id": application_id},
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "authorizer": sender.to_context(body_hash(text.encode())),
        },
        "body": text,
    }


def _microseconds(handler: Callable[[dict[str, Any], object], Any], event: dict[str, Any]) -> float:
    started = time.process_time()
    answer = handler(event, None)
    elapsed = time.process_time() - started
    if json.loads(answer["body"])["accepted"] != EVENTS:
        raise SystemExit(answer["body"][:500])
    return elapsed / EVENTS * 1e6


def run() -> dict[str, Any]:
    """Medians of interleaved rounds, and ratios to the slot door."""
    now = time.time_ns() // 1_000_000
    race = Application("north", "space-race", 1).with_schema(
        SchemaFile("space-race", "player_died", "1.0", _SCHEMA, Category.LOCAL_GAMEPLAY), 1
    )
    known, unread = Rules(race), Rules(Application("north", "space-race", 1))
    kept = _Kept()
    wiring = SimpleNamespace(stream=kept, quarantine=kept, limits=_Limits(), applications=None)
    install = principal_of("north", "space-race", "c-1")
    many = [_game(n, now, f"c-{n}") for n in range(EVENTS)]
    cases: dict[str, tuple[Any, dict[str, Any], Rules | None]] = {
        "slots: envelopes of 16 machines": (
            slots.handler,
            _posted([_slot(n, now) for n in range(EVENTS)], _SERVER),
            None,
        ),
        "slots: envelopes of one machine": (
            slots.handler,
            _posted([_slot(16 * n, now) for n in range(EVENTS)], _SERVER),
            None,
        ),
        "games: a server, 500 clients, with a schema": (
            games.handler,
            _posted(many, _SERVER),
            known,
        ),
        "games: the same without a schema": (games.handler, _posted(many, _SERVER), unread),
        "games: an install, with a schema": (
            games.handler,
            _posted([_game(n, now, "c-1") for n in range(EVENTS)], install),
            known,
        ),
        "games: the AWS guidance's envelope, with a schema": (
            games.handler,
            _posted({"events": [_analytics(n, now) for n in range(EVENTS)]}, _SERVER, "space-race"),
            known,
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    with (
        contextlib.redirect_stdout(io.StringIO()),
        mock.patch.object(slots, "_wiring", return_value=wiring),
        mock.patch.object(games, "_wiring", return_value=wiring),
    ):
        for turn in range(ROUNDS + 2):
            for name, (handler, event, rules) in cases.items():
                wiring.applications = SimpleNamespace(find=lambda *_, found=rules: found)
                elapsed = _microseconds(handler, event)
                if turn > 1:  # the first ones warm up
                    times[name].append(elapsed)
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    beside = medians["slots: envelopes of 16 machines"]
    return {
        "figure": "CPU of an event at the front doors",
        "unit": f"microseconds of process time, median of {ROUNDS} interleaved posts of {EVENTS}",
        "rows": [
            {
                "door": name,
                "microseconds": round(median, 1),
                "beside_slots": round(median / beside, 2),
            }
            for name, median in medians.items()
        ],
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))

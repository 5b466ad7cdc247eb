"""The envelope form: the same events as Pitboss's own envelopes, one JSON object an event.

A producer of envelopes knows its machine: wins are in cents, and the player is the envelope's. An
event has the same id in both forms (device time, queue index and code), so that a shift sent in
both is the same events.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from workbench.simulation import facts
from workbench.simulation.floor import METER_MODULUS, Event, Shown

_encode = msgspec.json.Encoder().encode

type _Form = tuple[str, str, dict[str, Any]]
"""Event type, what names it within an event id, and its data."""


def envelope_line(event: Event, property_id: str) -> bytes:
    """The event's envelope as JSON, without a newline."""
    return _encode(envelope(event, property_id))


def event_id(event: Event) -> str:
    """What an event is known by at its machine, in both forms."""
    return f"{event.event_time}-{event.queue_index}-{_FORMS[type(event.fact)](event.fact)[1]}"


def envelope(event: Event, property_id: str) -> dict[str, Any]:
    """The event's envelope."""
    event_type, short, data = _FORMS[type(event.fact)](event.fact)
    return {
        "event_id": f"{event.event_time}-{event.queue_index}-{short}",
        "event_type": event_type,
        "schema_version": 1,
        "property_id": property_id,
        "asset_id": event.machine.asset_id,
        "occurred_at": event.occurred_at,
        "sequence": event.queue_index,
        "player_id": None if event.player is None else event.player.player_id,
        "data": data,
        "meters": None if event.meters is None else _meters(event.meters),
    }


def _meters(shown: Shown) -> dict[str, int]:
    return {
        "coin_in_credits": shown.coin_in,
        "coin_out_credits": shown.coin_out,
        "jackpot_credits": shown.jackpot,
        "handpaid_cancelled_credits": shown.handpaid_cancelled,
        "current_credits": shown.current,
        "games_played": shown.games_played,
        "games_won": shown.games_won,
    }


_NAMED_EXCEPTIONS: dict[int, tuple[str, dict[str, Any]]] = {
    facts.SLOT_DOOR_OPENED: ("door.opened", {"door": "slot"}),
    facts.SLOT_DOOR_CLOSED: ("door.closed", {"door": "slot"}),
    facts.HANDPAY_PENDING: ("handpay.pending", {}),
    facts.HANDPAY_RESET: ("handpay.reset", {}),
    facts.BUFFER_OVERFLOW: ("events.overflowed", {}),
    facts.METERS_RESET: ("meters.reset", {}),
}
_TILTS = (facts.BILL_JAM, facts.REEL_2_TILT, facts.PRINTER_CARRIAGE_JAMMED)


def _exception(code: int) -> _Form:
    short = f"{code:02X}"
    if code in _NAMED_EXCEPTIONS:
        event_type, data = _NAMED_EXCEPTIONS[code]
        return event_type, short, data
    event_type = "tilt.raised" if code in _TILTS else "exception.raised"
    return event_type, short, {"code": code, "name": facts.EXCEPTION_NAMES[code]}


def _game_started(fact: facts.GameStarted) -> _Form:
    in_credits = fact.is_in_accounting_credits
    data = {
        "wager_credits" if in_credits else "wager_cents": (
            fact.wager_credits if in_credits else fact.wager_cents
        ),
        "coin_in_meter_credits": fact.coin_in_meter_credits,
    }
    return "game.started", "7E", data


def _game_ended(fact: facts.GameEnded) -> _Form:
    return "game.ended", "7F", {"win_cents": fact.win_cents}


def _bill_accepted(fact: facts.BillAccepted) -> _Form:
    data = {
        "amount_cents": fact.amount_cents,
        "country_code": facts.UNITED_STATES,
        "bills_accepted": fact.bills,
    }
    return "bill.accepted", "4F", data


def _handpay_reported(fact: facts.HandpayReported) -> _Form:
    data = {"amount_cents": fact.amount_cents, "partial_pay_cents": 0, "level": fact.level}
    return "handpay.reported", "P1B", data


def _paytable_reported(fact: facts.PaytableReported) -> _Form:
    data = {
        "base_basis_points": fact.base_basis_points,
        "accounting_denomination_cents": fact.denomination_cents,
        "paytable_id": fact.paytable_id,
        "game_id": fact.game_id,
        "max_bet_credits": fact.max_bet_credits,
    }
    if fact.game_number:
        return (
            "paytable.reported",
            f"P53.{fact.game_number}",
            data | {"game_number": fact.game_number},
        )
    return "paytable.reported", "P1F", data


def _game_selected(fact: facts.GameSelected) -> _Form:
    return "game.selected", "8C", {"game_number": fact.game_number}


def _poll_answered(fact: facts.PollAnswered) -> _Form:
    if fact.code == facts.SELECTED_GAME:
        return "game.selected", "P55", {"game_number": fact.answer["SelectedGameNumber"]}
    data = {"code": fact.code, "name": facts.POLL_NAMES[fact.code]}
    return "poll.answered", f"P{fact.code:02X}", data


def _meters_changed(fact: facts.MetersChanged) -> _Form:
    meters = {name: value % METER_MODULUS for name, value in fact.meters.items()}
    return "meters.reported", "M", {"meters": meters}


_FORMS: dict[type, Callable[[Any], _Form]] = {
    facts.Exception_: lambda fact: _exception(fact.code),
    facts.GameStarted: _game_started,
    facts.GameEnded: _game_ended,
    facts.ReelStopped: lambda _: _exception(facts.REEL_STOPPED),
    facts.CardHeld: lambda _: _exception(facts.CARD_HELD),
    facts.BillAccepted: _bill_accepted,
    facts.HandpayReported: _handpay_reported,
    facts.PaytableReported: _paytable_reported,
    facts.GameSelected: _game_selected,
    facts.PollAnswered: _poll_answered,
    facts.MetersChanged: _meters_changed,
    facts.CardInserted: lambda _: ("card.inserted", "CI", {}),
    facts.CardRemoved: lambda _: ("card.removed", "CR", {}),
}

"""The gateway form: one flat JSON object an event, as a slot-monitoring gateway sends it.

The form is that of the Event Replay API 1.4 of Acres 4's Foundation. Four kinds of packet differ
in their keys: SAS exceptions, long-poll answers, meter changes, and start-up polls. Card packets
come from the player-tracking unit, which shares the gateway's line and clock, and look like poll
answers; the SAS protocol has no cards.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from workbench.simulation import facts
from workbench.simulation.floor import Event, Shown

_REAL_TIME_EXCEPTION = 0xFF
"""The poll to which exceptions are the answer (SAS 6.02, section 12)."""
_METERS_PACKET_CODE = 13

_encode = msgspec.json.Encoder().encode


class _Form(NamedTuple):
    type: str
    data: dict[str, Any]
    sas_code: int | None = None
    pkt_code: int | None = None


_EXCEPTION_TYPES = {
    code: f"SAS_EVENT_CODE_{code:02X}_{name}" for code, name in facts.EXCEPTION_NAMES.items()
}
_POLL_TYPES = {code: f"SAS_POLL_{code:02X}_{name}" for code, name in facts.POLL_NAMES.items()}


def packet_line(event: Event) -> bytes:
    """The event's packet as JSON, without a newline."""
    return _encode(packet(event))


def packet(event: Event) -> dict[str, Any]:
    """The event's packet."""
    machine, player = event.machine, event.player
    form = _FORMS[type(event.fact)](event.fact, event)
    result: dict[str, Any] = {
        "type": form.type,
        "sas_serial_number": machine.serial_number,
        "player_card_number": "" if player is None else player.card_number,
        "asset_number": machine.asset_id,
        "host_id_player": "" if player is None else player.player_id,
        "idx": 0,
        "cache_time": event.cache_time,
        "event_time": event.event_time,
        "data": form.data,
    }
    if event.meters is not None:
        result["meters"] = _meters(event.meters)
    result["sas_queue_index"] = event.queue_index
    if not event.since_boot:
        result["hdr_id"] = event.row
    result["dest"] = machine.interface
    if form.sas_code is not None:
        result["sas_code"] = form.sas_code
    if form.pkt_code is not None:
        result["pkt_code"] = form.pkt_code
    result["hostname"] = machine.hostname
    return result


def _meters(shown: Shown) -> dict[str, int]:
    return {
        "CoinIn": shown.coin_in,
        "CoinOut": shown.coin_out,
        "CurrentCredits": shown.current,
        "GamesPlayed": shown.games_played,
        "GamesWon": shown.games_won,
        "HandpayCancelCredit": shown.handpaid_cancelled,
        "Jackpot": shown.jackpot,
    }


def _exception(code: int, event: Event, data: dict[str, Any]) -> _Form:
    data["MibTime"] = event.event_time
    data["SASEvent"] = code
    data["SASPoll"] = _REAL_TIME_EXCEPTION
    return _Form(_EXCEPTION_TYPES[code], data, sas_code=code)


def _poll(code: int, event: Event, data: dict[str, Any]) -> _Form:
    if not event.since_boot:
        data["MibTime"] = event.event_time
        data["SASPoll"] = code
    return _Form(_POLL_TYPES[code], data)


def _plain(fact: facts.Exception_, event: Event) -> _Form:
    return _exception(fact.code, event, {})


def _game_started(fact: facts.GameStarted, event: Event) -> _Form:
    data = {
        "CreditsWagered": fact.wager_credits,
        "ProgressiveGroup": 0,
        "TotalCoinInMeter": fact.coin_in_meter_credits,
        "WagerType": fact.wager_type,
    }
    return _exception(facts.GAME_STARTED, event, data)


def _game_ended(fact: facts.GameEnded, event: Event) -> _Form:
    data = {"GameWin": fact.win_credits} if fact.win_credits else {}
    return _exception(facts.GAME_ENDED, event, data)


def _reel_stopped(fact: facts.ReelStopped, event: Event) -> _Form:
    data = {"PhysicalStop": fact.stop, "ReelNum": fact.reel}
    return _exception(facts.REEL_STOPPED, event, data)


def _card_held(fact: facts.CardHeld, event: Event) -> _Form:
    return _exception(facts.CARD_HELD, event, {"Card": fact.card})


def _bill_accepted(fact: facts.BillAccepted, event: Event) -> _Form:
    data = {
        "Bills": fact.bills,
        "CountryCode": facts.UNITED_STATES,
        "DenomCode": fact.denomination_code,
    }
    return _exception(facts.BILL_ACCEPTED, event, data)


def _handpay_reported(fact: facts.HandpayReported, event: Event) -> _Form:
    data = {
        "Amount": fact.amount_cents,
        "Level": fact.level,
        "PartialPayAmount": 0,
        "ProgressiveGroup": 0,
        "ResetId": 0,
    }
    return _poll(facts.HANDPAY_INFORMATION, event, data)


def _paytable_reported(fact: facts.PaytableReported, event: Event) -> _Form:
    data = {
        "AdditionalId": "000",
        "BasePercentage": f"{fact.base_basis_points:04}",
        "Denomination": fact.denomination_code,
        "GameId": fact.game_id,
        "GameOptions": None,
        "MaxBet": fact.max_bet_credits,
        "PaytableId": fact.paytable_id,
        "ProgressiveGroup": 0,
    }
    if fact.game_number:
        data = {"GameNumber": fact.game_number, **data}
        return _poll(facts.GAME_CONFIGURATION, event, data)
    return _poll(facts.MACHINE_INFORMATION, event, data)


def _game_selected(fact: facts.GameSelected, event: Event) -> _Form:
    return _exception(facts.GAME_SELECTED, event, {"GameNumber": fact.game_number})


def _poll_answered(fact: facts.PollAnswered, event: Event) -> _Form:
    return _poll(fact.code, event, dict(fact.answer))


def _meters_changed(fact: facts.MetersChanged, event: Event) -> _Form:
    data = {
        **fact.meters,
        "MibTime": event.event_time,
        "meter_snap_flag": 128,
        "num_meters": len(fact.meters),
    }
    return _Form("PACKET_SAS_METERS_CHANGE", data, pkt_code=_METERS_PACKET_CODE)


def _card_inserted(_: facts.CardInserted, event: Event) -> _Form:
    return _Form("TRACKING_UNIT_CARD_INSERTED", {"MibTime": event.event_time})


def _card_removed(_: facts.CardRemoved, event: Event) -> _Form:
    return _Form("TRACKING_UNIT_CARD_REMOVED", {"MibTime": event.event_time})


_FORMS: dict[type, Callable[[Any, Event], _Form]] = {
    facts.Exception_: _plain,
    facts.GameStarted: _game_started,
    facts.GameEnded: _game_ended,
    facts.ReelStopped: _reel_stopped,
    facts.CardHeld: _card_held,
    facts.BillAccepted: _bill_accepted,
    facts.HandpayReported: _handpay_reported,
    facts.PaytableReported: _paytable_reported,
    facts.GameSelected: _game_selected,
    facts.PollAnswered: _poll_answered,
    facts.MetersChanged: _meters_changed,
    facts.CardInserted: _card_inserted,
    facts.CardRemoved: _card_removed,
}

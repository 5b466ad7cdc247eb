"""What can happen at a machine. One class a fact; `packets` and `envelopes` write each their way.

Codes are those of SAS 6.02 (appendix A, table A-1), amounts say their unit in their name; a credit
is one of the machine's accounting denomination unless it is a wager's.
"""

from msgspec import Struct


class Exception_(Struct, frozen=True, gc=False):  # noqa: N801 - SAS calls its events exceptions
    """A SAS exception that says no more than its code."""

    code: int


class GameStarted(Struct, frozen=True, gc=False):
    """Exception 7E. `wager_type`: low five bits the wager's denomination code, 40 set, 80 set for
    a maximum bet. `coin_in_meter_credits` includes this wager.
    """

    wager_credits: int
    wager_type: int
    wager_cents: int
    coin_in_meter_credits: int


class GameEnded(Struct, frozen=True, gc=False):
    """Exception 7F. The gateway leaves a win of zero out."""

    win_credits: int
    win_cents: int


class ReelStopped(Struct, frozen=True, gc=False):
    """Exception 88. Reels count from 1."""

    reel: int
    stop: int


class CardHeld(Struct, frozen=True, gc=False):
    """Exception 8B: the card's place from 0, and whether it is held (bit 80) or not."""

    card: int


class BillAccepted(Struct, frozen=True, gc=False):
    """Exception 4F. `bills` counts the bills of this value that ever went in."""

    denomination_code: int
    amount_cents: int
    bills: int


class HandpayReported(Struct, frozen=True, gc=False):
    """Long poll 1B. `level` 00 is a win, 80 credits that were cancelled (table 7.8.1b)."""

    amount_cents: int
    level: int


class PaytableReported(Struct, frozen=True, gc=False):
    """Long poll 1F. `base_basis_points` is the base percentage times 100."""

    base_basis_points: int
    denomination_code: int
    denomination_cents: int
    game_id: str
    paytable_id: str
    max_bet_credits: int


class PollAnswered(Struct, frozen=True, gc=False):
    """Any other long poll: what the machine answered, by the gateway's names."""

    code: int
    answer: dict[str, object]


class MetersChanged(Struct, frozen=True, gc=False):
    """The gateway's report of meters that moved, by the names of table C-7."""

    meters: dict[str, int]


class CardInserted(Struct, frozen=True, gc=False):
    """The player-tracking unit read a card."""


class CardRemoved(Struct, frozen=True, gc=False):
    """The player-tracking unit saw the card leave."""


type Fact = (
    Exception_
    | GameStarted
    | GameEnded
    | ReelStopped
    | CardHeld
    | BillAccepted
    | HandpayReported
    | PaytableReported
    | PollAnswered
    | MetersChanged
    | CardInserted
    | CardRemoved
)

SLOT_DOOR_OPENED = 0x11
SLOT_DOOR_CLOSED = 0x12
BILL_JAM = 0x28
CASH_OUT_TICKET_PRINTED = 0x3D
REEL_2_TILT = 0x42
BILL_ACCEPTED = 0x4F
HANDPAY_PENDING = 0x51
HANDPAY_RESET = 0x52
CASH_OUT_BUTTON_PRESSED = 0x66
PRINTER_CARRIAGE_JAMMED = 0x78
GAME_STARTED = 0x7E
GAME_ENDED = 0x7F
DRAW_REQUESTED = 0x87
REEL_STOPPED = 0x88
CREDIT_WAGERED = 0x89
CARD_HELD = 0x8B

UNITED_STATES = 0x37
"""Country code of a bill (SAS 6.02, table 7.18.2)."""

EXCEPTION_NAMES = {
    SLOT_DOOR_OPENED: "SLOT_DOOR_WAS_OPENED",
    SLOT_DOOR_CLOSED: "SLOT_DOOR_WAS_CLOSED",
    BILL_JAM: "BILL_JAM",
    CASH_OUT_TICKET_PRINTED: "A_CASH_OUT_TICKET_HAS_BEEN_PRINTED",
    REEL_2_TILT: "REEL_2_TILT",
    BILL_ACCEPTED: "BILL_ACCEPTED",
    HANDPAY_PENDING: "HANDPAY_IS_PENDING",
    HANDPAY_RESET: "HANDPAY_WAS_RESET",
    CASH_OUT_BUTTON_PRESSED: "CASH_OUT_BUTTON_PRESSED",
    PRINTER_CARRIAGE_JAMMED: "PRINTER_CARRIAGE_JAMMED",
    GAME_STARTED: "GAME_HAS_STARTED",
    GAME_ENDED: "GAME_HAS_ENDED",
    DRAW_REQUESTED: "PLAYER_HAS_REQUESTED_DRAW_CARDS",
    REEL_STOPPED: "REEL_N_HAS_STOPPED",
    CREDIT_WAGERED: "COIN_CREDIT_WAGERED",
    CARD_HELD: "CARD_HELD_NOT_HELD",
}
"""Exceptions by the gateway's names (Foundation Event Replay API 1.4)."""

HANDPAY_INFORMATION = 0x1B
MACHINE_INFORMATION = 0x1F
CASH_OUT_TICKET_INFORMATION = 0x3D
CARD_INFORMATION = 0x8E

POLL_NAMES = {
    HANDPAY_INFORMATION: "SEND_HANDPAY_INFORMATION",
    MACHINE_INFORMATION: "SEND_GAMING_MACHINE_ID_AND_INFORMATION",
    CASH_OUT_TICKET_INFORMATION: "SEND_CASH_OUT_TICKET_INFORMATION",
    0x48: "SEND_LAST_ACCEPTED_BILL_INFORMATION",
    0x51: "SEND_TOTAL_NUMBER_OF_GAMES_IMPLEMENTED",
    0x54: "SEND_SAS_VERSION_ID_AND_GAMING_MACHINE_SERIAL_NUMBER",
    0x55: "SEND_SELECTED_GAME_NUMBER",
    0x56: "SAS_SEND_ENABLED_GAME_NUMBERS",
    CARD_INFORMATION: "SEND_CARD_INFORMATION",
    0x8F: "SEND_PHYSICAL_REEL_STOP_INFORMATION",
    0xA0: "SEND_ENABLED_FEATURES",
    0xB1: "SEND_CURRENT_PLAYER_DENOMINATION",
    0xB2: "SEND_ENABLED_PLAYER_DENOMINATIONS",
    0xB5: "SEND_EXTENDED_GAMEN_INFORMATION",
}
"""Long polls by the gateway's names, spelt as it spells them."""

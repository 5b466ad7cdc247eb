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

    A machine that names no wager denomination (code 00) counts in accounting credits.
    """

    wager_credits: int
    wager_type: int
    wager_cents: int
    coin_in_meter_credits: int

    @property
    def is_in_accounting_credits(self) -> bool:
        """Whether the machine names no wager denomination."""
        return self.wager_type & 0x1F == 0


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
    """Long poll 1B. `level` 00 is a win, 01 to 20 one of a progressive, 80 credits that were
    cancelled (table 7.8.1b).
    """

    amount_cents: int
    level: int


class PaytableReported(Struct, frozen=True, gc=False):
    """Long poll 1F, or 53 for a game of several. `base_basis_points` is the base percentage times
    100.
    """

    base_basis_points: int
    denomination_code: int
    denomination_cents: int
    game_id: str
    paytable_id: str
    max_bet_credits: int
    game_number: int = 0
    """The game's; 0 is the machine."""


class GameSelected(Struct, frozen=True, gc=False):
    """Exception 8C: the player chose another of the machine's games, counted from 1."""

    game_number: int


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
    | GameSelected
    | PollAnswered
    | MetersChanged
    | CardInserted
    | CardRemoved
)

SLOT_DOOR_OPENED = 0x11
SLOT_DOOR_CLOSED = 0x12
POWER_APPLIED = 0x17
POWER_LOST = 0x18
BILL_JAM = 0x28
CASH_OUT_TICKET_PRINTED = 0x3D
OPTIONS_CHANGED = 0x3C
REEL_2_TILT = 0x42
BILL_ACCEPTED = 0x4F
HANDPAY_PENDING = 0x51
HANDPAY_RESET = 0x52
CASH_OUT_BUTTON_PRESSED = 0x66
BUFFER_OVERFLOW = 0x70
PRINTER_CARRIAGE_JAMMED = 0x78
METERS_RESET = 0x7A
GAME_STARTED = 0x7E
GAME_ENDED = 0x7F
DRAW_REQUESTED = 0x87
ATTENDANT_MENU_ENTERED = 0x82
ATTENDANT_MENU_EXITED = 0x83
REEL_STOPPED = 0x88
CREDIT_WAGERED = 0x89
CARD_HELD = 0x8B
GAME_SELECTED = 0x8C

UNITED_STATES = 0x37
"""Country code of a bill (SAS 6.02, table 7.18.2)."""

EXCEPTION_NAMES = {
    SLOT_DOOR_OPENED: "SLOT_DOOR_WAS_OPENED",
    SLOT_DOOR_CLOSED: "SLOT_DOOR_WAS_CLOSED",
    POWER_APPLIED: "AC_POWER_WAS_APPLIED_TO_GAMING_MACHINE",
    POWER_LOST: "AC_POWER_WAS_LOST_FROM_GAMING_MACHINE",
    BILL_JAM: "BILL_JAM",
    OPTIONS_CHANGED: "OPERATOR_CHANGED_OPTIONS",
    CASH_OUT_TICKET_PRINTED: "A_CASH_OUT_TICKET_HAS_BEEN_PRINTED",
    REEL_2_TILT: "REEL_2_TILT",
    BILL_ACCEPTED: "BILL_ACCEPTED",
    HANDPAY_PENDING: "HANDPAY_IS_PENDING",
    HANDPAY_RESET: "HANDPAY_WAS_RESET",
    CASH_OUT_BUTTON_PRESSED: "CASH_OUT_BUTTON_PRESSED",
    BUFFER_OVERFLOW: "EXCEPTION_BUFFER_OVERFLOW",
    PRINTER_CARRIAGE_JAMMED: "PRINTER_CARRIAGE_JAMMED",
    METERS_RESET: "GAMING_MACHINE_SOFT_METERS_RESET_TO_ZERO",
    GAME_STARTED: "GAME_HAS_STARTED",
    GAME_ENDED: "GAME_HAS_ENDED",
    ATTENDANT_MENU_ENTERED: "DISPLAY_METERS_OR_ATTENDANT_MENU_HAS_BEEN_ENTERED",
    ATTENDANT_MENU_EXITED: "DISPLAY_METERS_OR_ATTENDANT_MENU_HAS_BEEN_EXITED",
    DRAW_REQUESTED: "PLAYER_HAS_REQUESTED_DRAW_CARDS",
    REEL_STOPPED: "REEL_N_HAS_STOPPED",
    CREDIT_WAGERED: "COIN_CREDIT_WAGERED",
    CARD_HELD: "CARD_HELD_NOT_HELD",
    GAME_SELECTED: "GAME_SELECTED",
}
"""Exceptions by the gateway's names (Foundation Event Replay API 1.4)."""

HANDPAY_INFORMATION = 0x1B
MACHINE_INFORMATION = 0x1F
CASH_OUT_TICKET_INFORMATION = 0x3D
GAME_CONFIGURATION = 0x53
SELECTED_GAME = 0x55
CARD_INFORMATION = 0x8E

POLL_NAMES = {
    HANDPAY_INFORMATION: "SEND_HANDPAY_INFORMATION",
    MACHINE_INFORMATION: "SEND_GAMING_MACHINE_ID_AND_INFORMATION",
    CASH_OUT_TICKET_INFORMATION: "SEND_CASH_OUT_TICKET_INFORMATION",
    0x48: "SEND_LAST_ACCEPTED_BILL_INFORMATION",
    0x51: "SEND_TOTAL_NUMBER_OF_GAMES_IMPLEMENTED",
    GAME_CONFIGURATION: "SEND_GAME_N_CONFIGURATION",
    0x54: "SEND_SAS_VERSION_ID_AND_GAMING_MACHINE_SERIAL_NUMBER",
    SELECTED_GAME: "SEND_SELECTED_GAME_NUMBER",
    0x56: "SAS_SEND_ENABLED_GAME_NUMBERS",
    CARD_INFORMATION: "SEND_CARD_INFORMATION",
    0x8F: "SEND_PHYSICAL_REEL_STOP_INFORMATION",
    0xA0: "SEND_ENABLED_FEATURES",
    0xB1: "SEND_CURRENT_PLAYER_DENOMINATION",
    0xB2: "SEND_ENABLED_PLAYER_DENOMINATIONS",
    0xB5: "SEND_EXTENDED_GAMEN_INFORMATION",
}
"""Long polls by the gateway's names, spelt as it spells them."""

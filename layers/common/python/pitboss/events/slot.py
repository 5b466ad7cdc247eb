"""Slot-machine events: one schema per event type and version.

Every class below is the `data` of one event type. The classes are msgspec structs packed as arrays
(`array_like`), which is the form the stream carries; `pitboss.events.envelope` derives the JSON
object form that gateways post from the same definitions, so that there is one definition only.

Evolution is additive: a new field goes to the end and has a default. A packed array that is longer
than the reader's class is read as far as the reader knows it, a shorter one gets the defaults.

Amounts are integer US cents unless a name ends in `_credits`, which are credits of the machine's
accounting denomination (SAS 6.02, section 7.1): a single packet does not say what such a credit is
worth, the machine's last `paytable.reported` does.
"""

from typing import Annotated

from msgspec import Meta, Struct

METER_MODULUS = 100_000_000
"""Cumulative SAS meters are eight BCD digits and roll over to zero here (SAS 6.02, table C-7)."""

MAX_CENTS = 10**12
"""An amount is less than this: ten billion dollars."""

MAX_METERS = 512
"""Meters that one report may hold; table C-7 has fewer."""

type Cents = Annotated[int, Meta(ge=0, lt=MAX_CENTS, description="US cents")]
type Credits = Annotated[
    int, Meta(ge=0, lt=10**12, description="credits of the accounting denomination")
]
type Meter = Annotated[
    int, Meta(ge=0, lt=METER_MODULUS, description="cumulative meter, rolls over at 10^8")
]
type BasisPoints = Annotated[int, Meta(ge=0, le=10_000, description="hundredths of a percent")]
type Code = Annotated[int, Meta(ge=0, le=255, description="SAS code, one byte")]
type Label = Annotated[str, Meta(max_length=128)]
type GameNumber = Annotated[
    int, Meta(ge=0, le=9_999, description="number of a game on the machine; 0 is the machine")
]


class Meters(Struct, array_like=True, frozen=True, gc=False):
    """Cumulative meters as the device showed them beside an event.

    In credits of the accounting denomination, each modulo `METER_MODULUS`.
    """

    coin_in_credits: Meter | None = None
    coin_out_credits: Meter | None = None
    jackpot_credits: Meter | None = None
    handpaid_cancelled_credits: Meter | None = None
    current_credits: Meter | None = None
    games_played: Meter | None = None
    games_won: Meter | None = None


class GameStarted(Struct, array_like=True, frozen=True, gc=False, tag="game.started"):
    """SAS exception 7E: a wager was made and the game began.

    The wager is in cents; only a machine that gives no wager denomination (code 00) leaves it in
    credits of the accounting denomination. `coin_in_meter_credits` is the coin-in meter including
    this wager: the second opinion.
    """

    wager_cents: Cents | None = None
    coin_in_meter_credits: Meter | None = None
    wager_credits: Credits | None = None

    def __post_init__(self) -> None:
        if (self.wager_cents is None) == (self.wager_credits is None):
            raise ValueError("a wager is given in cents or in credits, exactly one of them")


class GameEnded(Struct, array_like=True, frozen=True, gc=False, tag="game.ended"):
    """SAS exception 7F: the game ended with this win; both amounts absent is a win of zero.

    A gateway knows the win in credits only; a producer that knows cents says cents. Not both.
    """

    win_cents: Cents | None = None
    win_credits: Credits | None = None

    def __post_init__(self) -> None:
        if self.win_cents is not None and self.win_credits is not None:
            raise ValueError("a win is given in cents or in credits, not in both")


class PaytableReported(Struct, array_like=True, frozen=True, gc=False, tag="paytable.reported"):
    """SAS long polls 1F and 53: the paytable in force from this moment on.

    `base_basis_points` is the base (theoretical payback) percentage x 100; the hold is 10,000 less.
    `game_number` 0 is the machine's own paytable (1F), any other that of one of its games (53).
    """

    base_basis_points: BasisPoints
    accounting_denomination_cents: Annotated[int, Meta(gt=0, le=100_000_000)] = 1
    paytable_id: Label = ""
    game_id: Label = ""
    max_bet_credits: Credits | None = None
    game_number: GameNumber = 0

    @property
    def hold_basis_points(self) -> int:
        """The house's share of coin-in, in basis points."""
        return 10_000 - self.base_basis_points


class GameSelected(Struct, array_like=True, frozen=True, gc=False, tag="game.selected"):
    """SAS exception 8C, and the answer to long poll 55: which of a machine's games is played."""

    game_number: GameNumber


class BillAccepted(Struct, array_like=True, frozen=True, gc=False, tag="bill.accepted"):
    """SAS exception 4F: one bill went in. `bills_accepted` counts bills of this value so far."""

    amount_cents: Cents
    country_code: Code | None = None
    bills_accepted: Meter | None = None


class HandpayPending(Struct, array_like=True, frozen=True, gc=False, tag="handpay.pending"):
    """SAS exception 51: the machine locked up for an attendant to pay."""


class HandpayReported(Struct, array_like=True, frozen=True, gc=False, tag="handpay.reported"):
    """SAS long poll 1B: the amount of a pending hand-pay. `level` is SAS table 7.8.1b."""

    amount_cents: Cents
    partial_pay_cents: Cents = 0
    level: Code = 0


class HandpayReset(Struct, array_like=True, frozen=True, gc=False, tag="handpay.reset"):
    """SAS exception 52: the attendant reset the machine."""


class DoorOpened(Struct, array_like=True, frozen=True, gc=False, tag="door.opened"):
    """SAS exceptions 11, 13, 15, 19, 1D and the power-off accesses 98-9B."""

    door: Label


class DoorClosed(Struct, array_like=True, frozen=True, gc=False, tag="door.closed"):
    """SAS exceptions 12, 14, 16, 1A, 1E."""

    door: Label


class TiltRaised(Struct, array_like=True, frozen=True, gc=False, tag="tilt.raised"):
    """A SAS exception that stops play until someone clears it."""

    code: Code
    name: Label = ""


class MetersReported(Struct, array_like=True, frozen=True, gc=False, tag="meters.reported"):
    """Meters that changed, by the name SAS table C-7 gives them; units are part of the names."""

    meters: Annotated[
        dict[Label, Annotated[int, Meta(ge=0, le=2**63 - 1)]], Meta(max_length=MAX_METERS)
    ]


class MetersReset(Struct, array_like=True, frozen=True, gc=False, tag="meters.reset"):
    """SAS exception 7A: the machine's soft meters went back to zero."""


class EventsOverflowed(Struct, array_like=True, frozen=True, gc=False, tag="events.overflowed"):
    """SAS exception 70: the machine's exception buffer overflowed, events before this are lost."""


class CardInserted(Struct, array_like=True, frozen=True, gc=False, tag="card.inserted"):
    """The player-tracking unit read a card; the envelope's `player_id` says whose."""


class CardRemoved(Struct, array_like=True, frozen=True, gc=False, tag="card.removed"):
    """The player-tracking unit saw the card leave."""


class ExceptionRaised(Struct, array_like=True, frozen=True, gc=False, tag="exception.raised"):
    """Any other SAS exception: reels, cards held, wager steps, menus, tickets, printers."""

    code: Code
    name: Label = ""


class PollAnswered(Struct, array_like=True, frozen=True, gc=False, tag="poll.answered"):
    """Any other SAS long-poll answer. Its fields stay in the record's first part, as received."""

    code: Code
    name: Label = ""


class Unrecognised(Struct, array_like=True, frozen=True, gc=False, tag="unrecognised"):
    """An event type, or version of it, that this release does not know: kept, counted, not read."""

    event_type: Annotated[str, Meta(max_length=64)]
    schema_version: int


type SlotData = (
    GameStarted
    | GameEnded
    | PaytableReported
    | GameSelected
    | BillAccepted
    | HandpayPending
    | HandpayReported
    | HandpayReset
    | DoorOpened
    | DoorClosed
    | TiltRaised
    | MetersReported
    | MetersReset
    | EventsOverflowed
    | CardInserted
    | CardRemoved
    | ExceptionRaised
    | PollAnswered
    | Unrecognised
)

RATED_TYPES = frozenset(
    {GameStarted, GameEnded, PaytableReported, GameSelected, CardInserted, CardRemoved}
    | {HandpayPending, HandpayReported, MetersReset, EventsOverflowed}
)
"""The types that rating looks at; every other leaves all ratings as they are. A stream record has
them first: who adds one raises the record's version (`pitboss.events.batch`)."""

PLAYER_REQUIRED = (CardInserted, CardRemoved)
"""Types that mean nothing without a `player_id`."""


class SlotEvent(Struct, array_like=True, frozen=True, gc=False):
    """One normalised event, as the stream carries it. Property, asset and arrival are the batch's.

    `occurred_at` is the device clock in epoch milliseconds (the collector's clock where the device
    had none), `sequence` the device's own queue index: monotone, with gaps.
    """

    event_id: str
    occurred_at: int
    sequence: int
    player_id: str | None
    data: SlotData


class MeteredEvent(SlotEvent, array_like=True, frozen=True, gc=False):
    """A slot event with the meters beside it, which is what is packed.

    Readers that do not need the meters unpack it as `SlotEvent`.
    """

    meters: Meters | None = None

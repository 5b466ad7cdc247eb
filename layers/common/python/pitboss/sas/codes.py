"""SAS codes: denominations, bills, doors and tilts.

Source: *Slot Accounting System Protocol*, version 6.02 (IGT): table C-4 for denomination codes,
table 7.18.1 (exception 4F) for bills, appendix A, table A-1 for exception codes.
"""

from collections.abc import Mapping
from types import MappingProxyType

DENOMINATION_CENTS: Mapping[int, int] = MappingProxyType(
    {
        0x01: 1,
        0x02: 5,
        0x03: 10,
        0x04: 25,
        0x05: 50,
        0x06: 100,
        0x07: 500,
        0x08: 1_000,
        0x09: 2_000,
        0x0A: 10_000,
        0x0B: 20,
        0x0C: 200,
        0x0D: 250,
        0x0E: 2_500,
        0x0F: 5_000,
        0x10: 20_000,
        0x11: 25_000,
        0x12: 50_000,
        0x13: 100_000,
        0x14: 200_000,
        0x15: 250_000,
        0x16: 500_000,
        0x17: 2,
        0x18: 3,
        0x19: 15,
        0x1A: 40,
    }
)
"""Denomination code to cents (table C-4). Codes 1B-1F are fractions of a cent: not supported,
because money here is whole cents; code 00 says that the machine gives none."""

WAGER_DENOMINATION_MASK = 0x1F
"""The low five bits of a wager type (exception 7E) are the wager's denomination code."""

BILL_CENTS: Mapping[int, int] = MappingProxyType(
    {
        0x00: 100,
        0x01: 200,
        0x02: 500,
        0x03: 1_000,
        0x04: 2_000,
        0x05: 5_000,
        0x06: 10_000,
        0x07: 50_000,
        0x08: 100_000,
    }
)
"""Bill denomination code to cents of the machine's currency (exception 4F, long poll 48)."""

DOOR_OPENED: Mapping[int, str] = MappingProxyType(
    {
        0x11: "slot",
        0x13: "drop",
        0x15: "card cage",
        0x19: "cashbox",
        0x1D: "belly",
        0x98: "card cage",
        0x99: "slot",
        0x9A: "cashbox",
        0x9B: "drop",
    }
)
"""Exceptions that report a door as opened; 98-9B are accesses while the power was off."""

DOOR_CLOSED: Mapping[int, str] = MappingProxyType(
    {0x12: "slot", 0x14: "drop", 0x16: "card cage", 0x1A: "cashbox", 0x1E: "belly"}
)

TILTS = frozenset(
    {*range(0x20, 0x26), 0x28, 0x29, 0x2A, *range(0x31, 0x39), *range(0x40, 0x47), 0x60, 0x78}
)
"""Exceptions that stop play: general, coin, hopper, diverter, bill, memory, reel and printer."""

HANDPAY_PENDING = 0x51
HANDPAY_RESET = 0x52
BILL_ACCEPTED = 0x4F
BUFFER_OVERFLOW = 0x70
CHANGE_LAMP_ON, CHANGE_LAMP_OFF = 0x71, 0x72
"""Someone at the machine calls for service, and no longer."""

METERS_RESET = 0x7A
GAME_STARTED = 0x7E
GAME_ENDED = 0x7F
GAME_SELECTED = 0x8C

POLL_HANDPAY_INFORMATION = 0x1B
POLL_MACHINE_INFORMATION = 0x1F
"""Long poll 1F: game id, denomination, maximum bet, base percentage."""
POLL_GAME_CONFIGURATION = 0x53
"""Long poll 53: the same of one of the machine's games."""
POLL_SELECTED_GAME = 0x55

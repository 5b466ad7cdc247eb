"""Refined tables of what was rated and reconciled, beside the tables of events.

`games` and `gaps` are the ledger of a property's gaming day: what rating says of it, row by row.
`holds` and `reconciliations` are made of them and of the tables of events.
"""

from pitboss.lake.layout import REFINED
from pitboss.lake.tables import INTEGER, TEXT, Column, Table

TRUTH = "BOOLEAN"

EXACT = "DECIMAL(38, 0)"
"""An integer that may be larger than a BIGINT."""

GAMES = Table(
    "games",
    (),
    (
        Column("asset_id", TEXT),
        # game; or an amount of no game in particular: handpay, first_paytable
        Column("kind", TEXT),
        Column("started_at", INTEGER),  # epoch milliseconds, null where the start is missing
        Column("ended_at", INTEGER),  # and where the end is; of an amount, its moment
        Column("player_id", TEXT),  # null for uncarded play
        Column("session_started_at", INTEGER),
        Column("game_number", INTEGER),  # 0 is the machine's only game
        Column("paytable_id", TEXT),  # null where none was reported lately
        Column("game_id", TEXT),
        Column("hold_basis_points", INTEGER),  # null where no paytable was known
        Column("coin_in_cents", INTEGER),
        Column("coin_out_cents", INTEGER),  # with what was paid by hand, also afterwards
        Column("handpay_cents", INTEGER),
        Column("theoretical_win", INTEGER),  # ten-thousandths of a cent
        Column("complete", TRUTH),  # start and end are known; null where kind is not game
    ),
)
"""A row for each game as it was rated. What its rows add up to is what is stored of the machine."""

GAPS = Table(
    "gaps",
    (),
    (
        Column("asset_id", TEXT),
        Column("since", INTEGER),  # when the meter was seen before, null for never
        Column("at", INTEGER),  # the start of the game that showed it
        Column("amount_cents", INTEGER),
        Column("is_overflow", TRUTH),  # the machine said that events were lost
    ),
)
"""A row for each gap that rating found between coin-in by meter and by events."""

HOLDS = Table(
    "holds",
    (),
    (
        Column("asset_id", TEXT),
        Column("game_number", INTEGER),
        Column("hold_basis_points", INTEGER),
        Column("paytable_id", TEXT),
        Column("game_id", TEXT),
        Column("games", INTEGER),
        Column("coin_in_cents", INTEGER),
        Column("coin_out_cents", INTEGER),
        Column("theoretical_win", INTEGER),
        Column("squares", EXACT),
        Column("products", EXACT),
        Column("coin_in_squares", EXACT),
    ),
)
"""What hold is judged by, for each machine and paytable: `pitboss.rating.hold.HoldSums`."""

RECONCILIATIONS = Table(
    "reconciliations",
    (),
    (
        Column("asset_id", TEXT),
        Column("measure", TEXT),  # coin_in, coin_out (cents), games
        Column("metered", INTEGER),
        Column("rated", INTEGER),
        Column("difference", INTEGER),  # metered - rated = the sum of what follows
        Column("roll_over", INTEGER),
        Column("reset", INTEGER),
        Column("silent_reset", INTEGER),
        Column("day_end", INTEGER),
        Column("unread", INTEGER),
        Column("unfinished", INTEGER),
        Column("overflow", INTEGER),
        Column("offline", INTEGER),
        Column("gap", INTEGER),
    ),
)
"""Meters against games, a row for each machine and measure; causes as in
`pitboss.rating.reconciliation.Cause`."""

SUMMARIES = f"{REFINED}summaries/"
"""What each reconciliation found."""

RATED_TABLES = (GAMES, GAPS, HOLDS, RECONCILIATIONS)


def summary_key(property_id: str, day: str) -> str:
    """Where the summary of a gaming day's reconciliation lies.

    >>> summary_key("north", "2020-06-14")
    'refined/summaries/property_id=north/gaming_day=2020-06-14.json'
    """
    return f"{SUMMARIES}property_id={property_id}/gaming_day={day}.json"

"""A machine's sums, from what rating stored of it.

A row is made of the newest head of the machine and of nothing else, but for the minutes: those take
what coin-in has moved by since the row before, in the minute of the newest play. So they are a
function of the heads in their order, however many of them come at a time.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from pitboss.floor.rows import MINUTE_MS, MINUTES, MachineSums
from pitboss.rating.fold import Seat
from pitboss.rating.history import MachineDay


def next_sums(
    before: MachineSums | None,
    asset_id: str,
    today: MachineDay,
    hold_basis_points: int | None,
    seat: Seat,
    *,
    is_first: bool,
    employee_cards: Sequence[str],
    now: int,
) -> MachineSums:
    """A machine's row after its head was stored; `before` itself where that changes nothing.

    Args:
        before: its row as it is kept, made from an earlier head; None where there is none.
        asset_id: the machine.
        today: its newest gaming day.
        hold_basis_points: of the paytable in force.
        seat: who plays there.
        is_first: whether the head is the machine's first ever. Of one that is not, and comes
            without a row before it, it is not known what it moved coin-in by: it counts as nothing.
        employee_cards: see `pitboss.floor.plan.Limits`.
        now: epoch milliseconds. The row is never older than the one before.
    """
    tally, last_play = today.tally, today.last_play or 0
    newest, minutes = last_play // MINUTE_MS, [0] * MINUTES
    moved = tally.coin_in_cents
    if before is not None:
        newest = max(newest, before.minute)  # play that came late became known with the newest
        minutes = later(before.coin_in_by_minute, newest - before.minute)
        if before.gaming_day == today.day:
            moved -= before.coin_in_cents
    elif not is_first:
        moved = 0
    minutes[0] += moved
    player_id = seat.player_id
    row = MachineSums(
        asset_id=asset_id,
        changed_at=0 if before is None else before.changed_at,
        gaming_day=today.day,
        games=tally.games,
        coin_in_cents=tally.coin_in_cents,
        coin_out_cents=tally.coin_out_cents,
        theoretical_win=tally.theoretical_win,
        unrated_coin_in_cents=tally.unrated_coin_in_cents,
        handpaid_cents=tally.handpaid_cents,
        gaps=tally.gaps,
        meter_difference_cents=tally.meter_difference_cents,
        hold_basis_points=hold_basis_points,
        last_play=last_play,
        minute=newest,
        coin_in_by_minute=minutes,
        player_id=player_id,
        seated_since=seat.seated_since,
        locked_since=seat.locked_since,
        is_carded=player_id is not None,
        is_employee=player_id is not None and player_id.startswith(tuple(employee_cards)),
    )
    if row == before:
        return before
    return replace(row, changed_at=max(now, row.changed_at + 1))


def later(by_minute: Sequence[int], minutes: int) -> list[int]:
    """What the last `MINUTES` minutes had, so many minutes later: the newest first."""
    return ([0] * min(minutes, MINUTES) + list(by_minute))[:MINUTES]

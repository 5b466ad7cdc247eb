"""The numbers of a gaming day: SQL on the refined lake, exact integers out.

Money is cents, theoretical win ten-thousandths of a cent. A figure of money is a sum of the rows of
the table `games`, which is what rating says of the day row by row; hold's band is
`pitboss.rating.hold`'s.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import msgspec

from pitboss.gaming_day import GamingDay
from pitboss.lake.manifest import Counts, Manifest
from pitboss.lake.rated import GAMES, GAPS, HOLDS, RECONCILIATIONS
from pitboss.lake.tables import Table
from pitboss.money import theoretical_dollars
from pitboss.rating.hold import HoldKey, HoldRanking, HoldSums, HoldVerdict, rank
from pitboss.rating.reconciliation import Cause, Measure

HOUR_MS = 3_600_000
TOP = 10
"""Players and machines that are named."""

FEWEST_GAMES_A_DAY = 500
"""A machine with fewer games of a paytable in the day is not judged by it: few wins are no normal
distribution. On a simulated fair floor of 96 machines 12 of 164 were outside of their band when all
were judged, and 3 of 59 of those with so many games; 8 and 3 are expected."""

FRONT_DOOR = "ingest_slot_events"
"""The stage that sets aside what it does not accept; what later stages set aside is archived too,
and so it is counted among what was archived."""


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def days(self, table: Table) -> list[str]: ...
    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...


class Corrections(Protocol):
    """Where corrections are kept; see `workbench.report.lake.StackCorrections`."""

    def changes(self, owners: Iterable[str], day: str) -> set[str]: ...


@dataclass(frozen=True)
class Play:
    """Sums of play."""

    games: int
    """Those with a start and an end."""
    incomplete_games: int
    coin_in_cents: int
    coin_out_cents: int
    handpaid_cents: int
    theoretical_win: int
    unrated_coin_in_cents: int
    """Of games whose hold is not known: no theoretical win is counted for it."""

    @property
    def actual_win_cents(self) -> int:
        """What the house kept."""
        return self.coin_in_cents - self.coin_out_cents


@dataclass(frozen=True)
class Totals:
    """A gaming day's play and who was there."""

    play: Play
    carded: Play
    players: int
    """Who played with a card, by pseudonym."""
    rated_players: int
    """Those of them with rated play: on one gaming day as many as the days that ADT is a mean of
    (docs/house-rules.md)."""
    machines: int
    """Those that were played."""

    @property
    def average_daily_theoretical(self) -> int | None:
        """Theoretical win of carded play a player, rounded down to the ten-thousandth of a cent;
        None where nobody has rated play.
        """
        return self.carded.theoretical_win // self.rated_players if self.rated_players else None


class ClockHour(NamedTuple):
    """An hour of the gaming day."""

    starts_at: int
    """Epoch milliseconds."""
    clock: str
    """What the property's clock shows at its start."""
    zone: str
    """That clock's time zone, short: it tells two hours of one name apart."""


@dataclass(frozen=True)
class Hour:
    """What was played in an hour of the gaming day, as `ClockHour` has it; a game is in the hour of
    its start.
    """

    starts_at: int
    clock: str
    zone: str
    games: int
    coin_in_cents: int
    theoretical_win: int


@dataclass(frozen=True)
class PlayerDay:
    """A player's day."""

    player_id: str
    play: Play
    sessions: int
    machines: int


@dataclass(frozen=True)
class MachineDay:
    """A machine's day."""

    asset_id: str
    play: Play
    carded_coin_in_cents: int
    paytables: tuple[str, ...]


@dataclass(frozen=True)
class Reconciled:
    """Meters against games, coin-in: metered - rated = sum of `causes`, in cents."""

    metered: int
    rated: int
    causes: Mapping[str, int]
    """Those that are not 0; `gap` is what nothing explains."""
    machines_with_gaps: int


@dataclass(frozen=True)
class Quality:
    """What became of everything received: received = unique + duplicate + conflicting +
    quarantined. `events` and `set_aside` are None where the day has no manifest.
    """

    events: Counts | None
    set_aside: int | None
    """Not accepted at the front door, or archived as a line that cannot be read."""
    reasons: Mapping[str, int]
    """All that waits in quarantine, by stage and reason."""
    gaps: int
    gap_cents: int
    overflows: int
    """Gaps with events that the machine says were lost."""
    reconciled: Reconciled | None
    corrections: int | None
    """Changes of play that had settled, by late events or new rules; None where the ratings were
    not asked."""

    @property
    def received(self) -> int | None:
        """All of it."""
        if self.events is None or self.set_aside is None:
            return None
        return self.events.archived + self.set_aside


@dataclass(frozen=True)
class Day:
    """Everything a report says."""

    property_id: str
    gaming_day: date
    rule: GamingDay
    totals: Totals
    compared_with: date | None
    before: Totals | None
    """The same weekday of the week before, where the lake has it."""
    hours: Sequence[Hour]
    players: Sequence[PlayerDay]
    """The `TOP` by theoretical win."""
    machines: Sequence[MachineDay]
    """All that were played, the one with the most theoretical win first."""
    holds: HoldRanking
    quality: Quality


_PLAY = """
    count(*) FILTER (complete), count(*) FILTER (NOT complete),
    coalesce(sum(coin_in_cents), 0), coalesce(sum(coin_out_cents), 0),
    coalesce(sum(handpay_cents), 0), coalesce(sum(theoretical_win), 0),
    coalesce(sum(coin_in_cents) FILTER (hold_basis_points IS NULL), 0)
"""
_PLAY_WIDTH = 7


def read_day(
    lake: Tables,
    property_id: str,
    day: date,
    rule: GamingDay,
    manifest: Manifest | None,
    ratings: Corrections | None = None,
) -> Day:
    """The figures of a property's gaming day.

    Args:
        lake: the property's tables; `games` has this day.
        property_id: the property.
        day: the gaming day.
        rule: when it starts, and in which time zone.
        manifest: what the day was refined from, if that is known.
        ratings: where corrections are kept, which the lake does not have; None to leave them out.
    """
    games = lake.table(GAMES, [day.isoformat()])
    week_ago = day - timedelta(days=7)
    has_before = week_ago.isoformat() in lake.days(GAMES)
    corrections = None
    if ratings is not None:
        corrections = _corrections(ratings, property_id, day.isoformat(), lake, games)
    return Day(
        property_id=property_id,
        gaming_day=day,
        rule=rule,
        totals=_totals(lake, games),
        compared_with=week_ago if has_before else None,
        before=_totals(lake, lake.table(GAMES, [week_ago.isoformat()])) if has_before else None,
        hours=_hours(lake, games, day, rule),
        players=_players(lake, games),
        machines=_machines(lake, games),
        holds=_judged(_holds(lake, day.isoformat())),
        quality=_quality(lake, day.isoformat(), manifest, corrections),
    )


def _play(row: Sequence[Any]) -> Play:
    return Play(*map(int, row))


def _totals(lake: Tables, games: str) -> Totals:
    (row,) = lake.rows(
        f"SELECT {_PLAY}, count(DISTINCT player_id), count(DISTINCT player_id) FILTER "
        f"(hold_basis_points IS NOT NULL), count(DISTINCT asset_id) FROM {games}"
    )
    (carded,) = lake.rows(f"SELECT {_PLAY} FROM {games} WHERE player_id IS NOT NULL")
    return Totals(_play(row[:_PLAY_WIDTH]), _play(carded), *map(int, row[_PLAY_WIDTH:]))


def _hours(lake: Tables, games: str, day: date, rule: GamingDay) -> list[Hour]:
    clocks = hours_of(day, rule)
    start, last = clocks[0].starts_at, len(clocks) - 1
    # What has no start is in the hour of its end, and that may be the next day's: the last one.
    found = {
        hour: sums
        for hour, *sums in lake.rows(
            "SELECT least(greatest((coalesce(started_at, ended_at) "
            f"- {start}) // {HOUR_MS}, 0), {last}) AS hour, count(*) FILTER (complete), "
            f"sum(coin_in_cents), sum(theoretical_win) FROM {games} GROUP BY hour"
        )
    }
    return [
        Hour(*clock, *map(int, found.get(hour, (0, 0, 0)))) for hour, clock in enumerate(clocks)
    ]


def hours_of(day: date, rule: GamingDay) -> list[ClockHour]:
    """The hours of a gaming day, the first one first."""
    start, end = rule.bounds_of(day)
    hours = []
    for at in range(start, end, HOUR_MS):
        local = datetime.fromtimestamp(at // 1000, UTC).astimezone(rule.zone)
        hours.append(ClockHour(at, f"{local:%H:%M}", local.tzname() or ""))
    return hours


def _players(lake: Tables, games: str) -> list[PlayerDay]:
    return [
        PlayerDay(player_id, _play(play), sessions, machines)
        for player_id, *play, sessions, machines in lake.rows(
            f"SELECT player_id, {_PLAY}, count(DISTINCT (asset_id, session_started_at)), "
            f"count(DISTINCT asset_id) FROM {games} WHERE player_id IS NOT NULL GROUP BY player_id "
            f"ORDER BY sum(theoretical_win) DESC, player_id LIMIT {TOP}"
        )
    ]


def _machines(lake: Tables, games: str) -> list[MachineDay]:
    return [
        MachineDay(asset_id, _play(play), int(carded), tuple(sorted(paytables or ())))
        for asset_id, *play, carded, paytables in lake.rows(
            f"SELECT asset_id, {_PLAY}, "
            "coalesce(sum(coin_in_cents) FILTER (player_id IS NOT NULL), 0), "
            "list(DISTINCT paytable_id) FILTER (paytable_id IS NOT NULL) "
            f"FROM {games} GROUP BY asset_id ORDER BY sum(theoretical_win) DESC, asset_id"
        )
    ]


def _holds(lake: Tables, day: str) -> dict[HoldKey, HoldSums]:
    names = ", ".join(f'"{column.name}"' for column in HOLDS.columns)
    found = {}
    for row in lake.rows(f"SELECT {names} FROM {lake.table(HOLDS, [day])}"):
        games, *sums = row[len(HoldKey._fields) :]
        found[HoldKey(*row[: len(HoldKey._fields)])] = HoldSums(games, games, *map(int, sums))
    return found


def _judged(machines: Mapping[HoldKey, HoldSums]) -> HoldRanking:
    few = {key: sums for key, sums in machines.items() if sums.games < FEWEST_GAMES_A_DAY}
    ranking = rank({key: sums for key, sums in machines.items() if key not in few})
    return ranking._replace(unjudged=[*ranking.unjudged, *few.items()])


def _corrections(ratings: Corrections, property_id: str, day: str, lake: Tables, games: str) -> int:
    """Changes that corrected somebody's play, each once: one that moved play from one player to
    another is two corrections.
    """
    owners = lake.rows(
        f"SELECT DISTINCT 'player/' || player_id FROM {games} WHERE player_id IS NOT NULL "
        f"UNION ALL SELECT DISTINCT 'machine/' || asset_id FROM {games}"
    )
    return len(ratings.changes([f"{property_id}/{owner}" for (owner,) in owners], day))


def _quality(lake: Tables, day: str, manifest: Manifest | None, corrections: int | None) -> Quality:
    ((gaps, amount, overflows),) = lake.rows(
        "SELECT count(*), coalesce(sum(amount_cents), 0), count(*) FILTER (is_overflow) "
        f"FROM {lake.table(GAPS, [day])}"
    )
    reasons = {} if manifest is None else dict(sorted(manifest.quarantined.items()))
    return Quality(
        events=None if manifest is None else manifest.events,
        set_aside=None
        if manifest is None
        else manifest.unreadable
        + sum(n for reason, n in reasons.items() if reason.startswith(f"{FRONT_DOOR}/")),
        reasons=reasons,
        gaps=gaps,
        gap_cents=int(amount),
        overflows=overflows,
        reconciled=_reconciled(lake, day),
        corrections=corrections,
    )


def _reconciled(lake: Tables, day: str) -> Reconciled | None:
    if day not in lake.days(RECONCILIATIONS):
        return None
    sums = ", ".join(f'coalesce(sum("{cause.value}"), 0)' for cause in Cause)
    ((metered, rated, machines, *causes),) = lake.rows(
        "SELECT coalesce(sum(metered), 0), coalesce(sum(rated), 0), count(*) FILTER (gap <> 0), "
        f"{sums} FROM {lake.table(RECONCILIATIONS, [day])} "
        f"WHERE measure = '{Measure.COIN_IN.value}'"
    )
    named = {cause.value: int(n) for cause, n in zip(Cause, causes, strict=True) if n}
    return Reconciled(int(metered), int(rated), named, machines)


# --- as JSON --------------------------------------------------------------------------------------


def as_json(day: Day) -> dict[str, Any]:
    """A gaming day's figures as JSON has them: cents are integers, theoretical win is exact dollars
    as text, as in the simulator's ledger and the API.
    """
    start, end = day.rule.bounds_of(day.gaming_day)
    return {
        "property_id": day.property_id,
        "gaming_day": day.gaming_day.isoformat(),
        "time_zone": day.rule.zone.key,
        "starts_at": start,
        "ends_at": end,
        "totals": _totals_json(day.totals),
        "compared_with": day.compared_with and day.compared_with.isoformat(),
        "before": day.before and _totals_json(day.before),
        "hours": [
            asdict(hour) | {"theoretical_win": theoretical_dollars(hour.theoretical_win)}
            for hour in day.hours
        ],
        "players": [
            {
                "player_id": one.player_id,
                "sessions": one.sessions,
                "machines": one.machines,
                **_play_json(one.play),
            }
            for one in day.players
        ],
        "machines": [
            {
                "asset_id": one.asset_id,
                "paytables": one.paytables,
                "carded_coin_in_cents": one.carded_coin_in_cents,
                **_play_json(one.play),
            }
            for one in day.machines
        ],
        "holds": {
            "surprising": day.holds.surprising,
            "unjudged": len(day.holds.unjudged),
            "verdicts": [_verdict_json(verdict) for verdict in day.holds.verdicts],
        },
        "quality": {
            "received": day.quality.received,
            **{name: value for name, value in _builtins(day.quality).items() if name != "reasons"},
            "quarantined": dict(day.quality.reasons),
        },
    }


def _totals_json(totals: Totals) -> dict[str, Any]:
    adt = totals.average_daily_theoretical
    return {
        **_play_json(totals.play),
        "carded": _play_json(totals.carded),
        "players": totals.players,
        "rated_players": totals.rated_players,
        "machines": totals.machines,
        "adt": None if adt is None else theoretical_dollars(adt),
    }


def _play_json(play: Play) -> dict[str, Any]:
    return {
        **asdict(play),
        "theoretical_win": theoretical_dollars(play.theoretical_win),
        "actual_win_cents": play.actual_win_cents,
    }


def _verdict_json(verdict: HoldVerdict) -> dict[str, Any]:
    sums = verdict.sums
    return {
        **verdict.key._asdict(),
        "games": sums.games,
        "coin_in_cents": sums.coin_in_cents,
        "coin_out_cents": sums.coin_out_cents,
        "theoretical_win": theoretical_dollars(sums.theoretical_win),
        "actual_hold": verdict.actual_hold,
        "theoretical_hold": verdict.theoretical_hold,
        "low": verdict.low,
        "high": verdict.high,
        "surprise": verdict.surprise,
        "is_rough": verdict.volatility.is_rough,
    }


def _builtins(quality: Quality) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(quality)
    return found

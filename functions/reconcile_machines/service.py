"""The use case: a property's gaming day, meters against games and hold against theory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from pitboss.lake import tables
from pitboss.lake.rated import GAMES, HOLDS, RECONCILIATIONS
from pitboss.lake.tables import Table
from pitboss.rating.hold import (
    REPORTED_GAMES,
    HoldKey,
    HoldRanking,
    HoldSums,
    HoldVerdict,
    rank,
)
from pitboss.rating.reconciliation import (
    LOSSES,
    Account,
    Before,
    Cause,
    Difference,
    Measure,
    RatedGame,
    Reconciled,
    Sight,
    reconcile,
)
from reconcile_machines import sql

LOOK_BACK_DAYS = 3
"""Gaming days before, in which a machine's last meters are looked for."""

WINDOW_DAYS = 366
"""Gaming days, the last of them the one reconciled, that hold is judged over at most."""

MAX_RANKED = 500
"""Machines of a ranking that a summary has, besides all that are reported."""

MAX_DIFFERENCES = 5_000
"""Differences with their place in time that a summary has, the largest."""

MAX_NAMED = 5
"""Machines that a message names."""


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def days(self, table: Table) -> list[str]: ...
    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...
    def write(self, table: Table, day: str, rows: Iterable[Sequence[object]]) -> int: ...


# --- the summary ----------------------------------------------------------------------------------


class MeasureSummary(Struct, frozen=True):
    """A measure: metered - rated = difference = sum of `explained` + gap. Cents, or games. `lost`
    is what of it is missing from the games: overflow, offline and gap.
    """

    metered: int
    rated: int
    difference: int
    explained: dict[str, int]
    gap: int
    lost: int


class MachineSummary(Struct, frozen=True):
    """A machine that the meters show something of, or that was played."""

    asset_id: str
    coin_in: MeasureSummary
    coin_out: MeasureSummary
    games: MeasureSummary


class DifferenceSummary(Struct, frozen=True):
    """A difference that has a place in time; epoch milliseconds."""

    asset_id: str
    measure: str
    cause: str
    since: int
    until: int
    amount: int


class StartsSummary(Struct, frozen=True):
    """A machine of which more games started in the archive than in the ledger, or fewer. `open`:
    the last one in the archive has no end in its gaming day, and may not be rated yet.
    """

    asset_id: str
    archived: int
    rated: int
    open: bool

    @property
    def is_unexplained(self) -> bool:
        """Whether more than a game in progress is missing."""
        return not (self.open and self.archived - self.rated == 1)


class HoldSummary(Struct, frozen=True):
    """A machine's hold under one paytable, from the gaming day `since` on. Holds in per cent;
    `low` and `high` are the band in which 95 % of fair machines are.
    """

    asset_id: str
    game_number: int
    paytable_id: str | None
    game_id: str | None
    since: str
    games: int
    coin_in_cents: int
    actual_win_cents: int
    theoretical_win: int
    actual_hold: float
    theoretical_hold: float
    points: float
    low: float
    high: float
    z: float
    surprise: float
    is_reported: bool
    is_rough: bool
    volatility_games: int


class RankingSummary(Struct, frozen=True):
    """Machines by how surprising their hold is, the most first. The first `surprising` are more
    than chance; `expected_reports` of the `reported` are what chance alone brings.
    """

    judged: int
    unjudged: int
    surprising: int
    reported: int
    expected_reports: float
    machines: list[HoldSummary]


class Summary(Struct, frozen=True):
    """What a gaming day's reconciliation found; `notified` names the findings that were told."""

    property_id: str
    gaming_day: str
    totals: dict[str, MeasureSummary]
    machines: list[MachineSummary]
    differences: list[DifferenceSummary]
    differences_left_out: int
    starts: list[StartsSummary]
    hold_of_day: RankingSummary
    hold: RankingSummary
    findings: list[str]
    notified: list[str]


class Notice(NamedTuple):
    """A message to a person."""

    subject: str
    text: str


# --- reconciling ----------------------------------------------------------------------------------


def summarize(
    lake: Tables,
    property_id: str,
    day: str,
    bounds: tuple[int, int],
    told_before: Sequence[str] = (),
) -> tuple[Summary, Notice | None]:
    """Reconcile a property's gaming day and judge its holds; the table is written.

    Args:
        lake: the property's tables.
        property_id: the property.
        day: the gaming day, an ISO date.
        bounds: its first moment and the next day's, epoch milliseconds.
        told_before: `notified` of the summary that there is, if there is one.

    Returns:
        The summary, and what to tell of it, where that was not told yet.
    """
    machines = dict(_reconciled(lake, day, bounds))
    lake.write(RECONCILIATIONS, day, _rows(machines))
    holds = _holds(lake, day)
    window, since = _window(lake, day, holds)
    hold_of_day, hold = rank(holds), rank(window)
    differences = [(asset_id, one) for asset_id, r in machines.items() for one in r.differences]
    starts = _starts(lake, day)
    findings = [*_findings(differences, starts, hold)]
    name = sha256("\n".join(findings).encode()).hexdigest()[:16]
    is_news = bool(findings) and name not in told_before
    differences.sort(key=lambda one: (-abs(one[1].amount), one[0], one[1]))
    summary = Summary(
        property_id=property_id,
        gaming_day=day,
        totals=_totals(machines.values()),
        machines=[
            MachineSummary(asset_id, *(_measure([account]) for account in one.accounts))
            for asset_id, one in machines.items()
            if any(account.metered or account.rated or account.causes for account in one.accounts)
        ],
        differences=[
            DifferenceSummary(asset_id, *one) for asset_id, one in differences[:MAX_DIFFERENCES]
        ],
        differences_left_out=max(len(differences) - MAX_DIFFERENCES, 0),
        starts=starts,
        hold_of_day=_ranking(hold_of_day, dict.fromkeys(holds, day)),
        hold=_ranking(hold, since),
        findings=findings,
        notified=[*told_before, *([name] if is_news else [])],
    )
    return summary, _notice(summary) if is_news else None


def _reconciled(
    lake: Tables, day: str, bounds: tuple[int, int]
) -> Iterator[tuple[str, Reconciled]]:
    """Every machine of the gaming day, by asset number as text."""
    games = _by_machine(lake.rows(sql.games(lake.table(GAMES, [day]))), RatedGame._make)
    sights = _by_machine(lake.rows(sql.sights(_source(lake, day))), Sight._make)
    yesterday = _shifted(day, -1)
    last_games = {
        asset_id: RatedGame._make(rest)
        for asset_id, *rest in lake.rows(sql.last_games(lake.table(GAMES, [yesterday])))
    }
    last_sights = _last_sights(lake, day)
    for asset_id, played, shown in _side_by_side(games, sights):
        before = Before(last_sights.get(asset_id), last_games.get(asset_id))
        yield asset_id, reconcile(played, shown, bounds, before)


def _source(lake: Tables, day: str) -> sql.Source:
    return lambda table: lake.table(table, [day])


def _last_sights(lake: Tables, day: str) -> dict[str, Sight]:
    """Each machine's meters as they were last seen in the days before: those of the newest day it
    was heard of.
    """
    found: dict[str, Sight] = {}
    for back in range(1, LOOK_BACK_DAYS + 1):
        for asset_id, *shown in lake.rows(sql.last_sights(_source(lake, _shifted(day, -back)))):
            newer, older = found.get(asset_id), Sight(*shown)
            found[asset_id] = older if newer is None else _completed(newer, older)
    return found


def _completed(newer: Sight, older: Sight) -> Sight:
    """The newer sight, with what only the older one has."""
    seen = {name: value for name, value in newer._asdict().items() if value is not None}
    return older._replace(**seen)


type _Group[Row] = tuple[str, list[Row]]


def _by_machine[Row](
    rows: Iterable[tuple[Any, ...]], make: Callable[[Iterable[Any]], Row]
) -> Iterator[_Group[Row]]:
    for asset_id, group in groupby(rows, key=itemgetter(0)):
        yield asset_id, [make(row[1:]) for row in group]


def _side_by_side(
    games: Iterator[_Group[RatedGame]], sights: Iterator[_Group[Sight]]
) -> Iterator[tuple[str, list[RatedGame], list[Sight]]]:
    """Two lists by machine as one; both are in order, and a machine may be missing in either."""
    left, right = next(games, None), next(sights, None)
    while left is not None or right is not None:
        asset_id = min(one[0] for one in (left, right) if one is not None)
        played: list[RatedGame] = []
        shown: list[Sight] = []
        if left is not None and left[0] == asset_id:
            played, left = left[1], next(games, None)
        if right is not None and right[0] == asset_id:
            shown, right = right[1], next(sights, None)
        yield asset_id, played, shown


def _rows(machines: Mapping[str, Reconciled]) -> Iterator[Sequence[object]]:
    for asset_id, reconciled in machines.items():
        for one in reconciled.accounts:
            yield (
                *(asset_id, one.measure.value, one.metered, one.rated, one.difference),
                *(one.causes.get(cause, 0) for cause in Cause),
            )


def _starts(lake: Tables, day: str) -> list[StartsSummary]:
    """Machines of which the archive and the ledger have not as many starts of games."""
    events = lake.table(tables.table_of("game.started", 1), [day])
    rows = lake.rows(sql.starts(events, lake.table(GAMES, [day])))
    return [StartsSummary(*row) for row in rows if row[1] != row[2]]


def _shifted(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


# --- hold -----------------------------------------------------------------------------------------


def _holds(lake: Tables, day: str) -> dict[HoldKey, HoldSums]:
    """What the hold of a gaming day is judged by, as it was exported."""
    names = ", ".join(f'"{column.name}"' for column in HOLDS.columns)
    found = {}
    for row in lake.rows(f"SELECT {names} FROM {lake.table(HOLDS, [day])}"):
        games, *sums = row[len(HoldKey._fields) :]
        found[HoldKey(*row[: len(HoldKey._fields)])] = HoldSums(games, games, *map(int, sums))
    return found


def _window(
    lake: Tables, day: str, holds: Mapping[HoldKey, HoldSums]
) -> tuple[dict[HoldKey, HoldSums], dict[HoldKey, str]]:
    """The same machines and paytables over as many days before as `REPORTED_GAMES` take; and the
    first of those days.
    """
    window = {key: msgspec.structs.replace(sums) for key, sums in holds.items()}
    since = dict.fromkeys(window, day)
    first = _shifted(day, 1 - WINDOW_DAYS)
    for earlier in reversed([one for one in lake.days(HOLDS) if first <= one < day]):
        short = {key for key, sums in window.items() if sums.games < REPORTED_GAMES}
        if not short:
            break
        found = _holds(lake, earlier)
        for key in short & found.keys():
            window[key].add(found[key])
            since[key] = earlier
    return window, since


# --- telling --------------------------------------------------------------------------------------


def _totals(machines: Iterable[Reconciled]) -> dict[str, MeasureSummary]:
    by_measure: dict[Measure, list[Account]] = {measure: [] for measure in Measure}
    for machine in machines:
        for account in machine.accounts:
            by_measure[account.measure].append(account)
    return {measure.value: _measure(accounts) for measure, accounts in by_measure.items()}


def _measure(accounts: Iterable[Account]) -> MeasureSummary:
    metered = rated = 0
    causes: dict[Cause, int] = {}
    for account in accounts:
        metered += account.metered
        rated += account.rated
        for cause, amount in account.causes.items():
            causes[cause] = causes.get(cause, 0) + amount
    return MeasureSummary(
        metered,
        rated,
        metered - rated,
        {cause.value: causes[cause] for cause in Cause if causes.get(cause) and cause != Cause.GAP},
        causes.get(Cause.GAP, 0),
        sum(causes.get(cause, 0) for cause in LOSSES),
    )


def _ranking(ranking: HoldRanking, since: Mapping[HoldKey, str]) -> RankingSummary:
    shown = [
        _hold(verdict, since[verdict.key])
        for place, verdict in enumerate(ranking.verdicts)
        if place < MAX_RANKED or verdict.sums.is_reported
    ]
    return RankingSummary(
        len(ranking.verdicts),
        len(ranking.unjudged),
        ranking.surprising,
        len(ranking.reported),
        round(ranking.expected_reports, 3),
        shown,
    )


def _hold(verdict: HoldVerdict, since: str) -> HoldSummary:
    key, sums = verdict.key, verdict.sums
    percent = partial(round, ndigits=3)
    return HoldSummary(
        *(key.asset_id, key.game_number, key.paytable_id, key.game_id, since),
        *(sums.games, sums.coin_in_cents, sums.coin_in_cents - sums.coin_out_cents),
        sums.theoretical_win,
        percent(100 * verdict.actual_hold),
        percent(100 * verdict.theoretical_hold),
        percent(verdict.points),
        percent(100 * verdict.low),
        percent(100 * verdict.high),
        round(verdict.z, 3),
        round(verdict.surprise, 3),
        sums.is_reported,
        verdict.volatility.is_rough,
        verdict.volatility.games,
    )


def _findings(
    differences: Iterable[tuple[str, Difference]],
    starts: Iterable[StartsSummary],
    hold: HoldRanking,
) -> Iterator[str]:
    """What needs a person, a name each. The same findings have the same names."""
    for asset_id, one in differences:
        if one.cause is Cause.GAP:
            yield f"gap {asset_id} {one.measure.value} {one.since} {one.amount}"
    for machine in starts:
        if machine.is_unexplained:
            yield f"starts {machine.asset_id} {machine.archived} {machine.rated}"
    told = {verdict.key for verdict in (*hold.verdicts[: hold.surprising], *hold.reported)}
    for key in sorted(told, key=lambda key: tuple(str(part) for part in key)):
        yield f"hold {key.asset_id} {key.game_number} {key.hold_basis_points} {key.paytable_id}"


def _notice(summary: Summary) -> Notice:
    """A message of who has to be looked at, and how; it has no player. The same findings make the
    same message, under the same name: who gets it twice can tell.
    """
    counts: dict[str, list[str]] = {"gap": [], "starts": [], "hold": []}
    for finding in summary.findings:
        kind, asset_id, *_ = finding.split(" ")
        if asset_id not in counts[kind]:
            counts[kind].append(asset_id)
    what = {
        "gap": "meters and games differ and nothing explains it",
        "starts": "archive and ledger have not the same games",
        "hold": "hold is off theory by more than chance, or by 3 points in 100,000 games",
    }
    where = f"{summary.property_id}, gaming day {summary.gaming_day}"
    lines = [
        f"{len(assets)} machine(s): {what[kind]}: {', '.join(assets[:MAX_NAMED])}"
        + (", ..." if len(assets) > MAX_NAMED else "")
        for kind, assets in counts.items()
        if assets
    ]
    command = f"pitboss reconcile --property {summary.property_id} --day {summary.gaming_day}"
    subject = f"Pitboss: {sum(map(len, counts.values()))} finding(s) at {where}"
    name = f"Message {summary.notified[-1]}; should it come again, it is the same."
    return Notice(subject[:100], "\n".join([where, *lines, f"Look at it: {command}", name]))

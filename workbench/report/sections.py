"""What a report says, part by part: a sentence, a chart, and the same figures as a table.

The page and the picture are made of these.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from pitboss.rating.hold import CONFIDENCE, FEWEST_GAMES, REPORTED_GAMES
from pitboss.rating.reconciliation import Cause
from workbench.report import charts, floor
from workbench.report import text as words
from workbench.report.charts import Cell, Chart
from workbench.report.figures import (
    FEWEST_GAMES_A_DAY,
    Day,
    MachineDay,
    Play,
    Quality,
    Reconciled,
    Totals,
)
from workbench.report.floor import Box, Picture, Place

CAUSES = {
    "roll_over": "rolled over",
    "reset": "reset",
    "silent_reset": "reset without a word",
    "day_end": "over the day's end",
    "unread": "before the first reading",
    "unfinished": "void games",
    "overflow": "events overflowed",
    "offline": "not heard of",
}
"""What explains that meters and games differ, in words: `pitboss.rating.reconciliation.Cause`."""

MEANING = {
    "day_end": "the day beside it has the same with the other sign",
    "overflow": "so much play is lost",
    "offline": "so much play is lost",
}
"""Of those by which play is lost, or moved."""


class Tile(NamedTuple):
    """A key figure."""

    label: str
    value: str
    note: str
    change: str | None
    """Against the week before."""


@dataclass(frozen=True)
class Section:
    """A part of a report."""

    name: str
    title: str
    summary: str
    """What the chart shows, in words."""
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    draw: Callable[[int], Chart] | None = None
    """The chart at a width; None where the table is all."""
    bars: Sequence[int] = field(default=())
    """Of each row a figure that is drawn beside its first cell."""


# --- key figures --------------------------------------------------------------------------------


def headline(day: Day) -> str:
    """The day in two sentences."""
    play, theory = day.totals.play, words.cents(day.totals.play.theoretical_win)
    if not day.machines:
        return (
            "Nothing was played on this gaming day, or nothing that reached Pitboss: "
            "compare the data quality below, and the day before."
        )
    held = words.percent(play.actual_win_cents, play.coin_in_cents)
    expected = words.percent(theory, play.coin_in_cents)
    difference = play.actual_win_cents - theory
    luck = (
        f"{words.money(abs(difference))} {'more' if difference > 0 else 'less'} than theory"
        if difference
        else "just what theory says"
    )
    compared = ""
    if day.before and day.compared_with:
        changed = words.change(play.coin_in_cents, day.before.play.coin_in_cents)
        compared = f" ({changed} on a week before)" if changed else ""
    return (
        f"Coin-in was {words.money(play.coin_in_cents)}{compared}. The floor held {held} of it "
        f"against {expected} in theory: it {'lost' if play.actual_win_cents < 0 else 'won'} "
        f"{words.money(abs(play.actual_win_cents))}, {luck}."
    )


def tiles(day: Day) -> list[Tile]:
    """The key figures."""
    now, before = day.totals, day.before
    play = now.play
    theory = words.cents(play.theoretical_win)

    def changed(figure: Callable[[Totals], int | None]) -> str | None:
        value, last = figure(now), figure(before) if before else None
        return words.change(value, last) if value is not None and last is not None else None

    def share(totals: Totals) -> str:
        return words.percent(totals.carded.coin_in_cents, totals.play.coin_in_cents)

    adt = now.average_daily_theoretical
    unrated = play.unrated_coin_in_cents
    return [
        Tile(
            "Coin-in",
            words.money(play.coin_in_cents),
            "all wagers",
            changed(lambda t: t.play.coin_in_cents),
        ),
        Tile(
            "Theoretical win",
            words.money(theory),
            f"without {words.money(unrated)} of coin-in at no known hold"
            if unrated
            else "coin-in x hold in force",
            changed(lambda t: words.cents(t.play.theoretical_win)),
        ),
        Tile(
            "Actual win",
            words.money(play.actual_win_cents),
            f"{words.money(play.handpaid_cents)} paid by hand",
            changed(lambda t: t.play.actual_win_cents),
        ),
        Tile(
            "Hold",
            words.percent(play.actual_win_cents, play.coin_in_cents, 2),
            f"{words.percent(theory, play.coin_in_cents, 2)} in theory",
            None,
        ),
        Tile(
            "Games",
            words.count(play.games),
            f"{words.count(play.incomplete_games)} incomplete"
            if play.incomplete_games
            else "all complete",
            changed(lambda t: t.play.games),
        ),
        Tile(
            "Carded share",
            share(now),
            f"of coin-in; {share(before)} a week before" if before else "of coin-in",
            None,
        ),
        Tile("Players", words.count(now.players), "with a card", changed(lambda t: t.players)),
        Tile("Machines", words.count(now.machines), "played", changed(lambda t: t.machines)),
        Tile(
            "ADT",
            words.NOTHING if adt is None else words.money(words.cents(adt)),
            "theoretical win a rated player",
            changed(lambda t: t.average_daily_theoretical),
        ),
        _events(day.quality),
    ]


def _events(found: Quality) -> Tile:
    if found.events is None or found.set_aside is None:
        return Tile("Events", words.NOTHING, "the day has no manifest", None)
    aside = found.events.conflicting + found.set_aside
    note = f"{words.count(aside)} not counted" if aside else "all accounted for"
    return Tile("Events", words.count(found.events.unique), note, None)


# --- sections -----------------------------------------------------------------------------------


def sections(day: Day, places: Mapping[str, Place], picture: Picture | None) -> list[Section]:
    """All parts, in order; those that need play are left out of a day without."""
    if not day.machines:
        return [quality(day)]
    return [
        hours(day),
        heat_map(day, places, picture),
        holds(day),
        machines(day),
        players(day),
        quality(day),
    ]


def hours(day: Day) -> Section:
    """Coin-in and theoretical win by hour."""
    best = max(day.hours, key=lambda hour: (hour.coin_in_cents, -hour.starts_at))
    idle = sum(hour.coin_in_cents == 0 for hour in day.hours)
    clocks = ""
    if len(day.hours) != 24:
        way = "back" if len(day.hours) > 24 else "forward"
        clocks = f" The clocks went {way}: this gaming day has {len(day.hours)} hours."
    return Section(
        "hours",
        "By hour of the gaming day",
        f"The busiest hour began at {charts.clock(best)}, with "
        f"{words.money(best.coin_in_cents)} of coin-in and "
        f"{words.money(words.cents(best.theoretical_win))} of theoretical win, "
        f"{words.percent(best.coin_in_cents, day.totals.play.coin_in_cents)} of the day's coin-in."
        + (f" In {words.plural(idle, 'hour')} nothing was played." if idle else "")
        + clocks,
        ("Hour from", "Games", "Coin-in", "Theoretical win"),
        [
            (
                charts.clock(hour),
                words.count(hour.games),
                words.money(hour.coin_in_cents),
                words.money(words.cents(hour.theoretical_win)),
            )
            for hour in day.hours
        ],
        partial(charts.hours, day.hours),
    )


def heat_map(day: Day, places: Mapping[str, Place], picture: Picture | None) -> Section:
    """Theoretical win a machine, where they stand."""
    played = {machine.asset_id: machine for machine in day.machines}
    standing = {name: place for name, place in places.items() if place.at is not None}
    if not standing:
        return _bank_map(played, places)
    radius = floor.radius_of(floor.box_of(standing.values()), len(standing))
    hexagons = floor.hexagons(standing.values(), radius)
    cells = [(hexagon, _cell(hexagon.assets, played)) for hexagon in hexagons]
    extent = floor.extent_of(hexagons, radius)
    if picture is not None:
        extent = Box(0, 0, picture.width, picture.height)
    best, cell = max(cells, key=lambda one: one[1].value)
    unknown = sorted(played.keys() - standing.keys(), key=floor.natural)
    idle = len(standing.keys() - played.keys())
    return Section(
        "floor",
        "The floor: theoretical win a machine",
        f"{words.plural(len(standing), 'machine')} in {words.plural(len(cells), 'hexagon')}. The "
        f"best {'has' if len(best.assets) == 1 else 'have'} {words.money(cell.value)} a machine: "
        f"{_some(best.assets)}. Each colour has about as many hexagons."
        + (f" {words.plural(idle, 'machine')} stood idle." if idle else "")
        + (
            f" {words.plural(len(unknown), 'machine')} played whose place nobody has said: "
            f"{_some(unknown)}."
            if unknown
            else ""
        ),
        ("Machines", "Number", "Theoretical win a machine"),
        [
            (_all(hexagon.assets), words.count(cell.machines), words.money(cell.value))
            for hexagon, cell in sorted(cells, key=lambda one: -one[1].value)
        ],
        partial(charts.hexagon_map, cells, radius, extent, picture),
    )


def _bank_map(played: Mapping[str, MachineDay], places: Mapping[str, Place]) -> Section:
    assets = played.keys() | places.keys()
    banks = floor.banks(assets, places)
    cells = {asset_id: _cell([asset_id], played) for asset_id in assets}
    order = "bank and asset number" if any(name for name, _ in banks) else "asset number"
    return Section(
        "floor",
        "The floor: theoretical win a machine",
        f"Nobody has said where machines stand, so they are in order of {order}. "
        "--positions FILE gives the map its places.",
        ("Machine", "Bank", "Theoretical win"),
        [
            (asset_id, name or words.NOTHING, words.money(cells[asset_id].value))
            for name, members in banks
            for asset_id in members
        ],
        partial(charts.bank_map, banks, cells),
    )


def _cell(assets: Sequence[str], played: Mapping[str, MachineDay]) -> Cell:
    theory = sum(played[one].play.theoretical_win for one in assets if one in played)
    value = words.rounded(theory, 10_000 * len(assets))
    each = " a machine" if len(assets) > 1 else ""
    return Cell(len(assets), value, f"{_some(assets)}: {words.money(value)}{each}")


def _some(names: Sequence[str], most: int = 6) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {words.count(rest)} more" if rest > 0 else "")


def _all(names: Sequence[str]) -> str:
    return ", ".join(names)


def holds(day: Day) -> Section:
    """Actual against theoretical hold, the most surprising first."""
    verdicts, ranking = day.holds.verdicts, day.holds
    if not verdicts:
        return Section(
            "holds",
            "Hold against theory",
            f"No machine played enough to judge its hold: {words.count(FEWEST_GAMES_A_DAY)} games "
            f"of a paytable that has {words.count(FEWEST_GAMES)} on the floor. `pitboss reconcile` "
            "looks back over more days.",
            (),
            (),
        )
    shown = verdicts[: charts.HOLDS_SHOWN]
    outside = [one for one in verdicts if not one.low <= one.actual_hold <= one.high]
    rough = any(one.volatility.is_rough for one in verdicts)
    band = f"{CONFIDENCE:.0%}".replace("%", " %")
    parts = [
        f"{words.count(len(outside))} of {words.plural(len(verdicts), 'machine and paytable')}"
        f" held outside the band that {band} of fair ones keep to; chance alone brings about "
        f"{words.count(words.rounded(len(verdicts), 20))}."
    ]
    parts.append(
        f"{words.count(ranking.surprising)} "
        f"{'is' if ranking.surprising == 1 else 'are'} more than chance explains: look at "
        f"{_some([one.key.asset_id for one in verdicts[: ranking.surprising]])}."
        if ranking.surprising
        else "None is more than chance explains."
    )
    if rough:
        parts.append("Bands are rough where a paytable's rarest wins were not seen.")
    if ranking.unjudged:
        parts.append(f"{words.count(len(ranking.unjudged))} had too little play to judge.")
    if len(verdicts) > len(shown):
        parts.append(f"The chart has the {len(shown)} most surprising.")
    parts.append(
        f"One day is little: `pitboss reconcile` judges over {words.count(REPORTED_GAMES)} games."
    )
    return Section(
        "holds",
        "Hold against theory",
        " ".join(parts),
        (
            "Machine",
            "Paytable",
            "Games",
            "Coin-in",
            "Actual",
            "Theory",
            "Band from",
            "to",
            "Surprise",
        ),
        [
            (
                one.key.asset_id,
                one.key.paytable_id or words.NOTHING,
                words.count(one.sums.games),
                words.money(one.sums.coin_in_cents),
                words.share(one.actual_hold, 2),
                words.share(one.theoretical_hold, 2),
                words.share(one.low, 2),
                words.share(one.high, 2),
                f"{one.surprise:.1f}",
            )
            for one in verdicts
        ],
        partial(charts.holds, shown),
    )


def machines(day: Day) -> Section:
    """The machines with the most theoretical win."""
    shown = day.machines[:10]
    return Section(
        "machines",
        "Top machines",
        _top("machines", len(shown), len(day.machines), [one.play for one in shown], day),
        (
            "Machine",
            "Paytable",
            "Games",
            "Coin-in",
            "Theoretical win",
            "Actual win",
            "Hold",
            "Carded",
        ),
        [
            (
                one.asset_id,
                one.paytables[0]
                if len(one.paytables) == 1
                else f"{len(one.paytables)} paytables"
                if one.paytables
                else words.NOTHING,
                words.count(one.play.games),
                words.money(one.play.coin_in_cents),
                words.money(words.cents(one.play.theoretical_win)),
                words.money(one.play.actual_win_cents),
                words.percent(one.play.actual_win_cents, one.play.coin_in_cents),
                words.percent(one.carded_coin_in_cents, one.play.coin_in_cents, 0),
            )
            for one in shown
        ],
        bars=[one.play.theoretical_win for one in shown],
    )


def players(day: Day) -> Section:
    """The players with the most theoretical win, by pseudonym."""
    shown = day.players
    return Section(
        "players",
        "Top players",
        _top(
            "players with a card", len(shown), day.totals.players, [one.play for one in shown], day
        )
        if shown
        else "Nobody played with a card.",
        ("Player", "Sessions", "Machines", "Games", "Coin-in", "Theoretical win", "House won"),
        [
            (
                one.player_id,
                words.count(one.sessions),
                words.count(one.machines),
                words.count(one.play.games),
                words.money(one.play.coin_in_cents),
                words.money(words.cents(one.play.theoretical_win)),
                words.money(one.play.actual_win_cents),
            )
            for one in shown
        ],
        bars=[one.play.theoretical_win for one in shown],
    )


def _top(what: str, shown: int, of: int, plays: Sequence[Play], day: Day) -> str:
    theory = sum(play.theoretical_win for play in plays)
    whole = day.totals.play.theoretical_win
    which = "all" if shown == of else f"the first {shown} of {words.count(of)}"
    return (
        f"By theoretical win: {which} {what}, with {words.percent(theory, whole)} of the floor's."
    )


def quality(day: Day) -> Section:
    """What became of everything that was received."""
    found = day.quality
    rows: list[tuple[str, str, str]] = []
    if found.events is None or found.set_aside is None:
        summary = "The day has no manifest, so what was received is not known: `pitboss refine`."
    else:
        events = found.events
        total = events.unique + events.duplicate + events.conflicting + found.set_aside
        summary = (
            f"{words.count(total)} received = {words.count(events.unique)} unique + "
            f"{words.count(events.duplicate)} duplicate + {words.count(events.conflicting)} "
            f"conflicting + {words.count(found.set_aside)} quarantined."
        )
        if found.received != total:
            summary += f" They do not add up: {words.count(found.received or 0)} came in."
        rows += [
            ("Events received", words.count(total), "copies too, but for those within one request"),
            ("Unique", words.count(events.unique), "each counted once in every figure above"),
            ("Duplicate", words.count(events.duplicate), "copies that say the same"),
            ("Conflicting", words.count(events.conflicting), "copies that say something else"),
            (
                "Quarantined",
                words.count(found.set_aside),
                "not accepted; `pitboss quarantine list`",
            ),
        ]
        rows += [
            (
                f"  {name.partition('/')[2].replace('_', ' ')}",
                words.count(number),
                f"set aside by {name.partition('/')[0]}",
            )
            for name, number in found.reasons.items()
        ]
    rows.append(
        (
            "Gaps",
            words.count(found.gaps),
            f"coin-in by meter {words.money(found.gap_cents)} over games; "
            f"{words.plural(found.overflows, 'overflow')}",
        )
    )
    rows.append(
        ("Corrections", words.NOTHING, "not in the lake: only a report from a stack has them")
        if found.corrections is None
        else ("Corrections", words.count(found.corrections), "changes of play that had settled")
    )
    rows.append(
        (
            "Incomplete games",
            words.count(day.totals.play.incomplete_games),
            "a start or an end is missing; their money is counted",
        )
    )
    rows += _meters(found.reconciled)
    return Section("quality", "Data quality", summary, ("What", "How much", "Meaning"), rows)


def _meters(found: Reconciled | None) -> list[tuple[str, str, str]]:
    """What the second opinion says: meters less games, by why they differ."""
    if found is None:
        return [("Meters less games", words.NOTHING, "the day is not reconciled yet")]
    return [
        (
            "Meters less games, coin-in",
            words.money(found.causes.get(Cause.GAP.value, 0)),
            f"that nothing explains, on {words.plural(found.machines_with_gaps, 'machine')}",
        ),
        *(
            (f"  {CAUSES[name]}", words.money(amount), MEANING.get(name, "no play is lost"))
            for name, amount in found.causes.items()
            if name != Cause.GAP.value
        ),
    ]

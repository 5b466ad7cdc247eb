"""What a game report says, part by part: as `workbench.report.sections` does for the floor."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

from workbench.game_report import charts
from workbench.game_report.charts import Ground, Measure, buckets, ratio
from workbench.game_report.figures import SESSION_GAP_MS, GameDay, Totals
from workbench.game_report.heat import FEWEST_EVENTS, Bin, HeatMap, Per
from workbench.report import text as words
from workbench.report.charts import Chart, Panel, clock, columns, hour_from
from workbench.report.figures import ClockHour
from workbench.report.hexbin import centre
from workbench.report.page import Cover
from workbench.report.sections import Section, Tile

TYPES_SHOWN = 14
VERSIONS_SHOWN = 10
ENEMIES_SHOWN = 12
BINS_LISTED = 200
"""Hexagons in a heat map's table; `pitboss heatmap --json` has all."""

NO_VERSION = "not said"


# --- above the parts ------------------------------------------------------------------------------


def cover(day: GameDay) -> Cover:
    """A game report's heading, key figures and footnote."""
    first = day.hours[0]
    compared = (
        f" Changes are against {words.long_date(day.compared_with)}." if day.compared_with else ""
    )
    return Cover(
        f"{day.application_id}, {words.long_date(day.gaming_day)}",
        f"The day of {day.application_id}",
        f"{words.long_date(day.gaming_day)}, {len(day.hours)} hours from {first.clock}, "
        f"{day.rule.zone.key}, {day.property_id}",
        headline(day),
        tiles(day),
        "An event belongs to the hour and the gaming day in which it occurred, by the clock of who "
        f"sent it. A session ends when a player is silent for more than {SESSION_GAP_MS // 60_000} "
        "minutes, "
        "and with the gaming day; it lasts from its first event to its last. Players are "
        "pseudonyms." + compared,
    )


def headline(day: GameDay) -> str:
    """The day in two sentences."""
    now, before = day.totals, day.before
    changed = words.change(now.players, before.players) if before else None
    busiest = max(day.hours, key=lambda hour: (hour.players, -hour.starts_at))
    crashed = (
        f"{words.plural(now.crashed_players, 'player')} had a crash."
        if now.crashed_players
        else "Nobody had a crash."
    )
    return (
        words.plural(now.players, "player")
        + (f" ({changed} on a week before)" if changed else "")
        + f" played {words.plural(now.sessions, 'session')}; most players were there in the hour "
        f"from {clock(busiest)}. {crashed}"
    )


def tiles(day: GameDay) -> list[Tile]:
    """The key figures."""
    now, before = day.totals, day.before

    def changed(figure: Callable[[Totals], int]) -> str | None:
        return words.change(figure(now), figure(before)) if before else None

    return [
        Tile("Players", words.count(now.players), "with events", changed(lambda t: t.players)),
        Tile(
            "Sessions",
            words.count(now.sessions),
            f"{words.quotient(now.sessions, now.players, 1)} a player",
            changed(lambda t: t.sessions),
        ),
        Tile(
            "A session",
            minutes(now.played_ms, now.sessions),
            "minutes on average",
            None,
        ),
        Tile("Events", words.count(now.events), "all types", changed(lambda t: t.events)),
        Tile(
            "From servers",
            words.percent(now.trusted_events, now.events),
            "of events; the rest by clients",
            None,
        ),
        Tile("Versions", words.count(now.versions), "of the application", None),
        Tile("Levels", words.count(now.levels), "with events", None),
        Tile("Crashes", words.count(now.crashes), "events", changed(lambda t: t.crashes)),
        Tile(
            "Crash-free players",
            words.percent(now.players - now.crashed_players, now.players),
            f"{words.count(now.crashed_players)} had one",
            None,
        ),
        Tile("With a place", words.percent(now.placed, now.events), "of events", None),
    ]


def minutes(milliseconds: int, sessions: int) -> str:
    """How long a session is on average, in minutes and seconds.

    >>> minutes(185_000, 2), minutes(0, 0)
    ('1:33', '–')
    """
    if not sessions:
        return words.NOTHING
    whole, seconds = divmod(words.rounded(milliseconds, 1_000 * sessions), 60)
    return f"{whole:,}:{seconds:02d}"


# --- parts ----------------------------------------------------------------------------------------


def sections(day: GameDay) -> list[Section]:
    """All parts, in order; those that the events say nothing of are left out."""
    parts = [hours(day), event_types(day), versions(day)]
    parts += [heat_map(found, f"map-{n}", None) for n, found in enumerate(day.maps, 1)]
    if day.caught:
        parts += [caught_by(day), caught_at_by(day)]
    if day.scores:
        parts += [losses_per_player(day), win_loss(day)]
    return [*parts, quality(day)]


type Rows = tuple[tuple[tuple[str, ...], ...], ...]


def layout(day: GameDay) -> Rows:
    """Of the picture: heat maps stand in pairs, the first one alone if they are odd."""
    maps = [f"map-{n}" for n in range(1, len(day.maps) + 1)]
    alone = len(maps) % 2
    pairs = zip(maps[alone::2], maps[alone + 1 :: 2], strict=True)
    return (
        (("hours",),),
        (("events",), ("versions",)),
        *(((name,),) for name in maps[:alone]),
        *(((left,), (right,)) for left, right in pairs),
        (("caught-by", "losses"), ("ratio",)),
        (("caught-at",),),
        (("quality",),),
    )


def hours(day: GameDay) -> Section:
    """Players and events by hour."""
    busiest = max(day.hours, key=lambda hour: (hour.players, -hour.starts_at))
    clocks = [ClockHour(one.starts_at, one.clock, one.zone) for one in day.hours]

    def panel(name: str, kind: str, values: Sequence[int], noun: str) -> Panel:
        said = [
            f"{clock(hour)}: {words.plural(n, noun)}"
            for hour, n in zip(clocks, values, strict=True)
        ]
        return Panel(name, kind, values, said)

    panels = (
        panel("Players an hour", "first", [one.players for one in day.hours], "player"),
        panel("Events an hour", "second", [one.events for one in day.hours], "event"),
    )
    return Section(
        "hours",
        "By hour of the gaming day",
        f"Most players, {words.count(busiest.players)}, were there in the hour from "
        f"{clock(busiest)}. A player is counted in each hour with events.",
        ("Hour from", "Players", "Events"),
        [(clock(one), words.count(one.players), words.count(one.events)) for one in day.hours],
        partial(
            columns,
            panels,
            [one.clock.removesuffix(":00") for one in clocks],
            hour_from(clocks),
            show=short_count,
            least=1,
        ),
    )


def short_count(value: int) -> str:
    """A round count, for an axis.

    >>> [short_count(n) for n in (0, 250, 25_000, 1_500, 2_000_000)]
    ['0', '250', '25k', '1.5k', '2M']
    """
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            whole, rest = divmod(value * 10 // unit, 10)
            return f"{whole}{f'.{rest}' if rest else ''}{name}"
    return str(value)


def event_types(day: GameDay) -> Section:
    """Events and players by type."""
    shown = day.event_types[:TYPES_SHOWN]
    counts, players = [one.events for one in shown], [one.players for one in shown]
    more = len(day.event_types) - len(shown)
    return Section(
        "events",
        "Events by type",
        f"{words.plural(len(day.event_types), 'type')}; {shown[0].event_type} is "
        f"{words.percent(shown[0].events, day.totals.events)} of all events."
        + (f" The chart has the {len(shown)} with the most." if more else ""),
        ("Type", "Events", "From servers", "Players"),
        [
            (
                one.event_type,
                words.count(one.events),
                words.count(one.trusted_events),
                words.count(one.players),
            )
            for one in day.event_types
        ],
        partial(
            charts.bars,
            [one.event_type for one in shown],
            (
                Measure("events", "second", counts, [words.count(n) for n in counts]),
                Measure("players", "first", players, [words.count(n) for n in players]),
            ),
        ),
    )


def versions(day: GameDay) -> Section:
    """Players and crashes by version of the application."""
    shown = day.versions[:VERSIONS_SHOWN]
    worst = max(
        day.versions,
        key=lambda one: (
            one.crashed_players / one.players if one.players else 0,
            one.crashed_players,
        ),
    )
    told = (
        f"{worst.app_version or NO_VERSION} has the largest share of players with a crash: "
        f"{words.percent(worst.crashed_players, worst.players)}, "
        f"{words.count(worst.crashed_players)} of {words.count(worst.players)}."
        if worst.crashed_players
        else "No version crashed."
    )
    players, crashes = [one.players for one in shown], [one.crashes for one in shown]
    shares = [words.percent(one.crashed_players, one.players) for one in shown]
    return Section(
        "versions",
        "Versions and their crashes",
        told + " A player who changed versions is counted in both.",
        ("Version", "Players", "Events", "Crashes", "Players with a crash", "Share of players"),
        [
            (
                one.app_version or NO_VERSION,
                words.count(one.players),
                words.count(one.events),
                words.count(one.crashes),
                words.count(one.crashed_players),
                words.percent(one.crashed_players, one.players),
            )
            for one in day.versions
        ],
        partial(
            charts.bars,
            [one.app_version or NO_VERSION for one in shown],
            (
                Measure("players", "first", players, [words.count(n) for n in players]),
                Measure(
                    "crashes (share of players)",
                    "out",
                    crashes,
                    [
                        f"{words.count(n)} ({share})" if n else "0"
                        for n, share in zip(crashes, shares, strict=True)
                    ],
                ),
            ),
        ),
    )


# --- heat maps ------------------------------------------------------------------------------------


def heat_map(found: HeatMap, name: str, ground: Ground | None) -> Section:
    """Where on a level something happened, or how two versions differ."""
    asked = found.asked
    draw: Callable[[int], Chart] = partial(charts.heat_map, found, ground)
    if asked.versions:
        return _difference(found, name, draw)
    whole = found.counts[0]
    listed = sorted(found.bins, key=lambda one: (-one.counts[0], one.at))
    best = listed[0]
    return Section(
        name,
        f"{asked.event_type} on {asked.level_id}",
        f"{words.plural(whole, 'event')} in {words.plural(len(found.bins), 'hexagon')}; the one "
        f"with the most, at {place(found, best)}, has {words.count(best.counts[0])}, "
        f"{words.percent(best.counts[0], whole)} of them." + _left_out(found) + _listed(found),
        ("Hexagon at x, y", "Events", "Share"),
        [
            (
                place(found, one),
                words.count(one.counts[0]),
                words.percent(one.counts[0], whole, 2),
            )
            for one in listed[:BINS_LISTED]
        ],
        draw,
    )


def _difference(found: HeatMap, name: str, draw: Callable[[int], Chart]) -> Section:
    asked = found.asked
    assert asked.versions is not None
    before, after = asked.versions
    judged = [(value, one) for one in found.bins if (value := found.difference(one)) is not None]
    listed = sorted(judged, key=lambda pair: (-abs(pair[0]), pair[1].at))
    per = "100 players of the version on this level"
    if asked.per is Per.EVENT:
        per = "100 events of the version on this map"
    rates = [
        charts.rate(one).lstrip("+")
        for one in (_whole(found, 0), _whole(found, 1))
    ]  # fmt: skip
    told = (
        f" Over the whole map {before} has {rates[0]} a player and {after} {rates[1]}."
        if asked.per is Per.PLAYER
        else ""
    )
    few = len(found.bins) - len(judged)
    return Section(
        name,
        f"{asked.event_type} on {asked.level_id}, {after} less {before}",
        f"Events per {per}: blue where {after} has more, red where it has fewer than {before}, by "
        f"equal steps; {words.count(found.counts[1])} events of {after}, "
        f"{words.count(found.counts[0])} of {before}.{told}"
        + (
            f" {words.plural(few, 'hexagon')} with fewer than {FEWEST_EVENTS} events of both "
            f"{'is' if few == 1 else 'are'} hollow."
            if few
            else ""
        )
        + _left_out(found)
        + _listed(found),
        ("Hexagon at x, y", before, after, f"Difference per 100 {asked.per}s"),
        [
            (
                place(found, one),
                words.count(one.counts[0]),
                words.count(one.counts[1]),
                charts.rate(value),
            )
            for value, one in listed[:BINS_LISTED]
        ],
        draw,
    )


def _whole(found: HeatMap, version: int) -> Fraction:
    return Fraction(found.counts[version], 100 * found.out_of[version])


def place(found: HeatMap, one: Bin) -> str:
    """Where a hexagon's centre is, in the level's units."""
    x, y = centre(one.at, found.radius)
    return f"{_coordinate(x, found)}, {_coordinate(y, found)}"


def _coordinate(value: float, found: HeatMap) -> str:
    digits = 0 if found.radius >= 5 else 1 if found.radius >= 0.5 else 3
    return f"{value:,.{digits}f}".replace("-", words.MINUS)


def _left_out(found: HeatMap) -> str:
    left = []
    if found.outside:
        left.append(f"{words.count(found.outside)} outside of the map")
    if found.unplaced:
        left.append(f"{words.count(found.unplaced)} without a position")
    return f" Not shown: {' and '.join(left)}." if left else ""


def _listed(found: HeatMap) -> str:
    if len(found.bins) <= BINS_LISTED:
        return ""
    return f" The table has the first {BINS_LISTED}; `pitboss heatmap --json` has all."


def heat_map_cover(found: HeatMap) -> Cover:
    """What is above a heat map of its own, which has no table beside it."""
    asked = found.asked
    days = asked.days[0] if len(asked.days) == 1 else f"{asked.days[0]} to {asked.days[-1]}"
    part = heat_map(found, "map", None)
    return Cover(
        f"{asked.application_id}, {part.title}",
        part.title,
        f"{asked.application_id}, gaming day{'s' if len(asked.days) > 1 else ''} {days}; x from "
        f"{found.bounds.x0:g} to {found.bounds.x1:g}, y from {found.bounds.y0:g} down to "
        f"{found.bounds.y1:g}",
        part.summary.removesuffix(_listed(found)),
        (),
        "A hexagon has the events that its centre is nearest to.",
    )


# --- the four charts of the course ----------------------------------------------------------------


def caught_by(day: GameDay) -> Section:
    """How often each enemy caught somebody."""
    times: dict[str, int] = {}
    for one in day.caught:
        times[one.caught_by] = times.get(one.caught_by, 0) + one.times
    ranked = sorted(times.items(), key=lambda pair: (-pair[1], pair[0]))
    whole = sum(times.values())
    shown = ranked[:ENEMIES_SHOWN]
    if len(ranked) > len(shown):
        rest = sum(count for _, count in ranked[ENEMIES_SHOWN - 1 :])
        shown = [*ranked[: ENEMIES_SHOWN - 1], (charts.OTHERS, rest)]
    return Section(
        "caught-by",
        "Caught by enemy",
        f"{words.plural(whole, 'time')} somebody was caught, by "
        f"{words.plural(len(ranked), 'enemy').replace('enemys', 'enemies')}; {ranked[0][0]} caught "
        f"{words.percent(ranked[0][1], whole)} of them.",
        ("Enemy", "Times", "Share"),
        [(name, words.count(count), words.percent(count, whole)) for name, count in ranked],
        partial(
            charts.bars,
            [name for name, _ in shown],
            (
                Measure(
                    "times",
                    "first",
                    [count for _, count in shown],
                    [f"{words.count(n)} ({words.percent(n, whole)})" for _, n in shown],
                ),
            ),
        ),
    )


def caught_at_by(day: GameDay) -> Section:
    """Where, and by whom."""
    worst = day.caught[0]
    return Section(
        "caught-at",
        "Caught at, by enemy",
        f"Most often {worst.caught_by} at {worst.caught_at or charts.NOWHERE}: "
        f"{words.count(worst.times)} times.",
        ("Place", "Enemy", "Times"),
        [
            (one.caught_at or charts.NOWHERE, one.caught_by, words.count(one.times))
            for one in day.caught
        ],
        partial(charts.caught_at_by, day.caught),
    )


def losses_per_player(day: GameDay) -> Section:
    """How many players have how many losses."""
    found = buckets(day.scores)
    losses = sorted(one.losses for one in day.scores)
    _, whole = charts.totals(day.scores)
    ninth = losses[-(-len(losses) * 9 // 10) - 1]
    return Section(
        "losses",
        "Losses per player",
        f"{words.plural(len(losses), 'player')} with {words.count(whole)} losses, "
        f"{words.quotient(whole, len(losses), 1)} each on average; the median is "
        f"{words.count(losses[(len(losses) - 1) // 2])}, nine tenths have at most "
        f"{words.count(ninth)}.",
        ("Losses", "Players"),
        [(one.label, words.count(one.players)) for one in found],
        partial(charts.losses_per_player, found),
    )


def win_loss(day: GameDay) -> Section:
    """Wins against losses, of all and of each."""
    wins, losses = charts.totals(day.scores)
    ahead = sum(one.wins > one.losses for one in day.scores)
    more = len(day.scores) > charts.PLAYERS_SHOWN
    return Section(
        "ratio",
        "Wins and losses",
        f"{words.count(wins)} wins and {words.count(losses)} losses: "
        f"{ratio(wins, losses)} wins for each loss. "
        f"{words.count(ahead)} of {words.plural(len(day.scores), 'player')} won more than they "
        "lost."
        + (f" The chart has the {charts.PLAYERS_SHOWN} with the most games." if more else ""),
        ("Player", "Wins", "Losses", "Ratio"),
        [
            ("All players", words.count(wins), words.count(losses), ratio(wins, losses)),
            *(
                (
                    one.player_id,
                    words.count(one.wins),
                    words.count(one.losses),
                    ratio(one.wins, one.losses),
                )
                for one in day.scores[:BINS_LISTED]
            ),
        ],
        partial(charts.win_loss, day.scores),
    )


# --- what is not in the figures -------------------------------------------------------------------


def quality(day: GameDay) -> Section:
    """What the figures above leave out."""
    now = day.totals
    unplaced = sum(count for _, _, count in day.unmapped)
    rows = [
        ("Events", words.count(now.events), "each counted once"),
        ("  by servers", words.count(now.trusted_events), "signed with a registered key"),
        (
            "  by clients",
            words.count(now.events - now.trusted_events),
            "believed for what a client may say",
        ),
        (
            "Without a player",
            words.count(now.without_player),
            "in no count of players or sessions",
        ),
        (
            "Without a place",
            words.count(now.events - now.placed),
            "no level or no position; in no heat map",
        ),
        (
            "Places without a map",
            words.count(unplaced),
            f"{words.plural(len(day.unmapped), 'level and type')} beyond the first "
            f"{len(day.maps)}: `pitboss heatmap`",
        ),
        *(
            (f"{name} not counted", words.count(count), "no whole number, or of no player")
            for name, count in day.unread.items()
        ),
    ]
    return Section(
        "quality",
        "What is counted",
        "Figures are of the refined lake: events that were set aside are in none of them.",
        ("What", "How much", "Meaning"),
        [row for row in rows if row[1] != "0" or not row[0].startswith("Places")],
    )

"""The numbers of an application's gaming day: SQL on the refined lake, exact integers out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from pitboss.gaming_day import GamingDay
from pitboss.lake.tables import APPLICATION_EVENTS
from workbench.game_report import heat
from workbench.game_report.heat import Asked, HeatMap, Tables, read_heat_map
from workbench.named_queries import filled
from workbench.report.figures import HOUR_MS, hours_of

SESSION_GAP_MS = 1_800_000
"""A player's next event after more than half an hour begins another session, as in the named query
`sessions`."""

CRASH = "client_crashed"
"""The event type of a crash, unless told; as in the named query `crashes_by_version`."""

MAPS = 6
"""Heat maps in a report: those with the most events."""


class Fields(NamedTuple):
    """What the events call who caught a player and where, and what was won and lost."""

    caught_by: str = "CaughtBy"
    caught_at: str = "CaughtAt"
    wins: str = "Wins"
    losses: str = "Losses"


@dataclass(frozen=True)
class Totals:
    """A gaming day of an application."""

    events: int
    trusted_events: int
    """Those that a server sent."""
    without_player: int
    placed: int
    """Those with a level and a position."""
    players: int
    sessions: int
    played_ms: int
    """In sessions: from each one's first event to its last."""
    versions: int
    levels: int
    crashes: int
    crashed_players: int


@dataclass(frozen=True)
class Hour:
    """What happened in an hour of the gaming day by the clock of the property."""

    starts_at: int
    clock: str
    zone: str
    events: int
    players: int


@dataclass(frozen=True)
class EventType:
    """Events of a type."""

    event_type: str
    events: int
    trusted_events: int
    players: int


@dataclass(frozen=True)
class Version:
    """What happened in a version of the application."""

    app_version: str
    """Empty where the events do not say."""
    events: int
    players: int
    crashes: int
    crashed_players: int


@dataclass(frozen=True)
class Caught:
    """How often somebody was caught by an enemy at a place."""

    caught_by: str
    caught_at: str
    """Empty where the events do not say."""
    times: int


@dataclass(frozen=True)
class Score:
    """What a player won and lost."""

    player_id: str
    wins: int
    losses: int


@dataclass(frozen=True)
class GameDay:
    """Everything a game report says."""

    property_id: str
    application_id: str
    gaming_day: date
    rule: GamingDay
    totals: Totals
    compared_with: date | None
    before: Totals | None
    """The same weekday of the week before, where the lake has it."""
    hours: Sequence[Hour]
    event_types: Sequence[EventType]
    """All, the one with the most events first."""
    versions: Sequence[Version]
    """All, the one with the most players first."""
    caught: Sequence[Caught]
    scores: Sequence[Score]
    """Of all players with a win or a loss, the one with the most games first."""
    unread: Mapping[str, int] = field(default_factory=dict)
    """By field: events whose wins or losses are no whole number, and are not counted."""
    maps: Sequence[HeatMap] = ()
    unmapped: Sequence[tuple[str, str, int]] = ()
    """Levels, event types and events that have positions and no map in the report."""


class NoSuchDay(LookupError):
    """The application has no events on the gaming day; it says what there is."""


def read_game_day(
    lake: Tables,
    property_id: str,
    application_id: str,
    day: date,
    rule: GamingDay,
    crash: Sequence[str] = (CRASH,),
    fields: Fields | None = None,
    *,
    is_running: bool = False,
) -> GameDay:
    """The figures of an application's gaming day.

    Args:
        lake: the property's tables.
        property_id: the property.
        application_id: the application.
        day: the gaming day.
        rule: when it starts, and in which time zone.
        crash: the event types of crashes.
        fields: what the events call what the charts of wins and losses show.
        is_running: wins and losses are a player's totals so far, not those of each event.

    Raises:
        NoSuchDay: it has no events on that day.
    """
    asked = _Asked(lake, application_id, tuple(crash))
    events = asked.events(day)
    totals = _totals(asked, events)
    if not totals.events:
        raise NoSuchDay(_there_is(asked, day))
    week_ago = day - timedelta(days=7)
    before = _totals(asked, asked.events(week_ago))
    fields = fields or Fields()
    scores, unread = _scores(asked, events, fields, is_running=is_running)
    placed = _placed(asked, events)
    return GameDay(
        property_id=property_id,
        application_id=application_id,
        gaming_day=day,
        rule=rule,
        totals=totals,
        compared_with=week_ago if before.events else None,
        before=before if before.events else None,
        hours=_hours(asked, events, day, rule),
        event_types=_event_types(asked, events),
        versions=_versions(asked, events),
        caught=_caught(asked, events, fields),
        scores=scores,
        unread=unread,
        maps=[
            read_heat_map(lake, Asked(application_id, event_type, level, [day.isoformat()]))
            for level, event_type, _ in placed[:MAPS]
        ],
        unmapped=placed[MAPS:],
    )


class _Asked(NamedTuple):
    lake: Tables
    application_id: str
    crash: tuple[str, ...]

    def events(self, day: date) -> str:
        """The application's events of a day, as SQL has them after FROM."""
        table = self.lake.table(APPLICATION_EVENTS, [day.isoformat()])
        return filled(
            f"(SELECT * FROM {table} WHERE application_id = :application)",
            {"application": self.application_id},
        )

    @property
    def is_crash(self) -> str:
        """The condition that an event is a crash."""
        types = ", ".join(filled(":t", {"t": one}) for one in self.crash)
        return f"coalesce(event_type IN ({types}), false)" if types else "false"


def _there_is(asked: _Asked, day: date) -> str:
    days = asked.lake.days(APPLICATION_EVENTS)
    if day.isoformat() not in days:
        return f"the lake has events of games from {days[0]} to {days[-1]}" if days else (
            "the lake has no events of games"
        )  # fmt: skip
    table = asked.lake.table(APPLICATION_EVENTS, [day.isoformat()])
    names = asked.lake.rows(f"SELECT DISTINCT application_id FROM {table} ORDER BY 1")
    return f"on that day there are {', '.join(name for (name,) in names)}"


_COUNTED = (
    *("events", "trusted_events", "without_player", "placed"),
    *("players", "versions", "levels", "crashes", "crashed_players"),
)


def _totals(asked: _Asked, events: str) -> Totals:
    (counted,) = asked.lake.rows(
        "SELECT count(*), count(*) FILTER (is_trusted), count(*) FILTER (player_id IS NULL), "
        "count(*) FILTER (level_id IS NOT NULL AND x IS NOT NULL AND y IS NOT NULL), "
        "count(DISTINCT player_id), count(DISTINCT nullif(app_version, '')), "
        "count(DISTINCT level_id), "
        f"count(*) FILTER ({asked.is_crash}), "
        f"count(DISTINCT player_id) FILTER ({asked.is_crash}) FROM {events}"
    )
    ((sessions, played),) = asked.lake.rows(
        f"SELECT count(*) FILTER (since IS NULL OR since > {SESSION_GAP_MS}), "
        f"coalesce(sum(since) FILTER (since <= {SESSION_GAP_MS}), 0) FROM ("
        "SELECT occurred_at - lag(occurred_at) OVER "
        "(PARTITION BY player_id ORDER BY occurred_at) AS since "
        f"FROM {events} WHERE player_id IS NOT NULL)"
    )
    return Totals(
        **dict(zip(_COUNTED, counted, strict=True)), sessions=sessions, played_ms=int(played)
    )


def _hours(asked: _Asked, events: str, day: date, rule: GamingDay) -> list[Hour]:
    clocks = hours_of(day, rule)
    found = {
        hour: counts
        for hour, *counts in asked.lake.rows(
            f"SELECT least(greatest((occurred_at - {clocks[0].starts_at}) // {HOUR_MS}, 0), "
            f"{len(clocks) - 1}) AS hour, count(*), count(DISTINCT player_id) "
            f"FROM {events} GROUP BY hour"
        )
    }
    return [Hour(*clock, *found.get(n, (0, 0))) for n, clock in enumerate(clocks)]


def _event_types(asked: _Asked, events: str) -> list[EventType]:
    return [
        EventType(*row)
        for row in asked.lake.rows(
            "SELECT event_type, count(*), count(*) FILTER (is_trusted), count(DISTINCT player_id) "
            f"FROM {events} GROUP BY event_type ORDER BY count(*) DESC, event_type"
        )
    ]


def _versions(asked: _Asked, events: str) -> list[Version]:
    return [
        Version(*row)
        for row in asked.lake.rows(
            "SELECT coalesce(app_version, '') AS version, count(*), "
            f"count(DISTINCT player_id) AS players, count(*) FILTER ({asked.is_crash}), "
            f"count(DISTINCT player_id) FILTER ({asked.is_crash}) FROM {events} "
            "GROUP BY version ORDER BY players DESC, version"
        )
    ]


def _placed(asked: _Asked, events: str) -> list[tuple[str, str, int]]:
    return [
        (level, event_type, count)
        for level, event_type, count in asked.lake.rows(
            f"SELECT level_id, event_type, count(*) FROM {events} WHERE level_id IS NOT NULL "
            "AND x IS NOT NULL AND y IS NOT NULL GROUP BY level_id, event_type "
            "ORDER BY count(*) DESC, level_id, event_type"
        )
    ]


# --- what the course's game says ------------------------------------------------------------------


def _value(name: str) -> str:
    """A field of an event's data as text."""
    # RFC 6901: any name can be written so, which is not true of a path.
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    return filled("json_extract_string(data, :pointer)", {"pointer": pointer})


def _caught(asked: _Asked, events: str, fields: Fields) -> list[Caught]:
    return [
        Caught(*row)
        for row in asked.lake.rows(
            f"SELECT {_value(fields.caught_by)} AS enemy, "
            f"coalesce({_value(fields.caught_at)}, '') AS place, count(*) FROM {events} "
            "WHERE enemy <> '' GROUP BY enemy, place ORDER BY count(*) DESC, enemy, place"
        )
    ]


def _scores(
    asked: _Asked, events: str, fields: Fields, *, is_running: bool
) -> tuple[list[Score], dict[str, int]]:
    said = f"SELECT player_id, {_value(fields.wins)} AS wins, {_value(fields.losses)} AS losses"
    counted = ", ".join(
        f"CASE WHEN regexp_full_match({name}, '[0-9]{{1,15}}') THEN CAST({name} AS BIGINT) END "
        f"AS {name}, {name} IS NOT NULL AS has_{name}"
        for name in ("wins", "losses")
    )
    rows = f"(SELECT player_id, {counted} FROM ({said} FROM {events}))"
    of = "max" if is_running else "sum"
    scores = [
        Score(player, int(wins), int(losses))
        for player, wins, losses in asked.lake.rows(
            f"SELECT player_id, coalesce({of}(wins), 0) AS won, coalesce({of}(losses), 0) "
            f"AS lost FROM {rows} WHERE player_id IS NOT NULL GROUP BY player_id "
            "HAVING count(wins) + count(losses) > 0 ORDER BY won + lost DESC, player_id"
        )
    ]
    ((wins, losses),) = asked.lake.rows(
        "SELECT count(*) FILTER (has_wins AND (wins IS NULL OR player_id IS NULL)), "
        f"count(*) FILTER (has_losses AND (losses IS NULL OR player_id IS NULL)) FROM {rows}"
    )
    unread = {fields.wins: wins, fields.losses: losses}
    return scores, {name: count for name, count in unread.items() if count}


# --- as JSON --------------------------------------------------------------------------------------


def as_json(day: GameDay) -> dict[str, Any]:
    """A game's day as JSON has it."""
    start, end = day.rule.bounds_of(day.gaming_day)
    return {
        "property_id": day.property_id,
        "application_id": day.application_id,
        "gaming_day": day.gaming_day.isoformat(),
        "time_zone": day.rule.zone.key,
        "starts_at": start,
        "ends_at": end,
        "totals": asdict(day.totals),
        "compared_with": day.compared_with and day.compared_with.isoformat(),
        "before": day.before and asdict(day.before),
        "hours": [asdict(one) for one in day.hours],
        "event_types": [asdict(one) for one in day.event_types],
        "versions": [asdict(one) for one in day.versions],
        "caught": [asdict(one) for one in day.caught],
        "scores": [asdict(one) for one in day.scores],
        "unread": dict(day.unread),
        "maps": [heat.as_json(one) for one in day.maps],
        "unmapped": [
            {"level_id": level, "event_type": event_type, "events": events}
            for level, event_type, events in day.unmapped
        ],
    }

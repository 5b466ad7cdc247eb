"""Live metrics, but for AWS: definitions, what windows come to, players' days, and crossings."""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.games.events import GameEvent
from pitboss.metrics import lanes
from pitboss.metrics.definition import (
    IDLE_MINUTES,
    Fields,
    InvalidMetric,
    Metric,
    is_met,
    parse,
)
from pitboss.metrics.lanes import OTHER, Head, Lane, Received, bring_in, parts
from pitboss.metrics.partial import ERROR, Partial, partial_of, together, value_of
from pitboss.metrics.players import Player, value_on
from pitboss.metrics.players import bring_in as bring_in_player
from pitboss.metrics.reading import Judged, Measured, What, judge, last_end, measured, next_end
from workbench.metrics import load

COUNT: dict[str, Any] = {
    "key": "rounds",
    "name": "Rounds",
    "aggregate": "count",
    "window": {"length": "1m"},
}
NOW = 1_780_000_000_000
HOOK = {"webhook": "ops"}


def metric(**changed: Any) -> Metric:
    return parse(COUNT | changed)


def event(number: int = 1, at: int = NOW, data: bytes = b"{}", **changed: Any) -> GameEvent:
    said: dict[str, Any] = {
        "event_id": f"e-{number}",
        "occurred_at": at,
        "event_type": "round_played",
        "event_version": "1",
        "app_version": "2.4",
        "player_id": "p-1",
        "level_id": None,
        "x": None,
        "y": None,
        "data": data,
        "is_trusted": True,
    }
    return GameEvent(**(said | changed))


# What a metric is.


def test_the_shipped_metrics_are_metrics() -> None:
    shipped = {one.key: one for one in load([Path("metrics")])}

    assert {"players-connected", "retention-30", "losses-over-10"} <= shipped.keys()
    assert shipped["daily-active-players"].is_of_players
    assert not shipped["players-connected"].is_of_players


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"aggregate": "sum"}, "sum needs a field: say which with `of`"),
        ({"of": "data.Wins"}, "count needs no field"),
        ({"where": [{"field": "losses", "over": 1}]}, "'losses' is no field"),
        ({"where": [{"field": "data.x"}]}, "nothing is asked of 'data.x'"),
        ({"where": [{"field": "data.x", "above": 1}]}, "unknown field `above`"),
        ({"window": {"length": "7s"}}, "multiples of 10s"),
        ({"window": {"length": "1m", "every": "10s"}}, "`every` is said of a sliding window"),
        ({"window": {"kind": "sliding", "length": "1m"}}, "`every` is said of a sliding window"),
        ({"window": {"kind": "sliding", "length": "1h", "every": "2h"}}, "`every` is at most"),
        ({"window": {"length": "48h"}}, "at most 24h"),
        ({"window": {"kind": "sliding", "length": "2h", "every": "10s"}}, "720 panes of 10 s"),
        ({"window": {"length": "1d"}}, "`aggregate: distinct` with `of: player_id`"),
        ({"window": {"kind": "session", "idle": "5m"}}, "`{kind: session, idle: 30m}`"),
        ({"aggregate": "percentile", "of": "x"}, "`percentile` is said of a percentile"),
        ({"aggregate": "mean", "of": "x", "per_second": True}, "mean is not something a second"),
        ({"aggregate": "retention", "after_days": 2, "window": {"length": "1d"}}, "one of 1, 7"),
        ({"threshold": {"over": 1, "under": 2}}, "either over or under"),
        (
            {"threshold": {"over": 1, "actions": [{}]}},
            "threshold.actions[0] is either a webhook or",
        ),
        (
            {"threshold": {"over": 1, "actions": [HOOK, HOOK]}},
            "threshold.actions[1] is there twice",
        ),
        (
            {"threshold": {"over": 1, "actions": [{"webhook": "Ops"}]}},
            "at `$.threshold.actions[0].webhook`",
        ),
        (
            {"threshold": {"over": 1, "actions": [HOOK, {"function": "drop-all"}]}},
            "at `$.threshold.actions[1].function`",
        ),
        ({"dimensions": ["app_version", "app_version"]}, "a dimension is there twice"),
        ({"key": "Rounds"}, "at `$.key`"),
    ],
)
def test_a_fault_of_a_definition_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidMetric, match=re.escape(said)):
        parse(COUNT | changed)


@pytest.mark.parametrize(
    ("condition", "data", "expected"),
    [
        ({"over": 10}, b'{"a":{"b":11}}', True),
        ({"over": 10}, b'{"a":{"b":10}}', False),
        ({"over": 10}, b'{"a":{"b":"11"}}', False),
        ({"over": 0}, b'{"a":{"b":true}}', False),
        ({"over": 0}, b"{}", False),
        ({"at_least": 1, "under": 3}, b'{"a":{"b":3}}', False),
        ({"is": [1, "x"]}, b'{"a":{"b":"x"}}', True),
        ({"is": 1}, b'{"a":{"b":true}}', False),
        ({"is_not": "x"}, b"{}", True),
        ({"exists": False}, b'{"a":{}}', True),
        ({"exists": True}, b'{"a":7}', False),
    ],
)
def test_a_filter_asks_what_an_event_says(
    condition: dict[str, Any], data: bytes, expected: bool
) -> None:
    one = metric(where=[{"field": "data.a.b", **condition}])

    assert is_met(one.where, Fields(event(data=data))) is expected


# What windows come to.


def test_windows_end_on_the_epoch() -> None:
    sliding = metric(window={"kind": "sliding", "length": "5m", "every": "1m"})

    assert (last_end(sliding, 119), next_end(sliding, 119)) == (60, 120)
    assert (last_end(sliding, 120), next_end(sliding, 120)) == (120, 180)
    assert sliding.pane_seconds == 60
    assert metric(window={"kind": "sliding", "length": "5m", "every": "10s"}).pane_seconds == 10


@settings(max_examples=30)
@given(
    numbers=st.lists(st.floats(-1e6, 1e6).filter(lambda one: abs(one) > 1e-5 or one == 0)),
    cuts=st.integers(1, 5),
    percentile=st.sampled_from([1, 50, 90, 99]),
)
def test_a_percentile_is_within_its_error_however_it_is_put_together(
    numbers: list[float], cuts: int, percentile: int
) -> None:
    ranked = metric(aggregate="percentile", percentile=percentile, of="x")
    singles = [partial_of(ranked, one) for one in numbers]
    groups = [together(filter(None, singles[start::cuts])) for start in range(cuts)]

    found = value_of(ranked, together(groups))

    assert together(groups) == together(reversed(groups))
    if not numbers:
        assert found is None
    else:
        true = sorted(round(one, 6) for one in numbers)[int(percentile / 100 * (len(numbers) - 1))]
        assert found == pytest.approx(true, rel=ERROR + 1e-9, abs=1e-9)


def test_sums_are_exact() -> None:
    summed = metric(aggregate="sum", of="x")

    whole = together([partial_of(summed, 0.1) or Partial()] * 10)

    assert whole.total == Decimal("1.000000")
    assert partial_of(summed, "7") is None
    assert partial_of(summed, 1e300) is None
    assert value_of(metric(aggregate="mean", of="x"), whole) == 0.1


METRICS = [
    metric(),
    metric(key="losses", aggregate="sum", of="data.n", dimensions=["app_version"]),
    metric(
        key="levels",
        aggregate="distinct",
        of="level_id",
        where=[{"field": "data.n", "over": 3}],
        window={"kind": "sliding", "length": "3m", "every": "1m"},
    ),
    metric(key="mean", aggregate="mean", of="data.n", window={"length": "10s"}),
    metric(key="hours", window={"length": "1h"}),
]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_windows_are_those_of_a_recount_whatever_comes_again_and_late(seed: int) -> None:
    chance = random.Random(seed)
    unique = [
        event(
            number,
            NOW + chance.randrange(-400_000, 400_000),
            b'{"n":%d}' % chance.randrange(8),
            app_version=chance.choice("ab"),
            level_id=chance.choice(["l-1", "l-2", None]),
        )
        for number in range(chance.randrange(1, 60))
    ]
    sent = [chance.choice(unique) for _ in range(30)] + unique
    chance.shuffle(sent)

    head, kept = Head(), Lane()
    while sent:
        some, sent = sent[:9], sent[chance.randrange(0, 9) + 1 :]  # some come again
        for part in parts(METRICS, [Received(one, NOW) for one in some]):
            came = bring_in(head, kept, METRICS, part, lambda minute: minute // 1_440)
            head = came.head
            kept.slices |= came.lane.slices
            kept.panes |= came.lane.panes
            kept.players |= came.lane.players

    for one in METRICS:
        panes = {
            at: [pane] for (length, at), pane in kept.panes.items() if length == one.pane_seconds
        }
        end = next_end(one, NOW // 1000 + chance.randrange(-300, 300))
        found = {each.values: each for each in measured(one, panes, end)}
        assert {values: each.value for values, each in found.items()} == recount(one, unique, end)


def test_a_client_keeps_no_event_of_others_from_being_counted() -> None:
    theirs = event(1, is_trusted=False, player_id="p-2")
    others = [event(1), event(1, is_trusted=False)]

    came = bring_in(
        Head(),
        Lane(),
        [metric()],
        [Received(one, NOW) for one in (theirs, theirs, *others, *others)],
        lambda minute: minute // 1_440,
    )

    assert (came.measured, came.known) == (3, 3)


def recount(one: Metric, events: Iterable[GameEvent], end: int) -> dict[tuple[str, ...], Any]:
    groups: dict[tuple[str, ...], list[Any]] = {} if one.dimensions else {(): []}
    for each in events:
        fields = Fields(each)
        inside = end - one.window.seconds <= each.occurred_at / 1000 < end
        value = fields(one.of) if one.of else 1
        if inside and is_met(one.where, fields) and value is not None:
            values = tuple(fields(path) for path in one.dimensions)
            groups.setdefault(values, []).append(value)
    made: dict[str, Callable[[list[Any]], Any]] = {
        "count": len,
        "sum": sum,
        "distinct": lambda found: len(set(found)),
        "mean": lambda found: pytest.approx(sum(found) / len(found)) if found else None,
    }
    return {values: made[one.aggregate](found) for values, found in groups.items()}


def test_what_has_no_room_is_counted_and_said_to_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_VALUES", 2)
    monkeypatch.setattr(lanes, "MAX_WEIGHT", 500)
    by_version = metric(dimensions=["app_version"])
    members = metric(key="members", aggregate="distinct", of="player_id")
    events = [
        Received(event(number, app_version=str(number), player_id=f"p-{number}"), NOW)
        for number in range(20)
    ]

    head, lane = Head(), Lane()
    for one in events:
        came = bring_in(head, lane, [by_version, members], [one], lambda minute: 1)
        head, lane = (
            came.head,
            Lane(
                lane.slices | came.lane.slices,
                lane.panes | came.lane.panes,
                lane.players | came.lane.players,
            ),
        )

    pane = lane.panes[60, NOW // 60_000 * 60]
    counts = {values: one.events for values, one in pane[by_version.measure_id].items()}
    assert counts == {("0",): 1, ("1",): 1, (OTHER,): 18}
    several = pane[members.measure_id][()]
    assert (several.events, several.is_full) == (20, True)
    assert 1 < len(several.members) < 20


def test_parts_fit_a_transaction() -> None:
    events = [
        Received(event(number, NOW - number * 20_000, player_id=f"p-{number}"), NOW)
        for number in range(100)
    ]

    found = list(parts(METRICS, events))

    assert sorted(one.event.event_id for part in found for one in part) == sorted(
        one.event.event_id for one in events
    )
    assert len(found) > 3
    assert all(lanes.wanted_for(METRICS, part).items <= lanes.MAX_ITEMS for part in found)


# Players.


def day_of(minute: int) -> int:
    return minute // 1_440


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_players_days_are_those_of_a_recount(seed: int) -> None:
    chance = random.Random(seed)
    first = 20_000 * 1_440
    activity = {
        name: [first + chance.randrange(40 * 1_440)] * 2 for name in range(chance.randrange(1, 4))
    }
    for minutes in activity.values():
        for _ in range(chance.randrange(60)):
            minutes.append(minutes[-1] + chance.choice([0, 1, 5, 29, 30, 31, 900, 1_440, 9_000]))
    days: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for minutes in activity.values():
        player: Player | None = None
        # an event is up to a week late
        for minute in sorted(minutes, key=lambda one: one + chance.randrange(7 * 1_440)):
            after = bring_in_player(player, minute, day_of(minute), day_of)
            if after is not None:
                player = after.player
                for (day, name), by in after.days.items():
                    days[day][name] += by

    said = {(day, name): by for day, names in days.items() for name, by in names.items() if by}
    assert said == recounted(activity.values())


def recounted(activity: Iterable[Sequence[int]]) -> dict[tuple[int, str], int]:
    found: dict[tuple[int, str], int] = defaultdict(int)
    for minutes in activity:
        active = {day_of(one) for one in minutes}
        for day in active:
            found[day, "active"] += 1
        for day in range(min(active), max(active) + 30):
            found[day, "month"] += any(day - 30 < one <= day for one in active)
        found[min(active), "new"] += 1
        for later in (1, 7, 30):
            found[min(active), f"kept_{later}"] += min(active) + later in active
        runs: list[list[int]] = []
        for one in sorted(set(minutes)):
            if runs and one - runs[-1][-1] < IDLE_MINUTES:
                runs[-1].append(one)
            else:
                runs.append([one])
        for run in runs:
            found[day_of(run[0]), "sessions"] += 1
            found[day_of(run[0]), "session_minutes"] += run[-1] - run[0] + 1
    return {place: by for place, by in found.items() if by}


def test_retention_is_told_on_the_day_that_decides_it() -> None:
    kept = parse(
        {
            "key": "kept",
            "name": "Kept",
            "aggregate": "retention",
            "after_days": 7,
            "window": {"length": "1d"},
        }
    )
    days = {100: {"new": 8, "kept_7": 2}}

    assert value_on(kept, days, 107) == 25
    assert value_on(kept, days, 108) is None


# Thresholds.

TOLD = metric(threshold={"over": 3})


def after(judged: Judged, values: dict[int, float | None]) -> tuple[list[What], Judged]:
    windows = {end: Measured(end, (), value) for end, value in values.items()}
    found = judge(TOLD, "north", judged, windows)
    whats = [one.what for one in found.untold]
    return whats, Judged(
        measure="m",
        application_id="chase",
        values=(),
        until=found.until,
        is_crossed=found.is_crossed,
        crossing=found.crossing,
        value=found.value,
    )


NEW = Judged(measure="m", application_id="chase", values=(), until=0)


def test_a_crossing_is_told_once_and_its_end_once() -> None:
    told, judged = after(NEW, {60: 1, 120: 4, 180: 9})
    assert told == [What.CROSSED]
    told, judged = after(judged, {60: 1, 120: 4, 180: 9})
    assert told == []
    told, judged = after(judged, {120: 4, 180: 9, 240: 3, 300: None})
    assert told == [What.OVER]


def test_a_crossing_that_late_events_undo_is_corrected_and_what_follows_judged_again() -> None:
    told, judged = after(NEW, {60: 4, 120: 5})
    assert (told, judged.crossing) == ([What.CROSSED], 60)

    told, judged = after(judged, {60: 2, 120: 5})
    assert (told, judged.crossing) == ([What.CORRECTED, What.CROSSED], 120)

    told, judged = after(judged, {60: 2, 120: 1})
    assert (told, judged.crossing, judged.is_crossed) == ([What.CORRECTED], None, False)


def test_a_crossing_too_long_ago_is_let_be() -> None:
    _, judged = after(NEW, {60: 4, 120: 5})

    told, judged = after(judged, {120: 5, 180: 5})

    assert (told, judged.crossing, judged.is_crossed) == ([], None, True)


def test_what_a_lane_has_no_room_to_know_again_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "MAX_SLICE_EVENTS", 3)
    came = [Received(event(number), NOW) for number in (1, 2, 2, 3, 4, 5, 1)]

    brought = bring_in(Head(), Lane(), [metric()], came, lambda minute: 1)

    assert (brought.measured, brought.known, brought.crowded) == (3, 2, 2)
    again = bring_in(brought.head, brought.lane, [metric()], came, lambda minute: 1)
    assert (again.measured, again.known, again.crowded) == (0, 5, 2)

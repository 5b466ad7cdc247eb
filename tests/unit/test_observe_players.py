"""What `observe_players` sees of play: as the games themselves say, and nothing too late."""

import json
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe_players import handler as door
from observe_players.service import behaviours, observe, observe_offers, statement
from pitboss.lake.decided import DECISIONS
from pitboss.lake.rated import GAMES
from pitboss.offers.gate import Entry, ListName
from pitboss.players.families import CHURN, PROPENSITY, RISK
from pitboss.players.features import (
    DAY_MS,
    PAUSE_MS,
    SESSION_GAP_MS,
    Game,
    behaviour_of,
    values,
)
from pitboss.players.observed import (
    HORIZON_MS,
    TAKE_MS,
    WINDOW_MS,
    Moment,
    Observation,
    Use,
    excluded_then,
    moments,
    observations,
    stayed_away,
    use_of_offer,
)
from pitboss.stores.parquet import ParquetLake
from tests import sample_events
from tests.floor_by_day import MemoryLake

pytestmark = pytest.mark.unit

DAY = "2026-03-31"
NOW = 1_775_000_000_000
HERE = Moment(Use.NOW, NOW)


def row(player_id: str | None, game: Game, number: int, **other: Any) -> tuple[Any, ...]:
    """A game, as the lake's table has it."""
    known = {
        **{"asset_id": f"m{number}", "kind": "game", "player_id": player_id, "complete": True},
        **{"started_at": game.started_at, "ended_at": game.ended_at},
        **{"coin_in_cents": game.staked_cents, "coin_out_cents": 25 if game.won else 0},
        **other,
    }
    return tuple(known.get(column.name) for column in GAMES.columns)


def play(chance: Random, games: int, before: int = NOW) -> list[Game]:
    """Games that end at a moment, with pauses and sessions among them."""
    found, now = [], before - 1_000
    for _ in range(games):
        lasts = chance.randint(2_000, 9_000)
        won, stake = chance.random() < 0.3, chance.choice([25, 50, 50, 100])
        now -= chance.choice([-500, 0, 900, 4_000, PAUSE_MS, PAUSE_MS + 1, SESSION_GAP_MS + 1])
        found.append(Game(now - lasts, now - 1, stake, won))
        now -= lasts
    return found


def lake(rows: list[tuple[Any, ...]]) -> MemoryLake:
    made = MemoryLake()
    with ParquetLake(made, "north", 300) as tables:
        tables.write(GAMES, DAY, rows)
    return made


def test_the_lake_says_of_play_what_the_games_say() -> None:
    chance = Random(5)
    games = {f"p-{number}": play(chance, 5 + 9 * number) for number in range(8)}
    rows = [row(one, game, 1) for one, played in games.items() for game in played]
    rows += [row(None, game, 1) for game in play(chance, 9)]
    rows += [row("p-1", games["p-1"][0], 1, complete=False)]
    rows += [row("p-1", games["p-1"][0], 1, kind="handpay")]
    chance.shuffle(rows)

    with ParquetLake(lake(rows), "north", 300) as tables:
        asked = f"SELECT DISTINCT player_id, {NOW} AS moment FROM {tables.table(GAMES, [DAY])}"
        rows_found = behaviours(tables.rows(statement(tables, [DAY], asked)))
        found = {player_id: behaviour for player_id, _, behaviour in rows_found}

    assert found.keys() == games.keys()
    for player_id, behaviour in found.items():
        expected = values(behaviour_of(games[player_id], NOW), CHURN.features)
        assert None not in expected[-3:-1]
        assert values(behaviour, CHURN.features) == pytest.approx(expected), player_id


def test_who_has_few_games_is_not_seen() -> None:
    chance = Random(1)
    rows = [row("p-few", game, 1) for game in play(chance, RISK.least_games - 1)]
    rows += [row("p-more", game, 1) for game in play(chance, RISK.least_games)]

    with ParquetLake(lake(rows), "north", 300) as tables:
        found = observe(tables, [DAY], NOW, {})
    names = {family: [one.player_id for one in seen] for family, seen in found.items()}
    assert names == {"risk": ["p-more"], "churn": ["p-few", "p-more"]}


# --- nothing too late -----------------------------------------------------------------------------

DAYS = [f"2026-0{month}-{day:02d}" for month in (1, 2, 3) for day in (1, 15, 28)]
ALL = [*DAYS, "2026-03-31"]


def test_moments_lie_a_horizon_apart_and_have_whole_windows() -> None:
    assert moments([], NOW) == [Moment(Use.NOW, NOW)]
    assert moments([DAY], NOW) == [Moment(Use.NOW, NOW)]
    assert moments(ALL, NOW) == [  # 90 days
        Moment(Use.NOW, NOW),
        Moment(Use.HELD_OUT, NOW - HORIZON_MS),
        Moment(Use.LEARN, NOW - 2 * HORIZON_MS),
    ]
    assert moments(ALL[1:], NOW) == [Moment(Use.NOW, NOW)]
    longer = ["2025-12-01", *ALL]
    assert [one.use for one in moments(longer, NOW)][3:] == [Use.LEARN]


@given(st.integers(0, 500), st.integers(0, 120 * 24))
def test_what_is_learned_from_was_over_when_what_is_judged_on_began(
    days: int, entry_hours: int
) -> None:
    known = ["2026-03-31", f"{2026 - days // 365}-01-01"]
    found = moments(known, NOW)
    held = [one for one in found if one.use is Use.HELD_OUT]
    entry = Entry(NOW - entry_hours * 3_600_000, None, NOW)
    for one in found:
        assert one.since == one.at - WINDOW_MS
        if one.use is Use.LEARN:
            assert one.at + HORIZON_MS <= held[0].at
        if excluded_then(entry, one):
            assert one.at <= entry.since < one.at + HORIZON_MS
            assert one.use is not Use.NOW
    assert all(one.at + HORIZON_MS <= NOW for one in held)
    assert sum(bool(excluded_then(entry, one)) for one in found) <= 1


def test_play_from_a_moment_on_changes_nothing_of_what_was_seen_at_it() -> None:
    chance = Random(8)
    earlier = play(chance, 80, before=NOW - HORIZON_MS)
    after = play(chance, 80, before=NOW)
    moment = Moment(Use.HELD_OUT, NOW - HORIZON_MS)

    def seen(games: list[Game]) -> Any:
        with ParquetLake(lake([row("p-1", game, 1) for game in games]), "north", 300) as tables:
            asked = f"SELECT 'p-1' AS player_id, {moment.at} AS moment"
            return list(behaviours(tables.rows(statement(tables, [DAY], asked))))

    assert seen(earlier) == seen(earlier + after) != []
    straddles = [Game(moment.at - 500, moment.at, 100, won=False)]
    assert seen(earlier) == seen(earlier + straddles)


@pytest.mark.parametrize(
    ("since", "happened"),
    [(-1, None), (0, True), (HORIZON_MS - 1, True), (HORIZON_MS, False)],
)
def test_who_excluded_themselves_before_is_no_one_to_foresee_it_of(
    since: int, happened: bool | None
) -> None:
    moment = Moment(Use.LEARN, NOW - 2 * HORIZON_MS)

    assert excluded_then(Entry(moment.at + since, None, 0), moment) is happened
    assert excluded_then(None, moment) is False
    assert excluded_then(Entry(0, None, 0), moment) is None  # a list that says not since when
    assert excluded_then(Entry(NOW + DAY_MS, None, 0), HERE) is False  # is not known yet


def test_who_comes_back_from_an_exclusion_is_scored_as_others_are() -> None:
    played = behaviour_of(play(Random(1), RISK.least_games), NOW)
    over = Entry(NOW - 20 * DAY_MS, NOW - 10 * DAY_MS, NOW - 20 * DAY_MS)

    found = dict(observations(HERE, [("p-1", played)], {"p-1": over}, ()))

    assert found == {
        family: Observation("p-1", Use.NOW, values(played, family.features), happened=False)
        for family in (RISK, CHURN)
    }


# --- who stays away -------------------------------------------------------------------------------


def test_who_does_not_play_within_thirty_days_stays_away() -> None:
    """From the moment on, and before the horizon's end; of now it is not known."""
    moment = Moment(Use.HELD_OUT, NOW - HORIZON_MS)
    comes = {"p-at": 0, "p-in": DAY_MS, "p-last": HORIZON_MS - 1, "p-late": HORIZON_MS}
    rows = []
    for player_id, later in {**comes, "p-never": None}.items():
        rows.append(row(player_id, Game(moment.at - 9_000, moment.at - 1_000, 50, won=False), 1))
        if later is not None:
            start = moment.at + later
            rows.append(row(player_id, Game(start, start + 5_000, 50, won=False), 1))
    days = ["2026-01-01", DAY]

    with ParquetLake(lake(rows), "north", 300) as tables:
        found = observe(tables, days, NOW, {})["churn"]

    away = {one.player_id: one.happened for one in found if one.use is Use.HELD_OUT}
    assert away == dict.fromkeys(comes, False) | {"p-late": True, "p-never": True}
    assert not any(one.happened for one in found if one.use is Use.NOW)


@given(st.integers(-90, 90), st.booleans())
def test_who_must_not_come_back_does_not_stay_away(days: int, is_back: bool) -> None:
    moment = Moment(Use.LEARN, NOW)
    entry = Entry(NOW + days * DAY_MS, None, 0)

    assert stayed_away(None, is_back, moment) is not is_back
    expected = None if entry.since < NOW + HORIZON_MS else not is_back
    assert stayed_away(entry, is_back, moment) is expected


def test_of_when_somebody_was_there_play_says_days_and_how_long_ago() -> None:
    starts = [NOW - 20 * DAY_MS, NOW - 20 * DAY_MS - 60_000, NOW - 10 * DAY_MS, NOW - 8 * DAY_MS]
    played = behaviour_of([Game(at, at + 1_000, 50, won=False) for at in starts], NOW)

    seen = dict(
        zip([one.name for one in CHURN.features], values(played, CHURN.features), strict=True)
    )

    assert seen["days_played"] == 3
    assert seen["days_since_first"] == pytest.approx(20, abs=1e-3)
    assert seen["days_away"] == pytest.approx(8, abs=1e-3)
    assert seen["away_to_usual"] == pytest.approx(8 * 3 / (12 + 7), abs=1e-3)


# --- who takes offers -----------------------------------------------------------------------------


def decision(
    number: int, player_id: str, shown_at: int | None, taken_at: int | None, chosen: str = "meal"
) -> tuple[Any, ...]:
    """A decision of one of two offers, as the lake's table has it."""
    known = {
        **{"decision_id": f"d-{number}", "player_id": player_id, "chosen": chosen},
        "actions": json.dumps(
            [
                ["none", "none", 0, 500_000],
                ["meal", "meal", 2_500, 1],
                ["fp", "free_play", 1_000, 1],
            ]
        ),
        **{"delivered_at": shown_at, "redeemed_at": taken_at},
    }
    return tuple(known.get(column.name) for column in DECISIONS.columns)


def observed_offers(
    decisions: list[tuple[Any, ...]], listed: dict[str, Entry] | None = None
) -> list[Observation]:
    chance = Random(6)
    made = MemoryLake()
    with ParquetLake(made, "north", 300) as tables:
        ends = sorted({one[SHOWN_AT] for one in decisions if one[SHOWN_AT]} | {NOW})
        games = [
            row(player_id, game, 1)
            for player_id in ("p-1", "p-2")
            for end in ends
            for game in play(chance, 3, before=end)
        ]
        tables.write(GAMES, DAY, games)
        tables.write(DECISIONS, DAY, decisions)
        return observe_offers(tables, [DAY], NOW, listed or {})["propensity"]


SHOWN_AT = [column.name for column in DECISIONS.columns].index("delivered_at")
LONG_AGO = NOW - HORIZON_MS - TAKE_MS
LATELY = NOW - HORIZON_MS


def test_an_offer_is_taken_if_it_is_redeemed_within_seven_days() -> None:
    found = observed_offers(
        [
            decision(1, "p-1", LONG_AGO, LONG_AGO + TAKE_MS - 1),
            decision(2, "p-2", LONG_AGO, LONG_AGO + TAKE_MS),
            decision(3, "p-1", LATELY, None, "fp"),
            decision(4, "p-1", LATELY + 60_000, LATELY + 90_000),  # the same day: the first counts
            decision(5, "p-2", LATELY - 1, None),  # was not over when what is judged on began
            decision(6, "p-2", NOW - TAKE_MS, NOW - TAKE_MS + 1),  # is not known of all such
            decision(7, "p-2", None, None, "none"),
        ]
    )

    assert [(one.player_id, one.use, one.happened) for one in found] == [
        ("p-1", Use.LEARN, True),
        ("p-1", Use.HELD_OUT, False),
        ("p-2", Use.LEARN, False),
        ("p-1", Use.NOW, False),
        ("p-2", Use.NOW, False),
    ]
    names = [one.name for one in PROPENSITY.features]
    seen = [dict(zip(names, one.seen, strict=True)) for one in found]
    assert [one["offer_cost"] for one in seen] == [2500, 1000, 2500, 2500, 2500]
    assert [one["is_free_play"] for one in seen] == [0, 1, 0, 0, 0]
    assert (seen[1]["offers_shown"], seen[1]["offers_taken"]) == (1, 1.5 / 3)
    assert (seen[0]["offers_shown"], seen[0]["offers_taken"]) == (0, 0.5 / 2)
    assert [one["offers_shown"] for one in seen[3:]] == [2, 1]
    assert [one["offers_taken"] for one in seen[3:]] == [1.5 / 4, 1.5 / 3]
    assert all(one["games"] for one in seen)


def test_who_must_not_take_an_offer_is_not_learned_from() -> None:
    shown = [decision(1, "p-1", LONG_AGO, None), decision(2, "p-2", LONG_AGO, None)]
    listed = {"p-1": Entry(LONG_AGO + TAKE_MS - 1, None, 0), "p-2": Entry(NOW, None, 0)}

    found = [one for one in observed_offers(shown, listed) if one.use is Use.LEARN]

    assert [one.player_id for one in found] == ["p-2"]
    assert observed_offers([]) == []


@given(st.integers(-60, 0).map(lambda days: NOW + days * DAY_MS), st.integers(0, DAY_MS))
def test_of_offers_too_what_is_learned_from_was_over(day: int, later: int) -> None:
    shown_at = day + later
    use = use_of_offer(shown_at, NOW)

    if use is Use.LEARN:
        assert shown_at + TAKE_MS <= LATELY
    if use is Use.HELD_OUT:
        assert shown_at >= LATELY
        assert shown_at + TAKE_MS + DAY_MS <= NOW
    assert use is not Use.NOW


# --- the door -------------------------------------------------------------------------------------


def test_the_handler_keeps_what_was_seen_and_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = sample_events.load("observe_players")
    sample = samples["property"]
    chance, kept = Random(2), defaultdict[str, bytes](bytes)
    games = play(chance, 60, before=sample["known_to"])
    made = MemoryLake()
    with ParquetLake(made, sample["property_id"], 300) as tables:
        tables.write(GAMES, sample["days"][-1], [row("p-1", one, 1) for one in games])
        tables.write(GAMES, sample["days"][0], [row("p-out", one, 1) for one in games])

    def members(property_id: str, name: ListName) -> Iterator[Any]:
        assert (property_id, name) == (sample["property_id"], ListName.SELF_EXCLUDED)
        return {"p-out": Entry(sample["known_to"] - DAY_MS, None, 0)}  # type: ignore[return-value]

    wiring = SimpleNamespace(
        lake=made,
        models=lambda family: SimpleNamespace(
            put_of_run=lambda run, name, body: kept.update({f"{family}/{run}/{name}": body})
        ),
        standings=SimpleNamespace(members=members),
    )
    monkeypatch.setattr(door, "_wiring", lambda: wiring)

    answer = door.handler(sample, None)

    assert answer == {"run": sample["run"], "property_id": "north", "players": 4}
    run = sample["run"]
    assert kept.keys() == {f"risk/{run}/north.json", f"churn/{run}/north.json"}
    found, back = msgspec.json.decode(kept[f"risk/{run}/north.json"], type=list[Observation])
    assert (back.player_id, back.use, back.happened) == ("p-out", Use.NOW, False)
    assert (found.player_id, found.use, found.happened) == ("p-1", Use.NOW, False)
    assert found.seen == pytest.approx(values(behaviour_of(games)))
    assert door.handler(samples["offers"], None)["players"] == 0  # nobody was shown any
    assert kept[f"propensity/{run}/north.json"] == b"[]"

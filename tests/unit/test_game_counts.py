"""Counts of games are exact: through archive, refining and queries, and over a season."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from benchmarks import game_counts
from benchmarks.game_counts import FIRST_DAY, GAMING_DAYS, PROPERTY, Happened
from pitboss.lake.layout import table_key

SEASON = 70


def test_a_few_days_with_copies_and_lateness_are_counted_exactly() -> None:
    """The figure, small: what each step does is what it does of a million."""
    figure = game_counts.run(events=1_500, days=3)

    assert figure["all_accounted_for"], figure
    assert {row["query"]: row["equal_to_recount"] for row in figure["rows"]} == dict.fromkeys(
        game_counts.QUERIES, "yes"
    )
    first, again, once_more = figure["partitions_refined_first_then_again_then_once_more"]
    assert (first + again > 3, once_more) == (True, 0)  # a day was refined again
    assert int(figure["unique_duplicates_conflicts"].split(" + ")[2]) > 0


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Happened], Path]:
    """Seventy days of events as their table has them."""
    folder = tmp_path_factory.mktemp("season")
    happened = game_counts.month(6_000, 5, days=SEASON)
    day_of = GAMING_DAYS.day_of(PROPERTY)
    with duckdb.connect() as database:
        database.execute(
            "CREATE TABLE said (application_id VARCHAR, event_id VARCHAR, occurred_at BIGINT, "
            "player_id VARCHAR, gaming_day VARCHAR)"
        )
        rows = [(*one, day_of(one.occurred_at)) for one in happened]
        values = ", ".join("(?, ?, ?, ?, ?)" for _ in rows)
        database.execute(
            f"INSERT INTO said VALUES {values}", [value for row in rows for value in row]
        )
        for (day,) in database.execute("SELECT DISTINCT gaming_day FROM said").fetchall():
            path = folder / table_key("application_events", PROPERTY, day)
            path.parent.mkdir(parents=True)
            database.execute(
                "COPY (SELECT * EXCLUDE (gaming_day) FROM said "
                f"WHERE gaming_day = '{day}') TO '{path}' (FORMAT parquet)"
            )
    return happened, folder


@pytest.mark.parametrize("name", game_counts.QUERIES)
def test_a_season_is_counted_exactly(name: str, season: tuple[list[Happened], Path]) -> None:
    """So that players leave a window of thirty days, and cohorts have all of their days."""
    happened, folder = season
    last = FIRST_DAY + timedelta(SEASON - 1)
    there = {"application_events": sorted(folder.rglob("*.parquet"))}

    found = game_counts.ask(name, there, FIRST_DAY, last)

    assert found == game_counts.recount(happened, FIRST_DAY, last)[name]
    if name == "mau":
        players = [row[2] for row in found if row[1] == "space-race"]
        assert any(later < one for one, later in pairwise(players))  # some have left

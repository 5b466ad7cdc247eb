"""The benchmark of refining: what is measured is the same work, and the figures are medians."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import zstandard

from benchmarks import lake_refine
from benchmarks.peers import environments, lake_plain_duckdb
from benchmarks.peers import lake_refine as lake_refine_peer
from workbench.console import WorkbenchError
from workbench.paths import ROOT

LINES = 3_000


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lake_refine, "ROOT", tmp_path_factory.mktemp("root"))
        patch.setattr(lake_refine, "LINES_AN_OBJECT", 800)
        patch.setattr(lake_refine, "MACHINES", 30)
        yield lake_refine._raw(LINES)


def test_the_archive_is_made_once(raw: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in raw.iterdir()}

    assert lake_refine._raw(LINES) == raw
    assert {path: path.stat().st_mtime_ns for path in raw.iterdir()} == before


def test_events_are_archived_one_to_four_times_as_they_arrive(raw: Path) -> None:
    files = sorted(raw.iterdir(), key=lambda path: int(path.name.split("-")[3]))
    lines = [
        json.loads(line)
        for path in files
        for line in zstandard.decompress(path.read_bytes()).splitlines()
    ]
    copies = Counter(json.dumps(line["event"]) for line in lines)
    arrived = [line["received_at"] for line in lines]

    assert [len(zstandard.decompress(f.read_bytes()).splitlines()) for f in files] == [
        *(800, 800, 800, 600)
    ]
    assert set(copies.values()) == {1, 2, 3, 4}
    assert arrived == sorted(arrived)
    assert arrived[-1] - arrived[0] > 2 * 86_400_000


def test_the_contestants_keep_the_same_events(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for peer, made in ((lake_refine_peer, "ours/refined"), (lake_plain_duckdb, "plain")):
        monkeypatch.setattr(sys, "argv", ["", str(raw), str(tmp_path / made.split("/")[0])])
        peer.main()
        found.append(
            duckdb.connect()
            .execute(
                "SELECT asset_id, event_id, occurred_at, received_at, record, index "
                "FROM read_parquet(?, union_by_name = true) ORDER BY ALL",
                [str(tmp_path / made / "**" / "*.parquet")],
            )
            .fetchall()
        )

    ours, plain = found
    assert ours == plain
    assert 1_000 < len(ours) < LINES / 2


def test_the_figures_are_ratios_of_medians(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {
        "lake_refine": [9.0, 1.1, 1.0],
        "lake_plain_duckdb": [1.0, 8.0, 0.5],
        "lake_polars": [3.0, 3.3, 9.0],
    }
    order: list[str] = []

    def measured(_: Path, script: str, folder: Path) -> dict[str, float]:
        order.append(script)
        cpu = 1.25 if script == "lake_refine" else 1.0
        return {"seconds": seconds[script].pop(0), "cpu_seconds": cpu, "peak_mb": 100}

    monkeypatch.setattr(lake_refine, "_measured", measured)
    monkeypatch.setattr(environments, "python_of", lambda _: Path(sys.executable))

    figure = lake_refine.run(LINES, runs=3)

    assert order == ["lake_refine", "lake_plain_duckdb", "lake_polars"] * 3
    assert (figure["times_plain_duckdb"], figure["times_faster_than_polars"]) == (1.1, 3.0)
    assert figure["times_plain_duckdb_of_cpu"] == 1.25
    assert [row["seconds"] for row in figure["rows"]] == [1.1, 1.0, 3.3]


def test_a_contestant_is_measured_as_a_process_of_its_own(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_refine, "ROOT", ROOT)

    found = lake_refine._measured(Path(sys.executable), "lake_plain_duckdb", raw)

    assert found["seconds"] > 0
    assert 20 < found["peak_mb"] < 2_000
    with pytest.raises(WorkbenchError, match="lake_nobody failed"):
        lake_refine._measured(Path(sys.executable), "lake_nobody", raw)

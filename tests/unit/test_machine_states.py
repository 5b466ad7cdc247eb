"""What a machine is shown as, in Python and on the page, by one table of cases."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pitboss.floor.plan import Limits
from pitboss.floor.rows import MINUTES, MachineCondition, MachineSums
from pitboss.floor.states import coin_in_cents_a_minute, state_of

ROOT = Path(__file__).parents[2]
TABLE = json.loads((ROOT / "tests/contract/machine_states.json").read_text())
NOW = TABLE["now"]
CASES = TABLE["cases"]

SCRIPT = """
import { readFileSync } from 'node:fs';
const [states, rows] = await Promise.all(process.argv.slice(1, 3).map((url) => import(url)));
const { now, cases } = JSON.parse(readFileSync(0, 'utf8'));
const told = cases.map(({ sums, condition, limits }) => {
  const of = sums && rows.machineSums(sums);
  const seen = condition && rows.machineCondition(condition);
  const machine = { sums: of, condition: seen };
  return [states.stateOf(machine, limits, now), of && states.coinInAMinute(of, now)];
});
console.log(JSON.stringify(told));
"""


def sums_of(given: dict[str, Any] | None) -> MachineSums | None:
    """A machine's row that has nothing but what a case says."""
    if given is None:
        return None
    nothing: dict[str, Any] = {
        "asset_id": "1",
        "gaming_day": "2023-11-14",
        "games": 0,
        "coin_in_cents": 0,
        "coin_out_cents": 0,
        "theoretical_win": 0,
        "unrated_coin_in_cents": 0,
        "handpaid_cents": 0,
        "gaps": 0,
        "meter_difference_cents": 0,
        "hold_basis_points": None,
        "coin_in_by_minute": [0] * MINUTES,
    }
    return MachineSums(**nothing | given)


def condition_of(given: dict[str, Any] | None) -> MachineCondition | None:
    """A machine's condition that has nothing but what a case says."""
    if given is None:
        return None
    faults = [tuple(fault) for fault in given.get("faults", ())]
    return MachineCondition("1", given["heard_at"], given["heard_at"], faults)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_machine_is_shown_as_the_table_says(case: dict[str, Any]) -> None:
    sums, condition = sums_of(case["sums"]), condition_of(case["condition"])
    assert state_of(sums, condition, Limits(**case.get("limits", {})), NOW) == case["state"]
    if "coin_in_cents_a_minute" in case:
        assert sums is not None
        assert coin_in_cents_a_minute(sums, NOW) == case["coin_in_cents_a_minute"]


def test_the_page_shows_what_the_table_says() -> None:
    node = node_of_the_browser() or shutil.which("node")
    if node is None:
        pytest.skip("no JavaScript to run: neither playwright's node nor one on the path")
    asked = [
        {
            "sums": sums_of(case["sums"]),
            "condition": condition_of(case["condition"]),
            "limits": Limits(**case.get("limits", {})),
        }
        for case in CASES
    ]
    dashboard = ROOT / "dashboard"
    urls = [(dashboard / name).as_uri() for name in ("states.js", "rows.js")]
    done = subprocess.run(
        [node, "--no-warnings", "--input-type=module", "--eval", SCRIPT, *urls],
        input=msgspec.json.encode({"now": NOW, "cases": asked}),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    told = dict(zip((case["case"] for case in CASES), json.loads(done.stdout), strict=True))
    assert {name: state for name, (state, _) in told.items()} == {
        case["case"]: case["state"] for case in CASES
    }
    rates = {
        case["case"]: case["coin_in_cents_a_minute"]
        for case in CASES
        if "coin_in_cents_a_minute" in case
    }
    assert {name: rate for name, (_, rate) in told.items() if name in rates} == rates


def node_of_the_browser() -> str | None:
    """The JavaScript engine that the browser's driver brings along."""
    try:
        import playwright
    except ImportError:
        return None
    node = Path(playwright.__file__).parent / "driver" / "node"
    return str(node) if node.exists() else None

"""A floor's players as the gate knows them: a file of patrons, and one of each list.

Most may be made offers. About one in forty excluded themselves, as many opted out, fewer are banned
or on hold; one in thirty has not proven their age, as many live where the property makes no offers.
Each player's own share of the seed decides, so that a larger floor has the same players again.
"""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workbench.simulation.floor import FloorPlan

FOLDER = "standings"
PATRONS = "patrons.csv"
HOME = "US-NV"
ELSEWHERE = "US-UT"
_ONE_IN = {"self_excluded": 40, "banned": 100, "responsible_gaming": 100, "opted_out": 40}
_AGE_NOT_PROVEN_ONE_IN = 30
_ELSEWHERE_ONE_IN = 30


def write_standings(plan: FloorPlan, player_ids: list[str], folder: Path) -> dict[str, int]:
    """Write `patrons.csv` and `<list>.csv` into the folder `standings`; how many each names.

    Args:
        plan: whose seed decides, and whose start: self-exclusions are of years around it.
        player_ids: everybody with a card.
        folder: of the shift's files.
    """
    start = datetime.fromtimestamp(plan.start / 1_000, UTC)
    patrons = ["player_id,of_age_from,jurisdiction"]
    lists: dict[str, list[str]] = {name: [] for name in _ONE_IN}
    for player_id in player_ids:
        chance = random.Random(f"standings/{plan.seed}/{player_id}")
        of_age = f"{start - timedelta(days=chance.randrange(400, 15_000)):%Y-%m-%d}"
        if chance.randrange(_AGE_NOT_PROVEN_ONE_IN) == 0:
            of_age = ""
        lives = ELSEWHERE if chance.randrange(_ELSEWHERE_ONE_IN) == 0 else HOME
        patrons.append(f"{player_id},{of_age},{lives}")
        for name, one_in in _ONE_IN.items():
            since = f"{start - timedelta(days=chance.randrange(1, 700)):%Y-%m-%d}"
            until = ""
            if name == "self_excluded" and chance.randrange(2):
                until = f"{start + timedelta(days=chance.randrange(30, 1_800)):%Y-%m-%d}"
            if chance.randrange(one_in) == 0:
                lists[name].append(f"{player_id},{since},{until}")
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    (place / PATRONS).write_text("\n".join(patrons) + "\n", encoding="utf-8")
    for name, lines in lists.items():
        text = "\n".join(["player_id,since,until", *lines]) + "\n"
        (place / f"{name}.csv").write_text(text, encoding="utf-8")
    return {"patrons": len(player_ids), **{name: len(lines) for name, lines in lists.items()}}

"""What every evaluation of a score of players says beside its figures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from pitboss.players.figures import Floats, Group


def untuned(
    learned: "Floats | Sequence[Sequence[float | None]]",
    truth: "Floats",
    held: "Floats | Sequence[Sequence[float | None]]",
) -> "Floats":
    """What LightGBM as it comes says of others."""
    import lightgbm
    import numpy as np

    options = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True}
    rows = np.array(learned, dtype=np.float64)
    trees = lightgbm.train(options, lightgbm.Dataset(rows, truth))
    return np.asarray(trees.predict(np.array(held, dtype=np.float64)))


def reliability(tenths: "list[Group]") -> Table:
    """What was expected and what was observed."""
    table = Table(title="Expected and observed, by tenths of what is said")
    for column in ("tenth", "players", "expected", "observed", "95 %"):
        table.add_column(column, justify="right")
    for one in tenths:
        observed = one.observed
        table.add_row(
            *(one.name.strip(), f"{one.players:,}", f"{one.expected:.3f}"),
            *(f"{observed.value:.3f}", f"{observed.low:.2f} to {observed.high:.2f}"),
        )
    return table

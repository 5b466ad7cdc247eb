"""Leaks: histories in which lists, machines and time change under every call of the functions.

What `workbench.proof.leaks` tells of; a seed that fails can be run again alone with
`python -m benchmarks leaks --seed N`.
"""

import os
import time
from typing import Any

from workbench.console import WorkbenchError, say
from workbench.proof import leaks

HISTORIES = 100_000
SECONDS_BETWEEN_LINES = 30.0


def run(histories: int = HISTORIES, first: int = 0) -> dict[str, Any]:
    """What happened in these histories, and how many offers reached who must not have them."""
    workers = os.cpu_count() or 1
    started = said = time.monotonic()
    say(f"histories of the seeds {first} to {first + histories - 1}, in {workers} processes")

    def progress(proof: leaks.Proof) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= SECONDS_BETWEEN_LINES:
            said = now
            done = proof.counts["histories"]
            say(
                f"{done:,} histories ({done / (now - started):,.0f}/s), "
                f"{proof.counts['deliveries']:,} deliveries, {len(proof.violations)} violations"
            )

    proof = leaks.prove(range(first, first + histories), workers=workers, progress=progress)
    for violation in proof.violations[:20]:
        seed = violation.partition(":")[0].removeprefix("seed ")
        say(f"{violation}\n  again: .venv/bin/python -m benchmarks leaks --seed {seed}")
    counts = proof.counts
    result = {
        "figure": "offers that reached somebody who must not have them",
        "goal": "0 in 100,000 histories",
        "histories": counts["histories"],
        "seeds": f"{first} to {first + histories - 1}",
        "calls of DynamoDB": counts["calls"],
        "turns taken between them": counts["switches"],
        "deliveries": counts["deliveries"],
        "shown again": counts["shown again"],
        "redemptions": counts["redemptions"],
        "lists or facts changed between the gate's read and the write": counts[
            "list changes between read and write"
        ],
        "exclusions added and lifted": counts["excluded"] + counts["lifted"],
        "lists imported": counts["imports done"],
        "locks and seats changed": counts["locks changed"] + counts["seats changed"],
        "requests that ran out of time": counts["requests that ran out of time"],
        "violations": len(proof.violations),
        "refusals": [
            {
                "reason": str(name),
                "decisions refused": counts[f"refused: {name}"],
                "offers withheld": counts[f"withheld: {name}"],
            }
            for name in leaks.gate.Refusal
        ],
        "seconds": round(time.monotonic() - started),
    }
    if proof.violations:
        raise WorkbenchError(f"{len(proof.violations)} offers reached who must not have them.")
    return result

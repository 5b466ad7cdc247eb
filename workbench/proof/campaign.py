"""A campaign: many schedules, each from its seed, and what became of them."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

from workbench.proof import checks
from workbench.proof.faults import KINDS, Fault, Script, draw
from workbench.proof.shrink import ddmin
from workbench.proof.world import Violation, World

SCHEDULES_A_TASK = 20
HOUR_MS = 3_600_000


class Result(NamedTuple):
    """One schedule's."""

    seed: int
    script: Script
    events: int
    virtual_ms: int
    fired: Counter[str]
    violations: list[Violation]
    trace: str
    """A hash of every AWS call, its answer, and what was stored in the end."""


def script_of(seed: int, kinds: Iterable[str]) -> Script:
    """The faults of a seed: four to fourteen."""
    chance = random.Random(f"{seed}/script")
    return draw(chance, kinds, chance.randint(4, 14))


def schedule(seed: int, script: Script) -> Result:
    """Run and check one schedule."""
    world = World(seed, script)
    violations = checks.run(world)
    return Result(
        seed,
        script,
        len(world.posted),
        world.virtual_ms,
        world.fired,
        violations,
        world.trace,
    )


def shrunk(seed: int, script: Script, violations: Sequence[Violation]) -> Script:
    """The least of a seed's faults that violates the same invariant."""
    wanted = {violation.invariant for violation in violations[:1]}

    def fails(part: Sequence[Fault]) -> bool:
        return any(v.invariant in wanted for v in schedule(seed, tuple(part)).violations)

    return tuple(ddmin(script, fails))


def command(seed: int, script: Script) -> str:
    """What runs exactly this schedule again."""
    return f"pitboss sim --seed {seed} --script '{','.join(map(str, script))}'"


class Failure(NamedTuple):
    """A seed that failed, and the least that makes it fail."""

    seed: int
    violations: list[str]
    script: Script
    least: Script

    @property
    def command(self) -> str:
        """What runs it again."""
        return command(self.seed, self.least)


class Campaign:
    """What many schedules came to."""

    def __init__(self) -> None:
        self.schedules = 0
        self.events = 0
        self.virtual_ms = 0
        self.fired: Counter[str] = Counter()
        self.failures: list[Failure] = []

    def add(self, result: Result, least: Script | None) -> None:
        """Count a schedule."""
        self.schedules += 1
        self.events += result.events
        self.virtual_ms += result.virtual_ms
        self.fired.update(result.fired)
        if result.violations:
            self.failures.append(
                Failure(
                    result.seed,
                    [str(violation) for violation in result.violations],
                    result.script,
                    result.script if least is None else least,
                )
            )

    @property
    def virtual_hours(self) -> float:
        """Time that passed on the floors."""
        return self.virtual_ms / HOUR_MS

    def document(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "schedules": self.schedules,
            "events": self.events,
            "virtual_hours": round(self.virtual_hours, 1),
            "violations": sum(len(failure.violations) for failure in self.failures),
            "faults_fired": {kind: self.fired[kind] for kind in KINDS},
            "failures": [
                {
                    "seed": failure.seed,
                    "violations": failure.violations,
                    "script": [str(fault) for fault in failure.least],
                    "command": failure.command,
                }
                for failure in self.failures
            ],
        }


def run(
    seeds: Iterable[int],
    kinds: Sequence[str],
    script: Script | None = None,
    *,
    workers: int = 1,
    shrinks: int = 3,
    progress: Callable[[Campaign], None] | None = None,
) -> Campaign:
    """Run the schedules of these seeds.

    Args:
        seeds: one schedule each.
        kinds: the faults their scripts are drawn from.
        script: the faults of all of them instead.
        workers: processes.
        shrinks: failing seeds whose scripts are shrunk.
        progress: told after each few schedules.
    """
    campaign = Campaign()
    for result in _results(list(seeds), kinds, script, workers):
        least = None
        if result.violations and len(campaign.failures) < shrinks:
            least = shrunk(result.seed, result.script, result.violations)
        campaign.add(result, least)
        if progress is not None:
            progress(campaign)
    return campaign


def _results(
    seeds: list[int], kinds: Sequence[str], script: Script | None, workers: int
) -> Iterator[Result]:
    tasks = [
        (seeds[at : at + SCHEDULES_A_TASK], tuple(kinds), script)
        for at in range(0, len(seeds), SCHEDULES_A_TASK)
    ]
    if workers == 1 or len(tasks) == 1:
        for seed in seeds:
            yield schedule(seed, script_of(seed, kinds) if script is None else script)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for results in pool.map(_some, tasks):
            yield from results


def _some(task: tuple[list[int], tuple[str, ...], Script | None]) -> list[Result]:
    seeds, kinds, script = task
    return [schedule(s, script_of(s, kinds) if script is None else script) for s in seeds]

"""Cheats on a floor: sessions whose play is not honest, and the truth of which they are.

Each is a player of its own with one stay, or with two at the same time on one card, so that whoever
else is suspected is accused wrongly.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from workbench.simulation.catalogue import PatronKind
from workbench.simulation.floor import FloorPlan, Life, Machine, Player
from workbench.simulation.odd import OddFloor

CHEATS = ("quick", "even", "wins", "meters", "shared")
"""In turn: a program that plays quickly (1.5 s a game), one that plays evenly (5 s a game, to
60 ms), games of which two in three are made to win, a machine that does not meter one wager in
eight, and one card at two machines far from each other. `docs/simulator.md` says more."""

_KIND = PatronKind(0, 20, (200, 300), 10_000, 100)
_FIRST_PLAYER = 79_000_001
_QUICK_MS = (1_100, 1_900)
_EVEN_MS = (4_940, 5_060)
_METERED_ONE_IN = 8
_ARRIVE_PERCENT = 30
"""They come within so much of the shift, to have time."""
_WAIT_MS = 20_000


class CheatingFloor(OddFloor):
    """A floor with cheats, and with oddities and faults where the plan has them."""

    def __init__(self, plan: FloorPlan) -> None:
        self._luck = Random(plan.seed ^ 0xC4EA7).random
        self._cheating: dict[Machine, str] = {}
        self._planted: dict[str, str] = {}
        super().__init__(plan)

    def truth(self) -> dict[str, Any]:
        """What was really played, and which sessions were cheats."""
        cheats = [
            {
                "cheat": self._planted[session.player_id],
                "player_id": session.player_id,
                "asset_id": session.asset_id,
                "started_at": session.started_at,
                "games": session.play.games,
            }
            for session in self.played.sessions
            if session.player_id in self._planted
        ]
        return {"cheats": cheats, **super().truth()}

    def _between_luck(self, low: int, high: int) -> int:
        return low + int(self._luck() * (high - low + 1))

    def _everyone(self) -> Iterator[tuple[int, Life]]:
        yield from super()._everyone()
        window = (self.plan.end - self.plan.start) * _ARRIVE_PERCENT // 100
        for number in range(self.plan.cheats):
            arrival = self.plan.start + 2_000 + self._between_luck(0, window)
            player = Player(str(_FIRST_PLAYER + number), f"{7_000_000_000 + number * 7_919:010}")
            self._planted[player.player_id] = cheat = CHEATS[number % len(CHEATS)]
            for which in (0, -1) if cheat == "shared" else (None,):
                yield arrival, self._cheat(cheat, player, arrival, which)

    def _cheat(self, cheat: str, player: Player, now: int, which: int | None) -> Life:
        """One stay at a machine with reels, which a program can be quick at: the first or the last
        (-1) of those that are free, as they were put up, or any.
        """
        while now < self.end:
            free = [machine for machine in self._free if machine.model.reels]
            if free:
                if which is None:
                    machine = free[self._between_luck(0, len(free) - 1)]
                else:
                    machine = [one for one in self.machines if one in free][which]
                self._free.remove(machine)
                self._cheating[machine] = cheat
                now = yield from self._sit_down(machine, _KIND, player, now)
                del self._cheating[machine]
                yield now  # the machine is taken until then
                self._free.append(machine)
                return
            now += _WAIT_MS
            yield now

    # --- What is not honest

    def _pace(self, machine: Machine, kind: PatronKind) -> int:
        match self._cheating.get(machine):
            case "quick":
                return self._between_luck(*_QUICK_MS)
            case "even":
                return self._between_luck(*_EVEN_MS)
            case _:
                return super()._pace(machine, kind)

    def _spin(self, machine: Machine, now: int) -> int:
        if self._cheating.get(machine) != "quick":
            return super()._spin(machine, now)
        return now + self._between_luck(300, 500)  # stopped with the button

    def _multiple(self, machine: Machine) -> int:
        if self._cheating.get(machine) == "wins" and self._luck() * 3 < 2:
            return self._between_luck(1, 3)
        return super()._multiple(machine)

    def _meter(self, machine: Machine, wager: int) -> None:
        is_lying = self._cheating.get(machine) == "meters"
        if not is_lying or self._between_luck(1, _METERED_ONE_IN) > 1:
            super()._meter(machine, wager)

"""A shift's files: the packets, the envelopes, and the truth beside them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from workbench.simulation.envelopes import envelope_line
from workbench.simulation.floor import Event, Floor
from workbench.simulation.odd import OddFloor
from workbench.simulation.packets import packet_line

PACKETS = "packets.ndjson"
ENVELOPES = "envelopes.ndjson"
LEDGER = "ledger.json"
TRUTH = "truth.json"
FAULTS = "faults.json"

_LINES_A_WRITE = 5_000


class ShiftFiles:
    """Writes a floor's events as they come, and its ledger when all have come."""

    def __init__(self, folder: Path, floor: Floor) -> None:
        """Open the files in a folder, which is made; those of an earlier shift are overwritten."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in (LEDGER, TRUTH, FAULTS):  # half a shift has no ledger
            (folder / name).unlink(missing_ok=True)
        self.folder = folder
        self._floor = floor
        self._packets = (folder / PACKETS).open("wb")
        self._envelopes = (folder / ENVELOPES).open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._packets.close()
        self._envelopes.close()
        if kind is None:
            _write_json(self.folder / LEDGER, self._floor.ledger.contract())
            _write_json(self.folder / TRUTH, truth(self._floor))
            if isinstance(self._floor, OddFloor) and self._floor.plan.faults:
                _write_json(self.folder / FAULTS, self._floor.faults.as_json())

    def write(self, events: Iterable[Event]) -> None:
        """Write more events."""
        property_id = self._floor.plan.property_id
        packets, envelopes = [], []
        for event in events:
            packets.append(packet_line(event))
            envelopes.append(envelope_line(event, property_id))
        self._packets.write(b"".join(line + b"\n" for line in packets))
        self._envelopes.write(b"".join(line + b"\n" for line in envelopes))


def write_shift(floor: Floor, folder: Path) -> Iterator[int]:
    """Play a floor into files; yields how far its clock is, in ms since the start.

    The files are complete when the iterator is exhausted.
    """
    with ShiftFiles(folder, floor) as files:
        chunk: list[Event] = []
        for event in floor.events():
            chunk.append(event)
            if len(chunk) == _LINES_A_WRITE:
                files.write(chunk)
                chunk.clear()
                yield event.cache_time - floor.plan.start
        files.write(chunk)


def truth(floor: Floor) -> dict[str, Any]:
    """`truth.json`: what was played, and what is true by gaming day and by session."""
    plan = floor.plan
    return {
        "property_id": plan.property_id,
        "seed": plan.seed,
        "start": plan.start,
        "end": floor.end,
        "gaming_day": plan.gaming_day,
        **floor.truth(),
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")

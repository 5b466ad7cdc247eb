"""Files of a simulated floor of shufflers: its messages, and the truth beside them."""

import gzip
import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from workbench.shuffling.device import ShufflerDevice, Tally
from workbench.shuffling.events import Publication, Voice
from workbench.shuffling.plan import ShufflerPlan
from workbench.shuffling.truth import Truth, whole_truth

MESSAGES = "messages.ndjson.gz"
TRUTH = "truth.json"
WEAR = "wear.ndjson"
README = "README.txt"

_COMPRESSION = 5
_MESSAGES_A_STEP = 5_000

_README = """{count} simulated card shufflers, {days} days, seed {seed}.
messages.ndjson.gz  what they publish over MQTT, in order of time: {{"topic", "at", "payload"}}
truth.json          what failed, why, what was done about it, and sums by gaming day
wear.ndjson         how worn each part was at the end of every day
docs/shuffler-simulator.md of Pitboss says what is in them.
"""


class Floor:
    """The shufflers of a plan, played once."""

    def __init__(self, plan: ShufflerPlan) -> None:
        """The floor before its first day."""
        self.plan = plan
        self.devices = [ShufflerDevice(plan, index) for index in range(plan.count)]
        day_of = plan.day_of
        self.truths = [Truth(device, day_of) for device in self.devices]

    def publications(self) -> Iterator[Publication]:
        """All that is published, in order of time."""
        pairs = zip(self.devices, self.truths, strict=True)
        return heapq.merge(*(_told(*pair) for pair in pairs), key=attrgetter("at"))

    def by_hour(self) -> Iterator[int]:
        """Play without a word being said; yields how many devices are done."""
        for done, (device, truth) in enumerate(
            zip(self.devices, self.truths, strict=True), start=1
        ):
            for _ in range(self.plan.days):
                truth.see_day(device.advance(device.due()))
            yield done

    def truth(self) -> dict[str, Any]:
        """`truth.json`, of what was played."""
        return whole_truth(self.plan, (truth.as_json() for truth in self.truths))

    def tallies(self) -> Iterable[Tally]:
        """Counts of each device."""
        return [device.tally() for device in self.devices]


def _told(device: ShufflerDevice, truth: Truth) -> Iterator[Publication]:
    voice = Voice(device)
    for _ in range(device.plan.days):
        day = device.advance(device.due())
        truth.see_day(day)
        for publication in voice.publications(day):
            truth.see(publication)
            yield publication
    for publication in voice.rest():
        truth.see(publication)
        yield publication


def message_line(publication: Publication) -> bytes:
    """A message as a line of the file, without the newline."""
    return msgspec.json.encode(
        {
            "topic": str(publication.topic),
            "at": publication.at,
            "payload": {"events": publication.events},
        }
    )


def write_messages(floor: Floor, folder: Path) -> Iterator[int]:
    """Play a floor into files; yields the time of what was published last, in epoch ms.

    The files are complete when the iterator is exhausted.
    """
    _prepare(floor, folder)
    with ExitStack() as opened:
        raw = opened.enter_context((folder / MESSAGES).open("wb"))
        # Neither the name nor the time of the file is in it: the same seed is the same file.
        packed = opened.enter_context(
            gzip.GzipFile("", "wb", compresslevel=_COMPRESSION, fileobj=raw, mtime=0)
        )
        lines: list[bytes] = []
        for publication in floor.publications():
            lines.append(message_line(publication))
            if len(lines) == _MESSAGES_A_STEP:
                packed.write(b"\n".join(lines) + b"\n")
                lines.clear()
                yield publication.at
        packed.write(b"".join(line + b"\n" for line in lines))
    _finish(floor, folder)


def write_hours(floor: Floor, folder: Path) -> Iterator[int]:
    """Play a floor of which the truth alone is kept; yields how many devices are done."""
    _prepare(floor, folder)
    yield from floor.by_hour()
    _finish(floor, folder)


def _prepare(floor: Floor, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (MESSAGES, TRUTH, WEAR):  # half a floor has no truth
        (folder / name).unlink(missing_ok=True)
    plan = floor.plan
    text = _README.format(seed=plan.seed, count=plan.count, days=plan.days)
    (folder / README).write_text(text, encoding="utf-8")


def _finish(floor: Floor, folder: Path) -> None:
    wear = sorted(
        (line for truth in floor.truths for line in truth.wear), key=lambda line: int(line["at"])
    )
    (folder / WEAR).write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in wear))
    document = msgspec.json.format(msgspec.json.encode(floor.truth()), indent=1)
    (folder / TRUTH).write_bytes(document + b"\n")

"""Files of events: gateway packets, one a line, or envelopes, one a line or as one JSON array.

Rated table sessions are a format too, but no events: `workbench.table_sessions` reads them.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from workbench.console import UsageError, WorkbenchError

if TYPE_CHECKING:
    from ingest_slot_events.reading import Format


class FileFormat(StrEnum):
    """How a file's events, or rated table sessions, are written."""

    PITBOSS = "pitboss"
    ACRES_SAS = "acres-sas"
    TABLE_SESSIONS = "table-sessions"

    @property
    def content_type(self) -> str:
        """The content type the front door takes these events as.

        Raises:
            WorkbenchError: they are no events.

        """
        from ingest_slot_events.reading import ENVELOPES, GATEWAY_PACKETS

        self.must_be_events()
        return ENVELOPES if self is FileFormat.PITBOSS else GATEWAY_PACKETS

    def must_be_events(self) -> None:
        """Refuse what the front door does not take.

        Raises:
            WorkbenchError: they are no events.

        """
        if self is FileFormat.TABLE_SESSIONS:
            raise UsageError(
                "Rated table sessions are no events that the front door takes: rate them offline "
                "with `pitboss rate --format table-sessions`."
            )

    @property
    def reader(self) -> "Format":
        """The front door's own reader of these events."""
        from ingest_slot_events.reading import format_of

        return format_of(self.content_type)


class DoorFormat(StrEnum):
    """How an event is written that a door takes: of slots the first two, of games the last."""

    PITBOSS = "pitboss"
    ACRES_SAS = "acres-sas"
    STUDIO = "studio"


def raw_events(path: Path) -> Iterator[bytes]:
    """Each event's bytes, as they are in the file.

    Raises:
        WorkbenchError: the file cannot be read.

    """
    try:
        with path.open("rb") as file:
            start = file.read(64).lstrip()
            file.seek(0)
            if start.startswith(b"["):
                events = msgspec.json.decode(file.read(), type=list[msgspec.Raw])
                yield from (bytes(event) for event in events)
            else:
                yield from (line for line in (line.strip() for line in file) if line)
    except OSError as fault:
        raise WorkbenchError(f"{path} cannot be read ({fault.strerror}): check the name.") from None
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise WorkbenchError(f"{path} is no JSON array of events ({fault}): mend it.") from None

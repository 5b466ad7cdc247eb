"""What an application's registration says of its events, ready to be asked for each."""

import msgspec

from pitboss.access import Status
from pitboss.events.envelope import InvalidEvent
from pitboss.games.applications import Application
from pitboss.games.events import GameEvent
from pitboss.games.mapping import Mapping
from pitboss.games.validation import DataValidator


class Rules:
    """The rules of one application, its validators made once."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._validators = {
            (event_type, version.version): DataValidator(version.schema)
            for event_type, versions in application.versions.items()
            for version in versions
        }

    @property
    def mapping(self) -> Mapping | None:
        """How payloads in no envelope are read."""
        return self._application.mapping

    def check(self, event: GameEvent) -> bool:
        """Whether an event is of a type and version that is registered; any other is kept unread.

        Raises:
            InvalidEvent: `revoked_application`, `untrusted_claim`, or `invalid_data`.
        """
        application = self._application
        if application.status is not Status.ACTIVE:
            raise InvalidEvent(
                "revoked_application", f"{application.application_id} is registered no more"
            )
        if not event.is_trusted and not application.may_claim(event.event_type):
            category = application.categories[event.event_type]
            raise InvalidEvent(
                "untrusted_claim",
                f"{event.event_type} is of {category}: a server has to say it, no client",
            )
        validator = self._validators.get((event.event_type, event.event_version))
        if validator is None:
            return False
        fault = validator.fault(msgspec.json.decode(event.data))
        if fault is not None:
            raise InvalidEvent("invalid_data", f"{event.event_type} {event.event_version}: {fault}")
        return True

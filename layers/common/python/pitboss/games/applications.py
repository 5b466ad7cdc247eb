"""Applications: what a studio's game may say, and who is believed when it does.

Each type of event is of a category. A server is believed for all of them; a client, which anybody
can take apart, for what it alone knows and nobody gains by inventing. Each type has versions, a
JSON Schema of `data` for each, and later ones only add to it (`pitboss.games.evolution`).

All of an application is one value, replaced as a whole (`revision`), so that what is read at the
door is never half of a change.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from pitboss.access import Status
from pitboss.errors import TerminalError
from pitboss.events.envelope import Identifier
from pitboss.games.evolution import IncompatibleSchema, check_evolution, check_schema
from pitboss.games.leaderboards import Board
from pitboss.games.mapping import Mapping as PayloadMapping


class Category(StrEnum):
    """What an event is about."""

    ENGAGEMENT = "engagement"
    """Sign-ins, sessions, screens."""
    PERFORMANCE = "performance"
    """Frames, loading times, crashes of a client."""
    LOCAL_GAMEPLAY = "local_gameplay"
    """What happens to a player alone, with nothing to win."""
    GAMEPLAY = "gameplay"
    """What others see or scores follow from."""
    ECONOMY = "economy"
    """What is earned, spent or bought."""


OF_CLIENTS = frozenset({Category.ENGAGEMENT, Category.PERFORMANCE, Category.LOCAL_GAMEPLAY})
"""What a client is believed for."""


class UnknownCategoryError(TerminalError, ValueError):
    """A type of event whose category nobody has said."""

    def __init__(self, event_type: str) -> None:
        super().__init__(f"{event_type} has no category yet: say it with its first schema")


class ChangedCategoryError(TerminalError, ValueError):
    """A type of event that is of another category already."""

    def __init__(self, event_type: str, known: Category, said: Category) -> None:
        super().__init__(
            f"{event_type} is of {known} and stays so, not of {said}: name another event type"
        )


class TakenVersionError(TerminalError, ValueError):
    """A version whose schema is registered, and another one."""

    def __init__(self, event_type: str, version: str) -> None:
        super().__init__(
            f"version {version} of {event_type} has another schema: it is in use and stays, "
            "register a new version"
        )


class Version(Struct, frozen=True):
    """A version of an event type."""

    version: str
    schema: dict[str, Any]
    """Of `data`, JSON Schema 2020-12."""
    registered_at: int
    """Epoch milliseconds."""


class SchemaFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A schema as it is registered, from a file."""

    application: Identifier
    event_type: Identifier
    version: Annotated[str, Meta(min_length=1, max_length=32)]
    schema: dict[str, Any]
    category: Category | None = None
    """Of the type; needed with its first schema, unless it was said when it was registered."""


class Application(Struct, frozen=True):
    """A game that may send events."""

    property_id: str
    application_id: str
    created_at: int
    """Epoch milliseconds."""
    status: Status = Status.ACTIVE
    categories: dict[str, Category] = {}
    """By event type."""
    versions: dict[str, list[Version]] = {}
    """By event type, in the order in which they were registered."""
    mapping: PayloadMapping | None = None
    """How payloads that are in no envelope are read."""
    left_out: list[str] = []
    """Types of events that the hot tier does not keep, in order (`pitboss.games.recent`)."""
    boards: dict[str, Board] = {}
    """Leaderboards, by their ids."""
    revision: int = 1

    def schema_of(self, event_type: str, version: str) -> Mapping[str, Any] | None:
        """The schema of a version; None where it is not registered."""
        for one in self.versions.get(event_type, ()):
            if one.version == version:
                return one.schema
        return None

    def may_claim(self, event_type: str) -> bool:
        """Whether a client is believed for this type; what is of no category claims nothing."""
        category = self.categories.get(event_type)
        return category is None or category in OF_CLIENTS

    def with_categories(self, categories: Mapping[str, Category]) -> "Application":
        """With further types of events.

        Raises:
            ChangedCategoryError: one of them is of another category.
        """
        for event_type, category in categories.items():
            known = self.categories.get(event_type, category)
            if known is not category:
                raise ChangedCategoryError(event_type, known, category)
        return replace(self, categories={**self.categories, **categories})

    def with_left_out(self, more: Iterable[str], fewer: Iterable[str]) -> "Application":
        """With further types that the hot tier does not keep, and without those that it shall."""
        return replace(self, left_out=sorted({*self.left_out, *more}.difference(fewer)))

    def with_schema(self, said: SchemaFile, at: int) -> "Application":
        """With a further version of an event type; the same once more changes nothing.

        Args:
            said: the version.
            at: epoch milliseconds.

        Raises:
            UnknownCategoryError, ChangedCategoryError: of the type.
            TakenVersionError: the version is there with another schema.
            IncompatibleSchema: it does more than add to the newest version, or is none.
        """
        changed = self
        if said.category is not None:
            changed = self.with_categories({said.event_type: said.category})
        if said.event_type not in changed.categories:
            raise UnknownCategoryError(said.event_type)
        known = changed.schema_of(said.event_type, said.version)
        if known is not None:
            if known != said.schema:
                raise TakenVersionError(said.event_type, said.version)
            return changed
        check_schema(said.schema)
        before = changed.versions.get(said.event_type, [])
        if before:
            check_evolution(before[-1].schema, said.schema)
        versions = [*before, Version(said.version, said.schema, at)]
        return replace(changed, versions={**changed.versions, said.event_type: versions})


__all__ = [
    "OF_CLIENTS",
    "Application",
    "Category",
    "ChangedCategoryError",
    "IncompatibleSchema",
    "SchemaFile",
    "TakenVersionError",
    "UnknownCategoryError",
    "Version",
]

decode = msgspec.json.Decoder(Application).decode
encode = msgspec.json.Encoder(order="deterministic").encode

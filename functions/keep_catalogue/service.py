"""The use case: a property's catalogue is read, and replaced as a whole."""

from typing import Protocol

import msgspec
from msgspec import Struct

from pitboss.errors import TerminalError
from pitboss.offers.catalogue import Catalogue, InvalidCatalogue, parse
from pitboss.stores.offers import AppliedCatalogue

MAX_BYTES = 1_000_000
"""Of a catalogue as it is sent."""


class Catalogues(Protocol):
    """Where catalogues are; see `pitboss.stores.offers.DynamoOffers`."""

    def catalogue(self, property_id: str) -> Catalogue | None: ...
    def catalogues(self, property_id: str) -> list[AppliedCatalogue]: ...
    def apply_catalogue(
        self, catalogue: Catalogue, at: int, by: str, replaces: str | None
    ) -> bool: ...


class CatalogueDocument(Struct, frozen=True):
    """The catalogue: the one in force, and what names it."""

    version: str
    catalogue: Catalogue


class AppliedDocument(Struct, frozen=True):
    """The version: which catalogue is in force now, and which was before."""

    version: str
    replaced: str | None
    is_new: bool
    """Whether it is another one than before."""


class VersionDocument(Struct, frozen=True):
    """A catalogue that was applied, when last (epoch milliseconds) and by whom."""

    version: str
    applied_at: int
    applied_by: str
    is_current: bool


class VersionsDocument(Struct, frozen=True):
    """The versions: every catalogue that was applied, the last first."""

    property_id: str
    versions: list[VersionDocument]


class ReplacedMeanwhile(TerminalError):
    """The catalogue in force is not the one that the caller says."""

    def __init__(self, current: str | None) -> None:
        super().__init__(
            "there is no catalogue yet: send If-None-Match: *"
            if current is None
            else f"the catalogue in force is {current}: look at it, then send If-Match with it"
        )


def read(body: bytes, property_id: str) -> Catalogue:
    """The catalogue that a body holds.

    Raises:
        InvalidCatalogue: with every fault that was found.
    """
    if len(body) > MAX_BYTES:
        raise InvalidCatalogue((f"{len(body):,} bytes are more than {MAX_BYTES:,}",))
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidCatalogue((f"the body is no JSON: {fault}",)) from None
    catalogue = parse(content)
    if catalogue.property_id != property_id:
        raise InvalidCatalogue(
            (f"property_id is {catalogue.property_id!r}, and yours is {property_id!r}",)
        )
    return catalogue


def current(catalogues: Catalogues, property_id: str) -> CatalogueDocument | None:
    """The catalogue in force; None where there is none."""
    found = catalogues.catalogue(property_id)
    return None if found is None else CatalogueDocument(found.version, found)


def versions(catalogues: Catalogues, property_id: str) -> VersionsDocument:
    """Every catalogue that was applied."""
    found = catalogues.catalogues(property_id)
    return VersionsDocument(property_id, [VersionDocument(*one) for one in found])


def apply(
    catalogues: Catalogues, catalogue: Catalogue, replaces: str | None, now: int, by: str
) -> AppliedDocument:
    """Put a catalogue in force. The one that is in force already is left as it is.

    Args:
        catalogues: where they are.
        catalogue: the new one.
        replaces: the version that the caller knows to be in force; None for none.
        now: epoch milliseconds.
        by: the principal.

    Raises:
        ReplacedMeanwhile: another one is in force.
    """
    known = catalogues.catalogue(catalogue.property_id)
    version = None if known is None else known.version
    if version == catalogue.version:
        return AppliedDocument(version, version, is_new=False)
    if version != replaces or not catalogues.apply_catalogue(catalogue, now, by, replaces):
        found = catalogues.catalogue(catalogue.property_id)
        raise ReplacedMeanwhile(None if found is None else found.version)
    return AppliedDocument(catalogue.version, replaces, is_new=True)

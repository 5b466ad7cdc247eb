"""The use case: a version serves, where the champion still is the one it was compared with."""

from typing import Protocol

from pitboss.errors import TerminalError
from pitboss.offers.learned import Champion

BY = "nightly_retraining"


class Models(Protocol):
    """Where models are kept; see `pitboss.stores.models.S3Models`."""

    def champion(self) -> Champion | None: ...
    def promote(self, version: str, by: str, at: int, replaces: str | None, why: str) -> bool: ...


class ChampionMoved(TerminalError):
    """The champion is not the one any more that the version was compared with."""

    def __init__(self, version: str, replaces: str | None) -> None:
        super().__init__(
            f"{version} was compared with {replaces or 'the rules'}, which serves no longer"
        )


def promote_version(models: Models, version: str, replaces: str | None, why: str, now: int) -> None:
    """Let a version serve; one that serves already stays as it is.

    Args:
        models: where models are kept.
        version: the version.
        replaces: the champion it was compared with; None where there was none.
        why: what the gate said.
        now: epoch milliseconds.

    Raises:
        ChampionMoved: somebody promoted or rolled back meanwhile.
    """
    if models.promote(version, BY, now, replaces, why):
        return
    champion = models.champion()
    if champion is None or champion.version != version:
        raise ChampionMoved(version, replaces)

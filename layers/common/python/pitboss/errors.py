"""Errors that answer one question: will trying again help?"""

from typing import ClassVar


class PitbossError(Exception):
    """The root of this project's errors; raise one of its two kinds.

    A class of its own for each error builds the message from values, and its name is the contract
    with whoever retries it: `ErrorEquals` of a state machine names it.
    """

    retry: ClassVar[bool]
    """Whether the same call may succeed later without anyone changing anything."""


class TransientError(PitbossError):
    """Something that passes: a throttle, a conflict, a connection."""

    retry = True


class BrokenReleaseError(TransientError):
    """This release cannot read or rate what is known to be good: it is not what came that is bad.

    Nothing may be set aside for that. The batch comes again until the release is rolled back.
    """


class TerminalError(PitbossError):
    """Something that stays wrong until it is put right."""

    retry = False

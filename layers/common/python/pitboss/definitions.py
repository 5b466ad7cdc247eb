"""Definitions that people write as files: data of a form, and of a sense beyond it."""

from collections.abc import Callable, Iterable

import msgspec

from pitboss.errors import TerminalError


class InvalidDefinition(TerminalError, ValueError):
    """What defines nothing; `faults` has a sentence for each fault."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def parsed[Defined](
    content: object,
    form: type[Defined],
    faults_of: Callable[[Defined], Iterable[str]],
    invalid: type[InvalidDefinition],
    placed: Callable[[str], str] = str,
) -> Defined:
    """What plain content (of a YAML or JSON file) describes.

    Args:
        content: of the file.
        form: what it is to be.
        faults_of: what makes no sense in what has the form, a sentence each.
        invalid: what is raised.
        placed: a fault of form, in words that find it in the file.

    Raises:
        InvalidDefinition: naming the place of the first fault of form, or every fault of sense.
    """
    try:
        found = msgspec.convert(content, form, strict=True)
    except msgspec.ValidationError as fault:
        raise invalid((placed(str(fault)),)) from None
    faults = tuple(faults_of(found))
    if faults:
        raise invalid(faults)
    return found

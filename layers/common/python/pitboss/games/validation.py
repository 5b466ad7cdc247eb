"""Validators of events' `data`, by jsonschema-rs (docs/adr/0021-schemas-by-jsonschema-rs.md)."""

from collections.abc import Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from pitboss.games.evolution import IncompatibleSchema


class DataValidator:
    """Says what is wrong with an event's `data`."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """
        Raises:
            IncompatibleSchema: it is no JSON Schema, or has a pattern that may take long.
        """
        try:
            # Patterns without back-references and look-around take time in proportion to the text:
            # what is matched comes from anybody's client.
            self._validate = Draft202012Validator(
                dict(schema), pattern_options=RegexOptions()
            ).validate
        except (ValidationError, ValueError) as fault:
            raise IncompatibleSchema("", "no-schema", str(fault).partition("\n")[0]) from None

    def fault(self, content: object) -> str | None:
        """What is wrong, with the path of the field; None where nothing is.

        Args:
            content: `data`, decoded.
        """
        try:
            self._validate(content)
        except ValidationError as fault:
            path = "".join(
                f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.instance_path
            )
            return f"data{path}: {fault.message}"
        except (ValueError, OverflowError) as fault:  # a number it has no type for
            return f"data: {fault}"
        return None

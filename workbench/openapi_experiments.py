"""The part of the OpenAPI document that is about flags of experiments."""

from typing import Any

from workbench.openapi_parts import answers, identifier, meaning, operation
from workbench.schemas import Document, prose


def tags() -> list[Document]:
    """What the function is for."""
    import serve_flags

    return [{"name": "flags", "description": prose(serve_flags.__doc__).partition("\n")[0]}]


def structs() -> list[Any]:
    """What is answered."""
    from serve_flags.service import FlagsDocument

    return [FlagsDocument]


def paths() -> Document:
    """The route."""
    from pitboss.access import Action
    from serve_flags.service import ROUTE, FlagsDocument

    return {
        ROUTE: {
            "get": operation(
                "flags",
                "getPlayerFlags",
                "Read what experiments show a player, who is exposed to them by that.",
                "The first time is kept, once a player and experiment; asking again changes "
                "nothing, and has the same variants while an experiment runs.",
                Action.READ_FLAGS,
                [identifier("player_id", "The player's pseudonym.")],
                {
                    "200": answers(meaning(FlagsDocument), "FlagsDocument"),
                    "403": {"$ref": "#/components/responses/Forbidden"},
                    "503": {"$ref": "#/components/responses/FlagsBusy"},
                },
            )
        }
    }


def responses() -> Document:
    """The answer where exposures could not be read."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "FlagsBusy": {
            "description": "Exposures could not all be read: send it again after Retry-After "
            "seconds.",
            "headers": {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
            },
            "content": {"application/problem+json": problem},
        }
    }

"""What the parts of the OpenAPI document are made of."""

from workbench.schemas import Document, prose

JSON = "application/json"
LINES = "application/x-ndjson"

IF_NONE: Document = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETags of answers the caller has; 304 if it is still one of them.",
    "schema": {"type": "string"},
}

CONTENT_ENCODING: Document = {
    "name": "Content-Encoding",
    "in": "header",
    "description": "gzip: one member. What is signed is the body as sent.",
    "schema": {"type": "string", "enum": ["gzip", "identity"]},
}

IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for each answer, the same when it is sent again "
    "(draft-ietf-httpapi-idempotency-key-header); with or without quotes.",
    "schema": {"type": "string", "pattern": '^"?[A-Za-z0-9._:-]{1,64}"?$'},
}

DATABASE_AWAY: Document = {"503": {"$ref": "#/components/responses/DatabaseAway"}}
"""What routes answer besides that read the database."""

_OF_EVERY_ROUTE: Document = {
    "401": {"$ref": "#/components/responses/Unauthorized"},
    "403": {"$ref": "#/components/responses/NotTheSignedBody"},
    "404": {"$ref": "#/components/responses/NotFound"},
    "429": {"$ref": "#/components/responses/TooManyRequests"},
}


def operation(
    tag: str,
    name: str,
    summary: str,
    description: str,
    action: str,
    parameters: list[Document],
    own: Document,
) -> Document:
    """A method of a route.

    Args:
        tag: what it is listed under.
        name: its `operationId`.
        summary: a line.
        description: what is to be said beyond it.
        action: the scope it asks for.
        parameters: of the path, the query and headers.
        own: its responses beside those of every route, by status.
    """
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "description": f"{description} Of the caller's own property. "
        f"Asks for the scope `{action}`.".strip(),
        "parameters": parameters,
        "responses": dict(sorted({**_OF_EVERY_ROUTE, **own}.items())),
    }


def meaning(documented: object) -> str:
    """What a document is: what follows the route in its docstring, as a sentence."""
    said = prose(documented.__doc__).partition(": ")[2]
    return f"{said[0].upper()}{said[1:]}"


def query(name: str, meaning: str, schema: Document) -> Document:
    """A parameter of the query."""
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def identifier(name: str, meaning: str) -> Document:
    """A parameter of the path that is an identifier."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": meaning,
        "schema": {"$ref": "#/components/schemas/Identifier"},
    }


def answers(description: str, name: str, headers: dict[str, str] | None = None) -> Document:
    """A response with a document; `headers` are what each of them means."""
    schema = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    response: Document = {"description": description, "content": {JSON: schema}}
    if headers:
        response["headers"] = {
            header: {"description": meaning, "schema": {"type": "string"}}
            for header, meaning in headers.items()
        }
    return response


def wide_identifier(name: str, meaning: str) -> Document:
    """A parameter of the path that is an identifier made of several."""
    schema = {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,200}$"}
    return {**identifier(name, meaning), "schema": schema}


def body(name: str, description: str = "", *, required: bool = True) -> Document:
    """The document that a request carries."""
    schema = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    said = {"description": description} if description else {}
    return {"required": required, **said, "content": {JSON: schema}}


def door(
    tag: str,
    name: str,
    summary: str,
    description: str,
    parameters: list[Document],
    limits: str,
    form: str,
    lines: str,
    too_many: str,
) -> Document:
    """A route that takes batches of events.

    Args:
        tag: what it is listed under.
        name: its `operationId`.
        summary: a line.
        description: what is to be said beyond it.
        parameters: of the path and headers.
        limits: of the body, in words.
        form: the schema of its JSON.
        lines: what it is as lines.
        too_many: the response by the status 429.
    """
    problems = {
        "400": "BadRequest",
        "401": "Unauthorized",
        "403": "NotTheSignedBody",
        "413": "TooLarge",
        "415": "UnknownMediaType",
        "429": too_many,
    }
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "requestBody": {
            "required": True,
            "description": limits,
            "content": {
                JSON: {"schema": {"$ref": f"#/components/schemas/{form}"}},
                LINES: {"schema": {"type": "string", "description": lines}},
            },
        },
        "responses": {
            "200": answers("What became of each event.", "Answer"),
            **{
                status: {"$ref": f"#/components/responses/{problem}"}
                for status, problem in problems.items()
            },
            "503": answers(
                "Some events could not be written to the stream: those with the status `failed`. "
                "Post them again, or all of them: what was accepted counts once.",
                "Answer",
                {"Retry-After": "Seconds to wait."},
            ),
        },
    }

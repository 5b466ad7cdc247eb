"""The named queries as Athena saves them: what the template has of `queries/*.sql`.

Athena's saved queries have no parameters. Each text is whole and runs as it is: for the default
property, and for gaming days that are counted from the day on which it is run. Who opens one in the
console changes the literals in it.
"""

import re
from textwrap import indent

from workbench import named_queries
from workbench.named_queries import NamedQuery, Parameter

_RELATIVE = re.compile(r"today(?:-(?P<back>\d+))?")


def saved_text(query: NamedQuery) -> str:
    """A query as Athena saves it, with the comment above it.

    >>> print(saved_text(NamedQuery("n", "t", (Parameter("d", "A day.", "today-1"),), "SELECT :d")))
    SELECT CAST(date_add('day', -1, current_date) AS VARCHAR)
    """
    return named_queries.placed(query.text, {one.name: _value(one) for one in query.parameters})


def _value(parameter: Parameter) -> str:
    """A parameter's default as SQL."""
    relative = _RELATIVE.fullmatch(parameter.default)
    if relative is None:
        return named_queries.literal(parameter.default)
    back = relative["back"]
    day = f"date_add('day', -{back}, current_date)" if back else "current_date"
    return f"CAST({day} AS VARCHAR)"


def template_block() -> str:
    """The queries as resources of `template.yaml`, between its `generated` marks."""
    return "\n".join(_resource(query) for query in named_queries.all_queries().values())


def logical_id(name: str) -> str:
    """A query's name in the template.

    >>> logical_id("mau_by_month")
    'SavedMauByMonth'
    """
    return "Saved" + "".join(part.capitalize() for part in name.split("_"))


def _resource(query: NamedQuery) -> str:
    parts = [
        f"  # {query.title}",
        f"  {logical_id(query.name)}:",
        "    Type: AWS::Athena::NamedQuery",
        "    Condition: HasSavedQueries",
        "    Properties:",
        f"      Name: {query.name}",
        f'      Description: "{query.title}"',
        "      Database: !Ref LakeDatabase",
        "      WorkGroup: !Ref LakeWorkGroup",
        "      QueryString: |",
        indent(saved_text(query).rstrip("\n"), " " * 8),
    ]
    return "\n".join(parts) + "\n"

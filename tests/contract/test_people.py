"""Who may see what is one table: in code, in docs/people.md and in the template; and the wall
around the bills that players put in.
"""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from authorize_requests.service import OF_PEOPLE, ROUTES
from pitboss.access import GROUPS, Action, Group
from pitboss.floor import documents, rows
from pitboss.floor.documents import BillIn, FloorChanged
from tests.contract.template_rules import functions, walk
from tests.contract.test_template import TEMPLATE

ROOT = Path(__file__).parents[2]
PEOPLE = (ROOT / "docs" / "people.md").read_text()
API = json.loads((ROOT / "docs" / "openapi.json").read_text())


def test_the_table_of_the_docs_is_the_table_in_code() -> None:
    (head,) = re.findall(r"^\| action \| scope \| (.*) \|$", PEOPLE, re.MULTILINE)
    groups = head.split(" | ")
    table = {}
    for line in PEOPLE.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 2 + len(groups) and cells[1].startswith("`"):
            table[cells[1].strip("`")] = {
                group for group, cell in zip(groups, cells[2:], strict=True) if cell == "yes"
            }

    assert groups == list(Group)
    assert table == {
        action: {group for group in Group if action in GROUPS[group]} for action in Action
    }


def test_the_groups_of_the_pool_are_those_that_are_known() -> None:
    named = [
        resource["Properties"]["GroupName"]
        for resource in TEMPLATE["Resources"].values()
        if resource["Type"] == "AWS::Cognito::UserPoolGroup"
    ]
    assert sorted(named) == sorted(Group)


def test_the_page_cannot_change_whose_somebody_is() -> None:
    client = TEMPLATE["Resources"]["UserPoolClient"]["Properties"]
    (attribute,) = TEMPLATE["Resources"]["UserPool"]["Properties"]["Schema"]

    assert attribute == attribute | {"Name": "property", "Mutable": False}
    assert "custom:property" in client["ReadAttributes"]
    assert "custom:property" not in client["WriteAttributes"]
    assert client["AllowedOAuthScopes"] == ["openid"]
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["GenerateSecret"] is False


# --- the audit log --------------------------------------------------------------------------------


def _on_the_log() -> Iterator[tuple[str, set[str]]]:
    """What each function may do to the audit log."""
    for name, function in functions(TEMPLATE).items():
        for statement in (
            part
            for part in walk(function.get("Policies", []))
            if isinstance(part, dict) and "Effect" in part
        ):
            if any(part == {"Fn::GetAtt": ["AuditTable", "Arn"]} for part in walk(statement)):
                actions = statement["Action"]
                yield name, set(actions if isinstance(actions, list) else [actions])


def test_no_function_changes_or_deletes_what_was_written_down() -> None:
    found = dict(_on_the_log())

    assert found.pop("ServeAuditFunction") == {"dynamodb:Query", "dynamodb:PutItem"}
    assert set(map(frozenset, found.values())) == {frozenset({"dynamodb:PutItem"})}
    table = TEMPLATE["Resources"]["AuditTable"]["Properties"]
    assert "TimeToLiveSpecification" not in table


SHOWS_PLAYERS = {
    Action.READ_RATINGS,
    Action.READ_OFFERS,
    Action.APPROVE_OFFERS,
    Action.ANSWER_OFFERS,
    Action.WITHHOLD_OFFERS,
    Action.READ_EXCLUSIONS,
    Action.WRITE_EXCLUSIONS,
    Action.READ_BILLS,
    Action.READ_REVIEWS,
    Action.DECIDE_REVIEWS,
    Action.READ_AUDIT,
    Action.READ_GAME_EVENTS,
}
"""What somebody does with players in it."""


def test_every_function_that_shows_players_to_people_may_write_it_down() -> None:
    writing = {name for name, _ in _on_the_log()}
    for name, function in functions(TEMPLATE).items():
        routes = {
            (event["Properties"]["Method"].upper(), event["Properties"]["Path"])
            for event in function.get("Events", {}).values()
            if event["Type"] == "Api"
        }
        if any(ROUTES[route] in SHOWS_PLAYERS for route in routes):
            assert name in writing


# --- the wall -------------------------------------------------------------------------------------


def test_bills_are_for_compliance_alone() -> None:
    assert {group for group in Group if Action.READ_BILLS in GROUPS[group]} == {Group.COMPLIANCE}
    taken = {route for route, action in ROUTES.items() if action is Action.READ_BILLS}
    assert taken == {("GET", "/v1/players/{player_id}/bill-ins")}
    assert Action.READ_BILLS not in OF_PEOPLE.values()


def test_suspicions_are_for_compliance_alone() -> None:
    of_reviews = {Action.READ_REVIEWS, Action.DECIDE_REVIEWS}
    assert {group for group in Group if GROUPS[group] & of_reviews} == {Group.COMPLIANCE}
    taken = {route for route, action in ROUTES.items() if action in of_reviews}
    assert taken == {("GET", "/v1/reviews"), ("POST", "/v1/reviews/{review_id}/decide")}
    assert not of_reviews & set(OF_PEOPLE.values())


OF_A_BILL = re.compile(r"bill|cash|currency|note_?value|inserted|drop", re.IGNORECASE)
"""What a field could be called that says what was put in."""

SAID_OTHERWISE = {"note", "other_currency_sessions"}
"""Fields that sound like it: what somebody says of an alert; sessions at tables."""


def _fields(schema: Any, seen: set[str]) -> Iterator[str]:
    """Every property that a schema of docs/openapi.json can have, however deep."""
    for part in walk(schema):
        if not isinstance(part, dict):
            continue
        for name in part.get("properties", {}):
            yield name
        reference = part.get("$ref", "")
        if isinstance(reference, str) and reference.startswith("#/components/schemas/"):
            name = reference.rpartition("/")[2]
            if name not in seen:
                seen.add(name)
                yield from _fields(API["components"]["schemas"][name], seen)


@pytest.mark.parametrize(
    "route",
    [
        route
        for route, action in ROUTES.items()
        if action is not Action.READ_BILLS and route[0] != "CONNECT"
    ],
    ids=" ".join,
)
def test_no_other_answer_has_a_bill_in_it(route: tuple[str, str]) -> None:
    method, path = route
    seen: set[str] = set()
    responses = API["paths"][path][method.lower()]["responses"]

    fields = set(_fields(responses, seen))

    assert BillIn.__name__ not in seen
    assert {name for name in fields if OF_A_BILL.search(name)} - SAID_OTHERWISE == set()
    assert fields, "the walk finds what there is"


def test_the_walk_finds_a_bill() -> None:
    seen: set[str] = set()
    list(_fields(API["paths"]["/v1/players/{player_id}/bill-ins"]["get"], seen))
    assert BillIn.__name__ in seen


def test_no_message_has_a_bill_in_it() -> None:
    schema, parts = msgspec.json.schema_components([FloorChanged])
    assert schema
    assert BillIn.__name__ not in parts
    # Rows are arrays: their fields are named in the structs alone.
    named = {
        field.name
        for module in (rows, documents)
        for _, struct in inspect.getmembers(module, inspect.isclass)
        if issubclass(struct, msgspec.Struct) and struct.__name__ in parts
        for field in msgspec.structs.fields(struct)
    }
    assert {name for name in named if OF_A_BILL.search(name)} - SAID_OTHERWISE == set()
    assert {"coin_in_cents", "player_id"} <= named

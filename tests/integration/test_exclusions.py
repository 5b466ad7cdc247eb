"""Lists on the embedded AWS: imported with the documented policy alone, changed by the API."""

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from pitboss.offers.gate import Entry, Facts, ListName, Lists, Machine, Risk, Standing
from pitboss.offers.lists import Patron, Span
from pitboss.stores.ratings import Asset, head_key
from pitboss.stores.standings import DynamoStandings, Imported
from tests.integration.conftest import Workshop
from workbench import endpoint, exclusions, gateways
from workbench.console import WorkbenchError

BANNED = ListName.BANNED
GUIDE = Path(__file__).parents[2] / "docs" / "gate.md"


@pytest.fixture(scope="module")
def tables(aws: endpoint.Target) -> Iterator[tuple[str, str]]:
    """A table of standings and one of ratings."""
    dynamodb = endpoint.client("dynamodb")
    names = [f"test-{kind}-{secrets.token_hex(4)}" for kind in ("standings", "ratings")]
    for table in names:
        dynamodb.create_table(
            TableName=table,
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    yield names[0], names[1]
    for table in names:
        dynamodb.delete_table(TableName=table)


def policy(table: str) -> dict[str, Any]:
    """What the guide says that who imports may do."""
    found = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    (statement,) = yaml.safe_load(found[1])
    return {**statement, "Resource": f"arn:aws:dynamodb:*:*:table/{table}"}


@pytest.fixture
def as_user(workshop: Workshop) -> Callable[..., Any]:
    """A DynamoDB client of a user who may do this and no more."""
    where = endpoint.target()

    def client(*statements: dict[str, Any]) -> Any:
        key, secret = workshop.user(*statements)
        return boto3.client(
            "dynamodb",
            endpoint_url=where.endpoint,
            region_name=where.region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    return client


def test_a_list_is_imported_with_the_documented_policy_and_read_at_once(
    embedded: endpoint.Target, tables: tuple[str, str], as_user: Callable[..., Any]
) -> None:
    standings = DynamoStandings(*tables, "", as_user(policy(tables[0])))
    many = [f"p-{number}" for number in range(70)]
    property_id = f"p-{secrets.token_hex(4)}"

    def imported(players: list[str], as_of: int) -> Imported:
        named = dict.fromkeys(players, Span(0, None))
        return standings.import_list(property_id, BANNED, named, as_of, at=20, by="test")

    assert imported(many, 10) == Imported(70, 70, 0, 0)
    assert imported(many[1:], 11) == Imported(69, 0, 1, 0)
    assert standings.import_patrons(property_id, {"p-0": Patron(5, "US-NV")}, at=21, by="t") == 1
    assert standings.members(property_id, BANNED).keys() == set(many[1:])
    assert [change.version for change in standings.changes(property_id, "p-0", 9)] == [3, 2, 1]

    pk, sk = head_key(Asset(property_id, "1001"))
    head = {"pk": {"S": pk}, "sk": {"S": sk}, "seated": {"S": "p-1"}, "locked_since": {"N": "7"}}
    endpoint.client("dynamodb").put_item(TableName=tables[1], Item=head)
    everything = DynamoStandings(*tables, "", endpoint.client("dynamodb"))
    assert everything.facts(property_id, "p-1", "1001") == Facts(
        Lists({BANNED: 11}),
        Standing(1, {BANNED: Entry(0, None, 10)}),
        Machine(7, "p-1"),
    )
    assert everything.facts(property_id, "p-0", None) == Facts(
        Lists({BANNED: 11}), Standing(3, {}, 5, "US-NV"), None
    )


@pytest.mark.parametrize("missing", ["PutItem", "DeleteItem", "ConditionCheckItem", "Query"])
def test_no_part_of_the_policy_is_too_much(
    embedded: endpoint.Target, tables: tuple[str, str], as_user: Callable[..., Any], missing: str
) -> None:
    statement = policy(tables[0])
    statement["Action"] = [one for one in statement["Action"] if one != f"dynamodb:{missing}"]
    standings = DynamoStandings(*tables, "", as_user(statement))
    property_id = f"p-{secrets.token_hex(4)}"

    def on_and_off() -> None:
        for as_of, named in ((1, {"p-1": Span(0, None)}), (2, {})):
            standings.import_list(property_id, BANNED, named, as_of, at=2, by="test")

    with pytest.raises(ClientError, match="AccessDenied"):
        on_and_off()


def test_a_player_is_excluded_by_the_api_and_the_command(stack: dict[str, str]) -> None:
    property_id = f"excl-{secrets.token_hex(3)}"
    gateways.ensure(gateways.workbench_gateway(property_id))  # a property begins with a gateway
    with exclusions._table_of_standings() as standings:
        standings.import_patrons(property_id, {"p-1": Patron(5, "US-NV")}, at=6, by="test")

        added = exclusions._call("PUT", property_id, "p-1", ListName.SELF_EXCLUDED, {"note": "x"})

        assert [one["list"] for one in added["exclusions"]] == ["self_excluded"]
        assert added["risk"] is None
        risk = Risk(0.31, ("plays more games than 9 in 10 players",), "risk-1", 7)
        standings.put_risks(property_id, {"p-1": risk})
        assert standings.facts(property_id, "p-1", None).risk == risk
        shown = exclusions._call("GET", property_id, "p-1", None, None)
        assert (shown["risk"]["score"], shown["risk"]["reasons"]) == (0.31, [*risk.reasons])
        standings.put_risks(property_id, {})
        facts = standings.facts(property_id, "p-1", None).standing
        assert facts is not None
        assert (facts.version, *facts.entries) == (2, ListName.SELF_EXCLUDED)
        with pytest.raises(WorkbenchError, match="nobody can end that earlier"):
            exclusions._call("DELETE", property_id, "p-1", ListName.SELF_EXCLUDED, {"note": ""})
        exclusions._call("PUT", property_id, "p-1", BANNED, {})
        exclusions._call("DELETE", property_id, "p-1", BANNED, {"note": "a mistake"})
        found = exclusions._call("GET", property_id, "p-1", None, None)
        assert [one["list"] for one in found["exclusions"]] == ["self_excluded"]
        by = gateways.workbench_host(property_id).principal_id
        assert [(change["change"], change["by"]) for change in found["changes"]] == [
            *(("lifted", by), ("added", by), ("added", by)),
            ("patron", "test"),
        ]
        with pytest.raises(WorkbenchError, match="Nothing is known"):
            exclusions._call("GET", property_id, "p-2", None, None)

"""The deploy step of the database, and what Aurora is told by the template."""

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.contract.template_rules import names_used
from tests.contract.test_template import FUNCTIONS, TEMPLATE
from workbench import database, deploy, endpoint, page
from workbench.console import WorkbenchError

RESOURCES = TEMPLATE["Resources"]
DONE = {"revision": "0002", "made": [], "dropped": []}
FAULT = {"errorType": "DatabaseFault", "errorMessage": "pitboss at db: 42601"}


def migrate(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> dict[str, Any]:
    class Function:
        def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
            assert (FunctionName, json.loads(Payload)) == ("migrate", {"task": "migrate"})
            return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    monkeypatch.setattr(
        endpoint, "stack_outputs", lambda: {"MigrateDatabaseFunctionName": "migrate"}
    )
    monkeypatch.setattr(endpoint, "client", lambda *_, **__: Function())
    return deploy.migrate()


def test_a_deploy_migrates(monkeypatch: pytest.MonkeyPatch) -> None:
    assert migrate(monkeypatch, DONE) == DONE


def test_a_migration_that_fails_fails_the_deploy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkbenchError, match="not migrated: DatabaseFault: pitboss at db: 42601"):
        migrate(monkeypatch, FAULT)


def test_the_embedded_databases_password_is_in_a_private_file_while_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ENDPOINT_URL", "PITBOSS_ENV", "PITBOSS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    server = database.Server(1, "now", 5433, "p w'd")
    monkeypatch.setattr(database, "ensure_running", lambda: server)

    with deploy._parameters() as arguments:
        option, place = arguments
        path = Path(place.removeprefix("file://"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        configured, ours = json.loads(path.read_text())
    assert option == "--parameter-overrides"
    assert "Stage=local" in configured
    assert ours == {
        "PageUrl": page.url(),
        "DatabaseHost": "127.0.0.1",
        "DatabasePort": "5433",
        "DatabasePassword": "p w'd",
        "DatabaseTls": "disable",
    }
    assert ours.keys() <= TEMPLATE["Parameters"].keys()
    assert not path.exists()


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_an_account_gets_no_embedded_database(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    monkeypatch.setenv("PITBOSS_ENV", environment)

    with deploy._parameters() as arguments:
        assert arguments == []


def test_another_database_that_is_configured_is_the_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ENDPOINT_URL", "PITBOSS_ENV", "PITBOSS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    monkeypatch.setattr(deploy, "_overrides", lambda: "Stage=local DatabaseHost=db.example.org")

    with deploy._parameters() as (_, place):
        _, ours = json.loads(Path(place.removeprefix("file://")).read_text())
    assert ours == {"PageUrl": page.url()}


# --- what no embedded AWS makes -------------------------------------------------------------------


def test_aurora_is_private_encrypted_and_not_lost() -> None:
    cluster = RESOURCES["DatabaseCluster"]
    instance = RESOURCES["DatabaseInstance"]["Properties"]
    told = cluster["Properties"]

    assert cluster["DeletionPolicy"] == cluster["UpdateReplacePolicy"] == "Snapshot"
    for yes in (
        "StorageEncrypted",
        "EnableIAMDatabaseAuthentication",
        "CopyTagsToSnapshot",
        "ManageMasterUserPassword",
    ):
        assert told[yes] is True
    assert told["DeletionProtection"] == {"Ref": "DatabaseDeletionProtection"}
    assert told["BackupRetentionPeriod"] == {"Ref": "DatabaseBackupDays"}
    assert RESOURCES["DatabaseParameters"]["Properties"]["Parameters"] == {"rds.force_ssl": "1"}
    assert (instance["PubliclyAccessible"], instance["AutoMinorVersionUpgrade"]) == (False, False)
    assert not [r for r in RESOURCES.values() if r["Type"].endswith(("Gateway", "::EIP"))]
    assert sorted(
        (
            r["Properties"]["VpcEndpointType"],
            r["Properties"]["ServiceName"]["Fn::Sub"].rpartition(".")[2],
        )
        for r in RESOURCES.values()
        if r["Type"] == "AWS::EC2::VPCEndpoint"
    ) == [("Gateway", "dynamodb"), ("Gateway", "s3"), ("Interface", "secretsmanager")]
    (way_in,) = RESOURCES["DatabaseSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    assert way_in["SourceSecurityGroupId"] == {"Ref": "DatabaseFunctionsGroup"}
    assert way_in["FromPort"] == way_in["ToPort"] == 5432
    assert "SecurityGroupIngress" not in RESOURCES["DatabaseFunctionsGroup"]["Properties"]


def test_another_database_is_instead_of_aurora() -> None:
    conditions = {
        name: resource.get("Condition")
        for name, resource in RESOURCES.items()
        if resource["Type"].startswith(("AWS::RDS::", "AWS::EC2::"))
    }

    assert set(conditions.values()) == {"HasAurora"}
    keys = [r for name, r in RESOURCES.items() if name.endswith("DatabaseKey")]
    assert len(keys) == 4
    assert {key["Condition"] for key in keys} == {"HasOtherDatabase"}


@pytest.mark.parametrize(
    "name", [name for name, f in FUNCTIONS.items() if {"Ref": "SqlLayer"} in f["Layers"]]
)
def test_a_function_of_the_database_is_beside_aurora_and_logs_in_as_itself(name: str) -> None:
    function = FUNCTIONS[name]
    variables = function["Environment"]["Variables"]
    user = variables["DATABASE_USER"]
    on_aurora, key = variables["DATABASE_PASSWORD_SECRET"]["Fn::If"][1:]
    logins = [
        statement["Resource"]["Fn::Sub"]
        for policy in function["Policies"]
        for statement in policy["Statement"]
        if statement["Action"] == "rds-db:connect"
    ]

    assert function["VpcConfig"]["Fn::If"][0] == "HasAurora"
    assert set(names_used(function["VpcConfig"])) == {
        *("DatabaseSubnetA", "DatabaseSubnetB", "DatabaseFunctionsGroup", "AWS::NoValue")
    }
    if user == database.OWNER:
        assert logins == []
        assert on_aurora["Fn::GetAtt"] == ["DatabaseCluster", "MasterUserSecret.SecretArn"]
    else:
        assert [login.rpartition("/")[2] for login in logins] == [user]
        assert on_aurora == ""
    whose = "owner" if user == database.OWNER else user.removeprefix("pitboss_")
    assert key == {"Ref": f"{whose.title()}DatabaseKey"}
    assert variables["DATABASE_TLS"]["Fn::If"][:2] == ["HasAurora", "verify-full"]

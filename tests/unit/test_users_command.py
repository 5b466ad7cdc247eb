"""`pitboss users` without an AWS: who is made, in which groups, and what is said of it."""

import json
import string
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from pitboss.access import Group
from workbench import endpoint, main, users

POOL = "us-east-1_pool"


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "any")


class Pool:
    """A user pool, as far as `pitboss users` asks one. Whatever names another pool fails."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.signed_out: list[str] = []
        self.weak = "weak"

    def _user(self, pool: str, name: str) -> dict[str, Any]:
        assert pool == POOL
        if name not in self.users:
            raise refusal("UserNotFoundException")
        return self.users[name]

    def admin_create_user(self, **asked: Any) -> None:
        assert asked["UserPoolId"] == POOL
        assert asked["MessageAction"] == "SUPPRESS"
        if asked["Username"] in self.users:
            raise refusal("UsernameExistsException")
        if asked["TemporaryPassword"] == self.weak:
            raise refusal("InvalidPasswordException", "Password not long enough")
        self.users[asked["Username"]] = {
            "attributes": asked["UserAttributes"],
            "password": asked["TemporaryPassword"],
            "status": "FORCE_CHANGE_PASSWORD",
            "groups": set(),
        }

    def admin_set_user_password(self, **asked: Any) -> None:
        user = self._user(asked["UserPoolId"], asked["Username"])
        assert asked["Permanent"]
        user |= {"password": asked["Password"], "status": "CONFIRMED"}

    def admin_add_user_to_group(self, **asked: Any) -> None:
        self._user(asked["UserPoolId"], asked["Username"])["groups"].add(asked["GroupName"])

    def admin_remove_user_from_group(self, **asked: Any) -> None:
        self._user(asked["UserPoolId"], asked["Username"])["groups"].remove(asked["GroupName"])

    def admin_list_groups_for_user(self, **asked: Any) -> dict[str, Any]:
        groups = self._user(asked["UserPoolId"], asked["Username"])["groups"]
        return {"Groups": [{"GroupName": name} for name in sorted(groups)]}

    def admin_user_global_sign_out(self, **asked: Any) -> None:
        self._user(asked["UserPoolId"], asked["Username"])
        self.signed_out.append(asked["Username"])

    def admin_delete_user(self, **asked: Any) -> None:
        self._user(asked["UserPoolId"], asked["Username"])
        del self.users[asked["Username"]]

    def get_paginator(self, name: str) -> "_Pages":
        return _Pages(self, name)


class _Pages:
    """A user a page, and an empty page at the end."""

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool, self._name = pool, name

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        assert asked["UserPoolId"] == POOL
        found = [
            {
                "Username": name,
                "Attributes": [{"Name": "sub", "Value": f"id-{name}"}, *user["attributes"]],
                "UserStatus": user["status"],
                "Enabled": user.get("enabled", True),
            }
            for name, user in self._pool.users.items()
            if self._name == "list_users" or asked["GroupName"] in user["groups"]
        ]
        return [*({"Users": [user]} for user in found), {"Users": []}]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    made = Pool()
    monkeypatch.setattr(endpoint, "client", {"cognito-idp": made}.__getitem__)
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"UserPoolId": POOL})
    monkeypatch.setattr(endpoint, "environment", lambda: "local")
    return made


def run(*words: str, typed: str = "") -> Any:
    return CliRunner().invoke(main.app, ["users", *words], input=typed)


def told(*words: str, typed: str = "") -> Any:
    result = run(*words, "--json", typed=typed)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_who_is_added_is_told_a_password_that_they_must_change(pool: Pool) -> None:
    added = told("add", "ines", "--group", "slot-ops", "--group", "host", "--property", "P2")

    assert pool.users == {
        "ines": {
            "attributes": [{"Name": "custom:property", "Value": "P2"}],
            "password": added.pop("password"),
            "status": "FORCE_CHANGE_PASSWORD",
            "groups": {"host", "slot-ops"},
        }
    }
    assert added == {"name": "ines", "property_id": "P2", "groups": ["host", "slot-ops"]}


def test_a_password_that_was_given_stays_and_is_not_shown(pool: Pool) -> None:
    words = ("add", "ines", "--group", "host", "--password-stdin")
    given = "Corr3ct.horse."

    assert told(*words, typed=f"{given}\n")["password"] is None
    assert (pool.users["ines"]["password"], pool.users["ines"]["status"]) == (given, "CONFIRMED")
    again = run(*words[:1], "jo", *words[2:], typed=f"{given}\r\n")
    assert "as given" in again.stdout
    assert given not in again.stdout
    assert pool.users["jo"]["password"] == given


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "ines", "--group", "owner"), "", "'owner' is no group: there are host"),
        (("add", "ines", "--group", "host", "--property", "P 1"), "", "'P 1' is no property"),
        (("add", "ines", "--group", "host", "--password-stdin"), "\n", "no password"),
        (("add", "ines", "--group", "host", "--password-stdin"), "", "no password"),
        (("groups", "anna", "--group", "boss"), "", "'boss' is no group"),
    ],
)
def test_what_cannot_be_asked_is_not_done(
    pool: Pool, words: tuple[str, ...], typed: str, said: str
) -> None:
    result = run(*words, typed=typed)

    assert result.exit_code == 2
    assert said in result.stderr
    assert pool.users == {}


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "anna", "--group", "host"), "", "There is a user anna already"),
        (("add", "ines", "--group", "host", "--password-stdin"), "weak", "not long enough"),
        (("groups", "ines", "--group", "host"), "", "There is no user ines"),
        (("remove", "ines"), "", "There is no user ines"),
    ],
)
def test_what_the_pool_refuses_is_said_in_words(
    pool: Pool, words: tuple[str, ...], typed: str, said: str
) -> None:
    users.add("anna", "P1", ["host"], None)

    result = run(*words, typed=typed)

    assert result.exit_code == 1
    assert said in result.stderr
    assert list(pool.users) == ["anna"]
    assert pool.users["anna"]["groups"] == {"host"}
    assert pool.signed_out == []


def test_any_other_refusal_is_not_explained_away(pool: Pool) -> None:
    with pytest.raises(ClientError, match="TooManyRequests"), users._explained("anna"):
        raise refusal("TooManyRequestsException")


def test_groups_are_the_named_ones_and_no_others(pool: Pool) -> None:
    users.add("anna", "P1", ["host", "admin"], None)

    assert told("groups", "anna", "--group", "host", "--group", "analyst") == {
        "name": "anna",
        "groups": ["analyst", "host"],
    }
    assert pool.users["anna"]["groups"] == {"analyst", "host"}
    assert pool.signed_out == ["anna"], "who holds a refresh token signs in anew"
    assert "up to an hour" in run("groups", "anna", "--group", "host").stdout


def test_who_is_removed_is_signed_out_first(pool: Pool) -> None:
    users.add("anna", "P1", ["host"], None)

    assert told("remove", "anna") == {"name": "anna", "removed": True}
    assert (pool.users, pool.signed_out) == ({}, ["anna"])


def test_users_are_listed_by_name_over_all_pages(pool: Pool) -> None:
    assert "users add" in run("list").stdout
    assert told("list") == []
    users.add("omar", "P1", ["host"], "Corr3ct.horse.")
    users.add("anna", "P2", ["compliance", "admin"], None)
    pool.users["stray"] = {"attributes": [], "status": "CONFIRMED", "groups": set()}
    pool.users["stray"]["enabled"] = False

    assert told("list") == [
        {
            "name": "anna",
            "property_id": "P2",
            "groups": ["admin", "compliance"],
            "status": "FORCE_CHANGE_PASSWORD",
            "enabled": True,
        },
        {
            "name": "omar",
            "property_id": "P1",
            "groups": ["host"],
            "status": "CONFIRMED",
            "enabled": True,
        },
        {
            "name": "stray",
            "property_id": "",
            "groups": [],
            "status": "CONFIRMED",
            "enabled": False,
        },
    ]
    assert [user["name"] for user in told("list", "--property", "P2")] == ["anna"]
    table = run("list").stdout
    assert "force change password" in table
    assert "disabled" in table


def test_demo_users_are_one_for_each_group_and_made_anew(pool: Pool) -> None:
    users.add("anna", "P1", ["host"], None)
    first = told("demo", "--property", "P3")
    again = told("demo", "--property", "P3")

    assert [(one["name"], one["groups"]) for one in again] == [(g, [g]) for g in Group]
    assert not {one["password"] for one in first} & {one["password"] for one in again}
    assert set(pool.users) == {"anna", *Group}
    for one in again:
        user = pool.users[one["name"]]
        assert (user["password"], user["status"]) == (one["password"], "CONFIRMED")
        assert user["attributes"] == [{"Name": "custom:property", "Value": "P3"}]


def test_demo_users_are_made_on_the_local_stack_alone(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "environment", lambda: "prod")

    assert run("demo").exit_code == 2
    assert pool.users == {}


def test_a_stack_from_before_people_says_so(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "stack_outputs", dict)

    result = run("list")

    assert result.exit_code == 1
    assert "Nobody can sign in to this stack yet" in result.stderr


def test_a_new_password_has_all_four_kinds() -> None:
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, users._SYMBOLS)
    made = {users.new_password() for _ in range(50)}

    assert len(made) == 50
    for password in made:
        assert len(password) == 20
        assert all(set(password) & set(kind) for kind in kinds)

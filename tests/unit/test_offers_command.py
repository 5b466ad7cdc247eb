"""`pitboss offers`: what it says, over the functions that serve it, on DynamoDB in memory."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml
from msgspec.structs import replace
from typer.testing import CliRunner

from keep_catalogue import handler as catalogue_http
from pitboss.offers.catalogue import Catalogue, parse
from pitboss.offers.issued import IssuedOffer
from serve_offers import handler as offers_http
from tests.fakes.offers import AWAITING, record
from tests.sample_events import CATALOGUE, HOSTS, OFFER, asked, sent
from tests.unit.test_serve_offers import WELCOME, Floor, StubWiring
from workbench import offers, offers_catalogue
from workbench.main import app

EXAMPLE = Path(__file__).parents[2] / "docs" / "offers-catalogue.yaml"


class InProcess:
    """The API without a network: the handlers that are deployed."""

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        route, ids = _route(path)
        given: dict[str, Any] = {**ids, "headers": dict(headers or {})}
        if method == "GET":
            event = asked(route, HOSTS, **given)
        else:
            event = sent(method, route, HOSTS, body, **given)
        of_catalogue = route.startswith("/v1/offers/catalogue")
        found = (catalogue_http if of_catalogue else offers_http).handler(event, None)
        return httpx.Response(found["statusCode"], text=found["body"])


def _route(path: str) -> tuple[str, dict[str, str]]:
    parts = path.split("/")
    if parts[2] != "players":
        return path, {}
    ids = {"player_id": parts[3]}
    parts[3] = "{player_id}"
    if len(parts) > 5:
        ids["offer_id"], parts[5] = parts[5], "{offer_id}"
    return "/".join(parts), ids


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    floor = Floor()
    floor.now_is(OFFER.decided_at)
    floor.seat("p-81", "1940732")
    floor.stand("p-81", WELCOME)
    for count in (offers_http.count, catalogue_http.count):
        monkeypatch.setattr(count, "flush", lambda: None)  # which would be on standard output
    monkeypatch.setattr(offers_http, "_wiring", lambda: StubWiring(floor))
    monkeypatch.setattr(catalogue_http, "_wiring", lambda: SimpleNamespace(offers=floor.offers))

    @contextmanager
    def host(property_id: str) -> Iterator[InProcess]:
        yield InProcess()

    monkeypatch.setattr(offers, "_host", host)
    with floor.installed():
        yield floor
    assert floor.network.unknown == []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The catalogue of the sample events."""
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump(CATALOGUE, sort_keys=False))
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["offers", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def in_force(floor: Floor) -> Catalogue | None:
    return floor.offers.catalogue("north")


# --- the catalogue --------------------------------------------------------------------------------


def test_the_example_is_a_catalogue_with_every_kind_and_one_that_a_person_approves() -> None:
    example = offers_catalogue.load(EXAMPLE)

    assert {offer.kind for offer in example.offers} == set(type(example.offers[0].kind))
    assert any(offer.cost_cents > example.house.approval_above_cents for offer in example.offers)


def test_a_catalogue_is_applied_and_what_it_changes_is_said(floor: Floor, file: Path) -> None:
    status, said, _ = run("catalogue", "apply", file)

    assert (status, in_force(floor)) == (0, parse(CATALOGUE))
    assert "Dinner for one, $20.00" in said
    assert "in force at property north" in said
    assert "nothing changes" in run("catalogue", "apply", file)[1]
    file.write_text(file.read_text().replace("cost_cents: 2000", "cost_cents: 2500"))
    _, said, _ = run("catalogue", "apply", file, "--json")
    assert json.loads(said)["changes"] == [
        {"what": "offer meal-20 cost_cents", "before": "2000", "after": "2500"}
    ]
    assert json.loads(said)["replaces"] == parse(CATALOGUE).version


def test_a_dry_run_applies_nothing(floor: Floor, file: Path) -> None:
    status, said, _ = run("catalogue", "apply", file, "--dry-run")

    assert (status, in_force(floor)) == (0, None)
    assert "Nothing was applied" in said


FAULTY = """\
property_id: north
house:
  daily_budget_cents: many
  jurisdictions: [US-NV]
offers:
  - code: meal
    name: Meal
    text: A meal
    kind: supper
    cost_cents: 100
  - code: show
    name: Show
    text: A show
    kind: show
    cost_cents: 100
    cost_cents: 0
    colour: red
"""


def test_every_fault_is_said_with_its_line(floor: Floor, file: Path) -> None:
    file.write_text(FAULTY)

    status, _, said = run("catalogue", "apply", file)
    _, as_json, _ = run("catalogue", "apply", file, "--json")

    lines = {fault["line"] for fault in json.loads(as_json)["faults"]}
    assert (status, in_force(floor)) == (1, None)
    assert "line 3: Expected `int`, got `str` (house.daily_budget_cents)" in said
    assert "line 9: Invalid enum value 'supper' (offers.0.kind)" in said
    assert "line 16: cost_cents is there twice" in said
    assert "mend it and apply it again" in said
    assert lines >= {3, 9, 16}


SENSELESS = """\
property_id: north
house:
  daily_budget_cents: 1000
  jurisdictions: []
offers:
  - code: meal
    name: Meal
    text: A meal
    kind: meal
    cost_cents: 5000
  - { code: meal, name: Meal, text: A meal, kind: meal, cost_cents: 1, reach: { zones: [moon] } }
machines:
  "007": { zone: bar }
"""


def test_what_makes_no_sense_is_said_with_its_line_too(floor: Floor, file: Path) -> None:
    file.write_text(SENSELESS)

    _, said, _ = run("catalogue", "apply", file, "--json")

    assert [
        (fault["line"], fault["fault"].partition(":")[0]) for fault in json.loads(said)["faults"]
    ] == [
        (4, "house.jurisdictions is empty"),
        (6, "offer 'meal'"),
        (11, "offer 'meal' is there twice"),
        (11, "offer 'meal'"),
        (13, "machine '007'"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("offers: [\n", "line 2: no YAML"),
        ("- a\n", "Expected a mapping"),
        ("", "Expected a mapping"),
        ("property_id: north\nhouse: { jurisdictions: [a], daily_budget_cents: 1 }\n", "`offers`"),
    ],
)
def test_a_file_of_something_else_is_said_so(
    floor: Floor, file: Path, text: str, said: str
) -> None:
    file.write_text(text)

    status, _, found = run("catalogue", "apply", file)

    assert (status, said in found) == (1, True), found


def test_a_file_that_is_not_there_is_one_sentence(floor: Floor, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in run("catalogue", "apply", tmp_path / "no.yaml")[2]


def test_a_catalogue_applied_meanwhile_is_not_overwritten(
    floor: Floor, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("catalogue", "apply", file)
    read = offers._read_catalogue
    other = parse(CATALOGUE | {"house": CATALOGUE["house"] | {"reward_hours": 48}})

    def read_and_be_late(client: Any) -> Any:
        found = read(client)
        floor.offers.apply_catalogue(other, 1, "somebody", parse(CATALOGUE).version)
        return found

    monkeypatch.setattr(offers, "_read_catalogue", read_and_be_late)
    file.write_text(file.read_text().replace("cost_cents: 2000", "cost_cents: 2500"))

    status, _, said = run("catalogue", "apply", file)

    assert (status, in_force(floor)) == (1, other)
    assert "Another catalogue was applied this moment" in said


def test_the_catalogue_and_its_versions_are_shown(floor: Floor, file: Path) -> None:
    assert "has no catalogue" in run("catalogue", "show", "--property", "north")[2]
    run("catalogue", "apply", file)

    assert "meal-20: Dinner for one" in run("catalogue", "show", "--property", "north")[1]
    shown = json.loads(run("catalogue", "show", "--property", "north", "--json")[1])
    assert parse(shown["catalogue"]) == parse(CATALOGUE)
    _, versions, _ = run("catalogue", "versions", "--property", "north")
    assert parse(CATALOGUE).version in versions
    assert "in force" in versions


# --- offers ---------------------------------------------------------------------------------------


def made(floor: Floor, **changed: Any) -> IssuedOffer:
    of = parse(CATALOGUE)
    floor.offers.apply_catalogue(of, 1, "test", None)
    return record(floor.offers, replace(OFFER, **changed), of)


def test_a_players_offers_are_listed_and_one_is_explained(floor: Floor) -> None:
    offer = made(floor)

    _, listed, _ = run("list", "p-81", "--property", "north")
    _, shown, _ = run("show", "p-81", offer.offer_id, "--property", "north")

    assert offer.offer_id in listed
    assert "delivered" in listed
    assert "why: plays dollar slots" in shown
    assert "decide_offers" in shown
    assert json.loads(run("list", "p-81", "--json")[1])["offers"][0]["cost_cents"] == 2_000
    assert "may be shown now" in run("list", "p-82")[1]
    assert "has no offer 1-2" in run("show", "p-81", "1-2")[2]


def waiting(floor: Floor) -> IssuedOffer:
    times = {"decided_at": OFFER.decided_at, "expires_at": OFFER.decided_at + 60_000}
    offer = made(floor, **AWAITING | times)
    (item,) = [
        one for one in floor.offers_table.items() if one["sk"]["S"] == f"offer/{offer.offer_id}"
    ]
    key = {name: item[name] for name in ("pk", "sk")}
    floor.offers_table.put(floor.offers_table.key(key), item | {"task_token": {"S": "token"}})
    floor.approvals.waiting.add("token")
    return offer


@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_a_person_approves_or_refuses_by_the_offers_id(floor: Floor, verb: str) -> None:
    offer = waiting(floor)

    _, pending, _ = run("pending", "--property", "north")
    status, said, _ = run(verb, offer.offer_id, "--property", "north")

    assert offer.offer_id in pending
    assert (status, floor.approvals.answered["token"].by) == (0, "hosts")
    assert floor.approvals.answered["token"].verdict == f"{verb.removesuffix('e')}{'ed'}"
    assert "Dinner for one for player p-81 is" in said


def test_what_does_not_await_approval_is_said_precisely(floor: Floor) -> None:
    offer = made(floor)

    assert "`pitboss offers pending`" in run("approve", offer.offer_id)[2]
    assert "needs no approval" in run("approve", offer.offer_id, "--player", "p-81")[2]
    assert "has no offer 1-2" in run("approve", "1-2", "--player", "p-81")[2]
    assert "is no id of a player" in run("approve", "1-2", "--player", "p 81")[2]
    assert run("pending")[1] == "No offer awaits approval.\n"

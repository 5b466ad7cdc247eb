"""Applications: who is believed for what, and what later versions of a schema may change."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.games.applications import (
    Application,
    Category,
    ChangedCategoryError,
    IncompatibleSchema,
    SchemaFile,
    TakenVersionError,
    UnknownCategoryError,
    decode,
    encode,
)
from pitboss.games.evolution import check_evolution, check_schema
from pitboss.games.mapping import Mapping
from pitboss.games.validation import DataValidator
from pitboss.stores.applications import (
    ApplicationChangedError,
    DynamoApplications,
    KeptApplications,
    KnownApplicationError,
)
from pitboss.stores.install_limits import DynamoInstallLimits
from tests.fakes.network import tables
from workbench.proof.network import Network

RACE = Application("north", "space-race", 1, categories={"level_finished": Category.GAMEPLAY})
FINISHED: dict[str, Any] = {
    "type": "object",
    "required": ["won"],
    "properties": {
        "won": {"type": "boolean"},
        "seconds": {"type": "number", "minimum": 0, "maximum": 3600},
        "mode": {"enum": ["easy", "hard"]},
        "items": {"type": "array", "items": {"type": "string", "maxLength": 8}},
        "place": {"type": "object", "properties": {"x": {"type": "number"}}},
    },
}


def said(version: str = "1", schema: dict[str, Any] = FINISHED, **more: Any) -> SchemaFile:
    return SchemaFile(
        "space-race", more.pop("event_type", "level_finished"), version, schema, **more
    )


def changed(change: str) -> dict[str, Any]:
    after = copy.deepcopy(FINISHED)
    exec(change, {"s": after, "p": after["properties"]})
    return after


# --- evolution ------------------------------------------------------------------------------------

ADDITIVE = [
    "p['stars'] = {'type': 'integer'}",
    "p['place']['properties']['y'] = {'type': 'number'}",
    "p['mode']['enum'].append('hell')",
    "p['seconds']['maximum'] = 7200",
    "del p['seconds']['minimum']",
    "s['required'] = []",
    "s['title'] = p['won']['description'] = 'for people'",
]


@pytest.mark.parametrize("change", ADDITIVE)
def test_what_adds_is_taken(change: str) -> None:
    check_evolution(FINISHED, changed(change))


BREAKING = [
    ("del p['seconds']", "seconds", "field-removed"),
    ("del p['place']['properties']['x']", "place.x", "field-removed"),
    ("p['won']['type'] = 'string'", "won", "type-changed"),
    ("p['seconds']['type'] = 'integer'", "seconds", "type-changed"),
    ("p['items']['items']['type'] = 'integer'", "items[]", "type-changed"),
    ("s['required'].append('mode')", "mode", "required-added"),
    ("p['mode']['enum'].remove('easy')", "mode", "value-removed"),
    ("p['seconds']['maximum'] = 60", "seconds", "narrowed"),
    ("p['won']['const'] = True", "won", "narrowed"),
    ("s['additionalProperties'] = False", "", "closed"),
    ("p['items']['items']['pattern'] = '^a'", "items[]", "narrowed"),
    ("s['allOf'] = [{'required': ['mode']}]", "", "narrowed"),
]


@pytest.mark.parametrize(("change", "field", "rule"), BREAKING)
def test_what_breaks_names_the_field_and_the_rule(change: str, field: str, rule: str) -> None:
    with pytest.raises(IncompatibleSchema) as caught:
        check_evolution(FINISHED, changed(change))
    assert (caught.value.field, caught.value.rule) == (field, rule)
    assert str(caught.value).startswith(f"{field or 'data'}: {rule}: ")


_VALUES = {
    "won": st.booleans(),
    "seconds": st.floats(0, 3600),
    "mode": st.sampled_from(["easy", "hard"]),
    "items": st.lists(st.text(max_size=8), max_size=3),
    "place": st.fixed_dictionaries({}, optional={"x": st.floats(-1, 1)}),
}
_DOCUMENTS = st.fixed_dictionaries(
    {"won": _VALUES["won"]},
    optional={name: value for name, value in _VALUES.items() if name != "won"},
)


@given(st.lists(st.sampled_from(ADDITIVE), unique=True), _DOCUMENTS)
def test_what_is_valid_stays_valid(changes: list[str], document: dict[str, Any]) -> None:
    after = changed("\n".join(changes))
    check_evolution(FINISHED, after)
    assert DataValidator(FINISHED).fault(document) is None
    assert DataValidator(after).fault(document) is None


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"type": "array"}, "no-object"),
        ({}, "no-object"),
        ({"type": "object", "properties": {"a": {"$ref": "https://x.example/a"}}}, "reference"),
        ({"type": "object", "$defs": {}}, "reference"),
        ({"type": "object", "description": "x" * 40_000}, "too-large"),
    ],
)
def test_what_cannot_be_registered(schema: dict[str, Any], rule: str) -> None:
    with pytest.raises(IncompatibleSchema) as caught:
        check_schema(schema)
    assert caught.value.rule == rule


def test_a_field_may_be_called_as_a_keyword_is() -> None:
    check_schema({"type": "object", "properties": {"$ref": {"type": "string"}}})


def test_a_schema_that_is_none_is_refused() -> None:
    for schema in ({"type": "nonsense"}, {"type": "object", "properties": 3}):
        with pytest.raises(IncompatibleSchema):
            DataValidator(schema)


def test_a_pattern_cannot_take_long() -> None:
    with pytest.raises(IncompatibleSchema):
        DataValidator({"type": "object", "properties": {"a": {"pattern": r"(?=a)b\1"}}})


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({}, 'data: "won" is a required property'),
        ({"won": 1}, 'data.won: 1 is not of type "boolean"'),
        ({"won": True, "items": ["a", 2]}, 'data.items[1]: 2 is not of type "string"'),
        ({"won": True, "seconds": 10**40}, "data.seconds: "),
    ],
)
def test_a_fault_says_where_it_is(data: dict[str, Any], fault: str) -> None:
    found = DataValidator(FINISHED).fault(data)
    assert found is not None
    assert found.startswith(fault)


# --- applications ---------------------------------------------------------------------------------


def test_versions_are_kept_in_the_order_they_came() -> None:
    race = RACE.with_schema(said(), 5)
    race = race.with_schema(said("2", changed(ADDITIVE[0])), 6)

    assert [one.version for one in race.versions["level_finished"]] == ["1", "2"]
    assert race.schema_of("level_finished", "1") == FINISHED
    assert race.schema_of("level_finished", "3") is None
    assert race.with_schema(said(), 7) == race, "the same once more"


def test_a_version_in_use_stays() -> None:
    race = RACE.with_schema(said(), 5)
    with pytest.raises(TakenVersionError):
        race.with_schema(said("1", changed(ADDITIVE[0])), 6)
    with pytest.raises(IncompatibleSchema):
        race.with_schema(said("2", changed(BREAKING[0][0])), 6)


def test_a_type_is_of_one_category_from_its_first_schema_on() -> None:
    with pytest.raises(UnknownCategoryError):
        RACE.with_schema(said(event_type="bought"), 5)
    race = RACE.with_schema(said(event_type="bought", category=Category.ECONOMY), 5)
    assert not race.may_claim("bought")
    with pytest.raises(ChangedCategoryError):
        race.with_schema(said("2", event_type="bought", category=Category.ENGAGEMENT), 5)


@pytest.mark.parametrize("category", Category)
def test_clients_are_believed_for_three_categories(category: Category) -> None:
    race = Application("north", "space-race", 1, categories={"a": category})
    assert race.may_claim("a") is (category not in (Category.GAMEPLAY, Category.ECONOMY))
    assert race.may_claim("never said")


def test_an_application_is_read_as_it_was_written() -> None:
    race = RACE.with_schema(said(), 5)
    race = Application(
        **{f: getattr(race, f) for f in race.__struct_fields__ if f != "mapping"},
        mapping=Mapping("round", player_id="P", rename={"a b": "c"}),
    )
    assert decode(encode(race)) == race


# --- stores ---------------------------------------------------------------------------------------


def _table(network: Network, name: str) -> None:
    network.dynamodb.create_table(name, "pk", None)


def test_applications_are_kept_and_changed_one_at_a_time() -> None:
    with tables(1_000_000) as network:
        _table(network, "registry")
        store = DynamoApplications("registry", "us-east-1")
        assert store.find("north", "space-race") is None
        store.add(RACE)
        with pytest.raises(KnownApplicationError):
            store.add(RACE)
        one = store.change(RACE.with_schema(said(), 5))
        assert (one.revision, store.find("north", "space-race")) == (2, one)
        assert store.find("south", "space-race") is None
        with pytest.raises(ApplicationChangedError):
            store.change(RACE)
        assert list(store.every()) == [one]


def test_an_application_is_asked_for_once_a_minute() -> None:
    asked: list[str] = []
    made: list[int] = []
    now = [0.0]
    known: dict[str, Application] = {"space-race": RACE}

    def find(_: str, application_id: str) -> Application | None:
        asked.append(application_id)
        return known.get(application_id)

    def make(application: Application) -> int:
        made.append(application.revision)
        return application.revision

    kept = KeptApplications(find, make, lambda: now[0])
    assert [kept.find("north", "space-race"), kept.find("north", "space-race")] == [1, 1]
    assert [kept.find("north", "none"), kept.find("north", "none")] == [None, None]
    assert asked == ["space-race", "none"]
    now[0] = 60.0
    assert kept.find("north", "space-race") == 1
    assert (len(asked), made) == (3, [1]), "asked again, and made once"
    known["space-race"] = Application("north", "space-race", 1, revision=2)
    known["none"] = RACE
    now[0] = 120.0
    assert [kept.find("north", "space-race"), kept.find("north", "none")] == [2, 1]


def test_an_install_may_post_so_many_events_a_minute() -> None:
    with tables(1_000_000) as network:
        _table(network, "installs")
        limits = DynamoInstallLimits("installs", "us-east-1", 10)
        minute = 60_000 * 20_000

        assert limits.take("install-a", 6, minute + 1) == 0
        assert limits.take("install-a", 5, minute + 2) == 0, "what was left, and a little more"
        assert limits.take("install-a", 1, minute + 45_500) == 15
        assert limits.take("install-a", 1, minute + 59_999) == 1
        assert limits.take("install-b", 11, minute) == 0
        assert limits.take("install-b", 1, minute) == 60
        assert limits.take("install-a", 10, minute + 60_000) == 0

"""Games' events through the deployed stack: servers, installs, quarantine, and the lake."""

import json
import re
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from pitboss.access import Action, Credential, Group, Kind, Principal, Status
from pitboss.lake.layout import GAME, RAW, REFINED, manifest_key, read_raw_key
from pitboss.lake.manifest import Counts, Manifest
from pitboss.stores.audit import DynamoAudit, day_of
from pitboss.stores.lake import S3Lake
from pitboss.stores.metrics import DynamoMetrics
from pitboss.stores.quarantine import S3Quarantine
from tests.fakes.keys import KeyPair
from tests.integration.test_access import Sender
from tests.integration.test_lake import lines_of
from tests.receiving import answering, receiver
from tests.sample_events import analytics_event, game_event
from tests.signing_in import signed_in
from tests.subscribing import subscribed
from workbench import endpoint, gateways, main, users
from workbench.metrics import load

JSON = "application/json"


class Studio(NamedTuple):
    """A studio of one test's own: a game, its server, and the API."""

    property_id: str
    server: Sender
    http: httpx.Client
    lake: S3Lake
    folder: Path

    def post(self, route: str, body: object, token: str | None = None) -> httpx.Response:
        content = json.dumps(body).encode()
        bearer = f"Bearer {token or self.server.token(content)}"
        headers = {"Content-Type": JSON, "Authorization": bearer}
        return self.http.post(route, content=content, headers=headers)

    def get(self, route: str) -> Any:
        bearer = {"Authorization": f"Bearer {self.server.token(b'')}"}
        answer = self.http.get(route, headers=bearer)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def apps(self, *words: str) -> str:
        return self.command("apps", *words)

    def command(self, *words: str) -> str:
        told = CliRunner().invoke(main.app, [*words, "--property", self.property_id])
        assert told.exit_code == 0, told.output
        return told.stdout

    def file(self, content: dict[str, Any]) -> str:
        path = self.folder / f"{uuid.uuid4().hex}.yaml"
        path.write_text(json.dumps(content))
        return str(path)


@pytest.fixture
def studio(stack: dict[str, str], tmp_path: Path) -> Iterator[Studio]:
    property_id = f"test-{uuid.uuid4().hex[:8]}"
    scopes = frozenset(
        {
            *(Action.SEND_GAME_EVENTS, Action.ISSUE_INSTALLS, Action.READ_LEADERBOARDS),
            *(Action.READ_ENTITLEMENTS, Action.CONSUME_ENTITLEMENTS, Action.READ_METRICS),
        }
    )
    principal = Principal(f"server-{property_id}", Kind.GATEWAY, property_id, None, scopes)
    keys, registry = KeyPair(), gateways.registry()
    registry.register(Credential(principal, keys.public_pem, keys.algorithm, Status.ACTIVE, 1))
    s3, dynamodb = endpoint.client("s3"), endpoint.client("dynamodb")
    lake = S3Lake(stack["LakeBucketName"], client=s3)
    with httpx.Client(base_url=endpoint.api_url(), timeout=60) as http:
        server = Sender(principal, keys, stack["TokenAudience"])
        yield Studio(property_id, server, http, lake, tmp_path)
    for tier in (f"{RAW}{GAME}/", REFINED):
        for key, _, _ in list(lake.objects(tier)):
            if f"={property_id}/" in key:
                s3.delete_object(Bucket=stack["LakeBucketName"], Key=key)
    made = [f"application/{property_id}/{one}" for one in ("space-race", "chase")]
    for key in ("history", "quarantine"):
        bucket = stack["QuarantineBucketName"]
        prefix = f"{key}/ingest_game_events/{property_id}/"
        for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=one["Key"])
    mender = gateways.workbench_mender(property_id).principal_id
    for item in (*made, principal.principal_id, mender):
        dynamodb.delete_item(TableName=stack["RegistryTableName"], Key={"pk": {"S": item}})
    kept = dynamodb.scan(
        TableName=stack["ScoresTableName"],
        FilterExpression="begins_with(pk, :own)",
        ExpressionAttributeValues={":own": {"S": f"{property_id}/"}},
    )
    for one in kept["Items"]:
        own = {"pk": one["pk"], "sk": one["sk"]}
        dynamodb.delete_item(TableName=stack["ScoresTableName"], Key=own)


def test_a_games_events_from_its_server_and_its_players_reach_the_lake(
    studio: Studio, stack: dict[str, str], eventually: Any
) -> None:
    now = int(time.time() * 1_000)
    studio.apps("add", "space-race", "--event", "level_started=local_gameplay")
    studio.apps("add", "chase")
    schema = {"type": "object", "required": ["won"], "properties": {"won": {"type": "boolean"}}}
    said: dict[str, Any] = {
        "application": "space-race",
        "event_type": "level_finished",
        "version": "1.0",
    }
    said |= {"category": "gameplay", "schema": schema}
    studio.apps("schemas", "apply", studio.file(said))
    mapping = {"event_type": "round_played", "player_id": "PlayerID"}
    studio.apps("mappings", "apply", "chase", studio.file(mapping))

    # the server, in all three envelopes
    events = [
        game_event(1, "level_finished", won=True, event_timestamp=now),
        game_event(2, "level_finished", won="yes", event_timestamp=now),
        game_event(3, "never_registered", event_timestamp=now),
        game_event(4, "login", app_name="nothing", event_timestamp=now),
    ]
    answer = studio.post("/v1/game-events", events).json()
    assert [one.get("reason") for one in answer["events"]] == [
        *(None, "invalid_data", None, "unknown_application")
    ]
    assert (answer["accepted"], answer["unrecognised"]) == (2, 1)
    guidance = {"events": [analytics_event(1, won=True) | {"event_timestamp": now // 1_000}]}
    answer = studio.post("/applications/space-race/events", guidance).json()
    assert (answer["received"], answer["accepted"]) == (1, 1)
    payload = {"PlayerID": 7, "Time Played": 61, "Wins": 3, "CaughtAt": "gate"}
    answer = studio.post("/applications/chase/events", payload).json()
    assert (answer["received"], answer["accepted"]) == (1, 1)

    # a player's device
    asked = studio.post("/v1/applications/space-race/installs", {"client_id": "player-7"})
    token = asked.json()["token"]
    claims = [
        game_event(5, "level_started", event_timestamp=now),
        game_event(6, "level_finished", won=True, event_timestamp=now),
        game_event(7, "level_started", client_id="player-8", event_timestamp=now),
        game_event(8, "level_started", app_name="chase", event_timestamp=now),
    ]
    answer = studio.post("/v1/game-events", claims, token).json()
    assert [one.get("reason") for one in answer["events"]] == [
        *(None, "untrusted_claim", "foreign_player", "foreign_asset")
    ]
    assert studio.post("/v1/game-events", claims, f"{token[:-4]}AAAA").status_code == 401
    assert studio.post("/v1/slot-events", [], token).status_code == 403

    # all of it is kept: what was accepted in the lake, the rest in quarantine
    found = eventually(
        lambda: lines_of(studio.lake, f"{RAW}{GAME}/property={studio.property_id}/"),
        lambda lines: len(lines) >= 5,
    )
    kept = {line["event_id"]: line for line in (json.loads(bytes(one.event)) for one in found)}
    mapped = next(one for one in kept.values() if one["application_id"] == "chase")
    assert kept.keys() == {"g-1", "g-3", "a-1", "g-5", mapped["event_id"]}
    assert {one for one in kept if not kept[one]["is_trusted"]} == {"g-5"}
    assert (mapped["player_id"], mapped["data"]["CaughtAt"]) == ("7", "gate")
    assert kept["a-1"]["occurred_at"] == now // 1_000 * 1_000
    assert sorted(one.posted for one in found) == sorted(
        json.dumps(one).encode()
        for one in (events[0], events[2], guidance["events"][0], payload, claims[0])
    )
    store = S3Quarantine(stack["QuarantineBucketName"], client=endpoint.client("s3"))
    aside = [
        entry
        for key, _, _ in store.objects(f"ingest_game_events/{studio.property_id}/")
        for entry in store.read(key)
    ]
    assert sorted(json.loads(one.raw)["event_id"] for one in aside) == [
        *("g-2", "g-4", "g-6", "g-7", "g-8")
    ]

    # what is mended goes in again as of who sent it: a client's claim does not become a server's
    first = f"ingest_game_events/{studio.property_id}/"
    ids = {
        json.loads(entry.raw)["event_id"]: f"{key.removeprefix('quarantine/')[:-7]}#{position}"
        for key, _, _ in store.objects(first)
        for position, entry in enumerate(store.read(key))
    }
    for event_id, change in (
        ("g-2", ".won = true"),
        ("g-6", '.event_type = "level_started"'),
        ("g-7", '.client_id = "player-7"'),
    ):
        pitboss("quarantine", "mend", ids[event_id], "--set", change, "--yes")
    mended = [ids[one] for one in ("g-2", "g-6", "g-7")]
    replayed = CliRunner().invoke(main.app, ["quarantine", "replay", *mended, ids["g-8"], "--json"])
    told = json.loads(replayed.stdout)
    assert (told["accepted"], told["not sent"]) == (3, 1), replayed.output
    found = eventually(
        lambda: lines_of(studio.lake, f"{RAW}{GAME}/property={studio.property_id}/"),
        lambda lines: len(lines) >= 8,
    )
    kept = {line["event_id"]: line for line in (json.loads(bytes(one.event)) for one in found)}
    assert {one: kept[one]["is_trusted"] for one in ("g-2", "g-6", "g-7")} == {
        "g-2": True,
        "g-6": False,
        "g-7": False,
    }

    # and a version that breaks what is stored is refused with the field and the rule
    schema = {"type": "object", "properties": {"won": {"type": "string"}}}
    words = ["apps", "schemas", "apply", studio.file(said | {"version": "2.0", "schema": schema})]
    told = CliRunner().invoke(main.app, [*words, "--property", studio.property_id])
    assert told.exit_code == 1
    assert "won: type-changed" in " ".join(told.output.split())


def test_events_are_found_within_seconds_each_once_by_people_of_the_studio(
    studio: Studio, stack: dict[str, str], request: pytest.FixtureRequest, eventually: Any
) -> None:
    property_id = studio.property_id
    studio.apps("add", "space-race", "--event", "heartbeat=engagement")
    told = json.loads(studio.apps("hot", "space-race", "--leave-out", "heartbeat", "--json"))
    assert told["left_out"] == ["heartbeat"]
    now = int(time.time() * 1_000)
    events = [
        game_event(n, kind, event_timestamp=now - n, client_id=f"player-{n % 2}", level_id=level)
        for n, (kind, level) in enumerate(
            [("died", "nebula"), ("won", "nebula"), ("died", "reef/2"), ("heartbeat", "nebula")]
        )
    ]
    for _ in range(2):  # as a client does whose answer was lost
        assert studio.post("/v1/game-events", events).json()["accepted"] == 4

    headers = {}
    cognito = endpoint.client("cognito-idp")
    for whose in (property_id, "elsewhere"):
        name, password = f"ada-{whose}-{property_id}", users.new_password()
        users.add(name, whose, [Group.ANALYST], password)
        which = {"UserPoolId": stack["UserPoolId"], "Username": name}
        request.addfinalizer(partial(cognito.admin_delete_user, **which))
        headers[whose] = {"Authorization": f"Bearer {signed_in(name, password).id_token}"}

    def search(whose: str = property_id, **said: Any) -> httpx.Response:
        asked = {"application": "space-race", **said}
        return studio.http.get("/v1/game-events", params=asked, headers=headers[whose])

    def ids(**said: Any) -> list[str]:
        return [one["event_id"] for one in search(**said).json()["events"]]

    eventually(ids, lambda found: len(found) == 3)
    eventually(ids, lambda found: found == ["g-0", "g-1", "g-2"])
    assert ids(player="player-0") == ["g-0", "g-2"]
    assert ids(type="died", level="reef/2") == ["g-2"]
    assert ids(since=now - 1, until=now) == ["g-1"]
    page = search(limit=2).json()
    assert ids(before=page["next"]) == ["g-2"]
    assert search("elsewhere").status_code == 404
    assert studio.http.get("/v1/game-events", params={"application": "space-race"}).status_code == (
        401
    )

    fresh = studio.http.get("/v1/game-events/freshness", headers=headers[property_id]).json()
    (one,) = fresh["applications"]
    assert now <= one["newest_received_at"] <= one["indexed_at"] <= fresh["at"]
    with endpoint.as_environment():
        audit = DynamoAudit(stack["AuditTableName"], endpoint.DEFAULT_REGION)
        looks, _ = audit.looks(property_id, day_of(now), 100)
    assert ["player-0"] in [one.player_ids for one in looks]

    words = ["events", "search", "--application", "space-race", "--type", "won", "--json"]
    said = CliRunner().invoke(main.app, [*words, "--property", property_id])
    assert said.exit_code == 0, said.output
    (line,) = json.loads(said.stdout)["events"]
    assert (line["event_id"], line["level_id"], line["data"]) == ("g-1", "nebula", {})


def test_what_a_game_posts_twice_is_refined_once_and_counted(
    studio: Studio, stack: dict[str, str], eventually: Any
) -> None:
    now = int(time.time() * 1_000)
    studio.apps("add", "space-race")
    events = [
        game_event(1, "level_started", event_timestamp=now, odd={"new": [1, None]}),
        game_event(2, "level_finished", event_timestamp=now, client_id="player-8"),
    ]
    for _ in range(2):
        assert studio.post("/v1/game-events", events).json()["accepted"] == 2
    prefix = f"{RAW}{GAME}/property={studio.property_id}/"
    eventually(lambda: lines_of(studio.lake, prefix), lambda lines: len(lines) == 4)
    raw = [read_raw_key(key) for key, _, _ in studio.lake.objects(prefix)]
    (day,) = {named.day for named in raw if named is not None}
    of = ("--property", studio.property_id)

    # The hourly run may come just now and do it.
    pitboss("refine", *of, "--family", "game")

    manifest = Manifest.from_json(studio.lake.get(manifest_key(studio.property_id, day, GAME)))
    assert manifest.events == Counts(archived=4, unique=2, duplicate=2, conflicting=0)
    made = {
        key.split("/")[1]
        for key, _, _ in studio.lake.objects(REFINED)
        if f"={studio.property_id}/" in key
    }
    assert made == {"application_events", "game_manifests"}  # no ledger, nothing reconciled
    fresh = json.loads(pitboss("refine", "status", *of, "--json"))
    assert (fresh["waiting"], fresh["waiting_since"]) == (0, None)
    assert now <= fresh["newest_refined_at"] <= fresh["as_of"]
    shown = json.loads(
        pitboss("refine", "show", *of, "--family", "game", "--day", day, "--verify", "--json")
    )
    assert len(shown["raw"]) == len(raw)
    assert {file["state"] for file in (*shown["raw"], *shown["files"])} == {"as named"}
    days = [
        f"--param=property={studio.property_id}",
        *(f"-p{n}_day={day}" for n in ("first", "last")),
    ]
    (dau,) = json.loads(pitboss("query", "dau", *days, "--format", "json"))
    assert (dau["application_id"], dau["players"], dau["events"]) == ("space-race", 2, 2)
    text = (
        "SELECT data, is_trusted FROM application_events "
        f"WHERE property_id = '{studio.property_id}' AND event_id = 'g-1'"
    )
    (row,) = json.loads(pitboss("query", text, "--format", "json"))
    assert (json.loads(row["data"]), row["is_trusted"]) == ({"odd": {"new": [1, None]}}, True)
    # What people look at is made of the same rows.
    what = ("--application", "space-race", "--event", "level_started", "--level", "nebula")
    drawn = json.loads(pitboss("heatmap", *what, *of, "--json"))
    assert (drawn["events"], drawn["unplaced"], len(drawn["bins"])) == ([1], 0, 1)
    told = json.loads(pitboss("game-report", "space-race", day, *of, "--json"))
    totals = told["totals"]
    assert (totals["events"], totals["players"], totals["trusted_events"]) == (2, 2, 2)
    # Once more: nothing has come, and nothing is done.
    again = json.loads(pitboss("refine", *of, "--family", "game", "--json"))
    assert (again["refined"], again["current"]) == ([], 1)


def pitboss(*words: str) -> str:
    told = CliRunner().invoke(main.app, list(words))
    assert told.exit_code == 0, told.output
    return told.stdout


def test_an_install_is_held_to_its_events_of_a_minute(
    studio: Studio, stack: dict[str, str]
) -> None:
    studio.apps("add", "space-race")
    asked = studio.post("/v1/applications/space-race/installs", {"client_id": "player-9"})
    assert studio.post("/v1/applications/chase/installs", {"client_id": "a"}).status_code == 404
    token = asked.json()["token"]
    answers = []
    for turn in range(6):  # of two minutes at most, 600 events each
        events = [game_event(turn * 500 + n, "login", client_id="player-9") for n in range(500)]
        answers.append(studio.post("/v1/game-events", events, token))
        if answers[-1].status_code == 429:
            break
    assert [one.json()["accepted"] for one in answers[:2]] == [500, 500]
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_scores_make_a_board_and_a_milestone_gives_once(studio: Studio, eventually: Any) -> None:
    now = int(time.time() * 1_000)
    milestone = {"milestone": "six", "at": 6, "gives": "badge"}
    board = {"board": "points", "event_type": "level_finished", "best": "sum", "field": "points"}
    boards = [board | {"milestones": [milestone]}]
    studio.apps("add", "space-race", "--event", "level_finished=local_gameplay")
    file = studio.file({"application": "space-race", "boards": boards})
    (shown,) = json.loads(studio.command("leaderboards", "apply", file, "--json"))
    assert (shown["board"], shown["status"]) == ("points", "open")

    events = [
        game_event(n, "level_finished", client_id=f"player-{n % 3}", points=n, event_timestamp=now)
        for n in range(1, 7)
    ]
    asked = studio.post("/v1/applications/space-race/installs", {"client_id": "player-1"})
    claim = game_event(9, "level_finished", client_id="player-1", points=99, event_timestamp=now)
    assert studio.post("/v1/game-events", [claim], asked.json()["token"]).json()["accepted"] == 1
    for body in (events, events[3:], events):  # as after answers that were lost
        assert studio.post("/v1/game-events", body).json()["accepted"] == len(body)

    route = "/v1/applications/space-race/leaderboards/points"
    found = eventually(
        lambda: studio.get(f"{route}?player_id=player-1"),
        lambda seen: sum(one["value"] for one in seen["players"]) >= 21,
    )
    places = [(one["rank"], one["player_id"], one["value"]) for one in found["players"]]
    assert places == [(1, "player-0", 9), (2, "player-2", 7), (3, "player-1", 5)]
    assert (found["player"]["rank"], len(found["player"]["ahead"])) == (3, 2)
    (given,) = studio.get("/v1/players/player-2/entitlements")["entitlements"]
    assert (given["gives"], given["consumed_at"]) == ("badge", None)
    assert studio.get("/v1/players/player-1/entitlements")["entitlements"] == []

    use = f"/v1/players/player-2/entitlements/{given['entitlement_id']}/consume"
    headers = {"Authorization": f"Bearer {studio.server.token(b'')}", "Idempotency-Key": "use-1"}
    answers = [studio.http.post(use, headers=headers)]
    headers = {"Authorization": f"Bearer {studio.server.token(b'')}", "Idempotency-Key": "use-2"}
    answers.append(studio.http.post(use, headers=headers))
    assert [one.status_code for one in answers] == [200, 409]
    listed = json.loads(studio.command("entitlements", "list", "player-2", "--json"))
    assert [one["consumed_at"] for one in listed] == [answers[0].json()["consumed_at"]]
    told = json.loads(studio.command("leaderboards", "show", "space-race", "points", "--json"))
    assert told["players"] == found["players"]


def test_events_are_measured_shown_and_told_of(
    studio: Studio, stack: dict[str, str], eventually: Any
) -> None:
    studio.apps("add", "chase")
    mapping = {"event_type": "round_played", "player_id": "PlayerID", "occurred_at": "At"}
    studio.apps("mappings", "apply", "chase", studio.file(mapping))
    now = int(time.time())
    store = DynamoMetrics(stack["MetricsTableName"], "", endpoint.client("dynamodb"))
    for one in load([Path("metrics")]):
        store.define(studio.property_id, one, now - 3_600)

    # rounds of two minutes ago: eleven losses and more are told of
    then = now // 60 * 60 - 110
    rounds = [{"PlayerID": n, "Wins": 1, "Losses": 9 + n, "At": then} for n in range(4)]
    publish = physical_id("PublishMetricsFunction")
    with (
        receiver(lambda handler: answering([503, 204][len(posts) > 1])(handler)) as (port, posts),
        subscribed(stack["MetricsTopicArn"], RawMessageDelivery="true") as messages,
    ):
        hook = ("metrics", "webhook", "add", "ops", f"http://127.0.0.1:{port}/in", "--json")
        secret = json.loads(studio.command(*hook))["secret"]
        told_of = load([Path("metrics/losses-over-10.yaml")])[0]
        asking: Any = msgspec.to_builtins(told_of)
        asking["threshold"] = {"over": 0, "actions": [{"webhook": "ops"}]}
        studio.command("metrics", "apply", studio.file(asking))
        for _ in range(2):  # the answer is lost, and the client sends again
            studio.post("/applications/chase/events", rounds)
        found = eventually(
            lambda: values(studio),
            lambda seen: sum(seen.get("daily-active-players", ())) == 4,
            within=60,
        )
        endpoint.client("lambda").invoke(FunctionName=publish, Payload=b"{}")
        (notice, *_) = eventually(
            lambda: [
                told
                for told in (json.loads(one["Body"]) for one in messages())
                if told["property_id"] == studio.property_id
            ]
        )
        first = eventually(lambda: posts, within=60)[0][1]["webhook-id"]
        eventually(
            lambda: [headers["webhook-id"] for _, headers, _ in posts],
            lambda ids: ids.count(first) == 2 and notice["notice_id"] in ids,
            within=60,
        )
        (last,) = eventually(
            lambda: json.loads(studio.command("metrics", "webhook", "list", "--json")),
            lambda seen: seen[0]["last"] is not None and seen[0]["last"]["became"] == "done",
        )

    assert notice.pop("actions") == [{"webhook": "ops"}]
    assert last["last"]["answer"] == "204"
    verify = documented("docs/metrics.md", "def verified")
    said = {}
    for _, headers, body in posts:  # as a receiver does it
        said[headers["webhook-id"]] = json.loads(verify["verified"](secret, headers, body))
        with pytest.raises(ValueError, match="not signed"):
            verify["verified"](secret, headers, body + b" ")
    assert said[notice["notice_id"]] == notice
    assert sum(found["sessions"]) == 4
    assert found["monthly-active-players"][-1] == 4
    assert (notice["key"], notice["what"], notice["value"]) == ("losses-over-10", "crossed", 2)


def test_crashes_are_grouped_counted_once_and_reopened(
    studio: Studio, stack: dict[str, str], eventually: Any
) -> None:
    store = DynamoMetrics(stack["MetricsTableName"], "", endpoint.client("dynamodb"))
    studio.apps("add", "space-race", "--event", "client_crashed=performance")
    now = int(time.time() * 1_000)

    def crash(number: int, version: str, function: str, at: int = now) -> dict[str, Any]:
        stack = f"Race.Car.{function} () (at Assets/Car.cs:{number})\nRace.Loop:Update ()"
        said = {"exception": "NullReferenceException", "message": f"no {number}", "stack": stack}
        place = {"app_version": version, "event_timestamp": at, "client_id": f"player-{number}"}
        return game_event(number, "client_crashed", **place, **said)

    def counted() -> int:
        tallies = store.tallies(studio.property_id, "space-race").values()
        groups = [group for tally in tallies for group in tally.values()]
        return sum(seen.count for group in groups for seen in group.versions.values())

    def listed(count: int) -> dict[str, Any]:
        eventually(counted, lambda seen: seen >= count, within=60)
        return dict(json.loads(studio.command("crashes", "list", *of, "--json")))

    of = ("--application", "space-race")
    late = now - 3 * 86_400_000
    first = [crash(number, "1.9", "Brake") for number in range(1, 5)]
    second = [crash(5, "1.10", "Brake"), crash(6, "1.10", "Steer"), crash(7, "1.9", "Brake", late)]
    studio.post("/v1/game-events", [*first, *first[:2]])
    studio.post("/v1/game-events", [*second, *first])  # the answer was lost

    found = listed(7)
    assert (found["groups"], found["count"], found["other"]) == (2, 7, 0)
    brake, steer = found["crashes"]
    assert [(one["version"], one["count"]) for one in brake["versions"]] == [
        ("1.10", 1),
        ("1.9", 5),
    ]
    assert (brake["where"], brake["first_seen_at"]) == ("Race.Car.Brake", late)
    assert (steer["where"], steer["count"], steer["state"]) == ("Race.Car.Steer", 1, "open")
    assert studio.get("/v1/crashes?application=space-race") == found
    shown = studio.get(f"/v1/crashes/{brake['group']}?application=space-race")
    assert shown["crash"] == brake
    assert shown["example"]["stack"].startswith("Race.Car.Brake () (at Assets/Car.cs:")

    told = studio.command("crashes", "resolve", brake["group"], *of, "--version", "2.0")
    assert "resolved (in 2.0)" in told
    studio.post("/v1/game-events", [crash(8, "1.10", "Brake"), crash(9, "1.11", "Brake")])
    found = listed(9)
    assert found["crashes"][0]["state"] == "resolved"
    at = int(time.time() * 1_000)
    studio.post("/v1/game-events", [crash(10, "2.0.1", "Brake", at), crash(8, "1.10", "Brake")])
    found = listed(10)
    assert (found["count"], found["crashes"][0]["state"]) == (10, "reopened")
    assert found["crashes"][0]["versions"][0]["version"] == "2.0.1"


def documented(page: str, marker: str) -> dict[str, Any]:
    """What the Python of a page defines, of the block that has this in it."""
    blocks = re.findall(r"^```python\n(.*?)^```", Path(page).read_text(), re.MULTILINE | re.DOTALL)
    (code,) = [one for one in blocks if marker in one]
    defined: dict[str, Any] = {}
    exec(code, defined)
    return defined


def values(studio: Studio) -> dict[str, list[Any]]:
    """What each metric comes to in the window that lasts and in the one before: the rounds are of
    two minutes ago, which may be another gaming day.
    """
    headers = {"Authorization": f"Bearer {studio.server.token(b'')}"}
    found = studio.http.get("/v1/metrics", params={"windows": "2"}, headers=headers).json()
    return {
        one["key"]: [value["value"] for window in one["windows"] for value in window["values"]]
        for one in found["metrics"]
    }


def physical_id(logical_id: str) -> str:
    found = endpoint.client("cloudformation").describe_stack_resource(
        StackName=endpoint.stack_name(), LogicalResourceId=logical_id
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])

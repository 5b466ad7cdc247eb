"""Serving the live floor: who sees what of it, its plan, its players, its past and its alerts."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pitboss.access import GROUPS, Action, Group, Principal
from pitboss.anomalies.questions import Question
from pitboss.anomalies.reviews import Review, ReviewStatus, review_of
from pitboss.anomalies.watch import Suspicion
from pitboss.floor.documents import BillIn
from pitboss.floor.plan import FloorPlan, Place
from pitboss.floor.rows import (
    MINUTE_MS,
    Alert,
    FloorMinute,
    MachineSums,
    MinuteRow,
    OfferCounts,
    Severity,
)
from pitboss.gaming_day import GamingDays
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.rating.fold import SessionDay, Tally
from pitboss.stores.floor import StoredFloor
from pitboss.stores.ratings import Asset, PlayerSession
from serve_floor import handler as room
from serve_floor import service
from serve_floor.players import MAX_PLAYERS, PlayersNow
from tests.sample_events import (
    HOST,
    HOST_APP,
    MONDAY_EVENING,
    OFFER,
    OFFICER,
    SCREENS,
    SEATED,
    UNPLAYED,
    asked,
    load,
    sent,
)

NOW = MONDAY_EVENING + 27_000
TODAY = "2020-06-15"
PLAN = FloorPlan([Place("1940732", 1, 2, "high-limit")], version=3)
DAYS = GamingDays.parse("*=America/Los_Angeles@06:00")


def having(caller: Principal, *groups: Group) -> Principal:
    """The same person in other groups."""
    scopes = frozenset().union(*(GROUPS[group] for group in groups))
    return dataclasses.replace(caller, scopes=scopes)


SLOT_OPS, ADMIN = having(HOST, Group.SLOT_OPS), having(HOST, Group.ADMIN)


class Floor:
    """Everything that is read, in memory."""

    def __init__(self) -> None:
        self.stored = StoredFloor(sums=[SEATED, UNPLAYED], offers=OfferCounts(TODAY, decided=2))
        self.kept: FloorPlan | None = PLAN
        self.raised: list[Alert] = []
        self.minute: list[FloorMinute] = []
        self.bill: list[BillIn] = []
        self.asked_minutes = 0

    def live(self, property_id: str) -> StoredFloor:
        return self.stored if property_id == "north" else StoredFloor()

    def plan(self, property_id: str) -> FloorPlan | None:
        return self.kept

    def keep_plan(self, property_id: str, plan: FloorPlan, at: int, by: str) -> bool:
        if plan.version != (self.kept.version if self.kept else 0) + 1:
            return False
        self.kept = plan
        return True

    def alerts(self, property_id: str, since: int) -> list[Alert]:
        return [a for a in self.raised if a.acknowledged_at is None or a.raised_at >= since]

    def acknowledge_alert(
        self, property_id: str, alert_id: str, by: str, at: int, note: str | None
    ) -> Alert | None:
        for place, alert in enumerate(self.raised):
            if alert.alert_id == alert_id:
                if alert.acknowledged_at is None:
                    alert = replace(alert, acknowledged_at=at, acknowledged_by=by, note=note)
                    self.raised[place] = alert
                return alert
        return None

    def minutes(
        self, property_id: str, gaming_day: str, first: int, last: int
    ) -> Iterator[FloorMinute]:
        for kept in self.minute:
            if kept.gaming_day == gaming_day and first <= kept.minute <= last:
                self.asked_minutes += 1
                yield kept

    def bills(
        self, property_id: str, player_id: str | None, since: int, until: int, newest: int
    ) -> list[BillIn]:
        found = [b for b in self.bill if b.player_id == player_id]
        return [b for b in found if since <= b.occurred_at < until][:newest]


class Reviews:
    """The review queue, in memory."""

    def __init__(self) -> None:
        found = Suspicion(Question.PACE, "1940732", "p-81", NOW - 27_000, NOW, 7, 229_599)
        self.kept = {review_of(found).review_id: review_of(found)}

    def review(self, property_id: str, review_id: str) -> Review | None:
        return self.kept.get(review_id) if property_id == "north" else None

    def reviews(self, property_id: str, status: ReviewStatus | None, newest: int) -> list[Review]:
        found = [one for one in self.kept.values() if status in (None, one.status)]
        return found[:newest] if property_id == "north" else []

    def decide(
        self,
        property_id: str,
        review_id: str,
        verdict: ReviewStatus,
        by: str,
        at: int,
        note: str,
    ) -> Review | None:
        review = self.review(property_id, review_id)
        if review is not None and review.status is ReviewStatus.OPEN:
            review = replace(review, status=verdict, decided_by=by, decided_at=at, note=note)
            self.kept[review_id] = review
        return review


class Ratings:
    """Sessions of today; nobody has a past."""

    def __init__(self) -> None:
        self.played: dict[tuple[Asset, SessionDay], PlayerSession] = {}
        self.rated: list[str] = []

    def play(self, row: MachineSums, **tally: int) -> None:
        assert row.player_id is not None
        key = SessionDay(TODAY, row.player_id, row.seated_since or 0)
        last = NOW - 1_000
        played = PlayerSession(key, row.asset_id, Tally(**tally), last - 3_600_000, last)
        self.played[Asset("north", row.asset_id), key] = played

    def sessions(
        self, sessions: Iterable[tuple[Asset, SessionDay]]
    ) -> dict[tuple[Asset, SessionDay], PlayerSession]:
        return {one: self.played[one] for one in sessions if one in self.played}

    def player_sessions(
        self, property_id: str, player_id: str, newest: int, before: object = None
    ) -> list[PlayerSession]:
        self.rated.append(player_id)
        return [s for (_, key), s in self.played.items() if key.player_id == player_id]

    def table_days(self, property_id: str, player_id: str, newest: int) -> list[Any]:
        return []


class Offers:
    def __init__(self) -> None:
        self.made: list[IssuedOffer] = []

    def offers(self, property_id: str, player_id: str, newest: int) -> list[IssuedOffer]:
        return [offer for offer in self.made if offer.player_id == player_id][:newest]


class Audit:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, list[str]]] = []
        self.fails = False

    def tell(
        self,
        caller: Principal,
        action: str,
        player_ids: Iterable[str],
        correlation_id: str,
        at: int,
    ) -> None:
        if self.fails:
            raise TimeoutError
        if caller.sign_in is not None:
            self.told.append((caller.name, action, sorted(player_ids)))


class World(SimpleNamespace):
    floor: Floor
    reviews: Reviews
    ratings: Ratings
    offers: Offers
    audit: Audit
    now_ms: int


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    floor, ratings, offers, audit = Floor(), Ratings(), Offers(), Audit()
    made = World(floor=floor, ratings=ratings, offers=offers, audit=audit, now_ms=NOW)
    made.reviews = Reviews()
    wiring = SimpleNamespace(
        floor=floor,
        reviews=made.reviews,
        players=PlayersNow(floor, ratings, offers),
        audit=audit,
        spread=map,
        now=lambda: made.now_ms,
        day=DAYS.rule_of,
        today=lambda property_id, at: DAYS.day_of(property_id)(at),
    )
    monkeypatch.setattr(room, "_wiring", lambda: wiring)
    return made


def answer(event: dict[str, Any]) -> tuple[int, Any]:
    found = room.handler(event, None)
    return found["statusCode"], json.loads(found["body"] or "null")


def get(path: str, caller: Principal = HOST, **query: str) -> tuple[int, Any]:
    return answer(asked(path, caller, query=query or None))


# --- the floor ------------------------------------------------------------------------------------


def test_the_floor_is_told_whole_and_who_was_seen_is_kept(world: World) -> None:
    status, floor = get("/v1/floor/live")

    assert status == 200
    assert floor["property_id"] == "north"
    assert (floor["at"], floor["gaming_day"], floor["plan_version"]) == (NOW, TODAY, 3)
    assert floor["sums"] == msgspec.to_builtins([SEATED, UNPLAYED])
    assert floor["offers"]["decided"] == 2
    assert world.audit.told == [("jo", "GET /v1/floor/live", ["p-81"])]


@pytest.mark.parametrize("group", [Group.SLOT_OPS, Group.ANALYST])
def test_who_may_not_see_players_is_told_of_none(world: World, group: Group) -> None:
    status, floor = get("/v1/floor/live", having(HOST, group))

    assert status == 200
    assert "p-81" not in json.dumps(floor)
    assert [row[18] for row in floor["sums"]] == [True, False], "that a card is in is no secret"
    assert world.audit.told == []


def test_an_unchanged_floor_is_not_told_again_but_a_changed_one_is(world: World) -> None:
    first = room.handler(asked("/v1/floor/live", HOST), None)
    tag = {"If-None-Match": first["headers"]["ETag"]}
    world.now_ms += 5_000

    again = room.handler(asked("/v1/floor/live", HOST, headers=tag), None)
    world.floor.stored = StoredFloor(sums=[replace(SEATED, games=13)])
    changed = room.handler(asked("/v1/floor/live", HOST, headers=tag), None)

    assert (again["statusCode"], again["body"]) == (304, "")
    assert changed["statusCode"] == 200
    assert first["headers"]["ETag"].startswith('W/"')


def test_who_sees_less_has_another_tag() -> None:
    tags = {
        room.handler(asked("/v1/floor/live", who), None)["headers"]["ETag"]
        for who in (HOST, SLOT_OPS)
    }
    assert len(tags) == 2


@pytest.mark.parametrize(
    "path", ["/v1/floor/live", "/v1/floor/players", "/v1/players/{player_id}/bill-ins"]
)
def test_without_the_audit_log_nobody_is_shown(world: World, path: str) -> None:
    world.audit.fails = True

    with pytest.raises(TimeoutError):
        room.handler(asked(path, OFFICER, player_id="p-81"), None)


@pytest.mark.parametrize(
    ("path", "caller"),
    [
        ("/v1/floor/live", HOST_APP),
        ("/v1/floor/live", SCREENS),
        ("/v1/floor/players", SLOT_OPS),
        ("/v1/players/{player_id}/bill-ins", HOST),
        ("/v1/players/{player_id}/bill-ins", ADMIN),
        ("/v1/players/{player_id}/bill-ins", SLOT_OPS),
        ("/v1/reviews", HOST),
        ("/v1/reviews", ADMIN),
        ("/v1/reviews", SLOT_OPS),
        ("/v1/floor/unheard-of", OFFICER),
    ],
)
def test_what_is_not_for_the_caller_is_not_there(path: str, caller: Principal) -> None:
    """The authorizer refuses them before; here is the second wall."""
    assert answer(asked(path, caller, player_id="p-81"))[0] == 404


def test_bills_are_for_compliance_and_nobody_else(world: World) -> None:
    """A wall: shown to other staff, what a player put in creates a duty to report."""
    allowed = {group for group in Group if Action.READ_BILLS in GROUPS[group]}
    assert allowed == {Group.COMPLIANCE}

    for n in range(3):
        world.floor.bill.append(BillIn("1940732", NOW - n * 60_000, f"b-{n}", 2_000, "p-81"))
    status, document = answer(asked("/v1/players/{player_id}/bill-ins", OFFICER, player_id="p-81"))

    assert (status, document["total_cents"], len(document["bills"])) == (200, 6_000, 3)
    assert world.audit.told == [("rosa", "GET /v1/players/{player_id}/bill-ins", ["p-81"])]
    for group in set(Group) - allowed:
        event = asked("/v1/players/{player_id}/bill-ins", having(HOST, group), player_id="p-81")
        refused, body = answer(event)
        assert refused == 404
        assert "2000" not in json.dumps(body)


def test_bills_of_a_time(world: World) -> None:
    world.floor.bill = [BillIn("1", at, f"b-{at}", 100, "p-81") for at in (1_000, 2_000, 3_000)]

    def found(**query: str) -> tuple[int, Any]:
        path = "/v1/players/{player_id}/bill-ins"
        return answer(asked(path, OFFICER, query=query, player_id="p-81"))

    assert [b["occurred_at"] for b in found(since="2000", until="3000")[1]["bills"]] == [2_000]
    assert found(since="3", until="2")[0] == 400
    assert found(since="yesterday")[0] == 400


# --- suspicions -----------------------------------------------------------------------------------

SUSPECTED = f"{NOW - 27_000:013d}-1940732-pace"


def decided(body: object, caller: Principal = OFFICER, review_id: str = SUSPECTED) -> Any:
    path = "/v1/reviews/{review_id}/decide"
    sent_body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer(sent("POST", path, caller, sent_body, review_id=review_id))


def test_compliance_sees_who_is_suspected_and_that_is_a_look(world: World) -> None:
    status, document = get("/v1/reviews", OFFICER)

    assert (status, document["truncated"]) == (200, False)
    (review,) = document["reviews"]
    assert (review["review_id"], review["player_id"], review["status"]) == (
        SUSPECTED,
        "p-81",
        "open",
    )
    assert review["odds_against"] == 229_599
    assert world.audit.told == [("rosa", "GET /v1/reviews", ["p-81"])]
    assert get("/v1/reviews", OFFICER, status="cleared")[1]["reviews"] == []
    assert len(get("/v1/reviews", OFFICER, status="all")[1]["reviews"]) == 1
    assert get("/v1/reviews", OFFICER, status="odd")[0] == 400


def test_the_first_verdict_stays_and_the_same_again_is_answered_the_same(world: World) -> None:
    cleared = {"verdict": "cleared", "note": " seen on camera "}

    status, first = decided(cleared)
    world.now_ms += 5_000
    again = decided({"verdict": "cleared", "note": "again"})
    other, refused = decided({"verdict": "confirmed", "note": "no"})

    assert (status, first["status"], first["note"]) == (200, "cleared", "seen on camera")
    assert (first["decided_by"], first["decided_at"]) == ("rosa", NOW)
    assert again == (200, first)
    assert (other, refused["status"]) == (409, 409)
    assert (refused["verdict"], refused["decided_by"]) == ("cleared", "rosa")
    told = ("rosa", "POST /v1/reviews/{review_id}/decide", ["p-81"])
    assert world.audit.told == [told] * 3


def test_nothing_is_decided_that_is_not_written_down(world: World) -> None:
    world.audit.fails = True

    with pytest.raises(TimeoutError):
        decided({"verdict": "cleared", "note": "x"})

    assert world.reviews.kept[SUSPECTED].status is ReviewStatus.OPEN


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        {},
        {"verdict": "cleared"},
        {"verdict": "open", "note": "x"},
        {"verdict": "cleared", "note": " "},
        {"verdict": "cleared", "note": "x" * 501},
        {"verdict": "cleared", "note": "x", "a": 1},
    ],
    ids=str,
)
def test_a_decision_is_a_verdict_and_why(world: World, body: object) -> None:
    assert decided(body)[0] == 400
    assert world.reviews.kept[SUSPECTED].status is ReviewStatus.OPEN


def test_a_review_is_not_there_for_others(world: World) -> None:
    cleared = {"verdict": "cleared", "note": "x"}
    assert decided(cleared, review_id="nothing")[0] == 404
    assert decided(cleared, review_id="a/b")[0] == 404
    for group in set(Group) - {Group.COMPLIANCE}:
        assert decided(cleared, having(HOST, group))[0] == 404
    assert world.reviews.kept[SUSPECTED].status is ReviewStatus.OPEN


# --- the plan -------------------------------------------------------------------------------------


def put(plan: object, if_match: str | None = None, caller: Principal = ADMIN) -> tuple[int, Any]:
    headers = {} if if_match is None else {"If-Match": if_match}
    body = plan if isinstance(plan, bytes) else msgspec.json.encode(plan)
    return answer(sent("PUT", "/v1/floor/plan", caller, body, headers=headers))


def test_a_plan_takes_the_place_of_the_one_it_was_made_from(world: World) -> None:
    tag = room.handler(asked("/v1/floor/plan", HOST), None)["headers"]["ETag"]
    moved = replace(PLAN, places=[Place("1940732", 5, 5, "slots")])

    status, kept = put(moved, tag)
    again, same = put(moved, tag)

    assert (status, kept["version"], kept["places"][0]["x"]) == (200, 4, 5)
    assert (again, same) == (200, kept), "the same again, after an answer that was lost"
    assert put(moved)[0] == 200, "by its own version, the same again"


@pytest.mark.parametrize(("if_match", "refused"), [('"2"', 412), (None, 409)])
def test_a_plan_that_was_made_from_another_is_refused(if_match: str | None, refused: int) -> None:
    status, fault = put(FloorPlan([], version=2), if_match)

    assert (status, fault["current_version"]) == (refused, 3)
    assert "version 2" in fault["detail"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "no floor plan"),
        (b'{"places": [{"asset_id": "1", "x": -1, "y": 0, "zone": "a"}]}', "$.places[0].x"),
        (b'{"places": [], "walls": []}', "walls"),
        (replace(PLAN, places=[*PLAN.places, *PLAN.places]), "1940732 stands at more than one"),
    ],
)
def test_a_plan_that_is_none_is_refused_by_what_is_wrong_with_it(body: Any, named: str) -> None:
    status, fault = put(body)

    assert (status, named in fault["detail"]) == (422, True), fault


def test_the_first_plan(world: World) -> None:
    world.floor.kept = None

    assert get("/v1/floor/plan") == (200, msgspec.to_builtins(FloorPlan([])))
    assert put(replace(PLAN, version=0))[1]["version"] == 1


def test_an_unchanged_plan_is_not_told_again() -> None:
    found = room.handler(asked("/v1/floor/plan", HOST, headers={"If-None-Match": '"3"'}), None)

    assert found["statusCode"] == 304


def test_a_plan_is_kept_by_who_may() -> None:
    assert put(PLAN, caller=HOST)[0] == 404
    assert put(PLAN, "3")[0] == 400, "no ETag"


# --- players --------------------------------------------------------------------------------------


def seat(n: int, **changed: Any) -> MachineSums:
    made = replace(SEATED, asset_id=f"10{n:02d}", player_id=f"p-{n}", seated_since=NOW - n)
    return replace(made, **changed)


def test_players_are_shown_with_session_worth_and_offer(world: World) -> None:
    rich, poor = seat(1), seat(2)
    world.floor.stored = StoredFloor(sums=[poor, rich, UNPLAYED, seat(3, is_employee=True)])
    world.ratings.play(rich, games=361, coin_in_cents=90_000, theoretical_win=90_000 * 850)
    world.ratings.play(poor, games=2, coin_in_cents=400, theoretical_win=400 * 850)
    world.offers.made = [
        replace(OFFER, player_id="p-1", offer_id="0" * 13 + "-" + "f" * 16, status=Status.EXPIRED),
        replace(OFFER, player_id="p-1", status=Status.DELIVERED),
    ]

    status, found = get("/v1/floor/players")

    assert status == 200
    assert (found["gaming_day"], found["total"]) == (TODAY, 2)
    first, second = found["players"]
    assert (first["player_id"], second["player_id"]) == ("p-1", "p-2")
    assert (first["games"], first["coin_in_cents"], first["games_per_hour"]) == (361, 90_000, 360)
    assert (first["theoretical_win"], first["adt"]) == ("76.50", "76.50")
    assert first["worth_segment"] is not None
    assert first["tier"] is not None
    assert (first["offer_id"], first["offer_status"]) == (OFFER.offer_id, "delivered")
    assert (first["offer_name"], first["offer_value_cents"]) == ("Dinner for one", 2_000)
    assert first["offer_reasons"] == ["plays dollar slots"]
    assert second["offer_id"] is None
    assert world.audit.told == [("jo", "GET /v1/floor/players", ["p-1", "p-2"])]


def test_only_who_is_shown_is_rated_and_kept_as_seen(world: World) -> None:
    world.floor.stored = StoredFloor(sums=[seat(n) for n in range(MAX_PLAYERS + 10)])

    _, found = get("/v1/floor/players", limit="2", sort="seated")

    assert [one["player_id"] for one in found["players"]] == ["p-59", "p-58"]
    assert found["total"] == MAX_PLAYERS + 10
    assert sorted(world.ratings.rated) == ["p-58", "p-59"]
    assert world.audit.told == [("jo", "GET /v1/floor/players", ["p-58", "p-59"])]
    assert len(get("/v1/floor/players")[1]["players"]) == MAX_PLAYERS


def test_a_card_that_is_in_without_play_yet(world: World) -> None:
    (player,) = get("/v1/floor/players")[1]["players"]

    assert (player["games"], player["games_per_hour"], player["adt"]) == (0, None, None)


def test_offers_are_shown_to_who_may_read_them(world: World) -> None:
    world.offers.made = [OFFER]
    world.now_ms = OFFER.decided_at + 1

    reader = dataclasses.replace(HOST, scopes=frozenset({Action.READ_RATINGS}))

    assert get("/v1/floor/players", HOST)[1]["players"][0]["offer_id"] == OFFER.offer_id
    assert get("/v1/floor/players", reader)[1]["players"][0]["offer_id"] is None
    world.now_ms = OFFER.expires_at
    assert get("/v1/floor/players", HOST)[1]["players"][0]["offer_id"] is None


@pytest.mark.parametrize("query", [{"limit": "51"}, {"limit": "0"}, {"sort": "loss"}, {"a": "b"}])
def test_a_query_that_is_wrong_is_refused(query: dict[str, str]) -> None:
    assert get("/v1/floor/players", HOST, **query)[0] == 400


# --- the past -------------------------------------------------------------------------------------


def minute(number: int, *rows: MinuteRow, day: str = TODAY) -> FloorMinute:
    return FloorMinute(number, day, list(rows))


def row(asset: str, coin_in: int, of_minute: int, state: Any = "C") -> MinuteRow:
    return MinuteRow(asset, state, coin_in // 100, coin_in, coin_in * 850, of_minute)


FIRST = NOW // MINUTE_MS - 10


def test_minutes_are_told_one_value_each_and_a_gap_as_one(world: World) -> None:
    world.floor.minute = [
        minute(FIRST - 1, row("1", 1_000, 100)),
        minute(FIRST, row("1", 1_300, 300), row("2", 500, 500, "U")),
        minute(FIRST + 2, row("1", 1_400, 100, "H"), row("2", 500, 0, "I")),
    ]

    _, found = get(
        "/v1/floor/minutes",
        first=str(FIRST * MINUTE_MS),
        last=str((FIRST + 2) * MINUTE_MS + 59_999),
    )

    assert found["at"] == [(FIRST + n) * MINUTE_MS for n in range(3)]
    assert found["machines"] == [
        ["1", [300, 0, 100], [300 * 850, 0, 100 * 850], "C-H"],
        ["2", [500, 0, 0], [0, 0, 0], "U-I"],
    ]


def test_minutes_of_two_gaming_days_begin_again_at_nothing(world: World) -> None:
    turn = DAYS.rule_of("north").start_of(date.fromisoformat(TODAY)) // MINUTE_MS
    world.floor.minute = [
        minute(turn - 1, row("1", 9_000, 100), day="2020-06-14"),
        minute(turn, row("1", 200, 200)),
    ]

    _, found = get(
        "/v1/floor/minutes", first=str((turn - 1) * MINUTE_MS), last=str(turn * MINUTE_MS)
    )

    assert found["machines"] == [["1", [100, 200], [0, 200 * 850], "CC"]]


@pytest.mark.parametrize(("first", "last"), [(0, 61), (1, 0)])
def test_so_many_minutes_and_no_more(first: int, last: int) -> None:
    query = {"first": str(first * MINUTE_MS), "last": str(last * MINUTE_MS)}

    assert get("/v1/floor/minutes", HOST, **query)[0] == 400


def test_the_last_hour_is_what_is_told_without_being_asked() -> None:
    _, found = get("/v1/floor/minutes")

    assert (len(found["at"]), found["at"][-1]) == (61, NOW // MINUTE_MS * MINUTE_MS)


def test_hours_are_what_each_brought_and_read_by_their_ends(world: World) -> None:
    start = DAYS.rule_of("north").start_of(date.fromisoformat(TODAY)) // MINUTE_MS
    world.floor.minute = [
        minute(start + n, row("1", 100 * (n + 1), 100, "C" if n < 60 else "U")) for n in range(90)
    ]
    del world.floor.minute[85:]  # the end of what was kept
    world.now_ms = (start + 150) * MINUTE_MS

    _, found = get("/v1/floor/hours")

    assert found["at"] == [(start + 60 * n) * MINUTE_MS for n in range(3)]
    assert found["machines"] == [["1", [6_000, 2_500, 0], [6_000 * 850, 2_500 * 850, 0], "CU-"]]
    assert world.floor.asked_minutes < 40, "no hour with an end is read as a whole"


def test_hours_of_a_day_to_come_and_of_none() -> None:
    assert get("/v1/floor/hours", HOST, day="2020-06-17") == (200, {"at": [], "machines": []})
    assert get("/v1/floor/hours", HOST, day="9999-12-31")[0] == 400
    assert get("/v1/floor/hours", HOST, day="tomorrow")[0] == 400


# --- alerts ---------------------------------------------------------------------------------------


def alert(name: str, severity: Severity, raised_at: int = NOW, **more: Any) -> Alert:
    return Alert(name, "door", severity, raised_at, "main door", "1940732", **more)


ACKNOWLEDGE = "/v1/alerts/{alert_id}/acknowledge"


def acknowledge(
    caller: Principal = HOST, body: bytes = b'{"note": "paid"}', alert_id: str = "a-1"
) -> tuple[int, Any]:
    return answer(sent("POST", ACKNOWLEDGE, caller, body, alert_id=alert_id))


def test_alerts_come_by_what_is_open_how_severe_and_how_old(world: World) -> None:
    seen_to: dict[str, Any] = {"acknowledged_at": NOW, "acknowledged_by": "jo", "note": "x"}
    world.floor.raised = [
        alert("seen", Severity.CRITICAL, **seen_to),
        alert("young", Severity.WARNING),
        alert("old", Severity.WARNING, NOW - 9),
        alert("urgent", Severity.CRITICAL),
        alert("long ago", Severity.CRITICAL, NOW - service.DAY_MS - 1, **seen_to),
    ]

    status, found = get("/v1/alerts")

    assert status == 200
    assert [one["alert_id"] for one in found["alerts"]] == ["urgent", "old", "young", "seen"]


def test_an_alert_is_acknowledged_once(world: World) -> None:
    world.floor.raised = [alert("a-1", Severity.CRITICAL)]

    status, said = acknowledge()
    world.now_ms += 1_000
    again = acknowledge()
    other, fault = acknowledge(dataclasses.replace(SLOT_OPS, sign_in=OFFICER.sign_in))

    assert (status, said["acknowledged_by"], said["note"]) == (200, "jo", "paid")
    assert again == (200, said), "the same again changes nothing"
    assert other == 409
    assert (fault["acknowledged_by"], fault["acknowledged_at"]) == ("jo", NOW)
    assert "jo" in fault["detail"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"note": ""}', b'{"note": "  "}', b"\xff", b'{"note": "x", "a": 1}']
)
def test_an_acknowledgement_says_what_was_done(world: World, body: bytes) -> None:
    world.floor.raised = [alert("a-1", Severity.CRITICAL)]

    assert acknowledge(body=body)[0] == 400
    assert acknowledge(body=json.dumps({"note": "x" * 501}).encode())[0] == 400
    assert acknowledge(body=json.dumps({"note": "x" * 500}).encode())[0] == 200


def test_there_is_no_such_alert_or_it_is_not_the_caller_s_to_answer(world: World) -> None:
    world.floor.raised = [alert("a-1", Severity.CRITICAL)]

    assert acknowledge(alert_id="a-2")[0] == 404
    assert acknowledge(alert_id="a/1")[0] == 404
    assert acknowledge(OFFICER)[0] == 404, "compliance reads them"
    assert world.floor.raised[0].acknowledged_at is None


# --- sample events --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", sorted(load("serve_floor")))
def test_a_sample_event(world: World, case: str) -> None:
    world.floor.raised = [alert("1592277300000-1940732-handpay", Severity.CRITICAL)]

    assert room.handler(load("serve_floor")[case], None)["statusCode"] == 200

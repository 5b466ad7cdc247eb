"""From hours to recommendations, in memory: what hands on, learns, assesses and recommends."""

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from itertools import count
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from assess_shufflers.service import assess
from export_histories.service import export
from pitboss.events.shuffler import Part
from pitboss.offers.learned import Champion
from pitboss.shufflers.boosting import Boosting
from pitboss.shufflers.costs import shipped
from pitboss.shufflers.exports import ASSESSMENT, Assessment, DeviceHours, pack, unpack
from pitboss.shufflers.limits import LIMITS, part_states
from pitboss.shufflers.maintenance import (
    HOUR_MS,
    PERFORMED,
    Change,
    Device,
    Prospect,
    Recommendation,
    Status,
    Urgency,
)
from pitboss.shufflers.outlook import RECIPE, Outlook
from pitboss.shufflers.sums import Sums
from pitboss.stores.maintenance import Known
from pitboss.stores.models import VersionTaken
from recommend_maintenance import handler as wired
from recommend_maintenance.service import notices, recommend
from tests import sample_events
from train_failure_model.service import KNOWN, train
from workbench.shuffling.device import ShufflerDevice
from workbench.shuffling.plan import ShufflerPlan

pytestmark = pytest.mark.unit

NOW = 1_790_000_000_000
HOUR = NOW // HOUR_MS
QUICK = replace(RECIPE, boosting=Boosting(rounds=10, leaves=4, least_rows=20), held_out_share=0.3)


class Bucket:
    """Models and runs, in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.versions: dict[str, bytes] = {}
        self.serving: str | None = None

    def put_of_run(self, run: str, name: str, body: bytes) -> None:
        self.objects[f"{run}/{name}"] = body

    def of_run(self, run: str, name: str) -> bytes:
        return self.objects[f"{run}/{name}"]

    def names_of_run(self, run: str, prefix: str) -> list[str]:
        start = f"{run}/"
        names = [name.removeprefix(start) for name in self.objects if name.startswith(start)]
        return sorted(name for name in names if name.startswith(prefix))

    def champion(self) -> Champion | None:
        if self.serving is None:
            return None
        digest = sha256(self.versions[self.serving]).hexdigest()
        return Champion(self.serving, digest, NOW, "test", None, ())

    def load(self, version: str, sha256_of: str) -> bytes:
        assert sha256(self.versions[version]).hexdigest() == sha256_of
        return self.versions[version]

    def put_version(self, version: str, model: bytes, card: bytes) -> None:
        key = f"card/{version}"
        if (self.versions.get(version, model), self.objects.get(key, card)) != (model, card):
            raise VersionTaken(version)
        self.versions[version] = model
        self.objects[key] = card

    def promote(self, version: str, by: str, at: int, replaces: str | None, why: str) -> bool:
        assert replaces == self.serving
        self.serving = version
        return True


class Floor:
    """Recommendations, in memory."""

    def __init__(self) -> None:
        self.there: dict[str, Recommendation] = {}
        self.entries: list[Change] = []
        self.outbox: list[tuple[str, Urgency]] = []

    def revise(
        self, device: Device, decide: Callable[[Mapping[Part, Known]], Iterable[Change]]
    ) -> list[Change]:
        mine = [o for o in self.there.values() if (o.property_id, o.asset_id) == device]
        known: dict[Part, Known] = {}
        for one in mine:
            before = known.get(one.part, Known(None, None))
            if one.status.is_closed:
                known[one.part] = before._replace(closed=one)
            else:
                known[one.part] = before._replace(current=one)
        done = list(decide(known))
        for change in done:
            one = change.recommendation
            self.there[one.recommendation_id] = one
            if change.is_told:
                self.outbox.append((one.recommendation_id, one.urgency))
        return done

    def unsent(self, limit: int) -> list[tuple[Recommendation, Urgency]]:
        return [(self.there[one], urgency) for one, urgency in self.outbox[:limit]]

    def sent(self, recommendation_id: str, urgency: Urgency, at: int) -> None:
        self.outbox.remove((recommendation_id, urgency))


def hours(number: int = 100, **sums: int) -> DeviceHours:
    """A device that showed the same in every hour, to now."""
    names = Sums.__struct_fields__
    each = dict.fromkeys(names, 0) | {"reports": 10, "report_recognition_bp": 98_000} | sums
    return DeviceHours(
        "P1",
        "7",
        list(range(HOUR - number, HOUR)),
        {name: [each[name]] * number for name in names},
        [],
        [],
    )


def assessed(*prospects: Prospect, mended_at: int | None = None) -> Bucket:
    """A bucket with a run's assessment of one device, by thresholds of 20 %."""
    from pitboss.shufflers.exports import DeviceProspects

    mended = {} if mended_at is None else {Part.ROLLERS: mended_at}
    device = DeviceProspects("P1", "7", list(prospects), mended)
    bucket = Bucket()
    thresholds: dict[Part, float | None] = dict.fromkeys(Part, 0.2)
    bucket.put_of_run("r", ASSESSMENT, pack(Assessment("m-1", thresholds, [device])))
    return bucket


def recommended(floor: Floor, bucket: Bucket, now: int = NOW) -> tuple[int, int, int]:
    ids = (f"id-{number}-{now}" for number in count())
    done = recommend(floor, bucket, "r", shipped(), lambda: next(ids), now)
    return done.opened, done.closed, done.raised


ROLLERS = Prospect(Part.ROLLERS, 0.4, 336.0, ("roller slip 40 % above its mean of 30 days",))


# --- recommending ---------------------------------------------------------------------------------


def test_a_recommendation_is_opened_once_and_told_once() -> None:
    floor, bucket = Floor(), assessed(ROLLERS)
    assert recommended(floor, bucket) == (1, 0, 1)
    assert recommended(floor, bucket, NOW + HOUR_MS) == (0, 0, 0)
    (notice,) = notices(floor)
    assert notice.urgency is Urgency.THIS_WEEK
    assert "roller slip 40 % above its mean of 30 days" in notice.text
    floor.sent(notice.recommendation_id, notice.urgency, NOW)
    assert notices(floor) == []


def test_what_the_device_says_was_mended_is_done_and_not_opened_again_at_once() -> None:
    floor = Floor()
    recommended(floor, assessed(ROLLERS))
    after = assessed(ROLLERS, mended_at=NOW + 1)
    assert recommended(floor, after, NOW + HOUR_MS) == (0, 1, 0)
    (one,) = floor.there.values()
    assert (one.status, one.closed_by) == (Status.DONE, PERFORMED)
    assert recommended(floor, after, NOW + 2 * HOUR_MS) == (0, 0, 0)


def test_work_before_a_recommendation_says_nothing_of_it() -> None:
    floor = Floor()
    recommended(floor, assessed(ROLLERS, mended_at=NOW - 1))
    recommended(floor, assessed(ROLLERS, mended_at=NOW - 1), NOW + HOUR_MS)
    assert [one.status for one in floor.there.values()] == [Status.OPEN]


def test_its_sample_events_recommend_and_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    floor, bucket = Floor(), assessed(ROLLERS)
    for event in sample_events.load("recommend_maintenance").values():
        if "run" in event:
            bucket.objects[f"{event['run']}/{ASSESSMENT}"] = bucket.of_run("r", ASSESSMENT)
            wiring = SimpleNamespace(maintenance=floor, runs=bucket)
            monkeypatch.setattr(wired, "_wiring", lambda wiring=wiring: wiring)
            answer = wired.handler(event, None)
            assert (answer["opened"], answer["raised"]) == (1, 1)
            (notice,) = answer["notices"]
            assert wired.handler({"sent": [notice]}, None) == {"sent": 1}
            assert floor.outbox == []


# --- handing on, and the rules --------------------------------------------------------------------


def test_devices_that_said_anything_are_handed_on() -> None:
    class Histories:
        def devices(self) -> list[Device]:
            return [Device("P1", "7"), Device("P1", "silent")]

        def hours(self, device: Device, since: int) -> DeviceHours | None:
            assert since == NOW - 30 * 86_400_000
            return hours() if device.asset_id == "7" else None

    bucket = Bucket()
    assert export(Histories(), bucket, "r", 30, NOW) == 1
    (name,) = bucket.names_of_run("r", "hours/")
    assert unpack(bucket.of_run("r", name), DeviceHours) == hours()


def test_where_no_model_serves_the_rules_are_asked_and_that_is_told() -> None:
    bucket, told = Bucket(), list[str]()
    bucket.put_of_run("r", "hours/P1/7.msgpack.zst", pack(hours(report_roller_slip_bp=3_000)))
    assert assess(bucket, "r", shipped(), told.append) == 1
    found = unpack(bucket.of_run("r", ASSESSMENT), Assessment)
    assert told == ["no model serves"]
    assert found.model_version == "rules-1"
    (one,) = found.devices[0].prospects
    assert (one.part, one.probability, one.rule) == (Part.ROLLERS, None, Urgency.THIS_WEEK)
    assert one.reasons == ("roller slip at 3.0 %, 2.5 % is the limit",)
    assert recommended(Floor(), bucket) == (1, 0, 1)


@pytest.mark.parametrize("part", sorted(LIMITS))
def test_a_sensor_beyond_its_limit_is_said(part: Part) -> None:
    reading, limit = LIMITS[part]
    beyond = limit.value + (-1 if limit.is_least else 1)
    for value, is_said in ((limit.value, False), (beyond, True)):
        device = hours(**{f"report_{reading}": 10 * value})
        states = {state.part: state for state in part_states(device)}
        assert bool(states[part].limits) == is_said


def test_a_broken_model_is_not_trusted() -> None:
    bucket, told = Bucket(), list[str]()
    bucket.versions["v"], bucket.serving = b"{}", "v"
    bucket.put_of_run("r", "hours/P1/7.msgpack.zst", pack(hours()))
    assert assess(bucket, "r", shipped(), told.append) == 1
    assert "no models of parts" in told[0]


# --- learning -------------------------------------------------------------------------------------


def simulated(devices: int, days: int) -> Bucket:
    """A run's hours of simulated devices that ran to failure."""
    bucket = Bucket()
    plan = ShufflerPlan(count=devices, days=days, seed=3)
    for index in range(devices):
        device = ShufflerDevice(plan, index)
        made = [device.advance() for _ in range(days)]
        columns = made[0].sums
        kept = DeviceHours(
            "P1",
            device.asset_id,
            [day.first_hour + hour for day in made for hour in range(24)],
            {
                name: [int(v) for day in made for v in day.sums[name]]
                if name in columns
                else [0] * (24 * days)
                for name in Sums.__struct_fields__
            },
            [(one.at, str(one.part)) for one in device.failures if one.at < device.now],
            [(one.at, str(one.part)) for one in device.work if one.at < device.now],
        )
        bucket.put_of_run("r", f"hours/P1/{device.asset_id}.msgpack.zst", pack(kept))
    return bucket


def test_nothing_is_learned_from_nothing() -> None:
    trained = train(Bucket(), "r", shipped(), NOW, QUICK)
    assert (trained.version, trained.is_promoted) == (None, False)
    few = Bucket()
    few.put_of_run("r", "hours/P1/7.msgpack.zst", pack(hours()))
    assert "no part failed often enough" in train(few, "r", shipped(), NOW, QUICK).why


def test_what_is_learned_is_kept_and_says_why_a_part_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pitboss.shufflers.outlook.LEAST_FAILURES", 3)
    bucket = simulated(8, 220)
    trained = train(bucket, "r", shipped(), NOW, QUICK)
    assert trained.version is not None
    assert f"card/{trained.version}" in bucket.objects
    bucket.serving = trained.version  # whatever the gate said of so little
    assert assess(bucket, "r", shipped(), pytest.fail) == 8
    found = unpack(bucket.of_run("r", ASSESSMENT), Assessment)
    assert found.model_version == trained.version
    outlook = Outlook(bucket.versions[trained.version])
    learned = set(outlook.models)
    assert learned
    for device in found.devices:
        said = {one.part: one for one in device.prospects}
        assert learned <= set(said)
        for part in learned:
            probability = said[part].probability
            assert probability is not None
            assert 0 <= probability <= 1
    assert any(one.reasons for device in found.devices for one in device.prospects)

    # What serves cannot be read any more: learning goes on without it.
    bucket.serving, bucket.versions["old"] = "old", b"of a release that is no more"
    again = train(bucket, "r", shipped(), NOW, QUICK)
    assert again.version == trained.version
    assert json.loads(bucket.objects[f"card/{again.version}"])["replaces"] is None

    # Learned before and judged against something else: that stands, and the night goes on.
    card, bucket.serving = f"card/{trained.version}", None
    bucket.objects[card] = b"{}"
    assert train(bucket, "r", shipped(), NOW, QUICK) == (trained.version, False, KNOWN)
    assert (bucket.objects[card], bucket.serving) == (b"{}", None)

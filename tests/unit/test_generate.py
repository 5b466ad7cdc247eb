"""`pitboss generate`: templates of the Kinesis Data Generator, and what their tags make."""

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from typer.testing import CliRunner, Result

from pitboss.events.envelope import read_envelope
from workbench import endpoint, generate, main
from workbench.client import PitbossClient
from workbench.console import UsageError, WorkbenchError
from workbench.generate_moment import compiled, iso, text_of_date
from workbench.generate_rates import read_week, seconds
from workbench.generate_sinks import DOORS, DoorSink, StreamSink, batches
from workbench.generate_tags import SAME, BadTagError, Source, known, of_tag
from workbench.generate_template import Template, TemplateError

TEMPLATES = Path(__file__).parents[2] / "docs/templates"
AT = datetime(2010, 2, 14, 15, 5, 7, 123456, UTC)


def source(seed: int = 1) -> Source:
    return Source(random.Random(seed), AT.timestamp, UTC)


def rows(template: str, count: int = 1, seed: int = 1) -> list[str]:
    made = Template(template, source(seed))
    return [made.row() for _ in range(count)]


def pitboss(*arguments: str) -> Result:
    return CliRunner().invoke(main.app, arguments, env={"NO_COLOR": "1", "TERM": "dumb"})


# --- templates as teams write them ----------------------------------------------------------------


def test_a_template_over_several_lines_is_a_row_of_one_line() -> None:
    template = """
{
    "sensorId": {{random.number(50)}},
    "currentTemperature": {{random.number(
        {
            "min":10,
            "max":150
        }
    )}},
    "status": "{{random.arrayElement(
        ["OK","FAIL","WARN"]
    )}}"
}
"""
    made = rows(template, 500)

    read = [json.loads(row) for row in made]
    assert made[0].startswith('{    "sensorId": ')  # indentation stays, as the generator has it
    assert not any("\n" in row for row in made)
    assert {row["sensorId"] for row in read} == set(range(51))
    assert (min(temperatures := [r["currentTemperature"] for r in read]), max(temperatures)) >= (
        10,
        10,
    )
    assert max(temperatures) <= 150
    assert {row["status"] for row in read} == {"OK", "FAIL", "WARN"}


def test_data_may_bring_their_own_quotation_marks() -> None:
    template = """{"device_id": {{random.number(50)}}, "kind": {{random.weightedArrayElement(
        {
            "weights": [0.1, 0.9],
            "data": ["\\"Running\\"", "\\"Sitting (down)\\""]
        }
    )}}, "temp": {{random.weightedArrayElement({"weights":[0.3, 0.7],"data":[32, 34.5]})}}}"""

    read = [json.loads(row) for row in rows(template, 400)]

    kinds = Counter(row["kind"] for row in read)
    assert kinds["Running"] + kinds["Sitting (down)"] == 400
    assert 15 < kinds["Running"] < 75
    assert {row["temp"] for row in read} == {32, 34.5}


@pytest.mark.parametrize(
    ("template", "row"),
    [
        ("{{date.utc(YYYY-MM-DD)}}", "2010-02-14"),
        ("{{date.utc(YYYY)}}/{{date.utc(MM)}}", "2010/02"),
        ('{{date.now("YYYY-MM-DD HH:mm:ss.SSS")}}', "2010-02-14 15:05:07.123"),
        ('{{date.now("dddd, MMMM Do YYYY, h:mm:ss a")}}', "Sunday, February 14th 2010, 3:05:07 pm"),
        ('{{date.now("ddd, hA")}}', "Sun, 3PM"),
        ('{{date.now("x")}} {{date.now("X")}}', "1266159907123 1266159907"),
        ("{{date.now}} {{current.timestamp}}", "2010-02-14T15:05:07Z 2010-02-14T15:05:07Z"),
        ("{{ date.simTime }}", "2010-02-14T15:05:07Z"),
        ('a,b,{{random.number({"min":7,"max":7})}},100 %s', "a,b,7,100 %s"),
        ('{"a":{"b":{{random.number({"min":1,"max":1})}}}}', '{"a":{"b":1}}'),
        ('{"a":{"b":{"c":1}}}', '{"a":{"b":{"c":1}}}'),
        ('{{phone.phoneNumber("(5) 5")}}', "(5) 5"),
        ("{{commerce.price(5, 5, 3)}}", "5.000"),
        ('{{finance.amount(5,5,1,"$")}}', "$5.0"),
        ("{{random.arrayElement([true])}}{{random.arrayElement([null])}}", "truenull"),
        ('{{random.arrayElement(["{{not.a.tag}}"])}}', "{{not.a.tag}}"),
        ("\ufeff\n\n  x\r\ny \n", "xy "),
        ("", ""),
    ],
)
def test_what_a_template_makes(template: str, row: str) -> None:
    assert rows(template) == [row.strip() if not template.strip() else row.rstrip()]


@pytest.mark.parametrize(
    ("template", "line", "says"),
    [
        ('{\n "a": {{random.nmber}}\n}', 2, "random.number is like it"),
        ("\n\n{{foo.bar}}", 3, "no such tag"),
        ("x\n{{random}}", 2, "category.name"),
        ('{{random.number({"min":1,"max":10}}', 1, "never closed"),
        ("{{random.number", 1, "does not end"),
        ('{{random.number({"min":10,"max":1})}}', 1, "min 10 is more than max 1"),
        ('{{random.number({"minimum":1})}}', 1, "'minimum' is none of"),
        ('{{random.number("many")}}', 1, "'many' is no number"),
        ("{{random.arrayElement(['a','b'])}}", 1, "is no JSON"),
        ('{{random.arrayElement(["a",])}}', 1, "is no JSON"),
        ("{{random.arrayElement([])}}", 1, "it takes an array"),
        ('{{random.arrayElement([{"a":1}])}}', 1, "an object has no text"),
        ('{{random.weightedArrayElement({"weights":[1],"data":[1,2]})}}', 1, "1 weights for 2"),
        ('{{random.weightedArrayElement({"weights":[0],"data":[1]})}}', 1, "more than 0"),
        ('{{random.weightedArrayElement({"weight":[0],"data":[1]})}}', 1, "it takes"),
        ("{{random.uuid(1)}}", 1, "it does not take 1 arguments"),
        ("{{random.alphaNumeric(1000000000)}}", 1, "no whole number"),
        ("{{date.past(1000000)}}", 1, "too much"),
        ("{{date.between}}", 1, "two dates"),
        ('{{date.between("2026-02-01","2026-01-01")}}', 1, "after the second"),
        ('{{date.between("soon","2026-01-01")}}', 1, "no ISO 8601"),
        ("{{random.number(NaN)}}", 1, "is no number"),
    ],
)
def test_what_is_wrong_with_a_template_and_in_which_line(
    template: str, line: int, says: str
) -> None:
    with pytest.raises(TemplateError) as refused:
        Template(template, source())

    assert refused.value.line == line
    assert says in str(refused.value)
    assert str(refused.value).startswith(f"line {line}: {{{{")


def test_every_tag_makes_something_and_the_same_from_the_same_seed() -> None:
    for name in known():
        if name == "date.between":  # has no dates of its own
            continue
        made = rows(f"<{{{{{name}}}}}>", 5)
        assert made == rows(f"<{{{{{name}}}}}>", 5), name
        assert all(len(row) > 2 or name.startswith("helpers.") for row in made), name
        assert not any("{{" in row or "\n" in row for row in made), name


def test_tags_that_are_another_lead_to_one_that_is() -> None:
    assert set(SAME.values()) <= set(known())


def test_another_seed_is_other_rows() -> None:
    assert rows("{{random.uuid}}", 3, seed=1) != rows("{{random.uuid}}", 3, seed=2)


# --- tags -----------------------------------------------------------------------------------------


def values(name: str, *arguments: Any, count: int = 400) -> list[Any]:
    make = of_tag(source(), name, arguments)
    return [make() for _ in range(count)]


def test_numbers_are_within_their_bounds_and_steps() -> None:
    assert set(values("random.number", {"min": -2, "max": 1})) == {-2, -1, 0, 1}
    assert set(values("random.number", {"max": 6, "precision": 2})) == {0, 2, 4, 6}
    assert set(values("random.number", 1, 3)) == {1, 2, 3}
    assert set(values("random.number", 0)) == {0}
    tenths = {"min": 0.1, "max": 0.3, "precision": 0.1}
    assert set(values("random.float", tenths)) == {0.1, 0.2, 0.3}
    assert 0 <= min(values("random.number")) < 5_000 < 95_000 < max(values("random.number")) < 1e5
    assert all(re.fullmatch(r"\d+(\.\d\d?)?", str(value)) for value in values("random.float"))


def test_weights_need_not_sum_to_one() -> None:
    drawn = Counter(
        values("random.weightedArrayElement", {"weights": [8, 0, 2], "data": [1, 2, 3]}, count=2000)
    )

    assert drawn[2] == 0
    assert 1_500 < drawn[1] < 1_700


def test_shapes_of_what_is_made() -> None:
    shapes = {
        "random.uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        "internet.ip": r"(\d{1,3}\.){3}\d{1,3}",
        "internet.ipv6": r"([0-9a-f]{4}:){7}[0-9a-f]{4}",
        "internet.mac": r"([0-9a-f]{2}:){5}[0-9a-f]{2}",
        "internet.email": r"[\w.]+@[a-z.]+",
        "internet.color": r"#[0-9a-f]{6}",
        "address.zipCode": r"\d{5}(-\d{4})?",
        "address.latitude": r"-?\d{1,2}\.\d{4}",
        "commerce.price": r"\d{1,4}\.00",
        "finance.bitcoinAddress": r"[13][0-9A-Z]{26,33}",
        "phone.phoneNumber": r"[-\d().x ]{12,21}",
        "random.boolean": r"true|false",
        "system.semver": r"\d\.\d\.\d",
        "date.past": r"\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d GMT\+0000 \(UTC\)",
        "lorem.sentence": r"[A-Z][a-z]*( [a-z]+){2,9}\.",
        "name.findName": r"\S+ \S+( \S+)?",
    }
    for name, shape in shapes.items():
        assert [v for v in values(name, count=100) if not re.fullmatch(shape, str(v))] == [], name
    assert all(value.isupper() for value in values("random.alpha", {"count": 4, "upcase": True}))
    assert {len(value) for value in values("random.alphaNumeric", 12)} == {12}
    assert set(values("helpers.shuffle", [1, 2])) == {"1,2", "2,1"}
    assert set(values("random.objectElement", {"a": 1}, "key")) == {"a"}
    assert {v.count(",") for v in values("random.arrayElements", ["a", "b", "c"], 2)} == {1}
    assert values("helpers.slugify", "A b/c", count=1) == ["A-bc"]


def test_no_card_has_a_number_that_is_made() -> None:
    for value in values("finance.creditCardNumber", count=50):
        digits = [int(digit) for digit in value.replace("-", "")]
        doubled = [sum(divmod(2 * d, 10)) if i % 2 == 0 else d for i, d in enumerate(digits)]
        assert sum(doubled) % 10 != 0


def test_dates_around_now() -> None:
    def moment(text: str) -> datetime:
        return datetime.strptime(text.split(" (")[0], "%a %b %d %Y %H:%M:%S GMT%z")

    past, soon = map(moment, values("date.past", 2, count=50)), values("date.soon", count=50)
    assert all(0 < (AT - at).total_seconds() < 2 * 365 * 86_400 + 1 for at in past)
    assert all(-1 < (moment(at) - AT).total_seconds() < 86_401 for at in soon)
    between = values("date.between", ["2026-01-01", "2026-01-03T00:00:00Z"], count=50)
    assert {moment(text).day for text in between} == {1, 2}
    assert set(values("date.month", {"abbr": True}, count=300)) >= {"Jan", "Dec"}


@pytest.mark.parametrize("name", ["random.nothing", "constructor.name"])
def test_there_is_no_such_tag(name: str) -> None:
    with pytest.raises(BadTagError):
        of_tag(source(), name)


# --- moments --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("YY Y M Mo MM MMM", "10 2010 2 2nd 02 Feb"),
        ("D Do DD DDD DDDD", "14 14th 14 45 045"),
        ("d do dd ddd e E", "0 0th Su Sun 0 7"),
        ("w ww W WW gggg GGGG Q", "8 08 6 06 2010 2010 1"),
        ("H HH h hh k kk m mm s ss", "15 15 3 03 15 15 5 05 7 07"),
        ("S SS SSS SSSSSS A a", "1 12 123 123456 PM pm"),
        ("Z ZZ z", "+00:00 +0000 UTC"),
        ("[today is] dddd %d", "today is Sunday %0"),
        ("L LT|LLLL", "02/14/2010 3:05 PM|Sunday, February 14, 2010 3:05 PM"),
        ("YYYY-MM-DDTHH:mm:ss", "2010-02-14T15:05:07"),
    ],
)
def test_formats_of_moment_js(pattern: str, text: str) -> None:
    assert compiled(pattern)(AT) == text


def test_a_moment_in_another_zone() -> None:
    at = datetime(2014, 9, 8, 8, 2, 17, tzinfo=ZoneInfo("America/Chicago"))

    assert iso(at) == "2014-09-08T08:02:17-05:00"
    assert compiled("DD/MMM/YYYY:HH:mm:ss ZZ")(at) == "08/Sep/2014:08:02:17 -0500"
    assert text_of_date(at) == "Mon Sep 08 2014 08:02:17 GMT-0500 (CDT)"


def test_midnight_and_ordinals() -> None:
    midnight = datetime(2026, 1, 1, tzinfo=UTC)

    assert compiled("h k A")(midnight) == "12 24 AM"
    assert [compiled("Do")(midnight.replace(day=d)) for d in (1, 2, 3, 11, 12, 13, 21, 22)] == [
        *("1st", "2nd", "3rd", "11th", "12th", "13th", "21st", "22nd"),
    ]


# --- rates ----------------------------------------------------------------------------------------


def test_a_weeks_rates(tmp_path: Path) -> None:
    file = tmp_path / "week.csv"
    file.write_text("day,hour,mu,sigma\n*,*,10,0\n0,15,100,0\n0,16,40,0\n")
    week, smooth = read_week(file), read_week(file, smooth=True)
    chance = random.Random(1)

    assert week.rows(AT, chance) == 100  # a Sunday
    assert week.rows(AT.replace(day=15), chance) == 10
    assert smooth.rows(AT.replace(minute=0, second=0), chance) == 100
    assert smooth.rows(AT.replace(minute=30, second=0), chance) == 70


@pytest.mark.parametrize("line", ["7,1,1,1", "*,24,1,1", "1,1,-1,1", "1,1,x,1", "1,1,1"])
def test_no_line_of_rates(tmp_path: Path, line: str) -> None:
    file = tmp_path / "week.csv"
    file.write_text(f"day,hour,mu,sigma\n{line}\n")

    with pytest.raises(ValueError, match="is no line of"):
        read_week(file)


def test_simulated_seconds_have_each_hour_that_clocks_have() -> None:
    zone = ZoneInfo("Europe/Vienna")
    day = datetime(2026, 3, 29, tzinfo=zone), datetime(2026, 3, 30, tzinfo=zone)

    assert sum(1 for _ in seconds(*day)) == 23 * 3_600


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("*.txt")), ids=lambda path: path.stem)
def test_the_shipped_templates_run(file: Path) -> None:
    done = pitboss("generate", "--template", str(file), "--count", "20", "--seed", "3")

    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert len(lines) == 20
    if file.stem != "access-log":
        assert all(json.loads(line) for line in lines)
    if file.stem == "slot-events":
        assert {read_envelope(line.encode())[0].property_id for line in lines} == {"P1"}


def test_rows_go_to_a_file(tmp_path: Path) -> None:
    template, file = tmp_path / "t", tmp_path / "rows"
    template.write_text("{{random.number(9)}}")

    arguments = ("generate", "--template", str(template), "--out", str(file), "--json")
    done = pitboss(*arguments, "--count", "2500", "--seed", "1")

    assert json.loads(done.stdout)["rows"] == 2_500
    assert file.read_text().count("\n") == 2_500


def test_simulated_time_is_in_the_rows(tmp_path: Path) -> None:
    template = tmp_path / "t"
    template.write_text('{{date.simTime("HH:mm:ss")}}')

    done = pitboss(
        *("generate", "--template", str(template), "--rate", "0.5", "--zone", "Europe/Vienna"),
        *("--start", "2026-01-01T20:00:00", "--end", "2026-01-01T20:00:08"),
    )

    assert done.stdout.split() == ["20:00:01", "20:00:03", "20:00:05", "20:00:07"]


def test_rows_come_at_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)

    def sleep(duration: float) -> None:
        clock.now += duration + 0.001  # a sleep is never short

    clocks = SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep)
    monkeypatch.setattr("workbench.generate.time", clocks)
    due: Iterator[int] = generate._due(source(), 250.0, None, None)

    given = 0
    while clock.now < 110:
        given += next(due)

    assert 2_500 <= given <= 2_526


def test_rates_by_the_hour_in_real_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clocks = SimpleNamespace(monotonic=lambda: 0.0, sleep=slept.append)
    monkeypatch.setattr("workbench.generate.time", clocks)
    file = tmp_path / "week.csv"
    file.write_text("day,hour,mu,sigma\n*,*,10,2\n")
    due = generate._due(source(), None, read_week(file), None)

    given = [next(due) for _ in range(200)]

    assert 9 < sum(given) / 200 < 11
    assert len(set(given)) > 5
    assert len(slept) == 199


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Name a template"),
        (["--out", "a", "--to", "slot-events"], "each say where"),
        (["--template", "none"], "cannot be read"),
        (["--zone", "Moon"], "no time zone"),
        (["--rate", "1", "--rates", "x"], "both say how many"),
        (["--smooth"], "--smooth is for --rates"),
        (["--start", "2026-01-01"], "Simulated time needs"),
        (["--start", "soon", "--end", "2026-01-01", "--rate", "1"], "no ISO 8601"),
        (["--as", "server-1"], "are for --to"),
        (["--to", "door"], "none of slot-events, slot-packets, game-events"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, arguments: list[str], says: str) -> None:
    template = tmp_path / "t"
    template.write_text("x")
    if arguments and "--template" not in arguments:
        arguments = ["--template", str(template), *arguments]

    done = pitboss("generate", *arguments)

    assert done.exit_code == 2, done.output
    assert says in " ".join(done.stderr.split())


def test_the_tags_are_listed() -> None:
    assert "random.weightedArrayElement" in pitboss("generate", "--tags").stdout.split()


# --- doors and streams ----------------------------------------------------------------------------


class NoSignature:
    def headers(self, body: bytes = b"") -> dict[str, str]:
        return {}


def door(answer: Callable[[httpx.Request], httpx.Response], token: str | None = None) -> DoorSink:
    client = PitbossClient(
        "http://door",
        NoSignature(),
        sleep=lambda _: None,
        transport=httpx.MockTransport(answer),
    )
    return DoorSink(client, DOORS["game-events"], token)


def test_what_failed_at_the_door_is_sent_again_alone() -> None:
    posts: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        lines = gzip.decompress(request.content).decode().splitlines()
        posts.append(lines)
        assert request.headers["authorization"] == "Bearer t-1"
        if len(posts) > 1:
            return httpx.Response(200, json={"received": len(lines), "accepted": len(lines)})
        events = [{"index": 1, "status": "failed"}]
        return httpx.Response(
            503, json={"received": 3, "accepted": 2, "failed": 1, "events": events}
        )

    with door(answer, "t-1") as sink:
        sink.write(['{"a":1}', '{"a":2}', '{"a":3}'])

    assert posts == [['{"a":1}', '{"a":2}', '{"a":3}'], ['{"a":2}']]
    assert sink.counts == {
        **{"rows": 3, "posts": 2, "received": 3, "accepted": 3, "duplicate": 0},
        "quarantined": 0,
    }


def test_envelopes_go_as_an_array_and_reasons_are_counted() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["content-type"] == "application/json"
        assert json.loads(gzip.decompress(request.content)) == [{"a": 1}, {"a": 2}]
        events = [{"index": 0, "status": "quarantined", "reason": "wrong"}]
        document = {"received": 2, "accepted": 1, "quarantined": 1, "events": events}
        return httpx.Response(200, json=document)

    with door(answer) as sink:
        sink._door = DOORS["slot-events"]
        sink.write(['{"a":1}', '{"a":2}'])

    assert sink.counts["quarantined_wrong"] == 1


def test_a_refusal_at_the_door_is_said() -> None:
    with (
        door(lambda _: httpx.Response(403, json={"detail": "no such application"})) as sink,
        pytest.raises(WorkbenchError, match="403: no such application"),
    ):
        sink.write(['{"a":1}'])


def test_a_door_takes_json_alone() -> None:
    with door(lambda _: httpx.Response(200)) as sink, pytest.raises(UsageError, match="no JSON"):
        sink.write(["a,b"])


def test_a_row_is_never_lost_between_batches() -> None:
    made = [bytes([65 + i % 26]) * (i % 90) for i in range(1_000)]

    cut = batches(made, 50, 1_000)

    assert [row for batch in cut for row in batch] == made
    assert max(map(len, cut)) <= 50
    assert max(sum(len(row) + 1 for row in batch) for batch in cut) <= 1_000
    with pytest.raises(UsageError, match="too many"):
        batches([b"x" * 1_000], 50, 1_000)


class Shard:
    """A stream that refuses every third record once."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.calls = 0

    def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert StreamName == "a-stream"
        self.calls += 1
        results = []
        for index, record in enumerate(Records):
            if self.calls == 1 and index % 3 == 0:
                results.append({"ErrorCode": "ProvisionedThroughputExceededException"})
            else:
                self.kept.append(record["Data"])
                results.append({"SequenceNumber": "1"})
        return {"Records": results}

    def close(self) -> None:
        """Nothing is open."""


def test_what_a_stream_refuses_is_put_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = Shard()
    monkeypatch.setattr(endpoint, "client", lambda _: shard)
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"StreamName": "a-stream"})
    monkeypatch.setattr("pitboss.backoff.pause", lambda _: None)
    template = tmp_path / "t"
    template.write_text("{{random.uuid}}")

    done = pitboss(
        *("generate", "--template", str(template), "--count", "10", "--stream", "StreamName"),
        "--json",
    )

    counts = json.loads(done.stdout)
    assert (counts["records"], counts["sent_again"]) == (10, 4)
    assert len(set(shard.kept)) == 10
    assert all(record.endswith(b"\n") for record in shard.kept)


def test_a_stream_that_refuses_to_the_end() -> None:
    class Full(Shard):
        def put_records(self, StreamName: str, Records: list[Any]) -> dict[str, Any]:  # noqa: N803
            return {"Records": [{"ErrorCode": "x"} for _ in Records]}

    full: Any = Full()
    with (
        StreamSink(full, "s", lambda _: None) as sink,
        pytest.raises(WorkbenchError, match="2 rec"),
    ):
        sink.write(["a", "b"])

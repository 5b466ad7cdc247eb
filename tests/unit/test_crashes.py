"""Crash reports: which are of one fault, and how they are counted."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.games import stacks
from pitboss.games.crashes import CRASH_TYPES, Crash, crash_of, is_group, normalised, read
from pitboss.metrics import crashes, lanes
from pitboss.metrics.crashes import (
    OTHER,
    Counted,
    Group,
    Resolution,
    Seen,
    State,
    newness,
    state_of,
)
from pitboss.metrics.lanes import Head, Lane, Received, bring_in, parts
from tests.unit.test_metrics import NOW, event, metric
from workbench.metrics import load

DAY_MS = 86_400_000

# One fault as engines and languages write it. `{f}` is the innermost function, `{n}` and `{m}` are
# numbers of lines, `{x}` is an address or a hash, `{d}` a directory.
FORMS = {
    "unity": "Race.Car.{f} (System.Int32 x) (at {d}/Car.cs:{n})\n"
    "Race.Loop+<Run>d__{m}.MoveNext () (at <{x}>:0)\n"
    "UnityEngine.SetupCoroutine.InvokeMoveNext (IEnumerator e) (at <{x}>:0)",
    "mono": "System.NullReferenceException: no car {n}\n"
    "  at Race.Car.{f} (System.Int32 x) [0x{x}] in <{x}>:0 \n"
    "  at Race.Loop.<Start>b__{m}_1 () [0x{x}] in {d}/Loop.cs:{n} ",
    "dotnet": "   at Race.Car.{f}(Int32 x) in {d}/Car.cs:line {n}\n   at Race.Loop.Update()",
    "python": 'Traceback (most recent call last):\n  File "{d}/main.py", line {n}, in <module>\n'
    "    car.{f}(door, {m})\n    ~~~~^^^\n"
    '  File "/usr/lib/python3.13/json/__init__.py", line {m}, in loads\n    decode()\n'
    '  File "{d}/car.py", line {m}, in {f}\n    raise BrakeError(x)\nBrakeError: too late {n}',
    "v8": "TypeError: x{n} is not a function\n    at Car.{f} (https://r.example{d}/main.js:{n}:{m})\n"
    "    at async run (file://{d}/run.js:{n}:{m})\n    at https://r.example{d}/app.js:{n}:{m}",
    "firefox": "{f}@https://r.example{d}/main.{x}.js:{n}:{m}\nasync*run/<@file://{d}/run.js:{n}:{m}",
    "java": "java.lang.RuntimeException: lap {n}\n\tat com.race.Lap.end(Lap.java:{m})\n"
    "Caused by: java.io.IOException: {d}\n\tat java.base/java.io.File.read(File.java:{m})\n"
    "\tat com.race.Car.{f}(Car.java:{n})\n\tat com.race.Car.lambda$go${m}(Car.java:{n})\n\t"
    "... 2 more",
    "android": "signal 11 (SIGSEGV), code 1, fault addr 0x{x}\n"
    "#00 pc {x}  /data/app/~~{x}==/lib/arm64/libgame.so (Car::{f}(int)+{n}) (BuildId: {x})\n"
    "#01 pc {x}  /apex/com.android.runtime/lib64/bionic/libc.so (__start+{m})",
    "gdb": "#0  0x{x} in {f} (x={n}) at {d}/car.c:{n}\n#1  0x{x} in main () at {d}/main.c:{m}",
    "apple": "0   Race   0x{x} Car::{f}(int) + {n}\n1   libsystem_c.dylib   0x{x} abort + {m}",
    "windows": "0x{x} Race-Win64.exe!UCar::{f}() [{d}/car.cpp:{n}]\nKERNEL32!ThreadInit()",
}

names = st.from_regex(r"[A-Z][a-z]{3,12}[0-9]?", fullmatch=True)
numbers = st.integers(1, 99_999)
hashes = st.integers(1 << 40, (1 << 64) - 1).map("{:016x}".format)
folders = st.lists(
    st.from_regex(r"[a-zA-Z0-9_.~-]{1,12}", fullmatch=True), min_size=1, max_size=4
).map(lambda parts: "/" + "/".join(parts))
chances = st.fixed_dictionaries({"n": numbers, "m": numbers, "x": hashes, "d": folders})


def report(stack: object = None, **said: Any) -> Crash:
    return read("client_crashed", said if stack is None else {"stack": stack, **said})


def test_the_shipped_metric_counts_what_a_crash_is() -> None:
    shipped = {one.key: one for one in load([Path("metrics")])}

    (condition,) = shipped["crashes-by-version"].where
    assert isinstance(condition.is_, tuple)
    assert set(condition.is_) == CRASH_TYPES


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=12, deadline=None)
@given(function=names, other=names, one=chances, two=chances)
def test_reports_are_of_one_group_by_their_functions_alone(
    form: str, function: str, other: str, one: dict[str, Any], two: dict[str, Any]
) -> None:
    first = report(FORMS[form].format(f=function, **one))

    assert is_group(first.group)
    assert function in first.where
    assert report(FORMS[form].format(f=function, **two)).group == first.group
    if other != function:
        assert report(FORMS[form].format(f=other, **one)).group != first.group


@pytest.mark.parametrize(
    ("form", "exception", "where"),
    [
        ("unity", "", "Race.Car.Brake"),
        ("mono", "System.NullReferenceException", "Race.Car.Brake"),
        ("python", "BrakeError", "car.py:Brake"),
        ("v8", "TypeError", "Car.Brake"),
        ("firefox", "", "main..js:Brake"),
        ("java", "java.io.IOException", "com.race.Car.Brake"),
        ("android", "", "Car::Brake"),
        ("gdb", "", "car.c:Brake"),
        ("apple", "", "Car::Brake"),
        ("windows", "", "Race-Win64.exe!UCar::Brake"),
    ],
)
def test_a_stack_says_what_was_raised_and_where(form: str, exception: str, where: str) -> None:
    said = {"n": 7, "m": 8, "x": "00ab12cd34ef5678", "d": "/srv/race"}

    crash = report(FORMS[form].format(f="Brake", **said))

    assert (crash.exception, crash.where) == (exception, where)
    frames = stacks.read(FORMS[form].format(f="Brake", **said)).frames
    assert any(not frame.is_app for frame in frames) is (
        form in ("unity", "python", "java", "android", "apple", "windows")
    )


def test_the_depth_of_a_recursion_does_not_matter() -> None:
    once = "at Race.A (a.js:1:1)\nat Race.B (a.js:2:1)\nat Race.Main (a.js:3:1)"
    deep = "at Race.A (a.js:1:1)\nat Race.B (a.js:2:1)\n" * 90 + once

    assert report(deep).group == report(once).group


def test_an_exception_and_a_message_are_said_or_read() -> None:
    said = report("at Race.Go (a.js:1:1)", exception="RangeError: lap 7")
    apart = report("at Race.Go (b.js:9:9)", exception="RangeError", message="lap 8")
    read_from_it = report("RangeError: lap 9\n    at Race.Go (a.js:1:1)")
    other = report("at Race.Go (a.js:1:1)", exception="TypeError", message="lap 7")

    assert (said.exception, said.message) == ("RangeError", "lap 7")
    assert said.group == apart.group == read_from_it.group != other.group


def test_a_list_of_frames_is_a_stack() -> None:
    objects = report([{"function": "go", "module": "Race", "file": "/a/race.gd", "line": 3}])
    lines = report(["at Race.go (/b/race.gd:4:1)"])

    assert objects.where == lines.where == "Race.go"
    assert objects.group == lines.group


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.from_regex(r"[g-z]{3,8}", fullmatch=True), min_size=2, max_size=5),
    one=st.tuples(numbers, hashes, folders),
    two=st.tuples(numbers, hashes, folders),
)
def test_without_a_stack_the_words_of_the_message_tell_apart(
    words: list[str], one: tuple[Any, ...], two: tuple[Any, ...]
) -> None:
    def said(chance: tuple[Any, ...]) -> Crash:
        number, address, folder = chance
        text = f"{' '.join(words)} {number} at 0x{address} of {folder}/save.dat"
        return report(exception="IoError", message=text)

    assert said(one).group == said(two).group
    assert said(one).group != report(exception="IoError", message=f"{' '.join(words)} else").group


def test_of_a_message_what_changes_is_left_out() -> None:
    said = 'no "car 7" of a@b.example at https://race.example/7 (12.5 s) id 1b4e28ba-2fa1-11d2'

    assert normalised(f"{said}\nand more") == "no # of # at # (# s) id #"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
hostile = st.sampled_from(["at ", "#0 ", 'File "', "(", ")", "@", ":1", "!", "0x", "/", "\n", "'"])
texts = st.text(max_size=300) | st.lists(hostile, max_size=60).map("".join)


@settings(max_examples=80, deadline=None)
@given(
    exception=json_values | texts,
    message=json_values | texts,
    stack=json_values | texts | st.tuples(texts, st.integers(1, 4_000)).map(lambda s: s[0] * s[1]),
)
def test_whatever_a_game_sends_is_of_a_group_and_takes_a_bounded_place(
    exception: object, message: object, stack: object
) -> None:
    crash = report(stack, exception=exception, message=message)

    assert is_group(crash.group)
    assert len(crash.exception) <= 120
    assert len(crash.message) <= 520
    assert len(crash.where) <= 2 * stacks.MAX_NAME + 1
    assert len(crash.stack) <= 2 * 6_010
    assert len(stacks.read(stack).frames) <= stacks.MAX_LINES


def test_people_are_not_named_by_their_directories() -> None:
    homes = "/home"
    crash = report(
        f'File "{homes}/ada/race.py", line 1, in go\nFile "C:\\Users\\Ada L\\x.py", line 2, in z',
        message="no file /Users/ada/save",
    )

    assert not re.search(r"(?i)ada", crash.stack + crash.message)


def test_other_events_are_no_reports() -> None:
    data = b'{"stack":"at A.b (c.js:1:1)"}'

    assert crash_of(event(event_type="level_started", data=data)) is None
    found = crash_of(event(event_type="crash", data=data))
    assert found is not None
    assert found.where == "A.b"
    assert crash_of(event(event_type="crash", data=b"[]")) is not None


# Counting.


def crashed(number: int, at: int = NOW, version: str = "1.0", function: str = "Go") -> Received:
    data = json.dumps({"stack": f"at Race.{function} (race.js:{number}:1)"}).encode()
    one = event(number, at, data, event_type="crash", app_version=version)
    return Received(one, NOW)


def brought(came: list[Received], *metrics: Any) -> Lane:
    head, kept = Head(), Lane()
    for part in parts(metrics, came):
        found = bring_in(head, kept, metrics, part, lambda minute: minute // 1_440)
        head = found.head
        kept.slices |= found.lane.slices
        kept.panes |= found.lane.panes
        kept.players |= found.lane.players
        kept.examples |= found.lane.examples
        kept.tally = kept.tally if found.lane.tally is None else found.lane.tally
    return kept


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_tally_is_that_of_a_recount_however_reports_come(data: st.DataObject) -> None:
    unique = [
        crashed(
            number,
            NOW - data.draw(st.integers(-DAY_MS // 2, 5 * DAY_MS)),
            data.draw(st.sampled_from(["1.0", "1.1", ""])),
            data.draw(st.sampled_from(["Go", "Stop"])),
        )
        for number in range(data.draw(st.integers(1, 12)))
    ]
    twice = data.draw(st.lists(st.sampled_from(unique), max_size=10))
    sent = data.draw(st.permutations(unique + twice))

    tally = brought(sent).tally

    expected: dict[tuple[str, str], list[int]] = {}
    for one in unique:
        crash = crash_of(one.event)
        assert crash is not None
        place = crash.group, one.event.app_version or "(none)"
        expected.setdefault(place, []).append(min(one.event.occurred_at, one.received_at))
    assert tally is not None
    assert {
        (group, version): seen
        for group, one in tally.items()
        for version, seen in one.versions.items()
    } == {place: Seen(len(at), min(at), max(at)) for place, at in expected.items()}
    assert all(
        one.last == max(seen.last for seen in one.versions.values()) for one in tally.values()
    )


def test_many_reports_fit_a_transaction() -> None:
    came = [crashed(number, NOW - number * 20_000, "1.0", f"Go{number}") for number in range(60)]

    assert all(lanes.wanted_for([], part).items <= lanes.MAX_ITEMS for part in parts([], came))
    kept = brought(came)
    assert kept.tally is not None
    assert len(kept.tally) == len(kept.examples) == 60


def test_a_metric_may_ask_for_the_group() -> None:
    by_group = metric(where=[{"field": "crash_group", "exists": True}], dimensions=["crash_group"])

    kept = brought([crashed(1), crashed(2), Received(event(3), NOW)], by_group)

    crash = crash_of(crashed(1).event)
    assert crash is not None
    (pane,) = kept.panes.values()
    assert {at: one.events for at, one in pane[by_group.measure_id].items()} == {(crash.group,): 2}


def counted(*came: tuple[str, str, int]) -> Counted:
    found = Counted({})
    for group, version, at in came:
        found.add(Crash(group, "", "", "", ""), version, at)
    return found


def test_what_has_no_room_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashes, "MAX_GROUPS", 2)
    late = crashes.FORGOTTEN_MS + 10

    found = counted(("a", "1", 5), ("b", "1", 6), ("c", "1", 7), ("c", "1", 8), ("b", "2", 9))
    assert found.ungrouped == 2
    assert found.tally[OTHER] == Group(8, {OTHER: Seen(2, 7, 8)})
    assert found.tally.keys() == {"a", "b", OTHER}

    found.add(Crash("d", "", "", "", ""), "3", late)  # nobody has seen `a` for so long
    assert found.tally.keys() == {"b", "d", OTHER}
    assert found.tally[OTHER] == Group(8, {OTHER: Seen(3, 5, 8)})


def test_the_versions_seen_last_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashes, "MAX_VERSIONS", 2)

    found = counted(*[("a", f"1.{at}", at) for at in range(1, 5)])
    found.add(Crash("a", "", "", "", ""), "0.9", 0)

    assert not found.is_new
    assert found.tally["a"] == Group(
        4, {"1.3": Seen(1, 3, 3), "1.4": Seen(1, 4, 4), OTHER: Seen(3, 0, 2)}
    )


def test_the_fullest_tally_fits_an_item() -> None:
    wide = "\N{RACING CAR}" * 64
    found = Counted({})
    for group in range(crashes.MAX_GROUPS):
        for version in range(crashes.MAX_VERSIONS + 1):
            crash = Crash(f"{group:016x}", "", "", "", "")
            found.add(crash, f"{version:02d}{wide}", NOW)
    assert len(msgspec.msgpack.encode(found.tally)) < 380_000


@pytest.mark.parametrize(
    "versions",
    [
        ["1.9", "1.10-rc1", "1.10-rc2", "1.10", "1.10.1", "2.0"],
        ["1.0.0-alpha", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0"],
        ["7", "v8", "10"],
    ],
)
def test_versions_are_in_order(versions: list[str]) -> None:
    ranks = [newness(one) for one in versions]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)
    assert newness("v2.0+build7") == newness("2.0.0")


def test_a_group_is_reopened_by_the_version_that_mended_it_or_a_newer_one() -> None:
    mended = Resolution("2.0", 100)

    assert state_of({"2.0": Seen(1, 50, 90)}, None) is State.OPEN
    assert state_of({"1.9": Seen(9, 1, 500), "2.0": Seen(1, 50, 90)}, mended) is State.RESOLVED
    assert state_of({"": Seen(1, 1, 500), OTHER: Seen(1, 1, 500)}, mended) is State.RESOLVED
    assert state_of({"2.0": Seen(2, 50, 101)}, mended) is State.REOPENED
    assert state_of({"2.10": Seen(1, 101, 101)}, mended) is State.REOPENED

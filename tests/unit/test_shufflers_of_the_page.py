"""Shufflers on the page: what each is shown as, and how often their database is asked."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.unit.test_machine_states import node_of_the_browser
from workbench.paths import ROOT

DASHBOARD = ROOT / "dashboard"

SCRIPT = """
import { registerHooks } from 'node:module';
import { mock } from 'node:test';

const { imports, page, groups } = JSON.parse(process.argv[1]);
registerHooks({
  resolve: (name, context, next) =>
    next(imports[name] ? new URL(imports[name], page).href : name, context),
});
mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000_000_000 });
globalThis.document = { hidden: false };
globalThis.sessionStorage = { getItem: () => null, setItem() {}, removeItem() {} };
let status = 200;
let asked = [];
const answers = {
  'config.json': { api: '/v1' },
  '/v1/shufflers': { shufflers: [{ asset_id: 'S1', is_online: true, open_faults: [] }] },
  '/v1/maintenance': { recommendations: [
    { asset_id: 'S1', part: 'rollers', probability: 0.5, horizon_hours: 168 },
    { asset_id: 'S1', part: 'elevator', probability: 0.9, closed_at: 1 },
    { asset_id: 'S1', part: 'gripper', probability: 0.9 },
  ] },
};
globalThis.fetch = async (url) => {
  const path = url.split('?')[0];
  if (path.startsWith('/v1')) asked.push(path);
  const body = path === 'config.json' ? 200 : status;
  return new Response(JSON.stringify(answers[path]), { status: body });
};
const { session } = await import(new URL('session.js', page));
const { floor } = await import(new URL('floor.js', page));
const own = await import(new URL('shufflers.js', page));

/** Let seconds pass; what was asked in them. */
async function pass(seconds) {
  asked = [];
  for (let i = 0; i <= seconds; i++) {
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
    if (i < seconds) mock.timers.tick(1_000);
  }
  return asked.length;
}

const told = {};
session.value = { name: 'x', propertyId: 'p', groups, idToken: 'token', endsAt: 2e12 };
const stops = [own.watch(), own.watch()];
told.at_once = (await pass(0), asked);
told.minute = await pass(50);
told.three_minutes = await pass(180);
const known = own.shufflers.value?.rows.get('S1');
told.work = known?.work.map(({ part }) => part);
told.words = known && own.workOf(known);
document.hidden = true;
told.hidden = await pass(300);
document.hidden = false;
told.seen = await pass(3);
floor.paused.value = true;
told.paused = await pass(300);
floor.paused.value = false;
status = 503;
told.away = await pass(30);
told.failed = own.failure.value?.status;
told.left_alone = await pass(250);
status = 200;
told.back = await pass(30);
told.mended = own.failure.value;
stops.pop()();
told.one_looks = await pass(60);
stops.pop()();
told.nobody_looks = await pass(300);
const stop = own.watch();
told.comes_back = await pass(3);
session.value = null;
told.signed_out = [own.shufflers.value, await pass(120)];
stop();
const shuffler = { is_online: true, open_faults: [], work: [], failure: null };
told.states = [
  undefined,
  shuffler,
  { ...shuffler, work: [{}] },
  { ...shuffler, open_faults: [{ code: 'E31' }] },
  { ...shuffler, is_online: false, work: [{}] },
  { ...shuffler, is_online: null },
  { ...shuffler, is_online: false, failure: { code: 'E40' }, open_faults: [{ code: 'E40' }] },
].map(own.shufflerState).join('');
console.log(JSON.stringify(told));
process.exit();
"""


def told(*groups: str) -> dict[str, Any]:
    """What happened while people of these groups looked."""
    node = node_of_the_browser() or shutil.which("node")
    if node is None:
        pytest.skip("no JavaScript to run: neither playwright's node nor one on the path")
    index = (DASHBOARD / "index.html").read_text()
    import_map = re.search(r'<script type="importmap">(.*?)</script>', index, re.DOTALL)
    assert import_map is not None
    given = {
        "imports": json.loads(import_map[1])["imports"],
        "page": (DASHBOARD / "index.html").as_uri(),
        "groups": groups,
    }
    done = subprocess.run(
        [node, "--no-warnings", "--input-type=module", "--eval", SCRIPT, json.dumps(given)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module", name="looked")
def _looked() -> dict[str, Any]:
    return told("slot-ops")


READ = 2
"""Calls of one reading: shufflers, and the work that is recommended."""


def test_they_are_read_once_a_minute_for_all_who_look(looked: dict[str, Any]) -> None:
    assert looked["at_once"] == ["/v1/shufflers", "/v1/maintenance"]
    assert looked["minute"] == 0
    assert looked["three_minutes"] == 3 * READ
    assert looked["one_looks"] == READ


def test_they_are_read_only_while_somebody_looks(looked: dict[str, Any]) -> None:
    assert (looked["hidden"], looked["paused"], looked["nobody_looks"]) == (0, 0, 0)
    assert (looked["seen"], looked["comes_back"]) == (READ, READ)
    assert looked["signed_out"] == [None, 0]


def test_a_database_that_is_away_is_left_alone_for_five_minutes(looked: dict[str, Any]) -> None:
    assert (looked["away"], looked["failed"]) == (4, 503), "as often as anything is tried"
    assert looked["left_alone"] == 0
    assert (looked["back"], looked["mended"]) == (READ, None)


def test_work_that_is_over_does_not_count(looked: dict[str, Any]) -> None:
    assert looked["work"] == ["rollers"]
    assert looked["words"] == "rollers, 50.00 % to fail within 7 d"


def test_a_shuffler_is_shown_by_what_is_most_urgent_of_it(looked: dict[str, Any]) -> None:
    assert looked["states"] == "-RWWDDF"


def test_who_may_not_see_them_does_not_ask() -> None:
    asked = told("host")
    assert {name for name, calls in asked.items() if calls} <= {"states", "signed_out"}

/** The heat map: what is asked for, the events of the last 7 days that are read for it, and its table. */

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { get } from '../api.js';
import { floor } from '../floor.js';
import { clock, count, day, percent, plural } from '../format.js';
import { html } from '../html.js';
import { Failure, Panel } from '../parts.js';
import { DataTable } from '../table.js';
import { param, setParams } from './address.js';
import { difference, heatMap, rate } from './hexagons.js';
import { LevelMap, MapLegend, readGround } from './map.js';

/** @typedef {import('./hexagons.js').HeatMap} HeatMap */
/** @typedef {import('./hexagons.js').Bin} Bin */

const A_PAGE = 500;
/** Events that are read for one map, the newest. */
const MOST_EVENTS = 20_000;
const HOUR_MS = 3_600_000;

/** @type {readonly [string, string, number][]} */
const SPANS = [
  ['7d', 'last 7 days', 168 * HOUR_MS],
  ['1d', 'last 24 hours', 24 * HOUR_MS],
  ['1h', 'last hour', HOUR_MS],
];

/** @type {readonly [string, string][]} */
const SHOWN = [
  ['', 'All versions'],
  ['two', 'Two versions, side by side'],
  ['player', 'What changed, per 100 players'],
  ['event', 'What changed, per 100 events'],
];

/**
 * What is read of a level's events.
 *
 * @typedef {object} Read
 * @property {import('./hexagons.js').Event[]} events
 * @property {number} since how far back was looked, epoch milliseconds
 * @property {'reading' | 'whole' | 'cut' | 'stopped'} state `cut` where there are more than are read
 */

/** @param {{application: string}} props */
export function HeatMapPanel({ application }) {
  const read = useSignal(/** @type {Read | null} */ (null));
  const error = useSignal(/** @type {unknown} */ (null));
  const ground = useSignal(/** @type {import('./map.js').Ground | null} */ (null));
  const under = useRef(/** @type {AbortController | null} */ (null));
  const [type, level, span, shown] = ['type', 'level', 'span', 'show'].map(param);
  // Versions are compared by all players on the level, so that events of all types are read.
  const isWholeLevel = shown === 'player';

  const stop = () => {
    under.current?.abort();
    if (read.value?.state === 'reading') read.value = { ...read.value, state: 'stopped' };
  };
  const begin = () => {
    stop();
    if (!type || !level) return;
    const leaving = new AbortController();
    under.current = leaving;
    error.value = null;
    const now = Math.round(floor.clock.peek());
    const since = now - (SPANS.find(([id]) => id === span) ?? SPANS[0])[2];
    const query = { application, level, since: String(since), ...(isWholeLevel ? {} : { type }) };
    read.value = { events: [], since: now, state: 'reading' };
    readEvents(query, leaving.signal, (found) => {
      if (!leaving.signal.aborted) read.value = found;
    }).catch((reason) => {
      if (leaving.signal.aborted) return;
      error.value = reason;
      stop();
    });
  };
  // What the address names is read at once, so that a map can be sent to somebody.
  useEffect(() => {
    read.value = null;
    begin();
    return stop;
  }, [application, type, level, span, isWholeLevel]);

  return html`<${Panel} id="heat-title" title="Where on a level">
    <p class="dim panel-lead">
      Events of the last 7 days in hexagons, as <code>pitboss heatmap</code> draws them of all. The newest
      ${' '}${count(MOST_EVENTS)} are read; who looked at players’ events is in the audit log.
    </p>
    <${Form} application=${application} onShow=${begin} />
    <${Choices} read=${read.value} ground=${ground} />
    <${Failure} error=${error.value} retry=${begin} />
    ${read.value && html`<${Progress} read=${read.value} onStop=${stop} />`}
    ${read.value && html`<${Shown} read=${read.value} ground=${ground.value} />`}
  <//>`;
}

/**
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 * @param {(read: Read) => void} onRead after each page
 */
async function readEvents(query, signal, onRead) {
  /** @type {Read['events']} */
  const events = [];
  let before = '';
  for (;;) {
    const page = await get(`/game-events?${new URLSearchParams({ ...query, limit: String(A_PAGE), ...(before && { before }) })}`, { signal });
    for (const { event_type: type, app_version: version, player_id: player, x, y } of page.events) {
      events.push({ type, version, player, x, y });
    }
    before = page.next ?? '';
    const state = !before ? 'whole' : events.length >= MOST_EVENTS ? 'cut' : 'reading';
    onRead({ events, since: page.events.at(-1)?.occurred_at ?? page.searched_since, state });
    if (state !== 'reading') return;
  }
}

/** Which events. @param {{application: string, onShow: () => void}} props */
function Form({ application, onShow }) {
  const known = useSignal(/** @type {{of: string, types: string[], levels: string[]} | null} */ (null));
  const error = useSignal(/** @type {unknown} */ (null));
  const lookUp = async () => {
    error.value = null;
    try {
      const page = await get(`/game-events?${new URLSearchParams({ application, limit: String(A_PAGE) })}`);
      const placed = page.events.filter((/** @type {any} */ one) => one.x !== null && one.level_id !== null);
      known.value = { of: application, types: namesOf(placed, 'event_type'), levels: namesOf(placed, 'level_id') };
    } catch (reason) {
      error.value = reason;
    }
  };
  const there = known.value?.of === application ? known.value : null;
  return html`<form
      class="panel-bar heat-form"
      onSubmit=${(/** @type {any} */ event) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget);
        const next = Object.fromEntries(['type', 'level', 'span'].map((name) => [name, String(given.get(name)).trim()]));
        if (['type', 'level', 'span'].every((name) => next[name] === param(name))) onShow();
        else setParams(next);
      }}
    >
      <label>Event type <input name="type" list="heat-types" required maxlength="64" autocomplete="off" value=${param('type')} /></label>
      <label>Level <input name="level" list="heat-levels" required maxlength="200" autocomplete="off" value=${param('level')} /></label>
      <label>
        Of the
        <select name="span">
          ${SPANS.map(([id, name]) => html`<option key=${id} value=${id} selected=${(param('span') || '7d') === id}>${name}</option>`)}
        </select>
      </label>
      <button type="submit" class="btn primary">Show</button>
      <button type="button" class="btn quiet" onClick=${lookUp}>What is there?</button>
      <datalist id="heat-types">${there?.types.map((one) => html`<option key=${one} value=${one} />`)}</datalist>
      <datalist id="heat-levels">${there?.levels.map((one) => html`<option key=${one} value=${one} />`)}</datalist>
    </form>
    <${Failure} error=${error.value} retry=${lookUp} />
    <p role="status" class="dim heat-known">
      ${there &&
      (there.types.length
        ? `With a place among the newest ${A_PAGE} events: types ${there.types.join(', ')}; levels ${there.levels.join(', ')}.`
        : `None of the newest ${A_PAGE} events has a level and a place.`)}
    </p>`;
}

/** @param {any[]} events @param {string} field @returns {string[]} */
function namesOf(events, field) {
  return [...new Set(events.map((one) => one[field]))].sort();
}

/** How it is shown. @param {{read: Read | null, ground: import('@preact/signals').Signal<any>}} props */
function Choices({ read, ground }) {
  const trouble = useSignal('');
  const shown = param('show');
  const versions = versionsOf(read);
  const [before, after] = comparedOf(versions);
  const bounds = param('bounds');
  const isWrong = bounds !== '' && boundsOf(bounds) === null;
  const choose = (/** @type {string} */ name) => (/** @type {any} */ event) => setParams({ [name]: event.currentTarget.value.trim() });
  return html`<div class="panel-bar heat-form">
    <label>
      Show
      <select onChange=${choose('show')}>
        ${SHOWN.map(([id, name]) => html`<option key=${id} value=${id} selected=${shown === id}>${name}</option>`)}
      </select>
    </label>
    ${shown &&
    [['before', 'Before', before], ['after', 'After', after]].map(
      ([name, text, chosen]) => html`<label key=${name}>
        ${text}
        <select onChange=${choose(name)}>
          ${versions.map((one) => html`<option key=${one} value=${one} selected=${one === chosen}>${one || '(none)'}</option>`)}
        </select>
      </label>`,
    )}
    <label>
      Bounds
      <input
        value=${bounds}
        size="16"
        placeholder="x0,y0,x1,y1"
        title="The upper left corner and the lower right one; empty for all that has events"
        aria-invalid=${isWrong}
        aria-describedby="heat-trouble"
        onChange=${choose('bounds')}
      />
    </label>
    <label>
      Across
      <input type="number" min="2" max="200" value=${param('across')} placeholder="auto" title="Hexagons from side to side" onChange=${choose('across')} />
    </label>
    <label>
      The level’s picture
      <input
        type="file"
        accept="image/png,image/jpeg,image/webp"
        onChange=${async (/** @type {any} */ event) => {
          const file = event.currentTarget.files[0];
          trouble.value = '';
          ground.value = null;
          if (!file) return;
          try {
            ground.value = await readGround(file);
          } catch {
            trouble.value = `${file.name} is no picture that this browser can show.`;
          }
        }}
      />
    </label>
    <p id="heat-trouble" class="heat-known" role="status">
      ${isWrong
        ? 'Bounds are four numbers with a width and a height: x0,y0,x1,y1.'
        : trouble.value || (ground.value && !bounds ? 'A picture needs bounds: nothing else says which part of the level it shows.' : '')}
    </p>
  </div>`;
}

/** @param {Read | null} read */
function versionsOf(read) {
  const natural = new Intl.Collator('en', { numeric: true });
  return [...new Set(read?.events.map((event) => event.version))].sort(natural.compare);
}

/** The two that are compared: those of the address, or the newest two. @param {string[]} versions @returns {[string, string]} */
function comparedOf(versions) {
  return [param('before') || (versions.at(-2) ?? ''), param('after') || (versions.at(-1) ?? '')];
}

/** @param {string} text @returns {import('./hexagons.js').Bounds | null} */
function boundsOf(text) {
  const [x0, y0, x1, y1, ...more] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const isRight = [x0, y0, x1, y1].every(Number.isFinite) && more.length === 0 && x0 !== x1 && y0 !== y1;
  return isRight ? { x0, y0, x1, y1 } : null;
}

/** @param {{read: Read, onStop: () => void}} props */
function Progress({ read: { events, since, state }, onStop }) {
  const back = `${day(since)}, ${clock(since)}`;
  const told = plural(events.length, 'event');
  return html`<div class="heat-progress">
    ${state === 'reading' && html`<progress max=${MOST_EVENTS} value=${events.length} aria-label="Events read"></progress>`}
    <p class="num" role="status">
      ${state === 'reading'
        ? `Reading … ${told}, back to ${back}.`
        : state === 'whole'
          ? `${told} read: all there are.`
          : `${told} read, the newest: back to ${back}. ${state === 'cut' ? 'There are more; ask for less time, or draw them of the lake with pitboss heatmap.' : 'Stopped.'}`}
    </p>
    ${state === 'reading' && html`<button type="button" class="btn" onClick=${onStop}>Stop</button>`}
  </div>`;
}

/** @param {{read: Read, ground: import('./map.js').Ground | null}} props */
function Shown({ read, ground }) {
  const [type, level, shown, bounds, across] = ['type', 'level', 'show', 'bounds', 'across'].map(param);
  const versions = versionsOf(read);
  const compared = comparedOf(versions);
  if (read.state === 'reading' && read.events.length === 0) return null;
  if (shown && new Set(compared).size < 2) {
    return html`<p class="empty">Two versions are needed: the events that were read are of ${plural(versions.length, 'version')}.</p>`;
  }
  const within = boundsOf(bounds);
  const map = heatMap(read.events, {
    type,
    versions: shown ? compared : null,
    per: shown === 'player' ? 'player' : 'event',
    bounds: within,
    across: Number(across) >= 2 ? Math.min(Number(across), 200) : null,
  });
  if (map === null) return html`<p class="empty">No ${type} on ${level} has a position there. What is there? says what has.</p>`;
  const isDifference = shown === 'player' || shown === 'event';
  if (isDifference && map.outOf.some((n) => n === 0)) {
    return html`<p class="empty">A version has no ${shown} on this level to divide by.</p>`;
  }
  const under = within ? ground : null;
  const name = `${type} on ${level}`;
  const unit = isDifference ? `${compared[1]} less ${compared[0]}, events per 100 ${shown}s; red is less, blue is more` : 'events in a hexagon';
  return html`<p>${inWords(map, isDifference)}</p>
    <div class=${`levels ${shown === 'two' ? 'is-two' : ''}`}>
      ${isDifference
        ? html`<${LevelMap} map=${map} version=${null} title=${`${name}, ${compared[1]} less ${compared[0]}`} ground=${under} />`
        : (shown ? compared : ['']).map(
            (version, n) => html`<${LevelMap} key=${version} map=${map} version=${n} title=${`${name}${version && `, ${version}`}`} ground=${under} />`,
          )}
    </div>
    <${MapLegend} map=${map} isDifference=${isDifference} unit=${unit} ground=${under} />
    <${BinTable} map=${map} compared=${shown ? compared : null} isDifference=${isDifference} caption=${name} />`;
}

/** What a map comes to, and what it leaves out. @param {HeatMap} map @param {boolean} isDifference */
function inWords(map, isDifference) {
  const whole = map.counts.reduce((a, b) => a + b, 0);
  const few = isDifference ? map.bins.filter((bin) => difference(map, bin) === null).length : 0;
  const left = [map.outside && `${count(map.outside)} outside of the bounds`, map.unplaced && `${count(map.unplaced)} without a position`].filter(Boolean);
  return [
    `${plural(whole, 'event')} in ${plural(map.bins.length, 'hexagon')}.`,
    few > 0 && `${plural(few, 'hexagon')} with fewer than 5 events of both ${few === 1 ? 'is' : 'are'} hollow.`,
    left.length > 0 && `Not shown: ${left.join(' and ')}.`,
  ].filter(Boolean).join(' ');
}

/**
 * The map's twin.
 *
 * @param {{map: HeatMap, compared: [string, string] | null, isDifference: boolean, caption: string}} props
 */
function BinTable({ map, compared, isDifference, caption }) {
  const whole = map.counts.reduce((a, b) => a + b, 0);
  const ofDifference = map.outOf[0] * map.outOf[1];
  const digits = map.radius >= 5 ? 0 : map.radius >= 0.5 ? 1 : 3;
  const coordinate = (/** @type {number} */ value) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace('-', '−');
  const total = (/** @type {Bin} */ bin) => bin.counts.reduce((a, b) => a + b, 0);
  const counts = (compared ?? ['Events']).map((name, n) => ({
    id: `count-${n}`,
    name,
    isNumber: true,
    by: (/** @type {Bin} */ bin) => bin.counts[n],
    cell: (/** @type {Bin} */ bin) => count(bin.counts[n]),
  }));
  return html`<${DataTable}
    key=${counts.length + Number(isDifference)}
    caption=${`${caption}, by hexagon`}
    rows=${map.bins}
    keyOf=${(/** @type {Bin} */ bin) => `${bin.r} ${bin.q}`}
    sort=${isDifference ? '-difference' : '-count-0'}
    pageSize=${10}
    columns=${[
      { id: 'at', name: 'Hexagon at x, y', isHeader: true, cell: (/** @type {Bin} */ bin) => `${coordinate(bin.x)}, ${coordinate(bin.y)}` },
      ...counts,
      isDifference
        ? {
            id: 'difference',
            name: 'Difference per 100',
            isNumber: true,
            by: (/** @type {Bin} */ bin) => difference(map, bin),
            cell: (/** @type {Bin} */ bin) => {
              const value = difference(map, bin);
              return value === null ? 'too few' : rate(value, ofDifference);
            },
          }
        : { id: 'share', name: 'Share', isNumber: true, cell: (/** @type {Bin} */ bin) => percent(total(bin) / whole) },
    ]}
  />`;
}

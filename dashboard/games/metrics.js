/** Live metrics: what the newest window of each comes to, and the windows before it as a line. */

import { useSignal } from '@preact/signals';

import { floor } from '../floor.js';
import { clock, count } from '../format.js';
import { html } from '../html.js';
import { Failure, Freshness, Panel, Spark } from '../parts.js';
import { session } from '../session.js';
import { useReading } from './reading.js';

/** @typedef {import('../types').MetricDocument} Metric */
/** @typedef {import('../types').WindowDocument} Window */

const EVERY_MS = 1_000;
/** What is read each second: the window that lasts, and the one before it. */
const NEWEST = 2;
/** Of the line; late events change what is past, so that it is read anew now and then. */
const WINDOWS = 30;
const WINDOWS_EVERY_MS = 60_000;
/** Values of dimensions that are shown at once, the highest. */
const MOST_VALUES = 6;

const fractions = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 });

/** @param {{application: string}} props */
export function MetricsPanel({ application }) {
  const about = `/metrics?application=${encodeURIComponent(application)}&windows=`;
  const newest = useReading(`${about}${NEWEST}`, EVERY_MS);
  const before = useReading(`${about}${WINDOWS}`, WINDOWS_EVERY_MS);
  const { body, error } = newest;
  /** @type {Map<string, Metric>} */
  const known = new Map(before.body?.metrics.map((/** @type {Metric} */ one) => [one.key, one]));
  const aside = body && html`<${Freshness} at=${body.at} isPaused=${floor.paused.value} />`;
  return html`<${Panel} id="metrics-title" title="Live metrics" aside=${aside}>
    <${Failure} error=${error} />
    ${body?.metrics.length === 0 && html`<${Nothing} application=${application} />`}
    ${body === null && !error && html`<p class="empty" role="status">Reading …</p>`}
    <${Crossed} metrics=${body?.metrics ?? []} />
    <ul class="metrics">
      ${body?.metrics.map((/** @type {Metric} */ metric) => html`<${OneMetric} key=${metric.key} metric=${metric} before=${known.get(metric.key)?.windows ?? []} />`)}
    </ul>
  <//>`;
}

/** @param {{application: string}} props */
function Nothing({ application }) {
  return html`<p class="empty">
    Nothing is measured of ${application}. Metrics are files:
    ${' '}<code>pitboss metrics apply metrics --property ${session.value?.propertyId}</code> registers those
    that come with Pitboss, <code>pitboss metrics list</code> names what is registered. Within a minute they
    are measured, of what is sent from then on.
  </p>`;
}

/** Says aloud what is crossed, when that changes. @param {{metrics: Metric[]}} props */
function Crossed({ metrics }) {
  const names = metrics.filter((one) => one.crossed.length > 0).map((one) => one.name);
  return html`<p class="visually-hidden" role="status">${names.length > 0 && `Crossed: ${names.join(', ')}.`}</p>`;
}

/** @param {{metric: Metric, before: Window[]}} props `before` are windows that were read before */
function OneMetric({ metric, before }) {
  const isOpen = useSignal(false);
  const windows = merged(before, metric.windows);
  const now = windows.at(-1);
  const rows = rowsOf(metric, windows);
  const shown = isOpen.value ? rows : rows.slice(0, MOST_VALUES);
  const isCrossed = metric.crossed.length > 0;
  return html`<li class=${`metric ${isCrossed ? 'is-crossed' : ''}`} data-metric=${metric.key}>
    <h3>${metric.name}</h3>
    <p class="dim metric-window">${metric.window}${now && `; ${when(now)}`}</p>
    ${metric.threshold &&
    html`<p class="metric-threshold">
      <span aria-hidden="true">${isCrossed ? '▲' : '○'}</span>
      ${' '}${isCrossed ? html`<strong>Crossed</strong>: ` : 'Not crossed: '}${metric.threshold}
    </p>`}
    ${rows.length === 0 && html`<p class="dim">Nothing in the newest windows.</p>`}
    <ul class=${metric.dimensions.length ? 'metric-values' : ''}>
      ${shown.map((row) => html`<${Row} key=${row.id} row=${row} unit=${metric.unit} isAlone=${metric.dimensions.length === 0} />`)}
    </ul>
    ${rows.length > MOST_VALUES &&
    html`<button
      type="button"
      class="btn quiet small"
      aria-expanded=${isOpen.value}
      onClick=${() => {
        isOpen.value = !isOpen.value;
      }}
    >
      ${isOpen.value ? `The highest ${MOST_VALUES}` : `All ${count(rows.length)}`}
    </button>`}
  </li>`;
}

/** @param {{row: ReturnType<typeof rowsOf>[number], unit: string, isAlone: boolean}} props */
function Row({ row, unit, isAlone }) {
  const value = html`<span class="metric-value num">${row.isFull && '≥ '}${written(row.value)}</span>`;
  const previous = row.points.at(-2);
  return html`<li class="metric-row">
    ${!isAlone && html`<span class="metric-name">${row.name}${row.isCrossed && html`<strong class="metric-mark"> <span aria-hidden="true">▲</span> crossed</strong>`}</span>`}
    <span class=${isAlone ? 'metric-alone' : ''}>${value} <span class="tile-unit">${unit}</span></span>
    <${Spark} at=${row.points.map(({ at }) => at)} values=${row.points.map(({ value: one }) => one)} />
    ${isAlone && previous && html`<span class="dim num metric-before">${written(previous.value)} the window before</span>`}
  </li>`;
}

/** @param {number | null} value */
function written(value) {
  if (value === null || Number.isInteger(value)) return count(value);
  return fractions.format(value).replace('-', '−');
}

/** Windows by their end, what was read later in place of what was before. @param {Window[]} before @param {Window[]} newest */
function merged(before, newest) {
  const all = new Map([...before, ...newest].map((one) => [endOf(one), one]));
  return [...all.values()].sort((a, b) => endOf(a) - endOf(b)).slice(-WINDOWS);
}

/** @param {Window} window */
function endOf({ day, ends_at: at }) {
  return day === null ? Number(at) : Date.parse(day);
}

/** @param {Window} window */
function when({ day, ends_at: at, is_over: isOver }) {
  if (day !== null) return isOver ? day : `${day}, so far`;
  return `to ${clock(at)}${isOver ? '' : ', so far'}`;
}

/**
 * What each value of the dimensions comes to in the newest windows, the highest first; one row where
 * there are none. A window without events of it is 0 where they are counted, and no point elsewhere.
 *
 * @param {Metric} metric
 * @param {Window[]} windows
 */
function rowsOf({ aggregate, crossed, dimensions, windows: newest }, windows) {
  const idOf = (/** @type {Record<string, string>} */ one) => JSON.stringify(dimensions.map((name) => one[name]));
  const over = new Set(crossed.map(idOf));
  const isCounted = ['count', 'sum', 'distinct'].includes(aggregate);
  const byWindow = windows.map((window) => ({ at: endOf(window), values: new Map(window.values.map((one) => [idOf(one.dimensions), one])) }));
  const ids = new Set([...newest.flatMap((window) => window.values.map((one) => idOf(one.dimensions))), ...over]);
  return [...ids]
    .map((id) => {
      const now = byWindow.at(-1)?.values.get(id);
      return {
        id,
        name: JSON.parse(id).map((/** @type {string | null} */ one) => one || '(none)').join(', '),
        value: now ? now.value : isCounted ? 0 : null,
        isFull: now?.is_full ?? false,
        isCrossed: over.has(id),
        points: byWindow.flatMap(({ at, values }) => {
          const value = values.get(id)?.value ?? (isCounted ? 0 : null);
          return value === null ? [] : [{ at, value }];
        }),
      };
    })
    .sort((a, b) => Number(b.isCrossed) - Number(a.isCrossed) || (b.value ?? -Infinity) - (a.value ?? -Infinity) || (a.id < b.id ? -1 : 1));
}

/** Time: the last hour of the floor as a line, and the gaming day as a heat map. */

import { useSignal } from '@preact/signals';

import { Series } from './charts/series.js';
import { Part, useDocument } from './details/document.js';
import { floor } from './floor.js';
import { dollars, hourAndMinute, NONE } from './format.js';
import { html } from './html.js';
import { inkOn, ramp, STEPS } from './map/ramps.js';
import { machineMinutes } from './rows.js';
import { DataTable } from './table.js';
import { theme } from './theme.js';

const UNITS_PER_CENT = 10_000;
/** Machines that the heat map shows, the highest of the day. */
const MOST_MACHINES = 40;

/**
 * @typedef {object} Line of the heat map
 * @property {string} name
 * @property {string} assetId empty of a zone
 * @property {number[]} values one an hour
 * @property {number} total
 */

/**
 * @param {object} props
 * @param {(assetId: string, kind: 'machine') => void} props.onSelect
 */
export function TimeView({ onSelect }) {
  const hour = useDocument('/floor/minutes');
  const day = useDocument('/floor/hours');
  return html`<div class="time-view">
    <${Part} title="The last hour" level=${2} reading=${hour}>${(/** @type {any} */ found) => html`<${LastHour} history=${found} />`}<//>
    <${Part} title="The gaming day, hour by hour" level=${2} reading=${day}>
      ${(/** @type {any} */ found) => html`<${DayHeat} history=${found} onSelect=${onSelect} />`}
    <//>
  </div>`;
}

/** @param {{history: import('./types').FloorHistory}} props */
function LastHour({ history: { at, machines } }) {
  if (at.length === 0) return html`<p class="dim">Nothing was kept of the last hour yet.</p>`;
  const rows = machines.map(machineMinutes);
  const coinIn = at.map((_, i) => (isKept(rows, i) ? sum(rows, (row) => row.coin_in_cents[i]) : null));
  const played = at.map((_, i) => (isKept(rows, i) ? rows.filter((row) => 'HCUE'.includes(row.states[i] ?? '-')).length : null));
  return html`<${Series} title="Coin-in a minute" at=${at} lines=${[{ name: 'Coin-in', values: coinIn }]} write=${dollars} />
    <${Series} title="Machines played" at=${at} lines=${[{ name: 'Played', values: played }]} write=${String} height=${140} />`;
}

/** @param {import('./types').MachineMinutes[]} rows @param {number} i */
function isKept(rows, i) {
  return rows.some((row) => row.states[i] && row.states[i] !== '-');
}

/** @param {import('./types').MachineMinutes[]} rows @param {(row: import('./types').MachineMinutes) => number} of */
function sum(rows, of) {
  return rows.reduce((total, row) => total + (of(row) ?? 0), 0);
}

/** Zones, or machines, by hours. @param {{history: import('./types').FloorHistory, onSelect: (assetId: string, kind: 'machine') => void}} props */
function DayHeat({ history: { at, machines }, onSelect }) {
  const by = useSignal('zone');
  const what = useSignal('coin-in');
  const isTable = useSignal(false);
  if (at.length === 0) return html`<p class="dim">The gaming day has no hour yet.</p>`;
  const rows = machines.map(machineMinutes);
  const lines = (by.value === 'zone' ? zoneLines(rows, at, what.value) : machineLines(rows, what.value)).sort((a, b) => b.total - a.total);
  const shown = by.value === 'zone' ? lines : lines.slice(0, MOST_MACHINES);
  return html`<div class="map-tools">
      <${Choice} name="Lines" of=${[['zone', 'Zones'], ['machine', 'Machines']]} chosen=${by} />
      <${Choice} name="Shown" of=${[['coin-in', 'Coin-in'], ['theo', 'Theoretical win']]} chosen=${what} />
      <button
        type="button"
        class="btn quiet"
        onClick=${() => {
          isTable.value = !isTable.value;
        }}
      >
        ${isTable.value ? 'View as heat map' : 'View as table'}
      </button>
    </div>
    ${isTable.value
      ? html`<${DataTable}
          key=${by.value}
          caption="The gaming day by hours"
          keyOf=${(/** @type {Line} */ line) => line.name}
          rows=${lines}
          pageSize=${40}
          columns=${[
            { id: 'name', name: by.value === 'zone' ? 'Zone' : 'Machine', isHeader: true, by: (/** @type {Line} */ line) => line.name, cell: (/** @type {Line} */ line) => line.name },
            ...at.map((hour, i) => ({
              id: String(hour),
              name: hourAndMinute(hour),
              isNumber: true,
              by: (/** @type {Line} */ line) => line.values[i],
              cell: (/** @type {Line} */ line) => dollars(line.values[i]),
            })),
            { id: 'total', name: 'Day', isNumber: true, by: (/** @type {Line} */ line) => line.total, cell: (/** @type {Line} */ line) => dollars(line.total) },
          ]}
        />`
      : html`<${Heat} at=${at} lines=${shown} onSelect=${onSelect} />
          ${shown.length < lines.length && html`<p class="dim">The ${MOST_MACHINES} machines with the most; the table has all ${lines.length}.</p>`}`}`;
}

/** @param {{name: string, of: [string, string][], chosen: import('@preact/signals').Signal<string>}} props */
function Choice({ name, of, chosen }) {
  return html`<div class="measures" role="radiogroup" aria-label=${name}>
    ${of.map(
      ([id, text]) => html`<label>
        <input
          type="radio"
          class="visually-hidden"
          name=${`heat-${name}`}
          checked=${chosen.value === id}
          onChange=${() => {
            chosen.value = id;
          }}
        /><span>${text}</span>
      </label>`,
    )}
  </div>`;
}

/**
 * The heat map: rectangles of a picture, so that it needs no style of its own and prints as it is.
 * The table says the same to who does not see it.
 *
 * @param {{at: number[], lines: Line[], onSelect: (assetId: string, kind: 'machine') => void}} props
 */
function Heat({ at, lines, onSelect }) {
  const colours = ramp('sequential', theme.value === 'dark');
  const pointed = useSignal('');
  const known = lines.flatMap(({ values }) => values.filter((value) => value > 0));
  const [least, most] = [Math.min(...known, Infinity), Math.max(...known, 0)];
  const isOfMachines = lines.some(({ assetId }) => assetId);
  const [left, width, height] = [150, 1000, isOfMachines ? 20 : 34];
  const cell = (width - left) / at.length;
  const isWritten = cell >= 44;
  return html`<svg
      class="heat"
      viewBox="0 0 ${width} ${26 + lines.length * height}"
      role="img"
      aria-label="Heat map of the gaming day; View as table has its numbers"
      onPointerLeave=${() => {
        pointed.value = '';
      }}
    >
      ${at.map((hour, i) => html`<text class="heat-head" x=${left + (i + 0.5) * cell} y="16" text-anchor="middle">${hourAndMinute(hour)}</text>`)}
      ${lines.map((line, n) => {
        const y = 24 + n * height;
        return html`<g key=${line.name}>
          <text class="heat-name" x=${left - 10} y=${y + height / 2} text-anchor="end" dominant-baseline="central">${line.name}</text>
          ${line.values.map((value, i) => {
            const colour = value > 0 ? colours[stepOf(value, least, most)] : '';
            const said = `${line.name}, ${hourAndMinute(at[i])}: ${dollars(value)}`;
            return html`<rect
                class=${colour ? '' : 'heat-empty'}
                x=${left + i * cell + 1}
                y=${y + 1}
                width=${cell - 2}
                height=${height - 2}
                rx="3"
                fill=${colour || undefined}
                onPointerEnter=${() => {
                  pointed.value = said;
                }}
                onClick=${() => line.assetId && onSelect(line.assetId, 'machine')}
              />
              ${isWritten &&
              !isOfMachines &&
              html`<text
                class="heat-value"
                x=${left + (i + 0.5) * cell}
                y=${y + height / 2}
                text-anchor="middle"
                dominant-baseline="central"
                fill=${colour ? inkOn(colour) : 'currentColor'}
              >
                ${value > 0 ? short(value) : NONE}
              </text>`}`;
          })}
        </g>`;
      })}
    </svg>
    <div class="legend">
      <span class="legend-empty">none</span>
      <svg viewBox="0 0 ${STEPS} 1" preserveAspectRatio="none" aria-hidden="true">
        ${colours.map((colour, i) => html`<rect x=${i} width="1.02" height="1" fill=${colour} />`)}
      </svg>
      <ol class="num">${known.length > 0 && [least, (least + most) / 2, most].map((value) => html`<li>${dollars(value)}</li>`)}</ol>
      <p class="dim">${pointed.value || 'an hour'}</p>
    </div>`;
}

/** Hours differ little: the ramp goes from the least of them to the most. @param {number} value @param {number} least @param {number} most */
function stepOf(value, least, most) {
  return most > least ? Math.round(((value - least) / (most - least)) * (STEPS - 1)) : STEPS - 1;
}

const compact = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', notation: 'compact', maximumFractionDigits: 1 });

/** @param {number} cents */
function short(cents) {
  return compact.format(cents / 100);
}

/** @param {import('./types').MachineMinutes} row @param {string} what @returns {number[]} cents an hour */
function valuesOf(row, what) {
  return what === 'theo' ? row.theoretical_win.map((win) => win / UNITS_PER_CENT) : row.coin_in_cents;
}

/** @param {import('./types').MachineMinutes[]} rows @param {string} what @returns {Line[]} */
function machineLines(rows, what) {
  const labels = new Map(floor.plan.value?.places.map((place) => [place.asset_id, place.label || place.asset_id]));
  return rows.map((row) => {
    const values = valuesOf(row, what);
    return { name: labels.get(row.asset_id) ?? row.asset_id, assetId: row.asset_id, values, total: values.reduce((a, b) => a + b, 0) };
  });
}

/** @param {import('./types').MachineMinutes[]} rows @param {number[]} at @param {string} what @returns {Line[]} */
function zoneLines(rows, at, what) {
  const zones = new Map(floor.plan.value?.places.map((place) => [place.asset_id, place.zone]));
  /** @type {Map<string, Line>} */
  const lines = new Map();
  for (const row of rows) {
    const name = zones.get(row.asset_id) ?? 'Not in the plan';
    const line = lines.get(name) ?? { name, assetId: '', values: at.map(() => 0), total: 0 };
    lines.set(name, line);
    valuesOf(row, what).forEach((value, i) => {
      line.values[i] += value;
      line.total += value;
    });
  }
  return [...lines.values()];
}

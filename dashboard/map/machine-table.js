/** The map's twin: every machine in a row, with the same numbers, sorted and in pages. */

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';

import { floor } from '../floor.js';
import { count, dollars, NONE } from '../format.js';
import { html } from '../html.js';
import { may } from '../session.js';
import { STATES, stateName } from '../states.js';
import { DataTable } from '../table.js';
import { isPicked, measure, past } from './choices.js';
import { Mark } from './mark.js';
import { MEASURES } from './measures.js';
import { ShufflerTable } from './shuffler-table.js';
import { faultsOf, shownAt } from './words.js';

const URGENCY = new Map(STATES.map(({ letter }, i) => [String(letter), i]));

/**
 * @typedef {import('./model.js').FloorModel} FloorModel
 *
 * @typedef {object} Row
 * @property {import('./layout.js').Spot} spot
 * @property {string} letter
 * @property {Record<string, number>} values by measure
 * @property {number | undefined} coinIn of the gaming day
 * @property {string} faults
 * @property {string | null | undefined} player
 */

/**
 * @param {object} props
 * @param {FloorModel} props.model
 * @param {import('@preact/signals').Signal<number>} props.seen raised whenever it was updated
 * @param {(assetId: string, kind: 'machine' | 'shuffler') => void} props.onSelect
 */
export function MachineTable({ model, seen, onSelect }) {
  const wanted = useSignal('');
  /** Whether somebody is in the rows: then they stay as they are. */
  const isHeld = useSignal(false);
  const kept = useRef({ of: '', rows: /** @type {Row[]} */ ([]) });
  seen.value;
  const of = `${wanted.value} ${measure.value.id} ${past.value?.at} ${STATES.map(({ letter }) => isPicked(letter))}`;
  if (!isHeld.value || of !== kept.current.of) {
    kept.current = { of, rows: rowsOf(model, wanted.value.trim().toLowerCase()) };
  }
  const { rows } = kept.current;
  const hold = () => {
    isHeld.value = true;
  };
  const release = () => {
    isHeld.value = false;
  };
  return html`<div class="machine-table">
    <div class="table-tools">
      <label>
        Find${' '}
        <input
          type="search"
          value=${wanted.value}
          placeholder="machine, zone or bank"
          onInput=${(/** @type {{currentTarget: HTMLInputElement}} */ event) => {
            wanted.value = event.currentTarget.value;
          }}
        />
      </label>
      <span class="dim num">${count(rows.length)} of ${count(model.layout.machines)} machines</span>
      ${isHeld.value && !past.value && html`<span class="dim">Held still while you are in it</span>`}
    </div>
    <div onFocusIn=${hold} onFocusOut=${release} onPointerEnter=${hold} onPointerLeave=${release}>
      <${DataTable}
        caption=${past.value ? 'Machines as they were' : 'Machines as they are now'}
        columns=${columnsOf(onSelect)}
        rows=${rows}
        keyOf=${(/** @type {Row} */ row) => row.spot.id}
        sort=${`-${measure.value.id}`}
        empty="No machine is like that."
      />
    </div>
    ${!past.value && html`<${ShufflerTable} model=${model} wanted=${wanted.value.trim().toLowerCase()} onSelect=${onSelect} />`}
  </div>`;
}

/** @param {FloorModel} model @param {string} text @returns {Row[]} */
function rowsOf({ layout, letters, values }, text) {
  const now = shownAt();
  const rows = [];
  for (let i = 0; i < layout.machines; i++) {
    const spot = layout.spots[i];
    const letter = letters[i];
    if (!isPicked(letter)) continue;
    if (text && !`${spot.label} ${spot.zone} ${spot.bank}`.toLowerCase().includes(text)) continue;
    const machine = past.value ? undefined : floor.machines.get(spot.id);
    rows.push({
      spot,
      letter,
      values: machine
        ? Object.fromEntries(MEASURES.map((one) => [one.id, one.now(machine, now)]))
        : { [measure.value.id]: values[i] },
      coinIn: machine?.sums?.coin_in_cents,
      faults: faultsOf(machine, now),
      player: machine?.sums?.player_id,
    });
  }
  return rows;
}

/**
 * Columns of now, or of a minute that is past, of which less is known.
 *
 * @param {(assetId: string, kind: 'machine') => void} onSelect
 * @returns {import('../table.js').Column<Row>[]}
 */
function columnsOf(onSelect) {
  const chosen = measure.value;
  const shown = past.value ? [chosen] : [chosen, ...MEASURES.filter((one) => one !== chosen)];
  return [
    {
      id: 'machine',
      name: 'Machine',
      isHeader: true,
      by: ({ spot }) => spot.label,
      cell: ({ spot }) =>
        html`<button type="button" class="link" onClick=${() => onSelect(spot.id, 'machine')}>
          ${spot.label}
        </button>`,
    },
    { id: 'zone', name: 'Zone', by: placeOf, cell: placeOf },
    {
      id: 'state',
      name: 'State',
      by: ({ letter }) => URGENCY.get(letter) ?? null,
      cell: ({ letter }) =>
        html`<span class="state-cell"><${Mark} letter=${letter} />${stateName(letter)}</span>`,
    },
    ...shown.map((one) => ({
      id: one.id,
      name: `${one.name}, ${one.unit}`,
      title: one.meaning,
      isNumber: true,
      by: (/** @type {Row} */ { values }) => (Number.isNaN(values[one.id]) ? null : values[one.id]),
      cell: (/** @type {Row} */ { values }) =>
        Number.isNaN(values[one.id]) ? NONE : one.write(values[one.id]),
    })),
    ...(past.value ? [] : NOW),
    ...(past.value || !may('ratings:read')
      ? []
      : [
          {
            id: 'player',
            name: 'Player',
            by: (/** @type {Row} */ { player }) => player ?? null,
            cell: (/** @type {Row} */ { player }) => player ?? NONE,
          },
        ]),
  ];
}

/** @type {import('../table.js').Column<Row>[]} */
const NOW = [
  {
    id: 'today',
    name: 'Coin-in today',
    isNumber: true,
    by: ({ coinIn }) => coinIn,
    cell: ({ coinIn }) => dollars(coinIn),
  },
  { id: 'open', name: 'Open faults', by: ({ faults }) => faults || null, cell: ({ faults }) => faults || NONE },
];

/** @param {Row} row */
function placeOf({ spot }) {
  return [spot.zone, spot.bank].filter(Boolean).join(' · ');
}

/** Shufflers of the map in rows, with the same states. */

import { duration, NONE, percent } from '../format.js';
import { html } from '../html.js';
import { faultsOf, riskOf, SHUFFLER_STATES, shufflers, shufflerStateName, workOf } from '../shufflers.js';
import { DataTable } from '../table.js';
import { isPicked } from './choices.js';
import { Mark } from './mark.js';

const URGENCY = new Map(SHUFFLER_STATES.map(({ letter }, i) => [letter, i]));

/** @typedef {{spot: import('./layout.js').Spot, letter: string, shuffler: import('../shufflers.js').Shuffler}} Row */

/**
 * @param {object} props
 * @param {import('./model.js').FloorModel} props.model
 * @param {string} props.wanted only those that this is said of, lower case
 * @param {(assetId: string, kind: 'machine' | 'shuffler') => void} props.onSelect
 */
export function ShufflerTable({ model, wanted, onSelect }) {
  const known = shufflers.value?.rows;
  if (!known) return null;
  /** @type {Row[]} */
  const rows = model.layout.spots.flatMap((spot, i) => {
    const shuffler = spot.kind === 'shuffler' ? known.get(spot.id) : undefined;
    const letter = model.letters[i];
    if (!shuffler || !isPicked(letter)) return [];
    if (wanted && !`${spot.label} ${spot.zone} ${spot.bank}`.toLowerCase().includes(wanted)) return [];
    return [{ spot, letter, shuffler }];
  });
  return html`<${DataTable}
    caption="Shufflers as they were last read"
    columns=${columnsOf(onSelect)}
    rows=${rows}
    keyOf=${(/** @type {Row} */ row) => row.spot.id}
    sort="state"
    empty="No shuffler is like that."
  />`;
}

/**
 * @param {(assetId: string, kind: 'shuffler') => void} onSelect
 * @returns {import('../table.js').Column<Row>[]}
 */
function columnsOf(onSelect) {
  return [
    {
      id: 'shuffler',
      name: 'Shuffler',
      isHeader: true,
      by: ({ spot }) => spot.label,
      cell: ({ spot }) =>
        html`<button type="button" class="link" onClick=${() => onSelect(spot.id, 'shuffler')}>${spot.label}</button>`,
    },
    { id: 'table', name: 'Table', by: ({ spot }) => spot.tableId || null, cell: ({ spot }) => spot.tableId || NONE },
    {
      id: 'state',
      name: 'State',
      by: ({ letter }) => URGENCY.get(letter) ?? null,
      cell: ({ letter }) =>
        html`<span class="state-cell"><${Mark} letter=${letter} />${shufflerStateName(letter)}</span>`,
    },
    {
      id: 'risk',
      name: 'Chance to fail',
      title: 'The highest of its parts, where work is recommended',
      isNumber: true,
      by: ({ shuffler }) => riskOf(shuffler),
      cell: ({ shuffler }) => percent(riskOf(shuffler)),
    },
    {
      id: 'work',
      name: 'Recommended work',
      by: ({ shuffler }) => workOf(shuffler) || null,
      cell: ({ shuffler }) => workOf(shuffler) || NONE,
    },
    {
      id: 'faults',
      name: 'Open faults',
      by: ({ shuffler }) => faultsOf(shuffler) || null,
      cell: ({ shuffler }) => faultsOf(shuffler) || NONE,
    },
    {
      id: 'heard',
      name: 'Heard',
      isNumber: true,
      by: ({ shuffler }) => shuffler.age_seconds,
      cell: ({ shuffler }) => duration(shuffler.age_seconds * 1000),
    },
  ];
}

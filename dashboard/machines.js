/** All machines in a table, filtered by what the address says, and the shufflers. */

import { useEffect, useRef, useState } from 'preact/hooks';

import { floor } from './floor.js';
import { count, dollars, duration, NONE, percent, plural } from './format.js';
import { html } from './html.js';
import { Mark } from './map/mark.js';
import { Failure, Freshness, Panel } from './parts.js';
import { href, param, selection, setParams } from './route.js';
import { may } from './session.js';
import { EVERY_MS, failure, readAgain, shufflers, shufflerState, shufflerStateName, watch } from './shufflers.js';
import { coinInAMinute, STATES, stateName, stateOf } from './states.js';
import { DataTable } from './table.js';
import { handpaySince } from './totals.js';

const UNITS_PER_CENT = 10_000;

/** How often rows may change places, milliseconds: who reads a table wants it to stand. */
const ORDER_MS = 5_000;

const FAULTS = {
  handpay: 'Hand-pay',
  door: 'Door open',
  tilt: 'Tilt',
  service: 'Service called',
  overflow: 'Events lost',
};

/**
 * @typedef {object} Row
 * @property {string} asset_id
 * @property {string} label
 * @property {string} zone
 * @property {string} bank
 * @property {import('./types').StateLetter} state
 * @property {import('./types').MachineSums | null} sums
 * @property {import('./types').MachineCondition | null} condition
 * @property {number} coinIn cents a minute
 */

/** The view. */
export function MachinesView() {
  return html`<${Machines} />${may('shufflers:read') && html`<${Shufflers} />`}`;
}

function Machines() {
  const kept = useRef({ at: 0, of: '', rows: /** @type {Row[]} */ ([]) });
  const [wanted, setWanted] = useState(param('find'));
  floor.version.value;
  const now = floor.now.value;
  const state = param('state');
  const fault = param('fault');
  const zone = param('zone');
  const sort = param('sort') || 'machine';
  const of = [state, fault, zone, wanted, sort, floor.plan.value?.version].join('|');
  if (of !== kept.current.of || now - kept.current.at >= ORDER_MS) {
    kept.current = { at: now, of, rows: rowsOf(now, { state, fault, zone, wanted }) };
  }
  const { rows } = kept.current;
  const zones = [...new Set((floor.plan.value?.places ?? []).map((place) => place.zone))].sort();
  const isFiltered = state || fault || zone || wanted;
  return html`<${Panel}
    id="machines-title"
    title="Machines"
    aside=${html`<${Freshness} at=${floor.at.value} isPaused=${floor.paused.value} />`}
  >
    <form class="panel-bar filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <label>
        <span>Find</span>
        <input
          type="search"
          value=${wanted}
          placeholder="number, name or bank"
          onInput=${(/** @type {any} */ event) => {
            setWanted(event.currentTarget.value);
            setParams({ find: event.currentTarget.value });
          }}
        />
      </label>
      <${Choice} name="State" param="state" value=${state} all="All states"
        options=${STATES.map(({ letter, name }) => [letter, name])} />
      <${Choice} name="Fault" param="fault" value=${fault} all="Any" options=${Object.entries(FAULTS)} />
      ${zones.length > 1 &&
      html`<${Choice} name="Zone" param="zone" value=${zone} all="All zones"
        options=${zones.map((one) => [one, one])} />`}
      <span class="dim num filters-count">${plural(rows.length, 'machine')}</span>
      ${isFiltered &&
      html`<button
        type="button"
        class="btn quiet"
        onClick=${() => {
          setWanted('');
          setParams({ state: '', fault: '', zone: '', find: '' });
        }}
      >
        Show all
      </button>`}
    </form>
    <${DataTable}
      caption="Machines"
      columns=${columns(now)}
      rows=${rows}
      keyOf=${(/** @type {Row} */ row) => row.asset_id}
      classOf=${(/** @type {Row} */ row) => (selection.value?.id === row.asset_id ? 'is-selected' : '')}
      sort=${sort}
      onSort=${(/** @type {string} */ to) => setParams({ sort: to })}
      empty=${floor.at.value === 0 ? 'Reading the floor.' : 'No machine is like that.'}
    />
  <//>`;
}

/**
 * @param {object} props
 * @param {string} props.name
 * @param {string} props.param of the address
 * @param {string} props.value
 * @param {string} props.all what it is called when nothing is chosen
 * @param {string[][]} props.options
 */
function Choice({ name, param: to, value, all, options }) {
  return html`<label>
    <span>${name}</span>
    <select
      value=${value}
      onChange=${(/** @type {any} */ event) => setParams({ [to]: event.currentTarget.value })}
    >
      <option value="">${all}</option>
      ${options.map(([id, text]) => html`<option key=${id} value=${id} selected=${id === value}>${text}</option>`)}
    </select>
  </label>`;
}

/**
 * @param {number} now
 * @param {{state: string, fault: string, zone: string, wanted: string}} filter
 * @returns {Row[]}
 */
function rowsOf(now, { state, fault, zone, wanted }) {
  const places = new Map(
    (floor.plan.value?.places ?? [])
      .filter((place) => place.kind === 'machine')
      .map((place) => [place.asset_id, place]),
  );
  const text = wanted.trim().toLowerCase();
  const limits = floor.limits.value;
  const rows = [];
  for (const id of new Set([...places.keys(), ...floor.machines.keys()])) {
    const place = places.get(id);
    const { sums = null, condition = null } = floor.machines.get(id) ?? {};
    const row = {
      asset_id: id,
      label: place?.label || id,
      zone: place?.zone ?? '',
      bank: place?.bank ?? '',
      state: stateOf({ sums, condition }, limits, now),
      sums,
      condition,
      coinIn: sums ? coinInAMinute(sums, now) : 0,
    };
    if (state && row.state !== state) continue;
    if (zone && row.zone !== zone) continue;
    if (fault === 'handpay' && handpaySince(sums, condition) === 0) continue;
    if (fault && fault !== 'handpay' && !condition?.faults.some(({ kind }) => kind === fault)) continue;
    if (text && !`${id} ${row.label} ${row.zone} ${row.bank}`.toLowerCase().includes(text)) continue;
    rows.push(row);
  }
  return rows;
}

/**
 * @param {number} now
 * @returns {import('./table.js').Column<Row>[]}
 */
function columns(now) {
  const seesPlayers = may('ratings:read');
  return [
    {
      id: 'machine',
      name: 'Machine',
      isHeader: true,
      by: (row) => row.label,
      cell: (row) => html`<a href=${href('machines', { machine: row.asset_id })}>${row.label}</a>`,
    },
    { id: 'zone', name: 'Zone', by: (row) => row.zone || null, cell: (row) => row.zone || NONE },
    { id: 'bank', name: 'Bank', by: (row) => row.bank || null, cell: (row) => row.bank || NONE },
    {
      id: 'state',
      name: 'State',
      by: (row) => stateName(row.state),
      cell: (row) =>
        html`<span class="state-cell"><${Mark} letter=${row.state} />${stateName(row.state)}</span>`,
    },
    {
      id: 'coin-in',
      name: 'Coin-in/min',
      title: 'Mean of five minutes',
      isNumber: true,
      by: (row) => row.coinIn,
      cell: (row) => (row.sums ? dollars(row.coinIn) : NONE),
    },
    {
      id: 'today',
      name: 'Coin-in',
      title: 'Of its newest gaming day',
      isNumber: true,
      by: (row) => row.sums?.coin_in_cents,
      cell: (row) => dollars(row.sums?.coin_in_cents),
    },
    {
      id: 'theo',
      name: 'Theo',
      title: 'Theoretical win of its newest gaming day',
      isNumber: true,
      by: (row) => row.sums?.theoretical_win,
      cell: (row) => (row.sums ? dollars(row.sums.theoretical_win / UNITS_PER_CENT) : NONE),
    },
    {
      id: 'games',
      name: 'Games',
      isNumber: true,
      by: (row) => row.sums?.games,
      cell: (row) => count(row.sums?.games),
    },
    {
      id: 'hold',
      name: 'Hold',
      title: 'Actual hold of its newest gaming day',
      isNumber: true,
      by: (row) => holdOf(row.sums),
      cell: (row) => percent(holdOf(row.sums)),
    },
    {
      id: 'theory',
      name: 'Theory',
      title: 'Theoretical hold of the paytable in force',
      isNumber: true,
      by: (row) => row.sums?.hold_basis_points,
      cell: (row) =>
        row.sums?.hold_basis_points == null ? NONE : percent(row.sums.hold_basis_points / 10_000),
    },
    {
      id: 'player',
      name: seesPlayers ? 'Player' : 'Card',
      by: (row) => (row.sums?.is_carded ? (row.sums.player_id ?? 'in') : null),
      cell: (row) =>
        !row.sums?.is_carded
          ? NONE
          : row.sums.player_id && seesPlayers && !row.sums.is_employee
            ? html`<a href=${href('machines', { player: row.sums.player_id })}>${row.sums.player_id}</a>`
            : row.sums.is_employee
              ? 'employee'
              : 'in',
    },
    {
      id: 'faults',
      name: 'Faults',
      by: (row) => row.condition?.faults.map((one) => one.kind).join() || null,
      cell: (row) =>
        row.condition?.faults.length
          ? html`<span class="is-fault">
              ${row.condition.faults
                .map((one) => `${FAULTS[one.kind] ?? one.kind}, ${duration(now - one.since)}`)
                .join('; ')}
            </span>`
          : NONE,
    },
    {
      id: 'heard',
      name: 'Heard',
      title: 'How long ago anything was heard of it',
      isNumber: true,
      by: (row) => now - heardAt(row),
      cell: (row) => ago(heardAt(row), now),
    },
  ];
}

/** @param {Row} row */
function heardAt(row) {
  return Math.max(row.condition?.heard_at ?? 0, row.sums?.changed_at ?? 0);
}

/**
 * How long ago; what is kept is true to within ten seconds.
 *
 * @param {number} at
 * @param {number} now
 */
function ago(at, now) {
  if (at === 0) return 'never';
  return now - at < 10_000 ? '< 10 s' : duration(now - at);
}

/** Actual hold, as a share of coin-in. @param {import('./types').MachineSums | null} sums */
function holdOf(sums) {
  if (!sums?.coin_in_cents) return null;
  return (sums.coin_in_cents - sums.coin_out_cents) / sums.coin_in_cents;
}

/** @typedef {import('./shufflers.js').Shuffler} Shuffler */

function Shufflers() {
  useEffect(watch, []);
  const found = shufflers.value;
  return html`<${Panel}
    id="shufflers-title"
    title="Shufflers"
    aside=${html`<${Freshness} at=${found?.at ?? 0} every=${EVERY_MS} isPaused=${floor.paused.value} />`}
  >
    <${Failure} error=${failure.value} retry=${readAgain} />
    ${found &&
    html`<${DataTable}
      caption="Shufflers"
      columns=${SHUFFLER_COLUMNS}
      rows=${[...found.rows.values()]}
      keyOf=${(/** @type {Shuffler} */ row) => row.asset_id}
      classOf=${(/** @type {Shuffler} */ row) => (selection.value?.id === row.asset_id ? 'is-selected' : '')}
      sort="-faults"
      empty="No shuffler has been heard of."
    />`}
  <//>`;
}

/** @type {import('./table.js').Column<Shuffler>[]} */
const SHUFFLER_COLUMNS = [
  {
    id: 'shuffler',
    name: 'Shuffler',
    isHeader: true,
    by: (row) => row.asset_id,
    cell: (row) => html`<a href=${href('machines', { shuffler: row.asset_id })}>${row.asset_id}</a>`,
  },
  { id: 'table', name: 'Table', by: (row) => row.table_id, cell: (row) => row.table_id ?? NONE },
  {
    id: 'state',
    name: 'State',
    by: (row) => shufflerStateName(shufflerState(row)),
    cell: (row) =>
      html`<span class="state-cell"><${Mark} letter=${shufflerState(row)} />${shufflerStateName(shufflerState(row))}</span>`,
  },
  {
    id: 'online',
    name: 'Connection',
    by: (row) => Number(row.is_online),
    cell: (row) =>
      row.is_online === null
        ? 'never said'
        : row.is_online
          ? 'online'
          : html`<span class="is-fault">offline</span>`,
  },
  {
    id: 'faults',
    name: 'Open faults',
    isNumber: true,
    by: (row) => row.open_faults.length,
    cell: (row) => count(row.open_faults.length),
  },
  {
    id: 'failure',
    name: 'Out of service by',
    by: (row) => row.failure?.code ?? null,
    cell: (row) =>
      row.failure
        ? html`<span class="is-fault">
            ${[row.failure.code, row.failure.part].filter(Boolean).join(', ').replaceAll('_', ' ')}
          </span>`
        : NONE,
  },
  { id: 'firmware', name: 'Firmware', by: (row) => row.firmware, cell: (row) => row.firmware ?? NONE },
  {
    id: 'heard',
    name: 'Heard',
    isNumber: true,
    by: (row) => row.age_seconds,
    cell: (row) => duration(row.age_seconds * 1000),
  },
];

/** What stands on the card of the machine that is pointed at, or has the focus. */

import { floor } from '../floor.js';
import { dollars, dollarsAndCents, duration, hourAndMinute } from '../format.js';
import { html } from '../html.js';
import { shufflers } from '../shufflers.js';
import { stateName } from '../states.js';
import { measure, past } from './choices.js';
import { holdVariance, ENOUGH_GAMES, points, theoreticalCentsAnHour } from './measures.js';
import { Mark } from './mark.js';
import { faultsOf, shownAt, shufflerWords } from './words.js';

/** @param {{model: import('./model.js').FloorModel, spot: number}} props */
export function MachineCard({ model, spot: number }) {
  const spot = model.layout.spots[number];
  if (spot === undefined) return null;
  const where = [spot.zone, spot.bank && `bank ${spot.bank}`].filter(Boolean).join(' · ');
  if (spot.kind !== 'machine') {
    const letter = model.letters[number];
    const [state, ...said] = spot.kind === 'shuffler' && !past.value ? shufflerWords(spot.id, letter) : [];
    return html`<header>
        <${Mark} letter=${letter} />
        <b>${spot.kind === 'table' ? 'Table' : 'Shuffler'} ${spot.label}</b>
        <span>${state}</span>
      </header>
      <p class="dim">${where}${spot.tableId && ` · at table ${spot.tableId}`}</p>
      ${said.map((words) => html`<p class="card-fault">${words}</p>`)}
      ${state && html`<p class="dim">As of ${hourAndMinute(shufflers.peek()?.at)}</p>`}`;
  }
  const letter = model.letters[number];
  const value = model.values[number];
  return html`<header>
      <${Mark} letter=${letter} />
      <b>${spot.label}</b>
      <span>${stateName(letter)}</span>
    </header>
    ${where && html`<p class="dim">${where}</p>`}
    <p class="card-value">
      <b class="num">${Number.isNaN(value) ? 'no value' : measure.value.write(value)}</b>
      ${' '}${measure.value.name.toLowerCase()} ${measure.value.unit}
    </p>
    ${!past.value && html`<${Now} machine=${floor.machines.get(spot.id)} now=${shownAt()} />`}`;
}

/** @param {{machine: import('../types').Machine | undefined, now: number}} props */
function Now({ machine, now }) {
  const sums = machine?.sums;
  const faults = faultsOf(machine, now);
  const theoretical = sums ? theoreticalCentsAnHour(sums, now) : Number.NaN;
  return html`${faults && html`<p class="card-fault">${faults}</p>`}
    ${sums?.is_carded &&
    html`<p>
      ${sums.is_employee ? 'Employee' : 'Player'} ${' '}<b>${sums.player_id ?? 'with a card'}</b>
      ${sums.seated_since && ` for ${duration(now - sums.seated_since)}`}
    </p>`}
    ${sums &&
    html`<dl class="num">
      <dt>Today</dt>
      <dd>${dollars(sums.coin_in_cents)} coin-in, ${sums.games.toLocaleString('en-US')} games</dd>
      ${!Number.isNaN(theoretical) &&
      html`<dt>Theoretical</dt>
        <dd>${dollarsAndCents(theoretical)} an hour now</dd>`}
      ${sums.games >= ENOUGH_GAMES &&
      html`<dt>Hold</dt>
        <dd>${points(holdVariance([sums]))} against theory</dd>`}
    </dl>`}`;
}

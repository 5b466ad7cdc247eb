/** A shuffler: how it does, what is likely to fail, and the work that is recommended. */

import { useSignal } from '@preact/signals';

import { post } from '../api.js';
import { count, day, dollars, duration, hourAndMinute, NONE, percent } from '../format.js';
import { floor } from '../floor.js';
import { html } from '../html.js';
import { Failure } from '../parts.js';
import { may } from '../session.js';
import { Facts, Part, useDocument } from './document.js';

/** What an answer of a technician does. @type {readonly {verb: string, name: string}[]} */
const ANSWERS = [
  { verb: 'acknowledge', name: 'Acknowledge' },
  { verb: 'done', name: 'Done' },
  { verb: 'dismiss', name: 'Dismiss' },
];

/** @type {Record<string, string>} */
const URGENCIES = { now: 'Now', this_week: 'This week', planned: 'With other work' };

/**
 * @param {object} props
 * @param {string} props.assetId
 * @param {() => void} props.onClose
 */
export function ShufflerDetails({ assetId }) {
  const id = encodeURIComponent(assetId);
  const shuffler = useDocument(`/shufflers/${id}`);
  const work = useDocument(`/maintenance?asset_id=${id}`);
  return html`<header class="drawer-head">
      <h2 id="drawer-title">Shuffler ${assetId}</h2>
    </header>
    <${Part} title="Recommended work" reading=${work}>
      ${(/** @type {any} */ document) => html`<${Work} found=${document.recommendations.filter((/** @type {any} */ one) => one.asset_id === assetId)} again=${work.again} />`}
    <//>
    <${Part} title="Now" reading=${shuffler}>${(/** @type {any} */ document) => html`<${Now} document=${document} />`}<//>
    <${Part} title="Last 30 gaming days" reading=${shuffler}>${(/** @type {any} */ document) => html`<${Recent} recent=${document.recent} />`}<//>`;
}

/** @param {{document: any}} props */
function Now({ document: { state, readings, today, table } }) {
  return html`<p class=${state.is_online && !state.failure ? 'good-line' : 'fault-line'}>
      ${state.failure
        ? `Out of service: ${state.failure.code} (${state.failure.part}) since ${hourAndMinute(state.failure.raised_at)}`
        : state.is_online
          ? 'In service'
          : state.is_online === null
            ? 'Never said that it is there'
            : 'Offline'}
      , heard of ${duration(state.age_seconds * 1000)} ago
    </p>
    ${state.open_faults.length > 0 &&
    html`<ul class="plain">
      ${state.open_faults.map((/** @type {any} */ fault) => html`<li>${fault.code}, ${fault.part}, since ${hourAndMinute(fault.raised_at)}</li>`)}
    </ul>`}
    <${Facts}
      of=${[
        ['Table', state.table_id ?? NONE],
        ['Firmware', state.firmware ?? NONE],
        ['Shuffles today', count(today.cycles)],
        ['Seconds a shuffle', today.seconds_per_cycle?.toFixed(1) ?? NONE],
        ['Jams today', count(today.jams)],
        table && ['Decisions an hour', count(table.decisions_per_hour)],
        readings && ['Motor', `${count(readings.motor_ma)} mA`],
        readings && ['Temperature', `${(readings.temperature_dc / 10).toFixed(1)} °C`],
        readings && ['Vibration', `${count(readings.vibration_um_s)} µm/s`],
        readings && ['Roller slip', percent(readings.roller_slip_bp / 10_000)],
        readings && ['Recognition', percent(readings.recognition_bp / 10_000)],
      ]}
    />`;
}

/** @param {{recent: any}} props */
function Recent({ recent: { figures, cycle_trend_ms_per_day: trend } }) {
  return html`<${Facts}
    of=${[
      ['Shuffles', count(figures.cycles)],
      ['Availability', percent(figures.availability)],
      ['Jams per 1,000', figures.jams_per_1000_shuffles?.toFixed(2) ?? NONE],
      ['Misreads per 1,000', figures.misreads_per_1000_shuffles?.toFixed(2) ?? NONE],
      ['Failures', count(figures.failures)],
      ['Hours between failures', figures.hours_between_failures?.toFixed(0) ?? NONE],
      ['A cycle takes longer by', trend === null ? NONE : `${trend.toFixed(1)} ms a day`],
      ['Energy a shuffle', figures.energy_j_per_shuffle === null ? NONE : `${figures.energy_j_per_shuffle.toFixed(0)} J`],
    ]}
  />`;
}

/** @param {{found: any[], again: () => void}} props */
function Work({ found, again }) {
  const open = found.filter(({ status }) => status === 'open' || status === 'acknowledged');
  const closed = found.filter((one) => !open.includes(one)).slice(0, 5);
  return html`${open.length === 0 && html`<p class="good-line">Nothing is recommended.</p>`}
    ${open.map((one) => html`<${Recommendation} key=${one.recommendation_id} one=${one} again=${again} />`)}
    ${closed.length > 0 &&
    html`<details>
      <summary>Work that is over</summary>
      <ul class="plain">
        ${closed.map((one) => html`<li>${one.part}: ${one.status}, ${day(one.closed_at ?? one.updated_at)}${one.closed_by && ` by ${one.closed_by}`}</li>`)}
      </ul>
    </details>`}`;
}

/** @param {{one: any, again: () => void}} props */
function Recommendation({ one, again }) {
  const note = useSignal('');
  const isSending = useSignal(false);
  const error = useSignal(/** @type {unknown} */ (null));
  const chance = one.probability;
  /** @param {string} verb */
  const answer = async (verb) => {
    if (verb === 'dismiss' && !note.value.trim()) {
      error.value = new Error('Say why it is dismissed, in the note.');
      return;
    }
    isSending.value = true;
    error.value = null;
    try {
      const path = `/maintenance/${encodeURIComponent(one.recommendation_id)}/${verb}`;
      await post(path, { note: note.value.trim() }, { idempotencyKey: crypto.randomUUID() });
      again();
    } catch (failure) {
      error.value = failure;
    }
    isSending.value = false;
  };
  return html`<article class="work is-${one.urgency}">
    <h4>${one.part} <span class="chip">${URGENCIES[one.urgency] ?? one.urgency}</span> <span class="chip">${one.status}</span></h4>
    ${chance !== null &&
    html`<div class="risk">
      <meter min="0" max="1" value=${chance} aria-label="Chance of a failure"></meter>
      <span class="num">${percent(chance)} chance to fail within ${Math.round(one.horizon_hours)} h</span>
    </div>`}
    <ul>${one.reasons.map((/** @type {string} */ reason) => html`<li>${reason}</li>`)}</ul>
    <p class="dim">
      Due ${day(one.due_at)} ${hourAndMinute(one.due_at)}${one.due_at < floor.clock.value ? ', overdue' : ''}
      ${one.cost_of_waiting_cents !== null && `, waiting costs ${dollars(one.cost_of_waiting_cents)} in expectation`}
    </p>
    ${may('maintenance:answer') &&
    html`<div class="answers">
      <label>
        Note${' '}
        <input
          type="text"
          maxlength="500"
          value=${note.value}
          onInput=${(/** @type {{currentTarget: HTMLInputElement}} */ event) => {
            note.value = event.currentTarget.value;
          }}
        />
      </label>
      ${ANSWERS.filter(({ verb }) => verb !== 'acknowledge' || one.status === 'open').map(
        ({ verb, name }) => html`<button type="button" class="btn" disabled=${isSending.value} onClick=${() => answer(verb)}>${name}</button>`,
      )}
    </div>`}
    <${Failure} error=${error.value} />
  </article>`;
}

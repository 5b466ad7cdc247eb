/** The last hour, minute by minute, back on the map: a slider, play and pause, and back to now. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { get } from '../api.js';
import { floor } from '../floor.js';
import { hourAndMinute, plural } from '../format.js';
import { html } from '../html.js';
import { machineMinutes } from '../rows.js';
import { measure, past } from './choices.js';

const MINUTE_MS = 60_000;
/** How long a minute is shown while the hour plays. */
const PACE_MS = 600;

/**
 * @typedef {object} Hour
 * @property {number[]} at start of each minute
 * @property {Map<string, import('../types').MachineMinutes>} machines
 */

/** It is open as soon as it is there. */
export function Scrubber() {
  const hour = useSignal(/** @type {Hour | null} */ (null));
  const minute = useSignal(0);
  const isPlaying = useSignal(false);
  const said = useSignal('');

  /** @param {number} i */
  const show = (i) => {
    if (!hour.value) return;
    minute.value = i;
    past.value = pastMinute(hour.value, i);
  };
  const live = () => {
    isPlaying.value = false;
    hour.value = null;
    past.value = null;
  };
  const open = async () => {
    said.value = 'Reading the last hour …';
    try {
      const found = hourOf(await get('/floor/minutes'));
      said.value = found.at.length ? '' : 'Nothing was kept of the last hour yet: try again in a minute.';
      if (!found.at.length) return;
      hour.value = found;
      show(found.at.length - 1);
    } catch (error) {
      said.value = `The last hour cannot be read. ${error instanceof Error ? error.message : ''} Try again.`;
    }
  };

  useEffect(() => {
    if (!isPlaying.value) return undefined;
    const timer = setInterval(() => {
      if (hour.value && minute.value < hour.value.at.length - 1) show(minute.value + 1);
      else isPlaying.value = false;
    }, PACE_MS);
    return () => clearInterval(timer);
  }, [isPlaying.value]);
  useEffect(() => {
    void open();
    return live;
  }, []);

  if (hour.value === null) {
    return html`<div class="scrubber">
      <button type="button" class="btn quiet" onClick=${open}>Look back over the last hour</button>
      <span role="status" class="dim">${said.value}</span>
    </div>`;
  }
  const { at } = hour.value;
  const last = at.length - 1;
  const ago = Math.max(Math.floor((floor.clock.value - at[minute.value]) / MINUTE_MS), 0);
  const shown = `${hourAndMinute(at[minute.value])}, ${plural(ago, 'minute')} ago`;
  return html`<div class="scrubber is-open" role="group" aria-label="The last hour">
    <b class="past-mark">Past: ${shown}</b>
    <button
      type="button"
      class="btn"
      onClick=${() => {
        if (!isPlaying.value && minute.value === last) show(0);
        isPlaying.value = !isPlaying.value;
      }}
    >
      ${isPlaying.value ? 'Pause' : 'Play'}
    </button>
    <span class="num dim">${hourAndMinute(at[0])}</span>
    <input
      type="range"
      min="0"
      max=${last}
      value=${minute.value}
      aria-label="Minute shown"
      aria-valuetext=${shown}
      onInput=${(/** @type {{currentTarget: HTMLInputElement}} */ event) => {
        isPlaying.value = false;
        show(Number(event.currentTarget.value));
      }}
    />
    <span class="num dim">${hourAndMinute(at[last])}</span>
    <button type="button" class="btn accent" onClick=${live}>Back to live</button>
    ${measure.value.past === null &&
    html`<span class="dim">${measure.value.name} is not kept by the minute: choose another measure.</span>`}
  </div>`;
}

/** @param {import('../types').FloorHistory} history @returns {Hour} */
export function hourOf(history) {
  const machines = history.machines.map(machineMinutes);
  return { at: history.at, machines: new Map(machines.map((one) => [one.asset_id, one])) };
}

/** @param {Hour} hour @param {number} i @returns {import('./choices.js').PastMinute} */
function pastMinute({ at, machines }, i) {
  return {
    at: at[i],
    of: (assetId) => {
      const kept = machines.get(assetId);
      const letter = kept?.states[i];
      if (!kept || !letter || letter === '-') return null;
      return { letter, coin_in_cents: kept.coin_in_cents[i], theoretical_win: kept.theoretical_win[i] };
    },
  };
}

/** Mark now, then see what has changed since: kept in this browser, one of each property. */

import { computed } from '@preact/signals';
import { useRef, useState } from 'preact/hooks';

import { floor } from './floor.js';
import { day, hourAndMinute } from './format.js';
import { html } from './html.js';
import { kept } from './kept.js';
import { Dialog } from './parts.js';

/**
 * @typedef {object} Checkpoint
 * @property {string} name
 * @property {number} at epoch milliseconds
 * @property {string} gamingDay
 * @property {Record<string, number | null>} values by the figure's id
 */

const checkpoints = kept('checkpoints', /** @type {Record<string, Checkpoint>} */ ({}));

/** That of the property that is shown; null where none is marked. */
export const checkpoint = computed(() => checkpoints.value[floor.propertyId.value] ?? null);

/**
 * @param {string} name
 * @param {Record<string, number | null>} values
 */
export function mark(name, values) {
  checkpoints.value = {
    ...checkpoints.value,
    [floor.propertyId.value]: {
      name,
      at: floor.now.value,
      gamingDay: floor.gamingDay.value,
      values,
    },
  };
}

/** Forget the mark. */
export function unmark() {
  const { [floor.propertyId.value]: _, ...others } = checkpoints.value;
  checkpoints.value = others;
}

/**
 * By how much a figure has changed since the mark; null where there is none, or where it is of a
 * gaming day that is over by now.
 *
 * @param {string} id
 * @param {number | null} value
 * @param {boolean} isOfDay whether the figure begins anew with each gaming day
 */
export function since(id, value, isOfDay) {
  const before = checkpoint.value?.values[id];
  if (before == null || value === null) return null;
  if (isOfDay && checkpoint.value?.gamingDay !== floor.gamingDay.value) return null;
  return value - before;
}

/**
 * The mark's name and time, and how to set and clear it.
 *
 * @param {object} props
 * @param {() => Record<string, number | null>} props.values of all figures now
 */
export function CheckpointControl({ values }) {
  const [isAsking, setAsking] = useState(false);
  const name = useRef(/** @type {HTMLInputElement | null} */ (null));
  const point = checkpoint.value;
  return html`<div class="checkpoint">
    ${point &&
    html`<span class="checkpoint-name">
      <span class="checkpoint-flag" aria-hidden="true">⚑</span>
      Since <strong>${point.name}</strong>
      <span class="num dim">${' '}${dated(point.at)}</span>
    </span>`}
    <button
      class="btn quiet"
      type="button"
      id="mark"
      onClick=${() => setAsking(true)}
      disabled=${floor.at.value === 0}
    >
      ${point ? 'Mark again' : 'Mark now'}
    </button>
    ${point && html`<button class="btn quiet" type="button" onClick=${unmark}>Clear</button>`}
    ${isAsking &&
    html`<${Dialog} title="Mark this moment" onClose=${() => setAsking(false)}>
      <form
        method="dialog"
        class="form"
        onSubmit=${(/** @type {Event} */ event) => {
          event.preventDefault();
          mark(name.current?.value.trim() || hourAndMinute(floor.now.value), values());
          setAsking(false);
        }}
      >
        <p>Every figure then shows how it has changed since. It is kept in this browser.</p>
        <label>
          Name
          <input ref=${name} name="name" maxlength="40" autocomplete="off" placeholder=${`e.g. ${hourAndMinute(floor.now.value)}, drawing begins`} />
        </label>
        <div class="form-end">
          <button class="btn quiet" type="button" onClick=${() => setAsking(false)}>Cancel</button>
          <button class="btn primary" type="submit">Mark</button>
        </div>
      </form>
    <//>`}
  </div>`;
}

/** @param {number} at */
function dated(at) {
  const isToday = new Date(at).toDateString() === new Date(floor.clock.peek()).toDateString();
  return isToday ? hourAndMinute(at) : `${day(at)}, ${hourAndMinute(at)}`;
}

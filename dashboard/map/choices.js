/** What people chose to see; the map, its table and the heat map follow the same choices. */

import { computed, signal } from '@preact/signals';
import { measureOf } from './measures.js';

/**
 * @typedef {object} PastMinute
 * @property {number} at its start, epoch milliseconds
 * @property {(assetId: string) => import('./measures.js').Past | null} of a machine in it
 */

/** Which measure machines are coloured by. */
export const measureId = signal('coin-in');

export const measure = computed(() => measureOf(measureId.value));

/** States that are picked out, by letter; all where there are none. */
export const picked = signal(/** @type {ReadonlySet<string>} */ (new Set()));

/** Whether the map is shown as its table. */
export const isTable = signal(false);

/**
 * The minute that is looked back at; null where the floor is shown as it is.
 *
 * @type {import('@preact/signals').Signal<PastMinute | null>}
 */
export const past = signal(null);

/** @param {string} letter */
export function togglePicked(letter) {
  const chosen = new Set(picked.value);
  if (!chosen.delete(letter)) chosen.add(letter);
  picked.value = chosen;
}

/** @param {string} letter */
export function isPicked(letter) {
  return picked.value.size === 0 || picked.value.has(letter);
}

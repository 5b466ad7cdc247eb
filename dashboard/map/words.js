/** What is said of a machine, on its card, in its row and aloud. */

import { floor } from '../floor.js';
import { dollars, duration } from '../format.js';
import { faultsOf as shufflerFaultsOf, shufflers, shufflerStateName, workOf } from '../shufflers.js';
import { stateName } from '../states.js';

/** @type {Record<string, string>} */
const FAULTS = {
  handpay: 'hand-pay',
  door: 'door open',
  tilt: 'tilt',
  service: 'calls for service',
  overflow: 'events were lost',
};

/** @param {string} kind */
export function faultName(kind) {
  return FAULTS[kind] ?? kind;
}

/**
 * `hand-pay for 4 min, door open for 20 s`
 *
 * @param {import('../types').Machine | undefined} machine
 * @param {number} now
 */
export function faultsOf(machine, now) {
  return (machine?.condition?.faults ?? [])
    .map((fault) => `${faultName(fault.kind)} for ${duration(now - fault.since)}`)
    .join(', ');
}

/**
 * A shuffler's state, its open faults and the work that is recommended.
 *
 * @param {string} assetId
 * @param {string} letter of its state
 */
export function shufflerWords(assetId, letter) {
  const shuffler = shufflers.peek()?.rows.get(assetId);
  if (!shuffler) return [];
  return [shufflerStateName(letter), shufflerFaultsOf(shuffler), workOf(shuffler)].filter(Boolean);
}

/**
 * The moment that the floor is shown at. While nothing comes, it is that of what came last: that the
 * page hears nothing says nothing of machines.
 */
export function shownAt() {
  return floor.connection.value === 'live'
    ? floor.now.value
    : Math.min(floor.now.value, floor.at.value || floor.now.value);
}

/**
 * A spot in words, for who hears the map.
 *
 * @param {import('./model.js').FloorModel} model
 * @param {number} i number of a spot
 * @param {import('./measures').Measure} measure
 * @param {boolean} isPast
 */
export function spoken(model, i, measure, isPast) {
  const spot = model.layout.spots[i];
  const where = [spot.zone, spot.bank && `bank ${spot.bank}`].filter(Boolean).join(', ');
  if (spot.kind !== 'machine') {
    const at = spot.tableId ? `, at table ${spot.tableId}` : '';
    if (spot.kind === 'table') return `Table ${spot.label}. ${where}.`;
    const said = isPast ? [] : shufflerWords(spot.id, model.letters[i]);
    return `${[`Shuffler ${spot.label}${at}`, ...said].join(', ')}. ${where}.`;
  }
  const machine = floor.machines.get(spot.id);
  const value = model.values[i];
  const parts = [`Machine ${spot.label}`, stateName(model.letters[i])];
  if (!Number.isNaN(value)) parts.push(`${measure.name} ${measure.write(value)} ${measure.unit}`);
  if (!isPast) {
    const faults = faultsOf(machine, shownAt());
    if (faults) parts.push(faults);
    const sums = machine?.sums;
    if (sums?.player_id) parts.push(`player ${sums.player_id}`);
    if (sums) parts.push(`${dollars(sums.coin_in_cents)} coin-in this gaming day`);
  }
  return `${parts.join(', ')}. ${where}${where ? '.' : ''}`;
}

/** What the map shows of each machine and shuffler: its state and its value, and which of them changed. */

import { shufflerState } from '../shufflers.js';
import { stateOf } from '../states.js';
import { layOut } from './layout.js';
import { rampEnd } from './measures.js';
import { STEPS } from './ramps.js';

/** Looks of a machine beside the steps of a ramp: nothing, or nothing to say of it. */
export const NO_VALUE = -1;

const UNHEARD = { sums: null, condition: null };

/**
 * @typedef {object} Moment of what the floor is shown
 * @property {ReadonlyMap<string, import('../types').Machine>} machines
 * @property {import('../types').Limits} limits
 * @property {number} now
 * @property {import('./measures').Measure} measure
 * @property {import('./choices.js').PastMinute | null} past
 * @property {ReadonlyMap<string, import('../shufflers.js').Shuffler> | undefined} shufflers
 */

export class FloorModel {
  constructor() {
    /** @type {import('./layout').Layout} */
    this.layout = layOut(null, []);
    /** State of each machine and shuffler, by its number; `-` of what none is known of. @type {string[]} */
    this.letters = [];
    /** Value of each machine. @type {number[]} */
    this.values = [];
    /** Step of the ramp, or `NO_VALUE`. @type {number[]} */
    this.steps = [];
    /** Where the ramp ends. */
    this.end = 0;
    /** Those that looked different the last time, by number. @type {number[]} */
    this.changed = [];
    /** Whether all is to be drawn again, for another measure, ramp or shuffler. */
    this.isOther = false;
    /** How values are written. @type {(value: number) => string} */
    this.write = String;
    /** How many machines and shufflers are in each state. @type {Record<string, number>} */
    this.counts = {};
    /** What is said of each zone. @type {{name: string, sum: string, played: number, of: number}[]} */
    this.zones = [];
    this.#measured = '';
    this.#ended = 0;
  }

  /** Which measure the ramp is of. */
  #measured;
  /** When it was last asked where the ramp ends. */
  #ended;

  /**
   * @param {import('../types').FloorPlan | null} plan
   * @param {Iterable<string>} assets
   */
  layOut(plan, assets) {
    this.layout = layOut(plan, assets);
    this.letters = [];
    this.values = [];
    this.steps = [];
    this.end = 0;
  }

  /**
   * See all machines anew.
   *
   * @param {Moment} moment
   * @returns {number[]} those that look different, by number
   */
  update({ machines, limits, now, measure, past, shufflers }) {
    const { spots, machines: count } = this.layout;
    this.write = measure.write;
    const letters = new Array(spots.length);
    const values = new Array(count);
    /** @type {(import('../types').Machine | undefined)[]} */
    const known = new Array(count);
    /** @type {Record<string, number>} */
    const counts = {};
    for (let i = 0; i < count; i++) {
      const machine = machines.get(spots[i].id);
      known[i] = machine;
      if (past) {
        const kept = past.of(spots[i].id);
        letters[i] = kept?.letter ?? '-';
        values[i] = kept && measure.past ? measure.past(kept) : Number.NaN;
      } else {
        letters[i] = stateOf(machine ?? UNHEARD, limits, now);
        values[i] = machine ? measure.now(machine, now) : Number.NaN;
      }
      counts[letters[i]] = (counts[letters[i]] ?? 0) + 1;
    }
    let isOtherShuffler = false;
    for (let i = count; i < spots.length; i++) {
      letters[i] = past ? '-' : shufflerState(shufflers?.get(spots[i].id));
      counts[letters[i]] = (counts[letters[i]] ?? 0) + 1;
      isOtherShuffler ||= letters[i] !== this.letters[i];
    }
    this.counts = counts;
    const isOther = this.#measured !== measure.id;
    const before = this.end;
    if (isOther || Math.abs(now - this.#ended) > 15_000 || this.end === 0) {
      this.end = rampEnd(measure, values, isOther ? 0 : this.end);
      this.#measured = measure.id;
      this.#ended = now;
    }
    this.isOther = isOther || isOtherShuffler || this.end !== before;
    const changed = [];
    const steps = new Array(count);
    for (let i = 0; i < count; i++) {
      steps[i] = stepOf(measure.kind, values[i], this.end);
      if (steps[i] !== this.steps[i] || letters[i] !== this.letters[i]) changed.push(i);
    }
    this.letters = letters;
    this.values = values;
    this.steps = steps;
    this.zones = this.layout.zones.map((zone) => {
      const of = zone.machines;
      return {
        name: zone.name,
        sum: of.length ? measure.sum(of.map((i) => values[i]), past ? [] : of.flatMap((i) => known[i] ?? [])) : '',
        played: of.filter((i) => 'HCUE'.includes(letters[i])).length,
        of: of.length,
      };
    });
    return changed;
  }
}

/**
 * @param {'sequential' | 'diverging'} kind
 * @param {number} value
 * @param {number} end of the ramp
 */
export function stepOf(kind, value, end) {
  // What is nothing has no colour, so that what is something stands out.
  if (Number.isNaN(value) || (kind === 'sequential' && value <= 0)) return NO_VALUE;
  const share = kind === 'diverging' ? (value / end + 1) / 2 : value / end;
  return Math.round(Math.min(Math.max(share, 0), 1) * (STEPS - 1));
}

/** What machines can be coloured by. Each measure is a number of a machine at a moment. */

import { dollars, duration, NONE } from '../format.js';
import { MINUTES, coinInAMinute, minutesKept } from '../states.js';

/**
 * @typedef {import('../types').Machine} Machine
 * @typedef {import('../types').MachineSums} MachineSums
 *
 * @typedef {object} Past what is kept of a machine's minute
 * @property {string} letter its state
 * @property {number} coin_in_cents of the minute
 * @property {number} theoretical_win of the minute, in ten-thousandths of a cent
 *
 * @typedef {object} Measure
 * @property {string} id
 * @property {string} name
 * @property {string} unit as it stands in the legend
 * @property {string} meaning
 * @property {'sequential' | 'diverging'} kind
 * @property {number} most where the ramp ends at least; a diverging one begins at its negative
 * @property {boolean} isFixed whether the ramp ends there whatever the floor does
 * @property {(machine: Machine, now: number) => number} now NaN where there is nothing to say
 * @property {((past: Past) => number) | null} past null where minutes do not keep it
 * @property {(value: number) => string} write
 * @property {(values: number[], machines: Machine[]) => string} sum of a zone, in few words
 */

/** Fewer games than these say nothing about a machine's hold. */
export const ENOUGH_GAMES = 100;

const BASIS_POINTS = 10_000;
const MINUTE_MS = 60_000;

/** @type {readonly Measure[]} */
export const MEASURES = [
  {
    id: 'coin-in',
    name: 'Coin-in',
    unit: 'a minute',
    meaning: 'mean of the last five minutes',
    kind: 'sequential',
    most: 1_000,
    isFixed: false,
    now: ({ sums }, now) => (sums ? coinInAMinute(sums, now) : Number.NaN),
    past: (past) => past.coin_in_cents,
    write: dollars,
    sum: (values) => `${dollars(total(values))}/min`,
  },
  {
    id: 'theo',
    name: 'Theoretical win',
    unit: 'an hour',
    meaning: 'coin-in of the last five minutes by the hold of the paytable in force',
    kind: 'sequential',
    most: 1_000,
    isFixed: false,
    now: ({ sums }, now) => (sums ? theoreticalCentsAnHour(sums, now) : Number.NaN),
    past: (past) => (past.theoretical_win / BASIS_POINTS) * 60,
    write: dollars,
    sum: (values) => `${dollars(total(values))}/h`,
  },
  {
    id: 'occupancy',
    name: 'Occupancy',
    unit: 'of the last 5 min',
    meaning: 'minutes with play, or with a card in, of the last five',
    kind: 'sequential',
    most: 5,
    isFixed: true,
    now: ({ sums }, now) => (sums ? minutesOccupied(sums, now) : Number.NaN),
    past: (past) => ('HCUE'.includes(past.letter) || past.coin_in_cents > 0 ? MINUTES : 0),
    write: (value) => `${value} min`,
    sum: (values) => {
      const known = values.filter((value) => !Number.isNaN(value));
      return known.length ? `${Math.round((total(known) / (MINUTES * known.length)) * 100)} %` : NONE;
    },
  },
  {
    id: 'hold',
    name: 'Hold variance',
    unit: 'points of coin-in',
    meaning: `actual less theoretical hold of the gaming day, from ${ENOUGH_GAMES} games on`,
    kind: 'diverging',
    most: 0.2,
    isFixed: true,
    now: ({ sums }) => (sums && sums.games >= ENOUGH_GAMES ? holdVariance([sums]) : Number.NaN),
    past: null,
    write: points,
    sum: (_, machines) => points(holdVariance(machines.flatMap(({ sums }) => sums ?? []))),
  },
  {
    id: 'faults',
    name: 'Faults',
    unit: 'waiting',
    meaning: 'how long the oldest open fault has lasted',
    kind: 'sequential',
    most: 30 * MINUTE_MS,
    isFixed: true,
    now: ({ condition }, now) =>
      condition?.faults.length
        ? Math.max(now - Math.min(...condition.faults.map((fault) => fault.since)), 0)
        : Number.NaN,
    past: (past) => (past.letter === 'S' ? MINUTE_MS : Number.NaN),
    write: duration,
    sum: (values) => {
      const n = values.filter((value) => !Number.isNaN(value)).length;
      return n ? `${n} waiting` : 'none';
    },
  },
];

/** @param {string} id */
export function measureOf(id) {
  return MEASURES.find((measure) => measure.id === id) ?? MEASURES[0];
}

/**
 * Theoretical win an hour at the pace of the last five minutes, in cents; NaN without a hold.
 *
 * @param {MachineSums} sums
 * @param {number} now
 */
export function theoreticalCentsAnHour(sums, now) {
  if (sums.hold_basis_points === null) return Number.NaN;
  return (coinInAMinute(sums, now) * 60 * sums.hold_basis_points) / BASIS_POINTS;
}

/**
 * Minutes with play of the last five; who sits there with a card in is there now.
 *
 * @param {MachineSums} sums
 * @param {number} now
 */
export function minutesOccupied(sums, now) {
  const kept = minutesKept(sums, now);
  let played = 0;
  for (let i = 0; i < kept; i++) played += Number((sums.coin_in_by_minute[i] ?? 0) > 0);
  const isPlayedNow = kept === MINUTES && sums.coin_in_by_minute[0] > 0;
  return Math.min(played + Number(sums.is_carded && !isPlayedNow), MINUTES);
}

/**
 * Actual less theoretical win, as a share of the coin-in that is rated; NaN without any.
 *
 * @param {MachineSums[]} rows
 */
export function holdVariance(rows) {
  let coinIn = 0;
  let difference = 0;
  for (const sums of rows) {
    if (sums.unrated_coin_in_cents > 0) continue; // part of it has no theory to compare with
    coinIn += sums.coin_in_cents;
    difference += sums.coin_in_cents - sums.coin_out_cents - sums.theoretical_win / BASIS_POINTS;
  }
  return coinIn > 0 ? difference / coinIn : Number.NaN;
}

/** `+2.4 pts` @param {number} share */
export function points(share) {
  if (Number.isNaN(share)) return NONE;
  const value = share * 100;
  const sign = value >= 0.05 ? '+' : value <= -0.05 ? '−' : '±';
  return `${sign}${Math.abs(value).toFixed(1)} pts`;
}

/** @param {number[]} values */
function total(values) {
  let sum = 0;
  for (const value of values) if (!Number.isNaN(value)) sum += value;
  return sum;
}

/**
 * Where a ramp ends: the first of 1, 2, 5, 10, ... that is not below 95 of 100 values, and never
 * below the measure's own. It stays where it is until it would be off by more than one step, so that
 * colours do not jump while people look.
 *
 * @param {Measure} measure
 * @param {ArrayLike<number>} values
 * @param {number} before where it ended, 0 at first
 */
export function rampEnd(measure, values, before) {
  if (measure.isFixed) return measure.most;
  const known = Array.from(values).filter((value) => value > 0).sort((a, b) => a - b);
  const high = known[Math.floor(known.length * 0.95)] ?? 0;
  let end = measure.most;
  for (let factor = 1; end < high; factor *= 10) {
    end = [1, 2, 5, 10].map((n) => n * factor * measure.most).find((n) => n >= high) ?? end;
  }
  return before > 0 && high <= before && end * 3 > before ? before : end;
}

/**
 * What a machine is shown as: one state at a time, the most urgent that holds.
 *
 * The same rules as `pitboss/floor/states.py`; `tests/contract/machine_states.json` holds both to
 * one table of cases.
 */

/** @typedef {import('./types').StateLetter} StateLetter */
/** @typedef {{letter: StateLetter, name: string, meaning: string}} State */

/** In the order they are listed. @type {readonly State[]} */
export const STATES = [
  { letter: 'S', name: 'Service', meaning: 'hand-pay, open door, tilt, or someone calls' },
  { letter: 'N', name: 'No comms', meaning: 'nothing heard for a while' },
  { letter: 'O', name: 'Offline', meaning: 'nothing heard for long, or never' },
  { letter: 'H', name: 'Hot', meaning: 'coin-in at or above the limit, over five minutes' },
  { letter: 'C', name: 'Carded', meaning: 'a player’s card is in' },
  { letter: 'U', name: 'Uncarded', meaning: 'played without a card' },
  { letter: 'E', name: 'Employee', meaning: 'a card of the house’s own people is in' },
  { letter: 'I', name: 'Idle', meaning: 'nobody plays' },
];

/** @type {ReadonlyMap<string, State>} */
const BY_LETTER = new Map(STATES.map((state) => [state.letter, state]));

const MINUTE_MS = 60_000;
/** Minutes of coin-in that a row remembers. */
export const MINUTES = 5;

/** @param {string} letter */
export function stateName(letter) {
  return BY_LETTER.get(letter)?.name ?? 'Unknown';
}

/**
 * Mean coin-in a minute over the five minutes up to `now`, in cents, rounded down: the minute in
 * progress and the four before it; minutes without play count as 0. A correction may take more back
 * than was played: that is 0 too.
 *
 * @param {Pick<import('./types').MachineSums, 'minute' | 'coin_in_by_minute'>} sums
 * @param {number} now epoch milliseconds
 */
export function coinInAMinute(sums, now) {
  const kept = minutesKept(sums, now);
  let cents = 0;
  for (let i = 0; i < kept; i++) cents += sums.coin_in_by_minute[i] ?? 0;
  return Math.max(Math.floor(cents / MINUTES), 0);
}

/**
 * How many of the minutes that a row remembers are among the five up to `now`. A machine whose clock
 * is ahead is taken to be on time.
 *
 * @param {Pick<import('./types').MachineSums, 'minute'>} sums
 * @param {number} now epoch milliseconds
 */
export function minutesKept(sums, now) {
  const age = Math.max(Math.floor(now / MINUTE_MS) - sums.minute, 0);
  return Math.max(MINUTES - age, 0);
}

/**
 * What a machine is shown as at a moment.
 *
 * @param {Pick<import('./types').Machine, 'sums' | 'condition'>} machine
 * @param {import('./types').Limits} limits
 * @param {number} now epoch milliseconds
 * @returns {StateLetter}
 */
export function stateOf({ sums, condition }, limits, now) {
  const silent = (now - Math.max(condition?.heard_at ?? 0, sums?.changed_at ?? 0)) / 1000;
  if (silent > limits.offline_seconds) return 'O';
  if (silent > limits.no_comms_seconds) return 'N';
  if (condition?.faults.some((fault) => fault.kind !== 'overflow')) return 'S';
  if (sums === null) return 'I';
  if (sums.is_employee) return 'E';
  if (coinInAMinute(sums, now) >= limits.hot_cents_per_minute) return 'H';
  if (sums.is_carded) return 'C';
  if (sums.last_play && now - sums.last_play <= limits.idle_seconds * 1000) return 'U';
  return 'I';
}

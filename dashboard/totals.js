/**
 * What the machines add up to. Values in, values out: rows and a moment, and of them the figures of
 * the tiles.
 */

import { MINUTES, minutesKept } from './states.js';

const UNITS_PER_CENT = 10_000;
const MINUTE_MS = 60_000;

/** 95 of 100 fair floors are within the band. */
const Z = 1.96;

/** Fewer machines than these do not show how much chance there is. */
const FEWEST_MACHINES = 30;

/**
 * @typedef {object} Hold
 * @property {number} actual shares of coin-in, as all of these
 * @property {number} theoretical
 * @property {number | null} margin half of the band's width; null of too few machines
 * @property {number} machines
 * @property {number} games
 *
 * @typedef {object} Totals
 * @property {number} carded
 * @property {number} uncarded
 * @property {number[]} coinInByMinute cents of the minute in progress and of the four before
 * @property {number} theoreticalWin cents, this gaming day
 * @property {number} actualWin cents, this gaming day
 * @property {number} games this gaming day
 * @property {Hold | null} hold null where nothing was played
 * @property {number} handpays
 * @property {number} handpaySince when the oldest began, epoch milliseconds; 0 without any
 */

/**
 * @param {Iterable<import('./types').Machine>} machines
 * @param {import('./types').Limits} limits
 * @param {string} gamingDay what belongs to another counts for nothing but the last minutes
 * @param {number} now epoch milliseconds
 * @returns {Totals}
 */
export function totalsOf(machines, limits, gamingDay, now) {
  const totals = {
    carded: 0,
    uncarded: 0,
    coinInByMinute: new Array(MINUTES).fill(0),
    theoreticalWin: 0,
    actualWin: 0,
    games: 0,
    handpays: 0,
    handpaySince: 0,
  };
  const holds = new HoldSums();
  for (const { sums, condition } of machines) {
    const handpay = handpaySince(sums, condition);
    if (handpay > 0) {
      totals.handpays += 1;
      totals.handpaySince = Math.min(totals.handpaySince || handpay, handpay);
    }
    if (sums === null) continue;
    const kept = minutesKept(sums, now);
    for (let i = 0; i < kept; i++) {
      totals.coinInByMinute[MINUTES - kept + i] += sums.coin_in_by_minute[i] ?? 0;
    }
    const heardAt = Math.max(sums.changed_at, condition?.heard_at ?? 0);
    if (now - heardAt <= limits.no_comms_seconds * 1000 && !sums.is_employee) {
      if (sums.is_carded) totals.carded += 1;
      else if (now - sums.last_play <= limits.idle_seconds * 1000) totals.uncarded += 1;
    }
    if (sums.gaming_day !== gamingDay) continue;
    totals.games += sums.games;
    totals.theoreticalWin += sums.theoretical_win / UNITS_PER_CENT;
    totals.actualWin += sums.coin_in_cents - sums.coin_out_cents;
    holds.add(sums);
  }
  return { ...totals, hold: holds.judge() };
}

/**
 * Coin-in a minute, in cents: that of the minute in progress and of the four before, by the time
 * that they have lasted. A machine's own figure is the same but for that; of many it would drop
 * each time a minute begins.
 *
 * @param {number[]} byMinute as `Totals.coinInByMinute`
 * @param {number} now epoch milliseconds
 */
export function coinInAMinute(byMinute, now) {
  const cents = byMinute.reduce((sum, value) => sum + value, 0);
  return Math.max(cents, 0) / (byMinute.length - 1 + (now % MINUTE_MS) / MINUTE_MS);
}

/**
 * Since when a hand-pay waits at a machine; 0 where none does.
 *
 * @param {import('./types').MachineSums | null} sums
 * @param {import('./types').MachineCondition | null} condition
 */
export function handpaySince(sums, condition) {
  const fault = condition?.faults.find((one) => one.kind === 'handpay');
  return fault?.since ?? sums?.locked_since ?? 0;
}

/**
 * Actual against theoretical hold, with the band that chance alone explains. As in
 * `pitboss.rating.hold` it is the ratio estimator's (Cochran, "Sampling Techniques", 3rd ed., 1977,
 * chapter 6), with a machine's gaming day as one sample:
 *
 *     e = actual win - theoretical win of a machine, c = its coin-in, d = sum(e) / sum(c)
 *     margin = 1.96 x sqrt(n / (n - 1) x sum((e - d c)^2)) / sum(c)
 *
 * So no volatility of paytables is assumed: how much chance there is shows in how the machines
 * differ. It takes them to be independent and their sum to be normal, which a single large jackpot
 * makes rough: it widens the band. Machines with play of unknown hold are left out.
 */
class HoldSums {
  machines = 0;
  games = 0;
  coinIn = 0;
  actual = 0;
  theoretical = 0;
  squares = 0;
  products = 0;
  coinInSquares = 0;

  /** @param {import('./types').MachineSums} sums */
  add(sums) {
    const c = sums.coin_in_cents;
    if (c === 0 || sums.unrated_coin_in_cents > 0) return;
    const theoretical = sums.theoretical_win / UNITS_PER_CENT;
    const e = c - sums.coin_out_cents - theoretical;
    this.machines += 1;
    this.games += sums.games;
    this.coinIn += c;
    this.actual += c - sums.coin_out_cents;
    this.theoretical += theoretical;
    this.squares += e * e;
    this.products += e * c;
    this.coinInSquares += c * c;
  }

  /** @returns {Hold | null} */
  judge() {
    if (this.coinIn === 0) return null;
    const n = this.machines;
    const d = (this.actual - this.theoretical) / this.coinIn;
    const residuals = this.squares - 2 * d * this.products + d * d * this.coinInSquares;
    return {
      actual: this.actual / this.coinIn,
      theoretical: this.theoretical / this.coinIn,
      margin:
        n < FEWEST_MACHINES
          ? null
          : (Z * Math.sqrt((n / (n - 1)) * Math.max(residuals, 0))) / this.coinIn,
      machines: n,
      games: this.games,
    };
  }
}

/**
 * A second's worth of what came by all shards: of the minute in progress and the one before it, by
 * the time that they have lasted.
 *
 * @param {import('./types').StreamRate[]} rates
 * @param {number} now epoch milliseconds
 */
export function eventsASecond(rates, now) {
  const minute = Math.floor(now / MINUTE_MS);
  let events = 0;
  for (const rate of rates) {
    for (let i = 0; i < rate.events_by_minute.length; i++) {
      const age = minute - (rate.minute - i);
      if (age === 0 || age === 1) events += rate.events_by_minute[i];
    }
  }
  return events / (60 + (now % MINUTE_MS) / 1000);
}

/**
 * How far what is shown is behind what machines sent: the slowest shard's, of those that something
 * came by lately.
 *
 * @param {import('./types').StreamRate[]} rates
 * @param {number} now epoch milliseconds
 * @returns {number | null} milliseconds; null where nothing came in two minutes
 */
export function lag(rates, now) {
  const lately = rates.filter((rate) => now - rate.kept_at < 2 * MINUTE_MS);
  if (lately.length === 0) return null;
  return Math.max(...lately.map((rate) => Math.max(rate.kept_at - rate.newest_received_at, 0)));
}

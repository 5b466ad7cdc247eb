/**
 * The rows of documents and messages are arrays (`pitboss/floor/rows.py`, `documents.py`); here,
 * and nowhere else, their fields get names: the same names, in the same order. Fields are only ever
 * added at the end, so what an older server leaves out is undefined here and gets its default.
 */

/**
 * @param {any[]} row
 * @returns {import('./types').MachineSums}
 */
export function machineSums([
  asset_id,
  changed_at,
  gaming_day,
  games,
  coin_in_cents,
  coin_out_cents,
  theoretical_win,
  unrated_coin_in_cents,
  handpaid_cents,
  gaps,
  meter_difference_cents,
  hold_basis_points,
  last_play,
  minute,
  coin_in_by_minute,
  player_id = null,
  seated_since = null,
  locked_since = null,
  is_carded = false,
  is_employee = false,
]) {
  return {
    asset_id,
    changed_at,
    gaming_day,
    games,
    coin_in_cents,
    coin_out_cents,
    theoretical_win,
    unrated_coin_in_cents,
    handpaid_cents,
    gaps,
    meter_difference_cents,
    hold_basis_points,
    last_play,
    minute,
    coin_in_by_minute,
    player_id,
    seated_since,
    locked_since,
    is_carded,
    is_employee,
  };
}

/**
 * @param {any[]} row
 * @returns {import('./types').MachineCondition}
 */
export function machineCondition([
  asset_id,
  changed_at,
  heard_at,
  faults = [],
  coin_in_meter_credits = null,
  coin_out_meter_credits = null,
  games_played_meter = null,
]) {
  return {
    asset_id,
    changed_at,
    heard_at,
    faults: faults.map(machineFault),
    coin_in_meter_credits,
    coin_out_meter_credits,
    games_played_meter,
  };
}

/**
 * @param {any[]} row
 * @returns {import('./types').MachineFault}
 */
function machineFault([kind, since, detail]) {
  return { kind, since, detail };
}

/**
 * @param {any[]} row
 * @returns {import('./types').StreamRate}
 */
export function streamRate([
  shard_id,
  kept_at,
  newest_received_at,
  minute,
  events_by_minute,
  last_sequence = '',
]) {
  return { shard_id, kept_at, newest_received_at, minute, events_by_minute, last_sequence };
}

/**
 * Of `GET /v1/floor/minutes` and `GET /v1/floor/hours`. A correction counts in the minute that it is
 * made in, and may take more back than was played in it: that is shown as nothing.
 *
 * @param {any[]} row
 * @returns {import('./types').MachineMinutes}
 */
export function machineMinutes([asset_id, coin_in_cents, theoretical_win, states]) {
  return {
    asset_id,
    coin_in_cents: coin_in_cents.map(notNegative),
    theoretical_win: theoretical_win.map(notNegative),
    states,
  };
}

/** @param {number} value */
function notNegative(value) {
  return Math.max(value, 0);
}

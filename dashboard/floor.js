/**
 * The floor as it was last heard of: one store that every part of the page reads.
 *
 * It is filled by `apply`, whole at first and then by what changed. `version` is raised once per
 * applied batch; who draws machines subscribes to it and asks `changedSince` which to draw again.
 */

import { batch, signal } from '@preact/signals';

import { machineCondition, machineSums, streamRate } from './rows.js';

/** @typedef {import('./types').Machine} Machine */

/** Those of `pitboss.floor.plan.Limits`, until the plan is there. @type {import('./types').Limits} */
const LIMITS = {
  no_comms_seconds: 120,
  offline_seconds: 900,
  idle_seconds: 60,
  hot_cents_per_minute: 5_000,
  employee_cards: [],
};

/** Alerts kept here at most: those that nobody acknowledged first, then the newest. */
const MOST_ALERTS = 1_000;

export const floor = {
  /** By asset number. @type {Map<string, Machine>} */
  machines: new Map(),
  /** Raised once per applied batch. */
  version: signal(0),
  plan: signal(/** @type {import('./types').FloorPlan | null} */ (null)),
  limits: signal(LIMITS),
  offers: signal(/** @type {import('./types').OfferCounts | null} */ (null)),
  status: signal(/** @type {import('./types').FloorStatus | null} */ (null)),
  /** One per shard of the slot stream. */
  rates: signal(/** @type {import('./types').StreamRate[]} */ ([])),
  alerts: signal(/** @type {import('./types').Alert[]} */ ([])),
  /** The gaming day of now, as a date; empty until the floor was read. */
  gamingDay: signal(''),
  propertyId: signal(''),
  /** When what is shown was read or sent, by the server's clock; 0 before anything was. */
  at: signal(0),
  connection: signal(/** @type {import('./types').Connection} */ ('connecting')),
  /** Whether the page is held still: nothing is applied, and `now` stands. */
  paused: signal(false),
  /** The moment the floor is shown at, by the server's clock: ticks once a second. */
  now: signal(Date.now()),
  /** The moment it is, by the server's clock, paused or not. */
  clock: signal(Date.now()),
};

/** This machine's clock less the server's, milliseconds. */
let ahead = 0;

/** The moment it is by the server's clock, epoch milliseconds. */
export function serverNow() {
  return Date.now() - ahead;
}

/**
 * Learn how far this machine's clock is off, from an answer that says when it was made. It was made
 * between the request and its arrival: a clock that agrees with that is taken to be right.
 *
 * @param {number} sent when the request went, by this machine's clock
 * @param {number} received when its answer had come
 * @param {number} at when it was made, by the server's clock
 */
export function setClock(sent, received, at) {
  ahead = Math.max(sent - at, 0) + Math.min(received - at, 0);
  tick();
}

/** Let the time pass; called once a second. */
export function tick() {
  const now = serverNow();
  batch(() => {
    floor.clock.value = now;
    if (!floor.paused.value) floor.now.value = now;
  });
}

/**
 * Take in a floor or what changed of it. Of each machine the row with the later `changed_at` wins,
 * so that parts may come twice, or late. Decoding is not redone for rows that lose.
 *
 * @param {import('./types').FloorParts & Partial<import('./types').FloorDocument>} parts
 */
export function apply(parts) {
  const version = floor.version.value + 1;
  for (const row of parts.sums ?? []) {
    const machine = machineOf(row[0]);
    if (machine.sums === null || row[1] > machine.sums.changed_at) {
      machine.sums = machineSums(row);
      machine.version = version;
    }
  }
  for (const row of parts.conditions ?? []) {
    const machine = machineOf(row[0]);
    if (machine.condition === null || row[1] > machine.condition.changed_at) {
      machine.condition = machineCondition(row);
      machine.version = version;
    }
  }
  batch(() => {
    if (parts.rates?.length) floor.rates.value = mergeRates(parts.rates.map(streamRate));
    if (parts.offers) floor.offers.value = parts.offers;
    if (parts.status) floor.status.value = parts.status;
    if (parts.alerts?.length) floor.alerts.value = mergeAlerts(parts.alerts);
    if (parts.property_id) floor.propertyId.value = parts.property_id;
    const day = parts.gaming_day ?? parts.status?.gaming_day ?? '';
    if (day > floor.gamingDay.value) floor.gamingDay.value = day;
    if (parts.at > floor.at.value) floor.at.value = parts.at;
    floor.version.value = version;
  });
}

/** @param {import('./types').FloorPlan} plan */
export function applyPlan(plan) {
  batch(() => {
    floor.plan.value = plan;
    floor.limits.value = { ...LIMITS, ...plan.limits };
  });
}

/**
 * The machines that a batch after that version changed.
 *
 * @param {number} version 0 for all
 * @returns {Set<string>} asset numbers
 */
export function changedSince(version) {
  const changed = new Set();
  for (const machine of floor.machines.values()) {
    if (machine.version > version) changed.add(machine.asset_id);
  }
  return changed;
}

/** Forget everything: somebody else may sign in. */
export function clear() {
  floor.machines.clear();
  batch(() => {
    floor.plan.value = null;
    floor.limits.value = LIMITS;
    floor.offers.value = null;
    floor.status.value = null;
    floor.rates.value = [];
    floor.alerts.value = [];
    floor.gamingDay.value = '';
    floor.propertyId.value = '';
    floor.at.value = 0;
    floor.paused.value = false;
    floor.connection.value = 'connecting';
    floor.version.value += 1;
  });
}

/**
 * @param {string} asset_id
 * @returns {Machine}
 */
function machineOf(asset_id) {
  let machine = floor.machines.get(asset_id);
  if (machine === undefined) {
    machine = { asset_id, sums: null, condition: null, version: 0 };
    floor.machines.set(asset_id, machine);
  }
  return machine;
}

/** @param {import('./types').StreamRate[]} rates */
function mergeRates(rates) {
  const merged = new Map(floor.rates.value.map((rate) => [rate.shard_id, rate]));
  for (const rate of rates) {
    const kept = merged.get(rate.shard_id);
    if (kept === undefined || rate.kept_at >= kept.kept_at) merged.set(rate.shard_id, rate);
  }
  return [...merged.values()];
}

/** @param {import('./types').Alert[]} alerts */
function mergeAlerts(alerts) {
  const merged = new Map(floor.alerts.value.map((alert) => [alert.alert_id, alert]));
  for (const alert of alerts) merged.set(alert.alert_id, alert);
  return [...merged.values()]
    .sort(
      (a, b) =>
        Number(a.acknowledged_at !== null) - Number(b.acknowledged_at !== null) ||
        b.raised_at - a.raised_at,
    )
    .slice(0, MOST_ALERTS);
}

/**
 * How the floor stays live: read once by HTTP, then told what changed over a WebSocket.
 *
 * A connection is opened before the floor is read, so that nothing falls between the two; it is
 * replaced before its token ends and before API Gateway ends it. What comes is applied at most twice
 * a second, held back while the page is paused, and read again by HTTP every minute, after every
 * reconnection, and when nothing came for a while.
 */

import { batch, effect, signal } from '@preact/signals';

import { backoff, get, ProblemError } from './api.js';
import { apply, applyPlan, floor, serverNow, setClock, tick } from './floor.js';
import { session } from './session.js';

const PROTOCOL = 'pitboss.v1';
const APPLY_MS = 500;
const APPLY_HIDDEN_MS = 5_000;
const READ_MS = 60_000;
const SILENT_MS = 5_000;
const LONGEST_SILENT_MS = 20_000;
const STALE_MS = 30_000;
const PING_MS = 300_000;
/** API Gateway ends a connection after two hours. */
const REPLACE_MS = 110 * 60_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** How often a connection was tried since the last that opened. */
export const attempts = signal(0);

/** When the next try is, epoch milliseconds by this machine's clock; 0 where none is waited for. */
export const retryAt = signal(0);

/** Why the floor could not be read. */
export const failure = signal(/** @type {ProblemError | null} */ (null));

/**
 * Keep the store live until it is stopped.
 *
 * @param {string} url of the WebSocket
 * @returns {() => void} stops it
 */
export function startLive(url) {
  const held = new Held();
  const timers = new Set([
    setInterval(everySecond, 1_000),
    setInterval(() => send('{"action": "ping"}'), PING_MS),
    setInterval(() => void connect(), REPLACE_MS),
  ]);
  /** @type {WebSocket | null} */
  let socket = null;
  /** @type {WebSocket | null} */
  let next = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let applying;
  let appliedAt = 0;
  let readAt = 0;
  let isReading = false;
  let isReadAgain = false;
  let silentFor = SILENT_MS;
  let isStopped = false;
  let usedToken = '';

  function connect() {
    const token = session.peek()?.idToken;
    if (isStopped || !token) return;
    clearTimeout(retry);
    retryAt.value = 0;
    attempts.value += 1;
    usedToken = token;
    next?.close();
    const opening = new WebSocket(url, [PROTOCOL, token]);
    next = opening;
    opening.onopen = () => {
      const before = socket;
      socket = opening;
      next = null;
      before?.close();
      attempts.value = 0;
      void read();
    };
    opening.onmessage = (message) => take(JSON.parse(message.data));
    opening.onclose = () => {
      opening.onopen = opening.onmessage = opening.onclose = null;
      if (socket === opening) socket = null;
      if (next === opening) next = null;
      if (socket === null && next === null) later();
    };
  }

  function later() {
    if (isStopped) return;
    const wait = backoff(Math.max(attempts.value, 1), FIRST_WAIT_MS, LONGEST_WAIT_MS);
    clearTimeout(retry);
    retry = setTimeout(connect, wait);
    retryAt.value = Date.now() + wait;
    state();
  }

  /** @param {string} text */
  function send(text) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(text);
  }

  /** Read the whole floor, and its plan where that is another. */
  async function read() {
    if (isStopped) return;
    isReadAgain = isReading;
    if (isReading) return;
    isReading = true;
    readAt = Date.now();
    try {
      // At first both at once, and one laying out of the map.
      const isFirst = floor.at.peek() === 0;
      const first = isFirst ? get('/floor/plan').catch(() => null) : null;
      const document = await get('/floor/live');
      if (isStopped) return;
      setClock(readAt, Date.now(), document.at);
      held.add(document);
      const early = await first;
      if (isStopped) return;
      batch(() => {
        if (early !== null) applyPlan(early);
        release(isFirst);
      });
      if (document.plan_version !== (floor.plan.peek()?.version ?? -1)) {
        const plan = await get('/floor/plan');
        if (!isStopped) applyPlan(plan);
      }
      failure.value = null;
    } catch (error) {
      if (!isStopped && error instanceof ProblemError) failure.value = error;
    } finally {
      isReading = false;
      state();
      if (isReadAgain) void read(); // something was asked for while that was on its way
    }
  }

  /** @param {import('./types').FloorChanged} message */
  function take(message) {
    if (message.type !== 'floor.changed') return;
    silentFor = SILENT_MS;
    held.add(message);
    release();
  }

  /** Apply what is held, now or when it is time. */
  function release(isFirst = false) {
    if (isStopped || (floor.paused.peek() && !isFirst)) return;
    const wait = appliedAt + (document.hidden ? APPLY_HIDDEN_MS : APPLY_MS) - Date.now();
    if (wait > 0 && !isFirst) {
      applying ??= setTimeout(now, wait);
    } else {
      now();
    }
  }

  function now() {
    clearTimeout(applying);
    applying = undefined;
    if (isStopped || held.isEmpty) return;
    appliedAt = Date.now();
    apply(held.take());
    state();
  }

  function everySecond() {
    if (!document.hidden) tick();
    const since = Date.now() - readAt;
    const isSilent = serverNow() - Math.max(floor.at.peek(), held.at) > silentFor;
    if (since >= READ_MS || (isSilent && since >= silentFor)) {
      if (isSilent) silentFor = Math.min(silentFor * 2, LONGEST_SILENT_MS);
      void read();
    }
    state();
  }

  function state() {
    const at = Math.max(floor.at.peek(), held.at);
    if (at === 0) floor.connection.value = attempts.value > 2 ? 'offline' : 'connecting';
    else if (serverNow() - at > STALE_MS) floor.connection.value = 'stale';
    else floor.connection.value = socket === null ? 'offline' : 'live';
  }

  /** When the page is looked at again, or the network is back: do not wait any longer. */
  function comeBack() {
    if (document.hidden) return;
    tick();
    release();
    if (Date.now() - readAt > SILENT_MS) void read();
    if (socket === null && next === null) connect();
  }

  const endPause = effect(() => {
    if (!floor.paused.value) release();
  });
  const endToken = effect(() => {
    const token = session.value?.idToken;
    if (token && usedToken && token !== usedToken) connect();
  });
  document.addEventListener('visibilitychange', comeBack);
  window.addEventListener('online', comeBack);
  connect();
  void read();

  return () => {
    isStopped = true;
    endPause();
    endToken();
    for (const timer of timers) clearInterval(timer);
    clearTimeout(retry);
    clearTimeout(applying);
    document.removeEventListener('visibilitychange', comeBack);
    window.removeEventListener('online', comeBack);
    socket?.close();
    next?.close();
    attempts.value = 0;
    retryAt.value = 0;
    failure.value = null;
  };
}

/**
 * What came and is not applied yet. Of each machine only the newest row is held, so that an hour's
 * pause takes no more room than a floor.
 */
class Held {
  /** @type {Map<string, any[]>} */
  sums = new Map();
  /** @type {Map<string, any[]>} */
  conditions = new Map();
  /** @type {Map<string, any[]>} */
  rates = new Map();
  /** @type {Map<string, import('./types').Alert>} */
  alerts = new Map();
  /** @type {Partial<import('./types').FloorDocument>} */
  rest = {};
  at = 0;

  get isEmpty() {
    return this.at === 0;
  }

  /** @param {import('./types').FloorParts & Partial<import('./types').FloorDocument>} parts */
  add(parts) {
    const { sums, conditions, rates, alerts, at, ...rest } = parts;
    for (const row of sums ?? []) keepNewer(this.sums, row);
    for (const row of conditions ?? []) keepNewer(this.conditions, row);
    for (const row of rates ?? []) keepNewer(this.rates, row);
    for (const alert of alerts ?? []) this.alerts.set(alert.alert_id, alert);
    Object.assign(this.rest, rest);
    this.at = Math.max(this.at, at);
  }

  take() {
    const parts = {
      ...this.rest,
      at: this.at,
      sums: [...this.sums.values()],
      conditions: [...this.conditions.values()],
      rates: [...this.rates.values()],
      alerts: [...this.alerts.values()],
    };
    this.sums.clear();
    this.conditions.clear();
    this.rates.clear();
    this.alerts.clear();
    this.rest = {};
    this.at = 0;
    return parts;
  }
}

/**
 * Rows begin with what they are of and with when they were kept.
 *
 * @param {Map<string, any[]>} rows
 * @param {any[]} row
 */
function keepNewer(rows, row) {
  const before = rows.get(row[0]);
  if (before === undefined || row[1] >= before[1]) rows.set(row[0], row);
}

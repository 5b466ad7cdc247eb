/**
 * Shufflers as they were last read, for every part of the page that shows them. Their database rests
 * when nobody asks, so it is asked once a minute at most, only while somebody looks, and left alone
 * for a while when it is away.
 */

import { effect, signal } from '@preact/signals';

import { get, ProblemError } from './api.js';
import { floor } from './floor.js';
import { duration, percent } from './format.js';
import { may, session } from './session.js';

export const EVERY_MS = 60_000;
const AWAY_MS = 300_000;
const LOOK_MS = 2_000;
const MOST_PAGES = 5;

/**
 * Of `GET /v1/shufflers`, and what `GET /v1/maintenance` recommends for it.
 *
 * @typedef {object} Shuffler
 * @property {string} asset_id
 * @property {boolean | null} is_online
 * @property {number} heard_at
 * @property {number} age_seconds
 * @property {string | null} table_id
 * @property {string | null} firmware
 * @property {any} failure
 * @property {any[]} open_faults
 * @property {any[]} work what is recommended and not done yet, the most urgent first
 */

/** The most urgent first. */
export const SHUFFLER_STATES = [
  { letter: 'F', name: 'Faulted', meaning: 'out of service by a fault' },
  { letter: 'D', name: 'Disconnected', meaning: 'it is not connected, or never said that it is' },
  { letter: 'W', name: 'Wants work', meaning: 'work is recommended, or a fault is open that does not stop it' },
  { letter: 'R', name: 'Running', meaning: 'connected, and nothing is known against it' },
];

/** By asset number, and when they were read; null before. */
export const shufflers = signal(/** @type {{at: number, rows: Map<string, Shuffler>} | null} */ (null));

/** Why they could not be read the last time. */
export const failure = signal(/** @type {unknown} */ (null));

let watchers = 0;
let due = 0;
let isReading = false;
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;

/** Forget them when nobody is signed in: somebody else may be next. */
effect(() => {
  if (session.value !== null) return;
  shufflers.value = failure.value = null;
  due = 0;
});

/**
 * Have them read for as long as they are looked at.
 *
 * @returns {() => void} ends it
 */
export function watch() {
  if (!may('shufflers:read')) return () => {};
  if (watchers++ === 0) timer = setInterval(look, LOOK_MS);
  look();
  return () => {
    if (--watchers === 0) clearInterval(timer);
  };
}

/** Read them now: somebody asked for it. */
export function readAgain() {
  due = 0;
  look();
}

/** What it is shown as. @param {Shuffler | undefined} shuffler @returns {string} a letter; `-` of one not known */
export function shufflerState(shuffler) {
  if (!shuffler) return '-';
  if (shuffler.failure) return 'F';
  if (!shuffler.is_online) return 'D';
  return shuffler.work.length || shuffler.open_faults.length ? 'W' : 'R';
}

/** @param {string} letter */
export function shufflerStateName(letter) {
  return SHUFFLER_STATES.find((state) => state.letter === letter)?.name ?? 'Not known';
}

/** Faults that are open, in words: `E31 rollers`. @param {Shuffler} shuffler */
export function faultsOf({ open_faults: open }) {
  return open.map(({ code, part }) => [code, part].filter(Boolean).join(' ').replaceAll('_', ' ')).join(', ');
}

/** Work that is recommended, in words. @param {Shuffler} shuffler */
export function workOf({ work }) {
  return work
    .map(({ part, probability, horizon_hours: hours }) =>
      [
        part.replaceAll('_', ' '),
        probability != null && `${percent(probability)} to fail within ${duration(hours * 3_600_000)}`,
      ].filter(Boolean).join(', '),
    )
    .join('; ');
}

/** The highest chance of a failure that anything says. @param {Shuffler} shuffler @returns {number | null} */
export function riskOf({ work }) {
  const chances = work.flatMap(({ probability }) => probability ?? []);
  return chances.length ? Math.max(...chances) : null;
}

async function look() {
  if (document.hidden || floor.paused.peek() || isReading || Date.now() < due) return;
  isReading = true;
  due = Date.now() + EVERY_MS;
  const who = session.peek();
  try {
    const found = await read();
    if (session.peek() !== null) {
      shufflers.value = { at: floor.clock.peek(), rows: found };
      failure.value = null;
    }
  } catch (error) {
    if (who !== null) failure.value = error;
    if (error instanceof ProblemError && error.status === 503) due = Date.now() + AWAY_MS;
  }
  isReading = false;
}

/** @returns {Promise<Map<string, Shuffler>>} */
async function read() {
  const rows = new Map();
  for await (const one of listed('/shufflers', 'shufflers')) rows.set(one.asset_id, { ...one, work: [] });
  if (!may('maintenance:read')) return rows;
  for await (const one of listed('/maintenance', 'recommendations')) {
    if (one.closed_at != null) break; // what is over comes last
    rows.get(one.asset_id)?.work.push(one);
  }
  return rows;
}

/** @param {string} path @param {string} name of the list in each page @returns {AsyncGenerator<any>} */
async function* listed(path, name) {
  let cursor = '';
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await get(`${path}?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    yield* page[name];
    cursor = page.next ?? '';
    if (!cursor) return;
  }
}

/** The HTTP API: one way to ask, and what is said when it refuses. */

import { loadConfig } from './config.js';
import { end, renew, session } from './session.js';

const TRIES = 4;
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8_000;
const TIMEOUT_MS = 15_000;

/** What the API answered instead: a problem document (RFC 9457), in words for people. */
export class ProblemError extends Error {
  /**
   * @param {number} status 0 where there was no answer
   * @param {import('./types').Problem} problem
   */
  constructor(status, problem) {
    super(problem.detail || problem.title || `The API answered ${status}.`);
    this.name = 'ProblemError';
    this.status = status;
    this.problem = problem;
  }
}

/**
 * @typedef {object} Asked
 * @property {any} [body] sent as JSON
 * @property {string} [idempotencyKey]
 * @property {AbortSignal} [signal]
 */

/**
 * @param {string} path without `/v1`
 * @param {Asked} [asked]
 * @returns {Promise<any>} the document
 */
export function get(path, asked) {
  return ask('GET', path, asked);
}

/**
 * What may be sent twice: it is tried again where there was no answer, or no room.
 *
 * @param {string} path without `/v1`
 * @param {any} body
 * @param {Asked} [asked]
 * @returns {Promise<any>} the document
 */
export function post(path, body, asked) {
  return ask('POST', path, { ...asked, body });
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Asked} [asked]
 */
async function ask(method, path, asked = {}) {
  const config = await loadConfig();
  let hasRenewed = false;
  for (let tries = 1; ; tries++) {
    const token = session.value?.idToken;
    if (!token) throw new ProblemError(401, { title: 'Nobody is signed in.' });
    const answer = await send(config.api + path, method, token, asked);
    if (answer instanceof ProblemError) {
      if (tries === TRIES) throw answer;
      await pause(waitFor(tries), asked.signal);
    } else if (answer.ok) {
      return answer.status === 204 ? null : answer.json();
    } else if (answer.status === 401 && !hasRenewed) {
      hasRenewed = true;
      if (token === session.value?.idToken && !(await renew())) throw await problemOf(answer);
    } else if (answer.status === 401) {
      end('The API does not accept your session. Sign in again.');
      throw await problemOf(answer);
    } else if ((answer.status === 429 || answer.status >= 500) && tries < TRIES) {
      await pause(waitFor(tries, answer.headers.get('Retry-After')), asked.signal);
    } else {
      throw await problemOf(answer);
    }
  }
}

/**
 * @param {string} url
 * @param {string} method
 * @param {string} token
 * @param {Asked} asked
 * @returns {Promise<Response | ProblemError>} the latter where there was no answer
 */
async function send(url, method, token, asked) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' };
  if (asked.body !== undefined) headers['Content-Type'] = 'application/json';
  if (asked.idempotencyKey) headers['Idempotency-Key'] = asked.idempotencyKey;
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(url, {
      method,
      headers,
      body: asked.body === undefined ? undefined : JSON.stringify(asked.body),
      signal: asked.signal ? AbortSignal.any([asked.signal, limit]) : limit,
    });
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    return new ProblemError(0, {
      title: 'There is no answer.',
      detail: limit.aborted
        ? `The API did not answer within ${TIMEOUT_MS / 1000} seconds.`
        : 'The API cannot be reached: is this machine connected?',
    });
  }
}

/** @param {Response} answer */
async function problemOf(answer) {
  const problem = await answer.json().catch(() => ({ title: answer.statusText }));
  return new ProblemError(answer.status, problem);
}

/**
 * @param {number} tries
 * @param {string | null} [retryAfter] seconds
 */
function waitFor(tries, retryAfter) {
  const seconds = Number(retryAfter);
  if (retryAfter && seconds >= 0) return Math.min(seconds * 1000, LONGEST_WAIT_MS);
  return backoff(tries, FIRST_WAIT_MS, LONGEST_WAIT_MS);
}

/**
 * How long to wait before the next try: twice as long each time, and by chance between half of it
 * and all of it, so that many pages do not come back at once.
 *
 * @param {number} tries from 1
 * @param {number} first milliseconds
 * @param {number} longest milliseconds
 */
export function backoff(tries, first, longest) {
  return Math.min(first * 2 ** (tries - 1), longest) * (0.5 + Math.random() / 2);
}

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * Who is signed in: OpenID Connect, authorization code with PKCE (RFC 7636), as a public client.
 *
 * Tokens are kept in this tab's sessionStorage and nowhere else. The ID token is sent to the API,
 * which verifies it; here its claims are only read, to decide what is shown.
 */

import { signal } from '@preact/signals';

import { loadConfig } from './config.js';
import { GROUPS, INCLUDED } from './groups.js';

/**
 * @typedef {object} Session
 * @property {string} name what the person is called
 * @property {string} propertyId
 * @property {import('./types').Group[]} groups
 * @property {string} idToken
 * @property {string} [refreshToken]
 * @property {number} endsAt when the ID token ends, by this machine's clock (epoch milliseconds)
 */

const KEPT = 'pitboss.session';
const UNDER_WAY = 'pitboss.sign-in';
const EARLY_MS = 120_000;
const AGAIN_MS = 5_000;

/** Null where nobody is signed in. */
export const session = signal(/** @type {Session | null} */ (null));

/** Why nobody is, in words; empty where there is nothing to say. */
export const notice = signal('');

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {Promise<boolean> | undefined} */
let renewing;

/**
 * Whether what is asked for is shown to who is signed in.
 *
 * @param {string} action as in `pitboss.access.Action`
 */
export function may(action) {
  return (session.value?.groups ?? []).some((group) => {
    const scopes = GROUPS[group] ?? [];
    return scopes.includes(action) || scopes.includes(INCLUDED[action]);
  });
}

/**
 * Take up the session of this tab, or the sign-in that comes back with a code.
 *
 * @returns {Promise<void>}
 */
export async function resume() {
  const answer = new URLSearchParams(location.search);
  if (answer.has('state') && (answer.has('code') || answer.has('error'))) {
    await comeBack(answer);
    return;
  }
  const kept = sessionStorage.getItem(KEPT);
  if (kept === null) return;
  /** @type {Session} */
  const before = JSON.parse(kept);
  session.value = before;
  if (before.endsAt - Date.now() < EARLY_MS / 4) await renew();
  else renewLater(before);
}

/** Go to the sign-in page; it comes back to where the page is now. */
export async function signIn() {
  const config = await loadConfig();
  const way = {
    state: random(),
    nonce: random(),
    verifier: random(),
    back: location.pathname + keptQuery() + location.hash,
  };
  sessionStorage.setItem(UNDER_WAY, JSON.stringify(way));
  const url = new URL(config.authorization_endpoint);
  url.search = String(
    new URLSearchParams({
      response_type: 'code',
      client_id: config.client_id,
      redirect_uri: config.redirect_uri,
      scope: 'openid',
      state: way.state,
      nonce: way.nonce,
      code_challenge: await challenge(way.verifier),
      code_challenge_method: 'S256',
    }),
  );
  const hint = new URLSearchParams(location.search).get('login_hint');
  if (hint) url.searchParams.set('login_hint', hint);
  location.assign(url);
}

/** Forget the tokens, here and at the sign-in page. */
export async function signOut() {
  const config = await loadConfig();
  end('You are signed out.');
  if (!config.end_session_endpoint) return;
  const url = new URL(config.end_session_endpoint);
  url.searchParams.set('client_id', config.client_id);
  url.searchParams.set('logout_uri', config.redirect_uri);
  location.assign(url);
}

/** Forget the tokens. @param {string} why in words */
export function end(why) {
  clearTimeout(timer);
  sessionStorage.removeItem(KEPT);
  notice.value = why;
  session.value = null;
}

/**
 * Get a new ID token; several callers share one.
 *
 * @returns {Promise<boolean>} whether there is one that counts; false has ended the session, or
 *   the sign-in could not be reached
 */
export function renew() {
  renewing ??= exchangeRefreshToken().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

/** @returns {Promise<boolean>} */
async function exchangeRefreshToken() {
  const before = session.value;
  if (before === null) return false;
  if (!before.refreshToken) {
    end('Your session has ended.');
    return false;
  }
  const config = await loadConfig();
  try {
    const tokens = await askForTokens(config, {
      grant_type: 'refresh_token',
      refresh_token: before.refreshToken,
    });
    keep(tokens, before.refreshToken);
    return true;
  } catch (error) {
    if (error instanceof RefusedError) {
      end('Your session has ended.');
    } else if (before.endsAt <= Date.now()) {
      end('Your session has ended, and the sign-in cannot be reached.');
    } else {
      timer = setTimeout(renew, AGAIN_MS);
    }
    return false;
  }
}

/** @param {URLSearchParams} answer */
async function comeBack(answer) {
  const kept = sessionStorage.getItem(UNDER_WAY);
  sessionStorage.removeItem(UNDER_WAY);
  const way = kept === null ? null : JSON.parse(kept);
  const isOurs = way !== null && way.state === answer.get('state');
  const { pathname } = location;
  // Neither the code nor the state stays in the address bar or in the history.
  history.replaceState(null, '', isOurs ? way.back : location.pathname);
  if (!isOurs) {
    notice.value = 'That sign-in was not begun here, or it was used before.';
    return;
  }
  const code = answer.get('code');
  if (code === null) {
    notice.value = `The sign-in was refused: ${answer.get('error_description') ?? answer.get('error')}.`;
    return;
  }
  const config = await loadConfig();
  try {
    const tokens = await askForTokens(config, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: config.redirect_uri,
      code_verifier: way.verifier,
    });
    if (claimsOf(tokens.id_token).nonce !== way.nonce) {
      notice.value = 'The sign-in answered another question than was asked.';
      return;
    }
    keep(tokens);
    if (location.pathname !== pathname) await leave();
  } catch (error) {
    notice.value = `The sign-in did not succeed: ${error instanceof Error ? error.message : error}.`;
  }
}

/** The sign-in was begun on another page than it comes back to: load that one. */
function leave() {
  location.reload();
  return new Promise(() => {});
}

class RefusedError extends Error {}

/**
 * @typedef {{id_token: string, refresh_token?: string, expires_in: number}} Tokens
 *
 * @param {import('./types').Config} config
 * @param {Record<string, string>} fields
 * @returns {Promise<Tokens>}
 */
async function askForTokens(config, fields) {
  const answer = await fetch(config.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ client_id: config.client_id, ...fields }),
  });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  if (answer.status < 500 && answer.status !== 429) {
    throw new RefusedError(body.error_description ?? body.error ?? `status ${answer.status}`);
  }
  throw new Error(`status ${answer.status}`);
}

/**
 * @param {Tokens} tokens
 * @param {string} [refreshToken] the one there was: an answer need not bring a new one
 */
function keep(tokens, refreshToken) {
  const claims = claimsOf(tokens.id_token);
  /** @type {Session} */
  const now = {
    name: claims.name ?? claims.email ?? claims['cognito:username'] ?? claims.sub,
    propertyId: claims['custom:property'] ?? '',
    groups: (claims['cognito:groups'] ?? []).filter((/** @type {string} */ one) => one in GROUPS),
    idToken: tokens.id_token,
    refreshToken: tokens.refresh_token ?? refreshToken,
    endsAt: Date.now() + tokens.expires_in * 1000,
  };
  sessionStorage.setItem(KEPT, JSON.stringify(now));
  notice.value = '';
  session.value = now;
  renewLater(now);
}

/** @param {Session} now */
function renewLater(now) {
  clearTimeout(timer);
  const left = now.endsAt - Date.now();
  timer = setTimeout(renew, Math.max(left - Math.min(EARLY_MS, left / 4), 1_000));
}

/** Of the page's own query, what is not the sign-in's. */
function keptQuery() {
  const query = new URLSearchParams(location.search);
  for (const name of ['code', 'state', 'error', 'error_description']) query.delete(name);
  return query.size ? `?${query}` : '';
}

/** @param {string} token */
function claimsOf(token) {
  const bytes = Uint8Array.from(
    atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')),
    (character) => character.charCodeAt(0),
  );
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** 256 random bits, base64url. */
function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {string} verifier */
async function challenge(verifier) {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(hash));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

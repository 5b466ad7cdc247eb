/** What is around the views of every page: the sign-in, the brand, who is signed in, and the theme. */

import { effect } from '@preact/signals';
import { render } from 'preact';
import { useState } from 'preact/hooks';

import { floor } from './floor.js';
import { html } from './html.js';
import { Failure } from './parts.js';
import { may, notice, resume, session, signIn, signOut } from './session.js';
import { choice, theme } from './theme.js';

/** Whether the page of games is shown to who is signed in. */
export function maySeeGames() {
  return may('metrics:read') && may('game-events:read');
}

/** Nobody is signed in. @param {{title: string, lead: string}} props */
export function SignIn({ title, lead }) {
  const [error, setError] = useState(/** @type {unknown} */ (null));
  return html`<main class="sign-in" id="main">
    <div class="sign-in-card">
      <${Brand} />
      <h1>${title}</h1>
      <p>${lead}</p>
      ${notice.value && html`<p class="notice" role="status">${notice.value}</p>`}
      <${Failure} error=${error} />
      <button
        type="button"
        class="btn primary large"
        id="sign-in"
        onClick=${() => signIn().catch(setError)}
      >
        Sign in
      </button>
      <p class="dim">With your account of the property. What you see follows from your groups.</p>
    </div>
  </main>`;
}

export function Brand() {
  return html`<span class="brand">
    <svg viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d="M10 1.5 18.5 10 10 18.5 1.5 10Z" />
      <circle cx="10" cy="10" r="2.6" />
    </svg>
    Pitboss
  </span>`;
}

/** The first stop of the keyboard. */
export function Skip() {
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>`;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** Holds the page still. @param {{hint?: string}} props `hint` is the key that does it too */
export function Pause({ hint = '' }) {
  const isPaused = floor.paused.value;
  return html`<button
    type="button"
    class="btn bar"
    aria-pressed=${isPaused}
    title=${`Hold the page still${hint}`}
    onClick=${() => {
      floor.paused.value = !isPaused;
    }}
  >
    <${Icon} path=${isPaused ? 'M5 3l9 5-9 5z' : 'M4 3h3v10H4zM9 3h3v10H9z'} />
    <span class="bar-word">${isPaused ? 'Go on' : 'Pause'}</span>
  </button>`;
}

/** Who is signed in, and their settings. @param {{children?: any}} props more of these */
export function Settings({ children }) {
  const themes = /** @type {const} */ (['system', 'light', 'dark']);
  const who = session.value;
  return html`<button type="button" class="btn bar" popovertarget="me" aria-label=${`${who?.name}: settings`}>
      <span class="initial" aria-hidden="true">${who?.name.charAt(0).toUpperCase()}</span>
    </button>
    <div id="me" popover class="menu">
      <p><strong>${who?.name}</strong></p>
      <p class="dim">${who?.groups.join(', ') || 'no group'} · ${who?.propertyId}</p>
      <fieldset class="segments">
        <legend>Colours</legend>
        ${themes.map(
          (one) => html`<button
            key=${one}
            type="button"
            aria-pressed=${choice.value === one}
            onClick=${() => {
              choice.value = one;
            }}
          >
            ${one}
          </button>`,
        )}
      </fieldset>
      ${children}
      <button type="button" class="btn quiet" id="sign-out" onClick=${() => void signOut()}>
        Sign out
      </button>
    </div>`;
}

/** @param {{path: string}} props */
export function Icon({ path }) {
  return html`<svg class="icon-16" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d=${path} />
  </svg>`;
}

/** Take up the session there is, and draw the page. @param {() => any} App */
export function begin(App) {
  effect(() => {
    document
      .querySelector('meta[name="theme-color"]')
      ?.setAttribute('content', theme.value === 'dark' ? '#0f1a15' : '#12382c');
  });
  resume()
    .catch((error) => {
      notice.value = `The page cannot begin: ${error instanceof Error ? error.message : error}`;
    })
    .finally(() => {
      const root = /** @type {HTMLElement} */ (document.getElementById('app'));
      root.replaceChildren();
      render(html`<${App} />`, root);
    });
}

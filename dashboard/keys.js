/** Keys, wherever the focus is. They can be switched off (WCAG 2.1.4); `help.js` lists them. */

import { signal } from '@preact/signals';

import { floor } from './floor.js';
import { kept } from './kept.js';
import { go, href, select, selection, VIEWS } from './route.js';
import { toggleTheme } from './theme.js';

const GO_MS = 1_500;

/** Whether the search is open. */
export const isSearching = signal(false);

/** What was typed while the search was on its way. */
export const typedAhead = signal('');

/** Whether the list of keys is open. */
export const isHelping = signal(false);

/** Whether keys of one character do anything. */
export const areOn = kept('keys', true);

/** @type {Record<string, () => void>} */
const KEYS = {
  '?': () => {
    isHelping.value = true;
  },
  '/': () => {
    typedAhead.value = '';
    isSearching.value = true;
  },
  '.': () => {
    floor.paused.value = !floor.paused.value;
  },
  k: () => document.getElementById('mark')?.click(),
  d: toggleTheme,
};

let wentAt = 0;

/** Listen for keys. @returns {() => void} stops it */
export function listen() {
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest('dialog')) return;
  const isAwaited = isSearching.value || isHelping.value; // the dialog is on its way
  if (event.key === 'Escape') {
    isSearching.value = false;
    isHelping.value = false;
    if (selection.value) {
      select('machine', '');
      event.preventDefault();
    }
    return;
  }
  if (isAwaited) {
    if (event.key.length === 1) typedAhead.value += event.key;
    event.preventDefault();
    return;
  }
  if (!areOn.value || target.closest('input, textarea, select, [contenteditable]')) return;
  if (event.key === 'g') {
    wentAt = event.timeStamp;
    return;
  }
  const isGoing = event.timeStamp - wentAt < GO_MS;
  wentAt = 0;
  const to = isGoing && VIEWS.find((one) => one.key === event.key);
  if (to) go(href(to.id));
  else if (!isGoing && KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
}

/** What this browser remembers of somebody's choices. It may be told to remember nothing. */

import { effect, signal } from '@preact/signals';

/**
 * A signal whose value is kept in localStorage.
 *
 * @template T
 * @param {string} name
 * @param {T} first
 * @returns {import('@preact/signals').Signal<T>}
 */
export function kept(name, first) {
  const key = `pitboss.${name}`;
  const value = signal(read(key, first));
  effect(() => {
    try {
      localStorage.setItem(key, JSON.stringify(value.value));
    } catch {
      // Full, or forbidden: it is remembered until the page is left.
    }
  });
  return value;
}

/**
 * @template T
 * @param {string} key
 * @param {T} first
 * @returns {T}
 */
function read(key, first) {
  try {
    const text = localStorage.getItem(key);
    return text === null ? first : JSON.parse(text);
  } catch {
    return first;
  }
}

/** What the page of games shows, in its address: `#application=space-race&type=caught`. */

import { signal } from '@preact/signals';

const query = signal(read());
window.addEventListener('hashchange', () => {
  query.value = read();
});

function read() {
  return new URLSearchParams(location.hash.replace(/^#/, ''));
}

/** A value of the address; empty where it has none. @param {string} name */
export function param(name) {
  return query.value.get(name) ?? '';
}

/** Keep choices in the address. @param {Record<string, string>} values empty ones are taken out */
export function setParams(values) {
  const next = new URLSearchParams(query.peek());
  for (const [name, value] of Object.entries(values)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  history.replaceState(null, '', `#${next}`);
  query.value = next;
}

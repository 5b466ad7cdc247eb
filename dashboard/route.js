/**
 * What the page shows, in its address: `#/players?machine=1940732&sort=worth`. So every view and
 * selection can be sent to somebody, and the back button goes to the one before.
 */

import { computed, signal } from '@preact/signals';

/** @typedef {'floor' | 'players' | 'machines' | 'alerts' | 'time'} View */

/** @type {readonly {id: View, name: string, key: string}[]} */
export const VIEWS = [
  { id: 'floor', name: 'Floor', key: 'f' },
  { id: 'players', name: 'Players', key: 'p' },
  { id: 'machines', name: 'Machines', key: 'm' },
  { id: 'alerts', name: 'Alerts', key: 'a' },
  { id: 'time', name: 'Time', key: 't' },
];

/** What a selection is of; one at a time. */
const SELECTIONS = ['machine', 'player', 'shuffler'];

const hash = signal(location.hash);
window.addEventListener('popstate', () => {
  hash.value = location.hash;
});

const route = computed(() => {
  const [path, query = ''] = hash.value.replace(/^#?\/?/, '').split('?');
  const view = VIEWS.find((one) => one.id === path)?.id ?? 'floor';
  return { view, query: new URLSearchParams(query) };
});

/** The view that is shown. */
export const view = computed(() => route.value.view);

/** What is selected: of which kind, and its id; null where nothing is. */
export const selection = computed(() => {
  for (const kind of SELECTIONS) {
    const id = route.value.query.get(kind);
    if (id) return { kind, id };
  }
  return null;
});

/** A value of the address. @param {string} name */
export function param(name) {
  return route.value.query.get(name) ?? '';
}

/**
 * The address of a view, with what is selected there and with nothing else.
 *
 * @param {View} to
 * @param {Record<string, string>} [query]
 */
export function href(to, query = {}) {
  const text = String(new URLSearchParams(query));
  return `#/${to}${text ? `?${text}` : ''}`;
}

/** Go to an address: a new entry of the history. @param {string} to as `href` makes it */
export function go(to) {
  if (to === location.hash) return;
  history.pushState(null, '', to);
  hash.value = to;
}

/**
 * Select something in the view that is shown, or nothing.
 *
 * @param {'machine' | 'player' | 'shuffler'} kind
 * @param {string} id empty for nothing
 */
export function select(kind, id) {
  const query = Object.fromEntries(route.value.query);
  for (const one of SELECTIONS) delete query[one];
  if (id) query[kind] = id;
  go(href(route.value.view, query));
}

/**
 * Keep a choice of the view in the address (a sort order, a filter), without a new entry.
 *
 * @param {Record<string, string>} values empty ones are taken out
 */
export function setParams(values) {
  const query = Object.fromEntries(route.value.query);
  for (const [name, value] of Object.entries(values)) {
    if (value) query[name] = value;
    else delete query[name];
  }
  const to = href(route.value.view, query);
  history.replaceState(null, '', to);
  hash.value = to;
}

/** Follow links within the page without loading it again. @param {MouseEvent} event */
export function follow(event) {
  const link = /** @type {Element} */ (event.target).closest('a[href^="#/"]');
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(/** @type {string} */ (link.getAttribute('href')));
}

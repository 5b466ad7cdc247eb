/** Find a machine, a player or a table by what it is called. */

import { useMemo, useState } from 'preact/hooks';

import { floor } from './floor.js';
import { html } from './html.js';
import { isSearching, typedAhead } from './keys.js';
import { Dialog } from './parts.js';
import { select } from './route.js';
import { may } from './session.js';

const MOST = 12;

/** @typedef {{kind: 'machine' | 'player' | 'shuffler', id: string, name: string, where: string}} Found */

/** @returns {Found[]} what can be found now */
function everything() {
  /** @type {Map<string, Found>} */
  const all = new Map();
  for (const place of floor.plan.value?.places ?? []) {
    if (place.kind === 'table') continue;
    if (place.kind === 'shuffler' && !may('shufflers:read')) continue;
    const where = [place.zone, place.bank, place.table_id && `table ${place.table_id}`];
    all.set(place.asset_id, {
      kind: place.kind,
      id: place.asset_id,
      name: place.label || place.asset_id,
      where: where.filter(Boolean).join(', '),
    });
  }
  const seesPlayers = may('ratings:read');
  for (const { asset_id, sums } of floor.machines.values()) {
    if (!all.has(asset_id)) all.set(asset_id, { kind: 'machine', id: asset_id, name: asset_id, where: '' });
    if (sums?.player_id && seesPlayers && !sums.is_employee) {
      all.set(`player ${sums.player_id}`, {
        kind: 'player',
        id: sums.player_id,
        name: sums.player_id,
        where: `at ${all.get(asset_id)?.name ?? asset_id}`,
      });
    }
  }
  return [...all.values()];
}

/** The dialog: a combobox with a list of what is found (ARIA 1.2). */
export function Search() {
  const [text, setText] = useState(() => typedAhead.peek());
  const [at, setAt] = useState(0);
  const all = useMemo(everything, []);
  const close = () => {
    typedAhead.value = '';
    isSearching.value = false;
  };
  const wanted = text.trim().toLowerCase();
  const found = wanted
    ? all
        .filter(({ id, name, where }) => `${id} ${name} ${where}`.toLowerCase().includes(wanted))
        .sort((a, b) => rank(a, wanted) - rank(b, wanted))
        .slice(0, MOST)
    : [];

  /** @param {Found | undefined} one */
  function open(one) {
    if (!one) return;
    close();
    // The dialog gives the focus back first; then the details take it.
    queueMicrotask(() => select(one.kind, one.id));
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === 'ArrowDown') setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0));
    else if (event.key === 'Enter') open(found[at]);
    else return;
    event.preventDefault();
  }

  return html`<${Dialog} title="Find" kind="search" onClose=${close}>
    <input
      class="search-input"
      type="text"
      role="combobox"
      aria-label=${may('ratings:read') ? 'A machine, shuffler or player' : 'A machine or shuffler'}
      aria-expanded=${found.length > 0}
      aria-controls="search-list"
      aria-autocomplete="list"
      aria-activedescendant=${found.length ? `found-${at}` : undefined}
      autocomplete="off"
      spellcheck="false"
      autofocus
      placeholder=${may('ratings:read') ? 'Machine, bank, shuffler or player' : 'Machine, bank or shuffler'}
      value=${text}
      onInput=${(/** @type {any} */ event) => {
        setText(event.currentTarget.value);
        setAt(0);
      }}
      onKeyDown=${onKey}
    />
    <ul id="search-list" class="search-list" role="listbox" aria-label="Found">
      ${found.map(
        (one, i) => html`<li
          key=${`${one.kind} ${one.id}`}
          id=${`found-${i}`}
          role="option"
          aria-selected=${i === at}
          onClick=${() => open(one)}
        >
          <span class="dim">${one.kind}</span> <strong>${one.name}</strong>
          ${one.name !== one.id && html`${' '}<span class="dim">${one.id}</span>`}
          <span class="dim search-where">${one.where}</span>
        </li>`,
      )}
    </ul>
    ${wanted && found.length === 0 && html`<p class="empty" role="status">Nothing is called so.</p>`}
  <//>`;
}

/** What begins so comes first. @param {Found} found @param {string} wanted */
function rank(found, wanted) {
  if (found.id.toLowerCase() === wanted || found.name.toLowerCase() === wanted) return 0;
  return found.id.toLowerCase().startsWith(wanted) || found.name.toLowerCase().startsWith(wanted) ? 1 : 2;
}

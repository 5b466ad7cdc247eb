/** The page: who is signed in, which view is shown, and what is open beside it. */

import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { AlertsRail, AlertsView, CriticalAlerts, lasting, open } from './alerts.js';
import { Announcements } from './announce.js';
import { loadConfig } from './config.js';
import { clear, floor } from './floor.js';
import { clock, count, duration, plural } from './format.js';
import { html } from './html.js';
import { isHelping, isSearching, listen } from './keys.js';
import { attempts, failure, retryAt, startLive } from './live.js';
import { FloorMap } from './map/floor-map.js';
import { Freshness, Lazy } from './parts.js';
import { follow, href, select, selection, view, VIEWS } from './route.js';
import { may, session } from './session.js';
import { begin, Brand, Icon, maySeeGames, Pause, Settings, SignIn, Skip } from './shell.js';
import { isKiosk } from './theme.js';
import { Tiles } from './tiles.js';

/** @typedef {import('./route.js').View} View */

/** @type {Record<string, () => Promise<any>>} */
const DETAILS = {
  machine: () => import('./details/machine.js').then((module) => module.MachineDetails),
  player: () => import('./details/player.js').then((module) => module.PlayerDetails),
  shuffler: () => import('./details/shuffler.js').then((module) => module.ShufflerDetails),
};

/** @type {Record<string, () => Promise<any>>} */
const MORE = {
  players: () => import('./players.js').then((module) => module.PlayersView),
  machines: () => import('./machines.js').then((module) => module.MachinesView),
  time: () => import('./history.js').then((module) => module.TimeView),
  search: () => import('./search.js').then((module) => module.Search),
  help: () => import('./help.js').then((module) => module.Help),
};

function App() {
  if (session.value === null) {
    return html`<${SignIn}
      title="The live floor"
      lead="What every machine does now, who plays, and what wants attention."
    />`;
  }
  return html`<${Shell} key=${session.value.name} />`;
}

/** Somebody is. */
function Shell() {
  useEffect(() => {
    let stop = () => {};
    let isGone = false;
    loadConfig().then((config) => {
      if (!isGone) stop = startLive(config.live_url);
    });
    const deaf = listen();
    return () => {
      isGone = true;
      stop();
      deaf();
      clear();
    };
  }, []);
  const isStale = floor.connection.value === 'stale' || (floor.connection.value === 'offline' && isOld());
  return html`<div class="shell" onClick=${follow}>
    <${Skip} />
    <${Header} />
    <${Banner} />
    <div class=${`body ${selection.value ? 'has-drawer' : ''}`}>
      <main id="main" tabindex="-1" class=${`view is-${view.value} ${isStale ? 'is-stale' : ''}`}>
        <h1 class="visually-hidden">${VIEWS.find((one) => one.id === view.value)?.name}</h1>
        <${ViewOf} view=${view.value} />
      </main>
      <${Drawer} />
    </div>
    ${isHelping.value && html`<${Lazy} key="help" load=${MORE.help} meanwhile=${null} />`}
    ${isSearching.value && html`<${Lazy} key="search" load=${MORE.search} meanwhile=${null} />`}
    <${CriticalAlerts} />
    <${Announcements} />
  </div>`;
}

function isOld() {
  return floor.at.value > 0 && floor.clock.value - floor.at.value > 30_000;
}

/** @param {{view: View}} props */
function ViewOf({ view: shown }) {
  if (shown === 'alerts') return html`<${AlertsView} />`;
  if (MORE[shown]) return html`<${Lazy} key=${shown} load=${MORE[shown]} ...${choices()} />`;
  return html`<${Tiles} />
    <div class="floor-grid">
      <section class="panel map-panel" aria-labelledby="map-title">
        <h2 id="map-title" class="visually-hidden">Map</h2>
        <${FloorMap} ...${choices()} aside=${html`<${Age} />`} />
      </section>
      <${AlertsRail} />
    </div>`;
}

/** How old the floor is that is shown. */
function Age() {
  return html`<${Freshness} at=${floor.at.value} isPaused=${floor.paused.value} />`;
}

/** What is selected, for those who show it, and how they select something else. */
function choices() {
  return {
    selected: selection.value?.id ?? '',
    onSelect: /** @type {(id: string, kind?: string) => void} */ (
      (id, kind = 'machine') => {
        if (kind === 'machine' || kind === 'shuffler') select(kind, id);
      }
    ),
    onPlayer: /** @type {(id: string) => void} */ ((id) => select('player', id)),
  };
}

function Header() {
  return html`<header class="top">
    <${Brand} />
    <span class="property">
      ${floor.propertyId.value}<span class="dim num">${' '}${floor.gamingDay.value}</span>
    </span>
    <nav class="views" aria-label="Views">
      ${VIEWS.map(
        (one) => html`<a
          key=${one.id}
          href=${href(one.id)}
          aria-current=${view.value === one.id ? 'page' : undefined}
        >
          ${one.name}
          ${one.id === 'alerts' &&
          open.value.length > 0 &&
          html`<span class="count num"
            >${count(open.value.length)}<span class="visually-hidden">${' '}open</span></span
          >`}
        </a>`,
      )}
      ${maySeeGames() && html`<a href="games.html">Games</a>`}
    </nav>
    <div class="top-end">
      <${LiveState} />
      ${!isKiosk && html`<${Controls} />`}
    </div>
  </header>`;
}

const LIVE_WORDS = {
  connecting: 'Connecting',
  live: 'Live',
  stale: 'Stale',
  offline: 'Reconnecting',
};

/** Whether the page is live, in a word. */
function LiveState() {
  const state = floor.paused.value ? 'paused' : floor.connection.value;
  const word = state === 'paused' ? 'Paused' : LIVE_WORDS[state];
  return html`<span class=${`live is-${state}`}>
    <span class="live-dot" aria-hidden="true"></span>${word}
    ${attempts.value > 1 && html`<span class="num">${' '}${attempts.value}</span>`}
  </span>`;
}

function Controls() {
  return html`<${Pause} hint=" ( . )" />
    <button
      type="button"
      class="btn bar"
      title="Find ( / )"
      aria-label="Find"
      onClick=${() => {
        isSearching.value = true;
      }}
    >
      <${Icon} path="M7 2a5 5 0 103 9l4 4 1-1-4-4a5 5 0 00-4-8zm0 1.5a3.5 3.5 0 110 7 3.5 3.5 0 010-7z" />
    </button>
    <${Settings}>
      <button
        type="button"
        class="btn quiet"
        popovertarget="me"
        popovertargetaction="hide"
        onClick=${() => {
          isHelping.value = true;
        }}
      >
        Keys <kbd>?</kbd>
      </button>
      <a class="btn quiet" href="?kiosk=1">On a wall</a>
    <//>`;
}

/** What is said where the page is not live. */
function Banner() {
  const { value: connection } = floor.connection;
  const now = floor.clock.value;
  const isOffline = connection === 'offline' && attempts.value > 0;
  if (!isOffline && connection !== 'stale' && !failure.value) return null;
  const age = floor.at.value ? `What you see is as of ${clock(floor.at.value)}, ${duration(now - floor.at.value)} ago.` : '';
  const wait = Math.max(Math.ceil((retryAt.value - Date.now()) / 1000), 0);
  return html`<div class=${`banner ${connection === 'stale' || isOld() ? 'is-stale' : ''}`} role="status">
    <p>
      <strong>
        ${isOffline
          ? 'The live connection is lost.'
          : connection === 'stale'
            ? 'Nothing new has come for a while.'
            : 'The floor cannot be read.'}
      </strong>
      ${' '}${age}
      ${isOffline &&
      html`${' '}<span class="num" aria-live="off">
        ${plural(attempts.value, 'try', 'tries')}${wait > 0 ? `, the next in ${wait} s` : ', trying now'}.
      </span>`}
      ${failure.value && html`${' '}<span>${failure.value.message}</span>`}
    </p>
  </div>`;
}

/** What is selected, beside the view. */
function Drawer() {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const before = useRef(/** @type {Element | null} */ (null));
  const chosen = selection.value;
  const key = chosen && `${chosen.kind} ${chosen.id}`;
  useEffect(() => {
    if (!key) {
      if (before.current === null) return;
      const isThere = before.current.isConnected && before.current !== document.body;
      const back = isThere ? before.current : document.getElementById('main');
      before.current = null;
      /** @type {HTMLElement} */ (back).focus({ preventScroll: true });
      return;
    }
    before.current ??= document.activeElement;
    element.current?.focus({ preventScroll: true });
  }, [key]);
  if (!chosen) return null;
  const close = () => select('machine', '');
  const load = DETAILS[chosen.kind];
  const props = {
    machine: { assetId: chosen.id },
    shuffler: { assetId: chosen.id },
    player: { playerId: chosen.id },
  }[chosen.kind];
  return html`<aside class="drawer" ref=${element} tabindex="-1" aria-labelledby="drawer-title">
    <button type="button" class="btn quiet icon drawer-close" onClick=${close} aria-label="Close details">
      <span aria-hidden="true">✕</span>
    </button>
    ${chosen.kind === 'player' && !may('ratings:read')
      ? html`<h2 id="drawer-title">Player</h2>
          <p class="empty">Who plays is not shown to your groups.</p>`
      : html`<${Lazy}
          key=${key}
          load=${load}
          ...${props}
          onClose=${close}
          onPlayer=${(/** @type {string} */ id) => select('player', id)}
          onMachine=${(/** @type {string} */ id) => select('machine', id)}
        />`}
  </aside>`;
}

effect(() => {
  const name = VIEWS.find((one) => one.id === view.value)?.name;
  const alerts = session.value ? lasting.value.length : 0;
  document.title = `${alerts > 0 ? `(${alerts}) ` : ''}${session.value ? `${name} · ` : ''}Pitboss`;
});

begin(App);

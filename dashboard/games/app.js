/** The page of games: live metrics, heat maps, and how fresh the tiers of events are. */

import { effect } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { clear, floor, tick } from '../floor.js';
import { html } from '../html.js';
import { Failure } from '../parts.js';
import { session } from '../session.js';
import { begin, Brand, maySeeGames, Pause, Settings, SignIn, Skip } from '../shell.js';
import { param, setParams } from './address.js';
import { FreshnessPanel } from './freshness.js';
import { HeatMapPanel } from './heat-map.js';
import { MetricsPanel } from './metrics.js';
import { useReading } from './reading.js';

/** The lake is listed for it. */
const FRESHNESS_EVERY_MS = 30_000;

function App() {
  if (session.value === null) {
    return html`<${SignIn} title="Games" lead="What games measure now, where on their levels things happen, and how fresh all of it is." />`;
  }
  return html`<${Shell} key=${session.value.name} />`;
}

/** Somebody is signed in. */
function Shell() {
  useEffect(() => {
    const timer = setInterval(tick, 1_000);
    return () => {
      clearInterval(timer);
      clear();
    };
  }, []);
  return html`<div class="shell">
    <${Skip} />
    <header class="top">
      <${Brand} />
      <span class="property">${session.value?.propertyId}</span>
      <nav class="views" aria-label="Views">
        <a href="./">Floor</a>
        ${maySeeGames() && html`<a href="games.html" aria-current="page">Games</a>`}
      </nav>
      <div class="top-end"><${Pause} /><${Settings} /></div>
    </header>
    <main id="main" tabindex="-1" class="view">
      <h1 class="visually-hidden">Games</h1>
      ${maySeeGames() ? html`<${Games} />` : html`<${NotShown} />`}
    </main>
  </div>`;
}

function NotShown() {
  const groups = session.value?.groups.join(', ') || 'none';
  return html`<section class="panel is-narrow">
    <h2>Games are not shown to your groups</h2>
    <p class="empty">
      Analysts and administrators see them; yours: ${groups}. Ask an administrator if you should.
      ${' '}<a href="./">To the floor</a>
    </p>
  </section>`;
}

function Games() {
  const reading = useReading('/game-events/freshness', FRESHNESS_EVERY_MS);
  /** Those that had events, and the one of the address, which may have had none. */
  const wanted = param('application');
  const known = (reading.body?.applications ?? []).map((/** @type {any} */ one) => one.application_id);
  const all = [...new Set(wanted ? [...known, wanted] : known)].sort();
  const application = wanted || all[0];
  if (!application) {
    return html`<${Failure} error=${reading.error} />
      ${reading.body
        ? html`<section class="panel is-narrow">
            <h2>No game sent anything in the last 7 days</h2>
            <p class="empty">
              <code>pitboss apps add NAME --property ${session.value?.propertyId}</code> registers an application;
              what it sends is here within seconds.
            </p>
          </section>`
        : !reading.error && html`<p class="empty" role="status">Reading …</p>`}`;
  }
  return html`<div class="panel-bar games-bar">
      <label>
        Application
        <select
          onChange=${(/** @type {any} */ event) => {
            // What was asked of one application's levels says nothing of another's.
            setParams({ application: event.currentTarget.value, type: '', level: '', bounds: '', before: '', after: '' });
          }}
        >
          ${all.map((one) => html`<option key=${one} value=${one} selected=${one === application}>${one}</option>`)}
        </select>
      </label>
    </div>
    <${MetricsPanel} key=${`metrics ${application}`} application=${application} />
    <${HeatMapPanel} key=${`heat ${application}`} application=${application} />
    <${FreshnessPanel} application=${application} reading=${reading} />`;
}

effect(() => {
  document.title = `${floor.paused.value ? 'Paused · ' : ''}Games · Pitboss`;
});

begin(App);

/** What wants attention: by severity and age, until somebody acknowledges it. */

import { computed, effect } from '@preact/signals';
import { useState } from 'preact/hooks';

import { post } from './api.js';
import { apply, floor, serverNow } from './floor.js';
import { clock, count, day, duration, plural } from './format.js';
import { html } from './html.js';
import { kept } from './kept.js';
import { Dialog, Failure, Freshness, Panel, Toggle } from './parts.js';
import { href, param, setParams, view } from './route.js';
import { may } from './session.js';
import { isKiosk } from './theme.js';

/** @typedef {import('./types').Alert} Alert */

const RANK = { critical: 0, warning: 1, notice: 2 };
/** Alerts beside the map. */
const SHORTLY = 30;

const MARKS = { critical: '◆', warning: '▲', notice: '●' };

const isSounding = kept('sound', false);

/**
 * Those that nobody acknowledged: what still lasts before what is over, the most severe first, and
 * of those the oldest.
 */
export const open = computed(() =>
  floor.alerts.value
    .filter((alert) => alert.acknowledged_at == null)
    .sort(
      (a, b) =>
        Number(a.cleared_at != null) - Number(b.cleared_at != null) ||
        RANK[a.severity] - RANK[b.severity] ||
        a.raised_at - b.raised_at,
    ),
);

/** Of them, those that are not over by themselves. */
export const lasting = computed(() => open.value.filter((alert) => alert.cleared_at == null));

const critical = computed(() => lasting.value.filter((alert) => alert.severity === 'critical'));

/** @type {Set<string>} */
let heard = new Set();

/** Make a sound for a critical alert that was not there before, where that is wanted. */
effect(() => {
  const now = new Set(critical.value.map((alert) => alert.alert_id));
  const isNew = [...now].some((id) => !heard.has(id));
  heard = now;
  if (isNew && isSounding.peek()) sound();
});

function sound() {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.12, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.6);
  tone.connect(volume).connect(context.destination);
  tone.onended = () => void context.close();
  tone.start();
  tone.stop(context.currentTime + 0.6);
}

/** Says critical alerts aloud; what is not critical waits to be looked at. */
export function CriticalAlerts() {
  return html`<div class="visually-hidden" role="alert">
    ${critical.value.slice(0, 3).map((alert) => html`<p key=${alert.alert_id}>${titleOf(alert)}</p>`)}
  </div>`;
}

/** Beside the map: what is open, shortly. */
export function AlertsRail() {
  const alerts = open.value;
  return html`<${Panel}
    id="rail-title"
    title="Alerts"
    kind="rail"
    aside=${html`<${Freshness} at=${floor.at.value} isPaused=${floor.paused.value} />`}
  >
    ${alerts.length === 0
      ? html`<p class="empty">Nothing wants attention.</p>`
      : html`<ul class="alerts is-short">
          ${alerts.slice(0, SHORTLY).map((alert) => html`<${AlertItem} key=${alert.alert_id} alert=${alert} isShort />`)}
        </ul>`}
    ${alerts.length > SHORTLY &&
    html`<p class="rail-more"><a href=${href('alerts')}>All ${count(alerts.length)} alerts</a></p>`}
  <//>`;
}

/** The view. */
export function AlertsView() {
  const shown = param('show') || 'open';
  const done = floor.alerts.value
    .filter((alert) => alert.acknowledged_at != null)
    .sort((a, b) => (b.acknowledged_at ?? 0) - (a.acknowledged_at ?? 0));
  const alerts = shown === 'done' ? done : open.value;
  return html`<${Panel}
    id="alerts-title"
    title="Alerts"
    kind="is-narrow"
    aside=${html`<${Freshness} at=${floor.at.value} isPaused=${floor.paused.value} />`}
  >
    <div class="panel-bar">
      <div class="segments" role="group" aria-label="Which alerts">
        ${[
          ['open', `Open ${count(open.value.length)}`],
          ['done', `Acknowledged ${count(done.length)}`],
        ].map(
          ([id, name]) => html`<button
            key=${id}
            type="button"
            aria-pressed=${shown === id}
            onClick=${() => setParams({ show: id === 'open' ? '' : id })}
          >
            ${name}
          </button>`,
        )}
      </div>
      <${Toggle}
        isOn=${isSounding.value}
        onChange=${(/** @type {boolean} */ isOn) => {
          isSounding.value = isOn;
          if (isOn) sound();
        }}
      >
        Sound on critical: ${isSounding.value ? 'on' : 'off'}
      <//>
    </div>
    ${alerts.length === 0
      ? html`<p class="empty">
          ${shown === 'done' ? 'Nothing was acknowledged lately.' : 'Nothing wants attention.'}
        </p>`
      : html`<ul class="alerts">
          ${alerts.slice(0, 200).map((alert) => html`<${AlertItem} key=${alert.alert_id} alert=${alert} />`)}
        </ul>`}
  <//>`;
}

/** @param {{alert: Alert, isShort?: boolean}} props */
function AlertItem({ alert, isShort = false }) {
  const [isAnswering, setAnswering] = useState(false);
  const now = floor.now.value;
  const isDone = alert.acknowledged_at != null;
  return html`<li class=${`alert is-${alert.severity} ${alert.cleared_at ? 'is-over' : ''}`}>
    <span class="alert-mark" aria-hidden="true">${MARKS[alert.severity]}</span>
    <div class="alert-text">
      <p class="alert-title">
        <span class="visually-hidden">${alert.severity}: </span>
        ${nameOf(alert.kind)}
        ${alert.asset_id &&
        html`${' '}<a href=${href(view.value, { machine: alert.asset_id })}>${alert.asset_id}</a>`}
      </p>
      <p class="alert-detail">${alert.detail}</p>
      ${!isShort &&
      html`<p class="dim">
        <span class="num">Raised ${day(alert.raised_at)}, ${clock(alert.raised_at)}</span>
        ${alert.cleared_at && html`<span class="num"> · over since ${clock(alert.cleared_at)}</span>`}
        ${isDone &&
        html`<span class="num"> · acknowledged ${clock(alert.acknowledged_at)} by ${alert.acknowledged_by}</span>`}
        ${alert.runbook && html` · runbook <code>${alert.runbook}</code>`}
      </p>`}
      ${!isShort && alert.note && html`<blockquote class="alert-note">${alert.note}</blockquote>`}
    </div>
    <div class="alert-end">
      <span class="num alert-age" title=${clock(alert.raised_at)}>
        ${alert.cleared_at ? 'over' : duration(now - alert.raised_at)}
      </span>
      ${!isDone &&
      !isKiosk &&
      may('alerts:answer') &&
      html`<button
        class="btn small quiet"
        type="button"
        onClick=${() => setAnswering(true)}
        aria-label=${`Acknowledge: ${titleOf(alert)}`}
      >
        ${isShort ? 'Ack' : 'Acknowledge'}
      </button>`}
    </div>
    ${isAnswering && html`<${AcknowledgeDialog} alert=${alert} onClose=${() => setAnswering(false)} />`}
  </li>`;
}

/** @param {{alert: Alert, onClose: () => void}} props */
function AcknowledgeDialog({ alert, onClose }) {
  const [note, setNote] = useState('');
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isSending, setSending] = useState(false);

  /** @param {Event} event */
  async function send(event) {
    event.preventDefault();
    setSending(true);
    setError(null);
    try {
      const path = `/alerts/${encodeURIComponent(alert.alert_id)}/acknowledge`;
      const answer = await post(path, { note: note.trim() });
      apply({ at: serverNow(), alerts: [answer.alert ?? answer] });
      onClose();
    } catch (fault) {
      setError(fault);
      setSending(false);
    }
  }

  return html`<${Dialog} title="Acknowledge" onClose=${onClose}>
    <form class="form" onSubmit=${send}>
      <p><strong>${titleOf(alert)}</strong><br />${alert.detail}</p>
      <label>
        Note
        <textarea
          name="note"
          rows="3"
          maxlength="500"
          placeholder="What is done about it, and by whom"
          value=${note}
          onInput=${(/** @type {any} */ event) => setNote(event.currentTarget.value)}
        ></textarea>
      </label>
      <p class="dim">Your name and the time are kept with it.</p>
      <${Failure} error=${error} />
      <div class="form-end">
        <button class="btn quiet" type="button" onClick=${onClose}>Cancel</button>
        <button class="btn primary" type="submit" disabled=${isSending}>Acknowledge</button>
      </div>
    </form>
  <//>`;
}

const NAMES = {
  handpay: 'Hand-pay',
  door: 'Door open',
  tilt: 'Tilt',
  service: 'Service',
  overflow: 'Events lost',
  no_comms: 'No communication',
};

/** A fault's name, or a CloudWatch alarm's logical id in words. @param {string} kind */
export function nameOf(kind) {
  const known = /** @type {Record<string, string>} */ (NAMES)[kind];
  if (known) return known;
  const text = kind.replace(/Alarm$/, '').replaceAll('_', ' ').replace(/([a-z])([A-Z])/g, '$1 $2');
  return text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();
}

/** @param {Alert} alert */
function titleOf(alert) {
  return `${nameOf(alert.kind)}${alert.asset_id ? ` at ${alert.asset_id}` : ''}`;
}

/** How many there are, in words: for the live region. */
export function inWords() {
  return plural(lasting.value.length, 'alert');
}


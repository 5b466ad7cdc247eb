/** Parts that several views are made of. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { ProblemError } from './api.js';
import { floor } from './floor.js';
import { clock, duration } from './format.js';
import { html } from './html.js';
import { isKiosk } from './theme.js';

const OLD_MS = 5_000;
const STALE_MS = 30_000;

/**
 * How old what stands beside it is.
 *
 * @param {object} props
 * @param {number} props.at when it was made, by the server's clock (epoch milliseconds); 0 for never
 * @param {number} [props.every] how often it is made, milliseconds: so old is not old yet
 * @param {boolean} [props.isPaused] whether it is held still on purpose
 */
export function Freshness({ at, every = 0, isPaused = false }) {
  if (at === 0) return html`<span class="fresh is-stale">not read yet</span>`;
  const age = Math.max(floor.clock.value - at, 0);
  const grade = isPaused
    ? 'is-paused'
    : age > every + STALE_MS
      ? 'is-stale'
      : age > every + OLD_MS
        ? 'is-old'
        : 'is-fresh';
  const word = isPaused ? 'paused' : grade === 'is-stale' ? 'stale' : grade === 'is-old' ? 'late' : '';
  return html`<span class=${`fresh num ${grade}`}>
    <span class="fresh-dot" aria-hidden="true"></span>
    as of ${clock(at)}, ${duration(age)}${word && html` <strong>${word}</strong>`}
  </span>`;
}

/**
 * What went wrong, as the API says it.
 *
 * @param {object} props
 * @param {unknown} props.error
 * @param {() => void} [props.retry]
 */
export function Failure({ error, retry }) {
  if (!error) return null;
  const { status, problem } = error instanceof ProblemError ? error : { status: 0, problem: {} };
  return html`<div class="failure" role="alert">
    <p>
      <strong>${problem.title ?? 'That did not work'}${status ? ` (${status})` : ''}</strong>
      ${' '}${error instanceof Error && error.message !== problem.title ? error.message : ''}
    </p>
    ${problem.correlation_id &&
    html`<p class="dim">Correlation id <code>${problem.correlation_id}</code></p>`}
    ${retry && html`<button class="btn" type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/**
 * A part that is loaded when it is shown first.
 *
 * @param {{load: () => Promise<any>, meanwhile?: any, [more: string]: any}} props `meanwhile` is
 *   shown until it is there; what is more is given to it
 */
export function Lazy({ load, meanwhile = html`<p class="empty">Loading.</p>`, ...props }) {
  const [part, setPart] = useState(/** @type {{of: unknown, Part: any} | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const attempt = () => {
    setError(null);
    load().then((Part) => setPart({ of: load, Part }), setError);
  };
  useEffect(attempt, [load]);
  if (error) return html`<${Failure} error=${error} retry=${attempt} />`;
  if (part === null || part.of !== load) return meanwhile;
  return html`<${part.Part} ...${props} />`;
}

/**
 * A modal dialog; it is closed by Escape too.
 *
 * @param {object} props
 * @param {string} props.title
 * @param {() => void} props.onClose
 * @param {string} [props.kind] a class
 * @param {any} props.children
 */
export function Dialog({ title, onClose, kind = '', children }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return html`<dialog
    ref=${element}
    class=${`dialog ${kind}`}
    aria-labelledby="dialog-title"
    onCancel=${(/** @type {Event} */ event) => {
      event.preventDefault();
      onClose();
    }}
    onClick=${(/** @type {Event} */ event) => {
      if (event.target === element.current) onClose();
    }}
  >
    <div class="dialog-body">
      <header class="dialog-head">
        <h2 id="dialog-title">${title}</h2>
        <button class="btn quiet icon" type="button" onClick=${onClose} aria-label="Close">
          <span aria-hidden="true">✕</span>
        </button>
      </header>
      ${children}
    </div>
  </dialog>`;
}

/**
 * A part of a view with a head.
 *
 * @param {object} props
 * @param {string} props.id
 * @param {string} props.title
 * @param {any} [props.aside] beside the title
 * @param {string} [props.kind] a class
 * @param {any} props.children
 */
export function Panel({ id, title, aside, kind = '', children }) {
  return html`<section class=${`panel ${kind}`} aria-labelledby=${id}>
    <header class="panel-head">
      <h2 id=${id}>${title}</h2>
      <div class="panel-aside">${aside}</div>
    </header>
    ${children}
  </section>`;
}

/**
 * A toggle.
 *
 * @param {object} props
 * @param {boolean} props.isOn
 * @param {(isOn: boolean) => void} props.onChange
 * @param {any} props.children
 */
export function Toggle({ isOn, onChange, children }) {
  if (isKiosk) return null;
  return html`<button
    class="btn quiet toggle"
    type="button"
    aria-pressed=${isOn}
    onClick=${() => onChange(!isOn)}
  >
    ${children}
  </button>`;
}

/**
 * A small line without axes, beside the number that it leads to.
 *
 * @param {object} props
 * @param {number[]} props.at where each value stands, ascending
 * @param {number[]} props.values
 * @param {number} [props.first] where the line could begin at the left
 */
export function Spark({ at, values, first = at[0] }) {
  if (values.length < 2) return null;
  const low = Math.min(...values, 0);
  const high = Math.max(...values, 0);
  const wide = at[at.length - 1] - first;
  const path = values
    .map((value, i) => {
      const x = 2 + (92 * (at[i] - first)) / wide;
      return `${x.toFixed(1)},${(26 - (23 * (value - low)) / (high - low || 1)).toFixed(1)}`;
    })
    .join(' ');
  const [x, y] = path.slice(path.lastIndexOf(' ') + 1).split(',');
  return html`<svg class="spark" viewBox="0 0 98 28" aria-hidden="true" focusable="false">
    <line x1="0" x2="98" y1="27.5" y2="27.5" class="spark-base" />
    <polyline points=${path} class="spark-line" />
    <circle cx=${x} cy=${y} r="2.5" class="spark-end" />
  </svg>`;
}

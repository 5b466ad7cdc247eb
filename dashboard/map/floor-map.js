/** The floor map with all that belongs to it: measures, states, legend, its table, the last hour. */

import { effect, useSignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';

import { floor } from '../floor.js';
import { count, hourAndMinute, plural } from '../format.js';
import { html } from '../html.js';
import { Lazy } from '../parts.js';
import { may } from '../session.js';
import { failure, shufflers, watch } from '../shufflers.js';
import { StateChips } from './chips.js';
import { isPicked, isTable, measure, past, picked } from './choices.js';
import { Legend, MeasureSwitch } from './legend.js';
import { MachineCard } from './machine-card.js';
import { MapView } from './map-view.js';
import { FloorModel } from './model.js';
import { shownAt, spoken } from './words.js';

/** @typedef {'machine' | 'table' | 'shuffler'} Kind */

const loadTable = () => import('./machine-table.js').then((module) => module.MachineTable);
const loadScrubber = () => import('./scrubber.js').then((module) => module.Scrubber);

const KEYS =
  'Arrow keys move between machines, Enter opens one, Escape leaves it. Plus and minus zoom, 0 shows ' +
  'the whole floor, Shift with arrow keys moves the map.';

/**
 * @param {object} props
 * @param {string} [props.selected] whose details are open
 * @param {(assetId: string, kind: Kind) => void} props.onSelect
 * @param {any} [props.aside] beside the measures
 */
export function FloorMap({ onSelect, aside }) {
  const model = useRef(/** @type {FloorModel | null} */ (null));
  model.current ??= new FloorModel();
  /** Raised whenever the model was updated. */
  const seen = useSignal(0);

  useEffect(() => {
    /** @type {unknown} */
    let plan;
    let machines = -1;
    return effect(() => {
      const shown = /** @type {FloorModel} */ (model.current);
      floor.version.value;
      if (plan !== floor.plan.value || machines !== floor.machines.size) {
        plan = floor.plan.value;
        machines = floor.machines.size;
        shown.layOut(floor.plan.value, floor.machines.keys());
      }
      shown.changed = shown.update({
        machines: floor.machines,
        limits: floor.limits.value,
        now: past.value ? past.value.at : shownAt(),
        measure: measure.value,
        past: past.value,
        shufflers: shufflers.value?.rows,
      });
      seen.value = seen.peek() + 1;
    });
  }, []);

  const hasShufflers = floor.plan.value?.places.some(({ kind }) => kind === 'shuffler') && may('shufflers:read');
  useEffect(() => (hasShufflers ? watch() : undefined), [hasShufflers]);

  return html`<div class=${`floor-map ${past.value ? 'is-past' : ''}`}>
    <div class="map-tools">
      <${MeasureSwitch} />
      <span class="map-aside">${aside}</span>
      <button
        type="button"
        class="btn quiet"
        onClick=${() => {
          isTable.value = !isTable.value;
        }}
      >
        ${isTable.value ? 'View as map' : 'View as table'}
      </button>
    </div>
    <${Counts} model=${model.current} seen=${seen} hasShufflers=${hasShufflers} />
    ${isTable.value
      ? html`<${Lazy} load=${loadTable} model=${model.current} seen=${seen} onSelect=${onSelect} />`
      : html`<${Stage} model=${model.current} seen=${seen} onSelect=${onSelect} />`}
    <${LookBack} />
  </div>`;
}

/** The way to the last hour. */
function LookBack() {
  const isAsked = useSignal(false);
  const button = html`<div class="scrubber">
    <button
      type="button"
      class="btn quiet"
      onClick=${() => {
        isAsked.value = true;
      }}
    >
      Look back over the last hour
    </button>
  </div>`;
  return isAsked.value ? html`<${Lazy} load=${loadScrubber} meanwhile=${button} />` : button;
}

/**
 * @typedef {object} Shown
 * @property {FloorModel} model
 * @property {import('@preact/signals').Signal<number>} seen
 */

/** @param {Shown & {hasShufflers: boolean}} props */
function Counts({ model, seen, hasShufflers }) {
  seen.value;
  const at = shufflers.value?.at;
  const unread = at ? `not read since ${hourAndMinute(at)}` : 'they cannot be read';
  return html`<${StateChips}
    counts=${model.counts}
    shufflers=${hasShufflers && !past.value ? failure.value !== null && html`<span class="dim">${unread}</span>` : undefined}
  />`;
}

/** @param {Shown} props */
function Scale({ model, seen }) {
  seen.value;
  return html`<${Legend} end=${model.end} />`;
}

/** @param {Shown & {onSelect: (assetId: string, kind: Kind) => void}} props */
function Stage({ model, seen, onSelect }) {
  const stage = useRef(/** @type {HTMLDivElement | null} */ (null));
  const lower = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const upper = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [view, setView] = useState(/** @type {MapView | null} */ (null));
  const focused = useSignal(-1);
  const hovered = useSignal(-1);
  const moves = useSignal(0);
  const select = useRef(onSelect);
  select.current = onSelect;

  useEffect(() => {
    if (!stage.current || !lower.current || !upper.current) return undefined;
    const made = new MapView(stage.current, lower.current, upper.current, model, {
      onOpen: (i) => select.current(model.layout.spots[i].id, model.layout.spots[i].kind),
      onFocus: (i) => {
        focused.value = i;
      },
      onHover: (i) => {
        hovered.value = i;
      },
      onMove: () => {
        moves.value += 1;
      },
    });
    setView(made);
    /** @type {unknown} */
    let layout;
    /** @type {unknown} */
    let chosen;
    const stop = effect(() => {
      seen.value;
      made.changed(model.changed, measure.value.kind, isPicked);
      if (layout !== model.layout) made.relaid();
      else if (chosen !== picked.value || model.isOther) made.redraw();
      layout = model.layout;
      chosen = picked.value;
    });
    return () => {
      stop();
      made.destroy();
    };
  }, []);

  return html`<div class="map-frame">
    <div
      ref=${stage}
      class="map-stage"
      tabindex="0"
      role="application"
      aria-roledescription="floor map"
      aria-label="Machines at their places"
      aria-describedby="map-keys"
    >
      <canvas ref=${lower} aria-hidden="true"></canvas>
      <canvas ref=${upper} aria-hidden="true"></canvas>
    </div>
    ${past.value && html`<p class="past-mark on-map">Past: ${hourAndMinute(past.value.at)}</p>`}
    <p id="map-keys" class="visually-hidden">${KEYS}</p>
    <${Spoken} model=${model} focused=${focused} />
    ${view && html`<${Card} ...${{ model, seen, view, focused, hovered, moves }} />`}
    ${view &&
    html`<div class="map-zoom" role="group" aria-label="Zoom">
      <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick=${() => view.zoomIn()}>+</button>
      <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick=${() => view.zoomOut()}>−</button>
      <button type="button" aria-label="Show the whole floor" title="Whole floor (0)" onClick=${() => view.fit()}>
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" /></svg>
      </button>
    </div>`}
    <${Scale} model=${model} seen=${seen} />
    <${Unplanned} model=${model} seen=${seen} />
  </div>`;
}

/** What has the focus, aloud: once when it gets it, and not with every change of it. */
function Spoken(/** @type {{model: FloorModel, focused: import('@preact/signals').Signal<number>}} */ { model, focused }) {
  const i = focused.value;
  const text = i < 0 || !model.layout.spots[i] ? '' : spoken(model, i, measure.peek(), past.peek() !== null);
  return html`<p class="visually-hidden" aria-live="polite">${text}</p>`;
}

/**
 * @param {Shown & {
 *   view: MapView,
 *   focused: import('@preact/signals').Signal<number>,
 *   hovered: import('@preact/signals').Signal<number>,
 *   moves: import('@preact/signals').Signal<number>,
 * }} props
 */
function Card({ model, seen, view, focused, hovered, moves }) {
  const card = useRef(/** @type {HTMLDivElement | null} */ (null));
  const spot = hovered.value >= 0 ? hovered.value : focused.value;
  seen.value;
  moves.value;
  useEffect(() => {
    if (!card.current || spot < 0 || !model.layout.spots[spot]) return;
    const box = view.boxOf(spot);
    const { offsetWidth: width, offsetHeight: height } = card.current;
    const { width: most, height: low } = view.camera;
    const right = box.right + 12;
    const x = right + width < most ? right : Math.max(box.left - width - 12, 4);
    const y = Math.min(Math.max(box.top - 12, 4), Math.max(low - height - 4, 4));
    card.current.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  });
  if (spot < 0 || !model.layout.spots[spot]) return null;
  return html`<div ref=${card} class="map-card" aria-hidden="true">
    <${MachineCard} model=${model} spot=${spot} />
  </div>`;
}

/** @param {Shown} props */
function Unplanned({ model, seen }) {
  seen.value;
  const { isPlanned, unplaced, machines } = model.layout;
  if (machines === 0) {
    return html`<p class="map-note">
      ${floor.at.value === 0 ? 'Waiting for the floor.' : 'No machine has sent anything yet.'}
    </p>`;
  }
  if (!isPlanned) {
    return html`<p class="map-note">
      No floor plan is kept: ${plural(machines, 'machine')} by number.${' '}
      <code>pitboss plan generate</code> writes one to start from, <code>pitboss plan apply FILE</code>
      ${' '}keeps it.
    </p>`;
  }
  return unplaced > 0
    ? html`<p class="map-note">
        ${count(unplaced)} of ${plural(machines, 'machine')} not in the plan, shown below it. Add them
        and keep it with <code>pitboss plan apply FILE</code>.
      </p>`
    : null;
}

/** What the colours stand for, with numbers; beside it which measure they show. */

import { html } from '../html.js';
import { MEASURES } from './measures.js';
import { ramp, STEPS } from './ramps.js';
import { theme } from '../theme.js';
import { measure, measureId, past } from './choices.js';

/** @param {{end: number}} props where the ramp ends */
export function Legend({ end }) {
  const { kind, unit, meaning, write, isFixed } = measure.value;
  const colours = ramp(kind, theme.value === 'dark');
  const isDiverging = kind === 'diverging';
  const ticks = isDiverging ? [-end, -end / 2, 0, end / 2, end] : [0, end / 2, end];
  const nothing = isDiverging || measureId.value === 'faults' ? 'nothing to say' : 'none';
  return html`<figure class="legend">
    <span class="legend-empty">${nothing}</span>
    <svg viewBox="0 0 ${STEPS} 1" preserveAspectRatio="none" aria-hidden="true">
      ${colours.map((colour, i) => html`<rect x=${i} width="1.02" height="1" fill=${colour} />`)}
    </svg>
    <ol class="num">
      ${ticks.map((tick, i) => html`<li>${isOpenEnd(i, ticks.length, isFixed, isDiverging)}${write(tick)}</li>`)}
    </ol>
    <figcaption>${unit} · ${past.value ? 'of the minute shown' : meaning}</figcaption>
  </figure>`;
}

/**
 * The ends of a ramp stand for all that is beyond them too.
 *
 * @param {number} i
 * @param {number} ticks
 * @param {boolean} isFixed
 * @param {boolean} isDiverging
 */
function isOpenEnd(i, ticks, isFixed, isDiverging) {
  if (i === ticks - 1 && !(isFixed && measureId.value === 'occupancy')) return '≥ ';
  return i === 0 && isDiverging ? '≤ ' : '';
}

/** Which measure machines are coloured by. */
export function MeasureSwitch() {
  return html`<div class="measures" role="radiogroup" aria-label="Colour machines by">
    ${MEASURES.map(
      ({ id, name }) => html`<label>
        <input
          type="radio"
          name="measure"
          class="visually-hidden"
          value=${id}
          checked=${measureId.value === id}
          onChange=${() => {
            measureId.value = id;
          }}
        /><span>${name}</span>
      </label>`,
    )}
  </div>`;
}

/** One chip a state: its mark, its name and how many are in it. Pressed, it picks them out. */

import { html } from '../html.js';
import { count } from '../format.js';
import { SHUFFLER_STATES } from '../shufflers.js';
import { STATES } from '../states.js';
import { picked, togglePicked } from './choices.js';
import { Mark } from './mark.js';

/**
 * @param {object} props
 * @param {Record<string, number>} props.counts by state's letter
 * @param {any} [props.shufflers] what is said of them beside their states; none where they are not shown
 */
export function StateChips({ counts, shufflers }) {
  /** @param {import('../states.js').State | typeof SHUFFLER_STATES[0]} state */
  const chip = ({ letter, name, meaning }) => html`<button
    type="button"
    class="state-chip"
    aria-pressed=${picked.value.has(letter) ? 'true' : 'false'}
    title=${`${name}: ${meaning}`}
    onClick=${() => togglePicked(letter)}
  >
    <${Mark} letter=${letter} />
    <span class="state-name">${name}</span>
    <b class="num">${count(counts[letter] ?? 0)}</b>
  </button>`;
  return html`<div class="state-chips">
    <div class="state-chips" role="group" aria-label="Pick out machines by state">${STATES.map(chip)}</div>
    ${shufflers !== undefined &&
    html`<div class="state-chips" role="group" aria-label="Pick out shufflers by state">
      <span class="dim">Shufflers</span> ${SHUFFLER_STATES.map(chip)} ${shufflers}
    </div>`}
    ${picked.value.size > 0 &&
    html`<button
      type="button"
      class="btn quiet"
      onClick=${() => {
        picked.value = new Set();
      }}
    >
      Show all
    </button>`}
  </div>`;
}

/** One chip a state: its mark, its name and how many machines are in it. Pressed, it picks them out. */

import { html } from '../html.js';
import { count } from '../format.js';
import { STATES } from '../states.js';
import { picked, togglePicked } from './choices.js';
import { Mark } from './mark.js';

/** @param {{counts: Record<string, number>}} props by state's letter */
export function StateChips({ counts }) {
  return html`<div class="state-chips" role="group" aria-label="Pick out machines by state">
    ${STATES.map(
      ({ letter, name, meaning }) => html`<button
        type="button"
        class="state-chip"
        aria-pressed=${picked.value.has(letter) ? 'true' : 'false'}
        title=${`${name}: ${meaning}`}
        onClick=${() => togglePicked(letter)}
      >
        <${Mark} letter=${letter} />
        <span class="state-name">${name}</span>
        <b class="num">${count(counts[letter] ?? 0)}</b>
      </button>`,
    )}
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

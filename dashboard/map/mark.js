/** A state's mark as a picture, in a chip, a table or a card. */

import { html } from '../html.js';
import { stateName } from '../states.js';
import { MARKS } from './marks.js';

/** @param {{letter: string, isNamed?: boolean}} props `isNamed`: the name stands beside it */
export function Mark({ letter, isNamed = true }) {
  const mark = MARKS[letter];
  if (mark === undefined) return null;
  const named = isNamed ? { 'aria-hidden': true } : { role: 'img', 'aria-label': stateName(letter) };
  return html`<svg class="state-mark" viewBox="-1.3 -1.3 2.6 2.6" ...${named}>
    <path
      d=${mark.path}
      class=${mark.isHollow ? 'mark-hollow' : ''}
      fill=${mark.fill}
      stroke=${mark.isHollow ? mark.fill : 'none'}
      stroke-width=".26"
    />
    ${letter !== 'I' &&
    html`<text
      y=${mark.down + 0.42}
      text-anchor="middle"
      font-size="1.2"
      font-weight="700"
      fill=${mark.ink || 'currentColor'}
    >
      ${letter}
    </text>`}
  </svg>`;
}

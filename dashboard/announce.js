/** Says now and then what the floor comes to, for those who do not see it: at most every 30 s. */

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { inWords } from './alerts.js';
import { floor } from './floor.js';
import { plural } from './format.js';
import { html } from './html.js';
import { totals } from './tiles.js';

const SAID_MS = 30_000;

const said = signal('');

/** The live region. */
export function Announcements() {
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden && !floor.paused.peek() && floor.at.peek() > 0) said.value = summary();
    }, SAID_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<p class="visually-hidden" role="status">${said.value}</p>`;
}

/** Changes by one or two are not worth a word: what is the same is not said again. */
function summary() {
  const { carded, uncarded, handpays } = totals.peek();
  if (floor.connection.peek() !== 'live') return 'The floor is not live just now.';
  return `${plural(carded, 'carded player')}, ${uncarded} uncarded, ${plural(handpays, 'hand-pay')} waiting, ${inWords()}.`;
}

/** The dialog that lists the keys. */

import { html } from './html.js';
import { areOn, isHelping } from './keys.js';
import { Dialog } from './parts.js';
import { VIEWS } from './route.js';
import { isKiosk } from './theme.js';

/** The list of keys. */
export function Help() {
  const close = () => {
    isHelping.value = false;
  };
  return html`<${Dialog} title="Keys" onClose=${close}>
    <dl class="keys">
      <${Key} keys=${['/']} what="Find a machine, shuffler or player" />
      ${VIEWS.map((one) => html`<${Key} key=${one.id} keys=${['g', one.key]} what=${`Go to ${one.name}`} />`)}
      <${Key} keys=${['.']} what="Pause, and go on" />
      ${!isKiosk && html`<${Key} keys=${['k']} what="Mark now, on the floor" />`}
      <${Key} keys=${['d']} what="Light or dark" />
      <${Key} keys=${['Esc']} what="Close what is open" />
      <${Key} keys=${['?']} what="This list" />
    </dl>
    <h3>On the map</h3>
    <dl class="keys">
      <${Key} keys=${['←', '↑', '→', '↓']} what="From machine to machine" />
      <${Key} keys=${['Enter']} what="Its details" />
      <${Key} keys=${['+', '−', '0']} what="Nearer, farther, the whole floor" />
      <${Key} keys=${['Shift', 'arrows']} what="Move the map" />
    </dl>
    <label class="check">
      <input
        type="checkbox"
        checked=${areOn.value}
        onChange=${(/** @type {any} */ event) => {
          areOn.value = event.currentTarget.checked;
        }}
      />
      Keys of one character are on
    </label>
  <//>`;
}

/** @param {{keys: string[], what: string}} props */
function Key({ keys, what }) {
  return html`<div>
    <dt>${keys.map((key) => html`<kbd key=${key}>${key}</kbd>`)}</dt>
    <dd>${what}</dd>
  </div>`;
}

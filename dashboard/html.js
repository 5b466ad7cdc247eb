/** Elements without a build step: `html` is htm over Preact. */

import htm from 'htm';
import { h } from 'preact';

export const html = htm.bind(h);

/** Reads what a drawer shows, and says what to do where it cannot be read. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { get, ProblemError } from '../api.js';
import { html } from '../html.js';
import { Failure } from '../parts.js';

/**
 * @template T
 * @typedef {object} Reading
 * @property {T | null} document null until it is read
 * @property {any} error
 * @property {() => void} again
 */

/**
 * A document of the API, read again whenever its path changes; an answer that comes after is dropped.
 *
 * @param {string | null} path null to read nothing
 * @param {(path: string, signal: AbortSignal) => Promise<any>} [read]
 * @param {unknown} [seen] what it depends on besides: it is read again when that changes
 * @returns {Reading<any>}
 */
export function useDocument(path, read = (one, signal) => get(one, { signal }), seen) {
  const found = useSignal({ path: /** @type {string | null} */ (null), document: /** @type {any} */ (null), error: /** @type {unknown} */ (null) });
  const tries = useSignal(0);
  useEffect(() => {
    if (path === null) return undefined;
    const leaving = new AbortController();
    read(path, leaving.signal).then(
      (document) => {
        if (!leaving.signal.aborted) found.value = { path, document, error: null };
      },
      (error) => {
        if (!leaving.signal.aborted) found.value = { path, document: null, error };
      },
    );
    return () => leaving.abort();
  }, [path, tries.value, seen]);
  const { document, error } = found.value.path === path ? found.value : { document: null, error: null };
  return {
    document,
    error,
    again: () => {
      found.value = { path: null, document: null, error: null };
      tries.value += 1;
    },
  };
}

/** What there is to do about an answer. @type {Record<number, string>} */
const ADVICE = {
  403: 'Your groups may not see this: ask an administrator if they should.',
  404: 'There is nothing by that id at this property, or nothing was rated of it yet.',
  503: 'It is not there for the moment: try again in a minute.',
};

/**
 * A part of a drawer that is read.
 *
 * @param {{title: string, reading: Reading<any>, level?: 2 | 3, children: (document: any) => any}} props
 */
export function Part({ title, reading, level = 3, children }) {
  const { document, error, again } = reading;
  const status = error instanceof ProblemError ? error.status : 0;
  const advice = ADVICE[status];
  return html`<section class="drawer-part">
    <${`h${level}`}>${title}<//>
    ${status === 404
      ? html`<p class="dim">${advice}</p>`
      : error
        ? html`<${Failure} error=${error} retry=${again} />${advice && html`<p class="dim">${advice}</p>`}`
        : document === null
          ? html`<p class="dim" role="status">Reading …</p>`
          : children(document)}
  </section>`;
}

/** Names and values. @param {{of: ([string, any] | false | null | undefined)[]}} props */
export function Facts({ of }) {
  return html`<dl class="fact-list">
    ${of.map((fact) => fact && html`<div><dt>${fact[0]}</dt><dd class="num">${fact[1]}</dd></div>`)}
  </dl>`;
}

/** An amount of a document in dollars, as `$1,234.56`. @param {string | null | undefined} dollars */
export function inCents(dollars) {
  return dollars == null ? null : Number(dollars) * 100;
}

/** A table that can be sorted and paged. */

import { useState } from 'preact/hooks';

import { count } from './format.js';
import { html } from './html.js';

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} id
 * @property {string} name
 * @property {(row: Row) => any} cell what is shown
 * @property {(row: Row) => number | string | null | undefined} [by] what it is sorted by; without
 *   it, it is not. Of what is null the last.
 * @property {boolean} [isNumber] right-aligned, in figures of one width
 * @property {boolean} [isHeader] what the row is called by
 * @property {string} [title] what the name means, where it needs to be said
 */

/**
 * A table that can be sorted by its heads, and paged where it is long.
 *
 * @template Row
 * @param {object} props
 * @param {string} props.caption
 * @param {Column<Row>[]} props.columns
 * @param {Row[]} props.rows
 * @param {(row: Row) => string} props.keyOf
 * @param {string} [props.sort] a column's id, with `-` before it for the highest first
 * @param {(sort: string) => void} [props.onSort] where the order is kept outside
 * @param {(row: Row) => string} [props.classOf]
 * @param {number} [props.pageSize]
 * @param {string} [props.empty] what is said where there are no rows
 */
export function DataTable({
  caption,
  columns,
  rows,
  keyOf,
  sort,
  onSort,
  classOf,
  pageSize = 50,
  empty = 'Nothing here.',
}) {
  const [own, setOwn] = useState(sort ?? '');
  const [page, setPage] = useState(0);
  const order = onSort ? (sort ?? '') : own;
  const isDown = order.startsWith('-');
  const by = columns.find((column) => column.id === order.replace('-', ''))?.by;
  const sorted = by ? [...rows].sort((a, b) => compare(by(a), by(b), isDown)) : rows;
  const pages = Math.max(Math.ceil(sorted.length / pageSize), 1);
  const shown = Math.min(page, pages - 1);

  /** @param {Column<Row>} column */
  function sortBy(column) {
    const first = column.isNumber ? `-${column.id}` : column.id;
    const next = order === first ? (column.isNumber ? column.id : `-${column.id}`) : first;
    setPage(0);
    if (onSort) onSort(next);
    else setOwn(next);
  }

  return html`<div class="table-scroll" role="region" aria-label=${`Table: ${caption}`} tabindex="0">
      <table class="table">
        <caption class="visually-hidden">${caption}</caption>
        <thead>
          <tr>
            ${columns.map((column) => {
              const isSorted = order.replace('-', '') === column.id;
              return html`<th
                scope="col"
                key=${column.id}
                class=${column.isNumber ? 'is-number' : ''}
                aria-sort=${isSorted ? (isDown ? 'descending' : 'ascending') : undefined}
                title=${column.title}
              >
                ${column.by
                  ? html`<button type="button" onClick=${() => sortBy(column)}>
                      ${column.name}<span class="sort-mark" aria-hidden="true"
                        >${isSorted ? (isDown ? '↓' : '↑') : ''}</span
                      >
                    </button>`
                  : column.name}
              </th>`;
            })}
          </tr>
        </thead>
        <tbody>
          ${sorted.slice(shown * pageSize, (shown + 1) * pageSize).map(
            (row) =>
              html`<tr key=${keyOf(row)} class=${classOf?.(row) ?? ''}>
                ${columns.map((column) => {
                  const name = column.isNumber ? 'is-number num' : '';
                  return column.isHeader
                    ? html`<th scope="row" key=${column.id} class=${name}>${column.cell(row)}</th>`
                    : html`<td key=${column.id} class=${name}>${column.cell(row)}</td>`;
                })}
              </tr>`,
          )}
        </tbody>
      </table>
      ${rows.length === 0 && html`<p class="empty">${empty}</p>`}
    </div>
    ${pages > 1 &&
    html`<nav class="pager" aria-label=${`Pages of ${caption}`}>
      <button class="btn quiet" type="button" disabled=${shown === 0} onClick=${() => setPage(shown - 1)}>
        Previous
      </button>
      <span class="num dim">
        ${count(shown * pageSize + 1)}–${count(Math.min((shown + 1) * pageSize, rows.length))} of
        ${' '}${count(rows.length)}
      </span>
      <button
        class="btn quiet"
        type="button"
        disabled=${shown === pages - 1}
        onClick=${() => setPage(shown + 1)}
      >
        Next
      </button>
    </nav>`}`;
}

/** `localeCompare` with options makes one of these each time. */
const NAMES = new Intl.Collator('en', { numeric: true });

/**
 * @param {number | string | null | undefined} a
 * @param {number | string | null | undefined} b
 * @param {boolean} isDown
 */
function compare(a, b, isDown) {
  if (a == null || b == null) return Number(a == null) - Number(b == null);
  const order =
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : NAMES.compare(String(a), String(b));
  return isDown ? -order : order;
}

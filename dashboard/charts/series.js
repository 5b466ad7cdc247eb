/** Lines over time, and the same numbers as a table. */

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

import { hourAndMinute, NONE } from '../format.js';
import { html } from '../html.js';
import { DataTable } from '../table.js';
import { theme } from '../theme.js';

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {(number | null)[]} values one for each moment
 * @property {boolean} [isDashed] so that lines differ without their colours
 */

/** Colours of the first line and of the second, on light ground and on dark (Okabe and Ito). */
const COLOURS = { light: ['#0072b2', '#b04a00'], dark: ['#56b4e9', '#e69f00'] };

/**
 * @param {object} props
 * @param {string} props.title
 * @param {number[]} props.at moments, epoch milliseconds, ascending
 * @param {Line[]} props.lines
 * @param {(value: number) => string} props.write
 * @param {(at: number) => string} [props.writeTime]
 * @param {number} [props.height] pixels
 */
export function Series({ title, at, lines, write, writeTime = hourAndMinute, height = 190 }) {
  const isTable = useSignal(false);
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  const chart = useRef(/** @type {uPlot | null} */ (null));
  const shown = theme.value;
  const data = /** @type {uPlot.AlignedData} */ ([at.map((ms) => ms / 1000), ...lines.map((line) => line.values)]);

  useEffect(() => {
    const holder = element.current;
    if (!holder || isTable.value) return undefined;
    const style = getComputedStyle(holder);
    const axis = {
      stroke: style.getPropertyValue('--map-muted'),
      grid: { stroke: style.getPropertyValue('--map-line'), width: 0.5 },
      ticks: { show: false },
      font: `12px ${style.fontFamily}`,
    };
    const made = new uPlot(
      {
        width: Math.max(holder.clientWidth, 120),
        height,
        cursor: { y: false },
        legend: { live: true },
        scales: { y: { range: (_, low, high) => [Math.min(low ?? 0, 0), high > 0 ? high * 1.08 : 1] } },
        axes: [
          {
            ...axis,
            size: 28,
            space: 12 + 7 * writeTime(at[0]).length,
            // There may be several ticks a day: a day is named once.
            values: (_, ticks) =>
              ticks.map((s) => writeTime(s * 1000)).map((text, i, all) => (text === all[i - 1] ? '' : text)),
          },
          { ...axis, size: 64, values: (_, ticks) => ticks.map(write) },
        ],
        series: [
          { label: 'Time', value: (_, s) => (s == null ? NONE : writeTime(s * 1000)) },
          ...lines.map((line, i) => ({
            label: line.name,
            stroke: COLOURS[shown][i],
            width: 2,
            dash: line.isDashed ? [6, 4] : undefined,
            points: { show: false },
            value: (/** @type {uPlot} */ _, /** @type {number | null} */ value) => (value == null ? NONE : write(value)),
          })),
        ],
      },
      data,
      holder,
    );
    chart.current = made;
    const sizes = new ResizeObserver(() => {
      if (holder.clientWidth > 0) made.setSize({ width: holder.clientWidth, height });
    });
    sizes.observe(holder);
    return () => {
      sizes.disconnect();
      chart.current = null;
      made.destroy();
    };
  }, [shown, isTable.value, lines.length, height]);
  useEffect(() => chart.current?.setData(data), [at, lines]);

  return html`<figure class="series">
    <figcaption>
      <b>${title}</b>
      <button
        type="button"
        class="btn quiet"
        onClick=${() => {
          isTable.value = !isTable.value;
        }}
      >
        ${isTable.value ? 'View as chart' : 'View as table'}
      </button>
    </figcaption>
    ${isTable.value
      ? html`<${DataTable}
          caption=${title}
          keyOf=${(/** @type {number} */ i) => String(at[i])}
          rows=${at.map((_, i) => i).reverse()}
          columns=${[
            { id: 'at', name: 'Time', isHeader: true, by: (/** @type {number} */ i) => at[i], cell: (/** @type {number} */ i) => writeTime(at[i]) },
            ...lines.map((line, n) => ({
              id: String(n),
              name: line.name,
              isNumber: true,
              by: (/** @type {number} */ i) => line.values[i],
              cell: (/** @type {number} */ i) => (line.values[i] == null ? NONE : write(Number(line.values[i]))),
            })),
          ]}
        />`
      : html`<div key="chart" ref=${element} class="series-chart" role="img" aria-label=${`${title}: ${inWords(lines, write)}`}></div>`}
  </figure>`;
}

/** The newest value of each line. @param {Line[]} lines @param {(value: number) => string} write */
function inWords(lines, write) {
  return lines
    .map(({ name, values }) => {
      const known = values.filter((value) => value !== null);
      const last = known.at(-1);
      return last === undefined ? `${name} none` : `${name} ${write(last)} last, ${write(Math.max(...known))} at most`;
    })
    .join('; ');
}

/** A level with its hexagons, over its picture if there is one, and what the colours mean. */

import { useEffect, useRef } from 'preact/hooks';

import { count } from '../format.js';
import { html } from '../html.js';
import { differences, isDarkColour, ramp, STEPS } from '../map/ramps.js';
import { theme } from '../theme.js';
import { CLASSES, classOf, corners, cutsOf, difference, mostDifference, rate, shade, SHADES, shownAt } from './hexagons.js';

/** @typedef {import('./hexagons.js').HeatMap} HeatMap */
/** @typedef {import('./hexagons.js').Bin} Bin */

const [WIDTH, MOST_HEIGHT] = [1000, 640];

/**
 * The picture of a level, and whether its colours are dark: hexagons over it then grow lighter the
 * more they have.
 *
 * @typedef {{bitmap: ImageBitmap, isDark: boolean}} Ground
 */

/** A picture from somebody's disk; it goes nowhere. @param {File} file @returns {Promise<Ground>} */
export async function readGround(file) {
  const bitmap = await createImageBitmap(file);
  const one = document.createElement('canvas');
  one.width = one.height = 1;
  const context = /** @type {CanvasRenderingContext2D} */ (one.getContext('2d'));
  context.drawImage(bitmap, 0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return { bitmap, isDark: isDarkColour(`rgb(${r} ${g} ${b})`) };
}

/** What is written of a hexagon, and its colour; null for one that is hollow. @typedef {{said: string, fill: string | null}} Look */

/** Colours of counts, of one version or of all. @param {boolean} isDark */
export function countColours(isDark) {
  const all = ramp('sequential', isDark);
  return Array.from({ length: CLASSES }, (_, n) => all[2 + Math.round((n * (STEPS - 3)) / (CLASSES - 1))]);
}

/**
 * @param {object} props
 * @param {HeatMap} props.map
 * @param {number | null} props.version which of two is drawn; null for their difference
 * @param {string} props.title
 * @param {Ground | null} props.ground
 */
export function LevelMap({ map, version, title, ground }) {
  const isDark = ground ? ground.isDark : theme.value === 'dark';
  const look = version === null ? differenceLook(map, isDark) : countLook(map, version, isDark);
  const cells = map.bins.filter((bin) => version === null || bin.counts[version] > 0);
  const { left, top, across, down } = extentOf(map);
  const scale = Math.min(WIDTH / across, MOST_HEIGHT / down);
  const [width, height] = [across * scale, down * scale];
  const edge = version === null ? 'is-edged' : '';
  return html`<figure class="level">
    <figcaption>${title}</figcaption>
    <div class="level-stage">
      ${ground && html`<${Picture} bitmap=${ground.bitmap} />`}
      <svg
        width=${width.toFixed(0)}
        height=${height.toFixed(0)}
        viewBox=${`0 0 ${width.toFixed(1)} ${height.toFixed(1)}`}
        role="img"
        aria-label=${`Heat map: ${title}. The table below has its numbers.`}
        class=${ground ? 'is-over' : ''}
      >
        ${cells.map((bin) => {
          const [x, y] = shownAt(map.bounds, bin.x, bin.y);
          const path = corners((x - left) * scale, (y - top) * scale, map.radius * scale)
            .map((point) => point.map((value) => value.toFixed(1)).join(','))
            .join(' ');
          const { said, fill } = look(bin);
          return html`<polygon key=${`${bin.r} ${bin.q}`} points=${path} fill=${fill ?? 'none'} class=${`cell ${fill ? edge : 'is-few'}`}>
            <title>${said}</title>
          </polygon>`;
        })}
      </svg>
    </div>
  </figure>`;
}

/** @param {{bitmap: ImageBitmap}} props */
function Picture({ bitmap }) {
  const element = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => {
    const canvas = element.current;
    if (!canvas) return;
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
  }, [bitmap]);
  return html`<canvas ref=${element} aria-hidden="true"></canvas>`;
}

/** The part that is drawn: the bounds, or where nobody said them all hexagons whole. @param {HeatMap} map */
function extentOf({ bounds, isWhole, bins, radius }) {
  if (!isWhole) {
    return { left: 0, top: 0, across: Math.abs(bounds.x1 - bounds.x0), down: Math.abs(bounds.y1 - bounds.y0) };
  }
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const bin of bins) {
    for (const [x, y] of corners(...shownAt(bounds, bin.x, bin.y), radius)) {
      [x0, x1] = [Math.min(x0, x), Math.max(x1, x)];
      [y0, y1] = [Math.min(y0, y), Math.max(y1, y)];
    }
  }
  return { left: x0, top: y0, across: x1 - x0, down: y1 - y0 };
}

/** @param {HeatMap} map */
function mostOf(map) {
  return map.bins.reduce((most, bin) => Math.max(most, ...bin.counts), 0);
}

/** @param {HeatMap} map @param {number} version @param {boolean} isDark @returns {(bin: Bin) => Look} */
function countLook(map, version, isDark) {
  const cuts = cutsOf(mostOf(map));
  const colours = countColours(isDark);
  return ({ counts }) => ({ said: `${count(counts[version])} events`, fill: colours[classOf(cuts, counts[version])] });
}

/** @param {HeatMap} map @param {boolean} isDark @returns {(bin: Bin) => Look} */
function differenceLook(map, isDark) {
  const most = mostDifference(map);
  const colours = differences(isDark);
  const whole = map.outOf[0] * map.outOf[1];
  return (bin) => {
    const value = difference(map, bin);
    const told = value === null ? 'too few to compare' : rate(value, whole);
    return {
      said: `before ${count(bin.counts[0])}, after ${count(bin.counts[1])}; ${told}`,
      fill: value === null ? null : colours[SHADES + shade(value, most)],
    };
  };
}

/**
 * @param {object} props
 * @param {HeatMap} props.map
 * @param {boolean} props.isDifference
 * @param {string} props.unit what the figures are
 * @param {Ground | null} props.ground
 */
export function MapLegend({ map, isDifference, unit, ground }) {
  const isDark = ground ? ground.isDark : theme.value === 'dark';
  const edge = isDifference ? 'is-edged' : '';
  const steps = isDifference ? differenceSteps(map, isDark) : countSteps(map, isDark);
  return html`<div class="level-legend">
    <ol class="num">
      ${steps.map(
        ({ fill, text }) => html`<li key=${text}>
          <svg viewBox="0 0 28 14" aria-hidden="true">
            <rect x="0.5" y="0.5" width="27" height="13" fill=${fill ?? 'none'} class=${`cell ${fill ? edge : 'is-few'}`} />
          </svg>
          ${text}
        </li>`,
      )}
    </ol>
    <p class="dim">${unit}</p>
  </div>`;
}

/** @param {HeatMap} map @param {boolean} isDark */
function countSteps(map, isDark) {
  const most = mostOf(map);
  const cuts = cutsOf(most);
  const colours = countColours(isDark);
  return cuts.map((cut, n) => ({
    fill: colours[n + CLASSES - cuts.length],
    text: `${count(cut)}${n < cuts.length - 1 ? '' : most > cut ? `–${count(most)}` : ''}`,
  }));
}

/** Each colour by the difference in its middle. @param {HeatMap} map @param {boolean} isDark */
function differenceSteps(map, isDark) {
  const wide = 2 * SHADES + 1;
  const whole = map.outOf[0] * map.outOf[1];
  const most = mostDifference(map);
  const middle = (/** @type {number} */ n) => rate(2 * (n - SHADES) * most, wide * whole);
  return [
    { fill: /** @type {string | null} */ (null), text: 'too few' },
    ...differences(isDark).map((fill, n) => ({
      fill,
      text: `${n === 0 ? '≤ ' : n === wide - 1 ? '≥ ' : ''}${middle(n)}`,
    })),
  ];
}

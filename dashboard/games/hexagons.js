/**
 * Where on a level something happened: events in hexagons, and how two versions differ. The same
 * hexagons, steps of colour and differences as `pitboss heatmap` has of the same events
 * (`workbench/report/hexbin.py`, `workbench/game_report/heat.py`, `charts.py`;
 * `tests/unit/test_hexagons_of_the_page.py` holds these to those). Values in, values out.
 */

/**
 * @typedef {object} Event
 * @property {string} type
 * @property {string} version of the application
 * @property {string | null} player
 * @property {number | null} x
 * @property {number | null} y
 *
 * @typedef {object} Bounds the part of a level that is shown: its upper left corner and its lower
 *   right one, in the level's units. Where `y0` is more than `y1`, y goes up.
 * @property {number} x0
 * @property {number} y0
 * @property {number} x1
 * @property {number} y1
 *
 * @typedef {object} Bin a hexagon with events
 * @property {number} q its column
 * @property {number} r its row
 * @property {number} x its centre
 * @property {number} y
 * @property {number[]} counts events; of two versions each one's
 *
 * @typedef {object} HeatMap
 * @property {Bounds} bounds
 * @property {boolean} isWhole nobody said which part to show: all that has events is
 * @property {number} radius from a centre to a corner, in the level's units
 * @property {Bin[]} bins in the order of rows, and in a row of columns
 * @property {number[]} counts events within the bounds; of two versions each one's
 * @property {number} outside events outside of the bounds
 * @property {number} unplaced events without a position
 * @property {number[]} outOf of two versions, what each one's events are divided by
 *
 * @typedef {object} Asked
 * @property {string} type
 * @property {[string, string] | null} versions to see what differs from the first to the second
 * @property {'player' | 'event'} per what a version's events are divided by
 * @property {Bounds | null} bounds null for all that has events
 * @property {number | null} across hexagons from side to side; null for as many as the events fill
 */

export const SQRT_3 = Math.sqrt(3);
const NEARER = 1 - 1e-12;
const [FEWEST_ACROSS, MOST_ACROSS] = [12, 36];
const LEAST_SPREAD = 1e-9;

/** A hexagon with fewer events of two versions together is too little to tell them apart by. */
export const FEWEST_EVENTS = 5;

/** Colours of counts. */
export const CLASSES = 6;

/** Of a difference, on each side of the middle: so many colours. */
export const SHADES = 4;

/**
 * The hexagon that a point is in: that whose centre is nearest; on an edge that of the upper row, and
 * in a row the left one.
 *
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
export function hexagonAt(x, y, radius) {
  const guess = Math.floor(y / (1.5 * radius) + 0.5);
  let best = Infinity;
  let nearest = { q: 0, r: guess };
  for (const r of [guess - 1, guess, guess + 1]) {
    const q = Math.ceil(x / (SQRT_3 * radius) - r / 2 - 0.5);
    const dx = x - SQRT_3 * radius * (q + r / 2);
    const dy = y - 1.5 * radius * r;
    const distance = dx * dx + dy * dy;
    if (distance < best * NEARER) [best, nearest] = [distance, { q, r }];
  }
  return nearest;
}

/** The corners of the hexagon around a centre, the upper one first. @param {number} x @param {number} y @param {number} radius */
export function corners(x, y, radius) {
  const half = (radius * SQRT_3) / 2;
  return [
    [x, y - radius], [x + half, y - radius / 2], [x + half, y + radius / 2],
    [x, y + radius], [x - half, y + radius / 2], [x - half, y - radius / 2],
  ];
}

/** How far from the left and from the top a place is. @param {Bounds} bounds @param {number} x @param {number} y @returns {[number, number]} */
export function shownAt({ x0, y0, x1, y1 }, x, y) {
  return [x1 >= x0 ? x - x0 : x0 - x, y1 >= y0 ? y - y0 : y0 - y];
}

/**
 * Count events in hexagons.
 *
 * @param {Event[]} events of one level: those of the type, and where versions are compared by their
 *   players of all types
 * @param {Asked} asked
 * @returns {HeatMap | null} null where none of them has a position within the bounds
 */
export function heatMap(events, { type, versions, per, bounds, across }) {
  const names = versions ?? [''];
  const nameOf = (/** @type {Event} */ event) => (versions ? event.version : '');
  const found = events.filter((event) => event.type === type && names.includes(nameOf(event)));
  const placed = found.filter(({ x, y }) => x !== null && y !== null);
  if (placed.length === 0) return null;
  const shown = bounds ?? around(placed);
  const wanted = across ?? Math.min(Math.max(Math.floor(Math.floor(Math.sqrt(placed.length)) / 2), FEWEST_ACROSS), MOST_ACROSS);
  const radius = radiusOf(shown, wanted);
  /** @type {Map<string, Bin>} */
  const bins = new Map();
  let outside = 0;
  for (const event of placed) {
    const [x, y] = [Number(event.x), Number(event.y)];
    if (!isWithin(shown, x, y)) {
      outside += 1;
      continue;
    }
    const { q, r } = hexagonAt(x, y, radius);
    let bin = bins.get(`${r} ${q}`);
    if (!bin) {
      bin = { q, r, x: SQRT_3 * radius * (q + r / 2), y: 1.5 * radius * r, counts: names.map(() => 0) };
      bins.set(`${r} ${q}`, bin);
    }
    bin.counts[names.indexOf(nameOf(event))] += 1;
  }
  if (bins.size === 0) return null;
  const sorted = [...bins.values()].sort((a, b) => a.r - b.r || a.q - b.q);
  const counts = names.map((_, n) => sorted.reduce((total, bin) => total + bin.counts[n], 0));
  const outOf = !versions ? [] : per === 'event' ? counts : names.map((name) => playersOf(events, name));
  return { bounds: shown, isWhole: !bounds, radius, bins: sorted, counts, outside, unplaced: found.length - placed.length, outOf };
}

/** @param {Event[]} events @param {string} version */
function playersOf(events, version) {
  return new Set(events.flatMap((event) => (event.version === version && event.player !== null ? [event.player] : []))).size;
}

/** @param {Event[]} placed @returns {Bounds} */
function around(placed) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of placed) {
    [x0, x1] = [Math.min(x0, Number(x)), Math.max(x1, Number(x))];
    [y0, y1] = [Math.min(y0, Number(y)), Math.max(y1, Number(y))];
  }
  return { x0, y0, x1, y1 };
}

/** @param {Bounds} bounds @param {number} x @param {number} y */
function isWithin({ x0, y0, x1, y1 }, x, y) {
  return Math.min(x0, x1) <= x && x <= Math.max(x0, x1) && Math.min(y0, y1) <= y && y <= Math.max(y0, y1);
}

/** @param {Bounds} bounds @param {number} across */
function radiusOf({ x0, y0, x1, y1 }, across) {
  const spread = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0) * 0.6);
  const largest = Math.max(1, ...[x0, y0, x1, y1].map(Math.abs));
  return spread <= LEAST_SPREAD * largest ? 1 : spread / (SQRT_3 * across);
}

// Colours of counts.

/**
 * The least count of each colour, by steps of the square root: of a few counts that are far above the
 * others.
 *
 * @param {number} most the greatest count
 */
export function cutsOf(most) {
  const cuts = Array.from({ length: CLASSES }, (_, n) => Math.max(Math.ceil((most * n * n) / CLASSES ** 2), 1));
  return [...new Set(cuts)].sort((a, b) => a - b);
}

/** Which of `CLASSES` colours a count has; with fewer steps the strongest are used. @param {number[]} cuts @param {number} count at least 1 */
export function classOf(cuts, count) {
  return cuts.filter((cut) => cut <= count).length - 1 + CLASSES - cuts.length;
}

// Differences: of rates, for versions are not played as much as each other. They have one denominator,
// the product of `outOf`, so that their numerators are whole numbers, and exact.

/** The second version's rate less the first one's: the numerator. Null of too few events. @param {HeatMap} map @param {Bin} bin @returns {number | null} */
export function difference({ outOf: [fewer, more] }, { counts: [before, after] }) {
  return before + after < FEWEST_EVENTS ? null : after * fewer - before * more;
}

/** The numerator at the end of the colours: that of the twentieth of the hexagons that differ most. @param {HeatMap} map */
export function mostDifference(map) {
  const sizes = map.bins
    .flatMap((bin) => difference(map, bin) ?? [])
    .map(Math.abs)
    .sort((a, b) => a - b);
  return sizes[Math.floor((sizes.length * 19) / 20)] || sizes.at(-1) || map.outOf[0] * map.outOf[1];
}

/** How strong a difference's colour is, to `SHADES` on either side; each is as wide. @param {number} value @param {number} most */
export function shade(value, most) {
  const wide = 2 * SHADES + 1;
  const size = Math.min(Math.floor((Math.abs(value) * wide + most) / (2 * most)), SHADES);
  return value > 0 ? size : -size || 0;
}

/** A fraction in hundredths, with its sign: `+45.7`. @param {number} numerator @param {number} denominator */
export function rate(numerator, denominator) {
  const size = (Math.abs(numerator) * 100) / denominator;
  const digits = size < 10 ? 2 : size < 100 ? 1 : 0;
  const rounded = Math.floor((2 * Math.abs(numerator) * 100 * 10 ** digits + denominator) / (2 * denominator));
  if (rounded === 0) return '0';
  const text = (rounded / 10 ** digits).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (numerator < 0 ? '−' : '+') + text;
}

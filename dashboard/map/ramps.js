/**
 * Colours of measures, which people with any of the common forms of colour blindness can tell apart.
 *
 * A ramp begins near the ground it is drawn on, so that what is little recedes: on light ground the
 * sequential one is ColorBrewer's YlGnBu and the diverging one ColorBrewer's RdBu (Harrower and
 * Brewer 2003, doi:10.1179/000870403235002042; both are marked colour-blind safe at
 * colorbrewer2.org); on dark ground they are cividis (Nuñez, Anderton and Renslow 2018,
 * doi:10.1371/journal.pone.0199239; without its darkest part) and berlin, turned round (Crameri 2018,
 * doi:10.5281/zenodo.1243862). Red is less than theory, blue is more, on both.
 */

const LIGHT_SEQUENTIAL = 'edf8b1 c7e9b4 7fcdbb 41b6c4 1d91c0 225ea8 253494 081d58';
const DARK_SEQUENTIAL = '1a386f 434e6c 61656f 7d7c78 9b9476 bcae6c dec958 fee838';
const LIGHT_DIVERGING = '67001f b2182b d6604d f4a582 fddbc7 f7f7f7 d1e5f0 92c5de 4393c3 2166ac 053061';
const DARK_DIVERGING = 'ffadad be6f63 7d341e 411201 190c09 14303e 286886 519fd3 9eb0ff';

/** Colours of a ramp. Odd, so that a diverging one has a middle. */
export const STEPS = 15;

/**
 * @param {'sequential' | 'diverging'} kind
 * @param {boolean} isDark whether the ground is
 * @returns {string[]} `STEPS` colours, `#rrggbb`
 */
export function ramp(kind, isDark) {
  const text =
    kind === 'diverging'
      ? isDark ? DARK_DIVERGING : LIGHT_DIVERGING
      : isDark ? DARK_SEQUENTIAL : LIGHT_SEQUENTIAL;
  const stops = text.split(' ').map(channels);
  return Array.from({ length: STEPS }, (_, step) => {
    const at = (step / (STEPS - 1)) * (stops.length - 1);
    const i = Math.min(Math.floor(at), stops.length - 2);
    const mixed = stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (at - i)));
    return `#${mixed.map((c) => c.toString(16).padStart(2, '0')).join('')}`;
  });
}

/**
 * The colours of a difference, from much less to much more, the same in the middle: those of
 * `pitboss heatmap`, of light ground without the two at its ends.
 *
 * @param {boolean} isDark whether the ground is
 */
export function differences(isDark) {
  const stops = (isDark ? DARK_DIVERGING : LIGHT_DIVERGING).split(' ').map((hex) => `#${hex}`);
  return isDark ? stops : stops.slice(1, -1);
}

/**
 * The colour, black or white, that is easier to read on this one: that with more contrast by
 * WCAG 2.2's relative luminance.
 *
 * @param {string} colour `#rrggbb`
 */
export function inkOn(colour) {
  return luminance(channels(colour.slice(1))) > 0.179 ? '#000000' : '#ffffff';
}

/**
 * Whether a computed colour is darker than the middle, as `rgb(...)` or `#rrggbb`.
 *
 * @param {string} colour
 */
export function isDarkColour(colour) {
  const rgb = colour.startsWith('#')
    ? channels(colour.slice(1))
    : (colour.match(/[\d.]+/g) ?? ['255', '255', '255']).slice(0, 3).map(Number);
  return luminance(rgb) < 0.179;
}

/** @param {string} hex six digits */
function channels(hex) {
  return [0, 2, 4].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));
}

/** @param {number[]} rgb 0 to 255 each */
function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => {
    const share = c / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/**
 * The marks of states: a shape, a letter and a colour each, so that none of the three is needed.
 *
 * The colours are those of Okabe and Ito, which people with any of the common forms of colour
 * blindness can tell apart (jfly.uni-koeln.de/color, 2008; Wong 2011, doi:10.1038/nmeth.1618).
 * An idle machine's shape is its letter, and it recedes.
 * Shapes are paths in a square from -1 to 1; the map draws them on its canvas, chips and the legend
 * as pictures.
 */

/**
 * @typedef {object} Mark
 * @property {string} path
 * @property {string} fill
 * @property {string} ink of the letter
 * @property {number} down how far the letter is below the middle
 * @property {boolean} isHollow whether the ground shows through, and only the edge has the colour
 * @property {boolean} isUrgent whether it is shown however small machines are
 */

const CIRCLE = 'M-.92 0A.92.92 0 1 0 .92 0A.92.92 0 1 0-.92 0Z';

const HEXAGON = 'M-1 0L-.5-.9H.5L1 0L.5.9H-.5Z';

/** @returns {string} a star with eight short rays */
function burst() {
  const corners = Array.from({ length: 16 }, (_, i) => {
    const radius = i % 2 ? 0.76 : 1.08;
    const angle = (i / 8) * Math.PI - Math.PI / 2;
    return `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`;
  });
  return `M${corners.join('L')}Z`;
}

/** @type {Readonly<Record<string, Mark>>} */
export const MARKS = {
  S: mark('M0-1.08L1.1.84H-1.1Z', '#d55e00', '#000000', { down: 0.22, isUrgent: true }),
  N: mark('M0 1.08L1.1-.84H-1.1Z', '#f0e442', '#000000', { down: -0.24, isUrgent: true }),
  O: mark('M-.86-.86H.86V.86H-.86Z', '#767676', '#ffffff', { isUrgent: true }),
  H: mark(burst(), '#e69f00', '#000000', { isUrgent: true }),
  C: mark(CIRCLE, '#0072b2', '#ffffff'),
  U: mark(CIRCLE, '#56b4e9', '', { isHollow: true }),
  E: mark('M0-1.12L1.12 0L0 1.12L-1.12 0Z', '#cc79a7', '#000000', { isUrgent: true }),
  I: mark('M-.16-.62H.16V.62H-.16Z', '#767676', ''),
  // Of shufflers.
  F: mark('M0-1.08L1.1.84H-1.1Z', '#d55e00', '#000000', { down: 0.22, isUrgent: true }),
  D: mark('M-.86-.86H.86V.86H-.86Z', '#767676', '#ffffff', { isUrgent: true }),
  W: mark(HEXAGON, '#f0e442', '#000000', { isUrgent: true }),
  R: mark(HEXAGON, '#009e73', '', { isHollow: true }),
};

/**
 * @param {string} path
 * @param {string} fill
 * @param {string} ink
 * @param {Partial<Mark>} [more]
 * @returns {Mark}
 */
function mark(path, fill, ink, more = {}) {
  return { path, fill, ink, down: 0, isHollow: false, isUrgent: false, ...more };
}

/** @type {Map<string, Path2D>} */
const paths = new Map();

/**
 * Draw a mark.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {string} letter of the state
 * @param {number} x of its middle
 * @param {number} y of its middle
 * @param {number} size from edge to edge
 * @param {{surface: string, text: string, font: string}} colours of the ground and of what is written on it, and the type
 * @param {boolean} hasLetter
 */
export function drawMark(context, letter, x, y, size, colours, hasLetter) {
  const { path, fill, ink, down, isHollow } = MARKS[letter];
  let shape = paths.get(letter);
  if (shape === undefined) {
    shape = new Path2D(path);
    paths.set(letter, shape);
  }
  const half = size / 2.3;
  context.save();
  context.translate(x, y);
  context.scale(half, half);
  context.lineJoin = 'round';
  context.lineWidth = 0.46;
  context.strokeStyle = colours.surface;
  context.stroke(shape);
  context.fillStyle = isHollow ? colours.surface : fill;
  context.fill(shape);
  if (isHollow) {
    context.lineWidth = 0.26;
    context.strokeStyle = fill;
    context.stroke(shape);
  }
  context.restore();
  if (hasLetter && letter !== 'I') {
    context.fillStyle = ink || colours.text;
    context.font = `700 ${size * 0.52}px ${colours.font}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(letter, x, y + down * half + size * 0.03);
  }
}

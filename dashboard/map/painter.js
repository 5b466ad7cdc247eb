/**
 * Draws the floor. What machines look like is drawn once for each state, step of the ramp and size,
 * and copied from there: 3,000 of them take a few milliseconds.
 */

import { HALF } from './layout.js';
import { MARKS, drawMark } from './marks.js';
import { NO_VALUE } from './model.js';
import { inkOn, isDarkColour, ramp } from './ramps.js';

/**
 * @typedef {import('./camera.js').Camera} Camera
 * @typedef {import('./model.js').FloorModel} FloorModel
 *
 * @typedef {object} Colours of the theme, read from the element's custom properties
 * @property {string} surface
 * @property {string} zone
 * @property {string} bank
 * @property {string} empty of a machine without a value
 * @property {string} line
 * @property {string} text
 * @property {string} muted
 * @property {string} focus
 * @property {string} font family
 */

/** From these pixels of a machine's width on: shapes for all states, letters, numbers and values. */
const SHAPES = 9;
const LETTERS = 15;
const NUMBERS = 46;

/** Pixels at the right edge that the zoom buttons take. */
const CONTROLS = 52;

/** @param {Element} element @returns {Colours} */
export function coloursOf(element) {
  const style = getComputedStyle(element);
  /** @param {string} name */
  const read = (name) => style.getPropertyValue(`--map-${name}`).trim();
  return {
    surface: read('ground'),
    zone: read('zone'),
    bank: read('bank'),
    empty: read('empty'),
    line: read('line'),
    text: read('text'),
    muted: read('muted'),
    focus: read('focus'),
    font: style.fontFamily,
  };
}

export class Painter {
  /** @param {Colours} colours @param {'sequential' | 'diverging'} kind @param {number} ratio device pixels of a pixel */
  constructor(colours, kind, ratio) {
    this.colours = colours;
    this.ratio = ratio;
    this.ramp = ramp(kind, isDarkColour(colours.surface));
    this.inks = this.ramp.map(inkOn);
    this.#looks = new Looks(this);
  }

  /** @type {Looks} */
  #looks;

  /**
   * Draw all that is in sight, and nothing of what lies over it.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {FloorModel} model
   * @param {Camera} camera
   * @param {(letter: string) => boolean} isPicked
   * @param {[number, number, number, number]} [part] only that of the sight: left, top, right and
   *   bottom, pixels
   */
  paint(context, model, camera, isPicked, part = [0, 0, camera.width, camera.height]) {
    const { ratio, colours } = this;
    const { layout } = model;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colours.surface;
    context.fillRect(part[0], part[1], part[2] - part[0], part[3] - part[1]);
    for (const zone of layout.zones) plate(context, camera, zone.box, 0.5, colours.zone, colours.line);
    for (const bank of layout.banks) plate(context, camera, bank.box, 0.16, colours.bank, '');
    this.#looks.sizeTo(camera.scale);
    const { spots } = layout;
    const [left, top] = camera.toFloor(part[0], part[1]);
    const [right, bottom] = camera.toFloor(part[2], part[3]);
    for (let i = layout.machines; i < spots.length; i++) {
      const { x, y } = spots[i];
      if (x > left - 2 && x < right + 2 && y > top - 2 && y < bottom + 2) {
        this.#furniture(context, spots[i], camera, model.letters[i] ?? '-', isPicked);
      }
    }
    for (let i = 0; i < layout.machines; i++) {
      const { x, y } = spots[i];
      if (x > left - 1 && x < right + 1 && y > top - 1 && y < bottom + 1) {
        this.#machine(context, model, camera, i, isPicked);
      }
    }
  }

  /**
   * Draw the floor where it was moved to: what is drawn already is moved, the rest is drawn.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {FloorModel} model
   * @param {Camera} camera
   * @param {(letter: string) => boolean} isPicked
   * @param {number} dx device pixels
   * @param {number} dy
   */
  shift(context, model, camera, isPicked, dx, dy) {
    const { width, height } = camera;
    const [x, y] = [dx / this.ratio, dy / this.ratio];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(context.canvas, dx, dy);
    /** @type {[number, number, number, number][]} */
    const parts = [
      [x > 0 ? 0 : width + x, 0, x > 0 ? x : width, height],
      [0, y > 0 ? 0 : height + y, width, y > 0 ? y : height],
    ];
    for (const [left, top, right, bottom] of parts) {
      if (right <= left || bottom <= top) continue;
      const part = /** @type {typeof parts[0]} */ ([Math.max(left, 0), Math.max(top, 0), right, bottom]);
      context.save();
      context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      context.beginPath();
      context.rect(part[0], part[1], part[2] - part[0], part[3] - part[1]);
      context.clip();
      this.paint(context, model, camera, isPicked, part);
      context.restore();
    }
  }

  /**
   * Draw some machines again where they are.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {FloorModel} model
   * @param {Camera} camera
   * @param {(letter: string) => boolean} isPicked
   * @param {Iterable<number>} machines by number
   */
  repaint(context, model, camera, isPicked, machines) {
    const { ratio, colours } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#looks.sizeTo(camera.scale);
    const half = camera.scale / 2;
    for (const i of machines) {
      const spot = model.layout.spots[i];
      const [x, y] = camera.toScreen(spot.x, spot.y);
      if (x < -half || y < -half || x > camera.width + half || y > camera.height + half) continue;
      const size = Math.ceil(camera.scale * HALF.machine[0] * 2 * ratio) / ratio;
      context.fillStyle = spot.bank ? colours.bank : spot.zone ? colours.zone : colours.surface;
      context.fillRect(snap(x - size / 2, ratio), snap(y - size / 2, ratio), size, size);
      this.#machine(context, model, camera, i, isPicked);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {FloorModel} model
   * @param {Camera} camera
   * @param {number} i
   * @param {(letter: string) => boolean} isPicked
   */
  #machine(context, model, camera, i, isPicked) {
    const { layout, letters, steps } = model;
    const letter = letters[i] ?? '-';
    const isFaded = !isPicked(letter);
    const [x, y] = camera.toScreen(layout.spots[i].x, layout.spots[i].y);
    this.#looks.copy(context, letter, steps[i] ?? NO_VALUE, isFaded, x, y);
    if (camera.scale >= NUMBERS) {
      const step = isFaded ? NO_VALUE : (steps[i] ?? NO_VALUE);
      context.globalAlpha = isFaded ? 0.4 : 1;
      context.fillStyle = step === NO_VALUE ? this.colours.text : this.inks[step];
      context.font = `600 ${Math.min(camera.scale * 0.17, 15)}px ${this.colours.font}`;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      const room = camera.scale * 0.8;
      context.fillText(layout.spots[i].label, x, y - camera.scale * 0.31, room);
      const value = model.values[i];
      if (!Number.isNaN(value) && value !== undefined) {
        context.fillText(model.write(value), x, y + camera.scale * 0.32, room);
      }
      context.globalAlpha = 1;
    }
  }

  /**
   * One machine, alone in the middle of what is drawn on.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {string} letter
   * @param {number} step
   * @param {boolean} isFaded
   * @param {number} scale
   * @param {number} x
   * @param {number} y
   */
  drawMachine(context, letter, step, isFaded, scale, x, y) {
    const { colours } = this;
    const half = scale * HALF.machine[0];
    context.globalAlpha = isFaded ? 0.22 : 1;
    context.beginPath();
    context.roundRect(x - half, y - half, 2 * half, 2 * half, scale * 0.13);
    context.fillStyle = step === NO_VALUE ? colours.empty : this.ramp[step];
    context.fill();
    if (scale >= SHAPES) {
      context.lineWidth = 1;
      context.strokeStyle = colours.line;
      context.stroke();
    }
    const mark = MARKS[letter];
    if (mark !== undefined && (mark.isUrgent || (scale >= SHAPES && letter !== 'I') || scale >= LETTERS)) {
      const hasLetter = scale >= LETTERS;
      const share = hasLetter ? (scale >= NUMBERS ? 0.4 : 0.62) : mark.isUrgent ? 0.82 : 0.55;
      drawMark(context, letter, x, y, scale * share, colours, hasLetter);
    }
    context.globalAlpha = 1;
  }

  /**
   * A table or a shuffler.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {import('./layout').Spot} spot
   * @param {Camera} camera
   * @param {string} letter of a shuffler's state
   * @param {(letter: string) => boolean} isPicked
   */
  #furniture(context, spot, camera, letter, isPicked) {
    const { colours } = this;
    const { scale } = camera;
    const [x, y] = camera.toScreen(spot.x, spot.y);
    const [halfWidth, halfHeight] = HALF[spot.kind];
    const [w, h] = [halfWidth * scale, halfHeight * scale];
    context.lineWidth = Math.max(scale * 0.06, 1);
    context.strokeStyle = colours.muted;
    context.fillStyle = colours.bank;
    if (spot.kind === 'table') {
      context.beginPath();
      context.moveTo(x - w, y - h);
      context.lineTo(x + w, y - h);
      context.bezierCurveTo(x + w, y + h * 1.25, x - w, y + h * 1.25, x - w, y - h);
      context.closePath();
      context.fill();
      context.stroke();
    } else {
      for (const off of [0.16, -0.16]) {
        context.beginPath();
        context.roundRect(x - w * 0.66 + off * w, y - h * 0.9 + off * h, w * 1.32, h * 1.8, w * 0.2);
        context.fill();
        context.stroke();
      }
    }
    const mark = MARKS[letter];
    if (mark && (mark.isUrgent || scale >= SHAPES)) {
      const isLarge = scale >= NUMBERS;
      context.globalAlpha = isPicked(letter) ? 1 : 0.22;
      drawMark(context, letter, x, isLarge ? y + h * 0.3 : y, scale * (isLarge ? 0.34 : 0.6), colours, scale >= LETTERS);
      context.globalAlpha = 1;
      if (!isLarge) return;
    }
    if (scale >= 18) {
      context.fillStyle = colours.text;
      context.font = `600 ${Math.min(scale * (spot.kind === 'table' ? 0.42 : 0.3), 15)}px ${this.colours.font}`;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      const room = 2 * w * (spot.kind === 'table' ? 0.8 : 0.62);
      context.fillText(spot.label, x, y - h * (spot.kind === 'table' ? 0.2 : mark ? 0.45 : 0.1), room);
    }
  }

  /**
   * What lies over the floor: names of zones, and rings round what has the focus or the pointer.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {FloorModel} model
   * @param {Camera} camera
   * @param {{focus: number, hover: number}} rings numbers of spots, or -1
   */
  paintOver(context, model, camera, { focus, hover }) {
    const { ratio, colours } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    model.layout.zones.forEach((zone, i) => this.#zoneName(context, camera, zone.box, model.zones[i]));
    if (camera.scale >= 24) {
      context.font = `500 ${Math.min(camera.scale * 0.3, 12)}px ${this.colours.font}`;
      context.fillStyle = colours.muted;
      context.textAlign = 'left';
      context.textBaseline = 'bottom';
      for (const bank of model.layout.banks) {
        const [x, y] = camera.toScreen(bank.box.x, bank.box.y);
        context.fillText(bank.name, x + 2, y - 1, bank.box.width * camera.scale);
      }
    }
    if (hover >= 0 && hover !== focus) this.#ring(context, model, camera, hover, colours.text, 1.5);
    if (focus >= 0) {
      this.#ring(context, model, camera, focus, colours.surface, 6);
      this.#ring(context, model, camera, focus, colours.focus, 3);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {FloorModel} model
   * @param {Camera} camera
   * @param {number} i
   * @param {string} colour
   * @param {number} width
   */
  #ring(context, model, camera, i, colour, width) {
    const spot = model.layout.spots[i];
    if (spot === undefined) return;
    const [x, y] = camera.toScreen(spot.x, spot.y);
    const [halfWidth, halfHeight] = HALF[spot.kind];
    const w = halfWidth * camera.scale + 2.5;
    const h = halfHeight * camera.scale + 2.5;
    context.beginPath();
    context.roundRect(x - w, y - h, 2 * w, 2 * h, camera.scale * 0.16 + 2);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Camera} camera
   * @param {import('./layout').Box} box
   * @param {FloorModel['zones'][number] | undefined} zone
   */
  #zoneName(context, camera, box, zone) {
    const { colours } = this;
    const [left, top] = camera.toScreen(box.x, box.y);
    const right = Math.min(left + box.width * camera.scale, camera.width - CONTROLS);
    const bottom = top + box.height * camera.scale;
    if (!zone || left > camera.width || top > camera.height || right < 60 || bottom < 30) return;
    // Where only a part of the zone is in sight, its name stands at the edge of the sight.
    const isPinned = top < 0;
    const x = Math.max(left, 0);
    const y = isPinned ? 0 : top;
    const width = right - x;
    const size = Math.min(Math.max(camera.scale * 0.72, 9.5), 18);
    const pad = Math.min(size * 0.6, camera.scale * 0.5);
    const room = width - 2 * pad;
    const line = y + (isPinned ? size : Math.max(camera.scale * 0.9, size * 0.5));
    if (room < 40) return;
    if (isPinned) {
      context.fillStyle = colours.zone;
      context.globalAlpha = 0.88;
      context.fillRect(x, 0, width, size * 2);
      context.globalAlpha = 1;
    }
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    context.font = `650 ${size}px ${this.colours.font}`;
    context.fillStyle = colours.text;
    const named = context.measureText(zone.name).width;
    context.fillText(zone.name, x + pad, line, room);
    if (zone.of === 0) return;
    context.font = `500 ${size * 0.88}px ${this.colours.font}`;
    context.fillStyle = colours.muted;
    const rest = room - named - size * 0.8;
    const full = `${zone.sum} · ${zone.played} of ${zone.of} played`;
    const said = [full, zone.sum].find((text) => context.measureText(text).width <= rest);
    if (said === undefined) return;
    context.textAlign = 'right';
    context.fillText(said, x + pad + room, line);
  }
}

/** Machines as they look, each drawn once at the present size and copied from there. */
class Looks {
  /** @param {Painter} painter */
  constructor(painter) {
    this.#painter = painter;
  }

  /** @type {Painter} */
  #painter;
  /** @type {HTMLCanvasElement | null} */
  #sheet = null;
  /** @type {CanvasRenderingContext2D | null} */
  #context = null;
  #scale = 0;
  /** Device pixels of a look's side. */
  #side = 0;
  /** @type {Map<number, number>} */
  #numbers = new Map();

  static #ACROSS = 24;
  static #MOST = 24 * 16;

  /** @param {number} scale */
  sizeTo(scale) {
    if (scale === this.#scale) return;
    this.#scale = scale;
    this.#numbers.clear();
    if (scale >= NUMBERS) return; // few are in sight: they are drawn one by one
    const side = Math.ceil(scale * HALF.machine[0] * 2 * this.#painter.ratio) + 2;
    this.#sheet ??= document.createElement('canvas');
    this.#context ??= this.#sheet.getContext('2d');
    const width = side * Looks.#ACROSS;
    const height = side * (Looks.#MOST / Looks.#ACROSS);
    if (this.#sheet.width < width || this.#sheet.height < height) {
      this.#sheet.width = width;
      this.#sheet.height = height;
    } else {
      this.#context?.setTransform(1, 0, 0, 1, 0, 0);
      this.#context?.clearRect(0, 0, this.#sheet.width, this.#sheet.height);
    }
    this.#side = side;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {string} letter
   * @param {number} step
   * @param {boolean} isFaded
   * @param {number} x of its middle
   * @param {number} y
   */
  copy(context, letter, step, isFaded, x, y) {
    if (this.#scale >= NUMBERS || this.#sheet === null || this.#context === null) {
      this.#painter.drawMachine(context, letter, step, isFaded, this.#scale, x, y);
      return;
    }
    const look = letter.charCodeAt(0) * 64 + (step + 1) * 2 + Number(isFaded);
    let number = this.#numbers.get(look);
    const side = this.#side;
    const { ratio } = this.#painter;
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(look, number);
      this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const half = side / 2 / ratio;
      const left = ((number % Looks.#ACROSS) * side) / ratio;
      const top = (Math.floor(number / Looks.#ACROSS) * side) / ratio;
      this.#painter.drawMachine(this.#context, letter, step, isFaded, this.#scale, left + half, top + half);
    }
    const size = side / ratio;
    context.drawImage(
      this.#sheet,
      (number % Looks.#ACROSS) * side,
      Math.floor(number / Looks.#ACROSS) * side,
      side,
      side,
      snap(x - size / 2, ratio),
      snap(y - size / 2, ratio),
      size,
      size,
    );
  }
}

/** To the nearest device pixel. @param {number} value @param {number} ratio */
function snap(value, ratio) {
  return Math.round(value * ratio) / ratio;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Camera} camera
 * @param {import('./layout').Box} box
 * @param {number} radius
 * @param {string} fill
 * @param {string} line
 */
function plate(context, camera, box, radius, fill, line) {
  const [x, y] = camera.toScreen(box.x, box.y);
  const [w, h] = [box.width * camera.scale, box.height * camera.scale];
  if (x > camera.width || y > camera.height || x + w < 0 || y + h < 0) return;
  context.beginPath();
  context.roundRect(x, y, w, h, radius * camera.scale);
  context.fillStyle = fill;
  context.fill();
  if (line) {
    context.lineWidth = 1;
    context.strokeStyle = line;
    context.stroke();
  }
}

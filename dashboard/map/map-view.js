/**
 * The map on its canvases: what is drawn when, and what pointers and keys do. The lower canvas has
 * the floor, of which only what changed is drawn again; the upper has names and rings.
 */

import { Camera } from './camera.js';
import { HALF, neighbour, spotAt } from './layout.js';
import { Painter, coloursOf } from './painter.js';

/** @typedef {import('./model.js').FloorModel} FloorModel */

const STEP = 1.25;
/** Pixels that a pointer may move in a click. */
const STILL = 5;

/** @type {Record<string, [number, number]>} */
const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class MapView {
  /**
   * @param {HTMLElement} stage what has the focus and both canvases
   * @param {HTMLCanvasElement} lower
   * @param {HTMLCanvasElement} upper
   * @param {FloorModel} model
   * @param {object} told
   * @param {(spot: number) => void} told.onOpen somebody wants to know all of it
   * @param {(spot: number) => void} told.onFocus it is named; -1 for none
   * @param {(spot: number) => void} told.onHover the pointer is on it; -1 for none
   * @param {() => void} told.onMove what is pointed at may be elsewhere
   */
  constructor(stage, lower, upper, model, told) {
    this.stage = stage;
    this.model = model;
    this.camera = new Camera();
    this.focused = -1;
    this.hovered = -1;
    this.#lower = lower;
    this.#upper = upper;
    this.#told = told;
    this.#painter = this.#newPainter();
    const { signal } = this.#leaving;
    /** @type {[keyof HTMLElementEventMap, (event: any) => void][]} */
    const heard = [
      ['pointerdown', (event) => this.#pointerDown(event)],
      ['pointermove', (event) => this.#pointerMove(event)],
      ['pointerup', (event) => this.#pointerUp(event)],
      ['pointercancel', (event) => this.#pointerGone(event)],
      ['pointerleave', () => this.#hover(-1)],
      ['keydown', (event) => this.#keyDown(event)],
      ['focus', () => this.#focusGained()],
      ['blur', () => this.focus(-1)],
    ];
    for (const [name, listener] of heard) stage.addEventListener(name, listener, { signal });
    stage.addEventListener('wheel', (event) => this.#wheel(event), { signal, passive: false });
    this.#sizes.observe(stage);
    this.#themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    document.fonts.ready.then(() => this.restyle());
  }

  #lower;
  #upper;
  #told;
  #painter;
  #leaving = new AbortController();
  #sizes = new ResizeObserver(() => this.#resized());
  #themes = new MutationObserver(() => this.restyle());
  /** @type {'sequential' | 'diverging'} */
  #kind = 'sequential';
  #frame = 0;
  /** Whether all is to be drawn again; else what is in `#stale`. */
  #isAllStale = true;
  /** @type {Set<number>} */
  #stale = new Set();
  /** Where the camera was when the lower canvas was drawn. */
  #drawn = { x: 0, y: 0, scale: 0 };
  /** @type {(letter: string) => boolean} */
  #isPicked = () => true;
  /** Pointers that are down, by id, where they are now. @type {Map<number, {x: number, y: number}>} */
  #pointers = new Map();
  #travelled = 0;
  /** The spot that was focused before the focus left. */
  #remembered = -1;
  /** Whether the pointer gave the focus: then no machine is named yet. */
  #isPointed = false;

  /** Let go of everything. */
  destroy() {
    cancelAnimationFrame(this.#frame);
    this.#leaving.abort();
    this.#sizes.disconnect();
    this.#themes.disconnect();
    this.#lower.width = this.#upper.width = 0; // frees their memory at once
  }

  /** The floor has another layout. */
  relaid() {
    this.focused = this.hovered = this.#remembered = -1;
    this.camera.show(this.model.layout.box);
    this.redraw();
  }

  /** The theme, or how finely the screen shows it, is another. */
  restyle() {
    this.#painter = this.#newPainter();
    this.redraw();
  }

  /**
   * What is shown has changed.
   *
   * @param {number[]} changed machines by number
   * @param {'sequential' | 'diverging'} kind of the ramp
   * @param {(letter: string) => boolean} isPicked
   */
  changed(changed, kind, isPicked) {
    this.#isPicked = isPicked;
    if (kind !== this.#kind) {
      this.#kind = kind;
      this.restyle();
    }
    for (const i of changed) this.#stale.add(i);
    this.#ask();
  }

  /** Draw all again, in the next frame. */
  redraw() {
    this.#isAllStale = true;
    this.#ask();
  }

  /** @param {number} spot -1 for none */
  focus(spot) {
    if (spot === this.focused) return;
    this.focused = spot;
    if (spot >= 0) {
      this.#remembered = spot;
      const { x, y } = this.model.layout.spots[spot];
      const before = `${this.camera.x} ${this.camera.y}`;
      this.camera.reveal(x, y);
      if (before !== `${this.camera.x} ${this.camera.y}`) this.redraw();
    }
    this.#told.onFocus(spot);
    this.#ask();
  }

  /** @param {number} factor */
  zoom(factor) {
    const spot = this.model.layout.spots[this.focused];
    if (spot) this.camera.zoom(factor, ...this.camera.toScreen(spot.x, spot.y));
    else this.camera.zoom(factor);
    this.#moved();
  }

  zoomIn() {
    this.zoom(STEP);
  }

  zoomOut() {
    this.zoom(1 / STEP);
  }

  fit() {
    this.camera.fit();
    this.#moved();
  }

  /** Where a spot is on the stage, pixels. @param {number} spot @returns {DOMRect} */
  boxOf(spot) {
    const { kind, x, y } = this.model.layout.spots[spot];
    const { scale } = this.camera;
    const [px, py] = this.camera.toScreen(x, y);
    const [halfWidth, halfHeight] = HALF[kind];
    const [w, h] = [halfWidth * scale, halfHeight * scale];
    return new DOMRect(px - w, py - h, 2 * w, 2 * h);
  }

  #newPainter() {
    return new Painter(coloursOf(this.stage), this.#kind, window.devicePixelRatio || 1);
  }

  #ask() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const { model, camera } = this;
    const lower = this.#lower.getContext('2d', { alpha: false });
    const upper = this.#upper.getContext('2d');
    if (lower === null || upper === null || this.#lower.width === 0) return;
    if (this.#painter.ratio !== (window.devicePixelRatio || 1)) {
      this.#painter = this.#newPainter();
      this.#resized();
    }
    const { x, y, scale } = this.#drawn;
    const { ratio } = this.#painter;
    const [dx, dy] = [(camera.x - x) * ratio, (camera.y - y) * ratio];
    const isMoved = dx !== 0 || dy !== 0;
    if (this.#isAllStale || scale !== camera.scale || !isWhole(dx) || !isWhole(dy)) {
      this.#painter.paint(lower, model, camera, this.#isPicked);
    } else {
      if (isMoved) this.#painter.shift(lower, model, camera, this.#isPicked, Math.round(dx), Math.round(dy));
      if (this.#stale.size) this.#painter.repaint(lower, model, camera, this.#isPicked, this.#stale);
    }
    this.#drawn = { x: camera.x, y: camera.y, scale: camera.scale };
    this.#isAllStale = false;
    this.#stale.clear();
    this.#painter.paintOver(upper, model, camera, { focus: this.focused, hover: this.hovered });
  }

  #resized() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.#lower, this.#upper]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.camera.resize(width, height);
    this.#isAllStale = true;
    this.#moved();
  }

  #moved() {
    this.#ask();
    this.#told.onMove();
  }

  /** @param {number} spot */
  #hover(spot) {
    if (spot === this.hovered) return;
    this.hovered = spot;
    this.stage.classList.toggle('is-pointing', spot >= 0);
    this.#told.onHover(spot);
    this.#ask();
  }

  /** @param {{offsetX: number, offsetY: number}} event */
  #spotUnder({ offsetX, offsetY }) {
    const { camera, model } = this;
    const [x, y] = camera.toFloor(offsetX, offsetY);
    return spotAt(model.layout, x, y, Math.min(6 / camera.scale, 0.5));
  }

  /** @param {PointerEvent} event */
  #pointerDown(event) {
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest('button, a'))) return;
    this.#isPointed = true;
    this.#pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (this.#pointers.size === 1) this.#travelled = 0;
    this.stage.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #pointerMove(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) {
      this.#hover(this.#spotUnder(event));
      return;
    }
    const now = { x: event.offsetX, y: event.offsetY };
    const [one, other] = [...this.#pointers.values()];
    const spread = other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
    this.#pointers.set(event.pointerId, now);
    this.#travelled += Math.hypot(now.x - before.x, now.y - before.y);
    if (this.#travelled < STILL) return;
    this.#hover(-1);
    this.stage.classList.add('is-panned');
    const share = this.#pointers.size;
    this.camera.pan((now.x - before.x) / share, (now.y - before.y) / share);
    if (other && spread > 0) {
      const [a, b] = [...this.#pointers.values()];
      this.camera.zoom(Math.hypot(a.x - b.x, a.y - b.y) / spread, (a.x + b.x) / 2, (a.y + b.y) / 2);
    }
    this.#moved();
  }

  /** @param {PointerEvent} event */
  #pointerUp(event) {
    const isClick = this.#pointers.has(event.pointerId) && this.#travelled < STILL;
    this.#pointerGone(event);
    if (!isClick) return;
    const spot = this.#spotUnder(event);
    this.focus(spot);
    if (spot >= 0) this.#told.onOpen(spot);
  }

  /** @param {PointerEvent} event */
  #pointerGone(event) {
    this.#pointers.delete(event.pointerId);
    this.#isPointed = false;
    this.stage.classList.remove('is-panned');
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    const { camera } = this;
    if (event.deltaY > 0 && camera.isFitted) return; // nothing to zoom out of: the page scrolls
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const factor = Math.exp(-Math.min(Math.max(event.deltaY * lines, -120), 120) / 400);
    camera.zoom(factor, event.offsetX, event.offsetY);
    this.#moved();
  }

  #focusGained() {
    if (this.#isPointed || this.model.layout.spots.length === 0) return;
    this.focus(this.#remembered >= 0 ? this.#remembered : 0);
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    if (event.target !== this.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.#takeKey(event.key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {string} key @param {boolean} isShifted @returns {boolean} whether it is one of the map's */
  #takeKey(key, isShifted) {
    const { layout } = this.model;
    const arrow = ARROWS[key];
    if (arrow && isShifted) {
      this.camera.pan(-80 * arrow[0], -80 * arrow[1]);
      this.#moved();
    } else if (arrow) {
      if (layout.spots.length === 0) return false;
      this.focus(this.focused < 0 ? Math.max(this.#remembered, 0) : neighbour(layout, this.focused, ...arrow));
    } else if (key === 'Home' || key === 'End') {
      if (layout.spots.length === 0) return false;
      this.focus(key === 'Home' ? 0 : layout.spots.length - 1);
    } else if (key === 'Enter' || key === ' ') {
      if (this.focused < 0) return false;
      this.#told.onOpen(this.focused);
    } else if (key === 'Escape') {
      if (this.focused < 0) return false;
      this.focus(-1);
    } else if (key === '+' || key === '=') this.zoomIn();
    else if (key === '-' || key === '_') this.zoomOut();
    else if (key === '0') this.fit();
    else return false;
    return true;
  }
}

/** Whether a number of device pixels is a whole one. @param {number} pixels */
function isWhole(pixels) {
  return Math.abs(pixels - Math.round(pixels)) < 1e-6;
}

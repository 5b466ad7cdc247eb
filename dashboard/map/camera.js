/** Which part of the floor is looked at, and how large: floor to screen and back. */

/** @typedef {import('./layout').Box} Box */

/** Pixels of a machine's width when it is looked at from as near as possible. */
const NEAREST = 96;
const MARGIN = 12;
/** So much of the floor stays in sight, pixels. */
const IN_SIGHT = 80;

export class Camera {
  constructor() {
    /** Pixels of a machine's width. */
    this.scale = 20;
    this.x = 0;
    this.y = 0;
    this.width = 1;
    this.height = 1;
    /** @type {Box} */
    this.box = { x: 0, y: 0, width: 1, height: 1 };
    this.isFitted = true;
  }

  /** The scale at which all of the floor is just in sight. */
  get whole() {
    const across = (this.width - 2 * MARGIN) / this.box.width;
    const down = (this.height - 2 * MARGIN) / this.box.height;
    return Math.max(Math.min(across, down, NEAREST), 1);
  }

  /** @param {number} width pixels of the screen @param {number} height */
  resize(width, height) {
    this.width = width;
    this.height = height;
    if (this.isFitted) this.fit();
    else this.#keepInSight();
  }

  /** @param {Box} box of the floor */
  show(box) {
    this.box = box;
    if (this.isFitted) this.fit();
    else this.#keepInSight();
  }

  /** Show all of the floor. */
  fit() {
    this.scale = this.whole;
    this.x = this.width / 2 - (this.box.x + this.box.width / 2) * this.scale;
    this.y = this.height / 2 - (this.box.y + this.box.height / 2) * this.scale;
    this.isFitted = true;
  }

  /** @param {number} dx pixels @param {number} dy */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.isFitted = false;
    this.#keepInSight();
  }

  /**
   * @param {number} factor
   * @param {number} [x] what stays where it is, pixels
   * @param {number} [y]
   */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(Math.max(this.scale * factor, this.whole), NEAREST);
    if (scale <= this.whole) {
      this.fit();
      return;
    }
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.isFitted = false;
    this.#keepInSight();
  }

  /** Pan as little as shows a point of the floor. @param {number} x @param {number} y */
  reveal(x, y) {
    const [px, py] = this.toScreen(x, y);
    const edge = Math.min(60, this.width / 4, this.height / 4);
    const dx = px < edge ? edge - px : Math.min(this.width - edge - px, 0);
    const dy = py < edge ? edge - py : Math.min(this.height - edge - py, 0);
    if ((dx || dy) && !this.isFitted) this.pan(dx, dy);
  }

  /** @param {number} x @param {number} y @returns {[number, number]} pixels */
  toScreen(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  /** @param {number} px @param {number} py @returns {[number, number]} of the floor */
  toFloor(px, py) {
    return [(px - this.x) / this.scale, (py - this.y) / this.scale];
  }

  #keepInSight() {
    const { scale, box } = this;
    const left = box.x * scale;
    const top = box.y * scale;
    const right = left + box.width * scale;
    const bottom = top + box.height * scale;
    this.x = Math.min(Math.max(this.x, IN_SIGHT - right), this.width - IN_SIGHT - left);
    this.y = Math.min(Math.max(this.y, IN_SIGHT - bottom), this.height - IN_SIGHT - top);
  }
}

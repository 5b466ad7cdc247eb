/** Where everything stands: the places of the plan, and of machines that it does not name. */

/**
 * @typedef {import('../types').Place} Place
 * @typedef {{x: number, y: number, width: number, height: number}} Box in machine widths
 *
 * @typedef {object} Spot something that stands on the floor; `x` and `y` are its middle
 * @property {Place['kind']} kind
 * @property {string} id
 * @property {string} label
 * @property {string} zone
 * @property {string} bank
 * @property {string} tableId
 * @property {number} x
 * @property {number} y
 *
 * @typedef {object} Area a zone or a bank, with the machines in it by their number in `spots`
 * @property {string} name
 * @property {Box} box
 * @property {number[]} machines
 *
 * @typedef {object} Layout
 * @property {Spot[]} spots machines first, by zone, bank and place
 * @property {number} machines how many of the spots are machines
 * @property {Map<string, number>} byId
 * @property {Area[]} zones
 * @property {Area[]} banks
 * @property {Box} box of everything
 * @property {boolean} isPlanned whether there is a plan
 * @property {number} unplaced machines that the plan does not name
 */

/** Half the width and half the height of what is drawn, in machine widths. */
export const HALF = { machine: [0.44, 0.44], table: [1.1, 0.7], shuffler: [0.4, 0.4] };

const BANK_LENGTH = 10;
const ZONE_PAD = 0.9;
const BANK_PAD = 0.58;
/** Room above a zone for its name. */
const ZONE_HEAD = 1.7;

/**
 * @param {import('../types').FloorPlan | null} plan
 * @param {Iterable<string>} assets all machines that were heard of
 * @returns {Layout}
 */
export function layOut(plan, assets) {
  const places = plan?.places ?? [];
  const isPlanned = places.length > 0;
  const spots = places.map(spotOf);
  const known = new Set(spots.map((spot) => spot.id));
  const others = [...assets].filter((id) => !known.has(id)).sort(byNumber);
  const below = spots.reduce((most, spot) => Math.max(most, spot.y + 4), 0);
  spots.push(...rows(others, isPlanned ? 'Not in the plan' : '', below));
  const ordered = [
    ...spots.filter((spot) => spot.kind === 'machine').sort(byPlace),
    ...spots.filter((spot) => spot.kind !== 'machine'),
  ];
  const zones = areas(ordered, (spot) => spot.zone, ZONE_PAD);
  const banks = areas(
    ordered.filter((spot) => spot.kind === 'machine'),
    (spot) => spot.bank && `${spot.zone}\n${spot.bank}`,
    BANK_PAD,
  );
  for (const zone of zones) {
    zone.box.y -= ZONE_HEAD;
    zone.box.height += ZONE_HEAD;
  }
  return {
    spots: ordered,
    machines: ordered.filter((spot) => spot.kind === 'machine').length,
    byId: new Map(ordered.map((spot, i) => [spot.id, i])),
    zones,
    banks,
    box: around(ordered, 2 + ZONE_HEAD),
    isPlanned,
    unplaced: isPlanned ? others.length : 0,
  };
}

/** @param {Place} place @returns {Spot} */
function spotOf(place) {
  return {
    kind: place.kind ?? 'machine',
    id: place.asset_id,
    label: place.label || place.asset_id,
    zone: place.zone,
    bank: place.bank ?? '',
    tableId: place.table_id ?? '',
    x: place.x,
    y: place.y,
  };
}

/**
 * Machines without a place: banks of two rows back to back, as many side by side as make a floor
 * about half as high as wide.
 *
 * @param {string[]} ids
 * @param {string} zone
 * @param {number} below
 * @returns {Spot[]}
 */
function rows(ids, zone, below) {
  const perBank = 2 * BANK_LENGTH;
  const across = Math.max(Math.round(Math.sqrt(ids.length / perBank) * 0.95), 1);
  return ids.map((id, i) => {
    const bank = Math.floor(i / perBank);
    const inBank = i % perBank;
    return {
      kind: 'machine',
      id,
      label: id,
      zone,
      bank: String(bank + 1),
      tableId: '',
      x: 1 + (bank % across) * (BANK_LENGTH + 2) + (inBank % BANK_LENGTH),
      y: below + 1 + Math.floor(bank / across) * 4 + Math.floor(inBank / BANK_LENGTH),
    };
  });
}

/**
 * @param {Spot[]} spots
 * @param {(spot: Spot) => string} keyOf empty for those of no area
 * @param {number} pad
 * @returns {Area[]}
 */
function areas(spots, keyOf, pad) {
  /** @type {Map<string, {spots: Spot[], machines: number[]}>} */
  const found = new Map();
  spots.forEach((spot, i) => {
    const key = keyOf(spot);
    if (!key) return;
    const area = found.get(key) ?? { spots: [], machines: [] };
    found.set(key, area);
    area.spots.push(spot);
    if (spot.kind === 'machine') area.machines.push(i);
  });
  return [...found].map(([key, area]) => ({
    name: key.slice(key.indexOf('\n') + 1),
    box: around(area.spots, pad),
    machines: area.machines,
  }));
}

/** @param {Spot[]} spots @param {number} pad @returns {Box} */
function around(spots, pad) {
  if (spots.length === 0) return { x: 0, y: 0, width: 1, height: 1 };
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { kind, x, y } of spots) {
    const more = kind === 'machine' ? 0 : 0.5;
    left = Math.min(left, x - more);
    right = Math.max(right, x + more);
    top = Math.min(top, y - more);
    bottom = Math.max(bottom, y + more);
  }
  return {
    x: left - pad,
    y: top - pad,
    width: right - left + 2 * pad,
    height: bottom - top + 2 * pad,
  };
}

/**
 * The spot to go to from another by an arrow key: the nearest in that direction, those straight
 * ahead first.
 *
 * @param {Layout} layout
 * @param {number} from number of a spot
 * @param {number} dx -1, 0 or 1
 * @param {number} dy
 * @returns {number} where it is at the edge: itself
 */
export function neighbour(layout, from, dx, dy) {
  const here = layout.spots[from];
  let best = from;
  let least = Infinity;
  layout.spots.forEach((spot, i) => {
    const along = (spot.x - here.x) * dx + (spot.y - here.y) * dy;
    const aside = Math.abs((spot.x - here.x) * dy) + Math.abs((spot.y - here.y) * dx);
    if (along < 0.25 || aside > 2 * along + 1) return;
    const far = along + 2.5 * aside;
    if (far < least) [best, least] = [i, far];
  });
  return best;
}

/**
 * The spot at a point of the floor, or -1.
 *
 * @param {Layout} layout
 * @param {number} x
 * @param {number} y
 * @param {number} reach how far beside a machine still counts
 */
export function spotAt(layout, x, y, reach) {
  let found = -1;
  let least = Infinity;
  layout.spots.forEach((spot, i) => {
    const [halfWidth, halfHeight] = HALF[spot.kind];
    const dx = Math.max(Math.abs(spot.x - x) - halfWidth, 0);
    const dy = Math.max(Math.abs(spot.y - y) - halfHeight, 0);
    const far = Math.max(dx, dy);
    if (far <= reach && far < least) [found, least] = [i, far];
  });
  return found;
}

/** @param {string} a @param {string} b */
function byNumber(a, b) {
  return a.length - b.length || (a < b ? -1 : 1);
}

/** `localeCompare` with options makes one of these each time. */
const NAMES = new Intl.Collator('en', { numeric: true });

/** @param {Spot} a @param {Spot} b */
function byPlace(a, b) {
  return (
    NAMES.compare(a.zone, b.zone) ||
    NAMES.compare(a.bank, b.bank) ||
    a.y - b.y ||
    a.x - b.x
  );
}

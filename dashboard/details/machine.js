/** A machine: what it does now, its meters, its days against theory, and its last games. */

import { get } from '../api.js';
import { floor } from '../floor.js';
import { clock, count, dollars, dollarsAndCents, duration, hourAndMinute, NONE, percent, plural } from '../format.js';
import { html } from '../html.js';
import { Mark } from '../map/mark.js';
import { minutesOccupied, points, theoreticalCentsAnHour } from '../map/measures.js';
import { faultName, shownAt } from '../map/words.js';
import { coinInAMinute, stateName, stateOf } from '../states.js';
import { DataTable } from '../table.js';
import { Facts, inCents, Part, useDocument } from './document.js';

/** Games that are shown, the newest. */
const LAST_GAMES = 50;
const MOST_PAGES = 10;
const BASIS_POINTS = 10_000;
/** 95 of 100 fair machines are within the band. */
const Z = 1.96;

/**
 * @param {object} props
 * @param {string} props.assetId
 * @param {() => void} props.onClose
 * @param {(playerId: string) => void} [props.onPlayer]
 */
export function MachineDetails({ assetId, onPlayer }) {
  const path = `/machines/${encodeURIComponent(assetId)}`;
  const place = floor.plan.value?.places.find((one) => one.asset_id === assetId);
  floor.version.value;
  const machine = floor.machines.get(assetId);
  const isRated = Boolean(machine?.sums);
  const rating = useDocument(path, undefined, isRated);
  const ledger = useDocument(`${path}/ledger`, wholeLedger, isRated);
  const now = shownAt();
  const letter = stateOf(machine ?? { sums: null, condition: null }, floor.limits.value, now);
  return html`<header class="drawer-head">
      <h2 id="drawer-title"><${Mark} letter=${letter} /> Machine ${place?.label || assetId}</h2>
      <p class="dim">
        ${[stateName(letter), place?.zone, place?.bank && `bank ${place.bank}`, place?.label && place.label !== assetId && assetId]
          .filter(Boolean)
          .join(' · ')}
      </p>
    </header>
    <${Now} machine=${machine} now=${now} onPlayer=${onPlayer} />
    <${Part} title="Hold against theory" reading=${rating}>
      ${(/** @type {any} */ document) => html`<${Hold} rating=${document} ledger=${ledger.document} />`}
    <//>
    <${Part} title="Reconciliation" reading=${rating}>
      ${(/** @type {any} */ document) => html`<${Reconciliation} rating=${document} condition=${machine?.condition} />`}
    <//>
    <${Part} title="Last games" reading=${ledger}>
      ${(/** @type {any} */ document) => html`<${Games} ledger=${document} onPlayer=${onPlayer} />`}
    <//>
    <${Part} title="Gaming days" reading=${rating}>
      ${(/** @type {any} */ document) => html`<${Days} days=${document.days} />`}
    <//>`;
}

/**
 * The ledger's lines come the first first: its last games are at the end of its pages.
 *
 * @param {string} path
 * @param {AbortSignal} signal
 */
async function wholeLedger(path, signal) {
  let page = await get(`${path}?limit=2000`, { signal });
  const lines = [...page.lines];
  for (let i = 1; page.next && i < MOST_PAGES; i++) {
    page = await get(`${path}?limit=2000&cursor=${encodeURIComponent(page.next)}`, { signal });
    lines.push(...page.lines);
  }
  return { ...page, lines };
}

/** @param {{machine: import('../types').Machine | undefined, now: number, onPlayer?: (id: string) => void}} props */
function Now({ machine, now, onPlayer }) {
  const { sums, condition } = machine ?? { sums: null, condition: null };
  const playerId = sums?.player_id;
  return html`<section class="drawer-part">
    <h3>Now</h3>
    ${condition?.faults.map(
      (fault) => html`<p class="fault-line" key=${fault.kind}>
        <b>${faultName(fault.kind)}</b> for ${duration(now - fault.since)}, since ${clock(fault.since)}
        ${fault.detail && `: ${fault.detail}`}
      </p>`,
    )}
    <${Facts}
      of=${[
        ['Coin-in a minute', dollars(sums && coinInAMinute(sums, now))],
        ['Theoretical win an hour', dollars(sums && orNull(theoreticalCentsAnHour(sums, now)))],
        ['Played of the last 5 min', sums ? `${minutesOccupied(sums, now)} min` : NONE],
        ['Last play', clock(sums?.last_play)],
        ['Heard of', condition ? `${duration(now - condition.heard_at)} ago` : NONE],
        sums?.is_carded && [
          sums.is_employee ? 'Employee' : 'Player',
          playerId && onPlayer
            ? html`<button type="button" class="link" onClick=${() => onPlayer(playerId)}>${playerId}</button>`
            : (playerId ?? 'a card is in'),
        ],
        sums?.is_carded && sums.seated_since != null && ['Seated for', duration(now - sums.seated_since)],
      ]}
    />
  </section>`;
}

/**
 * Actual hold of the newest day, theory, and the band that 95 of 100 fair machines are in after as
 * much play. How much a game varies is estimated from the day's games.
 *
 * @param {{rating: any, ledger: any}} props
 */
function Hold({ rating, ledger }) {
  const { play } = rating.days[0] ?? {};
  if (!play || play.coin_in_cents === 0) return html`<p class="dim">No play yet this gaming day.</p>`;
  if (play.unrated_coin_in_cents > 0) {
    return html`<p>
      ${dollarsAndCents(play.unrated_coin_in_cents)} of coin-in is not rated: the paytable in force is not
      known, so there is no theory to compare with.
    </p>`;
  }
  const actual = play.actual_win_cents / play.coin_in_cents;
  const theory = (inCents(play.theoretical_win) ?? 0) / play.coin_in_cents;
  const margin = ledger ? bandOf(ledger.lines) : null;
  const isOut = margin !== null && Math.abs(actual - theory) > margin;
  return html`<${Facts}
      of=${[
        ['Actual', percent(actual)],
        ['Theoretical', percent(theory)],
        ['Difference', points(actual - theory)],
        ['Band', margin === null ? NONE : `${percent(theory - margin)} to ${percent(theory + margin)}`],
        ['Paytable in force', percent(rating.hold_basis_points == null ? null : rating.hold_basis_points / BASIS_POINTS)],
      ]}
    />
    ${margin !== null &&
    html`<${Band} ...${{ actual, theory, margin }} />
      <p class=${isOut ? 'fault-line' : 'dim'}>
        ${isOut ? 'Outside the band: look at the paytable and the meters.' : 'Within what chance explains.'}
        ${' '}The band is what 95 of 100 fair machines hold after ${plural(play.games, 'game')} like these.
      </p>`}`;
}

/**
 * Half the width of the band: of a share of coin-in, the standard error times `Z`. What a game's
 * result is off theory is squared and summed, as in `pitboss.rating.hold`; null of too few games.
 *
 * @param {any[]} lines of the ledger
 */
function bandOf(lines) {
  const games = lines.filter((line) => line.kind === 'game' && line.coin_in_cents > 0);
  if (games.length < 100) return null;
  let coinIn = 0;
  let squares = 0;
  for (const game of games) {
    coinIn += game.coin_in_cents;
    squares += (game.coin_in_cents - game.coin_out_cents - Number(game.theoretical_win) * 100) ** 2;
  }
  return (Z * Math.sqrt(squares)) / coinIn;
}

/** @param {{actual: number, theory: number, margin: number}} props */
function Band({ actual, theory, margin }) {
  const reach = Math.max(Math.abs(actual - theory), margin) * 1.25;
  /** @param {number} value */
  const x = (value) => 100 + ((value - theory) / reach) * 96;
  return html`<svg class="hold-band" viewBox="0 0 200 24" aria-hidden="true">
    <path class="band-axis" d="M2 12H198" />
    <rect class="band-fair" x=${x(theory - margin)} y="6" width=${x(theory + margin) - x(theory - margin)} height="12" />
    <path class="band-theory" d=${`M${x(theory)} 2V22`} />
    <circle class="band-actual" cx=${x(actual)} cy="12" r="5" />
  </svg>`;
}

/** @param {{rating: any, condition: import('../types').MachineCondition | null | undefined}} props */
function Reconciliation({ rating, condition }) {
  const { play } = rating.days[0] ?? {};
  if (!play) return html`<p class="dim">Nothing was rated yet.</p>`;
  const isWhole = play.gaps === 0 && play.meter_difference_cents === 0;
  return html`<p class=${isWhole ? 'good-line' : 'fault-line'}>
      ${isWhole
        ? 'Events and meters agree to the cent.'
        : `The coin-in meter moved ${dollarsAndCents(play.meter_difference_cents)} more than the events say, over ${plural(play.gaps, 'gap')}.`}
    </p>
    <${Facts}
      of=${[
        ['Gaps', count(play.gaps)],
        ['Meter less events', dollarsAndCents(play.meter_difference_cents)],
        ['Incomplete games', count(play.incomplete_games)],
        ['Paid by hand', dollarsAndCents(play.handpaid_cents)],
        ['Coin-in meter', credits(condition?.coin_in_meter_credits)],
        ['Coin-out meter', credits(condition?.coin_out_meter_credits)],
        ['Games meter', count(condition?.games_played_meter)],
      ]}
    />`;
}

/** @param {{ledger: any, onPlayer?: (id: string) => void}} props */
function Games({ ledger, onPlayer }) {
  const lines = ledger.lines.filter((/** @type {any} */ line) => line.kind !== 'session').slice(-LAST_GAMES).reverse();
  return html`<${DataTable}
      caption=${`The last games of ${ledger.gaming_day}`}
      keyOf=${(/** @type {any} */ line) => String(line.number)}
      rows=${lines}
      pageSize=${10}
      empty="No game yet this gaming day."
      columns=${[
        { id: 'at', name: 'Ended', isHeader: true, cell: (/** @type {any} */ line) => clock(line.ended_at ?? line.at ?? line.started_at) },
        { id: 'what', name: 'What', cell: (/** @type {any} */ line) => lineName(line) },
        { id: 'in', name: 'Coin-in', isNumber: true, cell: (/** @type {any} */ line) => dollarsAndCents(line.coin_in_cents) },
        { id: 'out', name: 'Coin-out', isNumber: true, cell: (/** @type {any} */ line) => dollarsAndCents(line.coin_out_cents) },
        {
          id: 'who',
          name: 'Player',
          cell: (/** @type {any} */ line) =>
            line.player_id && onPlayer
              ? html`<button type="button" class="link" onClick=${() => onPlayer(line.player_id)}>${line.player_id}</button>`
              : (line.player_id ?? NONE),
        },
      ]}
    />
    ${!ledger.total.agrees && html`<p class="fault-line">The lines do not add up to what is stored: see the reconciliation runbook.</p>`}`;
}

/** @param {any} line */
function lineName(line) {
  if (line.kind === 'game') return line.started_at === null || line.ended_at === null ? 'Game, incomplete' : 'Game';
  if (line.kind === 'handpay') return `Hand-pay ${dollarsAndCents(line.amount_cents)}`;
  if (line.kind === 'gap') return `Gap ${dollarsAndCents(line.amount_cents)}`;
  return 'Rated afterwards';
}

/** @param {{days: any[]}} props */
function Days({ days }) {
  return html`<${DataTable}
    caption="Gaming days, the newest first"
    keyOf=${(/** @type {any} */ day) => day.gaming_day}
    rows=${days}
    pageSize=${7}
    columns=${[
      { id: 'day', name: 'Day', isHeader: true, by: (/** @type {any} */ day) => day.gaming_day, cell: (/** @type {any} */ day) => day.gaming_day },
      { id: 'games', name: 'Games', isNumber: true, by: (/** @type {any} */ { play }) => play.games, cell: (/** @type {any} */ { play }) => count(play.games) },
      { id: 'in', name: 'Coin-in', isNumber: true, by: (/** @type {any} */ { play }) => play.coin_in_cents, cell: (/** @type {any} */ { play }) => dollars(play.coin_in_cents) },
      { id: 'win', name: 'Actual win', isNumber: true, by: (/** @type {any} */ { play }) => play.actual_win_cents, cell: (/** @type {any} */ { play }) => dollars(play.actual_win_cents) },
      { id: 'theo', name: 'Theoretical', isNumber: true, by: (/** @type {any} */ { play }) => Number(play.theoretical_win), cell: (/** @type {any} */ { play }) => dollars(inCents(play.theoretical_win)) },
      { id: 'played', name: 'Played', cell: (/** @type {any} */ { play }) => `${hourAndMinute(play.first_play)}–${hourAndMinute(play.last_play)}` },
    ]}
  />`;
}

/** @param {number} value */
function orNull(value) {
  return Number.isNaN(value) ? null : value;
}

/** @param {number | null | undefined} meter */
function credits(meter) {
  return meter == null ? NONE : `${count(meter)} credits`;
}

/** The floor in figures: each with its unit, how it changed since the mark, and where it leads. */

import { computed, effect, signal } from '@preact/signals';

import { checkpoint, CheckpointControl, since } from './checkpoint.js';
import { floor } from './floor.js';
import { change, count, dollars, duration, hourAndMinute, NONE, percent } from './format.js';
import { html } from './html.js';
import { Freshness, Spark } from './parts.js';
import { href } from './route.js';
import { may } from './session.js';
import { isKiosk } from './theme.js';
import { coinInAMinute, eventsASecond, lag, totalsOf } from './totals.js';

const MINUTE_MS = 60_000;

/** Minutes of the line of coin-in. */
const LINE_MINUTES = 60;

/** What the machines add up to. */
export const totals = computed(() => {
  floor.version.value;
  return totalsOf(
    floor.machines.values(),
    floor.limits.value,
    floor.gamingDay.value,
    floor.now.value,
  );
});

/** Offers of this gaming day; those of one that is over are not shown as its own. */
const offers = computed(() => {
  const counted = floor.offers.value;
  return counted && counted.gaming_day >= floor.gamingDay.value ? counted : null;
});

/** What offers may still cost this gaming day, in cents; null where there is no limit. */
const budgetLeft = computed(() => {
  const status = floor.status.value;
  return status?.budget_cents == null ? null : status.budget_cents - status.reserved_cents;
});

/** Every figure by its id, as a mark keeps them. Money in cents, lag in milliseconds. */
export function figures() {
  const now = floor.now.peek();
  const all = totals.peek();
  return {
    carded: all.carded,
    uncarded: all.uncarded,
    coin_in: coinInAMinute(all.coinInByMinute, now),
    theo: all.theoreticalWin,
    actual: all.actualWin,
    hold: all.hold ? all.hold.actual - all.hold.theoretical : null,
    handpays: all.handpays,
    decided: offers.peek()?.decided ?? 0,
    delivered: offers.peek()?.delivered ?? 0,
    accepted: offers.peek()?.accepted ?? 0,
    budget: budgetLeft.peek(),
    events: eventsASecond(floor.rates.peek(), now),
    lag: lag(floor.rates.peek(), now),
    quarantined: floor.status.peek()?.quarantined ?? null,
  };
}

/** Coin-in of whole minutes since the page was opened and a little before, the oldest first. */
const line = signal(/** @type {{minute: number, cents: number}[]} */ ([]));

effect(() => {
  const { coinInByMinute } = totals.value;
  const minute = Math.floor(floor.now.value / MINUTE_MS);
  if (floor.at.value === 0) {
    line.value = [];
    return;
  }
  const before = line.peek();
  const recent = coinInByMinute
    .map((cents, age) => ({ minute: minute - age, cents: Math.max(cents, 0) }))
    .slice(1)
    .reverse();
  const isSame =
    before.length >= recent.length &&
    recent.every((one, i) => {
      const old = before[before.length - recent.length + i];
      return old.minute === one.minute && old.cents === one.cents;
    });
  if (isSame) return;
  line.value = [...before.filter((one) => one.minute < recent[0].minute), ...recent].slice(
    -LINE_MINUTES,
  );
});

/** The band of figures. */
export function Tiles() {
  return html`<section class="figures" aria-labelledby="figures-title">
    <header class="figures-head">
      <h2 id="figures-title">The floor now</h2>
      <${Freshness} at=${floor.at.value} isPaused=${floor.paused.value} />
      ${!isKiosk && html`<${CheckpointControl} values=${figures} />`}
    </header>
    <ul class="tiles">
      <${CardedTile} />
      <${UncardedTile} />
      <${CoinInTile} />
      <${TheoTile} />
      <${HoldTile} />
      <${HandpaysTile} />
      <${OffersTile} />
      <${BudgetTile} />
      <${FeedTile} />
    </ul>
  </section>`;
}

/**
 * @param {object} props
 * @param {string} props.name
 * @param {string} props.to where it leads
 * @param {string} [props.kind] a class
 * @param {any} props.children
 */
function Tile({ name, to, kind = '', children }) {
  return html`<li class=${`tile ${kind}`}>
    <a href=${to}><span class="tile-name">${name}</span>${children}</a>
  </li>`;
}

/**
 * The change since the mark or, without one, what the figure is of.
 *
 * @param {object} props
 * @param {string} props.id of the figure
 * @param {number | null} props.value
 * @param {(value: number) => string} props.write
 * @param {boolean} [props.isOfDay] whether it begins anew with each gaming day
 * @param {any} [props.children] what the figure is of
 */
function Under({ id, value, write, isOfDay = false, children }) {
  const difference = since(id, value, isOfDay);
  if (checkpoint.value === null) return html`<span class="tile-under">${children}</span>`;
  return html`<span class="tile-under is-change num">
    ${difference === null
      ? isOfDay
        ? 'a new gaming day'
        : NONE
      : html`${change(difference, write)}<span class="visually-hidden">
            ${' '}since ${checkpoint.value.name}</span
          >`}
  </span>`;
}

function CardedTile() {
  const { carded } = totals.value;
  const to = may('ratings:read') ? href('players') : href('machines', { state: 'C' });
  return html`<${Tile} name="Carded players" to=${to}>
    <span class="tile-value num">${count(carded)}</span>
    <${Under} id="carded" value=${carded} write=${count}>${share()} of players<//>
  <//>`;
}

function share() {
  const { carded, uncarded } = totals.value;
  return carded + uncarded === 0 ? NONE : `${Math.round((100 * carded) / (carded + uncarded))} %`;
}

function UncardedTile() {
  const { uncarded } = totals.value;
  return html`<${Tile} name="Uncarded" to=${href('machines', { state: 'U' })}>
    <span class="tile-value num">${count(uncarded)}</span>
    <${Under} id="uncarded" value=${uncarded} write=${count}>play, no card<//>
  <//>`;
}

function CoinInTile() {
  const cents = coinInAMinute(totals.value.coinInByMinute, floor.now.value);
  return html`<${Tile} name="Coin-in" kind="is-wide" to=${href('machines', { sort: '-coin-in' })}>
    <span class="tile-row">
      <span class="tile-value num">${dollars(cents)}<span class="tile-unit">/min</span></span>
      <${Sparkline} />
    </span>
    <${Under} id="coin_in" value=${cents} write=${dollars}>mean of five minutes<//>
  <//>`;
}

function Sparkline() {
  const at = line.value.map((point) => point.minute);
  const first = at[at.length - 1] - Math.max(at.length - 1, 3);
  return html`<${Spark} at=${at} values=${line.value.map((point) => point.cents)} first=${first} />`;
}

function TheoTile() {
  const { theoreticalWin, games } = totals.value;
  return html`<${Tile}
    name="Theoretical win"
    kind="is-medium"
    to=${href('machines', { sort: '-theo' })}
  >
    <span class="tile-value num">${dollars(theoreticalWin)}</span>
    <${Under} id="theo" value=${theoreticalWin} write=${dollars} isOfDay
      >today, of ${count(games)} games<//
    >
  <//>`;
}

function HoldTile() {
  const { hold } = totals.value;
  const to = href('machines', { sort: '-hold' });
  if (hold === null) {
    return html`<${Tile} name="Hold" kind="is-wide" to=${to}>
      <span class="tile-value num">${NONE}</span>
      <span class="tile-under">no rated play today</span>
    <//>`;
  }
  const difference = hold.actual - hold.theoretical;
  return html`<${Tile} name="Hold, actual against theory" kind="is-wide" to=${to}>
    <span class="tile-row">
      <span class="tile-value num">${percent(hold.actual)}</span>
      <${Band} hold=${hold} />
    </span>
    <${Under} id="hold" value=${difference} write=${points} isOfDay>
      <span class="num" title=${`Of ${count(hold.games)} games of ${count(hold.machines)} machines.`}>
        theory ${percent(hold.theoretical)}
        ${hold.margin === null
          ? `, ${count(hold.games)} games`
          : ` ± ${(hold.margin * 100).toFixed(2)}, ${isWithin(hold) ? 'within chance' : 'beyond chance'}`}
      </span>
    <//>
  <//>`;
}

/** @param {import('./totals.js').Hold} hold */
function isWithin(hold) {
  return hold.margin !== null && Math.abs(hold.actual - hold.theoretical) <= hold.margin;
}

/** @param {number} share */
function points(share) {
  return `${(share * 100).toFixed(2)} pts`;
}

/** Where actual hold is in the band that chance explains. @param {{hold: import('./totals.js').Hold}} props */
function Band({ hold }) {
  if (hold.margin === null || hold.margin === 0) return null;
  const off = (hold.actual - hold.theoretical) / hold.margin;
  const x = 49 + 24 * Math.max(Math.min(off, 1.9), -1.9);
  return html`<svg class="spark" viewBox="0 0 98 28" aria-hidden="true" focusable="false">
    <rect x="25" y="10" width="48" height="8" class="hold-chance" />
    <line x1="2" x2="96" y1="14" y2="14" class="spark-base" />
    <line x1="49" x2="49" y1="6" y2="22" class="hold-theory" />
    <circle cx=${x.toFixed(1)} cy="14" r="4" class=${isWithin(hold) ? 'hold-actual' : 'hold-actual is-out'} />
  </svg>`;
}

function HandpaysTile() {
  const { handpays, handpaySince } = totals.value;
  return html`<${Tile}
    name="Hand-pays"
    kind=${handpays > 0 ? 'is-waiting' : ''}
    to=${href('machines', { fault: 'handpay' })}
  >
    <span class="tile-value num">${count(handpays)}</span>
    <${Under} id="handpays" value=${handpays} write=${count}>
      ${handpays === 0
        ? 'none waiting'
        : html`<span class="num">oldest ${duration(floor.now.value - handpaySince)}</span>`}
    <//>
  <//>`;
}

function OffersTile() {
  const counted = offers.value;
  const steps = /** @type {const} */ (['decided', 'delivered', 'accepted']);
  return html`<${Tile}
    name="Offers today"
    kind="is-wide"
    to=${may('ratings:read') ? href('players', { sort: 'offer' }) : href('time')}
  >
    <span class="steps">
      ${steps.map((step) => {
        const difference = since(step, counted?.[step] ?? 0, true);
        return html`<span class="step" key=${step}>
          <span class="tile-value num">${count(counted?.[step] ?? 0)}</span>
          <span class="tile-under">
            ${step}
            ${difference !== null &&
            html`${' '}<span class="num is-change">${change(difference, count)}</span>`}
          </span>
        </span>`;
      })}
    </span>
  <//>`;
}

function BudgetTile() {
  const status = floor.status.value;
  const left = budgetLeft.value;
  const of = status?.budget_cents ?? 0;
  const spent = of > 0 && status ? Math.min(status.reserved_cents / of, 1) : 0;
  return html`<${Tile}
    name="Offer budget left"
    kind=${`is-medium ${spent >= 0.8 ? 'is-waiting' : ''}`}
    to=${may('ratings:read') ? href('players', { sort: 'offer' }) : href('time')}
  >
    <span class="tile-value num">${dollars(left)}</span>
    <${Under} id="budget" value=${left} write=${dollars} isOfDay>
      ${left === null
        ? 'no limit is set'
        : html`<span class="num">${Math.round(spent * 100)} % of ${dollars(of)} spent</span>`}
    <//>
  <//>`;
}

function FeedTile() {
  const events = eventsASecond(floor.rates.value, floor.now.value);
  const behind = lag(floor.rates.value, floor.now.value);
  const status = floor.status.value;
  const rows = [
    { id: 'events', name: 'Events', value: `${count(Math.round(events))}/s`, raw: events, write: tenths },
    {
      id: 'lag',
      name: 'Lag',
      value: behind === null ? NONE : duration(behind),
      raw: behind,
      write: duration,
    },
    {
      id: 'quarantined',
      name: 'Quarantined',
      value: count(status?.quarantined),
      raw: status?.quarantined ?? null,
      write: count,
    },
  ];
  return html`<${Tile} name="Feed" kind="is-feed" to=${href('alerts')}>
    <span class="feed">
      ${rows.map(({ id, name, value, raw, write }) => {
        const difference = since(id, raw, false);
        return html`<span class="feed-row" key=${id}>
          <span class="dim">${name}</span>
          <span class="num">
            ${difference !== null && html`<span class="is-change">${change(difference, write)}</span>${' '}`}
            <strong>${value}</strong>
          </span>
        </span>`;
      })}
    </span>
    ${status &&
    html`<span class="visually-hidden">Quarantine as of ${hourAndMinute(status.at)}</span>`}
  <//>`;
}

/** @param {number} value */
function tenths(value) {
  return value.toFixed(1);
}

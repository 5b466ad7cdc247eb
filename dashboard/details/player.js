/** A player: what their play is worth, their sessions, how a day was rated, offers; bills where allowed. */

import { useSignal } from '@preact/signals';

import { Series } from '../charts/series.js';
import { clock, count, day, dollars, dollarsAndCents, hourAndMinute, NONE, plural } from '../format.js';
import { html } from '../html.js';
import { may } from '../session.js';
import { DataTable } from '../table.js';
import { Facts, inCents, Part, useDocument } from './document.js';

/**
 * @param {object} props
 * @param {string} props.playerId
 * @param {() => void} props.onClose
 * @param {(assetId: string) => void} [props.onMachine]
 */
export function PlayerDetails({ playerId, onMachine }) {
  const path = `/players/${encodeURIComponent(playerId)}`;
  const may_read = may('ratings:read');
  const player = useDocument(may_read ? path : null);
  const sessions = useDocument(may_read ? `${path}/sessions?limit=50` : null);
  const offers = useDocument(may('offers:read') ? `${path}/offers` : null);
  const bills = useDocument(may('bills:read') ? `${path}/bill-ins` : null);
  return html`<header class="drawer-head">
      <h2 id="drawer-title">Player ${playerId}</h2>
    </header>
    ${!may_read && html`<p>Your groups may not see players: ask an administrator if they should.</p>`}
    ${may_read &&
    html`<${Part} title="Rating" reading=${player}>${(/** @type {any} */ document) => html`<${Rating} document=${document} />`}<//>`}
    ${may('offers:read') &&
    html`<${Part} title="Offers" reading=${offers}>${(/** @type {any} */ document) => html`<${Offers} document=${document} />`}<//>`}
    ${may_read &&
    html`<${Part} title="Sessions" reading=${sessions}>
        ${(/** @type {any} */ document) => html`<${Sessions} sessions=${document.sessions} onMachine=${onMachine} />`}
      <//>
      <${Part} title="Trips" reading=${player}>${(/** @type {any} */ document) => html`<${Trips} rating=${document.rating} />`}<//>
      <${History} path=${path} />`}
    ${may('bills:read') &&
    html`<${Part} title="Bills in" reading=${bills}>${(/** @type {any} */ document) => html`<${Bills} document=${document} />`}<//>`}`;
}

/** @param {{document: any}} props */
function Rating({ document: { rating, total, days } }) {
  const { adt, tier, pace } = rating;
  const shown = [...days].reverse();
  return html`<${Facts}
      of=${[
        ['Worth', rating.worth_segment ?? NONE],
        ['Average daily theoretical', dollarsAndCents(inCents(adt.mean))],
        ['Tier', tier ? tier.tier : 'none'],
        tier && ['Points', count(tier.points)],
        tier?.next_tier && [`To ${tier.next_tier}`, plural(tier.points_needed, 'point')],
        ['Average bet', dollarsAndCents(inCents(pace.average_bet))],
        ['Games an hour', pace.games_per_hour === null ? NONE : count(Math.round(Number(pace.games_per_hour)))],
        ['Days played', count(rating.days_played)],
        ['Coin-in in all', dollars(total.coin_in_cents)],
        ['Theoretical in all', dollars(inCents(total.theoretical_win))],
      ]}
    />
    ${shown.length > 1 &&
    html`<${Series}
      title="Theoretical win by gaming day"
      at=${shown.map((/** @type {any} */ one) => Date.parse(one.gaming_day))}
      lines=${[{ name: 'Theoretical win', values: shown.map((/** @type {any} */ { play }) => inCents(play.theoretical_win)) }]}
      write=${dollars}
      writeTime=${day}
      height=${140}
    />`}
    ${tier?.history.length > 0 &&
    html`<details>
      <summary>Tier history</summary>
      <ol class="plain">
        ${[...tier.history].reverse().map(
          (/** @type {any} */ one) =>
            html`<li>${one.gaming_day}: ${one.move} ${one.before ?? 'no tier'} → <b>${one.after}</b>, ${plural(one.points, 'point')}</li>`,
        )}
      </ol>
    </details>`}
    ${rating.overlap_count > 0 &&
    html`<p class="fault-line">At two machines at once ${plural(rating.overlap_count, 'time')}: one of the cards was somebody else’s.</p>`}`;
}

/** @param {{sessions: any[], onMachine?: (id: string) => void}} props */
function Sessions({ sessions, onMachine }) {
  return html`<${DataTable}
    caption="Sessions, the newest first"
    keyOf=${(/** @type {any} */ one) => `${one.gaming_day} ${one.started_at} ${one.asset_id}`}
    rows=${sessions}
    pageSize=${8}
    empty="No session yet."
    columns=${[
      { id: 'day', name: 'Day', isHeader: true, cell: (/** @type {any} */ one) => one.gaming_day },
      { id: 'at', name: 'Played', cell: (/** @type {any} */ one) => `${hourAndMinute(one.started_at)}–${hourAndMinute(one.play.last_play)}` },
      {
        id: 'machine',
        name: 'Machine',
        cell: (/** @type {any} */ one) =>
          onMachine
            ? html`<button type="button" class="link" onClick=${() => onMachine(one.asset_id)}>${one.asset_id}</button>`
            : one.asset_id,
      },
      { id: 'games', name: 'Games', isNumber: true, by: (/** @type {any} */ one) => one.play.games, cell: (/** @type {any} */ one) => count(one.play.games) },
      { id: 'in', name: 'Coin-in', isNumber: true, by: (/** @type {any} */ one) => one.play.coin_in_cents, cell: (/** @type {any} */ one) => dollars(one.play.coin_in_cents) },
      { id: 'theo', name: 'Theoretical', isNumber: true, by: (/** @type {any} */ one) => Number(one.play.theoretical_win), cell: (/** @type {any} */ one) => dollarsAndCents(inCents(one.play.theoretical_win)) },
    ]}
  />`;
}

/** @param {{rating: any}} props */
function Trips({ rating: { trips } }) {
  return html`<${DataTable}
    caption="Trips, the newest first"
    keyOf=${(/** @type {any} */ trip) => trip.first_day}
    rows=${trips}
    pageSize=${5}
    empty="No trip yet."
    columns=${[
      { id: 'days', name: 'Days', isHeader: true, cell: (/** @type {any} */ trip) => (trip.first_day === trip.last_day ? trip.first_day : `${trip.first_day} to ${trip.last_day}`) },
      { id: 'open', name: 'Is', cell: (/** @type {any} */ trip) => (trip.open ? 'going on' : 'over') },
      { id: 'in', name: 'Coin-in', isNumber: true, cell: (/** @type {any} */ trip) => dollars(trip.coin_in_cents) },
      { id: 'theo', name: 'Theoretical', isNumber: true, cell: (/** @type {any} */ trip) => dollars(inCents(trip.theoretical_win)) },
    ]}
  />`;
}

/** @param {{document: any}} props */
function Offers({ document: { offers, past = [] } }) {
  if (offers.length + past.length === 0) return html`<p class="dim">No offer yet.</p>`;
  return html`<ul class="plain">
    ${[...offers, ...past].slice(0, 10).map(
      (/** @type {any} */ offer) => html`<li key=${offer.offer_id} class="offer-told">
        <b>${offer.name ?? offer.text}</b> <span class="chip">${offer.status}</span>
        ${offer.cost_cents !== undefined && html`<span class="num"> ${dollarsAndCents(offer.cost_cents)}</span>`}
        <div class="dim">${offer.text}${offer.decided_at ? `, decided ${day(offer.decided_at)} ${hourAndMinute(offer.decided_at)}` : ''}</div>
        ${offer.reasons?.length > 0 && html`<ul>${offer.reasons.map((/** @type {string} */ reason) => html`<li>${reason}</li>`)}</ul>`}
      </li>`,
    )}
  </ul>`;
}

/** How the newest gaming day was rated, line by line: read when somebody asks. @param {{path: string}} props */
function History({ path }) {
  const isWanted = useSignal(false);
  const ledger = useDocument(isWanted.value ? `${path}/ledger` : null);
  if (!isWanted.value) {
    return html`<section class="drawer-part">
      <h3>Rating history</h3>
      <button
        type="button"
        class="btn"
        onClick=${() => {
          isWanted.value = true;
        }}
      >
        Show how the newest day was rated
      </button>
    </section>`;
  }
  return html`<${Part} title="Rating history" reading=${ledger}>
    ${(/** @type {any} */ document) => html`<p>
        ${document.gaming_day}: ${plural(document.total.line_count, 'line')},
        ${' '}${document.total.agrees ? 'which add up to what is stored.' : html`<b>which do not add up to what is stored.</b>`}
        ${document.corrections.length > 0 && ` ${plural(document.corrections.length, 'correction')} since.`}
      </p>
      <${DataTable}
        caption=${`How ${document.gaming_day} was rated`}
        keyOf=${(/** @type {any} */ line) => String(line.number)}
        rows=${document.lines}
        pageSize=${10}
        columns=${[
          { id: 'n', name: 'Line', isHeader: true, isNumber: true, by: (/** @type {any} */ line) => line.number, cell: (/** @type {any} */ line) => line.number },
          { id: 'at', name: 'At', cell: (/** @type {any} */ line) => clock(line.ended_at ?? line.at ?? line.started_at) },
          { id: 'kind', name: 'What', cell: (/** @type {any} */ line) => (line.kind === 'session' ? (line.ended ? 'session ended' : 'session began') : line.kind) },
          { id: 'rule', name: 'Rule', cell: (/** @type {any} */ line) => line.rule },
          { id: 'in', name: 'Coin-in', isNumber: true, cell: (/** @type {any} */ line) => dollarsAndCents(line.coin_in_cents) },
          { id: 'theo', name: 'Theoretical', isNumber: true, cell: (/** @type {any} */ line) => (line.theoretical_win === undefined ? NONE : `$${line.theoretical_win}`) },
        ]}
      />`}
  <//>`;
}

/** @param {{document: any}} props */
function Bills({ document: { bills, truncated } }) {
  return html`<p class="dim">Of the last 24 hours. Shown to compliance alone; this look is in the audit log.</p>
    <${DataTable}
      caption="Bills in, the newest first"
      keyOf=${(/** @type {any} */ bill) => `${bill.asset_id} ${bill.event_id}`}
      rows=${bills}
      pageSize=${10}
      empty="No bill went in."
      columns=${[
        { id: 'at', name: 'At', isHeader: true, by: (/** @type {any} */ bill) => bill.occurred_at, cell: (/** @type {any} */ bill) => clock(bill.occurred_at) },
        { id: 'machine', name: 'Machine', cell: (/** @type {any} */ bill) => bill.asset_id },
        { id: 'amount', name: 'Amount', isNumber: true, by: (/** @type {any} */ bill) => bill.amount_cents, cell: (/** @type {any} */ bill) => dollars(bill.amount_cents) },
      ]}
    />
    ${truncated && html`<p class="dim">There are older ones.</p>`}`;
}

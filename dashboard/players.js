/** Players who sit at machines now: for those who may know who they are. */

import { effect, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

import { get, post } from './api.js';
import { floor } from './floor.js';
import { count, dollars, duration, NONE, plural } from './format.js';
import { html } from './html.js';
import { Dialog, Failure, Freshness, Panel } from './parts.js';
import { href, param, selection, setParams } from './route.js';
import { may, session } from './session.js';
import { DataTable } from './table.js';
import { isKiosk } from './theme.js';

/** @typedef {import('./types').PlayerOnFloor} Player */

const READ_MS = 10_000;
/** As many as the API rates for one answer. */
const MOST = 50;

const document_ = signal(/** @type {import('./types').PlayersOnFloor | null} */ (null));
const failure = signal(/** @type {unknown} */ (null));
let isReading = false;

/** Forget them when nobody is signed in: somebody else may be next. */
effect(() => {
  if (session.value !== null) return;
  document_.value = null;
  failure.value = null;
});

async function read() {
  if (isReading || floor.paused.peek()) return;
  isReading = true;
  try {
    document_.value = await get(`/floor/players?limit=${MOST}`);
    failure.value = null;
  } catch (error) {
    failure.value = error;
  } finally {
    isReading = false;
  }
}

/** The view. */
export function PlayersView() {
  if (!may('ratings:read')) {
    return html`<${Panel} id="players-title" title="Players" kind="is-narrow">
      <p class="empty">
        Who plays is shown to hosts, compliance and administrators. Your groups see machines: how
        many of them are carded is on the <a href=${href('floor')}>floor</a>.
      </p>
    <//>`;
  }
  return html`<${Players} />`;
}

function Players() {
  const [answering, setAnswering] = useState(
    /** @type {{player: Player, verb: 'accept' | 'withhold'} | null} */ (null),
  );
  useEffect(() => {
    const again = () => {
      if (!document.hidden) void read();
    };
    again();
    const timer = setInterval(again, READ_MS);
    document.addEventListener('visibilitychange', again);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', again);
    };
  }, []);

  const found = document_.value;
  const players = found?.players ?? [];
  const at = found?.at ?? 0;
  const more = found ? found.total - players.length : 0;
  const offered = players.filter((player) => isOpen(player)).length;
  return html`<${Panel}
    id="players-title"
    title="Players on the floor"
    aside=${html`<${Freshness} at=${at} every=${READ_MS} isPaused=${floor.paused.value} />`}
  >
    <p class="panel-lead">
      ${found
        ? `${plural(found.total, 'player')} seated, ${plural(offered, 'open offer')}.` +
          (more > 0 ? ` The ${count(players.length)} of the highest theoretical win are shown.` : '')
        : 'Reading who is seated.'}
      ${' '}<span class="dim">Every look at a player is logged.</span>
    </p>
    <${Failure} error=${failure.value} retry=${read} />
    ${found &&
    html`<${DataTable}
      caption="Players on the floor"
      columns=${columns(at, (player, verb) => setAnswering({ player, verb }))}
      rows=${players}
      keyOf=${(/** @type {Player} */ player) => `${player.player_id} ${player.asset_id}`}
      classOf=${(/** @type {Player} */ player) =>
        selection.value?.id === player.player_id ? 'is-selected' : ''}
      sort=${param('sort') || '-session'}
      onSort=${(/** @type {string} */ sort) => setParams({ sort })}
      empty="Nobody plays with a card just now."
    />`}
    ${answering &&
    html`<${AnswerDialog}
      ...${answering}
      onClose=${() => setAnswering(null)}
      onDone=${() => {
        setAnswering(null);
        void read();
      }}
    />`}
  <//>`;
}

/**
 * @param {number} at
 * @param {(player: Player, verb: 'accept' | 'withhold') => void} onAnswer
 * @returns {import('./table.js').Column<Player>[]}
 */
function columns(at, onAnswer) {
  /** @type {import('./table.js').Column<Player>[]} */
  const all = [
    {
      id: 'player',
      name: 'Player',
      isHeader: true,
      by: (player) => player.player_id,
      cell: (player) =>
        html`<a href=${href('players', { player: player.player_id })}>${player.player_id}</a>`,
    },
    {
      id: 'worth',
      name: 'Worth',
      by: (player) => player.worth_segment,
      cell: (player) => player.worth_segment ?? NONE,
    },
    { id: 'tier', name: 'Tier', by: (player) => player.tier, cell: (player) => player.tier ?? NONE },
    {
      id: 'adt',
      name: 'ADT',
      title: 'Average daily theoretical win',
      isNumber: true,
      by: (player) => number(player.adt),
      cell: (player) => inDollars(player.adt),
    },
    {
      id: 'session',
      name: 'Session theo',
      title: 'Theoretical win of this session, in this gaming day',
      isNumber: true,
      by: (player) => number(player.theoretical_win),
      cell: (player) => inDollars(player.theoretical_win),
    },
    {
      id: 'coin-in',
      name: 'Coin-in',
      isNumber: true,
      by: (player) => player.coin_in_cents,
      cell: (player) => dollars(player.coin_in_cents),
    },
    {
      id: 'machine',
      name: 'Machine',
      by: (player) => player.asset_id,
      cell: (player) =>
        html`<a href=${href('players', { machine: player.asset_id })}>${player.asset_id}</a>`,
    },
    {
      id: 'minutes',
      name: 'Seated',
      isNumber: true,
      by: (player) => at - player.seated_since,
      cell: (player) => duration(Math.max(at - player.seated_since, 60_000)),
    },
    {
      id: 'pace',
      name: 'Games/h',
      isNumber: true,
      by: (player) => player.games_per_hour,
      cell: (player) => count(player.games_per_hour),
    },
    {
      id: 'offer',
      name: 'Offer, and why',
      by: (player) => player.offer_name,
      cell: (player) => html`<${OfferCell} player=${player} />`,
    },
  ];
  const canAnswer = !isKiosk && (may('offers:answer') || may('offers:withhold'));
  if (!canAnswer) return all;
  return [
    ...all,
    {
      id: 'answer',
      name: 'Answer',
      cell: (player) =>
        html`<div class="row-actions">
          ${may('offers:answer') &&
          player.offer_status === 'delivered' &&
          html`<button
            class="btn small"
            type="button"
            onClick=${() => onAnswer(player, 'accept')}
            aria-label=${`Accept for ${player.player_id}`}
          >
            Accept
          </button>`}
          ${may('offers:withhold') &&
          isOpen(player) &&
          html`<button
            class="btn small quiet"
            type="button"
            onClick=${() => onAnswer(player, 'withhold')}
            aria-label=${`Withhold the offer from ${player.player_id}`}
          >
            Withhold
          </button>`}
        </div>`,
    },
  ];
}

/** @param {{player: Player}} props */
function OfferCell({ player }) {
  if (!player.offer_id) return html`<span class="dim">${NONE}</span>`;
  const reasons = player.offer_reasons ?? [];
  return html`<div class="offer-cell">
    <span>
      <strong>${player.offer_name ?? player.offer_id}</strong>
      ${player.offer_value_cents != null &&
      html`<span class="num">${' '}${dollars(player.offer_value_cents)}</span>`}
      ${' '}<span class=${`chip is-${player.offer_status}`}>${words(player.offer_status)}</span>
    </span>
    ${reasons.length > 0 && html`<span class="dim reason">${reasons.join('; ')}</span>`}
  </div>`;
}

/**
 * Answer an offer for a player, or withhold it.
 *
 * @param {object} props
 * @param {Player} props.player
 * @param {'accept' | 'withhold'} props.verb
 * @param {() => void} props.onClose
 * @param {() => void} props.onDone
 */
function AnswerDialog({ player, verb, onClose, onDone }) {
  // One key for this answer: sent again after a failure it counts once.
  const [key] = useState(() => crypto.randomUUID());
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isSending, setSending] = useState(false);
  const [reason, setReason] = useState('');
  const isWithheld = verb === 'withhold';

  /** @param {Event} event */
  async function send(event) {
    event.preventDefault();
    setSending(true);
    setError(null);
    const path = `/players/${encodeURIComponent(player.player_id)}/offers/${encodeURIComponent(player.offer_id ?? '')}/${verb}`;
    try {
      await post(path, isWithheld ? { reason: reason.trim() } : undefined, { idempotencyKey: key });
      onDone();
    } catch (fault) {
      setError(fault);
      setSending(false);
    }
  }

  return html`<${Dialog} title=${isWithheld ? 'Withhold this offer' : 'Accept for the player'} onClose=${onClose}>
    <form class="form" onSubmit=${send}>
      <dl class="answer-facts">
        <div><dt>Player</dt><dd>${player.player_id}</dd></div>
        <div><dt>Machine</dt><dd>${player.asset_id}</dd></div>
        <div>
          <dt>Offer</dt>
          <dd>${player.offer_name ?? player.offer_id}, ${dollars(player.offer_value_cents)}</dd>
        </div>
      </dl>
      <p>
        ${isWithheld
          ? 'The player does not get it, and its part of the budget is free again. It is logged with your name and reason.'
          : 'Only after the player has said yes. It is logged with your name.'}
      </p>
      ${isWithheld &&
      html`<label>
        Reason
        <textarea
          name="reason"
          required
          maxlength="200"
          rows="3"
          value=${reason}
          onInput=${(/** @type {any} */ event) => setReason(event.currentTarget.value)}
        ></textarea>
      </label>`}
      <${Failure} error=${error} />
      <div class="form-end">
        <button class="btn quiet" type="button" onClick=${onClose}>Cancel</button>
        <button
          class=${`btn ${isWithheld ? 'danger' : 'primary'}`}
          type="submit"
          disabled=${isSending || (isWithheld && !reason.trim())}
        >
          ${isWithheld ? 'Withhold' : 'Accept'}
        </button>
      </div>
    </form>
  <//>`;
}

/** @param {Player} player */
function isOpen(player) {
  return player.offer_status === 'decided' || player.offer_status === 'delivered';
}

/** @param {string | null} text */
function words(text) {
  return (text ?? '').replaceAll('_', ' ');
}

/** @param {string | null} text a decimal */
function number(text) {
  return text === null ? null : Number(text);
}

/** @param {string | null} text dollars, as a decimal */
function inDollars(text) {
  return text === null ? NONE : dollars(Number(text) * 100);
}

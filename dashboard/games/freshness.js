/** How fresh each tier of events is, against what is promised of it. */

import { floor } from '../floor.js';
import { clock, day, duration, NONE, plural } from '../format.js';
import { html } from '../html.js';
import { Failure, Freshness, Panel } from '../parts.js';

/** @typedef {import('../types').FreshnessDocument} Document */

const MINUTE_MS = 60_000;
/** Of 100 events 95 are found within so long. */
const HOT_MS = 2_000;
/** Archived within the longest that events are gathered, and a minute. */
const COLD_MS = 6 * MINUTE_MS;
/** Refined within the hour; the run takes its minutes. */
const WARM_MS = 70 * MINUTE_MS;

/**
 * @typedef {object} Tier
 * @property {string} name
 * @property {string} what it holds
 * @property {number | null} newest epoch milliseconds
 * @property {string} promise
 * @property {string} behind by how much it is, in words
 * @property {boolean | null} isLate null where there is nothing to say
 */

/** @param {{application: string, reading: {body: Document | null, error: unknown}}} props */
export function FreshnessPanel({ application, reading: { body, error } }) {
  const aside = body && html`<${Freshness} at=${body.at} every=${MINUTE_MS} isPaused=${floor.paused.value} />`;
  return html`<${Panel} id="freshness-title" title="Freshness" aside=${aside}>
    <${Failure} error=${error} />
    ${body &&
    html`<div class="table-scroll" role="region" aria-label="Table: freshness of the tiers" tabindex="0">
      <table class="table tiers">
        <caption class="visually-hidden">Freshness of the tiers</caption>
        <thead>
          <tr>${['Tier', 'Newest event', 'Age', 'Promised', 'Now'].map((name) => html`<th scope="col" key=${name}>${name}</th>`)}</tr>
        </thead>
        <tbody>
          ${tiersOf(body, application).map(
            (tier) => html`<tr key=${tier.name}>
              <th scope="row">${tier.name} <span class="dim">${tier.what}</span></th>
              <td class="num">${tier.newest === null ? NONE : `${day(tier.newest)}, ${clock(tier.newest)}`}</td>
              <td class="num">${tier.newest === null ? NONE : duration(floor.clock.value - tier.newest)}</td>
              <td>${tier.promise}</td>
              <td class="num">
                <span class=${`tier-state ${tier.isLate ? 'is-late' : ''}`}>
                  <span aria-hidden="true">${tier.isLate === null ? '○' : tier.isLate ? '▲' : '●'}</span>
                  ${' '}${tier.isLate ? html`<strong>Late</strong>: ` : ''}${tier.behind}
                </span>
              </td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`}
  <//>`;
}

/**
 * That the newest is old says only that nothing came since: late is what came and is not there yet.
 *
 * @param {Document} document
 * @param {string} application
 * @returns {Tier[]}
 */
export function tiersOf({ at, applications, lake }, application) {
  const hot = applications.find((one) => one.application_id === application);
  const took = hot ? hot.indexed_at - hot.newest_received_at : null;
  const newest = Math.max(...applications.map((one) => one.newest_received_at), 0);
  const isUnarchived = newest > (lake.newest_raw_at ?? 0);
  const waited = lake.waiting_since === null ? 0 : at - lake.waiting_since;
  return [
    {
      name: 'Hot',
      what: `${application}, 7 days`,
      newest: hot?.newest_received_at ?? null,
      promise: 'found within 2 s, of 100 events 95',
      behind: took === null ? 'nothing came in 7 days' : `the newest was found after ${duration(took)}`,
      isLate: took === null ? null : took > HOT_MS,
    },
    {
      name: 'Warm',
      what: 'refined, all applications, 6 months',
      newest: lake.newest_refined_at,
      promise: 'refined within the hour',
      behind:
        lake.newest_raw_at === null
          ? 'nothing came in 8 days'
          : lake.waiting === 0
            ? 'all that is archived is refined'
            : `${plural(lake.waiting, 'object')} to refine, the oldest for ${duration(waited)}`,
      isLate: lake.newest_raw_at === null ? null : waited > WARM_MS,
    },
    {
      name: 'Cold',
      what: 'raw, all applications, years',
      newest: lake.newest_raw_at,
      promise: 'archived within 5 min',
      behind: isUnarchived ? `the newest waits for ${duration(at - newest)}` : lake.newest_raw_at === null ? 'nothing came in 8 days' : 'all that came is archived',
      isLate: isUnarchived ? at - newest > COLD_MS : lake.newest_raw_at === null ? null : false,
    },
  ];
}

/** Documents that are read again and again, while somebody looks. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { backoff, get } from '../api.js';
import { floor, setClock } from '../floor.js';

const LOOK_MS = 1_000;
const LONGEST_MS = 30_000;

/**
 * A document of the API that says when it was made (`at`): read again after a while, not while the
 * page is hidden or held still, and less often while it cannot be read. What was read last stays.
 *
 * @param {string} path without `/v1`
 * @param {number} every milliseconds from one reading to the next
 * @returns {{body: any, error: unknown}} `body` is null until it was read
 */
export function useReading(path, every) {
  const found = useSignal({ path, body: /** @type {any} */ (null), error: /** @type {unknown} */ (null) });
  useEffect(() => {
    const leaving = new AbortController();
    let failures = 0;
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const look = async () => {
      if (document.hidden || floor.paused.peek()) {
        timer = setTimeout(look, LOOK_MS);
        return;
      }
      const sent = Date.now();
      try {
        const body = await get(path, { signal: leaving.signal });
        if (leaving.signal.aborted) return;
        setClock(sent, Date.now(), body.at);
        found.value = { path, body, error: null };
        failures = 0;
      } catch (error) {
        if (leaving.signal.aborted) return;
        found.value = { path, body: found.value.path === path ? found.value.body : null, error };
        failures += 1;
      }
      const wait = failures ? backoff(failures, 2 * every, LONGEST_MS) : every - (Date.now() - sent);
      timer = setTimeout(look, Math.max(wait, 0));
    };
    void look();
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [path, every]);
  return found.value.path === path ? found.value : { body: null, error: null };
}

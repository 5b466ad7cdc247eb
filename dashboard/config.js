/** `/config.json`: where sign-in, the API and the WebSocket are. */

/** @type {Promise<import('./types').Config> | undefined} */
let config;

/** @returns {Promise<import('./types').Config>} */
export function loadConfig() {
  config ??= read().catch((error) => {
    config = undefined;
    throw error;
  });
  return config;
}

async function read() {
  const answer = await fetch('config.json', { cache: 'no-cache' });
  if (!answer.ok) throw new Error(`config.json cannot be read: ${answer.status}`);
  return answer.json();
}

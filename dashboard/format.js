/** How values are written, in one place. Money in cents, theoretical win in 10⁻⁴ cents. */

const LOCALE = 'en-US';
const MINUS = '−';

const exact = money(2);
const whole = money(0);
const short = new Intl.NumberFormat(LOCALE, {
  style: 'currency',
  currency: 'USD',
  notation: 'compact',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const counts = new Intl.NumberFormat(LOCALE);
const decimals = new Intl.NumberFormat(LOCALE, {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const clocks = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const minutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const days = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });

/** What is written where there is no value. */
export const NONE = '–';

/** @param {number} digits */
function money(digits) {
  return new Intl.NumberFormat(LOCALE, {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** @param {string} text with a hyphen for a minus sign */
function signed(text) {
  return text.replace('-', MINUS);
}

/** `$1,234.56` @param {number | null | undefined} cents */
export function dollarsAndCents(cents) {
  return cents == null ? NONE : signed(exact.format(cents / 100));
}

/** `$1,235`, and from a million on `$1.23M` @param {number | null | undefined} cents */
export function dollars(cents) {
  if (cents == null) return NONE;
  const value = cents / 100;
  return signed((Math.abs(value) >= 1e6 ? short : whole).format(value));
}

/** Cents of a theoretical win. @param {number} win in ten-thousandths of a cent */
export function winInCents(win) {
  return win / 10_000;
}

/** `12,345` @param {number | null | undefined} n */
export function count(n) {
  return n == null ? NONE : signed(counts.format(n));
}

/** `8.25 %` @param {number | null | undefined} ratio */
export function percent(ratio) {
  return ratio == null ? NONE : `${signed(decimals.format(ratio * 100))} %`;
}

/** With a sign, also where it is positive: `+$12`, `−3`, `±0`. @param {number} value @param {(value: number) => string} write */
export function change(value, write) {
  const text = write(Math.abs(value));
  if (text === write(0)) return '±0';
  return (value > 0 ? '+' : MINUS) + text;
}

/** `14:02:07` @param {number | null | undefined} at epoch milliseconds */
export function clock(at) {
  return at ? clocks.format(at) : NONE;
}

/** `14:02` @param {number | null | undefined} at epoch milliseconds */
export function hourAndMinute(at) {
  return at ? minutes.format(at) : NONE;
}

/** `Sat 22 Nov` @param {number} at epoch milliseconds */
export function day(at) {
  return days.format(at);
}

/** How long: `0.8 s`, `42 s`, `5 min`, `2 h 05 min`, `3 d` @param {number} ms */
export function duration(ms) {
  const seconds = Math.max(ms, 0) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const min = Math.round(seconds / 60);
  if (min < 60) return `${min} min`;
  const hours = Math.floor(min / 60);
  if (hours < 48) return `${hours} h ${String(min % 60).padStart(2, '0')} min`;
  return `${Math.floor(hours / 24)} d`;
}

/** `1 player`, `2 players` @param {number} n @param {string} one @param {string} [many] */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Light or dark: as the system says, unless somebody chose; and the large type of a wall. */

import { computed, effect, signal } from '@preact/signals';

import { kept } from './kept.js';

/** @typedef {'system' | 'light' | 'dark'} Choice */

const dark = matchMedia('(prefers-color-scheme: dark)');
const isSystemDark = signal(dark.matches);
dark.addEventListener('change', () => {
  isSystemDark.value = dark.matches;
});

const paper = matchMedia('print');
const isPrinted = signal(paper.matches);
paper.addEventListener('change', () => {
  isPrinted.value = paper.matches;
});

/** What was chosen. */
export const choice = kept('theme', /** @type {Choice} */ ('system'));

/** What is shown, `light` or `dark`. */
export const theme = computed(() => {
  if (isPrinted.value) return 'light';
  if (choice.value === 'system') return isSystemDark.value ? 'dark' : 'light';
  return choice.value;
});

/** Whether the page hangs on a wall: `?kiosk=1`. Large type, and nothing to be operated. */
export const isKiosk = new URLSearchParams(location.search).get('kiosk') === '1';

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
if (isKiosk) document.documentElement.dataset.kiosk = '';

/** To the other one. */
export function toggleTheme() {
  choice.value = theme.value === 'dark' ? 'light' : 'dark';
}

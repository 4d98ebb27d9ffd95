// @ts-check
// Figures in tiles, blocks and tables, for pages that sum calls up.
import { el } from './base.js';

/** @import { Child } from './types.d.ts' */

/** @param {number | null} share */
export const percent = share => (share === null ? '–' : `${Math.round(share * 1000) / 10}%`);

/**
 * @param {string} name
 * @param {string} value
 */
export function tile(name, value, more = '') {
  const note = (/** @type {string} */ text) => el('span', { class: 'note', text });
  return el('div', { class: 'tile' }, note(name), el('b', { text: value }), note(more));
}

/**
 * @param {string} name
 * @param {string | null} what
 * @param {...Child} content
 */
export function block(name, what, ...content) {
  const about = what && el('p', { class: 'note', text: what });
  return el('section', { class: 'block', 'aria-label': name }, el('h2', { text: name }), about, ...content);
}

/** @typedef {string | number | Element} Cell */
/** @typedef {{ cells: Cell[], count?: number }} Row a row with a count has a bar beside its cells */

/** @param {Cell | undefined} cell */
const inside = cell => (cell instanceof Element ? cell : String(cell ?? ''));

/**
 * A table; the number says it, the bar shows it.
 * @param {string[]} heads
 * @param {Row[]} rows
 * @param {string} [name] how it is called where several tables of a page begin alike
 */
export function table(heads, rows, name = heads[0]) {
  if (!rows.length) return el('p', { class: 'note', text: 'none in this period' });
  const most = Math.max(1, ...rows.map(row => row.count ?? 0));
  const line = (/** @type {Row} */ { cells: [first, ...others], count }) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, inside(first)),
      ...others.map(cell => el('td', {}, inside(cell))),
      count !== undefined && el('td', {}, el('meter', { min: 0, max: most, value: count, 'aria-hidden': 'true' })),
    );
  return el(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': name },
    el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...heads.map(text => (text ? el('th', { scope: 'col', text }) : el('td'))))),
      el('tbody', {}, ...rows.map(line)),
    ),
  );
}

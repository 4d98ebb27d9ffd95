// @ts-check
// Periods by their names, and days as moments: of whoever looks, on every page alike.
import { el } from './base.js';

/**
 * The first and the last day of a period, in days before today.
 * @type {Record<string, [first: number, last: number]>}
 */
const PERIODS = { today: [0, 0], yesterday: [1, 1], 7: [6, 0], 30: [29, 0], 90: [89, 0] };

/**
 * Puts the periods behind the choices that a list has already, and behind them that of own days.
 * @param {HTMLSelectElement} list
 */
export function offerPeriods(list) {
  const days = (/** @type {string} */ name) => (Number(name) ? `last ${name} days` : name);
  // Whole numbers come first in an object's order.
  const names = ['today', 'yesterday', ...Object.keys(PERIODS).filter(Number)];
  list.append(...names.map(name => el('option', { value: name, text: days(name) })));
  list.append(el('option', { value: 'own', text: 'from … to' }));
}

/**
 * A day as fields of dates and addresses have it.
 * @param {Date} at
 */
function written(at) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/**
 * The first and the last day of a period; `null` for what is none.
 * @param {string} name
 * @returns {[since: string, until: string] | null}
 */
export function daysOf(name, now = new Date()) {
  const period = PERIODS[name];
  if (!period) return null;
  const [first, last] = period.map(ago => written(new Date(now.getFullYear(), now.getMonth(), now.getDate() - ago)));
  return [first ?? '', last ?? ''];
}

/**
 * The period that these days are, or none.
 * @param {string} since
 * @param {string} until
 */
export const nameOf = (since, until) =>
  Object.keys(PERIODS).find(name => daysOf(name)?.join() === `${since},${until}`) ?? '';

/**
 * A day's first moment, or its last one; a text that is no day stays as it is.
 * @param {string} day
 * @param {'since' | 'until'} end
 */
export function momentOf(day, end) {
  const at = /^\d{4}-\d\d-\d\d$/.test(day) ? new Date(`${day}T00:00`) : null;
  if (!at || Number.isNaN(at.getTime())) return day;
  if (end === 'until') {
    at.setDate(at.getDate() + 1);
    at.setMilliseconds(-1);
  }
  return at.toISOString();
}

// @ts-check
// Coverage of a day: what the dialer says took place and was not recorded, or not whole.
import { api, brief, el, messageOf, urlOf } from './base.js';

/** @import { Coverage } from './types.d.ts' */

/** Rows that are shown; `lineside coverage` lists all. */
const ROWS = 100;

/** @param {string} word */
const inWords = word => word.replaceAll('_', ' ');

/** @param {Coverage} report */
function counts(report) {
  const some = Object.entries(report.counts).filter(([, count]) => count > 0);
  const words = some.map(([state, count]) => `${count} ${inWords(state)}`);
  if (report.unanswered) words.push(`${report.unanswered} not answered by an agent`);
  return el('p', { text: words.join(', ') || 'no call' });
}

/** @param {Coverage['calls'][number]} call */
function line({ state, started, agent, campaign, reason, recording, dialer_call, call_id }) {
  const name = recording?.split('/').at(-1) ?? dialer_call ?? '';
  const what = call_id
    ? el('a', { href: urlOf(`/calls/${encodeURIComponent(call_id)}`), text: name || call_id })
    : el('span', { text: name });
  return el(
    'tr',
    {},
    el('th', { scope: 'row', text: inWords(state) }),
    el('td', {}, el('time', { datetime: started, text: brief.format(Date.parse(started)) })),
    el('td', { text: agent ?? '' }),
    el('td', { text: campaign ?? '' }),
    el('td', {}, what),
    el('td', { text: reason ?? '' }),
  );
}

/** @param {Coverage} report */
function table(report) {
  if (!report.source) return null;
  if (!report.calls.length) return el('p', { class: 'note', text: 'No call needs attention.' });
  const heads = ['State', 'Began', 'Agent', 'Campaign', 'Call', 'Why'];
  return el(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Calls with a fault' },
    el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...heads.map(text => el('th', { scope: 'col', text })))),
      el('tbody', {}, ...report.calls.map(line)),
    ),
  );
}

/**
 * Fills the section; without a day it is today on the daemon's machine.
 * @param {HTMLElement} section
 */
export function showCoverage(section, wanted = '') {
  const day = el('input', { type: 'date', name: 'coverage-day', value: wanted });
  const content = el('div', { 'aria-live': 'polite' });
  day.addEventListener('change', () => fill(day.value));
  const label = el('label', { text: 'Day ' });
  label.append(day);
  const what = "Each call in the dialer's records, checked for its recording and text";
  section.replaceChildren(el('h2', { text: 'Coverage' }), el('p', { class: 'note', text: what }), label, content);

  /** @param {string} of */
  async function fill(of) {
    const query = new URLSearchParams({ faults: 'true', limit: String(ROWS) });
    if (of) query.set('day', of);
    try {
      const report = await api(`/api/v1/coverage?${query}`);
      day.value = report.day;
      const problem = report.problem && el('p', { class: 'note', text: report.problem });
      const more = report.next_offset && `The first ${ROWS} of ${report.faults}; lineside coverage lists all.`;
      const rest = more && el('p', { class: 'note', text: more });
      const told = [problem, report.source && counts(report), table(report), rest];
      content.replaceChildren(...told.filter(part => part instanceof HTMLElement));
    } catch (error) {
      content.replaceChildren(el('p', { class: 'bad', role: 'alert', text: messageOf(error) }));
    }
  }
  fill(wanted);
}

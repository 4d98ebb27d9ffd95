// @ts-check
// Alerts: one as a line in words with its button, the strip of running calls that have some, and what a risk is made
// of.
import { api, el, hour, messageOf, percent, posting, urlOf, whoAmI } from './base.js';
import { SIGNS, nameOf } from './card.js';

/**
 * @import { Attention } from './board.js'
 * @import { Alert, AlertTaken, Risk } from './types.d.ts'
 */

/** Calls in the strip before it is unfolded: on a phone the cards want the room. */
const few = () => (innerWidth < 640 ? 1 : 3);

/**
 * What may be done with an alert. `open` is null where the call is already in sight; `done` gets what was acknowledged.
 * @typedef {{ open: ((call: string) => void) | null, done: (taken: AlertTaken[]) => void }} Actions
 */

/** Alerts of running calls that nobody has acknowledged. */
export const openAlerts = () =>
  api('/api/v1/alerts?acknowledged=false&live=true&limit=1000').then(({ alerts }) => alerts);

/**
 * Says that somebody has seen it. Everybody else hears of it by the feed.
 * @param {number} id
 * @returns {Promise<AlertTaken[]>}
 */
export const acknowledge = async id => [await api(`/api/v1/alerts/${id}/ack`, posting({ by: whoAmI() }))];

/**
 * The same for all alerts of a call.
 * @param {string} call
 */
export const acknowledgeAll = async call =>
  (await api('/api/v1/alerts/ack', posting({ by: whoAmI(), call_id: call }))).alerts;

/**
 * The same for several, of whatever calls.
 * @param {number[]} ids
 */
export const acknowledgeThese = async ids => (await api('/api/v1/alerts/ack', posting({ by: whoAmI(), ids }))).alerts;

/**
 * A button that acknowledges. Not shown to a login that may not.
 * @param {string} text
 * @param {string} label
 * @param {() => Promise<AlertTaken[]>} take
 * @param {Actions['done']} done
 */
export function acknowledging(text, label, take, done) {
  const button = el('button', { type: 'button', text, 'aria-label': label, 'data-needs': 'operate' });
  button.addEventListener('click', async event => {
    event.stopPropagation();
    button.disabled = true;
    try {
      done(await take());
    } catch (error) {
      button.disabled = false;
      button.textContent = `not acknowledged (${messageOf(error)}), try again`;
    }
  });
  return button;
}

/**
 * How an alert came about: the figures and words behind it, on demand.
 * @param {Alert} alert
 */
function because({ reasons, rules_triggered, risk_score }) {
  const risk = risk_score === null ? '' : `; risk then ${percent(risk_score)}`;
  const text = `${reasons.join('; ')} (${rules_triggered.join(', ')})${risk}`;
  return el('details', { class: 'because' }, el('summary', { text: 'Why' }), text);
}

/**
 * One alert.
 * @param {Alert} alert
 * @param {Actions} actions
 */
export function alertLine(alert, { open, done }) {
  const { id, call_id, happened } = alert;
  const call = { type: 'button', class: 'plain', text: alert.agent ?? call_id };
  return el(
    'li',
    { class: `alert ${alert.level}`, 'data-alert': id },
    el('span', { class: 'badge', text: `${SIGNS[alert.level] ?? '△'} ${alert.level}` }),
    el('time', { datetime: alert.timestamp, text: hour.format(new Date(alert.timestamp)) }),
    open && el('button', { ...call, on: { click: () => open(call_id) } }),
    el('span', { class: 'why', text: happened }),
    el('span', { class: 'quote', text: alert.text ? `“${alert.text}”` : '' }),
    because(alert),
    alert.acknowledged
      ? el('span', { class: 'note', text: `acknowledged by ${alert.acknowledged_by ?? 'someone'}` })
      : acknowledging('Acknowledge', `Acknowledge alert ${id}: ${happened}`, () => acknowledge(id), done),
  );
}

/**
 * The parts of a risk as list items, the largest first.
 * @param {Risk | null} risk
 */
export function partsOf(risk) {
  const parts = (risk?.parts ?? []).filter(part => part.share > 0).sort((a, b) => b.share - a.share);
  return parts.map(part => el('li', { text: `${percent(part.share)}: ${part.says}` }));
}

/** The strip on top: running calls with open alerts, a row each with the worst; the rest is on the page of alerts. */
export class Strip {
  all = false;
  shown = '';
  list = el('ul', { class: 'alerts' });
  more = el('button', { type: 'button', class: 'plain' });
  behind = el('a', { href: urlOf('/alerts?calls=over') });

  /**
   * @param {HTMLElement} element
   * @param {Actions & { open: (call: string) => void, redraw: () => void }} actions
   */
  constructor(element, actions) {
    this.element = element;
    this.actions = actions;
    this.more.addEventListener('click', () => {
      this.all = !this.all;
      this.shown = '';
      actions.redraw();
    });
    element.append(this.list, el('div', { class: 'row' }, this.more, this.behind));
  }

  /** @param {Attention} attention */
  row({ call, worst, count }) {
    const { open, done } = this.actions;
    const name = nameOf(call);
    const text = count > 1 ? `Acknowledge all ${count}` : 'Acknowledge';
    const label = `${text} of ${name}: ${worst.happened}`;
    return el(
      'li',
      { class: `alert ${worst.level}`, 'data-alert': worst.id },
      el('span', { class: 'badge', text: `${SIGNS[worst.level]} ${worst.level}` }),
      el('button', { type: 'button', class: 'plain', text: name, on: { click: () => open(call.id) } }),
      el('span', { class: 'why', text: worst.happened }),
      el('span', { class: 'quote', text: worst.text ? `“${worst.text}”` : '' }),
      count > 1 && el('span', { class: 'note', text: `and ${count - 1} more` }),
      acknowledging(text, label, () => acknowledgeAll(call.id), done),
    );
  }

  /**
   * @param {Attention[]} calls the worst first
   * @param {number} behind open alerts of calls that are over
   */
  show(calls, behind) {
    const some = calls.slice(0, this.all ? 100 : few());
    const rows = some.map(({ call, worst, count }) => [worst.id, count, nameOf(call)].join());
    const shown = `${rows.join(';')}/${calls.length}/${behind}`;
    if (shown === this.shown) return;
    this.shown = shown;
    const active = document.activeElement;
    const focused = this.element.contains(active) && Boolean(active?.closest('[data-alert]'));
    this.element.hidden = calls.length === 0 && behind === 0;
    this.element.className = calls[0]?.worst.level ?? 'quiet';
    this.list.replaceChildren(...some.map(one => this.row(one)));
    this.more.hidden = calls.length <= few();
    this.more.textContent = this.all ? 'Show fewer' : `${calls.length - some.length} more calls with alerts`;
    this.behind.hidden = behind === 0;
    this.behind.textContent = `${behind} open ${behind === 1 ? 'alert' : 'alerts'} of calls that are over`;
    const first = this.list.querySelector('li > button:last-child');
    if (focused && first instanceof HTMLElement) first.focus();
  }
}

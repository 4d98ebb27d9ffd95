// @ts-check
// Alerts: the banner, one alert as a line with its button, and what a risk is made of.
import { ApiError, api, el, hour, messageOf, percent, posting, whoAmI } from './base.js';
import { SIGNS } from './card.js';

/** @import { Alert, Risk } from './types.d.ts' */

/** Alerts in the banner before it is unfolded: on a phone the calls want the room. */
const few = () => (innerWidth < 640 ? 1 : 3);

/**
 * What may be done with an alert. `open` is null where the call is already in sight; `done` gets the alert as it is
 * after it was acknowledged.
 * @typedef {{ open: ((call: string) => void) | null, done: (alert: Alert) => void }} Actions
 */

/** Alerts that nobody has acknowledged; none where the daemon knows no alerts. */
export async function openAlerts() {
  try {
    return (await api('/api/v1/alerts?acknowledged=false&limit=200')).alerts;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

/**
 * Says that somebody has seen it. The answer is the alert as it is now; everybody else hears of it by the feed.
 * @param {number} id
 */
export const acknowledge = id => api(`/api/v1/alerts/${id}/ack`, posting({ by: whoAmI() }));

/**
 * The button that acknowledges an alert.
 * @param {Alert} alert
 * @param {(alert: Alert) => void} done
 */
function acknowledging(alert, done) {
  const button = el('button', {
    type: 'button',
    text: 'Acknowledge',
    'aria-label': `Acknowledge alert ${alert.id}: ${alert.message}`,
  });
  button.addEventListener('click', async event => {
    event.stopPropagation();
    button.disabled = true;
    try {
      done(await acknowledge(alert.id));
    } catch (error) {
      button.disabled = false;
      button.textContent = `not acknowledged (${messageOf(error)}), try again`;
    }
  });
  return button;
}

/**
 * One alert.
 * @param {Alert} alert
 * @param {Actions} actions
 */
export function alertLine(alert, { open, done }) {
  const call = { type: 'button', class: 'plain', text: alert.agent ?? alert.call_id };
  return el(
    'li',
    { class: `alert ${alert.level}`, 'data-alert': alert.id },
    el('span', { class: 'badge', text: `${SIGNS[alert.level] ?? '△'} ${alert.level}` }),
    el('time', { datetime: alert.timestamp, text: hour.format(new Date(alert.timestamp)) }),
    open && el('button', { ...call, on: { click: () => open(alert.call_id) } }),
    el('span', { class: 'why', text: (alert.reasons ?? []).join('; ') || alert.message }),
    el('span', { class: 'quote', text: alert.text ? `“${alert.text}”` : '' }),
    alert.acknowledged
      ? el('span', { class: 'note', text: `acknowledged by ${alert.acknowledged_by ?? 'someone'}` })
      : acknowledging(alert, done),
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

/** The banner on top: the worst few, the rest on demand. */
export class Banner {
  all = false;
  shown = '';
  list = el('ul', { class: 'alerts' });
  more = el('button', { type: 'button', class: 'plain' });

  /**
   * @param {HTMLElement} element
   * @param {Actions & { redraw: () => void }} actions
   */
  constructor(element, actions) {
    this.element = element;
    this.actions = actions;
    this.more.addEventListener('click', () => {
      this.all = !this.all;
      this.shown = '';
      actions.redraw();
    });
    element.append(this.list, this.more);
  }

  /** @param {Alert[]} alerts the worst first */
  show(alerts) {
    const some = alerts.slice(0, this.all ? 100 : few());
    const shown = `${some.map(alert => alert.id)}/${alerts.length}`;
    if (shown === this.shown) return;
    this.shown = shown;
    const active = document.activeElement;
    const focused = this.element.contains(active) && Boolean(active?.closest('[data-alert]'));
    this.element.hidden = alerts.length === 0;
    this.element.className = alerts[0]?.level ?? '';
    this.list.replaceChildren(...some.map(alert => alertLine(alert, this.actions)));
    this.more.hidden = alerts.length <= few();
    this.more.textContent = this.all ? 'Show fewer' : `${alerts.length - some.length} more open alerts`;
    const first = this.list.querySelector('li > button:last-child');
    if (focused && first instanceof HTMLElement) first.focus();
  }
}

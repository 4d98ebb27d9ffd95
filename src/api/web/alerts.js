// Alerts: the banner, and one alert as a line with its button.
import { api, el, hour, post, whoAmI } from './base.js';
import { SIGNS } from './card.js';

/** Alerts in the banner before it is unfolded: on a phone the calls want the room. */
const few = () => innerWidth < 640 ? 1 : 3;

/** Alerts that nobody has acknowledged; none where the daemon knows no alerts. */
export async function openAlerts() {
  try {
    return (await api('/api/v1/alerts?acknowledged=false&limit=200')).alerts;
  } catch (error) {
    if (error.status === 404) return [];
    throw error;
  }
}

/** Says that somebody has seen it. The answer is the alert as it is now; everybody else hears of it by the feed. */
export const acknowledge = id => post(`/api/v1/alerts/${id}/ack`, { by: whoAmI() });

/** One alert. `open(callId)` may be null where the call is already in sight. */
export function alertLine(alert, { open, done }) {
  const button = alert.acknowledged ? null : el('button', { type: 'button', text: 'Acknowledge', 'aria-label': `Acknowledge alert ${alert.id}: ${alert.message}` });
  button?.addEventListener('click', async event => {
    event.stopPropagation();
    button.disabled = true;
    try {
      done(await acknowledge(alert.id));
    } catch (error) {
      button.disabled = false;
      button.textContent = `not acknowledged (${error.message}), try again`;
    }
  });
  return el('li', { class: `alert ${alert.level}`, 'data-alert': alert.id },
    el('span', { class: 'badge', text: `${SIGNS[alert.level] ?? '△'} ${alert.level}` }),
    el('time', { datetime: alert.timestamp, text: hour.format(new Date(alert.timestamp)) }),
    open && el('button', { type: 'button', class: 'plain', text: alert.agent ?? alert.call_id, on: { click: () => open(alert.call_id) } }),
    el('span', { class: 'why', text: (alert.reasons ?? []).join('; ') || alert.message }),
    el('span', { class: 'quote', text: alert.text ? `“${alert.text}”` : '' }),
    alert.acknowledged ? el('span', { class: 'note', text: `seen by ${alert.acknowledged_by ?? 'somebody'}` }) : button);
}

/** The banner on top: the worst few, the rest on demand. */
export class Banner {
  constructor(element, actions) {
    Object.assign(this, { element, actions, all: false, shown: '' });
    this.list = el('ul', { class: 'alerts' });
    this.more = el('button', { type: 'button', class: 'plain' });
    this.more.addEventListener('click', () => { this.all = !this.all; this.shown = ''; this.actions.redraw(); });
    element.append(this.list, this.more);
  }

  show(alerts) {
    const some = alerts.slice(0, this.all ? 100 : few());
    const shown = `${some.map(alert => alert.id)}/${alerts.length}`;
    if (shown === this.shown) return;
    this.shown = shown;
    const focused = document.activeElement?.closest?.('#alerts [data-alert]') !== null && this.element.contains(document.activeElement);
    this.element.hidden = alerts.length === 0;
    this.element.className = alerts[0]?.level ?? '';
    this.list.replaceChildren(...some.map(alert => alertLine(alert, this.actions)));
    this.more.hidden = alerts.length <= few();
    this.more.textContent = this.all ? 'Show fewer' : `${alerts.length - some.length} more open alerts`;
    if (focused) this.list.querySelector('li > button:last-child')?.focus();
  }
}

// @ts-check
// An agent's own calls that people have reviewed: points and comments beside the machine's, and the way to dispute
// them.
import { byId, day, el, messageOf, pathOf, posting, raw } from './base.js';
import { disputeForm, disputeItem } from './dispute.js';
import { givenReview, machineSays } from './review.js';
import { table } from './tables.js';

/** @import { Answer, ReviewList, ReviewedCall } from './types.d.ts' */
/** @import { Request } from './base.js' */

/**
 * So many of something, in words; nothing of none.
 * @param {number} count
 * @param {string} one
 */
const counted = (count, one) => count > 0 && `${count} ${one}${count === 1 ? '' : 's'}`;

export class OwnReviews {
  element = byId('mine', HTMLDetailsElement);
  list = byId('reviewed', HTMLDivElement);

  /**
   * @param {string} token empty where a login says who asks
   * @param {string} user empty where the token says whose calls they are
   */
  constructor(token, user) {
    /** @type {Record<string, string>} */
    this.headers = token ? { Authorization: `Bearer ${token}` } : {};
    this.user = user;
  }

  /** Shows that they are there; they are asked for when somebody opens them. */
  offer() {
    this.element.hidden = false;
    this.element.addEventListener('toggle', () => this.element.open && this.load());
  }

  /**
   * Asks the API. Where it wants a login this page, which may stand in a frame, stays.
   * @template {string} Path
   * @param {Path} path
   * @param {Request} [options]
   * @returns {Promise<Answer<Path>>}
   */
  async ask(path, options = {}) {
    const response = await raw(path, { ...options, headers: { ...options.headers, ...this.headers } });
    return response.json();
  }

  async load() {
    try {
      const asked = new URLSearchParams(this.user ? { user: this.user } : {});
      const { calls, more } = await this.ask(`/api/v1/agent/reviews?${asked}`);
      const note = (/** @type {string} */ text) => el('p', { class: 'note', text });
      /** @type {HTMLElement[]} */
      const items = calls.length
        ? calls.map(call => this.item(call))
        : [note('None of your calls has been reviewed yet.')];
      if (more) items.push(note(`The newest ${calls.length} are shown; there are more.`));
      this.list.replaceChildren(...items);
    } catch (error) {
      this.list.replaceChildren(el('p', { class: 'note', text: messageOf(error) }));
    }
  }

  /** @param {ReviewedCall} call */
  item({ call_id, start_time, campaign, score, reviews, open_disputes }) {
    const machine = score !== null && `machine ${Math.round(score)} of 100`;
    const counts = [counted(reviews, 'review'), counted(open_disputes, 'open dispute')];
    const says = [day.format(new Date(start_time)), campaign, machine, ...counts].filter(Boolean);
    const content = el('div');
    // One is open at a time, where the browser can do so.
    const item = el('details', { name: 'reviewed' }, el('summary', { text: says.join(' · ') }), content);
    item.addEventListener('toggle', () => item.open && this.fill(content, call_id));
    return item;
  }

  /**
   * @param {HTMLElement} place
   * @param {string} id
   */
  async fill(place, id) {
    try {
      place.replaceChildren(...this.parts(await this.ask(`${pathOf(id)}/reviews`), () => this.fill(place, id)));
    } catch (error) {
      place.replaceChildren(el('p', { class: 'note', text: messageOf(error) }));
    }
  }

  /**
   * @param {ReviewList} list
   * @param {() => void} done who is told when something was disputed
   */
  parts({ call_id, rules, reviews, disputes, hidden }, done) {
    const rows = rules.map(rule => ({ cells: [rule.description || rule.rule, machineSays(rule)] }));
    const machine = table(['Rule', 'Machine'], rows, `Machine, ${call_id}`);
    if (hidden) {
      return [machine, el('p', { class: 'note', text: `Reviews hidden until their calibration ends: ${hidden}` })];
    }
    const given = reviews.map(one => givenReview(one));
    for (const one of given) one.open = true;
    const items = disputes.map(one => disputeItem(one, { link: false }));
    const raise = (/** @type {object} */ wish) => this.ask(`${pathOf(call_id)}/disputes`, posting(wish));
    const form = disputeForm(rules, raise, done);
    return [machine, ...given, el('h2', { text: 'Disputes' }), el('ul', { class: 'plain' }, ...items), form];
  }
}

// @ts-check
// A reviewer's own points beside the machine's, those of others, and what is disputed of them.
import { api, day, el, messageOf, pathOf, posting, setText } from './base.js';
import { disputeForm, disputeItem } from './dispute.js';
import { table } from './tables.js';

/** @import { ReviewList, RuleToReview, ScoreReview } from './types.d.ts' */

const OUTCOMES = { met: 'met', missed: 'missed', not_asked: 'not applicable', open: 'pending' };

/**
 * What the machine makes of a rule, in words.
 * @param {RuleToReview} rule
 */
export function machineSays({ outcome, points, of }) {
  const judged = outcome === 'met' || outcome === 'missed';
  return `${OUTCOMES[outcome]}${judged ? `, ${points} of ${of}` : ''}`;
}

/**
 * A review as it was given.
 * @param {ScoreReview} review
 */
export function givenReview({ reviewer, own, score, comment, reviewed_at, rules }) {
  const points = (/** @type {number | null} */ got, /** @type {number} */ of) =>
    got === null ? 'not applicable' : `${got} of ${of}`;
  const rows = rules.map(one => ({ cells: [one.rule, points(one.points, one.of), one.comment] }));
  const heading = `${own ? 'You' : reviewer}: ${score === null ? 'no score' : `${score} of 100`}`;
  const at = day.format(new Date(reviewed_at));
  return el(
    'details',
    { class: 'given' },
    el('summary', { text: `${heading}, ${at}` }),
    comment && el('p', {}, el('q', { text: comment })),
    table(['Rule', 'Points', 'Comment'], rows, `Points of ${reviewer}, ${at}`),
  );
}

/** What a rule's fields hold. */
class RuleFields {
  /**
   * @param {RuleToReview} rule
   * @param {ScoreReview | undefined} own
   */
  constructor(rule, own) {
    const { description, of } = rule;
    const name = description || rule.rule;
    const before = own?.rules.find(one => one.rule === rule.rule);
    this.rule = rule;
    this.points = el('input', { type: 'number', min: 0, max: of, step: 'any', 'aria-label': `Points: ${name}` });
    this.without = el('input', { type: 'checkbox', 'aria-label': `Not applicable: ${name}` });
    this.comment = el('input', { maxlength: 2000, 'aria-label': `Comment: ${name}` });
    if (before) {
      this.points.value = before.points === null ? '' : String(before.points);
      this.without.checked = before.points === null;
      this.comment.value = before.comment;
    }
    this.points.disabled = this.without.checked;
    this.without.addEventListener('change', () => {
      this.points.disabled = this.without.checked;
      if (this.without.checked) this.points.value = '';
    });
  }

  row() {
    const { rule, description, of } = this.rule;
    const own = el('span', {}, this.points, ` of ${of}`);
    return { cells: [description || rule, machineSays(this.rule), own, this.without, this.comment] };
  }

  /** What is sent; null where the rule was left out. */
  get wish() {
    const { rule } = this.rule;
    const comment = this.comment.value;
    if (this.without.checked) return { rule, points: null, comment };
    return this.points.value === '' ? null : { rule, points: Number(this.points.value), comment };
  }
}

export class Reviews {
  element = el('section', { class: 'block reviews', 'aria-labelledby': 'about-review', hidden: true });
  /** Whether something is typed that was not saved. */
  dirty = false;

  /** @param {string} id */
  constructor(id) {
    this.path = /** @type {const} */ (`${pathOf(id)}/reviews`);
    this.calibration = /** @type {const} */ (`${pathOf(id)}/calibration`);
    this.disputes = /** @type {const} */ (`${pathOf(id)}/disputes`);
  }

  /** @param {boolean} over whether the call is over: before that nobody reviews it */
  async load(over) {
    if (!over || this.dirty) return;
    try {
      this.draw(await api(this.path));
    } catch (error) {
      this.element.replaceChildren(el('p', { class: 'note', text: `reviews: ${messageOf(error)}` }));
    }
    this.element.hidden = false;
  }

  again() {
    this.dirty = false;
    this.load(true);
  }

  /** @param {ReviewList} list */
  draw(list) {
    const { rules, reviews, calibration, hidden } = list;
    const own = reviews.find(one => one.own);
    const others = hidden ? `More reviews, shown after you save yours: ${hidden}.` : '';
    const says = [calibration ? 'Calibration: score this call before you see other reviews.' : '', others];
    this.element.replaceChildren(
      el('h2', { id: 'about-review', text: 'Review' }),
      el('p', { class: 'note', text: says.filter(Boolean).join(' ') }),
      this.flag(calibration),
      calibration && own ? '' : this.form(rules, own),
      ...reviews.map(one => givenReview(one)),
      ...this.disputed(list),
    );
  }

  /**
   * Flags the call for calibration; who could see others' points first does not take the flag off.
   * @param {boolean} calibration
   */
  flag(calibration) {
    const text = calibration ? 'End the calibration' : 'Flag for calibration';
    const button = el('button', { type: 'button', 'data-needs': calibration ? 'admin' : 'operate', text });
    const note = el('span', { class: 'note', role: 'status' });
    button.addEventListener('click', async () => {
      button.disabled = true;
      try {
        const list = await api(this.calibration, { method: calibration ? 'DELETE' : 'PUT' });
        // What is typed stays.
        if (this.dirty) setText(note, calibration ? 'ended' : 'flagged; shown when the review is saved');
        else this.draw(list);
      } catch (error) {
        setText(note, messageOf(error));
        button.disabled = false;
      }
    });
    return el('p', {}, button, ' ', note);
  }

  /**
   * @param {RuleToReview[]} rules
   * @param {ScoreReview | undefined} own
   */
  form(rules, own) {
    const fields = rules.map(rule => new RuleFields(rule, own));
    const heads = ['Rule', 'Machine', 'Your points', 'Not applicable', 'Comment'];
    const rows = fields.map(one => one.row());
    const comment = el('textarea', { maxlength: 2000, rows: 2 });
    comment.value = own?.comment ?? '';
    const note = el('span', { class: 'note', role: 'status' });
    const label = el('label', { text: 'Comment on the call ' }, comment);
    const save = el('button', { text: 'Save review' });
    const form = el('form', { 'data-needs': 'operate' }, table(heads, rows), label, save, note);
    form.setAttribute('aria-label', 'Your review');
    form.addEventListener('input', () => (this.dirty = true));
    form.addEventListener('keydown', event => event.stopPropagation());
    form.addEventListener('submit', async event => {
      event.preventDefault();
      const wishes = fields.map(one => one.wish).filter(wish => wish !== null);
      const wish = posting({ rules: wishes, comment: comment.value });
      try {
        const list = await api(this.path, { ...wish, method: 'PUT' });
        this.dirty = false;
        this.draw(list);
      } catch (error) {
        setText(note, messageOf(error));
      }
    });
    return form;
  }

  /** @param {ReviewList} list */
  disputed({ rules, disputes, hidden }) {
    if (hidden) return [];
    const done = () => this.again();
    const form = disputeForm(rules, wish => api(this.disputes, posting(wish)), done);
    form.dataset.needs = 'operate';
    const items = disputes.map(one => disputeItem(one, { link: false, done }));
    return [el('h3', { text: 'Disputes' }), el('ul', { class: 'plain' }, ...items), form];
  }
}

// @ts-check
// A dispute of a rule's points: the way to raise one, as it stands, and the way to answer it.
import { api, day, el, messageOf, posting, setText, urlOf } from './base.js';

/** @import { Dispute, RuleToReview } from './types.d.ts' */

/**
 * The form with which points are disputed.
 * @param {RuleToReview[]} rules
 * @param {(wish: { rule: string, text: string }) => Promise<unknown>} raise
 * @param {() => void} done
 */
export function disputeForm(rules, raise, done) {
  const rule = el('select', {}, ...rules.map(one => el('option', { value: one.rule, text: one.rule })));
  const text = el('input', { maxlength: 2000, required: true });
  const note = el('span', { class: 'note', role: 'status' });
  const form = el(
    'form',
    { class: 'row wrap', 'aria-label': 'Raise a dispute' },
    el('label', { text: 'Rule ' }, rule),
    el('label', { text: 'What is wrong ' }, text),
    el('button', { text: 'Dispute' }),
    note,
  );
  form.addEventListener('submit', async event => {
    event.preventDefault();
    try {
      await raise({ rule: rule.value, text: text.value });
      done();
    } catch (error) {
      setText(note, messageOf(error));
    }
  });
  return form;
}

/**
 * The form with which an open dispute is answered.
 * @param {Dispute} dispute
 * @param {() => void} done
 */
function answerForm({ id, rule }, done) {
  const answer = el('input', { 'aria-label': `Answer to the dispute of ${rule}`, maxlength: 2000, required: true });
  const note = el('span', { class: 'note', role: 'status' });
  const button = (/** @type {string} */ value, /** @type {string} */ text) => el('button', { value, text });
  const buttons = [button('upheld', 'Uphold'), button('rejected', 'Reject')];
  const form = el('form', { class: 'row wrap', 'data-needs': 'operate' }, answer, ...buttons, note);
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const state = event.submitter instanceof HTMLButtonElement ? event.submitter.value : 'upheld';
    try {
      await api(`/api/v1/disputes/${id}/answer`, posting({ state, answer: answer.value }));
      done();
    } catch (error) {
      setText(note, messageOf(error));
    }
  });
  return form;
}

/**
 * @param {Dispute} dispute
 * @param {{ link: boolean, done?: () => void }} how whether its call is named, and who is told when it was answered;
 *   without anybody it is not answered here
 */
export function disputeItem(dispute, { link, done }) {
  const { call_id, agent, rule, text, state, raised_by, raised_at } = dispute;
  const at = (/** @type {string} */ time) => day.format(new Date(time));
  const call = el('a', { href: urlOf(`/calls/${encodeURIComponent(call_id)}`), text: agent ?? call_id });
  const item = el(
    'li',
    {},
    el('p', {}, link && call, link && ' ', el('b', { text: `${rule}: ${state}` }), ' ', el('q', { text })),
    el('p', { class: 'note', text: `raised by ${raised_by}, ${at(raised_at)}` }),
  );
  if (dispute.answer) {
    const by = `${dispute.answered_by}, ${dispute.answered_at ? at(dispute.answered_at) : ''}`;
    item.append(
      el('p', {}, 'Answer: ', el('q', { text: dispute.answer }), el('span', { class: 'note', text: ` ${by}` })),
    );
  }
  if (done && state === 'open') item.append(answerForm(dispute, done));
  return item;
}

// @ts-check
// The work of a reviewer: calls to review next, disputes that wait for an answer, and how far all agree.
import { api, byId, clock, day, el, fieldOf, fromAddress, messageOf, onKey, percent, textsOf, urlOf } from './base.js';
import { watchBox } from './base.js';
import { disputeItem } from './dispute.js';
import { block, table } from './tables.js';

/** @import { Agreement, AgreementReport, Judges, QueuedReview, ReviewQueue } from './types.d.ts' */

const form = byId('filters', HTMLFormElement);
const [queue, disputes, agreement] = ['queue', 'disputes', 'agreement'].map(id => byId(id, HTMLElement));
const by = fieldOf(form, 'by', HTMLSelectElement);
const rule = fieldOf(form, 'rule', HTMLInputElement);

/**
 * @param {HTMLElement | undefined} place
 * @param {() => Promise<HTMLElement>} made
 */
async function fill(place, made) {
  try {
    place?.replaceChildren(await made());
  } catch (error) {
    place?.replaceChildren(el('p', { class: 'bad', role: 'alert', text: messageOf(error) }));
  }
}

/** @param {QueuedReview} call */
function queuedRow({ call_id, start_time, duration, agent, campaign, risk, score, calibration }) {
  const href = urlOf(`/calls/${encodeURIComponent(call_id)}`);
  const link = el('a', { href, text: day.format(new Date(start_time)) });
  const flag = calibration ? 'calibration' : '';
  const figures = [risk === null ? '–' : percent(risk), score === null ? '–' : String(Math.round(score))];
  return { cells: [link, clock(duration), agent ?? '', campaign ?? '', ...figures, flag] };
}

/** @param {ReviewQueue} answer */
function drawQueue({ calls, among, reviewer }) {
  const heads = ['Call', 'Length', 'Agent', 'Campaign', 'Risk', 'Score', 'Flag'];
  const what = `${calls.length} of ${among} finished calls that ${reviewer} has not reviewed`;
  return block('To review', what, table(heads, calls.map(queuedRow)));
}

/** @param {number | null} number */
const two = number => (number === null ? '–' : number.toFixed(2));

/**
 * @param {string} name
 * @param {Agreement} agreement
 */
const agreementRow = (name, { pairs, observed, kappa }) => ({
  cells: [name, pairs, observed === null ? '–' : percent(observed), two(kappa)],
});

/**
 * @param {string} name
 * @param {Judges} judges
 */
function judgesBlock(name, { calls, overall, rules }) {
  const rows = [agreementRow('All rules', overall), ...rules.map(one => agreementRow(one.rule, one))];
  const what = `${calls} ${calls === 1 ? 'call' : 'calls'}; kappa is 1 for full agreement, 0 for chance`;
  return block(name, what, table(['Rule', 'Pairs', 'Agree', 'Kappa'], rows, `${name}, rule by rule`));
}

/** @param {AgreementReport} report */
function drawAgreement({ people, machine }) {
  return el(
    'div',
    {},
    judgesBlock('Agreement of reviewers', people),
    judgesBlock('Agreement of machine and reviewers', machine),
  );
}

const showDisputes = () =>
  fill(disputes, async () => {
    const { disputes, more } = await api('/api/v1/disputes?state=open&limit=1000');
    const items = disputes.map(one => disputeItem(one, { link: true, done: showDisputes }));
    const none = el('p', { class: 'note', text: 'none' });
    const cut = more ? `the newest ${items.length}; there are more` : null;
    return block('Open disputes', cut, items.length ? el('ul', { class: 'plain' }, ...items) : none);
  });

// What the address asks for and the form cannot show: the API says what it makes of it.
let besides = fromAddress(form);

function show() {
  rule.required = by.value === 'rule';
  const texts = textsOf(form).filter(([name]) => name !== 'rule' || by.value === 'rule');
  const wanted = new URLSearchParams([...texts, ...besides]);
  history.replaceState(null, '', `?${wanted}`);
  fill(queue, async () => drawQueue(await api(`/api/v1/review-queue?${wanted}`)));
  const over = new URLSearchParams([...wanted].filter(([name]) => name === 'since' || name === 'campaign'));
  fill(agreement, async () => drawAgreement(await api(`/api/v1/reviews/agreement?${over}`)));
  showDisputes();
}

by.addEventListener('change', () => (rule.required = by.value === 'rule'));
form.addEventListener('submit', event => {
  event.preventDefault();
  besides = [];
  show();
});
onKey(() => {});
show();
watchBox();

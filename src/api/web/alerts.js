// @ts-check
// All alerts, by call: what the board does not show any more, to be looked at and acknowledged.
import { acknowledgeThese, acknowledging, alertLine } from './alert.js';
import { api, brief, byId, confirmed, el, fromAddress, messageOf, onKey, setText, textsOf } from './base.js';
import { urlOf, watchBox } from './base.js';

/** @import { Alert, AlertTaken } from './types.d.ts' */

const PAGE = 500;

const form = byId('filters', HTMLFormElement);
const list = byId('calls', HTMLElement);
const note = byId('note', HTMLElement);
const more = byId('more', HTMLButtonElement);
const take = byId('take', HTMLButtonElement);

/**
 * As loaded, the newest first.
 * @type {Alert[]}
 */
let alerts = [];
/** Counts the questions: an answer to an earlier one is dropped. */
let generation = 0;

const STATES = new Map([
  ['open', 'false'],
  ['acknowledged', 'true'],
]);

// What the address asks for and the form cannot show: a rule's alerts of some days, as the dashboard links to them.
let besides = fromAddress(form);

/** The form as the API is asked. */
function query() {
  const wanted = new URLSearchParams([...textsOf(form), ...besides]);
  const state = STATES.get(wanted.get('state') ?? 'open');
  const calls = wanted.get('calls');
  wanted.delete('state');
  wanted.delete('calls');
  if (state) wanted.set('acknowledged', state);
  if (calls) wanted.set('live', String(calls === 'live'));
  wanted.set('limit', String(PAGE));
  return wanted;
}

/** @param {AlertTaken[]} taken */
function done(taken) {
  const by = new Map(taken.map(one => [one.id, one]));
  alerts = alerts.map(alert => ({ ...alert, ...by.get(alert.id) }));
  draw();
}

const isOpen = (/** @type {Alert} */ alert) => !alert.acknowledged;

/**
 * Acknowledges those that are shown: a call may have more, which the filters leave out.
 * @param {number[]} ids
 */
async function takeThese(ids) {
  /** @type {AlertTaken[]} */
  const taken = [];
  for (let i = 0; i < ids.length; i += PAGE) taken.push(...(await acknowledgeThese(ids.slice(i, i + PAGE))));
  return taken;
}

/**
 * A call with its alerts.
 * @param {string} id
 * @param {Alert[]} all
 */
function callOf(id, all) {
  const [newest] = all;
  const open = all.filter(isOpen).map(alert => alert.id);
  const name = newest?.agent ?? id;
  const heading = el(
    'div',
    { class: 'row wrap' },
    el('h2', {}, el('a', { href: urlOf(`/calls/${encodeURIComponent(id)}#t=${newest?.start_time ?? 0}`), text: name })),
    el('span', { class: 'note', text: [newest?.campaign, id].filter(Boolean).join(' · ') }),
    newest && el('time', { datetime: newest.timestamp, text: brief.format(new Date(newest.timestamp)) }),
    open.length > 1 &&
      acknowledging(
        `Acknowledge these ${open.length}`,
        `Acknowledge these ${open.length} alerts of call ${id}, ${name}`,
        () => takeThese(open),
        done,
      ),
  );
  const lines = all.map(alert => alertLine(alert, { open: null, done }));
  return el('li', { class: 'block', 'data-call': id }, heading, el('ul', { class: 'alerts' }, ...lines));
}

function draw() {
  const by = Map.groupBy(alerts, alert => alert.call_id);
  list.replaceChildren(...[...by].map(([id, all]) => callOf(id, all)));
  const open = alerts.filter(isOpen).length;
  const calls = `${by.size} ${by.size === 1 ? 'call' : 'calls'}`;
  const count = `${alerts.length}${more.hidden ? '' : '+'}`;
  setText(note, alerts.length ? `${count} alerts of ${calls}, ${open} open` : 'No alerts here.');
  take.hidden = open === 0;
  setText(take, `Acknowledge the ${open} shown…`);
}

/** @param {boolean} older whether what is older than the last one is added */
async function load(older) {
  const mine = ++generation;
  const wanted = query();
  const last = alerts.at(-1);
  if (older && last) wanted.set('until', last.timestamp);
  try {
    const found = (await api(`/api/v1/alerts?${wanted}`)).alerts;
    if (mine !== generation) return;
    // Several may have been raised at the moment where the page before ended.
    const known = new Set(alerts.map(alert => alert.id));
    alerts = older ? [...alerts, ...found.filter(alert => !known.has(alert.id))] : found;
    more.hidden = found.length < PAGE;
    draw();
  } catch (error) {
    if (mine === generation) setText(note, messageOf(error));
  }
}

function show() {
  const wanted = new URLSearchParams([...textsOf(form), ...besides]);
  history.replaceState(null, '', `?${wanted}`);
  return load(false);
}

take.addEventListener('click', async () => {
  const ids = alerts.filter(isOpen).map(alert => alert.id);
  const text = `${ids.length} alerts will be acknowledged in your name. You find them again with State: acknowledged.`;
  if (!(await confirmed('Acknowledge alerts', text, `Acknowledge ${ids.length}`))) return;
  take.disabled = true;
  try {
    done(await takeThese(ids));
  } catch (error) {
    setText(note, `not acknowledged: ${messageOf(error)}`);
  }
  take.disabled = false;
});
more.addEventListener('click', () => load(true));
function anew() {
  besides = [];
  show();
}
form.addEventListener('submit', event => {
  event.preventDefault();
  anew();
});
form.addEventListener('change', ({ target }) => target instanceof HTMLSelectElement && anew());
onKey(() => {});
show();
watchBox();

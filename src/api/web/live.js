// @ts-check
// The live page: joins the board, the feed, the cards, the strip of alerts and the panel. Everything is drawn once per
// frame at most.
import { api, boxLine, byId, el, fieldOf, inSettings, me, messageOf, onKey, setText, urlOf } from './base.js';
import { Strip, acknowledgeAll, openAlerts } from './alert.js';
import { Board, LEVELS, rank } from './board.js';
import { Card, SIGNS } from './card.js';
import { Feed } from './feed.js';
import { Ear } from './listen.js';
import { notice, noticeChoices } from './notice.js';
import { Panel } from './panel.js';
import { PresencePanel } from './presence.js';
import { watchUnheard } from './unheard.js';

/** @import { AlertTaken, BoardCall, Box, CallEvent, Governor } from './types.d.ts' */

/** Cards change places this often at most: a list that jumps cannot be read. */
const REORDER_MS = 1500;
const BOX_MS = 3000;
/** Words that are not final yet wait so long for others: with fifty calls the page would be drawn all the time. */
const PARTIAL_MS = 150;
/** They are drawn in one frame of so many, where frames are slow. */
const PARTIAL_FRAMES = 8;
/** And at least this often. */
const PARTIAL_MOST_MS = 1000;
/** An alert that is told later, after the connection was lost, makes no sound any more. */
const FRESH_MS = 30_000;

const board = new Board();
/** @type {Map<string, Card>} */
const cards = new Map();
const list = byId('cards', HTMLElement);
const main = byId('main', HTMLElement);
const filters = byId('filters', HTMLFormElement);
const agent = fieldOf(filters, 'agent', HTMLSelectElement);
const campaign = fieldOf(filters, 'campaign', HTMLSelectElement);
const level = fieldOf(filters, 'level', HTMLSelectElement);
const search = fieldOf(filters, 'q', HTMLInputElement);

/** @type {Box | null} */
let box = null;
let connection = 'connecting';
/**
 * The calls whose cards are shown.
 * @type {string[]}
 */
let order = [];
let orderedAt = 0;
let orderDue = true;
let drawing = false;

const ear = new Ear(() => {
  for (const id of board.calls.keys()) board.changed.add(id);
  draw();
});
const listen = (/** @type {string} */ id) => ear.toggle(id);
const panel = new Panel(byId('panel', HTMLElement), board, { close: closePanel, done: acknowledged, ear });
const strip = new Strip(byId('alerts', HTMLElement), { open: openCall, done: acknowledged, redraw: draw });
const agents = new PresencePanel(byId('agents', HTMLDetailsElement), board, name => {
  agent.value = name;
  reorder();
});

function draw() {
  if (drawing) return;
  drawing = true;
  const asked = performance.now();
  requestAnimationFrame(() => {
    drawing = false;
    paint();
    late = late * 0.8 + (performance.now() - asked) * 0.2;
  });
}

/** How long a frame comes after it was asked for, milliseconds, of the last few. */
let late = 0;

/** @type {number | null} */
let later = null;
/** Words that are not final are drawn the less often the longer a frame takes: final ones are not to wait for them. */
function drawLater() {
  const wait = Math.min(Math.max(PARTIAL_MS, late * PARTIAL_FRAMES), PARTIAL_MOST_MS);
  later ??= setTimeout(() => {
    later = null;
    draw();
  }, wait);
}

function paint() {
  const now = Date.now();
  const levels = board.levels();
  // The order waits while somebody is about to click.
  if (orderDue && (now - orderedAt > REORDER_MS || order.length === 0)) {
    orderDue = false;
    orderedAt = now;
    place(board.ordered(filter(), levels));
  }
  for (const id of board.changed) {
    const call = board.calls.get(id);
    if (call) cards.get(id)?.show(call, levels.get(id), { opened: panel.id === id, listening: ear.call === id });
  }
  board.changed.clear();
  const attention = board.attention();
  const live = attention.reduce((sum, one) => sum + one.count, 0);
  strip.show(attention, Math.max(0, (box?.open_alerts ?? 0) - live));
  if (panel.id) panel.show();
  boxLine(box, connection);
  const running = [...board.calls.values()].filter(call => call.over === null).length;
  const all = order.length === board.calls.size;
  setText(byId('count', HTMLElement), all ? String(running) : `${order.length} of ${running}`);
  byId('empty', HTMLElement).hidden = order.length > 0 || connection === 'connecting';
}

/** The card that has the focus. */
function focusedCard() {
  const card = document.activeElement?.closest('.card');
  return card instanceof HTMLElement ? card.dataset.id : undefined;
}

/**
 * Puts the cards in order; only those that stand wrong are moved.
 * @param {BoardCall[]} calls
 */
function place(calls) {
  order = calls.map(call => call.id);
  const wanted = new Set(order);
  const focused = focusedCard();
  for (const [id, card] of cards) {
    if (!wanted.has(id)) {
      card.element.remove();
      cards.delete(id);
    }
  }
  let before = list.firstElementChild;
  for (const call of calls) {
    let card = cards.get(call.id);
    if (!card) {
      card = new Card(call.id, { open: openCall, listen });
      cards.set(call.id, card);
      card.tick(call, board.now());
      board.changed.add(call.id);
    }
    if (card.element === before) before = before.nextElementSibling;
    else list.insertBefore(card.element, before);
  }
  // An element that is moved loses the focus.
  if (focused && document.activeElement === document.body) cards.get(focused)?.name.focus({ preventScroll: true });
  const running = [...board.calls.values()];
  options(
    agent,
    running.map(call => call.agent),
  );
  options(
    campaign,
    running.map(call => call.campaign),
  );
}

/**
 * The choices of a filter are what the calls have.
 * @param {HTMLSelectElement} select
 * @param {(string | null)[]} found
 */
function options(select, found) {
  const values = ['', ...[...new Set(found.filter(value => value !== null && value !== ''))].sort()];
  if (select.value && !values.includes(select.value)) values.push(select.value);
  if (values.join('\n') === [...select.options].map(option => option.value).join('\n')) return;
  const chosen = select.value;
  select.replaceChildren(
    ...values.map(value => el('option', { value, text: value || 'all', selected: value === chosen })),
  );
}

const filter = () => ({ agent: agent.value, campaign: campaign.value, level: Number(level.value) });
level.append(
  el('option', { value: 0, text: 'all calls' }),
  ...LEVELS.map(one => {
    const above = one === 'critical' ? '' : ' and above';
    return el('option', { value: rank(one), text: `${SIGNS[one]} ${one}${above}` });
  }),
);
agent.append(el('option', { value: '', text: 'all' }));
campaign.append(el('option', { value: '', text: 'all' }));
filters.addEventListener('change', event => {
  if (event.target !== search) reorder();
});
filters.addEventListener('submit', event => {
  event.preventDefault();
  const words = search.value.trim();
  if (words) location.href = urlOf(`/calls?q=${encodeURIComponent(words)}`);
});

function reorder() {
  orderDue = true;
  orderedAt = 0;
  draw();
}

/** @param {string} id */
function openCall(id) {
  if (panel.id === id) return;
  const former = panel.id;
  main.classList.add('split');
  panel.open(id);
  if (former) board.changed.add(former);
  board.changed.add(id);
  history.replaceState(null, '', `#${encodeURIComponent(id)}`);
  panel.title.focus({ preventScroll: true });
  draw();
}

function closePanel() {
  const id = panel.id;
  if (id === null) return;
  panel.close();
  main.classList.remove('split');
  history.replaceState(null, '', location.pathname);
  board.changed.add(id);
  cards.get(id)?.name.focus();
  draw();
}

/** @param {AlertTaken[]} taken */
function acknowledged(taken) {
  for (const one of taken) board.acknowledged(one);
  orderDue = true;
  look();
  draw();
}

onKey(event => {
  const at = order.indexOf(focusedCard() ?? panel.id ?? '');
  if (event.key === 'j' || event.key === 'k') {
    event.preventDefault();
    const next = at < 0 ? 0 : Math.min(Math.max(at + (event.key === 'j' ? 1 : -1), 0), order.length - 1);
    const card = cards.get(order[next] ?? '');
    card?.name.focus();
    card?.element.scrollIntoView({ block: 'nearest' });
  } else if (event.key === 'a') {
    event.preventDefault();
    const here = order[at];
    const id = here && board.open(here).length ? here : board.attention()[0]?.call.id;
    if (!id) return;
    acknowledgeAll(id)
      .then(acknowledged)
      .catch(error => tell(`not acknowledged: ${messageOf(error)}`));
  } else if (event.key === 'l' && (order[at] ?? panel.id)) {
    event.preventDefault();
    listen(order[at] ?? panel.id ?? '');
  } else if (event.key === 'Escape' && panel.id) {
    closePanel();
  }
});

/**
 * Says something to whoever uses a screen reader.
 * @param {string} text
 */
const tell = text => setText(byId('said-aloud', HTMLElement), text);

/** @param {CallEvent | Governor} event */
function onEvent(event) {
  if (event.type === 'governor') {
    if (box) Object.assign(box, { step: event.step, step_says: event.says });
  } else {
    board.apply(event);
    panel.event(event);
    if (event.type === 'alert') {
      tell(`${event.level} alert, ${event.agent ?? event.call_id}: ${event.happened}`);
      if (Date.now() + board.skew - Date.parse(event.timestamp) < FRESH_MS) notice(event, openCall);
    }
    if (event.type === 'partial') return drawLater();
    orderDue = true;
    const soon = event.type === 'call_start' || event.type === 'call_end';
    if (soon) orderedAt = Math.min(orderedAt, Date.now() - REORDER_MS + 200);
  }
  draw();
}

/** Loads everything anew; the answer is the last event that is in it. */
async function load() {
  const [loaded, alerts] = await Promise.all([api('/api/v1/board'), openAlerts()]);
  board.load(loaded);
  board.loadAlerts(alerts);
  reorder();
  if (panel.id) panel.load();
  return loaded.last_event;
}

async function look() {
  try {
    box = await api('/api/v1/box');
    board.look(box);
    orderDue = true;
    draw();
  } catch {
    // The connection's state is shown already.
  }
}

function tick() {
  for (const [id, card] of cards) {
    const call = board.calls.get(id);
    if (call) card.tick(call, board.now());
  }
  agents.draw();
  if (orderDue) draw();
  if (panel.id) panel.show();
}

async function start() {
  let after;
  while (after === undefined) {
    try {
      after = await load();
    } catch (error) {
      connection = `no answer (${messageOf(error)}), retrying`;
      draw();
      await new Promise(resolve => setTimeout(resolve, 1000));
    }
  }
  const state = (/** @type {string} */ now) => {
    if (now === connection) return;
    connection = now;
    draw();
  };
  new Feed({ after, on: { event: onEvent, state, reset: () => load().catch(() => {}) } });
  look();
  setInterval(look, BOX_MS);
  setInterval(tick, 1000);
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted) openCall(wanted);
}
const fold = byId('fold', HTMLButtonElement);
fold.addEventListener('click', () => {
  const unfolded = filters.classList.toggle('unfolded');
  fold.setAttribute('aria-expanded', String(unfolded));
});
inSettings(noticeChoices);
me();
// The first key reaches the first card, and not the way there.
main.focus({ preventScroll: true });
start();
watchUnheard();

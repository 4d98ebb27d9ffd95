// The live page: joins the board, the feed, the cards, the banner and the panel. Everything is drawn once per frame at most.
import { api, urlOf, boxLine, el, mood, onKey, setText, signed } from './base.js';
import { Banner, acknowledge, openAlerts } from './alerts.js';
import { Board, LEVELS, rank } from './board.js';
import { Card, SIGNS } from './card.js';
import { Feed } from './feed.js';
import { Panel } from './panel.js';

/** Cards change places this often at most: a list that jumps cannot be read. */
const REORDER_MS = 1500;
const BOX_MS = 3000;
/** Words that are not final yet wait so long for others: with fifty calls they would have the page drawn all the time. */
const PARTIAL_MS = 150;

const board = new Board();
const cards = new Map();
const list = document.getElementById('cards'), filters = document.getElementById('filters'), main = document.getElementById('main');
let box = null, connection = 'connecting', order = [], orderedAt = 0, orderDue = true, drawing = false, agentsDue = true;

const panel = new Panel(document.getElementById('panel'), board, { close: closePanel, done: acknowledged });
const banner = new Banner(document.getElementById('alerts'), { open: openCall, done: acknowledged, redraw: draw });

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; paint(); });
}

let later = null;
function drawLater() {
  later ??= setTimeout(() => { later = null; draw(); }, PARTIAL_MS);
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
    const call = board.calls.get(id), card = cards.get(id);
    if (call && card) card.show(call, levels.get(id), panel.id === id);
  }
  if (board.changed.size) agentsDue = true;
  board.changed.clear();
  banner.show(board.open());
  if (panel.id) panel.show();
  boxLine(box, connection);
  const running = [...board.calls.values()].filter(call => call.over === null).length;
  setText(document.getElementById('count'), order.length === board.calls.size ? String(running) : `${order.length} of ${running}`);
  document.getElementById('empty').hidden = order.length > 0 || connection === 'connecting';
}

/** Puts the cards in order; only those that stand wrong are moved. */
function place(calls) {
  order = calls.map(call => call.id);
  const wanted = new Set(order);
  const focused = document.activeElement?.closest?.('.card')?.dataset.id;
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
      card = new Card(call.id, openCall);
      cards.set(call.id, card);
      card.tick(call, board.now());
      board.changed.add(call.id);
    }
    if (card.element === before) before = before.nextElementSibling;
    else list.insertBefore(card.element, before);
  }
  // An element that is moved loses the focus.
  if (focused && document.activeElement === document.body) cards.get(focused)?.name.focus({ preventScroll: true });
  options(filters.agent, 'agent');
  options(filters.campaign, 'campaign');
}

/** The choices of a filter are what the calls have. */
function options(select, field) {
  const values = ['', ...[...new Set([...board.calls.values()].map(call => call[field]).filter(Boolean))].sort()];
  if (select.value && !values.includes(select.value)) values.push(select.value);
  if (values.join('\n') === [...select.options].map(option => option.value).join('\n')) return;
  const chosen = select.value;
  select.replaceChildren(...values.map(value => el('option', { value, text: value || 'all', selected: value === chosen })));
}

const filter = () => ({ agent: filters.agent.value, campaign: filters.campaign.value, level: Number(filters.level.value) });
filters.level.append(...[['0', 'all calls'], ...LEVELS.map(level => [rank(level), `${SIGNS[level]} ${level}${level === 'critical' ? '' : ' and above'}`])].map(([value, text]) => el('option', { value, text })));
filters.agent.append(el('option', { value: '', text: 'all' }));
filters.campaign.append(el('option', { value: '', text: 'all' }));
filters.addEventListener('change', event => { if (event.target.name !== 'q') reorder(); });
filters.addEventListener('submit', event => {
  event.preventDefault();
  const q = filters.q.value.trim();
  if (q) location.href = urlOf(`/calls?q=${encodeURIComponent(q)}`);
});

function reorder() {
  orderDue = true;
  orderedAt = 0;
  draw();
}

function agents() {
  const open = document.getElementById('agents').open;
  if (!agentsDue || !open) return;
  agentsDue = false;
  const by = new Map();
  for (const call of board.calls.values()) {
    if (call.over !== null) continue;
    const name = call.agent ?? 'not known';
    const agent = by.get(name) ?? { name, calls: 0, sum: 0, heard: 0, lowest: null, alerts: 0 };
    agent.calls += 1;
    if (call.rolling !== null && call.rolling !== undefined) {
      agent.sum += call.rolling;
      agent.heard += 1;
      agent.lowest = Math.min(agent.lowest ?? 1, call.rolling);
    }
    agent.alerts += board.open(call.id).length;
    by.set(name, agent);
  }
  const mean = agent => agent.heard ? agent.sum / agent.heard : null;
  const rows = [...by.values()].sort((a, b) => b.alerts - a.alerts || (mean(a) ?? 1) - (mean(b) ?? 1));
  document.querySelector('#agents tbody').replaceChildren(...rows.map(agent => el('tr', {},
    el('th', { scope: 'row' }, el('button', { type: 'button', class: 'plain', text: agent.name, on: { click: () => { filters.agent.value = by.has(agent.name) && agent.name !== 'not known' ? agent.name : ''; reorder(); } } })),
    el('td', { text: agent.calls }), el('td', { text: `${signed(mean(agent))} ${mean(agent) === null ? '' : mood(mean(agent))}` }), el('td', { text: signed(agent.lowest) }), el('td', { text: agent.alerts }))));
}

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
  panel.close();
  main.classList.remove('split');
  history.replaceState(null, '', location.pathname);
  board.changed.add(id);
  cards.get(id)?.name.focus();
  draw();
}

function acknowledged(alert) {
  board.apply({ type: 'alert_acknowledged', ...alert });
  orderDue = true;
  draw();
}

onKey(event => {
  const at = order.indexOf(document.activeElement?.closest?.('.card')?.dataset.id ?? panel.id);
  if (event.key === 'j' || event.key === 'k') {
    event.preventDefault();
    const next = at < 0 ? 0 : Math.min(Math.max(at + (event.key === 'j' ? 1 : -1), 0), order.length - 1);
    const card = cards.get(order[next]);
    card?.name.focus();
    card?.element.scrollIntoView({ block: 'nearest' });
  } else if (event.key === 'a') {
    event.preventDefault();
    const here = order[at];
    const alert = (here && board.open(here)[0]) ?? board.open()[0];
    if (alert) acknowledge(alert.id).then(acknowledged).catch(error => tell(`not acknowledged: ${error.message}`));
  } else if (event.key === 'Escape' && panel.id) {
    closePanel();
  }
});

const tell = text => setText(document.getElementById('said-aloud'), text);

function onEvent(event) {
  if (event.type === 'governor') {
    if (box) Object.assign(box, { step: event.step, step_says: event.says });
  } else {
    board.apply(event);
    panel.event(event);
    if (event.type === 'alert') tell(`${event.level} alert, ${event.agent ?? event.call_id}: ${event.message}`);
    if (event.type === 'partial') return drawLater();
    orderDue = true;
    if (event.type === 'call_start' || event.type === 'call_end') orderedAt = Math.min(orderedAt, Date.now() - REORDER_MS + 200);
  }
  draw();
}

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
  } catch { /* the connection's state is shown already */ }
}

async function start() {
  let after;
  while (after === undefined) {
    try {
      after = await load();
    } catch (error) {
      connection = `no answer (${error.message}), trying again`;
      draw();
      await new Promise(resolve => setTimeout(resolve, 1000));
    }
  }
  new Feed({ after, on: {
    event: onEvent,
    state: state => { if (state !== connection) { connection = state; draw(); } },
    reset: () => load().catch(() => {}),
  } });
  look();
  setInterval(look, BOX_MS);
  setInterval(() => {
    for (const [id, card] of cards) {
      const call = board.calls.get(id);
      if (call) card.tick(call, board.now());
    }
    agents();
    if (orderDue) draw();
    if (panel.id) panel.show();
  }, 1000);
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted) openCall(wanted);
}
document.getElementById('agents').addEventListener('toggle', () => { agentsDue = true; agents(); });
start();

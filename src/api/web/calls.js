// @ts-check
// All calls, or all places where something was said: a list of any length of which only what is in sight exists.
import {
  api,
  brief,
  byId,
  clock,
  confirmed,
  el,
  fieldOf,
  fromAddress,
  messageOf,
  mood,
  onKey,
  pathOf,
} from './base.js';
import { posting, raw, setText, signed, textsOf, urlOf, watchBox } from './base.js';
import { SIGNS, speaker } from './card.js';
import { daysOf, momentOf, nameOf, offerPeriods } from './period.js';
import { savedViews } from './views.js';

/** @import { BulkAnswer, CallSummary, Hit } from './types.d.ts' */

const ROW = 44;
const PAGE = 200;
const SPARE = 8;
/**
 * Where the file of a format is called otherwise.
 * @type {Record<string, string>}
 */
const EXTENSIONS = { text: 'txt', calls: 'csv' };
/** Calls that one request acts on at most. */
const AT_ONCE = 1000;

const form = byId('filters', HTMLFormElement);
const table = byId('rows', HTMLElement);
const note = byId('note', HTMLElement);
const all = byId('all', HTMLInputElement);
const tag = byId('tag', HTMLInputElement);
/** What acts on the selected calls. */
const buttons = {
  export: byId('export', HTMLButtonElement),
  put: byId('put', HTMLButtonElement),
  off: byId('off', HTMLButtonElement),
  reprocess: byId('reprocess', HTMLButtonElement),
  delete: byId('delete', HTMLButtonElement),
};

/**
 * What a row shows; `at` is the place in the call that it leads to.
 * @typedef {object} Entry
 * @property {string} id
 * @property {number} [at]
 * @property {string} began
 * @property {string} feel
 * @property {Partial<Record<typeof CELLS[number], string | null>>} texts
 * @property {(Node | string)[]} said
 */

const CELLS = /** @type {const} */ (['agent', 'phone', 'campaign', 'length', 'score', 'points', 'alerts', 'state']);
const HEADS = [
  ['', 'Select'],
  ['began', 'Began'],
  ['agent', 'Agent'],
  ['phone', 'Phone'],
  ['campaign', 'Campaign'],
  ['length', 'Length'],
  ['score', 'Sentiment'],
  ['points', 'Score'],
  ['alerts', 'Alerts'],
  ['state', 'State'],
  ['said', 'Details'],
];

/**
 * Ids of calls.
 * @type {Set<string>}
 */
const selected = new Set();
/** @type {Entry[]} */
let rows = [];
/**
 * Where the list goes on; null: nowhere.
 * @type {string | number | null}
 */
let next = null;
let loading = false;
let query = new URLSearchParams();
/** Counts the questions: an answer to an earlier one is dropped. */
let generation = 0;

const head = el('div', { class: 'tr head', role: 'row', 'aria-rowindex': 1 });
head.append(...HEADS.map(([kind, text]) => el('span', { role: 'columnheader', class: kind, text })));
const space = el('div', { class: 'space', role: 'presentation' });
const view = el('div', { class: 'view', role: 'rowgroup', tabindex: 0, 'aria-label': 'Calls' }, space);
table.append(el('div', { role: 'rowgroup' }, head), view);

/**
 * What the API found, with its own two tags taken for what they are.
 * @param {string} text
 */
const snippet = text => text.split(/<b>|<\/b>/).map((part, i) => (i % 2 ? el('mark', { text: part }) : part));

/** An element that shows one of the rows, and another one when that is out of sight. */
class Row {
  check = el('input', { type: 'checkbox' });
  link = el('a');
  cells = CELLS.map(kind => ({ kind, element: el('span', { role: 'cell', class: kind }) }));
  said = el('span', { role: 'cell', class: 'said' });
  element = el(
    'div',
    { class: 'tr', role: 'row' },
    el('span', { role: 'cell' }, this.check),
    el('span', { role: 'cell', class: 'began' }, this.link),
    ...this.cells.map(({ element }) => element),
    this.said,
  );
  /** @type {Entry | null} */
  entry = null;

  constructor() {
    this.check.addEventListener('change', () => {
      const id = this.entry?.id;
      if (id === undefined) return;
      if (this.check.checked) selected.add(id);
      else selected.delete(id);
      showSelected();
    });
    this.element.addEventListener('click', event => {
      if (event.target instanceof Element && !event.target.closest('a, input')) this.link.click();
    });
    space.append(this.element);
  }

  /** @param {number} at */
  show(at) {
    const entry = rows[at];
    this.element.hidden = !entry;
    if (!entry) return;
    this.element.style.top = `${at * ROW}px`;
    this.check.checked = selected.has(entry.id);
    if (this.entry === entry) return;
    this.entry = entry;
    this.element.setAttribute('aria-rowindex', String(at + 2));
    this.check.setAttribute('aria-label', `Select ${entry.id}`);
    const place = entry.at === undefined ? '' : `#t=${entry.at}`;
    this.link.href = urlOf(`/calls/${encodeURIComponent(entry.id)}${place}`);
    setText(this.link, entry.began);
    for (const { kind, element } of this.cells) {
      setText(element, entry.texts[kind] ?? '');
      if (kind === 'score') element.className = `score ${entry.feel}`;
    }
    this.said.replaceChildren(...entry.said);
  }
}

/** @type {Row[]} */
const pool = [];
function paint() {
  const first = Math.max(0, Math.floor(view.scrollTop / ROW) - SPARE);
  const count = Math.ceil(view.clientHeight / ROW) + 2 * SPARE;
  while (pool.length < Math.min(count, rows.length)) pool.push(new Row());
  // A row element keeps its place while it is in sight, so that focus and hover stay.
  for (const [i, row] of pool.entries()) {
    const size = pool.length;
    row.show(first + ((((i - first) % size) + size) % size));
  }
  if (next !== null && first + count > rows.length - PAGE / 2) more();
}
let due = false;
const onScroll = () => {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    paint();
  });
};
view.addEventListener('scroll', onScroll, { passive: true });
new ResizeObserver(paint).observe(view);

/**
 * @param {CallSummary} call
 * @returns {Entry}
 */
const ofCall = call => ({
  id: call.call_id,
  began: brief.format(new Date(call.start_time)),
  feel: call.sentiment === null ? '' : mood(call.sentiment),
  texts: {
    agent: call.agent,
    phone: call.phone,
    campaign: call.campaign,
    length: clock(call.total_audio_duration),
    score: call.sentiment === null ? '' : `${signed(call.sentiment)} ${mood(call.sentiment)}`,
    points: call.score === null ? '' : String(Math.round(call.score)),
    alerts: call.alert_level ? `${SIGNS[call.alert_level]} ${call.alert_level}` : call.has_alerts ? 'yes' : '',
    state: call.status === 'connection_closed' ? 'closing' : call.status,
  },
  said: [
    ...(call.sla_breached ? [el('span', { class: 'tag bad', text: 'SLA breached' }), ' '] : []),
    ...call.tags.flatMap(text => [el('span', { class: 'tag', text }), ' ']),
    call.metadata?.file ?? '',
  ],
});

/**
 * @param {Hit} hit
 * @returns {Entry}
 */
const ofHit = ({ call_id, call_start_time, agent, campaign, segment, alike, snippet: text }) => ({
  id: call_id,
  at: segment.start_time,
  began: brief.format(new Date(call_start_time)),
  feel: mood(segment.sentiment.compound),
  texts: {
    agent,
    campaign,
    length: `at ${clock(segment.start_time)}`,
    score: `${signed(segment.sentiment.compound)} ${mood(segment.sentiment.compound)}`,
  },
  said: [el('b', { text: `${speaker(segment.speaker)} ` }), ...snippet(text), alike ? ` (and ${alike} alike)` : ''],
});

/** Whether the list is of places, not of calls. */
const searching = () => query.has('q');

/**
 * The next rows, where the list goes on after them, and agents who may have been meant where there are none.
 * @returns {Promise<[Entry[], string | number | null, string[]]>}
 */
async function ask() {
  if (searching()) {
    const { hits, next_offset, similar_agents } = await api(`/api/v1/search?${query}&limit=${PAGE}&offset=${next}`);
    return [hits.map(ofHit), next_offset ?? null, similar_agents];
  }
  const cursor = next ? `&cursor=${next}` : '';
  const { calls, next_cursor, similar_agents } = await api(`/api/v1/calls?${query}&limit=${PAGE}${cursor}`);
  return [calls.map(ofCall), next_cursor ?? null, similar_agents];
}

/**
 * Agents with names near the one that nobody has: each is the same question about them.
 * @param {string[]} names
 */
function suggested(names) {
  const links = names.flatMap((agent, i) => {
    const asked = new URLSearchParams(location.search);
    asked.set('agent', agent);
    return [i ? ', ' : ' Did you mean ', el('a', { href: urlOf(`/calls?${asked}`), text: agent })];
  });
  return links.length ? [...links, '?'] : [];
}

/** How much there is, in words. */
function countText() {
  if (rows.length === 0) return 'Nothing found.';
  const [one, many] = searching() ? ['match', 'matches'] : ['call', 'calls'];
  return `${rows.length}${next === null ? '' : '+'} ${rows.length === 1 && next === null ? one : many}`;
}

async function load() {
  loading = true;
  const mine = generation;
  let failure = '';
  /** @type {string[]} */
  let near = [];
  try {
    const [found, on, similar] = await ask();
    if (mine !== generation) return;
    rows.push(...found);
    next = on;
    near = similar;
  } catch (error) {
    if (mine !== generation) return;
    next = null;
    failure = messageOf(error);
  }
  loading = false;
  space.style.height = `${rows.length * ROW}px`;
  table.setAttribute('aria-rowcount', String(next === null ? rows.length + 1 : -1));
  setText(note, failure || countText());
  if (!rows.length) note.append(...suggested(near));
  paint();
}

let way = Promise.resolve();
/** Loads on, unless it is doing so or there is no more; done when what is on its way is there. */
function more() {
  if (!loading && next !== null) way = load();
  return way;
}

/**
 * A day is the day of whoever looks, as are all times on the page; the last one counts to its end.
 * @param {[string, string]} filter
 * @returns {[string, string]}
 */
const local = ([name, value]) => [name, name === 'since' || name === 'until' ? momentOf(value, name) : value];

const alike = /** @type {HTMLSelectElement} */ (form.elements.namedItem('alike'));
const [since, until] = [fieldOf(form, 'since', HTMLInputElement), fieldOf(form, 'until', HTMLInputElement)];
const period = byId('period', HTMLSelectElement);
offerPeriods(period);
// Filters of the address that the form cannot show: the API says what it makes of them.
let besides = fromAddress(form);

function find() {
  // What is found by its words is listed each time it was said.
  const filled = new Map(textsOf(form));
  alike.disabled = !(filled.has('q') && filled.has('by'));
  period.value = since.value || until.value ? nameOf(since.value, until.value) || 'own' : '';
  const wanted = new URLSearchParams([...textsOf(form), ...besides]);
  // A list of calls is found by no words.
  if (!wanted.has('q')) wanted.delete('by');
  history.replaceState(null, '', wanted.size ? `?${wanted}` : location.pathname);
  query = new URLSearchParams([...wanted].map(local));
  generation += 1;
  rows = [];
  next = 0;
  loading = false;
  selected.clear();
  table.classList.toggle('hits', searching());
  for (const row of pool) row.entry = null;
  view.scrollTop = 0;
  paint();
  showSelected();
  return more();
}

function showSelected() {
  setText(byId('selected', HTMLElement), selected.size ? `${selected.size} selected` : 'none selected');
  for (const button of Object.values(buttons)) button.disabled = selected.size === 0;
  all.checked = rows.length > 0 && rows.every(row => selected.has(row.id));
}

all.addEventListener('change', () => {
  if (all.checked) for (const row of rows) selected.add(row.id);
  else selected.clear();
  paint();
  showSelected();
});

/**
 * @param {Blob} blob
 * @param {string} name
 */
function download(blob, name) {
  const address = URL.createObjectURL(blob);
  el('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** @param {string} format */
async function exportSelected(format) {
  const ids = [...selected];
  if (['srt', 'vtt'].includes(format)) {
    // Subtitles are of one recording: a file for each call.
    for (const id of ids) {
      const response = await raw(`${pathOf(id)}/export?format=${format}`);
      download(await response.blob(), `${id}.${format}`);
    }
  } else {
    const response = await raw('/calls/bulk', posting({ action: 'export', call_ids: ids, format }));
    download(await response.blob(), `calls.${EXTENSIONS[format] ?? format}`);
  }
  setText(note, `${ids.length} exported`);
}

buttons.export.addEventListener('click', () => {
  exportSelected(byId('format', HTMLSelectElement).value).catch(error =>
    setText(note, `not exported: ${messageOf(error)}`),
  );
});

/**
 * Does it with all that are selected, so many at a time; says what was done and why the rest was not.
 * @param {string} action
 * @param {string} done
 */
async function act(action, done, more = {}) {
  const ids = [...selected];
  /** @type {BulkAnswer['failed']} */
  const failed = [];
  let count = 0;
  let broken = '';
  try {
    for (let i = 0; i < ids.length; i += AT_ONCE) {
      const call_ids = ids.slice(i, i + AT_ONCE);
      const answer = await api('/calls/bulk', posting({ action, call_ids, ...more }));
      count += answer.done.length;
      failed.push(...answer.failed);
    }
  } catch (error) {
    broken = `; ${messageOf(error)}`;
  }
  const [first] = failed;
  const why = first ? `; ${failed.length} failed, the first: ${first.call_id}: ${first.detail}` : '';
  return `${count} of ${ids.length} ${done}${why}${broken}`;
}

const what = () => (selected.size === 1 ? `call ${[...selected][0]}` : `${selected.size} calls`);

/**
 * After a change the list is another one; what was selected stays so where it can.
 * @param {string} says
 */
async function changed(says) {
  const before = new Set(selected);
  await find();
  for (const row of rows) if (before.has(row.id)) selected.add(row.id);
  paint();
  showSelected();
  setText(note, says);
}

/**
 * @param {string} action
 * @param {string} done
 */
async function tagSelected(action, done) {
  const tags = tag.value.split(',').map(one => one.trim());
  const named = tags.filter(Boolean);
  if (!named.length) {
    tag.focus();
    setText(note, 'Enter a tag first.');
    return;
  }
  await changed(await act(action, done, { tags: named }));
}
buttons.put.addEventListener('click', () => tagSelected('tag', 'tagged'));
buttons.off.addEventListener('click', () => tagSelected('untag', 'untagged'));

buttons.reprocess.addEventListener('click', async () => {
  const asks =
    `${what()}: the audio is transcribed again with the model in use now, and the text is replaced. ` +
    'Alerts are checked against the new text: those that it does not support are closed, and new ones may be raised.';
  if (!(await confirmed('Retranscribe calls', asks, `Retranscribe ${what()}`))) return;
  setText(note, await act('reprocess', 'will be retranscribed, one after the other'));
});

buttons.delete.addEventListener('click', async () => {
  const asks =
    `${what()}: audio, text, alerts and events are erased. This cannot be undone. ` +
    'Calls under a legal hold are kept.';
  if (!(await confirmed('Delete calls', asks, `Delete ${what()}`))) return;
  await changed(await act('delete', 'deleted'));
});

function anew() {
  besides = [];
  find();
}
form.addEventListener('submit', event => {
  event.preventDefault();
  anew();
});
form.addEventListener('change', ({ target }) => {
  const chosen =
    (target instanceof HTMLSelectElement && target.name) ||
    (target instanceof HTMLInputElement && target.type === 'date');
  if (chosen) anew();
});

period.addEventListener('change', () => {
  if (period.value === 'own') {
    since.focus();
    return;
  }
  [since.value, until.value] = daysOf(period.value) ?? ['', ''];
  anew();
});

onKey(event => {
  if (event.key !== 'j' && event.key !== 'k') return;
  event.preventDefault();
  const top = (/** @type {Row} */ row) => parseFloat(row.element.style.top);
  const shown = pool.filter(row => !row.element.hidden).sort((a, b) => top(a) - top(b));
  const at = shown.findIndex(row => row.link === document.activeElement);
  const visible = shown.findIndex(row => top(row) >= view.scrollTop);
  const moved = Math.min(Math.max(at + (event.key === 'j' ? 1 : -1), 0), shown.length - 1);
  const row = shown[at < 0 ? Math.max(visible, 0) : moved];
  row?.link.focus({ preventScroll: true });
  row?.element.scrollIntoView({ block: 'nearest' });
});

find();
savedViews();
watchBox();

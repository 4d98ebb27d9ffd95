// All calls, or all places where something was said: a list of any length of which only what is in sight exists.
import { api, urlOf, brief, clock, confirmed, el, mood, onKey, post, raw, setText, signed, watchBox } from './base.js';
import { SIGNS, speaker } from './card.js';

const ROW = 44, PAGE = 200, SPARE = 8;
const form = document.getElementById('filters'), table = document.getElementById('rows'), note = document.getElementById('note');
const selected = new Set();
let rows = [], next = null, loading = false, query = '', generation = 0, failure = '';

const COLUMNS = [['', ''], ['Began', 'began'], ['Agent', 'agent'], ['Phone', 'phone'], ['Campaign', 'campaign'], ['Length', 'length'], ['Sentiment', 'score'], ['Alerts', 'alerts'], ['State', 'state'], ['Said', 'said']];
const head = el('div', { class: 'tr head', role: 'row', 'aria-rowindex': 1 }, ...COLUMNS.map(([name, kind]) => el('span', { role: 'columnheader', class: kind, text: name || 'Select' })));
const space = el('div', { class: 'space', role: 'presentation' });
const view = el('div', { class: 'view', role: 'rowgroup', tabindex: 0, 'aria-label': 'Calls' }, space);
table.append(el('div', { role: 'rowgroup' }, head), view);

/** What the API found, with its own two tags taken for what they are. */
const snippet = text => text.split(/<b>|<\/b>/).map((part, i) => i % 2 ? el('mark', { text: part }) : part);

class Row {
  constructor() {
    const cell = kind => el('span', { role: 'cell', class: kind });
    this.check = el('input', { type: 'checkbox' });
    this.link = el('a');
    this.cells = Object.fromEntries(COLUMNS.slice(2).map(([, kind]) => [kind, cell(kind)]));
    this.element = el('div', { class: 'tr', role: 'row' }, el('span', { role: 'cell' }, this.check), el('span', { role: 'cell', class: 'began' }, this.link), ...Object.values(this.cells));
    this.check.addEventListener('change', () => { if (this.check.checked) selected.add(this.id); else selected.delete(this.id); showSelected(); });
    this.element.addEventListener('click', event => { if (!event.target.closest('a, input')) this.link.click(); });
    space.append(this.element);
  }

  show(at) {
    const row = rows[at];
    this.element.hidden = !row;
    if (!row) return;
    this.element.style.top = `${at * ROW}px`;
    if (this.row === row) { this.check.checked = selected.has(row.id); return; }
    Object.assign(this, { row, id: row.id });
    this.element.setAttribute('aria-rowindex', at + 2);
    this.check.checked = selected.has(row.id);
    this.check.setAttribute('aria-label', `select ${row.id}`);
    this.link.href = urlOf(`/calls/${encodeURIComponent(row.id)}${row.at === undefined ? '' : `#t=${row.at}`}`);
    setText(this.link, row.began);
    for (const [kind, element] of Object.entries(this.cells)) {
      if (kind === 'said') element.replaceChildren(...(row.said ?? []));
      else setText(element, row[kind] ?? '');
    }
    this.cells.score.className = `score ${row.feel ?? ''}`;
  }
}

const pool = [];
function paint() {
  const first = Math.max(0, Math.floor(view.scrollTop / ROW) - SPARE);
  const count = Math.ceil(view.clientHeight / ROW) + 2 * SPARE;
  while (pool.length < Math.min(count, rows.length)) pool.push(new Row());
  // A row element keeps its place while it is in sight, so that focus and hover stay.
  for (const [i, row] of pool.entries()) {
    const size = pool.length;
    row.show(first + ((i - first) % size + size) % size);
  }
  if (next !== null && first + count > rows.length - PAGE / 2) more();
}
let due = false;
view.addEventListener('scroll', () => {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; paint(); });
}, { passive: true });
new ResizeObserver(paint).observe(view);

const ofCall = call => ({
  id: call.call_id, began: brief.format(new Date(call.start_time)), agent: call.agent, phone: call.phone, campaign: call.campaign, length: clock(call.total_audio_duration),
  score: call.sentiment === null ? '' : `${signed(call.sentiment)} ${mood(call.sentiment)}`, feel: call.sentiment === null ? '' : mood(call.sentiment), state: call.status === 'connection_closed' ? 'closing' : call.status,
  alerts: call.alert_level ? `${SIGNS[call.alert_level]} ${call.alert_level}` : call.has_alerts ? 'yes' : '', said: [...call.tags.flatMap(tag => [el('span', { class: 'tag', text: tag }), ' ']), call.metadata?.file ?? ''],
});
const ofHit = hit => ({
  id: hit.call_id, at: hit.segment.start_time, began: brief.format(new Date(hit.call_start_time)), agent: hit.agent, campaign: hit.campaign, length: `at ${clock(hit.segment.start_time)}`,
  score: `${signed(hit.segment.sentiment.compound)} ${mood(hit.segment.sentiment.compound)}`, feel: mood(hit.segment.sentiment.compound),
  said: [el('b', { text: `${speaker(hit.segment.speaker)} ` }), ...snippet(hit.snippet)],
});

let way = Promise.resolve();
/** Loads on, unless it is doing so or there is no more; done when what is on its way is there. */
function more() {
  if (!loading && next !== null) way = load();
  return way;
}

async function load() {
  loading = true;
  const mine = generation;
  try {
    const searching = new URLSearchParams(query).has('q');
    const path = searching ? `/api/v1/search?${query}&limit=${PAGE}&offset=${next}` : `/api/v1/calls?${query}&limit=${PAGE}${next ? `&cursor=${next}` : ''}`;
    const answer = await api(path);
    if (mine !== generation) return;
    rows.push(...(searching ? answer.hits.map(ofHit) : answer.calls.map(ofCall)));
    next = (searching ? answer.next_offset : answer.next_cursor) ?? null;
    failure = '';
  } catch (error) {
    if (mine !== generation) return;
    next = null;
    failure = error.message;
  } finally {
    if (mine === generation) loading = false;
  }
  if (mine !== generation) return;
  space.style.height = `${rows.length * ROW}px`;
  table.setAttribute('aria-rowcount', next === null ? rows.length + 1 : -1);
  setText(note, failure || (rows.length === 0 ? 'Nothing found.' : `${rows.length}${next === null ? '' : ' and more'} ${new URLSearchParams(query).has('q') ? 'place' : 'call'}${rows.length === 1 ? '' : 's'}`));
  paint();
}

// Filters of the address that the form cannot show: a time like 2h, a name that is mistyped. The API says what it makes of them.
let besides = [];
/** A day is the day of whoever looks, as are all times on the page. */
const local = ([name, value]) => [name, /^\d{4}-\d\d-\d\d$/.test(value) ? new Date(`${value}T00:00`).toISOString() : value];

function find() {
  const wanted = new URLSearchParams([...new FormData(form), ...besides].filter(([, value]) => value !== ''));
  history.replaceState(null, '', wanted.size ? `?${wanted}` : location.pathname);
  query = new URLSearchParams([...wanted].map(pair => ['since', 'until'].includes(pair[0]) ? local(pair) : pair)).toString();
  generation += 1;
  [rows, next, loading] = [[], 0, false];
  selected.clear();
  table.classList.toggle('hits', wanted.has('q'));
  for (const row of pool) row.row = null;
  view.scrollTop = 0;
  paint();
  showSelected();
  return more();
}

function showSelected() {
  setText(document.getElementById('selected'), selected.size ? `${selected.size} selected` : 'none selected');
  for (const id of ['export', 'put', 'off', 'reprocess', 'delete']) document.getElementById(id).disabled = selected.size === 0;
  document.getElementById('all').checked = rows.length > 0 && rows.every(row => selected.has(row.id));
}

document.getElementById('all').addEventListener('change', event => {
  if (event.target.checked) for (const row of rows) selected.add(row.id);
  else selected.clear();
  paint();
  showSelected();
});

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  el('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

document.getElementById('export').addEventListener('click', async () => {
  const format = document.getElementById('format').value;
  const ids = [...selected];
  try {
    if (['srt', 'vtt'].includes(format)) {
      // Subtitles are of one recording: a file for each call.
      for (const id of ids) download(await (await raw(`/api/v1/calls/${encodeURIComponent(id)}/export?format=${format}`)).blob(), `${id}.${format}`);
    } else {
      const body = JSON.stringify({ action: 'export', call_ids: ids, format });
      const response = await raw('/calls/bulk', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
      download(await response.blob(), `calls.${format === 'text' ? 'txt' : format}`);
    }
    setText(note, `${ids.length} exported`);
  } catch (error) {
    setText(note, `not exported: ${error.message}`);
  }
});

const AT_ONCE = 1000;
/** Does it with all that are selected, so many at a time; says what was done and why the rest was not. */
async function act(action, done, more = {}) {
  const ids = [...selected], failed = [];
  let count = 0;
  try {
    for (let i = 0; i < ids.length; i += AT_ONCE) {
      const answer = await post('/calls/bulk', { action, call_ids: ids.slice(i, i + AT_ONCE), ...more });
      count += answer.done.length;
      failed.push(...answer.failed);
    }
  } catch (error) {
    failed.push({ call_id: '', detail: error.message });
  }
  const why = failed.length ? `; ${failed[0].call_id ? `${failed.length} not, the first, ${failed[0].call_id}: ` : ''}${failed[0].detail}` : '';
  return `${count} of ${ids.length} ${done}${why}`;
}

const onClick = (id, listener) => document.getElementById(id).addEventListener('click', listener);
const what = () => selected.size === 1 ? `call ${[...selected][0]}` : `${selected.size} calls`;

/** After a change the list is another one; what was selected stays so where it can. */
async function changed(says) {
  const before = new Set(selected);
  await find();
  for (const row of rows) if (before.has(row.id)) selected.add(row.id);
  paint();
  showSelected();
  setText(note, says);
}

for (const [id, action, done] of [['put', 'tag', 'tagged'], ['off', 'untag', 'without the tag']]) {
  onClick(id, async () => {
    const tags = document.getElementById('tag').value.split(',').map(tag => tag.trim()).filter(Boolean);
    if (!tags.length) { document.getElementById('tag').focus(); setText(note, 'which tag?'); return; }
    await changed(await act(action, done, { tags }));
  });
}

onClick('reprocess', async () => {
  if (!await confirmed('Read again', `${what()}: the sound is read again with the model in use now, and the text is replaced. Alerts stay as they were.`, `Read ${what()} again`)) return;
  setText(note, await act('reprocess', 'will be read again, one after the other'));
});

onClick('delete', async () => {
  if (!await confirmed('Delete calls', `${what()}: sound, text, alerts and events are erased. This cannot be undone. Calls on hold stay.`, `Delete ${what()}`)) return;
  await changed(await act('delete', 'deleted'));
});

const anew = () => { besides = []; find(); };
form.addEventListener('submit', event => { event.preventDefault(); anew(); });
form.addEventListener('change', event => { if (event.target.tagName === 'SELECT' || event.target.type === 'date') anew(); });
for (const [name, value] of new URLSearchParams(location.search)) {
  const field = form.elements.namedItem(name);
  if (field) field.value = value;
  if (field?.value !== value) besides.push([name, value]);
}

onKey(event => {
  if (event.key !== 'j' && event.key !== 'k') return;
  event.preventDefault();
  const shown = pool.filter(row => !row.element.hidden).sort((a, b) => parseFloat(a.element.style.top) - parseFloat(b.element.style.top));
  const at = shown.findIndex(row => row.link === document.activeElement);
  const visible = shown.findIndex(row => parseFloat(row.element.style.top) >= view.scrollTop);
  const row = shown[at < 0 ? Math.max(visible, 0) : Math.min(Math.max(at + (event.key === 'j' ? 1 : -1), 0), shown.length - 1)];
  row?.link.focus({ preventScroll: true });
  row?.element.scrollIntoView({ block: 'nearest' });
});

find();
watchBox();

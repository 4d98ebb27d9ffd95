// @ts-check
// One call: its sound and its words in step, what happened in it, and its files.
import { api, boxLine, byId, clock, day, el, me, messageOf, mood, onKey, pathOf, percent } from './base.js';
import { ApiError, setText, signed, svg, urlOf } from './base.js';
import { alertLine, partsOf } from './alert.js';
import { SIGNS, speaker } from './card.js';
import { Corrections } from './correct.js';
import { Feed } from './feed.js';
import { Ear } from './listen.js';
import { phoneForm } from './phone.js';
import { Passes } from './passes.js';
import { Player } from './player.js';
import { Quality } from './quality.js';
import { Reviews } from './review.js';
import { Tabs } from './tabs.js';
import { Tags } from './tags.js';
import { Transcript, ofEvent, ofSegment, wordByWord } from './text.js';

/** @import { Alert, AlertTaken, Call, CallEvent, Child, Governor, Line, SlaLimit } from './types.d.ts' */

const id = decodeURIComponent(location.pathname.split('/').at(-1) ?? '');
const path = pathOf(id);
const main = byId('main', HTMLElement);
const FORMATS = [
  ['json', 'JSON'],
  ['text', 'Text'],
  ['csv', 'CSV'],
  ['srt', 'SRT'],
  ['vtt', 'VTT'],
];
const HEIGHT = 64;
/** @type {Partial<Record<CallEvent['type'], string>>} */
const WHAT = {
  call_start: 'began',
  call_named: 'named',
  hangup: 'hung up',
  call_end: 'transcript complete',
  call_rewritten: 'retranscribed',
  alert: 'alert',
  alert_acknowledged: 'alert acknowledged',
};

/** @type {Player | null} */
let player = null;
/** Of the call, seconds. */
let length = 0;
let follow = true;
/** @type {Map<number, Alert>} */
const alerts = new Map();
/**
 * What is told of the call besides its words, by number.
 * @type {Map<number, CallEvent>}
 */
const happened = new Map();

const title = el('h1');
const about = el('p', { class: 'note' });
const sources = el('ul', { class: 'parts' });
const tags = new Tags(id);
const sound = el('div');
const course = el('div', { class: 'course' });
const live = el('div', { class: 'row live' });
const alertList = el('ul', { class: 'alerts' });
const risk = el('div', { class: 'parts' });
const events = el('ol', { class: 'events' });
const keywords = el('p', { class: 'note' });
const quality = new Quality(id, at => player?.seek(at));
const passes = new Passes(id, at => player?.seek(at));
const reviews = new Reviews(id);
const corrections = new Corrections(id, reload);
const content = (/** @type {Line} */ line) => [...wordByWord(line), ...corrections.beside(line)];
const transcript = new Transcript(content, ({ start }) => {
  const time = clock(start);
  const about = { class: 'plain when', 'data-at': start, 'aria-label': `Go to ${time}` };
  return el('button', { type: 'button', ...about, text: time });
});

/**
 * @param {string} name
 * @param {...Child} content
 */
function section(name, ...content) {
  const heading = `about-${name.toLowerCase().replaceAll(' ', '-')}`;
  return el('section', { 'aria-labelledby': heading }, el('h2', { id: heading, text: name }), ...content);
}

function exportLinks() {
  const links = FORMATS.map(([format, text]) =>
    el('a', { class: 'button', download: true, href: urlOf(`${path}/export?format=${format}`), text }),
  );
  return el('span', { class: 'row wrap exports', role: 'group', 'aria-label': 'Export' }, 'Export ', ...links);
}

const tabs = new Tabs('About the call', [
  { id: 'card', name: 'Score card', content: [quality.card, reviews.element] },
  {
    id: 'summary',
    name: 'Summary',
    content: [
      section('Summary', quality.summary),
      section('Disposition', quality.result),
      section('Mentioned', quality.mentioned),
      section('Keywords', keywords),
    ],
  },
  { id: 'alerts', name: 'Alerts', content: [alertList, risk] },
  { id: 'events', name: 'Events', content: [events, sources] },
  { id: 'passes', name: 'Passes', content: [passes.element] },
]);

function build() {
  const heading = el('div', { class: 'row wrap' }, title, exportLinks());
  const columns = el('div', { class: 'columns' }, section('Transcript', transcript.element), tabs.element);
  main.replaceChildren(heading, about, tags.element, live, sound, course, columns);
  transcript.element.addEventListener('click', event => {
    const place = event.target instanceof Element ? event.target.closest('[data-at]') : null;
    if (place instanceof HTMLElement) player?.seek(Number(place.dataset.at));
  });
}

/**
 * Where something is in the call, from 0 to 1.
 * @param {number} seconds
 */
const shareOf = seconds => Math.min(seconds, length) / Math.max(length, 0.1);

/**
 * A line's sentiment as a bar up or down from the middle, over the time in which it was said.
 * @param {Line} line
 * @param {number} width
 */
function bar({ start, end, compound }, width) {
  if (compound === null) return null;
  const [left, right] = [start, end].map(seconds => (shareOf(seconds) * width).toFixed(1));
  const middle = HEIGHT / 2;
  const y = (middle - compound * (middle - 3)).toFixed(1);
  const points = `${left},${middle} ${left},${y} ${right},${y} ${right},${middle}`;
  return svg('polyline', { class: mood(compound), points });
}

/**
 * A sign above the course where an alert was raised.
 * @param {Alert} alert
 */
function signOf({ level, message, start_time }) {
  const sign = el('button', {
    type: 'button',
    class: `sign ${level}`,
    title: `${level}: ${message}`,
    'aria-label': `${level} alert at ${clock(start_time)}`,
    text: SIGNS[level],
    on: { click: () => player?.seek(start_time) },
  });
  sign.style.left = `calc(${(shareOf(start_time) * 100).toFixed(2)}% - .6rem)`;
  return sign;
}

/** @param {Line[]} lines */
function courseInWords(lines) {
  if (lines.length === 0) return 'Nothing said yet';
  const scored = lines.flatMap(({ compound, ...line }) => (compound === null ? [] : [{ ...line, compound }]));
  const [first] = scored;
  if (!first) return 'Sentiment unavailable: no word list for this language';
  const mean = scored.reduce((sum, line) => sum + line.compound, 0) / scored.length;
  const lowest = scored.reduce((least, line) => (line.compound < least.compound ? line : least), first);
  const where = `${signed(lowest.compound)} at ${clock(lowest.start)} (${speaker(lowest.speaker)})`;
  return `Sentiment over the call: up is positive, down negative; mean ${signed(mean)}, lowest ${where}`;
}

function drawCourse() {
  const lines = [...transcript.lines.values()].map(({ line }) => line);
  const width = 1000;
  const middle = HEIGHT / 2;
  const size = { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: 'none' };
  const zero = svg('line', { class: 'zero', x1: 0, x2: width, y1: middle, y2: middle });
  const bars = lines.map(line => bar(line, width)).filter(drawn => drawn !== null);
  course.replaceChildren(
    svg('svg', { ...size, 'aria-hidden': 'true' }, zero, ...bars),
    ...[...alerts.values()].filter(alert => alert.start_time !== null).map(signOf),
    el('p', { class: 'note', text: courseInWords(lines) }),
  );
}

function drawAlerts() {
  const done = (/** @type {AlertTaken[]} */ taken) => {
    for (const one of taken) {
      const alert = alerts.get(one.id);
      if (alert) alerts.set(one.id, { ...alert, ...one });
    }
    drawAlerts();
  };
  const list = [...alerts.values()].sort((a, b) => a.id - b.id).map(alert => alertLine(alert, { open: null, done }));
  tabs.count('alerts', list.length);
  alertList.replaceChildren(...(list.length ? list : [el('li', { class: 'note', text: 'none' })]));
  drawCourse();
}

/** What has a limit, in words. */
const LIMITS = { call: 'length', answer: 'time to answer', hold: 'hold', silence: 'silence' };
/** @param {SlaLimit} limit */
const breach = ({ limit, seconds, max_seconds }) =>
  `SLA breached: ${LIMITS[limit]} ${clock(seconds)}, at most ${clock(max_seconds)}`;

/** @param {Call} call */
function drawAbout(call) {
  setText(title, call.agent ? `${call.agent}${call.phone ? ` and ${call.phone}` : ''}` : call.call_id);
  document.title = `${title.textContent} – lineside`;
  const parts = [
    call.call_id,
    call.campaign,
    day.format(new Date(call.start_time)),
    clock(length),
    call.status.replace('_', ' '),
    call.metadata?.file,
    call.sentiment === null ? null : `sentiment ${signed(call.sentiment)} ${mood(call.sentiment)}`,
    call.end_reason,
    ...call.sla.limits.filter(limit => limit.breached).map(breach),
  ];
  setText(about, parts.filter(Boolean).join(' · '));
  tags.show(call.tags, call.automatic_tags, call.tag_reasons);
  drawSources(call);
  drawRisk(call);
  drawKeywords(call);
}

/**
 * Which of several sources of the call are transcribed, and why.
 * @param {Call} call
 */
function drawSources(call) {
  const several = call.sources.length > 1 && call.sources.some(source => !source.heard);
  const lines = (several ? call.sources : []).map(({ source, leg, heard, why }) =>
    el('li', { text: `${source}, ${leg}: ${heard ? 'transcribed' : 'not transcribed'}. ${why}` }),
  );
  sources.replaceChildren(...lines);
}

/** @param {Call} call */
function drawRisk(call) {
  risk.replaceChildren();
  if (!call.risk) return;
  const parts = partsOf(call.risk);
  const heading = el('b', { text: `Risk ${percent(call.risk.score)}` });
  risk.append(el('p', {}, heading, parts.length ? ', made up of' : ''), el('ul', {}, ...parts));
}

/** @param {Call} call */
function drawKeywords(call) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { keywords, profanity } of call.transcript_segments) {
    for (const { term } of [...keywords, ...profanity]) counts.set(term, (counts.get(term) ?? 0) + 1);
  }
  const said = [...counts].sort((a, b) => b[1] - a[1]);
  const texts = said.map(([term, count]) => (count > 1 ? `${term} (${count})` : term));
  setText(keywords, texts.join(', ') || 'none');
}

/**
 * What an event tells besides its kind.
 * @param {CallEvent} event
 */
function detailOf(event) {
  switch (event.type) {
    case 'call_start':
      return event.source;
    case 'call_named':
      return [event.agent, event.campaign].filter(Boolean).join(', ');
    case 'hangup':
    case 'call_end':
      return event.reason;
    case 'alert':
      return event.message;
    case 'alert_acknowledged':
      return event.acknowledged_by;
    default:
      return null;
  }
}

/** @param {Call} call */
function drawEvents(call) {
  const began = Date.parse(call.start_time);
  const line = (/** @type {CallEvent} */ event) => {
    const at = 'timestamp' in event ? clock((Date.parse(event.timestamp) - began) / 1000) : '';
    const text = [WHAT[event.type] ?? event.type, detailOf(event)].filter(Boolean).join(': ');
    return el('li', {}, el('time', { text: at }), el('span', { text }));
  };
  events.replaceChildren(...[...happened.values()].map(line));
}

const listen = el('button', { type: 'button', text: 'Listen in', on: { click: () => ear.toggle(id) } });
const heard = el('span', { class: 'note', role: 'status', text: 'this call is live' });
const ear = new Ear(() => {
  setText(listen, ear.call ? 'Stop listening' : 'Listen in');
  setText(heard, ear.says);
});

/** @param {Call} call */
function drawLive(call) {
  if (ear.call) return;
  live.replaceChildren();
  if (call.status !== 'active' || call.legs.every(leg => leg.closed !== null)) return;
  live.append(listen, heard);
  phoneForm(id).then(form => form && listen.isConnected && live.append(form));
}

/** The place that the address asks for, seconds; NaN where it asks for none. */
const wantedPlace = () => Number(/t=([\d.]+)/.exec(location.hash)?.[1] ?? NaN);

/** The legs that the player has, as a text. */
let played = '';
/** @param {Call} call */
async function drawSound(call) {
  // What nobody transcribed is the same voice again.
  const heard = new Set(call.sources.filter(source => source.heard).map(source => source.leg_id));
  const legs = call.legs.filter(leg => leg.audio_url && leg.duration > 0 && (!heard.size || heard.has(leg.leg_id)));
  legs.sort((a, b) => a.leg.localeCompare(b.leg) || a.leg_id - b.leg_id);
  if (!legs.length) {
    sound.replaceChildren(el('p', { class: 'note', text: 'no audio' }));
    return;
  }
  // A text that was corrected has the same sound: who listens hears on.
  const now = JSON.stringify(legs.map(leg => [leg.leg_id, leg.duration, leg.offset]));
  if (now === played) return;
  played = now;
  const place = player?.at ?? (wantedPlace() || 0);
  player?.stop();
  const next = (player = new Player({ legs, length, time: inStep }));
  sound.replaceChildren(next.element);
  next.seek(place);
  const peaks = legs.map(async leg => {
    const none = { peaks: [], duration: leg.duration };
    next.setPeaks(leg.leg_id, await api(Player.peaksPath(id, leg)).catch(() => none));
  });
  await Promise.all(peaks);
}

/** @type {HTMLElement | null} */
let nowLine = null;
/** @type {HTMLElement | null} */
let nowWord = null;
/**
 * Marks the word that is heard.
 * @param {number} at seconds
 * @param {boolean} playing
 */
function inStep(at, playing) {
  let found = null;
  for (const entry of transcript.lines.values()) {
    const { start, end } = entry.line;
    if (start <= at && at < end + 0.3 && (!found || start >= found.line.start)) found = entry;
  }
  if ((found?.item ?? null) !== nowLine) {
    nowLine?.classList.remove('now');
    nowLine = found?.item ?? null;
    nowLine?.classList.add('now');
    if (playing && follow && nowLine) nowLine.scrollIntoView({ block: 'nearest' });
  }
  const words = nowLine ? [...nowLine.querySelectorAll('.word')].filter(one => one instanceof HTMLElement) : [];
  const word = words.findLast(one => Number(one.dataset.at) <= at + 0.01) ?? null;
  if (word !== nowWord) {
    nowWord?.classList.remove('now');
    word?.classList.add('now');
    nowWord = word;
  }
}
transcript.element.addEventListener('wheel', () => (follow = false), { passive: true });

/** Loads the call, and draws all of it. */
async function load() {
  const call = await api(path);
  const first = loaded === null;
  const { scrollTop } = transcript.element;
  loaded = call;
  length = Math.max(call.total_audio_duration, ...call.legs.map(leg => leg.offset + leg.duration), 0);
  const over = call.status === 'completed' || call.status === 'failed';
  transcript.live = !over;
  corrections.possible = over;
  corrections.set(call.corrections);
  transcript.clear();
  nowWord = nowLine = null;
  for (const segment of call.transcript_segments) transcript.add(ofSegment(segment));
  if (!first) transcript.element.scrollTop = scrollTop;
  for (const alert of call.alerts ?? []) alerts.set(alert.id, alert);
  drawAbout(call);
  drawAlerts();
  drawLive(call);
  drawEvents(call);
  quality.drawResult(call);
  quality.load().catch(error => quality.fail(error));
  reviews.load(over);
  passes.load().then(changes => tabs.count('passes', changes));
  await drawSound(call);
  const wanted = wantedPlace();
  if (!first || !(wanted >= 0)) return;
  const entry = [...transcript.lines.values()].findLast(({ line }) => line.start <= wanted + 0.01);
  entry?.item.scrollIntoView({ block: 'center' });
}

/**
 * As it was when it was loaded last.
 * @type {Call | null}
 */
let loaded = null;
/** @type {number | undefined} */
let due;
/** Loads the call anew, once for all that comes together. */
function reload() {
  clearTimeout(due);
  // Whoever is correcting a line is not disturbed.
  const busy = main.querySelector('form.correction') !== null;
  due = setTimeout(() => (busy ? reload() : load().catch(() => {})), busy ? 2000 : 200);
}

/**
 * @param {CallEvent | Governor} event
 * @param {number} number
 */
function onEvent(event, number) {
  if (event.type === 'governor') return;
  if (event.type === 'sentiment') {
    if (transcript.add(ofEvent(event))) {
      length = Math.max(length, event.end_time);
      drawCourse();
    }
    return;
  }
  if (event.type === 'partial') return transcript.unsure(event.leg, event);
  happened.set(number, event);
  if (event.type === 'alert' && !alerts.has(event.id)) {
    alerts.set(event.id, event);
    drawAlerts();
  }
  if (event.type === 'alert_acknowledged') {
    const { acknowledged_by, acknowledged_at } = event;
    const alert = alerts.get(event.id);
    if (alert) alerts.set(event.id, { ...alert, acknowledged: true, acknowledged_by, acknowledged_at });
    drawAlerts();
  }
  if (loaded) drawEvents(loaded);
  // The call has its sound and its words whole: words with times, risk, the players' lengths.
  if (event.type === 'call_rewritten') reload();
  if (event.type === 'call_end' && loaded?.status !== 'completed') load().catch(() => {});
}

onKey(event => {
  if (event.key !== ' ' || event.target !== document.body || !player) return;
  event.preventDefault();
  player.toggle();
});

build();
me();
try {
  await load();
  // Everything that has happened in this call, and what will.
  new Feed({ after: 0, only: id, on: { event: onEvent, state: state => boxLine(null, state), reset: () => {} } });
} catch (error) {
  const unknown = error instanceof ApiError && error.status === 404;
  main.replaceChildren(
    el('h1', { text: unknown ? 'No such call' : 'The call could not be loaded' }),
    el('p', { text: `${id}: ${messageOf(error)}` }),
    el('p', {}, el('a', { href: urlOf('/calls'), text: 'All calls' })),
  );
}

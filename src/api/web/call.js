// One call: its sound and its words in step, what happened in it, and its files.
import { api, urlOf, boxLine, clock, day, el, mood, onKey, setText, signed } from './base.js';
import { alertLine } from './alerts.js';
import { SIGNS, speaker } from './card.js';
import { Feed } from './feed.js';
import { Listener } from './listen.js';
import { Player } from './player.js';
import { Quality } from './quality.js';
import { Transcript, ofEvent, ofSegment, wordByWord } from './text.js';

const id = decodeURIComponent(location.pathname.split('/').at(-1));
const main = document.getElementById('main');
const FORMATS = [['json', 'JSON'], ['text', 'Text'], ['csv', 'CSV'], ['srt', 'SRT'], ['vtt', 'VTT']];
const HEIGHT = 64;

let call = null, player = null, listener = null, length = 0, due = 0, follow = true;
const alerts = new Map(), happened = new Map();

const title = el('h1'), about = el('p', { class: 'note' }), sound = el('div'), course = el('div', { class: 'course' });
const live = el('div', { class: 'row live' }), alertList = el('ul', { class: 'alerts' }), risk = el('div', { class: 'parts' }), events = el('ol', { class: 'events' }), words = el('p', { class: 'note' });
const quality = new Quality(id, at => player?.seek(at));
const transcript = new Transcript(wordByWord, line => el('button', { type: 'button', class: 'plain when', 'data-at': line.start, 'aria-label': `hear from ${clock(line.start)}`, text: clock(line.start) }));

function section(name, ...content) {
  const heading = `about-${name.toLowerCase().replaceAll(' ', '-')}`;
  return el('section', { 'aria-labelledby': heading }, el('h2', { id: heading, text: name }), ...content);
}

function build() {
  main.replaceChildren(
    el('div', { class: 'row wrap' }, title, el('span', { class: 'row wrap exports', role: 'group', 'aria-label': 'Export' }, 'Export ',
      ...FORMATS.map(([format, name]) => el('a', { class: 'button', download: true, href: urlOf(`/api/v1/calls/${encodeURIComponent(id)}/export?format=${format}`), text: name })))),
    about, live, sound, course,
    el('div', { class: 'columns' }, section('Transcript', transcript.element),
      el('div', {}, section('Summary', quality.summary), section('Score card', quality.card), section('Alerts', alertList, risk), section('Named', quality.named),
        section('Said', words), section('Events', events))));
  transcript.element.addEventListener('click', event => {
    const place = event.target.closest('[data-at]');
    if (place && player) player.seek(Number(place.dataset.at));
  });
}

/** Each segment as a bar up or down from the middle, over the time that it was said; alerts as signs above. */
function drawCourse() {
  const lines = [...transcript.lines.values()].map(({ line }) => line);
  const width = 1000, x = seconds => (Math.min(seconds, length) / Math.max(length, 0.1) * width).toFixed(1);
  const svg = el('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, el('line', { class: 'zero', x1: 0, x2: width, y1: HEIGHT / 2, y2: HEIGHT / 2 }));
  for (const line of lines) {
    const middle = HEIGHT / 2, end = middle - line.compound * (middle - 3);
    svg.append(el('polyline', { class: mood(line.compound), points: `${x(line.start)},${middle} ${x(line.start)},${end.toFixed(1)} ${x(line.end)},${end.toFixed(1)} ${x(line.end)},${middle}` }));
  }
  const sum = lines.reduce((all, line) => all + line.compound, 0);
  const lowest = lines.reduce((least, line) => line.compound < (least?.compound ?? 1) ? line : least, null);
  course.replaceChildren(svg,
    ...[...alerts.values()].filter(alert => alert.start_time !== null).map(alert => {
      const sign = el('button', { type: 'button', class: `sign ${alert.level}`, title: `${alert.level}: ${alert.message}`, 'aria-label': `${alert.level} alert at ${clock(alert.start_time)}`, text: SIGNS[alert.level], on: { click: () => player?.seek(alert.start_time) } });
      sign.style.left = `calc(${(Math.min(alert.start_time, length) / Math.max(length, 0.1) * 100).toFixed(2)}% - .6rem)`;
      return sign;
    }),
    el('p', { class: 'note', text: lines.length ? `Sentiment over the call: up is positive, down negative; mean ${signed(sum / lines.length)}, lowest ${signed(lowest.compound)} at ${clock(lowest.start)} (${speaker(lowest.speaker)})` : 'Nothing said yet' }));
}

function drawAlerts() {
  const list = [...alerts.values()].sort((a, b) => a.id - b.id);
  alertList.replaceChildren(...(list.length ? list.map(alert => alertLine(alert, { open: null, done: now => { alerts.set(now.id, now); drawAlerts(); } })) : [el('li', { class: 'note', text: 'none' })]));
  drawCourse();
}

function drawAbout() {
  setText(title, call.agent ? `${call.agent}${call.phone ? ` and ${call.phone}` : ''}` : call.call_id);
  document.title = `${title.textContent} – lineside`;
  const file = call.metadata?.file;
  setText(about, [call.call_id, call.campaign, day.format(new Date(call.start_time)), clock(length), call.status.replace('_', ' '), file, call.sentiment === null ? null : `sentiment ${signed(call.sentiment)} ${mood(call.sentiment)}`,
    call.end_reason, call.tags.length ? `tags: ${call.tags.join(', ')}` : null].filter(Boolean).join(' · '));
  const parts = (call.risk?.parts ?? []).filter(part => part.share > 0).sort((a, b) => b.share - a.share);
  risk.replaceChildren(...(call.risk ? [el('p', {}, el('b', { text: `Risk ${Math.round(call.risk.score * 100)} %` }), parts.length ? ', made of' : ''), el('ul', {}, ...parts.map(part => el('li', { text: `${Math.round(part.share * 100)} %: ${part.says}` })))] : []));
  const counts = new Map();
  for (const segment of call.transcript_segments) for (const { term } of [...segment.keywords, ...segment.profanity]) counts.set(term, (counts.get(term) ?? 0) + 1);
  setText(words, counts.size ? [...counts].sort((a, b) => b[1] - a[1]).map(([term, count]) => count > 1 ? `${term} (${count})` : term).join(', ') : 'no keyword');
}

const WHAT = { call_start: 'began', call_named: 'named', hangup: 'hung up', call_end: 'written down to its end', call_rewritten: 'read again', alert: 'alert', alert_acknowledged: 'alert acknowledged' };

function drawEvents() {
  const began = Date.parse(call.start_time);
  events.replaceChildren(...[...happened.values()].map(event => el('li', {},
    el('time', { text: clock((Date.parse(event.timestamp) - began) / 1000) }),
    el('span', { text: [WHAT[event.type] ?? event.type.replaceAll('_', ' '), event.reason ?? event.source ?? event.message ?? (event.type === 'call_named' ? [event.agent, event.campaign].filter(Boolean).join(', ') : null) ?? event.acknowledged_by].filter(Boolean).join(': ') }))));
}

function drawLive() {
  const running = call.status === 'active' && call.legs.some(leg => leg.closed === null);
  if (!running && !listener) { live.replaceChildren(); return; }
  if (listener) return;
  const button = el('button', { type: 'button', text: 'Listen in' });
  const note = el('span', { class: 'note', role: 'status', text: 'this call is running' });
  button.addEventListener('click', () => {
    if (listener) return listener.stop('stopped');
    button.textContent = 'Stop listening';
    listener = new Listener(id, {
      behind: seconds => setText(note, `listening, ${seconds.toFixed(1)} s behind`),
      end: why => { listener = null; button.textContent = 'Listen in'; setText(note, why); },
    });
  });
  live.replaceChildren(button, note);
}

async function drawSound() {
  const closed = call.legs.filter(leg => leg.duration > 0).sort((a, b) => a.leg.localeCompare(b.leg) || a.leg_id - b.leg_id);
  if (!closed.length) { sound.replaceChildren(el('p', { class: 'note', text: 'no sound' })); return; }
  const place = player?.at ?? Number(/t=([\d.]+)/.exec(location.hash)?.[1] ?? 0);
  player?.legs.forEach(leg => leg.audio.pause());
  player = new Player(id, { legs: closed, length, on: { time: inStep } });
  sound.replaceChildren(player.element);
  player.seek(place);
  await Promise.all(closed.map(async leg => player.setPeaks(leg.leg_id, await api(Player.peaksPath(id, leg)).catch(() => ({ peaks: [], duration: leg.duration })))));
}

let now = null, nowLine = null;
/** Marks the word that is heard. */
function inStep(at, playing) {
  let found = null;
  for (const { line, item } of transcript.lines.values()) if (line.start <= at && at < line.end + 0.3 && (!found || line.start >= found.line.start)) found = { line, item };
  if (found?.item !== nowLine) {
    nowLine?.classList.remove('now');
    nowLine = found?.item ?? null;
    nowLine?.classList.add('now');
    if (playing && follow && nowLine) nowLine.scrollIntoView({ block: 'nearest' });
  }
  const word = nowLine ? [...nowLine.querySelectorAll('.word')].findLast(one => Number(one.dataset.at) <= at + 0.01) : null;
  if (word !== now) {
    now?.classList.remove('now');
    word?.classList.add('now');
    now = word;
  }
}
transcript.element.addEventListener('wheel', () => { follow = false; }, { passive: true });

async function load() {
  call = await api(`/api/v1/calls/${encodeURIComponent(id)}`);
  length = Math.max(call.total_audio_duration, ...call.legs.map(leg => leg.offset + leg.duration), 0);
  transcript.clear();
  now = nowLine = null;
  for (const segment of call.transcript_segments) transcript.add(ofSegment(segment));
  for (const alert of call.alerts ?? []) alerts.set(alert.id, alert);
  drawAbout();
  drawAlerts();
  drawLive();
  drawEvents();
  quality.load().catch(error => quality.fail(error));
  await drawSound();
  const wanted = Number(/t=([\d.]+)/.exec(location.hash)?.[1] ?? NaN);
  if (wanted >= 0) [...transcript.lines.values()].findLast(({ line }) => line.start <= wanted + 0.01)?.item.scrollIntoView({ block: 'center' });
}

/** Loads the call anew, once for all that comes together. */
function reload() {
  clearTimeout(due);
  due = setTimeout(() => load().catch(() => {}), 200);
}

function onEvent(event, number) {
  if (event.type === 'sentiment') {
    if (transcript.add(ofEvent(event))) {
      length = Math.max(length, event.end_time);
      drawCourse();
    }
    return;
  }
  if (event.type === 'partial') { transcript.unsure(event.leg, event); return; }
  happened.set(number, event);
  if (event.type === 'alert') { if (!alerts.has(event.id)) { alerts.set(event.id, event); drawAlerts(); } }
  if (event.type === 'alert_acknowledged' && alerts.has(event.id)) {
    alerts.set(event.id, { ...alerts.get(event.id), acknowledged: true, acknowledged_by: event.acknowledged_by, acknowledged_at: event.acknowledged_at });
    drawAlerts();
  }
  drawEvents();
  // The call has its sound and its words whole: words with times, risk, the players' lengths.
  if (event.type === 'call_rewritten') reload();
  if (event.type === 'call_end' && call.status !== 'completed') load().catch(() => {});
}

onKey(event => {
  if (event.key === ' ' && event.target === document.body && player) { event.preventDefault(); player.toggle(); }
});

build();
try {
  await load();
  // Everything that has happened in this call, and what will.
  new Feed({ after: 0, only: id, on: { event: onEvent, state: state => boxLine(null, state), reset: () => {} } });
} catch (error) {
  main.replaceChildren(el('h1', { text: 'No such call' }), el('p', { text: `${id}: ${error.message}` }), el('p', {}, el('a', { href: urlOf('/calls'), text: 'All calls' })));
}

// What was said, as lines: who, when, the words with keywords marked, the sentiment.
import { clock, el, mood, signed } from './base.js';
import { speaker } from './card.js';

/** The text with each of the terms marked where it stands; terms that are not there word for word follow as marks of their own. */
export function marked(text, terms) {
  const lower = text.toLowerCase();
  const places = [];
  const elsewhere = [];
  for (const { term, label } of terms) {
    let at = lower.indexOf(term.toLowerCase());
    if (at < 0 || lower.length !== text.length) elsewhere.push(el('mark', { title: label, text: term }));
    for (; at >= 0; at = lower.indexOf(term.toLowerCase(), at + term.length)) places.push({ at, end: at + term.length, label });
  }
  places.sort((a, b) => a.at - b.at || b.end - a.end);
  const parts = [];
  let done = 0;
  for (const place of places) {
    if (place.at < done) continue;
    parts.push(text.slice(done, place.at), el('mark', { title: place.label, text: text.slice(place.at, place.end) }));
    done = place.end;
  }
  parts.push(text.slice(done));
  return elsewhere.length ? [...parts, ...elsewhere.flatMap(mark => [' ', mark])] : parts;
}

/** A segment of the API and a message of the feed, in one shape. */
export const ofSegment = segment => ({
  key: `${segment.leg}|${segment.start_time}`, start: segment.start_time, end: segment.end_time, speaker: segment.speaker, leg: segment.leg, text: segment.text,
  compound: segment.sentiment.compound, terms: [...segment.keywords, ...segment.profanity], words: segment.words,
});
export const ofEvent = event => ({
  key: `${event.leg}|${event.start_time}`, start: event.start_time, end: event.end_time, speaker: event.speaker, leg: event.leg, text: event.text,
  compound: event.sentiment_score, terms: [...event.keywords_detected, ...event.profanity_detected].map(term => ({ term, label: '' })), words: null,
  rolling: event.rolling_sentiment, risk: event.risk_score,
});

/** Lines in order of time, each once. */
export class Transcript {
  /** `content(line)` makes what stands for the words; by default the text with its marks. */
  constructor(content = line => marked(line.text, line.terms)) {
    this.content = content;
    this.lines = new Map();
    this.partials = new Map();
    this.list = el('ol');
    this.element = el('div', { class: 'transcript', role: 'log', 'aria-label': 'Transcript', tabindex: 0 }, this.list);
  }

  clear() {
    this.lines.clear();
    this.partials.clear();
    this.list.replaceChildren();
  }

  /** Adds a line; false when it is there already. */
  add(line) {
    if (this.lines.has(line.key)) return false;
    const feel = mood(line.compound);
    const item = el('li', { class: `${line.speaker} ${feel}`, 'data-start': line.start },
      el('time', { text: clock(line.start) }), el('b', { text: speaker(line.speaker) }), el('span', { class: 'words' }, ...this.content(line)),
      el('span', { class: 'score', title: `sentiment: ${feel}`, text: signed(line.compound) }));
    this.lines.set(line.key, { line, item });
    this.unsure(line.leg, null);
    const atEnd = this.follows();
    // Nearly always the last one; a leg that is behind may come between.
    let after = this.list.lastElementChild;
    while (after && Number(after.dataset.start) > line.start) after = after.previousElementSibling;
    if (after) after.after(item);
    else this.list.prepend(item);
    if (atEnd) this.toEnd();
    return true;
  }

  /** Text that is not final, in grey, until its line comes. `null` takes it away. */
  unsure(leg, event) {
    this.partials.get(leg)?.remove();
    this.partials.delete(leg);
    if (!event) return;
    const item = el('li', { class: `${event.speaker} partial`, 'data-start': event.start_time ?? 1e9 },
      el('time', { text: event.start_time === undefined ? '' : clock(event.start_time) }), el('b', { text: speaker(event.speaker) }), el('span', { class: 'words', text: event.text }));
    const atEnd = this.follows();
    this.partials.set(leg, item);
    this.list.append(item);
    if (atEnd) this.toEnd();
  }

  /** Whether the end is in sight, so that new lines may move it. */
  follows() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < 40;
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }
}

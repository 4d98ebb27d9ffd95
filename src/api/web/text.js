// @ts-check
// What was said, as lines: who, when, the words with keywords marked, the sentiment.
import { clock, el, mood, signed } from './base.js';
import { speaker } from './card.js';
import { places } from './terms.js';

/** @import { Line, PartialText, Segment, Sentiment, Term } from './types.d.ts' */

/**
 * Marks for terms that stand nowhere.
 * @param {Term[]} terms
 */
const asides = terms => terms.flatMap(({ term, label }) => [' ', el('mark', { title: label, text: term })]);

/**
 * The text with each of the terms marked where it stands; terms that are not there word for word follow as marks of
 * their own.
 * @param {string} text
 * @param {Term[]} terms
 * @returns {(Node | string)[]}
 */
export function marked(text, terms) {
  const { found, elsewhere } = places(text, terms);
  const parts = [];
  let done = 0;
  for (const { at, end, label } of found) {
    parts.push(text.slice(done, at), el('mark', { title: label, text: text.slice(at, end) }));
    done = end;
  }
  return [...parts, text.slice(done), ...asides(elsewhere)];
}

/**
 * The same word by word, each with its time, for a player to follow and to be moved by.
 * @param {Line} line
 */
export function wordByWord(line) {
  if (!line.words?.length) return marked(line.text, line.terms);
  const text = line.words.map(word => word.text).join(' ');
  const { found, elsewhere } = places(text, line.terms);
  let at = 0;
  const parts = line.words.flatMap(word => {
    const end = at + word.text.length;
    const place = found.find(one => one.at < end && one.end > at);
    at = end + 1;
    const times = { 'data-at': word.start_time, 'data-to': word.end_time };
    const properties = { class: 'word', ...times, title: place?.label || undefined, text: word.text };
    return [el(place ? 'mark' : 'span', properties), ' '];
  });
  return [...parts, ...asides(elsewhere)];
}

/**
 * A segment of the API as a line.
 * @param {Segment} segment
 * @returns {Line}
 */
export const ofSegment = segment => ({
  id: segment.segment_id,
  key: `${segment.leg}|${segment.start_time}`,
  start: segment.start_time,
  end: segment.end_time,
  speaker: segment.speaker,
  leg: segment.leg,
  text: segment.text,
  compound: segment.sentiment.compound,
  theirs: segment.sender_sentiment,
  terms: [...segment.keywords, ...segment.profanity],
  words: segment.words,
});

/**
 * A message of the feed as a line.
 * @param {Sentiment} event
 * @returns {Line}
 */
export const ofEvent = event => ({
  key: `${event.leg}|${event.start_time}`,
  start: event.start_time,
  end: event.end_time,
  speaker: event.speaker,
  leg: event.leg,
  text: event.text,
  compound: event.sentiment_score,
  theirs: event.sender_sentiment,
  terms: [...event.keywords_detected, ...event.profanity_detected].map(term => ({ term, label: '' })),
  words: null,
  rolling: event.rolling_sentiment,
  risk: event.risk_score,
});

/** Lines in order of time, each once. */
export class Transcript {
  /** @type {Map<string, { line: Line, item: HTMLElement }>} */
  lines = new Map();
  /**
   * By leg.
   * @type {Map<string, HTMLElement>}
   */
  partials = new Map();
  list = el('ol');
  /** Whether the end stays in sight when something is said. */
  live = true;
  element = el('div', { class: 'transcript', role: 'log', 'aria-label': 'Transcript', tabindex: 0 }, this.list);

  /**
   * @param {(line: Line) => (Node | string)[]} [content] makes what stands for the words; by default the text with its
   *   marks
   * @param {(line: Line) => HTMLElement} [time] makes what stands for its time
   */
  constructor(content = line => marked(line.text, line.terms), time = line => el('time', { text: clock(line.start) })) {
    this.content = content;
    this.time = time;
  }

  clear() {
    this.lines.clear();
    this.partials.clear();
    this.list.replaceChildren();
  }

  /**
   * Adds a line; false when it is there already. Two segments that began at one moment are two lines.
   * @param {Line} line
   */
  add(line) {
    const there = this.lines.get(line.key)?.line;
    const isOther = there?.id !== undefined && line.id !== undefined && there.id !== line.id;
    const key = isOther ? `${line.key}|${line.id}` : line.key;
    if (this.lines.has(key)) {
      // An event told of it, which knows no number; the segment that comes after it is that one.
      if (there && !isOther) there.id ??= line.id;
      return false;
    }
    const feel = mood(line.compound);
    const theirs = line.theirs === null || line.theirs === undefined ? '' : `; its sender says ${signed(line.theirs)}`;
    const item = el(
      'li',
      { class: `${line.speaker} ${feel}`, 'data-start': line.start },
      this.time(line),
      el('b', { text: speaker(line.speaker) }),
      el('span', { class: 'words' }, ...this.content(line)),
      el('span', {
        class: 'score',
        title: `sentiment: ${line.compound === null ? 'no word list for this language' : feel}${theirs}`,
        text: signed(line.compound),
      }),
    );
    this.lines.set(key, { line, item });
    this.unsure(line.leg, null);
    const atEnd = this.follows();
    // Nearly always the last one; a leg that is behind may come between.
    let after = this.list.lastElementChild;
    while (after instanceof HTMLElement && Number(after.dataset.start) > line.start) {
      after = after.previousElementSibling;
    }
    if (after) after.after(item);
    else this.list.prepend(item);
    if (atEnd) this.toEnd();
    return true;
  }

  /**
   * Text that is not final, in grey, until its line comes. `null` takes it away.
   * @param {string} leg
   * @param {Pick<PartialText, 'speaker' | 'text' | 'start_time'> | null} event
   */
  unsure(leg, event) {
    this.partials.get(leg)?.remove();
    this.partials.delete(leg);
    if (!event) return;
    const item = el(
      'li',
      { class: `${event.speaker} partial`, 'data-start': event.start_time ?? 1e9 },
      el('time', { text: event.start_time === undefined ? '' : clock(event.start_time) }),
      el('b', { text: speaker(event.speaker) }),
      el('span', { class: 'words', text: event.text }),
    );
    const atEnd = this.follows();
    this.partials.set(leg, item);
    this.list.append(item);
    if (atEnd) this.toEnd();
  }

  /** Whether the end is in sight, so that new lines may move it. */
  follows() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    return this.live && scrollHeight - scrollTop - clientHeight < 40;
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }
}

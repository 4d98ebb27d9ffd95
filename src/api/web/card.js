// @ts-check
// One call as a card. Made once, then only what has changed is written.
import { clock, el, mood, percent, setAttribute, setText, signed, svg } from './base.js';

/** @import { BoardCall, Level } from './types.d.ts' */

const WIDTH = 120;
const HEIGHT = 28;
/** @type {Record<Level, string>} */
export const SIGNS = { warning: '△', urgent: '▲', critical: '◆' };
/** @type {Record<string, string>} */
const SPEAKERS = { agent: 'Agent', caller: 'Caller', customer: 'Caller' };

/** @param {string} name */
export const speaker = name => SPEAKERS[name] ?? 'Speaker';

/**
 * Who talks to whom: it stays a call's title, also when the call is over.
 * @param {{ agent: string | null, phone: string | null, id: string }} call
 */
export const nameOf = ({ agent, phone, id }) => [agent, phone].filter(Boolean).join(' · ') || id;

/** The course of the sentiment as a small line between -1 and 1; the words beside it tell the same. */
function spark() {
  const line = svg('polyline', { fill: 'none' });
  const zero = svg('line', { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 });
  const element = svg(
    'svg',
    { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    zero,
    line,
  );
  const draw = (/** @type {number[]} */ values) => {
    const step = WIDTH / Math.max(values.length - 1, 11);
    const y = (/** @type {number} */ value) => (1 - value) * (HEIGHT / 2 - 2) + 2;
    line.setAttribute('points', values.map((value, i) => `${(i * step).toFixed(1)},${y(value).toFixed(1)}`).join(' '));
  };
  return { element, draw };
}

/** @typedef {{ open: (id: string) => void, listen: (id: string) => void }} CardActions */

export class Card {
  name = el('button', { type: 'button', class: 'name' });
  badge = el('span', { class: 'badge' });
  time = el('span', { class: 'time' });
  who = el('span', { class: 'who' });
  spark = spark();
  score = el('span', { class: 'score' });
  risk = el('span', { class: 'risk' });
  speaker = el('b');
  words = document.createTextNode('');
  note = el('span', { class: 'late' });
  said = el('p', { class: 'said' }, this.speaker, this.words);
  ear = el('button', { type: 'button', class: 'ear', text: 'Listen' });
  /** @type {number[] | null} */
  course = null;

  /**
   * @param {string} id
   * @param {CardActions} actions
   */
  constructor(id, { open, listen }) {
    this.element = el(
      'li',
      { class: 'card', 'data-id': id },
      el('div', { class: 'row' }, this.name, this.time),
      el('div', { class: 'row' }, this.badge, this.who, this.ear),
      el('div', { class: 'row' }, this.spark.element, this.score, this.risk),
      this.said,
      this.note,
    );
    this.element.addEventListener('click', () => open(id));
    this.ear.addEventListener('click', event => {
      event.stopPropagation();
      listen(id);
    });
  }

  /**
   * Writes what is known now.
   * @param {BoardCall} call
   * @param {Level | undefined} level
   * @param {{ opened: boolean, listening: boolean }} state
   */
  show(call, level, { opened, listening }) {
    const feel = mood(call.rolling);
    const kind = ['card', feel, level, call.over === null ? '' : 'over', opened ? 'opened' : ''];
    const names = kind.filter(Boolean).join(' ');
    if (this.element.className !== names) this.element.className = names;
    setText(this.name, nameOf(call));
    const silent = call.over !== null || call.status !== 'active';
    if (this.ear.hidden !== silent) this.ear.hidden = silent;
    setText(this.ear, listening ? 'Stop' : 'Listen');
    setAttribute(this.ear, 'aria-label', `${listening ? 'Stop listening' : 'Listen in'}: ${nameOf(call)}`);
    setAttribute(this.ear, 'aria-pressed', String(listening));
    setAttribute(this.name, 'aria-expanded', String(opened));
    setText(this.badge, level ? `${SIGNS[level]} ${level}` : '');
    setText(this.who, [call.campaign, call.agent || call.phone ? call.id : null].filter(Boolean).join(' · '));
    if (this.course !== call.course) {
      this.course = call.course;
      this.spark.draw(call.course);
    }
    setText(this.score, call.rolling === null ? '' : signed(call.rolling));
    setAttribute(this.score, 'title', `sentiment: ${feel}`);
    setText(this.risk, call.risk === null ? '' : `risk ${percent(call.risk)}`);
    const partial = Object.values(call.partial)[0];
    const last = partial ?? call.last;
    this.said.classList.toggle('partial', Boolean(partial));
    setText(this.speaker, last ? speaker(last.speaker) + ' ' : '');
    const words = last ? last.text : 'nothing said yet';
    if (this.words.data !== words) this.words.data = words;
    setText(this.note, Card.noteOf(call));
    // When the shown text was stored, by the daemon's clock: for who measures.
    if (call.at && this.element.dataset.at !== call.at) this.element.dataset.at = call.at;
  }

  /** @param {BoardCall} call */
  static noteOf(call) {
    if (call.over !== null) return 'ended';
    if (call.status === 'connection_closed') return 'hung up, last words pending';
    const notes = [call.breached ? 'SLA breached' : '', call.behind ? `text ${call.behind} s behind` : ''];
    return notes.filter(Boolean).join(' · ');
  }

  /**
   * The time on the line; called once a second.
   * @param {BoardCall} call
   * @param {number} now
   */
  tick(call, now) {
    setText(this.time, clock(((call.over ?? now) - call.started) / 1000));
  }
}

// One call as a card. Made once, then only what has changed is written.
import { clock, el, mood, setText, signed } from './base.js';

const WIDTH = 120, HEIGHT = 28;
export const SIGNS = { warning: '△', urgent: '▲', critical: '◆' };
const SPEAKERS = { agent: 'Agent', caller: 'Caller', customer: 'Caller' };
export const speaker = name => SPEAKERS[name] ?? 'Voice';

/** The course of the sentiment as a small line between -1 and 1; the words beside it tell the same. */
function spark() {
  const line = el('polyline', { fill: 'none' });
  const zero = el('line', { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 });
  const svg = el('svg', { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, zero, line);
  return { svg, draw: values => {
    const step = WIDTH / Math.max(values.length - 1, 11);
    line.setAttribute('points', values.map((value, i) => `${(i * step).toFixed(1)},${((1 - value) * (HEIGHT / 2 - 2) + 2).toFixed(1)}`).join(' '));
  } };
}

export class Card {
  constructor(id, open) {
    this.id = id;
    this.name = el('button', { type: 'button', class: 'name' });
    this.badge = el('span', { class: 'badge' });
    this.time = el('span', { class: 'time' });
    this.who = el('span', { class: 'who' });
    this.spark = spark();
    this.score = el('span', { class: 'score' });
    this.risk = el('span', { class: 'risk' });
    this.speaker = el('b');
    this.words = document.createTextNode('');
    this.note = el('span', { class: 'late' });
    this.said = el('p', { class: 'said' }, this.speaker, this.words);
    this.element = el('li', { class: 'card', 'data-id': id },
      el('div', { class: 'row' }, this.name, this.badge, this.time),
      this.who,
      el('div', { class: 'row' }, this.spark.svg, this.score, this.risk),
      this.said, this.note);
    this.element.addEventListener('click', () => open(id));
  }

  /** Writes what is known now. */
  show(call, level, opened) {
    const feel = mood(call.rolling);
    const kind = `card ${feel}${level ? ' ' + level : ''}${call.over === null ? '' : ' over'}${opened ? ' opened' : ''}`;
    if (this.element.className !== kind) this.element.className = kind;
    setText(this.name, call.agent ?? call.id);
    this.name.setAttribute('aria-expanded', String(opened));
    setText(this.badge, level ? `${SIGNS[level]} ${level}` : '');
    setText(this.who, [call.phone, call.campaign, call.agent ? call.id : null].filter(Boolean).join(' · '));
    if (this.course !== call.course) {
      this.course = call.course;
      this.spark.draw(call.course);
    }
    setText(this.score, call.rolling === null || call.rolling === undefined ? '' : signed(call.rolling));
    this.score.title = `sentiment: ${feel}`;
    setText(this.risk, call.risk === null ? '' : `risk ${Math.round(call.risk * 100)} %`);
    const partial = Object.values(call.partial ?? {})[0];
    const last = partial ?? call.last;
    this.said.classList.toggle('partial', Boolean(partial));
    setText(this.speaker, last ? speaker(last.speaker) + ' ' : '');
    const words = last ? last.text : 'nothing said yet';
    if (this.words.data !== words) this.words.data = words;
    setText(this.note, call.over !== null ? 'ended' : call.status === 'connection_closed' ? 'hung up, last words to come' : call.behind ? `text ${call.behind} s behind` : '');
    // When the shown text was stored, by the daemon's clock: for who measures.
    if (call.at && this.element.dataset.at !== call.at) this.element.dataset.at = call.at;
  }

  /** The time on the line; called once a second. */
  tick(call, now) {
    setText(this.time, clock(((call.over ?? now) - call.started) / 1000));
  }
}

// @ts-check
// What an analyst asks of a call: a summary in its own lines, the score card with its words, what was mentioned. Each
// place leads to its sound.
import { api, clock, el, messageOf, pathOf, percent, setText, signed } from './base.js';
import { speaker } from './card.js';

/** @import { Call, Criterion, Entity, ModelInsights, Quote, ScoreCard, SummaryAnswer } from './types.d.ts' */

/** @type {Record<Criterion['outcome'], [sign: string, says: string]>} */
const MARKS = {
  met: ['✓', 'met'],
  missed: ['✗', 'missed'],
  not_asked: ['–', 'not applicable'],
  open: ['…', 'pending'],
};

export class Quality {
  summary = el('div', { class: 'summary' });
  card = el('div', { class: 'qa' });
  mentioned = el('div');
  result = el('div');

  /**
   * @param {string} id
   * @param {(seconds: number) => void} hear is told the second that somebody wants to hear
   */
  constructor(id, hear) {
    this.path = pathOf(id);
    this.hear = hear;
  }

  /** @param {Quote} quote */
  place({ start_time }) {
    const time = clock(start_time);
    const on = { click: () => this.hear(start_time) };
    return el('button', { type: 'button', class: 'plain when', 'aria-label': `Go to ${time}`, text: time, on });
  }

  /**
   * @param {string} label
   * @param {Quote} quote
   */
  quote(label, quote, more = '') {
    return el(
      'p',
      {},
      el('b', { text: `${label} ` }),
      this.place(quote),
      ` ${speaker(quote.speaker)}: `,
      el('q', { text: quote.text }),
      more && el('span', { class: 'note', text: ` ${more}` }),
    );
  }

  async load() {
    const [summary, card, { entities }] = await Promise.all([
      api(`${this.path}/summary`),
      api(`${this.path}/qa`),
      api(`${this.path}/entities`),
    ]);
    this.drawSummary(summary);
    this.drawCard(card);
    this.drawMentioned(entities);
  }

  /** @param {SummaryAnswer} summary */
  drawSummary({ text, reason, turns, outcome, topics, questions, language_model }) {
    const lines = turns.map(turn =>
      this.quote('Turning point', turn, `sentiment ${signed(turn.before)} to ${signed(turn.sentiment)}`),
    );
    if (reason) lines.unshift(this.quote('Reason', reason));
    if (outcome) lines.push(this.quote('Outcome', outcome));
    if (!lines.length) lines.push(el('p', { class: 'note', text: 'no line stands out' }));
    if (text) lines.unshift(el('p', { text }));
    if (topics.length) {
      const told = topics.map(({ topic, share }) => `${topic} (${percent(share)})`).join(', ');
      lines.push(el('p', {}, el('b', { text: 'Topics ' }), told));
    }
    for (const asked of questions) {
      lines.push(this.quote('Question', asked));
      if (asked.answer) lines.push(this.quote('Answer', asked.answer));
    }
    if (language_model) lines.push(this.told(language_model));
    this.summary.replaceChildren(...lines);
  }

  /** @param {ModelInsights} told */
  told(told) {
    if (told.state === 'failed') return el('p', { class: 'note', text: `${told.by}: ${told.reason}` });
    const dropped = told.dropped.length;
    const more = dropped
      ? `${dropped} ${dropped === 1 ? 'sentence' : 'sentences'} left out: not supported by the call`
      : '';
    return el(
      'p',
      {},
      el('b', { text: `${told.by} says ` }),
      told.summary,
      more && el('span', { class: 'note', text: ` ${more}` }),
    );
  }

  /** @param {Criterion} criterion */
  criterion({ name, description, outcome, points, of, reason, quotes }) {
    const [sign, says] = MARKS[outcome];
    const points_of = of ? `, ${points} of ${of}` : '';
    const judged = outcome === 'met' || outcome === 'missed';
    const why = judged && !quotes.length ? `: ${reason}` : '';
    return el(
      'li',
      { class: outcome },
      el('span', { class: 'sign', 'aria-hidden': 'true', text: sign }),
      el(
        'span',
        {},
        el('span', { text: description || name }),
        el('span', { class: 'note', text: ` ${says}${points_of}${why}` }),
        ...quotes.map(quote =>
          el('span', { class: 'found' }, ' ', this.place(quote), ' ', el('q', { text: quote.text })),
        ),
      ),
    );
  }

  /** @param {ScoreCard} card */
  drawCard({ score, points, of, criteria, measures }) {
    const heading = score === null ? 'No score yet: there is nothing to judge' : `${score} of 100`;
    this.card.replaceChildren(
      el(
        'p',
        {},
        el('b', { text: heading }),
        score !== null && el('span', { class: 'note', text: ` ${points} of ${of} points` }),
      ),
      el('ul', {}, ...criteria.map(criterion => this.criterion(criterion))),
      el('p', { class: 'note', text: Quality.measured(measures) }),
    );
  }

  /** @param {ScoreCard['measures']} measures */
  static measured(measures) {
    const { agent_share, agent_interruptions, longest_silence_s, dead_air_s } = measures;
    const { agent_words_per_minute, caller_words_per_minute } = measures;
    const parts = [];
    if (agent_share !== null) parts.push(`agent speaks ${percent(agent_share)} of the time`);
    if (agent_interruptions !== null) {
      parts.push(`interruptions: agent ${agent_interruptions}, caller ${measures.caller_interruptions}`);
    }
    if (longest_silence_s !== null) {
      parts.push(`longest silence ${Math.round(longest_silence_s)} s, dead air ${Math.round(dead_air_s ?? 0)} s`);
    }
    if (agent_words_per_minute !== null) parts.push(`agent ${Math.round(agent_words_per_minute)} words a minute`);
    if (caller_words_per_minute !== null) parts.push(`caller ${Math.round(caller_words_per_minute)} words a minute`);
    if (measures.absent) parts.push(measures.absent);
    return parts.join(' · ');
  }

  /**
   * The disposition beside what was said, and the dialer's seconds beside those of speech.
   * @param {Call} call
   */
  drawResult({ dialer, review }) {
    const found = (review?.findings ?? []).map(one => this.quote(one.description || one.name, one.quote));
    const seconds = (/** @type {string} */ name, /** @type {number | null | undefined} */ value) =>
      value === null || value === undefined ? '' : `${name} ${Math.round(value)} s`;
    const parts = [
      seconds('talk', dialer?.talk_seconds),
      seconds('speech', review?.speech_seconds),
      seconds('unspoken', review?.unspoken_talk_seconds),
      seconds('silent at the end', review?.silent_end_seconds),
      seconds('dead', dialer?.dead_seconds),
      seconds('wrap', dialer?.wrap_seconds),
    ];
    this.result.replaceChildren(
      el('p', {}, el('b', { text: review?.disposition ?? 'No disposition is known' })),
      ...found,
      el('p', { class: 'note', text: parts.filter(Boolean).join(' · ') }),
    );
  }

  /** @param {Entity[]} entities */
  drawMentioned(entities) {
    const kinds = [...Map.groupBy(entities, one => one.kind)].flatMap(([kind, all]) => [
      el('dt', { text: kind }),
      ...all.map(one => el('dd', {}, this.place(one), ` ${one.text}`)),
    ]);
    const none = el('p', { class: 'note', text: 'none' });
    this.mentioned.replaceChildren(kinds.length ? el('dl', { class: 'mentioned' }, ...kinds) : none);
  }

  /**
   * Says what went wrong, and leaves the rest of the page alone.
   * @param {unknown} error
   */
  fail(error) {
    setText(this.summary, `not available: ${messageOf(error)}`);
  }
}

// What an analyst asks of a call: a summary in its own lines, the score card with its words, what was named. Each place leads to its sound.
import { api, clock, el, setText, signed } from './base.js';
import { speaker } from './card.js';

const MARKS = { met: ['✓', 'met'], missed: ['✗', 'missed'], not_asked: ['–', 'not asked for'], open: ['…', 'not yet decided'] };

export class Quality {
  /** `hear` is told the second that somebody wants to hear. */
  constructor(id, hear) {
    Object.assign(this, { id, hear });
    this.summary = el('div', { class: 'summary' });
    this.card = el('div', { class: 'qa' });
    this.named = el('div');
  }

  place(quote) {
    return el('button', { type: 'button', class: 'plain when', 'aria-label': `hear from ${clock(quote.start_time)}`, text: clock(quote.start_time), on: { click: () => this.hear(quote.start_time) } });
  }

  quote(label, quote, more) {
    return el('p', {}, el('b', { text: `${label} ` }), this.place(quote), ` ${speaker(quote.speaker)}: `, el('q', { text: quote.text }), more ? el('span', { class: 'note', text: ` ${more}` }) : null);
  }

  async load() {
    const path = `/api/v1/calls/${encodeURIComponent(this.id)}`;
    const [summary, qa, entities] = await Promise.all(['summary', 'qa', 'entities'].map(part => api(`${path}/${part}`)));
    this.drawSummary(summary);
    this.drawCard(qa);
    this.drawNamed(entities.entities);
  }

  drawSummary({ reason, turns, outcome }) {
    const lines = [reason && this.quote('Reason', reason), ...turns.map(turn => this.quote('Turn', turn, `sentiment ${signed(turn.before)} to ${signed(turn.sentiment)}`)), outcome && this.quote('Outcome', outcome)].filter(Boolean);
    this.summary.replaceChildren(...(lines.length ? lines : [el('p', { class: 'note', text: 'no line stands out' })]));
  }

  drawCard({ score, points, of, criteria, measures }) {
    const lines = criteria.map(mark => {
      const [sign, says] = MARKS[mark.outcome];
      return el('li', { class: mark.outcome }, el('span', { class: 'sign', 'aria-hidden': 'true', text: sign }),
        el('span', {}, el('span', { text: mark.description || mark.name }), el('span', { class: 'note', text: ` ${says}${mark.of ? `, ${mark.points} of ${mark.of}` : ''}${mark.quotes.length || ['open', 'not_asked'].includes(mark.outcome) ? '' : `: ${mark.reason}`}` }),
          ...mark.quotes.map(quote => el('span', { class: 'found' }, ' ', this.place(quote), ' ', el('q', { text: quote.text })))));
    });
    const parts = [
      measures.agent_share === null ? null : `agent speaks ${Math.round(measures.agent_share * 100)} %`,
      measures.agent_interruptions === null ? null : `interruptions: agent ${measures.agent_interruptions}, caller ${measures.caller_interruptions}`,
      measures.longest_silence_s === null ? null : `longest silence ${Math.round(measures.longest_silence_s)} s, dead air ${Math.round(measures.dead_air_s)} s`,
      measures.agent_words_per_minute === null ? null : `agent ${Math.round(measures.agent_words_per_minute)} words a minute`,
      measures.caller_words_per_minute === null ? null : `caller ${Math.round(measures.caller_words_per_minute)}`,
      measures.absent,
    ].filter(Boolean);
    this.card.replaceChildren(
      el('p', {}, el('b', { text: score === null ? 'No score: nothing can be judged yet' : `${score} of 100` }), score === null ? null : el('span', { class: 'note', text: ` ${points} of ${of} points` })),
      el('ul', {}, ...lines), el('p', { class: 'note', text: parts.join(' · ') }));
  }

  drawNamed(entities) {
    const kinds = Map.groupBy(entities, one => one.kind);
    this.named.replaceChildren(kinds.size ? el('dl', { class: 'named' }, ...[...kinds].flatMap(([kind, all]) => [el('dt', { text: kind }),
      ...all.map(one => el('dd', {}, this.place(one), ` ${one.text}`))])) : el('p', { class: 'note', text: 'nothing' }));
  }

  /** Says what went wrong, and leaves the rest of the page alone. */
  fail(error) {
    setText(this.summary, `not available: ${error.message}`);
  }
}

// One call beside the list: what is said as it is said, sentiment and risk over time, alerts, what to tell the agent.
import { api, urlOf, clock, el, setText, signed } from './base.js';
import { alertLine } from './alerts.js';
import { Chart } from './chart.js';
import { history } from './feed.js';
import { Transcript, ofEvent, ofSegment } from './text.js';

const signed2 = value => signed(value);

export class Panel {
  /** `actions`: close(), done(alert). */
  constructor(element, board, actions) {
    Object.assign(this, { element, board, actions, id: null });
  }

  /** Opens a call; what the feed brings meanwhile is put between by its time. */
  async open(id) {
    this.id = id;
    this.transcript = new Transcript();
    this.points = [];
    this.alertsShown = null;
    this.title = el('h2', { tabindex: -1 });
    this.about = el('p', { class: 'note' });
    this.alerts = el('ul', { class: 'alerts', 'aria-label': 'Alerts of this call' });
    this.prompts = el('ul', { class: 'prompts', 'aria-label': 'Coaching prompts' });
    this.risk = el('p', { class: 'riskline' });
    this.parts = el('details', { class: 'parts', hidden: true }, el('summary', { text: 'What the risk is made of' }), el('ul'));
    const box = el('div', { class: 'chart', role: 'img', 'aria-label': 'Sentiment and risk over the call; the same figures stand beside the words' });
    this.element.replaceChildren(
      el('div', { class: 'row' }, this.title, el('a', { class: 'button', href: urlOf(`/calls/${encodeURIComponent(id)}`), text: 'Call page' }),
        el('button', { type: 'button', text: 'Close', on: { click: () => this.actions.close() } })),
      this.about, this.alerts, this.prompts, this.risk, this.parts, box, this.transcript.element);
    this.element.hidden = false;
    this.chart = new Chart(box, { label: 'At', values: signed2, series: [{ label: 'Sentiment', colour: '--accent', points: true }, { label: 'Rolling', colour: '--good', dash: [6, 4] }, { label: 'Risk', colour: '--bad', dash: [2, 3], steps: true }] });
    this.show();
    await this.load();
  }

  async load() {
    const id = this.id;
    let call;
    try {
      call = await api(`/api/v1/calls/${encodeURIComponent(id)}`);
    } catch (error) {
      if (this.id === id) setText(this.about, error.message);
      return;
    }
    if (this.id !== id) return;
    for (const segment of call.transcript_segments) this.add(ofSegment(segment));
    for (const [leg, event] of Object.entries(this.board.calls.get(id)?.partial ?? {})) this.transcript.unsure(leg, event);
    this.history = call.alerts ?? [];
    this.alertsShown = null;
    this.explain(call.risk);
    this.draw();
    this.transcript.toEnd();
    this.show();
    // The rows know the text; what the rolling figures and the risk were then, the feed has told.
    const told = new Map((await history(id)).filter(event => event.type === 'sentiment').map(event => [ofEvent(event).key, event]));
    if (this.id !== id) return;
    for (const point of this.points) Object.assign(point, { rolling: point.rolling ?? told.get(point.key)?.rolling_sentiment ?? null, risk: point.risk ?? told.get(point.key)?.risk_score ?? null });
    this.draw();
  }

  add(line) {
    if (!this.transcript.add(line)) return false;
    this.points.push({ key: line.key, at: line.start, compound: line.compound, rolling: line.rolling ?? null, risk: line.risk ?? null });
    return true;
  }

  risked(at, risk) {
    if (at !== null && at !== undefined) this.points.push({ at, compound: null, rolling: null, risk });
  }

  explain(risk) {
    const parts = (risk?.parts ?? []).filter(part => part.share > 0).sort((a, b) => b.share - a.share);
    this.parts.hidden = parts.length === 0;
    this.parts.lastElementChild.replaceChildren(...parts.map(part => el('li', { text: `${Math.round(part.share * 100)} %: ${part.says}` })));
  }

  draw() {
    const points = [...this.points].sort((a, b) => a.at - b.at);
    this.chart.set([points.map(p => p.at), points.map(p => p.compound), points.map(p => p.rolling), points.map(p => p.risk)]);
  }

  /** A message of the feed. */
  event(event) {
    if (event.call_id !== this.id) return;
    if (event.type === 'sentiment') {
      if (this.add(ofEvent(event))) this.draw();
    } else if (event.type === 'partial') {
      this.transcript.unsure(event.leg, event);
    } else if (event.type === 'alert') {
      this.history = [...(this.history ?? []), event];
      this.risked(event.end_time ?? event.start_time, event.risk_score);
      this.draw();
      // What the risk is made of now.
      api(`/api/v1/calls/${encodeURIComponent(this.id)}`).then(call => { if (call.call_id === this.id) this.explain(call.risk); }).catch(() => {});
    }
  }

  /** Writes what the board knows. */
  show() {
    const call = this.board.calls.get(this.id);
    const alerts = (this.history ?? []).map(alert => this.board.alerts.get(alert.id) ?? alert);
    if (call) {
      setText(this.title, call.agent ?? call.id);
      const state = call.over !== null ? 'ended' : call.status === 'active' ? 'on the line' : 'hung up';
      setText(this.about, [call.phone, call.campaign, call.id, state, clock(((call.over ?? this.board.now()) - call.started) / 1000), call.behind ? `text ${call.behind} s behind` : null].filter(Boolean).join(' · '));
      setText(this.risk, call.risk === null ? '' : `Risk ${Math.round(call.risk * 100)} %`);
    } else {
      setText(this.title, this.id);
      setText(this.about, 'this call is over');
    }
    const shown = alerts.map(alert => `${alert.id}${alert.acknowledged}`).join();
    if (shown !== this.alertsShown) {
      this.alertsShown = shown;
      this.alerts.replaceChildren(...alerts.toReversed().map(alert => alertLine(alert, { open: null, done: this.actions.done })));
      const prompts = [...new Set(alerts.filter(alert => !alert.acknowledged).flatMap(alert => alert.prompts ?? []))];
      this.prompts.replaceChildren(...prompts.map(text => el('li', {}, el('b', { text: 'Tell the agent ' }), text)));
      this.prompts.hidden = prompts.length === 0;
    }
  }

  close() {
    this.id = null;
    this.history = [];
    this.element.hidden = true;
    this.element.replaceChildren();
  }
}

// @ts-check
// One call beside the list: what is said as it is said, sentiment and risk over time, alerts, what to tell the agent.
import { api, clock, el, messageOf, pathOf, percent, setText, signed, urlOf } from './base.js';
import { alertLine, partsOf } from './alerts.js';
import { Chart } from './chart.js';
import { history } from './feed.js';
import { Transcript, ofEvent, ofSegment } from './text.js';

/**
 * @import { Board } from './board.js'
 * @import { Alert, BoardCall, CallEvent, Line, Risk, Sentiment } from './types.d.ts'
 */

/**
 * What the chart draws; `key` is the line's.
 * @typedef {{ at: number, compound: number | null, rolling: number | null, risk: number | null, key?: string }} Point
 */

const CHART = 'Sentiment and risk over the call; the same figures are next to the words';

export class Panel {
  /** @type {string | null} */
  id = null;
  /** @type {Point[]} */
  points = [];
  /**
   * All alerts of the call, the oldest first.
   * @type {Alert[]}
   */
  history = [];
  /**
   * Which alerts are shown, and in what state.
   * @type {string | null}
   */
  alertsShown = null;
  /** @type {Chart | null} */
  chart = null;
  transcript = new Transcript();
  title = el('h2', { tabindex: -1 });
  about = el('p', { class: 'note' });
  alerts = el('ul', { class: 'alerts', 'aria-label': 'Alerts of this call' });
  prompts = el('ul', { class: 'prompts', 'aria-label': 'Coaching prompts' });
  risk = el('p', { class: 'riskline' });
  partList = el('ul');
  parts = el(
    'details',
    { class: 'parts', hidden: true },
    el('summary', { text: 'What makes up the risk' }),
    this.partList,
  );

  /**
   * @param {HTMLElement} element
   * @param {Board} board
   * @param {{ close: () => void, done: (alert: Alert) => void }} actions
   */
  constructor(element, board, actions) {
    this.element = element;
    this.board = board;
    this.actions = actions;
  }

  /**
   * Opens a call; what the feed brings meanwhile is put between by its time.
   * @param {string} id
   */
  async open(id) {
    this.id = id;
    this.transcript = new Transcript();
    this.points = [];
    this.history = [];
    this.alertsShown = null;
    this.explain(null);
    const box = el('div', { class: 'chart', role: 'img', 'aria-label': CHART });
    const page = el('a', { class: 'button', href: urlOf(`/calls/${encodeURIComponent(id)}`), text: 'Call page' });
    const close = el('button', { type: 'button', text: 'Close', on: { click: () => this.actions.close() } });
    const heading = el('div', { class: 'row' }, this.title, page, close);
    const top = [heading, this.about, this.alerts, this.prompts, this.risk, this.parts];
    this.element.replaceChildren(...top, box, this.transcript.element);
    this.element.hidden = false;
    this.chart = new Chart(box, {
      label: 'At',
      values: signed,
      series: [
        { label: 'Sentiment', colour: '--accent', points: true },
        { label: 'Rolling', colour: '--good', dash: [6, 4] },
        { label: 'Risk', colour: '--bad', dash: [2, 3], steps: true },
      ],
    });
    this.show();
    await this.load();
  }

  async load() {
    const id = this.id;
    if (id === null) return;
    let call;
    try {
      call = await api(pathOf(id));
    } catch (error) {
      if (this.id === id) setText(this.about, messageOf(error));
      return;
    }
    if (this.id !== id) return;
    for (const segment of call.transcript_segments) this.add(ofSegment(segment));
    const partials = this.board.calls.get(id)?.partial ?? {};
    for (const [leg, words] of Object.entries(partials)) this.transcript.unsure(leg, words);
    this.history = call.alerts ?? [];
    this.alertsShown = null;
    this.explain(call.risk);
    this.draw();
    this.transcript.toEnd();
    this.show();
    // The rows know the text; what the rolling figures and the risk were then, the feed has told.
    /** @type {Map<string | undefined, Sentiment>} */
    const told = new Map();
    for (const event of await history(id)) if (event.type === 'sentiment') told.set(ofEvent(event).key, event);
    if (this.id !== id) return;
    for (const point of this.points) {
      const then = told.get(point.key);
      point.rolling ??= then?.rolling_sentiment ?? null;
      point.risk ??= then?.risk_score ?? null;
    }
    this.draw();
  }

  /**
   * False when it is there already.
   * @param {Line} line
   */
  add(line) {
    if (!this.transcript.add(line)) return false;
    const { key, start, compound, rolling = null, risk = null } = line;
    this.points.push({ key, at: start, compound, rolling, risk });
    return true;
  }

  /** @param {Risk | null} risk */
  explain(risk) {
    const parts = partsOf(risk);
    this.parts.hidden = parts.length === 0;
    this.partList.replaceChildren(...parts);
  }

  draw() {
    const points = [...this.points].sort((a, b) => a.at - b.at);
    const values = (/** @type {'compound' | 'rolling' | 'risk'} */ name) => points.map(point => point[name]);
    this.chart?.set([points.map(point => point.at), values('compound'), values('rolling'), values('risk')]);
  }

  /**
   * A message of the feed.
   * @param {CallEvent} event
   */
  event(event) {
    const id = this.id;
    if (id === null || event.call_id !== id) return;
    if (event.type === 'sentiment') {
      if (this.add(ofEvent(event))) this.draw();
    } else if (event.type === 'partial') {
      this.transcript.unsure(event.leg, event);
    } else if (event.type === 'alert') {
      this.history = [...this.history, event];
      const at = event.end_time ?? event.start_time;
      if (at !== null) this.points.push({ at, compound: null, rolling: null, risk: event.risk_score });
      this.draw();
      // What the risk is made of now.
      api(pathOf(id))
        .then(call => {
          if (call.call_id === this.id) this.explain(call.risk);
        })
        .catch(() => {});
    }
  }

  /** Writes what the board knows. */
  show() {
    if (this.id === null) return;
    const call = this.board.calls.get(this.id);
    if (call) this.showCall(call);
    else {
      setText(this.title, this.id);
      setText(this.about, 'this call is over');
    }
    const alerts = this.history.map(alert => this.board.alerts.get(alert.id) ?? alert);
    const shown = alerts.map(alert => `${alert.id}${alert.acknowledged}`).join();
    if (shown === this.alertsShown) return;
    this.alertsShown = shown;
    const actions = { open: null, done: this.actions.done };
    this.alerts.replaceChildren(...alerts.toReversed().map(alert => alertLine(alert, actions)));
    const open = alerts.filter(alert => !alert.acknowledged);
    const prompts = [...new Set(open.flatMap(alert => alert.prompts ?? []))];
    this.prompts.replaceChildren(...prompts.map(text => el('li', {}, el('b', { text: 'Tell the agent: ' }), text)));
    this.prompts.hidden = prompts.length === 0;
  }

  /** @param {BoardCall} call */
  showCall(call) {
    setText(this.title, call.agent ?? call.id);
    const state = call.over !== null ? 'ended' : call.status === 'active' ? 'on the line' : 'hung up';
    const time = clock(((call.over ?? this.board.now()) - call.started) / 1000);
    const behind = call.behind ? `text ${call.behind} s behind` : null;
    setText(this.about, [call.phone, call.campaign, call.id, state, time, behind].filter(Boolean).join(' · '));
    setText(this.risk, call.risk === null ? '' : `Risk ${percent(call.risk)}`);
  }

  close() {
    this.id = null;
    this.history = [];
    this.element.hidden = true;
    this.element.replaceChildren();
  }
}

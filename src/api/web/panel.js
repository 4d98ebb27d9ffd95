// @ts-check
// One call beside the list: what is said as it is said, sentiment and risk over time, alerts, what to tell the agent.
import { api, clock, el, messageOf, pathOf, percent, setText, signed, urlOf } from './base.js';
import { acknowledgeAll, acknowledging, alertLine, partsOf } from './alert.js';
import { nameOf } from './card.js';
import { history } from './feed.js';
import { Transcript, ofEvent, ofSegment } from './text.js';

/**
 * @import { Board } from './board.js'
 * @import { Ear } from './listen.js'
 * @import { Alert, AlertTaken, BoardCall, CallCoaching, CallEvent, Line, Risk, Sentiment } from './types.d.ts'
 */

/**
 * What the chart draws; `key` is the line's.
 * @typedef {{ at: number, compound: number | null, rolling: number | null, risk: number | null, key?: string }} Point
 */

const CHART = 'Sentiment and risk over the call; the same figures are next to the words';

/** Between two looks at what to say, at least. */
const COACHING_MS = 3000;

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
  /**
   * What to tell the agent, and when it was asked for.
   * @type {CallCoaching['coaching']}
   */
  coaching = [];
  coached = 0;
  /** @type {import('./chart.js').Chart | null} */
  chart = null;
  transcript = new Transcript();
  title = el('h2', { tabindex: -1 });
  about = el('p', { class: 'note' });
  alerts = el('ul', { class: 'alerts', 'aria-label': 'Alerts of this call' });
  prompts = el('ul', { class: 'prompts', 'aria-label': 'Coaching prompts' });
  risk = el('p', { class: 'riskline' });
  listen = el('button', { type: 'button', text: 'Listen in' });
  volume = el('input', { type: 'range', min: 0, max: 1, step: 0.05, 'aria-label': 'Volume' });
  heard = el('span', { class: 'note', role: 'status' });
  sound = el('div', { class: 'row live' }, this.listen, this.volume, this.heard);
  all = el('div', { class: 'row' });
  /**
   * Who talks to whom, as far as it is known: it stays when the call has left the board.
   * @type {{ agent: string | null, phone: string | null, id: string }}
   */
  names = { agent: null, phone: null, id: '' };
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
   * @param {{ close: () => void, done: (taken: AlertTaken[]) => void, ear: Ear }} actions
   */
  constructor(element, board, actions) {
    this.element = element;
    this.board = board;
    this.actions = actions;
    const { ear } = actions;
    this.listen.addEventListener('click', () => this.id !== null && ear.toggle(this.id));
    this.volume.value = String(ear.volume);
    this.volume.addEventListener('input', () => (ear.volume = Number(this.volume.value)));
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
    this.coaching = [];
    this.coached = 0;
    this.names = { agent: null, phone: null, id };
    this.chart = null;
    this.explain(null);
    const box = el('div', { class: 'chart', role: 'img', 'aria-label': CHART });
    const page = el('a', { class: 'button', href: urlOf(`/calls/${encodeURIComponent(id)}`), text: 'Call page' });
    const close = el('button', { type: 'button', text: 'Close', on: { click: () => this.actions.close() } });
    // On a narrow screen the panel stands alone: its title is the page's.
    this.title.setAttribute('aria-level', matchMedia('(max-width: 60rem)').matches ? '1' : '2');
    const heading = el('div', { class: 'row' }, this.title, page, close);
    const top = [heading, this.about, this.sound, this.alerts, this.all, this.prompts, this.risk, this.parts];
    this.element.replaceChildren(...top, box, this.transcript.element);
    this.element.hidden = false;
    this.show();
    this.draws(id, box);
    await this.load();
  }

  /**
   * Makes the chart. What draws it comes when the first call is opened: the cards do not wait for it.
   * @param {string} id
   * @param {HTMLElement} box
   */
  async draws(id, box) {
    const { Chart } = await import('./chart.js');
    if (this.id !== id) return;
    this.chart = new Chart(box, {
      label: 'At',
      values: signed,
      series: [
        { label: 'Sentiment', colour: '--accent', points: true },
        { label: 'Rolling', colour: '--good', dash: [6, 4] },
        { label: 'Risk', colour: '--bad', dash: [2, 3], steps: true },
      ],
    });
    this.draw();
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
    this.names = { agent: call.agent, phone: call.phone, id };
    for (const segment of call.transcript_segments) this.add(ofSegment(segment));
    const partials = this.board.calls.get(id)?.partial ?? {};
    for (const [leg, words] of Object.entries(partials)) this.transcript.unsure(leg, words);
    this.history = call.alerts ?? [];
    this.alertsShown = null;
    this.explain(call.risk);
    this.draw();
    this.transcript.toEnd();
    this.show();
    this.coach();
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
      this.coach();
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

  /** Asks what to tell the agent of a call that runs: soon after each line, and not for each of them. */
  coach() {
    const id = this.id;
    if (id === null || this.coached > Date.now()) return;
    this.coached = Date.now() + COACHING_MS;
    setTimeout(async () => {
      if (this.id !== id || this.board.calls.get(id)?.status !== 'active') return;
      try {
        const { coaching } = await api(`${pathOf(id)}/coaching`);
        if (this.id !== id) return;
        this.coaching = coaching;
        this.showPrompts();
      } catch {
        // The next line asks again.
      }
    }, COACHING_MS);
  }

  /** What to tell the agent: answers to the caller, the prompts of open alerts, what is still to be disclosed. */
  showPrompts() {
    const open = this.history.map(alert => this.board.alerts.get(alert.id) ?? alert).filter(one => !one.acknowledged);
    const alerts = [...new Set(open.flatMap(alert => alert.prompts ?? []))];
    const of = (/** @type {string} */ kind) => this.coaching.filter(one => one.kind === kind).map(one => one.text);
    const running = this.id !== null && this.board.calls.get(this.id)?.status === 'active';
    const lines = [
      ...(running ? of('objection') : []).map(text => ['The caller objects: ', text]),
      ...alerts.map(text => ['Tell the agent: ', text]),
      ...(running ? of('disclosure') : []).map(text => ['Not said yet: ', text]),
    ];
    this.prompts.replaceChildren(...lines.map(([head, text]) => el('li', {}, el('b', { text: head }), text)));
    this.prompts.hidden = lines.length === 0;
  }

  /** Writes what the board knows. */
  show() {
    if (this.id === null) return;
    const call = this.board.calls.get(this.id);
    if (call) this.showCall(call);
    else setText(this.about, `${this.id} · this call is over`);
    setText(this.title, nameOf(this.names));
    this.showSound(call);
    const alerts = this.history.map(alert => this.board.alerts.get(alert.id) ?? alert);
    const shown = alerts.map(alert => `${alert.id}${alert.acknowledged}`).join();
    if (shown === this.alertsShown) return;
    this.alertsShown = shown;
    const actions = { open: null, done: this.actions.done };
    this.alerts.replaceChildren(...alerts.toReversed().map(alert => alertLine(alert, actions)));
    const open = alerts.filter(alert => !alert.acknowledged);
    this.all.replaceChildren(...(open.length > 1 ? [this.takeAll(open.length)] : []));
    this.showPrompts();
  }

  /** @param {number} count */
  takeAll(count) {
    const id = this.id ?? '';
    const text = `Acknowledge all ${count} of this call`;
    const done = (/** @type {AlertTaken[]} */ taken) => this.actions.done(taken);
    return acknowledging(text, text, () => acknowledgeAll(id), done);
  }

  /**
   * Listening in, while there is something to listen to.
   * @param {BoardCall | undefined} call
   */
  showSound(call) {
    const { ear } = this.actions;
    const listening = ear.call === this.id;
    this.sound.hidden = !listening && call?.status !== 'active';
    setText(this.listen, listening ? 'Stop listening' : 'Listen in');
    setText(this.heard, listening ? ear.says : '');
    this.volume.hidden = !listening;
  }

  /** @param {BoardCall} call */
  showCall(call) {
    const { agent, phone } = this.names;
    this.names = { agent: call.agent ?? agent, phone: call.phone ?? phone, id: call.id };
    const state = call.over !== null ? 'ended' : call.status === 'active' ? 'on the line' : 'hung up';
    const time = clock(((call.over ?? this.board.now()) - call.started) / 1000);
    const behind = call.behind ? `text ${call.behind} s behind` : null;
    setText(this.about, [call.campaign, call.id, state, time, behind].filter(Boolean).join(' · '));
    setText(this.risk, call.risk === null ? '' : `Risk ${percent(call.risk)}`);
  }

  close() {
    this.id = null;
    this.history = [];
    this.element.hidden = true;
    this.element.replaceChildren();
  }
}

// @ts-check
// What is known of the running calls: made from the board, kept by events. No element is touched here.

/**
 * @import { Alert, BoardAnswer, BoardCall, Box, CallEvent } from './types.d.ts'
 * @import { CallNamed, CallStart, DialerAgent, Level, Sentiment } from './types.d.ts'
 */

/** Sentiments kept per call for its small chart. */
const COURSE = 40;
/** A call that is over stays in sight for so long. */
const LINGER_MS = 20_000;
/** Who hung up so long ago does not wrap the call up any more, as far as we know. */
const WRAP_MS = 5 * 60_000;
/** @type {Level[]} */
export const LEVELS = ['warning', 'urgent', 'critical'];
/**
 * 0 for none, 3 for critical.
 * @param {Level | undefined} level
 */
export const rank = level => (level ? LEVELS.indexOf(level) + 1 : 0);

/** @typedef {{ agent: string, campaign: string, level: number }} Filter texts are empty, and the level 0, for all */
/** @typedef {{ call: BoardCall, worst: Alert, count: number }} Attention a running call with alerts that are open */

export class Board {
  /** @type {Map<string, BoardCall>} */
  calls = new Map();
  /** @type {Map<number, Alert>} */
  alerts = new Map();
  /**
   * Calls that look different since it was last emptied.
   * @type {Set<string>}
   */
  changed = new Set();
  /** The daemon's clock minus ours, milliseconds. */
  skew = 0;
  /**
   * When an agent's last line was closed.
   * @type {Map<string, number>}
   */
  hungUp = new Map();
  /**
   * Who is logged in to the dialer, where its database is read.
   * @type {Map<string, DialerAgent>}
   */
  dialerAgents = new Map();

  now() {
    return Date.now() + this.skew;
  }

  /** @param {BoardAnswer} answer */
  load({ calls, now, hung_up, dialer_agents }) {
    this.skew = Date.parse(now) - Date.now();
    this.hungUp = new Map(hung_up.map(({ agent, at }) => [agent, Date.parse(at)]));
    this.dialerAgents = new Map(dialer_agents.map(one => [one.agent, one]));
    const before = this.calls;
    this.calls = new Map();
    for (const row of calls) {
      Object.assign(this.call(row.call_id), {
        agent: row.agent,
        campaign: row.campaign,
        phone: row.phone,
        started: Date.parse(row.start_time),
        status: row.status,
        course: row.course ?? [],
        last: row.last_words,
        spoken: row.last_words ? Date.parse(row.start_time) + row.last_words.start_time * 1000 : null,
        rolling: row.rolling_sentiment,
        risk: row.risk_score,
        breached: row.sla_breached,
        behind: null,
      });
    }
    for (const id of before.keys()) this.changed.add(id);
  }

  /** @param {Alert[]} alerts */
  loadAlerts(alerts) {
    this.alerts = new Map(alerts.map(alert => [alert.id, alert]));
    for (const id of this.calls.keys()) this.changed.add(id);
  }

  /**
   * The call, made where there is none, and counted as changed.
   * @param {string} id
   */
  call(id) {
    this.changed.add(id);
    let call = this.calls.get(id);
    if (!call) {
      call = {
        id,
        agent: null,
        campaign: null,
        phone: null,
        started: this.now(),
        status: 'active',
        course: [],
        last: null,
        spoken: null,
        partial: {},
        rolling: null,
        risk: null,
        breached: false,
        behind: null,
        over: null,
      };
      this.calls.set(id, call);
    }
    return call;
  }

  /**
   * Takes a message of the feed.
   * @param {CallEvent} event
   */
  apply(event) {
    const id = event.call_id;
    switch (event.type) {
      case 'call_start': {
        const call = this.named(event);
        const started = Date.parse(event.timestamp) || call.started;
        Object.assign(call, { started, status: 'active', over: null });
        break;
      }
      case 'call_named':
        this.named(event);
        break;
      case 'partial': {
        const { speaker, text, start_time } = event;
        const call = this.call(id);
        call.partial[event.leg ?? speaker] = { speaker, text, start_time };
        call.spoken = this.now();
        break;
      }
      case 'sentiment':
        this.said(event);
        break;
      case 'hangup': {
        const call = this.call(id);
        call.status = 'connection_closed';
        if (call.agent) this.hungUp.set(call.agent, Date.parse(event.timestamp) || this.now());
        break;
      }
      case 'call_end':
        if (!this.calls.has(id)) break;
        Object.assign(this.call(id), { status: 'completed', over: this.now(), partial: {}, behind: null });
        break;
      case 'alert':
        if (!this.alerts.has(event.id)) this.alerts.set(event.id, event);
        if (this.calls.has(id)) this.call(id).risk = event.risk_score ?? this.call(id).risk;
        break;
      case 'alert_acknowledged':
        this.acknowledged(event);
        break;
    }
  }

  /** @param {CallStart | CallNamed} event */
  named(event) {
    const call = this.call(event.call_id);
    return Object.assign(call, { agent: event.agent ?? call.agent, campaign: event.campaign ?? call.campaign });
  }

  /** @param {Sentiment} event */
  said({ call_id, speaker, text, start_time, leg, timestamp, sentiment_score, rolling_sentiment, risk_score }) {
    const call = this.call(call_id);
    // The board may have had it already.
    if (call.last && call.last.start_time === start_time && call.last.text === text) return;
    if (sentiment_score !== null) call.course = [...call.course, sentiment_score].slice(-COURSE);
    call.last = { speaker, text, start_time };
    call.rolling = rolling_sentiment ?? call.rolling;
    call.risk = risk_score ?? call.risk;
    call.at = timestamp;
    call.spoken = Math.max(call.spoken ?? 0, Date.parse(timestamp) || 0);
    delete call.partial[leg];
  }

  /**
   * Somebody has seen an alert.
   * @param {Pick<Alert, 'id' | 'acknowledged_at' | 'acknowledged_by'>} what
   */
  acknowledged({ id, acknowledged_at, acknowledged_by }) {
    const alert = this.alerts.get(id);
    if (!alert) return;
    Object.assign(alert, { acknowledged: true, acknowledged_at, acknowledged_by });
    this.changed.add(alert.call_id);
  }

  /**
   * Takes the line about the box: names that came late, and who is behind. A call that the box no longer runs is over.
   * @param {Box} box
   */
  look(box) {
    this.skew = Date.parse(box.now) - Date.now();
    for (const [id, { phone, agent, campaign, behind_s, sla_breached: breached }] of Object.entries(box.calls)) {
      const call = this.calls.get(id);
      if (!call) continue;
      const behind = behind_s !== null && behind_s > 3 ? Math.round(behind_s) : null;
      const named = phone === call.phone && agent === call.agent && campaign === call.campaign;
      const same = named && behind === call.behind && breached === call.breached;
      if (!same) Object.assign(this.call(id), { behind, phone, agent, campaign, breached });
    }
    for (const [id, call] of this.calls) {
      if (call.over === null && !(id in box.calls) && this.now() - call.started > 10_000) {
        Object.assign(this.call(id), { status: 'completed', over: this.now() });
      }
      if (call.over !== null && this.now() - call.over > LINGER_MS) {
        this.calls.delete(id);
        this.changed.add(id);
      }
    }
    // The page is open all day: what calls that are gone have raised is on the page of alerts.
    for (const [id, alert] of this.alerts) if (!this.calls.has(alert.call_id)) this.alerts.delete(id);
    this.dialerAgents = new Map(box.dialer_agents.map(one => [one.agent, one]));
    for (const [agent, at] of this.hungUp) if (this.now() - at > WRAP_MS) this.hungUp.delete(agent);
  }

  /**
   * Alerts of running calls that nobody has acknowledged, the worst and newest first.
   * @param {string} [callId] of this call only, also when it is over
   */
  open(callId) {
    const counts = (/** @type {Alert} */ { call_id }) =>
      callId ? call_id === callId : this.calls.get(call_id)?.over === null;
    return [...this.alerts.values()]
      .filter(alert => !alert.acknowledged && counts(alert))
      .sort((a, b) => rank(b.level) - rank(a.level) || b.id - a.id);
  }

  /**
   * The running calls with open alerts, each with its worst: the worst first, then the most at risk.
   * @returns {Attention[]}
   */
  attention() {
    /** @type {Map<string, Attention>} */
    const by = new Map();
    for (const alert of this.open()) {
      const call = this.calls.get(alert.call_id);
      const known = by.get(alert.call_id);
      if (known) known.count += 1;
      else if (call) by.set(call.id, { call, worst: alert, count: 1 });
    }
    const risk = (/** @type {Attention} */ { call }) => Math.floor((call.risk ?? 0) * 5);
    return [...by.values()].sort(
      (a, b) => rank(b.worst.level) - rank(a.worst.level) || risk(b) - risk(a) || a.call.started - b.call.started,
    );
  }

  /** The highest open level of each call. */
  levels() {
    /** @type {Map<string, Level>} */
    const levels = new Map();
    for (const alert of this.alerts.values()) {
      if (alert.acknowledged || rank(alert.level) <= rank(levels.get(alert.call_id))) continue;
      levels.set(alert.call_id, alert.level);
    }
    return levels;
  }

  /**
   * Calls that fit, in order of need: those that run first; risk in steps of a fifth, so that small changes move
   * nothing; then level; then who is longest on the line.
   * @param {Filter} filter
   * @param {Map<string, Level>} levels
   */
  ordered(filter, levels) {
    const level = (/** @type {BoardCall} */ call) => rank(levels.get(call.id));
    const over = (/** @type {BoardCall} */ call) => (call.over === null ? 0 : 1);
    const step = (/** @type {BoardCall} */ call) => Math.floor((call.risk ?? 0) * 5);
    const fits = (/** @type {BoardCall} */ call) =>
      (!filter.agent || call.agent === filter.agent) &&
      (!filter.campaign || call.campaign === filter.campaign) &&
      level(call) >= filter.level;
    const calls = [...this.calls.values()].filter(fits);
    const need = (/** @type {BoardCall} */ a, /** @type {BoardCall} */ b) =>
      over(a) - over(b) || step(b) - step(a) || level(b) - level(a) || a.started - b.started || (a.id < b.id ? -1 : 1);
    return calls.sort(need);
  }
}

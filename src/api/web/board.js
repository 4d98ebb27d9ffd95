// What is known of the running calls: made from the board, kept by events. No element is touched here.

/** Sentiments kept per call for its small chart. */
const COURSE = 40;
/** A call that is over stays in sight for so long. */
const LINGER_MS = 20_000;
export const LEVELS = ['warning', 'urgent', 'critical'];
/** 0 for none, 3 for critical. */
export const rank = level => LEVELS.indexOf(level) + 1;

export class Board {
  constructor() {
    this.calls = new Map();
    this.alerts = new Map();
    this.changed = new Set();
    /** The daemon's clock minus ours. */
    this.skew = 0;
  }

  now() {
    return Date.now() + this.skew;
  }

  load({ calls, now }) {
    this.skew = Date.parse(now) - Date.now();
    const before = this.calls;
    this.calls = new Map();
    for (const row of calls) {
      const call = this.call(row.call_id);
      Object.assign(call, {
        agent: row.agent, campaign: row.campaign, phone: row.phone, started: Date.parse(row.start_time), status: row.status, course: row.course ?? [],
        last: row.last_words, rolling: row.rolling_sentiment, risk: row.risk_score ?? null, behind: null,
      });
    }
    for (const id of before.keys()) this.changed.add(id);
  }

  loadAlerts(alerts) {
    this.alerts = new Map(alerts.map(alert => [alert.id, alert]));
    for (const id of this.calls.keys()) this.changed.add(id);
  }

  call(id) {
    this.changed.add(id);
    let call = this.calls.get(id);
    if (!call) {
      call = { id, agent: null, campaign: null, phone: null, started: this.now(), status: 'active', course: [], last: null, partial: {}, rolling: null, risk: null, behind: null, over: null };
      this.calls.set(id, call);
    }
    return call;
  }

  /** Takes a message of the feed. */
  apply(event) {
    const id = event.call_id;
    switch (event.type) {
      case 'call_start': {
        const call = this.call(id);
        Object.assign(call, { agent: event.agent ?? call.agent, campaign: event.campaign ?? call.campaign, started: Date.parse(event.timestamp) || call.started, status: 'active', over: null });
        break;
      }
      case 'call_named': {
        const call = this.call(id);
        Object.assign(call, { agent: event.agent ?? call.agent, campaign: event.campaign ?? call.campaign });
        break;
      }
      case 'partial':
        this.call(id).partial[event.leg ?? event.speaker] = { speaker: event.speaker, text: event.text, start_time: event.start_time };
        break;
      case 'sentiment': {
        const call = this.call(id);
        const same = call.last && call.last.start_time === event.start_time && call.last.text === event.text;
        if (same) break; // the board had it already
        call.course = [...call.course, event.sentiment_score].slice(-COURSE);
        call.last = { speaker: event.speaker, text: event.text, start_time: event.start_time };
        call.rolling = event.rolling_sentiment ?? call.rolling;
        call.risk = event.risk_score ?? call.risk;
        call.at = event.timestamp;
        delete call.partial[event.leg];
        break;
      }
      case 'hangup':
        this.call(id).status = 'connection_closed';
        break;
      case 'call_end':
        if (this.calls.has(id)) Object.assign(this.call(id), { status: 'completed', over: this.now(), partial: {}, behind: null });
        break;
      case 'alert':
        if (!this.alerts.has(event.id)) this.alerts.set(event.id, event);
        if (this.calls.has(id)) this.call(id).risk = event.risk_score ?? this.calls.get(id).risk;
        break;
      case 'alert_acknowledged': {
        const alert = this.alerts.get(event.id);
        if (alert) Object.assign(alert, { acknowledged: true, acknowledged_at: event.acknowledged_at, acknowledged_by: event.acknowledged_by });
        this.changed.add(id);
        break;
      }
    }
  }

  /** Takes the line about the box: names that came late, and who is behind. A call that the box no longer runs is over. */
  look(box) {
    this.skew = Date.parse(box.now) - Date.now();
    for (const [id, about] of Object.entries(box.calls)) {
      const call = this.calls.get(id);
      if (!call) continue;
      const late = about.behind_s > 3 ? Math.round(about.behind_s) : null;
      if (late !== call.behind || about.phone !== call.phone || about.agent !== call.agent || about.campaign !== call.campaign) {
        Object.assign(this.call(id), { behind: late, phone: about.phone, agent: about.agent, campaign: about.campaign });
      }
    }
    for (const [id, call] of this.calls) {
      if (call.over === null && !(id in box.calls) && this.now() - call.started > 10_000) Object.assign(this.call(id), { status: 'completed', over: this.now() });
      if (call.over !== null && this.now() - call.over > LINGER_MS) {
        this.calls.delete(id);
        this.changed.add(id);
      }
    }
    // The page is open all day: what was seen, of calls that are gone, is not kept.
    for (const [id, alert] of this.alerts) if (alert.acknowledged && !this.calls.has(alert.call_id)) this.alerts.delete(id);
  }

  /** Alerts that nobody has acknowledged, the worst and newest first. */
  open(callId) {
    return [...this.alerts.values()].filter(alert => !alert.acknowledged && (!callId || alert.call_id === callId))
      .sort((a, b) => rank(b.level) - rank(a.level) || b.id - a.id);
  }

  /** The highest open level of each call. */
  levels() {
    const levels = new Map();
    for (const alert of this.alerts.values()) {
      if (!alert.acknowledged && rank(alert.level) > rank(levels.get(alert.call_id))) levels.set(alert.call_id, alert.level);
    }
    return levels;
  }

  /** Calls that fit, in order of need: risk in steps of a fifth, so that small changes move nothing; then level; then who is longest on the line. */
  ordered(filter, levels) {
    const step = call => Math.floor((call.risk ?? 0) * 5);
    const fits = call => (!filter.agent || call.agent === filter.agent) && (!filter.campaign || call.campaign === filter.campaign) && rank(levels.get(call.id)) >= filter.level;
    return [...this.calls.values()].filter(fits).sort((a, b) => (a.over === null ? 0 : 1) - (b.over === null ? 0 : 1)
      || step(b) - step(a) || rank(levels.get(b.id)) - rank(levels.get(a.id)) || a.started - b.started || (a.id < b.id ? -1 : 1));
  }
}

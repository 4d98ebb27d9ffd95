// @ts-check
// Who is on a call, silent there, or wrapping one up: by what the board knows of the calls. Who is ready or paused the
// dialer knows.
import { clock, el, mood, setText, signed } from './base.js';

/**
 * @import { Board } from './board.js'
 * @import { BoardCall, DialerAgent } from './types.d.ts'
 */

/** Nobody has said anything for so long, milliseconds. */
const SILENT_MS = 20_000;

/**
 * @typedef {'silent' | 'on a call' | 'in wrap' | 'paused' | 'ready'} PresenceState
 * @typedef {{ name: string | null, state: PresenceState, code?: string, since: number, calls: BoardCall[] }} Presence
 *   `since`: of the state, milliseconds; `code`: why somebody is paused
 */

/** @type {Record<PresenceState, string>} */
const SIGNS = { silent: '◌', 'on a call': '●', 'in wrap': '◑', paused: '‖', ready: '○' };
/** @type {PresenceState[]} */
const STATES = ['silent', 'on a call', 'in wrap', 'paused', 'ready'];
/** @type {Record<DialerAgent['state'], PresenceState>} */
const OF_DIALER = { ready: 'ready', in_call: 'on a call', paused: 'paused' };

/**
 * Since when nobody has spoken in a call; null where somebody does, or where the text is behind and nobody can tell.
 * @param {BoardCall} call
 * @param {number} now
 */
function silentSince({ spoken, started, behind }, now) {
  const since = Math.max(spoken ?? 0, started);
  return behind === null && now - since > SILENT_MS ? since : null;
}

/**
 * Every agent that is known of, those who may need somebody first.
 * @param {Board} board
 * @returns {Presence[]}
 */
export function presence(board) {
  const now = board.now();
  const running = [...board.calls.values()].filter(call => call.over === null && call.status === 'active');
  const all = [...Map.groupBy(running, call => call.agent)].map(([name, calls]) => {
    const silences = calls.map(call => silentSince(call, now));
    const silent = silences.every(since => since !== null);
    const begins = calls.map(call => call.started);
    const since = silent ? Math.max(...silences.map(since => since ?? 0)) : Math.min(...begins);
    /** @type {Presence} */
    const one = { name, state: silent ? 'silent' : 'on a call', since, calls };
    return one;
  });
  const busy = new Set(all.map(one => one.name));
  for (const [name, since] of board.hungUp) {
    const dialer = board.dialerAgents.get(name);
    // Who wraps a call up is paused without a code.
    const wraps = !dialer || (dialer.state === 'paused' && !dialer.pause_code);
    if (wraps && !busy.has(name)) {
      all.push({ name, state: 'in wrap', since, calls: [] });
      busy.add(name);
    }
  }
  for (const { agent, state, pause_code, since } of board.dialerAgents.values()) {
    if (busy.has(agent)) continue;
    const from = since === null ? now : Date.parse(since);
    all.push({ name: agent, state: OF_DIALER[state], code: pause_code ?? undefined, since: from, calls: [] });
  }
  return all.sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || a.since - b.since);
}

/** The agents beneath the cards; folded, the line says how many are in which state. */
export class PresencePanel {
  /**
   * @param {HTMLDetailsElement} element
   * @param {Board} board
   * @param {(agent: string) => void} only shows the calls of one agent alone
   */
  constructor(element, board, only) {
    this.element = element;
    this.board = board;
    this.only = only;
    this.line = element.querySelector('summary');
    this.rows = element.querySelector('tbody');
    element.addEventListener('toggle', () => this.draw());
  }

  draw() {
    const all = presence(this.board);
    const counts = STATES.map(state => [all.filter(one => one.state === state).length, state]);
    const says = counts.filter(([count]) => count).map(([count, state]) => `${count} ${state}`);
    if (this.line) setText(this.line, says.length ? `Agents: ${says.join(', ')}` : 'Agents');
    if (!this.element.open || !this.rows) return;
    const focused = this.rows.contains(document.activeElement) ? document.activeElement?.textContent : null;
    this.rows.replaceChildren(...all.map(one => this.row(one)));
    // A row that is made anew loses the focus.
    if (focused) [...this.rows.querySelectorAll('button')].find(one => one.textContent === focused)?.focus();
  }

  /** @param {Presence} one */
  row({ name, state, code, since, calls }) {
    const heard = calls.flatMap(call => (call.rolling === null ? [] : [call.rolling]));
    const mean = heard.length ? heard.reduce((sum, one) => sum + one, 0) / heard.length : null;
    const alerts = calls.reduce((sum, call) => sum + this.board.open(call.id).length, 0);
    const only = el('button', { type: 'button', class: 'plain', text: name ?? 'unknown' });
    only.addEventListener('click', () => this.only(name ?? ''));
    return el(
      'tr',
      { class: state.replaceAll(' ', '-') },
      el('th', { scope: 'row' }, only),
      el('td', {
        text: [SIGNS[state], state, code, clock((this.board.now() - since) / 1000)].filter(Boolean).join(' '),
      }),
      el('td', { text: calls.length }),
      el('td', { text: mean === null ? signed(mean) : `${signed(mean)} ${mood(mean)}` }),
      el('td', { text: signed(heard.length ? Math.min(...heard) : null) }),
      el('td', { text: alerts }),
    );
  }
}

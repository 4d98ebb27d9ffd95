// @ts-check
// The live feed: one WebSocket that goes on after the last event it had. Nothing is lost while the daemon keeps its
// events.
import { urlOf } from './base.js';

/** @import { CallEvent, FeedMessage, Governor } from './types.d.ts' */

/** The daemon says something every 10 s; after this long it is not there. */
const SILENCE_MS = 25_000;

/** @typedef {'live' | 'catching up' | 'connection lost, reconnecting'} Connection */

/**
 * What a feed tells. The number of an event is 0 where it is not kept; after `reset` the numbers are of another
 * database, and everything must be asked for again.
 * @typedef {object} Listeners
 * @property {(event: CallEvent | Governor, number: number) => void} event
 * @property {(state: Connection) => void} state
 * @property {() => void} reset
 */

/**
 * Everything that the feed has told of a call so far.
 * @param {string} call
 * @returns {Promise<CallEvent[]>}
 */
export function history(call) {
  return new Promise(resolve => {
    /** @type {CallEvent[]} */
    const events = [];
    const feed = new Feed({
      after: 0,
      only: call,
      on: {
        event: event => {
          if (event.type !== 'governor') events.push(event);
        },
        state: state => {
          if (state === 'catching up') return;
          feed.close();
          resolve(events);
        },
        reset: () => {},
      },
    });
  });
}

export class Feed {
  /** @type {WebSocket | null} */
  socket = null;
  closed = false;
  /** How long the next attempt waits. */
  wait = 250;
  /** Up to this event it catches up. */
  goal = 0;
  /** @type {number | undefined} */
  timer;
  /** @type {number | undefined} */
  silence;

  /**
   * @param {{ after: number, only?: string, on: Listeners }} what `after`: number of the last event that the page has;
   *   `only`: a call's id
   */
  constructor({ after, only, on }) {
    this.after = after;
    this.only = only;
    this.on = on;
    this.connect();
    // A laptop that wakes up does not wait for its time-outs.
    addEventListener('online', () => this.again(0));
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.socket?.readyState !== WebSocket.OPEN) this.again(0);
    });
  }

  connect() {
    clearTimeout(this.timer);
    const query = new URLSearchParams({ last_event_id: String(this.after) });
    if (this.only) query.set('call_id', this.only);
    const address = new URL(urlOf(`/ws/events?${query}`));
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = (this.socket = new WebSocket(address));
    this.heard();
    socket.onmessage = ({ data }) => {
      if (socket === this.socket) this.message(JSON.parse(data));
    };
    socket.onclose = () => {
      if (socket === this.socket) this.again(this.wait);
    };
  }

  /** @param {FeedMessage} message */
  message({ hello, event, id = 0 }) {
    this.heard();
    if (hello) {
      this.wait = 250;
      this.goal = hello.last;
      if (hello.reset) {
        this.after = hello.last;
        this.on.reset();
      }
    } else if (event) {
      if (id > 0) this.after = id;
      this.on.event(event, id);
    } else {
      this.goal = 0; // the first beat comes after the past
    }
    this.on.state(this.after >= this.goal ? 'live' : 'catching up');
  }

  heard() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.again(0), SILENCE_MS);
  }

  close() {
    this.closed = true;
    clearTimeout(this.silence);
    clearTimeout(this.timer);
    this.socket?.close();
  }

  /** @param {number} wait milliseconds */
  again(wait) {
    if (this.closed) return;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    clearTimeout(this.silence);
    clearTimeout(this.timer);
    this.on.state('connection lost, reconnecting');
    this.wait = Math.min(this.wait * 2, 4000);
    this.timer = setTimeout(() => this.connect(), wait * (0.75 + Math.random() / 2));
  }
}

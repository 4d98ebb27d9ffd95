// The live feed: one WebSocket that goes on after the last event it had. Nothing is lost while the daemon keeps its events.
import { urlOf } from './base.js';

/** The daemon says something every 10 s; after this long it is not there. */
const SILENCE_MS = 25_000;

/** Everything that the feed has told of a call so far. */
export function history(call) {
  return new Promise(resolve => {
    const events = [];
    const feed = new Feed({ after: 0, only: call, on: { event: event => events.push(event), state: state => { if (state !== 'catching up') { feed.close(); resolve(events); } }, reset: () => {} } });
  });
}

export class Feed {
  /**
   * `after`: number of the last event that the page has. `only`: a call's id. `on.event(message, id)`, `on.state('live' | 'catching up' |
   * 'connection lost, trying again')`, `on.reset()`: the numbers are of another database, everything must be asked for again.
   */
  constructor({ after, only, on }) {
    Object.assign(this, { after, only, on, wait: 250 });
    this.connect();
    // A laptop that wakes up does not wait for its time-outs.
    addEventListener('online', () => this.again(0));
    document.addEventListener('visibilitychange', () => { if (!document.hidden && this.socket?.readyState !== WebSocket.OPEN) this.again(0); });
  }

  connect() {
    clearTimeout(this.timer);
    const query = new URLSearchParams({ last_event_id: this.after });
    if (this.only) query.set('call_id', this.only);
    const address = new URL(urlOf(`/ws/events?${query}`));
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = this.socket = new WebSocket(address);
    this.heard();
    socket.onmessage = ({ data }) => { if (socket === this.socket) this.message(JSON.parse(data)); };
    socket.onclose = () => { if (socket === this.socket) this.again(this.wait); };
  }

  message(message) {
    this.heard();
    if (message.hello) {
      this.wait = 250;
      this.goal = message.hello.last;
      if (message.hello.reset) {
        this.after = message.hello.last;
        this.on.reset();
      }
    } else if (message.event) {
      if (message.id > 0) this.after = message.id;
      this.on.event(message.event, message.id);
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

  again(wait) {
    if (this.closed) return;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    clearTimeout(this.silence);
    clearTimeout(this.timer);
    this.on.state('connection lost, trying again');
    this.wait = Math.min(this.wait * 2, 4000);
    this.timer = setTimeout(() => this.connect(), wait * (0.75 + Math.random() / 2));
  }
}

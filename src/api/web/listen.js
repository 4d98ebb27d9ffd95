// Listens in to a call that is running: asks for what is new once a second and plays the pieces without a gap.
import { raw } from './base.js';

const EVERY_MS = 1000;
/** Sound kept ahead of the ear, seconds: covers a late answer. */
const AHEAD_S = 0.6;

export class Listener {
  /** `on.behind(seconds)` while it plays; `on.end(text)` when there is nothing more. */
  constructor(call, on) {
    Object.assign(this, { call, on, to: null, next: 0, quiet: 0 });
    this.context = new AudioContext();
    this.running = true;
    this.turn();
  }

  async turn() {
    try {
      const from = this.to === null ? 'seconds=2' : `from=${this.to}`;
      const response = await raw(`/api/v1/calls/${encodeURIComponent(this.call)}/live?${from}`);
      const told = name => Number(response.headers.get(`lineside-${name}`));
      const [begin, end] = [told('from'), told('to')];
      const bytes = await response.arrayBuffer();
      if (!this.running) return;
      if (end > begin) {
        const sound = await this.context.decodeAudioData(bytes);
        if (!this.running) return;
        const at = Math.max(this.next, this.context.currentTime + AHEAD_S);
        const source = this.context.createBufferSource();
        source.buffer = sound;
        source.connect(this.context.destination);
        source.start(at);
        this.next = at + sound.duration;
        this.quiet = 0;
      } else {
        this.quiet += EVERY_MS;
      }
      this.to = end;
      // What is heard now is so old: the age of the last sample, and what is still to be played before it.
      this.on.behind(told('behind') + Math.max(0, this.next - this.context.currentTime));
      if (response.headers.get('lineside-running') === 'false' && this.quiet >= 2 * EVERY_MS) return this.stop('the call is over');
    } catch (error) {
      return this.stop(error.message);
    }
    this.timer = setTimeout(() => this.turn(), EVERY_MS);
  }

  stop(why = '') {
    if (!this.running) return;
    this.running = false;
    clearTimeout(this.timer);
    this.context.close();
    this.on.end(why);
  }
}

// @ts-check
// Listens in to a call that is running: asks for what is new once a second and plays the pieces without a gap.
import { messageOf, pathOf, raw } from './base.js';

const EVERY_MS = 1000;
/** Sound kept ahead of the ear, seconds: covers a late answer. */
const AHEAD_S = 0.6;

export class Listener {
  context = new AudioContext();
  running = true;
  /**
   * How much of the call there is here, seconds; null before the first answer.
   * @type {number | null}
   */
  to = null;
  /** When the next piece is due, by the context's clock. */
  next = 0;
  /** For so long there was nothing new, milliseconds. */
  quiet = 0;
  /** @type {number | undefined} */
  timer;

  /**
   * @param {string} call
   * @param {{ behind: (seconds: number) => void, end: (why: string) => void }} on `behind` while it plays, `end` when
   *   there is nothing more
   */
  constructor(call, on) {
    this.call = call;
    this.on = on;
    this.turn();
  }

  async turn() {
    try {
      const from = this.to === null ? 'seconds=2' : `from=${this.to}`;
      const response = await raw(`${pathOf(this.call)}/live?${from}`);
      const told = (/** @type {string} */ name) => Number(response.headers.get(`lineside-${name}`));
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
      const over = response.headers.get('lineside-running') === 'false';
      if (over && this.quiet >= 2 * EVERY_MS) return this.stop('the call is over');
    } catch (error) {
      return this.stop(messageOf(error));
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

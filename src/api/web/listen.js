// @ts-check
// Listens in to a call that is running: asks for what is new once a second and plays the pieces without a gap. It
// begins at a whisper, so that nobody is startled, and comes up to the volume that was chosen.
import { kept, messageOf, pathOf, raw } from './base.js';

const EVERY_MS = 1000;
/** Sound kept ahead of the ear, seconds: covers a late answer. */
const AHEAD_S = 0.6;
/** Of full volume. */
const WHISPER = 0.05;
/** From the whisper to the volume that was chosen, seconds. */
const RISE_S = 4;

/** From 0 to 1. */
const chosenVolume = () => Math.min(Math.max(Number(kept.get('volume') ?? 0.6) || 0, 0), 1);

class Listener {
  context = new AudioContext();
  volume = this.context.createGain();
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
    const { gain } = this.volume;
    gain.setValueAtTime(Math.min(WHISPER, chosenVolume()), this.context.currentTime);
    this.volume.connect(this.context.destination);
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
        this.play(sound);
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

  /** @param {AudioBuffer} sound */
  play(sound) {
    const first = this.next === 0;
    const at = Math.max(this.next, this.context.currentTime + AHEAD_S);
    if (first) {
      this.volume.gain.setValueAtTime(this.volume.gain.value, at);
      this.volume.gain.linearRampToValueAtTime(chosenVolume(), at + RISE_S);
    }
    const source = this.context.createBufferSource();
    source.buffer = sound;
    source.connect(this.volume);
    source.start(at);
    this.next = at + sound.duration;
    this.quiet = 0;
  }

  /** @param {number} volume from 0 to 1, at once */
  setVolume(volume) {
    this.volume.gain.cancelScheduledValues(this.context.currentTime);
    this.volume.gain.setValueAtTime(volume, this.context.currentTime);
  }

  stop(why = '') {
    if (!this.running) return;
    this.running = false;
    clearTimeout(this.timer);
    this.context.close();
    this.on.end(why);
  }
}

/** The one ear of a page: whoever listens to a call leaves the one before. */
export class Ear {
  /** @type {Listener | null} */
  listener = null;
  /**
   * Which call it listens to.
   * @type {string | null}
   */
  call = null;
  /** How it goes, or why it ended. */
  says = '';

  /** @param {() => void} changed is called when any of it is another */
  constructor(changed) {
    this.changed = changed;
  }

  /**
   * Listens to a call, or to none where it is the one that is listened to.
   * @param {string} call
   */
  toggle(call) {
    const leaves = this.call === call;
    this.listener?.stop('stopped');
    if (leaves) return;
    this.call = call;
    this.says = 'connecting';
    this.listener = new Listener(call, {
      behind: seconds => this.tell(`listening, ${seconds.toFixed(1)} s behind`),
      end: why => {
        this.listener = this.call = null;
        this.tell(why);
      },
    });
    this.changed();
  }

  /** @param {string} says */
  tell(says) {
    this.says = says;
    this.changed();
  }

  get volume() {
    return chosenVolume();
  }

  /** @param {number} volume */
  set volume(volume) {
    kept.set('volume', String(volume));
    this.listener?.setVolume(volume);
  }
}

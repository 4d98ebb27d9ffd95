// @ts-check
// Plays the legs of a call together, and draws them: time is the call's time, whatever each leg's own begin is.
import { clock, el, pathOf, setText, urlOf } from './base.js';

/** @import { CallLeg, Peaks } from './types.d.ts' */

/** Legs that are further apart than this are set right while they play, seconds. */
const DRIFT_S = 0.08;
const BUCKETS = 1200;
const SPEEDS = [0.75, 1, 1.25, 1.5, 2];
/**
 * How far a key moves, seconds.
 * @type {Record<string, number>}
 */
const STEPS = { ArrowLeft: -5, ArrowRight: 5, PageDown: -30, PageUp: 30 };

/**
 * A leg with what plays and draws it; `length` in seconds.
 * @typedef {object} Track
 * @property {string} leg
 * @property {number} leg_id
 * @property {number} offset
 * @property {number} length
 * @property {HTMLAudioElement} audio
 * @property {HTMLCanvasElement} canvas
 * @property {number[]} peaks
 */

export class Player {
  at = 0;
  playing = false;
  rate = 1;
  /** When the call would have begun if it had been played from there on, by performance.now(). */
  began = 0;
  button = el('button', { type: 'button', text: 'Play', on: { click: () => this.toggle() } });
  clock = el('span', { class: 'clock' });
  note = el('span', { class: 'note' });

  /**
   * @param {{ legs: CallLeg[], length: number, time: (seconds: number, playing: boolean) => void }} what `time` is
   *   called as the sound goes on
   */
  constructor({ legs, length, time }) {
    this.length = Math.max(length, 0.1);
    this.time = time;
    this.tracks = legs.map(({ leg, leg_id, offset, duration, audio_url }) => {
      const audio = new Audio(urlOf(audio_url ?? ''));
      audio.preload = 'metadata';
      audio.addEventListener('error', () => setText(this.note, `the audio of the ${leg} leg cannot be loaded`));
      /** @type {Track} */
      const track = { leg, leg_id, offset, length: duration, audio, canvas: el('canvas'), peaks: [] };
      track.canvas.setAttribute('aria-hidden', 'true');
      return track;
    });
    this.slider = this.makeSlider();
    const hear = this.tracks.length > 1 ? this.tracks.map(track => this.switchOf(track)) : [];
    const controls = el(
      'div',
      { class: 'row controls' },
      this.button,
      this.clock,
      this.makeSpeed(),
      ...hear,
      this.note,
    );
    this.element = el('div', { class: 'player' }, this.slider, controls);
    new ResizeObserver(() => this.draw()).observe(this.slider);
    document.addEventListener('theme', () => this.draw());
    this.show();
  }

  makeSpeed() {
    const options = SPEEDS.map(value => el('option', { value, text: `${value} ×`, selected: value === 1 }));
    const speed = el('select', { 'aria-label': 'Speed' }, ...options);
    speed.addEventListener('change', () => this.speed(Number(speed.value)));
    return speed;
  }

  makeSlider() {
    const slider = el(
      'div',
      {
        class: 'waves',
        role: 'slider',
        tabindex: 0,
        'aria-label': 'Place in the call',
        'aria-valuemin': 0,
        'aria-valuemax': Math.ceil(this.length),
        'aria-valuenow': 0,
      },
      ...this.tracks.map(({ leg, canvas }) =>
        el('div', { class: 'wave' }, el('span', { class: 'legname', text: leg }), canvas),
      ),
    );
    slider.addEventListener('pointerdown', event => this.point(event));
    slider.addEventListener('pointermove', event => {
      if (event.buttons) this.point(event);
    });
    slider.addEventListener('keydown', event => {
      const step = STEPS[event.key];
      if (step) this.seek(this.at + step);
      else if (event.key === 'Home') this.seek(0);
      else if (event.key === 'End') this.seek(this.length);
      else if (event.key === ' ') this.toggle();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return slider;
  }

  /**
   * Lets somebody hear one leg alone.
   * @param {Track} track
   */
  switchOf(track) {
    const box = el('input', { type: 'checkbox', checked: true });
    box.addEventListener('change', () => {
      track.audio.muted = !box.checked;
      this.draw();
    });
    return el('label', {}, box, `Hear ${track.leg}`);
  }

  /**
   * A leg's peaks, as the API gives them.
   * @param {number} id
   * @param {Peaks} peaks
   */
  setPeaks(id, { peaks, duration }) {
    const track = this.tracks.find(one => one.leg_id === id);
    if (track) Object.assign(track, { peaks, length: duration });
    this.draw();
  }

  /**
   * @param {string} call
   * @param {CallLeg} leg
   * @returns {`/api/v1/calls/${string}/peaks?${string}`}
   */
  static peaksPath(call, leg) {
    return `${pathOf(call)}/peaks?leg=${leg.leg_id}&buckets=${BUCKETS}`;
  }

  /** @param {PointerEvent} event */
  point(event) {
    const box = this.slider.getBoundingClientRect();
    this.seek(((event.clientX - box.left) / box.width) * this.length);
  }

  /** @param {number} seconds */
  seek(seconds) {
    this.at = Math.min(Math.max(seconds, 0), this.length);
    this.began = performance.now() - (this.at * 1000) / this.rate;
    for (const track of this.tracks) this.align(track, 0);
    this.show();
  }

  /**
   * Puts a leg where the call is; silent outside of it.
   * @param {Track} track
   * @param {number} tolerance seconds
   */
  align({ audio, offset, length }, tolerance) {
    const inside = this.at - offset;
    const within = inside >= 0 && inside < length;
    if (within && Math.abs(audio.currentTime - inside) > tolerance) audio.currentTime = inside;
    if (this.playing && within && audio.paused) {
      audio.play().catch(error => {
        if (error.name !== 'AbortError') setText(this.note, `cannot be played: ${error.message}`);
      });
    }
    if ((!this.playing || !within) && !audio.paused) audio.pause();
  }

  toggle() {
    this.playing = !this.playing;
    setText(this.button, this.playing ? 'Pause' : 'Play');
    if (this.playing && this.at >= this.length - 0.05) this.at = 0;
    this.seek(this.at);
    if (this.playing) requestAnimationFrame(() => this.step());
  }

  /** Silences it for good: another player takes its place. */
  stop() {
    for (const { audio } of this.tracks) audio.pause();
  }

  /** @param {number} rate */
  speed(rate) {
    this.rate = rate;
    for (const { audio } of this.tracks) audio.playbackRate = rate;
    this.seek(this.at);
  }

  step() {
    if (!this.playing) return;
    // The sound is the clock where there is any; between legs time goes on by itself.
    const sounding = this.tracks.find(({ audio }) => !audio.paused && !audio.seeking && audio.readyState > 2);
    if (sounding) {
      this.at = sounding.offset + sounding.audio.currentTime;
      this.began = performance.now() - (this.at * 1000) / this.rate;
    } else {
      this.at = ((performance.now() - this.began) / 1000) * this.rate;
    }
    if (this.at >= this.length) {
      this.at = this.length;
      this.playing = false;
      setText(this.button, 'Play');
    }
    for (const track of this.tracks) if (track !== sounding) this.align(track, DRIFT_S);
    this.show();
    if (this.playing) requestAnimationFrame(() => this.step());
    else this.stop();
  }

  show() {
    setText(this.clock, `${clock(this.at)} / ${clock(this.length)}`);
    this.slider.setAttribute('aria-valuenow', this.at.toFixed(2));
    this.slider.setAttribute('aria-valuetext', clock(this.at));
    this.draw();
    this.time(this.at, this.playing);
  }

  draw() {
    const style = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name);
    const played = colour('--accent');
    const rest = colour('--quiet');
    const muted = colour('--line');
    for (const track of this.tracks) {
      const { canvas, audio } = track;
      const { clientWidth: width, clientHeight: height } = canvas;
      const pen = canvas.getContext('2d');
      if (!width || !pen) continue;
      const dots = devicePixelRatio || 1;
      if (canvas.width !== Math.round(width * dots)) {
        canvas.width = Math.round(width * dots);
        canvas.height = Math.round(height * dots);
      }
      pen.setTransform(dots, 0, 0, dots, 0, 0);
      pen.clearRect(0, 0, width, height);
      const here = (this.at / this.length) * width;
      for (let x = 0; x < width; x += 3) {
        const loudest = this.loudest(track, x / width, (x + 3) / width);
        if (loudest === null) continue;
        const tall = Math.max(1, (loudest / 100) * height);
        pen.fillStyle = audio.muted ? muted : x < here ? played : rest;
        pen.fillRect(x, (height - tall) / 2, 2, tall);
      }
      pen.fillStyle = played;
      pen.fillRect(Math.min(here, width - 2), 0, 2, height);
    }
  }

  /**
   * The highest peak of a leg between two places of the call (0 to 1), in percent; null outside of the leg.
   * @param {Track} track
   * @param {number} begin
   * @param {number} end
   */
  loudest({ peaks, offset, length }, begin, end) {
    const from = (begin * this.length - offset) / length;
    const to = (end * this.length - offset) / length;
    if (to <= 0 || from >= 1) return null;
    const first = Math.max(0, Math.floor(from * peaks.length));
    return Math.max(0, ...peaks.slice(first, Math.ceil(to * peaks.length)));
  }
}

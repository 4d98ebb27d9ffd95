// Plays the legs of a call together, and draws them: time is the call's time, whatever each leg's own begin is.
import { urlOf, clock, el, setText } from './base.js';

/** Legs that are further apart than this are set right while they play, seconds. */
const DRIFT_S = 0.08;
const BUCKETS = 1200;

export class Player {
  /** `legs` as the API gives them; `on.time(seconds, playing)` is called as the sound goes on. */
  constructor(call, { legs, length, on }) {
    Object.assign(this, { on, length: Math.max(length, 0.1), at: 0, playing: false, rate: 1 });
    this.legs = legs.map(leg => {
      const audio = new Audio(urlOf(leg.audio_url));
      audio.preload = 'metadata';
      const canvas = el('canvas', { 'aria-hidden': 'true' });
      return { ...leg, audio, canvas, peaks: [], muted: false };
    });
    this.button = el('button', { type: 'button', text: 'Play', on: { click: () => this.toggle() } });
    this.clock = el('span', { class: 'clock' });
    const speed = el('select', { 'aria-label': 'Speed', on: { change: () => this.speed(Number(speed.value)) } }, ...[0.75, 1, 1.25, 1.5, 2].map(value => el('option', { value, text: `${value} ×`, selected: value === 1 })));
    this.slider = el('div', { class: 'waves', role: 'slider', tabindex: 0, 'aria-label': 'Place in the call', 'aria-valuemin': 0, 'aria-valuemax': Math.ceil(this.length), 'aria-valuenow': 0 },
      ...this.legs.map(leg => el('div', { class: 'wave' }, el('span', { class: 'legname', text: leg.leg }), leg.canvas)));
    this.slider.addEventListener('pointerdown', event => this.point(event));
    this.slider.addEventListener('pointermove', event => { if (event.buttons) this.point(event); });
    this.slider.addEventListener('keydown', event => {
      const step = { ArrowLeft: -5, ArrowRight: 5, PageDown: -30, PageUp: 30 }[event.key];
      if (step) this.seek(this.at + step);
      else if (event.key === 'Home') this.seek(0);
      else if (event.key === 'End') this.seek(this.length);
      else if (event.key === ' ') this.toggle();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.note = el('span', { class: 'note' });
    this.element = el('div', { class: 'player' }, this.slider, el('div', { class: 'row controls' }, this.button, this.clock, speed,
      ...(this.legs.length > 1 ? this.legs.map(leg => el('label', {}, el('input', { type: 'checkbox', checked: true, on: { change: event => { leg.muted = leg.audio.muted = !event.target.checked; this.draw(); } } }), `hear ${leg.leg}`)) : []), this.note));
    for (const leg of this.legs) leg.audio.addEventListener('error', () => setText(this.note, `the sound of ${leg.leg} cannot be had`));
    new ResizeObserver(() => this.draw()).observe(this.slider);
    document.addEventListener('theme', () => this.draw());
    this.show();
  }

  /** A leg's peaks, as the API gives them. */
  setPeaks(id, peaks) {
    const leg = this.legs.find(one => one.leg_id === id);
    if (leg) Object.assign(leg, { peaks: peaks.peaks, length: peaks.duration });
    this.draw();
  }

  static peaksPath = (call, leg) => `/api/v1/calls/${encodeURIComponent(call)}/peaks?leg=${leg.leg_id}&buckets=${BUCKETS}`;

  point(event) {
    const box = this.slider.getBoundingClientRect();
    this.seek((event.clientX - box.left) / box.width * this.length);
  }

  seek(seconds) {
    this.at = Math.min(Math.max(seconds, 0), this.length);
    this.began = performance.now() - this.at * 1000 / this.rate;
    for (const leg of this.legs) this.align(leg, 0);
    this.show();
  }

  /** Puts a leg where the call is; silent outside of it. */
  align(leg, tolerance) {
    const inside = this.at - leg.offset;
    const within = inside >= 0 && inside < (leg.length ?? leg.duration);
    if (within && Math.abs(leg.audio.currentTime - inside) > tolerance) leg.audio.currentTime = inside;
    if (this.playing && within && leg.audio.paused) leg.audio.play().catch(error => { if (error.name !== 'AbortError') setText(this.note, `cannot be played: ${error.message}`); });
    if ((!this.playing || !within) && !leg.audio.paused) leg.audio.pause();
  }

  toggle() {
    this.playing = !this.playing;
    setText(this.button, this.playing ? 'Pause' : 'Play');
    if (this.playing && this.at >= this.length - 0.05) this.at = 0;
    this.seek(this.at);
    if (this.playing) requestAnimationFrame(() => this.step());
  }

  speed(rate) {
    this.rate = rate;
    for (const leg of this.legs) leg.audio.playbackRate = rate;
    this.seek(this.at);
  }

  step() {
    if (!this.playing) return;
    // The sound is the clock where there is any; between legs time goes on by itself.
    const sounding = this.legs.find(leg => !leg.audio.paused && !leg.audio.seeking && leg.audio.readyState > 2);
    if (sounding) {
      this.at = sounding.offset + sounding.audio.currentTime;
      this.began = performance.now() - this.at * 1000 / this.rate;
    } else {
      this.at = (performance.now() - this.began) / 1000 * this.rate;
    }
    if (this.at >= this.length) {
      this.at = this.length;
      this.playing = false;
      setText(this.button, 'Play');
    }
    for (const leg of this.legs) if (leg !== sounding) this.align(leg, DRIFT_S);
    this.show();
    if (this.playing) requestAnimationFrame(() => this.step());
    else this.legs.forEach(leg => leg.audio.pause());
  }

  show() {
    setText(this.clock, `${clock(this.at)} / ${clock(this.length)}`);
    this.slider.setAttribute('aria-valuenow', this.at.toFixed(2));
    this.slider.setAttribute('aria-valuetext', clock(this.at));
    this.draw();
    this.on.time(this.at, this.playing);
  }

  draw() {
    const style = getComputedStyle(document.documentElement);
    const [played, rest, muted] = ['--accent', '--quiet', '--line'].map(name => style.getPropertyValue(name));
    const dots = devicePixelRatio || 1;
    for (const { canvas, peaks, offset, length, duration, muted: off } of this.legs) {
      const { clientWidth: width, clientHeight: height } = canvas;
      if (!width) continue;
      if (canvas.width !== Math.round(width * dots)) [canvas.width, canvas.height] = [Math.round(width * dots), Math.round(height * dots)];
      const pen = canvas.getContext('2d');
      pen.setTransform(dots, 0, 0, dots, 0, 0);
      pen.clearRect(0, 0, width, height);
      const here = this.at / this.length * width;
      const long = length ?? duration;
      for (let x = 0; x < width; x += 3) {
        const from = (x / width * this.length - offset) / long, to = ((x + 3) / width * this.length - offset) / long;
        if (to <= 0 || from >= 1) continue;
        let loudest = 0;
        for (let i = Math.max(0, Math.floor(from * peaks.length)); i < Math.min(peaks.length, Math.ceil(to * peaks.length)); i++) loudest = Math.max(loudest, peaks[i]);
        const tall = Math.max(1, loudest / 100 * height);
        pen.fillStyle = off ? muted : x < here ? played : rest;
        pen.fillRect(x, (height - tall) / 2, 2, tall);
      }
      pen.fillStyle = played;
      pen.fillRect(Math.min(here, width - 2), 0, 2, height);
    }
  }
}

// @ts-check
// Charts of one look: uPlot with the page's colours, in the width of their box.
import uPlot from './vendor/uplot.js';
import { clock, day } from './base.js';

/** @import { Series } from './types.d.ts' */

/** @param {string} name */
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @typedef {object} Options
 * @property {Series[]} series
 * @property {[number, number] | null} [range] of the y axis, by default -1 to 1; null: from 0 to above the highest
 * @property {boolean} [time] x is seconds since 1970, not of a call
 * @property {number} [height] pixels
 * @property {string} [label] what x is called in the legend
 * @property {(value: number) => string} [values] how a value is written
 * @property {string} [name] what the chart shows, for those who do not see it; goes with `pick`
 * @property {(place: number) => void} [pick] is called with the number of the place that was clicked, or chosen by keys
 */

export class Chart {
  /**
   * @param {HTMLElement} box
   * @param {Options} options
   */
  constructor(box, options) {
    this.box = box;
    this.options = options;
    this.height = options.height ?? 140;
    /** @type {uPlot.AlignedData} */
    this.data = [[], ...options.series.map(() => [])];
    this.plot = this.make();
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.height });
    }).observe(box);
    document.addEventListener('theme', () => {
      this.plot.destroy();
      this.plot = this.make();
    });
  }

  make() {
    const { series, range = [-1, 1], time = false, label = 'at', values = String } = this.options;
    const line = colour('--line');
    const axis = {
      stroke: colour('--quiet'),
      grid: { stroke: line, width: 1 },
      ticks: { stroke: line, width: 1 },
      font: '12px system-ui, sans-serif',
    };
    /** @type {uPlot.Range.Function} */
    const upward = (_plot, _min, max) => [0, Math.max(max * 1.1, 1)];
    /** @type {(_: uPlot, value: number | null) => string} */
    const written = (_, value) => (value === null || value === undefined ? '–' : values(value));
    /** @type {(_: uPlot, place: number | null) => string} */
    const placed = (_, place) => (place === null ? '–' : clock(place));
    const plot = new uPlot(
      {
        width: Math.max(this.box.clientWidth, 160),
        height: this.height,
        legend: { live: true },
        cursor: { y: false, drag: { x: false } },
        scales: { x: { time }, y: { range: range ?? upward } },
        axes: [
          { ...axis, size: 28, ...(time ? {} : { values: (_, places) => places.map(clock) }) },
          { ...axis, scale: 'y', side: 3, size: 44 },
        ],
        series: [
          { label, ...(time ? {} : { value: placed }) },
          ...series.map(one => ({
            label: one.label,
            scale: 'y',
            stroke: colour(one.colour),
            width: 2,
            dash: one.dash,
            points: { show: one.points ?? false, size: 5 },
            fill: one.bars ? colour(one.colour) : undefined,
            paths: Chart.paths(one),
            spanGaps: true,
            value: written,
          })),
        ],
      },
      this.data,
      this.box,
    );
    plot.root.querySelector('canvas')?.setAttribute('aria-hidden', 'true');
    const { pick } = this.options;
    if (pick) this.pickable(plot, pick, written);
    return plot;
  }

  /**
   * Bars and points that lead on, by mouse and by keys: arrows go from one to the next, Enter opens it.
   * @param {uPlot} plot
   * @param {(place: number) => void} pick
   * @param {(_: uPlot, value: number | null) => string} written
   */
  pickable(plot, pick, written) {
    const { over } = plot;
    const { name = '', series } = this.options;
    over.classList.add('pick');
    over.tabIndex = 0;
    over.setAttribute('role', 'link');
    over.setAttribute('aria-label', `${name}: arrow keys choose a step, Enter shows its calls`);
    over.addEventListener('click', () => {
      const place = plot.cursor.idx ?? -1;
      if (plot.data[0][place] !== undefined) pick(place);
    });
    let chosen = -1;
    /** @type {Record<string, (last: number) => number>} */
    const moves = {
      ArrowLeft: last => (chosen < 0 ? last : chosen - 1),
      ArrowRight: last => (chosen < 0 ? last : chosen + 1),
      Home: () => 0,
      End: last => last,
    };
    over.addEventListener('keydown', event => {
      const [places, ...values] = plot.data;
      if (event.key === 'Enter' && places[chosen] !== undefined) pick(chosen);
      const move = moves[event.key];
      if (!move || !places.length) return;
      event.preventDefault();
      const last = places.length - 1;
      chosen = Math.min(Math.max(move(last), 0), last);
      const at = places[chosen] ?? 0;
      plot.setCursor({ left: plot.valToPos(at, 'x'), top: 0 });
      const says = series.map((one, i) => `${one.label} ${written(plot, values[i]?.[chosen] ?? null)}`);
      over.setAttribute('aria-label', `${name}: ${day.format(new Date(at * 1000))}, ${says.join(', ')}`);
    });
  }

  /** @param {Series} series */
  static paths({ bars, steps }) {
    if (bars) return uPlot.paths.bars?.({ size: [0.7, 40] });
    return steps ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  }

  /**
   * All of the data: x, then one list per series.
   * @param {uPlot.AlignedData} data
   */
  set(data) {
    this.data = data;
    this.plot.setData(data);
  }
}

// Charts of one look: uPlot with the page's colours, in the width of their box.
import uPlot from './vendor/uplot.js';
import { clock } from './base.js';

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** `series`: [{label, colour: '--good', dash, scale, bars}]; `y`: {scale: [min, max]}; `x`: how a place on the x axis is written. */
export class Chart {
  constructor(box, { series, scales = { y: [-1, 1] }, x = clock, time = false, height = 140, label, values }) {
    Object.assign(this, { box, options: { series, scales, x, time, height, label, values }, data: [[], ...series.map(() => [])] });
    this.make();
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height });
    }).observe(box);
    document.addEventListener('theme', () => this.make());
  }

  make() {
    this.plot?.destroy();
    const { series, scales, x, time, height, label, values } = this.options;
    const text = colour('--quiet'), line = colour('--line');
    const axis = more => ({ stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '12px system-ui, sans-serif', ...more });
    const names = Object.keys(scales);
    this.plot = new uPlot({
      width: Math.max(this.box.clientWidth, 160), height, legend: { live: true }, cursor: { y: false, drag: { x: false } },
      scales: { x: { time }, ...Object.fromEntries(names.map(name => [name, scales[name] ? { range: scales[name] } : { range: (_, min, max) => [0, Math.max(max * 1.1, 1)] }])) },
      axes: [axis({ size: 28, ...(time ? {} : { values: (_, places) => places.map(place => x(place)) }) }),
        ...names.map((name, i) => axis({ scale: name, size: 44, side: i ? 1 : 3, grid: { show: i === 0, stroke: line, width: 1 } }))],
      series: [{ label: label ?? 'at', ...(time ? {} : { value: (_, place) => place === null ? '–' : x(place) }) }, ...series.map(one => ({
        label: one.label, scale: one.scale ?? names[0], stroke: colour(one.colour), width: 2, dash: one.dash, points: { show: one.points ?? false, size: 5 },
        fill: one.bars ? colour(one.colour) : undefined, paths: one.bars ? uPlot.paths.bars({ size: [0.7, 40] }) : one.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
        spanGaps: true, value: (_, value) => value === null || value === undefined ? '–' : (values ?? String)(value),
      }))],
    }, this.data, this.box);
    const canvas = this.plot.root.querySelector('canvas');
    canvas?.setAttribute('aria-hidden', 'true');
  }

  /** All of the data: x, then one list per series. */
  set(data) {
    this.data = data;
    this.plot.setData(data);
  }
}

// @ts-check
// Figures over many calls, as charts and as tables that say the same.
import { api, byId, clock, el, fieldOf, fromAddress, messageOf, onKey, setText } from './base.js';
import { signed, textsOf, watchBox } from './base.js';
import { Chart } from './chart.js';
import { showCoverage } from './coverage.js';
import { block, percent, table, tile } from './tables.js';

/** @import { Figures } from './types.d.ts' */

const form = byId('filters', HTMLFormElement);
const tiles = byId('figures', HTMLElement);
const charts = byId('charts', HTMLElement);

/**
 * Every step of the time, also those without a call.
 * @template {{ at: string }} Step
 * @param {Figures} figures
 * @param {Step[]} steps
 */
function filled(figures, steps) {
  const by = new Map(steps.map(step => [Date.parse(step.at), step]));
  /** @type {number[]} */
  const places = [];
  const until = Date.parse(figures.until);
  for (let at = Date.parse(figures.since); at < until; at += figures.step_seconds * 1000) places.push(at);
  return {
    x: places.map(at => at / 1000),
    /** @param {(step: Step) => number | null} value */
    of: value =>
      places.map(at => {
        const step = by.get(at);
        return step ? value(step) : null;
      }),
  };
}

/** @param {Figures} figures */
function drawTiles({ total }) {
  tiles.replaceChildren(
    tile('Calls', String(total.calls), clock(total.audio_seconds) + ' of audio'),
    tile('Negative', String(total.negative), total.calls ? percent(total.negative / total.calls) : ''),
    tile('Positive', String(total.positive), total.calls ? percent(total.positive / total.calls) : ''),
    tile('Text within 3 s', percent(total.text_within_3_s), `${total.utterances} utterances`),
  );
}

/** @param {Figures} figures */
function tables({ alerts, keywords, agents }) {
  return [
    block(
      'Alerts by rule',
      null,
      table(
        ['Rule', 'Level', 'Alerts', 'Calls', ''],
        alerts.map(({ rule, level, count, calls }) => ({ cells: [rule, level, count, calls], count })),
      ),
    ),
    block(
      'Top keywords',
      null,
      table(
        ['Keyword', 'Label', 'Times', 'Calls', ''],
        keywords.map(({ term, label, count, calls }) => ({ cells: [term, label, count, calls], count })),
      ),
    ),
    block(
      'Agents',
      null,
      table(
        ['Agent', 'Calls', 'Mean length', 'Sentiment', 'Negative', 'With alerts'],
        agents.map(({ agent, calls, audio_seconds, sentiment, negative, with_alerts }) => {
          const length = clock(audio_seconds / Math.max(calls, 1));
          return { cells: [agent ?? 'unknown', calls, length, signed(sentiment), negative, with_alerts] };
        }),
      ),
    ),
  ];
}

/** @param {Figures} figures */
function draw(figures) {
  drawTiles(figures);
  const box = (/** @type {string} */ label) => el('div', { class: 'chart', role: 'img', 'aria-label': label });
  const calls = box('Calls over time');
  const sentiment = box('Mean sentiment over time');
  const lag = box('Seconds from the end of an utterance to its text, over time');
  const step = figures.step_seconds === 3600 ? 'hour' : 'day';
  charts.replaceChildren(
    block(`Calls per ${step}`, null, calls),
    block('Sentiment', `Mean of the calls that began in each ${step}, −1 to +1`, sentiment),
    block('Transcription delay', 'Seconds from the end of an utterance to its text', lag),
    ...tables(figures),
  );
  const steps = filled(figures, figures.steps);
  const late = filled(figures, figures.lag);
  const time = true;
  const height = 180;
  new Chart(calls, {
    time,
    height,
    range: null,
    series: [
      { label: 'Calls', colour: '--accent', bars: true },
      { label: 'Negative', colour: '--bad', bars: true },
    ],
  }).set([steps.x, steps.of(one => one.calls), steps.of(one => one.negative)]);
  new Chart(sentiment, {
    time,
    height,
    values: signed,
    series: [{ label: 'Sentiment', colour: '--accent', points: true }],
  }).set([steps.x, steps.of(one => one.sentiment)]);
  new Chart(lag, {
    time,
    height,
    range: null,
    values: value => `${value.toFixed(1)} s`,
    series: [
      { label: 'Median', colour: '--good', points: true },
      { label: 'p95', colour: '--bad', dash: [6, 4], points: true },
    ],
  }).set([late.x, late.of(one => one.median), late.of(one => one.p95)]);
}

// What the address asks for and the form cannot show: the API says what it makes of it.
let besides = fromAddress(form);

async function show() {
  const wanted = new URLSearchParams([...textsOf(form), ...besides]);
  history.replaceState(null, '', `?${wanted}`);
  try {
    draw(await api(`/api/v1/figures?${wanted}`));
  } catch (error) {
    const line = el('p', { class: 'bad', role: 'alert' });
    tiles.replaceChildren(line);
    setText(line, messageOf(error));
  }
}

function anew() {
  besides = [];
  show();
}
form.addEventListener('submit', event => {
  event.preventDefault();
  anew();
});
fieldOf(form, 'days', HTMLSelectElement).addEventListener('change', anew);
onKey(() => {});
show();
showCoverage(byId('coverage', HTMLElement));
watchBox();

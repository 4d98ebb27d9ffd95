// @ts-check
// Figures over many calls, as charts and as tables that say the same.
import { api, byId, clock, el, fieldOf, fromAddress, hour, kept, messageOf, onKey, setText } from './base.js';
import { signed, textsOf, urlOf, watchBox } from './base.js';
import { Chart } from './chart.js';
import { showCoverage } from './coverage.js';
import { daysOf, momentOf, offerPeriods } from './period.js';
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
  const by = new Map(steps.map(step => [step.at, step]));
  const places = figures.starts;
  return {
    x: places.map(at => Date.parse(at) / 1000),
    /** @param {(step: Step) => number | null} value */
    of: value =>
      places.map(at => {
        const step = by.get(at);
        return step ? value(step) : null;
      }),
  };
}

/**
 * The last moment before another one: lists take their last moment in.
 * @param {string} at
 */
const before = at => new Date(Date.parse(at) - 1).toISOString();

/**
 * Where a figure leads: the calls, or alerts, that it counts.
 * @param {string} page
 * @param {Figures} figures
 * @param {Record<string, string>} more
 */
function behind(page, { since, until }, more) {
  const asked = new URLSearchParams(textsOf(form));
  const query = new URLSearchParams({ since, until: before(until), ...more });
  for (const name of ['agent', 'campaign']) {
    const value = asked.get(name);
    if (value && !query.has(name)) query.set(name, value);
  }
  return urlOf(`${page}?${query}`);
}

/**
 * @param {string} href
 * @param {string | number} text
 */
const link = (href, text) => el('a', { href, text });

/** @param {Figures} figures */
function drawTiles({ total }) {
  tiles.replaceChildren(
    tile('Calls', String(total.calls), clock(total.audio_seconds) + ' of audio'),
    tile('Negative', String(total.negative), total.calls ? percent(total.negative / total.calls) : ''),
    tile('Positive', String(total.positive), total.calls ? percent(total.positive / total.calls) : ''),
    tile('Text within 3 s', percent(total.text_within_3_s), `${total.utterances} utterances`),
  );
}

/**
 * What a table leaves out.
 * @param {unknown[]} rows
 * @param {number} all
 * @param {string} which
 */
const cut = (rows, all, which) => (rows.length < all ? `${rows.length} of ${all}: ${which}` : null);

/** @param {Figures} figures */
function tables(figures) {
  const { alerts, keywords, agents, alerts_in_all, keywords_in_all, agents_in_all } = figures;
  const to = (/** @type {string} */ page, /** @type {Record<string, string>} */ more) => behind(page, figures, more);
  return [
    block(
      'Alerts by rule',
      cut(alerts, alerts_in_all, 'those with most alerts'),
      table(
        ['Rule', 'Level', 'Alerts', 'Calls', ''],
        alerts.map(({ rule, level, count, calls }) => {
          const name = link(to('/alerts', { rule, state: 'all' }), rule);
          return { cells: [name, level, count, calls], count };
        }),
      ),
    ),
    block(
      'Top keywords',
      cut(keywords, keywords_in_all, 'those that were said most'),
      table(
        ['Keyword', 'Label', 'Times', 'Calls', ''],
        keywords.map(({ term, label, count, calls }) => {
          const said = link(to('/calls', { q: `"${term}"` }), term);
          return { cells: [said, label, count, calls], count };
        }),
      ),
    ),
    block(
      'Agents',
      cut(agents, agents_in_all, 'those with most calls'),
      table(
        ['Agent', 'Calls', 'Mean length', 'Sentiment', 'Negative', 'With alerts'],
        agents.map(({ agent, calls, audio_seconds, sentiment, negative, with_alerts }) => {
          const length = clock(audio_seconds / Math.max(calls, 1));
          /** @type {Record<string, string>} */
          const who = agent === null ? { has_agent: 'false' } : { agent };
          const bad = link(to('/calls', { ...who, max_sentiment: '-0.05' }), negative);
          const alerted = link(to('/calls', { ...who, has_alerts: 'true' }), with_alerts);
          const name = link(to('/calls', who), agent ?? 'unknown');
          return { cells: [name, calls, length, signed(sentiment), bad, alerted] };
        }),
      ),
    ),
  ];
}

/** @param {Figures} figures */
function draw(figures) {
  drawTiles(figures);
  const box = () => el('div', { class: 'chart' });
  const [calls, sentiment, lag] = [box(), box(), box()];
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
  // A bar, or a point, leads to the calls of its hour or day.
  const pick = (/** @type {number} */ place) => {
    const [from, to] = [figures.starts[place] ?? figures.since, figures.starts[place + 1] ?? figures.until];
    location.href = behind('/calls', figures, { since: from, until: before(to) });
  };
  new Chart(calls, {
    name: 'Calls over time',
    time,
    height,
    range: null,
    pick,
    series: [
      { label: 'Calls', colour: '--accent', bars: true },
      { label: 'Negative', colour: '--bad', bars: true },
    ],
  }).set([steps.x, steps.of(one => one.calls), steps.of(one => one.negative)]);
  new Chart(sentiment, {
    name: 'Mean sentiment over time',
    time,
    height,
    values: signed,
    pick,
    series: [{ label: 'Sentiment', colour: '--accent', points: true }],
  }).set([steps.x, steps.of(one => one.sentiment)]);
  new Chart(lag, {
    name: 'Seconds from the end of an utterance to its text, over time',
    time,
    height,
    range: null,
    pick,
    values: value => `${value.toFixed(1)} s`,
    series: [
      { label: 'Median', colour: '--good', points: true },
      { label: 'p95', colour: '--bad', dash: [6, 4], points: true },
    ],
  }).set([late.x, late.of(one => one.median), late.of(one => one.p95)]);
}

const period = fieldOf(form, 'days', HTMLSelectElement);
offerPeriods(period);
const since = fieldOf(form, 'since', HTMLInputElement);
const until = fieldOf(form, 'until', HTMLInputElement);
const again = fieldOf(form, 'again', HTMLSelectElement);
const read = byId('read', HTMLElement);

// What the address asks for and the form cannot show: the API says what it makes of it.
let besides = fromAddress(form);

/** What the API is asked: days of whoever looks, the last one included. */
function query() {
  const wanted = new URLSearchParams([...textsOf(form), ...besides]);
  wanted.delete('again');
  const named = daysOf(period.value);
  const own = period.value === 'own';
  const [from, to] = named ?? (own ? [wanted.get('since'), wanted.get('until')] : []);
  if (named || own) wanted.delete('days');
  wanted.delete('since');
  wanted.delete('until');
  if (from) wanted.set('since', momentOf(from, 'since'));
  if (to) wanted.set('until', momentOf(to, 'until'));
  return wanted;
}

async function show() {
  const own = period.value === 'own';
  for (const field of [since, until]) field.parentElement?.toggleAttribute('hidden', !own);
  const shown = new URLSearchParams([...textsOf(form), ...besides]);
  history.replaceState(null, '', `?${shown}`);
  if (own && !since.value) {
    // The charts would be of another period.
    charts.replaceChildren();
    tiles.replaceChildren(el('p', { class: 'note', text: 'Choose the first day of the period.' }));
    setText(read, '');
    return;
  }
  try {
    draw(await api(`/api/v1/figures?${query()}`));
    setText(read, `as of ${hour.format(new Date())}`);
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
for (const field of [period, since, until]) field.addEventListener('change', anew);
again.value = kept.get('again') ?? '';
again.addEventListener('change', () => kept.set('again', again.value));
let drawn = Date.now();
setInterval(() => {
  const every = Number(again.value) * 1000;
  if (!every || document.hidden || Date.now() - drawn < every) return;
  drawn = Date.now();
  show();
}, 1000);
onKey(() => {});
show();
showCoverage(byId('coverage', HTMLElement));
watchBox();

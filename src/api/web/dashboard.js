// Figures over many calls, as charts and as tables that say the same.
import { api, clock, el, onKey, setText, signed, watchBox } from './base.js';
import { Chart } from './chart.js';

const form = document.getElementById('filters'), tiles = document.getElementById('figures'), charts = document.getElementById('charts');
const percent = share => share === null || share === undefined ? '–' : `${Math.round(share * 1000) / 10} %`;

function tile(name, value, more = '') {
  return el('div', { class: 'tile' }, el('span', { class: 'note', text: name }), el('b', { text: value }), el('span', { class: 'note', text: more }));
}

function block(name, what, ...content) {
  return el('section', { class: 'block', 'aria-label': name }, el('h2', { text: name }), what && el('p', { class: 'note', text: what }), ...content);
}

/** A list of counts with bars; the number says it, the bar shows it. */
function counts(rows, heads, cells) {
  const most = Math.max(1, ...rows.map(row => row.count));
  if (!rows.length) return el('p', { class: 'note', text: 'none in this time' });
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': heads[0] }, el('table', {}, el('thead', {}, el('tr', {}, ...heads.map(text => el('th', { scope: 'col', text })))),
    el('tbody', {}, ...rows.map(row => el('tr', {}, ...cells(row).map((text, i) => i ? el('td', { text }) : el('th', { scope: 'row', text })),
      row.count === undefined ? null : el('td', {}, el('meter', { min: 0, max: most, value: row.count, 'aria-hidden': 'true' })))))));
}

/** Every step of the time, also those without a call. */
function filled(figures, list, field) {
  const by = new Map(list.map(step => [Date.parse(step.at), step]));
  const places = [];
  for (let at = Date.parse(figures.since); at < Date.parse(figures.until); at += figures.step_seconds * 1000) places.push(at);
  return { x: places.map(at => at / 1000), of: (name, missing) => places.map(at => by.get(at)?.[name] ?? missing) };
}

function draw(figures) {
  const { total } = figures;
  tiles.replaceChildren(
    tile('Calls', String(total.calls), clock(total.audio_seconds) + ' of sound'),
    tile('Negative', String(total.negative), total.calls ? percent(total.negative / total.calls) : ''),
    tile('Positive', String(total.positive), total.calls ? percent(total.positive / total.calls) : ''),
    tile('Text within 3 s', percent(total.text_within_3_s), `${total.utterances} utterances`));
  const box = label => el('div', { class: 'chart', role: 'img', 'aria-label': label });
  const [calls, mood, lag] = [box('Calls over time'), box('Mean sentiment over time'), box('Seconds from the last word to its text over time')];
  const step = figures.step_seconds === 3600 ? 'hour' : 'day';
  charts.replaceChildren(
    block(`Calls per ${step}`, null, calls), block('Sentiment', 'Mean of the calls that began then, −1 to +1', mood), block('Text behind speech', 'Seconds from the last word of an utterance to its text', lag),
    ...(figures.alerts ? [block('Alerts by rule', null, counts(figures.alerts, ['Rule', 'Level', 'Alerts', 'Calls', ''], row => [row.rule, row.level, row.count, row.calls]))] : []),
    block('Top keywords', null, counts(figures.keywords, ['Keyword', 'Label', 'Times', 'Calls', ''], row => [row.term, row.label, row.count, row.calls])),
    block('Agents', null, counts(figures.agents.map(agent => ({ ...agent, count: undefined })), ['Agent', 'Calls', 'Mean length', 'Sentiment', 'Negative', 'With alerts'],
      agent => [agent.agent ?? 'not known', agent.calls, clock(agent.audio_seconds / Math.max(agent.calls, 1)), signed(agent.sentiment), agent.negative, agent.with_alerts])));
  const steps = filled(figures, figures.steps), late = filled(figures, figures.lag);
  new Chart(calls, { time: true, height: 180, scales: { y: null }, series: [{ label: 'Calls', colour: '--accent', bars: true }, { label: 'Negative', colour: '--bad', bars: true }] })
    .set([steps.x, steps.of('calls', null), steps.of('negative', null)]);
  new Chart(mood, { time: true, height: 180, values: signed, series: [{ label: 'Sentiment', colour: '--accent', points: true }] }).set([steps.x, steps.of('sentiment', null)]);
  new Chart(lag, { time: true, height: 180, scales: { y: null }, values: value => `${value.toFixed(1)} s`, series: [{ label: 'Median', colour: '--good', points: true }, { label: 'p95', colour: '--bad', dash: [6, 4], points: true }] })
    .set([late.x, late.of('median', null), late.of('p95', null)]);
}

// What the address asks for and the form cannot show: the API says what it makes of it.
let besides = [];

async function show() {
  const wanted = new URLSearchParams([...new FormData(form), ...besides].filter(([, value]) => value !== ''));
  history.replaceState(null, '', `?${wanted}`);
  try {
    draw(await api(`/api/v1/figures?${wanted}`));
  } catch (error) {
    tiles.replaceChildren(el('p', { class: 'bad', role: 'alert' }));
    setText(tiles.firstElementChild, error.message);
  }
}

for (const [name, value] of new URLSearchParams(location.search)) {
  const field = form.elements.namedItem(name);
  if (field) field.value = value;
  if (field?.value !== value) besides.push([name, value]);
}
const anew = () => { besides = []; show(); };
form.addEventListener('submit', event => { event.preventDefault(); anew(); });
form.days.addEventListener('change', anew);
onKey(() => {});
show();
watchBox();

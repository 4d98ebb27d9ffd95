// @ts-check
// What the calls of agents came to: all agents in a table, or one with days, campaigns, dispositions and findings.
import { api, byId, clock, day, el, fieldOf, fromAddress, messageOf, onKey, setText } from './base.js';
import { signed, textsOf, urlOf, watchBox } from './base.js';
import { Chart } from './chart.js';
import { block, table, tile } from './tables.js';

/** @import { AgentList, AgentStatistics, AgentSums, CallSums, Finding, NotableCall } from './types.d.ts' */

const form = byId('filters', HTMLFormElement);
const tiles = byId('figures', HTMLElement);
const charts = byId('charts', HTMLElement);

/** @param {number | null} number */
const whole = number => (number === null ? '–' : String(Math.round(number)));
/** @param {number | null} seconds */
const time = seconds => (seconds === null ? '–' : clock(seconds));

const HEADS = ['Calls', 'Mean length', 'Talk', 'Wrap', 'Dead', 'Unspoken', 'Dead air', 'Sentiment', 'Score', 'Alerts'];

/** @param {CallSums} sums */
const cellsOf = sums => [
  sums.total_calls,
  clock(sums.avg_duration),
  time(sums.talk_seconds),
  time(sums.wrap_seconds),
  time(sums.dead_seconds),
  time(sums.unspoken_talk_seconds),
  time(sums.dead_air_seconds),
  signed(sums.avg_sentiment),
  whole(sums.score),
  sums.total_alerts,
  sums.total_findings,
];

/** @param {string} id */
const callUrl = id => urlOf(`/calls/${encodeURIComponent(id)}`);

/** @param {NotableCall | null} call */
function linkOf(call) {
  if (!call) return '–';
  const says = [call.score === null ? '' : `score ${whole(call.score)}`, `sentiment ${signed(call.sentiment)}`];
  return el('a', { href: callUrl(call.call_id), title: call.call_id, text: says.filter(Boolean).join(', ') });
}

/** @param {number | null} trend */
const trendOf = trend => (trend === null ? '–' : `${trend > 0 ? '↗' : trend < 0 ? '↘' : '→'} ${signed(trend)} a day`);

/** @param {string} agent */
function ofAgent(agent) {
  const wanted = new URLSearchParams([...textsOf(form), ...besides]);
  wanted.set('agent', agent);
  return `?${wanted}`;
}

/** @param {AgentSums} one */
function agentRow(one) {
  const name = one.agent_name ? `${one.agent} ${one.agent_name}` : one.agent;
  const trend = trendOf(one.sentiment_trend);
  const link = el('a', { href: ofAgent(one.agent), text: name });
  return { cells: [link, ...cellsOf(one), trend, linkOf(one.best_call), linkOf(one.worst_call)] };
}

/** @param {AgentList} list */
function drawList({ agents, calls_without_agent }) {
  const all = agents.reduce((sum, one) => sum + one.total_calls, 0);
  const findings = agents.reduce((sum, one) => sum + one.total_findings, 0);
  tiles.replaceChildren(
    tile('Agents', String(agents.length), ''),
    tile('Calls', String(all), calls_without_agent ? `${calls_without_agent} more without an agent` : ''),
    tile('Findings', String(findings), 'dispositions that contradict what was said'),
  );
  const heads = ['Agent', ...HEADS, 'Findings', 'Trend', 'Best call', 'Worst call'];
  charts.replaceChildren(block('All agents', null, table(heads, agents.map(agentRow))));
}

/** @param {Finding} found */
function findingRow({ call_id, start_time, description, disposition, quote }) {
  const link = el('a', { href: callUrl(call_id), text: day.format(new Date(start_time)) });
  const place = el('a', { href: `${callUrl(call_id)}#t=${quote.start_time}`, text: clock(quote.start_time) });
  const said = el('span', {}, place, ` ${quote.speaker}: `, el('q', { text: quote.text }));
  return { cells: [link, description, disposition, said] };
}

/**
 * @param {string} name
 * @param {(CallSums & { name: string | null })[]} all
 */
function named(name, all) {
  const rows = all.map(one => ({ cells: [one.name ?? 'unknown', ...cellsOf(one)] }));
  return block(`By ${name.toLowerCase()}`, null, table([name, ...HEADS, 'Findings'], rows));
}

/** @param {AgentStatistics} of */
function drawAgent(of) {
  const speech = [of.agent_speech_seconds, of.caller_speech_seconds, of.mixed_speech_seconds];
  const spoken = speech.every(one => one === null) ? null : speech.reduce((sum, one) => (sum ?? 0) + (one ?? 0), 0);
  tiles.replaceChildren(
    tile('Agent', of.agent, of.agent_name ?? ''),
    tile('Calls', String(of.total_calls), `${clock(of.avg_duration)} on average`),
    tile('Sentiment', signed(of.avg_sentiment), trendOf(of.sentiment_trend)),
    tile('Score', whole(of.score), `${whole(of.points)} of ${whole(of.points_of)} points`),
    tile('Talk', time(of.talk_seconds), `${time(spoken)} of speech heard`),
    tile('Wrap', time(of.wrap_seconds), `${whole(of.avg_wrap_seconds)} s a call`),
    tile('Dead', time(of.dead_seconds), `${time(of.silent_end_seconds)} of silence at the end of calls`),
    tile('Alerts', String(of.total_alerts), ''),
  );
  const box = el('div', { class: 'chart', role: 'img', 'aria-label': 'Mean sentiment day by day' });
  const scores = el('div', { class: 'chart', role: 'img', 'aria-label': 'Score day by day, as in the table' });
  const notable = el('p', {}, 'Best call: ', linkOf(of.best_call), ' · worst call: ', linkOf(of.worst_call));
  charts.replaceChildren(
    block('Sentiment', 'Mean of the calls of each day, −1 to +1', box, notable),
    block('Score', 'Points of a hundred, of all calls of each day', scores),
    block(
      'Dispositions that contradict what was said',
      null,
      table(['Call', 'Finding', 'Disposition', 'What was said'], of.findings.map(findingRow)),
    ),
    block(
      'By day',
      null,
      table(
        ['Day', ...HEADS, 'Findings'],
        of.days.map(one => ({ cells: [one.date, ...cellsOf(one)] })),
      ),
    ),
    named('Campaign', of.campaigns),
    named('Disposition', of.dispositions),
  );
  new Chart(box, {
    time: true,
    height: 180,
    values: signed,
    series: [{ label: 'Sentiment', colour: '--accent', points: true }],
  }).set([of.days.map(one => Date.parse(`${one.date}T12:00`) / 1000), of.days.map(one => one.avg_sentiment)]);
  new Chart(scores, {
    time: true,
    height: 180,
    range: [0, 100],
    values: whole,
    series: [{ label: 'Score', colour: '--good', points: true }],
  }).set([of.days.map(one => Date.parse(`${one.date}T12:00`) / 1000), of.days.map(one => one.score)]);
}

// What the address asks for and the form cannot show: the API says what it makes of it.
let besides = fromAddress(form);

async function show() {
  const wanted = new URLSearchParams([...textsOf(form), ...besides]);
  history.replaceState(null, '', `?${wanted}`);
  const agent = wanted.get('agent');
  const days = wanted.get('days') ?? '7';
  wanted.delete('agent');
  try {
    if (agent) {
      drawAgent(await api(`/api/v1/agents/${encodeURIComponent(agent)}/stats?${wanted}`));
    } else {
      wanted.delete('days');
      wanted.set('since', `${days}d`);
      drawList(await api(`/api/v1/agents?${wanted}`));
    }
  } catch (error) {
    const line = el('p', { class: 'bad', role: 'alert' });
    tiles.replaceChildren(line);
    charts.replaceChildren();
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
watchBox();

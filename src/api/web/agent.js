// @ts-check
// An agent's own running call: what was said and what to say, in the dialer's script or web form; and what reviewers
// gave the calls before. Nothing else is asked for, and the token of the address is for nothing else.
import { ApiError, byId, clock, el, messageOf, raw, setText } from './base.js';
import { OwnReviews } from './mine.js';

/** @import { AgentView, CoachingKind } from './types.d.ts' */

const EVERY_MS = 1500;
/** After a failure, and where there is no call. */
const SLOWLY_MS = 4000;

const prompts = byId('prompts', HTMLUListElement);
const lines = byId('lines', HTMLOListElement);
const state = byId('state', HTMLElement);

/**
 * What the dialer has put into the address. A field that it does not know stays as it was written.
 * @param {URLSearchParams} given
 * @param {string} name
 */
const field = (given, name) => {
  const value = given.get(name) ?? '';
  return value.startsWith('--A--') ? '' : value;
};

const address = new URL(location.href);
const behind = new URLSearchParams(address.hash.slice(1));
const token = field(behind, 'token') || field(address.searchParams, 'token');
const asked = new URLSearchParams();
for (const name of ['user', 'uniqueid']) {
  const value = field(address.searchParams, name);
  if (value) asked.set(name, value);
}
// A link that was signed for this agent, and ends.
for (const name of ['expires', 'by', 'signature']) {
  const value = field(behind, name);
  if (value || (name === 'by' && behind.has('signature'))) asked.set(name, value);
}
// The token stays in this page's memory: not in the history, nor in an address that somebody copies.
address.hash = '';
address.searchParams.delete('token');
history.replaceState(null, '', address);

/**
 * What stands before a prompt.
 * @type {Record<CoachingKind, string>}
 */
const KINDS = { objection: 'The caller objects', alert: 'Now', disclosure: 'Not said yet' };

/** What is shown, as text: the same again changes nothing. */
let shown = '';

/** @param {AgentView} view */
function show(view) {
  const now = JSON.stringify(view.call);
  if (now === shown) return;
  shown = now;
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  const said = (view.call?.prompts ?? []).map(({ kind, text }) =>
    el('li', { class: kind }, el('b', { text: `${KINDS[kind]}: ` }), text),
  );
  prompts.replaceChildren(...said);
  lines.replaceChildren(
    ...(view.call?.lines ?? []).map(line =>
      el(
        'li',
        { class: line.speaker },
        el('time', { text: clock(line.start_time) }),
        el('b', { text: line.speaker }),
        el('span', { text: line.text }),
      ),
    ),
  );
  if (atEnd) lines.scrollTop = lines.scrollHeight;
  setText(state, view.call ? '' : `No call of ${view.agent} is running.`);
}

async function turn() {
  let pause = EVERY_MS;
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
    const response = await raw(`/api/v1/agent/call?${asked}`, { headers });
    /** @type {AgentView} */
    const view = await response.json();
    show(view);
    if (!view.call) pause = SLOWLY_MS;
  } catch (error) {
    show({ agent: '', call: null });
    const refused = error instanceof ApiError && [401, 403, 422].includes(error.status);
    setText(
      state,
      refused ? `You have no access to this page: ${messageOf(error)}` : `Trying again: ${messageOf(error)}`,
    );
    pause = refused ? 15 * SLOWLY_MS : SLOWLY_MS;
  }
  setTimeout(turn, pause);
}

turn();
// A signed link shows the running call alone.
if (!behind.has('signature')) new OwnReviews(token, field(address.searchParams, 'user')).offer();

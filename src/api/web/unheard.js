// @ts-check
// Calls of the PBX that lineside knows of and does not hear: each has a button that taps it.
import { ApiError, api, byId, el, messageOf, posting, setText } from './base.js';

/** @import { UnheardCall } from './types.d.ts' */

const EVERY_MS = 5000;

const box = byId('unheard', HTMLDetailsElement);
const said = byId('unheard-said', HTMLElement);
const list = box.querySelector('ul');
const count = box.querySelector('summary span');
/** What is shown, as text: the same again changes nothing, and a button keeps its focus. */
let shown = '';

/** @param {UnheardCall} call */
function row(call) {
  const button = el('button', { type: 'button', text: 'Transcribe this call' });
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await api('/api/v1/taps', posting({ target: call.call_id }));
      setText(said, `Call ${call.call_id} is now transcribed. It appears in the list of live calls.`);
    } catch (error) {
      button.disabled = false;
      setText(said, `Call ${call.call_id} is not tapped: ${messageOf(error)}`);
    }
  });
  const parties = call.parties.map(party => `${party.leg} ${party.channel}`).join(', ');
  return el('li', {}, el('b', { text: call.call_id }), el('span', { text: ` ${parties} ` }), button);
}

async function look() {
  try {
    const { unheard } = await api('/api/v1/taps');
    const text = JSON.stringify(unheard);
    if (text !== shown && list && count) {
      shown = text;
      box.hidden = unheard.length === 0;
      setText(count, `(${unheard.length})`);
      list.replaceChildren(...unheard.map(row));
    }
  } catch (error) {
    // A token of one campaign may not know of calls of all: then there is no such list.
    if (error instanceof ApiError && error.status === 403) return;
  }
  setTimeout(look, EVERY_MS);
}

/** Looks for them from now on. */
export function watchUnheard() {
  look();
}

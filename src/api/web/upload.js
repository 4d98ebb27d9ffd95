// @ts-check
// Recordings from this computer: one request each, with progress, followed until their text is there.
import { ApiError, OURS, api, byId, detailOf, el, messageOf, pathOf, setText } from './base.js';
import { textsOf, urlOf, watchBox } from './base.js';

/** @import { Glossary, Problem, UploadAnswer } from './types.d.ts' */

const form = byId('form', HTMLFormElement);
const files = byId('files', HTMLInputElement);
const drop = byId('drop', HTMLElement);
const list = byId('uploads', HTMLElement);
const LOOK_MS = 1000;

/** @typedef {{ file: File, bar: HTMLProgressElement, state: HTMLElement }} Entry a file on its way, as it is shown */

/**
 * Sends one file; XMLHttpRequest because fetch tells nothing of the way up.
 * @param {File} file
 * @param {[string, string][]} about
 * @param {(share: number) => void} progress
 * @returns {Promise<UploadAnswer>}
 */
function send(file, about, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const data = new FormData();
    for (const [name, value] of about) data.append(name, value);
    data.append('file', file, file.name);
    request.open('POST', urlOf('/upload'));
    for (const [name, value] of Object.entries(OURS)) request.setRequestHeader(name, value);
    request.responseType = 'json';
    request.upload.onprogress = event => progress(event.loaded / event.total);
    request.onload = () => {
      const { status, response } = request;
      if (status < 300) resolve(response);
      else reject(new ApiError(status, detailOf(status, response)));
    };
    request.onerror = () => reject(new ApiError(0, 'the connection was lost; nothing was stored'));
    request.send(data);
  });
}

/**
 * Shows a file that waits for its turn.
 * @param {File} file
 * @returns {Entry}
 */
function entryOf(file) {
  const bar = el('progress', { max: 1, value: 0, 'aria-label': `upload of ${file.name}` });
  const state = el('span', { class: 'note', role: 'status', text: 'waiting' });
  list.prepend(el('li', {}, el('b', { text: file.name }), bar, state));
  return { file, bar, state };
}

/**
 * Follows a call until its text is there.
 * @param {Entry} entry
 * @param {string} id
 */
async function follow({ state, bar }, id) {
  const link = el('a', { href: urlOf(`/calls/${encodeURIComponent(id)}`), text: 'open the call' });
  bar.removeAttribute('value');
  bar.after(link);
  for (;;) {
    const call = await api(pathOf(id)).catch(() => null);
    const lines = call?.segment_count ?? 0;
    if (call?.status === 'completed' || call?.status === 'failed') {
      const done = lines ? `done: ${lines} lines of text` : 'done: no speech found';
      bar.remove();
      setText(state, call.status === 'failed' ? 'failed' : done);
      return;
    }
    setText(state, lines ? `transcribing: ${lines} lines so far` : 'waiting: live calls go first');
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
}

form.addEventListener('submit', async event => {
  event.preventDefault();
  const about = textsOf(form);
  const entries = [...(files.files ?? [])].map(entryOf);
  files.value = '';
  for (const entry of entries) {
    try {
      const answer = await send(entry.file, about, share => {
        entry.bar.value = share;
        setText(entry.state, share < 1 ? `${Math.round(share * 100)}%` : 'processing');
      });
      const doubt = answer.calls[0]?.detail;
      if (doubt) entry.state.after(el('span', { class: 'bad', text: doubt }));
      follow(entry, answer.call_id);
    } catch (error) {
      entry.bar.remove();
      entry.state.className = 'bad';
      setText(entry.state, `refused: ${messageOf(error)}`);
    }
  }
});

const words = byId('words', HTMLElement);
const mistakes = byId('mistakes', HTMLElement);
const glossary = byId('glossary', HTMLFormElement);

/** @param {Glossary} list */
function told({ count, in_prompt }) {
  if (!count) return 'no list in use';
  const given = in_prompt === count ? 'all' : `the first ${in_prompt}`;
  return `${count} terms in use, ${given} given to the recogniser`;
}

glossary.addEventListener('submit', async event => {
  event.preventDefault();
  mistakes.replaceChildren();
  const request = { method: 'POST', headers: OURS, body: new FormData(glossary) };
  const response = await fetch(urlOf('/glossary/upload'), request).catch(() => null);
  const body = await response?.json().catch(() => null);
  if (response?.ok) {
    setText(words, told(body));
    glossary.reset();
    return;
  }
  /** @type {Problem | null} */
  const problem = body;
  setText(words, `refused: ${response ? detailOf(response.status, problem) : 'no answer'}`);
  const errors = problem?.errors ?? [];
  mistakes.replaceChildren(...errors.map(({ line, detail }) => el('li', { text: `line ${line}: ${detail}` })));
});
api('/api/v1/glossary')
  .then(list => setText(words, told(list)))
  .catch(() => {});

for (const kind of ['dragenter', 'dragover']) {
  drop.addEventListener(kind, event => {
    event.preventDefault();
    drop.classList.add('over');
  });
}
for (const kind of ['dragleave', 'drop']) drop.addEventListener(kind, () => drop.classList.remove('over'));
drop.addEventListener('drop', event => {
  event.preventDefault();
  files.files = event.dataTransfer?.files ?? null;
});
watchBox();

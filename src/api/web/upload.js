// Recordings from this computer: one request each, with progress, followed until their text is there.
import { ApiError, api, urlOf, detailOf, el, setText, watchBox } from './base.js';

const form = document.getElementById('form'), files = document.getElementById('files'), drop = document.getElementById('drop'), list = document.getElementById('uploads');
const LOOK_MS = 1000;

/** Sends one file; XMLHttpRequest because fetch tells nothing of the way up. */
function send(file, about, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const data = new FormData();
    for (const [name, value] of about) data.append(name, value);
    data.append('file', file, file.name);
    request.open('POST', urlOf('/upload'));
    request.setRequestHeader('X-Requested-With', 'lineside');
    request.responseType = 'json';
    request.upload.onprogress = event => progress(event.loaded / event.total);
    request.onload = () => request.status < 300 ? resolve(request.response) : reject(new ApiError(request.status, detailOf(request.status, request.response)));
    request.onerror = () => reject(new ApiError(0, 'the connection broke off; nothing of it was kept'));
    request.send(data);
  });
}

async function upload(file, about) {
  const bar = el('progress', { max: 1, value: 0, 'aria-label': `upload of ${file.name}` });
  const state = el('span', { class: 'note', role: 'status', text: 'waiting' });
  list.prepend(el('li', {}, el('b', { text: file.name }), bar, state));
  return { file, bar, state, about };
}

async function follow({ state, bar }, id) {
  const link = el('a', { href: urlOf(`/calls/${encodeURIComponent(id)}`), text: 'open the call' });
  bar.removeAttribute('value');
  bar.after(link);
  for (;;) {
    const call = await api(`/api/v1/calls/${encodeURIComponent(id)}`).catch(() => null);
    if (call?.status === 'completed' || call?.status === 'failed') {
      bar.remove();
      setText(state, call.status === 'failed' ? 'failed' : call.segment_count ? `done: ${call.segment_count} lines of text` : 'done: no speech in it');
      return;
    }
    setText(state, call?.segment_count ? `being written down: ${call.segment_count} lines so far` : 'waiting for its turn behind the live calls');
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
}

form.addEventListener('submit', async event => {
  event.preventDefault();
  const about = [...new FormData(form)].filter(([name, value]) => name !== 'file' && value !== '');
  const entries = await Promise.all([...files.files].map(file => upload(file, about)));
  files.value = '';
  for (const entry of entries) {
    try {
      const answer = await send(entry.file, about, share => {
        entry.bar.value = share;
        setText(entry.state, share < 1 ? `${Math.round(share * 100)} %` : 'being read');
      });
      follow(entry, answer.call_id);
    } catch (error) {
      entry.bar.remove();
      entry.state.className = 'bad';
      setText(entry.state, `refused: ${error.message}`);
    }
  }
});

const words = document.getElementById('words'), mistakes = document.getElementById('mistakes');
const told = list => list.count ? `${list.count} terms in use, the recogniser is told of ${list.in_prompt === list.count ? 'all' : `the first ${list.in_prompt}`}` : 'no list in use';

document.getElementById('glossary').addEventListener('submit', async event => {
  event.preventDefault();
  mistakes.replaceChildren();
  const response = await fetch(urlOf('/glossary/upload'), { method: 'POST', headers: { 'X-Requested-With': 'lineside' }, body: new FormData(event.target) }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (response?.ok) { setText(words, told(answer)); event.target.reset(); return; }
  setText(words, `refused: ${response ? detailOf(response.status, answer) : 'no answer'}`);
  mistakes.replaceChildren(...(answer?.errors ?? []).map(one => el('li', { text: `line ${one.line}: ${one.detail}` })));
});
api('/api/v1/glossary').then(list => setText(words, told(list))).catch(() => {});

for (const kind of ['dragenter', 'dragover']) drop.addEventListener(kind, event => { event.preventDefault(); drop.classList.add('over'); });
for (const kind of ['dragleave', 'drop']) drop.addEventListener(kind, () => drop.classList.remove('over'));
drop.addEventListener('drop', event => { event.preventDefault(); files.files = event.dataTransfer.files; });
watchBox();

// What every page needs: elements made of text, the API, times and numbers as people write them, the header.

/** An element. Properties are attributes, except `text`, `class` and `on` ({event: listener}). Everything from outside goes in as text. */
export function el(tag, properties = {}, ...children) {
  const element = tag === 'svg' || tag === 'polyline' || tag === 'line' ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'text') element.textContent = value;
    else if (name === 'class') element.setAttribute('class', value);
    else if (name === 'on') for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

/** Sets a text only when it is another one, so that nothing is laid out or read aloud again for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const kept = {
  get: name => { try { return localStorage.getItem('lineside.' + name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem('lineside.' + name, value); } catch { /* a browser that keeps nothing */ } },
};

// Where the daemon's paths begin: a proxy may have put them under one of its own.
const root = new URL('..', import.meta.url);

/** A path of the daemon as an address. */
export const urlOf = path => new URL(path.replace(/^\//, ''), root).href;

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** What the API says went wrong, as one line. */
export function detailOf(status, body) {
  const detail = body?.detail;
  if (Array.isArray(detail)) return detail.map(part => `${(part.loc ?? []).at(-1) ?? ''}: ${part.msg}`).join('; ');
  return detail ?? `the daemon answered ${status}`;
}

// The login's cookie counts only together with a header that a form of another site cannot send.
const ours = { 'X-Requested-With': 'lineside' };

/** Asks the API; the answer is JSON. Where a login is wanted, that is where it goes. */
export async function api(path, options = {}) {
  const response = await fetch(urlOf(path), { ...options, headers: { Accept: 'application/json', ...ours, ...(options.headers ?? {}) } });
  const body = await response.json().catch(() => null);
  if (response.status === 401) location.href = urlOf('/login');
  if (!response.ok) throw new ApiError(response.status, detailOf(response.status, body));
  return body;
}

/** The same for what is not JSON. */
export async function raw(path, options = {}) {
  const response = await fetch(urlOf(path), { ...options, headers: { ...ours, ...(options.headers ?? {}) } });
  if (!response.ok) throw new ApiError(response.status, detailOf(response.status, await response.json().catch(() => null)));
  return response;
}

export const post = (path, body) => api(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

/** Seconds as 1:05 or 1:02:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = n => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A sentiment with its sign. */
export const signed = number => number === null || number === undefined ? '–' : (number < 0 ? '−' : '+') + Math.abs(number).toFixed(2);
/** VADER's word for a compound. */
export const mood = compound => compound === null || compound === undefined ? 'none' : compound >= 0.05 ? 'positive' : compound <= -0.05 ? 'negative' : 'neutral';
export const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
export const brief = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
export const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** Who acknowledges. */
export const whoAmI = () => kept.get('name') || 'supervisor';

function dialog(title, ...children) {
  const box = el('dialog', { 'aria-label': title }, el('h2', { text: title }), ...children);
  box.addEventListener('close', () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

/** Asks before something that cannot be undone. */
export function confirmed(title, text, yes) {
  return new Promise(resolve => {
    const box = dialog(title, el('p', { text }), el('form', { method: 'dialog' },
      el('button', { value: 'no', text: 'Cancel' }), el('button', { value: 'yes', class: 'danger', text: yes })));
    box.addEventListener('close', () => resolve(box.returnValue === 'yes'));
  });
}

const KEYS = [['j / k', 'next, previous call'], ['Enter', 'open the call'], ['Esc', 'close it'], ['a', 'acknowledge the alert of this call, or the first'], ['/', 'search'], ['?', 'this list']];

export function settings() {
  if (document.querySelector('dialog')) return;
  const name = el('input', { value: whoAmI(), maxlength: 80, autocomplete: 'off' });
  name.addEventListener('change', () => kept.set('name', name.value.trim()));
  const theme = el('select', {}, ...[['', 'as the system'], ['light', 'light'], ['dark', 'dark']].map(([value, text]) => el('option', { value, text, selected: (kept.get('theme') ?? '') === value })));
  theme.addEventListener('change', () => { kept.set('theme', theme.value); applyTheme(); });
  dialog('Settings',
    el('p', {}, el('label', { text: 'Your name, for acknowledging ' }, name)), el('p', {}, el('label', { text: 'Colours ' }, theme)),
    el('h3', { text: 'Keys' }), el('dl', { class: 'keys' }, ...KEYS.flatMap(([key, what]) => [el('dt', {}, el('kbd', { text: key })), el('dd', { text: what })])),
    el('form', { method: 'dialog' }, el('button', { text: 'Close' })),
    el('form', { method: 'post', action: urlOf('/logout') }, el('button', { text: 'Log out' })));
}

function applyTheme() {
  const theme = kept.get('theme');
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.dispatchEvent(new Event('theme'));
}
applyTheme();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => document.dispatchEvent(new Event('theme')));
document.getElementById('settings')?.addEventListener('click', settings);

/** Keys that are not typed into a field. `/` goes to the search field and `?` shows the keys on every page. */
export function onKey(listener) {
  document.addEventListener('keydown', event => {
    const typing = event.target.closest?.('input, select, textarea, dialog');
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && typing && !event.target.closest('dialog')) { event.target.blur(); return; }
    if (typing) return;
    if (event.key === '?') { event.preventDefault(); settings(); return; }
    const search = document.querySelector('input[type=search]');
    if (event.key === '/' && search) { event.preventDefault(); search.focus(); search.select(); return; }
    listener(event);
  });
}

/** The line about the box. `connection` is null where the page has no feed. */
export function boxLine(box, connection) {
  const parts = [];
  let state = 'fine';
  if (box) {
    const running = Object.keys(box.calls).length;
    parts.push(`${running} ${running === 1 ? 'call' : 'calls'}`);
    if (!box.ready) {
      state = 'late';
      parts.push(box.model.state === 'failed' ? 'the model cannot be used: calls are kept and wait' : 'no model yet: calls are kept and wait');
    } else if (box.lag_s > 3) {
      state = 'late';
      parts.push(`text ${Math.round(box.lag_s)} s behind, ${box.backlog} waiting`);
    } else {
      parts.push('text up to date');
    }
    if (box.cpus_allowed) parts.push(`${+box.cpus_allowed.toFixed(1)} of ${box.cpus} CPUs`);
    if (box.step > 0) {
      state = 'late';
      parts.push(`step ${box.step}: ${box.step_says}`);
    } else {
      parts.push('full service');
    }
  }
  if (connection) {
    parts.unshift(connection);
    if (connection !== 'live') state = 'lost';
  }
  const line = document.getElementById('box');
  line.className = state;
  setText(line, parts.join(' · '));
}

/** The line on pages that have no feed. */
export function watchBox() {
  const look = () => api('/api/v1/box').then(box => boxLine(box, null)).catch(() => boxLine(null, 'no answer'));
  look();
  setInterval(look, 5000);
}

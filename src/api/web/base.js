// @ts-check
// What every page needs: elements made of text, the API, times and numbers as people write them, the header.

/** @import { Answer, Box, Child, Me, Problem, Properties } from './types.d.ts' */

/**
 * Gives an element its attributes (but `text`, `class` and `on`: listeners by event) and children. Everything from
 * outside goes in as text.
 * @template {HTMLElement | SVGElement} Kind
 * @param {Kind} element
 * @param {Properties} properties
 * @param {Child[]} children
 */
function filled(element, { text, class: names, on, ...attributes }, children) {
  if (text !== undefined && text !== null) element.textContent = String(text);
  if (names) element.setAttribute('class', names);
  for (const [event, listener] of Object.entries(on ?? {})) element.addEventListener(event, listener);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * An element of HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export const el = (tag, properties = {}, ...children) => filled(document.createElement(tag), properties, children);

/**
 * An element of SVG.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export const svg = (tag, properties = {}, ...children) =>
  filled(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children);

/**
 * An element that the page's HTML has.
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} with id ${id}`);
  return element;
}

/**
 * A field of a form.
 * @template {HTMLElement} Kind
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function fieldOf(form, name, kind) {
  const field = form.elements.namedItem(name);
  if (!(field instanceof kind)) throw new Error(`the form ${form.id} has no ${kind.name} named ${name}`);
  return field;
}

/**
 * The texts of a form that are not empty, with its files left out.
 * @param {HTMLFormElement} form
 * @returns {[string, string][]}
 */
export function textsOf(form) {
  /** @type {[string, string][]} */
  const texts = [];
  for (const [name, value] of new FormData(form)) if (typeof value === 'string' && value) texts.push([name, value]);
  return texts;
}

/**
 * Fills a form from the address; what the form cannot show (a time like 2h, a name that is mistyped) comes back, for
 * the API to say what it makes of it.
 * @param {HTMLFormElement} form
 * @returns {[string, string][]}
 */
export function fromAddress(form) {
  /** @type {[string, string][]} */
  const besides = [];
  for (const [name, value] of new URLSearchParams(location.search)) {
    const field = form.elements.namedItem(name);
    const takes = field instanceof HTMLInputElement || field instanceof HTMLSelectElement;
    if (takes) field.value = value;
    if (!takes || field.value !== value) besides.push([name, value]);
  }
  return besides;
}

/**
 * Sets a text only when it is another one, so that nothing is laid out or read aloud again for nothing.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  const only = element.firstChild;
  if (only instanceof Text && only.nextSibling === null) {
    // A new text node would be laid out anew.
    if (only.data !== text) only.data = text;
  } else if (element.textContent !== text) element.textContent = text;
}

/**
 * Sets an attribute, where it is not so already: who writes an attribute has its element's style looked at again.
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * What went wrong, in words.
 * @param {unknown} error
 */
export const messageOf = error => (error instanceof Error ? error.message : String(error));

/** What this browser keeps. It may keep nothing, and says so by an exception. */
export const kept = {
  /** @param {string} name */
  get: name => {
    try {
      return localStorage.getItem('lineside.' + name);
    } catch {
      return null;
    }
  },
  /**
   * @param {string} name
   * @param {string} value
   */
  set: (name, value) => {
    try {
      localStorage.setItem('lineside.' + name, value);
    } catch {
      // Then it counts until the page is left.
    }
  },
};

// Where the daemon's paths begin: a proxy may have put them under one of its own.
const root = new URL('..', import.meta.url);

/**
 * A path of the daemon as an address.
 * @param {string} path
 */
export const urlOf = path => new URL(path.replace(/^\//, ''), root).href;

/**
 * The path of a call in the API.
 * @param {string} id
 * @returns {`/api/v1/calls/${string}`}
 */
export const pathOf = id => `/api/v1/calls/${encodeURIComponent(id)}`;

export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * What the API says went wrong, as one line.
 * @param {number} status
 * @param {Problem | null} body
 */
export function detailOf(status, body) {
  const detail = body?.detail;
  if (Array.isArray(detail)) return detail.map(part => `${(part.loc ?? []).at(-1) ?? ''}: ${part.msg}`).join('; ');
  return detail ?? `the daemon answered ${status}`;
}

// The login's cookie counts only together with a header that a form of another site cannot send.
export const OURS = { 'X-Requested-With': 'lineside' };

/** Goes to the login, which leads back to this very place. */
function logIn() {
  const here = location.href.startsWith(root.href) ? location.href.slice(root.href.length) : '';
  location.href = urlOf(here ? `/login?next=${encodeURIComponent(here)}` : '/login');
}

/** @typedef {{ method?: string, headers?: Record<string, string>, body?: string }} Request */

/**
 * Asks the API; the answer is JSON. Where a login is wanted, that is where it goes.
 * @template {string} Path
 * @param {Path} path
 * @param {Request} [options]
 * @returns {Promise<Answer<Path>>}
 */
export async function api(path, options = {}) {
  const headers = { Accept: 'application/json', ...OURS, ...options.headers };
  const response = await fetch(urlOf(path), { ...options, headers });
  const body = await response.json().catch(() => null);
  if (response.status === 401) logIn();
  if (!response.ok) throw new ApiError(response.status, detailOf(response.status, body));
  return body;
}

/**
 * The same for what is not JSON.
 * @param {string} path
 * @param {Request} [options]
 */
export async function raw(path, options = {}) {
  const response = await fetch(urlOf(path), { ...options, headers: { ...OURS, ...options.headers } });
  if (response.ok) return response;
  throw new ApiError(response.status, detailOf(response.status, await response.json().catch(() => null)));
}

/** @type {Promise<Me | null> | null} */
let who = null;
/**
 * Who looks, asked once for a page. What they may not do the style sheet does not show: `data-needs` of an element
 * names a scope, `admin`, `upload`, or `operate-all` for what concerns all campaigns. Where the daemon does not tell,
 * everything is shown, and what may not be done is refused.
 */
export function me() {
  const told = (/** @type {Me} */ me) => {
    const { scopes, campaign, admin } = me;
    // Recordings are of all campaigns, until somebody has listened.
    const uploads = campaign === null && scopes.some(scope => scope === 'operate' || scope === 'ingest');
    const all = campaign === null && scopes.includes('operate');
    const more = [admin && 'admin', uploads && 'upload', all && 'operate-all'].filter(Boolean);
    document.body.dataset.may = [...scopes, ...more].join(' ');
    return me;
  };
  who ??= api('/api/v1/me').then(told, () => null);
  return who;
}

/**
 * A request that sends JSON.
 * @param {object} body
 * @returns {Request}
 */
export const posting = body => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

/**
 * Seconds as 1:05 or 1:02:05.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * A sentiment with its sign.
 * @param {number | null | undefined} number
 */
export const signed = number =>
  number === null || number === undefined ? '–' : (number < 0 ? '−' : '+') + Math.abs(number).toFixed(2);

/**
 * VADER's word for a compound.
 * @param {number | null | undefined} compound
 */
export function mood(compound) {
  if (compound === null || compound === undefined) return 'none';
  return compound >= 0.05 ? 'positive' : compound <= -0.05 ? 'negative' : 'neutral';
}

/**
 * A share as a whole number of percent.
 * @param {number} share
 */
export const percent = share => `${Math.round(share * 100)}%`;

export const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
/** @type {Intl.DateTimeFormatOptions} */
const short = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' };
const ofThisYear = new Intl.DateTimeFormat(undefined, short);
const ofAnotherYear = new Intl.DateTimeFormat(undefined, { ...short, year: 'numeric' });
/** Dates of lists; the year is named where it is not the present one. */
export const brief = {
  /** @param {Date | number} at */
  format: at => (new Date(at).getFullYear() === new Date().getFullYear() ? ofThisYear : ofAnotherYear).format(at),
};
export const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** Who acknowledges. */
export const whoAmI = () => kept.get('name') || 'supervisor';

/**
 * @param {string} title
 * @param {...Child} children
 */
function dialog(title, ...children) {
  const box = el('dialog', { 'aria-label': title }, el('h2', { text: title }), ...children);
  box.addEventListener('close', () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

/**
 * Asks before something that cannot be undone.
 * @param {string} title
 * @param {string} text
 * @param {string} yes what the button says that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, yes) {
  return new Promise(resolve => {
    const cancel = el('button', { value: 'no', text: 'Cancel' });
    const proceed = el('button', { value: 'yes', class: 'danger', text: yes });
    const box = dialog(title, el('p', { text }), el('form', { method: 'dialog' }, cancel, proceed));
    box.addEventListener('close', () => resolve(box.returnValue === 'yes'));
  });
}

/**
 * Asks for a text; empty when nothing is wanted.
 * @param {string} title
 * @param {string} label
 * @param {string} yes what the button says that goes on
 * @returns {Promise<string>}
 */
export function asked(title, label, yes) {
  return new Promise(resolve => {
    const field = el('input', { maxlength: 40, required: true, autocomplete: 'off' });
    const cancel = el('button', { value: 'no', text: 'Cancel', formnovalidate: true });
    const form = el('form', { method: 'dialog' }, el('label', { text: `${label} ` }, field));
    form.append(el('button', { value: 'yes', text: yes }), cancel);
    const box = dialog(title, form);
    box.addEventListener('close', () => resolve(box.returnValue === 'yes' ? field.value.trim() : ''));
  });
}

const KEYS = [
  ['j / k', 'next / previous call'],
  ['Enter', 'open the call'],
  ['Esc', 'close it'],
  ['a', 'acknowledge this call’s alerts, or those of the worst call'],
  ['l', 'listen in to the call, or stop'],
  ['/', 'search'],
  ['?', 'show this list'],
];
const THEMES = [
  ['', 'same as the system'],
  ['light', 'light'],
  ['dark', 'dark'],
];

/** @type {(() => HTMLElement)[]} */
const choices = [];
/**
 * Adds what a page lets people choose to the settings.
 * @param {() => HTMLElement} make
 */
export const inSettings = make => choices.push(make);

export function settings() {
  if (document.querySelector('dialog')) return;
  const name = el('input', { value: whoAmI(), maxlength: 80, autocomplete: 'off' });
  name.addEventListener('change', () => kept.set('name', name.value.trim()));
  const chosen = kept.get('theme') ?? '';
  const themes = THEMES.map(([value, text]) => el('option', { value, text, selected: chosen === value }));
  const theme = el('select', {}, ...themes);
  theme.addEventListener('change', () => {
    kept.set('theme', theme.value);
    applyTheme();
  });
  dialog(
    'Settings',
    el('p', {}, el('label', { text: 'Your name, shown on alerts you acknowledge ' }, name)),
    el('p', {}, el('label', { text: 'Colours ' }, theme)),
    ...choices.map(make => make()),
    el('h3', { text: 'Keys' }),
    el(
      'dl',
      { class: 'keys' },
      ...KEYS.flatMap(([key, what]) => [el('dt', {}, el('kbd', { text: key })), el('dd', { text: what })]),
    ),
    el('p', {}, el('a', { href: urlOf('/docs'), text: 'The API, for programs' })),
    el('p', { 'data-needs': 'admin' }, el('a', { href: urlOf('/settings'), text: 'The daemon’s settings' })),
    el('form', { method: 'dialog' }, el('button', { text: 'Close' })),
    el('form', { method: 'post', action: urlOf('/logout') }, el('button', { text: 'Log out' })),
  );
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

/**
 * Keys that are not typed into a field. `/` goes to the search field and `?` shows the keys on every page.
 * @param {(event: KeyboardEvent) => void} listener
 */
export function onKey(listener) {
  document.addEventListener('keydown', event => {
    const { target } = event;
    const typing = target instanceof HTMLElement ? target.closest('input, select, textarea, dialog') : null;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && target instanceof HTMLElement && typing && !target.closest('dialog')) {
      target.blur();
      return;
    }
    if (typing) return;
    if (event.key === '?') {
      event.preventDefault();
      settings();
      return;
    }
    const search = document.querySelector('input[type=search]');
    if (event.key === '/' && search instanceof HTMLInputElement) {
      event.preventDefault();
      search.focus();
      search.select();
      return;
    }
    listener(event);
  });
}

/**
 * How the box is doing, and whether that is as it should be.
 * @param {Box} box
 * @returns {['fine' | 'late', string[]]}
 */
function stateOf(box) {
  const running = Object.keys(box.calls).length;
  const parts = [`${running} ${running === 1 ? 'call' : 'calls'}`];
  const behind = box.lag_s !== null && box.lag_s > 3;
  if (!box.ready) {
    const why = box.model.state === 'failed' ? 'the model cannot be used' : 'no model yet';
    parts.push(`${why}: calls are kept and transcribed later`);
  } else if (behind) {
    parts.push(`text ${Math.round(box.lag_s ?? 0)} s behind, ${box.backlog} waiting`);
  } else {
    parts.push('text up to date');
  }
  if (box.cpus_allowed) parts.push(`${+box.cpus_allowed.toFixed(1)} of ${box.cpus} CPUs`);
  parts.push(box.step > 0 ? `step ${box.step}: ${box.step_says}` : 'full service');
  return [!box.ready || behind || box.step > 0 ? 'late' : 'fine', parts];
}

/**
 * The line about the box.
 * @param {Box | null} box
 * @param {string | null} connection null where the page has no feed
 */
export function boxLine(box, connection) {
  /** @type {[string, string[]]} */
  const [state, parts] = box ? stateOf(box) : ['fine', []];
  const line = byId('box', HTMLElement);
  line.className = connection && connection !== 'live' ? 'lost' : state;
  setText(line, [connection, ...parts].filter(Boolean).join(' · '));
}

/** The line on pages that have no feed. */
export function watchBox() {
  me();
  const look = () =>
    api('/api/v1/box')
      .then(box => boxLine(box, null))
      .catch(() => boxLine(null, 'no answer'));
  look();
  setInterval(look, 5000);
}

// @ts-check
// The daemon's settings: each value, the file and line that set it, and what it does. Nothing can be changed here.
import { api, brief, byId, el, fieldOf, messageOf, setText, watchBox } from './base.js';

/** @import { DaemonSetting } from './types.d.ts' */

const form = byId('filters', HTMLFormElement);
const note = byId('note', HTMLElement);
const words = fieldOf(form, 'q', HTMLInputElement);
const onlySet = fieldOf(form, 'set', HTMLInputElement);

/** @type {DaemonSetting[]} */
let all = [];

/** @param {DaemonSetting} setting */
function row({ key, value, set_in, about }) {
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, el('code', { text: key })),
    el('td', {}, value === null ? 'not set' : el('code', { text: value })),
    el('td', { text: set_in ?? (value === null ? '' : 'built in') }),
    el('td', { text: about }),
  );
}

/**
 * @param {string} name
 * @param {DaemonSetting[]} settings
 */
function section(name, settings) {
  const heads = ['Key', 'Value', 'Set in', 'What it does'];
  const table = el(
    'table',
    {},
    el('thead', {}, el('tr', {}, ...heads.map(text => el('th', { scope: 'col', text })))),
    el('tbody', {}, ...settings.map(row)),
  );
  const scroll = { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Section ${name}` };
  return el('section', {}, el('h2', { text: `[${name}]` }), el('div', scroll, table));
}

function show() {
  const wanted = words.value.trim().toLowerCase();
  /** @param {DaemonSetting} setting */
  const fits = ({ section: name, key, value, set_in, about }) =>
    (!onlySet.checked || set_in !== null) &&
    [name, key, value ?? '', about].some(text => text.toLowerCase().includes(wanted));
  /** @type {Map<string, DaemonSetting[]>} */
  const sections = new Map();
  for (const setting of all.filter(fits)) {
    sections.set(setting.section, [...(sections.get(setting.section) ?? []), setting]);
  }
  const shown = [...sections].map(([name, settings]) => section(name, settings));
  byId('rows', HTMLElement).replaceChildren(
    ...(shown.length ? shown : [el('p', { class: 'note', text: 'No setting fits.' })]),
  );
}

async function load() {
  try {
    const answer = await api('/api/v1/settings');
    all = answer.settings;
    const read = `Read ${brief.format(Date.parse(answer.read_at))} from ${answer.files.join(', ')}.`;
    const changed =
      `Changed since then: ${answer.changed.join(', ')}. ` +
      'Speech, text, log and certificate apply after a reload, all else after a restart.';
    setText(note, answer.changed.length ? `${read} ${changed}` : read);
    show();
  } catch (error) {
    setText(note, messageOf(error));
  }
}

form.addEventListener('submit', event => event.preventDefault());
form.addEventListener('input', show);
load();
watchBox();

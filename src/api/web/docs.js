// @ts-check
// The API's document as a page: paths by tag, with parameters, bodies, answers and shapes. Everything is text; nothing
// is loaded but the document.

import { byId, el, messageOf, raw } from './base.js';

/** @import { ApiDocument, Child, Content, Operation, Reply, Schema } from './types.d.ts' */

/** @typedef {Child[]} Cell */

const nameOf = (/** @type {string} */ reference) => reference.split('/').pop() ?? reference;

/**
 * Several schemas with a word between them.
 * @param {Schema[]} schemas
 * @param {string} between
 * @returns {Cell}
 */
const joined = (schemas, between) => schemas.flatMap((one, index) => (index ? [between, ...typed(one)] : typed(one)));

/**
 * A schema in a line: words, and links to the shapes that have a name.
 * @param {Schema | undefined} schema
 * @returns {Cell}
 */
function typed(schema) {
  if (!schema) return [el('span', { text: 'anything' })];
  if (schema.$ref) return [el('a', { href: '#shape-' + nameOf(schema.$ref), text: nameOf(schema.$ref) })];
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return joined(either, ' or ');
  if (schema.allOf) return joined(schema.allOf, ' and ');
  if (schema.enum) return [schema.enum.map(value => JSON.stringify(value)).join(' | ')];
  if (schema.prefixItems) return ['[', ...joined(schema.prefixItems, ', '), ']'];
  const types = [schema.type ?? 'anything'].flat();
  if (types.includes('array')) {
    return ['list of ', ...typed(schema.items), ...(types.includes('null') ? [' or null'] : [])];
  }
  if (typeof schema.additionalProperties === 'object') return ['map to ', ...typed(schema.additionalProperties)];
  return [types.join(' or ') + (schema.format ? ` (${schema.format})` : '') + limits(schema)];
}

/** @param {Schema} schema */
function limits({ minimum, maximum, minLength, maxLength, default: unless }) {
  let text = '';
  if (minimum !== undefined || maximum !== undefined) text += `, ${minimum ?? '…'} to ${maximum ?? '…'}`;
  if (minLength !== undefined || maxLength !== undefined) {
    text += `, ${minLength ?? 0} to ${maxLength ?? '…'} characters`;
  }
  return unless === undefined ? text : `${text}, else ${unless}`;
}

/**
 * A table, or nothing where it has no rows.
 * @param {string[]} heads
 * @param {Cell[][]} rows
 */
function table(heads, rows) {
  if (!rows.length) return null;
  const head = el('thead', {}, el('tr', {}, ...heads.map(text => el('th', { scope: 'col', text }))));
  const body = el('tbody', {}, ...rows.map(cells => el('tr', {}, ...cells.map(cell => el('td', {}, ...cell)))));
  return el('div', { class: 'scroll' }, el('table', {}, head, body));
}

/**
 * @param {Content | undefined} of
 * @returns {Cell}
 */
const content = of =>
  Object.entries(of ?? {}).flatMap(([media, { schema }], index) => [index ? '; ' : '', media + ': ', ...typed(schema)]);

/**
 * Who may: one of the scopes is enough.
 * @param {Operation['security']} security
 */
function access(security) {
  const scopes = new Set((security ?? []).flatMap(one => Object.values(one).flat()));
  return scopes.size ? `Needs the scope ${[...scopes].join(' or ')}.` : 'Needs no token.';
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Operation} it
 * @param {Record<string, Reply>} shared the answers that many operations have
 */
function operation(method, path, it, shared) {
  const parameters = (it.parameters ?? []).map(one => [
    [el('code', { text: one.name })],
    [one.in + (one.required ? ', required' : '')],
    typed(one.schema),
    [one.description ?? ''],
  ]);
  const answers = Object.entries(it.responses ?? {}).map(([status, one]) => {
    const { description, content: body } = one.$ref ? (shared[nameOf(one.$ref)] ?? one) : one;
    return [[status], [description ?? ''], content(body)];
  });
  const body = it.requestBody;
  return el(
    'details',
    { id: it.operationId },
    el('summary', {}, el('code', { text: method.toUpperCase() + ' ' + path }), ' ' + it.summary),
    it.description ? el('p', { text: it.description }) : null,
    path.startsWith('/') ? el('p', { class: 'note', text: access(it.security) }) : null,
    table(['Parameter', 'In', 'Type', 'Meaning'], parameters),
    body ? el('p', {}, 'Body' + (body.required ? '' : ' (optional)') + ': ', ...content(body.content)) : null,
    table(['Status', 'When', 'Answer'], answers),
  );
}

/**
 * A named shape: its fields, or what it is instead.
 * @param {string} name
 * @param {Schema} schema
 */
function shape(name, schema) {
  const parts = schema.allOf ?? [schema];
  const fields = parts.flatMap(part =>
    Object.entries(part.properties ?? {}).map(([field, one]) => {
      const optional = (part.required ?? []).includes(field) ? '' : 'May be absent. ';
      return [[el('code', { text: field })], typed(one), [optional, one.description ?? '']];
    }),
  );
  const whole = parts.filter(part => part.$ref).flatMap(part => ['All fields of ', ...typed(part), '. ']);
  const either = fields.length || whole.length ? [] : typed(schema);
  return el(
    'details',
    { id: 'shape-' + name },
    el('summary', {}, el('code', { text: name })),
    schema.description ? el('p', { text: schema.description }) : null,
    whole.length ? el('p', {}, ...whole) : null,
    either.length ? el('p', {}, ...either) : null,
    table(['Field', 'Type', 'Meaning'], fields),
  );
}

/** Opens what the address names. */
function opened() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

/** @param {string} word */
function find(word) {
  for (const one of document.querySelectorAll('main details')) {
    if (!(one instanceof HTMLElement)) continue;
    one.hidden = !(one.textContent ?? '').toLowerCase().includes(word.toLowerCase());
  }
}

const about = byId('about', HTMLElement);
const wanted = byId('find', HTMLInputElement);

async function show() {
  const answer = await raw('/openapi.json');
  /** @type {ApiDocument} */
  const { info, tags, paths, webhooks, components } = await answer.json();
  about.textContent = `Version ${info.version}. ${info.description}`;
  const all = [...Object.entries(paths), ...Object.entries(webhooks)].flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, it]) => ({ method, path, it })),
  );
  const groups = tags.map(tag =>
    el(
      'section',
      { 'aria-label': tag.name },
      el('h2', { text: tag.name }),
      el('p', { class: 'note', text: tag.description }),
      ...all
        .filter(({ it }) => it.tags.includes(tag.name))
        .map(({ method, path, it }) => operation(method, path, it, components.responses)),
    ),
  );
  byId('paths', HTMLElement).replaceChildren(...groups);
  const shapes = Object.entries(components.schemas).map(([name, schema]) => shape(name, schema));
  byId('shapes', HTMLElement).replaceChildren(el('h2', { text: 'Shapes' }), ...shapes);
  opened();
}

addEventListener('hashchange', opened);
wanted.addEventListener('input', () => find(wanted.value));
show().catch(error => {
  about.textContent = messageOf(error);
});

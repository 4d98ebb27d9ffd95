// The API's document as a page: paths by tag, with parameters, bodies, answers and shapes. Everything is text; nothing is loaded but the document.

function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'text') element.textContent = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null));
  return element;
}

const nameOf = reference => reference.split('/').pop();

/** A schema in a line: words, and links to the shapes that have a name. */
function typed(schema) {
  if (!schema) return [el('span', { text: 'anything' })];
  if (schema.$ref) return [el('a', { href: '#shape-' + nameOf(schema.$ref), text: nameOf(schema.$ref) })];
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.flatMap((one, index) => (index ? [' or ', ...typed(one)] : typed(one)));
  if (schema.allOf) return schema.allOf.flatMap((one, index) => (index ? [' and ', ...typed(one)] : typed(one)));
  if (schema.enum) return [schema.enum.map(value => JSON.stringify(value)).join(' | ')];
  if (schema.prefixItems) return ['[', ...schema.prefixItems.flatMap((one, index) => (index ? [', ', ...typed(one)] : typed(one))), ']'];
  const types = [schema.type ?? 'anything'].flat();
  if (types.includes('array')) {
    return ['list of ', ...typed(schema.items), ...(types.includes('null') ? [' or null'] : [])];
  }
  if (schema.additionalProperties && schema.additionalProperties !== true) {
    return ['map to ', ...typed(schema.additionalProperties)];
  }
  return [types.join(' or ') + (schema.format ? ' (' + schema.format + ')' : '') + limits(schema)];
}

function limits({ minimum, maximum, minLength, maxLength, default: unless }) {
  const parts = [];
  if (minimum !== undefined || maximum !== undefined) parts.push((minimum ?? '…') + ' to ' + (maximum ?? '…'));
  if (minLength !== undefined || maxLength !== undefined) parts.push((minLength ?? 0) + ' to ' + (maxLength ?? '…') + ' characters');
  if (unless !== undefined) parts.push('else ' + unless);
  return parts.length ? ', ' + parts.join(', ') : '';
}

function table(heads, rows) {
  if (!rows.length) return null;
  const head = el('thead', {}, el('tr', {}, ...heads.map(text => el('th', { scope: 'col', text }))));
  const body = el('tbody', {}, ...rows.map(cells => el('tr', {}, ...cells.map(cell => el('td', {}, ...cell)))));
  return el('div', { class: 'scroll' }, el('table', {}, head, body));
}

function content(of) {
  return Object.entries(of ?? {}).flatMap(([media, { schema }], index) => [index ? '; ' : '', media + ': ', ...typed(schema)]);
}

/** Who may: one of the scopes is enough. */
function access(security) {
  const scopes = new Set((security ?? []).flatMap(one => Object.values(one).flat()));
  return scopes.size ? 'Needs the scope ' + [...scopes].join(' or ') + '.' : 'Asks for no token.';
}

function operation(method, path, it, shared) {
  const parameters = (it.parameters ?? []).map(one => [
    [el('code', { text: one.name })], [one.in + (one.required ? ', required' : '')], typed(one.schema), [one.description ?? ''],
  ]);
  const answers = Object.entries(it.responses ?? {}).map(([status, one]) => [status, one.$ref ? shared[nameOf(one.$ref)] : one]).map(([status, one]) => [[status], [one.description ?? ''], content(one.content)]);
  const body = it.requestBody;
  return el('details', { id: it.operationId },
    el('summary', {}, el('code', { text: method.toUpperCase() + ' ' + path }), ' ' + it.summary),
    it.description ? el('p', { text: it.description }) : null,
    path.startsWith('/') ? el('p', { class: 'note', text: access(it.security) }) : null,
    table(['Parameter', 'In', 'Type', 'Meaning'], parameters),
    body ? el('p', {}, 'Body' + (body.required ? '' : ' (may be left out)') + ': ', ...content(body.content)) : null,
    table(['Status', 'When', 'Answer'], answers));
}

/** A named shape: its fields, or what it is instead. */
function shape(name, schema) {
  const parts = schema.allOf ?? [schema];
  const fields = parts.flatMap(part => Object.entries(part.properties ?? {}).map(([field, one]) => [
    [el('code', { text: field })], typed(one), [(part.required ?? []).includes(field) ? '' : 'may be absent. ', one.description ?? ''],
  ]));
  const whole = parts.filter(part => part.$ref).flatMap(part => ['All fields of ', ...typed(part), '. ']);
  const either = fields.length || whole.length ? [] : typed(schema);
  return el('details', { id: 'shape-' + name },
    el('summary', {}, el('code', { text: name })),
    schema.description ? el('p', { text: schema.description }) : null,
    whole.length ? el('p', {}, ...whole) : null,
    either.length ? el('p', {}, ...either) : null,
    table(['Field', 'Type', 'Meaning'], fields));
}

function opened() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

function find(word) {
  for (const one of document.querySelectorAll('main details')) {
    one.hidden = !one.textContent.toLowerCase().includes(word.toLowerCase());
  }
}

async function show() {
  const answer = await fetch('openapi.json');
  if (!answer.ok) throw new Error('The document cannot be had: ' + answer.status);
  const { info, tags, paths, webhooks, components } = await answer.json();
  document.getElementById('version').textContent = 'Version ' + info.version;
  document.getElementById('about').textContent = info.description;
  const all = [...Object.entries(paths), ...Object.entries(webhooks)].flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, it]) => ({ method, path, it })));
  const groups = tags.map(tag => el('section', { 'aria-label': tag.name },
    el('h2', { text: tag.name }), el('p', { class: 'note', text: tag.description }),
    ...all.filter(({ it }) => it.tags.includes(tag.name)).map(({ method, path, it }) => operation(method, path, it, components.responses))));
  document.getElementById('paths').replaceChildren(...groups);
  document.getElementById('shapes').replaceChildren(
    el('h2', { text: 'Shapes' }), ...Object.entries(components.schemas).map(([name, schema]) => shape(name, schema)));
  opened();
}

addEventListener('hashchange', opened);
document.getElementById('find').addEventListener('input', event => find(event.target.value));
show().catch(error => { document.getElementById('about').textContent = error.message; });

// @ts-check
// Filters under a name: what somebody looks for every day is one choice. Kept by this browser.
import { asked, byId, el, kept } from './base.js';

const SAVE = ' save';
const REMOVE = ' remove';

/** @returns {[name: string, query: string][]} */
function read() {
  try {
    /** @type {unknown} */
    const all = JSON.parse(kept.get('views') ?? '[]');
    if (!Array.isArray(all)) return [];
    return all.flatMap(one => (Array.isArray(one) ? [[String(one[0]), String(one[1])]] : []));
  } catch {
    return [];
  }
}

/** The list of views on a page; what is chosen becomes its address. */
export function savedViews() {
  const select = byId('views', HTMLSelectElement);
  const here = () => location.search.replace(/^\?/, '');

  function fill() {
    const views = read();
    const now = views.find(([, query]) => query === here())?.[0];
    select.replaceChildren(
      el('option', { value: '', text: 'none', selected: now === undefined }),
      ...views.map(([name]) => el('option', { value: name, text: name, selected: name === now })),
      el('option', { value: SAVE, text: 'Save these filters…' }),
      ...(now === undefined ? [] : [el('option', { value: REMOVE, text: `Remove “${now}”` })]),
    );
    return now;
  }

  /** @param {[string, string][]} views */
  function write(views) {
    kept.set('views', JSON.stringify(views));
    fill();
  }

  let now = fill();
  select.addEventListener('focus', () => (now = fill()));
  select.addEventListener('change', async () => {
    const { value } = select;
    if (value === SAVE) {
      const name = await asked('Save these filters', 'Name', 'Save');
      if (name) write([...read().filter(([other]) => other !== name), [name, here()]]);
      else fill();
    } else if (value === REMOVE) {
      write(read().filter(([name]) => name !== now));
    } else {
      location.search = read().find(([name]) => name === value)?.[1] ?? '';
    }
  });
}

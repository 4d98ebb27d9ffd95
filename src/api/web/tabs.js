// @ts-check
// Tabs over one place that stays: arrow keys move between them, and the one that was chosen last is open the next time.
import { el, kept, setText } from './base.js';

/** @typedef {{ id: string, name: string, content: Node[] }} Tab `id` names it in the page and where it is kept */

export class Tabs {
  /**
   * @param {string} label
   * @param {Tab[]} all
   */
  constructor(label, all) {
    this.label = label;
    this.tabs = all.map(({ id, name, content }) => {
      const at = { id: `tab-${id}`, 'aria-controls': `panel-${id}` };
      const button = el('button', { type: 'button', role: 'tab', class: 'tab', text: name, ...at });
      const panel = el(
        'div',
        { role: 'tabpanel', id: `panel-${id}`, 'aria-labelledby': `tab-${id}`, tabindex: 0 },
        ...content,
      );
      button.addEventListener('click', () => this.open(id));
      return { id, name, button, panel };
    });
    const list = el('div', { role: 'tablist', 'aria-label': label }, ...this.tabs.map(({ button }) => button));
    list.addEventListener('keydown', event => this.key(event));
    this.element = el('div', { class: 'tabs' }, list, ...this.tabs.map(({ panel }) => panel));
    this.open(kept.get(`tab.${label}`) ?? '', false);
  }

  /**
   * @param {string} id the first one where there is none of that name
   * @param {boolean} keep
   */
  open(id, keep = true) {
    const chosen = this.tabs.find(tab => tab.id === id) ?? this.tabs[0];
    for (const tab of this.tabs) {
      const here = tab === chosen;
      tab.panel.hidden = !here;
      tab.button.setAttribute('aria-selected', String(here));
      tab.button.tabIndex = here ? 0 : -1;
    }
    if (keep && chosen) kept.set(`tab.${this.label}`, chosen.id);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const at = this.tabs.findIndex(tab => tab.button === document.activeElement);
    const last = this.tabs.length - 1;
    /** @type {Record<string, number>} */
    const ways = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at <= 0 ? last : at - 1, Home: 0, End: last };
    const next = this.tabs[ways[event.key] ?? -1];
    if (!next) return;
    event.preventDefault();
    this.open(next.id);
    next.button.focus();
  }

  /**
   * What a tab has to tell beside its name.
   * @param {string} id
   * @param {number} count
   */
  count(id, count) {
    const tab = this.tabs.find(one => one.id === id);
    if (tab) setText(tab.button, count ? `${tab.name} (${count})` : tab.name);
  }
}

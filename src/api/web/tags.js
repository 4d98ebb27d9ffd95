// @ts-check
// The tags of one call, edited where they stand; those of packs with what they are there for.
import { api, el, messageOf, posting, setText } from './base.js';

/** @import { TagReason } from './types.d.ts' */

export class Tags {
  list = el('span', { class: 'row wrap' });
  input = el('input', { maxlength: 40, size: 10, autocomplete: 'off', placeholder: 'tag', 'aria-label': 'New tag' });
  note = el('span', { class: 'note', role: 'status' });
  form = el('form', { class: 'row', 'data-needs': 'operate' }, this.input, el('button', { text: 'Add tag' }));
  element = el('div', { class: 'row wrap tags', role: 'group', 'aria-label': 'Tags' }, this.list, this.form, this.note);
  /** @type {string[]} */
  tags = [];
  /** @type {string[]} */
  automatic = [];
  /** @type {TagReason[]} */
  reasons = [];

  /** @param {string} call */
  constructor(call) {
    this.call = call;
    this.form.addEventListener('submit', event => {
      event.preventDefault();
      const wanted = this.input.value.split(',').map(tag => tag.trim());
      this.change('tag', wanted.filter(Boolean)).then(done => done && (this.input.value = ''));
    });
  }

  /**
   * Some of them are of packs, with reasons.
   * @param {string[]} tags
   * @param {string[]} automatic
   * @param {TagReason[]} reasons
   */
  show(tags, automatic, reasons) {
    this.tags = tags;
    this.automatic = automatic;
    this.reasons = reasons;
    this.list.replaceChildren(
      ...tags.map(tag => {
        const off = { type: 'button', class: 'plain', text: '×', 'aria-label': `Remove tag ${tag}` };
        const button = el('button', { ...off, 'data-needs': 'operate' });
        button.addEventListener('click', () => this.change('untag', [tag]));
        return el('span', { class: 'tag' }, tag, this.why(tag), button);
      }),
    );
  }

  /**
   * Says of a tag that a pack has put it on the call, and why.
   * @param {string} tag
   */
  why(tag) {
    if (!this.automatic.includes(tag)) return '';
    const reasons = this.reasons.filter(reason => reason.tag === tag);
    const said = reasons.map(({ reason, rule, quotes }) => {
      const lines = quotes.map(({ text }) => `“${text}”`);
      return `${reason} (${rule}): ${lines.join(' ')}`;
    });
    return el('span', { class: 'note', title: said.join('\n'), text: 'automatic' });
  }

  /**
   * Whether it was done.
   * @param {'tag' | 'untag'} action
   * @param {string[]} tags
   */
  async change(action, tags) {
    if (!tags.length) {
      this.input.focus();
      return false;
    }
    try {
      await api('/calls/bulk', posting({ action, call_ids: [this.call], tags }));
    } catch (error) {
      setText(this.note, messageOf(error));
      return false;
    }
    setText(this.note, '');
    const others = this.tags.filter(tag => !tags.includes(tag));
    // What a person has put on or taken off is a person's.
    const automatic = this.automatic.filter(tag => !tags.includes(tag));
    this.show(action === 'tag' ? [...others, ...tags].sort() : others, automatic, this.reasons);
    return true;
  }
}

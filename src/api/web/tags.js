// @ts-check
// The tags of one call, edited where they stand.
import { api, el, messageOf, posting, setText } from './base.js';

export class Tags {
  list = el('span', { class: 'row wrap' });
  input = el('input', { maxlength: 40, size: 10, autocomplete: 'off', placeholder: 'tag', 'aria-label': 'New tag' });
  note = el('span', { class: 'note', role: 'status' });
  form = el('form', { class: 'row', 'data-needs': 'operate' }, this.input, el('button', { text: 'Add tag' }));
  element = el('div', { class: 'row wrap tags', role: 'group', 'aria-label': 'Tags' }, this.list, this.form, this.note);
  /** @type {string[]} */
  tags = [];

  /** @param {string} call */
  constructor(call) {
    this.call = call;
    this.form.addEventListener('submit', event => {
      event.preventDefault();
      const wanted = this.input.value.split(',').map(tag => tag.trim());
      this.change('tag', wanted.filter(Boolean)).then(done => done && (this.input.value = ''));
    });
  }

  /** @param {string[]} tags */
  show(tags) {
    this.tags = tags;
    this.list.replaceChildren(
      ...tags.map(tag => {
        const off = { type: 'button', class: 'plain', text: '×', 'aria-label': `Remove tag ${tag}` };
        const button = el('button', { ...off, 'data-needs': 'operate' });
        button.addEventListener('click', () => this.change('untag', [tag]));
        return el('span', { class: 'tag' }, tag, button);
      }),
    );
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
    this.show(action === 'tag' ? [...others, ...tags].sort() : others);
    return true;
  }
}

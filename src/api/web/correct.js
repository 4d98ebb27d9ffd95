// @ts-check
// A word or a speaker is set right where it stands. The line then shows the new text, and the old one on demand.
import { api, day, el, messageOf, pathOf, posting, setText, whoAmI } from './base.js';
import { speaker } from './card.js';

/** @import { Correction, Line } from './types.d.ts' */

const SPEAKERS = ['agent', 'caller', 'unknown'];

export class Corrections {
  /**
   * By segment, the first one first.
   * @type {Map<number, Correction[]>}
   */
  by = new Map();
  /** Whether the call is over: before that the next line may still change one. */
  possible = false;

  /**
   * @param {string} call
   * @param {() => void} done is called when a line has another text
   */
  constructor(call, done) {
    this.path = /** @type {const} */ (`${pathOf(call)}/corrections`);
    this.done = done;
  }

  /** @param {Correction[]} all */
  set(all) {
    this.by = Map.groupBy(all, one => one.segment_id);
  }

  /**
   * What stands behind the words of a line: what it was before, and the way to change it.
   * @param {Line} line
   * @returns {HTMLElement[]}
   */
  beside(line) {
    const before = this.by.get(line.id ?? -1) ?? [];
    const parts = [];
    if (before.length) {
      const lines = before.map(one =>
        el(
          'p',
          { class: 'note' },
          `${speaker(one.speaker_before)}: `,
          el('q', { text: one.text_before }),
          ` until ${one.corrected_by}, ${day.format(new Date(one.corrected_at))}`,
        ),
      );
      parts.push(el('details', { class: 'was' }, el('summary', { text: 'corrected' }), ...lines));
    }
    if (this.possible && line.id !== undefined) {
      const label = { 'aria-label': `Correct: ${line.text}`, 'data-needs': 'operate' };
      const button = el('button', { type: 'button', class: 'plain correct', text: 'Correct', ...label });
      button.addEventListener('click', event => {
        event.stopPropagation();
        this.edit(line, button);
      });
      parts.push(button);
    }
    return parts;
  }

  /**
   * Puts a form in the place of the words.
   * @param {Line} line
   * @param {HTMLElement} button
   */
  edit(line, button) {
    const words = button.closest('.words');
    if (!(words instanceof HTMLElement)) return;
    const text = el('textarea', { 'aria-label': 'Text', maxlength: 2000, rows: 2, required: true });
    text.value = line.text;
    const options = SPEAKERS.map(value =>
      el('option', { value, text: speaker(value), selected: value === line.speaker }),
    );
    const who = el('select', { 'aria-label': 'Speaker' }, ...options);
    const note = el('span', { class: 'note', role: 'status' });
    const cancel = el('button', { type: 'button', text: 'Cancel' });
    const form = el('form', { class: 'correction' }, text, who, el('button', { text: 'Save' }), cancel, note);
    const leave = () => {
      form.remove();
      words.hidden = false;
      button.focus();
    };
    cancel.addEventListener('click', leave);
    form.addEventListener('click', event => event.stopPropagation());
    form.addEventListener('keydown', event => {
      if (event.key === 'Escape') leave();
      if (event.key === 'Enter' && !event.shiftKey && (event.target === text || event.target === who)) {
        event.preventDefault();
        form.requestSubmit();
      }
      event.stopPropagation();
    });
    form.addEventListener('submit', async event => {
      event.preventDefault();
      const wish = { segment_id: line.id, text: text.value, speaker: who.value, by: whoAmI() };
      try {
        const { corrections } = await api(this.path, posting(wish));
        this.set(corrections);
        leave();
        this.done();
      } catch (error) {
        setText(note, messageOf(error));
      }
    });
    words.hidden = true;
    words.after(form);
    text.focus();
  }
}

// @ts-check
// What changed between the text of the live call and that of the final pass, stretch by stretch; each place leads to
// its sound.
import { api, clock, el, messageOf, pathOf } from './base.js';
import { speaker } from './card.js';

/** @import { PassChange, PassChanges } from './types.d.ts' */

export class Passes {
  element = el('div', { class: 'passes' });

  /**
   * @param {string} id
   * @param {(seconds: number) => void} hear is told the second that somebody wants to hear
   */
  constructor(id, hear) {
    this.path = pathOf(id);
    this.hear = hear;
  }

  /** How many stretches have changed; what goes wrong is said in place of them. */
  async load() {
    try {
      const told = await api(`${this.path}/passes`);
      this.draw(told);
      return told.changes.length;
    } catch (error) {
      this.element.replaceChildren(el('p', { class: 'note', text: `not available: ${messageOf(error)}` }));
      return 0;
    }
  }

  /** @param {PassChanges} told */
  draw({ passes, live_words, final_words, changed_words, changes }) {
    const once = passes.length < 2;
    const words = `${live_words} words live, ${final_words} in the final pass, ${changed_words} changed`;
    const says = once ? 'The call was transcribed once' : words;
    this.element.replaceChildren(
      el('p', { class: 'note', text: says }),
      el('ul', {}, ...changes.map(change => this.change(change))),
    );
  }

  /** @param {PassChange} change */
  change({ start_time, speaker: who, live, final }) {
    const time = clock(start_time);
    const on = { click: () => this.hear(start_time) };
    const place = { type: 'button', class: 'plain when', 'aria-label': `Go to ${time}`, text: time, on };
    return el(
      'li',
      {},
      el('button', place),
      ` ${speaker(who)}: `,
      live && el('del', { text: live }),
      live && final && ' ',
      final && el('ins', { text: final }),
    );
  }
}

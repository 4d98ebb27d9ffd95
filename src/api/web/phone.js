// @ts-check
// Listening in by telephone: the dialer calls the supervisor's, which hears the agent's session and is not heard.
import { api, el, messageOf, pathOf, posting, setText } from './base.js';

/** Asked once for a page. */
const listens = api('/api/v1/dialer/writes?limit=1').then(
  answer => answer.listen,
  () => false,
);

/**
 * A form for it, where the dialer can be asked.
 * @param {string} call
 * @returns {Promise<HTMLFormElement | null>}
 */
export async function phoneForm(call) {
  if (!(await listens)) return null;
  const phone = el('input', { name: 'phone', required: true, maxlength: 15, size: 8, autocomplete: 'tel-extension' });
  const note = el('span', { class: 'note', role: 'status' });
  const button = el('button', { text: 'Listen by phone' });
  const form = el(
    'form',
    { class: 'row', 'data-needs': 'operate' },
    el('label', { text: 'Your phone login ' }, phone),
    button,
    note,
  );
  form.addEventListener('submit', async event => {
    event.preventDefault();
    button.disabled = true;
    setText(note, 'asking the dialer');
    try {
      const answer = await api(`${pathOf(call)}/listen`, posting({ phone: phone.value.trim() }));
      setText(note, answer.state === 'dry_run' ? 'dry run: nobody was called' : `${answer.phone} rings`);
    } catch (error) {
      setText(note, messageOf(error));
    }
    button.disabled = false;
  });
  return form;
}

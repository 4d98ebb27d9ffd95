// @ts-check
// What tells of an alert besides the page: a sound and a notification of the desktop, each by choice and from a level
// on.
import { el, kept, messageOf, setText } from './base.js';
import { LEVELS, rank } from './board.js';

/** @import { Alert } from './types.d.ts' */

/** Two tones, Hz: the worse, the higher. */
const TONES = { warning: 440, urgent: 660, critical: 880 };
const TONE_S = 0.16;
/** A sound comes this often at most, milliseconds. */
const PAUSE_MS = 3000;

let soundedAt = 0;

/** @param {Alert['level']} level */
function sound(level) {
  if (Date.now() - soundedAt < PAUSE_MS) return;
  soundedAt = Date.now();
  const context = new AudioContext();
  const volume = context.createGain();
  volume.gain.value = 0.12;
  volume.connect(context.destination);
  [TONES[level], TONES[level] * 1.25].forEach((pitch, i) => {
    const tone = context.createOscillator();
    tone.frequency.value = pitch;
    tone.connect(volume);
    tone.start(context.currentTime + i * TONE_S);
    tone.stop(context.currentTime + (i + 1) * TONE_S);
    tone.onended = () => i && context.close();
  });
}

/**
 * Whether an alert of this level is told this way.
 * @param {'sound' | 'notify'} way
 * @param {Alert['level']} level
 */
function wanted(way, level) {
  const least = LEVELS.find(one => one === kept.get(way));
  return least !== undefined && rank(level) >= rank(least);
}

/**
 * Tells of an alert.
 * @param {Alert} alert
 * @param {(call: string) => void} open
 */
export function notice(alert, open) {
  if (wanted('sound', alert.level)) sound(alert.level);
  if (!wanted('notify', alert.level) || !('Notification' in globalThis)) return;
  if (Notification.permission !== 'granted') return;
  const who = alert.agent ?? alert.call_id;
  const shown = new Notification(`${alert.level}: ${who}`, { body: alert.happened, tag: `lineside-${alert.call_id}` });
  shown.onclick = () => {
    window.focus();
    open(alert.call_id);
    shown.close();
  };
}

/**
 * From which level on it is told this way.
 * @param {'sound' | 'notify'} way
 */
function chooser(way) {
  const chosen = kept.get(way) ?? '';
  const choices = [['', 'never'], ...LEVELS.map(level => [level, level === 'critical' ? level : `${level} and above`])];
  const options = choices.map(([value, text]) => el('option', { value, text, selected: value === chosen }));
  const select = el('select', {}, ...options);
  select.addEventListener('change', () => kept.set(way, select.value));
  return select;
}

/** The two choices, for the settings. */
export function noticeChoices() {
  const bySound = chooser('sound');
  const byDesktop = chooser('notify');
  const note = el('span', { class: 'note', role: 'status' });
  byDesktop.addEventListener('change', async () => {
    setText(note, '');
    if (!byDesktop.value) return;
    try {
      const answer = await Notification.requestPermission();
      if (answer !== 'granted') setText(note, ' the browser does not allow it for this address');
    } catch (error) {
      setText(note, ` not possible here: ${messageOf(error)}`);
    }
  });
  bySound.addEventListener('change', () => LEVELS.filter(level => level === bySound.value).forEach(sound));
  return el(
    'div',
    {},
    el('p', {}, el('label', { text: 'Sound for alerts ' }, bySound)),
    el('p', {}, el('label', { text: 'Desktop notification ' }, byDesktop), note),
  );
}

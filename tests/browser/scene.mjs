// A shift in a call centre, played to a daemon: calls that are running, calls that are over.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rendered, soundOf, uuidOf } from './bed.mjs';

const AGENTS = ['emma', 'oliver', 'mary', 'james', 'sofia', 'david', 'lisa', 'peter', 'anna', 'mark', 'julia', 'tom'];
const CAMPAIGNS = ['ENERGY', 'COLLECT', 'SALES'];
const EPOCH = 1795257000;

/** Names a call before it is heard. */
export const name = (daemon, number) => daemon.post('/api/v1/calls', {
  call_id: `${EPOCH + number}.${number}`, uniqueid: `${EPOCH + number}.${number}`, agent: AGENTS[number % AGENTS.length], campaign: CAMPAIGNS[number % CAMPAIGNS.length], phone: `+1555010${String(number).padStart(3, '0')}`,
});

export const idOf = number => `${EPOCH + number}.${number}`;

/** Two legs of a rendered call, from `from` seconds on, kept open for `seconds`; resolves to what hangs up. */
export async function dialled(daemon, number, call, from = 0, seconds = 60) {
  const folder = rendered('calls');
  await name(daemon, number);
  const legs = ['agent', 'caller'].map((side, i) => {
    const sound = soundOf(join(folder, `${call}-${side}.wav`)).subarray(Math.round(from * 8000) * 2);
    return daemon.dial(uuidOf(EPOCH + number, number, i + 1), sound.subarray(0, seconds * 16000), Math.max(0.7, seconds - sound.length / 16000));
  });
  const hangUps = await Promise.all(legs);
  return () => hangUps.forEach(hangUp => hangUp());
}

/** Names of the rendered calls. */
export const calls = () => readdirSync(rendered('calls')).filter(file => file.endsWith('.json')).map(file => file.slice(0, -5)).sort();

/** What an alert of the shift was about: rule, level, its sentence, the words, the line. */
const RAISED = [
  ['legal_threat', 'urgent', 'The caller threatens with a lawyer, a complaint or the law', ['lawyer'], 'You will hear from my lawyer.'],
  ['profanity', 'urgent', 'The caller swears', ['damn'], 'This damn thing is broken.'],
  ['negative_trend', 'warning', 'The caller has said three negative things in a row', [], 'It is terrible.'],
  ['high_risk', 'critical', 'The call is going badly', [], 'I have had enough of this.'],
];

/** A shift that is over: so many open alerts, three to a call, as rows. The daemon starts anew with them. */
export async function afterShift(daemon, alerts) {
  await daemon.end();
  const rows = Array.from({ length: alerts }, (_, i) => {
    const [name, level, description, words, text] = RAISED[i % RAISED.length];
    return { call: Math.floor(i / 3), level, text, rules: JSON.stringify([{ name, level, description, pack: 'alerts', reason: `said: ${words.join(', ') || 'risk 0.81 at or above 0.75'}`, words, prompt: null }]) };
  });
  execFileSync('python3', ['-c', `
import json, sqlite3, sys, time
db, rows, now = sqlite3.connect(sys.argv[1]), json.load(sys.stdin), int(time.time() * 1000)
for i, row in enumerate(rows):
    id = f"shift-{row['call']}"
    began = now - 7200000 + row['call'] * 20000
    db.execute("INSERT OR IGNORE INTO call (call_id, source, state, started_ms, last_activity_ms, closed_ms, ended_ms, agent, campaign, has_alerts) VALUES (?, 'recording', 'completed', ?, ?, ?, ?, ?, 'SALES', 1)",
        (id, began, began + 60000, began + 60000, began + 60000, f"shift{row['call'] % 9}"))
    db.execute("INSERT INTO alert (call, raised_ms, level, origin, rules, leg, start_ms, end_ms, text, risk) SELECT id, ?, ?, ?, ?, 'caller', 1000, 3000, ?, 0.5 FROM call WHERE call_id = ?",
        (began + 5000 + i, row['level'], f"test {i}", row['rules'], row['text'], id))
db.commit()
`, join(daemon.folder, 'state/lineside.db')], { input: JSON.stringify(rows) });
  await daemon.run();
}

/** A call of another platform that goes on: its text alone. `status` is told with the last line. */
export async function tell(daemon, call, agent, lines, status = 'active') {
  for (const [i, [speaker, text]] of lines.entries()) {
    await daemon.post('/api/realtime/events', {
      provider: 'test', call_id: call, event_type: 'transcript', speaker, text, agent_id: agent, status: i === lines.length - 1 ? status : 'active',
    });
  }
}

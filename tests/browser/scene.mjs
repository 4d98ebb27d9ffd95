// A shift in a call centre, played to a daemon: calls that are running, calls that are over.
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

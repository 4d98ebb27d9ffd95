// Pictures of every page in light, dark and phone width, with real calls in them: node screenshots.mjs FOLDER [PAGE-LOOK…]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon, browser, pause, until, view, wavOf, soundOf, rendered } from './bed.mjs';
import { calls, dialled, idOf } from './scene.mjs';

const [folder, ...wanted] = process.argv.slice(2);
if (!folder) {
  console.error('usage: screenshots.mjs FOLDER [PAGE-LOOK…]');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1360, height: 850 } },
  dark: { colorScheme: 'dark', viewport: { width: 1360, height: 850 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
};
const RUNNING = 9;

const daemon = await Daemon.start();
const opened = await browser();
try {
  const names = calls();
  // One that is over, by upload.
  const form = new FormData();
  form.append('agent', 'emma');
  form.append('campaign', 'ENERGY');
  form.append('file', new Blob([wavOf(soundOf(join(rendered('calls'), `${names[0]}-agent.wav`)))]), 'monday.wav');
  await (await fetch(`${daemon.address}/upload`, { method: 'POST', body: form })).json();
  for (let number = 1; number <= RUNNING; number++) {
    dialled(daemon, number, names[number % names.length], (number * 7) % 24, 120).catch(() => {});
    await pause(2500);
  }
  await until('words in most calls', async () => (await daemon.get('/api/v1/board')).calls.filter(call => call.course?.length > 2).length >= RUNNING - 2, 180_000);
  // The pictures show a box that keeps up with its calls.
  const keepsUp = async () => ((await daemon.get('/api/v1/box')).lag_s ?? 0) < 3;
  await until('text that keeps up', keepsUp, 30_000).catch(() => console.error('text is behind in these pictures: run this on a machine without other work'));
  const one = idOf(2);
  const pages = {
    live: '/', open: `/#${one}`, call: `/calls/${one}`, calls: '/calls', search: '/calls?q=account', upload: '/upload', dashboard: '/dashboard',
    alerts: '/alerts', agents: '/agents', reviews: '/reviews', settings: '/settings',
  };
  for (const [look, options] of Object.entries(LOOKS)) {
    for (const [name, path] of Object.entries(pages)) {
      if (wanted.length && !wanted.includes(`${name}-${look}`)) continue;
      const page = await view(opened, daemon.address + path, options);
      await pause(2500);
      await page.screenshot({ path: join(folder, `${name}-${look}.png`) });
      if (page.problems.length) console.error(`${name}-${look}: ${page.problems.join('; ')}`);
      await page.context().close();
    }
  }
  console.log(`pictures in ${folder}`);
} finally {
  await opened.close();
  await daemon.remove();
}
process.exit(0);

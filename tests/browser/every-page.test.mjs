// Every page in its looks: axe finds nothing at all, no script fails, and nothing is wider than the screen.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, browser, view, violations } from './bed.mjs';
import { afterShift, tell } from './scene.mjs';

const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1360, height: 850 } },
  dark: { colorScheme: 'dark', viewport: { width: 1360, height: 850 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
};
const PAGES = {
  live: '/', 'live with a call': '/#P-1', call: '/calls/P-2', calls: '/calls', search: '/calls?q=bill', alerts: '/alerts', agents: '/agents', agent: '/agent?agent=rosa',
  dashboard: '/dashboard', reviews: '/reviews', upload: '/upload', settings: '/settings', docs: '/docs', login: '/login', 'a call that is not there': '/calls/none',
};
let daemon, opened;
before(async () => {
  [daemon, opened] = [await Daemon.start(), await browser()];
  await afterShift(daemon, 20);
  await tell(daemon, 'P-1', 'rosa', [['agent', 'Hello, this call may be recorded.'], ['customer', 'I will call my lawyer, this is terrible.']]);
  await tell(daemon, 'P-2', 'ben', [['agent', 'Good morning, how can I help you?'], ['customer', 'My bill is wrong, this is awful. Please call me back tomorrow.']], 'ended');
  await daemon.completed('P-2');
});
after(async () => { await opened?.close(); await daemon?.remove(); });

for (const [look, options] of Object.entries(LOOKS)) {
  test(`axe finds nothing on ${Object.keys(PAGES).length} pages, ${look}`, async () => {
    const found = [];
    for (const [name, path] of Object.entries(PAGES)) {
      const page = await view(opened, daemon.address + path, options);
      await page.waitForLoadState('networkidle').catch(() => {});
      await new Promise(done => setTimeout(done, 400));
      found.push(...(await violations(page, [])).map(line => `${name}: ${line}`));
      found.push(...page.problems.map(line => `${name}: ${line}`));
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 1) found.push(`${name}: ${over} px wider than the screen`);
      await page.context().close();
    }
    assert.deepEqual(found, []);
  });
}

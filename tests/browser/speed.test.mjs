// How long it takes from a segment that is stored to its words on ten screens, with fifty calls on the line and 500 open alerts of the shift behind
// them. Printed, not judged: the machine may be anybody's.
import { after, before, test } from 'node:test';
import { Daemon, browser, lines, pause, percentile, soundOf, until, uuidOf, view } from './bed.mjs';
import { afterShift, name } from './scene.mjs';

const CALLS = 50, VIEWERS = 10, BEHIND = 500, EPOCH = 1795257000;
let daemon, opened;
before(async () => { [daemon, opened] = [await Daemon.start(), await browser()]; });
after(async () => { await opened?.close(); await daemon?.remove(); });

test('fifty calls on ten screens', async t => {
  await afterShift(daemon, BEHIND);
  const spoken = lines();
  const hangUps = [];
  const talk = async number => {
    await name(daemon, number);
    hangUps.push(await daemon.dial(uuidOf(EPOCH + number, number, 1 + number % 2), soundOf(spoken[number % spoken.length].file), 1));
  };
  // The screens are there before the words.
  const pages = [];
  for (let viewer = 0; viewer < VIEWERS; viewer++) pages.push(await view(opened, daemon.address));
  const paint = await Promise.all(pages.map(page => page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0)));
  for (const page of pages) {
    await page.locator('#box', { hasText: /^live/ }).waitFor();
    await page.evaluate(() => {
      globalThis.painted = [];
      new MutationObserver(changes => {
        const stored = changes.map(change => Date.parse(change.target.dataset.at));
        // A message is delivered after the frame that is being made.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => { const now = Date.now(); painted.push(...stored.map(at => now - at)); };
        port2.postMessage(0);
      }).observe(document.getElementById('cards'), { subtree: true, attributes: true, attributeFilter: ['data-at'] });
    });
  }
  const calls = [];
  for (let number = 1; number <= CALLS; number++) {
    calls.push(talk(number));
    await pause(250);
  }
  await Promise.all(calls);
  await until('text of most calls on every screen', async () => {
    const seen = await Promise.all(pages.map(page => page.evaluate(() => painted.length)));
    return Math.min(...seen) >= CALLS * 0.8;
  }, 240_000);
  const cards = await pages[0].locator('.card').count();
  const late = (await Promise.all(pages.map(page => page.evaluate(() => painted)))).flat();
  t.diagnostic(`from stored to painted, ${cards} cards, ${VIEWERS} viewers, ${late.length} texts, ${BEHIND} alerts behind: p50 ${percentile(late, 0.5)} ms, p95 ${percentile(late, 0.95)} ms, most ${Math.max(...late)} ms`);
  t.diagnostic(`first contentful paint: p50 ${percentile(paint, 0.5).toFixed(0)} ms, most ${Math.max(...paint).toFixed(0)} ms`);
  hangUps.forEach(hangUp => hangUp());
});

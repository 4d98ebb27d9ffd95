// The live page in a real browser, with a real daemon and real calls.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, browser, lines, soundOf, until, uuidOf, view, violations } from './bed.mjs';

let daemon, opened;
before(async () => { [daemon, opened] = [await Daemon.start(), await browser()]; });
after(async () => { await opened?.close(); await daemon?.remove(); });

test('a live call appears and its words stream in', async () => {
  const page = await view(opened, daemon.address);
  await page.getByText('No call at the moment').waitFor();
  const [first, second] = lines();
  await daemon.post('/api/v1/calls', { uuid: uuidOf(1795257001, 1, 1), uniqueid: '1795257001.1', agent: 'emma', campaign: 'ENERGY', phone: '+15550100' });
  const call = daemon.dial(uuidOf(1795257001, 1, 1), Buffer.concat([soundOf(first.file), Buffer.alloc(16000), soundOf(second.file)]), 3);
  const card = page.locator('.card', { hasText: 'emma' });
  await card.waitFor();
  const before = await until('the first words', async () => (await daemon.get('/api/v1/calls/1795257001.1')).transcript_segments[0]?.text);
  await card.getByText(before.slice(0, 20)).waitFor();
  await card.click();
  const said = page.locator('#panel .transcript li:not(.partial)');
  await until('both lines in the panel', async () => await said.count() >= 2);
  const hangUp = await call;
  hangUp();
  await card.getByText(/hung up|ended/).waitFor();
  const { transcript_segments: segments } = await daemon.completed('1795257001.1');
  await until('the panel has every line once', async () => await said.count() === segments.length);
  assert.deepEqual(await said.locator('.words').allTextContents(), segments.map(segment => segment.text));
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

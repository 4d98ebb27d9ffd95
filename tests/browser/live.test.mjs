// The live page in a real browser, with a real daemon and real calls.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, browser, lines, soundOf, until, uuidOf, view, violations } from './bed.mjs';
import { idOf, name } from './scene.mjs';

let daemon, opened;
before(async () => { [daemon, opened] = [await Daemon.start(), await browser()]; });
after(async () => { await opened?.close(); await daemon?.remove(); });

const EPOCH = 1795257000;
/** The agent's leg of a named call; `sound` is spoken, then the line stays open for `open` seconds. */
async function call(number, sound, open) {
  await name(daemon, number);
  return daemon.dial(uuidOf(EPOCH + number, number, 1), sound, open);
}
const linesOf = async number => (await daemon.get(`/api/v1/calls/${idOf(number)}`)).transcript_segments.map(segment => segment.text);
const connected = page => page.locator('#box', { hasText: /^live/ }).waitFor();

test('a live call appears and its words stream in', async () => {
  const page = await view(opened, daemon.address);
  await page.getByText('No calls right now').waitFor();
  const [first, second] = lines();
  const talking = call(1, Buffer.concat([soundOf(first.file), Buffer.alloc(16000), soundOf(second.file)]), 3);
  const card = page.locator('.card', { hasText: 'oliver' });
  await card.waitFor();
  const [begin] = await until('the first words', async () => { const said = await linesOf(1); return said.length && said; }, 120_000);
  await card.getByText(begin.slice(0, 20)).waitFor();
  await card.getByText('+1555010001').waitFor();
  await card.click();
  const said = page.locator('#panel .transcript li:not(.partial)');
  (await talking)();
  await card.getByText(/hung up|ended/).waitFor();
  await daemon.completed(idOf(1));
  const all = await linesOf(1);
  await until('the panel has every line once', async () => await said.count() === all.length);
  assert.deepEqual(await said.locator('.words').allTextContents(), all);
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

test('the daemon restarts under the page, which says so and misses nothing', async () => {
  const page = await view(opened, daemon.address);
  await connected(page);
  const talking = call(2, Buffer.concat([soundOf(lines()[2].file), Buffer.alloc(16000), soundOf(lines()[3].file)]), 20);
  await page.locator('.card', { hasText: 'mary' }).click();
  const said = page.locator('#panel .transcript li:not(.partial) .words');
  await until('the first line', async () => await said.count() >= 1, 120_000);
  await daemon.end('SIGKILL');
  await page.locator('#box.lost', { hasText: 'connection lost' }).waitFor();
  await (await talking)();
  await daemon.run();
  await connected(page);
  await daemon.completed(idOf(2));
  const all = await linesOf(2);
  await until('every line once', async () => JSON.stringify(await said.allTextContents()) === JSON.stringify(all));
  // And what comes later comes by itself.
  const later = call(3, soundOf(lines()[0].file), 2);
  await page.locator('.card', { hasText: 'james' }).waitFor();
  (await later)();
  await daemon.completed(idOf(3));
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('everything can be done with the keyboard alone', async () => {
  const page = await view(opened, daemon.address);
  await connected(page);
  const talking = Promise.all([4, 5].map(number => call(number, soundOf(lines()[number].file), 60)));
  await page.locator('.card', { hasText: 'sofia' }).waitFor();
  await page.locator('.card', { hasText: 'david' }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.closest('.card')?.dataset.id);
  await page.keyboard.press('j');
  const first = await focused();
  await page.keyboard.press('j');
  const second = await focused();
  assert.ok(first && second && first !== second);
  await page.keyboard.press('k');
  assert.equal(await focused(), first);
  await page.keyboard.press('Enter');
  await page.locator('#panel', { hasText: first }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#panel').waitFor({ state: 'hidden' });
  assert.equal(await focused(), first);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.type('calling');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/calls\?q=calling/);
  assert.deepEqual(page.problems, []);
  (await talking).forEach(hangUp => hangUp());
  await page.context().close();
});

test('an alert fires, is acknowledged in one window and seen in another', async () => {
  const [one, other] = [await view(opened, daemon.address), await view(opened, daemon.address)];
  await Promise.all([connected(one), connected(other)]);
  await name(daemon, 7);
  const talking = daemon.dial(uuidOf(EPOCH + 7, 7, 2), soundOf(lines()[7].file), 30); // the caller: I want to cancel my contract.
  const alert = page => page.locator('#alerts .alert', { hasText: 'peter' });
  await Promise.all([one, other].map(page => alert(page).first().waitFor({ timeout: 120_000 })));
  await alert(other).getByText('The caller says a word that matters: “cancel').first().waitFor();
  assert.equal(await alert(other).count(), 1, 'a row for the call, however many alerts it has');
  await other.locator('.card', { hasText: 'peter' }).click();
  await other.locator('#panel .alert button', { hasText: 'Acknowledge' }).first().waitFor();
  await other.locator('#panel .transcript mark', { hasText: 'cancel' }).waitFor();
  for (const page of [one, other]) assert.deepEqual(await violations(page), []);
  const { alerts } = await daemon.get(`/api/v1/alerts?call_id=${idOf(7)}`);
  // With the key: all of this call.
  await one.locator('.card', { hasText: 'peter' }).locator('.name').focus();
  await one.keyboard.press('a');
  await until('the daemon knows', async () => (await daemon.get(`/api/v1/alerts?call_id=${idOf(7)}`)).alerts.filter(found => found.acknowledged).length >= alerts.length);
  await until('the banner is empty in both', async () => await alert(one).count() === 0 && await alert(other).count() === 0);
  await other.locator('#panel .alert', { hasText: 'acknowledged by supervisor' }).first().waitFor();
  assert.deepEqual([...one.problems, ...other.problems], []);
  (await talking)();
  await Promise.all([one, other].map(page => page.context().close()));
});

test('a running call can be listened to', async () => {
  const talking = call(8, soundOf(lines()[8].file), 25);
  await until('the call is there', () => daemon.get(`/api/v1/calls/${idOf(8)}`).catch(() => null));
  const page = await view(opened, `${daemon.address}/calls/${idOf(8)}`);
  await page.getByRole('button', { name: 'Listen in' }).click();
  const note = page.getByText(/listening, \d+\.\d s behind/);
  await note.waitFor();
  // It goes on: what is new is fetched again and again.
  for (let time = 0; time < 2; time++) await page.waitForResponse(response => response.url().includes('/live?from=') && response.ok());
  await page.getByRole('button', { name: 'Stop listening' }).click();
  await page.getByText('stopped').waitFor();
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await violations(page), []);
  (await talking)();
  await page.context().close();
});

test('script in a name is text', async () => {
  const evil = '<img src=x onerror="document.title=1">';
  await daemon.post('/api/v1/calls', { uuid: uuidOf(EPOCH + 6, 6, 1), uniqueid: idOf(6), agent: evil, campaign: '"><script>document.title=1</script>', phone: '\u202e<b>' });
  const talking = daemon.dial(uuidOf(EPOCH + 6, 6, 1), soundOf(lines()[0].file), 5);
  const page = await view(opened, daemon.address);
  const card = page.locator('.card', { hasText: 'onerror' });
  await card.waitFor();
  await card.click();
  await page.locator('#panel h2', { hasText: evil }).waitFor();
  (await talking)();
  await page.goto(`${daemon.address}/calls/${idOf(6)}`);
  await page.locator('h1', { hasText: evil }).waitFor();
  assert.notEqual(await page.title(), '1');
  assert.equal(await page.locator('img[src=x], main script').count(), 0);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

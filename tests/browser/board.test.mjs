// The board of a supervisor: what needs somebody now and nothing else, by eye, ear and keyboard; the rest on the page of alerts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, browser, lines, soundOf, until, uuidOf, view, violations } from './bed.mjs';
import { afterShift, idOf, name, tell } from './scene.mjs';

const EPOCH = 1795257000;
const THREAT = ['customer', 'I will call my lawyer.'];
let daemon, opened;
before(async () => { [daemon, opened] = [await Daemon.start(), await browser()]; await afterShift(daemon, 500); });
after(async () => { await opened?.close(); await daemon?.remove(); });

const connected = page => page.locator('#box', { hasText: /^live/ }).waitFor();
const strip = page => page.getByRole('region', { name: 'Open alerts of running calls' });
const openOf = async call => (await daemon.get(`/api/v1/alerts?call_id=${call}&acknowledged=false`)).alerts.length;

test('after a shift of 500 alerts the board fits a screen, with a row for each call that runs', async () => {
  await tell(daemon, 'L-1', 'rosa', [['agent', 'Hello, this call may be recorded.'], THREAT, ['customer', 'This is damn terrible, I hate it.']]);
  await tell(daemon, 'L-2', 'ben', [['agent', 'Hello, this call may be recorded.'], THREAT]);
  await until('both have alerts', async () => await openOf('L-1') >= 2 && await openOf('L-2') >= 1);
  const page = await view(opened, daemon.address);
  await connected(page);
  const rows = strip(page).locator('.alert');
  await until('a row for each', async () => await rows.count() === 2);
  await rows.filter({ hasText: 'ben' }).getByText('The caller threatens with a lawyer, a complaint or the law: “lawyer”').waitFor();
  await strip(page).getByRole('link', { name: /^500 open alerts of calls that are over$/ }).waitFor();
  const { high, window } = await page.evaluate(() => ({ high: document.documentElement.scrollHeight, window: innerHeight }));
  assert.ok(high <= window, `the page is ${high} px high, the window ${window}`);
  assert.deepEqual(await violations(page), []);
  // All of a call at once; the figures behind an alert on demand.
  const all = await openOf('L-1');
  await rows.filter({ hasText: 'rosa' }).getByRole('button', { name: new RegExp(`^Acknowledge all ${all}`) }).click();
  await until('nothing of it is open', async () => await openOf('L-1') === 0);
  await until('its row is gone', async () => await rows.count() === 1);
  await page.locator('.card', { hasText: 'rosa' }).click();
  const line = page.locator('#panel .alert').first();
  await line.getByText('acknowledged by supervisor').waitFor();
  await line.getByText('Why').click();
  await line.getByText(/legal_threat|profanity|very_negative/).waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('the page of alerts has the rest, filters it and acknowledges what is shown', async () => {
  const page = await view(opened, `${daemon.address}/alerts?calls=over&level=critical`);
  const note = page.locator('#note');
  await note.getByText('125 alerts of 125 calls, 125 open').waitFor();
  await page.getByLabel('Level').selectOption('');
  await note.getByText(/^500\+? alerts of 167 calls, 500 open$/).waitFor();
  await page.getByLabel('Agent').fill('shift3');
  await page.keyboard.press('Enter');
  await note.getByText(/^5[0-9] alerts of 1[0-9] calls/).waitFor();
  assert.deepEqual(await violations(page), []);
  const call = page.locator('[data-call]').first();
  await call.getByRole('button', { name: /^Acknowledge these 3/ }).click();
  await call.getByText('acknowledged by supervisor').nth(2).waitFor();
  await page.getByRole('button', { name: /^Acknowledge the \d+ shown/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: /^Acknowledge \d+$/ }).click();
  await note.getByText(', 0 open').waitFor();
  assert.equal((await daemon.get('/api/v1/alerts?acknowledged=false&agent=shift3')).alerts.length, 0);
  await page.getByLabel('State').selectOption('open');
  await note.getByText('No alerts here.').waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('of a call the page of alerts acknowledges those that it shows, not those that its filters leave out', async () => {
  const page = await view(opened, `${daemon.address}/alerts?calls=over&level=urgent&agent=shift4`);
  const call = page.locator('[data-call]').filter({ has: page.getByRole('button', { name: /^Acknowledge these 2/ }) }).first();
  const id = await call.getAttribute('data-call');
  const shown = page.locator(`[data-call="${id}"]`);
  await shown.getByRole('button', { name: /^Acknowledge these 2/ }).click();
  await shown.getByText('acknowledged by supervisor').nth(1).waitFor();
  const left = (await daemon.get(`/api/v1/alerts?call_id=${id}&acknowledged=false`)).alerts;
  assert.deepEqual(left.map(alert => alert.level === 'urgent'), [false], 'the third of the call was not shown');
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('listening in is one click from the card, begins at a whisper, and moves on to another call', async () => {
  const talking = [];
  for (const number of [1, 2]) {
    await name(daemon, number);
    talking.push(daemon.dial(uuidOf(EPOCH + number, number, 1), soundOf(lines()[number].file), 40));
  }
  const page = await opened.newContext({ viewport: { width: 1280, height: 800 } }).then(context => context.newPage());
  await page.addInitScript(() => {
    globalThis.gains = [];
    for (const way of ['setValueAtTime', 'linearRampToValueAtTime']) {
      const real = AudioParam.prototype[way];
      AudioParam.prototype[way] = function (value, at) { gains.push([way, value]); return real.call(this, value, at); };
    }
  });
  await page.goto(daemon.address);
  await connected(page);
  const card = number => page.locator(`.card[data-id="${idOf(number)}"]`);
  await card(1).getByRole('button', { name: /^Listen in/ }).click();
  await until('it plays', async () => (await page.evaluate(() => gains.map(([way]) => way))).includes('linearRampToValueAtTime'));
  const gains = await page.evaluate(() => gains);
  assert.ok(gains[0][1] <= 0.05, `it begins at ${gains[0][1]}`);
  assert.ok(gains.at(-1)[1] > 0.3, `it comes up to ${gains.at(-1)[1]}`);
  await card(2).getByRole('button', { name: /^Listen in/ }).click();
  await card(1).getByRole('button', { name: /^Listen in/ }).waitFor();
  await card(2).click();
  const panel = page.locator('#panel');
  await panel.getByText(/listening, \d+\.\d s behind/).waitFor();
  await panel.getByRole('button', { name: 'Stop listening' }).click();
  await card(2).getByRole('button', { name: /^Listen in/ }).waitFor();
  // The title stays when the call ends and when it has left the board.
  await panel.locator('h2', { hasText: 'mary · +1555010002' }).waitFor();
  for (const one of await Promise.all(talking)) one();
  await daemon.completed(idOf(2));
  await panel.getByText('this call is over').waitFor({ timeout: 40_000 });
  assert.equal(await panel.locator('h2').textContent(), 'mary · +1555010002');
  await page.context().close();
});

test('an alert sounds and is told by the desktop for those who chose it, and for nobody else', async () => {
  const context = await opened.newContext({ permissions: ['notifications'], viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.told = [];
    globalThis.tones = 0;
    globalThis.Notification = class { static permission = 'granted'; static requestPermission = async () => 'granted'; constructor(title, { body }) { told.push(`${title}: ${body}`); } };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (at) { tones += 1; return start.call(this, at); };
  });
  await page.goto(daemon.address);
  await connected(page);
  await tell(daemon, 'N-1', 'ines', [['agent', 'This call may be recorded.'], THREAT]);
  await strip(page).locator('.alert', { hasText: 'ines' }).waitFor();
  assert.deepEqual(await page.evaluate(() => [told.length, tones]), [0, 0], 'nothing was chosen');
  await page.locator('#settings').click();
  await page.getByLabel('Sound for alerts').selectOption('urgent');
  const tried = await page.evaluate(() => tones);
  assert.ok(tried > 0, 'the choice is heard');
  await page.getByLabel('Desktop notification').selectOption('urgent');
  assert.deepEqual(await violations(page), []);
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await new Promise(done => setTimeout(done, 3200));
  await tell(daemon, 'N-2', 'omar', [['agent', 'This call may be recorded.'], THREAT]);
  await until('it was told', async () => (await page.evaluate(() => told)).some(text => /^urgent: omar: The caller threatens with a lawyer/.test(text)));
  assert.ok(await page.evaluate(() => tones) > tried);
  await context.close();
});

test('the first key reaches the first card, and agents are shown by what they do', async () => {
  await tell(daemon, 'P-1', 'kim', [['agent', 'Hello there.']]);
  const page = await view(opened, daemon.address);
  await connected(page);
  await page.locator('.card').first().waitFor();
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.activeElement?.matches('.card:first-child .name')), 'the first card has the focus');
  await tell(daemon, 'P-2', 'lou', [['agent', 'Hello there.'], ['agent', 'Goodbye.']], 'ended');
  await daemon.completed('P-2');
  const agents = page.locator('#agents');
  await agents.locator('summary', { hasText: /on a call/ }).click();
  await agents.getByRole('row', { name: /kim.*(on a call|silent) \d+:\d\d/ }).waitFor();
  await agents.getByRole('row', { name: /lou.*in wrap \d:\d\d/ }).waitFor();
  // Nobody says anything more.
  await agents.getByRole('row', { name: /kim.*silent \d:\d\d/ }).waitFor({ timeout: 40_000 });
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

test('on a phone calls, sentiment and alerts are on the first screen', async () => {
  await tell(daemon, 'M-1', 'nina', [['agent', 'This call may be recorded.'], THREAT]);
  await until('it has an alert', async () => await openOf('M-1') >= 1);
  const page = await view(opened, daemon.address, { viewport: { width: 390, height: 844 } });
  await connected(page);
  const inSight = async (what, place) => {
    await place.waitFor();
    const box = await place.boundingBox();
    assert.ok(box && box.y >= 0 && box.y + box.height <= 844 && box.x >= 0 && box.x + box.width <= 390, `${what}: ${JSON.stringify(box)}`);
  };
  await inSight('the worst alert', strip(page).locator('.alert').first());
  for (let card = 0; card < 3; card++) await inSight(`card ${card}`, page.locator('.card').nth(card));
  await inSight('sentiment', page.locator('.card .score').first());
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390), 'nothing is wider than the screen');
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.getByLabel('Level').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

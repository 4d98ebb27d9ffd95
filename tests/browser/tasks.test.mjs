// What people do every day, by somebody who sees the page for the first time: ten tasks of a supervisor, ten of an analyst. Each is done by what can be
// read on the page, with two clicks at most; what is typed is no click, what is chosen from a list is one. The table is printed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, browser, lines, soundOf, until, uuidOf, view } from './bed.mjs';
import { afterShift, name, tell } from './scene.mjs';

const EPOCH = 1795257000, MOST = 2;
let daemon, opened;
before(async () => {
  [daemon, opened] = [await Daemon.start(), await browser()];
  await afterShift(daemon, 60);
  await tell(daemon, 'T-1', 'rosa', [['agent', 'Hello, this call may be recorded.'], ['customer', 'I will call my lawyer.'], ['customer', 'This is damn terrible, I hate it.']]);
  await tell(daemon, 'T-2', 'ben', [['agent', 'Hello, how can I help you today?'], ['customer', 'Good morning.']]);
  await tell(daemon, 'T-3', 'mary', [['agent', 'Good morning, thank you for calling Northern Energy, this call may be recorded. How can I help you?'],
    ['customer', 'I am calling about my bowler, it is broken.'], ['agent', 'I have booked an engineer for you, you will receive an e-mail tomorrow. Goodbye.']], 'ended');
  await tell(daemon, 'T-4', 'zoe', [['agent', 'What do you want?'], ['customer', 'My bill is wrong, this is awful.']], 'ended');
  await daemon.completed('T-3');
  await daemon.completed('T-4');
  await name(daemon, 1);
  // It goes on while the others are looked at.
  daemon.dial(uuidOf(EPOCH + 1, 1, 1), soundOf(lines()[1].file), 240).catch(() => {});
  await until('they have scores', async () => (await daemon.get('/api/v1/calls')).calls.filter(call => /^T-[34]$/.test(call.call_id) && call.score !== null).length === 2);
});
after(async () => { await opened?.close(); await daemon?.remove(); });

/** A mouse that counts. */
class Clicks {
  count = 0;
  async click(place) { this.count += 1; await place.click(); }
  async choose(place, value) { this.count += 1; await place.selectOption(value); }
}
const card = (page, agent) => page.locator('.card', { hasText: agent });
const strip = page => page.getByRole('region', { name: 'Open alerts of running calls' });

/** Who, what, where it begins, how; in this order, for some leave something behind. */
const TASKS = [
  ['supervisor', 'see which running call needs somebody most, and why', '/', async page => {
    await strip(page).locator('.alert').first().getByText(/^The caller/).waitFor();
    assert.ok((await strip(page).locator('.alert').first().textContent()).includes('rosa'));
  }],
  ['supervisor', 'read along while people speak', '/', async (page, mouse) => {
    await mouse.click(card(page, 'rosa').first());
    await page.locator('#panel .transcript').getByText('This is damn terrible').waitFor();
  }],
  ['supervisor', 'know the figures behind an alert', '/', async (page, mouse) => {
    await mouse.click(card(page, 'rosa').first());
    await mouse.click(page.locator('#panel .alert').first().getByText('Why'));
    await page.locator('#panel .because[open]').first().getByText(/risk then \d+%/).waitFor();
  }],
  ['supervisor', 'acknowledge all alerts of a call', '/', async (page, mouse) => {
    await mouse.click(strip(page).locator('.alert', { hasText: 'rosa' }).getByRole('button', { name: /^Acknowledge/ }));
    await until('none is open', async () => (await daemon.get('/api/v1/alerts?call_id=T-1&acknowledged=false')).alerts.length === 0);
  }],
  ['supervisor', 'listen in to a call', '/', async (page, mouse) => {
    await mouse.click(card(page, 'oliver').getByRole('button', { name: /^Listen in/ }));
    await card(page, 'oliver').getByRole('button', { name: /^Stop listening/ }).waitFor();
  }],
  ['supervisor', 'know who is on a call, silent or in wrap', '/', async (page, mouse) => {
    await mouse.click(page.locator('#agents summary'));
    await page.locator('#agents').getByRole('row', { name: /zoe.*in wrap/ }).waitFor();
  }],
  ['supervisor', 'see the calls of one agent alone', '/', async (page, mouse) => {
    await mouse.choose(page.locator('#filters select[name=agent]'), 'ben');
    await until('one card', async () => await page.locator('.card').count() === 1);
  }],
  ['supervisor', 'go through what the shift has left open', '/', async (page, mouse) => {
    await mouse.click(strip(page).getByRole('link', { name: /open alerts of calls that are over/ }));
    await mouse.click(page.locator('[data-call^=shift]').first().getByRole('button', { name: /^Acknowledge these/ }));
    await page.locator('#note', { hasText: /, 57 open|, 5\d open/ }).waitFor();
  }],
  ['supervisor', 'be told of urgent alerts by a sound', '/', async (page, mouse) => {
    await mouse.click(page.locator('#settings'));
    await mouse.choose(page.getByLabel('Sound for alerts'), 'urgent');
    assert.equal(await page.evaluate(() => localStorage.getItem('lineside.sound')), 'urgent');
  }],
  ['supervisor', 'find where something was said', '/', async (page, mouse) => {
    await mouse.click(page.getByRole('searchbox'));
    await page.keyboard.type('engineer');
    await page.keyboard.press('Enter');
    await page.locator('.view .tr:visible', { hasText: 'engineer' }).waitFor();
  }],
  ['analyst', 'find calls with a low score', '/calls', async (page, mouse) => {
    await mouse.click(page.getByLabel('Score at most'));
    await page.keyboard.type('40');
    await page.keyboard.press('Enter');
    await page.locator('#note', { hasText: /^1 call$/ }).waitFor();
    await page.locator('.view .tr:visible', { hasText: 'zoe' }).waitFor();
  }],
  ['analyst', 'see what a call lost points for', '/calls?agent=zoe', async (page, mouse) => {
    await mouse.click(page.locator('.view .tr:visible').first());
    await page.getByRole('tabpanel', { name: 'Score card' }).locator('.missed').first().waitFor();
  }],
  ['analyst', 'read what a call was about', '/calls/T-3', async (page, mouse) => {
    await mouse.click(page.getByRole('tab', { name: 'Summary' }));
    await page.getByRole('region', { name: 'Summary' }).getByText('Outcome').waitFor();
  }],
  ['analyst', 'see what happened in a call and when', '/calls/T-3', async (page, mouse) => {
    await mouse.click(page.getByRole('tab', { name: 'Events' }));
    await page.getByRole('tabpanel', { name: 'Events' }).getByText(/began/).waitFor();
  }],
  ['analyst', 'set a word right', '/calls/T-3', async (page, mouse) => {
    const line = page.locator('.transcript li', { hasText: 'bowler' });
    await line.hover();
    await mouse.click(line.getByRole('button', { name: /^Correct/ }));
    await page.getByLabel('Text').fill('I am calling about my boiler, it is broken.');
    await mouse.click(page.getByRole('button', { name: 'Save', exact: true }));
    await page.locator('.transcript li', { hasText: 'boiler' }).getByText('corrected').waitFor();
  }],
  ['analyst', 'set a speaker right', '/calls/T-4', async (page, mouse) => {
    const line = page.locator('.transcript li', { hasText: 'What do you want' });
    await line.hover();
    await mouse.click(line.getByRole('button', { name: /^Correct/ }));
    await mouse.choose(page.getByLabel('Speaker'), 'caller');
    await page.keyboard.press('Enter');
    await page.locator('.transcript li.caller', { hasText: 'What do you want' }).getByText('corrected').waitFor();
  }],
  ['analyst', 'put a tag on a call', '/calls/T-3', async (page, mouse) => {
    await mouse.click(page.getByLabel('New tag'));
    await page.keyboard.type('praise');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Remove tag praise' }).waitFor();
  }],
  ['analyst', 'take the calls of an agent away as a table', '/calls?agent=mary', async (page, mouse) => {
    await page.locator('.view .tr:visible').first().waitFor();
    await mouse.click(page.getByLabel('Select all shown'));
    const [download] = await Promise.all([page.waitForEvent('download'), mouse.click(page.getByRole('button', { name: 'Export' }))]);
    assert.equal(download.suggestedFilename(), 'calls.csv');
  }],
  ['analyst', 'go to where words were said', '/calls?q=broken', async (page, mouse) => {
    await mouse.click(page.locator('.view .tr:visible').first());
    await page.locator('.transcript li', { hasText: 'broken' }).waitFor();
  }],
  ['analyst', 'compare agents', '/calls', async (page, mouse) => {
    await mouse.click(page.getByRole('link', { name: 'Agents' }));
    await page.getByRole('row', { name: /mary/ }).waitFor();
  }],
];

for (const [who, task, from, run] of TASKS) {
  test(`${who}: ${task}`, async t => {
    const page = await view(opened, daemon.address + from);
    if (from === '/') await page.locator('#box', { hasText: /^live/ }).waitFor();
    const mouse = new Clicks();
    await run(page, mouse);
    t.diagnostic(`${mouse.count} ${mouse.count === 1 ? 'click' : 'clicks'}`);
    assert.ok(mouse.count <= MOST, `${mouse.count} clicks`);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
}

test('there are ten tasks of each', () => {
  for (const who of ['supervisor', 'analyst']) assert.equal(TASKS.filter(([one]) => one === who).length, 10);
});

// A call under an analyst's hands: it opens at its beginning, words and speakers are set right, tags are edited, scores are found.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, browser, until, view, violations } from './bed.mjs';
import { tell } from './scene.mjs';

let daemon, opened;
before(async () => { [daemon, opened] = [await Daemon.start(), await browser()]; });
after(async () => { await opened?.close(); await daemon?.remove(); });

const exported = async (call, format) => (await fetch(`${daemon.address}/api/v1/calls/${call}/export?format=${format}`)).text();
const hits = async word => (await daemon.get(`/api/v1/search?q=${word}`)).hits.length;

test('a long call opens at its beginning and uses the height of the window', async () => {
  const talk = Array.from({ length: 120 }, (_, i) => [i % 2 ? 'customer' : 'agent', `This is line number ${i} of a long call.`]);
  await tell(daemon, 'A-1', 'mary', talk, 'ended');
  await daemon.completed('A-1');
  const page = await view(opened, `${daemon.address}/calls/A-1`);
  await page.locator('.transcript li').nth(119).waitFor({ state: 'attached' });
  const { top, high, page: whole, window, tabs } = await page.evaluate(() => {
    const text = document.querySelector('.transcript');
    return { top: text.scrollTop, high: text.clientHeight, page: document.documentElement.scrollHeight, window: innerHeight, tabs: document.querySelector('.tabs').getBoundingClientRect().bottom };
  });
  assert.equal(top, 0, 'it is at its beginning');
  assert.ok(high > window * 0.45, `the text has ${high} px of ${window}`);
  assert.ok(whole <= window && tabs <= window, `the page is ${whole} px high, the tabs end at ${tabs}`);
  await page.getByRole('tab', { name: 'Score card' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('tabpanel', { name: 'Summary' }).waitFor();
  for (const tab of ['Score card', 'Alerts', 'Events']) {
    await page.getByRole('tab', { name: tab }).click();
    assert.deepEqual(await violations(page), [], tab);
  }
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('a word and a speaker are set right: the text remembers both, search and exports have the new one', async () => {
  await tell(daemon, 'A-2', 'mary', [['agent', 'Good morning.'], ['agent', 'I want to cancel my bowler service.'], ['customer', 'Thank you.']], 'ended');
  await daemon.completed('A-2');
  const page = await view(opened, `${daemon.address}/calls/A-2`);
  const line = page.locator('.transcript li', { hasText: 'service' });
  await line.hover();
  await line.getByRole('button', { name: /^Correct/ }).click();
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Text').fill('I want to cancel my boiler service. Card 4111 1111 1111 1111.');
  await page.getByLabel('Speaker').selectOption('caller');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const now = page.locator('.transcript li', { hasText: 'boiler' });
  await now.waitFor();
  assert.match(await now.locator('b').first().textContent(), /Caller/);
  await now.getByText('corrected').click();
  await now.getByText('I want to cancel my bowler service.').waitFor();
  await now.getByText(/until supervisor/).waitFor();

  const call = await daemon.get('/api/v1/calls/A-2');
  const [told] = call.corrections;
  assert.deepEqual([told.text_before, told.speaker_before, told.speaker_after, told.corrected_by], ['I want to cancel my bowler service.', 'agent', 'caller', 'supervisor']);
  assert.ok(told.text_after.includes('[card]') && !JSON.stringify(call).includes('4111'), 'a card number is not kept by hand either');
  assert.deepEqual([await hits('boiler'), await hits('bowler')], [1, 0]);
  for (const format of ['text', 'csv', 'srt', 'vtt']) {
    const file = await exported('A-2', format);
    assert.ok(file.includes('boiler') && !file.includes('bowler'), `${format}: ${file}`);
  }
  assert.match(await exported('A-2', 'csv'), /,caller,I want to cancel my boiler/);
  // Both go with the call.
  await daemon.post('/api/v1/forget', { call: 'A-2' });
  assert.deepEqual([await hits('boiler'), (await fetch(`${daemon.address}/api/v1/calls/A-2`)).status], [0, 404]);
  assert.ok(!daemon.log().includes('something is left'), daemon.log());
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('tags are edited on the call, and calls are found by their score', async () => {
  await tell(daemon, 'A-3', 'mary', [['agent', 'Good morning, thank you for calling Northern Energy, this call may be recorded. How can I help you?'],
    ['customer', 'I am calling about my bill.'], ['agent', 'I understand. Is there anything else? Goodbye.']], 'ended');
  await daemon.completed('A-3');
  await until('it has a score', async () => (await daemon.get('/api/v1/calls')).calls.find(call => call.call_id === 'A-3').score !== null);
  const page = await view(opened, `${daemon.address}/calls/A-3`);
  const tags = page.getByRole('group', { name: 'Tags' });
  await tags.getByLabel('New tag').fill('praise, training');
  await tags.getByRole('button', { name: 'Add tag' }).click();
  await tags.getByRole('button', { name: 'Remove tag training' }).click();
  await until('one is left', async () => (await daemon.get('/api/v1/calls/A-3')).tags.join() === 'praise');
  assert.deepEqual(await violations(page), []);

  const { score } = (await daemon.get('/api/v1/calls/A-3'));
  await page.goto(`${daemon.address}/calls?tag=praise`);
  await page.locator('.view .tr:visible .points', { hasText: new RegExp(`^${Math.round(score)}$`) }).waitFor();
  await page.getByLabel('Score at most').fill(String(Math.max(0, Math.floor(score) - 1)));
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByText('Nothing found.').waitFor();
  await page.getByLabel('Score at most').fill('100');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByLabel('Select A-3').check();
  await page.getByLabel('Export as').selectOption('calls');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
  assert.equal(download.suggestedFilename(), 'calls.csv');
  const rows = (await fetch(`${daemon.address}/calls/bulk`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ action: 'export', call_ids: ['A-3'], format: 'calls' }) }).then(answer => answer.text())).trim().split('\r\n');
  assert.equal(rows.length, 2);
  const row = Object.fromEntries(rows[0].split(',').map((head, i) => [head, rows[1].split(',')[i]]));
  assert.deepEqual([row.call_id, row.agent, row.score, row.tags], ['A-3', 'mary', score.toFixed(1), 'praise']);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('filters are kept under a name, and a figure of the dashboard leads to the calls behind it', async () => {
  await tell(daemon, 'A-4', 'mary', [['agent', 'Good morning.'], ['customer', 'I will call my lawyer about it.']], 'ended');
  await daemon.completed('A-4');
  const page = await view(opened, `${daemon.address}/calls?agent=mary&max_sentiment=0.5`);
  await page.getByLabel('View').selectOption('Save these filters…');
  await page.getByRole('dialog').getByLabel('Name').fill('mary, not happy');
  assert.deepEqual(await violations(page), []);
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  // It is saved once the list shows it.
  await page.locator('#views option[value="mary, not happy"]').waitFor({ state: 'attached' });
  await page.goto(`${daemon.address}/calls`);
  await page.getByLabel('View').selectOption('mary, not happy');
  await page.waitForURL(/agent=mary&max_sentiment=0.5/);
  await page.locator('.view .tr:visible', { hasText: 'mary' }).first().waitFor();

  await page.goto(`${daemon.address}/dashboard`);
  await page.getByRole('link', { name: 'legal_threat' }).click();
  await page.locator('[data-call="A-4"]').getByText(/threatens with a lawyer/).waitFor();
  await page.goBack();
  await page.locator('select[name=days]').selectOption('own');
  const day = await page.evaluate(() => { const now = new Date(); return `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, '0')}-${String(now.getDate()).padStart(2, '0')}`; });
  await page.locator('input[name=until]').fill(day);
  await page.getByText('Choose the first day of the period.').waitFor();
  assert.equal(await page.locator('.tile, #charts > *').count(), 0, 'nothing of another period is left');
  await page.locator('input[name=since]').fill(day);
  await page.locator('.tile', { hasText: 'Calls' }).getByText(/^[1-9]\d*$/).waitFor();
  assert.deepEqual(await violations(page), []);
  // The bar of this hour.
  const plot = page.locator('.chart', { has: page.locator('.u-over.pick') }).first().locator('.u-over');
  const { width, height } = await plot.boundingBox();
  const [from, to] = await page.evaluate(day => {
    const [from, to] = [new Date(`${day}T00:00`), new Date(`${day}T00:00`)];
    to.setDate(to.getDate() + 1);
    to.setMilliseconds(-1);
    return [from.toISOString(), to.toISOString()];
  }, day);
  const { steps, since, until: end } = await daemon.get(`/api/v1/figures?since=${from}&until=${to}`);
  const hoursOf = moment => (Date.parse(moment) - Date.parse(since)) / 3_600_000;
  const { at, calls } = steps.at(-1);
  const bars = Math.ceil(hoursOf(end));
  await plot.click({ position: { x: Math.min(width - 2, Math.max(2, (hoursOf(at) / Math.max(bars - 1, 1)) * width)), y: height / 2 } });
  await page.waitForURL(/\/calls\?since=/);
  const asked = new URL(page.url()).searchParams;
  assert.deepEqual(
    [Date.parse(asked.get('since')), Date.parse(asked.get('until'))],
    [Date.parse(at), Date.parse(at) + 3_599_999],
    page.url(),
  );
  await page.locator('.view .tr:visible').nth(calls - 1).waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

/** The day so many days ago, as the browser has it. */
const dayOf = (page, ago) => page.evaluate(ago => {
  const at = new Date();
  at.setDate(at.getDate() - ago);
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`;
}, ago);

test('calls are found by a period, by their id, and by the agent who was meant', async () => {
  await tell(daemon, 'A-5', 'mary', [['agent', 'Good morning.'], ['customer', 'Fine.']], 'ended');
  await daemon.completed('A-5');
  const page = await view(opened, `${daemon.address}/calls`);
  const period = page.getByLabel('Period');
  const days = () => Promise.all(['since', 'until'].map(name => page.locator(`input[name=${name}]`).inputValue()));
  for (const [name, first, last] of [['yesterday', 1, 1], ['7', 6, 0], ['30', 29, 0], ['today', 0, 0]]) {
    await period.selectOption(name);
    const wanted = [await dayOf(page, first), await dayOf(page, last)];
    await page.waitForURL(url => url.searchParams.get('since') === wanted[0] && url.searchParams.get('until') === wanted[1]);
    assert.deepEqual(await days(), wanted, name);
    await page.getByText(name === 'yesterday' ? 'Nothing found.' : /^\d+ calls?$/).waitFor();
  }
  await page.reload();
  await page.locator('.view .tr:visible').first().waitFor();
  assert.equal(await period.inputValue(), 'today', 'the address has the days of today');
  await page.locator('input[name=since]').fill(await dayOf(page, 3));
  await page.waitForFunction(() => document.querySelector('#period').value === 'own');
  await period.selectOption('');
  await page.waitForURL(url => !url.searchParams.has('since') && !url.searchParams.has('until'));

  await page.getByLabel('Call id').fill('a-5');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByText('1 call', { exact: true }).waitFor();
  await page.getByLabel('Select A-5').waitFor();
  assert.deepEqual(await violations(page), []);

  await page.getByLabel('Agent').fill('mray');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByText('Nothing found. Did you mean mary?').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole('link', { name: 'mary', exact: true }).click();
  await page.waitForURL(url => url.searchParams.get('agent') === 'mary' && url.searchParams.get('uniqueid') === 'a-5');
  await page.getByLabel('Select A-5').waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('a list names the year of a call that is not of the present one', async () => {
  const page = await view(opened, 'about:blank');
  const now = new Date();
  await page.clock.setFixedTime(new Date(now.getFullYear() + 1, 5, 1));
  await page.goto(`${daemon.address}/calls?agent=mary`);
  await page.locator('.view .tr:visible', { hasText: 'mary' }).filter({ hasText: String(now.getFullYear()) }).first().waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('the dashboard leads to the calls behind it by keyboard too, knows calls without an agent, and reads anew by itself', async () => {
  const nobody = { provider: 'test', call_id: 'A-6', event_type: 'transcript', speaker: 'customer', text: 'Hello?', status: 'ended' };
  await daemon.post('/api/realtime/events', nobody);
  await daemon.completed('A-6');
  const page = await view(opened, 'about:blank');
  await page.clock.install();
  await page.goto(`${daemon.address}/dashboard`);
  const calls = page.locator('.tile', { hasText: 'Calls' }).locator('b');
  const bars = page.getByRole('link', { name: /^Calls over time/ });
  for (const name of [/^Calls over time/, /^Mean sentiment over time/, /^Seconds from the end of an utterance/]) {
    await page.getByRole('link', { name }).waitFor();
  }
  assert.deepEqual(await violations(page), []);
  const before = Number(await calls.textContent());
  assert.ok(before >= 2, `${before} calls`);

  // By hand it stays as it is; every minute it does not.
  const more = async id => {
    await tell(daemon, id, 'mary', [['customer', 'Hello again.']], 'ended');
    await daemon.completed(id);
  };
  await more('A-7');
  await page.clock.fastForward(120_000);
  await page.waitForTimeout(500);
  assert.equal(Number(await calls.textContent()), before);
  await page.getByLabel('Refresh').selectOption('every minute');
  await page.clock.fastForward(61_000);
  await calls.filter({ hasText: new RegExp(`^${before + 1}$`) }).waitFor();

  await page.getByRole('link', { name: 'unknown', exact: true }).click();
  await page.waitForURL(url => url.pathname === '/calls' && url.searchParams.get('has_agent') === 'false');
  await page.getByLabel('Select A-6').waitFor();
  await page.getByText('1 call', { exact: true }).waitFor();
  await page.goBack();

  await bars.focus();
  await page.keyboard.press('End');
  const chosen = page.getByRole('link', { name: /^Calls over time: .*, Calls [1-9]\d*, Negative \d+$/ });
  while (!(await chosen.count())) await page.keyboard.press('ArrowLeft');
  const says = await chosen.getAttribute('aria-label');
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/calls\?since=/);
  const asked = new URL(page.url()).searchParams;
  assert.equal(Date.parse(asked.get('until')) - Date.parse(asked.get('since')), 3_599_999);
  await page.getByText(`${/Calls (\d+)/.exec(says)[1]} calls`, { exact: true }).waitFor();

  await page.goto(`${daemon.address}/dashboard?days=yesterday`);
  await calls.filter({ hasText: /^0$/ }).waitFor();
  await page.locator('select[name=days]').selectOption('today');
  await calls.filter({ hasText: /^[1-9]/ }).waitFor();
  await page.getByRole('link', { name: 'mary', exact: true }).click();
  const day = await dayOf(page, 0);
  await page.waitForURL(url => url.pathname === '/calls' && url.searchParams.get('agent') === 'mary');
  const since = new URL(page.url()).searchParams.get('since');
  assert.equal(Date.parse(since), await page.evaluate(day => new Date(`${day}T00:00`).getTime(), day), 'from midnight on');
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

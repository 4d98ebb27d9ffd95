// A reviewer at work: points beside the machine's on the call's page, a dispute and its answer, what to review next, how far all agree.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, browser, until, view, violations } from './bed.mjs';
import { tell } from './scene.mjs';

const TALK = [['agent', 'Good morning, this call may be recorded. How can I help you?'], ['customer', 'I am calling about my bill.'], ['agent', 'Anything else? Have a nice day.']];

let daemon, opened;
before(async () => { [daemon, opened] = [await Daemon.start(), await browser()]; });
after(async () => { await opened?.close(); await daemon?.remove(); });

test('points are given on the call, disputed there, and the dispute is answered on the page of reviews', async () => {
  for (const call of ['V-1', 'V-2']) {
    await tell(daemon, call, 'mary', TALK, 'ended');
    await daemon.completed(call);
  }
  const page = await view(opened, `${daemon.address}/calls/V-1`);
  await page.getByRole('tab', { name: 'Score card' }).click();
  const form = page.getByRole('form', { name: 'Your review' });
  const points = form.getByLabel(/^Points: /).first();
  await points.waitFor();
  assert.deepEqual(await violations(page), []);
  const most = Number(await points.getAttribute('max'));
  await points.fill(String(most + 1));
  await form.getByRole('button', { name: 'Save review' }).click();
  assert.equal(await points.evaluate(field => field.validity.rangeOverflow), true, 'more than there are');
  assert.deepEqual((await daemon.get('/api/v1/calls/V-1/reviews')).reviews, []);
  await points.fill('0');
  await form.getByLabel(/^Comment: /).first().fill('too late');
  await form.getByLabel(/^Not applicable: /).nth(1).check();
  assert.equal(await form.getByLabel(/^Points: /).nth(1).isDisabled(), true);
  await form.getByLabel('Comment on the call').fill('a friendly call');
  await form.getByLabel('Comment on the call').press('Tab');
  await page.keyboard.press('Enter');
  const own = page.locator('.given', { hasText: 'You: 0 of 100' });
  await own.locator('summary').click();
  await own.getByText('a friendly call').waitFor();
  const { reviews: [kept] } = await daemon.get('/api/v1/calls/V-1/reviews');
  assert.deepEqual(kept.rules.map(one => [one.points, one.comment]), [[0, 'too late'], [null, '']]);

  const dispute = page.getByRole('form', { name: 'Raise a dispute' });
  await dispute.getByLabel('What is wrong').fill('I greeted at once');
  await dispute.getByRole('button', { name: 'Dispute' }).click();
  await page.getByText('I greeted at once').waitFor();
  assert.deepEqual(await violations(page), []);

  await page.getByRole('link', { name: 'Reviews' }).click();
  await page.getByRole('region', { name: 'To review' }).or(page.locator('#queue section')).first().waitFor();
  await page.locator('#queue tbody tr').first().waitFor();
  assert.equal(await page.locator('#queue tbody tr').count(), 1, 'V-1 is reviewed');
  assert.match(await page.locator('#queue tbody a').first().getAttribute('href'), /V-2$/);
  assert.match(await page.locator('#queue tbody td').nth(4).textContent(), /^(–|\d{1,3})$/, 'points without a fraction');
  await page.locator('#agreement').getByText('Agreement of machine and reviewers').waitFor();
  await page.locator('#disputes').getByText('I greeted at once').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByLabel(/^Answer to the dispute/).fill('the recording agrees');
  await page.getByRole('button', { name: 'Uphold' }).click();
  await page.locator('#disputes').getByText('none').waitFor();
  await until('it is answered', async () => (await daemon.get('/api/v1/disputes?state=upheld')).disputes[0]?.answer === 'the recording agrees');
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('an agent reads on the own page what was given, disputes it there, and sees no call of others', async () => {
  for (const [call, agent] of [['O-1', 'ann'], ['O-2', 'bob'], ['O-3', 'ann']]) {
    await tell(daemon, call, agent, TALK, 'ended');
    await daemon.completed(call);
    const { rules: [{ rule }] } = await daemon.get(`/api/v1/calls/${call}/reviews`);
    const body = JSON.stringify({ rules: [{ rule, points: 0, comment: `too late in ${call}` }], comment: '' });
    const headers = { 'Content-Type': 'application/json' };
    const given = await fetch(`${daemon.address}/api/v1/calls/${call}/reviews`, { method: 'PUT', headers, body });
    assert.equal(given.status, 200);
  }
  const token = daemon.command('token', 'add', 'ann', '--agent', 'ann').match(/lineside_\S+/)[0];
  const page = await view(opened, `${daemon.address}/agent?user=ann#token=${token}`);
  await page.getByText('Reviews of your calls').click();
  const calls = page.locator('#reviewed > details');
  await calls.first().locator('> summary', { hasText: '1 review' }).click();
  await page.getByText('too late in O-3').waitFor();
  assert.equal(await calls.count(), 2, 'O-2 is of somebody else');
  await calls.nth(1).locator('> summary').click();
  await page.getByText('too late in O-1').waitFor();
  assert.equal(await page.getByText('too late in O-3').isVisible(), false, 'one is open at a time');
  await page.getByRole('region', { name: 'Machine, O-1' }).getByRole('row', { name: /met, \d+ of \d+/ }).first().waitFor();
  assert.deepEqual(await violations(page), []);
  const dispute = page.getByRole('form', { name: 'Raise a dispute' });
  await dispute.getByLabel('What is wrong').fill('the line was cut');
  await dispute.getByRole('button', { name: 'Dispute' }).click();
  await page.locator('#reviewed q', { hasText: 'the line was cut' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Uphold' }).count(), 0, 'others answer');
  const { disputes: [raised] } = await daemon.get('/api/v1/disputes?state=open');
  assert.deepEqual([raised.call_id, raised.raised_by], ['O-1', 'ann']);
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(page.problems, []);
  await page.context().close();

  const link = await daemon.post('/api/v1/agent/link?user=ann', {});
  const signed = await view(opened, daemon.address + link.url);
  await signed.getByText('No call of ann is running.').waitFor();
  assert.equal(await signed.locator('#mine').isVisible(), false, 'a link shows the running call alone');
  await signed.context().close();
});

test('a call is flagged for calibration, and how far two reviewers agree is told as kappa', async () => {
  for (const call of ['K-1', 'K-2']) {
    await tell(daemon, call, 'mary', TALK, 'ended');
    await daemon.completed(call);
  }
  const page = await view(opened, `${daemon.address}/calls/K-1`);
  await page.getByRole('tab', { name: 'Score card' }).click();
  await page.getByRole('button', { name: 'Flag for calibration' }).click();
  await page.getByText('Calibration: score this call before you see other reviews.').waitFor();
  assert.equal((await daemon.get('/api/v1/calls/K-1/reviews')).calibration, true);
  assert.deepEqual(await violations(page), []);

  // Who reviews sees nothing of others before the own points are in; two rules of two calls, on one of which they differ.
  const { rules: [one, other] } = await daemon.get('/api/v1/calls/K-1/reviews');
  const given = { john: { 'K-1': [one.of, 0], 'K-2': [one.of, 0] }, jane: { 'K-1': [one.of, 0], 'K-2': [0, 0] } };
  for (const [name, calls] of Object.entries(given)) {
    const token = daemon.command('token', 'add', name, '--scope', 'read,operate').match(/lineside_\S+/)[0];
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
    if (name === 'jane') {
      const list = await (await fetch(`${daemon.address}/api/v1/calls/K-1/reviews`, { headers })).json();
      assert.deepEqual([list.reviews, list.hidden], [[], 1], 'john has given his');
    }
    for (const [call, points] of Object.entries(calls)) {
      const body = JSON.stringify({ rules: [one, other].map(({ rule }, i) => ({ rule, points: points[i] })), comment: '' });
      const answer = await fetch(`${daemon.address}/api/v1/calls/${call}/reviews`, { method: 'PUT', headers, body });
      assert.equal(answer.status, 200, await answer.text());
    }
  }
  await page.reload();
  await page.getByRole('button', { name: 'End the calibration' }).click();
  await page.getByRole('button', { name: 'Flag for calibration' }).waitFor();
  assert.equal((await daemon.get('/api/v1/calls/K-1/reviews')).calibration, false);

  // 3 of 4 agree; by chance 1/4 * 2/4 + 3/4 * 2/4 = 0.5.
  await page.goto(`${daemon.address}/reviews`);
  const table = page.getByRole('region', { name: 'Agreement of reviewers, rule by rule' });
  const row = name => table.getByRole('row', { name }).locator('th, td').allTextContents();
  await table.waitFor();
  assert.deepEqual(await row(/^All rules/), ['All rules', '4', '75%', '0.50']);
  assert.deepEqual(await row(new RegExp(`^${one.rule} `)), [one.rule, '2', '50%', '0.00']);
  assert.deepEqual(await row(new RegExp(`^${other.rule} `)), [other.rule, '2', '100%', '–'], 'where both always say the same, chance explains all');
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

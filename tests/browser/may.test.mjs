// What a login leads to, and what it shows: a daemon with tokens and without the narrow limits of login.test.mjs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, atLogin, browser, lines, logIn, soundOf, uuidOf, view, violations } from './bed.mjs';

const EPOCH = 1795257001;
const idOf = number => `${EPOCH}.${number}`;

let daemon, opened, token;
before(async () => {
  // A dialer that is asked nothing: it is there so that its button is.
  const more = '[dialer_api]\nurl = "http://127.0.0.1:9/vicidial/non_agent_api.php"\nuser = "6666"';
  [daemon, opened] = [await Daemon.start({ tokens: true, more }), await browser()];
  token = daemon.command('token', 'add', 'mary', '--scope', 'read,operate');
});
after(async () => { await opened?.close(); await daemon?.remove(); });

test('a login leads to the place that was asked for, and one that ended on an open page leads back to it', async () => {
  const anna = daemon.command('token', 'add', 'anna', '--scope', 'read,operate');
  const page = await view(opened, `${daemon.address}/calls?agent=nobody&since=today`);
  await page.waitForURL(atLogin('calls?agent=nobody&since=today'));
  await logIn(page, anna);
  await page.waitForURL(`${daemon.address}/calls?agent=nobody&since=today`);
  await page.getByText('Nothing found.').waitFor();
  await page.goto(`${daemon.address}/upload?x=1#words`);
  await page.getByText('no list in use').waitFor();
  daemon.command('token', 'revoke', 'anna');
  // The page asks how the box is every five seconds, and is refused.
  await page.waitForURL(atLogin('upload?x=1#words'));
  await logIn(page, token);
  await page.waitForURL(`${daemon.address}/upload?x=1#words`);
  await page.getByText('no list in use').waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

/** What of a page needs something that this login has not, and is shown all the same; and how much of it is hidden. */
const needs = async page => {
  await page.locator('body[data-may]').waitFor();
  const all = page.locator('[data-needs]');
  const shown = await all.evaluateAll(found => found.filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 80)));
  return { shown, hidden: await all.count() - shown.length };
};

test('what a login may not do is not shown', async () => {
  const call = idOf(2);
  const hangUp = await daemon.dial(uuidOf(EPOCH, 2, 1), soundOf(lines()[3].file), 1);
  const logins = {
    reader: ['--scope', 'read'],
    sales: ['--scope', 'read,operate', '--campaign', 'SALES'],
    boss: ['--scope', 'read,operate,ingest'],
  };
  const named = { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: JSON.stringify({ call_id: call, campaign: 'SALES' }) };
  assert.equal((await fetch(`${daemon.address}/api/v1/calls`, named)).status, 200);
  for (const [name, scope] of Object.entries(logins)) {
    const page = await view(opened, `${daemon.address}/calls/${call}`);
    await logIn(page, daemon.command('token', 'add', name, ...scope));
    await page.getByRole('button', { name: 'Listen in' }).waitFor();
    const phone = page.locator('form', { hasText: 'Listen by phone' });
    await phone.waitFor({ state: 'attached' });
    const nav = page.getByRole('navigation', { name: 'Pages' });
    const seen = {
      phone: await phone.isVisible(),
      reviews: await nav.getByRole('link', { name: 'Reviews' }).isVisible(),
      upload: await nav.getByRole('link', { name: 'Upload' }).isVisible(),
    };
    if (name === 'reader') {
      const { shown, hidden } = await needs(page);
      assert.deepEqual(shown, []);
      assert.ok(hidden >= 4, `${hidden} are hidden`);
    }
    await page.locator('#settings').click();
    seen.settings = await page.getByRole('link', { name: 'The daemon’s settings' }).isVisible();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.goto(`${daemon.address}/upload`);
    await page.locator('body[data-may]').waitFor();
    seen.form = await page.locator('#form').isVisible();
    seen.glossary = await page.locator('#glossary').isVisible();
    assert.equal(await page.getByText('This login may not upload').isVisible(), !seen.form, name);
    assert.deepEqual(await violations(page), [], name);
    const [reviewer, everywhere] = [name !== 'reader', name === 'boss'];
    assert.deepEqual(seen, { phone: reviewer, reviews: reviewer, upload: everywhere, settings: everywhere, form: everywhere, glossary: everywhere }, name);
    assert.equal((await page.goto(`${daemon.address}/settings`)).status(), everywhere ? 200 : 403, name);
    for (const path of name === 'reader' ? ['/', '/calls', '/alerts', '/agents', '/dashboard', '/reviews'] : []) {
      await page.goto(daemon.address + path);
      assert.deepEqual((await needs(page)).shown, [], path);
    }
    assert.deepEqual(page.problems.filter(problem => !problem.includes('403')), [], name);
    await page.context().close();
  }
  hangUp();
});

// Access, as somebody at a browser meets them: a daemon as it is installed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, atLogin, browser, lines, logIn, soundOf, until, uuidOf, view, violations, wavOf } from './bed.mjs';

const EPOCH = 1795257001;
const idOf = number => `${EPOCH}.${number}`;

let daemon, opened, token;
before(async () => {
  [daemon, opened] = [await Daemon.start({ tokens: true, http: 'reads_per_minute = 20\nwrites_per_minute = 3' }), await browser()];
  token = daemon.command('token', 'add', 'mary', '--scope', 'read,operate');
});
after(async () => { await opened?.close(); await daemon?.remove(); });

test('who logs in sees calls, changes them and hears them, until he logs out', async () => {
  const page = await view(opened, `${daemon.address}/`);
  await page.waitForURL(atLogin(null));
  assert.deepEqual(await violations(page), []);
  await logIn(page, 'lineside_guess');
  await page.getByRole('alert').getByText('not known').waitFor();
  await logIn(page, token);
  await page.locator('#box', { hasText: /^live/ }).waitFor();
  const talking = daemon.dial(uuidOf(EPOCH, 1, 1), soundOf(lines()[2].file), 2);
  await page.locator('.card').waitFor();
  (await talking)();

  // More requests than a script has in its minute, and more changes.
  for (let time = 0; time < 3; time++) await page.goto(`${daemon.address}/calls`);
  await page.goto(`${daemon.address}/upload`);
  await page.getByLabel('Recordings').setInputFiles([0, 1, 2, 3].map(number => (
    { name: `${number}.wav`, mimeType: 'audio/wav', buffer: wavOf(soundOf(lines()[number].file)) })));
  await page.getByRole('button', { name: 'Upload' }).click();
  await until('the uploads are done', async () => await page.getByText(/done: \d+ line/).count() === 4, 120_000);
  await page.goto(`${daemon.address}/calls/${idOf(1)}`);
  await page.locator('h1').waitFor();
  const heard = await page.evaluate(async () => (await fetch(`/api/v1/calls/${location.pathname.split('/').at(-1)}/audio`)).status);
  assert.equal(heard, 200);
  assert.deepEqual(page.problems, []);

  // A page of another port of this host has the cookie too, and can do nothing with it.
  const other = await page.context().newPage();
  await other.route('http://127.0.0.1:1/', route => route.fulfill({ contentType: 'text/html', body: '<p>other</p>' }));
  await other.goto('http://127.0.0.1:1/');
  const got = await other.evaluate(async ({ address, call }) => {
    const tried = (path, options) => fetch(address + path, { credentials: 'include', ...options }).then(response => response.type === 'opaque' ? 'blind' : response.status, () => 'kept out');
    const socket = new Promise(done => {
      const one = new WebSocket(address.replace('http', 'ws') + '/ws/calls');
      one.onopen = () => done('open');
      one.onerror = () => done('kept out');
    });
    return [await tried('/api/v1/calls'), await tried(`/api/v1/calls/${call}/hold`, { method: 'POST', mode: 'no-cors' }), await socket];
  }, { address: daemon.address, call: idOf(1) });
  assert.deepEqual([got[0], got[2]], ['kept out', 'kept out']);
  await other.close();
  const held = await page.evaluate(async () => (await (await fetch(`/api/v1/calls/${location.pathname.split('/').at(-1)}/privacy`)).json()).hold);
  assert.equal(held, null, 'the form of the other page changed nothing');

  await page.locator('#settings').click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL(atLogin(null));
  await page.goto(`${daemon.address}/calls`);
  await page.waitForURL(atLogin('calls'));
  await page.context().close();
});

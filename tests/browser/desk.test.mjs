// What an analyst does: the score card of a call, things done with many calls, a glossary; and all pages once more behind a proxy.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon, browser, lines, root, soundOf, until, uuidOf, view, violations, wavOf } from './bed.mjs';

let daemon, opened;
before(async () => { [daemon, opened] = [await Daemon.start(), await browser()]; });
after(async () => { await opened?.close(); await daemon?.remove(); });

/** A call of another platform. */
async function talk(call, ...said) {
  for (const [i, [speaker, text]] of said.entries()) {
    await daemon.post('/api/realtime/events', { provider: 'test', call_id: call, event_type: 'transcript', speaker, text, agent_id: 'mary', status: i === said.length - 1 ? 'ended' : 'active' });
  }
  await daemon.completed(call);
}

test('a call shows its summary, its score card with the words, and what was named', async () => {
  await talk('Q-1', ['agent', 'Good morning, this call may be recorded. How can I help you?'],
    ['customer', "I'm calling about my bill, you charged me two hundred dollars twice!"], ['customer', 'This is terrible, I am so angry about this awful company.'],
    ['agent', 'I have credited your account, you will receive an e-mail tomorrow.']);
  const page = await view(opened, `${daemon.address}/calls/Q-1`);
  const card = page.getByRole('tabpanel', { name: 'Score card' });
  await card.locator('span', { hasText: /^Greets the caller$/ }).waitFor();
  await card.getByText('Good morning', { exact: true }).waitFor();
  assert.match(await card.innerText(), /[\d.]+ of 100/);
  assert.match(await card.locator('.missed', { hasText: 'Shows that the caller was heard' }).innerText(), /missed, 0 of 15/);
  await page.getByRole('tab', { name: 'Summary' }).click();
  assert.match(await page.getByRole('region', { name: 'Summary' }).innerText(), /Reason.*calling about my bill[^]*Outcome.*credited/);
  assert.match(await page.getByRole('region', { name: 'Mentioned' }).innerText(), /money[^]*two hundred dollars[^]*date[^]*tomorrow/);
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

test('calls are tagged, found by their tag, retranscribed and deleted from the list', async () => {
  const sound = wavOf(Buffer.concat(lines().slice(0, 2).map(line => soundOf(line.file))));
  const form = new FormData();
  form.append('file', new Blob([sound]), 'a.wav');
  const { call_id: uploaded } = await (await fetch(`${daemon.address}/upload`, { method: 'POST', body: form })).json();
  await daemon.completed(uploaded);
  await talk('B-1', ['agent', 'Hello there.'], ['customer', 'I want to cancel.']);
  const page = await view(opened, `${daemon.address}/calls`);
  const note = page.locator('#note');
  await page.getByLabel(`select ${uploaded}`).check();
  await page.getByLabel('select B-1').check();
  const bulk = page.getByRole('group', { name: 'Actions on the selected calls' });
  await bulk.getByLabel('Tag').fill('vip');
  await bulk.getByRole('button', { name: 'Add tag' }).click();
  await note.getByText('2 of 2 tagged').waitFor();
  assert.equal(await page.locator('.view .tag', { hasText: 'vip' }).count(), 2);
  await page.getByRole('search').getByLabel('Tag').fill('vip');
  await page.getByRole('button', { name: 'Find' }).click();
  await note.getByText('2 calls').waitFor();

  await page.getByLabel('select all shown').check();
  await bulk.getByRole('button', { name: 'Retranscribe…' }).click();
  await page.getByRole('dialog').getByText('Alerts are checked against the new text').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Retranscribe 2 calls' }).click();
  // One of them never had any sound.
  await note.getByText(/1 of 2 will be retranscribed.*1 failed, the first: B-1: the sound/).waitFor();
  await until('it is transcribed again', async () => daemon.log().includes(`call ${uploaded}: transcribed again`));

  await page.getByLabel(`select ${uploaded}`).uncheck();
  await bulk.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete call B-1' }).click();
  await note.getByText('1 of 1 deleted').waitFor();
  assert.equal((await fetch(`${daemon.address}/api/v1/calls/B-1`)).status, 404);
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

test('a list of words is taken, or refused with its mistakes', async () => {
  const page = await view(opened, `${daemon.address}/upload`);
  await page.getByText('no list in use').waitFor();
  const send = async text => {
    await page.getByLabel('List', { exact: true }).setInputFiles({ name: 'words.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await page.getByRole('button', { name: 'Use this list' }).click();
  };
  await send('good\n...\n');
  await page.getByRole('list', { name: 'Mistakes in the list' }).getByText('line 2').waitFor();
  await send('Northern Energy\nrouter\n');
  await page.getByText('2 terms in use, all given to the recogniser').waitFor();
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

test('every page works under a path of its own behind nginx, live text included', async t => {
  if (spawnSync('nginx', ['-v']).error) { t.skip('no nginx on the PATH (packaging/test brings one)'); return; }
  const port = await new Promise(done => { const server = createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => done(port)); }); });
  const folder = join(daemon.folder, 'nginx');
  mkdirSync(folder);
  // The example as it is installed, but without TLS and on free ports.
  const example = readFileSync(join(root, 'etc/nginx/lineside.conf'), 'utf8').split('\n').filter(line => !/^\s*ssl_|listen \[::\]|proxy_cookie_flags/.test(line)).join('\n')
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port};`).replaceAll('127.0.0.1:8123', `127.0.0.1:${daemon.http}`);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${folder}/${kind};`).join('\n');
  writeFileSync(join(folder, 'nginx.conf'), `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;\nevents {}\nhttp {\naccess_log off;\n${temp}\n${example}\n}\n`);
  const proxy = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr'], { stdio: 'ignore' });
  t.after(() => { proxy.kill(); });
  const address = `http://127.0.0.1:${port}/lineside`;
  await until('nginx answers', () => fetch(`${address}/health`).then(answer => answer.ok).catch(() => false));

  for (const [path, shows] of [['/', 'Live'], ['/calls', 'Calls'], ['/calls/Q-1', 'Score card'], ['/alerts', 'Alerts'], ['/agents', 'All agents'], ['/dashboard', 'Dashboard'], ['/upload', 'Words to expect']]) {
    const page = await view(opened, 'about:blank');
    const outside = [];
    page.on('request', request => { if (!request.url().startsWith(`${address}/`) && request.url().startsWith('http')) outside.push(request.url()); });
    page.on('response', answer => { if (answer.status() >= 400) outside.push(`${answer.status()} ${answer.url()}`); });
    page.on('websocket', socket => { if (!socket.url().startsWith(`ws://127.0.0.1:${port}/lineside/ws/`)) outside.push(socket.url()); });
    await page.goto(address + path);
    await page.getByRole('main').getByText(shows).or(page.getByRole('link', { name: shows })).first().waitFor();
    await page.waitForLoadState('load');
    if (path === '/') {
      const hangUp = await daemon.dial(uuidOf(1795218045, 91, 2), soundOf(lines()[0].file));
      await page.locator('.card', { hasText: '1795218045.91' }).first().or(page.locator('.card').first()).waitFor();
      hangUp();
    }
    for (const link of await page.locator('a[href]').evaluateAll(all => all.map(one => one.href))) assert.ok(link.startsWith(`${address}/`) || link.startsWith(`${address}#`), `${path}: ${link}`);
    assert.deepEqual([outside, page.problems], [[], []], path);
    await page.context().close();
  }
});

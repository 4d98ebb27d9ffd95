// From an upload to its call page, and the lists that lead there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon, browser, lines, percentile, soundOf, until, view, violations, wavOf } from './bed.mjs';

const GAP = Buffer.alloc(12000);
let daemon, opened;
before(async () => { [daemon, opened] = [await Daemon.start({ http: 'upload_mb = 60' }), await browser()]; });
after(async () => { await opened?.close(); await daemon?.remove(); });

/** A recording of the demo's lines. */
function recording(name, from, to) {
  const path = join(daemon.folder, name);
  writeFileSync(path, wavOf(Buffer.concat(lines().slice(from, to).flatMap(line => [soundOf(line.file), GAP]))));
  return path;
}

test('an upload ends in a transcript, whose words move the player', async () => {
  const page = await view(opened, `${daemon.address}/upload`);
  await page.getByLabel('Recordings').setInputFiles(recording('monday.wav', 0, 4));
  await page.getByLabel('Agent').fill('emma');
  await page.getByLabel('Campaign').fill('ENERGY');
  await page.getByRole('button', { name: 'Upload' }).click();
  await page.getByText(/done: \d+ lines of text/).waitFor({ timeout: 120_000 });
  assert.deepEqual(await violations(page), []);
  await page.getByRole('link', { name: 'open the call' }).click();

  const words = page.locator('.transcript .word');
  await words.first().waitFor();
  const [call] = (await daemon.get('/api/v1/calls')).calls;
  assert.equal(call.source, 'upload');
  assert.equal(call.agent, 'emma');
  const word = words.nth(await words.count() - 3);
  const at = Number(await word.getAttribute('data-at'));
  const slider = page.getByRole('slider', { name: 'Place in the call' });
  await word.click();
  await until('the player is at the word', async () => Math.abs(Number(await slider.getAttribute('aria-valuenow')) - at) < 0.05);
  await until('the word is marked', async () => (await word.getAttribute('class')).includes('now'));
  // It plays on from there.
  await page.getByRole('button', { name: 'Play' }).click();
  await until('it plays', async () => Number(await slider.getAttribute('aria-valuenow')) > at + 0.3);
  await page.getByRole('button', { name: 'Pause' }).click();
  // And with the keyboard alone.
  await slider.focus();
  await page.keyboard.press('Home');
  assert.equal(Number(await slider.getAttribute('aria-valuenow')), 0);
  await page.keyboard.press('ArrowRight');
  assert.equal(Number(await slider.getAttribute('aria-valuenow')), 5);
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await violations(page), []);

  for (const format of ['JSON', 'Text', 'CSV', 'SRT', 'VTT']) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: format, exact: true }).click()]);
    assert.equal(await download.failure(), null);
  }
  await page.context().close();
});

test('search finds a phrase and leads to its place', async () => {
  const page = await view(opened, `${daemon.address}/calls`);
  await page.keyboard.press('/');
  const [line] = lines();
  const phrase = line.words.replace(/[^\w ]/g, '').split(' ').slice(1, 4).join(' ');
  await page.keyboard.type(`"${phrase}"`);
  await page.keyboard.press('Enter');
  const hit = page.locator('.view .tr:visible').first();
  await hit.locator('mark').first().waitFor();
  assert.match((await hit.locator('.said').textContent()).toLowerCase(), new RegExp(phrase.toLowerCase()));
  assert.deepEqual(await violations(page), []);
  await hit.getByRole('link').click();
  await page.locator('.transcript .word').first().waitFor();
  assert.match(page.url(), /#t=/);
  await page.context().close();
});

test('what is no recording is refused with the reason', async () => {
  const page = await view(opened, `${daemon.address}/upload`);
  const path = join(daemon.folder, 'letter.wav');
  writeFileSync(path, 'Dear Sir or Madam');
  await page.getByLabel('Recordings').setInputFiles(path);
  await page.getByRole('button', { name: 'Upload' }).click();
  await page.getByText(/refused: /).waitFor();
  assert.deepEqual(readdirSync(join(daemon.folder, 'state/uploads')), []);
  await page.context().close();
});

const head = (length, boundary = 'x') => `POST /upload HTTP/1.1\r\nHost: 127.0.0.1:${daemon.http}\r\nContent-Type: multipart/form-data; boundary=${boundary}\r\nContent-Length: ${length}\r\n\r\n`
  + `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="big.wav"\r\n\r\n`;

test('100 MB cut half-way leaves nothing behind', async () => {
  const before = (await daemon.get('/api/v1/calls')).calls.length;
  const socket = connect(daemon.http, '127.0.0.1');
  await new Promise(done => socket.once('connect', done));
  socket.on('error', () => {});
  socket.write(head(100_000_000));
  socket.write(wavOf(Buffer.alloc(0)));
  for (let sent = 0; sent < 50_000_000 && !socket.destroyed; sent += 1_000_000) {
    if (!socket.write(Buffer.alloc(1_000_000))) await new Promise(done => socket.once('drain', done));
  }
  await until('it is being written', () => readdirSync(join(daemon.folder, 'state/uploads')).length === 1);
  socket.destroy();
  await until('nothing is left of it', () => readdirSync(join(daemon.folder, 'state/uploads')).length === 0);
  assert.equal((await daemon.get('/api/v1/calls')).calls.length, before);
});

test('a file over the limit is refused while it comes', async () => {
  const body = Buffer.alloc(61_000_000);
  const form = new FormData();
  form.append('file', new Blob([body]), 'long.wav');
  const response = await fetch(`${daemon.address}/upload`, { method: 'POST', body: form }).catch(error => ({ status: String(error.cause ?? error) }));
  // The connection may be closed before the client has sent it all.
  assert.match(String(response.status), /413|EPIPE|ECONNRESET|other side closed/);
  await until('nothing is left of it', () => readdirSync(join(daemon.folder, 'state/uploads')).length === 0);
});

test('ten thousand calls scroll as a list of a few rows', async t => {
  await daemon.end();
  execFileSync('python3', ['-c', `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
now = db.execute("SELECT max(started_ms) FROM call").fetchone()[0]
db.executemany("INSERT INTO call (call_id, source, state, started_ms, last_activity_ms, ended_ms, agent, campaign, audio_ms, segments, sentiment) VALUES (?, 'recording', 'completed', ?, ?, ?, ?, 'SALES', ?, 3, ?)",
    ((f"many-{i}", now - 60000 * i - 60000, now - 60000 * i, now - 60000 * i, f"agent{i % 40}", 1000 * (i % 600), (i % 200 - 100) / 100) for i in range(10000)))
db.commit()
`, join(daemon.folder, 'state/lineside.db')]);
  await daemon.run();
  const page = await view(opened, `${daemon.address}/calls`);
  await page.getByText('200+ calls').waitFor();
  const { rows, frames } = await page.evaluate(async () => {
    const box = document.querySelector('.view'), note = document.getElementById('note'), frames = [];
    let last = performance.now(), top = -1;
    // To the end of what is loaded, and on when there is more.
    while (note.textContent.includes('+') || box.scrollTop !== top) {
      top = box.scrollTop;
      box.scrollTop += 1500;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    return { rows: document.querySelectorAll('.view .tr').length, frames };
  });
  t.diagnostic(`scrolling through 10,000 calls: frames p50 ${percentile(frames, 0.5).toFixed(1)} ms, p95 ${percentile(frames, 0.95).toFixed(1)} ms, ${rows} rows in the page`);
  assert.ok(rows < 100, `${rows} rows`);
  await page.getByText(/^1\d{4} calls$/).waitFor();
  await page.locator('.view .tr', { hasText: 'agent39' }).first().waitFor();
  // Choose, and take away as one file.
  await page.getByLabel('Agent').fill('agent7');
  await page.keyboard.press('Enter');
  await page.getByText('200+ calls').waitFor();
  await page.getByLabel('select all shown').check();
  await page.getByText('200 selected').waitFor();
  await page.getByLabel('Export as').selectOption('csv');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
  assert.equal(download.suggestedFilename(), 'calls.csv');
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

test('the dashboard draws what was said', async () => {
  const page = await view(opened, `${daemon.address}/dashboard?days=30`);
  await page.locator('.tile', { hasText: 'Calls' }).getByText(/^1\d{4}$|^\d+$/).waitFor();
  assert.ok(await page.locator('.uplot canvas').count() >= 3);
  await page.getByRole('rowheader', { name: 'agent7', exact: true }).waitFor();
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

test('two lines of one moment are both shown, as they come and as older databases have them', async () => {
  const timestamp = new Date(Date.now() - 5000).toISOString();
  const say = (text, status = 'active') => daemon.post('/api/realtime/events', { provider: 'test', call_id: 'M-1', speaker: 'customer', text, timestamp, status });
  await say('I want a refund.');
  await say('Now.');
  await until('both are there', async () => (await daemon.get('/api/v1/calls/M-1')).segment_count === 2);
  const shown = page => page.locator('.transcript li:not(.partial)');
  let page = await view(opened, `${daemon.address}/calls/M-1`);
  await shown(page).filter({ hasText: 'Now.' }).waitFor();
  assert.equal(await shown(page).count(), 2);
  // A third one comes by the feed alone.
  await say('Do you hear?');
  await shown(page).filter({ hasText: 'Do you hear?' }).waitFor();
  assert.equal(await shown(page).count(), 3);
  await page.context().close();
  await say('', 'ended');
  await until('it is over', async () => (await daemon.get('/api/v1/calls/M-1')).status === 'completed');
  await daemon.end();
  execFileSync('python3', ['-c', `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for sql in ["UPDATE segment SET start_ms = 0, end_ms = 0", "DELETE FROM event"]:
    db.execute(sql + " WHERE call = (SELECT id FROM call WHERE call_id = 'M-1')")
db.commit()
`, join(daemon.folder, 'state/lineside.db')]);
  await daemon.run();
  page = await view(opened, `${daemon.address}/calls/M-1`);
  await shown(page).nth(2).waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('a call that could not be loaded is not one that is not there', async () => {
  const page = await view(opened, 'about:blank');
  await page.route('**/api/v1/calls/N-1', route => route.fulfill({ status: 503, contentType: 'application/json', body: '{"detail": "the database is busy"}' }));
  await page.goto(`${daemon.address}/calls/N-1`);
  await page.getByRole('heading', { name: 'The call could not be loaded' }).waitFor();
  await page.getByText('N-1: the database is busy').waitFor();
  await page.goto(`${daemon.address}/calls/N-2`);
  await page.getByRole('heading', { name: 'No such call' }).waitFor();
  await page.context().close();
});

test('tables and lists that are cut say of how many', async () => {
  const page = await view(opened, 'about:blank');
  const answering = (path, change) => page.route(path, async route => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), ...change } });
  });
  await answering('**/api/v1/figures?*', { agents_in_all: 120, keywords_in_all: 0 });
  await page.goto(`${daemon.address}/dashboard?days=30`);
  await page.getByRole('region', { name: 'Agents' }).first().getByText(/^\d+ of 120: those with most calls$/).waitFor();
  assert.equal(await page.getByText('those that were said most').count(), 0, 'that one is whole');
  await answering('**/api/v1/disputes?*', { more: true });
  await page.goto(`${daemon.address}/reviews`);
  await page.locator('#disputes').getByText(/^the newest \d+; there are more$/).waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

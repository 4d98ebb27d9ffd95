// A daemon on a throw-away folder, the callers that talk to it, and a browser that looks.
import { spawn, execFileSync } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '../..');
const npm = createRequire(join(root, 'packaging/web/package.json'));
const { chromium } = npm('playwright-core');
const axePath = npm.resolve('axe-core/axe.min.js');
const binary = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'release/lineside');

const pause = ms => new Promise(done => setTimeout(done, ms));

/** Waits for something to become true; a slow machine gets its time. */
export async function until(what, is, patience = 60_000) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await is();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${patience / 1000} s: ${what}`);
    await pause(50);
  }
}

const freePort = () => new Promise(done => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

/** What packaging/demo-model/render makes (lines, calls), once per run. */
const folders = new Map();
export function rendered(kind, ...names) {
  if (!folders.has(kind)) {
    const folder = mkdtempSync(join(tmpdir(), 'lineside-browser-'));
    execFileSync(join(root, 'packaging/demo-model/render'), [kind, folder, ...names], { stdio: ['ignore', 'ignore', 'inherit'] });
    folders.set(kind, folder);
  }
  return folders.get(kind);
}
process.on('exit', () => { for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true }); });

/** The demo's lines: {file, words}. */
export function lines() {
  const folder = rendered('lines');
  return readFileSync(join(folder, 'refs.tsv'), 'utf8').trim().split('\n').map(line => {
    const [file, words] = line.split('\t');
    return { file: join(folder, file), words };
  });
}

/** Samples of an 8 kHz mono 16-bit WAV, as bytes. */
export function soundOf(file) {
  const bytes = readFileSync(file);
  for (let at = 12; at < bytes.length;) {
    const size = bytes.readUInt32LE(at + 4);
    if (bytes.toString('latin1', at, at + 4) === 'data') return bytes.subarray(at + 8, at + 8 + size);
    at += 8 + size + (size & 1);
  }
  throw new Error(`${file}: no sound in it`);
}

export const wavOf = sound => {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(sound.length + 36, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(16000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(sound.length, 40);
  return Buffer.concat([header, sound]);
};

/** The UUID of a uniqueid's leg: 0 mixed, 1 agent, 2 caller. */
export const uuidOf = (epoch, sequence, leg) => `${String(epoch).slice(0, 8)}-${String(epoch).slice(8)}00-8${leg}00-8000-${String(sequence).padStart(12, '0')}`;

export class Daemon {
  /** `http`: more lines of that section; `more`: more sections; `tokens`: asks for a token, as an installed one does. */
  static async start({ http = '', more = '', tokens = false } = {}) {
    const daemon = new Daemon();
    daemon.folder = mkdtempSync(join(tmpdir(), 'lineside-browser-'));
    [daemon.http, daemon.audiosocket] = [await freePort(), await freePort()];
    mkdirSync(join(daemon.folder, 'monitor'));
    const toml = `[paths]\nstate = "${daemon.folder}/state"\nrun = "${daemon.folder}/run"\n[http]\nlisten = "127.0.0.1:${daemon.http}"\nopen = ${!tokens}\n${http}\n`
      + `[audiosocket]\nlisten = "127.0.0.1:${daemon.audiosocket}"\n[recordings]\nfolders = ["${daemon.folder}/monitor"]\n`
      + `[speech]\nmodel = "${root}/packaging/demo-model/demo.bin"\n${more}\n`;
    writeFileSync(join(daemon.folder, 'lineside.toml'), toml);
    await daemon.run();
    return daemon;
  }

  get address() {
    return `http://127.0.0.1:${this.http}`;
  }

  async run() {
    const log = openSync(join(this.folder, 'log'), 'a');
    this.child = spawn(binary, ['--config', join(this.folder, 'lineside.toml'), 'serve'], { stdio: ['ignore', 'ignore', log] });
    await until(`the daemon answers\n${this.log()}`, () => {
      if (this.child.exitCode !== null) throw new Error(this.log());
      return this.get('/health').catch(() => null);
    });
  }

  /** What a command of the daemon's prints. */
  command(...words) {
    return execFileSync(binary, ['--config', join(this.folder, 'lineside.toml'), ...words], { encoding: 'utf8' }).trim();
  }

  log() {
    return existsSync(join(this.folder, 'log')) ? readFileSync(join(this.folder, 'log'), 'utf8') : '';
  }

  async end(signal = 'SIGTERM') {
    const { child } = this;
    this.child = null;
    if (!child) return;
    const gone = new Promise(done => child.once('exit', done));
    child.kill(signal);
    await gone;
  }

  async remove() {
    await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  async get(path) {
    const response = await fetch(this.address + path);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async post(path, body) {
    const response = await fetch(this.address + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  completed(call) {
    return until(`call ${call} is completed`, async () => {
      const found = await this.get(`/api/v1/calls/${call}`).catch(() => null);
      return found?.status === 'completed' && found;
    }, 120_000);
  }

  /** Speaks over AudioSocket in real time; resolves to a function that hangs up. With `silence` seconds more the line stays open. */
  async dial(uuid, sound, silence = 0.7) {
    const socket = connect(this.audiosocket, '127.0.0.1');
    await new Promise((done, fail) => socket.once('connect', done).once('error', fail));
    socket.on('error', () => {}).resume();
    socket.write(Buffer.concat([Buffer.from([1, 0, 16]), Buffer.from(uuid.replaceAll('-', ''), 'hex')]));
    const all = Buffer.concat([sound, Buffer.alloc(Math.round(silence * 16000))]);
    const began = Date.now();
    for (let at = 0; at < all.length && !socket.destroyed; at += 320) {
      const wait = began + at / 16 - Date.now();
      if (wait > 0) await pause(wait);
      const frame = all.subarray(at, at + 320);
      socket.write(Buffer.concat([Buffer.from([0x10, frame.length >> 8, frame.length & 255]), frame]));
    }
    return () => socket.end(Buffer.from([0, 0, 0]));
  }
}

/** Debian's Chromium, headless. */
export const browser = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required', '--mute-audio',
    // A page given from disk has no address, and may not talk to loopback otherwise.
    ...(process.env.LINESIDE_WEB ? ['--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'] : [])],
});

/** A window of its own; what goes wrong in the page is an error of the test. */
export async function view(opened, path, options = {}) {
  const context = await opened.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', error => page.problems.push(String(error)));
  page.on('console', message => { if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text())) page.problems.push(message.text()); });
  if (process.env.LINESIDE_WEB) await fromDisk(page);
  await page.goto(path);
  return page;
}

/**
 * For work on the pages without a build: LINESIDE_WEB=1 gives their files as they are in the source, with the daemon's headers. The frame around a
 * page's content is the daemon's.
 */
async function fromDisk(page) {
  const names = { '/': 'live.html', '/calls': 'calls.html', '/alerts': 'alerts.html', '/agents': 'agents.html', '/reviews': 'reviews.html', '/upload': 'upload.html', '/dashboard': 'dashboard.html' };
  await page.route(url => url.pathname.startsWith('/web/') || url.pathname in names || /^\/calls\/[^/]+$/.test(url.pathname), async route => {
    const { pathname } = new URL(route.request().url());
    if (route.request().method() !== 'GET') return route.continue();
    const name = names[pathname] ?? (pathname.startsWith('/web/') ? pathname.slice(5) : 'call.html');
    const response = await route.fetch({ headers: { ...route.request().headers(), 'if-none-match': '' }, maxRedirects: 0 });
    const path = join(root, 'src/api/web', name);
    // A script that is newer than the daemon.
    if (response.status() === 404 && name.endsWith('.js') && existsSync(path)) return route.fulfill({ contentType: 'text/javascript', body: readFileSync(path) });
    if (!response.ok()) return route.fulfill({ response });
    const file = readFileSync(path);
    if (!name.endsWith('.html')) return route.fulfill({ response, body: file });
    const html = await response.text();
    return route.fulfill({ response, body: html.replace(/(?<=<\/header>\n)[^]*(?=<\/body>)/, () => file.toString()) });
  });
}

/**
 * Violations that axe finds, as lines: those that it calls serious or critical, or all but those of the impacts in `but`. The script comes in past the
 * policy of the page, as an extension's would.
 */
export async function violations(page, but = ['minor', 'moderate']) {
  const { source } = npm('axe-core');
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setBypassCSP', { enabled: true });
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter(found => !but.includes(found.impact))
    .flatMap(found => found.nodes.map(node => `${found.id}: ${node.target.join(' ')}: ${node.any.concat(node.all, node.none).map(check => check.message).join('; ')}`));
}

export const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
export { pause, axePath, readdirSync };

/** An address of the login that leads on to this place, or to none. */
export const atLogin = next => url => url.pathname === '/login' && url.searchParams.get('next') === next && !url.hash;

export async function logIn(page, shown) {
  await page.getByLabel('Token').fill(shown);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/**
 * A world for one test file: the real engine with its practice providers, the window's page in a browser over the
 * loopback API, and a person who answers the sign-in pages. Everything the page was told is kept, and at the end none
 * of it may hold a secret.
 *
 * The session (bus, keyring) is the caller's: `cargo xtask test ui` makes one.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { launch } from './chromium.js';

const PROGRAM = join(process.env['TIELINE_BUILT'] ?? '', 'tieline');
const PAGES = fileURLToPath(new URL('../../ui/dist', import.meta.url));
export const ARTEFACTS = fileURLToPath(new URL('../../artefacts/ui/', import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PATIENCE_MS = 20_000;

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class World {
  #engine;
  #tab;
  #contexts = [];
  #secrets = new Set();
  /** What reached the page: answers, changes, and the page as it stood. */
  told = [];
  /** What the page complained of: errors, broken rules of the policy, requests to elsewhere. */
  complaints = [];

  static async open({ practice = true } = {}) {
    assert.ok(process.env['DBUS_SESSION_BUS_ADDRESS'] && existsSync(PROGRAM) && existsSync(join(PAGES, 'index.html')),
      'these tests need a session, the built program and the built page: start them with cargo xtask test ui');
    const world = new World();
    world.data = realpathSync(mkdtempSync(join(tmpdir(), 'tieline-ui-')));
    mkdirSync(ARTEFACTS, { recursive: true });
    await world.#start(practice);
    world.browser = await launch();
    // A browser of the person's own, apart from the one that shows Tieline. Its one tab goes from sign-in to sign-in:
    // Chromium may never answer the closing of a tab whose last page is still on its way.
    world.#tab = await (await world.browser.newContext()).newPage();
    world.#tab.on('request', (request) => world.#keep(request.url()));
    return world;
  }

  async #start(practice) {
    const line = ['serve', '--data', this.data, '--ui', PAGES, '--no-browser', '--port', '0', ...(practice ? ['--practice'] : [])];
    this.#engine = spawn(PROGRAM, line, { stdio: ['ignore', 'pipe', 'ignore'] });
    const said = await new Promise((resolve, reject) => {
      createInterface(this.#engine.stdout).once('line', resolve);
      this.#engine.once('exit', (code) => reject(new Error(`tieline serve ended with ${code}`)));
    });
    this.url = JSON.parse(said).url;
    [this.base, this.key] = this.url.split('/#token=');
    this.control = (await this.call('status')).practice_control;
    this.apps = this.control ? await this.practice('GET', 'apps') : [];
    for (const { client_secret: secret } of this.apps) if (secret) this.#secrets.add(secret);
  }

  /** Asks the engine beside the page. Rejects with a failure's words. */
  async call(name, ask = {}) {
    const reply = await fetch(`${this.base}/v1/${name}`, {
      method: 'POST', headers: { authorization: `Bearer ${this.key}` }, body: JSON.stringify(ask),
    });
    const answer = await reply.json();
    if (!reply.ok) throw new Error(`${name}: ${answer.message} ${answer.hint}`);
    return answer;
  }

  /** Asks the practice providers' control. */
  async practice(method, path, body) {
    const reply = await fetch(this.control + path, {
      method, headers: { 'content-type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}),
    });
    assert.ok(reply.ok, `${method} ${path}: ${reply.status}`);
    return reply.json();
  }

  /** From now on `fault` strikes at every request to the provider that it fits. */
  fault = (provider, fault) => this.practice('PUT', `faults/${provider}`, { fault, times: null });
  calm = () => this.practice('DELETE', 'faults');

  /** What a person of Acme types into the provider's form. */
  inputs(provider) {
    return this.apps.find((app) => app.provider === provider)?.inputs ?? {};
  }

  /** The person answers a sign-in page, and the sign-in ends one way or another. */
  async answer(id, { who = 0, button = 'Allow', untick } = {}) {
    const { url } = await this.call('sign_in_link', { id });
    const tab = this.#tab;
    // The tab may still be on its way to the page that the last sign-in sent it back to.
    await this.until('the sign-in page', () => tab.goto(url).then(() => true, (why) => {
      if (!/interrupted by another navigation/.test(why.message)) throw why;
      return false;
    }));
    if (who > 0) await tab.locator('input[name=person]').nth(who).check();
    if (untick) await tab.getByLabel(untick).uncheck();
    await tab.getByRole('button', { name: button }).click({ noWaitAfter: true });
    const flow = await this.until('the sign-in to end', async () => {
      const now = await this.call('flow', { id });
      return !['waiting', 'finishing'].includes(now.step) && now;
    });
    this.#keepKeyring();
    return flow;
  }

  /** Connects an account beside the page. */
  async connect(provider, { reconnect = null, ...how } = {}) {
    const ask = { provider, inputs: this.inputs(provider), more_scopes: [], reconnect, way: null, quiet: true };
    const { id } = await this.call('connect', ask);
    return this.answer(id, how);
  }

  async until(what, ask) {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await wait(40)) {
      const answer = await ask();
      if (answer) return answer;
    }
    throw new Error(`waited in vain for ${what}`);
  }

  /** Tieline's page, opened at the address that `tieline serve` prints. */
  async page({ width = 1200, height = 760, theme = 'light', motion = 'reduce' } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: motion });
    this.#contexts.push(context);
    await context.addInitScript({ path: AXE });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS / 2);
    const refused = (line) => line.location().url.startsWith(`${this.base}/v1/`) && /status of 4\d\d/.test(line.text());
    page.on('console', (line) => line.type() === 'error' && !refused(line) && this.complaints.push(`${line.text()} ${line.location().url}`));
    page.on('pageerror', (why) => this.complaints.push(String(why)));
    page.on('request', (request) => request.url().startsWith(`${this.base}/`) || this.complaints.push(`asked ${request.url()}`));
    await this.#listen(page);
    await page.goto(this.url);
    await page.locator('h1').waitFor();
    return page;
  }

  /** Keeps every answer as it arrives; the stream of changes never ends, so it is read piece by piece. */
  async #listen(page) {
    page.on('response', async (reply) => {
      if (reply.request().method() !== 'GET' || !reply.url().endsWith('/v1/events')) this.told.push(await reply.text().catch(() => ''));
    });
    const network = await page.context().newCDPSession(page);
    const streams = new Set();
    network.on('Network.responseReceived', ({ requestId, response }) => {
      if (!response.url.endsWith('/v1/events')) return;
      streams.add(requestId);
      network.send('Network.streamResourceContent', { requestId }).catch(() => streams.delete(requestId));
    });
    network.on('Network.dataReceived', ({ requestId, data }) => {
      if (streams.has(requestId) && data) this.told.push(Buffer.from(data, 'base64').toString());
    });
    await network.send('Network.enable');
  }

  /** The codes that providers hand to the browser. */
  #keep(address) {
    const given = new URL(address).searchParams;
    for (const name of ['code', 'oauth_verifier']) if (given.get(name)) this.#secrets.add(given.get(name));
  }

  /** The tokens in the session's keyring, seen with another program's eyes. */
  #keepKeyring() {
    const service = `app.tieline.desktop.practice@${join(this.data, 'practice')}`;
    const found = execFileSync('secret-tool', ['search', '--all', '--unlock', 'service', service], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: PATIENCE_MS });
    for (const [, secret] of found.matchAll(/^secret = (\{.*\})$/gm)) {
      for (const value of Object.values(JSON.parse(secret))) if (typeof value === 'string') this.#secrets.add(value);
    }
  }

  /** Nothing that the page was told may hold a secret of the app, a code, or a token. */
  async #provesNoSecret() {
    this.#keepKeyring();
    for (const context of this.#contexts) {
      for (const page of context.pages()) {
        const kept = 'JSON.stringify([localStorage, location.href, [...document.querySelectorAll("input")].map(({ value }) => value)])';
        this.told.push(await page.content(), await page.evaluate(kept));
      }
    }
    const all = this.told.join('\n');
    assert.ok(all.includes('"state":"working"'), 'the answers were read');
    assert.match(all, /data: ?\{"what":/, 'the changes were read');
    assert.ok(this.#secrets.size > 20, 'there are secrets to look for');
    for (const secret of this.#secrets) assert.ok(!all.includes(secret), `the page was told ${secret.slice(0, 6)}…`);
    assert.doesNotMatch(all, /[?&](?:code|oauth_verifier)=|"(?:access|refresh)_?(?:token)?":/);
  }

  /** The end of every world: what holds for all its screens is checked, then all of it stops. */
  async end() {
    try {
      assert.deepEqual(this.complaints, []);
      if (this.control) await this.#provesNoSecret();
    } finally {
      await this.#close();
    }
  }

  async #close() {
    await this.browser.close();
    this.#engine.kill('SIGINT');
    await new Promise((resolve) => this.#engine.once('exit', resolve));
    rmSync(this.data, { recursive: true, force: true });
  }
}

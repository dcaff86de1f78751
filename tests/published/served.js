/**
 * What one test file of published clients works with: the real program serving its API over practice providers, keys
 * as `tieline key add` makes them, and a person who answers sign-in pages over plain HTTP.
 *
 * The session (bus, keyring) is the caller's: `cargo xtask test published` makes one.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const PROGRAM = join(process.env['TIELINE_BUILT'] ?? '', 'tieline');
/** How many things each practice account holds: enough for folders and second pages, few enough to be read soon. */
const ITEMS = 40;
const PATIENCE_MS = 30_000;
const FORM = /<form [^>]*?method="post"(?: action="([^"]*)")?>(.*?)<\/form>/s;
const ENTITIES = { '&quot;': '"', '&lt;': '<', '&gt;': '>', '&amp;': '&' };

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until the answer is as it should be, and yields it. */
export async function until(what, ask, so = Boolean) {
  let last;
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await wait(100)) {
    last = await ask();
    if (so(last)) return last;
  }
  throw new Error(`waited in vain for ${what}: ${JSON.stringify(last)}`);
}

/** Times are told in whole seconds: what happens after this has a later one than all that was told before. */
export const aSecond = () => wait(1000);

/** A little server of the test's own on a free port; yields it with its `base`. */
export async function listen(answer, host = '127.0.0.1') {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, host, resolve));
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { base: `http://${host}:${server.address().port}`, end };
}

export async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

export class Served {
  #program;
  /** What the program said besides, which must hold no panic. */
  #said = '';
  /** What a person of Acme knows when a page asks: the name of a bucket, say. */
  #notes;

  static async open() {
    assert.ok(process.env['DBUS_SESSION_BUS_ADDRESS'] && existsSync(PROGRAM),
      'these tests need a session and the built program: start them with cargo xtask test published');
    const served = new Served();
    served.data = realpathSync(mkdtempSync(join(tmpdir(), 'tieline-published-')));
    await served.#start();
    return served;
  }

  async #start() {
    this.#program = spawn(PROGRAM, ['serve', '--practice', '--port', '0', '--no-browser', '--run-key', '--data', this.data],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#program.stderr.setEncoding('utf8').on('data', (text) => (this.#said += text));
    const said = await new Promise((resolve, reject) => {
      createInterface(this.#program.stdout).once('line', resolve);
      this.#program.once('exit', (code) => reject(new Error(`tieline serve ended with ${code}`)));
    });
    // The runner ends a file that takes too long with this signal.
    process.once('SIGTERM', () => {
      this.#program.kill('SIGINT');
      process.exit(1);
    });
    const [base, ours] = JSON.parse(said).url.split('/#token=');
    this.base = base;
    this.ours = ours;
    this.control = (await this.call('status')).practice_control;
    this.apps = await this.practice('GET', 'apps');
    this.#notes = Object.assign({}, ...this.apps.map(({ inputs }) => inputs));
    await this.practice('PUT', 'items', { count: ITEMS });
  }

  /** One of our own operations, with the key that was printed at the start. */
  async call(name, ask = {}) {
    const reply = await fetch(`${this.base}/v1/${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.ours}`, 'content-type': 'application/json' },
      body: JSON.stringify(ask),
    });
    const answer = await reply.json();
    assert.ok(reply.ok, `${name}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** The practice providers' control. */
  async practice(method, path, body) {
    const reply = await fetch(this.control + path, {
      method, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.ok(reply.ok, `${method} ${path}: ${reply.status}`);
    return reply.json();
  }

  /** Lets the provider take this exact address back, as an administrator of Acme would register it. */
  register = (provider, ...addresses) => this.practice('PUT', `redirects/${provider}`, addresses);

  /** The app that Acme registered with the provider: its id, secret, and what a person types in. */
  app = (provider, secret = true) =>
    this.apps.find((app) => app.provider === provider && Boolean(app.client_secret) === secret) ??
    this.apps.find((app) => app.provider === provider);

  /** A key for a program. Requests are not counted unless `perMinute` says how many, or is null for the documented numbers. */
  async key(name, { organization, allow = [], connections = [], origins = [], perMinute = 0 } = {}) {
    const line = ['key', 'add', name, '--json', '--data', this.data, '--practice-at', this.control];
    if (organization) line.push('--organization', organization);
    for (const word of allow) line.push('--allow', word);
    for (const which of connections) line.push('--connection', which);
    for (const origin of origins) line.push('--origin', origin);
    if (perMinute !== null) line.push('--per-minute', String(perMinute));
    const { stdout } = await promisify(execFile)(PROGRAM, line);
    return JSON.parse(stdout);
  }

  /**
   * The person opens an address, answers the sign-in page and what is asked before it, and goes wherever the browser is sent.
   * Yields where they end: status, address and text. With `stop`, an address that begins so is not opened any more.
   */
  async answer(address, { who = 'maya', decision = 'allow', stop } = {}) {
    let page = await this.#go(address, { stop });
    for (let form; (form = FORM.exec(page.text)) && /class="fill"|name="decision"/.test(form[0]); ) {
      const body = fields(form[2], { person: who, fault: '', decision, ...this.#notes });
      page = await this.#go(new URL(form[1] ?? '', page.url).href, { body, stop });
    }
    return page;
  }

  /** Opens a page, or sends it a form, and follows redirects, pages that go on by themselves, and the relay page. */
  async #go(address, { body, stop }) {
    for (let url = relayed(address), left = 20; left > 0; left -= 1) {
      if (stop && url.startsWith(stop)) return { status: 0, url, text: '' };
      const reply = await fetch(url, { headers: { accept: 'text/html' }, redirect: 'manual', ...(body ? { method: 'POST', body } : {}) });
      const text = await reply.text();
      const [, seconds = '0', to] = /<meta http-equiv="refresh" content="(\d+)(?:;url=([^"]*))?">/.exec(text) ?? [];
      const onward = reply.headers.get('location') ?? to ?? (seconds === '0' ? null : url);
      if (!onward) return this.#paste({ status: reply.status, url, text });
      await wait(seconds * 1000);
      [url, body] = [relayed(new URL(plain(onward), url).href), null];
    }
    throw new Error(`${address} sends the browser round and round`);
  }

  /** Where the relay page cannot go on, the person does as it says: the address is copied, and pasted in Tieline. */
  async #paste(page) {
    if (!new URL(page.url).pathname.startsWith('/relay/')) return page;
    const provider = page.url.match(/integrations\/([a-z_]+)/)[1].toUpperCase();
    const { id } = (await this.call('flows')).find((flow) => flow.provider === provider && flow.step === 'waiting');
    await this.call('paste', { id, address: page.url });
    return page;
  }

  /** The same person for clients in other languages: `POST {"url", "who", "stop"}` answers where they ended. */
  person() {
    return listen(async (request, reply) => {
      const { url, ...how } = JSON.parse(await bodyOf(request));
      const end = await this.answer(url, how).catch((why) => ({ status: 0, url, text: String(why) }));
      reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(end));
    });
  }

  async end() {
    this.#program.kill('SIGINT');
    await new Promise((resolve) => this.#program.once('exit', resolve));
    rmSync(this.data, { recursive: true, force: true });
    assert.doesNotMatch(this.#said, /panicked at/);
  }
}

const plain = (markup) => markup.replace(/&\w+;/g, (one) => ENTITIES[one] ?? one);

/** What the organisation's relay page does by script (tests/ui/relay.test.js): it goes on to the port that `state` ends with. */
function relayed(address) {
  const url = new URL(address);
  const port = /\.p(\d{4,5})$/.exec(url.searchParams.get('state') ?? '')?.[1];
  if (!port || !url.pathname.startsWith('/relay/')) return address;
  return `http://127.0.0.1:${port}${url.pathname.replace('/relay', '')}${url.search}`;
}

/** What a browser would send for the form: as it stands, but for what the person chooses, fills in and presses. */
function fields(html, chosen) {
  const sent = new URLSearchParams();
  for (const [tag, kind] of html.matchAll(/<(input|select|button) [^>]*>/g)) {
    const of = (name) => plain(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
    const [name, ticks] = [of('name'), ['radio', 'checkbox'].includes(of('type'))];
    if (!name) continue;
    if (name in chosen) sent.set(name, chosen[name]);
    else if (kind === 'input' && (!ticks || / checked>$/.test(tag))) sent.append(name, of('value'));
  }
  return sent;
}

/**
 * carbon-connect, the published React component, in a real browser: its page stands at another origin than the API, and
 * its backend holds the key. A service is connected at its practice provider and listed, a file is picked and synced:
 * once with the component's own picker, once with the server's.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import { launch } from '../ui/chromium.js';
import { look } from '../ui/sight.js';
import { Served, listen, until } from './served.js';

const ARTEFACTS = fileURLToPath(new URL('../../artefacts/published/', import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" rx="2" fill="#0f5f5b"/></svg>';
const CUSTOMER = 'visitor@acme.example';

let served, host, secret, script, browser, context, page;
const complaints = [];
let tokens = 0;

before(async () => {
  mkdirSync(ARTEFACTS, { recursive: true });
  served = await Served.open();
  host = await listen(respond, 'localhost');
  ({ secret } = await served.key('carbon-connect', { origins: [host.base] }));
  const entry = fileURLToPath(new URL('component.jsx', import.meta.url));
  const define = { 'process.env.NODE_ENV': '"production"' };
  script = (await build({ entryPoints: [entry], bundle: true, write: false, jsx: 'automatic', define })).outputFiles[0].text;
  browser = await launch();
  context = await browser.newContext({ reducedMotion: 'reduce', viewport: { width: 1000, height: 800 } });
  await context.route((url) => !['localhost', '127.0.0.1'].includes(url.hostname), (route) => route.abort());
  await context.addInitScript({ path: AXE });
  page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (why) => complaints.push(String(why)));
});
after(async () => {
  await browser?.close();
  host?.end();
  await served?.end();
});

/** The program that embeds the component: its page, and the backend that keeps the key from the page. */
async function respond(request, reply) {
  const say = (type, text) => reply.writeHead(200, { 'content-type': type }).end(text);
  if (request.url === '/') {
    const settings = JSON.stringify({ api: `${served.base}/` });
    const scripts = `<script>settings = ${settings}</script><script src="/page.js"></script>`;
    return say('text/html; charset=utf-8', `<!doctype html><title>Acme</title><div id="page"></div>${scripts}`);
  }
  if (request.url === '/page.js') return say('text/javascript; charset=utf-8', script);
  if (request.url === '/icon.svg') return say('image/svg+xml', ICON);
  if (request.url !== '/token') return reply.writeHead(404).end();
  tokens += 1;
  const answer = await fetch(`${served.base}/auth/v1/access_token`, { headers: { authorization: `Bearer ${secret}`, 'customer-id': CUSTOMER } });
  const { access_token } = await answer.json();
  // The first token is one that has run out: the component then has to fetch another and try again.
  return say('application/json', JSON.stringify({ access_token: tokens === 1 ? 'run-out' : access_token }));
}

// Some of its buttons carry the name of their icon before their own.
const press = (words) => page.getByRole('button').filter({ hasText: words }).first().click();
const sees = (words) => page.getByText(words).and(page.locator(':visible')).first().waitFor();
const picture = (name) => page.screenshot({ path: join(ARTEFACTS, `component-${name}.png`) });
const told = (action) => page.evaluate((wanted) => window.told.find((one) => one.action === wanted) ?? null, action);

test('it opens, after a token that has run out, and lists the services', async () => {
  await page.goto(host.base);
  await sees('uses');
  await picture('1-open');
  await press(/^Connect$/);
  await sees('Integrations');
  for (const service of ['Google Drive', 'Slack', 'Zendesk']) await sees(service);
  assert.ok(tokens >= 2, 'a refused token is fetched anew');
  await picture('2-services');
});

test('a wrong workspace is told in words, in the window that opened', async () => {
  await page.getByText('Zendesk', { exact: true }).click();
  await press('Connect Account');
  const [popup] = await Promise.all([context.waitForEvent('page'), submit('not a workspace')]);
  const words = await until('the words', async () => (await popup.locator('body').innerText()).replace('Loading...', '').trim());
  assert.match(words, /[a-z]{3,} [a-z]{2,}/i);
  assert.doesNotMatch(words, /undefined|object Object/);
  await popup.close();
});

test('Zendesk is connected in the window that opens, and turns up by itself', async () => {
  const [popup] = await Promise.all([context.waitForEvent('page'), submit('https://acme.zendesk.com/')]);
  await popup.getByRole('button', { name: 'Allow' }).click();
  await popup.waitForURL((url) => !url.href.includes('/consent') && url.hostname !== '');
  await popup.locator('h1').first().waitFor();
  await popup.screenshot({ path: join(ARTEFACTS, 'component-3-signed-in.png') });
  await popup.close();

  const added = await until('the component to see it', () => told('ADD'));
  assert.equal(added.integration, 'ZENDESK');
  const [type, account, workspace] = added.data.data_source_external_id.split('|');
  assert.deepEqual([type, workspace], ['ZENDESK', 'acme']);
  assert.ok(account);
  assert.match(added.data.request_id, /^cc-\w{20}$/);
  await page.getByText(account).first().waitFor();
});

test('a file is picked and synced', async () => {
  await sees('Select files to sync');
  const row = () => page.locator('li').filter({ has: page.getByRole('checkbox') });
  await row().first().waitFor();
  await picture('4-picker');
  // Down to the first level that holds something to read.
  const ready = page.locator('li').filter({ has: page.getByText('ARTICLE', { exact: true }) });
  for (let level = 0; level < 4 && (await ready.count()) === 0; level += 1) {
    const was = await row().first().innerText();
    await row().first().locator('p').first().click();
    await until('the next level', async () => (await row().count()) > 0 && (await row().first().innerText()) !== was);
  }
  const name = await ready.first().locator('p').first().innerText();
  await ready.first().getByRole('checkbox').check();
  await picture('5-picked');
  await press('Upload 1 file(s)');
  await sees('Files successfully queued for sync!');
  await press('View synced files');
  await page.getByRole('row').filter({ hasText: name }).getByText('Ready', { exact: true }).first().waitFor();
  await picture('6-synced');
  const updated = await until('the component to see it', () => told('UPDATE'));
  assert.equal(updated.data.files_synced, true);
});

test('it is resynced, then disconnected', async () => {
  await page.getByRole('row').getByRole('checkbox').first().check();
  await press('Resync 1 file');
  await sees('Selected files queued successfully for resync');
  await page.getByRole('row').getByText('Ready', { exact: true }).first().waitFor();
  await page.locator('button[aria-haspopup=menu]:visible').last().click();
  await page.getByRole('menuitem', { name: 'Disconnect account' }).click();
  await page.getByRole('dialog').last().getByRole('button').filter({ hasText: 'Disconnect account' }).click();
  await sees('Integrations');
  await picture('7-disconnected');
  const known = await fetch(`${served.base}/user_data_sources`, {
    method: 'POST', headers: { authorization: `Bearer ${secret}`, 'customer-id': CUSTOMER, 'content-type': 'application/json' }, body: '{}',
  });
  assert.deepEqual((await known.json()).results.map((one) => [one.data_source_type, one.revoked_access]), [['ZENDESK', true]]);
  assert.deepEqual(await page.evaluate(() => window.failed), []);
  assert.deepEqual(complaints, []);
});

test('files are chosen on the server’s own page too, and turn up by themselves', async () => {
  await page.getByText('Google Drive', { exact: true }).click();
  const [popup] = await Promise.all([context.waitForEvent('page'), press('Connect Account')]);
  await popup.getByRole('button', { name: 'Allow' }).click();
  await popup.getByRole('heading', { name: 'Connected' }).waitFor();
  await look(popup, 'published-connected');
  await popup.getByRole('link', { name: 'Choose files' }).click();
  await popup.getByRole('heading', { name: 'Choose what to read' }).waitFor();
  await look(popup, 'published-choose');
  const file = popup.locator('li:has(input:enabled):not(:has(a))').first();
  const folder = popup.locator('li a').first();
  for (let level = 0; level < 4 && (await file.count()) === 0; level += 1) await Promise.all([popup.waitForNavigation(), folder.click()]);
  const name = await file.locator('label').evaluate((label) => label.querySelector('input').nextSibling.textContent.trim());
  await file.getByRole('checkbox').check();
  await popup.getByRole('button', { name: 'Read these' }).click();
  await popup.getByRole('status').waitFor();
  await look(popup, 'published-chosen');
  await popup.close();
  await page.getByRole('row').filter({ hasText: name }).getByText('Ready', { exact: true }).first().waitFor();
  await picture('8-chosen-elsewhere');
});

test('a page at an origin that no key names gets nothing', async () => {
  const stranger = await listen((_, reply) => reply.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Elsewhere</title>'));
  const elsewhere = await context.newPage();
  await elsewhere.goto(stranger.base);
  const ask = (path, options) => elsewhere.evaluate(([url, how]) => fetch(url, how).then((reply) => reply.status, (why) => why.name), [served.base + path, options]);
  assert.equal(await ask('/whoami', { headers: { authorization: `Bearer ${secret}`, 'customer-id': CUSTOMER } }), 'TypeError');
  assert.equal(await ask('/health', {}), 'TypeError');
  await elsewhere.close();
  stranger.end();
});

async function submit(workspace) {
  await page.getByPlaceholder('your-subdomain.zendesk.com').fill(workspace);
  await press('Submit');
}

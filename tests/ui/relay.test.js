/** The organisation's relay page, in a real browser: where it goes, with what, and that it goes nowhere else. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { launch } from './chromium.js';

const html = readFileSync(new URL('../../relay/index.html', import.meta.url), 'utf8');
const STATE = 'Zm9ydHktdGhyZWUgY2hhcmFjdGVycyBvZiByYW5kb21uZXNz';

let browser, host, tieline, base, port;
const arrived = [];

const serve = (answer) =>
  new Promise((resolve) => {
    const server = createServer(answer).listen(0, '127.0.0.1', () => resolve(server));
  });

before(async () => {
  browser = await launch();
  host = await serve((_, reply) => reply.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html));
  base = `http://127.0.0.1:${host.address().port}`;
  tieline = await serve((ask, reply) => {
    if (ask.url !== '/favicon.ico') arrived.push({ url: ask.url, referrer: ask.headers.referer });
    reply.writeHead(200, { 'content-type': 'text/plain' }).end('Arrived');
  });
  port = tieline.address().port;
});

after(async () => {
  await browser.close();
  for (const server of [host, tieline]) {
    server.closeAllConnections();
    server.close();
  }
});

/** Opens the page and tells where it wants to go (null: nowhere), what it says, and what it left in the address. */
async function visit(path, { javaScriptEnabled = true } = {}) {
  const context = await browser.newContext({ javaScriptEnabled });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
  page.on('pageerror', (why) => complaints.push(String(why)));
  const cdp = await context.newCDPSession(page);
  await cdp.send('Page.enable');
  let goes = null;
  cdp.on('Page.frameRequestedNavigation', (event) => (goes = event.url));
  // The jump to an outside scheme never loads, so only the page's own arrival is waited for.
  await page.goto(base + path, { waitUntil: 'commit' });
  await page.waitForTimeout(150);
  const open = page.getByRole('link', { name: 'Open Tieline' });
  const seen = {
    goes,
    address: page.url().replace(base, ''),
    title: await page.locator('h1').textContent({ timeout: 1_000 }).catch(() => null),
    text: await page.locator('body').innerText(),
    button: (await open.count()) && (await open.isVisible()) ? await open.getAttribute('href') : null,
    complaints: complaints.filter((line) => !/ailed to launch|Not allowed to launch|favicon/.test(line)),
    page,
  };
  return { ...seen, close: () => context.close() };
}

test('the policy names the script and the styles that are there', () => {
  const hash = (tag) => {
    const text = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html)[1];
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  };
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)[1];
  const wanted = `default-src 'none'; script-src ${hash('script')}; style-src ${hash('style')}; base-uri 'none'; form-action 'none'`;
  assert.equal(policy, wanted, 'put these values into relay/index.html');
});

test('an answer for the app goes to its deep link, and leaves no query behind', async () => {
  const seen = await visit(`/integrations/notion?code=abc%2B1&state=${STATE}.d&iss=https%3A%2F%2Fa.example`);
  const wanted = `app.tieline.desktop://integrations/notion?code=abc%2B1&state=${STATE}.d&iss=https%3A%2F%2Fa.example`;
  assert.equal(seen.goes, wanted);
  assert.equal(seen.button, wanted, 'the button goes the same way');
  assert.equal(seen.address, '/integrations/notion');
  assert.deepEqual(seen.complaints, []);
  await seen.close();
});

test('a developer’s build has its own scheme, and any folder before the path will do', async () => {
  const seen = await visit(`/apps/tieline/integrations/box?error=access_denied&error_description=No%20way&state=${STATE}.dev`);
  const wanted = `app.tieline.desktop.dev://integrations/box?state=${STATE}.dev&error=access_denied&error_description=No+way`;
  assert.equal(seen.goes, wanted);
  await seen.close();
});

test('an answer for a port reaches it there, without a referrer', async () => {
  arrived.length = 0;
  const seen = await visit(`/integrations/gong?code=abc&state=${STATE}.p${port}`);
  await seen.page.waitForURL(`http://127.0.0.1:${port}/**`);
  assert.deepEqual(arrived, [{ url: `/integrations/gong?code=abc&state=${STATE}.p${port}`, referrer: undefined }]);
  await seen.page.goBack();
  assert.equal(seen.page.url().includes('code='), false, 'the history must not hold the code');
  await seen.close();
});

test('only what belongs to an answer is passed on', async () => {
  const seen = await visit(`/integrations/slack?code=abc&state=${STATE}.d&access_token=SECRET&next=https://evil.example#token=SECRET`);
  assert.equal(seen.goes, `app.tieline.desktop://integrations/slack?code=abc&state=${STATE}.d`);
  await seen.close();
});

const nowhere = {
  'no state': '?code=abc',
  'a state without an end': `?code=abc&state=${STATE}`,
  'an unknown end': `?code=abc&state=${STATE}.x`,
  'a privileged port': `?code=abc&state=${STATE}.p0080`,
  'a port below the range': `?code=abc&state=${STATE}.p1023`,
  'a port above the range': `?code=abc&state=${STATE}.p65536`,
  'a port with a host in it': `?code=abc&state=${STATE}.p47823@evil.example`,
  'a script as the end': `?code=abc&state=${STATE}.javascript:alert(1)`,
  'a parameter given twice': `?code=abc&code=def&state=${STATE}.d`,
  'two states': `?code=abc&state=${STATE}.d&state=${STATE}.p47823`,
  'neither a code nor an error': `?state=${STATE}.d`,
  'an endless answer': `?code=${'a'.repeat(9000)}&state=${STATE}.d`,
};
for (const [what, query] of Object.entries(nowhere)) {
  test(`${what}: nothing is passed on, and the page says so`, async () => {
    const seen = await visit(`/integrations/notion${query}`);
    assert.equal(seen.goes, null);
    assert.equal(seen.button, null);
    assert.match(seen.text, /nothing was passed on/);
    assert.equal(seen.address, '/integrations/notion');
    assert.deepEqual(seen.complaints, []);
    await seen.close();
  });
}

test('a path that names no provider passes nothing on', async () => {
  for (const path of ['/integrations/', '/integrations/Box', '/integrations/a%2F..', '/integrations/../x', '/other/notion']) {
    const seen = await visit(`${path}?code=abc&state=${STATE}.d`);
    assert.equal(seen.goes, null, path);
    await seen.close();
  }
});

test('opened by hand it explains itself', async () => {
  const seen = await visit('/integrations/notion');
  assert.equal(seen.title, 'Nothing to pass on');
  assert.equal(seen.goes, null);
  await seen.close();
});

test('without scripts it tells the person to paste the address, which is still there', async () => {
  const path = `/integrations/notion?code=abc&state=${STATE}.d`;
  const seen = await visit(path, { javaScriptEnabled: false });
  assert.equal(seen.title, 'Take this address to Tieline');
  assert.match(seen.text, /Copy the whole address from the address bar/);
  assert.equal(seen.address, path);
  await seen.close();
});

test('markup in an answer is never markup in the page', async () => {
  const nasty = encodeURIComponent('<img src=x onerror=alert(1)>"\'><script>alert(2)</script>');
  const seen = await visit(`/integrations/notion?error=x&error_description=${nasty}&state=${STATE}.d`);
  assert.equal(await seen.page.locator('img').count(), 0);
  assert.deepEqual(seen.complaints, []);
  await seen.close();
});

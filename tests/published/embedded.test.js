/**
 * The embedded OAuth 2.0 contract as its own client speaks it, in a real browser: a page at another origin begins the
 * sign-in, says hello to the window until that answers, and makes the end user with the code. The client is written
 * here after its documents, as it is on no registry; the authorization server is npm `oidc-provider`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { launch } from '../ui/chromium.js';
import { Served, listen, until } from './served.js';

const CONNECTOR = '01JD3ZK5QW8XH2N4V6T9R7BCMA';
const ROOT = '/api/embedded/v1';
const SECRET = 'the-client-secret-of-acme';
const SCOPES = ['openid', 'profile', 'email', 'reports.read'];
const PAGE = '<!doctype html><title>Acme</title><button id="connect">Connect</button><script src="/client.js"></script>';

let served, made, issuer, node, host, browser, context, page, hub;

before(async () => {
  served = await Served.open();
  host = await listen(pages, 'localhost');
  made = await served.key('embedding page', { origins: [host.base] });
  await authorizationServer();
  browser = await launch();
  context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(host.base);
});
after(async () => {
  await browser?.close();
  node?.stdin.end();
  host?.end();
  await served?.end();
});

function pages(request, reply) {
  const script = request.url === '/client.js';
  reply.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html' }).end(script ? `(${client})(${JSON.stringify(served.base + ROOT)})` : PAGE);
}

async function authorizationServer() {
  const app = {
    client_id: 'acme', client_secret: SECRET, application_type: 'native', redirect_uris: [`${served.base}${ROOT}/oauth2/callback`],
    grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'client_secret_basic',
  };
  const given = JSON.stringify({ clients: [app], methods: ['client_secret_basic'] });
  node = spawn(process.execPath, [fileURLToPath(new URL('../oidc/server.mjs', import.meta.url)), given], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = await new Promise((resolve) => createInterface(node.stdout).once('line', resolve));
  ({ issuer } = JSON.parse(said));
}

/** What runs in the page: calls with the key, and a sign-in in a window of its own. */
function client(api) {
  window.ask = async (key, method, path, body) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const reply = await fetch(api + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    const text = await reply.text();
    return { status: reply.status, body: text ? JSON.parse(text) : null };
  };
  // A window may open only when the person presses something.
  window.signIn = (url) => {
    window.answered = null;
    document.getElementById('connect').onclick = () => {
      const { origin } = new URL(api);
      const state = new URL(url).searchParams.get('state');
      const opened = window.open(url, 'sign-in', 'popup');
      const hello = setInterval(() => opened.postMessage({ type: 'hello', payload: { state } }, origin), 500);
      window.addEventListener('message', function hear(event) {
        if (event.origin !== origin || event.source !== opened || event.data?.type !== 'response') return;
        clearInterval(hello);
        window.removeEventListener('message', hear);
        window.answered = Object.fromEntries(new URLSearchParams(event.data.payload.search));
      });
    };
  };
}

const ask = (method, path, body) => page.evaluate(([key, ...rest]) => window.ask(key, ...rest), [made.secret, method, path, body]);

async function good(status, method, path, body) {
  const answer = await ask(method, path, body);
  assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** An error of this contract: a code and a sentence, and the fields it is about. */
async function refused(status, method, path, body) {
  const { status: got, body: said } = await ask(method, path, body);
  assert.equal(got, status, JSON.stringify(said));
  assert.ok(typeof said.code === 'string' && typeof said.message === 'string' && said.message.split(' ').length > 3, JSON.stringify(said));
  return (said.fields ?? []).map(({ field }) => field);
}

const initialise = (more) => {
  const { authSchemeConfig: scheme } = hub.primaryConnector;
  const { credentialId: id, organisationId, clientId } = scheme.grant;
  return {
    credential: { id, organisationId }, clientId, authorizeUrl: scheme.authorizeUrl, scopes: scheme.defaultScopes,
    prompt: 'consent', disableOfflineAccess: false, additionalParams: '', ...more,
  };
};
const begin = (more) => ask('POST', `/embed/${hub.id}/connector/${CONNECTOR}/oauth2/initialise`, initialise(more));

/** The person answers the pages of the authorization server, one after the other. */
async function answer(popup, who, refuse) {
  await until('the end of the sign-in', async () => {
    await popup.waitForLoadState().catch(() => undefined);
    if (popup.isClosed() || popup.url().startsWith(served.base)) return true;
    if (!popup.url().includes('/interaction/')) return false;
    const { asks } = JSON.parse(await popup.locator('body').innerText());
    const field = refuse ? 'refuse' : { login: 'login', consent: 'allow' }[asks];
    await popup.evaluate(([name, value]) => {
      const form = Object.assign(document.createElement('form'), { method: 'post' });
      form.append(Object.assign(document.createElement('input'), { name, value }));
      document.body.append(form);
      form.submit();
    }, [field, field === 'login' ? who : '1']);
    await popup.waitForURL((url) => url.href !== popup.url(), { timeout: 2_000 }).catch(() => undefined);
    return false;
  });
}

async function signIn(url, { refuse = false, from = page } = {}) {
  await from.evaluate((address) => window.signIn(address), url);
  const [popup] = await Promise.all([from.waitForEvent('popup'), from.click('#connect')]);
  await answer(popup, 'anna', refuse);
  return until('the window to answer', () => from.evaluate(() => window.answered));
}

const primary = (name, code, state) => {
  const { authSchemeConfig } = hub.primaryConnector;
  const credential = { name: 'Anna', type: 'oauth2-code', data: { code, state } };
  return { name, variables: [], credentials: { action: [{ authSchemeConfig, credential }], trigger: [] } };
};

test('a hub keeps the client secret of its connector, and never tells it', async () => {
  assert.equal((await good(200, 'GET', '/healthz')).message.length > 0, true);
  const authSchemeConfig = {
    id: '01JD3ZK5QW8XH2N4V6T9R7BCMB', description: 'Acme ID', schemeType: 'oauth2', authorizeUrl: `${issuer}/auth`, tokenUrl: `${issuer}/token`,
    scopes: SCOPES.map((name) => ({ name })), defaultScopes: SCOPES, grant: { grantType: 'authorization_code', clientId: 'acme', clientSecret: SECRET },
  };
  hub = await good(201, 'POST', '/hubs', { organisationId: made.key.organization.ulid, name: 'Help', primaryConnectorId: CONNECTOR, authSchemeConfig });
  assert.doesNotMatch(JSON.stringify(hub), new RegExp(SECRET));
  const { hubs, totalCount } = await good(200, 'GET', `/o/${made.key.organization.ulid}/hubs`);
  assert.deepEqual([totalCount, hubs.map(({ id }) => id)], [1, [hub.id]]);
});

test('the address of a sign-in has the defaults, and a clash with them is an error', async () => {
  const { body: { url } } = await begin({ prompt: undefined });
  const asked = new URL(url).searchParams;
  assert.deepEqual(
    ['response_type', 'client_id', 'prompt', 'redirect_uri', 'scope'].map((name) => asked.get(name)),
    ['code', 'acme', 'login', `${served.base}${ROOT}/oauth2/callback`, [...SCOPES, 'offline_access'].join(' ')],
  );
  assert.ok(asked.get('state').length > 30);
  const more = { prompt: undefined, disableOfflineAccess: true, additionalParams: 'approval_prompt=force&audience=x' };
  const without = new URL((await begin(more)).body.url).searchParams;
  assert.deepEqual(['prompt', 'approval_prompt', 'audience', 'scope'].map((name) => without.get(name)), [null, 'force', 'x', SCOPES.join(' ')]);
  const where = `/embed/${hub.id}/connector/${CONNECTOR}/oauth2/initialise`;
  assert.deepEqual(await refused(400, 'POST', where, initialise({ additionalParams: 'state=mine' })), ['additionalParams']);
  assert.deepEqual(await refused(400, 'POST', where, { ...initialise(), clientId: undefined }), ['clientId']);
  assert.deepEqual(await refused(400, 'POST', where, initialise({ credential: { id: 'x' } })), ['credential.organisationId', 'credential.id']);
  await refused(404, 'POST', where.replace(hub.id, CONNECTOR), initialise());
});

test('the window answers the page that opened it, and the code becomes an end user with a connection', async () => {
  await refused(404, 'GET', `/hubs/${hub.id}/users/anna%40acme`);
  const { code, state } = await signIn((await begin()).body.url);
  const primaryConnection = primary('Anna’s account', code, state);
  const user = await good(201, 'POST', `/hubs/${hub.id}/users`, { externalId: 'anna@acme', displayName: 'Anna', primaryConnection });
  assert.deepEqual([user.externalId, user.hubId], ['anna@acme', hub.id]);
  const [{ credential }] = user.primaryConnection.credentials.action;
  assert.equal(credential.type, 'oauth2-token');
  assert.ok(SCOPES.every((scope) => credential.data.scopes.includes(scope)), JSON.stringify(credential));

  const { body: told } = await ask('GET', `/hubs/${hub.id}/users/anna%40acme`);
  const { accessTokens, refreshTokens } = await (await fetch(`${issuer}/control/seen`)).json();
  const everything = JSON.stringify([user, told]);
  for (const secret of [SECRET, code, ...refreshTokens, ...accessTokens.map(({ token }) => token)]) assert.ok(!everything.includes(secret));

  const { connections } = await good(200, 'GET', `/hubs/${hub.id}/users/anna%40acme/connections`);
  assert.deepEqual(connections.map(({ id }) => id), [user.primaryConnection.id]);
  const rows = await served.call('connections');
  assert.equal(rows.filter(({ provider }) => provider.startsWith('CUSTOM_')).length, 1, 'the person at this computer sees it');
  // The code and its state are good for one time.
  const [field] = await refused(400, 'POST', `/hubs/${hub.id}/users`, { externalId: 'again@acme', primaryConnection: primary('Once more', code, state) });
  assert.match(field, /primaryConnection/);
});

test('what an end user connected is activated, and goes with the user', async () => {
  const integration = await good(200, 'POST', `/hubs/${hub.id}/integrations`, { organisationId: made.key.organization.ulid, name: 'Tickets' });
  const mine = `/embed/${hub.id}/users/anna%40acme`;
  const { integrations, totalConnected } = await good(200, 'GET', `${mine}/integrations`);
  assert.deepEqual([integrations.map(({ id, isActivated }) => [id, isActivated]), totalConnected], [[[integration.id, false]], 0]);
  const activation = await good(200, 'POST', '/activations', { userId: 'anna@acme', integrationId: integration.id, connections: [] });
  assert.equal((await good(200, 'GET', `${mine}/integrations`)).totalConnected, 1);
  assert.deepEqual((await good(200, 'GET', `${mine}/activations`)).activations.map(({ id }) => id), [activation.id]);
  await good(204, 'DELETE', `/activations/${activation.id}`);
  await good(204, 'DELETE', `/hubs/${hub.id}/users/anna%40acme`);
  await refused(404, 'GET', `/hubs/${hub.id}/users/anna%40acme`);
  assert.deepEqual((await served.call('connections')).filter(({ provider }) => provider.startsWith('CUSTOM_')), []);
});

test('a person who says no is told on to the page, with the reason', async () => {
  const told = await signIn((await begin()).body.url, { refuse: true });
  assert.equal(told.error, 'access_denied');
  assert.equal(told.code, undefined);
});

test('whoever knows the state is answered, whatever page it is, and the window says so only then', async () => {
  const unnamed = await listen(pages, 'localhost');
  const other = await context.newPage();
  await other.goto(unnamed.base);
  const { code } = await signIn((await begin()).body.url, { from: other });
  assert.ok(code);

  // An opener that says nothing yet is waited for.
  const { body: { url } } = await begin();
  await other.evaluate((address) => {
    document.getElementById('connect').onclick = () => (window.opened = window.open(address, 'quiet', 'popup'));
  }, url);
  const [quiet] = await Promise.all([other.waitForEvent('popup'), other.click('#connect')]);
  await answer(quiet, 'anna', false);
  await quiet.waitForLoadState();
  assert.match(await quiet.locator('p').textContent(), /Keep this one open/);
  const told = quiet.waitForFunction(() => document.querySelector('p').textContent.includes('has the answer'));
  const hello = { type: 'hello', payload: { state: new URL(url).searchParams.get('state') } };
  await other.evaluate(([said, origin]) => window.opened.postMessage(said, origin), [hello, served.base]);
  await told;

  // Without an opener nobody has it, and the person reads so.
  const alone = await context.newPage();
  await alone.goto((await begin()).body.url);
  await answer(alone, 'anna', false);
  await alone.waitForLoadState();
  assert.match(await alone.locator('p').textContent(), /no window that could take the answer/);
  await alone.close();
  await other.close();
  unnamed.end();
});

test('another organisation finds nothing of it', async () => {
  const other = await served.key('another', { organization: 'Globex', origins: [host.base] });
  const answers = await page.evaluate(
    ([key, id, organisation]) => Promise.all([[key, `/hubs/${id}`], [key, `/o/${organisation}/hubs`], ['nobody', `/hubs/${id}`]]
      .map(([who, path]) => window.ask(who, 'GET', path))),
    [other.secret, hub.id, made.key.organization.ulid],
  );
  assert.deepEqual(answers.map(({ status }) => status), [404, 404, 401]);
});

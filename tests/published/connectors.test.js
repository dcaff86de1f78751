/** Source OAuth in both its flows, asked as the examples of its documentation do: `fetch`, a bearer, JSON. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Served, listen } from './served.js';

const WORKSPACE = '0b9c5a3e-1f5d-4f0e-8d53-6a1f6c2e7b90';

let served, made, root, program, back;
const arrived = [];

before(async () => {
  served = await Served.open();
  made = await served.key('knowledge');
  root = `${served.base}/v1/organizations/${made.key.organization.id}/knowledge/connectors`;
  // The program's own page, where people end after the sign-in.
  program = await listen((request, reply) => {
    arrived.push(new URL(request.url, 'http://program').searchParams);
    reply.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Connected</title>');
  });
  back = `${program.base}/connected`;
});
after(async () => {
  program?.end();
  await served?.end();
});

async function ask(method, path, body, headers = { authorization: `Bearer ${made.secret}` }) {
  const reply = await fetch(path.startsWith('http') ? path : root + path, {
    method, headers: { 'content-type': 'application/json', ...headers }, ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, body: text ? JSON.parse(text) : null };
}

async function good(status, method, path, body) {
  const answer = await ask(method, path, body);
  assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function refused(status, code, ...asked) {
  const { status: got, headers, body: { success, error } } = await ask(...asked);
  assert.deepEqual([success, got, error.status, error.code], [false, status, status, code], JSON.stringify(error));
  assert.ok(error.type && error.message.split(' ').length > 3 && !Number.isNaN(Date.parse(error.timestamp)));
  assert.equal(headers.get('x-request-id'), error.trace_id);
}

const definitionOf = async (name) => (await good(200, 'GET', '/source-definitions')).data.find((one) => one.name === name).source_definition_id;

test('a connector by its slug: sign in, and the source is made', async () => {
  const { authorization_url, connection_id } = await good(200, 'POST', '/sources/authorize', { slug: 'google-drive', redirect_url: back });
  assert.match(connection_id, /^conn_/);
  const wanted = { connection_id, workspace_id: WORKSPACE, source_definition_id: await definitionOf('Google Drive'), source_name: 'Maya’s files' };
  await refused(409, 'CONNECTOR_OAUTH_PENDING', 'POST', '/sources/oauth/callback', wanted);

  const end = await served.answer(authorization_url);
  assert.ok(end.url.startsWith(back), end.text);
  assert.equal(arrived.at(-1).get('connection_id'), connection_id);
  const source = await good(201, 'POST', '/sources/oauth/callback', wanted);
  assert.deepEqual([source.name, source.workspace_id, source.source_type], ['Maya’s files', WORKSPACE, 'google-drive']);
  await refused(404, 'NOT_FOUND', 'POST', '/sources/oauth/callback', wanted);

  assert.equal((await good(200, 'POST', '/sources/test', { source_id: source.source_id })).status, 'succeeded');
  assert.equal((await good(200, 'PATCH', `/sources/${source.source_id}`, { name: 'Files' })).name, 'Files');
  assert.deepEqual((await good(200, 'GET', '/sources')).data.map(({ source_id, name }) => [source_id, name]), [[source.source_id, 'Files']]);
  const [row] = await served.call('connections');
  assert.equal(row.provider, 'GOOGLE_DRIVE');

  await good(204, 'DELETE', `/sources/${source.source_id}`);
  await refused(404, 'NOT_FOUND', 'GET', `/sources/${source.source_id}`);
  assert.deepEqual(await served.call('connections'), [], 'the account goes with its source');
});

test('the native flow: the address comes back with a secret id, of which a source is made', async () => {
  const definition = await definitionOf('Zendesk');
  const specification = (await good(200, 'GET', `/source-definitions/${definition}/spec`)).connection_specification;
  assert.ok(Object.keys(specification.properties).includes('subdomain'), JSON.stringify(specification));
  const asked = { source_definition_id: definition, workspace_id: WORKSPACE, redirect_url: `${back}?tab=2`, o_auth_input_configuration: { subdomain: 'acme' } };
  const { consentUrl, consent_url } = await good(200, 'POST', '/sources/oauth', asked);
  assert.equal(consentUrl, consent_url);
  const end = await served.answer(consentUrl);
  assert.equal(end.status, 200, end.text);
  const landed = arrived.at(-1);
  assert.equal(landed.get('tab'), '2');
  const body = { name: 'Help desk', source_definition_id: definition, workspace_id: WORKSPACE, configuration: { subdomain: 'acme' } };
  const source = await good(201, 'POST', '/sources', { ...body, secret_id: landed.get('secret_id') });
  assert.deepEqual(source.configuration, { subdomain: 'acme' });
  await good(204, 'DELETE', `/sources/${source.source_id}`);
});

test('the configuration API behind it, in its own spelling', async () => {
  const asked = { sourceDefinitionId: await definitionOf('Notion'), workspaceId: WORKSPACE, redirectUrl: back, oAuthInputConfiguration: {} };
  const { consentUrl } = await good(200, 'POST', `${served.base}/api/v1/source_oauths/get_consent_url`, asked);
  await served.answer(consentUrl);
  const queryParams = Object.fromEntries(arrived.at(-1));
  const done = await good(200, 'POST', `${served.base}/api/v1/source_oauths/complete_oauth`, { ...asked, queryParams });
  assert.equal(done.request_succeeded, true, JSON.stringify(done));
  assert.doesNotMatch(JSON.stringify(done), /access_token|refresh_token/);
});

test('a person who says no: the page of the program is told nothing, and the source is not made', async () => {
  const before = arrived.length;
  const { authorization_url, connection_id } = await good(200, 'POST', '/sources/authorize', { slug: 'slack', redirect_url: back });
  const end = await served.answer(authorization_url, { decision: 'cancel' });
  assert.equal(arrived.length, before, end.url);
  const wanted = { connection_id, workspace_id: WORKSPACE, source_definition_id: await definitionOf('Slack'), source_name: 'Talk' };
  await refused(500, 'CONNECTOR_OAUTH_FAILED', 'POST', '/sources/oauth/callback', wanted);
});

test('errors are the envelope, and every answer has the headers', async () => {
  await refused(401, 'UNAUTHORIZED', 'GET', '/sources', undefined, { authorization: 'Bearer nobody' });
  await refused(403, 'FORBIDDEN', 'GET', root.replace(made.key.organization.id, 'org_00000099') + '/sources');
  await refused(404, 'NOT_FOUND', 'POST', '/sources/authorize', { slug: 'nowhere', redirect_url: back });
  await refused(400, 'VALIDATION_ERROR', 'POST', '/sources/authorize', { slug: 'google-drive', redirect_url: 'javascript:alert(1)' });
  const wrongSubdomain = { source_definition_id: await definitionOf('Zendesk'), workspace_id: WORKSPACE, redirect_url: back, o_auth_input_configuration: { subdomain: 'no subdomain' } };
  await refused(400, 'VALIDATION_ERROR', 'POST', '/sources/oauth', wrongSubdomain);
  await refused(404, 'NOT_FOUND', 'GET', '/nothing-here');
  const { status, headers } = await ask('GET', '/workspaces', undefined, { 'x-api-key': made.secret });
  assert.equal(status, 200);
  for (const name of ['x-request-id', 'freddy-processing-ms']) assert.ok(headers.get(name), name);
});

/**
 * schemathesis reads the description that the server gives of its own operations and asks whatever it allows, and much
 * that it forbids. Nothing may end in a server error.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Served, until } from './served.js';

const PYTHON = process.env['TIELINE_PYTHON'];
/** The same questions every time. */
const SEED = 20_261_122;
const SETTINGS = '/v1/save_settings';
/** They would leave practice, or wait for a person or the desktop. The stream of events, a GET, never ends. */
const LEFT_OUT = ['/v1/set_practice', '/v1/unlock_keyring', '/v1/check_way_back'];

let served, program, known;

before(async () => {
  assert.ok(PYTHON, 'this test needs schemathesis: start it with cargo xtask test published');
  served = await Served.open();
  ({ secret: program } = await served.key('schemathesis'));
  for (const provider of ['ZENDESK', 'GOOGLE_DRIVE']) {
    const { id } = await served.call('connect', { provider, inputs: served.app(provider).inputs, more_scopes: [], reconnect: null, way: null, quiet: true });
    await served.answer((await served.call('sign_in_link', { id })).url);
  }
  const connections = await until('two connections', async () => {
    const rows = await served.call('connections');
    return rows.length === 2 && rows.map(({ id }) => id);
  });
  known = { id: connections, connection: connections, provider: ['ZENDESK', 'GOOGLE_DRIVE', 'BOX'] };
});
after(() => served?.end());

const description = async () => (await fetch(`${served.base}/v1/openapi.json`)).json();

test('the description is OpenAPI 3.1, and tells how to come in', async () => {
  const { openapi, paths, components } = await description();
  assert.match(openapi, /^3\.1\./);
  assert.ok(Object.keys(paths).length > 30);
  assert.equal(Object.values(components.securitySchemes)[0].scheme, 'bearer');
});

test('whatever the person asks, no answer is a server error', { timeout: 180_000 }, () => asks(served.ours, 'coverage,fuzzing', 25));

test('whatever a program asks, no answer is a server error', { timeout: 180_000 }, () => asks(program, 'fuzzing', 12));

// Last and alone: a library of no megabytes, say, makes later answers what they should be, and not 200.
test('whatever settings are saved, no answer is a server error', { timeout: 180_000 }, () => asks(served.ours, 'fuzzing', 6, SETTINGS));

/** One worker: Python 3.11 stumbles over what the generator does in several threads. */
async function asks(secret, phases, seconds, only) {
  // What is included by one of two words is asked, not what is included by both.
  const filter = only ? ['--include-path', only] : ['--include-method', 'POST', ...[SETTINGS, ...LEFT_OUT].flatMap((path) => ['--exclude-path', path])];
  const file = join(served.data, 'openapi.json');
  writeFileSync(file, JSON.stringify(withKnown(await description())));
  const line = [
    'run', file, '--url', served.base, '--header', `Authorization: Bearer ${secret}`, '--checks', 'not_a_server_error',
    '--phases', phases, '--workers', '1', '--seed', String(SEED), '--max-time', String(seconds), '--request-timeout', '15',
    '--continue-on-failure', '--no-color', '--suppress-health-check', 'all', ...filter,
  ];
  const child = spawn(join(dirname(PYTHON), 'schemathesis'), line, { cwd: served.data, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding('utf8').on('data', (text) => (said += text));
  const end = await new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
  said = said.slice(-10_000);
  assert.equal(end, 0, said);
  assert.ok(Number(/(\d+) generated, \d+ passed/.exec(said)?.[1]) > (only ? 50 : 500), said);
  // It was let in to the end.
  const reply = await fetch(`${served.base}/v1/connections`, { method: 'POST', headers: { authorization: `Bearer ${secret}` }, body: '{}' });
  assert.equal(reply.status, 200, said);
}

/** The description with names of what there is among the names that may be asked for, so that not all is asked in vain. */
function withKnown({ paths, components, ...rest }) {
  for (const [path, { post }] of Object.entries(paths)) {
    const body = post?.requestBody?.content['application/json'];
    if (!body || path === '/v1/disconnect') continue;
    const schema = structuredClone(components.schemas[body.schema.$ref.split('/').at(-1)]);
    for (const [name, values] of Object.entries(known)) {
      if (schema.properties?.[name]) schema.properties[name] = { anyOf: [{ enum: values }, schema.properties[name]] };
    }
    body.schema = schema;
  }
  return { ...rest, paths, components };
}

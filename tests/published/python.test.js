/** The published clients of Python, each with its own tests: they run here, against one served API, and every test of theirs is one here. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { Served } from './served.js';

const PYTHON = process.env['TIELINE_PYTHON'];
const WORKSPACE = '7d4a1c9e-52b0-4d7a-9f0e-3b8f2a6c1d55';

let served, person, environment;

before(async () => {
  assert.ok(PYTHON, 'these tests need Python with the clients: start them with cargo xtask test published');
  served = await Served.open();
  person = await served.person();
  const keys = {};
  for (const [name, how] of Object.entries({
    'carbon-python-sdk': {},
    'another-organisation': { organization: 'Globex' },
    counted: { organization: 'Counted', perMinute: null },
    'own-apps': { organization: 'Own apps' },
    webhooks: { organization: 'Webhooks' },
    'airbyte-api': { organization: 'Pipelines' },
  })) {
    const made = await served.key(name, how);
    keys[name] = { id: made.key.id, secret: made.secret, workspace: WORKSPACE };
  }
  environment = {
    TIELINE_URL: served.base, TIELINE_CONTROL: served.control, TIELINE_PERSON: person.base, TIELINE_KEYS: JSON.stringify(keys), PYTHONDONTWRITEBYTECODE: '1',
  };
});
after(async () => {
  person?.end();
  await served?.end();
});

for (const [client, file] of [['carbon-python-sdk', 'carbon_sdk.py'], ['airbyte-api', 'airbyte.py']]) {
  test(client, async (t) => {
    const { code, said } = await run(file);
    const tests = [...said.matchAll(/^(test_\w+) \(.*?\).*?\.\.\. (ok|FAIL|ERROR|skipped)/gms)];
    for (const [, name, verdict] of tests) await t.test(name.slice(5).replaceAll('_', ' '), () => assert.equal(verdict, 'ok'));
    assert.ok(code === 0 && tests.length > 0, said);
  });
}

async function run(file) {
  const child = spawn(PYTHON, [fileURLToPath(new URL(file, import.meta.url))], { env: { ...process.env, ...environment } });
  let said = '';
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding('utf8').on('data', (text) => (said += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, said };
}

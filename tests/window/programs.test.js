/** Other programs ask the window: it answers while its person lets it, at the port they chose, and not a moment longer. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Desk, freePort, until } from './desk.js';

let desk, tieline;

const call = (name, ask = {}) =>
  tieline.page.executeAsyncScript('const [name, ask, done] = arguments; __TAURI_INTERNALS__.invoke("call", { name, ask }).then(done, (why) => done({ failed: why }))', name, ask);
/** A program's request; no answer at all is null. */
const ask = (port, path, options = {}) => fetch(`http://127.0.0.1:${port}${path}`, options).catch(() => null);

before(async () => {
  desk = await Desk.open('programs');
  tieline = await desk.tieline();
  await tieline.sees('Practice accounts');
});
after(async () => {
  await tieline?.close();
  await desk?.close();
});

test('what happens in another process shows in the window, and a program that asks there is decided upon here', async () => {
  const { secret } = await call('add_key', { name: 'Night report', operations: ['look', 'connect', 'tokens'] });
  const server = await desk.serve(tieline.data);
  const program = async (operation, body) => {
    const answer = await ask(server.port, `/v1/${operation}`, { method: 'POST', headers: { authorization: `Bearer ${secret}` }, body: JSON.stringify(body) });
    return { status: answer.status, answer: await answer.json() };
  };
  const { answer: flow } = await program('connect', { provider: 'GOOGLE_DRIVE', inputs: {} });
  const { answer: link } = await program('sign_in_link', { id: flow.id });
  await tieline.go('#/connections');
  const [tab] = desk.tabs();
  await tab.goto(link.url);
  await tab.getByRole('button', { name: 'Allow' }).click();
  await tieline.sees('Maya Lind');
  await desk.shot('connected-elsewhere');

  const [connection] = await call('connections');
  const token = () => program('access_token', { id: connection.id });
  assert.ok(!desk.pointsAt('Tieline'));
  assert.equal((await token()).answer.code, 'needs_you');
  await until('the desktop to point at the window', () => desk.pointsAt('Tieline'));
  await tieline.sees('Let Night report ask Google Drive directly?');
  await desk.shot('asked-elsewhere');
  await tieline.press('Allow');
  await until('the answer', async () => (await call('approvals')).length === 0);
  const given = await token();
  assert.equal(given.status, 200);
  assert.ok(given.answer.access_token);
  await server.close();
});

test('nothing listens until it is switched on, and then a key is asked for', async () => {
  const port = await freePort();
  await call('save_settings', { ...(await call('settings')), api_port: port });
  assert.equal((await call('serving')).on, false);
  assert.equal(await ask(port, '/v1/'), null);
  await tieline.go('#/settings');
  await tieline.sees('For other programs');
  await tieline.page.executeScript('document.querySelector(\'[role="switch"][aria-label="Let programs on this computer ask Tieline"], label input[type="checkbox"]\')?.click()');
  await until('the API', async () => (await ask(port, '/v1/'))?.status === 200);
  assert.equal((await call('serving')).on, true);
  assert.equal((await ask(port, '/v1/connections', { method: 'POST' })).status, 401);
  const { key, secret } = await call('add_key', { name: 'A script' });
  const authorization = `Bearer ${secret}`;
  const answer = await ask(port, '/v1/connections', { method: 'POST', headers: { authorization } });
  assert.deepEqual([answer.status, await answer.json()], [200, []]);
  await call('revoke_key', { id: key.id });
  assert.equal((await ask(port, '/v1/connections', { method: 'POST', headers: { authorization } })).status, 401);
});

test('it moves to another port, says at the field that one is taken, and ends when it is switched off', async () => {
  const settings = await call('settings');
  const taken = createServer();
  await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const refused = await call('save_settings', { ...settings, api_port: taken.address().port });
  assert.equal(refused.failed?.field, 'api_port');
  taken.close();
  assert.equal((await ask(settings.api_port, '/v1/')).status, 200, 'it stayed where it was');

  const other = await freePort();
  await call('save_settings', { ...settings, api_port: other });
  await until('the API at its new port', async () => (await ask(other, '/v1/'))?.status === 200);
  assert.equal(await ask(settings.api_port, '/v1/'), null);
  await call('save_settings', { ...settings, api: false });
  await until('the API to end', async () => (await ask(other, '/v1/')) === null);
  assert.equal((await call('serving')).on, false);
});

/** The window is closed while a sync is under way: it asks, goes on out of sight, comes back, and leaves when it is done. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Desk, PROGRAM, until, wait } from './desk.js';

let desk, tieline, control, id;

/** Asks the engine as the page does. */
const call = (name, ask = {}) =>
  tieline.page.executeAsyncScript('const [name, ask, done] = arguments; __TAURI_INTERNALS__.invoke("call", { name, ask }).then(done, (why) => done({ failed: why }))', name, ask);
const practice = async (method, path, body) => {
  const reply = await fetch(control + path, { method, headers: { 'content-type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
  assert.ok(reply.ok, `${method} ${path}: ${reply.status}`);
};
const isOpen = () => desk.windows('^Tieline$').length > 0;
const asks = () => tieline.page.executeScript('return document.querySelector("dialog[open]") !== null');

/** As a person closes it, by the window manager's key, once more where a key was lost with a change of the focus. */
async function close(taken) {
  for (let press = 1; ; press++) {
    await desk.act('^Tieline$', 'windowactivate');
    await until('Tieline in front', () => desk.front() === 'Tieline');
    await wait(500);
    desk.run('xdotool', 'key', 'alt+F4');
    try {
      return await until('the key to be taken', taken, 5_000);
    } catch (why) {
      if (press === 3) throw why;
    }
  }
}

before(async () => {
  desk = await Desk.open('closing');
  tieline = await desk.tieline();
  await tieline.sees('Practice accounts');
  control = (await call('status')).practice_control;
});
after(async () => {
  await tieline?.close();
  await desk?.close();
});

test('an account is connected, and its contents are on their way', async () => {
  await tieline.go('#/connect/GOOGLE_DRIVE');
  await tieline.sees('Connect Google Drive');
  await tieline.press('Continue in your browser');
  const consent = await desk.tab('Sign in to Google Drive');
  await consent.getByRole('button', { name: 'Allow' }).click();
  await tieline.find("//h2[.='Google Drive is connected']", 'the connection');
  id = (await call('connections'))[0].id;
  await call('set_sync', { connection: id, everything: true, every_hours: null });
  await practice('PUT', 'faults/GOOGLE_DRIVE', { fault: 'slow', times: null });
  await call('start_sync', { connection: id, items: null, failed: false });
  await until('the sync to be under way', async () => (await call('sync_state', { id })).phase === 'listing');
});

test('closing asks, and the window stays where that is wanted', async () => {
  await close(asks);
  await tieline.sees('Tieline is still reading');
  await desk.shot('asks');
  await tieline.press('Keep open');
  await wait(1_500);
  assert.ok(isOpen());
});

test('it goes on out of sight, and a second start brings it back', async () => {
  await close(asks);
  await tieline.sees('Tieline is still reading');
  // No driver waits on a page that is out of sight.
  await tieline.page.executeScript('setTimeout(() => [...document.querySelectorAll("dialog button")].at(-1).click(), 300)');
  await until('the window to be out of sight', () => !isOpen());
  await wait(2_500);
  const second = spawn(PROGRAM, [], { env: { ...desk.env, TIELINE_DATA: tieline.data }, stdio: 'ignore' });
  await new Promise((resolve) => second.once('exit', resolve));
  await until('the window', isOpen);
  assert.equal((await call('sync_state', { id })).running, true, 'it was not disturbed');
  await desk.shot('back');
});

test('without being asked again it goes out of sight, and leaves when all is read', async () => {
  await call('save_settings', { ...(await call('settings')), when_closing: 'go_on' });
  await close(() => !isOpen());
  await practice('DELETE', 'faults');
  // The program is gone when its practice providers are.
  await until('the program to leave', async () => !(await fetch(`${control}health`).then(({ ok }) => ok, () => false)), 90_000);
  assert.equal(isOpen(), false);
});

/** Addresses that the desktop brings: to a running window, to one that was closed, by either kind of desktop. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Desk, PROGRAM, SCHEME, until, wait } from './desk.js';

const STRAY = `${SCHEME}://integrations/dropbox?code=canary-code&state=canary-state`;
let desk;
const started = [];

before(async () => {
  desk = await Desk.open('links');
});
after(() => desk?.close());
afterEach(async () => {
  for (const program of started.splice(0)) program.kill();
  await until('every window to close', () => desk.windows('^Tieline$').length === 0);
});

const arrivals = (data) => (log(data).match(/an address arrived/g) ?? []).length;
const log = (data) => readFileSync(join(data, 'tieline.log'), 'utf8');
const folder = () => mkdtempSync(join(desk.folder, 'data-'));

/** Starts the program as a person would, without a driver. */
async function start(data, { program = PROGRAM, args = ['--practice'], env = {} } = {}) {
  const running = spawn(program, args, { env: { ...desk.env, TIELINE_DATA: data, ...env }, stdio: 'ignore' });
  started.push(running);
  await until('the window', () => desk.windows('^Tieline$').length === 1);
  await until('the engine', () => /an address sent to try|could not be (opened|told)/.test(log(data)));
  return running;
}

/** Opens an address as any program on a desktop does. `xdg-open` may stay for as long as what it started. */
const xdgOpen = (address, env = {}) => void execFile('xdg-open', [address], { env: { ...desk.env, ...env } }, () => undefined);

test('the handler is written so that both kinds of desktop find it, and the start proves it', async () => {
  const data = folder();
  await start(data);
  const entry = `${SCHEME}.handler.desktop`;
  assert.equal(desk.run('xdg-mime', 'query', 'default', `x-scheme-handler/${SCHEME}`), entry);
  assert.match(desk.run('gio', 'mime', `x-scheme-handler/${SCHEME}`), new RegExp(entry));
  const path = join(process.env['XDG_DATA_HOME'], 'applications', entry);
  assert.match(readFileSync(path, 'utf8'), /^Exec=[^"\s]+ %u$/m);
  desk.run('desktop-file-validate', path);
  assert.match(log(data), /an address sent to try arrived/);
});

for (const [name, env] of [['a plain desktop', {}], ['GNOME', { XDG_CURRENT_DESKTOP: 'GNOME' }]]) {
  test(`${name} brings an address to the running window`, async () => {
    const data = folder();
    await start(data);
    const before = arrivals(data);
    await desk.act('^Tieline$', 'windowminimize');
    await until('the window to be out of sight', () => desk.windows('^Tieline$').length === 0);
    xdgOpen(STRAY, { ...env, TIELINE_DATA: data });
    await until('the address', () => arrivals(data) === before + 1);
    await until('the window in front again', () => desk.front() === 'Tieline');
    await wait(500);
    assert.equal(arrivals(data), before + 1, 'an address arrives once');
    assert.equal(desk.windows('^Tieline$').length, 1, 'and in the one window');
  });

  test(`${name} starts the closed program for an address nobody waits for, which changes nothing`, async () => {
    const data = folder();
    const first = await start(data);
    first.kill();
    await until('the window to close', () => desk.windows('^Tieline$').length === 0);
    const before = arrivals(data);
    xdgOpen(STRAY, { ...env, TIELINE_DATA: data });
    await until('the window', () => desk.windows('^Tieline$').length === 1);
    await until('the address', () => arrivals(data) === before + 1);
    await wait(1_000);
    await desk.shot(`cold-start-${env.XDG_CURRENT_DESKTOP ?? 'plain'}`);
    const connections = JSON.parse(execTieline(data, 'list'));
    assert.deepEqual(connections, []);
    assert.doesNotMatch(log(data), /canary/);
    await desk.act('^Tieline$', 'windowclose');
  });
}

test('a program in a folder with spaces is found by both', async () => {
  const apart = mkdtempSync(join(tmpdir(), 'tieline apart '));
  const program = join(apart, 'tieline-desktop');
  cpSync(PROGRAM, program);
  const data = folder();
  await start(data, { program });
  assert.match(log(data), /an address sent to try arrived/);
  const before = arrivals(data);
  xdgOpen(STRAY, { XDG_CURRENT_DESKTOP: 'GNOME', TIELINE_DATA: data });
  await until('the address', () => arrivals(data) === before + 1);
});

test('a second start raises the first window and ends', async () => {
  const data = folder();
  await start(data);
  await desk.act('^Tieline$', 'windowminimize');
  await until('the window to be out of sight', () => desk.windows('^Tieline$').length === 0);
  const second = spawn(PROGRAM, [], { env: { ...desk.env, TIELINE_DATA: data }, stdio: 'ignore' });
  assert.equal(await new Promise((resolve) => second.once('exit', resolve)), 0);
  await until('the window in front again', () => desk.front() === 'Tieline');
});

test('without a session bus the data folder’s own lock does the same', async () => {
  const data = folder();
  const env = { DBUS_SESSION_BUS_ADDRESS: `unix:path=${desk.folder}/no-bus` };
  await start(data, { env });
  const before = arrivals(data);
  const second = spawn(PROGRAM, [STRAY], { env: { ...desk.env, ...env, TIELINE_DATA: data }, stdio: 'ignore' });
  assert.equal(await new Promise((resolve) => second.once('exit', resolve)), 0);
  await until('the address', () => arrivals(data) === before + 1);
  assert.equal(desk.windows('^Tieline$').length, 1);
});

function execTieline(data, ...args) {
  return desk.run(join(process.env['TIELINE_BUILT'], 'tieline'), '--practice', '--json', '--data', data, ...args);
}

test('the window shows no white before its page', async () => {
  const data = folder();
  mkdirSync(data, { recursive: true });
  const colours = new Set();
  const running = spawn(PROGRAM, ['--practice'], { env: { ...desk.env, TIELINE_DATA: data, GTK_THEME: 'Adwaita:dark' }, stdio: 'ignore' });
  started.push(running);
  for (const end = Date.now() + 4_000; Date.now() < end; ) {
    const [id] = desk.windows('^Tieline$');
    if (id) colours.add(desk.run('import', '-window', id, '-crop', '1x1+600+700', '-depth', '8', 'txt:-').match(/#[0-9A-F]{6}/)?.[0]);
    else await wait(10);
  }
  assert.ok(colours.size > 0);
  assert.ok(![...colours].some((colour) => /^#F[0-9A-F]F[0-9A-F]F/.test(colour)), [...colours].join(' '));
});

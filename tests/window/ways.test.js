/** The other ways back: this computer's own address, the organisation's relay page, pasting the address. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { By } from 'selenium-webdriver';
import { Desk, SCHEME, until } from './desk.js';

let desk, tieline;

before(async () => {
  desk = await Desk.open('ways');
  tieline = await desk.tieline();
});
after(async () => {
  await tieline?.close();
  await desk?.close();
});
beforeEach(() => desk.clearTabs());

test('a provider that takes no app address comes back over loopback, and the window comes forward', async () => {
  await tieline.go('#/gallery');
  await tieline.press('Google Drive');
  await tieline.sees("Through this computer's own address");
  await tieline.press('Continue in your browser');
  const consent = await desk.tab('Sign in to Google');
  await desk.browserInFront();
  await consent.getByRole('button', { name: 'Allow' }).click();
  await tieline.sees('Google Drive is connected');
  await until('Tieline in front', () => desk.front() === 'Tieline');
  await desk.shot('loopback-connected');
  await until('the page without its query', () => consent.url().startsWith('http://127.0.0.1:') && !consent.url().includes('code='));
  await consent.bringToFront();
  await desk.browserInFront();
  await desk.shot('loopback-page');
});

test('an address that went to another program is pasted', async () => {
  const taken = join(desk.folder, 'taken');
  const program = join(desk.folder, 'taker');
  writeFileSync(program, `#!/bin/sh\nprintf %s "$1" > ${taken}.part && mv ${taken}.part ${taken}\n`, { mode: 0o755 });
  writeFileSync(join(process.env['XDG_DATA_HOME'], 'applications', 'taker.desktop'),
    `[Desktop Entry]\nType=Application\nName=Taker\nExec=${program} %u\nMimeType=x-scheme-handler/${SCHEME};\n`);
  const ours = desk.run('xdg-mime', 'query', 'default', `x-scheme-handler/${SCHEME}`);
  desk.run('xdg-mime', 'default', 'taker.desktop', `x-scheme-handler/${SCHEME}`);
  try {
    await tieline.go('#/gallery');
    await tieline.press('Slack');
    await tieline.press('Continue in your browser');
    const consent = await desk.tab('Sign in to Slack');
    await consent.getByRole('button', { name: 'Allow' }).click();
    const address = await until('the address at the other program', () => readFileSync(taken, 'utf8'));
    await tieline.field('Signed in, but nothing happened here?', 'https://example.org/not-this-one');
    await tieline.press('Finish');
    await tieline.sees('This address does not belong to this sign-in.');
    await tieline.field('Signed in, but nothing happened here?', address);
    await tieline.press('Finish');
    await tieline.sees('Slack is connected');
  } finally {
    desk.run('xdg-mime', 'default', ours, `x-scheme-handler/${SCHEME}`);
  }
});

test('the organisation’s relay page passes the answer on', async () => {
  const html = readFileSync(new URL('../../relay/index.html', import.meta.url));
  const asked = [];
  const host = createServer((ask, reply) => {
    asked.push(ask.url);
    reply.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  });
  await new Promise((resolve) => host.listen(0, '127.0.0.1', resolve));
  try {
    await tieline.go('#/settings');
    await tieline.press('Add Address of the relay page');
    await tieline.field('Address of the relay page', `http://127.0.0.1:${host.address().port}/relay`);
    await tieline.press('Save');
    await tieline.go('#/gallery');
    await tieline.press('Intercom');
    await tieline.sees("Through your organisation's page");
    await tieline.press('Continue in your browser');
    const consent = await desk.tab('Sign in to Intercom');
    await consent.getByRole('button', { name: 'Allow' }).click();
    // A jump that no click asked for is blocked by some browsers; the page then has its button.
    const connected = () => tieline.page.findElements(By.xpath("//h2[.='Intercom is connected']")).then((found) => found.length > 0);
    const jumped = await until('the jump', connected, 3_000).catch(() => false);
    if (!jumped) {
      const relay = await desk.tab('Back to Tieline');
      await desk.shot('relay-page');
      assert.ok(!relay.url().includes('code='), 'the query is gone from the address bar');
      await relay.getByRole('link', { name: 'Open Tieline' }).click({ noWaitAfter: true });
    }
    await until('Intercom to be connected', connected);
    await desk.shot('relay-connected');
    assert.match(asked.find((url) => url.includes('code=')), /^\/relay\/integrations\/intercom\?/);
  } finally {
    host.closeAllConnections();
    host.close();
  }
});

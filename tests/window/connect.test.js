/** A person connects an account in the real window, through the real browser, and back by the desktop's own way. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { By } from 'selenium-webdriver';
import { Desk, until } from './desk.js';

let desk, tieline;

before(async () => {
  desk = await Desk.open('connect');
  tieline = await desk.tieline();
});
after(async () => {
  await tieline?.close();
  await desk?.close();
});
beforeEach(() => desk.clearTabs());

async function begin(service) {
  await tieline.go('#/gallery');
  await tieline.press(service);
  await tieline.sees(`Connect ${service}`);
  await tieline.press('Continue in your browser');
}

test('the first run offers practice and says what it is', async () => {
  await tieline.sees('Practice accounts, pretended by this computer');
  await desk.shot('first-run');
});

test('an account is connected by deep link, and the window comes forward', async () => {
  await begin('Dropbox');
  await tieline.sees('This window comes forward by itself when you are done.');
  const consent = await desk.tab('Sign in to Dropbox');
  await consent.bringToFront();
  await desk.browserInFront();
  await desk.shot('consent');
  await consent.getByRole('button', { name: 'Allow' }).click();
  await tieline.sees('Dropbox is connected');
  await until('Tieline in front', () => desk.front() === 'Tieline');
  await desk.shot('connected');
  await tieline.press('See all connections');
  await tieline.sees('Maya Lind');
  await desk.shot('connections');
});

test('a refusal in the browser is told as one, and nothing is kept', async () => {
  await begin('Slack');
  const consent = await desk.tab('Sign in to Slack');
  await consent.getByRole('button', { name: 'Cancel' }).click();
  await until('the outcome', async () => !(await tieline.text()).includes('Continue in your browser'));
  await desk.shot('refused');
  assert.match(await tieline.text(), /not allowed|refused|did not allow|said no/i);
  await tieline.go('#/connections');
  await tieline.sees('Dropbox');
  assert.doesNotMatch(await tieline.text(), /Slack/);
});

test('a sign-in that is cancelled waits no longer, and its late answer changes nothing', async () => {
  await begin('Slack');
  const consent = await desk.tab('Sign in to Slack');
  await tieline.press('Cancel');
  await tieline.sees('Connect Slack');
  await consent.getByRole('button', { name: 'Allow' }).click();
  await until('the address to arrive', () => /an address arrived/.test(tieline.log()));
  await tieline.go('#/connections');
  await tieline.sees('Dropbox');
  assert.doesNotMatch(await tieline.text(), /Slack/);
});

test('reconnecting keeps the connection', async () => {
  await tieline.go('#/connections');
  await tieline.press('Maya Lind');
  await tieline.sees('Reconnect');
  const address = await tieline.page.executeScript('return location.hash');
  await tieline.press('Reconnect');
  const consent = await desk.tab('Sign in to Dropbox');
  await consent.getByRole('button', { name: 'Allow' }).click();
  await tieline.sees('Dropbox works again');
  await desk.shot('reconnected');
  await tieline.press('Open this one');
  await tieline.sees('Disconnect…');
  assert.equal(await tieline.page.executeScript('return location.hash'), address);
});

test('another account at a reconnect is offered as a new connection', async () => {
  await tieline.press('Reconnect');
  const consent = await desk.tab('Sign in to Dropbox');
  await consent.locator('input[name=person]').nth(1).check();
  await consent.getByRole('button', { name: 'Allow' }).click();
  await tieline.sees('Somebody else signed in');
  await desk.shot('other-account');
  await tieline.press('Keep as a new connection');
  await tieline.find("//h2[.='Dropbox is connected']", 'the new connection');
  await tieline.press('See all connections');
  await tieline.sees('Maya Lind');
  assert.equal((await tieline.page.findElements(By.xpath("//a[contains(@href, '#/connection/')]"))).length, 2);
});

test('disconnecting says what happens, does it, and says what happened', async () => {
  await tieline.go('#/connections');
  await tieline.press('Maya Lind');
  await tieline.press('Disconnect…');
  await tieline.sees('What happens when you disconnect:');
  await desk.shot('disconnect-asks');
  await (await tieline.find("//dialog//button[normalize-space(.)='Disconnect']", 'the button that disconnects')).click();
  await tieline.sees('Maya Lind is disconnected');
  await desk.shot('disconnect-told');
  await tieline.press('Close');
  await until('the connection to be gone', async () => !(await tieline.text()).includes('Maya Lind'));
});

test('no code, state or token reached the page', async () => {
  const html = await tieline.page.getPageSource();
  assert.doesNotMatch(html, /[?&](code|state)=|access_token|refresh_token|Bearer /);
  assert.doesNotMatch(tieline.log(), /[?&](code|state)=|access_token|refresh_token|Bearer /);
});

/** Every screen of the window, as a person meets it: by day and by night, small and wide. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { look } from './sight.js';
import { World } from './world.js';

/** What an administrator types into the app's form. */
const SECRET = 'typed'.repeat(6) + 'it';

let world, page;

const go = (route) => page.evaluate((hash) => void (location.hash = hash), route);
const sees = (words) => page.getByText(words).and(page.locator(':visible')).first().waitFor();
const heading = (words) => page.getByRole('heading', { name: words, exact: true }).waitFor();
const press = (words) => page.getByRole('button', { name: words, exact: true }).or(page.getByRole('link', { name: words, exact: true })).first().click();
const fill = (label, words) => page.getByLabel(label).fill(words);
const rowOf = async (provider) => (await world.call('connections')).find((row) => row.provider === provider);
/** The newest sign-in, as the page's address names it. */
const flowHere = () => world.until('the sign-in', () => /#\/flow\/(.+)/.exec(page.url())?.[1]);
/** The field's own words, not only the summary below, say what is wrong; and the field has the focus. */
async function complains(label, words) {
  const field = page.getByLabel(label);
  await page.waitForFunction((element) => element?.getAttribute('aria-invalid') === 'true', await field.elementHandle());
  const said = await field.evaluate((element) => document.getElementById(element.getAttribute('aria-describedby').split(' ').at(-1)).textContent);
  assert.match(said, words);
  assert.ok(await field.evaluate((element) => element === document.activeElement), `${label} has the focus`);
}

async function open(practice) {
  world = await World.open({ practice });
  page = await world.page();
}

describe('before anything is practised or connected', () => {
  before(() => open(false));
  after(() => world?.end());

  test('the first run', async () => {
    await heading('Your work accounts, connected on your own computer');
    await look(page, '01-first-run', { twice: true });
  });

  test('a gallery in which nothing is set up', async () => {
    await go('#/gallery');
    await sees('Need a one-time setup');
    await look(page, '02-gallery-not-set-up');
  });

  test('a form without the organisation’s app', async () => {
    await go('#/connect/BOX');
    await sees('Not set up yet');
    await look(page, '03-form-no-app');
  });

  test('the set-up of an app, and what is wrong stands at its field', async () => {
    await press('Set it up');
    await heading('Box’s sign-in app');
    await sees('How the app is made');
    await look(page, '04-app');
    await press('Save the app');
    await complains('Client ID', /\S/);
    await look(page, '04-app-field-error');
    await fill('Client ID', 'acme'.repeat(8));
    await page.getByLabel('Client secret', { exact: true }).fill(SECRET);
    await page.getByText('The way back of this app').click();
    await fill('Relay address', 'http://acme.example/elsewhere');
    await press('Save the app');
    await complains('Relay address', /https/);
    await look(page, '04-app-relay-error');
    await fill('Relay address', 'https://acme.example/integrations/box');
    await press('Save the app');
    await heading('Connect Box');
    await sees('Your organisation’s');
    assert.ok(!world.told.join('').includes(SECRET), 'a secret that was typed does not come back');
  });

  test('a setting that cannot be', async () => {
    await go('#/settings/network');
    await press('Change Proxy address');
    await fill('Proxy address', 'http://maya:secret@proxy.acme.example:8080');
    await press('Save');
    await complains('Proxy address', /password/);
    await look(page, '05-settings-field-error');
  });
});

describe('with practice accounts', () => {
  before(() => open(true));
  after(() => world?.end());
  beforeEach(() => world.calm());

  test('the first run', async () => {
    await heading('Practice accounts, pretended by this computer');
    await look(page, '10-first-run');
  });

  test('the gallery: all, by kind, by a word, by a word that nothing has', async () => {
    await go('#/gallery');
    await heading('Connect an account');
    await look(page, '11-gallery', { twice: true });
    await press('Mail and chat');
    await sees('Outlook');
    await look(page, '11-gallery-kind');
    await press('All 17');
    await fill('Which service?', 'sale');
    await page.getByText('Zendesk').waitFor({ state: 'hidden' });
    await look(page, '11-gallery-found');
    await fill('Which service?', 'Handbook');
    await sees('No service here is called');
    await look(page, '11-gallery-none');
  });

  test('the form of every provider', async () => {
    const cards = await world.call('providers');
    assert.equal(cards.length, 17);
    for (const { id, slug, name } of cards) {
      await go(`#/connect/${id}`);
      await heading(`Connect ${name}`);
      await page.getByRole('group', { name: 'Sign-in app' }).waitFor();
      await look(page, `12-form-${slug}`);
    }
  });

  test('a pasted address is understood, and a wrong one is told at its field', async () => {
    await go('#/connect/ZENDESK');
    await heading('Connect Zendesk');
    await page.keyboard.type('https://acme.zendesk.com/agent/dashboard');
    await sees('We will use acme.zendesk.com');
    await look(page, '13-form-understood', { twice: true });
    const field = page.getByRole('textbox').first();
    await field.fill('https://acme.example/');
    await sees('One field needs another look.');
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    await look(page, '13-form-field-error');
  });

  test('an app that is there already', async () => {
    await go('#/app/GOOGLE_DRIVE');
    await sees('Stored already');
    await look(page, '14-app-replace');
  });

  test('another service: a clash of parameters is told at its field, then the service is known', async () => {
    await go('#/service');
    await heading('Another service');
    await look(page, '15-service');
    await fill('Name', 'Acme Handbook');
    await press('Two addresses');
    await fill('Authorize URL', 'https://login.acme.example/authorize');
    await fill('Token URL', 'https://login.acme.example/token');
    await fill('Client ID', 'handbook');
    await page.getByText('Options', { exact: true }).click();
    await fill('Additional parameters', 'audience=reports&client_id=mine');
    await press('Save the service');
    await complains('Additional parameters', /client_id/);
    await look(page, '15-service-clash');
    await fill('Additional parameters', 'audience=reports');
    await press('Save the service');
    await heading('Acme Handbook is known now');
    await look(page, '15-service-known');
    await press('Go on to connect Acme Handbook');
    await heading('Connect Acme Handbook');
    await look(page, '15-service-form');
    await press('Edit Acme Handbook');
    await heading('Edit Acme Handbook');
    assert.equal(await page.getByLabel('Token URL').inputValue(), 'https://login.acme.example/token');
    await page.getByText('Options', { exact: true }).click();
    assert.equal(await page.getByLabel('Additional parameters').inputValue(), 'audience=reports');
    await look(page, '15-service-edit');
    await fill('Token URL', 'http://login.acme.example/token');
    await press('Save the changes');
    await complains('Token URL', /https/);
    await fill('Token URL', 'https://login.acme.example/token2');
    await page.getByLabel('How the app proves itself').selectOption('basic');
    await page.getByLabel(/^Client secret/).fill(SECRET);
    await press('Save the changes');
    await heading('Connect Acme Handbook');
    const kept = await world.call('service', { provider: 'CUSTOM_ACME_HANDBOOK' });
    assert.deepEqual([kept.token_url, kept.client_auth, kept.has_secret], ['https://login.acme.example/token2', 'basic', true]);
    await press('Edit Acme Handbook');
    await sees('One is stored. Leave this empty to keep it.');
    assert.equal(await page.getByLabel(/^Client secret/).inputValue(), '');
    await page.getByText('Options', { exact: true }).click();
    await press('Found by its issuer');
    await fill('Prompt', '');
    await sees('only with the prompt “consent”');
    await look(page, '15-service-hint');
    await fill('Prompt', 'login+consent');
    await page.getByText('only with the prompt “consent”').waitFor({ state: 'hidden' });
  });

  test('waiting for the browser, and an address that is not the one', async () => {
    await go('#/connect/NOTION');
    await heading('Connect Notion');
    await press('Continue in your browser');
    await heading('Continue in your browser');
    await look(page, '16-waiting', { twice: true });
    await fill('Signed in, but nothing happened here?', 'https://www.notion.so/');
    await press('Finish');
    await complains('Signed in, but nothing happened here?', /address/);
    await look(page, '16-waiting-wrong-address');
    await go('#/connections');
    await sees('waits for you');
    await look(page, '16-waiting-elsewhere');
    await press('Show');
    const flow = await flowHere();
    await world.answer(flow);
    await heading('Notion is connected');
    await look(page, '17-connected');
  });

  test('connected, but not everything was allowed', async () => {
    await world.fault('SLACK', 'unticked_scope');
    await go('#/connect/SLACK');
    await heading('Connect Slack');
    await press('Continue in your browser');
    await world.answer(await flowHere());
    await sees('Not everything was allowed.');
    await look(page, '18-connected-missing');
  });

  test('nothing was allowed that could be read', async () => {
    await go('#/connect/GOOGLE_DRIVE');
    await heading('Connect Google Drive');
    await press('Continue in your browser');
    await world.answer(await flowHere(), { untick: 'See and download all your Drive files' });
    await heading('A permission is missing');
    await look(page, '18-nothing-allowed');
  });

  test('a refusal', async () => {
    await go('#/connect/SLACK');
    await heading('Connect Slack');
    await press('Continue in your browser');
    await world.answer(await flowHere(), { button: 'Cancel' });
    await heading('The sign-in was cancelled');
    await look(page, '19-refused');
  });

  test('an administrator has to agree', async () => {
    await world.fault('SHAREPOINT', 'admin_approval');
    const { id } = await world.connect('SHAREPOINT');
    await go(`#/flow/${id}`);
    await sees('Message for your administrator');
    await look(page, '20-failed-admin');
  });

  test('a sign-in that failed', async () => {
    await world.fault('BOX', 'wrong_secret');
    const { id } = await world.connect('BOX');
    await go(`#/flow/${id}`);
    await heading('The app\'s secret is wrong');
    await look(page, '20-failed');
  });

  test('somebody else signs in at a reconnect', async () => {
    const { id } = await rowOf('NOTION');
    await go(`#/connection/${id}`);
    await press('Reconnect');
    await world.answer(await flowHere(), { who: 1 });
    await heading('Somebody else signed in');
    await look(page, '21-other-account');
    await press('Throw this sign-in away');
    await heading((await rowOf('NOTION')).name);
  });

  test('the connections, when some need their person, some wait and some work', async () => {
    for (const provider of ['GOOGLE_DRIVE', 'GONG', 'SALESFORCE', 'ZENDESK', 'CONFLUENCE', 'OUTLOOK']) {
      assert.equal((await world.connect(provider)).step, 'connected');
    }
    await world.connect('DROPBOX');
    await world.connect('DROPBOX', { who: 1 });
    await trouble('SALESFORCE', 'revoked');
    await trouble('GONG', 'not_licensed');
    await trouble('ZENDESK', 'rate_limited');
    await go('#/connections');
    await sees('Needs you');
    await page.getByRole('heading', { name: 'Waiting', exact: true }).waitFor();
    await look(page, '22-connections', { twice: true });
    await page.getByRole('button', { name: /^More for/ }).first().click();
    await page.getByRole('menuitem', { name: 'Disconnect…' }).waitFor();
    await look(page, '22-connections-menu');
    await page.keyboard.press('Escape');
    await fill('Find an account', 'nobody of this name');
    await sees('No account matches');
    await look(page, '22-connections-none');
  });

  test('a problem, with the message for the administrator', async () => {
    await go(`#/problem/${(await rowOf('GONG')).id}`);
    await sees('Message for your administrator');
    await sees('How we know');
    await look(page, '23-problem-admin', { twice: true });
  });

  test('a problem the person mends, and one that passes', async () => {
    await go(`#/problem/${(await rowOf('SALESFORCE')).id}`);
    await heading('The sign-in was taken back');
    await look(page, '23-problem');
    await go(`#/problem/${(await rowOf('ZENDESK')).id}`);
    await heading('Zendesk asks us to pause');
    await look(page, '23-problem-passing');
  });

  test('a connection in all detail', async () => {
    await go(`#/connection/${(await rowOf('OUTLOOK')).id}`);
    await sees('How long it lasts');
    await look(page, '24-detail', { twice: true });
    await go(`#/connection/${(await rowOf('SALESFORCE')).id}`);
    await sees('The sign-in was taken back');
    await look(page, '24-detail-problem');
    await go(`#/connection/${(await rowOf('SLACK')).id}`);
    await sees('Asked, not granted');
    await look(page, '24-detail-missing');
  });

  test('renaming', async () => {
    await go(`#/connection/${(await rowOf('OUTLOOK')).id}`);
    await press('Rename');
    await heading('Rename this connection');
    await look(page, '25-rename');
    await page.getByRole('textbox', { name: 'Name' }).fill('Mail of the support team, shared by everybody who answers customers in the north');
    await page.keyboard.press('Enter');
    await heading(/^Mail of the support team/);
    await look(page, '25-renamed');
  });

  test('what a disconnect will do, what reaches further, and what it did', async () => {
    await go(`#/connection/${(await rowOf('GOOGLE_DRIVE')).id}`);
    await press('Disconnect…');
    await sees('This reaches further.');
    await look(page, '26-disconnect-further');
    await press('Keep it');
    await go(`#/connection/${(await rowOf('CONFLUENCE')).id}`);
    await press('Disconnect…');
    await sees('What happens when you disconnect:');
    await look(page, '26-disconnect');
    await press('Disconnect');
    await heading('Maya Lind is disconnected from Confluence');
    await look(page, '26-disconnected');
    await press('Close');
    await heading('Connections');
    await look(page, '26-connections-after');
  });

  test('the settings, section by section', async () => {
    await go('#/settings');
    await heading('Settings');
    await sees('Keyring unlocked');
    await look(page, '27-settings', { twice: true });
    await press('Check now');
    for (const section of ['keys', 'organisation', 'network', 'practice', 'about']) {
      await go(`#/settings/${section}`);
      await page.locator(`#settings-${section}:focus`).waitFor();
      await look(page, `27-settings-${section}`);
    }
    await page.locator('#settings-about').getByRole('button', { name: 'Check now' }).click();
    await page.locator('#settings-about').getByText('Data folder').nth(1).waitFor();
    await look(page, '27-settings-checked');
    await go('#/settings/way-back');
    await page.locator('#settings-way-back').getByText('Your browser').waitFor({ timeout: 20_000 });
    await look(page, '27-settings-way-back');
  });

  test('the activity: everybody’s, one’s, and trouble only', async () => {
    await go('#/activity');
    await sees('Today');
    await look(page, '28-activity');
    await press('Trouble only');
    await look(page, '28-activity-trouble');
    const { id, name } = await rowOf('SALESFORCE');
    await go(`#/activity/${id}`);
    await heading(`Activity of ${name}`);
    await look(page, '28-activity-of-one');
  });

  test('the palette', async () => {
    await page.keyboard.press('Control+k');
    await page.getByRole('option').first().waitFor();
    await look(page, '29-palette');
    await page.keyboard.type('test ');
    await look(page, '29-palette-found');
    await page.keyboard.type('nothing of this name');
    await sees('Nothing matches');
    await look(page, '29-palette-none');
    await page.keyboard.press('Escape');
  });

  test('a test that went well, and one that did not, are told at the edge', async () => {
    await go(`#/connection/${(await rowOf('OUTLOOK')).id}`);
    await press('Test now');
    await page.getByRole('button', { name: 'Put away' }).waitFor();
    await look(page, '30-notice');
    await press('Put away');
    await world.fault('OUTLOOK', 'server_error');
    await press('Test now');
    await page.getByRole('button', { name: 'Put away' }).waitFor();
    await look(page, '30-notice-bad');
    await press('Put away');
  });

  test('what is not there any more', async () => {
    await go('#/connection/0123456789abcdef01');
    await page.getByRole('alert').waitFor();
    await look(page, '31-no-connection');
    await go('#/flow/0123456789abcdef01');
    await page.getByRole('alert').waitFor();
    await look(page, '31-no-sign-in');
    await go('#/connect/NOBODY');
    await page.getByRole('alert').waitFor();
    await look(page, '31-no-service');
  });
});

/** A fault strikes a connection, and stays until something clears it. */
async function trouble(provider, fault) {
  const { id } = await rowOf(provider);
  await world.fault(provider, fault);
  await world.call('refresh', { id }).catch(() => undefined);
  await world.call('test', { id }).catch(() => undefined);
  assert.notEqual((await rowOf(provider)).state, 'working', `${provider} has trouble`);
}

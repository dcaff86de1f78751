/** Other programs, as the person at the window meets them: switched on, given a key, watched, asked about, shut out. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { look } from './sight.js';
import { World } from './world.js';

let world, page, notion, box, dropbox;
/** The secret of the key that the window made. */
let secret;

const go = (route) => page.evaluate((hash) => void (location.hash = hash), route);
const sees = (words) => page.getByText(words).and(page.locator(':visible')).first().waitFor();
const heading = (words) => page.getByRole('heading', { name: words, exact: true }).waitFor();
const button = (words) => page.getByRole('button', { name: words, exact: true }).or(page.getByRole('link', { name: words, exact: true })).first();
const press = (words) => button(words).click();
const field = (label) => page.getByRole('textbox', { name: label });
/** The field's own words say what is wrong, and the field has the focus. */
async function complains(label, words) {
  const input = field(label);
  await page.waitForFunction((element) => element?.getAttribute('aria-invalid') === 'true', await input.elementHandle());
  const said = await input.evaluate((element) => document.getElementById(element.getAttribute('aria-describedby').split(' ').at(-1)).textContent);
  assert.match(said, words);
  assert.ok(await input.evaluate((element) => element === document.activeElement), `${label} has the focus`);
}

/** Whether this has the focus, by how its name begins; words that are only said stand without a space in the text. */
const focused = (name) =>
  page.evaluate((name) => {
    const at = document.activeElement;
    const said = at?.getAttribute('aria-label') ?? at?.labels?.[0]?.textContent ?? at?.textContent ?? '';
    return said.replace(/\s/g, '').startsWith(name.replace(/\s/g, ''));
  }, name);

/** Tabs to what has this name; every stop on the way shows its ring. */
async function tabTo(name, most = 40) {
  for (let step = 0; step < most; step += 1) {
    if (await focused(name)) return;
    await page.keyboard.press('Tab');
    const ring = await page.evaluate(() => {
      const drawn = ({ outlineStyle, outlineWidth, boxShadow }) => (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || /0px 0px 0px [1-9]/.test(boxShadow);
      const at = document.activeElement;
      return !at || at === document.body || [at, at.parentElement].some((element) => drawn(getComputedStyle(element))) || at.outerHTML.slice(0, 120);
    });
    assert.equal(ring, true, `a ring on the way to "${name}"`);
  }
  assert.fail(`Tab never came to "${name}"`);
}

/** A program asks, with its own key and without the window's. */
async function ask(operation, body = {}, key = secret) {
  const reply = await fetch(`${world.base}/v1/${operation}`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: JSON.stringify(body) });
  return { status: reply.status, answer: await reply.json() };
}

before(async () => {
  world = await World.open();
  for (const provider of ['NOTION', 'BOX', 'DROPBOX']) assert.equal((await world.connect(provider)).step, 'connected');
  const rows = await world.call('connections');
  [notion, box, dropbox] = ['NOTION', 'BOX', 'DROPBOX'].map((provider) => rows.find((row) => row.provider === provider));
  page = await world.page();
});
after(() => world?.end());

test('the settings say what is served and to whom, and take another port', async () => {
  await go('#/settings/programs');
  await page.locator('#settings-programs:focus').waitFor();
  await sees('No key yet');
  await sees('Only programs on this computer reach it');
  assert.equal(await page.getByRole('switch', { name: 'Let programs on this computer ask Tieline' }).isChecked(), false, 'off until somebody wants it');
  await look(page, '70-programs');
  await page.getByRole('switch', { name: 'Let programs on this computer ask Tieline' }).click();
  await world.until('the setting', async () => (await world.call('settings')).api);
  await press('Change Port for other programs');
  await field('Port for other programs').fill('47823');
  await press('Save');
  await complains('Port for other programs', /Sign-ins come back to this port/);
  await page.keyboard.press('Escape');
  await press('Change Port for other programs');
  await field('Port for other programs').fill('seven');
  await press('Save');
  await complains('Port for other programs', /not a port/);
  await field('Port for other programs').fill('80');
  await press('Save');
  await complains('Port for other programs', /system/);
  await look(page, '70-programs-port-error');
  await field('Port for other programs').fill('47999');
  await press('Save');
  await sees('47999');
  assert.equal((await world.call('settings')).api_port, 47_999);
});

test('a key is made: what is wrong stands at its field, and its secret is shown once', async () => {
  await press('Add a key');
  await heading('Add a key for a program');
  await sees('See services, connections and how they fare');
  assert.ok(await field('Name').evaluate((element) => element === document.activeElement), 'the first field has the focus');
  assert.equal(await page.getByRole('checkbox', { name: /short-lived access tokens/ }).isChecked(), false, 'tokens only for whom somebody gives them');
  await look(page, '71-key', { twice: true });
  await press('Add the key');
  await complains('Name', /\S/);
  await look(page, '71-key-field-error');
  await field('Name').fill('Nightly export');
  await field('Organisation').fill('Acme');
  await field('Web pages that may use it').fill('app.acme.example');
  await press('Add the key');
  await complains('Web pages that may use it', /https?/);
  await field('Web pages that may use it').fill('https://app.acme.example');
  await field('Requests a minute').fill('many');
  await press('Add the key');
  await complains('Requests a minute', /number/);
  await field('Requests a minute').fill('600');
  await page.getByRole('checkbox', { name: /^Connect accounts/ }).uncheck();
  await page.getByRole('radio', { name: 'These' }).check();
  assert.ok(await page.getByRole('checkbox', { name: /published contracts/ }).isDisabled(), 'contracts reach everything');
  await page.getByRole('checkbox', { name: new RegExp(`${notion.name} Notion`) }).check();
  await look(page, '71-key-filled');
  await press('Add the key');
  await heading('Here is the key of Nightly export');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'title', 'the outcome has the focus');
  secret = await page.locator('.value').first().textContent();
  assert.ok(secret.length >= 32, 'a key nobody guesses');
  await sees(world.base);
  await look(page, '71-key-shown', { twice: true });
  await press('Done');
  await sees('Nightly export');
  assert.ok(!(await page.content()).includes(secret), 'the key is not shown again');
  assert.equal(world.told.join('\n').split(secret).length - 1, 1, 'and was told once');
  await sees(`May look, read, sync · ${notion.name} (Notion) · https://app.acme.example`);
});

test('a key is made by the keyboard alone', async () => {
  await page.setViewportSize({ width: 1200, height: 760 });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('add a key');
  await page.keyboard.press('Enter');
  await heading('Add a key for a program');
  await page.getByRole('checkbox').first().waitFor();
  await page.keyboard.type('Evening export');
  await tabTo('Get short-lived access tokens');
  await page.keyboard.press('Space');
  await tabTo('Yours and its organisation’s');
  await page.keyboard.press('ArrowDown');
  assert.ok(await page.getByRole('radio', { name: 'Only what its organisation connects' }).isChecked());
  await tabTo('Add the key');
  await page.keyboard.press('Enter');
  await heading('Here is the key of Evening export');
  await tabTo('Copy Key');
  await page.keyboard.press('Enter');
  await page.locator('[aria-live]', { hasText: 'Key copied' }).waitFor({ state: 'attached' });
  await tabTo('Done');
  await page.keyboard.press('Enter');
  await sees('Evening export');
  await page.locator('#settings-programs:focus').waitFor();
  const made = (await world.call('keys')).find(({ name }) => name === 'Evening export');
  assert.deepEqual([made.reach, made.operations.includes('tokens'), made.organization.name], ['own', true, 'Evening export']);
  await tabTo('Revoke… the key of Evening export', 80);
  await page.keyboard.press('Enter');
  await heading('Revoke the key of Evening export');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.ok(await focused('Revoke… the key of Evening export'), 'the focus goes back');
  await page.keyboard.press('Enter');
  await tabTo('Revoke the key');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'settings-programs', 'the focus stays where somebody can go on');
});

test('the program uses it, within what it may, and the window lists that', async () => {
  const { status, answer } = await ask('connections');
  assert.equal(status, 200);
  assert.deepEqual(answer.map(({ id }) => id), [notion.id], 'it sees the connection it was given, and no other');
  assert.equal((await ask('connection', { id: notion.id })).status, 200);
  assert.equal((await ask('connection', { id: box.id })).status, 404);
  assert.equal((await ask('disconnect', { id: notion.id })).status, 403);
  await page.getByRole('link', { name: 'Open the key of Nightly export' }).click();
  await heading('The key of Nightly export');
  await sees('Not given: ');
  await sees('600 a minute');
  for (const line of [/connections.*Answered 200/, /connection.*Answered 200.*Notion/, /disconnect.*Refused 403/]) await page.getByRole('listitem').filter({ hasText: line }).waitFor();
  await look(page, '72-key-log', { twice: true });
  await ask('syncs');
  await page.getByRole('listitem').filter({ hasText: /syncs.*Answered 200/ }).waitFor();
});

test('a program that wants a token has to be allowed', async () => {
  const { key, secret: other } = await world.call('add_key', { name: 'Reports', organization: null, operations: ['look', 'tokens'], reach: 'all', origins: [], per_minute: null });
  await go('#/connections');
  await heading('Connections');
  await page.locator('h1').focus();
  const first = await ask('access_token', { id: dropbox.id }, other);
  assert.equal(first.answer.code, 'needs_you');
  const dialog = page.getByRole('alertdialog');
  await dialog.waitFor();
  assert.equal(await dialog.getByRole('heading').textContent(), 'Let Reports ask Dropbox directly?');
  assert.ok(await dialog.evaluate((element) => element === document.activeElement), 'no button is under the fingers');
  await page.locator('.unseen[role=status]', { hasText: 'Reports asks for an access token' }).waitFor({ state: 'attached' });
  await look(page, '73-approval', { twice: true });
  await page.setViewportSize({ width: 1200, height: 760 });

  // Put aside, it waits where it can be found, and nothing was decided.
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'title', 'the focus goes back');
  assert.equal((await ask('access_token', { id: dropbox.id }, other)).answer.code, 'needs_you');
  await page.getByRole('link', { name: /^Settings/ }).click();
  await heading('Programs that wait for your answer');
  await sees(`Reports wants an access token for ${dropbox.name} (Dropbox)`);
  await look(page, '73-approval-waits');
  await press('Decide… about Reports');
  await dialog.waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Allow');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('heading', { name: 'Programs that wait for your answer' }).waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'title', 'the focus stays where somebody can go on');
  const given = await ask('access_token', { id: dropbox.id }, other);
  assert.equal(given.status, 200);
  assert.ok(given.answer.access_token.length > 0);
  assert.ok(!world.told.join('\n').includes(given.answer.access_token), 'the window was not told');

  // Each account is a question of its own, and no is an answer.
  assert.equal((await ask('access_token', { id: box.id }, other)).answer.code, 'needs_you');
  await dialog.waitFor();
  await press('Do not allow');
  await dialog.waitFor({ state: 'hidden' });
  const refused = await ask('access_token', { id: box.id }, other);
  assert.equal(refused.status, 403);
  assert.deepEqual(await world.call('approvals'), []);
  // What has no end is not given, and nobody is asked.
  const endless = await ask('access_token', { id: notion.id }, other);
  assert.equal(endless.status, 403);
  assert.deepEqual(await world.call('approvals'), []);
  // A key without the right does not get as far as a question.
  assert.equal((await ask('access_token', { id: dropbox.id })).status, 403);
  assert.deepEqual(await world.call('approvals'), []);
  await world.call('revoke_key', { id: key.id });
});

test('what a program asked for stands at the connection it made', async () => {
  const { key, secret: other } = await world.call('add_key', { name: 'Intake', organization: 'Acme', operations: ['contracts'], reach: 'own', origins: [], per_minute: null });
  const asked = {
    service: 'BOX', connecting_new_account: true, tags: { team: 'support' }, data_source_tags: { region: 'north' }, request_id: 'intake-7',
    incremental_sync: true, chunk_size: 800, chunk_overlap: 40, embedding_model: 'OPENAI_ADA_LARGE_1024',
  };
  const reply = await fetch(`${world.base}/integrations/oauth_url`, {
    method: 'POST', headers: { authorization: `Bearer ${other}`, 'customer-id': 'maya', 'content-type': 'application/json' }, body: JSON.stringify(asked),
  });
  assert.equal(reply.status, 200);
  const tab = await (await world.browser.newContext()).newPage();
  await tab.goto((await reply.json()).oauth_url);
  await tab.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true });
  const made = await world.until('the connection', async () => (await world.call('connections')).find(({ id, provider }) => provider === 'BOX' && id !== box.id));
  await go(`#/connection/${made.id}`);
  await press('Sync options');
  await sees('For customer maya of Acme, connected by a program.');
  for (const words of ['north', 'intake-7', '{"team":"support"}', '800 tokens, 40 shared', 'OPENAI_ADA_LARGE_1024', 'Tieline makes no chunks or vectors yet']) await sees(words);
  await look(page, '75-sync-options', { twice: true });
  await go(`#/connection/${box.id}`);
  await press('Sync options');
  await sees('no program asked for anything');
  await look(page, '75-sync-options-own');
  await page.setViewportSize({ width: 1200, height: 760 });
  await world.call('revoke_key', { id: key.id });
});

test('what stops working is said before, and then it stops', async () => {
  await go('#/settings/programs');
  await press('Revoke… the key of Nightly export');
  await heading('Revoke the key of Nightly export');
  await sees('No other key of Acme is left, so that its webhooks are told nothing.');
  await look(page, '74-revoke', { twice: true });
  await page.keyboard.press('Escape');
  assert.equal((await ask('connections')).status, 200, 'nothing was decided');
  await press('Revoke… the key of Nightly export');
  await press('Revoke the key');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await sees('No key yet');
  const { status, answer } = await ask('connections');
  assert.equal(status, 401);
  assert.ok(answer.message && answer.hint, 'the program hears why, and what to do');
  await page.getByText('4 revoked keys').click();
  await look(page, '74-revoked');
  await page.getByRole('link', { name: 'Nightly export' }).click();
  await heading('The key of Nightly export');
  await page.getByText('Revoked', { exact: true }).first().waitFor();
  await page.getByRole('listitem').filter({ hasText: /connections.*Answered 200/ }).first().waitFor();
  await look(page, '74-revoked-key');
});

/** What was read: found, read here, kept, deleted; and how the window closes while it reads. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { look } from './sight.js';
import { World } from './world.js';

let world, page;

const go = (route) => page.evaluate((hash) => void (location.hash = hash), route);
const sees = (words) => page.getByText(words).and(page.locator(':visible')).first().waitFor();
const heading = (words) => page.getByRole('heading', { name: words, exact: true }).waitFor();
const press = (words) => page.getByRole('button', { name: words, exact: true }).or(page.getByRole('link', { name: words, exact: true })).first().click();
const rowOf = async (provider) => (await world.call('connections')).find((row) => row.provider === provider);

before(async () => {
  world = await World.open();
  for (const provider of ['ZENDESK', 'GOOGLE_DRIVE']) assert.equal((await world.connect(provider)).step, 'connected');
  const { id } = await rowOf('GOOGLE_DRIVE');
  await world.call('set_sync', { connection: id, everything: true, every_hours: 6 });
  await world.call('sync_to_the_end', { connection: id });
  await world.until('the articles', async () => (await world.call('library')).parts.length === 2);
  page = await world.page();
});
after(() => world?.end());

describe('what was read is found', () => {
  test('the library says what is in it', async () => {
    await go('#/library');
    await sees('What is here');
    await sees('Zendesk');
    await look(page, '60-library', { twice: true });
  });

  test('it is searched as one types, and narrowed', async () => {
    await page.getByRole('searchbox').fill('inv');
    await sees(/found in [\d,]+, on this computer/);
    await page.locator('#hits mark').first().waitFor();
    await look(page, '60-library-found', { twice: true });
    await press('Articles');
    await world.until('only articles', async () => !(await page.locator('#hits').textContent()).includes('Google Drive'));
    await look(page, '60-library-articles');
    await press('Calls');
    await sees('Nothing that was read says “inv”');
    await look(page, '60-library-none');
    await press('Search everything');
    await page.locator('#hits mark').first().waitFor();
    await page.getByLabel('Account').selectOption({ index: 1 });
    await page.getByLabel('Time').selectOption('7');
    await page.getByLabel('Time').selectOption('');
    await page.getByLabel('Account').selectOption('');
  });

  test('an answer that comes late does not overwrite a newer one', async () => {
    let held;
    await page.route('**/v1/search', async (route) => {
      if (JSON.parse(route.request().postData()).words === 'report') await new Promise((go) => (held = go));
      await route.continue();
    });
    await page.getByRole('searchbox').fill('report');
    await world.until('the first question', () => held);
    await page.getByRole('searchbox').fill('nothing says this');
    await sees('Nothing that was read says “nothing says this”');
    held();
    await page.waitForTimeout(300);
    await sees('Nothing that was read says “nothing says this”');
    await page.unroute('**/v1/search');
  });

  test('a text is read here, and what cannot be opened elsewhere says why', async () => {
    await page.getByRole('searchbox').fill('report');
    await page.locator('#hits mark').first().waitFor();
    await page.locator('#hits button').first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('region').waitFor();
    await look(page, '61-reading', { twice: true });
    await dialog.getByRole('button', { name: 'Open where it is' }).click();
    await sees('This is practice');
    await look(page, '61-reading-not-opened');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: /^Open .* where it is$/ }).first().click();
    await sees('This is practice');
    await press('Put away');
  });
});

describe('what is kept, and how', () => {
  test('one schedule for all, and what closing does', async () => {
    await go('#/settings/library');
    await page.locator('#settings-library:focus').waitFor();
    await sees('They differ now');
    await look(page, '62-settings-library', { twice: true });
    await page.locator('#settings-library').getByRole('button', { name: '24 h' }).click();
    await sees('Every 24 hours while Tieline runs');
    assert.deepEqual([...new Set((await world.call('syncs')).map(({ every_hours }) => every_hours))], [24]);
    await press('Go on out of sight');
    await world.until('the choice', async () => (await world.call('settings')).when_closing === 'go_on');
    await press('Ask me');
    await press('Change Largest size in MB');
    await page.getByLabel('Largest size in MB').fill('much');
    await press('Save');
    await sees('This is not a size.');
    await look(page, '62-settings-library-wrong');
    await page.getByLabel('Largest size in MB').fill('500');
    await press('Save');
    await sees('500 MB');
  });

  test('the window asks how to close while it reads', async () => {
    const closing = { contentType: 'text/event-stream', body: 'data: {"what":"closing"}\n\n' };
    // The log has the same address, and is asked with POST.
    await page.route('**/v1/events', (route) => (route.request().method() === 'GET' ? route.fulfill(closing) : route.continue()));
    await page.reload();
    await heading('Tieline is still reading');
    await page.unroute('**/v1/events');
    await look(page, '63-closing', { twice: true });
    await page.getByLabel('Do the same next time').check();
    const asked = page.waitForRequest('**/v1/close_window');
    await press('Go on in the background');
    assert.deepEqual(JSON.parse((await asked).postData()), { how: 'go_on' });
    await world.until('the choice to be kept', async () => (await world.call('settings')).when_closing === 'go_on');
  });

  test('disconnecting asks whether the texts are kept', async () => {
    const { id } = await rowOf('GOOGLE_DRIVE');
    await go(`#/connection/${id}`);
    await press('Disconnect…');
    await page.getByLabel(/Keep the [\d,]+ texts that Tieline read/).check();
    await look(page, '64-disconnect-keeps');
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect', exact: true }).click();
    await sees(/texts stay in the library/);
    await press('Close');
    await go('#/library');
    await sees('disconnected; its contents were kept');
    await look(page, '64-library-kept');
  });

  test('contents are deleted, one account’s or all, and only after a question', async () => {
    await page.getByRole('button', { name: /^Delete… contents of/ }).first().click();
    await page.getByRole('dialog').getByRole('heading', { name: /^Delete the contents of/ }).waitFor();
    await look(page, '65-delete-one');
    await press('Keep them');
    await press('Delete all contents…');
    await heading('Delete all contents');
    await look(page, '65-delete-all');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await sees('Nothing has been read yet');
    assert.equal((await world.call('library')).texts, 0);
  });
});

/** What connections hold: chosen, read, searched, deleted. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { look } from './sight.js';
import { World } from './world.js';

/** So many that reading them can be watched. */
const MANY = 2_000;

let world, page;

const go = (route) => page.evaluate((hash) => void (location.hash = hash), route);
const sees = (words) => page.getByText(words).and(page.locator(':visible')).first().waitFor();
const heading = (words) => page.getByRole('heading', { name: words, exact: true }).waitFor();
const press = (words) => page.getByRole('button', { name: words, exact: true }).or(page.getByRole('link', { name: words, exact: true })).first().click();
const rowOf = async (provider) => (await world.call('connections')).find((row) => row.provider === provider);
const flowHere = () => world.until('the sign-in', () => /#\/flow\/(.+)/.exec(page.url())?.[1]);
const state = (connection) => world.call('sync_state', { id: connection });
const idle = (connection) => world.until('the sync to end', async () => {
  const now = await state(connection);
  return now.phase === 'idle' && !now.running && now.ended_at && now;
});

/** Connects through the page, and stays at the outcome. */
async function connect(provider, name) {
  await go(`#/connect/${provider}`);
  await heading(`Connect ${name}`);
  for (const [key, value] of Object.entries(world.inputs(provider))) if (key) await page.getByRole('textbox').first().fill(value);
  await page.waitForFunction(() => !document.querySelector('footer button:last-of-type')?.disabled);
  await press('Continue in your browser');
  await world.answer(await flowHere());
  await heading(`${name} is connected`);
  return rowOf(provider);
}

const tree = () => page.getByRole('tree');
const item = (name) => page.getByRole('treeitem', { name: new RegExp(`^${name}`) }).first();
const ticked = (name) => item(name).getAttribute('aria-checked');
const does = (name, what) => item(name).locator(`[data-do=${what}]`).first().click();
/** The item stands like this, as soon as the engine has said so. */
const stands = (name, tick) => world.until(`${name} to be ${tick}`, async () => (await ticked(name)) === tick);

before(async () => {
  world = await World.open();
  await world.practice('PUT', 'items', { count: MANY });
  page = await world.page();
});
after(() => world?.end());

describe('what is chosen and read', () => {
  let articles, files;

  test('a library in which nothing is', async () => {
    await go('#/library');
    await sees('Nothing has been read yet');
    await look(page, '50-library-empty', { twice: true });
  });

  test('where everything is read, connecting says so', async () => {
    await world.fault('ZENDESK', 'short_pages');
    articles = (await connect('ZENDESK', 'Zendesk')).id;
    await sees('Everything is');
    await look(page, '51-connected-everything');
    await world.calm();
    await idle(articles);
  });

  test('where it is chosen, connecting leads there, and what there is comes from the provider', async () => {
    files = (await connect('GOOGLE_DRIVE', 'Google Drive')).id;
    await sees('Choose what to read');
    await look(page, '51-connected-choose');
    await press('Choose what to read');
    await heading('Choose what to read');
    await item('Reports').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Read these' }).isDisabled(), 'nothing is chosen yet');
    await look(page, '52-picker-live', { twice: true });
  });

  test('a folder is everything below it, now and later', async () => {
    await does('Reports', 'tick');
    await stands('Reports', 'true');
    await does('Reports', 'fold');
    const [first] = (await world.call('items', { connection: files, parent: '1AcmeReportsFolder_2026' })).items;
    await stands(first.name, 'true');
    assert.equal(await item(first.name).getAttribute('aria-disabled'), 'true', 'it comes with its folder');
    await does(first.name, 'tick');
    await sees('It comes with the folder it stands in.');
    await press('Put away');
    await look(page, '52-picker-chosen', { twice: true });
  });

  test('a folder can be looked into, and the way back stands above it', async () => {
    await item('Finance').locator('[data-do=enter]').click();
    await page.getByRole('navigation', { name: 'Where' }).getByText('Finance').waitFor();
    await page.waitForFunction(() => document.querySelector('[role=treeitem]'));
    await look(page, '52-picker-inside');
    await page.getByRole('navigation', { name: 'Where' }).getByRole('button').first().click();
    await item('Reports').waitFor();
  });

  test('names are searched, and what has none says so', async () => {
    await page.getByRole('searchbox').fill('handbook');
    await sees(/names? with “handbook”/);
    await item('Handbook').waitFor();
    await look(page, '52-picker-found');
    await page.getByRole('searchbox').fill('nothing of this name');
    await sees('No name here has');
    await look(page, '52-picker-found-none');
    await page.getByRole('searchbox').fill('');
    await item('Reports').waitFor();
  });

  test('it reads, is asked to pause, is paused by the person, goes on and ends', async () => {
    await does('Everything else', 'tick');
    await stands('Everything else', 'true');
    await press('Read these');
    await world.until('something to be read', async () => (await state(files)).kept > 5);
    await world.fault('GOOGLE_DRIVE', 'rate_limited');
    await sees(/asks us to pause\. It goes on in \d+:\d\d/);
    await look(page, '53-picker-asked-to-pause', { twice: true });
    await go('#/connections');
    await heading('Connections');
    await page.locator('main li .used', { hasText: 'Reading' }).waitFor();
    await look(page, '53-connections-reading');
    await go(`#/connection/${files}`);
    await sees(/asks us to pause/);
    await look(page, '53-detail-asked-to-pause');
    await press('Pause');
    await page.getByRole('heading', { name: 'Paused' }).waitFor();
    await look(page, '53-detail-paused');
    await go(`#/choose/${files}`);
    await page.getByRole('heading', { name: 'Paused' }).waitFor();
    await item('Reports').waitFor();
    await look(page, '53-picker-paused');
    await world.calm();
    await world.practice('PUT', 'clock', { ahead_seconds: 3600 });
    await press('Go on');
    await sees(/Reading \d+ of|Looking what/);
    await look(page, '53-picker-reading');
    await idle(files);
    await sees(/In sync/);
    await look(page, '53-picker-done', { twice: true });
  });

  test('what could not be read is told with words, and can be tried again', async () => {
    await press(/could not be read$/);
    await heading('What could not be read');
    await page.getByRole('dialog').getByRole('listitem').first().waitFor();
    await look(page, '54-unread', { twice: true });
    const { ended_at: before } = await state(files);
    await page.getByRole('dialog').getByRole('button', { name: /^Try again/ }).first().click();
    await world.until('it to be tried', async () => (await state(files)).phase === 'idle' && (await state(files)).ended_at >= before);
    await press('Close');
  });

  test('everything, and back to what is chosen', async () => {
    await press('Everything');
    await sees('All there is, and what comes later.');
    await stands('Finance', 'true');
    assert.equal(await item('Finance').getAttribute('aria-disabled'), 'true');
    await look(page, '55-picker-everything');
    await press('Only what I choose');
    await stands('Finance', 'false');
    await stands('Reports', 'true');
  });

  test('it is kept fresh as often as wanted', async () => {
    await press('6 h');
    await sees(/every 6 hours, next in/);
    assert.equal((await state(files)).every_hours, 6);
  });

  test('a connection says how its contents stand', async () => {
    await go(`#/connection/${files}`);
    await sees('Last sync');
    await look(page, '56-detail-contents', { twice: true });
    await press('Sync now');
    await idle(files);
  });

  test('a sync that fails says why and what to do', async () => {
    await world.fault('GOOGLE_DRIVE', 'server_error');
    await press('Sync now');
    await world.until('the sync to fail', async () => (await state(files)).phase === 'failed');
    await page.getByRole('alert').waitFor();
    await page.locator('main .body').evaluate((element) => (element.scrollTop = 0));
    await look(page, '56-detail-failed');
    await world.calm();
    await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click();
    await idle(files);
  });
});

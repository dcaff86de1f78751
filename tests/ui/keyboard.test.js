/** Without a mouse: an account is connected and found again by the keyboard alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { World } from './world.js';

let world, page;

before(async () => {
  world = await World.open();
  page = await world.page({ motion: 'no-preference' });
});
after(() => world?.end());

/** What has the focus, as a screen reader names it. */
const focused = () =>
  page.evaluate(() => {
    const at = document.activeElement;
    const label = at?.id ? document.querySelector(`label[for="${at.id}"]`)?.textContent : '';
    return (at?.getAttribute('aria-label') ?? '') || label || (at?.textContent ?? '').trim();
  });

/** Nothing has been drawn anew for a while. */
const settled = () =>
  page.evaluate(() => new Promise((calm) => {
    let timer = setTimeout(calm, 200);
    new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(calm, 200); }).observe(document.body, { childList: true, subtree: true });
  }));

/** Tabs until something of this name has the focus, and checks that every stop on the way shows its ring. */
async function tabTo(name, most = 60) {
  for (let step = 0; step < most; step += 1) {
    if ((await focused()).startsWith(name)) return;
    await page.keyboard.press('Tab');
    const ring = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return true;
      const outlined = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
      const drawn = (style) => outlined(style) || /0px 0px 0px [1-9]/.test(style.boxShadow);
      const around = [at, at.parentElement, at.parentElement?.parentElement].filter(Boolean);
      return around.some((element) => [null, '::after', '::before'].some((part) => drawn(getComputedStyle(element, part))))
        || at.matches('[type=radio],[type=checkbox]') && [...at.parentElement.children].some((sibling) => drawn(getComputedStyle(sibling)));
    });
    assert.ok(ring, `no ring around "${await focused()}"`);
  }
  assert.fail(`Tab never came to "${name}"; it stands at "${await focused()}"`);
}

test('an account is connected by the keyboard alone', async () => {
  await tabTo('Connect a practice account');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Connect an account' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT');
  await page.keyboard.type('dropb');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Connect Dropbox' }).waitFor();
  await tabTo('Continue in your browser');
  await page.waitForFunction(() => !document.activeElement?.matches(':disabled'));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Continue in your browser' }).waitFor();
  const [flow] = (await world.call('flows')).filter(({ step }) => step === 'waiting');
  await world.answer(flow.id);
  await page.getByRole('heading', { name: 'Dropbox is connected' }).waitFor();
  assert.equal(await focused(), 'Dropbox is connected', 'the outcome has the focus');
  await tabTo('See all connections');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Connections' }).waitFor();
});

test('Escape closes what is open and gives the focus back', async () => {
  await tabTo('More for');
  const opener = await focused();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Rename' }).waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await focused(), opener);
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(await focused(), opener);
});

test('the palette goes anywhere', async () => {
  await page.keyboard.press('Control+k');
  await page.keyboard.type('keys');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
});

test('a connection is renamed, and the name stays', async () => {
  const [row] = await world.call('connections');
  await page.evaluate((id) => (location.hash = `#/connection/${id}`), row.id);
  await page.getByRole('button', { name: 'Rename' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Name' }).fill('Shared files');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Shared files' }).waitFor();
  assert.equal((await world.call('connections'))[0].name, 'Shared files');
});

test('Escape leaves a dialog as it was, and the focus goes back to what opened it', async () => {
  const dialogs = [
    ['Rename', 'Rename this connection', 'Name'],
    // What it says comes from the engine a moment later; until then there is one place for the focus to be.
    ['Disconnect…', 'Disconnect Shared files from Dropbox', 'Tell Dropbox to forget this sign-in as well'],
  ];
  for (const [opener, title, field] of dialogs) {
    await page.getByRole('button', { name: opener, exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: title }).waitFor();
    await page.getByRole('dialog').getByLabel(field).waitFor();
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement.closest('dialog')), 'the focus stays in the dialog');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.equal(await focused(), opener);
  }
  assert.equal((await world.call('connections')).length, 1, 'nothing was disconnected');
});

test('the focus goes in the order of reading', async () => {
  for (const route of ['#/connections', '#/gallery', '#/connect/ZENDESK', '#/app/BOX', '#/service', '#/settings', '#/activity']) {
    await page.evaluate((hash) => void (location.hash = hash), route);
    await page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('[aria-busy]'));
    await settled();
    await page.evaluate(() => document.activeElement.blur());
    const stops = [];
    for (let step = 0; step < 120; step += 1) {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate(() => {
        const at = document.activeElement;
        if (at === document.body) return null;
        // Where it lies, whatever is scrolled; columns beside each other are read one after the other.
        const { top, left, height } = at.getBoundingClientRect();
        const scrolled = at.closest('.body')?.scrollTop ?? 0;
        const column = at.closest('nav, aside, header, footer, .body')?.tagName ?? '';
        return { name: at.textContent.trim() || at.getAttribute('aria-label'), column, top: top + height / 2 + scrolled, left, tabindex: at.tabIndex };
      });
      if (!stop) break;
      stops.push(stop);
    }
    assert.ok(stops.length > 3, `${route} has stops`);
    for (const [index, { name, tabindex, column, top, left }] of stops.entries()) {
      assert.equal(tabindex, 0, `${route}: ${name} keeps its natural place`);
      const last = stops[index - 1];
      if (last?.column !== column) continue;
      assert.ok(top > last.top - 24 && (Math.abs(top - last.top) > 24 || left >= last.left), `${route}: ${name} comes before ${last.name} on the screen, after it by Tab`);
    }
  }
});

test('what is read is chosen by the keyboard alone, and found again', async () => {
  await world.connect('GOOGLE_DRIVE');
  const { id } = (await world.call('connections')).find(({ provider }) => provider === 'GOOGLE_DRIVE');
  await page.evaluate((hash) => void (location.hash = hash), `#/choose/${id}`);
  const item = (name) => page.getByRole('treeitem', { name }).first();
  await item('Finance').waitFor();
  await settled();
  await tabTo('What there is');
  const at = () => page.evaluate(() => document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.textContent.trim() ?? '');
  for (let step = 0; step < 60 && !(await at()).startsWith('Finance'); step += 1) await page.keyboard.press('ArrowDown');
  assert.match(await at(), /^Finance/);
  await page.keyboard.press('ArrowRight');
  await world.until('the folder to open', async () => (await item('Finance').getAttribute('aria-expanded')) === 'true');
  await settled();
  await page.keyboard.press('ArrowRight');
  assert.doesNotMatch(await at(), /^Finance/, 'the first in the folder');
  await page.keyboard.press('ArrowLeft');
  assert.match(await at(), /^Finance/);
  await page.keyboard.press('Space');
  await world.until('the tick', async () => (await item('Finance').getAttribute('aria-checked')) === 'true');
  await page.keyboard.press('Enter');
  await page.getByRole('navigation', { name: 'Where' }).getByText('Finance').waitFor();
  assert.ok(await page.evaluate(() => document.activeElement.getAttribute('role') === 'tree'), 'the focus stays in the tree');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await item('Reports').waitFor();
  assert.ok(await page.evaluate(() => document.activeElement.getAttribute('role') === 'tree'), 'the focus goes on to what is shown');
  await tabTo('Read these');
  await page.keyboard.press('Enter');
  await world.until('something to be read', async () => (await world.call('library')).texts > 5);
  await page.evaluate(() => void (location.hash = '#/library'));
  await page.getByRole('searchbox', { name: 'Search everything that was read' }).and(page.locator(':focus')).waitFor();
  await page.keyboard.type('the');
  await page.locator('#hits button').first().waitFor();
  await page.keyboard.press('ArrowDown');
  const hit = await focused();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(await focused(), hit);
});

test('with reduced motion nothing moves', async () => {
  const still = await world.page({ motion: 'reduce' });
  const flow = await world.call('connect', { provider: 'SLACK', inputs: {} });
  await still.evaluate((id) => (location.hash = `#/flow/${id}`), flow.id);
  await still.getByRole('heading', { name: 'Continue in your browser' }).waitFor();
  const running = await still.evaluate(() => document.getAnimations().filter(({ playState }) => playState === 'running').length);
  assert.equal(running, 0);
  await still.context().close();
});

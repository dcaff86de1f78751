/** A thousand connections: every one can be found and reached, and only those in sight are drawn. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { look } from './sight.js';
import { World } from './world.js';

const MANY = 1_000;
/** One in so many needs its person. */
const TROUBLED = 50;
/** Node has no SQLite of its own yet. Each row is a copy of a real one, under a name and an id of its own. */
const COPY = `
import sqlite3, sys
many, troubled = int(sys.argv[2]), int(sys.argv[3])
db = sqlite3.connect(sys.argv[1], timeout=10)
db.row_factory = sqlite3.Row
rows = [dict(row) for row in db.execute("SELECT * FROM connection ORDER BY trouble IS NULL")]
for n in range(many):
    row = dict(rows[0] if n % troubled == 0 else rows[1 + n % (len(rows) - 1)])
    row.update(id=f"{n:018x}", account_id=f"person-{n}", account_name=f"Person {n:04}", account_email=f"person.{n:04}@acme.example")
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO connection ({', '.join(row)}) VALUES ({marks})", list(row.values()))
db.commit()`;

let world, page, all;

before(async () => {
  world = await World.open();
  for (const provider of ['SLACK', 'DROPBOX', 'NOTION', 'BOX']) assert.equal((await world.connect(provider)).step, 'connected');
  await world.fault('SLACK', 'revoked');
  const slack = (await world.call('connections')).find(({ provider }) => provider === 'SLACK');
  await world.call('test', { id: slack.id });
  execFileSync('python3', ['-c', COPY, join(world.data, 'practice', 'tieline.db'), MANY, TROUBLED].map(String));
  page = await world.page();
  await page.getByRole('heading', { name: 'Working' }).waitFor();
  all = await world.call('connections');
});
after(() => world?.end());

const drawn = () => page.locator('main li a[href]').evaluateAll((links) => links.map(({ hash }) => hash.split('/').at(-1)));

test('a thousand are listed, few are drawn', async () => {
  assert.equal(all.length, MANY + 4);
  const [working] = await page.locator('main li[aria-setsize]').evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('aria-setsize'))));
  assert.equal(working, all.filter(({ state }) => state === 'working').length);
  assert.ok((await drawn()).length < 80, 'only what is in sight, and a little beyond');
  await look(page, '40-thousand');
});

test('scrolling reaches every one, in order, and the Tab key goes on where it was', async () => {
  await page.setViewportSize({ width: 1200, height: 760 });
  const seen = new Set();
  const body = page.locator('main .body');
  for (let at = 0, end = false; !end; at += 600) {
    end = await body.evaluate((element, top) => {
      element.scrollTop = top;
      return top + element.clientHeight >= element.scrollHeight;
    }, at);
    await page.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
    for (const id of await drawn()) seen.add(id);
  }
  assert.deepEqual(all.map(({ id }) => id).filter((id) => !seen.has(id)), []);
  const places = await page.locator('main li[aria-posinset]').evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('aria-posinset'))));
  assert.deepEqual(places, places.map((_, index) => places[0] + index));
  await look(page, '40-thousand-end');
  await page.locator('main li[aria-posinset] a').nth(-3).focus();
  const here = await page.evaluate(() => document.activeElement.hash);
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  const before = await page.evaluate(() => document.activeElement.hash);
  assert.ok(before && before !== here, 'the row above');
});

test('the search reaches every kind, and says how many', async () => {
  await page.keyboard.press('Control+f');
  for (const [words, count] of [['person 0777', 1], ['person.0999@acme', 1], ['dropbox', undefined], ['needs you', MANY / TROUBLED + 1]]) {
    await page.getByRole('searchbox').fill(words);
    const wanted = count ?? all.filter(({ provider }) => provider === 'DROPBOX').length;
    await page.getByText(`${wanted.toLocaleString('en-GB')} account${wanted === 1 ? '' : 's'}`, { exact: true }).waitFor({ state: 'attached' });
  }
  await page.getByRole('searchbox').fill('person 0777');
  assert.equal((await drawn()).length, 1);
  await look(page, '40-thousand-found');
});

test('what changes among them changes in the list', async () => {
  const { id } = all.find(({ name }) => name === 'Person 0777');
  await world.call('rename', { id, name: 'Person 0777 of the north' });
  await page.getByRole('link', { name: 'Person 0777 of the north' }).waitFor();
});

test('typing and scrolling: the frames', async (t) => {
  await page.setViewportSize({ width: 1200, height: 760 });
  await page.getByRole('searchbox').fill('');
  await page.evaluate(() => {
    globalThis.frames = [];
    let last = performance.now();
    const frame = (now) => {
      frames.push(now - last);
      last = now;
      globalThis.stopped || requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await page.getByRole('searchbox').pressSequentially('person 04', { delay: 60 });
  for (let step = 0; step < 9; step += 1) await page.keyboard.press('Backspace', { delay: 60 });
  const body = page.locator('main .body');
  await body.hover();
  for (let step = 0; step < 30; step += 1) await page.mouse.wheel(0, 900);
  const frames = await page.evaluate(() => {
    globalThis.stopped = true;
    return globalThis.frames.slice(2).sort((a, b) => a - b);
  });
  const long = frames.filter((ms) => ms > 25).length;
  t.diagnostic(`${frames.length} frames while typing and scrolling over ${all.length} rows: median ${frames[frames.length >> 1].toFixed(1)} ms, ` +
    `95 % within ${frames[Math.floor(frames.length * 0.95)].toFixed(1)} ms, worst ${frames.at(-1).toFixed(1)} ms, ${long} over 25 ms`);
  assert.ok(frames.length > 30);
});

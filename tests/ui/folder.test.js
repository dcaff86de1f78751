/** A folder of a hundred thousand: it is scrolled to its end, ticked and searched, and only the lines in sight are drawn. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { look } from './sight.js';
import { World } from './world.js';

const MANY = 100_000;
/** Node has no SQLite of its own yet. Each row is a copy of a real one, under a name and an id of its own. */
const COPY = `
import sqlite3, sys
many, folder = int(sys.argv[2]), sys.argv[3]
db = sqlite3.connect(sys.argv[1], timeout=10)
db.row_factory = sqlite3.Row
row = dict(db.execute("SELECT * FROM item WHERE selectable LIMIT 1").fetchone())
del row["row"]
marks = ", ".join("?" * len(row))
def rows():
    for n in range(many):
        row.update(id=f"copy-{n}", parent=folder, name=f"Letter {n:06}.txt", state=0, failure=None, kept_version=None)
        yield list(row.values())
db.executemany(f"INSERT INTO item ({', '.join(row)}) VALUES ({marks})", rows())
db.commit()`;

let world, page, id, folder;

const lines = () => page.getByRole('treeitem');
const line = (name) => page.getByRole('treeitem', { name });

before(async () => {
  world = await World.open();
  await world.practice('PUT', 'items', { count: 120 });
  assert.equal((await world.connect('GOOGLE_DRIVE')).step, 'connected');
  id = (await world.call('connections'))[0].id;
  // Nothing is chosen, so it is listed and not read.
  await world.call('sync_to_the_end', { connection: id });
  folder = (await world.call('items', { connection: id })).items.find(({ name }) => name === 'Empty').id;
  execFileSync('python3', ['-c', COPY, join(world.data, 'practice', 'library.db'), MANY, folder].map(String));
  page = await world.page();
  await page.evaluate((hash) => void (location.hash = hash), `#/choose/${id}`);
  await line('Empty').waitFor();
});
after(() => world?.end());

test('a hundred thousand are there, few are drawn', async () => {
  await line('Empty').locator('[data-do=enter]').click();
  await line('Letter 000000.txt').waitFor();
  assert.equal(await lines().first().getAttribute('aria-setsize'), String(MANY));
  assert.ok((await lines().count()) < 80, 'only what is in sight, and a little beyond');
  await look(page, '57-folder-many');
});

test('scrolling goes on to the last, and the frames are short', async (t) => {
  await page.setViewportSize({ width: 1200, height: 760 });
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
  const scroll = page.locator('.scroll');
  await scroll.hover();
  for (let step = 0; step < 60; step += 1) await page.mouse.wheel(0, 900);
  const frames = await page.evaluate(() => {
    globalThis.stopped = true;
    return globalThis.frames.slice(2).sort((a, b) => a - b);
  });
  const began = Date.now();
  const last = `Letter ${String(MANY - 1).padStart(6, '0')}.txt`;
  await scroll.evaluate(async (element, wanted) => {
    for (const end = Date.now() + 120_000; Date.now() < end && !element.textContent.includes(wanted);) {
      element.scrollTop = element.scrollHeight;
      await new Promise((next) => setTimeout(next, 50));
    }
  }, last);
  assert.ok(await line(last).isVisible());
  t.diagnostic(`${frames.length} frames while scrolling: median ${frames[frames.length >> 1].toFixed(1)} ms, 95 % within ` +
    `${frames[Math.floor(frames.length * 0.95)].toFixed(1)} ms, worst ${frames.at(-1).toFixed(1)} ms; to the last of ${MANY.toLocaleString('en')} in ${Date.now() - began} ms`);
  assert.ok((await lines().count()) < 80);
  await look(page, '57-folder-many-end');
});

test('the last is ticked by the keyboard, and the first is one key away', async () => {
  await page.getByRole('tree').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Space');
  await world.until('the tick', async () => (await line(`Letter ${String(MANY - 1).padStart(6, '0')}.txt`).getAttribute('aria-checked')) === 'true');
  assert.equal((await world.call('sync_state', { id })).picked_items, 1);
  await page.keyboard.press('Home');
  await line('Letter 000000.txt').waitFor();
  const active = await page.getByRole('tree').getAttribute('aria-activedescendant');
  assert.match(await page.locator(`[id="${active}"]`).textContent(), /Letter 000000/);
});

/** Looking at a screen: its picture is kept, axe finds nothing, nothing is cut off, no rule of the page was broken. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ARTEFACTS = fileURLToPath(new URL('../../artefacts/ui/', import.meta.url));

export const SIZES = [
  { width: 900, height: 600 },
  { width: 1600, height: 1000 },
];
export const THEMES = ['light', 'dark'];

/** A page in the given look. Console errors (also of the content policy) gather in `page.complaints`. */
export async function open(browser, url, { theme = 'light', size = SIZES[0], reducedMotion = 'reduce', ...more } = {}) {
  const context = await browser.newContext({ colorScheme: theme, viewport: size, reducedMotion, ...more });
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (line) => line.type() === 'error' && page.complaints.push(line.text()));
  page.on('pageerror', (why) => page.complaints.push(String(why)));
  await page.goto(url);
  await page.locator('#main, main').first().waitFor();
  return page;
}

/** Goes to a view by the address behind `#`, and waits until it stands. */
export async function go(page, route) {
  await page.evaluate((to) => (location.hash = to), route);
  await settled(page);
}

/** Nothing is being fetched, and two frames have been painted since. */
export async function settled(page) {
  await page.waitForTimeout(350);
  await page.evaluate(() => document.fonts.ready.then(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))));
}

export async function picture(page, name) {
  mkdirSync(ARTEFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTEFACTS}${name}.png` });
}

/** What axe finds, in words: rule, element, and what it says about it. */
export async function violations(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary}`));
}

/** Elements that stick out of the window sideways. */
export function cutOff(page) {
  return page.evaluate(() => {
    const wide = document.documentElement.scrollWidth > innerWidth ? [`the page is ${document.documentElement.scrollWidth} wide`] : [];
    const main = document.querySelector('main');
    if (main && main.scrollWidth > main.clientWidth + 1) wide.push(`main is ${main.scrollWidth} wide in ${main.clientWidth}`);
    return wide;
  });
}

/** Names that run two words together because hidden words stand close to visible ones. */
export function glued(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('button .unseen, a .unseen, label .unseen')]
      .filter(({ previousSibling, textContent }) => /\w$/.test(previousSibling?.textContent ?? '') && /^\w/.test(textContent))
      .map(({ parentElement }) => parentElement.textContent.trim()));
}

export async function inspect(page, name) {
  await picture(page, name);
  assert.deepEqual(await violations(page), [], `${name}: axe`);
  assert.deepEqual(await cutOff(page), [], `${name}: cut off`);
  assert.deepEqual(await glued(page), [], `${name}: glued words`);
  assert.deepEqual(page.complaints, [], `${name}: console`);
}

/**
 * How a screen is looked at: by day and by night, on a small window and on a wide one. It must hold by axe, reach
 * nowhere past its window, and leave a picture.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ARTEFACTS } from './world.js';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SMALL = { name: 'small', width: 900, height: 600 };
const WIDE = { name: 'wide', width: 1600, height: 1000 };
/** What a window of 1600 by 1000 has room for with everything at 200 %. */
const TWICE = { name: 'twice', width: 800, height: 500 };

/** Looks at what stands in the page now; `twice` also looks at 200 %. */
export async function look(page, name, { twice = false } = {}) {
  const wrong = [];
  for (const size of twice ? [SMALL, WIDE, TWICE] : [SMALL, WIDE]) {
    await page.setViewportSize(size);
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      for (const fault of [...(await reach(page)), ...(await holds(page))]) wrong.push(`${size.name} ${theme}: ${fault}`);
      await page.screenshot({ path: join(ARTEFACTS, `${name}-${size.name}-${theme}.png`) });
    }
  }
  assert.deepEqual(wrong, [], name);
}

const holds = (page) =>
  page.evaluate(async (rules) => {
    const { violations } = await axe.run({ runOnly: rules, resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary}`));
  }, RULES);

/** What has to be scrolled sideways, or is cut off without saying so. */
const reach = (page) =>
  page.evaluate(() => {
    const wrong = [];
    for (const element of document.querySelectorAll('body, body *')) {
      const { overflowX, textOverflow, clipPath } = getComputedStyle(element);
      const over = element.scrollWidth - element.clientWidth;
      if (over <= 1 || clipPath !== 'none' || element.closest('svg') || element.clientWidth === 0) continue;
      const typed = element instanceof HTMLInputElement;
      const what = `${element.tagName.toLowerCase()}.${element.className} by ${over} px: ${element.textContent.trim().slice(0, 60)}`;
      if (/auto|scroll/.test(overflowX) || element === document.body) wrong.push(`scrolls sideways ${what}`);
      else if (/hidden|clip/.test(overflowX) && textOverflow !== 'ellipsis' && !typed) wrong.push(`is cut off ${what}`);
    }
    return wrong;
  });

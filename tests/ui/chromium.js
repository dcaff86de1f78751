/** The Chromium of this machine, without a window, driven by Playwright. */
import { chromium } from 'playwright-core';

const PROGRAM = process.env['TIELINE_CHROMIUM'] ?? '/usr/bin/chromium';

export function launch() {
  return chromium.launch({
    executablePath: PROGRAM,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/**
 * A desktop for one test file: a virtual display with a window manager, the person's browser (a real Chromium that
 * `xdg-open` finds as on any desktop), and the real window, driven through WebDriver.
 *
 * The session (bus, keyring, private XDG folders) is the caller's: `cargo xtask test window` makes one.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Builder, By, Capabilities } from 'selenium-webdriver';

export const SCHEME = 'app.tieline.desktop.dev';
export const PROGRAM = join(process.env['TIELINE_BUILT'] ?? '', 'tieline-desktop');
const ARTEFACTS = fileURLToPath(new URL('../../artefacts/window/', import.meta.url));
const POLICY = '/etc/chromium/policies/managed/tieline-tests.json';
const PATIENCE_MS = 20_000;

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until the answer is neither falsy nor a throw. */
export async function until(what, ask, patience = PATIENCE_MS) {
  let last;
  for (const end = Date.now() + patience; Date.now() < end; await wait(100)) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (why) {
      last = why;
    }
  }
  throw new Error(`waited in vain for ${what}${last ? `: ${last.message}` : ''}`);
}

let tried = 0;
/** A port that nobody has, below those that systems hand out by chance (32768 and up on Linux), so that it stays free. */
export async function freePort() {
  for (;;) {
    const port = 10_240 + ((process.pid * 16 + tried++) % 20_480);
    const server = createServer();
    const had = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!had) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

export class Desk {
  #ends = [];
  #shots = 0;

  static async open(name) {
    assert.ok(process.env['DBUS_SESSION_BUS_ADDRESS'] && process.env['XDG_DATA_HOME'] && existsSync(PROGRAM),
      'these tests need a session of their own: start them with cargo xtask test window');
    const desk = new Desk();
    desk.name = name;
    desk.folder = mkdtempSync(join(tmpdir(), 'tieline-desk-'));
    mkdirSync(ARTEFACTS, { recursive: true });
    await desk.#display();
    await desk.#browser();
    return desk;
  }

  /** What programs on this desktop see. No desktop environment is named: `xdg-open` is on its own. */
  get env() {
    const { BROWSER, XDG_CURRENT_DESKTOP, DESKTOP_SESSION, WAYLAND_DISPLAY, ...rest } = process.env;
    return { ...rest, DISPLAY: this.display, LC_ALL: 'C.UTF-8' };
  }

  async #display() {
    const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x860x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    this.#ends.push(() => server.kill());
    const number = await new Promise((resolve, reject) => {
      server.stdio[3].once('data', (data) => resolve(String(data).trim()));
      server.once('error', reject);
    });
    this.display = `:${number}`;
    const manager = spawn('openbox', [], { env: this.env, stdio: 'ignore' });
    this.#ends.push(() => manager.kill());
  }

  async #browser() {
    // A browser asks before it opens an outside address. Nobody is here to answer, so its policy does.
    mkdirSync('/etc/chromium/policies/managed', { recursive: true });
    writeFileSync(POLICY, JSON.stringify({ AutoLaunchProtocolsFromOrigins: [{ protocol: SCHEME, allowed_origins: ['*'] }] }));
    this.#ends.push(() => rmSync(POLICY, { force: true }));

    const profile = join(this.folder, 'browser');
    const switches = [
      `--user-data-dir=${profile}`, '--no-sandbox', '--no-first-run', '--no-default-browser-check',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--password-store=basic',
    ];
    const applications = join(process.env['XDG_DATA_HOME'], 'applications');
    mkdirSync(applications, { recursive: true });
    const entry = ['[Desktop Entry]', 'Type=Application', 'Name=Browser', `Exec=/usr/bin/chromium ${switches.join(' ')} %U`, 'MimeType=text/html;x-scheme-handler/http;x-scheme-handler/https;', ''];
    writeFileSync(join(applications, 'browser.desktop'), entry.join('\n'));
    mkdirSync(process.env['XDG_CONFIG_HOME'], { recursive: true });
    writeFileSync(join(process.env['XDG_CONFIG_HOME'], 'mimeapps.list'),
      '[Default Applications]\nx-scheme-handler/http=browser.desktop\nx-scheme-handler/https=browser.desktop\ntext/html=browser.desktop\n');

    // Started beforehand, as a person's browser mostly is; links that `xdg-open` brings open as tabs of it.
    const program = spawn('/usr/bin/chromium', [...switches, '--remote-debugging-port=0', 'about:blank'], { env: this.env, stdio: 'ignore', detached: true });
    this.#ends.push(() => process.kill(-program.pid));
    const port = await until('the browser', () => readFileSync(join(profile, 'DevToolsActivePort'), 'utf8').split('\n')[0]);
    const connected = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    this.#ends.push(() => connected.close());
    this.tabs = () => connected.contexts()[0].pages();
  }

  /** The tab that shows a page with this heading. */
  tab(heading) {
    return this.until(`the browser to show "${heading}"`, async () => {
      for (const page of this.tabs()) {
        if ((await page.locator('h1').first().textContent({ timeout: 300 }).catch(() => ''))?.includes(heading)) return page;
      }
    });
  }

  /** As [until]; a wait in vain leaves a picture. */
  async until(what, ask) {
    try {
      return await until(what, ask);
    } catch (why) {
      await this.shot('in-vain');
      throw why;
    }
  }

  /** Closes every tab but one empty one, which keeps the browser alive. */
  async clearTabs() {
    const [first, ...rest] = this.tabs();
    for (const page of rest) await Promise.race([page.close(), wait(5_000)]);
    await first.goto('about:blank');
  }

  /** Opens Tieline's window on a data folder. */
  async tieline({ data = mkdtempSync(join(this.folder, 'data-')), args = ['--practice'], env = {} } = {}) {
    const [port, native] = [await freePort(), await freePort()];
    const driver = spawn('tauri-driver', ['--port', port, '--native-port', native].map(String), {
      env: { ...this.env, TIELINE_DATA: data, ...env }, stdio: 'ignore', detached: true,
    });
    const end = () => process.kill(-driver.pid);
    this.#ends.push(end);
    await until('tauri-driver', () => fetch(`http://127.0.0.1:${port}/status`));
    const wanted = new Capabilities();
    wanted.set('tauri:options', { application: PROGRAM, args });
    wanted.setBrowserName('wry');
    const page = await new Builder().usingServer(`http://127.0.0.1:${port}/`).withCapabilities(wanted).build();
    return new Tieline(this, page, data, async () => {
      await page.quit().catch(() => undefined);
      this.#ends.splice(this.#ends.indexOf(end), 1);
      end();
    });
  }

  /** `tieline serve` over the data folder of a window, which lets it join its practice providers. */
  async serve(data) {
    const args = ['serve', '--practice', '--port', '0', '--no-browser', '--data', data];
    const server = spawn(join(process.env['TIELINE_BUILT'], 'tieline'), args, { env: this.env, stdio: ['ignore', 'pipe', 'ignore'] });
    const end = () => server.kill();
    this.#ends.push(end);
    const line = await new Promise((resolve, reject) => {
      let said = '';
      server.stdout.on('data', (data) => {
        said += data;
        if (said.includes('\n')) resolve(said.split('\n')[0]);
      });
      server.once('exit', (code) => reject(new Error(`tieline serve ended with ${code}`)));
    });
    return { port: new URL(JSON.parse(line).url).port, close: end };
  }

  run(program, ...args) {
    return execFileSync(program, args, { env: this.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 15_000 }).trim();
  }

  /** A picture of the whole display, kept; the last motion has ended by then. */
  async shot(what) {
    await wait(600);
    this.#shots += 1;
    const path = join(ARTEFACTS, `${this.name}-${String(this.#shots).padStart(2, '0')}-${what}.png`);
    this.run('import', '-window', 'root', path);
  }

  /** Titles of the windows people see, by id. */
  windows(title) {
    try {
      return this.run('xdotool', 'search', '--onlyvisible', '--name', title).split('\n').filter(Boolean);
    } catch {
      return [];
    }
  }

  /** Does something to the visible window of this title ("windowminimize"), once the window manager lets it. */
  act(title, action, by = '--name') {
    return until(`${action} of ${title}`, () => {
      this.run('xdotool', 'search', '--onlyvisible', by, title, action);
      return true;
    });
  }

  async browserInFront() {
    await this.act('chromium', 'windowactivate', '--class');
    await until('the browser in front', () => this.front() !== 'Tieline');
  }

  /** The desktop points at the window of this title: its line in a task bar is marked. */
  pointsAt(title) {
    return this.windows(title).some((id) => /DEMANDS_ATTENTION|urgency/i.test(this.run('xprop', '-id', id, '_NET_WM_STATE', 'WM_HINTS')));
  }

  /** Title of the window in front. */
  front() {
    return this.run('xdotool', 'getactivewindow', 'getwindowname');
  }

  async close() {
    for (const end of this.#ends.reverse()) {
      try {
        await end();
      } catch {
        // It has ended by itself.
      }
    }
    // The browser may still be writing; what stays is in the temporary folder.
    await wait(300);
    try {
      rmSync(this.folder, { recursive: true, force: true });
    } catch (why) {
      if (why.code !== 'ENOTEMPTY') throw why;
    }
  }
}

const literal = (text) => `concat('${text.split("'").join(`', "'", '`)}', '')`;

/** The window: what stands in it, found as a person finds it, by its words. */
class Tieline {
  constructor(desk, page, data, close) {
    Object.assign(this, { desk, page, data, close });
  }

  find(xpath, what) {
    return this.desk.until(what, async () => {
      for (const element of await this.page.findElements(By.xpath(xpath))) {
        if (await element.isDisplayed()) return element;
      }
    });
  }

  /** A button or link whose words begin so. */
  button(words) {
    // Words for screen readers may stand close to the visible ones.
    const closed = literal(words.replaceAll(' ', ''));
    const named = `starts-with(translate(., ' \n', ''), ${closed}) or @aria-label=${literal(words)}`;
    return this.find(`//*[self::button or self::a or @role='menuitem'][not(@disabled)][${named}]`, `the button "${words}"`);
  }

  async press(words) {
    await this.desk.until(`pressing "${words}"`, async () => {
      const element = await this.button(words);
      // A page that is still arriving moves its buttons away from under the pointer.
      const at = JSON.stringify(await element.getRect());
      await wait(80);
      if (JSON.stringify(await element.getRect()) !== at) return false;
      await element.click().catch(async (why) => {
        // A press that took its own button away was heard.
        if (await element.getTagName().catch(() => '')) throw why;
      });
      return true;
    });
  }

  sees(words) {
    return this.find(`//*[contains(normalize-space(.), ${literal(words)}) and not(*[contains(normalize-space(.), ${literal(words)})])]`, `"${words}" in the window`);
  }

  async text() {
    return this.page.executeScript('return document.body.innerText');
  }

  async field(label, value) {
    const element = await this.find(`//*[self::input or self::select or self::textarea][@id=//label[starts-with(normalize-space(.), ${literal(label)})]/@for or ancestor::label[starts-with(normalize-space(.), ${literal(label)})]]`, `the field "${label}"`);
    await element.clear();
    await element.sendKeys(value);
  }

  /** Goes to a view by its address inside the page. */
  async go(route) {
    await this.page.executeScript(`location.hash = ${JSON.stringify(route)}`);
  }

  log() {
    const path = join(this.data, 'tieline.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}

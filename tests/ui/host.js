/** The engine behind its loopback API, with the window's pages, on practice providers and a data folder of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = join(process.env['TIELINE_BUILT'] ?? fileURLToPath(new URL('../../target/debug', import.meta.url)), 'tieline');
const PAGES = fileURLToPath(new URL('../../ui/dist', import.meta.url));

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The engine said no. */
export class Failed extends Error {
  constructor(name, failure) {
    super(`${name}: ${failure.message} ${failure.hint}`);
    this.failure = failure;
  }
}

/** Starts the host; `practice: false` for a real, empty one. */
export async function host({ practice = true } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'tieline-ui-'));
  const words = ['serve', '--data', data, '--ui', PAGES, '--no-browser', '--port', '0', ...(practice ? ['--practice'] : [])];
  const program = spawn(PROGRAM, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  program.stderr.on('data', (text) => (complaints += text));
  const line = await new Promise((resolve, reject) => {
    createInterface(program.stdout).once('line', resolve);
    program.once('exit', () => reject(new Error(`tieline serve ended: ${complaints}`)));
  });
  const { url } = JSON.parse(line);
  const { origin, hash } = new URL(url);
  const token = hash.slice('#token='.length);

  return {
    url,
    origin,
    token,
    async call(name, ask = {}) {
      const reply = await fetch(`${origin}/v1/${name}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(ask),
      });
      const answer = await reply.json();
      if (!reply.ok) throw new Failed(name, answer);
      return answer;
    },
    /** Switches a fault on at a practice provider, for so many requests or until it is cleared. */
    async fault(provider, fault, times = null) {
      const { practice_control } = await this.call('status');
      const path = fault ? [`faults/${provider}`, { method: 'PUT', body: JSON.stringify({ fault, times }) }] : [`faults/${provider}`, { method: 'DELETE' }];
      const reply = await fetch(new URL(path[0], practice_control), { headers: { 'Content-Type': 'application/json' }, ...path[1] });
      if (!reply.ok) throw new Error(await reply.text());
    },
    close() {
      program.removeAllListeners('exit');
      program.kill('SIGINT');
      rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** The person at a practice provider's page, in a tab of the same browser: signs in and allows, or does what `act` says. */
export async function visit(context, link, act = (page) => page.getByRole('button', { name: 'Allow' }).click()) {
  const page = await context.newPage();
  await page.goto(link);
  await act(page);
  await page.waitForLoadState().catch(() => undefined);
  await page.close();
}

/** Connects an account through the API and the browser, and answers the connection's id. */
export async function connect(tieline, context, provider, { inputs, act, reconnect } = {}) {
  const form = await tieline.call('provider', { provider });
  const proposed = Object.fromEntries(form.inputs.map(({ key, default: value }) => [key, value]));
  const flow = await tieline.call('connect', { provider, inputs: reconnect ? {} : { ...proposed, ...inputs }, reconnect });
  const { url } = await tieline.call('sign_in_link', { id: flow.id });
  await visit(context, url, act);
  for (let turn = 0; turn < 100; turn += 1) {
    const now = await tieline.call('flow', { id: flow.id });
    if (now.step !== 'waiting' && now.step !== 'finishing') return now;
    await wait(50);
  }
  throw new Error(`the sign-in to ${provider} never ended`);
}

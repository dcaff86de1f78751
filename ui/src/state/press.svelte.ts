/** What happens when somebody presses what the engine offers. */
import { SvelteSet } from 'svelte/reactivity';
import type { AdminMessage, Press } from '../api/bindings';
import { call } from '../api/call';
import { copy } from '../parts/copy';
import { route } from './route.svelte';
import { settings } from './settings.svelte';
import { status } from './status.svelte';
import { voice } from './voice.svelte';

/** What the press is about. */
export interface Subject {
  /** Id or slug. */
  provider: string;
  connection?: string | null;
  flow?: string | null;
}

/** Connections whose test or sign-in was asked for and has not answered yet. */
export const busy = new SvelteSet<string>();

export function perform(press: Press, { provider, connection, flow }: Subject): Promise<boolean> {
  switch (press.action) {
    case 'sign_in_again':
      return connection ? signInAgain(provider, connection) : went('connect', provider);
    case 'test_again':
      return connection ? test(connection) : went('connections');
    case 'edit_app':
      return went('app', provider);
    case 'edit_inputs':
      return went('connect', provider);
    case 'ask_admin':
      return connection ? went('problem', connection) : went('app', provider);
    case 'unlock_keyring':
      return unlock();
    case 'network_settings':
      return went('settings', 'network');
    case 'open_page':
      return openPage(press.url ?? '');
    case 'other_way':
      return voice.hear(async () => {
        if (flow) route.swap('flow', (await call('other_way', { id: flow })).id);
      });
    case 'close':
      route.back();
      return Promise.resolve(true);
  }
}

export function signInAgain(provider: string, connection: string): Promise<boolean> {
  return held(connection, async () => {
    const started = await call('connect', {
      provider, inputs: {}, more_scopes: [], reconnect: connection, way: null, quiet: false,
    });
    route.go('flow', started.id);
  });
}

export function test(connection: string): Promise<boolean> {
  return held(connection, async () => {
    const { ok, words, problem, row } = await call('test', { id: connection });
    if (ok) voice.tell(`${row.name}:`, words);
    else voice.tell(`${row.name}: ${problem?.happened ?? words}`, problem?.why ?? '', 'bad');
  });
}

export const openPage = (url: string): Promise<boolean> => voice.hear(() => call('open_page', { url }));

/** Opens the mail program with the message in it; where there is none, puts it on the clipboard. */
export async function writeEmail({ subject, body }: AdminMessage): Promise<void> {
  const to = encodeURIComponent(settings.value?.admin_email ?? '');
  try {
    await call('open_page', { url: `mailto:${to}?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(body)}` });
  } catch {
    const done = await copy(`${subject}\n\n${body}`);
    voice.tell('The mail program did not open.', done ? 'The message is copied: paste it into an e-mail.' : 'Mark the message and copy it by hand.');
  }
}

/** Asks the system for its keyring; where a passphrase is needed, leads to the place that takes it. */
export function unlock(): Promise<boolean> {
  if (status.value?.keyring.state !== 'locked') return went('settings', 'keys');
  return voice.hear(() => call('unlock_keyring', { passphrase: null, choose_file: false }));
}

async function held(connection: string, work: () => Promise<void>): Promise<boolean> {
  if (busy.has(connection)) return false;
  busy.add(connection);
  const through = await voice.hear(work);
  busy.delete(connection);
  return through;
}

function went(view: string, id = ''): Promise<boolean> {
  route.go(view, id);
  return Promise.resolve(true);
}

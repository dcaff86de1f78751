import type { ConnectionRow } from '../../api/bindings';
import { route } from '../../state/route.svelte';
import { signInAgain, test } from '../../state/press.svelte';
import type { IconName } from '../../parts/icons';
import { count } from '../../words';

/** Whose and where, besides the name. */
export function beside({ name, account, missing_scopes }: ConnectionRow): string {
  const known = [account.workspace, account.email, account.name].filter((part) => part && part !== name);
  const missing = missing_scopes > 0 ? [`${count(missing_scopes, 'permission', 'permissions')} not granted`] : [];
  return [...missing, ...new Set(known)].slice(0, 2).join(' · ');
}

export type Group = 'asks' | 'waits' | 'works';

const GROUPS: Record<ConnectionRow['state'], Group> = {
  needs_you: 'asks',
  waiting_for_admin: 'asks',
  temporarily_failing: 'waits',
  keyring_locked: 'waits',
  disconnecting: 'waits',
  working: 'works',
};

export const groupOf = (row: ConnectionRow): Group => GROUPS[row.state];

/** Everything a search can find a connection by, in small letters. */
export const findable = ({ name, account, provider_name, slug, state_words }: ConnectionRow): string =>
  [name, account.name, account.email, account.workspace, provider_name, slug, state_words].join('\n').toLowerCase();

export interface Command {
  label: string;
  icon: IconName;
  bad?: boolean;
  press: () => void;
}

/** The menu of a row. */
export function commands(row: ConnectionRow, ask: (what: 'rename' | 'disconnect') => void): Command[] {
  return [
    { label: 'Open', icon: 'info', press: () => route.go('connection', row.id) },
    { label: 'Test now', icon: 'pulse', press: () => void test(row.id) },
    { label: 'Rename', icon: 'pen', press: () => ask('rename') },
    { label: 'Sign in again', icon: 'again', press: () => void signInAgain(row.provider, row.id) },
    { label: 'Disconnect…', icon: 'unplug', bad: true, press: () => ask('disconnect') },
  ];
}

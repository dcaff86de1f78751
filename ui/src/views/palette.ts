import type { ConnectionRow, ProviderCard } from '../api/bindings';
import type { IconName } from '../parts/icons';
import { test } from '../state/press.svelte';
import { route } from '../state/route.svelte';
import { findable, groupOf } from './connections/rows';

export interface Command {
  key: string;
  words: string;
  /** Smaller words at the right. */
  more?: string;
  icon?: IconName;
  row?: ConnectionRow;
  card?: ProviderCard;
  /** It is about a connection that needs its person. */
  lit?: boolean;
  /** Offered before anything is typed. */
  first?: boolean;
  /** What it is found by, in small letters. */
  text: string;
  press: () => void;
}

const places: [words: string, icon: IconName, view: string, id?: string][] = [
  ['Connect an account', 'plus', 'gallery'],
  ['Connections', 'plug', 'connections'],
  ['Library: search what was read', 'books', 'library'],
  ['Activity', 'pulse', 'activity'],
  ['Settings', 'sliders', 'settings'],
  ['Check the way back from the browser', 'again', 'settings', 'way-back'],
  ['Keys and the keyring', 'key', 'settings', 'keys'],
  ['Library: size, limit, how often changes are looked for', 'books', 'settings', 'library'],
  ['Network, proxy and certificates', 'out', 'settings', 'network'],
  ['Add a key for a program', 'plus', 'add-key'],
  ['For other programs: address and keys', 'key', 'settings', 'programs'],
  ['Practice mode', 'practice', 'settings', 'practice'],
];

/** Everything the palette can do, what needs somebody first. */
export function commandsFor(rows: ConnectionRow[], cards: ProviderCard[]): Command[] {
  const opens = rows.map((row): Command => {
    const lit = groupOf(row) === 'asks';
    return {
      key: `open ${row.id}`,
      words: row.name,
      more: lit ? row.state_words : row.provider_name,
      row,
      lit,
      first: lit,
      text: `open ${findable(row)}`,
      press: () => route.go(lit ? 'problem' : 'connection', row.id),
    };
  });
  const goes = places.map(([words, icon, view, id]): Command => ({
    key: `go ${words}`, words, icon, first: id === undefined && view !== 'add-key', text: `go to ${words}`.toLowerCase(), press: () => route.go(view, id),
  }));
  const connects = cards.map((card): Command => ({
    key: `connect ${card.id}`, words: `Connect ${card.name}`, card, text: `connect ${card.name} ${card.slug}`.toLowerCase(),
    press: () => route.go('connect', card.slug),
  }));
  const tests = rows.map((row): Command => ({
    key: `test ${row.id}`, words: `Test ${row.name}`, more: row.provider_name, icon: 'pulse', text: `test ${findable(row)}`,
    press: () => void test(row.id),
  }));
  return [...opens.filter(({ lit }) => lit), ...goes, ...opens.filter(({ lit }) => !lit), ...connects, ...tests];
}

/** What stands about a key, in words. */
import type { ConnectionRow, KeyGroup, KeyRow } from '../../api/bindings';
import { ago, count } from '../../words';

/** More names than this are counted. */
const NAMED = 3;

export const usedWords = ({ last_used_at }: KeyRow, now: number): string => (last_used_at ? `used ${ago(last_used_at, now)}` : 'not used yet');

/** "look, read, contracts" */
export const mayShort = ({ operations }: KeyRow): string => (operations.length > 0 ? operations.join(', ') : 'nothing');

/** Each group, given or not, in words; then single operations by their names. */
export const mayLines = ({ operations }: KeyRow, groups: KeyGroup[]): { words: string; given: boolean }[] => [
  ...groups.map(({ name, meaning }) => ({ words: meaning, given: operations.includes(name) })),
  ...operations.filter((name) => !groups.some((group) => group.name === name)).map((name) => ({ words: name, given: true })),
];

/** "Maya Lind (Box)": an account may be called alike at two services. */
export function accountWords(id: string, name: string, rows: ConnectionRow[]): string {
  const row = rows.find((row) => row.id === id);
  return row ? `${row.name} (${row.provider_name})` : name;
}

export function reachWords({ reach }: KeyRow, rows: ConnectionRow[], most = NAMED): string {
  if (reach === 'all') return 'Yours and its organisation’s';
  if (reach === 'own') return 'What its organisation connected';
  const named = reach.these.map((id) => accountWords(id, '', rows)).filter(Boolean);
  const gone = reach.these.length - named.length;
  const more = named.length - most;
  const parts = [
    ...named.slice(0, more > 0 ? most : named.length),
    ...(more > 0 ? [`${more.toLocaleString('en-GB')} more`] : []),
    ...(gone > 0 ? [count(gone, 'that is gone', 'that are gone')] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : 'No connection';
}

export const pagesWords = ({ origins }: KeyRow): string => (origins.length > 0 ? origins.join(', ') : 'No web page');

export function paceWords({ per_minute }: KeyRow): string {
  if (per_minute === null) return 'The usual limits';
  return per_minute === 0 ? 'As many as it likes' : `${per_minute.toLocaleString('en-GB')} a minute`;
}

/** What became of a request, by its HTTP status. */
export function outcome(status: number): string {
  if (status < 400) return 'Answered';
  if (status === 404) return 'Not found';
  if (status === 429) return 'Asked to wait';
  return status < 500 ? 'Refused' : 'Failed';
}

import type { ItemRow, Kind } from '../../api/bindings';
import type { IconName } from '../../parts/icons';

const ICONS: Partial<Record<Kind, IconName>> = {
  FOLDER: 'folder', DRIVE: 'folder', BUCKET: 'folder', CATEGORY: 'folder', SECTION: 'folder', COLLECTION: 'folder', LABEL: 'folder',
  KNOWLEDGE_BASE: 'books', LIBRARY: 'books', DATABASE: 'books', SITE: 'people', SPACE: 'people', WORKSPACE: 'people',
  TICKET: 'chat', CONVERSATION: 'chat', CHANNEL: 'chat', THREAD: 'mail', MESSAGE: 'mail', CALL: 'call',
};

export const iconOf = (kind: Kind): IconName => ICONS[kind] ?? 'page';

/** What the search can be narrowed to, as people call it. */
export const KINDS: { value: string; label: string; holds: Kind[] }[] = [
  { value: 'all', label: 'Everything', holds: [] },
  { value: 'articles', label: 'Articles', holds: ['ARTICLE', 'PAGE', 'DATABASE', 'KNOWLEDGE_BASE'] },
  { value: 'files', label: 'Files', holds: ['FILE', 'ATTACHMENT'] },
  { value: 'mail', label: 'Mail and chat', holds: ['MESSAGE', 'THREAD', 'CONVERSATION', 'CHANNEL', 'TICKET'] },
  { value: 'calls', label: 'Calls', holds: ['CALL'] },
  { value: 'references', label: 'References', holds: ['REFERENCE', 'NOTE'] },
];

/** "read as xlsx", where the name does not tell. */
export function readAs({ kind, format, name, selectable }: ItemRow): string | null {
  if (!selectable || !format || kind !== 'FILE') return null;
  return name.toLowerCase().endsWith(`.${format.toLowerCase()}`) ? null : `read as ${format}`;
}

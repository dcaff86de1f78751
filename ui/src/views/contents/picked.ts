import type { SyncState } from '../../api/bindings';
import { count } from '../../words';

/** What is chosen of a connection: "3 folders, 12 files". */
export function chosenWords({ everything, picked_folders, picked_items, items }: SyncState): string {
  if (everything) return 'Everything, with what comes later';
  const folders = picked_folders > 0 ? count(picked_folders, 'folder', 'folders') : '';
  const single = picked_items > 0 ? `${picked_items.toLocaleString('en-GB')} ${items}` : '';
  return [folders, single].filter(Boolean).join(', ') || 'Nothing is chosen yet';
}

import { byMinute } from '../../state/now.svelte';
import { ago } from '../../words';

/** How fresh checks are: "Checked 2 min ago". */
export function checkedWords({ at }: { at: number }): string {
  return at === 0 ? 'Not checked since the window was opened' : `Checked ${ago(new Date(at).toISOString(), byMinute())}`;
}

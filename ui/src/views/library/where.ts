import type { Hit, ItemRow } from '../../api/bindings';
import { call } from '../../api/call';
import { voice } from '../../state/voice.svelte';

/** "Provider · account · Billing › Refunds" */
export const whereOf = ({ provider_name, account, path }: Hit): string =>
  [provider_name, account, path.map(({ name }) => name).join(' › ')].filter(Boolean).join(' · ');

/** Opens an item in the browser, where it is. */
export const openThere = ({ connection, id }: ItemRow): Promise<boolean> => voice.hear(() => call('open_item', { connection, item: id }));

import type { Settings } from '../api/bindings';
import { call } from '../api/call';
import { Kept } from './kept.svelte';

export const settings = new Kept('settings', {}, ({ what }) => what === 'settings');

/** Changes some settings and leaves the others. Rejects with a `Failure` that names the field. */
export async function changeSettings(some: Partial<Settings>): Promise<void> {
  const all = settings.value ?? (await call('settings', {}));
  settings.value = await call('save_settings', { ...all, ...some });
}

import { Kept } from './kept.svelte';

/** Every sign-in under way. */
export const flows = new Kept('flows', {}, ({ what }) => what === 'flow');

/** One sign-in, followed step by step. */
export function flow(id: string): Kept<'flow'> {
  return new Kept('flow', { id }, (change) => change.what === 'flow' && change.id === id);
}

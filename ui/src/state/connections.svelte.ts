import { Kept } from './kept.svelte';

export const connections = new Kept('connections', {}, ({ what }) => what === 'connection' || what === 'keyring');

/** One connection with everything known about it. */
export function connection(id: string): Kept<'connection'> {
  return new Kept('connection', { id }, (change) =>
    change.what === 'keyring' || (change.what === 'connection' && change.id === id));
}

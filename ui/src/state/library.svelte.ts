import { Kept } from './kept.svelte';

/** Where what was read lies, how large it is, and whose it is. */
export const library = new Kept('library', {}, ({ what }) => what === 'sync' || what === 'connection' || what === 'settings');

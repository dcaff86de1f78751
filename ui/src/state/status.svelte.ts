import { Kept } from './kept.svelte';

/** The whole at a glance: practice mode, the keyring, how many need somebody. */
export const status = new Kept('status', {}, ({ what }) => what !== 'sync');

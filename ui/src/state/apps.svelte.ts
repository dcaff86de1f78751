import { Kept } from './kept.svelte';

/** The organisation's sign-in apps. */
export const apps = new Kept('apps', {}, ({ what }) => what === 'providers' || what === 'connection');

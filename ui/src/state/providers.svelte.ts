import { Kept } from './kept.svelte';

export const providers = new Kept('providers', {}, ({ what }) => what === 'providers' || what === 'connection');

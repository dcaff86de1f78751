/** Other programs: where they ask, the keys they come with, and what they wait for. */
import { SvelteSet } from 'svelte/reactivity';
import type { KeyRow, KeyUse } from '../api/bindings';
import { call } from '../api/call';
import { Pages } from './activity.svelte';
import { Kept } from './kept.svelte';

export const keys = new Kept('keys', {}, ({ what }) => what === 'keys');
/** What a key can be given, in groups. */
export const groups = new Kept('key_groups', {}, () => false);
export const serving = new Kept('serving', {}, ({ what }) => what === 'serving' || what === 'settings' || what === 'keys');
export const approvals = new Kept('approvals', {}, ({ what }) => what === 'approval' || what === 'keys' || what === 'connection');

/** Questions that the person put aside: they wait in the settings. */
export const aside = new SvelteSet<number>();

/** What one key was used for, newest first. */
export const uses = (id: string): Pages<KeyUse> => new Pages((before, limit) => call('key_uses', { id, before, limit }), ({ what }) => what === 'keys');

export const live = (all: KeyRow[] | null): KeyRow[] => (all ?? []).filter(({ revoked_at }) => revoked_at === null);

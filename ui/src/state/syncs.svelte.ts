/** What is read of the connections' contents, and how far that is. */
import { SvelteMap } from 'svelte/reactivity';
import type { SyncState } from '../api/bindings';
import { call } from '../api/call';
import { anew, Kept, watch } from './kept.svelte';
import { voice } from './voice.svelte';

/** Of many connections, each is asked for no more often than this. */
const REST_MS = 700;

/** One connection's, followed step by step. */
export const sync = (id: string): Kept<'sync_state'> =>
  new Kept('sync_state', { id }, (change) => (change.what === 'sync' || change.what === 'connection') && change.id === id);

/** Something is being looked at or read right now. */
export const underWay = ({ running, phase }: SyncState): boolean => running && (phase === 'listing' || phase === 'reading');

/** How many of the wanted were dealt with, and how many are wanted. */
export const progress = ({ waiting, kept, failed }: SyncState): [done: number, all: number] => [kept + failed, waiting + kept + failed];

/** Begins, or goes on where it stood. `failed`: what could not be read is tried once more. */
export const start = (connection: string, { failed = false, items = null }: { failed?: boolean; items?: string[] | null } = {}): Promise<boolean> =>
  voice.hear(() => call('start_sync', { connection, items, failed }));

export const pause = (id: string): Promise<boolean> => voice.hear(() => call('pause_sync', { id }));
export const stop = (id: string): Promise<boolean> => voice.hear(() => call('cancel_sync', { id }));

/** How often changes are looked for; without a connection, in all of them. */
export const keepFresh = (every_hours: number, connection: string | null = null): Promise<boolean> =>
  voice.hear(() => call('set_sync', { connection, everything: null, every_hours }));

/** Every connection's. After a change only the changed ones are asked for. */
class Syncs {
  #known = new SvelteMap<string, SyncState>();
  #stale = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #followers = 0;
  #leave: (() => void) | undefined;

  get all(): SyncState[] {
    return [...this.#known.values()];
  }

  of(id: string): SyncState | undefined {
    return this.#known.get(id);
  }

  follow(): () => void {
    if (this.#followers++ === 0) {
      void this.#readAll();
      this.#leave = watch((change) => {
        if (anew(change)) void this.#readAll();
        if (change.what === 'sync' || change.what === 'connection') this.#soon(change.id);
      });
    }
    return () => {
      if (--this.#followers === 0) this.#leave?.();
    };
  }

  #soon(id: string): void {
    this.#stale.add(id);
    this.#timer ??= setTimeout(() => {
      const ids = [...this.#stale];
      this.#stale.clear();
      this.#timer = undefined;
      void Promise.all(ids.map((stale) => this.#read(stale)));
    }, REST_MS);
  }

  async #readAll(): Promise<void> {
    try {
      const all = await call('syncs', {});
      this.#known.clear();
      for (const state of all) this.#known.set(state.connection, state);
    } catch {
      // Whoever needs one connection's asks for it and hears why.
    }
  }

  async #read(id: string): Promise<void> {
    try {
      this.#known.set(id, await call('sync_state', { id }));
    } catch {
      this.#known.delete(id);
    }
  }
}

export const syncs = new Syncs();

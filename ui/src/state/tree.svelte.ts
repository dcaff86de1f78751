/** What a connection holds, folder by folder, as far as somebody has looked. */
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { Crumb, Failure, ItemRow, ItemsAsk } from '../api/bindings';
import { asFailure, call } from '../api/call';

const FIRST = 200;
const NEXT = 1_000;
/** How long typing rests before names are searched. */
const REST_MS = 150;

/** What stands below one item, as far as it was asked for. */
export class Folder {
  rows = $state.raw<ItemRow[]>([]);
  /** Asks for the rows after the last. */
  next = $state<string | null>(null);
  /** How many there are, where that is known. */
  count = $state<number | null>(null);
  read = $state(false);
  busy = $state(false);
  failure = $state.raw<Failure | null>(null);
}

/** A line as it is drawn: an item, or what is to be said about a folder: what is below the last of its rows. */
export interface Line {
  key: string;
  depth: number;
  /** Its place among those beside it, from 1, and how many these are; -1 where nobody knows. */
  at: number;
  of: number;
  row: ItemRow | null;
  folder: Folder;
  /** Whose rows these are; empty at the top. */
  parent: string;
}

const TOP = '';
/** Deeper than any tree that is no circle. */
const DEEPEST = 64;

export class Tree {
  /** What is looked into; none at the top. */
  place = $state<string | null>(null);
  /** From the top down to it. */
  path = $state.raw<Crumb[]>([]);
  /** What is shown comes from the provider, not from the last sync. */
  live = $state(false);
  /** What the words in the search found; none while nothing is searched. */
  found = $state.raw<ItemRow[] | null>(null);
  /** What the found stand in. */
  places = new SvelteMap<string, string>();

  #connection: string;
  #folders = new SvelteMap<string, Folder>();
  #open = new SvelteSet<string>();
  /** Rows that were asked for again since. */
  #now = new SvelteMap<string, ItemRow>();
  #asked = new Map<string, number>();
  #version = 1;
  #inSight: string[] = [];
  #busy = false;
  #newest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: string) {
    this.#connection = connection;
  }

  lines = $derived.by(() => {
    const lines: Line[] = [];
    const top = this.folder(this.place ?? TOP);
    if (this.found) this.#put(lines, this.found, top, TOP, 0, this.found.length);
    else this.#below(lines, this.place ?? TOP, top, 0);
    return lines;
  });

  isOpen = (id: string): boolean => this.#open.has(id);
  /** The folder as far as it was looked into. */
  folder = (id: string): Folder => this.#folders.get(id) ?? NOTHING;
  /** The row as it is now. */
  now = (row: ItemRow): ItemRow => this.#now.get(row.id) ?? row;

  /** Opens or closes a folder in its place. */
  fold(id: string, open: boolean): void {
    if (!open) {
      this.#open.delete(id);
      // Opened again, it is asked for anew.
      this.#folders.delete(id);
      return;
    }
    this.#open.add(id);
    void this.more(id);
  }

  /** Looks into a folder, and shows nothing else. */
  async enter(id: string | null): Promise<void> {
    this.found = null;
    this.place = id;
    if (id === null) this.path = [];
    if (!this.folder(id ?? TOP).read || id !== null) await this.more(id ?? TOP, true);
  }

  /** The next rows of a folder, or its first. */
  async more(id: string, again = false): Promise<void> {
    const folder = this.#folders.get(id) ?? new Folder();
    if (!this.#folders.has(id)) this.#folders.set(id, folder);
    if (folder.busy || (folder.read && folder.next === null && !again)) return;
    folder.busy = true;
    const version = this.#version;
    try {
      const cursor = again ? null : folder.next;
      const page = await call('items', this.#ask({ parent: id || null, cursor, limit: cursor ? NEXT : FIRST }));
      const before = cursor ? folder.rows : [];
      const known = new Set(before.map((row) => row.id));
      folder.rows = [...before, ...page.items.filter((row) => !known.has(row.id))];
      for (const row of page.items) this.#asked.set(row.id, version);
      for (const row of page.items) this.#now.delete(row.id);
      folder.next = page.next;
      folder.count = page.count;
      folder.read = true;
      folder.failure = null;
      this.live = page.live;
      if (id === (this.place ?? TOP)) this.path = page.path;
    } catch (thrown) {
      folder.failure = asFailure(thrown);
    }
    folder.busy = false;
  }

  /** Asks anew for the folders in sight, where that takes one page. */
  again(): void {
    this.changed();
    for (const [id, folder] of this.#folders) {
      if (folder.read && folder.rows.length <= FIRST) void this.more(id, true);
    }
  }

  /** Something may be otherwise with the rows: what was picked, what was read. */
  changed(): void {
    this.#version += 1;
    void this.#refresh();
  }

  /** These rows are in sight. */
  seen(ids: string[]): void {
    this.#inSight = ids;
    void this.#refresh();
  }

  /** Searches the names, once typing rests. */
  find(words: string): void {
    clearTimeout(this.#timer);
    const mine = ++this.#newest;
    if (!words.trim()) {
      this.found = null;
      return;
    }
    this.#timer = setTimeout(() => void this.#find(words, mine), REST_MS);
  }

  async #find(words: string, mine: number): Promise<void> {
    try {
      const { items } = await call('items', this.#ask({ search: words, limit: FIRST }));
      if (mine !== this.#newest) return;
      this.found = items;
      for (const row of items) this.#asked.set(row.id, this.#version);
      const parents = [...new Set(items.flatMap(({ parent }) => parent ?? []))].filter((id) => !this.places.has(id));
      if (parents.length === 0) return;
      for (const { id, name } of (await call('items', this.#ask({ ids: parents }))).items) this.places.set(id, name);
    } catch {
      if (mine === this.#newest) this.found = [];
    }
  }

  async #refresh(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (;;) {
      const version = this.#version;
      const stale = this.#inSight.filter((id) => (this.#asked.get(id) ?? 0) < version);
      if (stale.length === 0) break;
      try {
        for (const row of (await call('items', this.#ask({ ids: stale }))).items) this.#now.set(row.id, row);
      } catch {
        break;
      }
      for (const id of stale) this.#asked.set(id, version);
    }
    this.#busy = false;
  }

  #ask(some: Partial<ItemsAsk>): ItemsAsk {
    return { connection: this.#connection, parent: null, search: null, ids: null, failed: false, cursor: null, limit: null, ...some };
  }

  /** `way`: the keys from the top down, so that what is seen in two places has two keys. */
  #below(lines: Line[], parent: string, folder: Folder, depth: number, way = ''): void {
    this.#put(lines, folder.rows, folder, parent, depth, folder.count ?? (folder.next ? -1 : folder.rows.length), way);
    if (folder.failure || folder.next !== null || !folder.read || folder.rows.length === 0) {
      lines.push({ key: `${way}/`, depth, at: folder.rows.length + 1, of: -1, row: null, folder, parent });
    }
  }

  #put(lines: Line[], rows: ItemRow[], folder: Folder, parent: string, depth: number, of: number, way = ''): void {
    for (const [index, row] of rows.entries()) {
      const key = `${way}/${row.id}`;
      lines.push({ key, depth, at: index + 1, of, row, folder, parent });
      if (depth < DEEPEST && this.#open.has(row.id)) this.#below(lines, row.id, this.folder(row.id), depth + 1, key);
    }
  }
}

/** Nobody has looked yet. */
const NOTHING = new Folder();

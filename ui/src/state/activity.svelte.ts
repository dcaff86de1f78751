import type { Change, EventLine } from '../api/bindings';
import { call } from '../api/call';
import { anew, watch } from './kept.svelte';
import { voice } from './voice.svelte';

const PAGE = 100;

/** Lines that count up, newest first: the newest page follows the engine, older pages are added on demand. */
export class Pages<Line extends { id: number }> {
  lines = $state.raw<Line[]>([]);
  /** The first page has been read. */
  ready = $state(false);
  /** There is more before the last line. */
  more = $state(false);
  #ask: (before: number | null, limit: number) => Promise<Line[]>;
  #matters: (change: Change) => boolean;
  #reading = false;
  #stale = false;

  constructor(ask: (before: number | null, limit: number) => Promise<Line[]>, matters: (change: Change) => boolean) {
    this.#ask = ask;
    this.#matters = matters;
  }

  follow(): () => void {
    void this.#newest();
    return watch((change) => {
      if (this.#matters(change) || anew(change)) void this.#newest();
    });
  }

  async older(): Promise<void> {
    const last = this.lines.at(-1);
    if (!last) return;
    const page = await this.#page(last.id);
    if (page) {
      this.lines = [...this.lines, ...page];
      this.more = page.length === PAGE;
    }
  }

  async #newest(): Promise<void> {
    this.#stale = this.#reading;
    if (this.#reading) return;
    this.#reading = true;
    do {
      this.#stale = false;
      const page = await this.#page(null);
      if (page) this.#join(page);
    } while (this.#stale);
    this.#reading = false;
  }

  /** Puts the newest page before what is known, unless there would be a hole between them. */
  #join(page: Line[]): void {
    const oldest = page.at(-1)?.id ?? 0;
    const touching = this.lines.some(({ id }) => id === oldest);
    this.lines = touching ? [...page, ...this.lines.filter(({ id }) => id < oldest)] : page;
    if (!touching || !this.ready) this.more = page.length === PAGE;
    this.ready = true;
  }

  async #page(before: number | null): Promise<Line[] | null> {
    let page: Line[] | null = null;
    await voice.hear(async () => (page = await this.#ask(before, PAGE)));
    return page;
  }
}

/** What happened; `connection` empty: to any. */
export const activity = (connection: string): Pages<EventLine> =>
  new Pages((before, limit) => call('events', { id: connection || null, before, limit }), ({ what }) => what === 'connection');

import type { EventLine } from '../api/bindings';
import { call } from '../api/call';
import { anew, watch } from './kept.svelte';
import { voice } from './voice.svelte';

const PAGE = 100;

/** What happened, newest first: the newest page follows the engine, older pages are added on demand. */
export class Activity {
  lines = $state.raw<EventLine[]>([]);
  /** The first page has been read. */
  ready = $state(false);
  /** There is more before the last line. */
  more = $state(false);
  #connection: string | null;
  #reading = false;
  #stale = false;

  /** `connection` empty: everybody's. */
  constructor(connection: string) {
    this.#connection = connection || null;
  }

  follow(): () => void {
    void this.#newest();
    return watch((change) => {
      if (change.what === 'connection' || anew(change)) void this.#newest();
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
  #join(page: EventLine[]): void {
    const oldest = page.at(-1)?.id ?? 0;
    const touching = this.lines.some(({ id }) => id === oldest);
    this.lines = touching ? [...page, ...this.lines.filter(({ id }) => id < oldest)] : page;
    if (!touching || !this.ready) this.more = page.length === PAGE;
    this.ready = true;
  }

  async #page(before: number | null): Promise<EventLine[] | null> {
    let page: EventLine[] | null = null;
    await voice.hear(async () => (page = await call('events', { id: this.#connection, before, limit: PAGE })));
    return page;
  }
}

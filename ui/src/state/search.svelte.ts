/** The search over what was read: as somebody types. */
import type { Failure, Found, SearchAsk } from '../api/bindings';
import { asFailure, call } from '../api/call';

/** How long typing rests before it is searched. */
const REST_MS = 120;

/** The answer to the newest question; an older one that comes late is dropped. */
export class Search {
  found = $state.raw<Found | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** The words that `found` answers. */
  words = $state('');
  #newest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  ask(ask: SearchAsk): void {
    clearTimeout(this.#timer);
    const mine = ++this.#newest;
    if (!ask.words.trim()) {
      this.found = this.failure = null;
      this.words = '';
      return;
    }
    this.#timer = setTimeout(() => void this.#now(ask, mine), REST_MS);
  }

  async #now(ask: SearchAsk, mine: number): Promise<void> {
    try {
      const found = await call('search', ask);
      if (mine !== this.#newest) return;
      this.found = found;
      this.words = ask.words;
      this.failure = null;
    } catch (thrown) {
      if (mine === this.#newest) this.failure = asFailure(thrown);
    }
  }
}

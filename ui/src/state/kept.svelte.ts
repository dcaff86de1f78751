import type { Change, Failure } from '../api/bindings';
import { asFailure, call, host, type Answer, type Ask, type Name } from '../api/call';

type Watcher = (change: Change) => void;
const watchers = new Set<Watcher>();

/** Calls `seen` for every change until the returned function is called. */
export function watch(seen: Watcher): () => void {
  watchers.add(seen);
  return () => watchers.delete(seen);
}

/** Everything is to be read anew: practice was switched, changes were missed, or another process made some. */
export const anew = ({ what }: Change): boolean => what === 'world' || what === 'elsewhere';

/** Starts listening to the engine; once, from `main.ts`. */
export function listen(): void {
  const tell: Watcher = (change) => watchers.forEach((seen) => seen(change));
  host.listen(tell, () => tell({ what: 'world' }));
}

/**
 * The answer to one question, kept and read anew whenever it may have changed.
 *
 * However many changes arrive, at most one reading runs and at most one waits.
 */
export class Kept<N extends Name> {
  value = $state.raw<Answer<N> | null>(null);
  failure = $state.raw<Failure | null>(null);
  #name: N;
  #ask: Ask<N>;
  #matters: (change: Change) => boolean;
  #running: Promise<void> | null = null;
  #stale = false;

  constructor(name: N, ask: Ask<N>, matters: (change: Change) => boolean) {
    this.#name = name;
    this.#ask = ask;
    this.#matters = matters;
  }

  /** Reads, and goes on reading after changes, until the returned function is called. */
  follow(): () => void {
    const leave = watch((change) => {
      if (anew(change) || this.#matters(change)) void this.read();
    });
    void this.read();
    return leave;
  }

  /** Settles when what is kept is at least as new as this call. */
  read(): Promise<void> {
    this.#stale = this.#running !== null;
    this.#running ??= this.#readUntilFresh().finally(() => (this.#running = null));
    return this.#running;
  }

  async #readUntilFresh(): Promise<void> {
    do {
      this.#stale = false;
      try {
        this.value = await call(this.#name, this.#ask);
        this.failure = null;
      } catch (thrown) {
        this.failure = asFailure(thrown);
      }
    } while (this.#stale);
  }
}

import { asFailure } from '../api/call';

/** Words that come up at the bottom of the window and go by themselves. */
export interface Notice {
  tone: 'plain' | 'bad';
  /** What happened. */
  strong: string;
  /** Why, or what to do. */
  words: string;
}

const STAYS_MS = 8_000;

/** What the window says without moving anybody's focus. */
class Voice {
  /** For a screen reader only. */
  unseen = $state('');
  notice = $state.raw<Notice | null>(null);
  #timer = 0;

  /** Tells a screen reader, politely. */
  say(words: string): void {
    // The same words twice are spoken twice only when the region was empty in between.
    this.unseen = '';
    setTimeout(() => (this.unseen = words), 50);
  }

  /** Tells everybody. What went wrong stays until it is put away. */
  tell(strong: string, words = '', tone: Notice['tone'] = 'plain'): void {
    clearTimeout(this.#timer);
    this.notice = { tone, strong, words };
    if (tone === 'plain') this.#timer = window.setTimeout(() => this.hush(), STAYS_MS);
  }

  hush(): void {
    this.notice = null;
  }

  /** Runs `work`; where it fails, tells why. Answers whether it went through. */
  async hear(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      const failure = asFailure(thrown);
      this.tell(failure.message, failure.hint, 'bad');
      return false;
    }
  }
}

export const voice = new Voice();

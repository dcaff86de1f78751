/** What a person has typed for one service. It outlives the views: going to the app's set-up and back loses nothing. */
import type { FormCheck, Failure, ProviderForm, CheckForm } from '../api/bindings';
import { asFailure, call } from '../api/call';

/** How long typing rests before the engine is asked what became of it. */
const REST_MS = 250;

export class Draft {
  inputs = $state<Record<string, string>>({});
  /** Optional permissions that were ticked. */
  moreScopes = $state<string[]>([]);
  /** The way back a person chose; `null` leaves it to the engine. */
  way = $state<string | null>(null);
  /** The organisation's app as far as it is typed. The secret is not kept here: it lives and dies with its field. */
  app = $state({ clientId: '', relay: '', port: '' });

  /** Fills in what the provider proposes where nothing is typed yet. */
  propose(form: ProviderForm): void {
    for (const { key, default: proposed } of form.inputs) this.inputs[key] ??= proposed;
  }
}

const drafts = new Map<string, Draft>();

/** The draft of `provider`, begun where there is none. */
export function draft(provider: string): Draft {
  const found = drafts.get(provider) ?? new Draft();
  drafts.set(provider, found);
  return found;
}

export const hasDraft = (provider: string): boolean => drafts.has(provider);

/** The account is connected: the next one begins with an empty form. */
export function dropDraft(provider: string): void {
  drafts.delete(provider);
}

/** What the engine makes of a form while it is being typed; the answer to the newest question wins. */
export class LiveCheck {
  value = $state.raw<FormCheck | null>(null);
  failure = $state.raw<Failure | null>(null);
  #newest = 0;
  #asked = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Asks once typing rests; at once the first time. */
  soon(ask: CheckForm): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.now(ask), this.#asked ? REST_MS : 0);
    this.#asked = true;
  }

  async now(ask: CheckForm): Promise<FormCheck | null> {
    clearTimeout(this.#timer);
    const mine = ++this.#newest;
    try {
      const answer = await call('check_form', ask);
      if (mine !== this.#newest) return this.value;
      this.value = answer;
      this.failure = null;
      return answer;
    } catch (thrown) {
      if (mine === this.#newest) this.failure = asFailure(thrown);
      return null;
    }
  }
}

/** Checks that somebody asked for, with the time they were made; kept while the window is open. */
import type { Check, Failure } from '../api/bindings';
import { asFailure, call } from '../api/call';

class Checked {
  lines = $state.raw<Check[] | null>(null);
  /** When they were made, milliseconds since 1970. */
  at = $state(0);
  busy = $state(false);
  failure = $state.raw<Failure | null>(null);
  #name: 'doctor' | 'check_way_back';

  constructor(name: 'doctor' | 'check_way_back') {
    this.#name = name;
  }

  async run(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      this.lines = (await call(this.#name, {})).checks;
      this.at = Date.now();
      this.failure = null;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    } finally {
      this.busy = false;
    }
  }
}

export const wayBack = new Checked('check_way_back');
export const doctor = new Checked('doctor');

import type { Change, Failure, Operations } from './bindings';
import { inWindow, window_ } from './host';
import { http } from './http';

export type Name = keyof Operations;
export type Ask<N extends Name> = Operations[N]['ask'];
export type Answer<N extends Name> = Operations[N]['answer'];

/** One way to reach the engine. Both speak the same operations and fail with the same `Failure`. */
export interface Host {
  call(name: string, ask: unknown): Promise<unknown>;
  /** Hands on every change until the page goes away. `missed` says that changes may have been lost meanwhile. */
  listen(changed: (change: Change) => void, missed: () => void): void;
}

export const host: Host = inWindow() ? window_ : http();

/** Performs one operation. Rejects with a `Failure`, always. */
export async function call<N extends Name>(name: N, ask: Ask<N>): Promise<Answer<N>> {
  try {
    return (await host.call(name, ask)) as Answer<N>;
  } catch (thrown) {
    throw asFailure(thrown);
  }
}

export function asFailure(thrown: unknown): Failure {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
    return thrown as Failure;
  }
  return {
    code: 'unreachable',
    message: 'Tieline’s engine does not answer.',
    hint: `Close the window and open it again. (${String(thrown)})`,
    field: null,
  };
}

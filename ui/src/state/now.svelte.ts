/** The time by the second and by the minute, for words that grow old: "6 min ago", "8:42". */
import { createSubscriber } from 'svelte/reactivity';

function ticking(everyMs: number): () => number {
  const subscribe = createSubscriber((update) => {
    const timer = setInterval(update, everyMs);
    return () => clearInterval(timer);
  });
  return () => {
    subscribe();
    return Date.now();
  };
}

/** Milliseconds since 1970, new every second. */
export const bySecond = ticking(1_000);
/** Milliseconds since 1970, new every half minute. */
export const byMinute = ticking(30_000);

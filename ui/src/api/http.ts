/** The same window in a browser: the engine's loopback API. */
import type { Change, Failure } from './bindings';
import type { Host } from './call';

const KEPT = 'tieline.token';
const GIVEN = '#token=';
const AGAIN_MS = 2_000;

export function http(): Host {
  const token = takeToken();
  // The printed address, opened once more in this tab, changes only what stands after `#`.
  addEventListener('hashchange', () => {
    if (location.hash.startsWith(GIVEN)) location.reload();
  });
  const headers = { Authorization: `Bearer ${token}` };

  return {
    async call(name, ask) {
      const reply = await fetch(`/v1/${name}`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify(ask),
      }).catch(() => Promise.reject(gone()));
      const answer: unknown = await reply.json().catch(() => Promise.reject(gone()));
      return reply.ok ? answer : Promise.reject(answer);
    },

    listen(changed, missed) {
      void (async () => {
        for (let first = true; ; first = false) {
          try {
            const reply = await fetch('/v1/events', { headers });
            if (reply.ok && reply.body) {
              if (!first) missed();
              await readEvents(reply.body, changed);
            }
          } catch {
            // The engine is away or restarting; the next round finds it again.
          }
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        }
      })();
    },
  };
}

/** From `#token=…`, once: kept for this tab and taken out of the address, where it would stay in the history. */
function takeToken(): string {
  const [given = '', ...rest] = location.hash.split('&');
  if (given.startsWith(GIVEN)) {
    sessionStorage.setItem(KEPT, decodeURIComponent(given.slice(GIVEN.length)));
    const route = rest.join('&');
    history.replaceState(null, '', location.pathname + location.search + (route ? `#${route}` : ''));
  }
  return sessionStorage.getItem(KEPT) ?? '';
}

/** Server-sent events by hand: EventSource cannot carry the Authorization header. */
async function readEvents(body: ReadableStream<Uint8Array>, changed: (change: Change) => void): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let pending = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (pending + value).replaceAll('\r\n', '\n').split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length).trimStart())
        .join('\n');
      if (data) changed(JSON.parse(data) as Change);
    }
  }
}

function gone(): Failure {
  return {
    code: 'unreachable',
    message: 'Tieline does not answer at this address.',
    hint: 'Start it again and open the address it prints.',
    field: null,
  };
}

/** Where the window is. The address after `#` says it all: `#/connection/<id>`, `#/settings/network`, … */

export interface Route {
  /** The view's name, the first part of the path. */
  view: string;
  /** What it shows, the second part; empty where there is none. */
  id: string;
}

const HOME = 'connections';

function read(): Route {
  const [view = '', ...rest] = location.hash.replace(/^#\/?/, '').split('/');
  return { view: view || HOME, id: rest.map(decoded).join('/') };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router {
  now = $state.raw<Route>(read());
  /** How many views lie behind this one; written into each entry of the history, so that it survives a reload. */
  #depth = depthHere() ?? 0;

  constructor() {
    addEventListener('hashchange', () => {
      // An entry without a depth is new: a link was followed.
      this.#depth = depthHere() ?? this.#depth + 1;
      history.replaceState({ depth: this.#depth }, '');
      this.now = read();
    });
  }

  /** Opens a view; the way back leads here. */
  go(view: string, id = ''): void {
    location.hash = link(view, id);
  }

  /** Opens a view in place of this one, for steps nobody wants to go back to. */
  swap(view: string, id = ''): void {
    history.replaceState({ depth: this.#depth }, '', link(view, id));
    this.now = read();
  }

  /** Back to where the person came from, else home. */
  back(): void {
    if (this.#depth > 0) history.back();
    else this.swap(HOME);
  }
}

function depthHere(): number | null {
  const state: unknown = history.state;
  return typeof state === 'object' && state !== null && 'depth' in state && typeof state.depth === 'number' ? state.depth : null;
}

export const link = (view: string, id = ''): string => `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}`;

export const route = new Router();

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
  #depth = 0;

  constructor() {
    addEventListener('hashchange', () => (this.now = read()));
  }

  /** Opens a view; the way back leads here. */
  go(view: string, id = ''): void {
    this.#depth += 1;
    location.hash = link(view, id);
  }

  /** Opens a view in place of this one, for steps nobody wants to go back to. */
  swap(view: string, id = ''): void {
    history.replaceState(null, '', link(view, id));
    this.now = read();
  }

  /** Back to where the person came from, else home. */
  back(): void {
    if (this.#depth > 0) {
      this.#depth -= 1;
      history.back();
    } else {
      this.swap(HOME);
    }
  }
}

export const link = (view: string, id = ''): string => `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}`;

export const route = new Router();

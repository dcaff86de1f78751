/** The desktop window: one command out, one event in. The only file that knows Tauri. */
import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Change } from './bindings';
import type { Host } from './call';

export const inWindow = (): boolean => '__TAURI_INTERNALS__' in globalThis;

export const window_: Host = {
  call: (name, ask) => invoke('call', { name, ask }),
  listen: (changed) => {
    void listen<Change>('change', (event) => changed(event.payload));
  },
};

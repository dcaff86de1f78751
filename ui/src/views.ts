import type { Component } from 'svelte';
import Activity from './views/Activity.svelte';
import AddKey from './views/AddKey.svelte';
import AppSetup from './views/AppSetup.svelte';
import Choose from './views/Choose.svelte';
import ConnectForm from './views/ConnectForm.svelte';
import Connections from './views/Connections.svelte';
import Described from './views/Described.svelte';
import Detail from './views/Detail.svelte';
import Flow from './views/Flow.svelte';
import Gallery from './views/Gallery.svelte';
import Key from './views/Key.svelte';
import Library from './views/Library.svelte';
import Problem from './views/Problem.svelte';
import Service from './views/Service.svelte';
import Settings from './views/Settings.svelte';

/** What an address shows. A view that wants the second part of the address takes it as `id`. */
export const views: Record<string, Component<any>> = {
  connections: Connections,
  connection: Detail,
  choose: Choose,
  library: Library,
  problem: Problem,
  activity: Activity,
  gallery: Gallery,
  connect: ConnectForm,
  app: AppSetup,
  service: Service,
  described: Described,
  flow: Flow,
  settings: Settings,
  key: Key,
  'add-key': AddKey,
};

import { mount } from 'svelte';
import App from './App.svelte';
import { listen } from './state/kept.svelte';
import './tokens.css';
import './base.css';

listen();
mount(App, { target: document.getElementById('window') ?? document.body });

import { mount } from 'svelte';
import App from './App.svelte';
import { listen } from './state/kept.svelte';
import { wearLast } from './state/theme';
import './tokens.css';
import './base.css';

wearLast();
listen();
mount(App, { target: document.getElementById('window') ?? document.body });

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const api = process.env['TIELINE_API'];

export default defineConfig({
  plugins: [svelte()],
  // Relative, so that the same files serve from the window's own scheme and from the HTTP host.
  base: './',
  server: {
    port: 1420,
    strictPort: true,
    fs: { allow: ['.', '../icons'] },
    // `TIELINE_API=http://127.0.0.1:<port> npm run dev` shows a running engine in a browser.
    // The engine answers to its own name and page only, so both are those of the engine on the way there.
    ...(api ? { proxy: { '/v1': { target: api, changeOrigin: true, headers: { origin: api } } } } : {}),
  },
  build: {
    // light-dark() and native <dialog> set the floor: WebKitGTK 2.44, WebView2, macOS 14.
    target: ['safari17.5', 'chrome123'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

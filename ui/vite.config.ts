import { fileURLToPath } from 'node:url';

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const api = process.env.SMOLTRACE_URL ?? 'http://127.0.0.1:7860';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { host: '127.0.0.1', proxy: { '/api': api, '/healthz': api } },
  // From within scripts every file is named by where it stands to them, so that a bundle can be hosted anywhere; the
  // page names its own from the root, because it is served for every address.
  experimental: {
    renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? `/${file}` : { relative: true }),
  },
  build: {
    target: 'es2022',
    // For scripts/budget.mjs.
    manifest: true,
    // Everything is served by the binary itself: no inline data URIs, which its CSP would refuse.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  // Of pure functions: a process of its own for each file would take longer than they do.
  test: { include: ['src/**/*.test.ts'], environment: 'node', pool: 'threads', isolate: false },
});

import { existsSync } from 'node:fs';

import { defineConfig } from '@playwright/test';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const browser = process.env.CHROMIUM ?? BROWSERS.find((path) => existsSync(path));

// The system's Chromium against the real binary, named by SMOLTRACE_BIN. No browser is downloaded.
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  forbidOnly: !!process.env.CI,
  fullyParallel: true,
  workers: 1,
  retries: 0,
  timeout: 90_000,
  // Waited for, never slept: long only where something is missing.
  expect: { timeout: 20_000, toPass: { timeout: 20_000 } },
  reporter: [['list']],
  use: {
    viewport: { width: 1280, height: 720 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    acceptDownloads: true,
    trace: 'off',
    actionTimeout: 20_000,
    launchOptions: {
      ...(browser ? { executablePath: browser } : {}),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    },
  },
  projects: [
    { name: 'e2e', testMatch: /\.spec\.ts$/ },
    { name: 'screenshots', testMatch: /screenshots\.ts$/ },
  ],
});

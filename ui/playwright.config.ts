import { existsSync, readFileSync } from 'node:fs';

import { defineConfig } from '@playwright/test';

const { paths, flags, without } = JSON.parse(
  readFileSync(new URL('e2e/chromium.json', import.meta.url), 'utf8'),
) as { paths: string[]; flags: string[]; without: string[] };
const browser = process.env.CHROMIUM ?? paths.find((path) => existsSync(path));

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
      // Left out beside what the runner leaves out, whose own list this one takes the place of: the suggestions beneath the
      // address, two pages of the browser's own that every window would load, at more cost than most of ours.
      args: [...flags, `--disable-features=${without.join()}`],
    },
  },
  projects: [
    { name: 'e2e', testMatch: /\.spec\.ts$/ },
    { name: 'screenshots', testMatch: /screenshots\.ts$/ },
  ],
});

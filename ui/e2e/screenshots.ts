// Not tests: the pictures of docs/screenshots, every screen at three widths in light and dark.

import { fileURLToPath } from 'node:url';

import type { Page } from '@playwright/test';

import { RECORDING } from './server';
import { expect, test } from './test';

const OUT = fileURLToPath(new URL('../../docs/screenshots', import.meta.url));
const SIZES = [
  { width: 1280, height: 720 },
  { width: 900, height: 720 },
  { width: 390, height: 844 },
];

async function trace(page: Page): Promise<string> {
  const answer = await page.request.get(`/api/v1/runs/${RECORDING}/traces`);
  const { items } = (await answer.json()) as { items: { trace_id: string; test_uid: string }[] };
  return items.find(({ test_uid }) => test_uid === 'tool:weather_compare')?.trace_id ?? '';
}

/** The best run of one model and the newest of another, on the same tests. */
async function pair(page: Page): Promise<string> {
  const answer = await page.request.get(
    '/api/v1/runs?fields=run_id,model,total_tests&sort=-total_tests,run_id',
  );
  const { items } = (await answer.json()) as { items: { run_id: string; model: string }[] };
  const other = items.find(({ model }) => model !== items[0]?.model);
  return [items[0]?.run_id, other?.run_id].join(',');
}

const SCREENS: [name: string, address: (page: Page) => Promise<string> | string, ready: string][] = [
  ['leaderboard', () => '/', 'role=grid'],
  ['trends', () => '/?tab=trends', 'canvas >> nth=4'],
  ['analytics', () => '/?tab=analytics', 'canvas >> nth=1'],
  ['compare', async (page) => `/compare?runs=${await pair(page)}`, 'canvas'],
  ['live', () => '/live', 'text=No run in progress'],
  ['run-overview', () => `/runs/${RECORDING}`, 'text=Slowest tests'],
  ['run-tests', () => `/runs/${RECORDING}?tab=tests`, 'role=grid'],
  ['run-raw', () => `/runs/${RECORDING}?tab=raw`, 'text=Leaderboard row'],
  ['run-performance', () => `/runs/${RECORDING}?tab=performance`, 'canvas >> nth=3'],
  ['run-environment', () => `/runs/${RECORDING}?tab=environment`, 'canvas >> nth=5'],
  ['trace', async (page) => `/runs/${RECORDING}/traces/${await trace(page)}`, 'canvas >> nth=5'],
  [
    'trace-graph',
    async (page) => `/runs/${RECORDING}/traces/${await trace(page)}?tab=graph`,
    'text=WeatherTool',
  ],
  [
    'trace-conversation',
    async (page) => `/runs/${RECORDING}/traces/${await trace(page)}?tab=conversation`,
    'text=get_weather',
  ],
];

/** Screens that show charts further down. */
const LONG = ['trends', 'analytics', 'compare', 'run-performance', 'run-environment'];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of SIZES) {
    test.describe(`${colorScheme} ${viewport.width}`, () => {
      test.use({ colorScheme, viewport });
      for (const [name, address, ready] of SCREENS) {
        test(name, async ({ page }) => {
          // A stream of events would keep the network from ever being idle; one that ends is said on the screen.
          await page.addInitScript(() => {
            const silent = class extends EventTarget {
              close() {
                // Nothing was opened.
              }
            };
            Object.assign(window, { EventSource: silent });
          });
          // Charts are drawn once they are in sight.
          if (LONG.includes(name)) await page.setViewportSize({ ...viewport, height: 3600 });
          await page.goto(await address(page));
          await expect(page.locator(ready).first()).toBeVisible();
          await page.waitForLoadState('networkidle');
          if (LONG.includes(name)) {
            // As high as the page is: what sticks to the window's foot would stand in the midst of a longer picture.
            await page.setViewportSize(viewport);
            const height = await page.evaluate(() => document.documentElement.scrollHeight);
            await page.setViewportSize({ ...viewport, height });
          }
          await page.screenshot({
            path: `${OUT}/${name}-${viewport.width}-${colorScheme}.png`,
            fullPage: true,
          });
        });
      }
    });
  }
}

// The bundle: the same screens from files alone, hosted beneath some folder of any server.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type Server as Http } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

import { HOSTILE_RUN } from './hostile';
import { RECORDING } from './server';
import { expect, test as base, watch } from './test';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/** Files under `/site/`, as the plainest of hosts gives them out. */
function host(dir: string): Http {
  return createServer(({ url = '/' }, answer) => {
    const { pathname } = new URL(url, 'http://files');
    const path = join(dir, normalize(decodeURIComponent(pathname).replace(/^\/site\/?/, '/')));
    const file = path.endsWith('/') ? `${path}index.html` : path;
    if (!pathname.startsWith('/site/') || !existsSync(file) || !statSync(file).isFile()) {
      answer.writeHead(404).end();
      return;
    }
    answer.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(answer);
  });
}

const test = base.extend<object, { site: string }>({
  site: [
    async ({ server }, provide) => {
      const dir = join(server.dir, 'site');
      server.command('bundle', dir, '--run', RECORDING, '--run', HOSTILE_RUN);
      const http = host(dir);
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      await provide(`http://127.0.0.1:${(http.address() as AddressInfo).port}/site/`);
      http.close();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
});

test('shows the same from files', async ({ browser, site }) => {
  const page = await browser.newPage();
  const wrong = watch(page, new URL(site).origin);
  await page.goto(site);
  const grid = page.getByRole('grid', { name: 'Runs' });
  await expect(grid.getByRole('row').filter({ hasText: '26,002' })).toHaveCount(2);
  await page.getByRole('searchbox', { name: 'Search runs' }).fill('gpt-4.1');
  await expect(grid.getByRole('row').filter({ hasText: '26,002' })).toHaveCount(1);
  await grid.getByRole('row').filter({ hasText: 'gpt-4.1-nano' }).click();
  await expect(page).toHaveURL(/#\/runs\//);
  await expect(page.getByLabel('Totals of the run')).toContainText('1.84 g');
  const parts = page.getByRole('navigation', { name: 'Parts of the run' });
  await parts.getByRole('link', { name: 'Performance' }).click();
  await expect(page.getByRole('grid', { name: 'Operations of the run' })).toContainText('WeatherTool');
  await parts.getByRole('link', { name: 'Environment' }).click();
  await expect(page.locator('canvas')).toHaveCount(6);
  await parts.getByRole('link', { name: 'Tests' }).click();
  await page.getByRole('row').filter({ hasText: 'weather_paris' }).first().click();
  await page.getByRole('link', { name: /Open the trace/ }).click();
  await page.getByRole('treegrid').getByText('WeatherTool').click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toContainText('get_weather');
  await page
    .getByRole('navigation', { name: 'Parts of the trace' })
    .getByRole('link', { name: 'Conversation' })
    .click();
  await expect(page.getByRole('region', { name: 'Conversation' })).toContainText(
    "What's the weather in Paris, France?",
  );
  // A link to it opens it.
  const other = await browser.newPage();
  await other.goto(page.url());
  await expect(other.getByRole('region', { name: 'Conversation' })).toContainText('Partly Cloudy');
  await other.close();
  expect(wrong()).toEqual([]);
  await page.close();
});

test('says what is not in it', async ({ browser, site }) => {
  const page = await browser.newPage();
  const wrong = watch(page, new URL(site).origin);
  await page.goto(`${site}#/compare?runs=${RECORDING},${HOSTILE_RUN}`);
  await expect(page.getByText(`smoltrace compare ${RECORDING} ${HOSTILE_RUN}`)).toBeVisible();
  await page.getByRole('link', { name: 'Live' }).click();
  await expect(page.getByRole('heading', { name: 'Not live' })).toBeVisible();
  // A run opened in a new tab is of the bundle, too.
  await page.goto(`${site}#/?q=${RECORDING}`);
  const grid = page.getByRole('grid', { name: 'Runs' });
  await expect(grid).toContainText('26,002');
  await grid.focus();
  await page.keyboard.press('ArrowDown');
  const opened = page.context().waitForEvent('page');
  await page.keyboard.press('Control+Enter');
  const tab = await opened;
  await expect(tab.getByRole('heading', { level: 1 })).toHaveText('openai/gpt-4.1-nano');
  expect(new URL(tab.url()).pathname).toBe(new URL(site).pathname);
  await tab.close();
  expect(wrong()).toEqual([]);
  await page.close();
});

test('hands out its files', async ({ browser, site }) => {
  const page = await browser.newPage();
  await page.goto(`${site}#/runs/${RECORDING}?tab=raw`);
  for (const [name, file] of [
    ['Download results as CSV', 'results.csv'],
    [/report/, 'report.html'],
  ] as const) {
    const href = await page.getByRole('link', { name }).getAttribute('href');
    const answer = await page.request.get(new URL(href ?? '', page.url()).href);
    expect([answer.status(), href?.endsWith(file)]).toEqual([200, true]);
  }
  await page.close();
});

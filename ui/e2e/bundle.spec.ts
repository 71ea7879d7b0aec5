// The bundle: the same screens from files alone, hosted beneath some folder of any server.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type Server as Http } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

import type { Page } from '@playwright/test';

import { HOSTILE_RUN } from './hostile';
import { RECORDING } from './server';
import { expect, expectSame, test, watch } from './test';

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

// One bundle for all of them, by the worker that has the others' server.
test.describe.configure({ mode: 'default' });

/** Bundled runs beside the recording and its hostile twin: a strong and a weak model on the same tests. */
let pair: [string, string];
/** Where the bundle is. */
let site: string;
let http: Http | undefined;

test.beforeAll(async ({ server }) => {
  test.setTimeout(240_000);
  const { items } = JSON.parse(server.command('leaderboard', '--json', '--limit', '1000')) as {
    items: { run_id: string; model: string; total_tests: number }[];
  };
  const of = (model: string) =>
    items.find((run) => run.model.endsWith(model) && run.total_tests === 32)?.run_id ?? '';
  pair = [of('heron-70b-instruct'), of('wren-3b')];
  const dir = join(server.dir, 'site');
  const runs = [RECORDING, HOSTILE_RUN, ...pair].flatMap((run) => ['--run', run]);
  const compared = [pair, [...pair, RECORDING]].flatMap((of) => ['--compare', of.join()]);
  server.command('bundle', dir, ...runs, '--pairs', '2', ...compared);
  const files = (http = host(dir));
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  site = `http://127.0.0.1:${(files.address() as AddressInfo).port}/site/`;
});

test.afterAll(() => {
  http?.close();
});

test('shows the same from files', async ({ browser }) => {
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

/** All that a comparison says in numbers, and of one test on both sides. */
async function compared(page: Page, test: string): Promise<string[]> {
  const grid = page.getByRole('grid', { name: 'Tests compared' });
  await expect(grid.locator('tr[data-place="0"]')).toBeVisible();
  const sides = ['A', 'B'].map((letter) => page.getByRole('region', { name: `${letter}, ${test}` }));
  // What each side answered is asked for once the test is open.
  for (const side of sides) await expect(side.locator('pre')).toBeVisible();
  const parts = [
    page.getByRole('region', { name: 'The difference in success' }),
    page.getByRole('region', { name: 'Side by side, table' }),
    grid,
  ];
  return Promise.all([...parts, ...sides].map((part) => part.innerText()));
}

test('compares two runs with the numbers of the server', async ({ browser, page }) => {
  const address = `/compare?runs=${pair.join()}&show=all&test=`;
  const answer = await page.request.get(`/api/v1/compare?runs=${pair.join()}`);
  const { comparison } = (await answer.json()) as { comparison: { tests: { test: string }[] } };
  const first = comparison.tests[0]?.test ?? '';
  const other = await browser.newPage();
  const wrong = watch(other, new URL(site).origin);
  for (const [view, base] of [
    [other, `${site}#/`],
    [page, '/'],
  ] as const) {
    await view.goto(`${base}${address.slice(1)}${encodeURIComponent(first)}`);
  }
  await expectSame(
    () => compared(other, first),
    () => compared(page, first),
  );
  expect(wrong()).toEqual([]);
  await other.close();
});

test('says what is not in it', async ({ browser }) => {
  const page = await browser.newPage();
  const wrong = watch(page, new URL(site).origin);
  await page.goto(`${site}#/compare?runs=${[RECORDING, ...pair].join()}`);
  await expect(page.getByRole('heading', { name: 'Not compared in this bundle' })).toBeVisible();
  const command = `smoltrace bundle site/ --compare ${[RECORDING, ...pair].join()}`;
  await expect(page.getByText(command)).toBeVisible();
  // What it holds of these runs instead.
  await page.getByRole('link', { name: 'heron-70b-instruct · wren-3b', exact: true }).click();
  await expect(page.getByRole('region', { name: 'The difference in success' })).toContainText('p-value');
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

test('hands out its files', async ({ browser }) => {
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

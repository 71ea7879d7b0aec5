import { readFileSync } from 'node:fs';

import type { Locator, Page } from '@playwright/test';

import type { ResultsPage, RunDetail } from '../src/api/types';
import { RECORDING } from './server';
import { expect, test } from './test';

const run = (tab?: string) => `/runs/${RECORDING}${tab ? `?tab=${tab}` : ''}`;

/** Whether anything but the ground is drawn on the picture. */
const drawn = (page: Page, label: string) =>
  page
    .getByRole('figure', { name: label })
    .locator('canvas')
    .evaluate((node) => {
      const canvas = node as HTMLCanvasElement;
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
      const colours = new Set<string>();
      for (let at = 0; pixels && at < pixels.length; at += 4) {
        if ((pixels[at + 3] ?? 0) > 200) colours.add(`${pixels[at]},${pixels[at + 1]},${pixels[at + 2]}`);
      }
      return colours.size;
    });

/** Draws over a part of the plot, at where it stands then: the steps in between wait for it to stand still. */
async function drag(page: Page, plot: Locator) {
  const at = async (share: number) => {
    const { width = 0 } = (await plot.boundingBox()) ?? {};
    await plot.hover({ position: { x: width * share, y: 20 } });
  };
  await at(0.3);
  await page.mouse.down();
  await at(0.5);
  await at(0.6);
  await page.mouse.up();
}

test('opens from the leaderboard and tells its totals with their sources', async ({ page }) => {
  await page.goto(`/?q=${RECORDING}`);
  await page.getByRole('row').filter({ hasText: 'gpt-4.1-nano' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('openai/gpt-4.1-nano');
  const totals = page.getByLabel('Totals of the run');
  await expect(totals).toContainText('26,002');
  await expect(totals).toContainText('1.84 g');
  await expect(totals).toContainText('0.000465 USD');
  await expect(totals.getByText('reported').first()).toBeVisible();
  await expect(page.getByText('simulated', { exact: true }).first()).toBeVisible();
  await expect(page.getByRole('region', { name: 'Failures, by what went wrong' })).toContainText(
    'model overloaded',
  );
  await expect(page.getByRole('region', { name: 'Slowest tests' })).toContainText('tool:model_down');
  await expect(page.getByRole('region', { name: 'GPUs' }).getByRole('row')).toHaveCount(3);
});

test('shows how numbers are made and what the source said instead', async ({ page }) => {
  await page.goto(run());
  await page.getByRole('button', { name: 'How is this computed' }).click();
  const drawer = page.getByRole('dialog');
  const tokens = drawer
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader', { name: 'Tokens', exact: true }) });
  await expect(tokens).toContainText('78,006');
  await expect(tokens).toContainText('26,002');
  await expect(drawer).toContainText('204,101.5');
  await expect(drawer).toContainText('34,363.52');
  await expect(drawer).toContainText('1.0513');
  await expect(drawer.getByRole('heading', { name: 'CO₂', exact: true })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(drawer).toBeHidden();
});

test('divides the run among its tests, losing nothing', async ({ page, server }) => {
  const [results, detail] = await Promise.all(
    [`/api/v1/runs/${RECORDING}/results`, `/api/v1/runs/${RECORDING}`].map(async (path) =>
      (await page.request.get(server.url + path)).json(),
    ),
  );
  const { items, unattributed } = results as ResultsPage;
  const { run: row } = detail as RunDetail;
  const tests = items.reduce((sum, item) => sum + (item.co2_emissions_g ?? 0), 0);
  expect(tests + (unattributed.co2_emissions_g ?? 0)).toBeCloseTo(row.co2_emissions_g ?? NaN, 4);

  await page.goto(run('tests'));
  const grid = page.getByRole('grid', { name: 'Tests of the run' });
  await expect(grid.locator('tbody').getByRole('row')).toHaveCount(12);
  const foot = grid.locator('tfoot').getByRole('row');
  await expect(foot.nth(0)).toContainText('Sum of all tests');
  await expect(foot.nth(1)).toContainText('Unattributed');
  await expect(foot.nth(2)).toContainText('1.84 g');
  await expect(foot.nth(2)).toContainText('0.000465 USD');
  await expect(foot.nth(0)).toContainText('26,002');
});

test('filters tests, and opens one with prompt, answer and reason', async ({ page }) => {
  await page.goto(run('tests'));
  await page
    .getByRole('group', { name: 'Outcome' })
    .getByRole('button', { name: /failed/ })
    .click();
  const rows = page.getByRole('grid').locator('tbody').getByRole('row');
  await expect(rows).toHaveCount(3);
  await page.getByRole('searchbox', { name: 'Search tests' }).fill('overloaded');
  await expect(rows).toHaveCount(1);
  await rows.first().click();
  await expect(page).toHaveURL(/test=tool(:|%3A)model_down/);
  const detail = page.getByRole('grid');
  await expect(detail.getByRole('heading', { name: 'Prompt' })).toBeVisible();
  await expect(detail.getByText('OpenAIException - model overloaded').last()).toBeVisible();
  await page.reload();
  await expect(detail.getByRole('heading', { name: 'Prompt' })).toBeVisible();
  await page.getByRole('link', { name: /Open the trace/ }).click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}/);
});

test('draws the seven metrics, a line per GPU, on one axis', async ({ page }) => {
  await page.goto(run('environment'));
  const charts = page.getByRole('figure');
  await expect(charts).toHaveCount(6);
  for (const title of [
    'GPU utilisation',
    'GPU memory used',
    'GPU temperature',
    'GPU power',
    'CO₂, accumulated',
    'Power cost, accumulated',
  ]) {
    const chart = page.getByRole('figure', { name: title });
    await expect(chart.getByText('GPU 0')).toBeVisible();
    await expect(chart.getByText('GPU 1')).toBeVisible();
    await chart.scrollIntoViewIfNeeded();
    await expect.poll(() => drawn(page, title)).toBeGreaterThan(3);
  }
  await expect(page.getByRole('figure', { name: 'GPU memory used' }).getByText('total')).toBeVisible();
  // Twelve tests beneath, each a way to its trace.
  await expect(page.getByRole('region', { name: 'Tests' }).getByRole('link')).toHaveCount(12);
});

test('gives every chart as a table and as a picture', async ({ page }) => {
  await page.goto(run('environment'));
  const chart = page.getByRole('figure', { name: 'CO₂, accumulated' });
  await chart.getByRole('button', { name: 'CO₂, accumulated as a table' }).click();
  await expect(chart.getByRole('columnheader')).toHaveText(['Time, s', 'GPU 0', 'GPU 1']);
  await expect(chart.getByRole('row').last()).toContainText('1.05 g');
  await expect(chart.getByRole('row').last()).toContainText('790 mg');
  for (const [kind, begins] of [
    ['SVG', '<svg'],
    ['PNG', '\x89PNG'],
  ] as const) {
    const download = page.waitForEvent('download');
    await chart.getByRole('button', { name: `Download CO₂, accumulated as ${kind}` }).click();
    const file = readFileSync(await (await download).path());
    expect(file.subarray(0, begins.length).toString('latin1')).toBe(begins);
    expect(file.length).toBeGreaterThan(2000);
  }
});

test('zooms all charts together, and keeps the window in the address', async ({ page }) => {
  await page.goto(run('environment'));
  const cursor = page.getByRole('slider', { name: 'GPU power: cursor' });
  await cursor.focus();
  await page.keyboard.press('ArrowRight');
  await expect(cursor).toHaveAttribute('aria-valuetext', /GPU 0 .*W/);
  await page.keyboard.press('+');
  await expect(page).toHaveURL(/from=.*to=/);
  await expect(page.getByText('Window')).toBeVisible();
  const address = page.url();
  await page.reload();
  await expect(page.getByText('Window')).toBeVisible();
  expect(page.url()).toBe(address);
  await page.getByRole('button', { name: 'Show all', exact: true }).click();
  await expect(page.getByText('Whole run')).toBeVisible();
  const first = page.getByRole('slider', { name: 'GPU utilisation: cursor' });
  await drag(page, first);
  await expect(page).toHaveURL(/from=.*to=/);
});

test('hands out its row and its four datasets', async ({ page, server }) => {
  await page.goto(run('raw'));
  await expect(page.getByLabel('the leaderboard row', { exact: true })).toContainText(
    '"total_tokens": 26002',
  );
  const links = page.getByRole('region', { name: 'Download' }).getByRole('link');
  await expect(links).toHaveCount(12);
  for (const href of await links.evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''))) {
    const answer = await page.request.get(server.url + href);
    expect(answer.ok(), href).toBe(true);
    expect((await answer.body()).length, href).toBeGreaterThan(100);
  }
});

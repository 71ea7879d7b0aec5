// Windows too narrow for all that a table has: what matters most is in sight, and the rest a press away.

import type { Page } from '@playwright/test';

import { RECORDING } from './server';
import { expect, test } from './test';

const grid = (page: Page, name: string) => page.getByRole('grid', { name });

/** How far the table reaches beyond what is in sight, px. */
const beyond = (page: Page, name: string) =>
  grid(page, name)
    .locator('xpath=..')
    .evaluate((box) => box.scrollWidth - box.clientWidth);

const heads = (page: Page, name: string) => grid(page, name).getByRole('columnheader');

const TABLES: [address: string, name: string, width: number, seen: string[]][] = [
  ['/', 'Runs', 900, ['Model', 'Success', 'CO₂', 'Power cost', 'Energy', 'Duration']],
  ['/', 'Runs', 390, ['Model', 'Success']],
  [
    `/runs/${RECORDING}?tab=tests`,
    'Tests of the run',
    900,
    ['Test', 'Agent', 'Outcome', 'CO₂', 'Power cost', 'Energy', 'Duration', 'Trace'],
  ],
  [`/runs/${RECORDING}?tab=tests`, 'Tests of the run', 390, ['Test', 'Agent', 'Outcome']],
  [`/runs/${RECORDING}?tab=performance`, 'Operations of the run', 390, ['Operation', 'Own time']],
];

for (const [address, name, width, seen] of TABLES) {
  test(`${name}, ${width} px wide`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(address);
    for (const column of seen) {
      await expect(heads(page, name).filter({ hasText: new RegExp(`^${column}$`) })).toBeVisible();
    }
    await expect.poll(() => beyond(page, name)).toBeLessThanOrEqual(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });
}

for (const width of [900, 390]) {
  test(`a comparison, ${width} px wide`, async ({ page }) => {
    const answer = await page.request.get('/api/v1/runs?fields=run_id&sort=-total_tests,run_id&page_size=3');
    const { items } = (await answer.json()) as { items: { run_id: string }[] };
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`/compare?runs=${items.map(({ run_id }) => run_id).join()}`);
    const table = page.getByRole('region', { name: 'Side by side, table' });
    await expect(table.getByRole('columnheader', { name: 'B is' })).toBeVisible();
    await expect.poll(() => table.evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(0);
    const success = table.getByRole('row', { name: /^Success ?more/ });
    await expect(success.getByText(/^[+−]?[\d.]+ pp/).locator('visible=true')).toHaveCount(1);
  });
}

test('all columns are a press away, and in the link', async ({ page }) => {
  await page.setViewportSize({ width: 900, height: 800 });
  await page.goto(`/runs/${RECORDING}?tab=tests`);
  const some = await heads(page, 'Tests of the run').count();
  await expect(heads(page, 'Tests of the run').filter({ hasText: /^Steps$/ })).toHaveCount(0);
  await page.getByRole('button', { name: 'All columns' }).click();
  await expect(page).toHaveURL(/cols=all/);
  await expect(heads(page, 'Tests of the run').filter({ hasText: /^Steps$/ })).toHaveCount(1);
  expect(await heads(page, 'Tests of the run').count()).toBeGreaterThan(some);
  await page.reload();
  await expect(heads(page, 'Tests of the run').filter({ hasText: /^Steps$/ })).toHaveCount(1);
  // What the table is sorted by is in sight.
  await page.goto(`/runs/${RECORDING}?tab=tests&sort=-steps`);
  await expect(heads(page, 'Tests of the run').filter({ hasText: /^Steps$/ })).toBeInViewport();
});

test('a choice of columns is shown whole', async ({ page }) => {
  await page.setViewportSize({ width: 900, height: 800 });
  await page.goto('/');
  await expect(heads(page, 'Runs').filter({ hasText: /^Hardware$/ })).toHaveCount(0);
  await page.getByRole('button', { name: 'Columns' }).click();
  const hardware = page.getByRole('checkbox', { name: 'Hardware' });
  await expect(hardware).not.toBeChecked();
  await hardware.click();
  await expect(hardware).toBeChecked();
  await expect(page).toHaveURL(/cols=.*hardware/);
  await expect(heads(page, 'Runs').filter({ hasText: /^Hardware$/ })).toHaveCount(1);
});

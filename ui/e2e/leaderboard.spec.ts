import { readFileSync } from 'node:fs';

import type { Page } from '@playwright/test';

import { Server, RECORDING } from './server';
import { expect, expectSame, test, watch } from './test';

const MODEL = 'gpt-4.1-nano';

test('shows the recording with the numbers that its spans and samples add up to', async ({ page }) => {
  await page.goto(`/?q=${RECORDING}`);
  const row = page.getByRole('row').filter({ hasText: MODEL });
  await expect(row).toHaveCount(1);
  await expect(row).toContainText('26,002');
  await expect(row).toContainText('1.84 g');
  await expect(row).toContainText('0.000465 USD');
  await expect(row).toContainText('34.4 s');
  await expect(row).toContainText('75.0%');
  await expect(row.getByTitle('34,363.52 ms')).toBeVisible();
  await expect(row.getByTitle('1.8413 g CO₂e').first()).toBeVisible();
  await expect(row.getByTitle(RECORDING)).toBeVisible();
  await page.getByRole('columnheader', { name: 'Sources' }).scrollIntoViewIfNeeded();
  await expect(row.getByText('reported').first()).toBeVisible();
  // The cards are over the same filter.
  const cards = page.getByLabel('Totals of the runs in the filter');
  await expect(cards).toContainText('26,002');
  await expect(cards).toContainText('1.84 g');
});

test('labels every simulated run', async ({ page, server }) => {
  const answer = await page.request.get(`${server.url}/api/v1/runs?page_size=10000`);
  const { items } = (await answer.json()) as { items: { simulated: boolean }[] };
  await page.goto('/');
  const rows = page
    .getByRole('grid')
    .locator('tbody')
    .getByRole('row')
    .filter({ has: page.locator('code') });
  await expect(rows).toHaveCount(items.length);
  const simulated = items.filter((run) => run.simulated).length;
  expect(simulated).toBeGreaterThanOrEqual(9);
  await expect(rows.filter({ has: page.getByText('simulated', { exact: true }).first() })).toHaveCount(
    simulated,
  );
});

test('keeps filter, order, columns and grouping in the address', async ({ page, context }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Agent type' }).click();
  const facet = page.getByRole('dialog', { name: 'Agent type' }).getByRole('checkbox').first();
  await facet.click();
  await expect(facet).toBeChecked();
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/agent_type=/);
  await page.getByRole('button', { name: 'CO₂', exact: true }).click();
  await expect(page).toHaveURL(/sort=-co2_emissions_g/);
  await page.getByRole('button', { name: 'Columns' }).click();
  const column = page.getByRole('checkbox', { name: 'Power cost' });
  await column.click();
  await expect(column).not.toBeChecked();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('columnheader', { name: 'Power cost' })).toHaveCount(0);

  // The order before stands until the runs are there in this one.
  const other = await context.newPage();
  await other.goto(page.url());
  const texts = (view: Page) => view.getByRole('grid').locator('tbody').getByRole('row').allInnerTexts();
  await expect(other.getByRole('grid').locator('tbody')).not.toHaveCount(0);
  await expectSame(
    () => texts(page),
    () => texts(other),
  );
  await other.close();
  const before = await texts(page);
  const address = page.url();
  await page.reload();
  await expect.poll(() => texts(page)).toEqual(before);
  expect(page.url()).toBe(address);
  await expect(page.getByRole('columnheader', { name: 'CO₂', exact: true })).toHaveAttribute(
    'aria-sort',
    'descending',
  );
  await expect(page.getByRole('group', { name: 'Active filters' })).toContainText('Agent type');

  await page.getByRole('button', { name: 'By model' }).click();
  await expect(page).toHaveURL(/group=model/);
  const group = page.getByRole('rowheader').or(page.locator('th[scope=rowgroup]')).first();
  await expect(group).toContainText('success');
  const lines = async () => Number(await page.getByRole('grid').getAttribute('aria-rowcount'));
  const open = await lines();
  await group.getByRole('button').click();
  await expect.poll(lines).toBeLessThan(open);

  await page.getByRole('button', { name: 'Clear all' }).click();
  await expect(page).not.toHaveURL(/agent_type=/);
});

test('says when nothing matches, and finds its way back', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('grid')).toBeVisible();
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox', { name: 'Search runs' })).toBeFocused();
  await page.keyboard.type('no such run anywhere');
  await expect(page.getByText('No run matches')).toBeVisible();
  await page.getByRole('button', { name: 'Remove filter Text: no such run anywhere' }).click();
  await expect(page.getByRole('grid')).toBeVisible();
});

test('is walked by keys alone', async ({ page }) => {
  await page.goto(`/?q=${RECORDING}`);
  const grid = page.getByRole('grid', { name: 'Runs' });
  await expect(grid).toContainText(MODEL);
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeHidden();
  await grid.focus();
  await page.keyboard.press('ArrowDown');
  await expect(grid.locator('[aria-selected=true]')).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(grid.locator('[aria-selected=true]')).toHaveCount(0);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`/runs/${RECORDING}`));
});

test('draws the columns in sight, each under its head', async ({ page }) => {
  await page.goto('/');
  const grid = page.getByRole('grid', { name: 'Runs' });
  const at = (part: 'thead' | 'tbody', column: number) =>
    grid.locator(`${part} tr:has(> [aria-colindex="2"])`).first().locator(`[aria-colindex="${column}"]`);
  const expectAligned = async (columns: number[]) => {
    for (const column of columns) {
      // Of one moment, both: the one is asked for after the other, and what is around them may still be moving.
      await expect(async () => {
        const [head, cell] = [
          await at('thead', column).boundingBox(),
          await at('tbody', column).boundingBox(),
        ];
        expect([cell?.x, cell?.width]).toEqual([head?.x, head?.width]);
      }).toPass();
    }
  };
  const last = Number(await grid.getAttribute('aria-colcount'));
  await expect(at('tbody', 4)).toBeVisible();
  await expect(at('tbody', last)).toHaveCount(0);
  await expectAligned([1, 2, 3, 4]);
  await expect(at('thead', last)).toBeAttached();
  // Every head can be reached by Tab; its column comes along.
  await at('thead', last).getByRole('button').focus();
  await expect(at('tbody', last)).toBeVisible();
  await expect(at('tbody', 4)).toHaveCount(0);
  await expectAligned([1, 2, 3, last]);
  // Down and back by keys, in the columns that are in sight.
  const rows = Number(await grid.getAttribute('aria-rowcount'));
  const active = grid.locator('[aria-selected=true]');
  await grid.focus();
  await page.keyboard.press('End');
  await expect(active).toHaveAttribute('aria-rowindex', String(rows));
  await expect(active).toBeInViewport();
  await expect(active.locator(`[aria-colindex="${last}"]`)).toBeInViewport();
  await page.keyboard.press('Home');
  await expect(active).toHaveAttribute('aria-rowindex', '2');
  await expect(active).toBeInViewport();
});

test('exports what is shown as CSV', async ({ page }) => {
  await page.goto(`/?q=${RECORDING}`);
  await expect(page.getByRole('grid')).toContainText(MODEL);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  const lines = readFileSync(await (await download).path(), 'utf8')
    .trim()
    .split('\r\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('model,run_id');
  expect(lines[1]).toContain('openai/gpt-4.1-nano');
  expect(lines[1]).toContain('26002');
  expect(lines[1]).toContain('1.8413');
});

test('shows how to begin when there is no run', async ({ browser }) => {
  const server = new Server();
  const page = await browser.newPage({ baseURL: server.url });
  try {
    await server.start();
    const wrong = watch(page, new URL(server.url).origin);
    await page.goto(server.url);
    await expect(page.getByText('smoltrace demo')).toBeVisible();
    await expect(page.getByText('smoltrace import PATH')).toBeVisible();
    await expect(page.getByText('smoltrace eval --model')).toBeVisible();
    await expect(page.getByText('OTEL_EXPORTER_OTLP_ENDPOINT')).toBeVisible();
    expect(wrong()).toEqual([]);
  } finally {
    await page.close();
    await server.stop();
  }
});

test('tells an unknown page', async ({ page }) => {
  await page.goto('/no/such/page');
  await expect(page.getByText('There is no such page')).toBeVisible();
});

// Two runs side by side: whether the difference is real, in which tests, and how far.

import { readFileSync } from 'node:fs';

import type { Page } from '@playwright/test';

import { HOSTILE, HOSTILE_RUN } from './hostile';
import { RECORDING } from './server';
import { expect, expectSame, test } from './test';

type Item = { run_id: string; model: string; total_tests: number; co2_per_success_g: number | null };

async function runs(page: Page, sort = 'run_id'): Promise<Item[]> {
  const fields = 'run_id,model,total_tests,co2_per_success_g';
  const answer = await page.request.get(`/api/v1/runs?fields=${fields}&sort=${sort}&page_size=1000`);
  return ((await answer.json()) as { items: Item[] }).items;
}

/** A strong and a weak model on the same tests. */
async function pair(page: Page): Promise<[string, string]> {
  const all = await runs(page);
  const of = (model: string) =>
    all.find((run) => run.model.endsWith(model) && run.total_tests === 32)?.run_id ?? '';
  return [of('heron-70b-instruct'), of('wren-3b')];
}

test('finds the run with the least CO₂ per success', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('columnheader', { name: 'CO₂ / success' }).getByRole('button').focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/sort=co2_per_success_g/);
  const [least] = await runs(page, 'co2_per_success_g');
  const row = page.getByRole('grid', { name: 'Runs' }).locator('tr[data-place="0"]');
  await expect(row.getByRole('checkbox', { includeHidden: true })).toHaveAccessibleName(
    new RegExp(least?.run_id ?? 'none'),
  );
  // The ranking says the same of the models.
  await page.getByRole('link', { name: 'Analytics' }).click();
  const ranking = page.getByRole('table', { name: 'Successes per gram of CO₂' });
  await expect(ranking.getByRole('rowheader').first()).toContainText(least?.model ?? 'none');
});

test('two ticked runs are compared, and it says whether the difference is real', async ({ page }) => {
  const [strong, weak] = await pair(page);
  await page.goto('/');
  const grid = page.getByRole('grid', { name: 'Runs' });
  for (const id of [strong, weak]) {
    // The tick comes back from the address, so it is waited for.
    const tick = grid.getByRole('checkbox', { name: new RegExp(id) });
    await tick.click();
    await expect(tick).toBeChecked();
  }
  await expect(page).toHaveURL(/sel=/);
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page).toHaveURL(`/compare?runs=${strong},${weak}`);

  const answer = await page.request.get(`/api/v1/compare?runs=${strong},${weak}`);
  const { comparison } = (await answer.json()) as {
    comparison: {
      against_first: { counts: Record<string, number>; p_value: number; metrics: { verdict: string }[] }[];
    };
  };
  const against = comparison.against_first[0];
  const real = against?.metrics[0]?.verdict === 'worse';
  const said = page.getByRole('region', { name: 'The difference in success' });
  await expect(said).toContainText(real ? 'the difference is real' : 'that may be chance');
  const broken = said.locator('dl > div').filter({ hasText: 'broken' });
  await expect(broken.getByRole('definition')).toHaveText(String(against?.counts.broken));
  const table = page.getByRole('region', { name: 'Side by side, table' });
  await expect(table.getByRole('row', { name: /^CO₂ ?less/ })).toContainText('better');
  await expect(table.getByRole('row', { name: /^Model cost ?less/ })).toContainText('undecided');

  // The tests that changed, with the way to both traces.
  const tests = page.getByRole('grid', { name: 'Tests compared' });
  await page.getByRole('button', { name: /^Broken/ }).click();
  await expect(page).toHaveURL(/show=broken/);
  await tests.locator('tr[data-place="0"] td').first().click();
  await expect(page).toHaveURL(/test=/);
  await expect(page.getByRole('link', { name: 'Open trace A' })).toBeVisible();
  await page.getByRole('link', { name: 'Open trace B' }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${weak}/traces/`));
});

test('a link opens the same view', async ({ page, context }) => {
  const [strong, weak] = await pair(page);
  await page.goto(`/compare?runs=${strong},${weak},${RECORDING}&with=C&show=all&sort=-tokens`);
  const main = page.getByRole('main');
  await expect(main.getByRole('heading', { name: '3 runs compared' })).toBeVisible();
  await expect(main).toContainText('C − A');
  const grid = page.getByRole('grid', { name: 'Tests compared' });
  await expect(grid.locator('tr[data-place="0"]')).toBeVisible();
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.getByRole('main')).toContainText('C − A');
  const same = other.getByRole('grid', { name: 'Tests compared' }).locator('tr[data-place="0"]');
  await expect(same).toBeVisible();
  await expectSame(
    () => same.innerText(),
    () => grid.locator('tr[data-place="0"]').innerText(),
  );
  await other.close();
});

test('charts have a readout by keys, a table and pictures', async ({ page }) => {
  await page.goto('/?tab=analytics&x=energy_wh&logx=yes');
  const figure = page.getByRole('figure', { name: 'Success against Energy' });
  await expect(figure.locator('canvas')).toBeVisible();
  const marks = figure.getByRole('slider');
  await marks.focus();
  await page.keyboard.press('ArrowRight');
  await expect(marks).toHaveAttribute('aria-valuetext', /Success [\d.]+%/);
  await expect(figure.getByTestId('chart-tip')).toContainText('Energy');
  const svg = page.waitForEvent('download');
  await figure.getByRole('button', { name: /as SVG/ }).click();
  const text = readFileSync(await (await svg).path(), 'utf8');
  expect(text).toContain('<svg');
  expect(text).not.toContain('<script');
  await figure.getByRole('button', { name: /as a table/ }).click();
  await expect(figure.getByRole('columnheader', { name: 'Frontier' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('figure', { name: 'Success against Energy' })).toBeVisible();

  await page.goto('/?tab=trends&metric=co2_emissions_g&cumulative=yes');
  await expect(page.getByRole('figure', { name: 'CO₂', exact: true })).toContainText('added up');
});

test('hostile names are text in the comparison too', async ({ page }) => {
  await page.goto(`/compare?runs=${RECORDING},${HOSTILE_RUN}&show=all`);
  const names = page.getByRole('list', { name: 'Compared runs' }).getByRole('link');
  await expect(names).toHaveText(['gpt-4.1-nano', HOSTILE]);
  await expect(page.getByRole('region', { name: 'The difference in success' })).toContainText('tied');
  await page.goto('/?tab=analytics');
  await expect(page.getByRole('figure').first()).toBeVisible();
  await expect(page).toHaveTitle('Leaderboard · TraceMind');
});

test('says what cannot be compared', async ({ page }) => {
  await page.goto('/compare');
  await expect(page.getByText('Nothing to compare yet')).toBeVisible();
});

// What people come for, from the first click to the answer.

import { readFileSync } from 'node:fs';

import type { ResultsPage, Run, RunDetail } from '../src/api/types';
import * as format from '../src/lib/format';
import { RECORDING } from './server';
import { traceOf } from './screens';
import { expect, test } from './test';

test('why did a test fail?', async ({ page }) => {
  await page.goto(`/?q=${RECORDING}`);
  await page.getByRole('row').filter({ hasText: 'gpt-4.1-nano' }).click();
  const failures = page.getByRole('region', { name: 'Failures, by what went wrong' });
  await failures.getByRole('link', { name: 'tool:model_down' }).click();
  await expect(page).toHaveURL(/tab=tests/);
  const grid = page.getByRole('grid', { name: 'Tests of the run' });
  await expect(grid).toContainText('model overloaded');
  await grid.getByRole('link', { name: /Open the trace/ }).click();
  await page
    .getByRole('navigation', { name: 'Parts of the trace' })
    .getByRole('link', { name: 'Conversation' })
    .click();
  const failed = page.getByRole('listitem').filter({ hasText: 'overloaded' });
  await expect(failed.first()).toBeVisible();
  await failed.first().getByRole('button', { name: 'Span' }).click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toContainText('overloaded');
});

test('what made a run slow?', async ({ page }) => {
  await page.goto(`/runs/${RECORDING}`);
  await page
    .getByRole('navigation', { name: 'Parts of the run' })
    .getByRole('link', { name: 'Performance' })
    .click();
  const time = page.getByRole('figure', { name: 'What the time was spent on' });
  await expect(time).toContainText('model');
  await time.getByRole('button', { name: /as a table/ }).click();
  const longest = time.getByRole('row').nth(1);
  await expect(longest).toContainText(':');
  const name = (await longest.getByRole('cell').first().textContent()) ?? '';
  const operations = page.getByRole('grid', { name: 'Operations of the run' });
  await expect(operations.locator('tbody tr').first()).toContainText('%');
  // The longest test, and what its end waited for.
  await page
    .getByRole('navigation', { name: 'Parts of the run' })
    .getByRole('link', { name: 'Overview' })
    .click();
  await page.getByRole('region', { name: 'Slowest tests' }).getByRole('link').first().click();
  const grid = page.getByRole('grid', { name: 'Tests of the run' });
  await expect(grid.locator('tr[data-open=true]')).toContainText(name.split(':')[1] ?? '?');
  await grid.getByRole('link', { name: /Open the trace/ }).click();
  await page.getByRole('button', { name: 'Critical path' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'The end waited for' })).toContainText('models');
  await expect(page).toHaveURL(/path=critical/);
});

test('a shared link shows the same', async ({ page, context }) => {
  const { path, span_id } = await traceOf(page, 'tool:weather_compare');
  const views: [string, (at: typeof page) => Promise<void>][] = [
    [
      `${path}?tab=graph`,
      async (at) => {
        await at
          .getByRole('group', { name: 'Steps' })
          .getByRole('button', { name: /^Language model/ })
          .first()
          .click();
      },
    ],
    [
      `${path}?tab=conversation&span=${span_id}`,
      async (at) => {
        await at.getByRole('button', { name: 'Plain' }).click();
        await expect(at).toHaveURL(/look=plain/);
      },
    ],
    [
      `/runs/${RECORDING}?tab=performance`,
      async (at) => {
        await at.getByRole('columnheader', { name: 'Longest' }).getByRole('button').click();
        await expect(at).toHaveURL(/osort=/);
      },
    ],
  ];
  for (const [address, act] of views) {
    await page.goto(address);
    await act(page);
    const text = () => page.getByRole('main').innerText();
    await expect.poll(async () => (await text()).includes('Loading')).toBe(false);
    await page.waitForLoadState('load');
    const other = await context.newPage();
    await other.goto(page.url());
    await expect.poll(() => other.getByRole('main').innerText()).toBe(await text());
    expect(other.url()).toBe(page.url());
    await other.close();
  }
});

test('the numbers on the screens are those of the API and of the command line', async ({ page, server }) => {
  const list = await page.request.get('/api/v1/runs?page_size=10000');
  const { items } = (await list.json()) as { items: Run[] };
  const recordings = items.filter(({ run_id, origin }) => run_id === RECORDING || origin === 'otlp');
  expect(recordings.length).toBeGreaterThanOrEqual(2);
  for (const { run_id } of recordings) {
    const address = `/api/v1/runs/${encodeURIComponent(run_id)}`;
    const detail = (await (await page.request.get(address)).json()) as RunDetail;
    const results = (await (
      await page.request.get(`${address}/results?page_size=10000`)
    ).json()) as ResultsPage;
    const {
      results: told,
      totals,
      ...rest
    } = JSON.parse(server.command('show', run_id, '--json')) as RunDetail & {
      results: ResultsPage['items'];
      totals: ResultsPage['totals'];
    };
    expect(rest).toEqual(detail);
    expect(told).toEqual(results.items);
    expect(totals).toEqual(results.totals);

    // The head of the screen, in full precision.
    const { run } = detail;
    await page.goto(`/runs/${encodeURIComponent(run_id)}?tab=tests`);
    const stats = page.getByLabel('Totals of the run');
    const shown: [string, format.Quantity][] = [
      ['Success', format.percent(run.success_rate)],
      ['Tests', format.count(run.total_tests)],
      ['Tokens', format.count(run.total_tokens)],
      ['Duration', format.duration(run.total_duration_ms)],
      ['Model cost', format.usd(run.total_cost_usd)],
      ['Energy', format.energy(run.energy_wh)],
      ['CO₂', format.co2(run.co2_emissions_g)],
      ['Power cost', format.usd(run.power_cost_total_usd)],
    ];
    for (const [name, quantity] of shown) {
      const value = stats
        .locator('div', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) })
        .locator('dd')
        .first();
      if (quantity.text === format.UNKNOWN) await expect(value).toContainText(format.UNKNOWN);
      else {
        await expect(value).toHaveText(format.written(quantity));
        await expect(value.getByTitle(quantity.full, { exact: true })).toBeVisible();
      }
    }

    // Every field of every test, as the table saves it.
    if (results.items.length === 0) continue;
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV' }).click();
    const [head = '', ...lines] = readFileSync(await (await download).path(), 'utf8')
      .trim()
      .split('\r\n');
    const keys = head.split(',');
    const numbers = [
      'duration_ms',
      'total_tokens',
      'cost_usd',
      'energy_wh',
      'co2_emissions_g',
      'power_cost_usd',
      'steps',
    ] as const;
    const began = (item: ResultsPage['items'][number]) => BigInt(item.start_time_unix_nano ?? 0);
    const expected = [...results.items].sort((a, b) => (began(a) < began(b) ? -1 : 1));
    expect(lines.length).toBe(expected.length);
    for (const key of numbers) {
      const at = keys.indexOf(key);
      // What precedes the numbers holds no comma.
      expect(lines.map((line) => line.split(',')[at])).toEqual(
        expected.map((item) => String(item[key] ?? '')),
      );
    }
  }
});

// What people come for, from the first click to the answer.

import { readFileSync } from 'node:fs';

import type { Locator, Page } from '@playwright/test';

import type { ResultsPage, Run, RunDetail, Trace } from '../src/api/types';
import * as format from '../src/lib/format';
import { RECORDING } from './server';
import { traceOf } from './screens';
import { expect, expectSame, test } from './test';

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
    const other = await context.newPage();
    await other.goto(page.url());
    const text = (view: Page) => view.getByRole('main').innerText();
    await expect.poll(async () => (await text(page)).includes('Loading')).toBe(false);
    await expectSame(
      () => text(other),
      () => text(page),
    );
    expect(other.url()).toBe(page.url());
    await other.close();
  }
});

/** Headline numbers, in the text and in the full precision of the hover. */
async function expectStats(stats: Locator, shown: [string, format.Quantity][]) {
  for (const [name, quantity] of shown) {
    const value = stats
      .locator('div')
      .filter({ has: stats.page().locator('dt', { hasText: new RegExp(`^${name}$`) }) })
      .locator('dd')
      .first();
    if (quantity.text === format.UNKNOWN) await expect(value).toContainText(format.UNKNOWN);
    else {
      await expect(value).toHaveText(format.written(quantity));
      await expect(value.getByTitle(quantity.full, { exact: true })).toBeVisible();
    }
  }
}

/** A table as its CSV button saves it: heads, and rows of cells. */
async function savedTable(page: Page): Promise<string[][]> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  const text = readFileSync(await (await download).path(), 'utf8').trim();
  return text
    .split('\r\n')
    .map((line) =>
      [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
      ),
    );
}

test('every number of a leaderboard row is that of the API and of the command line', async ({
  page,
  server,
}) => {
  const fields = [
    'total_tests',
    'total_tokens',
    'total_cost_usd',
    'total_duration_ms',
    'avg_steps',
    'success_rate',
    'co2_emissions_g',
    'power_cost_total_usd',
    'energy_wh',
    'co2_per_success_g',
    'energy_per_success_wh',
    'cost_per_success_usd',
    'gpu_utilization_avg',
    'gpu_utilization_max',
    'gpu_memory_avg_mib',
    'gpu_memory_max_mib',
    'gpu_temperature_avg',
    'gpu_temperature_max',
    'gpu_power_avg_w',
    'pass_at_1',
    'pass_at_k',
    'pass_hat_k',
    'gpu_count',
  ] as const satisfies (keyof Run)[];
  const columns = fields.filter((id) => id !== 'total_tests');
  const list = await page.request.get(`/api/v1/runs?q=${RECORDING}`);
  const { items } = (await list.json()) as { items: Run[] };
  const [run] = items;
  if (!run) throw new Error('the recording is not there');
  const told = JSON.parse(server.command('leaderboard', '--match', RECORDING, '--json')) as { items: Run[] };
  // Ranked among the same runs.
  expect(told.items).toEqual(items);

  await page.goto(`/?q=${RECORDING}&cols=run_id,${columns.join(',')}`);
  const grid = page.getByRole('grid', { name: 'Runs' });
  await expect(grid).toContainText('26,002');
  const [head = [], row = []] = await savedTable(page);
  const saved = Object.fromEntries(head.map((key, at) => [key, row[at]]));
  expect(saved).toMatchObject(Object.fromEntries(columns.map((key) => [key, String(run[key] ?? '')])));
});

test('the numbers of a trace are those of the API and of its test', async ({ page, server }) => {
  const { results } = JSON.parse(server.command('show', RECORDING, '--json')) as {
    results: ResultsPage['items'];
  };
  for (const test of ['tool:weather_compare', 'tool:model_down', 'code:calc_product']) {
    const { path, trace_id } = await traceOf(page, test);
    const { summary } = (await (await page.request.get(`/api/v1${path}`)).json()) as Trace;
    const result = results.find((of) => of.trace_id === trace_id);
    if (!result || !summary.test) throw new Error(`no result of ${test}`);
    expect(summary.duration_ms).toBe(result.duration_ms);
    expect(summary.total_tokens ?? 0).toBe(result.total_tokens ?? 0);
    expect(summary.cost_usd).toBe(result.cost_usd);
    await page.goto(path);
    await expectStats(page.getByLabel('Totals of the trace'), [
      ['Duration', format.duration(result.duration_ms)],
      ['Tokens', format.count(summary.total_tokens)],
      ['Model cost', format.usd(result.cost_usd)],
      ['Energy', format.energy(result.energy_wh)],
      ['CO₂', format.co2(result.co2_emissions_g)],
      ['Power cost', format.usd(result.power_cost_usd)],
      ['Spans', format.count(summary.spans)],
      ['Errors', format.count(summary.errors)],
    ]);
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
    await expectStats(stats, shown);

    // Every field of every test, as the table saves it.
    if (results.items.length === 0) continue;
    const [keys = [], ...lines] = await savedTable(page);
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
      expect(lines.map((line) => line[at])).toEqual(expected.map((item) => String(item[key] ?? '')));
    }
  }
});

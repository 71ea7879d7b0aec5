// A run whose power was measured, on simulated devices: from joules to CO₂, down to the call.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Metrics, RunDetail, Trace } from '../src/api/types';
import type { Server } from './server';
import { expect, test } from './test';

const RUN = 'powered';
const TRACE = '5'.repeat(32);
const CALL = '6'.repeat(16);

/** Two simulated GPUs for two seconds, and a test with one call in the middle of them. */
async function measure(server: Server) {
  const devices = ['--source', 'simulated', '--simulated-gpus', '2'];
  server.command('power', ...devices, '--run-id', RUN, '--carbon-intensity', '100', '--duration', '2');
  // By the samples' own time: the command may have begun late, and ended later still.
  const measured = (await (await fetch(`${server.url}/api/v1/runs/${RUN}/metrics`)).json()) as Metrics;
  const end = Math.floor(Number(BigInt(measured.t0_unix_nano) / 1_000_000n) + measured.to_ms) - 200;
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const span = (spanId: string, name: string, from: number, to: number, more: object) => ({
    traceId: TRACE,
    spanId,
    name,
    startTimeUnixNano: `${from}000000`,
    endTimeUnixNano: `${to}000000`,
    ...more,
  });
  const root = '7'.repeat(16);
  const spans = [
    span(root, 'test', end - 1500, end, {
      attributes: [text('test.id', 'warm'), text('agent.type', 'tool')],
    }),
    span(CALL, 'chat', end - 1400, end - 200, {
      parentSpanId: root,
      attributes: [text('gen_ai.operation.name', 'chat'), text('gen_ai.request.model', 'a-model')],
    }),
  ];
  const resource = { attributes: [text('run.id', RUN)] };
  const file = join(server.dir, 'powered.json');
  writeFileSync(file, JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }));
  server.command('import', file);
}

// Measured once.
test.describe.configure({ mode: 'default' });

test.beforeAll(async ({ server }) => {
  await measure(server);
});

test('shows how joules become grams and dollars, device by device', async ({ page, server }) => {
  const { accounting } = (await (
    await page.request.get(`${server.url}/api/v1/runs/${RUN}`)
  ).json()) as RunDetail;
  expect(accounting.devices.map(({ source }) => source)).toEqual(['simulated', 'simulated']);
  const joules = accounting.devices.reduce((sum, { energy_j }) => sum + energy_j, 0);
  expect(accounting.totals.co2_emissions_g).toBeCloseTo((joules / 3.6e6) * 100, 9);

  await page.goto(`/runs/${RUN}`);
  await page.getByRole('button', { name: 'How is this computed' }).click();
  const chain = page.getByRole('dialog').getByRole('region', { name: 'From joules to CO₂ and power cost' });
  const rows = chain.getByRole('row');
  await expect(rows).toHaveCount(4);
  await expect(rows.nth(1)).toContainText('GPU 0');
  await expect(rows.nth(1)).toContainText('simulated');
  await expect(rows.nth(1)).toContainText('100 g/kWh');
  await expect(rows.nth(3)).toContainText('All devices');
  await expect(rows.nth(3)).toContainText('0.12 USD/kWh');
  const sources = chain.getByRole('list', { name: 'Where the factors are from' });
  await expect(sources).toContainText('100 g CO₂e/kWh: given.');
  await expect(sources).toContainText('0.12 USD/kWh: default.');
  await expect(chain).toContainText('1 of 1 LLM calls');
});

test('lists the devices beneath the charts', async ({ page }) => {
  await page.goto(`/runs/${RUN}?tab=environment`);
  const rows = page.getByRole('region', { name: 'Devices' }).getByRole('row');
  await expect(rows).toHaveCount(3);
  await expect(rows.nth(2)).toContainText('GPU 1');
  await expect(rows.nth(2)).toContainText('simulated');
  await expect(rows.nth(2)).toContainText('energy counter');
  // All of it is in sight in a narrow window.
  await page.setViewportSize({ width: 900, height: 800 });
  const box = rows.first().locator('xpath=ancestor::div[1]');
  await expect.poll(() => box.evaluate((of) => of.scrollWidth - of.clientWidth)).toBe(0);
});

test('tells the energy of a call', async ({ page, server }) => {
  const address = `/runs/${RUN}/traces/${TRACE}`;
  const trace = (await (await page.request.get(`${server.url}/api/v1${address}`)).json()) as Trace;
  const energy_wh = trace.spans.energy_wh[trace.spans.span_id.indexOf(CALL)] ?? 0;
  // Two GPUs of 70 to 300 W for 1.2 s.
  expect(energy_wh * 3600).toBeGreaterThan(2 * 70 * 1.2 * 0.99);
  expect(energy_wh * 3600).toBeLessThan(2 * 300 * 1.2 * 1.01);
  await page.goto(`${address}?span=${CALL}`);
  const energy = page
    .getByRole('complementary', { name: 'Span' })
    .getByRole('definition')
    .filter({ hasText: 'mWh' });
  await expect(energy).toContainText('simulated');
});

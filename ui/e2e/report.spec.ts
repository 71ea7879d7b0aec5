// The report: one file that needs nothing, and lets nothing in.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { violations } from './axe';
import { HOSTILE, HOSTILE_RUN } from './hostile';
import { RECORDING } from './server';
import { expect, test } from './test';

for (const colorScheme of ['light', 'dark'] as const) {
  test(`is read offline, ${colorScheme}`, async ({ browser, server }) => {
    const path = join(server.dir, `report-${colorScheme}.html`);
    server.command('report', RECORDING, '--out', path);
    const context = await browser.newContext({ colorScheme, offline: true });
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(pathToFileURL(path).href);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('openai/gpt-4.1-nano');
    await expect(page.getByText('26,002').first()).toBeVisible();
    await expect(page.getByText('1.84 g').first()).toBeVisible();
    await expect(page.getByRole('img', { name: 'GPU power' })).toBeVisible();
    await expect(page.locator('script, link, img, iframe')).toHaveCount(0);
    expect(asked).toEqual([pathToFileURL(path).href]);
    expect(await violations(page, 'wcag2a', 'wcag2aa')).toEqual([]);
    await context.close();
  });
}

test('shows hostile text as text', async ({ browser, server }) => {
  const path = join(server.dir, 'hostile.html');
  writeFileSync(path, server.command('report', HOSTILE_RUN, '--out', '-'));
  const page = await browser.newPage();
  await page.goto(pathToFileURL(path).href);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(HOSTILE);
  await expect(page.locator('script, img')).toHaveCount(0);
  expect(await page.title()).not.toBe('1');
  await page.close();
});

test('is handed out by the run', async ({ page }) => {
  await page.goto(`/runs/${RECORDING}`);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: /report/ }).click();
  expect((await download).suggestedFilename()).toBe(`${RECORDING}.report.html`);
});

// What is large, odd, missing or broken.

import { ARABIC, CALL, EMOJI, EXTREME_RUN, EXTREME_TRACE } from './extreme';
import { RECORDING } from './server';
import { expect, test } from './test';

const TRACE = `/runs/${EXTREME_RUN}/traces/${EXTREME_TRACE}`;

test('a prompt of a megabyte, from right to left, with emoji', async ({ page }) => {
  await page.goto(`${TRACE}?tab=conversation`);
  const conversation = page.getByRole('region', { name: 'Conversation' });
  const [system, user, answer] = [0, 1, 2].map((at) => conversation.getByRole('listitem').nth(at + 1));
  await expect(user ?? page.locator('none')).toContainText(ARABIC);
  await expect(conversation).toContainText(EMOJI);
  // Markdown is laid out; its picture is not fetched, or the request to another host would fail this test.
  await expect(answer?.locator('strong') ?? page.locator('none')).toHaveText('31');
  await expect(answer ?? page.locator('none')).toContainText('http://example.com/x.png');
  await expect(answer?.locator('.hljs-string') ?? page.locator('none')).toHaveText('"hot"');
  await system?.locator('summary').click();
  await system?.getByRole('button', { name: /Show all/ }).click();
  await expect(system ?? page.locator('none')).toContainText('A very long prompt');
  await page.getByRole('button', { name: 'JSON' }).click();
  await expect(conversation).toContainText('"type": "text"');
});

test('a thousand attributes, searched', async ({ page }) => {
  await page.goto(`${TRACE}?span=${CALL}`);
  const panel = page.getByRole('complementary', { name: 'Span' });
  await panel.getByRole('searchbox', { name: 'Search attributes' }).fill('key.999');
  await expect(panel.getByText('many.key.999')).toBeVisible();
  await expect(panel.getByText('many.key.99', { exact: true })).toHaveCount(0);
});

test('an error in the graph', async ({ page }) => {
  await page.goto(`${TRACE}?tab=graph`);
  await page.getByRole('button', { name: /^Tool, weather, error/ }).click();
  const panel = page.getByRole('complementary', { name: 'Span' });
  await expect(panel).toContainText('Timeout');
  await expect(panel).toContainText(ARABIC);
});

test('a run without results, metrics or cost says so, and nothing is 0', async ({ page }) => {
  await page.goto(`/runs/${EXTREME_RUN}`);
  const totals = page.getByLabel('Totals of the run');
  await expect(totals.getByText('Energy is unknown', { exact: false })).toBeAttached();
  await page.goto(`/runs/${EXTREME_RUN}?tab=environment`);
  await expect(page.getByRole('heading', { name: 'No metrics' })).toBeVisible();
  await page.goto(`/runs/${EXTREME_RUN}?tab=performance`);
  await expect(page.getByRole('grid', { name: 'Operations of the run' })).toContainText('chat');
});

test('a part that cannot be read says why, and can be asked for again', async ({ page, allowed }) => {
  allowed.push('503');
  let broken = true;
  await page.route('**/performance', async (route) => {
    if (!broken) return route.fallback();
    await route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      body: JSON.stringify({ title: 'Busy', detail: 'all places are taken', status: 503 }),
    });
  });
  await page.goto(`/runs/${RECORDING}?tab=performance`);
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('all places are taken');
  broken = false;
  await alert.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('grid', { name: 'Operations of the run' })).toBeVisible();
});

test('says when what is shown may be old, and when it no longer is', async ({ page, context, allowed }) => {
  allowed.push('ERR_FAILED', 'Failed to load resource');
  let cut = true;
  await page.route('**/api/v1/events', (route) => (cut ? route.abort() : route.fallback()));
  await page.goto('/');
  const lost = page.getByText('connection lost');
  await expect(lost).toBeVisible();
  cut = false;
  await context.setOffline(false);
  await expect(lost).toBeHidden({ timeout: 20_000 });
});

import { HOSTILE, HOSTILE_RUN } from './hostile';
import { expect, test } from './test';

// Whatever was recorded is text: no element comes of it, no script runs.
test.afterEach(async ({ page }) => {
  await expect(page.locator('img[src="x"]')).toHaveCount(0);
  expect(await page.title()).not.toBe('1');
});

test('a hostile model name', async ({ page }) => {
  await page.goto(`/?q=${HOSTILE_RUN}`);
  await expect(page.getByRole('grid').getByTitle(HOSTILE).first()).toBeVisible();
  await page.goto(`/runs/${HOSTILE_RUN}`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(HOSTILE);
});

test('a hostile prompt, answer and error', async ({ page }) => {
  await page.goto(`/runs/${HOSTILE_RUN}?tab=tests&test=tool:weather_paris`);
  await expect(page.getByText(HOSTILE, { exact: true }).first()).toBeVisible();
  await page.goto(`/runs/${HOSTILE_RUN}?tab=raw`);
  await expect(page.getByLabel('the leaderboard row', { exact: true })).toContainText('<img src=x');
});

test('a hostile span name and attribute', async ({ page }) => {
  const answer = await page.request.get(`/api/v1/runs/${HOSTILE_RUN}/traces`);
  const { items } = (await answer.json()) as { items: { trace_id: string; test_uid: string }[] };
  const trace = items.find(({ test_uid }) => test_uid === 'tool:weather_paris');
  await page.goto(`/runs/${HOSTILE_RUN}/traces/${trace?.trace_id ?? ''}?q=onerror`);
  const span = page.getByRole('treegrid').getByText(HOSTILE, { exact: true }).first();
  await expect(span).toBeVisible();
  await span.click();
  const panel = page.getByRole('complementary', { name: 'Span' });
  await expect(panel.getByRole('heading', { level: 2 })).toHaveText(HOSTILE);
  await expect(panel.locator('dt', { hasText: HOSTILE })).toBeVisible();
});

// Telemetry that arrives while a page is open.

import { Server } from './server';
import { expect, test } from './test';

const NOW = 1_795_000_000_000_000_000n;

function call(number: number, tokens: number) {
  const start = NOW + BigInt(number) * 1_000_000_000n;
  const attribute = (key: string, value: object) => ({ key, value });
  return {
    traceId: `${number}`.padStart(32, '0'),
    spanId: `${number}`.padStart(16, '0'),
    name: 'chat',
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 500_000_000n),
    attributes: [
      attribute('gen_ai.operation.name', { stringValue: 'chat' }),
      attribute('gen_ai.request.model', { stringValue: 'live-model' }),
      attribute('gen_ai.usage.input_tokens', { intValue: String(tokens) }),
    ],
  };
}

async function send(server: Server, run: string, ...spans: object[]): Promise<void> {
  const resource = { attributes: [{ key: 'run.id', value: { stringValue: run } }] };
  const answer = await fetch(`${server.otlp}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
  });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({});
}

// A server of its own: other tests count the runs of theirs.
const live = test.extend<{ own: Server }>({
  // eslint-disable-next-line no-empty-pattern -- the runner insists on a pattern
  own: async ({}, provide) => {
    const server = new Server();
    try {
      await server.start();
      await provide(server);
    } finally {
      await server.stop();
    }
  },
  baseURL: async ({ own }, provide) => {
    await provide(own.url);
  },
});

live('a run appears and grows without a reload', async ({ page, own: server }) => {
  await page.goto('/');
  await expect(page.getByText('No run yet')).toBeVisible();
  await send(server, 'live-run', call(1, 100));
  await expect(page.getByRole('row', { name: /live-model/ })).toContainText('100');
  // On top, whatever the order, and growing there.
  const running = page.getByRole('region', { name: 'Running now' });
  await expect(running.getByRole('listitem')).toHaveText(/live-model.*1 test, 100 tokens/);
  await send(server, 'live-run', call(9, 11));
  await expect(running.getByRole('listitem')).toHaveText(/2 tests, 111 tokens/);

  await page.goto('/runs/live-run');
  await expect(page.getByText('running')).toBeVisible();
  const main = page.getByRole('main');
  await expect(main).toContainText('111');
  await send(server, 'live-run', call(2, 230), call(3, 1));
  await expect(main).toContainText('342');
});

live('runs in progress are followed on their own screen', async ({ page, own: server }) => {
  await page.goto('/live');
  await expect(page.getByRole('heading', { name: 'Live', exact: true })).toBeVisible();
  await send(server, 'followed', call(11, 40));
  const card = page.getByRole('region', { name: 'Run followed' });
  await expect(card).toContainText('live-model');
  const figure = (name: string) =>
    card
      .getByRole('term')
      .filter({ hasText: new RegExp(`^${name}$`) })
      .locator('..')
      .getByRole('definition')
      .first();
  await expect(figure('Done')).toHaveText('1');
  await expect(figure('Running')).toHaveText('0');
  // A span whose parent is still to come: its test is running, and not done.
  const root = call(14, 5);
  const child = { ...call(13, 3), traceId: root.traceId, parentSpanId: root.spanId };
  await send(server, 'followed', call(12, 2), child);
  await expect(figure('Running')).toHaveText('1');
  await expect(figure('Done')).toHaveText('2');
  await send(server, 'followed', root);
  await expect(figure('Done')).toHaveText('3');
  await expect(figure('Running')).toHaveText('0');
  await expect(card.getByRole('listitem').first()).toContainText('chat');
  await card.getByRole('listitem').first().getByRole('link').click();
  await expect(page).toHaveURL(/\/runs\/followed\/traces\//);
});

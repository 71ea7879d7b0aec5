// The tests' own `test`: a server with the demo in it, and a page that tells on what it does wrong.

import { test as base, expect, type Page } from '@playwright/test';

import { writeExtremeRun } from './extreme';
import { writeHostileRun } from './hostile';
import { Server } from './server';

type Worker = { server: Server };
type Each = {
  watched: undefined;
  /** What the console may say in this test, in parts. */
  allowed: string[];
};

export const test = base.extend<Each, Worker>({
  server: [
    // eslint-disable-next-line no-empty-pattern -- the runner insists on a pattern
    async ({}, provide, { project }) => {
      const server = new Server();
      try {
        server.command('demo', '--no-serve', '--runs', '9');
        if (project.name === 'e2e') {
          server.command('import', writeHostileRun(server.dir));
          server.command('import', writeExtremeRun(server.dir));
        }
        await server.start();
        await provide(server);
      } finally {
        await server.stop();
      }
    },
    { scope: 'worker', timeout: 240_000 },
  ],
  baseURL: async ({ server }, provide) => {
    await provide(server.url);
  },
  // eslint-disable-next-line no-empty-pattern -- the runner insists on a pattern
  allowed: async ({}, provide) => {
    await provide([]);
  },
  // Every page: no error in the console, no exception, no request to another origin.
  watched: [
    async ({ page, baseURL, allowed }, provide) => {
      const wrong = watch(page, new URL(baseURL ?? '').origin);
      await provide(undefined);
      expect(wrong().filter((said) => !allowed.some((part) => said.includes(part)))).toEqual([]);
    },
    { auto: true },
  ],
});

/** That both say the same once all that they ask for has come: what arrives later on one side is waited for. */
export async function expectSame(one: () => Promise<unknown>, other: () => Promise<unknown>) {
  await expect(async () => {
    expect(await one()).toEqual(await other());
  }).toPass();
}

export function watch(page: Page, origin: string): () => string[] {
  const wrong: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`exception: ${error.message}`));
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'blob:' && url.origin !== origin) wrong.push(`request: ${request.url()}`);
  });
  return () => wrong;
}

export { expect };

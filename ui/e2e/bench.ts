// Not tests: how long the screens take with 10,000 runs and a trace of 50,000 spans.

import { test, type Page } from '@playwright/test';

import { Server } from './server';

const RUNS = 10_000;
const SPANS = 50_000;
const ROUNDS = 5;

declare global {
  interface Window {
    shownAt: number | null;
  }
}

/** Milliseconds from the start of the navigation to the frame after `selector` was first there. */
async function timeToShow(page: Page, url: string, selector: string): Promise<number> {
  await page.addInitScript((wanted) => {
    window.shownAt = null;
    const look = () => {
      if (document.querySelector(wanted)) {
        requestAnimationFrame(() => (window.shownAt = performance.now()));
      } else requestAnimationFrame(look);
    };
    look();
  }, selector);
  await page.goto(url);
  const shown = await page.waitForFunction(() => window.shownAt);
  return (await shown.jsonValue()) ?? NaN;
}

/** The times between frames while the element scrolls from its top to its end, ms. */
const scrollFrames = (page: Page, selector: string) =>
  page.evaluate(
    (wanted) =>
      new Promise<number[]>((resolve) => {
        const element = document.querySelector(wanted);
        const frames: number[] = [];
        let last = performance.now();
        const began = last;
        const step = () => {
          const now = performance.now();
          frames.push(now - last);
          last = now;
          if (!element || now - began > 3000) {
            resolve(frames);
            return;
          }
          element.scrollTop = ((now - began) / 3000) * element.scrollHeight;
          requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
      }),
    selector,
  );

const share = (values: number[], part: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? NaN;

const row = (...cells: string[]) => {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
};

test('screens', async ({ browser }) => {
  test.setTimeout(900_000);
  const server = new Server();
  try {
    server.command('demo', '--no-serve', '--rows-only', '--runs', String(RUNS), '--big-trace', String(SPANS));
    await server.start();
    const api = await browser.newContext({ baseURL: server.url });
    const runs = await api.request.get('/api/v1/runs?q=simulated-99999');
    const [run] = ((await runs.json()) as { items: { run_id: string }[] }).items;
    const traces = await api.request.get(`/api/v1/runs/${run?.run_id ?? ''}/traces`);
    const [trace] = ((await traces.json()) as { items: { trace_id: string }[] }).items;
    const screens = [
      [`leaderboard, ${RUNS} runs`, '/', '[role=grid] tbody code'],
      [
        `trace, ${SPANS} spans`,
        `/runs/${run?.run_id ?? ''}/traces/${trace?.trace_id ?? ''}`,
        '[role=treegrid] [aria-level]',
      ],
    ] as const;
    row('screen', 'first rows shown, median', 'slowest', 'frame while scrolling, median', 'p95');
    row('---', '---', '---', '---', '---');
    for (const [name, path, selector] of screens) {
      const times: number[] = [];
      let frames: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        // A context of its own each time: nothing is cached.
        const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
        const page = await context.newPage();
        times.push(await timeToShow(page, server.url + path, selector));
        if (round === ROUNDS - 1) {
          await page.waitForLoadState('networkidle');
          const scroller = path === '/' ? 'div:has(> [role=grid])' : '[role=treegrid]';
          frames = await scrollFrames(page, scroller);
        }
        await context.close();
      }
      const ms = (value: number) => `${value.toFixed(0)} ms`;
      row(
        name,
        ms(share(times, 0.5)),
        ms(Math.max(...times)),
        ms(share(frames, 0.5)),
        ms(share(frames, 0.95)),
      );
    }
    await api.close();
  } finally {
    await server.stop();
  }
});

#!/usr/bin/env node
// Times the screens in the system's Chromium over 10,000 runs and a 50,000-span trace: first paint, when what the screen
// is for is there, the frames while scrolling, and the frame after a key or a click. Usage: SMOLTRACE_BIN=target/release/smoltrace node bench/browser.mjs
// Prints Markdown rows.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const { chromium } = createRequire(new URL('../ui/package.json', import.meta.url))('@playwright/test');

const RUNS = 10_000;
const SPANS = 50_000;
const ROUNDS = 5;
const ACTS = 9;
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const binary = process.env.SMOLTRACE_BIN;
if (!binary) {
  console.error('SMOLTRACE_BIN is not set');
  process.exit(2);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const ms = (value) => `${Math.round(value)} ms`;

/** Milliseconds from navigation to the first contentful paint, and to the frame after `selector` is there. */
async function open(browser, address, selector) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  // Noted in the page: to ask from outside takes a turn of a thread that is busy.
  await page.addInitScript((selector) => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector(selector)) return;
      observer.disconnect();
      requestAnimationFrame(() => {
        setTimeout(() => {
          window.rowsPainted = performance.now();
        });
      });
    });
    observer.observe(document, { childList: true, subtree: true });
  }, selector);
  await page.goto(address, { waitUntil: 'commit' });
  await page.waitForFunction(() => window.rowsPainted);
  const rows = await page.evaluate(() => window.rowsPainted);
  const paint = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now(),
  );
  return { page, paint, rows };
}

/** Intervals between frames, ms, while `selector` is scrolled from top to bottom in two seconds. */
function scroll(page, selector) {
  return page.evaluate(async (selector) => {
    const scrollable = (node) => node && (node.scrollHeight > node.clientHeight + 200 ? node : scrollable(node.parentElement));
    const element = scrollable(document.querySelector(selector)) ?? document.scrollingElement;
    const frames = [];
    const start = performance.now();
    let last = start;
    for (;;) {
      const now = await new Promise(requestAnimationFrame);
      frames.push(now - last);
      last = now;
      const share = (now - start) / 2000;
      if (share >= 1) return frames.slice(1);
      element.scrollTop = share * (element.scrollHeight - element.clientHeight);
    }
  }, selector);
}

/** Milliseconds from what `act` presses to the paint of the frame after it, each time. */
async function reactions(page, act) {
  const times = [];
  for (let round = 0; round < ACTS; round += 1) {
    await page.evaluate(() => {
      window.reacted = new Promise((resolve) => {
        const begin = ({ timeStamp }) => {
          requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - timeStamp)));
        };
        for (const type of ['keydown', 'click']) addEventListener(type, begin, { capture: true, once: true });
      });
    });
    await act(page, round);
    times.push(await page.evaluate(() => window.reacted));
    // What it set going is over before the next.
    await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve, { timeout: 2000 })));
  }
  return times.sort((a, b) => a - b);
}

const key = (selector, name) => async (page) => {
  await page.locator(selector).first().focus();
  await page.keyboard.press(name);
};
/** A click on one of several, in turn. */
const click =
  (...selectors) =>
  (page, round) =>
    page.locator(selectors[round % selectors.length]).first().click();

const data = mkdtempSync(join(tmpdir(), 'smoltrace-bench-'));
let server;
let browser;
try {
  const fill = ['demo', '--no-serve', '--rows-only', '--runs', RUNS, '--big-trace', SPANS, '--data-dir', data];
  execFileSync(binary, fill.map(String), { stdio: ['ignore', 'ignore', 'inherit'] });
  const serve = ['serve', '--listen', '127.0.0.1:0', '--otlp-grpc', 'off', '--otlp-http', 'off', '--data-dir', data];
  server = spawn(binary, serve, { stdio: ['ignore', 'pipe', 'inherit'] });
  const first = await new Promise((resolve) => createInterface({ input: server.stdout }).once('line', resolve));
  const address = first.trim().split(/\s+/).at(-1);
  const find = await (await fetch(`${address}/api/v1/runs?q=simulated-99999`)).json();
  const run = encodeURIComponent(find.items[0].run_id);
  const { items } = await (await fetch(`${address}/api/v1/runs/${run}/traces`)).json();

  browser = await chromium.launch({
    executablePath: BROWSERS.find(existsSync),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
  console.log('| screen | first paint | content | reaction (median, worst) | frames while scrolling (median, 95%) |\n|---|---|---|---|---|');
  // Two runs of the same tests.
  const { items: listed } = await (await fetch(`${address}/api/v1/runs?fields=run_id,total_tests&page_size=2&sort=-total_tests`)).json();
  const pair = listed.map(({ run_id }) => encodeURIComponent(run_id)).join(',');
  const trace = `${address}/runs/${run}/traces/${items[0].trace_id}`;
  const cell = '[role=grid] tbody td';
  const span = '[role=treegrid] [role=gridcell]';
  const mark = 'figure [role=slider]';
  // Name, address, what the screen is for, a press in it, and what is scrolled.
  const screens = [
    [`leaderboard, ${RUNS} runs`, `${address}/`, cell, key('[role=grid]', 'ArrowDown'), cell],
    [`trends, ${RUNS} runs`, `${address}/?tab=trends`, 'figure canvas', key(mark, 'ArrowRight')],
    [`analytics, ${RUNS} runs`, `${address}/?tab=analytics`, 'figure canvas', key(mark, 'ArrowRight')],
    ['compare, 2 runs', `${address}/compare?runs=${pair}`, 'figure canvas', key(mark, 'ArrowRight')],
    ['run, performance', `${address}/runs/${run}?tab=performance`, 'figure canvas', click('thead th:nth-child(4) button', 'thead th:nth-child(5) button')],
    [`trace, ${SPANS} spans`, trace, span, key('[role=treegrid]', 'ArrowDown'), span],
    [`graph, ${SPANS} spans`, `${trace}?tab=graph`, '[aria-label=Steps] button', key('[aria-label=Steps] button', 'ArrowDown')],
    [`conversation, ${SPANS} spans`, `${trace}?tab=conversation`, '[aria-label=Conversation] li', click('text=Plain', 'text=JSON')],
  ];
  for (const [name, target, selector, act, scrolled] of screens) {
    const paints = [];
    const content = [];
    let frames = [];
    let reacted = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const opened = await open(browser, target, selector);
      paints.push(opened.paint);
      content.push(opened.rows);
      if (round === ROUNDS - 1) {
        reacted = await reactions(opened.page, act);
        if (scrolled) frames = await scroll(opened.page, scrolled);
      }
      await opened.page.close();
    }
    frames.sort((a, b) => a - b);
    row(
      name,
      ms(median(paints)),
      ms(median(content)),
      `${ms(median(reacted))}, ${ms(reacted.at(-1))}`,
      frames.length > 0 ? `${ms(median(frames))}, ${ms(frames[Math.floor(frames.length * 0.95)])}` : '',
    );
  }
} finally {
  await browser?.close();
  server?.kill();
  rmSync(data, { recursive: true, force: true });
}

// Every screen in both themes against axe: WCAG 2.1 A and AA.

import type { Page } from '@playwright/test';

import { violations } from './axe';
import { RECORDING } from './server';
import { traceOf } from './screens';
import { expect, test } from './test';

const trace = (query: string) => async (page: Page) => {
  const { path, span_id } = await traceOf(page, 'tool:weather_compare');
  return `${path}${query.replace('SPAN', span_id)}`;
};
const compare = async (page: Page) => {
  const answer = await page.request.get('/api/v1/runs?fields=run_id&sort=-total_tests,run_id&page_size=3');
  const { items } = (await answer.json()) as { items: { run_id: string }[] };
  return `/compare?runs=${items.map(({ run_id }) => run_id).join()}`;
};
const SCREENS: [name: string, address: (page: Page) => Promise<string> | string, ready: string][] = [
  ['the leaderboard', () => '/', 'role=grid'],
  ['the trends', () => '/?tab=trends', 'canvas'],
  ['the analytics', () => '/?tab=analytics', 'canvas'],
  ['the comparison', compare, 'role=grid'],
  ['the live view', () => '/live', 'role=heading[name="Live"]'],
  ['an empty search', () => '/?q=nothing-is-called-so', 'text=No run matches'],
  ['the overview', () => `/runs/${RECORDING}`, 'text=Slowest tests'],
  ['the tests', () => `/runs/${RECORDING}?tab=tests&test=tool:model_down`, 'text=Sum of all tests'],
  ['the performance', () => `/runs/${RECORDING}?tab=performance`, 'role=grid'],
  ['the environment', () => `/runs/${RECORDING}?tab=environment`, 'canvas >> nth=5'],
  ['the raw run', () => `/runs/${RECORDING}?tab=raw`, 'text=Leaderboard row'],
  ['no such run', () => '/runs/none', 'role=alert'],
  ['the timeline', trace('?span=SPAN&path=critical'), 'role=complementary'],
  ['the graph', trace('?tab=graph&span=SPAN'), 'role=group[name="Steps"]'],
  ['the conversation', trace('?tab=conversation&span=SPAN'), 'text=Weather'],
  ['the raw trace', trace('?tab=raw'), 'text=resourceSpans'],
];

for (const [at, [name, address, ready]] of SCREENS.entries()) {
  test(`${name} can be read by all`, async ({ page, allowed }) => {
    // The browser says a 404 itself.
    if (name === 'no such run') allowed.push('404');
    // One page for both: half of the screens are opened in the light, half of them in the dark.
    const themes = at % 2 === 0 ? (['light', 'dark'] as const) : (['dark', 'light'] as const);
    await page.emulateMedia({ colorScheme: themes[0] });
    await page.goto(await address(page));
    await expect(page.locator(ready).first()).toBeVisible();
    for (const colorScheme of themes) {
      await page.emulateMedia({ colorScheme });
      // What fades from one theme into the other has.
      await page.evaluate(() =>
        Promise.allSettled(
          document
            .getAnimations()
            .filter((animation) => animation instanceof CSSTransition)
            .map(({ finished }) => finished),
        ),
      );
      expect(await violations(page, 'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'), colorScheme).toEqual([]);
    }
  });
}

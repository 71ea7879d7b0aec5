import { expect, it } from 'vitest';

import { ago, nanosToMs } from './transform';

it('tells how long ago something was', () => {
  const now = 1_000_000_000;
  const check = (ms: number | null, expected: string) => {
    expect(ago(ms, now)).toBe(expected);
  };
  check(null, 'unknown');
  check(now + 5000, 'just now');
  check(now - 1000, 'just now');
  check(now - 42_000, '42 s ago');
  check(now - 300_000, '5 min ago');
  check(now - 7_200_000, '2 h ago');
  check(now - 4 * 86_400_000, '4 days ago');
});

it('reads nanoseconds from text alone', () => {
  expect([nanosToMs('1795000000000000000'), nanosToMs(null), nanosToMs('soon')]).toEqual([
    1_795_000_000_000,
    null,
    null,
  ]);
});

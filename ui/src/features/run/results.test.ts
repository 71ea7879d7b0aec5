import { describe, expect, it } from 'vitest';

import type { Result } from '@/api/types';
import { parseSort } from '@/lib/sort';

import { failureGroups, failureOf, filterResults, most, orderResults, testKey } from './results';

const result = (part: Partial<Result>): Result =>
  ({
    test_uid: 'tool:a',
    test_id: 'a',
    agent_type: 'tool',
    attempt: 1,
    success: true,
    tools_used: [],
    prompt: null,
    response: null,
    error: null,
    timed_out: null,
    stop_reason: null,
    start_time_unix_nano: null,
    ...part,
  }) as Result;

describe('results', () => {
  it('filters by outcome and by all words, anywhere', () => {
    const rows = [
      result({ test_uid: 'tool:weather', prompt: 'Paris?' }),
      result({ test_uid: 'code:weather', success: false }),
      result({ test_uid: 'code:time', success: null, tools_used: ['get_time'] }),
    ];
    const uids = (outcome: 'passed' | 'failed' | 'unscored' | undefined, q: string) =>
      filterResults(rows, outcome, q).map(({ test_uid }) => test_uid);
    expect(uids(undefined, 'weather PARIS')).toEqual(['tool:weather']);
    expect(uids('failed', '')).toEqual(['code:weather']);
    expect(uids('unscored', 'get_time')).toEqual(['code:time']);
  });

  it('keeps attempts together, unknown last, otherwise as they ran', () => {
    const rows = [
      result({ test_uid: 'b', attempt: 2, duration_ms: 9, start_time_unix_nano: '1795435495003350977' }),
      result({ test_uid: 'a', duration_ms: null, start_time_unix_nano: '1795435495003350976' }),
      result({ test_uid: 'b', attempt: 1, duration_ms: 1, start_time_unix_nano: '1795435495003350975' }),
    ];
    const keys = (sort: string) => orderResults(rows, parseSort(sort)).map(testKey);
    expect(keys('')).toEqual(['b', 'b#2', 'a']);
    expect(keys('duration_ms')).toEqual(['b', 'b#2', 'a']);
    expect(keys('-unknown_key')).toEqual(['b', 'b#2', 'a']);
  });

  it.each([
    [
      { error: 'Error while generating output:\nInternalServerError: overloaded' },
      'Error while generating output: InternalServerError: overloaded',
    ],
    [{ error: 'boom\nat line 3' }, 'boom'],
    [{ timed_out: true }, 'Ran out of time'],
    [{ stop_reason: 'max_steps' }, 'Stopped: max_steps'],
    [{ correct_tool: false }, 'The expected tool was not called'],
    [{ response_correct: false }, 'The answer is wrong'],
    [{}, 'Failed, no reason recorded'],
  ])('%j fails as %s', (part, message) => {
    expect(failureOf(result(part))).toBe(message);
  });

  it('groups failures, the most frequent first', () => {
    const rows = [
      result({ success: false, error: 'x' }),
      result({ success: false, error: 'y' }),
      result({ success: false, error: 'y' }),
      result({ success: true, error: 'z' }),
      result({ success: null, error: 'z' }),
    ];
    expect(failureGroups(rows).map(({ message, results }) => [message, results.length])).toEqual([
      ['y', 2],
      ['x', 1],
    ]);
  });

  it('ranks only what is known', () => {
    const rows = [result({ energy_wh: 1 }), result({ energy_wh: null }), result({ energy_wh: 3 })];
    expect(most(rows, 'energy_wh', 5).map(({ energy_wh }) => energy_wh)).toEqual([3, 1]);
  });
});

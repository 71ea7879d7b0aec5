// The run's tests as its tabs need them. Pure.

import type { Result } from '@/api/types';
import { sorted, type Sort } from '@/lib/sort';

export type Outcome = 'passed' | 'failed' | 'unscored';

export const outcomeOf = ({ success }: Result): Outcome =>
  success === null ? 'unscored' : success ? 'passed' : 'failed';

/** The key of an execution in an address. */
export const testKey = ({ test_uid, attempt }: { test_uid: string; attempt: number }) =>
  attempt === 1 ? test_uid : `${test_uid}#${attempt}`;

/** Executions that match; words of the search may stand in any of the texts. */
export function filterResults(results: readonly Result[], outcome: Outcome | undefined, q: string): Result[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return results.filter((result) => {
    if (outcome && outcomeOf(result) !== outcome) return false;
    if (words.length === 0) return true;
    const { test_uid, prompt, response, error, difficulty, tools_used } = result;
    const text = [test_uid, prompt, response, error, difficulty, ...tools_used].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const SORTABLE = [
  'test_id',
  'agent_type',
  'attempt',
  'difficulty',
  'success',
  'steps',
  'duration_ms',
  'total_tokens',
  'cost_usd',
  'energy_wh',
  'co2_emissions_g',
  'power_cost_usd',
] as const;

const isSortable = (key: string): key is (typeof SORTABLE)[number] =>
  (SORTABLE as readonly string[]).includes(key);

/** In the order asked for; else as they ran. Attempts of one test stay together. */
export function orderResults(results: readonly Result[], sort: Sort): Result[] {
  const value = (result: Result, key: string) => (isSortable(key) ? result[key] : null);
  const began = ({ start_time_unix_nano }: Result) => BigInt(start_time_unix_nano ?? 0);
  const ordered =
    sort.length > 0
      ? sorted(results, sort, value)
      : [...results].sort((a, b) => (began(a) < began(b) ? -1 : began(a) > began(b) ? 1 : 0));
  const groups = new Map<string, Result[]>();
  for (const result of ordered) {
    const group = groups.get(result.test_uid);
    if (group) group.push(result);
    else groups.set(result.test_uid, [result]);
  }
  return [...groups.values()].flatMap((group) => group.sort((a, b) => a.attempt - b.attempt));
}

export type ErrorGroup = { message: string; results: Result[] };

/** What went wrong, in one line: the error, or how the test ended without one. */
export function failureOf(result: Result): string {
  if (result.error) {
    const lines = result.error
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    // Frameworks put their own heading first; the cause follows it.
    const [first = '', second] = lines;
    return first.endsWith(':') && second ? `${first} ${second}` : first;
  }
  if (result.timed_out) return 'Ran out of time';
  if (result.stop_reason && result.stop_reason !== 'final_answer') return `Stopped: ${result.stop_reason}`;
  if (result.correct_tool === false) return 'The expected tool was not called';
  if (result.final_answer_called === false) return 'No final answer';
  if (result.response_correct === false) return 'The answer is wrong';
  return 'Failed, no reason recorded';
}

/** Failures by what went wrong, the most frequent first. */
export function failureGroups(results: readonly Result[]): ErrorGroup[] {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    if (result.success !== false) continue;
    const message = failureOf(result);
    groups.set(message, [...(groups.get(message) ?? []), result]);
  }
  return [...groups]
    .map(([message, group]) => ({ message, results: group }))
    .sort((a, b) => b.results.length - a.results.length);
}

type Measure = 'duration_ms' | 'total_tokens' | 'cost_usd' | 'energy_wh' | 'co2_emissions_g';

/** The executions with the most of something; those where it is unknown or 0 are left out. */
export function most(results: readonly Result[], measure: Measure, wanted: number): Result[] {
  return sorted(
    results.filter((result) => (result[measure] ?? 0) > 0),
    [{ key: measure, direction: 'desc' }],
    (result) => result[measure],
  ).slice(0, wanted);
}

/** Why an execution passed or failed: the checks that were made, in words. */
export function checks(result: Result): { label: string; ok: boolean | null }[] {
  return [
    { label: 'Called a tool', ok: result.tool_called },
    { label: 'Called the expected tool', ok: result.correct_tool },
    { label: 'Gave a final answer', ok: result.final_answer_called },
    { label: 'Answer matched', ok: result.response_correct },
    { label: 'Within the time', ok: result.timed_out === null ? null : !result.timed_out },
  ];
}

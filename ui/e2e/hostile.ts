// A run whose every text tries to be more than text.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { FIXTURES } from './server';

export const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
export const HOSTILE_RUN = '0bad0bad-0000-4000-8000-000000000bad';

/** Writes a run folder like the recording's, hostile wherever a person or a program may write. */
export function writeHostileRun(dir: string): string {
  const from = join(FIXTURES, 'smoltrace_run_two_gpus');
  const to = join(dir, 'hostile');
  mkdirSync(to, { recursive: true });
  const text = JSON.stringify(HOSTILE).slice(1, -1);
  for (const name of [
    'results.json',
    'traces.json',
    'metrics.json',
    'leaderboard_row.json',
    'metadata.json',
  ]) {
    // As text: numbers of nanoseconds would not survive being parsed.
    const changed = readFileSync(join(from, name), 'utf8')
      .replaceAll('5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11', HOSTILE_RUN)
      .replaceAll('openai/gpt-4.1-nano', text)
      .replaceAll('20\\u00b0C and Partly Cloudy in Paris', text)
      .replaceAll('"WeatherTool"', `"${text}"`)
      .replaceAll('"input.value"', `"${text}"`)
      .replaceAll('model overloaded', text)
      .replaceAll("What's the weather in Paris, France?", text);
    writeFileSync(join(to, name), changed);
  }
  return to;
}

import { describe, expect, it } from 'vitest';

import type { Run } from '../types';

import { facets, runsPage } from './runs';
import { fileOf, folderName, spansFile } from './where';

const run = (run_id: string, part: Partial<Run>): Run =>
  ({
    run_id,
    model: 'm',
    agent_type: 'tool',
    provider: null,
    simulated: false,
    status: 'completed',
    timestamp: null,
    start_time_unix_nano: null,
    notes: null,
    hardware: null,
    total_tests: 10,
    successful_tests: 0,
    failed_tests: 0,
    success_rate: null,
    co2_emissions_g: null,
    total_cost_usd: null,
    total_tokens: null,
    energy_wh: null,
    power_cost_total_usd: null,
    ...part,
  }) as Run;

const runs = [
  run('a', { model: 'Zed', success_rate: 50, successful_tests: 5, failed_tests: 5, timestamp: '2026-11-01' }),
  run('b', { success_rate: 90, co2_emissions_g: 3, successful_tests: 9, failed_tests: 1, total_tokens: 7 }),
  run('c', { success_rate: 90, co2_emissions_g: 2, agent_type: 'code', timestamp: '2026-11-02T12:00:00Z' }),
  run('d', { model: 'm, n', simulated: true, start_time_unix_nano: '1795435495003350976' }),
];

describe('runs of a bundle', () => {
  it.each([
    ['', 'cbad'],
    ['sort=-success_rate', 'cbad'],
    ['sort=success_rate', 'acbd'],
    ['sort=-co2_emissions_g', 'bcda'],
    ['sort=model,-run_id', 'cbda'],
    ['agent_type=code', 'c'],
    ['model=m&sort=run_id', 'bc'],
    ['model=m,Zed&sort=run_id', 'abc'],
    ['model=m, n', 'd'],
    ['q=ZED', 'a'],
    ['simulated=true', 'd'],
    ['from=2026-11-02', 'cd'],
    ['to=2026-11-02', 'ca'],
    ['from=2026-11-02&to=2026-11-02', 'c'],
    ['page=2&page_size=3', 'd'],
    ['status=failed', ''],
  ])('%s', (query, ids) => {
    const asked = new URLSearchParams(query.replace(', ', ',%20'));
    expect(
      runsPage(runs, asked)
        .items.map(({ run_id }) => run_id)
        .join(''),
    ).toBe(ids);
  });
  it('ranks among those that the filter leaves, and adds them up', () => {
    const page = runsPage(runs, new URLSearchParams('agent_type=tool&sort=run_id'));
    expect(page.items.map(({ run_id, rank }) => [run_id, rank])).toEqual([
      ['a', 2],
      ['b', 1],
      ['d', 3],
    ]);
    expect(page.summary).toMatchObject({
      runs: 3,
      tests: 30,
      success_rate: 70,
      total_tokens: 7,
      energy_wh: null,
    });
  });
  it('counts facets without their own filter', () => {
    const found = facets(runs, new URLSearchParams('model=m&simulated=false'));
    expect(found.model).toEqual([
      { value: 'm', count: 2 },
      { value: 'Zed', count: 1 },
    ]);
    expect(found.agent_type).toEqual([
      { value: 'code', count: 1 },
      { value: 'tool', count: 1 },
    ]);
    expect(found.provider).toEqual([]);
  });
});

describe('files of a bundle', () => {
  it.each([
    ['5d0c1f0e-2f0a', '5d0c1f0e-2f0a'],
    ['../../etc/passwd', '_2e._2f.._2fetc_2fpasswd'],
    ['a_b c%20', 'a_5fb_20c_2520'],
    ['é', '_c3_a9'],
    ['', '_'],
  ])('%s is the folder %s', (id, name) => {
    expect(folderName(id)).toBe(name);
  });
  it.each([
    [['r'], 'runs/r/run.json'],
    [['r', 'results'], 'runs/r/results.json'],
    [['r', 'report'], 'runs/r/report.html'],
    [['r', 'download', 'traces.csv'], 'runs/r/download/traces.csv'],
    [['r', 'traces', 't'], 'runs/r/traces/t/trace.json'],
    [['r', 'traces', 't', 'otlp'], 'runs/r/traces/t/otlp.json'],
    [['r', 'traces', 't', 'spans'], null],
    [['r', 'nothing'], null],
  ])('%j is %s', (segments, file) => {
    expect(fileOf(segments)).toBe(file);
  });
  it('keeps spans in files of their own', () => {
    expect(spansFile('r', 't', 2)).toBe('runs/r/traces/t/spans-2.json');
  });
});

// The columns of the tests' table. Attempts and difficulty appear only where there are any.

import { Link } from '@tanstack/react-router';

import type { Result } from '@/api/types';
import { OutcomeBadge, Value, whyUnknown } from '@/design/components/data';
import type { Column } from '@/design/components/Grid';
import { Icon } from '@/design/components/Icon';
import * as format from '@/lib/format';

import { failureOf } from './results';
import css from './run.module.css';

const unknown = (why: string) => <Value of={format.count(null)} why={why} />;

const text = (value: string | null, why: string) =>
  value ? <span title={value}>{value}</span> : unknown(why);

type NumberKey =
  'steps' | 'duration_ms' | 'total_tokens' | 'cost_usd' | 'energy_wh' | 'co2_emissions_g' | 'power_cost_usd';

const numeric = (
  id: NumberKey,
  header: string,
  width: number,
  weight: number,
  quantity: (value: number | null) => format.Quantity,
  why: (result: Result) => string,
): Column<Result> => ({
  id,
  header,
  sort: id,
  descFirst: true,
  width,
  weight,
  align: 'end',
  cell: (result) => <Value of={quantity(result[id])} align="end" why={why(result)} />,
  value: (result) => result[id],
});

const noTrace = (what: string) => (result: Result) =>
  result.trace_id ? `${what}: the trace does not say.` : `${what}: no trace was recorded.`;

/** A test's share is unknown when no sample covers the time that it ran. */
const unmeasured = (what: string, source: Result['co2_source']) =>
  source === 'none'
    ? `${what} is unknown: no sample covers the time that this test ran.`
    : whyUnknown(what, source);

export function testColumns(results: readonly Result[]): Column<Result>[] {
  const attempts = results.some(({ attempt }) => attempt > 1);
  const difficulty = results.some((result) => result.difficulty !== null);
  const expected = results.some((result) => result.expected_tool !== null);
  const columns: (Column<Result> | false)[] = [
    {
      id: 'test_id',
      header: 'Test',
      sort: 'test_id',
      width: 190,
      narrow: 150,
      cell: (result) => (
        <span className={css.test}>
          <Icon name="right" size={12} />
          <span title={result.test_uid}>{result.test_id}</span>
        </span>
      ),
      value: (result) => result.test_id,
    },
    {
      id: 'agent_type',
      header: 'Agent',
      sort: 'agent_type',
      width: 72,
      weight: 8,
      cell: (result) => result.agent_type,
      value: (result) => result.agent_type,
    },
    attempts && {
      id: 'attempt',
      header: 'Attempt',
      sort: 'attempt',
      width: 80,
      weight: 8,
      align: 'end',
      cell: (result) => result.attempt,
      value: (result) => result.attempt,
    },
    {
      id: 'success',
      header: 'Outcome',
      sort: 'success',
      width: 96,
      weight: 9,
      cell: (result) => <OutcomeBadge success={result.success} />,
      value: (result) => result.success,
    },
    difficulty && {
      id: 'difficulty',
      header: 'Difficulty',
      sort: 'difficulty',
      width: 88,
      cell: (result) => text(result.difficulty, 'The task does not say.'),
      value: (result) => result.difficulty,
    },
    numeric('co2_emissions_g', 'CO₂', 96, 7, format.co2, (result) => unmeasured('CO₂', result.co2_source)),
    numeric('power_cost_usd', 'Power cost', 132, 6, format.usd, (result) =>
      unmeasured('Power cost', result.power_cost_source),
    ),
    numeric('energy_wh', 'Energy', 98, 6, format.energy, (result) =>
      unmeasured('Energy', result.energy_source),
    ),
    numeric('duration_ms', 'Duration', 96, 7, format.duration, noTrace('Duration')),
    numeric('total_tokens', 'Tokens', 88, 3, format.count, noTrace('Tokens')),
    numeric('cost_usd', 'Cost', 124, 3, format.usd, (result) => whyUnknown('Cost', result.cost_source)),
    numeric('steps', 'Steps', 68, 1, format.count, () => 'The test does not say its steps.'),
    expected && {
      id: 'expected_tool',
      header: 'Expected tool',
      width: 130,
      cell: (result) => text(result.expected_tool, 'The task expects no tool.'),
      value: (result) => result.expected_tool,
    },
    {
      id: 'tools_used',
      header: 'Tools used',
      width: 150,
      narrow: 130,
      weight: 2,
      cell: (result) => text(result.tools_used.join(', '), 'No tool was used.'),
      value: (result) => result.tools_used.join(', '),
    },
    {
      id: 'error',
      header: 'What went wrong',
      width: 220,
      narrow: 170,
      weight: 4,
      cell: (result) => (result.success === false || result.error ? text(failureOf(result), '') : ''),
      value: (result) => result.error,
    },
    {
      id: 'trace',
      header: 'Trace',
      width: 76,
      weight: 5,
      cell: (result) =>
        result.trace_id ? (
          <Link
            className={css.link}
            to="/runs/$runId/traces/$traceId"
            params={{ runId: result.run_id, traceId: result.trace_id }}
            onClick={(event) => {
              event.stopPropagation();
            }}
          >
            Open →
          </Link>
        ) : (
          unknown('No trace was recorded.')
        ),
      value: (result) => result.trace_id,
    },
  ];
  return columns.filter((column) => column !== false);
}

// The leaderboard's columns: what each shows, sorts by and exports.

import type { Run, Source } from '@/api/types';
import {
  IntervalBar,
  SimulatedBadge,
  SourceBadge,
  StatusBadge,
  Value,
  whyUnknown,
} from '@/design/components/data';
import type { Column } from '@/design/components/Grid';
import * as format from '@/lib/format';
import { modelName } from '@/lib/model';

import css from './leaderboard.module.css';

type NumberKey = {
  [K in keyof Run]: Run[K] extends number | null ? K : never;
}[keyof Run];

type Quantify = (value: number | null) => format.Quantity;

const numeric = (
  id: NumberKey,
  header: string,
  quantify: Quantify,
  more: Partial<Column<Run>> & { why?: (run: Run) => string } = {},
): Column<Run> => ({
  id,
  header,
  sort: id,
  descFirst: true,
  width: 100,
  align: 'end',
  cell: (run) => <Value of={quantify(run[id])} align="end" why={more.why?.(run)} />,
  value: (run) => run[id],
  ...more,
});

type TextKey = {
  [K in keyof Run]: Run[K] extends string | null ? K : never;
}[keyof Run];

const textual = (id: TextKey, header: string, width: number): Column<Run> => ({
  id,
  header,
  sort: id,
  width,
  cell: (run) =>
    run[id] === null || run[id] === '' ? (
      <Value of={format.count(null)} why={`${header}: the run does not say.`} />
    ) : (
      <span title={run[id]}>{run[id]}</span>
    ),
  value: (run) => run[id],
});

const noGpu = (what: string) => (run: Run) =>
  run.gpu_count === 0
    ? `${what} is unknown: no GPU series was recorded.`
    : `${what} is unknown: the GPU series do not include it.`;

export const COLUMNS: Column<Run>[] = [
  numeric('rank', '#', format.count, {
    title: 'Rank in the current order',
    width: 56,
    narrow: 44,
    descFirst: false,
  }),
  {
    id: 'model',
    header: 'Model',
    sort: 'model',
    width: 216,
    narrow: 158,
    cell: (run) => <Model run={run} />,
    value: (run) => run.model,
  },
  {
    id: 'run_id',
    header: 'Run',
    sort: 'run_id',
    width: 110,
    cell: (run) => (
      <code className={css.id} title={run.run_id}>
        {format.shortId(run.run_id)}
      </code>
    ),
    value: (run) => run.run_id,
  },
  textual('agent_type', 'Agent', 76),
  {
    id: 'success_rate',
    header: 'Success',
    title: 'Share of scored tests that passed, with its Wilson 95% interval',
    sort: 'success_rate',
    descFirst: true,
    width: 144,
    narrow: 118,
    weight: 9,
    cell: (run) => (
      <span className={css.success}>
        <Value of={format.percent(run.success_rate)} why="Success is unknown: nothing was scored." />
        <IntervalBar value={run.success_rate} low={run.success_rate_ci_low} high={run.success_rate_ci_high} />
      </span>
    ),
    value: (run) => run.success_rate,
  },
  {
    id: 'tests',
    header: 'Passed / failed',
    title: 'Tests passed and failed; unscored ones follow when there are any',
    sort: 'total_tests',
    descFirst: true,
    width: 134,
    weight: 4,
    align: 'end',
    cell: (run) => (
      <span
        title={`${run.total_tests} tests: ${run.successful_tests} passed, ${run.failed_tests} failed, ${run.unscored_tests} unscored`}
      >
        <span className={css.pass}>{format.count(run.successful_tests).text}</span>
        <span className={css.slash}> / </span>
        <span className={run.failed_tests > 0 ? css.fail : undefined}>
          {format.count(run.failed_tests).text}
        </span>
        {run.unscored_tests > 0 && <span className={css.slash}> +{run.unscored_tests}</span>}
      </span>
    ),
    value: (run) => `${run.successful_tests}/${run.failed_tests}`,
  },
  numeric('co2_emissions_g', 'CO₂', format.co2, {
    title: 'CO₂ equivalent of the run, g',
    width: 92,
    weight: 8,
    why: (run) => whyUnknown('CO₂', run.co2_source),
  }),
  numeric('power_cost_total_usd', 'Power cost', format.usd, {
    title: 'Cost of the electricity, USD',
    width: 138,
    narrow: 120,
    weight: 7,
    why: (run) => whyUnknown('Power cost', run.power_cost_source),
  }),
  numeric('energy_wh', 'Energy', format.energy, {
    title: 'Energy of the run, Wh',
    width: 92,
    weight: 6,
    why: (run) => whyUnknown('Energy', run.energy_source),
  }),
  numeric('total_tokens', 'Tokens', format.count, {
    title: 'Tokens, each counted once at the deepest span that reports usage',
    width: 92,
    weight: 3,
    why: () => 'Tokens are unknown: no span bears usage.',
  }),
  numeric('total_cost_usd', 'Cost', format.usd, {
    title: 'Cost of the model calls, USD',
    width: 118,
    weight: 3,
    why: (run) => whyUnknown('Cost', run.cost_source),
  }),
  numeric('total_duration_ms', 'Duration', format.duration, {
    title: "Sum of the tests' durations",
    width: 96,
    weight: 5,
  }),
  numeric('avg_steps', 'Steps', format.plain, { title: 'Mean agent steps per test', width: 70 }),
  numeric('co2_per_success_g', 'CO₂ / success', format.co2, {
    title: 'CO₂ per passed test, g',
    width: 116,
    descFirst: false,
    why: (run) =>
      run.successful_tests === 0 ? 'No test passed.' : whyUnknown('CO₂ per success', run.co2_source),
  }),
  numeric('gpu_utilization_avg', 'GPU use', format.percent, {
    title: 'GPU utilisation, mean of all samples of all GPUs',
    width: 84,
    why: noGpu('GPU utilisation'),
  }),
  numeric('gpu_utilization_max', 'max', format.percent, {
    title: 'GPU utilisation, highest sample',
    width: 66,
    why: noGpu('GPU utilisation'),
  }),
  numeric('gpu_memory_avg_mib', 'GPU memory', format.memory, {
    title: 'GPU memory in use, mean',
    width: 108,
    why: noGpu('GPU memory'),
  }),
  numeric('gpu_memory_max_mib', 'max', format.memory, {
    title: 'GPU memory in use, highest',
    width: 92,
    why: noGpu('GPU memory'),
  }),
  numeric('gpu_temperature_avg', 'Temperature', format.celsius, {
    title: 'GPU temperature, mean',
    width: 104,
    why: noGpu('GPU temperature'),
  }),
  numeric('gpu_temperature_max', 'max', format.celsius, {
    title: 'GPU temperature, highest',
    width: 84,
    why: noGpu('GPU temperature'),
  }),
  numeric('gpu_power_avg_w', 'GPU power', format.power, {
    title: 'GPU power, mean',
    width: 92,
    why: noGpu('GPU power'),
  }),
  {
    id: 'sources',
    header: 'Sources',
    title: 'Where CO₂, power cost, energy and model cost come from',
    width: 196,
    cell: (run) => <Sources run={run} />,
    value: (run) =>
      sourceList(run)
        .map(([name, source]) => `${name}: ${source}`)
        .join('; '),
  },
  textual('provider', 'Provider', 96),
  textual('hardware', 'Hardware', 190),
  textual('dataset_used', 'Dataset', 130),
  {
    id: 'status',
    header: 'Status',
    sort: 'status',
    width: 96,
    cell: (run) => <StatusBadge status={run.status} />,
    value: (run) => run.status,
  },
  {
    id: 'timestamp',
    header: 'When',
    sort: 'timestamp',
    descFirst: true,
    width: 138,
    cell: (run) => <Value of={format.momentFromIso(run.timestamp)} why="The run does not say when." />,
    value: (run) => run.timestamp,
  },
  textual('submitted_by', 'Submitter', 104),
  numeric('energy_per_success_wh', 'Energy / success', format.energy, { width: 126, descFirst: false }),
  numeric('cost_per_success_usd', 'Cost / success', format.usd, { width: 126, descFirst: false }),
  numeric('pass_at_1', 'pass@1', format.plain, {
    width: 76,
    title: 'Share of tests whose first attempt passed',
  }),
  numeric('pass_at_k', 'pass@k', format.plain, { width: 76, title: 'Unbiased pass@k, k = attempts' }),
  numeric('pass_hat_k', 'pass^k', format.plain, { width: 76, title: 'All k attempts pass' }),
  numeric('gpu_count', 'GPUs', format.count, { width: 62 }),
  textual('use_case', 'Use case', 120),
  textual('team', 'Team', 96),
  textual('purpose', 'Purpose', 96),
  textual('suite_version', 'Suite', 84),
];

/** Shown when the address names no columns. */
export const DEFAULT_COLUMNS = COLUMNS.slice(
  0,
  COLUMNS.findIndex(({ id }) => id === 'energy_per_success_wh'),
).map(({ id }) => id);

/** The chosen columns in the chosen order; rank and model always lead. */
export function chosenColumns(ids: readonly string[] | undefined): Column<Run>[] {
  const wanted = [
    'rank',
    'model',
    ...(ids ?? DEFAULT_COLUMNS).filter((id) => id !== 'rank' && id !== 'model'),
  ];
  return wanted.flatMap((id) => COLUMNS.find((column) => column.id === id) ?? []);
}

function sourceList(run: Run) {
  return [
    ['CO₂', run.co2_source],
    ['power cost', run.power_cost_source],
    ['energy', run.energy_source],
    ['model cost', run.cost_source],
  ] as const;
}

/** Each distinct source once, with what it is the source of on hover. */
function Sources({ run }: { run: Run }) {
  const bySource = new Map<Source, string[]>();
  for (const [name, source] of sourceList(run)) bySource.set(source, [...(bySource.get(source) ?? []), name]);
  return (
    <span className={css.sources}>
      {[...bySource].map(([source, of]) => (
        <SourceBadge key={source} source={source} of={of.join(', ')} />
      ))}
    </span>
  );
}

/** The model's own name over its maker's, `maker/name` as the hubs write it. */
function Model({ run }: { run: Run }) {
  const { maker, name } = modelName(run.model);
  return (
    <span className={css.model} title={run.model}>
      <span>{name}</span>
      <small>
        {run.status !== 'completed' && <StatusBadge status={run.status} />}
        {run.simulated && <SimulatedBadge />}
        {maker}
      </small>
    </span>
  );
}

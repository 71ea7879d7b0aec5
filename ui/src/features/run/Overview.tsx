// The run at a glance: outcomes, failures by error, the tests that took the most, the GPUs.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import { runResults } from '@/api/queries';
import type { GpuTotals, Result, RunDetail } from '@/api/types';
import { IntervalBar, Panel, ShareBar, Value } from '@/design/components/data';
import { Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';

import { Differences } from './Accounting';
import { failureGroups, most, outcomeOf, testKey } from './results';
import { HeadRow } from './HeadRow';
import css from './run.module.css';

export function Overview({ detail }: { detail: RunDetail }) {
  const { run, differences, fields, gpus } = detail;
  const { data, error, refetch } = useQuery(runResults(run.run_id));
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading label="the tests" height="40vh" />;
  const results = data.items;
  return (
    <div className={css.overview}>
      <Outcomes detail={detail} results={results} />
      <Failures results={results} />
      <Ranking title="Slowest tests" results={results} measure="duration_ms" quantity={format.duration} />
      <Ranking title="Most expensive tests" results={results} measure="cost_usd" quantity={format.usd} />
      <Ranking
        title="Most energy-hungry tests"
        results={results}
        measure="energy_wh"
        quantity={format.energy}
      />
      {gpus.length > 0 && <Gpus gpus={gpus} />}
      {differences.length > 0 && (
        <Panel
          title="What the source's own row said"
          note="kept beside ours, never mixed with it"
          className={css.wide}
        >
          <Differences differences={differences} fields={fields} />
        </Panel>
      )}
    </div>
  );
}

/** How many passed, of those that were scored. */
function passedInWords(passed: number, failed: number, unscored: number): string {
  const scored = passed + failed;
  const parts = [scored > 0 && `${passed} of ${scored} passed`, unscored > 0 && `${unscored} unscored`];
  return parts.filter(Boolean).join(', ');
}

function Outcomes({ detail: { run }, results }: { detail: RunDetail; results: Result[] }) {
  const kinds = [...new Set(results.map(({ agent_type }) => agent_type))].sort();
  return (
    <Panel title="Outcome" note={format.plural(run.total_tests, 'test')} className={css.half}>
      <div className={css.split}>
        <div className={css.big}>
          <strong>
            <Value of={format.percent(run.success_rate)} why="Nothing was scored." />
          </strong>
          {run.success_rate_ci_low !== null && run.success_rate_ci_high !== null && (
            <span>
              95% interval {format.significant(run.success_rate_ci_low)} to{' '}
              {format.significant(run.success_rate_ci_high)}%
            </span>
          )}
        </div>
        <IntervalBar value={run.success_rate} low={run.success_rate_ci_low} high={run.success_rate_ci_high} />
        <div className={css.kinds}>
          {kinds.map((kind) => {
            const of = results.filter(({ agent_type }) => agent_type === kind).map(outcomeOf);
            const count = (outcome: string) => of.filter((item) => item === outcome).length;
            return (
              <div key={kind} style={{ display: 'contents' }}>
                <span>{kind} agent</span>
                <ShareBar passed={count('passed')} failed={count('failed')} unscored={count('unscored')} />
                <small>{passedInWords(count('passed'), count('failed'), count('unscored'))}</small>
              </div>
            );
          })}
        </div>
        <div className={css.passes}>
          <span>
            pass@1{' '}
            <b>
              <Value of={format.plain(run.pass_at_1)} why="Nothing was scored." />
            </b>
          </span>
          {run.attempts > 1 && (
            <>
              <span>
                pass@{run.attempts}{' '}
                <b>
                  <Value of={format.plain(run.pass_at_k)} />
                </b>
              </span>
              <span>
                pass^{run.attempts}{' '}
                <b>
                  <Value of={format.plain(run.pass_hat_k)} />
                </b>
              </span>
            </>
          )}
          <span>
            steps per test{' '}
            <b>
              <Value of={format.plain(run.avg_steps)} why="No test says its steps." />
            </b>
          </span>
          {run.unscored_tests > 0 && <span>{run.unscored_tests} unscored</span>}
          {run.interrupted_tests > 0 && <span>{run.interrupted_tests} interrupted, not counted</span>}
        </div>
      </div>
    </Panel>
  );
}

function Failures({ results }: { results: Result[] }) {
  const groups = failureGroups(results);
  return (
    <Panel
      title="Failures, by what went wrong"
      note={groups.length > 0 ? format.plural(groups.length, 'kind') : undefined}
      className={css.half}
    >
      {groups.length === 0 ? (
        <p className={css.none}>No test failed.</p>
      ) : (
        <ul className={css.failures}>
          {groups.slice(0, 6).map(({ message, results: failed }) => (
            <li key={message}>
              <b>{failed.length}</b>
              <p title={message}>{message}</p>
              <div>
                {failed.slice(0, 4).map((result) => (
                  <Link
                    key={testKey(result)}
                    className={css.link}
                    to="/runs/$runId"
                    params={{ runId: result.run_id }}
                    search={{ tab: 'tests', outcome: 'failed', test: testKey(result) }}
                  >
                    {testKey(result)}
                  </Link>
                ))}
                {failed.length > 4 && <span className={css.none}>and {failed.length - 4} more</span>}
              </div>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

type RankingProps = {
  title: string;
  results: Result[];
  measure: 'duration_ms' | 'cost_usd' | 'energy_wh';
  quantity: (value: number | null) => format.Quantity;
};

function Ranking({ title, results, measure, quantity }: RankingProps) {
  const top = most(results, measure, 5);
  const largest = top[0]?.[measure] ?? 1;
  return (
    <Panel title={title} className={css.third}>
      {top.length === 0 && <p className={css.none}>Not known for any test.</p>}
      <ol className={css.ranking}>
        {top.map((result) => (
          <li key={testKey(result)}>
            <Link
              to="/runs/$runId"
              params={{ runId: result.run_id }}
              search={{ tab: 'tests', test: testKey(result) }}
            >
              <i style={{ width: `calc(${(result[measure] ?? 0) / largest} * (100% - 1rem))` }} />
              <span>{testKey(result)}</span>
              <span>
                <Value of={quantity(result[measure])} />
              </span>
            </Link>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Gpus({ gpus }: { gpus: readonly GpuTotals[] }) {
  return (
    <Panel title="GPUs" note={format.plural(gpus.length, 'device')} className={css.wide}>
      <div className={css.scrollx}>
        <table className={css.plain}>
          <HeadRow
            names={[
              'Device',
              'Utilisation',
              'peak',
              'Memory',
              'peak',
              'Temperature',
              'peak',
              'Power',
              'Energy',
              'CO₂',
              'Power cost',
            ]}
          />
          <tbody>
            {gpus.map((gpu, index) => (
              <tr key={gpu.gpu_id}>
                <th scope="row">
                  <i className={css.dot} style={{ background: `var(--cat-${(index % 7) + 1})` }} />
                  {gpu.gpu_id === null ? 'host' : `GPU ${gpu.gpu_id}`}
                  {gpu.gpu_name && <span className={css.none}> {gpu.gpu_name}</span>}
                </th>
                {[
                  format.percent(gpu.utilization_avg),
                  format.percent(gpu.utilization_max),
                  format.memory(gpu.memory_avg_mib),
                  format.memory(gpu.memory_max_mib),
                  format.celsius(gpu.temperature_avg),
                  format.celsius(gpu.temperature_max),
                  format.power(gpu.power_avg_w),
                  format.energy(gpu.energy_wh),
                  format.co2(gpu.co2_emissions_g),
                  format.usd(gpu.power_cost_usd),
                ].map((value, column) => (
                  <td key={column}>
                    <Value of={value} why="This device did not report it." />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

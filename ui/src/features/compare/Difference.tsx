// Every metric side by side: values, the difference with its interval drawn, and whether it is real.

import type { Against, Comparison, MetricDifference, Verdict } from '@/api/types';
import { Badge, Panel, Value, type Tone } from '@/design/components/data';
import { csv } from '@/lib/csv';
import { saveFile } from '@/lib/download';
import { Button } from '@/design/components/controls';
import { exact, plural } from '@/lib/format';
import type { RunMetric } from '@/lib/metrics';

import css from './compare.module.css';
import { GROUPS, metricLines, signed, signedPercent, track, type MetricLine } from './transform';

const VERDICTS: Record<Verdict, { tone: Tone; sign: string }> = {
  better: { tone: 'pass', sign: '▲' },
  worse: { tone: 'fail', sign: '▼' },
  tie: { tone: 'quiet', sign: '=' },
  undecided: { tone: 'dashed', sign: '?' },
};

export function Difference({ comparison, focus }: { comparison: Comparison; focus: Against }) {
  const letters = comparison.runs.map(({ letter }) => letter);
  const letter = letters[focus.run] ?? '';
  const all = GROUPS.flatMap(({ metrics }) => metricLines(comparison, focus, metrics));
  const save = () => {
    const head = [
      'metric',
      'unit',
      ...letters,
      'difference',
      'percent',
      'ci_low',
      'ci_high',
      'verdict',
      'reason',
    ];
    const rows = all.map(({ metric, values, difference: of }) => [
      metric.id,
      of.unit,
      ...values.map(({ value }) => value),
      of.difference,
      of.difference_percent,
      of.ci_low,
      of.ci_high,
      of.verdict,
      of.reason,
    ]);
    saveFile('comparison.csv', csv(head, rows), 'text/csv');
  };
  return (
    <Panel
      title="Side by side"
      note={`${plural(focus.counts.common, 'test')} in both A and ${letter}`}
      className={css.panel}
      actions={
        <Button small icon="download" onClick={save}>
          CSV
        </Button>
      }
    >
      <div className={css.scroll} tabIndex={0} role="region" aria-label="Side by side, table">
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">Metric</th>
              {letters.map((name, index) => (
                <th key={name} scope="col" className={css.end} data-dim={index !== 0 && index !== focus.run}>
                  <span className={css.dot} style={{ background: `var(--cat-${index + 1})` }} />
                  {name}
                </th>
              ))}
              <th scope="col" className={`${css.end} ${css.roomy}`}>
                {letter} − A
              </th>
              <th scope="col" className={`${css.wide} ${css.roomy}`}>
                95% interval
              </th>
              <th scope="col">{letter} is</th>
            </tr>
          </thead>
          {GROUPS.map(({ title, metrics }) => (
            <tbody key={title}>
              <tr>
                <th scope="rowgroup" colSpan={letters.length + 4} className={css.group}>
                  {title}
                </th>
              </tr>
              {metricLines(comparison, focus, metrics).map((line) => (
                <Line key={line.metric.id} line={line} focus={focus.run} />
              ))}
            </tbody>
          ))}
        </table>
      </div>
    </Panel>
  );
}

function Line({ line: { metric, values, difference }, focus }: { line: MetricLine; focus: number }) {
  const { tone, sign } = VERDICTS[difference.verdict];
  const arrow = metric.better === 'higher' ? 'more is better' : 'less is better';
  return (
    <tr data-verdict={difference.verdict}>
      <th scope="row" title={arrow}>
        {metric.name}
        <small aria-label={arrow}>{metric.better === 'higher' ? '↑' : '↓'}</small>
      </th>
      {values.map(({ value, whole, others, mark }, index) => (
        <td key={index} className={css.end} data-mark={mark} data-dim={index !== 0 && index !== focus}>
          <span title={whole && value !== null ? 'Of the whole run: not known of each test.' : undefined}>
            <Value of={metric.quantify(value)} align="end" why={difference.reason} />
            {whole && value !== null && <sup>run</sup>}
          </span>
          {mark === 'best' && <span className={css.best}>best</span>}
          {others !== null && (
            <span
              className={css.tie}
              title="The tests that it has in common with A: not those compared here."
            >
              over {plural(others, 'test')}
            </span>
          )}
          {mark === 'tie' && <span className={css.tie}>tie</span>}
        </td>
      ))}
      <td
        className={`${css.end} ${css.roomy}`}
        title={
          difference.difference === null ? undefined : `${exact(difference.difference)} ${difference.unit}`
        }
      >
        {difference.difference === null ? (
          <Value of={metric.quantify(null)} why={difference.reason} />
        ) : (
          <>
            {signed(metric, difference.difference)}{' '}
            <small>{signedPercent(difference.difference_percent)}</small>
          </>
        )}
      </td>
      <td className={css.roomy}>
        <Interval metric={metric} of={difference} />
      </td>
      <td>
        <Badge tone={tone} title={difference.reason}>
          <span aria-hidden="true">{sign}</span> {difference.verdict}
        </Badge>
        {difference.difference !== null && (
          <small className={css.short}>{signed(metric, difference.difference)}</small>
        )}
        {/* What the interval beside it shows needs no words. */}
        {difference.ci_low === null || metric.id === 'success_rate' ? (
          <small className={css.reason}>{difference.reason}</small>
        ) : (
          <span className="visually-hidden">{difference.reason}</span>
        )}
      </td>
    </tr>
  );
}

function Interval({ metric, of }: { metric: RunMetric; of: MetricDifference }) {
  const place = track(of);
  if (!place || place.low === null || place.high === null) {
    return <span className={css.noInterval}>{of.basis === 'none' ? '' : 'no interval'}</span>;
  }
  const label = `95% interval ${signed(metric, of.ci_low)} to ${signed(metric, of.ci_high)}`;
  return (
    <span className={css.interval}>
      <span className={css.track} role="img" aria-label={label} title={label} data-verdict={of.verdict}>
        <i style={{ left: `${place.low}%`, width: `${Math.max(1, place.high - place.low)}%` }} />
        <b style={{ left: `${place.at}%` }} />
      </span>
      <small aria-hidden="true">
        {signed(metric, of.ci_low)} to {signed(metric, of.ci_high)}
      </small>
    </span>
  );
}

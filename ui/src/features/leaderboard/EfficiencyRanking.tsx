// Who passes most tests with what it uses: per Wh, and per gram of CO2.

import { Link } from '@tanstack/react-router';
import { memo, useMemo } from 'react';

import type { Run } from '@/api/types';
import { Button } from '@/design/components/controls';
import { Panel } from '@/design/components/data';
import { csv } from '@/lib/csv';
import { saveFile } from '@/lib/download';
import * as format from '@/lib/format';

import { byModel, efficiency, type Efficiency } from './analytics';
import css from './insights.module.css';

const RANKINGS = [
  {
    id: 'success_per_wh',
    title: 'Successes per Wh',
    of: (run: Run) => run.energy_wh,
    quantify: format.energy,
    what: 'energy',
  },
  {
    id: 'success_per_g',
    title: 'Successes per gram of CO₂',
    of: (run: Run) => run.co2_emissions_g,
    quantify: format.co2,
    what: 'CO₂',
  },
] as const;

const MOST = 12;

/** Of all runs of the filter, whatever else is drawn of them. */
export const EfficiencyRanking = memo(function EfficiencyRanking({ runs }: { runs: readonly Run[] }) {
  const models = useMemo(() => byModel(runs), [runs]);
  const rankings = RANKINGS.map((ranking) => ({ ...ranking, rows: efficiency(models, ranking.of) }));
  const save = () => {
    const lines = rankings.flatMap(({ id, rows }) =>
      rows.map((row, rank) => [
        id,
        rank + 1,
        row.model,
        row.per,
        row.passed,
        row.amount,
        row.known,
        row.runs,
      ]),
    );
    const head = ['ranking', 'rank', 'model', 'per', 'passed', 'amount', 'runs_known', 'runs'];
    saveFile('efficiency.csv', csv(head, lines), 'text/csv');
  };
  return (
    <Panel
      title="Environmental efficiency"
      note="passed tests per what they used, all runs of a model together"
      actions={
        <Button small icon="download" onClick={save}>
          CSV
        </Button>
      }
    >
      <div className={css.rankings}>
        {rankings.map(({ id, title, rows, quantify, what }) => (
          <Ranking
            key={id}
            title={title}
            rows={rows}
            quantify={quantify}
            what={what}
            models={models.length}
          />
        ))}
      </div>
    </Panel>
  );
});

type RankingProps = {
  title: string;
  rows: readonly Efficiency[];
  quantify: (value: number) => format.Quantity;
  what: string;
  models: number;
};

function Ranking({ title, rows, quantify, what, models }: RankingProps) {
  const best = rows[0]?.per ?? 0;
  if (rows.length === 0) return <p className={css.none}>No run in the filter knows its {what}.</p>;
  return (
    <table className={css.ranking} aria-label={title}>
      <thead>
        <tr>
          <th scope="col">
            <span className="visually-hidden">Rank</span>
          </th>
          <th scope="col">{title}</th>
          <th scope="col" className={css.end}>
            Passed with
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, MOST).map(({ model, per, passed, amount, known, runs }, index) => (
          <tr
            key={model}
            title={known < runs ? `${known} of ${runs} runs know their ${what}` : format.plural(runs, 'run')}
          >
            <td>{index + 1}</td>
            <th scope="row">
              <Link from="/" to="/" search={(before) => ({ ...before, tab: undefined, model: [model] })}>
                {model}
              </Link>
              <span className={css.barline}>
                <i style={{ width: `${best > 0 ? (100 * per) / best : 0}%` }} />
                <b title={format.exact(per)}>{format.significant(per)}</b>
              </span>
            </th>
            <td className={css.end}>
              {format.count(passed).text}
              <small> / {format.written(quantify(amount))}</small>
              {known < runs && <small> *</small>}
            </td>
          </tr>
        ))}
      </tbody>
      {(rows.length > MOST || rows.length < models) && (
        <caption>
          {rows.length > MOST && `The first ${MOST} of ${rows.length}. `}
          {rows.length < models &&
            `${format.plural(models - rows.length, 'model')} left out: ${what} unknown.`}
        </caption>
      )}
    </table>
  );
}

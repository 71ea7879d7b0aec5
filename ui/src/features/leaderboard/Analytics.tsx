// Runs against one another: a scatter with its frontier, models by metrics, and who does most with least.

import type { RunFilter } from '@/api/queries';
import { Failure, Loading } from '@/design/components/states';

import { EfficiencyRanking } from './EfficiencyRanking';
import { Heatmap } from './Heatmap';
import css from './insights.module.css';
import { Newest } from './Newest';
import { Scatter } from './Scatter';
import type { LeaderboardSearch } from './search';
import { useChartRuns } from './useChartRuns';

type Props = {
  filter: RunFilter;
  search: LeaderboardSearch;
  onChange: (part: Partial<LeaderboardSearch>) => void;
};

export function Analytics({ filter, search, onChange }: Props) {
  const { data, drawn, error, refetch } = useChartRuns(filter, search);
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading label="the analytics" height="50vh" />;
  return (
    <div className={css.page}>
      <Newest shown={data.items.length} total={data.total} />
      <Scatter runs={data.items} search={search} drawn={drawn} onChange={onChange} />
      <EfficiencyRanking runs={data.items} />
      <Heatmap runs={data.items} />
    </div>
  );
}

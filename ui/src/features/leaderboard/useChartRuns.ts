// The runs of the filter as far as the charts read them, and what is drawn of them.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { chartRuns, type RunFilter } from '@/api/queries';

import { chartFields } from './charted';
import type { LeaderboardSearch } from './search';

/**
 * `drawn` is what the address asks for, once the runs say all that it takes; until then what was drawn before, which the
 * runs at hand are enough for.
 */
export function useChartRuns(filter: RunFilter, search: LeaderboardSearch) {
  const query = useQuery(chartRuns(filter, chartFields(search)));
  const [last, setLast] = useState(search);
  const ready = query.data !== undefined && !query.isPlaceholderData;
  if (ready && last !== search) setLast(search);
  return { ...query, drawn: ready ? search : last };
}

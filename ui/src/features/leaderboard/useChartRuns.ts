// All runs of the filter, for the charts.

import { useQuery } from '@tanstack/react-query';

import { chartRuns, type RunFilter } from '@/api/queries';
import { CHART_FIELDS } from '@/lib/chartFields';

export const useChartRuns = (filter: RunFilter) => useQuery(chartRuns(filter, CHART_FIELDS));

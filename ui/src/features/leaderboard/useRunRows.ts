// The leaderboard's lines: runs in one list or by model, fetched page by page as they come in sight.

import { useQueries, useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';

import { facets, RUNS_PAGE, runsPage, type RunFilter } from '@/api/queries';
import type { Run, RunsPage, RunsSummary } from '@/api/types';
import { pagesNeeded, placeAt, segmentStarts, type Segment } from '@/lib/segments';

const RANGE_STEP = 25;

export type Line =
  | { type: 'row'; row: Run; key: string }
  | { type: 'pending'; key: string }
  | { type: 'group'; key: string; open: boolean; count: number; summary: RunsSummary | undefined };

export function useRunRows(filter: RunFilter, sort: string, grouped: boolean) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [range, setRange] = useState<[number, number]>([0, 0]);
  const head = useQuery(runsPage(filter, sort, 1));
  const models = useQuery({ ...facets(filter), enabled: grouped });
  const total = head.data?.total ?? 0;

  const segments = useMemo<Segment[]>(() => {
    if (!grouped) return [{ key: '', count: total, head: false, open: true }];
    const chosen = filter.model;
    return (models.data?.model ?? [])
      .filter(({ value }) => !chosen || chosen.includes(value))
      .map(({ value, count }) => ({ key: value, count, head: true, open: !folded.has(value) }));
  }, [grouped, total, models.data, filter, folded]);
  const { starts, total: count } = useMemo(() => segmentStarts(segments), [segments]);

  const needed = pagesNeeded(segments, starts, range[0], range[1], RUNS_PAGE);
  const pages = useQueries({
    queries: needed.map(({ segment, page }) =>
      runsPage(grouped ? { ...filter, model: [segments[segment]?.key ?? ''] } : filter, sort, page),
    ),
  });
  const loaded = new Map<string, RunsPage>();
  needed.forEach(({ segment, page }, index) => {
    const result = pages[index];
    // A placeholder is another page's rows: not these.
    if (result?.data && !result.isPlaceholderData) loaded.set(`${segment}/${page}`, result.data);
  });
  if (!grouped && head.data) loaded.set('0/1', head.data);

  const itemAt = (line: number): Line => {
    const place = placeAt(segments, starts, line);
    const segment = place && segments[place.segment];
    if (!place || !segment) return { type: 'pending', key: `line ${line}` };
    if (place.type === 'head') {
      const summary = loaded.get(`${place.segment}/1`)?.summary;
      return { type: 'group', key: segment.key, open: segment.open, count: segment.count, summary };
    }
    const page = Math.floor(place.index / RUNS_PAGE) + 1;
    const row = loaded.get(`${place.segment}/${page}`)?.items[place.index % RUNS_PAGE];
    return row ? { type: 'row', row, key: row.run_id } : { type: 'pending', key: `line ${line}` };
  };

  const onRange = useCallback((firstSeen: number, lastSeen: number) => {
    // In steps, so that a scroll asks anew only now and then.
    const first = Math.max(0, Math.floor(firstSeen / RANGE_STEP) * RANGE_STEP);
    const last = Math.ceil((lastSeen + 1) / RANGE_STEP) * RANGE_STEP;
    setRange((before) => (before[0] === first && before[1] === last ? before : [first, last]));
  }, []);
  const toggle = (key: string) => {
    const next = new Set(folded);
    if (!next.delete(key)) next.add(key);
    setFolded(next);
  };
  return { head, count, itemAt, onRange, toggle };
}

// A long list in parts: each part may have a head line, be folded, and be loaded page by page.

export type Segment = { key: string; count: number; head: boolean; open: boolean };

export type Place = { segment: number; type: 'head' } | { segment: number; type: 'row'; index: number };

/** Where each segment begins, and the number of lines in all. */
export function segmentStarts(segments: readonly Segment[]): { starts: number[]; total: number } {
  let total = 0;
  const starts = segments.map((segment) => {
    const start = total;
    total += (segment.head ? 1 : 0) + (segment.open ? segment.count : 0);
    return start;
  });
  return { starts, total };
}

/** What stands at line `line`; null outside the list. */
export function placeAt(segments: readonly Segment[], starts: readonly number[], line: number): Place | null {
  if (line < 0) return null;
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= line) low = middle;
    else high = middle - 1;
  }
  const segment = segments[low];
  const start = starts[low];
  if (!segment || start === undefined) return null;
  const offset = line - start;
  if (segment.head && offset === 0) return { segment: low, type: 'head' };
  const index = offset - (segment.head ? 1 : 0);
  return segment.open && index < segment.count ? { segment: low, type: 'row', index } : null;
}

/** The pages (from 1) of `pageSize` rows that lines `first` to `last` need, by segment. */
export function pagesNeeded(
  segments: readonly Segment[],
  starts: readonly number[],
  first: number,
  last: number,
  pageSize: number,
): { segment: number; page: number }[] {
  const needed = new Map<string, { segment: number; page: number }>();
  for (let line = first; line <= last; line += 1) {
    const place = placeAt(segments, starts, line);
    if (!place) continue;
    // A head shows its part's summary, which comes with the first page.
    const page = place.type === 'row' ? Math.floor(place.index / pageSize) + 1 : 1;
    needed.set(`${place.segment}/${page}`, { segment: place.segment, page });
  }
  return [...needed.values()];
}

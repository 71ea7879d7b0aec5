// The order of a table, as the API and the address write it: `-success_rate,model`.

export type SortKey = { key: string; direction: 'asc' | 'desc' };
export type Sort = readonly SortKey[];

export function parseSort(text: string | undefined): Sort {
  return (text ?? '')
    .split(',')
    .filter((part) => part !== '' && part !== '-')
    .map((part) =>
      part.startsWith('-') ? { key: part.slice(1), direction: 'desc' } : { key: part, direction: 'asc' },
    );
}

export function writeSort(sort: Sort): string {
  return sort.map(({ key, direction }) => (direction === 'desc' ? `-${key}` : key)).join(',');
}

/**
 * The order after a click on `key`: its first direction, then the other, then none.
 * `add` keeps the other keys (shift-click).
 */
export function sortBy(sort: Sort, key: string, descFirst: boolean, add: boolean): Sort {
  const before = sort.find((part) => part.key === key);
  const firstDirection = descFirst ? 'desc' : 'asc';
  const others = add ? sort.filter((part) => part.key !== key) : [];
  if (!before) return [...others, { key, direction: firstDirection }];
  if (before.direction === firstDirection) {
    const turned: SortKey = { key, direction: descFirst ? 'asc' : 'desc' };
    return add ? sort.map((part) => (part.key === key ? turned : part)) : [turned];
  }
  return others;
}

type Sortable = string | number | boolean | null | undefined;

/** Sorts a copy; unknown values stand last in either direction, equal ones keep their order. */
export function sorted<Row>(
  rows: readonly Row[],
  sort: Sort,
  value: (row: Row, key: string) => Sortable,
): Row[] {
  return [...rows].sort((a, b) => {
    for (const { key, direction } of sort) {
      const x = value(a, key) ?? null;
      const y = value(b, key) ?? null;
      if (x === y) continue;
      if (x === null) return 1;
      if (y === null) return -1;
      const order = typeof x === 'string' && typeof y === 'string' ? x.localeCompare(y) : x < y ? -1 : 1;
      if (order !== 0) return direction === 'asc' ? order : -order;
    }
    return 0;
  });
}

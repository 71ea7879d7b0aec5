// Test by test: what was fixed, what was broken, with the way to both traces.

import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';

import { testResult } from '@/api/queries';
import type { Against, Comparison, TestCell } from '@/api/types';
import { AllColumns, Button, SearchField } from '@/design/components/controls';
import { Badge, Panel, Value } from '@/design/components/data';
import { Grid, type Column } from '@/design/components/Grid';
import { Empty } from '@/design/components/states';
import { csv } from '@/lib/csv';
import { saveFile } from '@/lib/download';
import * as format from '@/lib/format';
import { parseSort, sorted, writeSort } from '@/lib/sort';

import css from './compare.module.css';
import { SHOWN, type CompareSearch, type Shown } from './search';
import { CHANGES, countShown, shownRows, testRows, type TestRow } from './transform';

const NAMES: Record<Shown, string> = {
  changed: 'Changed',
  fixed: 'Fixed',
  broken: 'Broken',
  both_pass: 'Both pass',
  both_fail: 'Both fail',
  apart: 'Not comparable',
  all: 'All',
};

type Props = {
  comparison: Comparison;
  focus: Against;
  search: CompareSearch;
  onChange: (part: Partial<CompareSearch>) => void;
};

export function Matrix({ comparison, focus, search, onChange }: Props) {
  const [active, setActive] = useState(-1);
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const all = search.cols === 'all';
  const rows = useMemo(() => testRows(comparison.tests, focus.run), [comparison, focus]);
  const counts = countShown(rows);
  const shown = search.show ?? (counts.changed > 0 ? 'changed' : 'all');
  const columns = useMemo(() => columnsOf(comparison, focus.run), [comparison, focus]);
  const sort = useMemo(() => parseSort(search.sort), [search.sort]);
  const listed = useMemo(() => {
    const found = shownRows(rows, shown, search.q ?? '');
    return sorted(found, sort, (row, key) => columns.find(({ id }) => id === key)?.value?.(row));
  }, [rows, shown, search.q, sort, columns]);
  const open = listed.find(({ key }) => key === search.test);
  const save = () => {
    const exported = columns.filter(({ value }) => value);
    const lines = listed.map((row) => exported.map(({ value }) => value?.(row)));
    saveFile(
      'tests-compared.csv',
      csv(
        exported.map(({ id }) => id),
        lines,
      ),
      'text/csv',
    );
  };
  const letter = comparison.runs[focus.run]?.letter ?? '';
  return (
    <Panel title="Test by test" note={`${letter} against A`} className={css.panel}>
      <div className={css.filters} role="group" aria-label="Which tests">
        {SHOWN.filter((name) => counts[name] > 0 || name === shown).map((name) => (
          <Button
            key={name}
            small
            aria-pressed={name === shown}
            onClick={() => {
              onChange({ show: name, test: undefined });
            }}
          >
            {NAMES[name]} <span className={css.count}>{counts[name]}</span>
          </Button>
        ))}
        <span className={css.push} />
        <SearchField
          slash
          label="Search tests"
          value={search.q ?? ''}
          onChange={(q) => {
            onChange({ q: q || undefined });
          }}
        />
        <AllColumns
          small
          hidden={hidden.length}
          all={all}
          onChange={(on) => {
            onChange({ cols: on ? 'all' : undefined });
          }}
        />
        <Button small icon="download" onClick={save}>
          CSV
        </Button>
      </div>
      {listed.length === 0 ? (
        <Empty icon="filter" title="No such test">
          <p>Choose another group, or clear the search.</p>
        </Empty>
      ) : (
        <Grid<TestRow>
          label="Tests compared"
          className={css.grid}
          columns={columns}
          fitBelow={all ? 0 : Infinity}
          onHidden={setHidden}
          count={listed.length}
          itemAt={(index) => {
            const row = listed[index];
            return row ? { type: 'row', row, key: row.key } : { type: 'pending', key: String(index) };
          }}
          sort={sort}
          onSort={(next) => {
            onChange({ sort: writeSort(next) || undefined });
          }}
          active={active}
          onActive={setActive}
          isOpen={(row) => row.key === open?.key}
          onOpen={(row) => {
            onChange({ test: row.key === open?.key ? undefined : row.key });
          }}
          onEscape={() => {
            onChange({ test: undefined });
          }}
          detail={(row) => <Both comparison={comparison} focus={focus} row={row} />}
        />
      )}
    </Panel>
  );
}

function columnsOf(comparison: Comparison, focus: number): Column<TestRow>[] {
  const cell = (row: TestRow, run: number) => row.line.cells[run] ?? null;
  const delta = (
    id: string,
    header: string,
    of: (cell: TestCell) => number | null,
    quantify: (value: number | null) => format.Quantity,
  ): Column<TestRow> => {
    const value = (row: TestRow) => {
      const [a, b] = [cell(row, 0), cell(row, focus)];
      const [x, y] = [a && of(a), b && of(b)];
      return x === null || y === null ? null : y - x;
    };
    return {
      id,
      header: `Δ ${header}`,
      title: `${header}: ${comparison.runs[focus]?.letter ?? ''} less A`,
      sort: id,
      descFirst: true,
      width: 116,
      weight: id === 'energy' || id === 'co2' ? 6 : 5,
      align: 'end',
      value,
      cell: (row) => {
        const by = value(row);
        if (by === null) return <Value of={format.count(null)} why={`${header} is unknown on a side.`} />;
        const size = quantify(Math.abs(by));
        return (
          <Value align="end" of={{ ...size, text: `${by > 0 ? '+' : by < 0 ? '−' : ''}${size.text}` }} />
        );
      },
    };
  };
  return [
    {
      id: 'test',
      header: 'Test',
      sort: 'test',
      width: 250,
      narrow: 160,
      value: ({ line }) => line.test,
      cell: ({ line }) => (
        <span className={css.test} title={line.test}>
          {line.test}
          {line.attempt !== null && <small> #{line.attempt}</small>}
        </span>
      ),
    },
    {
      id: 'change',
      header: 'Change',
      title: 'What became of the test',
      sort: 'change',
      width: 106,
      weight: 9,
      value: ({ change }) => change,
      cell: ({ change }) => (
        <Badge tone={CHANGES[change].tone} title={CHANGES[change].says}>
          {CHANGES[change].name}
        </Badge>
      ),
    },
    ...comparison.runs.map(({ letter, run_id }, run): Column<TestRow> => ({
      id: letter,
      header: letter,
      title: `Outcome in ${letter}; opens its trace`,
      sort: letter,
      width: 104,
      narrow: 80,
      weight: 8,
      value: (row) => {
        const of = cell(row, run);
        return of && (of.scored === 0 ? 'unscored' : `${of.passed}/${of.scored}`);
      },
      cell: (row) => <Outcome of={cell(row, run)} runId={run_id} />,
    })),
    {
      id: 'difficulty',
      header: 'Difficulty',
      sort: 'difficulty',
      width: 92,
      value: ({ line }) => line.difficulty,
      cell: ({ line }) =>
        line.difficulty ?? <Value of={format.count(null)} why="The source does not say how hard it is." />,
    },
    delta('duration', 'duration', (of) => of.duration_ms, format.duration),
    delta('tokens', 'tokens', (of) => of.total_tokens, format.count),
    delta('cost', 'cost', (of) => of.cost_usd, format.usd),
    delta('energy', 'energy', (of) => of.energy_wh, format.energy),
    delta('co2', 'CO₂', (of) => of.co2_emissions_g, format.co2),
  ];
}

/** How a test came out in a run, with the way to its trace. */
function Outcome({ of, runId }: { of: TestCell | null; runId: string }) {
  if (!of) return <Value of={format.count(null)} why="The run does not have this test." />;
  const tone = of.success === null ? 'dashed' : of.success ? 'pass' : 'fail';
  const tries = of.attempts > 1 ? ` ${of.passed}/${of.scored}` : '';
  const badge = (
    <Badge tone={tone}>
      {of.success === null ? 'unscored' : of.success ? '✓ pass' : '✕ fail'}
      {tries}
    </Badge>
  );
  if (!of.trace_id) return badge;
  return (
    <Link
      to="/runs/$runId/traces/$traceId"
      params={{ runId, traceId: of.trace_id }}
      title="Open the trace"
      className={css.trace}
      onClick={(event) => {
        event.stopPropagation();
      }}
    >
      {badge}
    </Link>
  );
}

/** Both sides of a test: what each answered, used and cost. */
function Both({ comparison, focus, row }: { comparison: Comparison; focus: Against; row: TestRow }) {
  const sides = [0, focus.run];
  const byId = comparison.pair_by === 'id';
  const asked = useQueries({
    queries: sides.map((side) => ({
      ...testResult(comparison.runs[side]?.run_id ?? '', row.line.test, row.line.attempt ?? 1),
      enabled: !byId && row.line.cells[side] !== null,
    })),
  });
  const prompt = asked.map(({ data }) => data?.prompt).find(Boolean);
  return (
    <div className={css.both}>
      {prompt && <p className={css.prompt}>{prompt}</p>}
      <div className={css.halves}>
        {sides.map((side, at) => {
          const of = row.line.cells[side];
          const run = comparison.runs[side];
          const result = asked[at]?.data;
          if (!run) return null;
          if (!of) {
            return (
              <section key={run.letter} aria-label={run.letter}>
                <h3>{run.letter}</h3>
                <p className={css.none}>Does not have this test.</p>
              </section>
            );
          }
          const facts: [string, format.Quantity][] = [
            ['Steps', format.plain(of.steps)],
            ['Duration', format.duration(of.duration_ms)],
            ['Tokens', format.count(of.total_tokens)],
            ['Cost', format.usd(of.cost_usd)],
            ['Energy', format.energy(of.energy_wh)],
            ['CO₂', format.co2(of.co2_emissions_g)],
          ];
          return (
            <section key={run.letter} aria-label={`${run.letter}, ${row.line.test}`}>
              <header>
                <h3>
                  <span className={css.dot} style={{ background: `var(--cat-${side + 1})` }} />
                  {run.letter}
                </h3>
                <Outcome of={of} runId={run.run_id} />
                {of.trace_id && (
                  <Link
                    className={css.open}
                    to="/runs/$runId/traces/$traceId"
                    params={{ runId: run.run_id, traceId: of.trace_id }}
                  >
                    Open trace {run.letter}
                  </Link>
                )}
              </header>
              <dl className={css.facts}>
                {facts.map(([name, quantity]) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd>
                      <Value of={quantity} />
                    </dd>
                  </div>
                ))}
              </dl>
              {result && result.tools_used.length > 0 && (
                <p className={css.tools}>
                  Tools: {result.tools_used.join(' → ')}
                  {result.expected_tool && ` (expected ${result.expected_tool})`}
                </p>
              )}
              {of.error && <p className={css.error}>{of.error}</p>}
              {result?.response && <pre className={css.response}>{result.response}</pre>}
            </section>
          );
        })}
      </div>
    </div>
  );
}

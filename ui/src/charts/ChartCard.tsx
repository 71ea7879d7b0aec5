// A chart with everything a chart has here: title and unit, a readout at the cursor, zoom,
// the numbers as a table, and the picture as a file.

import { useMemo, useState } from 'react';

import { IconButton } from '@/design/components/controls';
import { Value } from '@/design/components/data';
import { fileName, saveFile } from '@/lib/download';
import { axisTime, exact, quantity, written } from '@/lib/format';
import { lastValue, tabulate, valueAt, type Window } from '@/lib/timeseries';

import css from './charts.module.css';
import { useCursorTime } from './cursor';
import { PLOT_LEFT, PLOT_RIGHT, pictureOption, unitOf, type PlotSpec } from './option';
import { useTheme } from './theme';
import { Plot, TimeArea } from './TimePlot';

type Props = {
  title: string;
  spec: PlotSpec;
  extent: Window;
  onWindow: (window: Window | null) => void;
  /** Why there may be no line at all. */
  why: string;
};

const PICTURE = { width: 960, height: 360 };

export function ChartCard({ title, spec, extent, onWindow, why }: Props) {
  const [asTable, setAsTable] = useState(false);
  const theme = useTheme();
  const { unit } = unitOf(spec);
  const says = useMemo(
    () => (ms: number) =>
      [
        axisTime(ms, spec.window.to - spec.window.from),
        ...spec.lines.map((line) => `${line.name} ${written(quantity(spec.dimension, valueAt(line, ms)))}`),
      ].join(', '),
    [spec],
  );
  const save = async (kind: 'png' | 'svg') => {
    const { toPng, toSvg } = await import('./engine');
    const option = pictureOption(spec, theme, title);
    const name = `${fileName(title)}.${kind}`;
    if (kind === 'svg') saveFile(name, toSvg(option, PICTURE.width, PICTURE.height), 'image/svg+xml');
    else saveFile(name, await toPng(option, PICTURE.width, PICTURE.height));
  };
  const empty = spec.lines.every(({ t_ms }) => t_ms.length === 0);
  return (
    <figure className={css.card} aria-label={title}>
      <figcaption className={css.head}>
        <h3>
          {title} <small>{unit}</small>
        </h3>
        {!empty && <Readout spec={spec} />}
        {!empty && (
          <span className={css.actions}>
            {(['png', 'svg'] as const).map((kind) => (
              <button
                key={kind}
                type="button"
                className={css.text}
                aria-label={`Download ${title} as ${kind.toUpperCase()}`}
                onClick={() => void save(kind)}
              >
                {kind.toUpperCase()}
              </button>
            ))}
            <IconButton
              small
              icon={asTable ? 'chart' : 'table'}
              label={asTable ? `${title} as a chart` : `${title} as a table`}
              onClick={() => {
                setAsTable(!asTable);
              }}
            />
          </span>
        )}
      </figcaption>
      {empty ? (
        <div className={css.none}>{why}</div>
      ) : (
        <>
          {asTable && <Numbers title={title} spec={spec} />}
          {!asTable && (
            <div className={`${css.frame} ${css.body}`}>
              <Plot spec={spec} look="full" />
              <TimeArea
                window={spec.window}
                extent={extent}
                onWindow={onWindow}
                left={PLOT_LEFT}
                right={PLOT_RIGHT}
                label={`${title}: cursor`}
                says={says}
              />
            </div>
          )}
        </>
      )}
    </figure>
  );
}

/** The lines with their values at the cursor, or their last ones. */
export function Readout({ spec }: { spec: PlotSpec }) {
  const at = useCursorTime();
  return (
    <ul className={css.legend}>
      {spec.lines.map((line) => (
        <li key={line.name}>
          <span
            className={css.swatch}
            data-limit={line.limit}
            style={{ background: `var(--cat-${line.tone})`, color: `var(--cat-${line.tone})` }}
          />
          {line.name}
          <b>
            <Value
              of={quantity(spec.dimension, at === null ? lastValue(line) : valueAt(line, at))}
              why="No sample here: a gap."
            />
          </b>
        </li>
      ))}
    </ul>
  );
}

const TABLE_LIMIT = 2000;

function Numbers({ title, spec }: { title: string; spec: PlotSpec }) {
  const { from, to } = spec.window;
  const rows = useMemo(
    () => tabulate(spec.lines).filter(({ ms }) => ms >= from && ms <= to),
    [spec.lines, from, to],
  );
  return (
    <div className={css.table} tabIndex={0} role="region" aria-label={`${title}, numbers`}>
      <table>
        <caption className="visually-hidden">
          {title}, {rows.length} moments
          {rows.length > TABLE_LIMIT && `, the first ${TABLE_LIMIT} shown`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time, s</th>
            {spec.lines.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, TABLE_LIMIT).map(({ ms, values }) => (
            <tr key={ms}>
              <td title={`${exact(ms)} ms`}>{(ms / 1000).toFixed(3)}</td>
              {values.map((value, index) => (
                <td key={spec.lines[index]?.name}>
                  <Value
                    of={quantity(spec.dimension, value)}
                    why={
                      value === null ? 'A gap: the read failed or is missing.' : 'No sample at this moment.'
                    }
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

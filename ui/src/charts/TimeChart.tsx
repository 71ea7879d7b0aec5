// Lines over time: the shared cursor tells their values, dragging zooms all charts of the same axis.

import { useMemo } from 'react';

import { Value } from '@/design/components/data';
import { axisTime, exact, quantity, written } from '@/lib/format';
import { isWhole, lastValue, tabulate, valueAt, zoomed, type Window } from '@/lib/timeseries';

import { ChartFrame, type ChartTable } from './ChartFrame';
import css from './charts.module.css';
import { useCursorTime } from './cursor';
import { PLOT_LEFT, PLOT_RIGHT, pictureOption, unitOf, type PlotSpec } from './option';
import { Plot, TimeArea } from './TimePlot';

type Props = {
  title: string;
  spec: PlotSpec;
  extent: Window;
  onWindow: (window: Window | null) => void;
  /** Why there may be no line at all. */
  why: string;
};

export function TimeChart({ title, spec, extent, onWindow, why }: Props) {
  const { window } = spec;
  const says = useMemo(
    () => (ms: number) =>
      [
        axisTime(ms, spec.window.to - spec.window.from),
        ...spec.lines.map((line) => `${line.name} ${written(quantity(spec.dimension, valueAt(line, ms)))}`),
      ].join(', '),
    [spec],
  );
  const by = (factor: number) => {
    const next = zoomed(window, extent, factor);
    onWindow(isWhole(next, extent) ? null : next);
  };
  return (
    <ChartFrame
      title={title}
      note={unitOf(spec).unit}
      legend={<Readout spec={spec} />}
      table={() => numbers(spec)}
      picture={(theme) => pictureOption(spec, theme, title)}
      empty={spec.lines.every(({ t_ms }) => t_ms.length === 0) ? why : null}
      zoom={{
        whole: isWhole(window, extent),
        onIn: () => {
          by(0.5);
        },
        onOut: () => {
          by(2);
        },
        onReset: () => {
          onWindow(null);
        },
      }}
    >
      <div className={`${css.frame} ${css.body}`}>
        <Plot spec={spec} look="full" />
        <TimeArea
          window={window}
          extent={extent}
          onWindow={onWindow}
          left={PLOT_LEFT}
          right={PLOT_RIGHT}
          label={`${title}: cursor`}
          says={says}
        />
      </div>
    </ChartFrame>
  );
}

/** The lines with their values at the cursor, or their last ones. */
function Readout({ spec }: { spec: PlotSpec }) {
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

function numbers({ lines, dimension, window: { from, to } }: PlotSpec): ChartTable {
  return {
    columns: [
      { header: 'Time, s', quantity: (s) => ({ text: s.toFixed(3), unit: '', full: `${exact(s)} s` }) },
      ...lines.map(({ name }) => ({
        header: name,
        quantity: (value: number) => quantity(dimension, value),
        why: 'A gap: the read failed or is missing.',
      })),
    ],
    rows: tabulate(lines)
      .filter(({ ms }) => ms >= from && ms <= to)
      .map(({ ms, values }) => [ms / 1000, ...values]),
  };
}

// Any chart that is not a line over the run's time: bars, points, a heatmap, a radar. With hover, zoom, the numbers as
// a table, and the picture as a file. Series over time with a shared cursor are `TimeChart`'s.
//
//   <Chart
//     title="Success against CO2" note="log scale"
//     option={(theme) => ({ grid: GRID, tooltip: tooltip(theme, ({ name }) => name), xAxis: axis(theme, 'g CO2'), ... })}
//     table={() => ({ columns: [{ header: 'Model' }, { header: 'CO2, g', quantity: co2 }], rows })}
//     says="Success against CO2 of 12 models" empty={rows.length === 0 ? 'No run says its CO2.' : null} />
//
// `option` must be stable (useMemo or a function outside) and hold no colour of its own: they come with the theme.

import { useEffect, useRef, useState, type ReactNode } from 'react';

import { ChartFrame, type ChartTable } from './ChartFrame';
import css from './charts.module.css';
import type { Mounted, Picked, Zoom } from './engine';
import { framed, type ChartOption, type Theme } from './option';
import { useTheme } from './theme';

type Props = {
  title: string;
  note?: ReactNode;
  legend?: ReactNode;
  actions?: ReactNode;
  option: (theme: Theme) => ChartOption;
  table: () => ChartTable;
  /** The chart in a sentence, for those who cannot see it. */
  says: string;
  /** Why there is nothing to draw; null when there is something. */
  empty: ReactNode;
  /** Height of the plot, rem. */
  height?: number;
  /** Axes that can be zoomed: with the buttons, by dragging, and with Ctrl and the wheel. */
  zoom?: 'x' | 'xy';
  onPick?: (item: Picked) => void;
  className?: string | undefined;
};

const ALL: Zoom = { start: 0, end: 100 };

export function Chart(props: Props) {
  const { option, says, height = 16, zoom, onPick } = props;
  const theme = useTheme();
  const mounted = useRef<Mounted | null>(null);
  const [part, setPart] = useState(ALL);
  const latest = useRef({ option: () => zoomable(option(theme), zoom), onPick });
  useEffect(() => {
    latest.current = { option: () => zoomable(option(theme), zoom), onPick };
    mounted.current?.update(latest.current.option());
  }, [option, theme, zoom, onPick]);

  const attach = (element: HTMLDivElement | null) => {
    if (!element) return;
    let gone = false;
    const observer = new ResizeObserver(() => mounted.current?.resize());
    void import('./engine').then(({ mount }) => {
      if (gone) return;
      const chart = mount(element);
      mounted.current = chart;
      chart.update(latest.current.option());
      chart.onZoom(setPart);
      chart.onPick((item) => latest.current.onPick?.(item));
      observer.observe(element);
    });
    return () => {
      gone = true;
      observer.disconnect();
      mounted.current?.dispose();
      mounted.current = null;
    };
  };
  const show = (next: Zoom) => {
    setPart(next);
    mounted.current?.zoom(next);
  };
  const by = (factor: number) => {
    const middle = (part.start + part.end) / 2;
    const half = ((part.end - part.start) / 2) * factor;
    show({ start: Math.max(0, middle - half), end: Math.min(100, middle + half) });
  };
  return (
    <ChartFrame
      {...props}
      picture={(colours) => framed(option(colours), colours, props.title)}
      pictureSize={{ width: 960, height: Math.max(360, height * 24) }}
      zoom={
        zoom && {
          whole: part.start <= 0 && part.end >= 100,
          onIn: () => {
            by(0.5);
          },
          onOut: () => {
            by(2);
          },
          onReset: () => {
            show(ALL);
          },
        }
      }
    >
      <div className={css.frame} style={{ height: `${height}rem` }} role="img" aria-label={says}>
        <Holder attach={attach} pick={onPick !== undefined} />
      </div>
    </ChartFrame>
  );
}

/** Mounts once, however often the card around it is drawn. */
function Holder({
  attach,
  pick,
}: {
  attach: (element: HTMLDivElement | null) => (() => void) | undefined;
  pick: boolean;
}) {
  const element = useRef<HTMLDivElement>(null);
  const first = useRef(attach);
  useEffect(() => first.current(element.current), []);
  return <div ref={element} className={css.plot} data-pick={pick} aria-hidden="true" />;
}

function zoomable(option: ChartOption, zoom: Props['zoom']): ChartOption {
  if (!zoom) return option;
  const inside = {
    type: 'inside' as const,
    filterMode: 'none' as const,
    zoomOnMouseWheel: 'ctrl' as const,
    moveOnMouseWheel: false,
  };
  return {
    ...option,
    dataZoom: [{ ...inside, xAxisIndex: 0 }, ...(zoom === 'xy' ? [{ ...inside, yAxisIndex: 0 }] : [])],
  };
}

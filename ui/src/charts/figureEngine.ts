// Apache ECharts with what every chart to explore needs; loaded when the first of them is shown. What a kind of chart needs
// beside it is in `parts`.

import { LineChart } from 'echarts/charts';
import { DataZoomInsideComponent, GridSimpleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

import type { FigureOption, Place } from './figure';
import { fit } from './fit';

echarts.use([LineChart, DataZoomInsideComponent, GridSimpleComponent, CanvasRenderer]);

/** A mark of the chart under the pointer. */
export type Hit = Place & { x: number; y: number };

export type MountedFigure = {
  update: (option: FigureOption) => void;
  resize: () => void;
  dispose: () => void;
  /** Shows this share of both axes, 0 to 100; keeps the middle. */
  zoom: (factor: number) => void;
  reset: () => void;
  /** Where a mark stands, px; null when it is out of sight. */
  placeOf: (series: number, data: number) => { x: number; y: number } | null;
};

/** Marks count as hit within this distance, px. */
const NEAR = 24;

type SeriesLike = { data?: unknown[] | Float64Array; type?: string; silent?: boolean };
/** How many marks there are: numbers alone are pairs, x and y in turn. */
const countOf = (data: unknown[] | Float64Array) =>
  data instanceof Float64Array ? data.length / 2 : data.length;

/** The value of a mark. */
function valueAt(data: unknown[] | Float64Array, index: number): ArrayLike<unknown> | undefined {
  if (data instanceof Float64Array) return data.subarray(2 * index, 2 * index + 2);
  const item = data[index];
  return Array.isArray(item) ? item : (item as { value?: unknown[] } | undefined)?.value;
}

type AxisLike = { type?: string };
type ZoomLike = { start?: number; end?: number };

export function mountFigure(
  element: HTMLElement,
  onHit: (hit: Hit | null) => void,
  /** Told whether all is shown. */
  onZoom: (whole: boolean) => void,
): MountedFigure {
  const chart = echarts.init(element, null, { renderer: 'canvas' });
  let series: SeriesLike[] = [];
  // Bars are read together, all that stand at one place of the axis of names: the first series speaks for them.
  let bars: 'upright' | 'lying' | null = null;
  // Where each mark stands, worked out once for a view: the pointer asks with every move.
  let places: ({ x: number; y: number } | null)[][] | null = null;

  const placeOf = (index: number, data: number) => {
    if (bars) {
      const pixel = chart.convertToPixel({ seriesIndex: 0 }, bars === 'lying' ? [0, data] : [data, 0]);
      const [x = 0, y = 0] = pixel;
      return bars === 'lying' ? { x: chart.getWidth() / 2, y } : { x, y: chart.getHeight() / 2 };
    }
    const of = series[index];
    const at = of?.data && valueAt(of.data, data);
    if (!of || !at || of.type === 'radar') return null;
    const pixel = chart.convertToPixel({ seriesIndex: index }, [Number(at[0]), Number(at[1])]) as unknown;
    if (!Array.isArray(pixel)) return null;
    const [x, y] = pixel as [number, number];
    return chart.containPixel({ seriesIndex: index }, [x, y]) ? { x, y } : null;
  };

  const nearest = (x: number, y: number): Hit | null => {
    if (bars) {
      if (!chart.containPixel({ seriesIndex: 0 }, [x, y])) return null;
      const at = chart.convertFromPixel({ seriesIndex: 0 }, [x, y])[bars === 'lying' ? 1 : 0];
      return at === undefined ? null : { series: 0, data: Math.round(at), x, y };
    }
    places ??= series.map((of, index) =>
      of.silent || !of.data
        ? []
        : Array.from({ length: countOf(of.data) }, (_, data) => placeOf(index, data)),
    );
    let best: (Hit & { far: number }) | null = null;
    places.forEach((marks, index) => {
      const flat = series[index]?.type === 'heatmap';
      marks.forEach((at, data) => {
        if (!at) return;
        // A cell of a heatmap is wider than high, and is hit all over.
        const far = Math.hypot(at.x - x, (at.y - y) * (flat ? 2 : 1));
        if (far <= (flat ? 60 : NEAR) && (!best || far < best.far))
          best = { series: index, data, ...at, far };
      });
    });
    return best;
  };

  const zooms = () => (chart.getOption() as { dataZoom?: ZoomLike[] }).dataZoom ?? [];
  chart.on('datazoom', () => {
    places = null;
    onZoom(zooms().every(({ start = 0, end = 100 }) => start <= 0 && end >= 100));
  });
  // A radar's marks have no place on axes: it tells itself which one is meant.
  chart.on('mouseover', (event) => {
    const { seriesIndex, dataIndex, seriesType } = event as {
      seriesIndex?: number;
      dataIndex?: number;
      seriesType?: string;
    };
    if (seriesType !== 'radar' || seriesIndex === undefined || dataIndex === undefined) return;
    const { offsetX, offsetY } = (event as { event?: { offsetX?: number; offsetY?: number } }).event ?? {};
    onHit({ series: seriesIndex, data: dataIndex, x: offsetX ?? 0, y: offsetY ?? 0 });
  });
  const isRadar = () => series.some(({ type }) => type === 'radar');
  chart.getZr().on('mousemove', ({ offsetX, offsetY }) => {
    if (!isRadar()) onHit(nearest(offsetX, offsetY));
  });
  chart.getZr().on('globalout', () => {
    onHit(null);
  });
  chart.on('mouseout', () => {
    if (isRadar()) onHit(null);
  });

  const show = (start: number, end: number) => {
    zooms().forEach((_, dataZoomIndex) => {
      chart.dispatchAction({ type: 'dataZoom', dataZoomIndex, start, end });
    });
  };

  return {
    update: (option) => {
      // Drawn with the next frame: what was pressed is seen at once.
      chart.setOption(option, { notMerge: true, lazyUpdate: true });
      places = null;
      onZoom(true);
      const given = option.series;
      series = (Array.isArray(given) ? given : given ? [given] : []) as SeriesLike[];
      const lying = (option.yAxis as AxisLike | undefined)?.type === 'category';
      bars = series[0]?.type === 'bar' ? (lying ? 'lying' : 'upright') : null;
    },
    resize: () => {
      if (fit(chart)) places = null;
    },
    dispose: () => {
      chart.dispose();
    },
    zoom: (factor) => {
      const [first] = zooms();
      const [start, end] = [first?.start ?? 0, first?.end ?? 100];
      const middle = (start + end) / 2;
      const half = Math.min(50, ((end - start) * factor) / 2);
      const from = Math.max(0, Math.min(100 - 2 * half, middle - half));
      show(from, from + 2 * half);
    },
    reset: () => {
      show(0, 100);
    },
    placeOf,
  };
}

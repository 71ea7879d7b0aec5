// The size of a drawing.

import type { EChartsType } from 'echarts/core';

/** Draws anew when what holds the chart has another size: it costs as much as the first time. Says whether it did. */
export function fit(chart: EChartsType): boolean {
  const { clientWidth, clientHeight } = chart.getDom();
  if (chart.getWidth() === clientWidth && chart.getHeight() === clientHeight) return false;
  chart.resize();
  return true;
}

// Places for the nodes of a graph, from top to bottom.

import { graphlib, layout } from '@dagrejs/dagre';

import type { GraphEdge } from './steps';

export const NODE = { width: 248, height: 52 };

/** What a layout is made from. */
export type Asked = { ids: string[]; edges: Pick<GraphEdge, 'from' | 'to'>[] };

export type Placed = {
  width: number;
  height: number;
  /** Upper left corners, in the order of the nodes. */
  nodes: { x: number; y: number }[];
  /** The bends of each edge, in the order of the edges. */
  edges: { x: number; y: number }[][];
};

export function placed({ ids, edges }: Asked): Placed {
  const dagre = new graphlib.Graph({ multigraph: true });
  dagre.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 32, marginx: 16, marginy: 16, ranker: 'tight-tree' });
  dagre.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) dagre.setNode(id, { ...NODE });
  edges.forEach(({ from, to }, at) => {
    dagre.setEdge(from, to, {}, String(at));
  });
  layout(dagre);
  const { width = 0, height = 0 } = dagre.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    nodes: ids.map((id) => {
      const { x, y } = dagre.node(id) as { x: number; y: number };
      return { x: x - NODE.width / 2, y: y - NODE.height / 2 };
    }),
    edges: edges.map(
      ({ from, to }, at) =>
        (dagre.edge(from, to, String(at)) as { points: { x: number; y: number }[] }).points,
    ),
  };
}

// The agent's reasoning as a graph. A click, or Enter, shows the span.

import { useEffect, useMemo, useRef, useState, type CSSProperties } from 'react';

import type { Trace } from '@/api/types';
import { Button, IconButton } from '@/design/components/controls';
import { Icon } from '@/design/components/Icon';
import { Empty, Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';

import { graphOf, type Graph as GraphData, type GraphNode } from './steps';
import css from './graph.module.css';
import { lookOf } from '@/design/kinds';
import type { Asked, Placed } from './layout';

type Props = {
  trace: Trace;
  selected: string | undefined;
  onSelect: (index: number) => void;
};

const SCALES = [0.4, 0.55, 0.7, 0.85, 1, 1.25, 1.5];

export function Graph({ trace, selected, onSelect }: Props) {
  const [fold, setFold] = useState(true);
  const [scale, setScale] = useState(1);
  const graph = useMemo(() => graphOf(trace.spans, { fold }), [trace.spans, fold]);
  const { done: placed, failed } = usePlaces(graph);
  const selectedIndex = selected === undefined ? -1 : trace.spans.span_id.indexOf(selected);
  if (graph.nodes.length === 0) {
    return (
      <Empty icon="agent" title="No steps to draw">
        <p>No span of this trace is of an agent, a model or a tool. The timeline has all spans.</p>
      </Empty>
    );
  }
  const by = (step: number) => {
    const at = SCALES.findIndex((one) => one >= scale) + step;
    setScale(SCALES[Math.max(0, Math.min(SCALES.length - 1, at))] ?? 1);
  };
  return (
    <section className={css.graph} aria-label="Graph of the steps">
      <div className={css.bar}>
        <p>
          {format.plural(graph.nodes.length, 'step')}
          {graph.folded > 0 && `, ${format.plural(graph.folded, 'repetition')} folded`}
          {graph.left_out > 0 && `; ${format.plural(graph.left_out, 'further step')} left out`}
        </p>
        <Button
          look="bare"
          aria-pressed={fold}
          onClick={() => {
            setFold(!fold);
          }}
        >
          Fold repetitions
        </Button>
        <IconButton
          icon="zoomIn"
          label="Zoom in"
          disabled={scale >= 1.5}
          onClick={() => {
            by(1);
          }}
        />
        <IconButton
          icon="zoomOut"
          label="Zoom out"
          disabled={scale <= 0.4}
          onClick={() => {
            by(-1);
          }}
        />
      </div>
      {placed ? (
        <Drawing
          graph={placed.graph}
          placed={placed.places}
          scale={scale}
          selectedIndex={selectedIndex}
          onSelect={onSelect}
        />
      ) : failed ? (
        <Failure error="What lays the graph out could not be loaded." />
      ) : (
        <Loading label="the graph" height="50vh" />
      )}
    </section>
  );
}

/** The graph with its layout, which is worked out beside the page; the one before stays until it is there. */
function usePlaces(graph: GraphData) {
  const [done, setDone] = useState<{ graph: GraphData; places: Placed } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (graph.nodes.length === 0) return;
    const worker = new Worker(new URL('./layoutWorker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<Placed>) => {
      setDone({ graph, places: data });
    });
    worker.addEventListener('error', () => {
      setFailed(true);
    });
    const { nodes, edges } = graph;
    const asked: Asked = { ids: nodes.map(({ id }) => id), edges };
    worker.postMessage(asked);
    return () => {
      worker.terminate();
    };
  }, [graph]);
  return { done, failed };
}

type DrawingProps = {
  graph: GraphData;
  placed: Placed;
  scale: number;
  selectedIndex: number;
  onSelect: (index: number) => void;
};

function Drawing({ graph, placed, scale, selectedIndex, onSelect }: DrawingProps) {
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // A wide graph is first seen at its middle, where it begins.
    const element = scroller.current;
    if (element) element.scrollLeft = (element.scrollWidth - element.clientWidth) / 2;
  }, [placed, scale]);
  const move = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const nodes = [...(scroller.current?.querySelectorAll('button') ?? [])];
    const at = nodes.indexOf(event.target as HTMLButtonElement);
    if (at < 0) return;
    event.preventDefault();
    nodes[Math.max(0, Math.min(nodes.length - 1, at + step))]?.focus();
  };
  return (
    <div ref={scroller} className={css.scroll} tabIndex={0} role="group" aria-label="Steps" onKeyDown={move}>
      <div className={css.sheet} style={{ width: placed.width * scale, height: placed.height * scale }}>
        <div
          className={css.scaled}
          style={{ width: placed.width, height: placed.height, transform: `scale(${scale})` }}
        >
          <svg width={placed.width} height={placed.height} aria-hidden="true">
            <defs>
              <marker
                id="arrow"
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerWidth="7"
                markerHeight="7"
                orient="auto"
              >
                <path d="M0 0 8 4 0 8z" className={css.tip} />
              </marker>
            </defs>
            {placed.edges.map((points, at) => (
              <path
                key={at}
                className={css.edge}
                data-into={graph.edges[at]?.into}
                d={curve(points)}
                markerEnd="url(#arrow)"
              />
            ))}
          </svg>
          {graph.nodes.map((node, at) => (
            <Node
              key={node.id}
              node={node}
              place={placed.nodes[at] ?? { x: 0, y: 0 }}
              selected={node.span === selectedIndex}
              onSelect={onSelect}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

/** A smooth line through points. */
function curve(points: readonly { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${first.x} ${first.y}`;
  let before = first;
  for (const point of rest) {
    const middle = (before.y + point.y) / 2;
    path += `C${before.x} ${middle} ${point.x} ${middle} ${point.x} ${point.y}`;
    before = point;
  }
  return path;
}

type NodeProps = {
  node: GraphNode;
  place: { x: number; y: number };
  selected: boolean;
  onSelect: (index: number) => void;
};

function Node({ node, place, selected, onSelect }: NodeProps) {
  const look = lookOf(node.kind);
  const took = format.written(format.duration(node.duration_ms));
  const tokens = node.tokens === null ? '' : format.plural(node.tokens, 'token');
  const name = [
    look.name,
    node.label,
    node.times > 1 ? `${node.times} times` : '',
    node.error ? 'error' : '',
    took,
    tokens,
  ];
  return (
    <button
      type="button"
      className={css.node}
      data-error={node.error}
      data-times={node.times > 1}
      aria-pressed={selected}
      aria-label={name.filter(Boolean).join(', ')}
      title={node.label}
      style={{ left: place.x, top: place.y, '--kind': `var(--cat-${look.tone})` } as CSSProperties}
      onClick={() => {
        onSelect(node.span);
      }}
    >
      <span className={css.icon}>
        <Icon name={node.error ? 'warn' : look.icon} size={16} />
      </span>
      <span className={css.words}>
        <b>{node.label}</b>
        <small>{[node.note, took, tokens].filter(Boolean).join(' · ')}</small>
      </span>
      {node.times > 1 && <span className={css.times}>×{node.times}</span>}
    </button>
  );
}

// How each kind of span looks.

import type { TraceSpan } from '@/api/types';
import type { IconName } from './components/Icon';

type Look = { icon: IconName; tone: number; name: string };

const LOOKS: Record<TraceSpan['kind'], Look> = {
  AGENT: { icon: 'agent', tone: 1, name: 'Agent' },
  STEP: { icon: 'step', tone: 8, name: 'Step' },
  LLM: { icon: 'llm', tone: 6, name: 'Language model' },
  TOOL: { icon: 'tool', tone: 2, name: 'Tool' },
  CHAIN: { icon: 'chain', tone: 7, name: 'Chain' },
  RETRIEVER: { icon: 'retriever', tone: 5, name: 'Retriever' },
  EMBEDDING: { icon: 'embedding', tone: 4, name: 'Embedding' },
  EVALUATION: { icon: 'evaluation', tone: 3, name: 'Evaluation' },
  OTHER: { icon: 'other', tone: 8, name: 'Other' },
};

export const lookOf = (kind: TraceSpan['kind']): Look => LOOKS[kind];

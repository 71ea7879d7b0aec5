// Where the recording's traces are.

import type { Page } from '@playwright/test';

import type { Trace } from '../src/api/types';
import { RECORDING } from './server';

type TraceList = { items: { trace_id: string; test_uid: string | null; spans: number }[] };

/** The trace of a test of the recording, and one of its model calls. */
export async function traceOf(page: Page, test: string) {
  const answer = await page.request.get(`/api/v1/runs/${RECORDING}/traces`);
  const found = ((await answer.json()) as TraceList).items.find(({ test_uid }) => test_uid === test);
  if (!found) throw new Error(`no trace of ${test}`);
  const whole = await page.request.get(`/api/v1/runs/${RECORDING}/traces/${found.trace_id}`);
  const { spans } = (await whole.json()) as Trace;
  const span_id = spans.span_id[spans.kind.indexOf('LLM')] ?? '';
  return { ...found, span_id, path: `/runs/${RECORDING}/traces/${found.trace_id}` };
}

// A run as large, as odd and as incomplete as they come: a prompt of a megabyte, a thousand attributes, text from right
// to left, emoji, an exception, no metrics, no result.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const EXTREME_RUN = 'extreme-run';
export const EXTREME_TRACE = 'e'.repeat(32);
export const CALL = 'e000000000000002';
export const ARABIC = 'كم درجة الحرارة في القاهرة اليوم؟';
export const EMOJI = '👩‍👩‍👧‍👦 𝟛𝟙°C 🌡️';
const NOW = 1_795_000_000_000_000_000n;

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });

function span(
  id: string,
  parent: string | null,
  name: string,
  from: number,
  to: number,
  attributes: object[],
) {
  return {
    traceId: EXTREME_TRACE,
    spanId: id,
    ...(parent ? { parentSpanId: parent } : {}),
    name,
    startTimeUnixNano: String(NOW + BigInt(from) * 1_000_000n),
    endTimeUnixNano: String(NOW + BigInt(to) * 1_000_000n),
    attributes,
  };
}

/** Writes the run as OTLP JSON. */
export function writeExtremeRun(dir: string): string {
  const long = `${'A very long prompt, said again and again. '.repeat(26_000)}The end of it.`;
  const messages = [
    { role: 'system', parts: [{ type: 'text', content: long }] },
    { role: 'user', parts: [{ type: 'text', content: `${ARABIC} ${EMOJI}` }] },
  ];
  const answer = [
    {
      role: 'assistant',
      parts: [
        {
          type: 'text',
          content: '**31** degrees\n\n```python\nprint("hot")\n```\n\n![x](http://example.com/x.png)',
        },
      ],
    },
  ];
  const many = Array.from({ length: 1000 }, (_, at) => attribute(`many.key.${at}`, `value ${at}`));
  const root = 'e000000000000001';
  const spans = [
    span(root, null, `agent ${EMOJI}`, 0, 900, [attribute('gen_ai.operation.name', 'invoke_agent')]),
    span(CALL, root, 'chat', 10, 500, [
      attribute('gen_ai.operation.name', 'chat'),
      attribute('gen_ai.request.model', ARABIC),
      attribute('gen_ai.input.messages', JSON.stringify(messages)),
      attribute('gen_ai.output.messages', JSON.stringify(answer)),
      ...many,
    ]),
    {
      ...span('e000000000000003', root, 'weather', 510, 800, [
        attribute('gen_ai.operation.name', 'execute_tool'),
        attribute('gen_ai.tool.name', 'weather'),
      ]),
      status: { code: 2, message: 'no answer' },
      events: [
        {
          name: 'exception',
          timeUnixNano: String(NOW + 700_000_000n),
          attributes: [attribute('exception.type', 'Timeout'), attribute('exception.message', ARABIC)],
        },
      ],
    },
  ];
  const resource = { attributes: [attribute('run.id', EXTREME_RUN)] };
  const path = join(dir, 'extreme.json');
  writeFileSync(path, JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }));
  return path;
}

// Line icons, drawn on a 16 px grid in the colour of the text around them.

const PATHS = {
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14',
  close: 'm4 4 8 8m0-8-8 8',
  down: 'm4 6 4 4 4-4',
  right: 'm6 4 4 4-4 4',
  left: 'm10 4-4 4 4 4',
  up: 'm4 10 4-4 4 4',
  columns: 'M2 3h12v10H2zM6 3v10M10 3v10',
  download: 'M8 2v8m0 0L5 7m3 3 3-3M3 13h10',
  copy: 'M5 5V2.5h8.5V11H11M2.5 5H11v8.5H2.5z',
  check: 'm3 8.5 3.2 3L13 4.5',
  group: 'M3 4h10M5 8h8M5 12h8M3 8h.01M3 12h.01',
  filter: 'M2 4h12M4.5 8h7M7 12h2',
  help: 'M6 6a2 2 0 1 1 2.8 1.8c-.5.3-.8.6-.8 1.2v.5M8 12h.01M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Z',
  table: 'M2 3h12v10H2zM2 6.3h12M2 9.6h12M6.5 3v10',
  chart: 'M2 13h12M3.5 10.5 6.5 6l2.5 2.5L13 3.5',
  reset: 'M3 8a5 5 0 1 0 1.6-3.7M3 2.5V5h2.5',
  warn: 'M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5h.01',
  clock: 'M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM8 4.5V8l2.5 1.5',
  sigma: 'M12 4V2.5H4L8.5 8 4 13.5h8V12',
  agent: 'M3 6.5h10V13H3zM8 6.5V3.5M6 9.5h.01M10 9.5h.01M8 3.5a.9.9 0 1 0 0-1.8.9.9 0 0 0 0 1.8Z',
  person: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.5 14a5.5 5.5 0 0 1 11 0',
  step: 'M3 3v7h10M10 7l3 3-3 3',
  llm: 'M8 2l1.5 4.5L14 8l-4.5 1.5L8 14l-1.5-4.5L2 8l4.5-1.5z',
  tool: 'M10 2.5a3.5 3.5 0 0 0-3.3 4.7L2.5 11.4l2.1 2.1 4.2-4.2A3.5 3.5 0 0 0 13.4 5L11 7.3 8.7 5 11 2.6a3.5 3.5 0 0 0-1-.1Z',
  chain:
    'M6.5 9.5l3-3M7 4.5l1.3-1.3a3 3 0 0 1 4.4 4.4L11.500 9M9 11.500l-1.300 1.300a3 3 0 0 1-4.400-4.400L4.500 7',
  retriever:
    'M8 6c3 0 5-.8 5-2s-2-2-5-2-5 .800-5 2 2 2 5 2ZM3 4v8c0 1.200 2 2 5 2s5-.800 5-2V4M3 8c0 1.200 2 2 5 2s5-.800 5-2',
  embedding: 'M3 3h.01M8 3h.01M13 3h.01M3 8h.01M8 8h.01M13 8h.01M3 13h.01M8 13h.01M13 13h.01',
  evaluation: 'M3 2.500h10v11H3zM5.500 8l1.800 1.800L10.800 6',
  other: 'M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  zoomIn: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.600-1.400L14 14M5 7h4M7 5v4',
  zoomOut: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.600-1.400L14 14M5 7h4',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

// Whether the UI is served with its data as files, as `smoltrace bundle` writes it, and which answer is in which file.
// The files' names are known to two: this module and the command.

/** The folder of the data, as an absolute address that ends in `/`; null when a server answers. */
export const dataFolder: string | null = (() => {
  // Not in a page: a test.
  if (typeof document === 'undefined') return null;
  const told = document.querySelector<HTMLMetaElement>('meta[name="smoltrace-data"]')?.content;
  return told ? new URL(`${told}/`, document.baseURI).href : null;
})();

/** An id as a folder's name that no web server and no address changes. */
export function folderName(id: string): string {
  if (id === '') return '_';
  let name = '';
  new TextEncoder().encode(id).forEach((byte, at) => {
    const c = String.fromCharCode(byte);
    const kept = /[A-Za-z0-9-]/.test(c) || (c === '.' && at > 0);
    name += kept ? c : `_${byte.toString(16).padStart(2, '0')}`;
  });
  return name;
}

/** The file of an address under `/api/v1/runs/` that is one file; null for what is put together from several. */
export function fileOf(segments: readonly string[]): string | null {
  const [run = '', part, name, what] = segments;
  const folder = `runs/${folderName(run)}`;
  if (part === undefined) return `${folder}/run.json`;
  if (name === undefined) {
    if (part === 'report') return `${folder}/report.html`;
    return ['results', 'metrics', 'performance', 'traces'].includes(part) ? `${folder}/${part}.json` : null;
  }
  if (part === 'download') return `${folder}/download/${name}`;
  if (part !== 'traces') return null;
  const trace = `${folder}/traces/${folderName(name)}`;
  if (what === undefined) return `${trace}/trace.json`;
  return what === 'otlp' ? `${trace}/otlp.json` : null;
}

/** Spans of one file. */
export const SPANS_A_FILE = 500;

/** The file with the spans from `page` (from 1) on. */
export const spansFile = (run: string, trace: string, page: number) =>
  `runs/${folderName(run)}/traces/${folderName(trace)}/spans-${page}.json`;

/** The file with the comparison of runs, the first against the others. */
export const comparisonFile = (runs: readonly string[], pairBy: string) =>
  ['compare', ...runs.map(folderName), `${pairBy}.json`].join('/');

/** The file that names the comparisons. */
export const COMPARISONS_FILE = 'comparisons.json';

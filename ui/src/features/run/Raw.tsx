// The run as data: files to take away, its row, what its source declared, its accounting.

import { downloadAddress } from '@/api/queries';
import type { DownloadFormat, DownloadTable, RunDetail } from '@/api/types';
import { Panel } from '@/design/components/data';
import { JsonBlock } from '@/design/components/Json';

import css from './run.module.css';

const TABLES: [DownloadTable, string][] = [
  ['leaderboard', 'The leaderboard row'],
  ['results', 'A row a test'],
  ['traces', 'Spans'],
  ['metrics', 'GPU, CO₂ and power-cost time series'],
];
const FORMATS: [DownloadFormat, string][] = [
  ['json', 'JSON'],
  ['parquet', 'Parquet'],
  ['csv', 'CSV'],
];

export function Raw({ detail: { run, declared, accounting } }: { detail: RunDetail }) {
  return (
    <div className={css.stack}>
      <Panel title="Download" note="the four datasets of the run">
        <div className={css.scrollx}>
          <table className={css.plain}>
            <tbody>
              {TABLES.map(([table, says]) => (
                <tr key={table}>
                  <th scope="row">{table}</th>
                  <td>{says}</td>
                  <td>
                    <span className={css.files}>
                      {FORMATS.map(([format, name]) => (
                        <a
                          key={format}
                          href={downloadAddress(run.run_id, table, format)}
                          download
                          aria-label={`Download ${table} as ${name}`}
                        >
                          {name}
                        </a>
                      ))}
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <Panel title="Leaderboard row">
        <JsonBlock value={run} label="the leaderboard row" />
      </Panel>
      <Panel title="Declared" note="what the source said of itself">
        <JsonBlock value={declared} label="what was declared" />
      </Panel>
      <Panel title="Accounting" note="how the numbers were made">
        <JsonBlock value={accounting} label="the accounting" />
      </Panel>
    </div>
  );
}

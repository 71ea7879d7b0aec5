// The run as data: files to take away, its row, what its source declared, its accounting.

import { downloadAddress } from '@/api/queries';
import type { DownloadFormat, DownloadTable, RunDetail } from '@/api/types';
import { Panel } from '@/design/components/data';
import { JsonBlock } from '@/design/components/Json';

import css from './run.module.css';

const TABLES: [DownloadTable, string][] = [
  ['leaderboard', 'The row of the run, as published'],
  ['results', 'One row for each test'],
  ['traces', 'Every span, with its attributes'],
  ['metrics', 'GPU, CO₂ and power cost over time'],
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
        <ul className={css.downloads}>
          {TABLES.map(([table, says]) => (
            <li key={table}>
              <span>
                <strong>{table}</strong> <small>{says}</small>
              </span>
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
            </li>
          ))}
        </ul>
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

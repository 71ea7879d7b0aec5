// How the run's numbers were made, step by step, and what the source's own row said instead.

import type { RunDetail } from '@/api/types';
import { SourceBadge } from '@/design/components/data';
import { exact, ratio, significant, UNKNOWN } from '@/lib/format';

import { chains, counts, notes } from './chains';
import { PowerChain } from './PowerChain';
import css from './run.module.css';

const written = (value: number | null, unit: string) =>
  value === null ? UNKNOWN : `${Number.isInteger(value) ? exact(value) : trimmed(value)} ${unit}`.trim();

/** Enough digits to follow the sum, the rest on hover. */
const trimmed = (value: number) =>
  Math.abs(value) >= 1000
    ? exact(Number(value.toFixed(2)))
    : significant(value, 6)
        .replace(/(\.\d*?)0+$/, '$1')
        .replace(/\.$/, '');

export function Accounting({ detail }: { detail: RunDetail }) {
  const { accounting, differences, fields } = detail;
  const said = notes(accounting);
  return (
    <>
      <p>
        Every total is made again from the spans and samples themselves. Each step below is in the order in
        which it was taken; the last one is the number on the screen.
      </p>
      {differences.length > 0 && (
        <section className={css.chain}>
          <h3>The source&apos;s own row says otherwise</h3>
          <Differences differences={differences} fields={fields} />
        </section>
      )}
      {said.length > 0 && (
        <ul className={css.notes}>
          {said.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <PowerChain accounting={accounting} />
      {chains(accounting, fields).map(({ field, steps }) => (
        <section key={field.field} className={css.chain}>
          <h3>{field.name}</h3>
          <ol>
            {steps.map((step, index) => (
              <li key={index}>
                <span>{step.label}</span>
                <b title={step.value === null ? undefined : `${exact(step.value)} ${step.unit}`}>
                  {written(step.value, step.unit)}
                </b>
                {step.source === 'none' ? <span /> : <SourceBadge source={step.source} of={step.label} />}
                {step.note && <small>{step.note}</small>}
              </li>
            ))}
          </ol>
        </section>
      ))}
      <section className={css.chain}>
        <h3>Counted on the way</h3>
        <dl className={css.counts}>
          {counts(accounting).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{exact(value)}</dd>
            </div>
          ))}
        </dl>
      </section>
    </>
  );
}

/** What the source said of itself against what its spans and samples add up to. */
export function Differences({ differences, fields }: Pick<RunDetail, 'differences' | 'fields'>) {
  const named = (name: string) => fields.find(({ field }) => field === name) ?? { name, unit: '' };
  return (
    <div className={css.scrollx}>
      <table className={css.plain}>
        <thead>
          <tr>
            <th scope="col">Number</th>
            <th scope="col">Its own row</th>
            <th scope="col">From spans and samples</th>
            <th scope="col" title="Its own row divided by what the spans and samples add up to">
              Its own is
            </th>
          </tr>
        </thead>
        <tbody>
          {differences.map(({ field, declared, computed, ratio: times }) => {
            const { name, unit } = named(field);
            return (
              <tr key={field}>
                <th scope="row">{name}</th>
                <td className={css.off}>{written(declared, unit)}</td>
                <td>{written(computed, unit)}</td>
                <td>{ratio(times)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

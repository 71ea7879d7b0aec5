// From joules to CO₂ and power cost, device by device, with where each factor is from.

import type { RunDetail } from '@/api/types';
import { SourceBadge, Value } from '@/design/components/data';
import * as format from '@/lib/format';

import { callsInWords, chainRows, digits, estimated, factorSources, type ChainRow } from './power';
import { HeadRow } from './HeadRow';
import css from './run.module.css';

export function PowerChain({ accounting }: Pick<RunDetail, 'accounting'>) {
  const { rows, total } = chainRows(accounting.devices);
  const calls = callsInWords(accounting.call_energy);
  return (
    <>
      {rows.length > 0 && (
        <section className={css.chain} aria-label="From joules to CO₂ and power cost">
          <h3>From joules to CO₂ and power cost</h3>
          <div className={css.scrollx}>
            <table className={css.plain}>
              <HeadRow
                names={['Device', 'Energy', '× PUE', '× intensity', '= CO₂', '× price', '= power cost']}
              />
              <tbody>
                {rows.map((row) => (
                  <Row key={row.device} row={row} />
                ))}
              </tbody>
              {total && (
                <tfoot>
                  <Row row={total} />
                </tfoot>
              )}
            </table>
          </div>
          <p className={css.none}>1 kWh is 3,600,000 J.</p>
          {accounting.factors.length > 0 && (
            <ul className={css.sources} aria-label="Where the factors are from">
              {factorSources(accounting.factors).map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          )}
          {calls && <p>{calls}</p>}
        </section>
      )}
      <Estimated accounting={accounting} />
    </>
  );
}

const NO_FACTORS = 'Its own recording does not say by what; what it counted is used instead.';

function Row({ row }: { row: ChainRow }) {
  const { device, source, energy_j, co2_emissions_g, power_cost_usd, factors } = row;
  return (
    <tr>
      <th scope="row">
        {device} {source !== 'none' && <SourceBadge source={source} of={device} />}
      </th>
      <td title={`${format.exact(energy_j)} J`}>{digits(energy_j)} J</td>
      <td>{factors ? digits(factors.pue) : format.UNKNOWN}</td>
      <td>{factors ? `${digits(factors.intensity.g_per_kwh)} g/kWh` : format.UNKNOWN}</td>
      <td>
        <Value of={format.co2(co2_emissions_g)} why={NO_FACTORS} />
      </td>
      <td>{factors ? `${digits(factors.price.usd_per_kwh)} USD/kWh` : format.UNKNOWN}</td>
      <td>
        <Value of={format.usd(power_cost_usd)} why={NO_FACTORS} />
      </td>
    </tr>
  );
}

function Estimated({ accounting }: Pick<RunDetail, 'accounting'>) {
  const found = estimated(accounting);
  if (!found) return null;
  return (
    <section className={css.chain} aria-label="Estimated, in no total">
      <h3>
        Estimated, in no total <SourceBadge source="estimated" of="Hosted models" />
      </h3>
      <ol>
        <li>
          <span>Energy of {format.plural(found.calls, 'call')} to hosted models</span>
          <b>{found.energy}</b>
        </li>
        <li>
          <span>CO₂ at the world&apos;s average intensity</span>
          <b>{found.co2}</b>
          <span />
          <small>{found.method}</small>
        </li>
      </ol>
      {found.without && <p>{found.without}</p>}
    </section>
  );
}

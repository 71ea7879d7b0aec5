// The devices of a run: what each used, how that was found, and how much of the time it covers.

import type { RunDetail } from '@/api/types';
import { Badge, Panel, SourceBadge, Value } from '@/design/components/data';
import * as format from '@/lib/format';

import { callsInWords, type Device } from './power';
import { HeadRow } from './HeadRow';
import css from './run.module.css';

const METHODS: Record<string, { name: string; says: string }> = {
  counter: { name: 'energy counter', says: "Differences of the device's own energy counter." },
  power: { name: 'power', says: 'Power readings, integrated by the trapezoid rule.' },
};

const KINDS: Record<string, string> = {
  gpu: 'GPU',
  cpu: 'processor',
  memory: 'memory',
  enclosure: 'platform',
};

export function Devices({ accounting, run }: Pick<RunDetail, 'accounting' | 'run'>) {
  const { devices } = accounting;
  const why =
    run.co2_source === 'reported'
      ? 'The run reports its CO₂ and cost itself, so they are not made from this energy.'
      : 'Nothing says what its energy is multiplied by.';
  if (devices.length === 0) return null;
  return (
    <Panel title="Devices" note={callsInWords(accounting.call_energy)}>
      <div className={css.scrollx}>
        <table className={`${css.plain} ${css.devices}`}>
          <HeadRow
            names={[
              'Device',
              'Read from',
              'Energy',
              'CO₂',
              'Power cost',
              'Time covered',
              'Counter to power',
              'Idle',
              'Above idle',
            ]}
          />
          <tbody>
            {devices.map((device, index) => (
              <Row key={index} device={device} why={why} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

const seconds = (s: number) => format.duration(s * 1000);

/** `why` its CO2 and cost are unknown, where they are. */
function Row({ device, why }: { device: Device; why: string }) {
  const method = METHODS[device.method];
  return (
    <tr>
      <th scope="row">
        {device.device} <span className={css.none}>{KINDS[device.kind] ?? device.kind}</span>
        {device.is_part && (
          <Badge title="Its energy is in that of another device here, and is not added again.">part</Badge>
        )}
        {device.is_partitioned && (
          <Badge tone="warn" title="Split into instances (MIG): the readings are those of the whole GPU.">
            whole GPU
          </Badge>
        )}
      </th>
      <td title={method?.says}>
        <SourceBadge source={device.source} of={device.device} /> {method?.name ?? device.method}
      </td>
      <td>
        <Value of={format.energy(device.energy_wh)} />
      </td>
      <td>
        <Value of={format.co2(device.co2_emissions_g)} why={why} />
      </td>
      <td>
        <Value of={format.usd(device.power_cost_usd)} why={why} />
      </td>
      <td>
        <Value of={seconds(device.covered_s)} />
        {device.uncovered_s > 0 && (
          <small title="Time of the run that no reading covers">
            , not {format.written(seconds(device.uncovered_s))}
          </small>
        )}
      </td>
      <td title="Energy by its counter as a multiple of its integrated power">
        {device.counter_to_power === null ? (
          <Value of={format.plain(null)} why="It has not both, or they were read too seldom to compare." />
        ) : (
          format.ratio(device.counter_to_power)
        )}
      </td>
      <td>
        <Value
          of={format.power(device.idle_power_w)}
          why="Less than a second is known in which no test ran."
        />
      </td>
      <td>
        <Value of={format.energy(device.above_idle_wh)} why="What it draws when idle is not known." />
      </td>
    </tr>
  );
}

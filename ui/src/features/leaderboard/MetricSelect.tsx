// The choice of a metric, and the other small choices of the charts.

import type { ReactNode } from 'react';

import { METRICS } from '@/lib/metrics';

import css from './insights.module.css';

type SelectProps = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly { value: string; name: string }[];
};

export function Choice({ label, value, onChange, options }: SelectProps) {
  return (
    <label className={css.choice}>
      <span>{label}</span>
      <select
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.name}
          </option>
        ))}
      </select>
    </label>
  );
}

const METRIC_OPTIONS = METRICS.map(({ id, name }) => ({ value: id, name }));

export function MetricSelect({ none, ...props }: Omit<SelectProps, 'options'> & { none?: string }) {
  const options = none ? [{ value: 'none', name: none }, ...METRIC_OPTIONS] : METRIC_OPTIONS;
  return <Choice {...props} options={options} />;
}

export function Tick({
  label,
  on,
  onChange,
}: {
  label: ReactNode;
  on: boolean;
  onChange: (on: boolean) => void;
}) {
  return (
    <label className={css.check}>
      <input
        type="checkbox"
        checked={on}
        onChange={(event) => {
          onChange(event.target.checked);
        }}
      />
      {label}
    </label>
  );
}

// Ticked runs, and the way from them to the comparison.

import { useNavigate } from '@tanstack/react-router';

import type { Run } from '@/api/types';
import { Button } from '@/design/components/controls';
import type { Column } from '@/design/components/Grid';
import { shortId } from '@/lib/format';

import css from './leaderboard.module.css';
import { MOST_SELECTED } from './search';

/** The ticked runs after a tick or its removal; undefined when none is left. */
export function toggled(selected: readonly string[], id: string): string[] | undefined {
  const without = selected.filter((item) => item !== id);
  if (without.length < selected.length) return without.length > 0 ? without : undefined;
  return selected.length < MOST_SELECTED ? [...selected, id] : [...selected];
}

export function selectColumn(selected: readonly string[], onToggle: (id: string) => void): Column<Run> {
  const full = selected.length >= MOST_SELECTED;
  return {
    id: 'select',
    header: '✓',
    title: `Tick 2 to ${MOST_SELECTED} runs to compare them; Space ticks the chosen row`,
    width: 38,
    narrow: 34,
    cell: (run) => {
      const on = selected.includes(run.run_id);
      return (
        <label
          className={css.tick}
          title={
            full && !on ? `No more than ${MOST_SELECTED} runs can be compared at once` : 'Tick to compare'
          }
          onClick={(event) => {
            // The row is not meant.
            event.stopPropagation();
          }}
        >
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Compare ${run.model}, run ${run.run_id}`}
            checked={on}
            disabled={full && !on}
            onChange={() => {
              onToggle(run.run_id);
            }}
          />
        </label>
      );
    },
  };
}

type Props = { selected: readonly string[]; onChange: (selected: string[] | undefined) => void };

export function SelectionBar({ selected, onChange }: Props) {
  const navigate = useNavigate();
  if (selected.length === 0) return null;
  const ready = selected.length >= 2;
  return (
    <div className={css.selection} role="group" aria-label="Ticked runs">
      <strong>
        {selected.length} of {MOST_SELECTED}
      </strong>
      <ul>
        {selected.map((id) => (
          <li key={id}>
            <code title={id}>{shortId(id)}</code>
          </li>
        ))}
      </ul>
      <Button
        look="primary"
        icon="columns"
        disabled={!ready}
        title={ready ? 'The first ticked run is the baseline' : 'Tick one more'}
        onClick={() => {
          const runs = selected.some((id) => id.includes(',')) ? [...selected] : selected.join(',');
          void navigate({ to: '/compare', search: { runs } });
        }}
      >
        Compare
      </Button>
      <Button
        look="bare"
        icon="close"
        onClick={() => {
          onChange(undefined);
        }}
      >
        Clear
      </Button>
      {!ready && <span className={css.hint}>Tick one more run to compare.</span>}
    </div>
  );
}

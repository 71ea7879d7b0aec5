// The row of filters above the table, and the chips of those that are on.

import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';

import { facets as facetsQuery } from '@/api/queries';
import type { FacetValue, Facets } from '@/api/types';
import { Button, Chip, SearchField } from '@/design/components/controls';
import { Popover } from '@/design/components/overlay';

import css from './leaderboard.module.css';
import { FACETS, filterQuery, isFiltered, type Facet, type LeaderboardSearch } from './search';

type Change = (change: Partial<LeaderboardSearch>) => void;

/** Offered as buttons of their own; the rest is behind `More`. */
const FRONT: readonly Facet[] = ['model', 'agent_type', 'provider', 'hardware'];
const BEHIND = FACETS.filter(([facet]) => !FRONT.includes(facet));

type FiltersProps = { search: LeaderboardSearch; onChange: Change; children: ReactNode };

export function Filters({ search, onChange, children }: FiltersProps) {
  const { data } = useQuery(facetsQuery(filterQuery(search)));
  const choose = (facet: Facet) => (values: string[]) => {
    onChange({ [facet]: values });
  };
  const behind = BEHIND.reduce((sum, [facet]) => sum + (search[facet]?.length ?? 0), 0);
  return (
    <search className={css.filters} aria-label="Filters">
      <SearchField
        slash
        label="Search runs"
        value={search.q ?? ''}
        className={css.search}
        onChange={(q) => {
          onChange({ q });
        }}
      />
      <div className={css.buttons}>
        {FACETS.filter(([facet]) => FRONT.includes(facet)).map(([facet, label]) => (
          <Popover key={facet} label={label} count={search[facet]?.length ?? 0}>
            <FacetMenu
              label={label}
              values={data?.[facet]}
              chosen={search[facet] ?? []}
              onChoose={choose(facet)}
            />
          </Popover>
        ))}
        <Popover label="Time" icon="clock" count={(search.from ? 1 : 0) + (search.to ? 1 : 0)}>
          <TimeMenu search={search} onChange={onChange} />
        </Popover>
        <Popover label="More" icon="filter" count={behind}>
          <div className={css.sections}>
            {BEHIND.map(([facet, label]) => (
              <fieldset key={facet}>
                <legend>{label}</legend>
                <Options values={known(data, facet)} chosen={search[facet] ?? []} onChoose={choose(facet)} />
              </fieldset>
            ))}
          </div>
        </Popover>
        <span className={css.push} />
        {children}
      </div>
    </search>
  );
}

const known = (data: Facets | undefined, facet: Facet) => data?.[facet];

type MenuProps = {
  values: FacetValue[] | undefined;
  chosen: readonly string[];
  onChoose: (values: string[]) => void;
};

function FacetMenu({ label, values, ...rest }: MenuProps & { label: string }) {
  const [typed, setTyped] = useState('');
  const needle = typed.toLowerCase();
  const found = values?.filter(({ value }) => value.toLowerCase().includes(needle));
  return (
    <div className={css.menu}>
      {(values?.length ?? 0) > 6 && (
        <SearchField label={`Search ${label.toLowerCase()}`} value={typed} onChange={setTyped} delayMs={0} />
      )}
      <Options values={found} {...rest} />
      {rest.chosen.length > 0 && (
        <Button
          small
          look="bare"
          icon="close"
          onClick={() => {
            rest.onChoose([]);
          }}
        >
          Clear
        </Button>
      )}
    </div>
  );
}

function Options({ values, chosen, onChoose }: MenuProps) {
  // What is chosen stays on offer even when the other filters leave no run with it.
  const missing = chosen.filter((value) => !values?.some((item) => item.value === value));
  const all = [...missing.map((value) => ({ value, count: 0 })), ...(values ?? [])];
  if (all.length === 0) return <p className={css.none}>No run says.</p>;
  return (
    <div className={css.options}>
      {all.slice(0, 500).map(({ value, count }) => (
        <label key={value} title={value}>
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            onChange={(event) => {
              onChoose(event.target.checked ? [...chosen, value] : chosen.filter((item) => item !== value));
            }}
          />
          <span>{named(value)}</span>
          <small>{count}</small>
        </label>
      ))}
    </div>
  );
}

const named = (value: string) => (value === 'true' ? 'yes' : value === 'false' ? 'no' : value);

const isoDay = (date: Date) => date.toISOString().slice(0, 10);

function TimeMenu({ search, onChange }: { search: LeaderboardSearch; onChange: Change }) {
  const lastDays = (days: number) => {
    const from = new Date();
    from.setUTCDate(from.getUTCDate() - days);
    onChange({ from: isoDay(from), to: '' });
  };
  return (
    <div className={css.time}>
      {(['from', 'to'] as const).map((key) => (
        <label key={key}>
          {key === 'from' ? 'From (UTC day)' : 'To, included'}
          <input
            type="date"
            value={search[key] ?? ''}
            onChange={(event) => {
              onChange({ [key]: event.target.value });
            }}
          />
        </label>
      ))}
      <div>
        {[7, 30, 90].map((days) => (
          <Button
            key={days}
            small
            onClick={() => {
              lastDays(days);
            }}
          >
            {days} days
          </Button>
        ))}
        <Button
          small
          look="bare"
          onClick={() => {
            onChange({ from: '', to: '' });
          }}
        >
          Any time
        </Button>
      </div>
    </div>
  );
}

/** One chip for each filter that is on. */
export function ActiveFilters({ search, onChange }: { search: LeaderboardSearch; onChange: Change }) {
  if (!isFiltered(search)) return null;
  const clear: Record<string, undefined> = {};
  for (const key of Object.keys(filterQuery(search))) clear[key] = undefined;
  return (
    <div className={css.chips} role="group" aria-label="Active filters">
      {search.q && (
        <Chip
          label="Text"
          value={search.q}
          onRemove={() => {
            onChange({ q: '' });
          }}
        />
      )}
      {FACETS.flatMap(([facet, label]) =>
        (search[facet] ?? []).map((value) => (
          <Chip
            key={`${facet}/${value}`}
            label={label}
            value={named(value)}
            onRemove={() => {
              onChange({ [facet]: search[facet]?.filter((item) => item !== value) });
            }}
          />
        )),
      )}
      {(['from', 'to'] as const).map(
        (key) =>
          search[key] && (
            <Chip
              key={key}
              label={key === 'from' ? 'From' : 'To'}
              value={search[key]}
              onRemove={() => {
                onChange({ [key]: '' });
              }}
            />
          ),
      )}
      <Button
        small
        look="bare"
        onClick={() => {
          onChange(clear);
        }}
      >
        Clear all
      </Button>
    </div>
  );
}

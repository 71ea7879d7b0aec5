// Which columns are shown, and in which order.

import { Button, IconButton } from '@/design/components/controls';
import { Popover } from '@/design/components/overlay';

import { COLUMNS, DEFAULT_COLUMNS } from './columns';
import css from './leaderboard.module.css';

const FIXED = ['rank', 'model'];
const CHOICES = COLUMNS.filter(({ id }) => !FIXED.includes(id));

type Props = {
  chosen: readonly string[] | undefined;
  /** Those that the window has no room for. */
  hidden: readonly string[];
  onChange: (columns: string[] | undefined) => void;
};

export function ColumnChooser({ chosen, hidden, onChange }: Props) {
  const shown = (chosen ?? DEFAULT_COLUMNS).filter(
    (id) => CHOICES.some((column) => column.id === id) && !hidden.includes(id),
  );
  const others = CHOICES.filter(({ id }) => !shown.includes(id)).map(({ id }) => id);
  const move = (from: number, to: number) => {
    const next = [...shown];
    next.splice(to, 0, ...next.splice(from, 1));
    onChange(next);
  };
  return (
    <Popover label="Columns" icon="columns">
      <div className={css.columns}>
        <ul>
          {[...shown, ...others].map((id, index) => {
            const column = COLUMNS.find((candidate) => candidate.id === id);
            if (!column) return null;
            const on = index < shown.length;
            const name = column.header === 'max' ? `${column.title ?? ''}` : column.header;
            return (
              <li key={id}>
                <label title={column.title}>
                  <input
                    type="checkbox"
                    checked={on}
                    onChange={() => {
                      onChange(on ? shown.filter((item) => item !== id) : [...shown, id]);
                    }}
                  />
                  {name}
                </label>
                {on && (
                  <>
                    <IconButton
                      small
                      icon="up"
                      label={`Move ${name} left`}
                      disabled={index === 0}
                      onClick={() => {
                        move(index, index - 1);
                      }}
                    />
                    <IconButton
                      small
                      icon="down"
                      label={`Move ${name} right`}
                      disabled={index === shown.length - 1}
                      onClick={() => {
                        move(index, index + 1);
                      }}
                    />
                  </>
                )}
              </li>
            );
          })}
        </ul>
        <footer>
          {hidden.length > 0 && <p>As many as fit. With a choice of your own the table scrolls.</p>}
          <Button
            small
            look="bare"
            icon="reset"
            disabled={chosen === undefined}
            onClick={() => {
              onChange(undefined);
            }}
          >
            Back to the usual columns
          </Button>
        </footer>
      </div>
    </Popover>
  );
}

// What stands where data is not there: still loading, none, or refused.

import type { ReactNode } from 'react';

import { ApiError } from '@/api/client';

import { Button, CopyButton } from './controls';
import { Icon, type IconName } from './Icon';
import css from './states.module.css';

type SkeletonProps = {
  width?: string;
  height?: string;
  /** Without the sweep, which many at once would pay for in every frame. */
  still?: boolean;
};

export function Skeleton({ width = '100%', height = '1em', still }: SkeletonProps) {
  const className = still ? `${css.skeleton} ${css.still}` : css.skeleton;
  return <span className={className} style={{ width, height }} aria-hidden="true" />;
}

/** A block that is loading; says so to those who cannot see it. */
export function Loading({ label, height = '12rem' }: { label: string; height?: string }) {
  return (
    <div role="status">
      <span className="visually-hidden">Loading {label}</span>
      <Skeleton height={height} />
    </div>
  );
}

type StateProps = { icon?: IconName; title: string; children?: ReactNode; actions?: ReactNode };

export function Empty({ icon = 'table', title, children, actions }: StateProps) {
  return (
    <div className={css.state}>
      <Icon name={icon} size={32} />
      <h2>{title}</h2>
      {children}
      {actions}
    </div>
  );
}

/** An error with what the server said, and a way to try again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const title = error instanceof ApiError ? error.title : 'Something went wrong';
  const detail = error instanceof ApiError ? error.detail : String(error);
  return (
    <div className={css.state} role="alert">
      <Icon name="warn" size={32} />
      <h2>{title}</h2>
      {detail && <p>{detail}</p>}
      {onRetry && (
        <Button icon="reset" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** A command to run in a terminal. */
export function Command({ children }: { children: string }) {
  return (
    <div className={css.command}>
      <code>{children}</code>
      <CopyButton text={children} label={`Copy \`${children}\``} />
    </div>
  );
}

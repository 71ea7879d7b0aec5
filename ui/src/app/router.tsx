// The addresses of the screens. Each screen validates its own search parameters.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';

import { Failure, Loading } from '@/design/components/states';
import { leaderboardSearch } from '@/features/leaderboard/search';
import { runSearch } from '@/features/run/search';
import { traceSearch } from '@/features/trace/search';
import { parseSearch, stringifySearch } from '@/lib/search';

import { NotFound, Shell } from './Shell';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const leaderboard = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: leaderboardSearch,
  component: lazyRouteComponent(() => import('@/features/leaderboard/Leaderboard'), 'Leaderboard'),
});

const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  validateSearch: runSearch,
  component: lazyRouteComponent(() => import('@/features/run/Run'), 'Run'),
});

const trace = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId/traces/$traceId',
  validateSearch: traceSearch,
  component: lazyRouteComponent(() => import('@/features/trace/Trace'), 'Trace'),
});

export const makeRouter = () =>
  createRouter({
    routeTree: root.addChildren([leaderboard, run, trace]),
    parseSearch,
    stringifySearch,
    defaultPendingComponent: () => <Loading label="the page" height="60vh" />,
    defaultErrorComponent: ({ error, reset }) => <Failure error={error} onRetry={reset} />,
    scrollRestoration: true,
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
  });

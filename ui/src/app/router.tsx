// The addresses of the screens. Each screen validates its own search parameters.

import type { QueryClient } from '@tanstack/react-query';
import {
  createHashHistory,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';

import { dataFolder } from '@/api/bundle/where';
import {
  chartRuns,
  runDetail,
  runPerformance,
  runResults,
  runsPage,
  spokenSpans,
  trace as traceQuery,
} from '@/api/queries';
import { Failure, Loading } from '@/design/components/states';
import { compareSearch } from '@/features/compare/search';
import { chartFields } from '@/features/leaderboard/charted';
import { DEFAULT_SORT, filterQuery, leaderboardSearch } from '@/features/leaderboard/search';
import { runSearch } from '@/features/run/search';
import { traceSearch } from '@/features/trace/search';
import { parseSearch, stringifySearch } from '@/lib/search';

import { NotFound, Shell } from './Shell';

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Shell,
  notFoundComponent: NotFound,
});

// What a screen shows is asked for while its code is on its way. The screen shows what came of it, and asks for what is
// not foreseen here.

const leaderboard = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: leaderboardSearch,
  loader: ({ context: { queries }, location }) => {
    const search = leaderboardSearch(location.search);
    const filter = filterQuery(search);
    void queries.prefetchQuery(runsPage(filter, search.sort ?? DEFAULT_SORT, 1));
    if (search.tab) void queries.prefetchQuery(chartRuns(filter, chartFields(search)));
  },
  component: lazyRouteComponent(() => import('@/features/leaderboard/Leaderboard'), 'Leaderboard'),
});

const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  validateSearch: runSearch,
  loader: ({ context: { queries }, params: { runId }, location }) => {
    const { tab } = runSearch(location.search);
    void queries.prefetchQuery(runDetail(runId));
    if (tab === 'performance') void queries.prefetchQuery(runPerformance(runId));
    if (tab === 'performance' || tab === 'tests') void queries.prefetchQuery(runResults(runId));
  },
  component: lazyRouteComponent(() => import('@/features/run/Run'), 'Run'),
});

const trace = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId/traces/$traceId',
  validateSearch: traceSearch,
  loader: ({ context: { queries }, params: { runId, traceId }, location }) => {
    void queries.prefetchQuery(traceQuery(runId, traceId));
    void queries.prefetchQuery(runDetail(runId));
    if (traceSearch(location.search).tab === 'conversation') {
      void queries.prefetchQuery(spokenSpans(runId, traceId));
    }
  },
  component: lazyRouteComponent(() => import('@/features/trace/Trace'), 'Trace'),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: '/compare',
  validateSearch: compareSearch,
  component: lazyRouteComponent(() => import('@/features/compare/Compare'), 'Compare'),
});

const live = createRoute({
  getParentRoute: () => root,
  path: '/live',
  component: lazyRouteComponent(() => import('@/features/live/Live'), 'Live'),
});

export const makeRouter = (queries: QueryClient) =>
  createRouter({
    routeTree: root.addChildren([leaderboard, run, trace, compare, live]),
    context: { queries },
    // A host of files knows no addresses but the files': the screen is named behind the `#`.
    ...(dataFolder === null ? {} : { history: createHashHistory() }),
    parseSearch,
    stringifySearch,
    defaultPendingComponent: () => <Loading label="the page" height="60vh" />,
    defaultErrorComponent: ({ error, reset }) => <Failure error={error} onRetry={reset} />,
    scrollRestoration: true,
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
  });

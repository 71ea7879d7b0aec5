// The table of runs, apart from the charts that share the screen with it: each is loaded where it is shown.

import type { ComponentProps } from 'react';

import type { Run } from '@/api/types';
import { Grid } from '@/design/components/Grid';

export function RunsGrid(props: ComponentProps<typeof Grid<Run>>) {
  return <Grid<Run> {...props} />;
}

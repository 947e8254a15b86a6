/**
 * Named lists of measurements.
 *
 * In: a name. Out: what to run. `design` is everything that design section 12, rows 1 to 5, speaks
 * of (row 6 is `vectorpack.ts`); `quick` is the same programs on inputs of seconds, for a look.
 */
import { InputError } from '../core/errors.ts';

export interface Measurement {
  readonly case: string;
  readonly pods: number;
  readonly classes: number;
  readonly timeLimitS: number;
  readonly warm?: boolean;
  readonly peer?: boolean;
}

const design: readonly Measurement[] = [
  { case: 'even-mix', pods: 1000, classes: 60, timeLimitS: 5 },
  { case: 'skewed', pods: 1000, classes: 60, timeLimitS: 5, peer: true },
  { case: 'skewed-small-nodes', pods: 1000, classes: 60, timeLimitS: 5, peer: true },
  { case: 'constrained', pods: 10_000, classes: 200, timeLimitS: 5, warm: true },
  { case: 'skewed', pods: 50_000, classes: 300, timeLimitS: 5 },
  { case: 'constrained', pods: 50_000, classes: 300, timeLimitS: 5 },
  { case: 'constrained', pods: 100_000, classes: 300, timeLimitS: 5 },
  { case: 'even-mix', pods: 20, classes: 20, timeLimitS: 5, peer: true },
  { case: 'even-mix', pods: 100, classes: 99, timeLimitS: 5, peer: true },
  { case: 'even-mix', pods: 1000, classes: 120, timeLimitS: 5, peer: true },
  { case: 'even-mix-small-nodes', pods: 1000, classes: 120, timeLimitS: 5, peer: true },
  { case: 'complementary', pods: 1000, classes: 10, timeLimitS: 5, peer: true },
  { case: 'complementary-small-nodes', pods: 1000, classes: 10, timeLimitS: 5, peer: true },
  { case: 'awkward', pods: 1000, classes: 7, timeLimitS: 5, peer: true },
  { case: 'awkward-small-nodes', pods: 1000, classes: 7, timeLimitS: 5, peer: true },
  { case: 'zonal', pods: 1000, classes: 19, timeLimitS: 5, peer: true },
  { case: 'zonal-small-nodes', pods: 1000, classes: 19, timeLimitS: 5, peer: true },
  { case: 'pools', pods: 1000, classes: 60, timeLimitS: 5, peer: true },
  { case: 'pools-small-nodes', pods: 3000, classes: 60, timeLimitS: 5, peer: true },
  { case: 'gpu', pods: 8152, classes: 112, timeLimitS: 5, peer: true },
  { case: 'persona-ci-runners', pods: 400, classes: 14, timeLimitS: 5, peer: true },
  { case: 'persona-backfill', pods: 20, classes: 1, timeLimitS: 5, peer: true },
  { case: 'persona-spark', pods: 900, classes: 12, timeLimitS: 5, peer: true },
  { case: 'persona-ml-gpu', pods: 200, classes: 8, timeLimitS: 5, peer: true },
  { case: 'persona-event-queue', pods: 3000, classes: 2, timeLimitS: 5, peer: true },
  { case: 'persona-genomics', pods: 600, classes: 4, timeLimitS: 5, peer: true },
  { case: 'persona-interactive', pods: 30, classes: 8, timeLimitS: 5, peer: true },
  { case: 'persona-weekly-batch', pods: 10_000, classes: 80, timeLimitS: 5 },
  // Last, because Karpenter takes half a minute to two minutes on each seed.
  { case: 'even-mix', pods: 10_000, classes: 120, timeLimitS: 5, peer: true },
  { case: 'even-mix-small-nodes', pods: 5000, classes: 120, timeLimitS: 5, peer: true },
];

const quick: readonly Measurement[] = [
  { case: 'even-mix', pods: 100, classes: 40, timeLimitS: 1, peer: true },
  { case: 'complementary-small-nodes', pods: 100, classes: 10, timeLimitS: 1, peer: true },
  { case: 'zonal', pods: 100, classes: 19, timeLimitS: 1, peer: true },
  { case: 'constrained', pods: 500, classes: 40, timeLimitS: 1, warm: true },
];

const suites: ReadonlyMap<string, readonly Measurement[]> = new Map([
  ['design', design],
  ['quick', quick],
]);

/** @throws InputError when there is none of that name */
export function findSuite(name: string): readonly Measurement[] {
  const found = suites.get(name);
  if (found === undefined) {
    const names = [...suites.keys()].join(', ');
    throw new InputError(
      { field: '--suite' },
      `no suite ${JSON.stringify(name)}; expected ${names}`,
    );
  }
  return found;
}

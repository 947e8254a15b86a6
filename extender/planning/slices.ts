/**
 * Long work of the planner, without holding up the event loop.
 *
 * In: work in steps, a clock. Out: its result, after turns for everything else whenever a slice of
 * time is used up. On a simulated clock no time passes within the work, so that it is done at once.
 */
import type { Clock } from '../../core/ports.ts';
import type { Steps } from '../../core/steps.ts';

/** After so long others have their turn; a step that is longer is not cut. */
const sliceMs = 5;

/** Rejects with the signal's reason if that is aborted between two slices. */
export async function inSlices<Result>(
  steps: Steps<Result>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Result> {
  let startedMs = clock.monotonicMs();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (clock.monotonicMs() - startedMs < sliceMs) continue;
    await clock.sleep(0, signal);
    startedMs = clock.monotonicMs();
  }
}

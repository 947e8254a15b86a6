/**
 * Solvers that run in this thread, for tests on the virtual clock.
 *
 * In: a process of the simulated world. Out: the Solver port. The world stands still while they
 * compute; then the process sleeps as long as a solve takes, so that things happen meanwhile. Nothing
 * depends on the speed of the machine.
 */
import { firstFit } from '../../core/packing/first-fit.ts';
import { unprovenSolution } from '../../core/packing/unproven-solution.ts';
import type { Clock, Solver } from '../../core/ports.ts';
import type { VirtualClock } from '../../sim/virtual-clock.ts';
import type { ProcessPorts } from '../../sim/world.ts';
import { solveProblem } from '../../workers/solve-problem.ts';

/** As long as a small batch takes in the pool. */
const firstFitMs = 50;
/** What one look at the clock is said to cost the solver: bounds the work of a solve. */
const lookMs = 0.25;

/** Price-aware first-fit, unproven: fast. */
export function firstFitSolver({ clock }: Pick<ProcessPorts, 'clock'>): Solver {
  return {
    solve: async (problem, { seed }, signal) => {
      await clock.sleep(firstFitMs, signal);
      const how = { seed, wallMs: firstFitMs, stoppedBy: 'exhausted' } as const;
      return unprovenSolution(problem, firstFit(problem), how);
    },
  };
}

/** The real solver without its threads; its deadline is counted in looks at the clock. */
export function countingSolver(world: VirtualClock, { clock }: { readonly clock: Clock }): Solver {
  return {
    solve: async (problem, options, signal) => {
      let nowMs = 0;
      const answer = await world.hold(
        solveProblem(problem, options, {
          epochMs: () => {
            nowMs += lookMs;
            return nowMs;
          },
          aborted: () => signal?.aborted ?? false,
          progress: () => undefined,
          planPort: null,
          warm: null,
        }),
      );
      await clock.sleep(Math.min(nowMs, options.timeLimitMs), signal);
      return answer.solution;
    },
  };
}

/**
 * A plan that was found without a search, in the form of a solution.
 *
 * In: a problem, a plan for it, who made it and why nothing better. Out: a solution with the proof
 * `unproven`: nothing is claimed about its cost. It checks nothing.
 */
import type { FirstFitPlan } from './first-fit.ts';
import type { PackingProblem } from './problem.ts';
import type { PackingSolution, SolverStats } from './solution.ts';

export function unprovenSolution(
  problem: PackingProblem,
  plan: FirstFitPlan,
  how: Pick<SolverStats, 'seed' | 'wallMs' | 'stoppedBy'>,
): PackingSolution {
  return {
    ...plan,
    lowerBoundNano: 0,
    proof: 'unproven',
    certificate: null,
    stats: {
      classes: problem.classCount,
      offerings: problem.offeringCount,
      offeringsKept: problem.offeringCount,
      columns: 0,
      iterations: 0,
      phases: {},
      curve: [],
      ...how,
    },
  };
}

/**
 * How many pods of one class a bin can hold when nothing else is in it, as the bound reads it.
 *
 * In: a problem, an offering, a class and the pods of the class's family. Out: the `m` of the
 * certificate (`solution.ts`): by mask, by each resource alone, by demand. Checkers only: the solver
 * has its own.
 */
import { type PackingProblem, unlimitedPerBin } from './problem.ts';

/** Most pods of class `c` in a bin of `offering`, of `demand` there are; O(resources). */
export function mostPodsPerBin(
  problem: PackingProblem,
  offering: number,
  c: number,
  demand: number,
): number {
  const perBin = problem.boundMasks[problem.maskOf[offering]! * problem.classCount + c]!;
  let most = perBin === unlimitedPerBin ? demand : Math.min(perBin, demand);
  const resourceCount = problem.resourceNames.length;
  const requestRow = c * resourceCount;
  const capacityRow = offering * resourceCount;
  for (let r = 0; r < resourceCount && most > 0; r++) {
    const request = problem.boundRequest[requestRow + r]!;
    const capacity = problem.boundCapacity[capacityRow + r]!;
    // A product that rounds is beyond 2^53 and so beyond any capacity: the comparison holds.
    if (request * most > capacity) most = Math.floor(capacity / request);
  }
  return most;
}

/**
 * One answer of the solver, checked and written down.
 *
 * In: problem, solution, how long the call took. Out: the record for the result file. Plan, cost and
 * certificate are judged by `verifySolution`, which shares no code with the solver. The bounds of
 * the anytime curve are the solver's own floats; none counts for more than the certified last one.
 */
import type { PackingProblem } from '../core/packing/problem.ts';
import type { PackingSolution } from '../core/packing/solution.ts';
import {
  type UnprovenPlan,
  verifySolution,
  verifyUnprovenPlan,
} from '../core/packing/verify-solution.ts';
import { hashSolution } from './hash.ts';
import {
  curveOf,
  type FirstFitRecord,
  firstPlanMs,
  gapReachedMs,
  gapTargets,
  type SolveRecord,
} from './result.ts';

const maxViolationsKept = 5;

export function recordSolve(
  problem: PackingProblem,
  solution: PackingSolution,
  roundTripMs: number,
): SolveRecord {
  const verdict = verifySolution(problem, solution);
  const proven = verdict.ok && solution.proof !== 'unproven';
  const bound = proven ? solution.lowerBoundNano : 0;
  const stats = {
    ...solution.stats,
    curve: solution.stats.curve.map(
      ([ms, cost, claimed]) => [ms, cost, Math.min(claimed, bound)] as const,
    ),
  };
  const checked: PackingSolution = { ...solution, stats };
  const { costNano } = solution;
  return {
    cost: costNano / 1e9,
    lowerBound: bound / 1e9,
    gap: proven ? (costNano === 0 ? 0 : (costNano - bound) / costNano) : null,
    proof: solution.proof,
    stoppedBy: stats.stoppedBy,
    wallMs: round(stats.wallMs),
    roundTripMs: round(roundTripMs),
    firstPlanMs: firstPlanMs(checked),
    gapReachedMs: gapTargets.map((target) => gapReachedMs(checked, target)),
    nodes: countNodes(problem, solution),
    unserved: sum(solution.unserved),
    columns: stats.columns,
    iterations: stats.iterations,
    offeringsKept: stats.offeringsKept,
    phases: Object.fromEntries(Object.entries(stats.phases).map(([name, ms]) => [name, round(ms)])),
    solutionHash: hashSolution(solution),
    violations: violationsOf(verdict),
    curve: curveOf(stats),
  };
}

/** A plan without a proof; its cost counts only if it serves every pod that `served` does. */
export function recordFirstFit(
  problem: PackingProblem,
  plan: UnprovenPlan,
  served: PackingSolution,
  ms: number,
): FirstFitRecord {
  return {
    cost: sum(plan.unserved) <= sum(served.unserved) ? plan.costNano / 1e9 : null,
    nodes: countNodes(problem, plan),
    ms: round(ms),
    violations: planViolations(problem, plan),
  };
}

/** What is wrong with a plan that has no proof; empty is right. */
export function planViolations(problem: PackingProblem, plan: UnprovenPlan): readonly string[] {
  return violationsOf(verifyUnprovenPlan(problem, plan));
}

function violationsOf(verdict: ReturnType<typeof verifySolution>): readonly string[] {
  if (verdict.ok) return [];
  return verdict.violations
    .slice(0, maxViolationsKept)
    .map(({ code, message }) => `${code}: ${message}`);
}

/** Nodes that would be launched: bins of offerings that cost something. */
function countNodes(problem: PackingProblem, plan: Pick<UnprovenPlan, 'bins'>): number {
  return plan.bins.reduce(
    (count, bin) => count + (problem.priceNano[bin.offering]! > 0 ? bin.copies : 0),
    0,
  );
}

const sum = (values: Int32Array): number => values.reduce((a, b) => a + b, 0);

const round = (ms: number): number => Math.round(ms * 10) / 10;

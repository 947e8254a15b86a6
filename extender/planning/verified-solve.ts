/**
 * A solution that may be shown, whatever becomes of the solver.
 *
 * In: a problem and a way to have it solved. Out: the solver's answer if it passes the check that
 * shares no code with it; otherwise first-fit's, unproven, with a note that says why. A failure of the
 * solver is a bug of ours, unless it had no time to run: it is told aloud, and it does not leave the
 * user without a plan.
 */
import { InvariantError, OverloadError } from '../../core/errors.ts';
import { type FirstFitPlan, firstFit } from '../../core/packing/first-fit.ts';
import { karpenterStyleFirstFit } from '../../core/packing/karpenter-first-fit.ts';
import type { PackingProblem } from '../../core/packing/problem.ts';
import type { PackingSolution } from '../../core/packing/solution.ts';
import { unprovenSolution } from '../../core/packing/unproven-solution.ts';
import { verifySolution, verifyUnprovenPlan } from '../../core/packing/verify-solution.ts';
import type { Violation } from '../../core/packing/violation.ts';

export interface VerifiedSolution {
  readonly solution: PackingSolution;
  /** What the reader of the plan should know of how it came about. */
  readonly notes: readonly string[];
}

const standIn =
  "This is first-fit's plan: it obeys every rule, but nothing is proven about its cost.";

/**
 * @param complain is told, in one line, why the solver's plan is not used
 * @throws InvariantError if first-fit has to stand in and breaks a rule itself
 */
export async function solveVerified(
  problem: PackingProblem,
  solve: () => Promise<PackingSolution>,
  complain: (line: string) => void,
): Promise<VerifiedSolution> {
  let why: string;
  try {
    const solution = await solve();
    const status = verifySolution(problem, solution);
    if (status.ok) {
      const interrupted = 'Interrupted: this is the best plan and the best bound up to then.';
      return { solution, notes: solution.stats.stoppedBy === 'aborted' ? [interrupted] : [] };
    }
    why = describeViolations(status);
  } catch (error) {
    if (error instanceof OverloadError) {
      complain(`the machine is overloaded: the solver gave ${error.message}`);
      const note = `The machine is overloaded (the solver gave ${error.message}). ${standIn}`;
      return { solution: firstFitSolution(problem, 'deadline'), notes: [note] };
    }
    why = firstLine(error instanceof Error ? error.message : String(error));
  }
  complain(`this is a bug, please report it: the solver's plan is not used: ${why}`);
  const note = `The solver failed (${why}), which is a bug. ${standIn}`;
  return { solution: firstFitSolution(problem, 'exhausted'), notes: [note] };
}

/** What price-blind first-fit would cost; null if it leaves out pods that the solution places. */
export function firstFitCostNano(
  problem: PackingProblem,
  solution: PackingSolution,
): number | null {
  const { unserved, costNano } = karpenterStyleFirstFit(problem);
  return unserved.every((count, family) => count <= solution.unserved[family]!) ? costNano : null;
}

function firstFitSolution(
  problem: PackingProblem,
  stoppedBy: 'deadline' | 'exhausted',
): PackingSolution {
  const plan = betterOf(firstFit(problem), karpenterStyleFirstFit(problem));
  const status = verifyUnprovenPlan(problem, plan);
  if (!status.ok) {
    throw new InvariantError(`first-fit broke a rule: ${describeViolations(status)}`);
  }
  return unprovenSolution(problem, plan, { seed: 0, wallMs: 0, stoppedBy });
}

/** The second only if it is cheaper and no family fares worse with it. */
function betterOf(one: FirstFitPlan, other: FirstFitPlan): FirstFitPlan {
  const isAsFull = other.unserved.every((count, family) => count <= one.unserved[family]!);
  return isAsFull && other.costNano < one.costNano ? other : one;
}

function describeViolations({ violations }: { readonly violations: readonly Violation[] }): string {
  return violations.map(({ code, message }) => `${code}: ${message}`).join('; ');
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

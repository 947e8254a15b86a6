/**
 * Runs the whole solver in this thread and holds its answer against everything else that can tell.
 *
 * In: a problem and options. Out: the solution; a list of flaws, empty for a sound answer. The judges
 * are the verifier, the certificate checker, first-fit and (for tiny problems) brute force: none of
 * them shares code with the solver.
 */
import { checkCertificate } from '../../core/packing/certificate.ts';
import { firstFit } from '../../core/packing/first-fit.ts';
import type { PackingProblem } from '../../core/packing/problem.ts';
import type { PackingSolution, SolveOptions } from '../../core/packing/solution.ts';
import { verifySolution } from '../../core/packing/verify-solution.ts';
import { type SolveEnvironment, solveProblem } from '../../workers/solve-problem.ts';
import { bruteForceCost } from './brute-force.ts';

/** Until the gap is closed or the search runs dry; the clock is only a guard. */
export const defaultOptions: SolveOptions = {
  gap: 0,
  timeLimitMs: 20_000,
  seed: 1,
  threads: 1,
  master: 'glpk',
};

const environment: SolveEnvironment = {
  epochMs: () => performance.timeOrigin + performance.now(),
  aborted: () => false,
  progress: () => undefined,
  planPort: null,
  warm: null,
};

/** Solves in this thread; `changes` override the default environment. */
export function solveHere(
  problem: PackingProblem,
  options: Partial<SolveOptions> = {},
  changes: Partial<SolveEnvironment> = {},
): Promise<PackingSolution> {
  return solveProblem(
    problem,
    { ...defaultOptions, ...options },
    { ...environment, ...changes },
  ).then(({ solution }) => solution);
}

/**
 * A clock that moves on by one millisecond whenever it is read. The solver reads it between pieces
 * of work, so that a time limit becomes a budget of work: the same on every machine, under any load.
 */
export function countingClock(): () => number {
  let now = 0;
  return () => now++;
}

/** Milliseconds of processor time that this process has used: a clock that a busy machine cannot turn. */
export function processorClock(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** [family] pods that a plan places. */
export function servedBy(
  problem: PackingProblem,
  { unserved }: { unserved: Int32Array },
): Int32Array {
  return problem.demand.map((pods, family) => pods - unserved[family]!);
}

/** What is wrong with a solution; `optimum` says whether to ask brute force as well. */
export function findSolutionFlaws(
  problem: PackingProblem,
  solution: PackingSolution,
  optimum: 'brute-force' | 'unknown',
): string[] {
  const flaws: string[] = [];
  const { costNano, lowerBoundNano, certificate, proof } = solution;
  const status = verifySolution(problem, solution);
  if (!status.ok)
    flaws.push(...status.violations.map(({ code, message }) => `${code}: ${message}`));
  if (lowerBoundNano > costNano) flaws.push(`bound ${lowerBoundNano} above cost ${costNano}`);
  if (certificate !== null) {
    const verdict = checkCertificate(problem, certificate);
    if (!verdict.ok) flaws.push(`certificate: ${verdict.reasons[0]!.message}`);
    else if (proof === 'certified' && verdict.lowerBoundNano !== lowerBoundNano)
      flaws.push(`certificate proves ${verdict.lowerBoundNano}, published is ${lowerBoundNano}`);
  }
  const fallback = firstFit(problem);
  if (servesLess(problem, solution.unserved, fallback.unserved))
    flaws.push('first-fit serves more pods, or more important ones');
  else if (fallback.unserved.every((pods, family) => pods === solution.unserved[family]!)) {
    if (lowerBoundNano > fallback.costNano)
      flaws.push(`bound ${lowerBoundNano} above first-fit's ${fallback.costNano}`);
    const [ours, theirs] = [steeredCost(problem, solution), steeredCost(problem, fallback)];
    if (ours > theirs) flaws.push(`steered cost ${ours} above first-fit's ${theirs}`);
  }
  if (optimum === 'brute-force') {
    const best = bruteForceCost(problem, servedBy(problem, solution));
    if (best === undefined) flaws.push('brute force finds no plan for the pods served');
    else {
      if (lowerBoundNano > best) flaws.push(`bound ${lowerBoundNano} above the optimum ${best}`);
      if (costNano < best) flaws.push(`cost ${costNano} below the optimum ${best}`);
      if (proof === 'optimal' && costNano !== best)
        flaws.push(`called optimal at ${costNano}, the optimum is ${best}`);
    }
  }
  return flaws;
}

/** Whether `a` leaves more pods out than `b` at the highest priority at which they differ. */
function servesLess({ priority }: PackingProblem, a: Int32Array, b: Int32Array): boolean {
  const levels = [...new Set(priority)].sort((x, y) => y - x);
  for (const level of levels) {
    const extra = a.reduce(
      (sum, pods, family) => sum + (priority[family] === level ? pods - b[family]! : 0),
      0,
    );
    if (extra !== 0) return extra > 0;
  }
  return false;
}

/** Price with steering: what the search minimises. */
export function steeredCost(
  problem: PackingProblem,
  { bins }: Pick<PackingSolution, 'bins'>,
): number {
  return bins.reduce(
    (sum, { offering, copies }) =>
      sum + copies * (problem.priceNano[offering]! + problem.steerNano[offering]!),
    0,
  );
}

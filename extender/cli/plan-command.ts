/**
 * `stowage plan`: manifests in, the cheapest verified nodes out.
 *
 * In: parsed options. Out: the plan on standard output or in a file, and the exit code. This is the
 * way of the data on one screen: read, model, solve, verify, name, show. Nothing here decides
 * anything; every stage is its own module.
 */

import { setTimeout } from 'node:timers/promises';
import { InvariantError } from '../../core/errors.ts';
import { firstFit } from '../../core/packing/first-fit.ts';
import { karpenterStyleFirstFit } from '../../core/packing/karpenter-first-fit.ts';
import type { Plan } from '../../core/packing/plan.ts';
import { makePlan } from '../../core/packing/plan-nodes.ts';
import type { PackingProblem } from '../../core/packing/problem.ts';
import type { PackingSolution, SolveOptions } from '../../core/packing/solution.ts';
import { verifySolution, verifyUnprovenPlan } from '../../core/packing/verify-solution.ts';
import type { Violation } from '../../core/packing/violation.ts';
import { createSolverPool, type SolverPool } from '../../workers/pool.ts';
import { writeAnswer } from './answer.ts';
import { type PlanningInput, readPlanningInput } from './planning-input.ts';
import { priceNotes } from './price-notes.ts';
import type { PlanCommandOptions } from './program.ts';
import { startProgressLine } from './progress-line.ts';
import { tableStyle } from './table-style.ts';

/** Longest wait for worker threads to end once the answer is there; they need milliseconds. */
const poolCloseMs = 2000;

/** 0 if every pod has a place, 2 if some have none. @throws InputError for wrong input */
export async function runPlan(options: PlanCommandOptions): Promise<number> {
  const input = await readPlanningInput(options, {
    nodeCostNano: options.nodeCostNano,
    riskNano: ({ capacityType, priceNano }) =>
      capacityType === 'spot' ? Math.round(priceNano * options.spotPremium) : 0,
  });
  const { problem } = input.model;
  const { solution, notes } = await solveVerified(problem, options);
  const bought = solution.bins.flatMap(({ offering }) => {
    const one = input.model.offerings[offering];
    return one?.kind === 'new' ? one : [];
  });
  const plan = makePlan(input.snapshot, input.model, solution, {
    firstFitNano: firstFitCost(problem, solution),
    notes: [...notes, ...input.notes, ...priceNotes(input.catalogue, bought)],
  });
  await writeAnswer(await render(plan, input, options), options.out);
  return plan.unschedulable.length === 0 ? 0 : 2;
}

interface VerifiedSolution {
  readonly solution: PackingSolution;
  readonly notes: readonly string[];
}

/** The solver's plan if it passes its check; otherwise first-fit's, and the reason why. */
async function solveVerified(
  problem: PackingProblem,
  { gap, timeLimitMs, seed, threads, master }: SolveOptions,
): Promise<VerifiedSolution> {
  const pool = createSolverPool({ threads });
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  // Only the first Ctrl-C asks for the best plan so far; the second one ends the process.
  process.once('SIGINT', onInterrupt);
  const line = startProgressLine(process.stderr);
  try {
    const options = { gap, timeLimitMs, seed, threads, master };
    const solution = await pool.solve(problem, options, interrupt.signal, line.onProgress);
    const status = verifySolution(problem, solution);
    if (!status.ok) return fallBack(problem, seed, describeViolations(status));
    const interrupted = 'Interrupted: this is the best plan and the best bound up to then.';
    return { solution, notes: solution.stats.stoppedBy === 'aborted' ? [interrupted] : [] };
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    return fallBack(problem, seed, errorLine(error));
  } finally {
    line.stop();
    process.removeListener('SIGINT', onInterrupt);
    await closeWithin(pool, poolCloseMs);
  }
}

/** A thread that hangs must not keep the answer back; the process ends without it. */
async function closeWithin(pool: SolverPool, limitMs: number): Promise<void> {
  const limit = new AbortController();
  await Promise.race([
    pool.close(),
    setTimeout(limitMs, undefined, { signal: limit.signal }).catch(() => undefined),
  ]);
  limit.abort();
}

/** First-fit instead of a plan that must not be shown. @throws InvariantError if it fails as well */
function fallBack(problem: PackingProblem, seed: number, why: string): VerifiedSolution {
  process.stderr.write(`stowage: a bug, please report it: the solver's plan is not used: ${why}\n`);
  const plan = firstFit(problem);
  const status = verifyUnprovenPlan(problem, plan);
  if (!status.ok) {
    throw new InvariantError(`first-fit broke a rule: ${describeViolations(status)}`);
  }
  const solution: PackingSolution = {
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
      wallMs: 0,
      phases: {},
      seed,
      stoppedBy: 'exhausted',
      curve: [],
    },
  };
  const note = `The solver failed (${why}), which is a bug. This is first-fit's plan: it obeys every rule, but nothing is proven about its cost.`;
  return { solution, notes: [note] };
}

function errorLine(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line;
}

function describeViolations(status: { readonly violations: readonly Violation[] }): string {
  return status.violations.map(({ message }) => message).join('; ');
}

/** What price-blind first-fit would cost; null if it leaves out pods that the plan places. */
function firstFitCost(problem: PackingProblem, solution: PackingSolution): number | null {
  const { unserved, costNano } = karpenterStyleFirstFit(problem);
  return unserved.every((count, family) => count <= solution.unserved[family]!) ? costNano : null;
}

async function render(
  plan: Plan,
  { snapshot, model }: PlanningInput,
  { output, out }: PlanCommandOptions,
): Promise<Iterable<string>> {
  if (output === 'json') {
    return (await import('../output/plan-json.ts')).planJsonChunks(plan);
  }
  const [{ drawPlan }, { drawingFacts }] = await Promise.all([
    import('../output/plan-drawing.ts'),
    import('../output/drawing-facts.ts'),
  ]);
  const drawing = drawPlan(plan, drawingFacts(snapshot, model, plan));
  if (output === 'html') {
    return (await import('../output/plan-html.ts')).planHtmlChunks(plan, drawing);
  }
  const { renderPlanTable } = await import('../output/plan-table.ts');
  return [renderPlanTable(plan, drawing, tableStyle(out))];
}

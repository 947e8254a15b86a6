/**
 * `stowage plan`: manifests in, the cheapest verified nodes out.
 *
 * In: parsed options. Out: the plan on standard output or in a file, and the exit code. This is the
 * way of the data on one screen: read, model, solve, verify, name, show. Nothing here decides
 * anything; every stage is its own module.
 */
import { setTimeout } from 'node:timers/promises';
import type { Plan } from '../../core/packing/plan.ts';
import { makePlan } from '../../core/packing/plan-nodes.ts';
import type { PackingProblem } from '../../core/packing/problem.ts';
import type { SolveOptions } from '../../core/packing/solution.ts';
import { createSolverPool, type SolverPool } from '../../workers/pool.ts';
import { offeringRisk } from '../planning/offering-risk.ts';
import {
  firstFitCostNano,
  solveVerified,
  type VerifiedSolution,
} from '../planning/verified-solve.ts';
import { checkDestination, writeAnswer } from './answer.ts';
import { type PlanningInput, readPlanningInput } from './planning-input.ts';
import { overlayPriceNotes, priceNotes } from './price-notes.ts';
import type { PlanCommandOptions } from './program.ts';
import { startProgressLine } from './progress-line.ts';
import { tableStyle } from './table-style.ts';

/** Longest wait for worker threads to end once the answer is there; they need milliseconds. */
const poolCloseMs = 2000;

/** 0 if every pod has a place, 2 if some have none. @throws InputError for wrong input */
export async function runPlan(options: PlanCommandOptions): Promise<number> {
  await checkDestination(options.out);
  const input = await readPlanningInput(options, {
    nodeCostNano: options.nodeCostNano,
    riskNano: offeringRisk({ spotPremium: options.spotPremium, bareMetalPremium: 0 }),
  });
  const { problem } = input.model;
  const { solution, notes } = await solve(problem, options);
  const bought = solution.bins.flatMap(({ offering }) => {
    const one = input.model.offerings[offering];
    return one?.kind === 'new' ? one : [];
  });
  const plan = makePlan(input.snapshot, input.model, solution, {
    firstFitNano: firstFitCostNano(problem, solution),
    notes: [
      ...notes,
      ...input.notes,
      ...priceNotes(input.catalogue, bought),
      ...overlayPriceNotes(bought),
    ],
  });
  await writeAnswer(await render(plan, input, options), options.out);
  return plan.unschedulable.length === 0 ? 0 : 2;
}

/** The pool's life, Ctrl-C and the progress line around one verified solve. */
async function solve(
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
    return await solveVerified(
      problem,
      () => pool.solve(problem, options, interrupt.signal, line.onProgress),
      (complaint) => process.stderr.write(`stowage: ${complaint}\n`),
    );
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

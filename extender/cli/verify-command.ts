/**
 * `stowage verify`: is a plan true for these manifests?
 *
 * In: the plan's file and the options that it was made with. Out: a verdict on standard output, and
 * exit code 0 if the plan holds, 1 if it does not. No solver is loaded.
 */
import { InputError } from '../../core/errors.ts';
import { reviewPlan } from '../../core/packing/plan-review.ts';
import { formatCount, formatPercent, formatUsd } from '../output/plan-summary.ts';
import { writeAnswer } from './answer.ts';
import { readPlan } from './plan-file.ts';
import { readPlanningInput } from './planning-input.ts';
import type { ModelCommandOptions } from './program.ts';

/** @throws InputError if the manifests or the plan cannot be read */
export async function runVerify(planFile: string, options: ModelCommandOptions): Promise<number> {
  if (planFile === '-' && options.filename.includes('-')) {
    throw new InputError({ file: '-' }, 'the plan and the manifests cannot both be standard input');
  }
  const plan = await readPlan(planFile);
  const { snapshot, model } = await readPlanningInput(options);
  const review = reviewPlan(snapshot, model, plan);
  if (review.violations.length > 0) {
    const more = review.omitted > 0 ? [`and ${review.omitted} more`] : [];
    const lines = review.violations.map(({ code, message }) => `${code}: ${message}`);
    await writeAnswer(['The plan does not hold.\n', ...toLines([...lines, ...more])], undefined);
    return 1;
  }
  const { perHour, provenBound } = review;
  const pods = formatCount(snapshot.pods.length, 'pod');
  const nodes = formatCount(plan.nodes.length, 'new node');
  const lines = [
    `The plan holds: ${pods} accounted for, ${nodes}, every rule obeyed.`,
    `Cost   ${formatUsd(perHour)} per hour, as stated.`,
    boundLine(plan.cost.proof, perHour, provenBound, plan.cost.lowerBound),
  ];
  await writeAnswer(toLines(lines), undefined);
  return 0;
}

function boundLine(proof: string, perHour: number, proven: number, stated: number): string {
  if (proof === 'unproven') return 'Bound  none is claimed.';
  const gap = perHour === 0 ? 0 : (perHour - proven) / perHour;
  const line = `Bound  ${formatUsd(proven)} per hour, re-computed from the certificate in integers; gap ${formatPercent(gap)}.`;
  return proof === 'optimal' && proven < stated
    ? `${line} That the plan is optimal rests on the solver's exhaustive search, which is not repeated here.`
    : line;
}

function toLines(lines: readonly string[]): string[] {
  return lines.map((line) => `${line}\n`);
}

/**
 * `stowage verify`: is a plan true for these manifests?
 *
 * In: the plan's file and the options that it was made with. Out: a verdict on standard output, and
 * exit code 0 if the plan holds, 1 if it does not. It is asked twice: by the manifests as they are
 * written, and by the packing model made of them; two answers that differ are a bug of ours. No solver
 * is loaded.
 */
import { InputError } from '../../core/errors.ts';
import type { Plan } from '../../core/packing/plan.ts';
import { reviewPlan } from '../../core/packing/plan-review.ts';
import {
  type PlanVerdict,
  type UnrefutedOptimality,
  verifyPlan,
} from '../../core/packing/verify-plan.ts';
import { formatCount, formatPercent, formatUsd } from '../output/plan-summary.ts';
import { writeAnswer } from './answer.ts';
import { readPlan } from './plan-file.ts';
import { type PlanningInput, readPlanningInput } from './planning-input.ts';
import type { ModelCommandOptions } from './program.ts';

/** @throws InputError if the manifests or the plan cannot be read */
export async function runVerify(planFile: string, options: ModelCommandOptions): Promise<number> {
  if (planFile === '-' && options.filename.includes('-')) {
    throw new InputError({ file: '-' }, 'the plan and the manifests cannot both be standard input');
  }
  const plan = await readPlan(planFile);
  const input = await readPlanningInput(options);
  const verdict = verifyPlan({ ...input, plan });
  const objections = listObjections(verdict, input, plan);
  const holds = objections.length === 0;
  const lines = holds ? praise(verdict, input, plan) : ['The plan does not hold.', ...objections];
  await writeAnswer([`${lines.join('\n')}\n`], undefined);
  return holds ? 0 : 1;
}

function listObjections(
  verdict: PlanVerdict,
  { snapshot, model }: PlanningInput,
  plan: Plan,
): string[] {
  if (verdict.findings.length > 0) {
    const more = verdict.omitted > 0 ? [`and ${verdict.omitted} more`] : [];
    const lines = verdict.findings.map(
      ({ code, object, message }) => `${code}: ${object}: ${message}`,
    );
    return [...lines, ...more];
  }
  const { violations } = reviewPlan(snapshot, model, plan);
  if (violations.length === 0) return [];
  return [
    'It obeys the manifests as they are written, but not the packing model made of them, which is',
    'stricter than it should be or was made with other options; if the options are the same, this is',
    'a bug in stowage, please report it.',
    ...violations.map(({ code, message }) => `${code}: ${message}`),
  ];
}

function praise(
  { perHour, provenBound, optimality }: PlanVerdict,
  { snapshot }: PlanningInput,
  { nodes, cost }: Plan,
): string[] {
  const pods = formatCount(snapshot.pods.length, 'pod');
  return [
    `The plan holds: ${pods} accounted for, ${formatCount(nodes.length, 'new node')}, every rule obeyed.`,
    `Cost   ${formatUsd(perHour)} per hour, as stated.`,
    boundLine(cost, perHour, provenBound),
    ...(optimality === undefined ? [] : [`Proof  ${optimalityText(optimality)}`]),
  ];
}

function boundLine(cost: Plan['cost'], perHour: number, proven: number): string {
  if (cost.proof === 'unproven') return 'Bound  none is claimed.';
  const gap = perHour === 0 ? 0 : (perHour - proven) / perHour;
  return `Bound  ${formatUsd(proven)} per hour, re-computed from the certificate in integers; gap ${formatPercent(gap)}.`;
}

function optimalityText(check: UnrefutedOptimality): string {
  switch (check.outcome) {
    case 'proven':
      return 'the plan is optimal: an exhaustive search of its own finds nothing cheaper.';
    case 'proven-in-model':
      return 'the plan is optimal among those that ask for whole MiB and hold in whatever order pods are bound; others were not ruled out.';
    case 'not-proven':
      return `that the plan is optimal rests on the solver's exhaustive search; it was not re-proven here: ${check.reason}.`;
  }
}

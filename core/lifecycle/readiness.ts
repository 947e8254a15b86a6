/**
 * The conditions of a NodeClaim as a whole: three steps and what they sum up to.
 *
 * In: a claim, what is now the case. Out: the updates to be written, with the `Ready` that follows
 * from Launched, Registered and Initialized as Karpenter's status library has it. A step once taken is
 * never taken back, whoever comes late with an older view.
 */
import {
  type ConditionUpdate,
  conditionOf,
  type HasConditions,
  isTrue,
} from '../api/conditions.ts';

const steps: readonly string[] = ['Launched', 'Registered', 'Initialized'];

/** `updates` without those that would take a step back, and with `Ready`. */
export function readinessUpdates(
  claim: HasConditions,
  updates: readonly ConditionUpdate[],
): readonly ConditionUpdate[] {
  const kept = updates.filter(
    ({ type, status }) => !(steps.includes(type) && status !== 'True' && isTrue(claim, type)),
  );
  const open = steps.flatMap((step) => {
    const status =
      kept.find(({ type }) => type === step)?.status ?? conditionOf(claim, step)?.status;
    return status === 'True' ? [] : [[step, status ?? 'Unknown'] as const];
  });
  if (open.length === 0) return [...kept, { type: 'Ready', status: 'True' }];
  const isFailed = open.some(([, status]) => status === 'False');
  const ready: ConditionUpdate = {
    type: 'Ready',
    status: isFailed ? 'False' : 'Unknown',
    reason: isFailed ? 'UnhealthyDependents' : 'ReconcilingDependents',
    message: open.map(([step, status]) => `${step}=${status}`).join(', '),
  };
  return [...kept, ready];
}

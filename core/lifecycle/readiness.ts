/**
 * The conditions of a NodeClaim as a whole: three steps and what they sum up to.
 *
 * In: conditions, what is now the case. Out: the list to be written, with `Ready` following from
 * Launched, Registered and Initialized as Karpenter's status library has it. A step once taken is
 * never taken back, whoever writes late. The same array comes back if nothing changes.
 */
import { type ConditionUpdate, withConditions } from '../api/conditions.ts';
import type { Condition } from '../api/kubernetes.ts';

const steps = ['Launched', 'Registered', 'Initialized'] as const;

/** `conditions` with the updates and the `Ready` that follows from them. */
export function withReadiness(
  conditions: readonly Condition[],
  updates: readonly ConditionUpdate[],
  observedGeneration: number | undefined,
  nowMs: number,
): readonly Condition[] {
  const isTaken = ({ type, status }: ConditionUpdate): boolean =>
    status !== 'True' &&
    steps.some((step) => step === type) &&
    conditions.some((one) => one.type === type && one.status === 'True');
  const kept = updates.filter((update) => !isTaken(update));
  const next = withConditions(conditions, kept, observedGeneration, nowMs);
  return withConditions(next, [readyOf(next)], observedGeneration, nowMs);
}

function readyOf(conditions: readonly Condition[]): ConditionUpdate {
  const statuses = steps.map(
    (step) => [step, conditions.find(({ type }) => type === step)?.status ?? 'Unknown'] as const,
  );
  const open = statuses.filter(([, status]) => status !== 'True');
  if (open.length === 0) return { type: 'Ready', status: 'True' };
  const isFailed = open.some(([, status]) => status === 'False');
  return {
    type: 'Ready',
    status: isFailed ? 'False' : 'Unknown',
    reason: isFailed ? 'UnhealthyDependents' : 'ReconcilingDependents',
    message: open.map(([step, status]) => `${step}=${status}`).join(', '),
  };
}

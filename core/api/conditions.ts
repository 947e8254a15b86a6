/**
 * Conditions of an object's status, as Karpenter keeps them.
 *
 * In: conditions, what is now the case. Out: the list to be written, the same array if nothing has
 * changed, so that callers can tell. A condition keeps its time of transition until its status
 * changes. It writes nothing.
 */
import type { Condition } from './kubernetes.ts';

/** What is to be said. Reason and message follow the type where there is nothing to add. */
export interface ConditionUpdate {
  readonly type: string;
  readonly status: Condition['status'];
  readonly reason?: string;
  readonly message?: string;
}

/** Anything that has conditions. */
export interface HasConditions {
  readonly status?: { readonly conditions?: readonly Condition[] | undefined } | undefined;
}

/** The condition of that type, undefined if it was never set. */
export function conditionOf(object: HasConditions, type: string): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

/** True only while the condition is set and its status is `True`. */
export function isTrue(object: HasConditions, type: string): boolean {
  return conditionOf(object, type)?.status === 'True';
}

/**
 * `conditions` with the updates carried out. Unmentioned conditions stay; equal ones are kept as they
 * are. The same array comes back if nothing changes.
 */
export function withConditions(
  conditions: readonly Condition[],
  updates: readonly ConditionUpdate[],
  observedGeneration: number | undefined,
  nowMs: number,
): readonly Condition[] {
  let result: Condition[] | undefined;
  for (const update of updates) {
    const list = result ?? conditions;
    const index = list.findIndex(({ type }) => type === update.type);
    const previous = list[index];
    const next = conditionFrom(update, previous, observedGeneration, nowMs);
    if (next === previous) continue;
    result ??= [...conditions];
    if (index < 0) result.push(next);
    else result[index] = next;
  }
  return result ?? conditions;
}

function conditionFrom(
  { type, status, reason = type, message = '' }: ConditionUpdate,
  previous: Condition | undefined,
  observedGeneration: number | undefined,
  nowMs: number,
): Condition {
  if (
    previous?.status === status &&
    previous.reason === reason &&
    (previous.message ?? '') === message &&
    previous.observedGeneration === observedGeneration
  ) {
    return previous;
  }
  return {
    type,
    status,
    reason,
    message,
    lastTransitionTime:
      previous?.status === status && previous.lastTransitionTime !== undefined
        ? previous.lastTransitionTime
        : new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  };
}

/**
 * Whether the nodes of a NodePool make it into the cluster.
 *
 * In: how the last launches of a pool ended, what its condition said before. Out: the condition
 * `NodeRegistrationHealthy`, which only informs. It is False when half of the last four have failed,
 * and unknown again when the pool or its node class changes (Karpenter). The outcomes themselves are
 * in no object: after a restart the condition is all that is remembered of them.
 */
import { type ConditionUpdate, conditionOf } from '../api/conditions.ts';
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import type { NodePool } from '../api/nodepool.ts';

const conditionType = 'NodeRegistrationHealthy';
/** Outcomes that are looked at. */
const outcomesMax = 4;
/** So many failures among them make the pool unhealthy. */
const failuresMin = 2;

/** Oldest first: whether a node registered. */
export type RegistrationOutcomes = readonly boolean[];

/** The outcomes with one more. */
export function withOutcome(
  outcomes: RegistrationOutcomes,
  hasRegistered: boolean,
): RegistrationOutcomes {
  return [...outcomes, hasRegistered].slice(-outcomesMax);
}

/** Outcomes that would have led to what the pool says: for a start without memory. */
export function outcomesBefore(pool: NodePool): RegistrationOutcomes {
  const status = conditionOf(pool, conditionType)?.status;
  if (status === 'True') return [true];
  return status === 'False' ? Array.from({ length: failuresMin }, () => false) : [];
}

/** True if what was learnt concerns another pool or node class than this one: forget it. */
export function isOutdated(pool: NodePool, nodeClass: EC2NodeClass | undefined): boolean {
  const before = conditionOf(pool, conditionType);
  const observedClass = pool.status?.nodeClassObservedGeneration;
  return (
    before === undefined ||
    before.observedGeneration !== pool.metadata.generation ||
    (nodeClass !== undefined && observedClass !== nodeClass.metadata.generation)
  );
}

/** The condition as it should be. */
export function registrationHealth(outcomes: RegistrationOutcomes): ConditionUpdate {
  if (outcomes.length === 0) {
    return {
      type: conditionType,
      status: 'Unknown',
      reason: 'AwaitingReconciliation',
      message: 'no node of it has been launched since it was changed',
    };
  }
  const failures = outcomes.filter((hasRegistered) => !hasRegistered).length;
  return failures >= failuresMin
    ? {
        type: conditionType,
        status: 'False',
        reason: 'RegistrationFailed',
        message: 'Failed to register node',
      }
    : { type: conditionType, status: 'True' };
}
